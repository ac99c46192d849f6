"""IPPROTO_IPV6's options. Sources: ipv6(7), linux/in6.h, RFC 3493, RFC 3542."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_IPV6

if TYPE_CHECKING:
    from famsock.plugin import Address
    from famsock_inet.structs import ip, mroute

_row = option_rows(SOL_IPV6, constants, "famsock_inet.structs.ip")
_mroute = option_rows(SOL_IPV6, constants, "famsock_inet.structs.mroute")

IPV6_ADDRFORM: Option[int] = _row("IPV6_ADDRFORM", codecs.INT)
IPV6_2292PKTINFO: Option[bool] = _row("IPV6_2292PKTINFO", codecs.BOOL)
IPV6_2292HOPOPTS: Option[bool] = _row("IPV6_2292HOPOPTS", codecs.BOOL)
IPV6_2292DSTOPTS: Option[bool] = _row("IPV6_2292DSTOPTS", codecs.BOOL)
IPV6_2292RTHDR: Option[bool] = _row("IPV6_2292RTHDR", codecs.BOOL)
IPV6_2292PKTOPTIONS: Option[bytes] = _row("IPV6_2292PKTOPTIONS", codecs.raw(1024))
IPV6_CHECKSUM: Option[int] = _row("IPV6_CHECKSUM", codecs.INT)
IPV6_2292HOPLIMIT: Option[bool] = _row("IPV6_2292HOPLIMIT", codecs.BOOL)
IPV6_FLOWINFO: Option[bool] = _row("IPV6_FLOWINFO", codecs.BOOL)
IPV6_UNICAST_HOPS: Option[int] = _row("IPV6_UNICAST_HOPS", codecs.INT)
IPV6_ROUTER_ALERT: Option[int] = _row("IPV6_ROUTER_ALERT", codecs.INT)
IPV6_ROUTER_ALERT_ISOLATE: Option[bool] = _row("IPV6_ROUTER_ALERT_ISOLATE", codecs.BOOL)
IPV6_MTU_DISCOVER: Option[int] = _row("IPV6_MTU_DISCOVER", codecs.INT)
IPV6_MTU: Option[int] = _row("IPV6_MTU", codecs.INT)
IPV6_RECVERR: Option[bool] = _row("IPV6_RECVERR", codecs.BOOL)
IPV6_RECVERR_RFC4884: Option[bool] = _row("IPV6_RECVERR_RFC4884", codecs.BOOL)
IPV6_V6ONLY: Option[bool] = _row("IPV6_V6ONLY", codecs.BOOL)
IPV6_FLOWLABEL_MGR: Option[ip.In6FlowlabelReq] = _row(
    "IPV6_FLOWLABEL_MGR", "In6FlowlabelReq", "rw", "In6FlowlabelReq"
)
IPV6_FLOWINFO_SEND: Option[bool] = _row("IPV6_FLOWINFO_SEND", codecs.BOOL)
IPV6_IPSEC_POLICY: Option[bytes] = _row("IPV6_IPSEC_POLICY", codecs.raw(1024), "w")
IPV6_XFRM_POLICY: Option[bytes] = _row("IPV6_XFRM_POLICY", codecs.raw(1024), "w")
IPV6_HDRINCL: Option[bool] = _row("IPV6_HDRINCL", codecs.BOOL)
IPV6_RECVPKTINFO: Option[bool] = _row("IPV6_RECVPKTINFO", codecs.BOOL)
IPV6_PKTINFO: Option[ip.In6Pktinfo] = _row("IPV6_PKTINFO", "In6Pktinfo", "w")
IPV6_RECVHOPLIMIT: Option[bool] = _row("IPV6_RECVHOPLIMIT", codecs.BOOL)
IPV6_RECVHOPOPTS: Option[bool] = _row("IPV6_RECVHOPOPTS", codecs.BOOL)
IPV6_HOPOPTS: Option[bytes] = _row("IPV6_HOPOPTS", codecs.raw(2048))
IPV6_RTHDRDSTOPTS: Option[bytes] = _row("IPV6_RTHDRDSTOPTS", codecs.raw(2048))
IPV6_RECVRTHDR: Option[bool] = _row("IPV6_RECVRTHDR", codecs.BOOL)
IPV6_RTHDR: Option[bytes] = _row("IPV6_RTHDR", codecs.raw(2048))
IPV6_RECVDSTOPTS: Option[bool] = _row("IPV6_RECVDSTOPTS", codecs.BOOL)
IPV6_DSTOPTS: Option[bytes] = _row("IPV6_DSTOPTS", codecs.raw(2048))
IPV6_RECVPATHMTU: Option[bool] = _row("IPV6_RECVPATHMTU", codecs.BOOL)
IPV6_PATHMTU: Option[ip.Ip6Mtuinfo] = _row("IPV6_PATHMTU", "Ip6Mtuinfo", "r")
IPV6_DONTFRAG: Option[bool] = _row("IPV6_DONTFRAG", codecs.BOOL)
IPV6_RECVTCLASS: Option[bool] = _row("IPV6_RECVTCLASS", codecs.BOOL)
IPV6_TCLASS: Option[int] = _row("IPV6_TCLASS", codecs.INT)
IPV6_AUTOFLOWLABEL: Option[bool] = _row("IPV6_AUTOFLOWLABEL", codecs.BOOL)
IPV6_ADDR_PREFERENCES: Option[int] = _row("IPV6_ADDR_PREFERENCES", codecs.INT)
IPV6_MINHOPCOUNT: Option[int] = _row("IPV6_MINHOPCOUNT", codecs.INT)
IPV6_RECVORIGDSTADDR: Option[bool] = _row("IPV6_RECVORIGDSTADDR", codecs.BOOL)
IPV6_TRANSPARENT: Option[bool] = _row("IPV6_TRANSPARENT", codecs.BOOL)
IPV6_UNICAST_IF: Option[int] = _row("IPV6_UNICAST_IF", codecs.BE32)
IPV6_RECVFRAGSIZE: Option[bool] = _row("IPV6_RECVFRAGSIZE", codecs.BOOL)
IPV6_FREEBIND: Option[bool] = _row("IPV6_FREEBIND", codecs.BOOL)
IP6T_SO_ORIGINAL_DST: Option[Address] = _row("IP6T_SO_ORIGINAL_DST", "SOCKADDR_IN6", "r")

# Multicast and anycast.
IPV6_MULTICAST_IF: Option[int] = _row("IPV6_MULTICAST_IF", codecs.INT)
IPV6_MULTICAST_HOPS: Option[int] = _row("IPV6_MULTICAST_HOPS", codecs.INT)
IPV6_MULTICAST_LOOP: Option[bool] = _row("IPV6_MULTICAST_LOOP", codecs.BOOL)
IPV6_MULTICAST_ALL: Option[bool] = _row("IPV6_MULTICAST_ALL", codecs.BOOL)
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
MRT6_INIT: Option[int] = _row("MRT6_INIT", codecs.INT, "w")
MRT6_DONE: Option[int] = _row("MRT6_DONE", codecs.INT, "w")
MRT6_ADD_MIF: Option[mroute.Mif6ctl] = _mroute("MRT6_ADD_MIF", "Mif6ctl", "w")
MRT6_DEL_MIF: Option[int] = _row("MRT6_DEL_MIF", codecs.U16, "w")
MRT6_ADD_MFC: Option[mroute.Mf6cctl] = _mroute("MRT6_ADD_MFC", "Mf6cctl", "w")
MRT6_DEL_MFC: Option[mroute.Mf6cctl] = _mroute("MRT6_DEL_MFC", "Mf6cctl", "w")
MRT6_ADD_MFC_PROXY: Option[mroute.Mf6cctl] = _mroute("MRT6_ADD_MFC_PROXY", "Mf6cctl", "w")
MRT6_DEL_MFC_PROXY: Option[mroute.Mf6cctl] = _mroute("MRT6_DEL_MFC_PROXY", "Mf6cctl", "w")
MRT6_VERSION: Option[int] = _row("MRT6_VERSION", codecs.INT, "r")
MRT6_ASSERT: Option[int] = _row("MRT6_ASSERT", codecs.INT)
MRT6_PIM: Option[int] = _row("MRT6_PIM", codecs.INT)
MRT6_TABLE: Option[int] = _row("MRT6_TABLE", codecs.U32, "w")
MRT6_FLUSH: Option[int] = _row("MRT6_FLUSH", codecs.INT, "w")

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
