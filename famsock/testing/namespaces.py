"""Network namespaces that separate the sockets of a test from those of other programs.

A namespace has its own interfaces, ports and names of sockets, if the family supports that. Each
thread is in a namespace. Threads and processes that it starts begin there. A socket stays in the
namespace in which it was made. Sources: network_namespaces(7), unshare(2), setns(2).
"""

from __future__ import annotations

import fcntl
import os
import socket as _stdlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from famsock._netns import CLONE_NEWNET, call, in_thread

__all__ = [
    "NetworkNamespace",
    "new_network",
    "unshare_network",
]

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 1
_OF_THIS_THREAD = "/proc/thread-self/ns/net"


class NetworkNamespace:
    """A network namespace with lo up, in which every group may open ping sockets.

    It exists until `close`, and for as long as a socket or thread is in it.

    :raises OSError: EPERM without CAP_SYS_ADMIN.
    """

    def __init__(self) -> None:
        self._descriptor = in_thread(_made)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move the calling thread into the namespace, and back when the context ends."""
        with _coming_back():
            call("setns", self._descriptor, CLONE_NEWNET)
            yield

    def close(self) -> None:
        """Let go of the namespace, which cannot be entered again."""
        os.close(self._descriptor)
        self._descriptor = -1


def unshare_network() -> None:
    """Move the calling thread for good into a new namespace like a `NetworkNamespace`.

    :raises OSError: EPERM without CAP_SYS_ADMIN.
    """
    call("unshare", CLONE_NEWNET)
    with _stdlib.socket(_stdlib.AF_INET, _stdlib.SOCK_DGRAM) as sock:
        name = b"lo".ljust(16, b"\0")
        request = fcntl.ioctl(sock, _SIOCGIFFLAGS, name + bytes(24))
        (flags,) = struct.unpack_from("=H", request, 16)
        fcntl.ioctl(sock, _SIOCSIFFLAGS, name + struct.pack("=H22x", flags | _IFF_UP))
    with suppress(FileNotFoundError):  # a kernel without IPv4's ping sockets
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")


@contextmanager
def new_network() -> Iterator[None]:
    """Move the calling thread into a new namespace, and back when the context ends.

    :raises OSError: EPERM without CAP_SYS_ADMIN.
    """
    with _coming_back():
        unshare_network()
        yield


@contextmanager
def _coming_back() -> Iterator[None]:
    before = os.open(_OF_THIS_THREAD, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        call("setns", before, CLONE_NEWNET)
        os.close(before)


def _made() -> int:
    unshare_network()
    return os.open(_OF_THIS_THREAD, os.O_RDONLY | os.O_CLOEXEC)
