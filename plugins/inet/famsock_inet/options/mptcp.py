"""SOL_MPTCP's options. Sources: linux/mptcp.h, Documentation/networking/mptcp.rst."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option
from famsock_inet.constants import SOL_MPTCP
from famsock_inet.deferred import deferred
from famsock_inet.options.rows import rows_of

if TYPE_CHECKING:
    from famsock_inet.structs import mptcp, tcp

_row = rows_of(SOL_MPTCP)

MPTCP_INFO: Option[mptcp.MptcpInfo] = _row("MPTCP_INFO", deferred("structs.mptcp:MPTCP_INFO"), "r")

# These two are asked with True: get_option(MPTCP_TCPINFO, True).
MPTCP_TCPINFO: Option[tuple[tcp.TcpInfo, ...]] = _row(
    "MPTCP_TCPINFO",
    deferred("structs.mptcp:SUBFLOW_TCP_INFO"),
    "r",
    deferred("structs.mptcp:SUBFLOW_TCP_INFO"),
)
MPTCP_SUBFLOW_ADDRS: Option[tuple[mptcp.MptcpSubflowAddrs, ...]] = _row(
    "MPTCP_SUBFLOW_ADDRS",
    deferred("structs.mptcp:SUBFLOW_ADDRS"),
    "r",
    deferred("structs.mptcp:SUBFLOW_ADDRS"),
)
MPTCP_FULL_INFO: Option[mptcp.MptcpFullInfo] = _row(
    "MPTCP_FULL_INFO",
    deferred("structs.mptcp:MptcpFullInfo"),
    "r",
    deferred("structs.mptcp:MptcpFullInfo"),
)
