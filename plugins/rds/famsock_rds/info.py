"""The state of RDS: the elements of the RDS_INFO_* snapshots.

Addresses are text. All structs are packed, in host order but for addresses and ports.
Source: linux/rds.h, rds-info(1), net/rds/info.c.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from famsock.plugin import CType, Struct, cstruct
from famsock_rds.constants import (
    RDS_INFO_CONNECTION_FLAG_CONNECTED,
    RDS_INFO_CONNECTION_FLAG_CONNECTING,
    RDS_INFO_CONNECTION_FLAG_SENDING,
    RDS_INFO_MESSAGE_FLAG_ACK,
    RDS_INFO_MESSAGE_FLAG_FAST_ACK,
    TRANSNAMSIZ,
)

__all__ = [
    "Connection",
    "Connection6",
    "Counter",
    "QueuedMessage",
    "QueuedMessage6",
    "RdmaConnection",
    "RdmaConnection6",
    "SocketInfo",
    "SocketInfo6",
    "TcpSocket",
    "TcpSocket6",
]

_HEADER = "linux/rds.h"


def _address(c: str, family: int, size: int) -> CType:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(f"must be str, not {type(value).__name__}")
        try:
            return inet_ntop(family, inet_pton(family, value))
        except OSError:
            raise ValueError(f"must be an IP address, not {value!r}") from None

    return CType(
        c=c,
        code=f"{size}s",
        check=check,
        encode=lambda value, _lookup: inet_pton(family, value),
        decode=lambda raw, _lookup: inet_ntop(family, raw),
    )


_IPV4 = _address("__be32", AF_INET, 4)
_IPV6 = _address("struct in6_addr", AF_INET6, 16)
_TRANSPORT = cstruct.char_array(TRANSNAMSIZ)


@cstruct.struct("struct rds_info_counter", header=_HEADER, size=40)
class Counter(Struct):
    """RDS_INFO_COUNTERS: one of the transports' and the core's counters."""

    name: str = cstruct.char("name", 32)
    value: int = cstruct.u64("value")


class _Connection(Struct):
    """The common part of connections of both IP versions."""

    __slots__ = ()
    flags: int

    @property
    def sending(self) -> bool:
        """True if a message is being sent."""
        return bool(self.flags & RDS_INFO_CONNECTION_FLAG_SENDING)

    @property
    def connecting(self) -> bool:
        """True if the connection is being made."""
        return bool(self.flags & RDS_INFO_CONNECTION_FLAG_CONNECTING)

    @property
    def connected(self) -> bool:
        """True if the connection exists."""
        return bool(self.flags & RDS_INFO_CONNECTION_FLAG_CONNECTED)


@cstruct.struct("struct rds_info_connection", header=_HEADER, size=42)
class Connection(_Connection):
    """RDS_INFO_CONNECTIONS: a connection between two hosts, which all sockets share."""

    next_tx_seq: int = cstruct.u64("next_tx_seq", offset=0)
    next_rx_seq: int = cstruct.u64("next_rx_seq", offset=8)
    local_host: str = cstruct.field(_IPV4, "laddr", offset=16)
    peer_host: str = cstruct.field(_IPV4, "faddr", offset=20)
    transport: str = cstruct.field(_TRANSPORT, "transport", offset=24)
    flags: int = cstruct.u8("flags", offset=40)
    tos: int = cstruct.u8("tos", offset=41)


@cstruct.struct("struct rds6_info_connection", header=_HEADER, size=65)
class Connection6(_Connection):
    """RDS6_INFO_CONNECTIONS: a connection between two hosts, by IPv6 (or mapped) addresses."""

    next_tx_seq: int = cstruct.u64("next_tx_seq", offset=0)
    next_rx_seq: int = cstruct.u64("next_rx_seq", offset=8)
    local_host: str = cstruct.field(_IPV6, "laddr", offset=16)
    peer_host: str = cstruct.field(_IPV6, "faddr", offset=32)
    transport: str = cstruct.field(_TRANSPORT, "transport", offset=48)
    flags: int = cstruct.u8("flags", offset=64)


class _Message(Struct):
    """The common part of queued messages of both IP versions."""

    __slots__ = ()
    flags: int

    @property
    def acknowledged(self) -> bool:
        """True if the peer has acknowledged the message."""
        return bool(self.flags & RDS_INFO_MESSAGE_FLAG_ACK)

    @property
    def fast_acknowledged(self) -> bool:
        """True if the transport has acknowledged the message."""
        return bool(self.flags & RDS_INFO_MESSAGE_FLAG_FAST_ACK)


@cstruct.struct("struct rds_info_message", header=_HEADER, size=26)
class QueuedMessage(_Message):
    """RDS_INFO_SEND_MESSAGES, RETRANS_MESSAGES, RECV_MESSAGES: a message that waits."""

    seq: int = cstruct.u64("seq", offset=0)
    data_bytes: int = cstruct.u32("len", offset=8)
    local_host: str = cstruct.field(_IPV4, "laddr", offset=12)
    peer_host: str = cstruct.field(_IPV4, "faddr", offset=16)
    local_port: int = cstruct.be16("lport", offset=20)
    peer_port: int = cstruct.be16("fport", offset=22)
    flags: int = cstruct.u8("flags", offset=24)
    tos: int = cstruct.u8("tos", offset=25)


@cstruct.struct("struct rds6_info_message", header=_HEADER, size=50)
class QueuedMessage6(_Message):
    """RDS6_INFO_SEND_MESSAGES, RETRANS_MESSAGES, RECV_MESSAGES: a message that waits."""

    seq: int = cstruct.u64("seq", offset=0)
    data_bytes: int = cstruct.u32("len", offset=8)
    local_host: str = cstruct.field(_IPV6, "laddr", offset=12)
    peer_host: str = cstruct.field(_IPV6, "faddr", offset=28)
    local_port: int = cstruct.be16("lport", offset=44)
    peer_port: int = cstruct.be16("fport", offset=46)
    flags: int = cstruct.u8("flags", offset=48)
    tos: int = cstruct.u8("tos", offset=49)


@cstruct.struct("struct rds_info_socket", header=_HEADER, size=28)
class SocketInfo(Struct):
    """RDS_INFO_SOCKETS: a socket of RDS on this host."""

    send_buffer_bytes: int = cstruct.u32("sndbuf", offset=0)
    local_host: str = cstruct.field(_IPV4, "bound_addr", offset=4)
    peer_host: str = cstruct.field(_IPV4, "connected_addr", offset=8)
    local_port: int = cstruct.be16("bound_port", offset=12)
    peer_port: int = cstruct.be16("connected_port", offset=14)
    receive_buffer_bytes: int = cstruct.u32("rcvbuf", offset=16)
    inode: int = cstruct.u64("inum", offset=20)


@cstruct.struct("struct rds6_info_socket", header=_HEADER, size=52)
class SocketInfo6(Struct):
    """RDS6_INFO_SOCKETS: a socket of RDS on this host, by IPv6 (or mapped) addresses."""

    send_buffer_bytes: int = cstruct.u32("sndbuf", offset=0)
    local_host: str = cstruct.field(_IPV6, "bound_addr", offset=4)
    peer_host: str = cstruct.field(_IPV6, "connected_addr", offset=20)
    local_port: int = cstruct.be16("bound_port", offset=36)
    peer_port: int = cstruct.be16("connected_port", offset=38)
    receive_buffer_bytes: int = cstruct.u32("rcvbuf", offset=40)
    inode: int = cstruct.u64("inum", offset=44)


@cstruct.struct("struct rds_info_tcp_socket", header=_HEADER, size=41)
class TcpSocket(Struct):
    """RDS_INFO_TCP_SOCKETS: a TCP connection that carries RDS."""

    local_host: str = cstruct.field(_IPV4, "local_addr", offset=0)
    local_port: int = cstruct.be16("local_port", offset=4)
    peer_host: str = cstruct.field(_IPV4, "peer_addr", offset=6)
    peer_port: int = cstruct.be16("peer_port", offset=10)
    header_remaining_bytes: int = cstruct.u64("hdr_rem", offset=12)
    data_remaining_bytes: int = cstruct.u64("data_rem", offset=20)
    last_sent_next: int = cstruct.u32("last_sent_nxt", offset=28)
    last_expected_unacknowledged: int = cstruct.u32("last_expected_una", offset=32)
    last_seen_unacknowledged: int = cstruct.u32("last_seen_una", offset=36)
    tos: int = cstruct.u8("tos", offset=40)


@cstruct.struct("struct rds6_info_tcp_socket", header=_HEADER, size=64)
class TcpSocket6(Struct):
    """RDS6_INFO_TCP_SOCKETS: a TCP connection that carries RDS."""

    local_host: str = cstruct.field(_IPV6, "local_addr", offset=0)
    local_port: int = cstruct.be16("local_port", offset=16)
    peer_host: str = cstruct.field(_IPV6, "peer_addr", offset=18)
    peer_port: int = cstruct.be16("peer_port", offset=34)
    header_remaining_bytes: int = cstruct.u64("hdr_rem", offset=36)
    data_remaining_bytes: int = cstruct.u64("data_rem", offset=44)
    last_sent_next: int = cstruct.u32("last_sent_nxt", offset=52)
    last_expected_unacknowledged: int = cstruct.u32("last_expected_una", offset=56)
    last_seen_unacknowledged: int = cstruct.u32("last_seen_una", offset=60)


@cstruct.struct("struct rds_info_rdma_connection", header=_HEADER)
class RdmaConnection(Struct):
    """RDS_INFO_IB_CONNECTIONS: a connection over InfiniBand or RoCE."""

    local_host: str = cstruct.field(_IPV4, "src_addr", offset=0)
    peer_host: str = cstruct.field(_IPV4, "dst_addr", offset=4)
    local_gid: bytes = cstruct.raw("src_gid", 16)
    peer_gid: bytes = cstruct.raw("dst_gid", 16)
    max_send_wr: int = cstruct.u32("max_send_wr")
    max_recv_wr: int = cstruct.u32("max_recv_wr")
    max_send_sge: int = cstruct.u32("max_send_sge")
    rdma_mr_max: int = cstruct.u32("rdma_mr_max")
    rdma_mr_size: int = cstruct.u32("rdma_mr_size")
    tos: int = cstruct.u8("tos")
    sl: int = cstruct.u8("sl")
    cache_allocs: int = cstruct.u32("cache_allocs")


@cstruct.struct("struct rds6_info_rdma_connection", header=_HEADER)
class RdmaConnection6(Struct):
    """RDS6_INFO_IB_CONNECTIONS: a connection over InfiniBand or RoCE."""

    local_host: str = cstruct.field(_IPV6, "src_addr", offset=0)
    peer_host: str = cstruct.field(_IPV6, "dst_addr", offset=16)
    local_gid: bytes = cstruct.raw("src_gid", 16)
    peer_gid: bytes = cstruct.raw("dst_gid", 16)
    max_send_wr: int = cstruct.u32("max_send_wr")
    max_recv_wr: int = cstruct.u32("max_recv_wr")
    max_send_sge: int = cstruct.u32("max_send_sge")
    rdma_mr_max: int = cstruct.u32("rdma_mr_max")
    rdma_mr_size: int = cstruct.u32("rdma_mr_size")
    tos: int = cstruct.u8("tos")
    sl: int = cstruct.u8("sl")
    cache_allocs: int = cstruct.u32("cache_allocs")
