"""Control messages of AF_NETLINK, at level SOL_NETLINK. Source: linux/netlink.h.

SCM_CREDENTIALS comes with SO_PASSCRED, as on any socket.
"""

from __future__ import annotations

from famsock.plugin import ControlType, Struct, codecs, control_rows, cstruct
from famsock_netlink import constants
from famsock_netlink.constants import SOL_NETLINK

__all__ = [
    "NETLINK_LISTEN_ALL_NSID",
    "NETLINK_PKTINFO",
    "PacketInfo",
]


@cstruct.struct("struct nl_pktinfo", header="linux/netlink.h")
class PacketInfo(Struct):
    """The multicast group that a message was sent to, 0 for none (NETLINK_PKTINFO)."""

    group: int = cstruct.u32("group")


_row = control_rows(SOL_NETLINK, constants)

NETLINK_PKTINFO: ControlType[PacketInfo] = _row("NETLINK_PKTINFO", PacketInfo)
NETLINK_LISTEN_ALL_NSID: ControlType[int] = _row("NETLINK_LISTEN_ALL_NSID", codecs.INT)
