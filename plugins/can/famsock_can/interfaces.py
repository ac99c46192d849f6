"""The CAN interfaces of this machine. Sources: netdevice(7), linux/if_arp.h."""

from __future__ import annotations

import fcntl
import socket
import struct

from famsock.plugin import constants as system

__all__ = [
    "can_interfaces",
]

_SIOCGIFHWADDR = 0x8927
_IFREQ = struct.Struct("=16sH22x")


def can_interfaces() -> tuple[str, ...]:
    """Return the names of the CAN interfaces, also virtual ones, up or down, by index.

    Those of the network namespace of the calling thread.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        names = [name for _, name in sorted(socket.if_nameindex())]
        return tuple(name for name in names if _type(sock, name) == system.ARPHRD_CAN)


def _type(sock: socket.socket, name: str) -> int | None:
    """Return the ARPHRD_* of an interface; None if it has just disappeared."""
    request = _IFREQ.pack(name.encode("utf-8", "surrogateescape"), 0)
    try:
        _, kind = _IFREQ.unpack(fcntl.ioctl(sock, _SIOCGIFHWADDR, request))
    except OSError:
        return None
    return int(kind)
