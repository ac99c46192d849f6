"""Sockets of AF_RDS: congestion, what is queued, the state of RDS on this host.

Sources: linux/rds.h, rds(7), net/rds/af_rds.c, net/rds/cong.c, net/rds/info.c.
"""

from __future__ import annotations

import errno
import select
import time
from socket import SOCK_SEQPACKET
from typing import Any, TypeVar

import attrs

from famsock.plugin import Lookup, Option, RawAddress, Struct, codecs, socket
from famsock_rds import constants, info, options
from famsock_rds.addresses import RdsAddress
from famsock_rds.constants import AF_RDS, RDS_MSG_RX_DGRAM_TRACE_MAX
from famsock_rds.structs import LatencyTrace

__all__ = [
    "RdsSocket",
]

_S = TypeVar("_S", bound=Struct)
_GROWTH = 4
_POLLWRBAND = getattr(select, "POLLWRBAND", 0x0200)  # asm-generic/poll.h; PyPy has no name for it


def _typed(address: Any) -> RdsAddress:
    if isinstance(address, RdsAddress):
        return address
    try:
        if isinstance(address, RawAddress):
            return RdsAddress.unpack(address.pack())
        return RdsAddress.from_stdlib(address, Lookup("cancel_sent_to"))
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(f"cancel_sent_to(): {error}") from None


