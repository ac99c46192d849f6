"""NETLINK_KOBJECT_UEVENT: what happens to devices, as udev hears it. Source: udev(7),
Documentation/ABI/testing/sysfs-uevent, lib/kobject_uevent.c.

A datagram is ``ACTION@DEVPATH``, a null byte, and ``NAME=VALUE`` pairs, each with a null byte.
"""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW

import attrs

from famsock_netlink.constants import AF_NETLINK, NETLINK_KOBJECT_UEVENT
from famsock_netlink.sockets import NetlinkSocket

__all__ = [
    "Uevent",
    "UeventSocket",
]

_KERNEL_GROUP = 1
_DATAGRAM_BYTES_MAX = 1 << 16


@attrs.frozen
class Uevent:
    """An event: ``action`` ("add", "change" …), the device's ``path`` below /sys, variables."""

    action: str
    path: str
    variables: dict[str, str]

    @classmethod
    def unpack(cls, data: bytes) -> Uevent:
        """Return the event of a datagram; ValueError if it has no ``ACTION@DEVPATH``."""
        head, *pairs = data.decode("utf-8", "surrogateescape").split("\0")
        action, at, path = head.partition("@")
        if not at:
            raise ValueError(f"AF_NETLINK uevent must begin with ACTION@DEVPATH, not {head[:60]!r}")
        named = (pair.partition("=") for pair in pairs if "=" in pair)
        return cls(action, path, {name: value for name, _, value in named})


class UeventSocket(
    NetlinkSocket, family=AF_NETLINK, type=(SOCK_RAW, SOCK_DGRAM), proto=NETLINK_KOBJECT_UEVENT
):
    """A socket of NETLINK_KOBJECT_UEVENT: what happens to devices."""

    __slots__ = ()

    def join_kernel_events(self) -> None:
        """Receive the kernel's events; network events only of this network namespace."""
        self.join_group(_KERNEL_GROUP)

    def recv_uevent(self) -> Uevent:
        """Return the kernel's next event; what processes send to the group is passed over.

        Errors are those of recvfrom(2): ENOBUFS means that events were lost.
        """
        while True:
            data, (pid, _) = self.recvfrom(_DATAGRAM_BYTES_MAX)
            if pid == 0:
                return Uevent.unpack(data)
