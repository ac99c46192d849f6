"""Notes on OSError that say how to fix the cause, from the plugin's data about its family."""

from __future__ import annotations

import socket as _stdlib
from errno import EACCES, EAFNOSUPPORT, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT
from typing import TYPE_CHECKING

from famsock._errors import PluginError
from famsock._registry import plugins

if TYPE_CHECKING:
    from famsock.family import Served

UNSUPPORTED = (EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT)
_DENIED = (EPERM, EACCES)


def add_hint(error: OSError, served: Served, operation: str) -> None:
    """Add a note to an error of ``operation`` ("bind") that says how to fix it.

    The note is the plugin's advice, a kernel module or a capability.
    """
    protocol, number = served.protocol, error.errno or 0
    modules = protocol.modules or served.family.modules
    advice = protocol.hints.get((operation, number)) or protocol.hints.get(number)
    if advice:
        error.add_note(f"{served}: {advice}")
    elif number in UNSUPPORTED and modules:
        error.add_note(f"{served} needs the kernel module {modules[-1]}: {modprobe(modules)}")
    elif number in _DENIED and protocol.capability:
        error.add_note(f"{served} needs {protocol.capability}")


def modprobe(modules: tuple[str, ...]) -> str:
    """Return the command that loads kernel modules."""
    return " ".join(("modprobe", *(("-a",) if len(modules) > 1 else ()), *modules))


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
        add_hint(error, served, "socket")
