"""Sockets of AF_VSOCK. Source: vsock(7)."""

from __future__ import annotations

import struct
from socket import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM
from typing import TYPE_CHECKING

from famsock.plugin import socket
from famsock_vsock._hints import NO_MODULE
from famsock_vsock._transports import is_own
from famsock_vsock.addresses import VsockAddress
from famsock_vsock.constants import (
    AF_VSOCK,
    IOCTL_VM_SOCKETS_GET_LOCAL_CID,
    VMADDR_CID_ANY,
    VMADDR_CID_HOST,
    VMADDR_CID_LOCAL,
)

__all__ = [
    "VsockDatagramSocket",
    "VsockSeqpacketSocket",
    "VsockSocket",
    "VsockStreamSocket",
    "local_cid",
]

DEVICE = "/dev/vsock"


def local_cid() -> int:
    """Return this machine's CID: 3 or more in a guest, 2 on a host, 1 with only loopback.

    4294967295 if there is no transport. A guest that is also a host returns its CID as a guest.
    OSError ENOENT without ``/dev/vsock`` (``modprobe vsock``). Source: vsock(7),
    IOCTL_VM_SOCKETS_GET_LOCAL_CID.
    """
    from fcntl import ioctl

    try:
        with open(DEVICE, "rb") as device:
            answer = ioctl(device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, bytes(4))
    except FileNotFoundError as error:
        error.add_note(NO_MODULE)
        raise
    return int(struct.unpack("=I", answer)[0])


class VsockSocket(socket[VsockAddress, tuple[int, int]], abstract=True):
    """The methods that all sockets of AF_VSOCK share; open a socket by one of the classes below."""

    __slots__ = ()

    def local_cid(self) -> int:
        """Return this machine's CID, as `famsock_vsock.sockets.local_cid` does."""
        return local_cid()

    def is_guest(self) -> bool:
        """Return whether this machine is a guest that its host can reach over vsock."""
        return VMADDR_CID_HOST < local_cid() < VMADDR_CID_ANY

    def is_host(self) -> bool:
        """Return whether this machine can have guests, for which it is CID 2."""
        return is_own(VMADDR_CID_HOST)

    def has_loopback(self) -> bool:
        """Return whether this machine reaches itself at CID 1."""
        return is_own(VMADDR_CID_LOCAL)


class VsockStreamSocket(VsockSocket, family=AF_VSOCK, type=SOCK_STREAM):
    """A socket of AF_VSOCK for a connection that carries a stream of bytes."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[VsockStreamSocket, tuple[int, int]]: ...


class VsockSeqpacketSocket(VsockSocket, family=AF_VSOCK, type=SOCK_SEQPACKET):
    """A socket of AF_VSOCK for a connection that carries messages, each of them whole. Linux 5.14.

    MSG_EOR marks the end of a record.
    """

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[VsockSeqpacketSocket, tuple[int, int]]: ...


class VsockDatagramSocket(VsockSocket, family=AF_VSOCK, type=SOCK_DGRAM):
    """A socket of AF_VSOCK for datagrams, which only the VMCI transport carries."""

    __slots__ = ()
