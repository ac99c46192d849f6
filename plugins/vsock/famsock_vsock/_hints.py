"""Hints for failures of AF_VSOCK, each true for every cause of its errno in its call.

Causes are those of the kernel's net/vmw_vsock/af_vsock.c (vsock_create, __vsock_bind,
vsock_assign_transport), virtio_transport_common.c (virtio_transport_recv_listen) and
drivers/vhost/vsock.c (vhost_vsock_handle_tx_kick).
"""

from __future__ import annotations

from errno import (
    EACCES,
    EADDRNOTAVAIL,
    ECONNRESET,
    ENODEV,
    ENOENT,
    ESOCKTNOSUPPORT,
    ETIMEDOUT,
)

from famsock.plugin import Hint, one_of
from famsock_vsock._transports import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ANY_CID = (-1, 0xFFFFFFFF)
_LOCAL_CID = 1

_TRANSPORTS = (
    "modprobe vsock_loopback for the local CID 1, vhost_vsock on a host, "
    "vmw_vsock_virtio_transport in a guest"
)
_NOT_LOCAL = Hint(
    "no transport has this CID here",
    _TRANSPORTS,
    check="famsock_vsock.sockets.local_cid(); ls -d /sys/module/*vsock*",
)
_NOT_REACHED = Hint("no transport reaches this CID", _TRANSPORTS, check="ls -d /sys/module/*vsock*")
_NO_LOOPBACK = Hint(
    "CID 1 needs the loopback transport; there is none, and the hypervisor was asked",
    "modprobe vsock_loopback",
    check="famsock_vsock.VsockStreamSocket().has_loopback()",
)
_NO_PACKETS = Hint(
    "the transport to this CID carries no SOCK_SEQPACKET",
    "a VsockStreamSocket",
    check="ls -d /sys/module/*vsock*",
)
_NO_ANSWER = Hint(
    "no machine of this CID answers; a guest of QEMU or Firecracker reaches only its host, CID 2",
    check="famsock_vsock.sockets.local_cid(), which is 3 or more in a guest",
    possible=True,
)
_REFUSED = Hint(
    "nobody listens on this port of the CID, for this type of socket",
    check="ss -l --vsock, on the machine of that CID",
    possible=True,
    another=Hint(
        "too many connections wait there to be accepted",
        check="ss -l --vsock, on the machine of that CID",
        possible=True,
    ),
)
_NO_DATAGRAMS = Hint(
    "no transport here carries datagrams; only VMCI does, which is VMware's",
    "modprobe vmw_vsock_vmci_transport",
    check="ls -d /sys/module/vmw_vsock_vmci_transport",
)
_PORT = Hint(
    "a port below 1024 needs CAP_NET_BIND_SERVICE",
    possible=True,
)


def _cid(address: Any) -> Any:
    return address[0] if type(address) is tuple else address.cid


@one_of(_NOT_LOCAL)
def _not_local(sock: Any, address: Any) -> str | None:
    return None if _cid(address) in _ANY_CID else _NOT_LOCAL  # where all ports are taken


@one_of(_NO_LOOPBACK, _NO_ANSWER)
def _timed_out(sock: Any, address: Any) -> str | None:
    if _cid(address) != _LOCAL_CID:
        return _NO_ANSWER
    return None if is_own(_LOCAL_CID) else _NO_LOOPBACK


@one_of(_NO_LOOPBACK, _NO_PACKETS)
def _no_packets(sock: Any, address: Any) -> str | None:
    if _cid(address) != _LOCAL_CID or is_own(_LOCAL_CID):
        return _NO_PACKETS
    return _NO_LOOPBACK


NO_MODULE = Hint(
    "the kernel lacks the module vsock",
    "modprobe vsock",
    check="ls -d /sys/module/vsock",
    possible=True,
)

HINTS: dict[Any, Any] = {
    ("local_cid", ENOENT): NO_MODULE,
    ("socket", ENODEV): _NO_DATAGRAMS,
    ("bind", EACCES): _PORT,
    ("bind", EADDRNOTAVAIL): _not_local,
    ("connect", ENODEV): _NOT_REACHED,
    ("connect", ECONNRESET): _REFUSED,
    ("connect", ESOCKTNOSUPPORT): _no_packets,
    ("connect", ETIMEDOUT): _timed_out,
}
