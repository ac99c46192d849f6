"""What would cure a failed call: notes on OSError, from what the plugin knows of its family."""

from __future__ import annotations

from errno import EACCES, EAFNOSUPPORT, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT
from typing import TYPE_CHECKING

from famsock.errors import PluginError
from famsock.registry import plugins

if TYPE_CHECKING:
    from famsock.family import Served

UNSUPPORTED = (EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT)
_DENIED = (EPERM, EACCES)


def add_remedy(error: OSError, served: Served) -> None:
    """Note on ``error`` what cures it: a module, a capability, or the plugin's own advice."""
    family, protocol = served.family, served.protocol
    modules = protocol.modules or family.modules
    advice = protocol.remedies.get(error.errno or 0)
    if advice:
        error.add_note(f"{family.name} {protocol.name}: {advice}")
    elif error.errno in UNSUPPORTED and modules:
        error.add_note(
            f"{family.name} {protocol.name} needs the kernel module {modules[-1]}: "
            f"modprobe {' '.join(modules)}"
        )
    elif error.errno in _DENIED and protocol.capability:
        error.add_note(f"{family.name} {protocol.name} needs {protocol.capability}")


def add_creation_remedy(error: OSError, family: int, kind: int, proto: int) -> None:
    """The same for a socket that could not be created, from socket(2)'s arguments."""
    try:
        served = plugins.find(int(family), int(kind) & 0xF, max(int(proto), 0))
    except PluginError as broken:
        error.add_note(str(broken))
        return
    if served is not None:
        add_remedy(error, served)
