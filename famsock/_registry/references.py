"""Checks of what a family's description names: each reference is imported and must fit.

A family that is registered by hand or by a plugin's hook is checked so, and in `famsock doctor` and
the conformance kit every family is. A `Family` that an entry point names is not, when a socket of
it is opened: that would import all that the description is there to defer.
"""

from __future__ import annotations

from typing import Any

from famsock import control, options
from famsock._definitions import constants_of, rows_of
from famsock._lazy import PluginError, load_part
from famsock._resolver import Resolver
from famsock._sockets import socket
from famsock.family import Family, Protocol, Served

_NO_METHODS = ("socket", "ioctl")


def check_references(family: Family) -> None:
    """Raise PluginError if something that ``family`` names is missing or not what it must be.

    A family that is not for this platform is passed over: its modules need not import here.
    """
    if not family.here:
        return
    constants = constants_of(family.name, family.constants)
    value = constants.get(family.name)
    if value not in (None, family.number):
        raise PluginError(
            f"{family.name}: constants must give {family.name} the family's number "
            f"{family.number}, not {value!r}"
        )
    if isinstance(family.constants, str) and not constants:
        raise PluginError(
            f"{family.name}: constants must name constants; {family.constants} has none"
        )
    _check_rows(family.name, family)
    for protocol in family.protocols:
        _check_protocol(family, protocol)


def _check_protocol(family: Family, protocol: Protocol) -> None:
    served = Served(family, protocol, lambda _: None)
    if protocol.address is not None:
        _ = served.codec.address_class
    layout = served.codec.load_layout()
    if layout is not None and layout.usual is not None:
        wanted = "a function"
        usual = load_part(served, "layout's usual", wanted, layout.usual)
        _refuse_unless(callable(usual), served, "layout's usual", wanted, layout.usual, usual)
    _check_rows(str(served), protocol)
    if protocol.resolver is not None:
        wanted = "a Resolver"
        resolver = load_part(served, "resolver", wanted, protocol.resolver)
        fits = isinstance(resolver, Resolver)
        _refuse_unless(fits, served, "resolver", wanted, protocol.resolver, resolver)
    for reference in protocol.selftests.values():
        wanted = "a function that returns a context manager"
        selftest = load_part(served, "selftest", wanted, reference)
        _refuse_unless(callable(selftest), served, "selftest", wanted, reference, selftest)
    for kind in protocol.types:
        _check_class(served, kind)
    _check_hints(served)


def _check_rows(owner: str, description: Family | Protocol) -> None:
    """Refuse options and control messages that are others, or of which a name stands for none."""
    for field, collect, kind in (
        ("options", options.collect, options.Option),
        ("control", control.collect, control.ControlType),
    ):
        given = getattr(description, field)
        for reference in (given,) if isinstance(given, str) else given:
            found = rows_of(owner, field, reference, collect, kind)
            if isinstance(reference, str) and not found:
                raise PluginError(
                    f"{owner}: {field} must name {kind.__name__} rows; {reference} has none"
                )


def _check_class(served: Served, kind: int) -> None:
    """Refuse a class that is not one for sockets of the protocol and this type."""
    cls, protocol = served.socket_class(kind), served.protocol
    if cls is None:
        return
    wanted = (
        f"a subclass of famsock.socket for family={served.family.number}, type={int(kind)}, "
        f"proto={protocol.number}"
    )
    own = getattr(cls, "_kind", None)
    fits = issubclass(cls, socket) and own is not None
    if own is not None:
        number, types, proto = own
        fits = fits and number == served.family.number and kind in types
        fits = fits and proto in (None, protocol.number)
    _refuse_unless(fits, served, "socket", wanted, protocol.socket, cls)


def _check_hints(served: Served) -> None:
    """Refuse a hint for a method that no socket of the protocol has."""
    protocol = served.protocol
    classes = [socket, *filter(None, map(served.socket_class, protocol.types))]
    for key in protocol.hints:
        if isinstance(key, tuple) and key[0] not in _NO_METHODS:
            fits = any(callable(getattr(cls, key[0], None)) for cls in classes)
            wanted = "a method of the protocol's sockets"
            _refuse_unless(fits, served, "hints", wanted, key, key[0])


def _refuse_unless(
    fits: bool, served: Served, field: str, wanted: str, reference: object, found: Any
) -> None:
    if not fits:
        raise PluginError(f"{served}: {field} must name {wanted}; {reference} is {found!r}")
