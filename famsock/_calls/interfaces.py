"""Interface names and indexes, asked of a socket, so that its own network namespace answers.

Source: netdevice(7), SIOCGIFINDEX and SIOCGIFNAME; ``struct ifreq`` from linux/if.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys

try:
    from fcntl import ioctl
except ImportError:  # no such call on this platform: the stdlib's functions answer
    ioctl = None  # type: ignore[assignment]

IFNAMSIZ = 16
_BY_IOCTL = ioctl is not None and sys.platform.startswith("linux")
_SIOCGIFNAME = 0x8910
_SIOCGIFINDEX = 0x8933
_IFREQ = struct.Struct("=16si20x")


def interface_index(descriptor: int, name: str) -> int:
    """The index of the interface ``name``; OSError (ENODEV) if there is none."""
    raw = os.fsencode(name)
    if len(raw) >= IFNAMSIZ or b"\0" in raw:
        raise OSError(errno.ENODEV, f"interface name of at most 15 bytes, not {name!r}")
    if not _BY_IOCTL:
        return socket.if_nametoindex(name)
    if descriptor < 0:  # for which fcntl has a ValueError
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    answer = ioctl(descriptor, _SIOCGIFINDEX, _IFREQ.pack(raw, 0))
    return int(_IFREQ.unpack(answer)[1])


def interface_name(descriptor: int, index: int) -> str:
    """The name of the interface ``index``; "" if there is none."""
    if not 0 < index < 1 << 31 or descriptor < 0:
        return ""
    try:
        if not _BY_IOCTL:
            return socket.if_indextoname(index)
        answer = ioctl(descriptor, _SIOCGIFNAME, _IFREQ.pack(b"", index))
    except OSError:
        return ""
    return os.fsdecode(_IFREQ.unpack(answer)[0].split(b"\0", 1)[0])
