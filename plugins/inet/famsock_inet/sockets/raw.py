"""Raw IP sockets and ICMP ping sockets. Sources: raw(7), icmp(7)."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, IPPROTO_ICMP, IPPROTO_ICMPV6, SOCK_DGRAM, SOCK_RAW

from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.sockets.multicast import MulticastSocket
from famsock_inet.sockets.txtime import TransmitTimeSocket

__all__ = [
    "Icmp6Socket",
    "IcmpSocket",
    "Ip6RawSocket",
    "IpRawSocket",
]


class IcmpSocket(
    MulticastSocket[InetAddress, tuple[str, int]],
    family=AF_INET,
    type=SOCK_DGRAM,
    proto=IPPROTO_ICMP,
):
    """An ICMP ping socket of AF_INET."""

    __slots__ = ()


class Icmp6Socket(
    MulticastSocket[Inet6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=SOCK_DGRAM,
    proto=IPPROTO_ICMPV6,
):
    """An ICMPv6 ping socket of AF_INET6."""

    __slots__ = ()


class IpRawSocket(
    MulticastSocket[InetAddress, tuple[str, int]],
    TransmitTimeSocket[InetAddress, tuple[str, int]],
    family=AF_INET,
    type=SOCK_RAW,
):
    """A raw socket of AF_INET.

    ``proto`` must be given: ``IpRawSocket(proto=IPPROTO_ICMP)``. It needs CAP_NET_RAW.
    """

    __slots__ = ()


class Ip6RawSocket(
    MulticastSocket[Inet6Address, tuple[str, int, int, int]],
    TransmitTimeSocket[Inet6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=SOCK_RAW,
):
    """A raw socket of AF_INET6.

    ``proto`` must be given: ``Ip6RawSocket(proto=IPPROTO_ICMPV6)``. It needs CAP_NET_RAW.
    """

    __slots__ = ()
