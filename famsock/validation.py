"""What a family must be before it is registered: each refusal says what to change."""

from __future__ import annotations

import socket as _stdlib

from famsock.family import Family, Protocol

API_VERSION = 1
"""The version of the plugin interface; a plugin states the one it was written for."""


def check_family(family: object) -> None:
    """Raise ValueError if ``family`` cannot be registered.

    The address classes are not looked at, as that would import them: they check themselves when
    they are made, `famsock.family.Served` tells of it when a socket first needs one, and the
    conformance suite checks them in full.
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
            f"interface, this famsock has version {API_VERSION}"
        )
    known = vars(_stdlib).get(family.name)
    if family.here and known is not None and known != family.number:
        raise ValueError(f"{family.name}: number is {int(known)} here, not {family.number}")
    if not family.protocols:
        raise ValueError(f"{family.name}: needs at least one Protocol")
    _check_protocols(family.name, family.protocols)


def _check_protocols(name: str, protocols: tuple[Protocol, ...]) -> None:
    seen: dict[tuple[int | None, int], str] = {}
    for protocol in protocols:
        if not protocol.types:
            raise ValueError(f"{name} {protocol.name}: needs at least one socket type")
        for kind in protocol.types:
            key = protocol.number, int(kind)
            if key in seen:
                raise ValueError(
                    f"{name}: protocols {seen[key]} and {protocol.name} are both number "
                    f"{protocol.number} of socket type {int(kind)}"
                )
            seen[key] = protocol.name
