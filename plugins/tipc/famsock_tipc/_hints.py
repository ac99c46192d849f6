"""Hints for failures of AF_TIPC, each true for every cause of its errno in its call.

Causes are those of the kernel's net/tipc/socket.c: tipc_bind, tipc_sk_join, __tipc_sendmsg,
tipc_connect, tipc_send_group_unicast; and of tipc_node_xmit.
"""

from __future__ import annotations

from errno import EACCES, EHOSTUNREACH, ETIMEDOUT

from famsock.plugin import Hint, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SOCKET_ADDRESS = 3
_DESTINED = ("connect", "sendto", "sendmsg", "sendmmsg")

_BIND = Hint("service types below 64 belong to TIPC; a socket in a group can have no name")
_JOIN = Hint("types below 64 belong to TIPC; a socket can be in one group only")
_NO_NAME = Hint(
    "no socket that can be reached has this name, in a group no member; wait for it with "
    "TipcSeqpacketSocket.subscribe()",
    check="tipc nametable show lists the names that can be reached",
)
_NOT_ACCEPTED = Hint(
    "the server did not accept the connection within TIPC_CONN_TIMEOUT, 8 s if it is not set; with "
    "a full backlog it drops what arrives",
    check="sock.get_option(TIPC_CONN_TIMEOUT) tells the milliseconds; tipc nametable show tells "
    "whether the server's name is bound",
    possible=True,
)
_NO_NODE = Hint(
    "no link leads to the node of this address, or in a group, no member has it",
    check="tipc link list",
)


@one_of(_NO_NODE, _NO_NAME)
def _unreachable(sock: Any, address: Any) -> str:
    is_socket = address[0] == _SOCKET_ADDRESS if type(address) is tuple else hasattr(address, "ref")
    return _NO_NODE if is_socket else _NO_NAME


HINTS: dict[Any, Any] = {
    ("bind", EACCES): _BIND,
    ("set_option", EACCES): _JOIN,
    ("connect", ETIMEDOUT): _NOT_ACCEPTED,
    **{(operation, EHOSTUNREACH): _unreachable for operation in _DESTINED},
}
