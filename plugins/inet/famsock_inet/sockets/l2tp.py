"""L2TP over IP, protocol 115: the control messages of L2TPv3. Sources: RFC 3931, linux/l2tp.h.

The kernel puts the session id 0 in front of what is sent, and gives what follows it. It delivers a
message by the id of the control connection in it, bytes 4 to 7 (net/l2tp/l2tp_ip.c).
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, SOCK_DGRAM

from famsock_inet.addresses import L2tp6Address, L2tpAddress
from famsock_inet.constants import IPPROTO_L2TP
from famsock_inet.sockets.ip import IpSocket

__all__ = [
    "L2tp6Socket",
    "L2tpSocket",
]


class L2tpSocket(
    IpSocket[L2tpAddress, tuple[str, int]], family=AF_INET, type=SOCK_DGRAM, proto=IPPROTO_L2TP
):
    """A socket of L2TP over IPv4."""

    __slots__ = ()


class L2tp6Socket(
    IpSocket[L2tp6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=SOCK_DGRAM,
    proto=IPPROTO_L2TP,
):
    """A socket of L2TP over IPv6."""

    __slots__ = ()
