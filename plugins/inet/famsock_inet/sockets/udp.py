"""UDP and UDP-Lite. Sources: udp(7), udplite(7), Documentation/networking/segmentation-offloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from famsock_inet import control
from famsock_inet.options import udp
from famsock_inet.sockets._items import packer
from famsock_inet.sockets.multicast import MulticastOperations
from famsock_inet.sockets.txtime import TransmitTimeOperations
from famsock_inet.sockets.zerocopy import ZerocopyOperations

if TYPE_CHECKING:
    from famsock.plugin import Address

_MAX_BYTES = 65535  # the length field of UDP
_segment_size = packer(control.UDP_SEGMENT, "H")


class UdpOperations(MulticastOperations, ZerocopyOperations, TransmitTimeOperations):
    """UDP and UDP-Lite: multicast, batches of datagrams, sending without copying or at a time."""

    def send_segments(self, data: Any, segment_bytes: int, address: Any = None) -> int:
        """Send ``data`` in one call as datagrams of ``segment_bytes`` each, the last one shorter.

        ``segment_bytes`` is 1-65535 and must fit the path MTU with its headers; at most 128
        datagrams (64 before Linux 6.10), 65535 bytes together (generic segmentation offload, Linux
        4.18). Returns the number of bytes sent. OSError: EMSGSIZE or EINVAL beyond these limits.
        """
        if segment_bytes == 0:  # by which the kernel would send all as one datagram
            raise OverflowError("send_segments(): segment_bytes must be 1-65535, not 0")
        buffers = data if isinstance(data, list | tuple) else [data]
        return self._sock.sendmsg(buffers, [_segment_size(segment_bytes)], 0, address)

    def enable_segments(self, on: bool = True) -> None:
        """Let the kernel join datagrams of one sender, for `recv_segments` (UDP_GRO, Linux 5.0)."""
        self._sock.set_option(udp.UDP_GRO, on)

    def recv_segments(self, flags: int = 0) -> tuple[list[bytes], Address | None]:
        """Receive the datagrams that the kernel has joined, apart again, and their sender.

        Use `recv_message` for other information about them (`enable_packet_info` …).
        """
        datagrams, _, sender = self._sock.recv_joined(control.UDP_GRO, _MAX_BYTES, flags)
        return datagrams, sender
