"""Control messages of AF_INET and AF_INET6. Sources: ip(7), ipv6(7), udp(7), RFC 3542, RFC 6458.

An AF_INET6 socket gets those of IPv4 too, for the IPv4 packets that it receives. Most received ones
must be asked for by an option: `famsock_inet.operations` does that for both families alike.
"""

from __future__ import annotations

from socket import SOL_SOCKET
from typing import TYPE_CHECKING, TypeVar

from famsock.plugin import Address, Codec, ControlType, values
from famsock_inet import constants
from famsock_inet.constants import SOL_IP, SOL_IPV6, SOL_SCTP, SOL_TCP, SOL_TLS, SOL_UDP
from famsock_inet.deferred import deferred

if TYPE_CHECKING:
    from famsock_inet.structs import ip, sctp, tcp

T = TypeVar("T")


def _row(name: str, level: int, codec: Codec[T]) -> ControlType[T]:
    number: int = getattr(constants, name)
    return ControlType(name, level, number, codec)


_RAW = values.raw(2048)

# IPv4, received and sent. Only the low byte of TOS and TTL counts.
IP_PKTINFO: ControlType[ip.InPktinfo] = _row("IP_PKTINFO", SOL_IP, deferred("structs.ip:InPktinfo"))
IP_TTL: ControlType[int] = _row("IP_TTL", SOL_IP, values.INT)
IP_TOS: ControlType[int] = _row("IP_TOS", SOL_IP, values.INT)
IP_RETOPTS: ControlType[bytes] = _row("IP_RETOPTS", SOL_IP, values.raw(40))
IP_PROTOCOL: ControlType[int] = _row("IP_PROTOCOL", SOL_IP, values.INT)

# IPv4, received.
IP_RECVOPTS: ControlType[bytes] = _row("IP_RECVOPTS", SOL_IP, values.raw(40))
IP_ORIGDSTADDR: ControlType[Address] = _row(
    "IP_ORIGDSTADDR", SOL_IP, deferred("structs.ip:SOCKADDR_IN")
)
IP_RECVERR: ControlType[ip.ReceivedError] = _row(
    "IP_RECVERR", SOL_IP, deferred("structs.ip:RECEIVED_ERROR")
)
IP_CHECKSUM: ControlType[int] = _row("IP_CHECKSUM", SOL_IP, values.U32)
IP_RECVFRAGSIZE: ControlType[int] = _row("IP_RECVFRAGSIZE", SOL_IP, values.INT)

# IPv6, received and sent.
IPV6_PKTINFO: ControlType[ip.In6Pktinfo] = _row(
    "IPV6_PKTINFO", SOL_IPV6, deferred("structs.ip:In6Pktinfo")
)
IPV6_HOPLIMIT: ControlType[int] = _row("IPV6_HOPLIMIT", SOL_IPV6, values.INT)
IPV6_TCLASS: ControlType[int] = _row("IPV6_TCLASS", SOL_IPV6, values.INT)
IPV6_FLOWINFO: ControlType[int] = _row("IPV6_FLOWINFO", SOL_IPV6, values.BE32)
IPV6_HOPOPTS: ControlType[bytes] = _row("IPV6_HOPOPTS", SOL_IPV6, _RAW)
IPV6_DSTOPTS: ControlType[bytes] = _row("IPV6_DSTOPTS", SOL_IPV6, _RAW)
IPV6_RTHDRDSTOPTS: ControlType[bytes] = _row("IPV6_RTHDRDSTOPTS", SOL_IPV6, _RAW)
IPV6_RTHDR: ControlType[bytes] = _row("IPV6_RTHDR", SOL_IPV6, _RAW)
IPV6_2292PKTINFO: ControlType[ip.In6Pktinfo] = _row(
    "IPV6_2292PKTINFO", SOL_IPV6, deferred("structs.ip:In6Pktinfo")
)
IPV6_2292HOPLIMIT: ControlType[int] = _row("IPV6_2292HOPLIMIT", SOL_IPV6, values.INT)
IPV6_2292HOPOPTS: ControlType[bytes] = _row("IPV6_2292HOPOPTS", SOL_IPV6, _RAW)
IPV6_2292DSTOPTS: ControlType[bytes] = _row("IPV6_2292DSTOPTS", SOL_IPV6, _RAW)
IPV6_2292RTHDR: ControlType[bytes] = _row("IPV6_2292RTHDR", SOL_IPV6, _RAW)
IPV6_DONTFRAG: ControlType[bool] = _row("IPV6_DONTFRAG", SOL_IPV6, values.BOOL)

