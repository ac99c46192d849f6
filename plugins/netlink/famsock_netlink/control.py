"""Control messages of AF_NETLINK, at level SOL_NETLINK. Source: linux/netlink.h.

SCM_CREDENTIALS comes with SO_PASSCRED, as on any socket.
"""

from __future__ import annotations

from famsock.plugin import ControlType, Struct, control_rows, values, wire
from famsock_netlink import constants
from famsock_netlink.constants import SOL_NETLINK


@wire.struct("struct nl_pktinfo", header="linux/netlink.h")
class PacketInfo(Struct):
    """The multicast group that a message was sent to, 0 for none (NETLINK_PKTINFO)."""

    group: int = wire.u32("group")


_row = control_rows(SOL_NETLINK, constants)

NETLINK_PKTINFO: ControlType[PacketInfo] = _row("NETLINK_PKTINFO", PacketInfo)
NETLINK_LISTEN_ALL_NSID: ControlType[int] = _row("NETLINK_LISTEN_ALL_NSID", values.INT)
