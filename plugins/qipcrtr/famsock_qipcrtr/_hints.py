"""Hints for failures of AF_QIPCRTR, each true for every cause of its errno in its call.

Causes are those of the kernel's net/qrtr/af_qrtr.c: qrtr_port_assign, qrtr_sendmsg,
qrtr_local_enqueue, qrtr_node_enqueue.
"""

from __future__ import annotations

from errno import EACCES, ECONNRESET, ENODEV, ENOSPC, ENOTCONN

from famsock.plugin import Hint, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SENDS = ("sendto", "sendmsg", "sendmmsg")

_PORT = Hint(
    "ports below 16384 need CAP_NET_ADMIN; port 0 takes a free one from 16384 on",
)
_NO_NODE = Hint(
    "no node has this number; the own one is sock.local_node()",
    check="QipcrtrSocket.lookup() tells the nodes of the services that there are",
)
_NO_PORT = Hint(
    "no other socket has this port",
    check="QipcrtrSocket.lookup() tells the ports of the services that there are",
)
_NO_DESTINATION = Hint("name a destination, or connect to one")
_FULL = Hint("the receiver's buffer is full", "send again soon")
_BROADCAST = Hint("a broadcast goes to QRTR_PORT_CTRL only")


@one_of(_NO_PORT)
def _no_device(sock: Any, address: Any) -> str | None:
    """On the own node the port is free; another node may have gone, which leaves no trace."""
    node = address[0] if type(address) is tuple else address.node
    return _NO_PORT if node == sock.getsockname()[0] else None


@one_of(_NO_DESTINATION, _BROADCAST)
def _not_connected(sock: Any, address: Any) -> str:
    return _NO_DESTINATION if address is None else _BROADCAST


HINTS: dict[Any, Any] = {
    ("bind", EACCES): _PORT,
    **{(operation, ECONNRESET): _NO_NODE for operation in _SENDS},
    **{(operation, ENODEV): _no_device for operation in _SENDS},
    **{(operation, ENOSPC): _FULL for operation in _SENDS},
    **{(operation, ENOTCONN): _not_connected for operation in _SENDS},
}
