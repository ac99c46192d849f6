"""Classes of sockets: one layout, ordinary typed methods, no name of the common class redefined."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from famsock._lazy import load
from famsock._registry import plugins
from famsock._sockets import socket
from famsock.family import Family, Protocol
from famsock.testing._checks.base import Checks, asks_no_kernel
from famsock.testing._checks.definitions import public_functions


class SocketClass(NamedTuple):
    """A protocol's class of sockets, and the row and socket types that it is for."""

    cls: type[Any]
    protocol: Protocol
    types: tuple[int, ...]


_OF_EVERY_CLASS = frozenset(
    {
        *(
            "__annotations__",
            "__dict__",
            "__doc__",
            "__module__",
            "__orig_bases__",
            "__parameters__",
        ),
        *("__slots__", "__static_attributes__", "__firstlineno__", "__weakref__", "_kind"),
        *(
            "__annotate__",
            "__annotate_func__",
            "__annotations_cache__",
            "__conditional_annotations__",
        ),
        *("_protocol_class", "_redefines", "__qualname__"),
    }
)
"""The names that Python or famsock itself gives each class."""


def socket_classes(family: Family) -> Iterator[SocketClass]:
    """Yield the classes of sockets that a family's rows name."""
    for protocol in family.protocols:
        named = protocol.socket or {}
        by_name: dict[str, list[int]] = {}
        for kind in protocol.types:
            reference = named if isinstance(named, str) else named.get(kind)
            if reference is not None:
                by_name.setdefault(reference, []).append(kind)
        for reference, kinds in by_name.items():
            yield SocketClass(load(reference), protocol, tuple(kinds))


class SocketClassChecks(Checks):
    """Each protocol's class of sockets."""

    @asks_no_kernel
    def test_class_is_of_its_row(self, socket_class: SocketClass) -> None:
        cls, protocol, types = socket_class
        assert issubclass(cls, socket)
        assert cls._kind is not None, "class X(socket, family=…, type=…, proto=…)"
        family, own_types, proto = cls._kind
        assert family == self.subject().family.number
        assert set(types) <= set(own_types)
        assert proto in (None, protocol.number), "without proto= the class is for any protocol"
        assert cls._protocol_class is cls

    @asks_no_kernel
    def test_class_has_the_layout_of_all(self, socket_class: SocketClass) -> None:
        cls = socket_class.cls
        if not hasattr(cls, "__dictoffset__"):
            pytest.skip(f"{sys.implementation.name} tells no layout of a class")
        assert cls.__dictoffset__ == 0, "a base has no __slots__ = ()"
        assert cls.__basicsize__ == socket.__basicsize__, "a base has slots: use protocol_state"

    @asks_no_kernel
    def test_class_redefines_no_name(self, socket_class: SocketClass) -> None:
        common = {*dir(socket)} - _OF_EVERY_CLASS
        for base in inspect.getmro(socket_class.cls):
            if base in inspect.getmro(socket):
                continue
            redefined = common & vars(base).keys()
            assert redefined <= self.redefines.keys(), f"{base.__name__} redefines {redefined}"

    @asks_no_kernel
    def test_every_class_is_of_a_row(self, subject_here: None) -> None:
        of_rows = [made.cls for made in socket_classes(self.subject().family)]
        left_out = {
            cls.__qualname__
            for module in self.subject().modules()
            for cls in vars(module).values()
            if isinstance(cls, type) and issubclass(cls, socket)
            if cls.__module__ == module.__name__ and cls._kind is not None
            if cls._kind[0] == self.subject().family.number
            if not any(issubclass(other, cls) for other in of_rows)
        }
        assert not left_out, "name the class in a Protocol's socket, or state no family in it"

    @asks_no_kernel
    def test_methods_are_typed_and_documented(self, socket_class: SocketClass) -> None:
        cls = socket_class.cls
        assert (vars(cls).get("__doc__") or "").strip()
        for name, function in public_functions(cls):
            if hasattr(socket, name):
                continue
            assert (inspect.getdoc(function) or "").strip(), f"{name} has no docstring"
            signature = inspect.signature(function)
            assert signature.return_annotation is not inspect.Signature.empty, f"{name}: no return"
            for parameter in list(signature.parameters.values())[1:]:
                assert parameter.annotation is not parameter.empty, f"{name}: {parameter.name}"

    @asks_no_kernel
    def test_package_exports_the_class(self, socket_class: SocketClass) -> None:
        is_exported(socket_class.cls)

    def test_sockets_are_of_the_class(self, socket_class: SocketClass, subject_here: None) -> None:
        cls, protocol, types = socket_class
        number = _number_served(self.subject().family, protocol, types[0])
        with self.subject().adopted(protocol, types[0], number) as plain:
            served = plugins.find(plain.family, plain.type, number)
            assert served is not None
            assert served.socket_class(types[0]) is cls
            assert type(plain) is socket
            converted = plain.operations
            assert converted is plain
            assert type(plain) is cls


def is_exported(cls: type[Any]) -> None:
    """Assert that a class is a name of its package."""
    package = importlib.import_module(cls.__module__.partition(".")[0])
    assert cls.__name__ in dir(package), f"{package.__name__} does not export {cls.__name__}"
    assert getattr(package, cls.__name__, None) is cls


def _number_served(family: Family, protocol: Protocol, kind: int) -> int:
    """Return a protocol number that a row serves: its own, else one that no other row takes."""
    if protocol.number is not None:
        return protocol.number
    return next(n for n in range(1 << 16) if family.protocol(n, kind) is protocol)
