"""The hint for a socket that could not be created: the plugins are asked what it would be."""

from __future__ import annotations

import socket as _stdlib
from errno import EAFNOSUPPORT, EPROTONOSUPPORT, EPROTOTYPE, ESOCKTNOSUPPORT

from famsock._lazy import PluginError
from famsock._registry import plugins


def add_creation_hint(error: OSError, family: int, kind: int, proto: int) -> None:
    """Add a note to the error of a socket that could not be created, from socket(2)'s arguments."""
    number, kind = int(family), int(kind) & 0xF
    try:
        served = plugins.find(number, kind, max(int(proto), 0))
    except PluginError as broken:
        error.add_note(str(broken))
        return
    if served is None:
        reasons = plugins.broken_unknown() if error.errno == EAFNOSUPPORT else []
        if missing := plugins.why_not_served(number):
            reasons.append(missing)
        for reason in reasons:
            error.add_note(reason)
        return
    row = served.protocol
    of_the_type = error.errno in (ESOCKTNOSUPPORT, EPROTOTYPE) or (
        error.errno == EPROTONOSUPPORT and row.number == proto
    )
    if of_the_type and kind not in row.types:
        names = ", ".join(_stdlib.SocketKind(known).name for known in row.types)
        error.add_note(f"{served} is opened with the type {names}")
    else:
        note = served.note("socket", error.errno or 0)
        if note:
            error.add_note(note)
