"""Operations of AF_VSOCK sockets. Source: vsock(7)."""

from __future__ import annotations

import struct
from errno import EADDRNOTAVAIL
from socket import SOCK_STREAM

from famsock.plugin import socket
from famsock_vsock.addresses import VsockAddress
from famsock_vsock.constants import (
    AF_VSOCK,
    IOCTL_VM_SOCKETS_GET_LOCAL_CID,
    VMADDR_CID_ANY,
    VMADDR_CID_HOST,
    VMADDR_CID_LOCAL,
    VMADDR_PORT_ANY,
)

__all__ = [
    "VsockOperations",
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
        error.add_note("AF_VSOCK needs the kernel module vsock: modprobe vsock")
        raise
    return int(struct.unpack("=I", answer)[0])


class VsockOperations:
    """Operations of AF_VSOCK sockets beyond the stdlib's methods."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock

    def local_cid(self) -> int:
        """Return this machine's CID, as `famsock_vsock.sockets.local_cid` does."""
        return local_cid()

    def is_guest(self) -> bool:
        """Return whether this machine is a guest that its host can reach over vsock."""
        return VMADDR_CID_HOST < local_cid() < VMADDR_CID_ANY

    def is_host(self) -> bool:
        """Return whether this machine can have guests, for which it is CID 2."""
        return _is_own(VMADDR_CID_HOST)

    def has_loopback(self) -> bool:
        """Return whether this machine reaches itself at CID 1."""
        return _is_own(VMADDR_CID_LOCAL)


def _is_own(cid: int) -> bool:
    """Return whether a transport gives this machine the CID, by binding to an unused port."""
    with socket(AF_VSOCK, SOCK_STREAM) as probe:
        try:
            probe.bind(VsockAddress(cid, VMADDR_PORT_ANY))
        except OSError as error:
            if error.errno == EADDRNOTAVAIL:
                return False
            raise
    return True
