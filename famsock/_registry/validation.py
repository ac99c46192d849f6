"""Checks of a family before it is registered: each error says what to change."""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Iterable

from famsock.family import Family, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

API_VERSION = 2
"""The version of the plugin interface; a plugin states the one it was written for."""


def families_in(supplied: Any) -> tuple[Family, ...]:
    """Return the families that a hook gave, each one valid; ValueError with what to change."""
    if isinstance(supplied, Family) or not isinstance(supplied, Iterable):
        raise ValueError(
            f"famsock_families must return a tuple of Family objects, not {supplied!r}"
        )
    families = tuple(supplied)
    for family in families:
        check_family(family)
    return families


def check_family(family: object) -> None:
    """Raise ValueError if ``family`` cannot be registered.

    The address classes are not checked here, because that would import them. They check themselves
    when they are made, and `famsock.family.Served` reports errors when a socket first needs one.
    The conformance suite checks them completely.
    """
    if not isinstance(family, Family):
        raise ValueError(f"famsock_families must give Family objects, not {family!r}")
    if not (isinstance(family.name, str) and family.name.isupper()):
        raise ValueError(
            f"a family's name must be that of its constant (AF_X), not {family.name!r}"
        )
    if not isinstance(family.number, int) or not 0 < family.number <= 0xFFFF:
        raise ValueError(f"{family.name}: number must be 1-65535, not {family.number!r}")
    if family.api_version != API_VERSION:
        raise ValueError(
            f"{family.name}: written for version {family.api_version} of famsock's plugin "
            f"interface, this famsock has version {API_VERSION}: install a release of one that "
            f"fits the other"
        )
    known = vars(_stdlib).get(family.name)
    if family.here and known is not None and known != family.number:
        raise ValueError(f"{family.name}: number is {int(known)} here, not {family.number}")
    if not (isinstance(family.protocols, tuple) and family.protocols):
        raise ValueError(f"{family.name}: protocols must be a tuple of at least one Protocol")
    _check_protocols(family.name, family.protocols)


def _check_protocols(name: str, protocols: tuple[Protocol, ...]) -> None:
    seen: dict[tuple[int | None, int], str] = {}
    for protocol in protocols:
        if not isinstance(protocol, Protocol):
            raise ValueError(f"{name}: protocols must be Protocol objects, not {protocol!r}")
        if not (isinstance(protocol.types, tuple) and protocol.types):
            raise ValueError(
                f"{name} {protocol.name}: types must be a tuple of at least one socket type, not "
                f"{protocol.types!r}"
            )
        for kind in protocol.types:
            key = protocol.number, int(kind)
            if key in seen:
                raise ValueError(
                    f"{name}: protocols {seen[key]} and {protocol.name} are both number "
                    f"{protocol.number} of socket type {int(kind)}: give one of them another "
                    f"number or type, or leave it out"
                )
            seen[key] = protocol.name
