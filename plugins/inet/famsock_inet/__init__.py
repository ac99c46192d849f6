"""AF_INET and AF_INET6 for famsock: the families' description."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, Segmentation, exports
from famsock_inet import _hints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_inet.addresses import Inet6Address as Inet6Address
    from famsock_inet.addresses import InetAddress as InetAddress
    from famsock_inet.addresses import L2tp6Address as L2tp6Address
    from famsock_inet.addresses import L2tpAddress as L2tpAddress
    from famsock_inet.sockets.l2tp import L2tp6Socket as L2tp6Socket
    from famsock_inet.sockets.l2tp import L2tpSocket as L2tpSocket
    from famsock_inet.sockets.mptcp import Mptcp6Socket as Mptcp6Socket
    from famsock_inet.sockets.mptcp import MptcpSocket as MptcpSocket
    from famsock_inet.sockets.raw import Icmp6Socket as Icmp6Socket
    from famsock_inet.sockets.raw import IcmpSocket as IcmpSocket
    from famsock_inet.sockets.raw import Ip6RawSocket as Ip6RawSocket
    from famsock_inet.sockets.raw import IpRawSocket as IpRawSocket
    from famsock_inet.sockets.sctp import Sctp6Socket as Sctp6Socket
    from famsock_inet.sockets.sctp import SctpSocket as SctpSocket
    from famsock_inet.sockets.tcp import Tcp6Socket as Tcp6Socket
    from famsock_inet.sockets.tcp import TcpSocket as TcpSocket
    from famsock_inet.sockets.udp import Udp6Socket as Udp6Socket
    from famsock_inet.sockets.udp import Udplite6Socket as Udplite6Socket
    from famsock_inet.sockets.udp import UdpliteSocket as UdpliteSocket
    from famsock_inet.sockets.udp import UdpSocket as UdpSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        Icmp6Socket="sockets.raw",
        IcmpSocket="sockets.raw",
        Inet6Address="addresses",
        InetAddress="addresses",
        Ip6RawSocket="sockets.raw",
        IpRawSocket="sockets.raw",
        L2tp6Address="addresses",
        L2tp6Socket="sockets.l2tp",
        L2tpAddress="addresses",
        L2tpSocket="sockets.l2tp",
        Mptcp6Socket="sockets.mptcp",
        MptcpSocket="sockets.mptcp",
        Sctp6Socket="sockets.sctp",
        SctpSocket="sockets.sctp",
        Tcp6Socket="sockets.tcp",
        TcpSocket="sockets.tcp",
        Udp6Socket="sockets.udp",
        UdpSocket="sockets.udp",
        Udplite6Socket="sockets.udp",
        UdpliteSocket="sockets.udp",
    )

__all__ = [
    "INET",
    "INET6",
    "Icmp6Socket",
    "IcmpSocket",
    "Inet6Address",
    "InetAddress",
    "Ip6RawSocket",
    "IpRawSocket",
    "L2tp6Address",
    "L2tp6Socket",
    "L2tpAddress",
    "L2tpSocket",
    "Mptcp6Socket",
    "MptcpSocket",
    "Sctp6Socket",
    "SctpSocket",
    "Tcp6Socket",
    "TcpSocket",
    "Udp6Socket",
    "UdpSocket",
    "Udplite6Socket",
    "UdpliteSocket",
]


_SOL_UDP, _UDP_SEGMENT, _UDP_GRO = 17, 103, 104  # linux/udp.h; constants.py has far more
_UDP_BYTES = 65535  # the length field of UDP
_HEADER_BYTES = 8
_IPV4_HEADER_BYTES = 20  # which IPv4's length field counts too, and IPv6's does not


def _segmentation(max_bytes: int) -> Segmentation:
    """Return generic segmentation offload of UDP: at most 64 datagrams before Linux 6.10."""
    gro = _SOL_UDP, _UDP_GRO
    return Segmentation(gro, gro, (_SOL_UDP, _UDP_SEGMENT), 2, 64, max_bytes)


def _protocols(suffix: str, icmp: int) -> tuple[Protocol, ...]:
    """Return the protocols of AF_INET (``suffix`` "") or AF_INET6 ("6")."""
    common = _hints.INET6 if suffix else _hints.INET

    def row(
        name: str,
        number: int | None,
        types: tuple[int, ...],
        socket: str,
        hints: dict[object, str] | None = None,
        modules: tuple[str, ...] = (),
        capability: str = "",
        address: str = "Inet",
        max_message_bytes: int = 0,
        segmentation: Segmentation | None = None,
        service: str = "",
    ) -> Protocol:
        return Protocol(
            name + suffix,
            number,
            types,
            address=f"famsock_inet.addresses:{address}{suffix}Address",
            layout=f"famsock_inet._layouts:{address.upper()}{suffix}",
            socket=f"famsock_inet.sockets.{socket}",
            scheme=name + suffix,
            hints=common | (hints or {}),
            selftest=f"famsock_inet.selftest:{name}{suffix}",
            modules=modules,
            capability=capability,
            max_message_bytes=max_message_bytes,
            segmentation=segmentation,
            resolver=f"famsock_inet._resolver:{service.upper()}{suffix}" if service else None,
        )

    return (
        row("tcp", 6, (SOCK_STREAM,), f"tcp:Tcp{suffix}Socket", service="tcp"),
        row(
            "udp",
            17,
            (SOCK_DGRAM,),
            f"udp:Udp{suffix}Socket",
            max_message_bytes=_UDP_BYTES,
            segmentation=_segmentation(
                _UDP_BYTES - _HEADER_BYTES - (0 if suffix else _IPV4_HEADER_BYTES)
            ),
            service="udp",
        ),
        row(
            "udplite",
            136,
            (SOCK_DGRAM,),
            f"udp:Udplite{suffix}Socket",
            _hints.UDPLITE,
            max_message_bytes=_UDP_BYTES,
            service="udp",
        ),
        row(
            "mptcp",
            262,
            (SOCK_STREAM,),
            f"mptcp:Mptcp{suffix}Socket",
            _hints.MPTCP,
            service="tcp",
        ),
        row(
            "sctp",
            132,
            (SOCK_STREAM, SOCK_SEQPACKET),
            f"sctp:Sctp{suffix}Socket",
            modules=("sctp",),
            service="sctp",
        ),
        row("icmp", icmp, (SOCK_DGRAM,), f"raw:Icmp{suffix}Socket", _hints.ICMP),
        row(
            "l2tp",
            115,
            (SOCK_DGRAM,),
            f"l2tp:L2tp{suffix}Socket",
            modules=(f"l2tp_ip{suffix}",),
            address="L2tp",
        ),
        row("raw", ANY_PROTOCOL, (SOCK_RAW,), f"raw:Ip{suffix}RawSocket", capability="CAP_NET_RAW"),
    )


INET = Family(
    "AF_INET",
    2,
    _protocols("", 1),
    constants="famsock_inet.constants",
    options="famsock_inet.options:INET",
    control="famsock_inet.control",
)
INET6 = Family(
    "AF_INET6",
    10,
    _protocols("6", 58),
    constants="famsock_inet.constants",
    options="famsock_inet.options:INET6",
    control="famsock_inet.control",
    modules=("ipv6",),
)
