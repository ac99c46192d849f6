"""Hints for failures of AF_QIPCRTR, each true for every cause of its errno in its call.

Causes are those of the kernel's net/qrtr/af_qrtr.c: qrtr_port_assign, qrtr_sendmsg,
qrtr_local_enqueue, qrtr_node_enqueue.
"""

from __future__ import annotations

from errno import EACCES, ECONNRESET, ENODEV, ENOSPC, ENOTCONN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SENDS = ("sendto", "sendmsg", "sendmmsg")

_PORT = "ports below 16384 need CAP_NET_ADMIN; port 0 takes a free one from 16384 on"
_NO_NODE = "no node has this number; the own one is sock.local_node()"
_NO_PORT = "no other socket has this port"
_NO_DESTINATION = "name a destination, or connect to one"
_FULL = "the receiver's buffer is full: send again soon"
_BROADCAST = "a broadcast goes to QRTR_PORT_CTRL only"


def _no_device(sock: Any, address: Any) -> str | None:
    """On the own node the port is free; another node may have gone, which leaves no trace."""
    node = address[0] if type(address) is tuple else address.node
    return _NO_PORT if node == sock.getsockname()[0] else None


def _not_connected(sock: Any, address: Any) -> str:
    return _NO_DESTINATION if address is None else _BROADCAST


HINTS: dict[Any, Any] = {
    ("bind", EACCES): _PORT,
    **{(operation, ECONNRESET): _NO_NODE for operation in _SENDS},
    **{(operation, ENODEV): _no_device for operation in _SENDS},
    **{(operation, ENOSPC): _FULL for operation in _SENDS},
    **{(operation, ENOTCONN): _not_connected for operation in _SENDS},
}
