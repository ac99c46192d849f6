"""IPPROTO_IPV6's options. Sources: ipv6(7), linux/in6.h, RFC 3493, RFC 3542."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option, option_rows, values
from famsock_inet import constants
from famsock_inet.constants import SOL_IPV6

if TYPE_CHECKING:
    from famsock.plugin import Address
    from famsock_inet.structs import ip, mroute

_row = option_rows(SOL_IPV6, constants, "famsock_inet.structs.ip")
_mroute = option_rows(SOL_IPV6, constants, "famsock_inet.structs.mroute")

IPV6_ADDRFORM: Option[int] = _row("IPV6_ADDRFORM", values.INT)
IPV6_2292PKTINFO: Option[bool] = _row("IPV6_2292PKTINFO", values.BOOL)
IPV6_2292HOPOPTS: Option[bool] = _row("IPV6_2292HOPOPTS", values.BOOL)
IPV6_2292DSTOPTS: Option[bool] = _row("IPV6_2292DSTOPTS", values.BOOL)
IPV6_2292RTHDR: Option[bool] = _row("IPV6_2292RTHDR", values.BOOL)
IPV6_2292PKTOPTIONS: Option[bytes] = _row("IPV6_2292PKTOPTIONS", values.raw(1024))
IPV6_CHECKSUM: Option[int] = _row("IPV6_CHECKSUM", values.INT)
IPV6_2292HOPLIMIT: Option[bool] = _row("IPV6_2292HOPLIMIT", values.BOOL)
IPV6_FLOWINFO: Option[bool] = _row("IPV6_FLOWINFO", values.BOOL)
IPV6_UNICAST_HOPS: Option[int] = _row("IPV6_UNICAST_HOPS", values.INT)
IPV6_ROUTER_ALERT: Option[int] = _row("IPV6_ROUTER_ALERT", values.INT)
IPV6_ROUTER_ALERT_ISOLATE: Option[bool] = _row("IPV6_ROUTER_ALERT_ISOLATE", values.BOOL)
IPV6_MTU_DISCOVER: Option[int] = _row("IPV6_MTU_DISCOVER", values.INT)
IPV6_MTU: Option[int] = _row("IPV6_MTU", values.INT)
IPV6_RECVERR: Option[bool] = _row("IPV6_RECVERR", values.BOOL)
IPV6_RECVERR_RFC4884: Option[bool] = _row("IPV6_RECVERR_RFC4884", values.BOOL)
IPV6_V6ONLY: Option[bool] = _row("IPV6_V6ONLY", values.BOOL)
IPV6_FLOWLABEL_MGR: Option[ip.In6FlowlabelReq] = _row(
    "IPV6_FLOWLABEL_MGR", "In6FlowlabelReq", "rw", "In6FlowlabelReq"
)
IPV6_FLOWINFO_SEND: Option[bool] = _row("IPV6_FLOWINFO_SEND", values.BOOL)
IPV6_IPSEC_POLICY: Option[bytes] = _row("IPV6_IPSEC_POLICY", values.raw(1024), "w")
IPV6_XFRM_POLICY: Option[bytes] = _row("IPV6_XFRM_POLICY", values.raw(1024), "w")
IPV6_HDRINCL: Option[bool] = _row("IPV6_HDRINCL", values.BOOL)
IPV6_RECVPKTINFO: Option[bool] = _row("IPV6_RECVPKTINFO", values.BOOL)
IPV6_PKTINFO: Option[ip.In6Pktinfo] = _row("IPV6_PKTINFO", "In6Pktinfo", "w")
IPV6_RECVHOPLIMIT: Option[bool] = _row("IPV6_RECVHOPLIMIT", values.BOOL)
IPV6_RECVHOPOPTS: Option[bool] = _row("IPV6_RECVHOPOPTS", values.BOOL)
IPV6_HOPOPTS: Option[bytes] = _row("IPV6_HOPOPTS", values.raw(2048))
IPV6_RTHDRDSTOPTS: Option[bytes] = _row("IPV6_RTHDRDSTOPTS", values.raw(2048))
IPV6_RECVRTHDR: Option[bool] = _row("IPV6_RECVRTHDR", values.BOOL)
IPV6_RTHDR: Option[bytes] = _row("IPV6_RTHDR", values.raw(2048))
IPV6_RECVDSTOPTS: Option[bool] = _row("IPV6_RECVDSTOPTS", values.BOOL)
IPV6_DSTOPTS: Option[bytes] = _row("IPV6_DSTOPTS", values.raw(2048))
IPV6_RECVPATHMTU: Option[bool] = _row("IPV6_RECVPATHMTU", values.BOOL)
IPV6_PATHMTU: Option[ip.Ip6Mtuinfo] = _row("IPV6_PATHMTU", "Ip6Mtuinfo", "r")
IPV6_DONTFRAG: Option[bool] = _row("IPV6_DONTFRAG", values.BOOL)
IPV6_RECVTCLASS: Option[bool] = _row("IPV6_RECVTCLASS", values.BOOL)
IPV6_TCLASS: Option[int] = _row("IPV6_TCLASS", values.INT)
IPV6_AUTOFLOWLABEL: Option[bool] = _row("IPV6_AUTOFLOWLABEL", values.BOOL)
IPV6_ADDR_PREFERENCES: Option[int] = _row("IPV6_ADDR_PREFERENCES", values.INT)
IPV6_MINHOPCOUNT: Option[int] = _row("IPV6_MINHOPCOUNT", values.INT)
IPV6_RECVORIGDSTADDR: Option[bool] = _row("IPV6_RECVORIGDSTADDR", values.BOOL)
IPV6_TRANSPARENT: Option[bool] = _row("IPV6_TRANSPARENT", values.BOOL)
IPV6_UNICAST_IF: Option[int] = _row("IPV6_UNICAST_IF", values.BE32)
IPV6_RECVFRAGSIZE: Option[bool] = _row("IPV6_RECVFRAGSIZE", values.BOOL)
IPV6_FREEBIND: Option[bool] = _row("IPV6_FREEBIND", values.BOOL)
IP6T_SO_ORIGINAL_DST: Option[Address] = _row("IP6T_SO_ORIGINAL_DST", "SOCKADDR_IN6", "r")

# Multicast and anycast.
IPV6_MULTICAST_IF: Option[int] = _row("IPV6_MULTICAST_IF", values.INT)
IPV6_MULTICAST_HOPS: Option[int] = _row("IPV6_MULTICAST_HOPS", values.INT)
IPV6_MULTICAST_LOOP: Option[bool] = _row("IPV6_MULTICAST_LOOP", values.BOOL)
IPV6_MULTICAST_ALL: Option[bool] = _row("IPV6_MULTICAST_ALL", values.BOOL)
IPV6_ADD_MEMBERSHIP: Option[ip.Ipv6Mreq] = _row("IPV6_ADD_MEMBERSHIP", "Ipv6Mreq", "w")
IPV6_DROP_MEMBERSHIP: Option[ip.Ipv6Mreq] = _row("IPV6_DROP_MEMBERSHIP", "Ipv6Mreq", "w")
IPV6_JOIN_GROUP: Option[ip.Ipv6Mreq] = _row("IPV6_JOIN_GROUP", "Ipv6Mreq", "w")
IPV6_LEAVE_GROUP: Option[ip.Ipv6Mreq] = _row("IPV6_LEAVE_GROUP", "Ipv6Mreq", "w")
IPV6_JOIN_ANYCAST: Option[ip.Ipv6Mreq] = _row("IPV6_JOIN_ANYCAST", "Ipv6Mreq", "w")
IPV6_LEAVE_ANYCAST: Option[ip.Ipv6Mreq] = _row("IPV6_LEAVE_ANYCAST", "Ipv6Mreq", "w")
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

# Multicast routing, on a raw socket of IPPROTO_ICMPV6 with CAP_NET_ADMIN.
MRT6_INIT: Option[int] = _row("MRT6_INIT", values.INT, "w")
MRT6_DONE: Option[int] = _row("MRT6_DONE", values.INT, "w")
MRT6_ADD_MIF: Option[mroute.Mif6ctl] = _mroute("MRT6_ADD_MIF", "Mif6ctl", "w")
MRT6_DEL_MIF: Option[int] = _row("MRT6_DEL_MIF", values.U16, "w")
MRT6_ADD_MFC: Option[mroute.Mf6cctl] = _mroute("MRT6_ADD_MFC", "Mf6cctl", "w")
MRT6_DEL_MFC: Option[mroute.Mf6cctl] = _mroute("MRT6_DEL_MFC", "Mf6cctl", "w")
MRT6_ADD_MFC_PROXY: Option[mroute.Mf6cctl] = _mroute("MRT6_ADD_MFC_PROXY", "Mf6cctl", "w")
MRT6_DEL_MFC_PROXY: Option[mroute.Mf6cctl] = _mroute("MRT6_DEL_MFC_PROXY", "Mf6cctl", "w")
MRT6_VERSION: Option[int] = _row("MRT6_VERSION", values.INT, "r")
MRT6_ASSERT: Option[int] = _row("MRT6_ASSERT", values.INT)
MRT6_PIM: Option[int] = _row("MRT6_PIM", values.INT)
MRT6_TABLE: Option[int] = _row("MRT6_TABLE", values.U32, "w")
MRT6_FLUSH: Option[int] = _row("MRT6_FLUSH", values.INT, "w")