class RdsSocket(
    socket["RdsAddress", tuple[str, int] | tuple[str, int, int, int]],
    family=AF_RDS,
    type=SOCK_SEQPACKET,
    proto=0,
):
    """A socket of AF_RDS: reliable datagrams, congestion, the state of RDS on this host."""

    __slots__ = ()

    # Sending

    def cancel_sent_to(self, address: Any) -> None:
        """Drop the messages that are queued for an address, in any shape that sendto takes.

        TypeError, ValueError and OverflowError if it is no address of RDS, OSError ENOTCONN on a
        socket that is not bound. Source: rds(7), RDS_CANCEL_SENT_TO.
        """
        self.set_option(options.RDS_CANCEL_SENT_TO, _typed(address))

    def monitor_congestion(self, on: bool = True) -> None:
        """Report the end of congestion: `recv_message` then returns RDS_CMSG_CONG_UPDATE.

        It is reported for ports that a send had found congested (OSError ENOBUFS), by a message
        with no data. Source: linux/rds.h, RDS_CONG_MONITOR.
        """
        self.set_option(options.RDS_CONG_MONITOR, on)

    def wait_for_congestion_change(self, timeout_s: float | None = None) -> bool:
        """Wait for a change of a peer's congestion; return whether it came within ``timeout_s``.

        ``timeout_s`` is 0 or more, None to wait without end; ValueError for less. Consumes no
        message. Do not use it with `monitor_congestion`, which reports by messages. The change may
        be that of another port: try to send again, and wait again on ENOBUFS.
        """
        if timeout_s is not None and not timeout_s >= 0:
            raise ValueError(
                "wait_for_congestion_change(): AF_RDS timeout_s must be 0 or more, or None, not "
                f"{timeout_s}"
            )
        poll = select.poll()
        poll.register(self, _POLLWRBAND)
        return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))

    def sendto_uncongested(self, data: Any, address: Any) -> int:
        """Send as sendto does, and wait while the destination is congested.

        The socket's timeout limits the wait (TimeoutError); sendto raises OSError ENOBUFS at once.
        Other errors are those of sendto. Returns the number of bytes sent.
        """
        patience_s = self.gettimeout()
        deadline = None if patience_s is None else time.monotonic() + patience_s
        while True:
            try:
                return self.sendto(data, address)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
            left_s = None if deadline is None else deadline - time.monotonic()
            if left_s is not None and left_s <= 0:
                raise TimeoutError("sendto_uncongested(): timed out: the destination is congested")
            self.wait_for_congestion_change(left_s)

    # Service, transport, latency

    def tos(self) -> int:
        """Return the type of service of the socket's messages, 0-255. Source: linux/rds.h."""
        from fcntl import ioctl

        return ioctl(self, constants.SIOCRDSGETTOS, bytes(1))[0]

    def set_tos(self, tos: int) -> None:
        """Choose the type of service (0-255), once, on a bound socket that has sent nothing.

        `tos` returns the transport's value; TCP sets all to 0. OverflowError out of range; OSError
        ENOTTY on a socket that is not bound, EINVAL if it was chosen already.
        """
        from fcntl import ioctl

        checked = codecs.check_int("set_tos(): RDS tos", tos, 0xFF)
        ioctl(self, constants.SIOCRDSSETTOS, bytes([checked]))

    def trace_latency(self, *positions: int) -> None:
        """Have received messages carry RDS_CMSG_RXPATH_LATENCY for these RDS_MSG_RX_* positions.

        None of them ends it. ValueError for more than three, OverflowError for a position that does
        not exist. Source: linux/rds.h, SO_RDS_MSG_RXPATH_LATENCY.
        """
        most = RDS_MSG_RX_DGRAM_TRACE_MAX
        if len(positions) > most:
            raise ValueError(f"trace_latency(): RDS takes {most} positions, not {len(positions)}")
        what = "trace_latency(): RDS position"
        checked = [codecs.check_int(what, position, most - 1) for position in positions]
        padded = (*checked, 0, 0, 0)[:most]
        trace = LatencyTrace(len(positions), padded)
        self.set_option(options.SO_RDS_MSG_RXPATH_LATENCY, trace)

    # The state of RDS in this network namespace

    def counters(self) -> dict[str, int]:
        """Return the counters of RDS and its transports, by name."""
        return {c.name: c.value for c in self.snapshot(options.RDS_INFO_COUNTERS)}

    def connections(self) -> tuple[info.Connection, ...]:
        """Return the connections between this host and others by IPv4."""
        return self.snapshot(options.RDS_INFO_CONNECTIONS)

    def sockets(self) -> tuple[info.SocketInfo, ...]:
        """Return the bound sockets of RDS by IPv4."""
        return self.snapshot(options.RDS_INFO_SOCKETS)

    def tcp_sockets(self) -> tuple[info.TcpSocket, ...]:
        """Return the TCP connections of RDS by IPv4; OSError ENOPROTOOPT without rds_tcp."""
        return self.snapshot(options.RDS_INFO_TCP_SOCKETS)

    def queued_to_send(self) -> tuple[info.QueuedMessage6, ...]:
        """Return the messages waiting to be sent, by IPv6 address (``::ffff:192.0.2.1`` for IPv4).

        It does not use RDS_INFO_SEND_MESSAGES, in which the kernel gives 0.0.0.0 for both hosts.
        """
        return self.snapshot(options.RDS6_INFO_SEND_MESSAGES)

    def queued_for_acknowledgement(self) -> tuple[info.QueuedMessage6, ...]:
        """Return the messages that were sent and not acknowledged yet, by addresses as above."""
        return self.snapshot(options.RDS6_INFO_RETRANS_MESSAGES)

    def queued_to_receive(self) -> tuple[info.QueuedMessage6, ...]:
        """Return the messages that wait to be received, by addresses as above."""
        return self.snapshot(options.RDS6_INFO_RECV_MESSAGES)

    def snapshot(self, option: Option[tuple[_S, ...]]) -> tuple[_S, ...]:
        """Return the value of an ``RDS_INFO_*`` or ``RDS6_INFO_*`` row, whatever its size.

        OSError ENOPROTOOPT if no loaded module provides it.
        """
        while True:
            try:
                return self.get_option(option)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            size = option.codec.size_bytes * _GROWTH
            option = attrs.evolve(option, codec=attrs.evolve(option.codec, size_bytes=size))