# IPv6, received.
IPV6_RECVERR: ControlType[ip.ReceivedError] = _row(
    "IPV6_RECVERR", SOL_IPV6, deferred("structs.ip:RECEIVED_ERROR")
)
IPV6_ORIGDSTADDR: ControlType[Address] = _row(
    "IPV6_ORIGDSTADDR", SOL_IPV6, deferred("structs.ip:SOCKADDR_IN6")
)
IPV6_PATHMTU: ControlType[ip.Ip6Mtuinfo] = _row(
    "IPV6_PATHMTU", SOL_IPV6, deferred("structs.ip:Ip6Mtuinfo")
)
IPV6_RECVFRAGSIZE: ControlType[int] = _row("IPV6_RECVFRAGSIZE", SOL_IPV6, values.INT)

# UDP: the size of each datagram, in bytes, that a sent buffer is cut into, or a received one holds.
UDP_SEGMENT: ControlType[int] = _row("UDP_SEGMENT", SOL_UDP, values.U16)
UDP_GRO: ControlType[int] = _row("UDP_GRO", SOL_UDP, values.INT)

# TCP, received: bytes still to be read. TLS: the type of the record, to send and as received.
TCP_CM_INQ: ControlType[int] = _row("TCP_CM_INQ", SOL_TCP, values.INT)
TLS_SET_RECORD_TYPE: ControlType[int] = _row("TLS_SET_RECORD_TYPE", SOL_TLS, values.U8)
TLS_GET_RECORD_TYPE: ControlType[int] = _row("TLS_GET_RECORD_TYPE", SOL_TLS, values.U8)

# Device memory TCP, received: where the bytes lie, in device memory or in the buffer itself.
SCM_DEVMEM_DMABUF: ControlType[tcp.DmabufCmsg] = ControlType(
    "SCM_DEVMEM_DMABUF", SOL_SOCKET, 79, deferred("structs.tcp:DmabufCmsg")
)
SCM_DEVMEM_LINEAR: ControlType[tcp.DmabufCmsg] = ControlType(
    "SCM_DEVMEM_LINEAR", SOL_SOCKET, 78, deferred("structs.tcp:DmabufCmsg")
)

# SCTP, sent (SNDRCV received too).
SCTP_INIT: ControlType[sctp.SctpInitmsg] = _row(
    "SCTP_INIT", SOL_SCTP, deferred("structs.sctp:SctpInitmsg")
)
SCTP_SNDRCV: ControlType[sctp.SctpSndrcvinfo] = _row(
    "SCTP_SNDRCV", SOL_SCTP, deferred("structs.sctp:SctpSndrcvinfo")
)
SCTP_SNDINFO: ControlType[sctp.SctpSndinfo] = _row(
    "SCTP_SNDINFO", SOL_SCTP, deferred("structs.sctp:SctpSndinfo")
)
SCTP_PRINFO: ControlType[sctp.SctpPrinfo] = _row(
    "SCTP_PRINFO", SOL_SCTP, deferred("structs.sctp:SctpPrinfo")
)
SCTP_AUTHINFO: ControlType[sctp.SctpAuthinfo] = _row(
    "SCTP_AUTHINFO", SOL_SCTP, deferred("structs.sctp:SctpAuthinfo")
)
SCTP_DSTADDRV4: ControlType[str] = _row("SCTP_DSTADDRV4", SOL_SCTP, deferred("structs.ip:IN_ADDR"))
SCTP_DSTADDRV6: ControlType[str] = _row("SCTP_DSTADDRV6", SOL_SCTP, deferred("structs.ip:IN6_ADDR"))

# SCTP, received.
SCTP_RCVINFO: ControlType[sctp.SctpRcvinfo] = _row(
    "SCTP_RCVINFO", SOL_SCTP, deferred("structs.sctp:SctpRcvinfo")
)
SCTP_NXTINFO: ControlType[sctp.SctpNxtinfo] = _row(
    "SCTP_NXTINFO", SOL_SCTP, deferred("structs.sctp:SctpNxtinfo")
)
