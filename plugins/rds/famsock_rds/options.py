"""Socket options of AF_RDS, all at level SOL_RDS. Source: linux/rds.h, rds(7), net/rds/af_rds.c.

The RDS_INFO_* rows read snapshots of the whole network namespace, of `SNAPSHOT_LIMIT` elements at
most (OSError ENOSPC for more); RdsSocket.snapshot reads them at any size.
"""

from __future__ import annotations

from typing import TypeVar

from famsock.plugin import Codec, Option, Struct, codecs, option_rows
from famsock_rds import constants, info
from famsock_rds.addresses import RdsAddress
from famsock_rds.constants import SOL_RDS
from famsock_rds.structs import FreeMemoryRegion, GetMemoryRegion, GetMemoryRegionFor, LatencyTrace

_S = TypeVar("_S", bound=Struct)

_SNAPSHOT_LIMIT = 256
_SOCKADDR_BYTES = 28


def _encode_address(value: RdsAddress) -> bytes:
    if not isinstance(value, RdsAddress):
        raise TypeError(f"must be RdsAddress, not {type(value).__name__}")
    return value.pack()


_ADDRESS: Codec[RdsAddress] = Codec(
    c="struct sockaddr_in6",
    size_bytes=_SOCKADDR_BYTES,
    encode=_encode_address,
    decode=RdsAddress.unpack,
)

_row = option_rows(SOL_RDS, constants)


def _snapshot(name: str, cls: type[_S]) -> Option[tuple[_S, ...]]:
    return _row(name, codecs.array(codecs.struct(cls), _SNAPSHOT_LIMIT), "r")


RDS_CANCEL_SENT_TO: Option[RdsAddress] = _row("RDS_CANCEL_SENT_TO", _ADDRESS, "w")
"""Drop what this socket has queued for a host and port, both as they were sent to."""

RDS_GET_MR: Option[GetMemoryRegion] = _row("RDS_GET_MR", GetMemoryRegion, "w")
RDS_FREE_MR: Option[FreeMemoryRegion] = _row("RDS_FREE_MR", FreeMemoryRegion, "w")
RDS_GET_MR_FOR_DEST: Option[GetMemoryRegionFor] = _row(
    "RDS_GET_MR_FOR_DEST", GetMemoryRegionFor, "w"
)
RDS_RECVERR: Option[bool] = _row("RDS_RECVERR", codecs.BOOL, "rw")
"""True to report messages that are not delivered (RDS_CMSG_RDMA_STATUS)."""

RDS_CONG_MONITOR: Option[bool] = _row("RDS_CONG_MONITOR", codecs.BOOL, "w")
"""True to report the end of congestion by RDS_CMSG_CONG_UPDATE. A flag: the kernel keeps the mask
of ports itself.
"""

SO_RDS_TRANSPORT: Option[int] = _row("SO_RDS_TRANSPORT", codecs.INT, "rw")
"""RDS_TRANS_IB (0) or RDS_TRANS_TCP (2), set before bind; RDS_TRANS_NONE (-1) until then."""

SO_RDS_MSG_RXPATH_LATENCY: Option[LatencyTrace] = _row(
    "SO_RDS_MSG_RXPATH_LATENCY", LatencyTrace, "w"
)

RDS_INFO_COUNTERS: Option[tuple[info.Counter, ...]] = _snapshot("RDS_INFO_COUNTERS", info.Counter)
RDS_INFO_CONNECTIONS: Option[tuple[info.Connection, ...]] = _snapshot(
    "RDS_INFO_CONNECTIONS", info.Connection
)
RDS_INFO_SEND_MESSAGES: Option[tuple[info.QueuedMessage, ...]] = _snapshot(
    "RDS_INFO_SEND_MESSAGES", info.QueuedMessage
)
RDS_INFO_RETRANS_MESSAGES: Option[tuple[info.QueuedMessage, ...]] = _snapshot(
    "RDS_INFO_RETRANS_MESSAGES", info.QueuedMessage
)
RDS_INFO_RECV_MESSAGES: Option[tuple[info.QueuedMessage, ...]] = _snapshot(
    "RDS_INFO_RECV_MESSAGES", info.QueuedMessage
)
RDS_INFO_SOCKETS: Option[tuple[info.SocketInfo, ...]] = _snapshot(
    "RDS_INFO_SOCKETS", info.SocketInfo
)
RDS_INFO_TCP_SOCKETS: Option[tuple[info.TcpSocket, ...]] = _snapshot(
    "RDS_INFO_TCP_SOCKETS", info.TcpSocket
)
RDS_INFO_IB_CONNECTIONS: Option[tuple[info.RdmaConnection, ...]] = _snapshot(
    "RDS_INFO_IB_CONNECTIONS", info.RdmaConnection
)
RDS6_INFO_CONNECTIONS: Option[tuple[info.Connection6, ...]] = _snapshot(
    "RDS6_INFO_CONNECTIONS", info.Connection6
)
RDS6_INFO_SEND_MESSAGES: Option[tuple[info.QueuedMessage6, ...]] = _snapshot(
    "RDS6_INFO_SEND_MESSAGES", info.QueuedMessage6
)
RDS6_INFO_RETRANS_MESSAGES: Option[tuple[info.QueuedMessage6, ...]] = _snapshot(
    "RDS6_INFO_RETRANS_MESSAGES", info.QueuedMessage6
)
RDS6_INFO_RECV_MESSAGES: Option[tuple[info.QueuedMessage6, ...]] = _snapshot(
    "RDS6_INFO_RECV_MESSAGES", info.QueuedMessage6
)
RDS6_INFO_SOCKETS: Option[tuple[info.SocketInfo6, ...]] = _snapshot(
    "RDS6_INFO_SOCKETS", info.SocketInfo6
)
RDS6_INFO_TCP_SOCKETS: Option[tuple[info.TcpSocket6, ...]] = _snapshot(
    "RDS6_INFO_TCP_SOCKETS", info.TcpSocket6
)
RDS6_INFO_IB_CONNECTIONS: Option[tuple[info.RdmaConnection6, ...]] = _snapshot(
    "RDS6_INFO_IB_CONNECTIONS", info.RdmaConnection6
)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
