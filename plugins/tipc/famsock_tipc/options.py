"""Socket options of AF_TIPC, all at level SOL_TIPC. Source: linux/tipc.h, net/tipc/socket.c."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_tipc import constants
from famsock_tipc.constants import SOL_TIPC
from famsock_tipc.messages import GroupRequest

_row = option_rows(SOL_TIPC, constants)

TIPC_IMPORTANCE: Option[int] = _row("TIPC_IMPORTANCE", codecs.U32)
"""Importance of messages under overload: TIPC_LOW_IMPORTANCE (0) to CRITICAL (3)."""

TIPC_SRC_DROPPABLE: Option[bool] = _row("TIPC_SRC_DROPPABLE", codecs.BOOL)
"""True if messages may be dropped here when a link is congested; not on SOCK_STREAM."""

TIPC_DEST_DROPPABLE: Option[bool] = _row("TIPC_DEST_DROPPABLE", codecs.BOOL)
"""True if undeliverable messages are dropped; otherwise they come back (TIPC_ERRINFO)."""

TIPC_CONN_TIMEOUT: Option[int] = _row("TIPC_CONN_TIMEOUT", codecs.U32)
"""The time limit of connect, in milliseconds; 8000 by default."""

TIPC_NODE_RECVQ_DEPTH: Option[int] = _row("TIPC_NODE_RECVQ_DEPTH", codecs.U32, "r")
"""Always 0 in kernels of today."""

TIPC_SOCK_RECVQ_DEPTH: Option[int] = _row("TIPC_SOCK_RECVQ_DEPTH", codecs.U32, "r")
"""The number of messages that wait to be received."""

TIPC_MCAST_BROADCAST: Option[None] = _row("TIPC_MCAST_BROADCAST", codecs.EMPTY, "w")
"""Multicast by the broadcast link from now on; its value is None."""

TIPC_MCAST_REPLICAST: Option[None] = _row("TIPC_MCAST_REPLICAST", codecs.EMPTY, "w")
"""Multicast by a copy to each node from now on; its value is None."""

TIPC_GROUP_JOIN: Option[GroupRequest] = _row("TIPC_GROUP_JOIN", GroupRequest, "w")
"""Join a communication group. Reading it gives a u32: see TipcRdmSocket.group."""

TIPC_GROUP_LEAVE: Option[None] = _row("TIPC_GROUP_LEAVE", codecs.EMPTY, "w")
"""Leave the communication group; its value is None."""

TIPC_SOCK_RECVQ_USED: Option[int] = _row("TIPC_SOCK_RECVQ_USED", codecs.U32, "r")
"""The bytes of memory that messages waiting to be received take."""

TIPC_NODELAY: Option[bool] = _row("TIPC_NODELAY", codecs.BOOL, "w")
"""True to send small stream messages at once, without bundling; cannot be read."""

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
