"""Control messages of AF_INET and AF_INET6. Sources: ip(7), ipv6(7), udp(7), RFC 3542, RFC 6458.

An AF_INET6 socket gets those of IPv4 too, for the IPv4 packets that it receives. Most received ones
must be asked for by an option: `famsock_inet.sockets` does that for both families alike.
"""

from __future__ import annotations

from socket import SOL_SOCKET
from typing import TYPE_CHECKING

from famsock.plugin import Address, ControlType, codecs, control_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_IP, SOL_IPV6, SOL_SCTP, SOL_TCP, SOL_TLS, SOL_UDP

if TYPE_CHECKING:
    from famsock_inet.structs import ip, sctp, tcp

_STRUCTS = "famsock_inet.structs"
_ip = control_rows(SOL_IP, constants, f"{_STRUCTS}.ip")
_ipv6 = control_rows(SOL_IPV6, constants, f"{_STRUCTS}.ip")
_udp = control_rows(SOL_UDP, constants)
_tcp = control_rows(SOL_TCP, constants)
_tls = control_rows(SOL_TLS, constants)
_sctp = control_rows(SOL_SCTP, constants, f"{_STRUCTS}.sctp")
_RAW = codecs.raw(2048)

# IPv4, received and sent. Only the low byte of TOS and TTL counts.
IP_PKTINFO: ControlType[ip.InPktinfo] = _ip("IP_PKTINFO", "InPktinfo")
IP_TTL: ControlType[int] = _ip("IP_TTL", codecs.INT)
IP_TOS: ControlType[int] = _ip("IP_TOS", codecs.INT)
IP_RETOPTS: ControlType[bytes] = _ip("IP_RETOPTS", codecs.raw(40))
IP_PROTOCOL: ControlType[int] = _ip("IP_PROTOCOL", codecs.INT)

# IPv4, received.
IP_RECVOPTS: ControlType[bytes] = _ip("IP_RECVOPTS", codecs.raw(40))
IP_ORIGDSTADDR: ControlType[Address] = _ip("IP_ORIGDSTADDR", "SOCKADDR_IN")
IP_RECVERR: ControlType[ip.ReceivedError] = _ip("IP_RECVERR", "RECEIVED_ERROR")
IP_CHECKSUM: ControlType[int] = _ip("IP_CHECKSUM", codecs.U32)
IP_RECVFRAGSIZE: ControlType[int] = _ip("IP_RECVFRAGSIZE", codecs.INT)

# IPv6, received and sent.
IPV6_PKTINFO: ControlType[ip.In6Pktinfo] = _ipv6("IPV6_PKTINFO", "In6Pktinfo")
IPV6_HOPLIMIT: ControlType[int] = _ipv6("IPV6_HOPLIMIT", codecs.INT)
IPV6_TCLASS: ControlType[int] = _ipv6("IPV6_TCLASS", codecs.INT)
IPV6_FLOWINFO: ControlType[int] = _ipv6("IPV6_FLOWINFO", codecs.BE32)
IPV6_HOPOPTS: ControlType[bytes] = _ipv6("IPV6_HOPOPTS", _RAW)
IPV6_DSTOPTS: ControlType[bytes] = _ipv6("IPV6_DSTOPTS", _RAW)
IPV6_RTHDRDSTOPTS: ControlType[bytes] = _ipv6("IPV6_RTHDRDSTOPTS", _RAW)
IPV6_RTHDR: ControlType[bytes] = _ipv6("IPV6_RTHDR", _RAW)
IPV6_2292PKTINFO: ControlType[ip.In6Pktinfo] = _ipv6("IPV6_2292PKTINFO", "In6Pktinfo")
IPV6_2292HOPLIMIT: ControlType[int] = _ipv6("IPV6_2292HOPLIMIT", codecs.INT)
IPV6_2292HOPOPTS: ControlType[bytes] = _ipv6("IPV6_2292HOPOPTS", _RAW)
IPV6_2292DSTOPTS: ControlType[bytes] = _ipv6("IPV6_2292DSTOPTS", _RAW)
IPV6_2292RTHDR: ControlType[bytes] = _ipv6("IPV6_2292RTHDR", _RAW)
IPV6_DONTFRAG: ControlType[bool] = _ipv6("IPV6_DONTFRAG", codecs.BOOL)

