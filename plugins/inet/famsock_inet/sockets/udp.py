"""UDP and UDP-Lite. Sources: udp(7), udplite(7), Documentation/networking/segmentation-offloads."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, IPPROTO_UDP, SOCK_DGRAM
from typing import Any

from famsock_inet import control
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.constants import IPPROTO_UDPLITE
from famsock_inet.options import udp
from famsock_inet.sockets._families import A, F
from famsock_inet.sockets._items import packer
from famsock_inet.sockets.multicast import MulticastSocket
from famsock_inet.sockets.txtime import TransmitTimeSocket
from famsock_inet.sockets.zerocopy import ZerocopySocket

__all__ = [
    "AnyUdpSocket",
    "Udp6Socket",
    "UdpSocket",
    "Udplite6Socket",
    "UdpliteSocket",
]

_MAX_BYTES = 65535  # the length field of UDP
_segment_size = packer(control.UDP_SEGMENT, "H")


class AnyUdpSocket(MulticastSocket[A, F], ZerocopySocket[A, F], TransmitTimeSocket[A, F]):
    """A UDP or UDP-Lite socket of either family: multicast, batches, zero copy, transmit times."""

    __slots__ = ()

    def send_segments(self, data: Any, segment_bytes: int, address: Any = None) -> int:
        """Send ``data`` in one call as datagrams of ``segment_bytes`` each, the last one shorter.

        ``segment_bytes`` is 1-65535 and must fit the path MTU with its headers; at most 128
        datagrams (64 before Linux 6.10), 65535 bytes together (generic segmentation offload, Linux
        4.18). Returns the number of bytes sent. OSError: EMSGSIZE or EINVAL beyond these limits.
        """
        if segment_bytes == 0:  # by which the kernel would send all as one datagram
            raise OverflowError("send_segments(): segment_bytes must be 1-65535, not 0")
        buffers = data if isinstance(data, list | tuple) else [data]
        return self.sendmsg(buffers, [_segment_size(segment_bytes)], 0, address)

    def enable_segments(self, on: bool = True) -> None:
        """Let the kernel join datagrams of one sender, for `recv_segments` (UDP_GRO, Linux 5.0)."""
        self.set_option(udp.UDP_GRO, on)

    def recv_segments(self, flags: int = 0) -> tuple[list[bytes], A | None]:
        """Receive the datagrams that the kernel has joined, apart again, and their sender.

        Use `recv_message` for other information about them (`enable_packet_info` …).
        """
        datagrams, _, sender = self.recv_joined(control.UDP_GRO, _MAX_BYTES, flags)
        return datagrams, sender


class UdpSocket(
    AnyUdpSocket[InetAddress, tuple[str, int]], family=AF_INET, type=SOCK_DGRAM, proto=IPPROTO_UDP
):
    """A UDP socket of AF_INET."""

    __slots__ = ()


class Udp6Socket(
    AnyUdpSocket[Inet6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=SOCK_DGRAM,
    proto=IPPROTO_UDP,
):
    """A UDP socket of AF_INET6."""

    __slots__ = ()


class UdpliteSocket(
    AnyUdpSocket[InetAddress, tuple[str, int]],
    family=AF_INET,
    type=SOCK_DGRAM,
    proto=IPPROTO_UDPLITE,
):
    """A UDP-Lite socket of AF_INET."""

    __slots__ = ()


class Udplite6Socket(
    AnyUdpSocket[Inet6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=SOCK_DGRAM,
    proto=IPPROTO_UDPLITE,
):
    """A UDP-Lite socket of AF_INET6."""

    __slots__ = ()
