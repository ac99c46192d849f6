"""famsock: Python's socket module with its address families as plugins.

``import famsock as socket`` gives every public name of the running interpreter's `socket`, with the
same behaviour. Addresses, constants, options and operations of a family come from its plugin. It is
found through entry points when the family is first used. Importing this module imports no plugin.
"""

from __future__ import annotations

__version__ = "0.1.0"  # before the imports: the compiled layer must be of this version

import socket as _stdlib

from famsock._dropin import functions as _functions
from famsock._dropin import install, uninstall
from famsock._lazy import PluginError
from famsock._lazy import load as _load
from famsock._registry import plugins
from famsock._sockets import socket
from famsock.address import Address, RawAddress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # Names that differ from the stdlib's, for type checkers: of two imports of a name mypy takes
    # the first, and pyright the last.
    # isort: off
    from famsock._surface import *  # noqa: F403
    from socket import *  # type: ignore[assignment]  # noqa: F403
    from famsock._surface import *  # noqa: F403

    # isort: on
    from famsock.endpoints import connect, listen, open_datagram

__all__ = [
    *_stdlib.__all__,
    "Address",
    "PluginError",
    "RawAddress",
    "connect",
    "install",
    "listen",
    "open_datagram",
    "plugins",
    "socket",
    "uninstall",
]

# The stdlib's names, private ones too: its functions look them up in the module that they run in.
globals().update(vars(_stdlib) | globals())
globals().update(_functions(globals()))


_MODULES = (
    "aio",
    "bpf",
    "codecs",
    "constants",
    "control",
    "cstruct",
    "endpoints",
    "family",
    "http",
    "options",
    "plugin",
    "selftest",
    "testing",
)


_FUNCTIONS = ("connect", "listen", "open_datagram")


def __getattr__(name: str) -> Any:
    """Return a constant that this Python lacks, from a plugin that provides it, and keep it.

    Also the modules of the typed interface and the functions of `famsock.endpoints`, imported on
    first use.
    """
    if name.isupper() and not name.startswith("_"):
        value = globals()[name] = plugins.constant(name)
        return value
    if name in _MODULES:
        return _load(f"famsock.{name}")
    if name in _FUNCTIONS:
        value = globals()[name] = _load(f"famsock.endpoints:{name}")
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_FUNCTIONS, *vars(_stdlib)})