# IPv6, received.
IPV6_RECVERR: ControlType[ip.ReceivedError] = _ipv6("IPV6_RECVERR", "RECEIVED_ERROR")
IPV6_ORIGDSTADDR: ControlType[Address] = _ipv6("IPV6_ORIGDSTADDR", "SOCKADDR_IN6")
IPV6_PATHMTU: ControlType[ip.Ip6Mtuinfo] = _ipv6("IPV6_PATHMTU", "Ip6Mtuinfo")
IPV6_RECVFRAGSIZE: ControlType[int] = _ipv6("IPV6_RECVFRAGSIZE", codecs.INT)

# UDP: the size of each datagram, in bytes, that a sent buffer is cut into, or a received one holds.
UDP_SEGMENT: ControlType[int] = _udp("UDP_SEGMENT", codecs.U16)
UDP_GRO: ControlType[int] = _udp("UDP_GRO", codecs.INT)

# TCP, received: bytes still to be read. TLS: the type of the record, to send and as received.
TCP_CM_INQ: ControlType[int] = _tcp("TCP_CM_INQ", codecs.INT)
TLS_SET_RECORD_TYPE: ControlType[int] = _tls("TLS_SET_RECORD_TYPE", codecs.U8)
TLS_GET_RECORD_TYPE: ControlType[int] = _tls("TLS_GET_RECORD_TYPE", codecs.U8)

# Device memory TCP, received: where the bytes lie, in device memory or in the buffer itself.
SCM_DEVMEM_DMABUF: ControlType[tcp.DmabufCmsg] = ControlType(
    "SCM_DEVMEM_DMABUF", SOL_SOCKET, 79, codecs.deferred(f"{_STRUCTS}.tcp:DmabufCmsg"), since="6.12"
)
SCM_DEVMEM_LINEAR: ControlType[tcp.DmabufCmsg] = ControlType(
    "SCM_DEVMEM_LINEAR", SOL_SOCKET, 78, codecs.deferred(f"{_STRUCTS}.tcp:DmabufCmsg"), since="6.12"
)

# SCTP, sent (SNDRCV received too).
SCTP_INIT: ControlType[sctp.SctpInitmsg] = _sctp("SCTP_INIT", "SctpInitmsg")
SCTP_SNDRCV: ControlType[sctp.SctpSndrcvinfo] = _sctp("SCTP_SNDRCV", "SctpSndrcvinfo")
SCTP_SNDINFO: ControlType[sctp.SctpSndinfo] = _sctp("SCTP_SNDINFO", "SctpSndinfo")
SCTP_PRINFO: ControlType[sctp.SctpPrinfo] = _sctp("SCTP_PRINFO", "SctpPrinfo")
SCTP_AUTHINFO: ControlType[sctp.SctpAuthinfo] = _sctp("SCTP_AUTHINFO", "SctpAuthinfo")
SCTP_DSTADDRV4: ControlType[str] = _sctp(
    "SCTP_DSTADDRV4", codecs.deferred(f"{_STRUCTS}.ip:IN_ADDR")
)
SCTP_DSTADDRV6: ControlType[str] = _sctp(
    "SCTP_DSTADDRV6", codecs.deferred(f"{_STRUCTS}.ip:IN6_ADDR")
)

# SCTP, received.
SCTP_RCVINFO: ControlType[sctp.SctpRcvinfo] = _sctp("SCTP_RCVINFO", "SctpRcvinfo")
SCTP_NXTINFO: ControlType[sctp.SctpNxtinfo] = _sctp("SCTP_NXTINFO", "SctpNxtinfo")

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, ControlType)]
