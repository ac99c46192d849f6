"""IPPROTO_IP's options; IPv6 sockets that speak IPv4 have them too. Sources: ip(7), linux/in.h."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_IP

if TYPE_CHECKING:
    from famsock.plugin import Address
    from famsock_inet.structs import ip, mroute

_row = option_rows(SOL_IP, constants, "famsock_inet.structs.ip")
_mroute = option_rows(SOL_IP, constants, "famsock_inet.structs.mroute")

IP_TOS: Option[int] = _row("IP_TOS", codecs.INT)
IP_TTL: Option[int] = _row("IP_TTL", codecs.INT)
IP_HDRINCL: Option[bool] = _row("IP_HDRINCL", codecs.BOOL)
IP_OPTIONS: Option[bytes] = _row("IP_OPTIONS", codecs.raw(40))
IP_ROUTER_ALERT: Option[bool] = _row("IP_ROUTER_ALERT", codecs.BOOL)
IP_RECVOPTS: Option[bool] = _row("IP_RECVOPTS", codecs.BOOL)
IP_RETOPTS: Option[bool] = _row("IP_RETOPTS", codecs.BOOL)
IP_PKTINFO: Option[bool] = _row("IP_PKTINFO", codecs.BOOL)
IP_PKTOPTIONS: Option[bytes] = _row("IP_PKTOPTIONS", codecs.raw(1024), "r")
IP_MTU_DISCOVER: Option[int] = _row("IP_MTU_DISCOVER", codecs.INT)
IP_RECVERR: Option[bool] = _row("IP_RECVERR", codecs.BOOL)
IP_RECVTTL: Option[bool] = _row("IP_RECVTTL", codecs.BOOL)
IP_RECVTOS: Option[bool] = _row("IP_RECVTOS", codecs.BOOL)
IP_MTU: Option[int] = _row("IP_MTU", codecs.INT, "r")
IP_FREEBIND: Option[bool] = _row("IP_FREEBIND", codecs.BOOL)
IP_IPSEC_POLICY: Option[bytes] = _row("IP_IPSEC_POLICY", codecs.raw(1024), "w")
IP_XFRM_POLICY: Option[bytes] = _row("IP_XFRM_POLICY", codecs.raw(1024), "w")
IP_PASSSEC: Option[bool] = _row("IP_PASSSEC", codecs.BOOL)
IP_TRANSPARENT: Option[bool] = _row("IP_TRANSPARENT", codecs.BOOL)
IP_RECVORIGDSTADDR: Option[bool] = _row("IP_RECVORIGDSTADDR", codecs.BOOL)
IP_MINTTL: Option[int] = _row("IP_MINTTL", codecs.INT)
IP_NODEFRAG: Option[bool] = _row("IP_NODEFRAG", codecs.BOOL)
IP_CHECKSUM: Option[bool] = _row("IP_CHECKSUM", codecs.BOOL)
IP_BIND_ADDRESS_NO_PORT: Option[bool] = _row("IP_BIND_ADDRESS_NO_PORT", codecs.BOOL)
IP_RECVFRAGSIZE: Option[bool] = _row("IP_RECVFRAGSIZE", codecs.BOOL)
IP_RECVERR_RFC4884: Option[bool] = _row("IP_RECVERR_RFC4884", codecs.BOOL)
IP_UNICAST_IF: Option[int] = _row("IP_UNICAST_IF", codecs.BE32)
IP_LOCAL_PORT_RANGE: Option[tuple[int, int]] = _row("IP_LOCAL_PORT_RANGE", "PORT_RANGE")
IP_PROTOCOL: Option[int] = _row("IP_PROTOCOL", codecs.INT, "r")
SO_ORIGINAL_DST: Option[Address] = _row("SO_ORIGINAL_DST", "SOCKADDR_IN", "r")

# Multicast: the interface is chosen by address, or by IpMreqn; it reads back as address.
IP_MULTICAST_IF: Option[ip.IpMreqn | str] = _row("IP_MULTICAST_IF", "MULTICAST_IF")
IP_MULTICAST_TTL: Option[int] = _row("IP_MULTICAST_TTL", codecs.INT)
IP_MULTICAST_LOOP: Option[bool] = _row("IP_MULTICAST_LOOP", codecs.BOOL)
IP_MULTICAST_ALL: Option[bool] = _row("IP_MULTICAST_ALL", codecs.BOOL)
IP_ADD_MEMBERSHIP: Option[ip.IpMreqn] = _row("IP_ADD_MEMBERSHIP", "IpMreqn", "w")
IP_DROP_MEMBERSHIP: Option[ip.IpMreqn] = _row("IP_DROP_MEMBERSHIP", "IpMreqn", "w")
IP_ADD_SOURCE_MEMBERSHIP: Option[ip.IpMreqSource] = _row(
    "IP_ADD_SOURCE_MEMBERSHIP", "IpMreqSource", "w"
)
IP_DROP_SOURCE_MEMBERSHIP: Option[ip.IpMreqSource] = _row(
    "IP_DROP_SOURCE_MEMBERSHIP", "IpMreqSource", "w"
)
IP_BLOCK_SOURCE: Option[ip.IpMreqSource] = _row("IP_BLOCK_SOURCE", "IpMreqSource", "w")
IP_UNBLOCK_SOURCE: Option[ip.IpMreqSource] = _row("IP_UNBLOCK_SOURCE", "IpMreqSource", "w")
IP_MSFILTER: Option[ip.IpMsfilter] = _row("IP_MSFILTER", "MSFILTER", "rw", "MSFILTER_REQUEST")
MCAST_JOIN_GROUP: Option[ip.GroupReq] = _row("MCAST_JOIN_GROUP", "GroupReq", "w")
MCAST_LEAVE_GROUP: Option[ip.GroupReq] = _row("MCAST_LEAVE_GROUP", "GroupReq", "w")
MCAST_JOIN_SOURCE_GROUP: Option[ip.GroupSourceReq] = _row(
    "MCAST_JOIN_SOURCE_GROUP", "GroupSourceReq", "w"
)
MCAST_LEAVE_SOURCE_GROUP: Option[ip.GroupSourceReq] = _row(
    "MCAST_LEAVE_SOURCE_GROUP", "GroupSourceReq", "w"
)
MCAST_BLOCK_SOURCE: Option[ip.GroupSourceReq] = _row("MCAST_BLOCK_SOURCE", "GroupSourceReq", "w")
MCAST_UNBLOCK_SOURCE: Option[ip.GroupSourceReq] = _row(
    "MCAST_UNBLOCK_SOURCE", "GroupSourceReq", "w"
)
MCAST_MSFILTER: Option[ip.GroupFilter] = _row(
    "MCAST_MSFILTER", "GROUP_FILTER", "rw", "GROUP_FILTER_REQUEST"
)

# Multicast routing, on a raw socket of IPPROTO_IGMP with CAP_NET_ADMIN: one in a network namespace.
MRT_INIT: Option[int] = _row("MRT_INIT", codecs.INT, "w")
MRT_DONE: Option[int] = _row("MRT_DONE", codecs.INT, "w")
MRT_ADD_VIF: Option[mroute.Vifctl] = _mroute("MRT_ADD_VIF", "Vifctl", "w")
MRT_DEL_VIF: Option[mroute.Vifctl] = _mroute("MRT_DEL_VIF", "Vifctl", "w")
MRT_ADD_MFC: Option[mroute.Mfcctl] = _mroute("MRT_ADD_MFC", "Mfcctl", "w")
MRT_DEL_MFC: Option[mroute.Mfcctl] = _mroute("MRT_DEL_MFC", "Mfcctl", "w")
MRT_ADD_MFC_PROXY: Option[mroute.Mfcctl] = _mroute("MRT_ADD_MFC_PROXY", "Mfcctl", "w")
MRT_DEL_MFC_PROXY: Option[mroute.Mfcctl] = _mroute("MRT_DEL_MFC_PROXY", "Mfcctl", "w")
MRT_VERSION: Option[int] = _row("MRT_VERSION", codecs.INT, "r")
MRT_ASSERT: Option[int] = _row("MRT_ASSERT", codecs.INT)
MRT_PIM: Option[int] = _row("MRT_PIM", codecs.INT)
MRT_TABLE: Option[int] = _row("MRT_TABLE", codecs.U32, "w")
MRT_FLUSH: Option[int] = _row("MRT_FLUSH", codecs.INT, "w")

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
