"""Multipath TCP. Sources: RFC 8684, Documentation/networking/mptcp.rst."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock_inet.options import mptcp
from famsock_inet.sockets.tcp import TcpOperations

if TYPE_CHECKING:
    from famsock_inet.structs.mptcp import MptcpInfo, MptcpSubflowAddrs
    from famsock_inet.structs.tcp import TcpInfo


class MptcpOperations(TcpOperations):
    """Multipath TCP: the state of the connection and of its subflows."""

    def mptcp_info(self) -> MptcpInfo:
        """Return the state of the connection; OSError EOPNOTSUPP after falling back to TCP."""
        info: MptcpInfo = self._sock.get_option(mptcp.MPTCP_INFO)
        return info

    def subflows(self) -> tuple[MptcpSubflowAddrs, ...]:
        """Return the two ends of each subflow."""
        found: tuple[MptcpSubflowAddrs, ...]
        found = self._sock.get_option(mptcp.MPTCP_SUBFLOW_ADDRS, True)
        return found

    def subflow_tcp_infos(self) -> tuple[TcpInfo, ...]:
        """Return the TCP state of each subflow."""
        found: tuple[TcpInfo, ...] = self._sock.get_option(mptcp.MPTCP_TCPINFO, True)
        return found
