"""The socket options of AF_INET and AF_INET6, a module for each level of getsockopt(2).

`INET` are the rows of AF_INET sockets and `INET6` those of AF_INET6 sockets; if both IPPROTO_IP and
IPPROTO_IPV6 have a row of the same name (MCAST_*), that of the socket's family is used. They are
collected on first use, so that a module of one level imports no other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from famsock.plugin import Option

    INET: tuple[Option[Any], ...]
    INET6: tuple[Option[Any], ...]

__all__ = ["INET", "INET6"]

_TRANSPORTS = ("tcp", "devmem", "tls", "udp", "udplite", "mptcp", "sctp")
_LEVELS = {"INET": ("ip", "icmp", *_TRANSPORTS), "INET6": ("ip", "ipv6", "icmpv6", *_TRANSPORTS)}


def __getattr__(name: str) -> object:
    if name not in _LEVELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from famsock.plugin import options

    modules = [importlib.import_module(f"{__name__}.{level}") for level in _LEVELS[name]]
    rows = {row.name: row for module in modules for row in options.collect(vars(module))}
    globals()[name] = tuple(rows.values())
    return globals()[name]
