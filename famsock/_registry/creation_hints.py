"""The hint for a socket that could not be created: the plugins are asked what it would be."""

from __future__ import annotations

import socket as _stdlib
from errno import EAFNOSUPPORT, ESOCKTNOSUPPORT

from famsock._errors import PluginError
from famsock._registry import plugins


def add_creation_hint(error: OSError, family: int, kind: int, proto: int) -> None:
    """Add a note to the error of a socket that could not be created, from socket(2)'s arguments."""
    try:
        served = plugins.find(int(family), int(kind) & 0xF, max(int(proto), 0))
    except PluginError as broken:
        error.add_note(str(broken))
        return
    if served is None:
        for reason in plugins.broken_unknown() if error.errno == EAFNOSUPPORT else ():
            error.add_note(reason)
        return
    types = served.protocol.types
    if error.errno == ESOCKTNOSUPPORT and kind & 0xF not in types:
        names = ", ".join(_stdlib.SocketKind(known).name for known in types)
        error.add_note(f"{served} is opened with the type {names}")
    else:
        note = served.note("socket", error.errno or 0)
        if note:
            error.add_note(note)
