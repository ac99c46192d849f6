"""Multipath TCP. Sources: RFC 8684, Documentation/networking/mptcp.rst."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, SOCK_STREAM
from typing import TYPE_CHECKING

from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.constants import IPPROTO_MPTCP
from famsock_inet.options import mptcp
from famsock_inet.sockets._families import A, F
from famsock_inet.sockets.tcp import AnyTcpSocket

if TYPE_CHECKING:
    from famsock_inet.structs.mptcp import MptcpInfo, MptcpSubflowAddrs
    from famsock_inet.structs.tcp import TcpInfo

__all__ = [
    "AnyMptcpSocket",
    "Mptcp6Socket",
    "MptcpSocket",
]


class AnyMptcpSocket(AnyTcpSocket[A, F]):
    """An MPTCP socket of either family: the state of the connection and of its subflows."""

    __slots__ = ()

    def mptcp_info(self) -> MptcpInfo:
        """Return the state of the connection; OSError EOPNOTSUPP after falling back to TCP."""
        return self.get_option(mptcp.MPTCP_INFO)

    def subflows(self) -> tuple[MptcpSubflowAddrs, ...]:
        """Return the two ends of each subflow."""
        return self.get_option(mptcp.MPTCP_SUBFLOW_ADDRS, True)

    def subflow_tcp_infos(self) -> tuple[TcpInfo, ...]:
        """Return the TCP state of each subflow."""
        return self.get_option(mptcp.MPTCP_TCPINFO, True)


class MptcpSocket(
    AnyMptcpSocket[InetAddress, tuple[str, int]],
    family=AF_INET,
    type=SOCK_STREAM,
    proto=IPPROTO_MPTCP,
):
    """An MPTCP socket of AF_INET."""

    __slots__ = ()

    if TYPE_CHECKING:

        def accept(self) -> tuple[MptcpSocket, tuple[str, int]]: ...


class Mptcp6Socket(
    AnyMptcpSocket[Inet6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=SOCK_STREAM,
    proto=IPPROTO_MPTCP,
):
    """An MPTCP socket of AF_INET6."""

    __slots__ = ()

    if TYPE_CHECKING:

        def accept(self) -> tuple[Mptcp6Socket, tuple[str, int, int, int]]: ...
