"""Hints for failures of AF_VSOCK, each true for every cause of its errno in its call.

Causes are those of the kernel's net/vmw_vsock/af_vsock.c (vsock_create, __vsock_bind,
vsock_assign_transport) and virtio_transport_common.c (virtio_transport_recv_listen).
"""

from __future__ import annotations

from errno import EACCES, EADDRNOTAVAIL, ECONNRESET, ENODEV

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ANY_CID = (-1, 0xFFFFFFFF)

_TRANSPORTS = (
    "modprobe vsock_loopback for the local CID 1, vhost_vsock on a host, "
    "vmw_vsock_virtio_transport in a guest"
)
_NOT_LOCAL = f"no transport has this CID here: {_TRANSPORTS}"
_NOT_REACHED = f"no transport reaches this CID: {_TRANSPORTS}"
_REFUSED = (
    "One possible cause: nobody listens on this port of the CID, for this type of socket; another: "
    "too many connections wait there to be accepted"
)
_NO_DATAGRAMS = (
    "no transport here carries datagrams; only VMCI does, which is VMware's: "
    "modprobe vmw_vsock_vmci_transport"
)
_PORT = "One possible cause: a port below 1024 needs CAP_NET_BIND_SERVICE"


def _not_local(sock: Any, address: Any) -> str | None:
    cid = address[0] if type(address) is tuple else address.cid
    return None if cid in _ANY_CID else _NOT_LOCAL  # where all ports are taken


HINTS: dict[Any, Any] = {
    ("socket", ENODEV): _NO_DATAGRAMS,
    ("bind", EACCES): _PORT,
    ("bind", EADDRNOTAVAIL): _not_local,
    ("connect", ENODEV): _NOT_REACHED,
    ("connect", ECONNRESET): _REFUSED,
}
