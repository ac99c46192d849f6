"""SOL_MPTCP's options. Sources: linux/mptcp.h, Documentation/networking/mptcp.rst."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_MPTCP

if TYPE_CHECKING:
    from famsock_inet.structs import mptcp, tcp

_row = option_rows(SOL_MPTCP, constants, "famsock_inet.structs.mptcp")

MPTCP_INFO: Option[mptcp.MptcpInfo] = _row("MPTCP_INFO", "MPTCP_INFO", "r")

# These two are asked with True: get_option(MPTCP_TCPINFO, True).
MPTCP_TCPINFO: Option[tuple[tcp.TcpInfo, ...]] = _row(
    "MPTCP_TCPINFO", "SUBFLOW_TCP_INFO", "r", "SUBFLOW_TCP_INFO"
)
MPTCP_SUBFLOW_ADDRS: Option[tuple[mptcp.MptcpSubflowAddrs, ...]] = _row(
    "MPTCP_SUBFLOW_ADDRS", "SUBFLOW_ADDRS", "r", "SUBFLOW_ADDRS"
)
MPTCP_FULL_INFO: Option[mptcp.MptcpFullInfo] = _row(
    "MPTCP_FULL_INFO", "MptcpFullInfo", "r", "MptcpFullInfo", since="6.5"
)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
