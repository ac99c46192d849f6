"""Methods of all sockets of AF_INET and AF_INET6, the same for both families.

Sources: ip(7), ipv6(7), RFC 3542, Documentation/networking/timestamping.rst.
"""

from __future__ import annotations

import os
from errno import EAGAIN
from typing import TYPE_CHECKING, Any

import attrs

from famsock.plugin import Address, Message, SockExtendedErr, constants, options, socket
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.options import ip, ipv6
from famsock_inet.sockets._families import A, F, set_option

if TYPE_CHECKING:
    from famsock_inet.structs.ip import ReceivedError

__all__ = [
    "IpSocket",
    "QueuedError",
]

FROM_ERROR_QUEUE = constants.MSG_ERRQUEUE | constants.MSG_DONTWAIT


@attrs.frozen
class QueuedError:
    """An entry of a socket's error queue.

    ``error`` describes the error and ``offender`` is the host that reported it (None: this one).
    ``message`` is the complete message: the sent data as far as the kernel kept it, its
    destination, and all control messages, including timestamps.
    """

    error: SockExtendedErr
    offender: Address | None
    message: Message[InetAddress | Inet6Address]

    @property
    def errno(self) -> int:
        """The errno of the failure; 0 or ENOMSG for a notification."""
        return self.error.errno

    def __str__(self) -> str:
        by = f", told by {self.offender}" if self.offender else ""
        return f"{os.strerror(self.errno)} for {self.message.address}{by}"


class IpSocket(socket[A, F], abstract=True):
    """A socket of AF_INET or AF_INET6, of any protocol."""

    __slots__ = ()

    def enable_packet_info(self, on: bool = True) -> None:
        """Add the destination address and interface to every message.

        As IP_PKTINFO (`InPktinfo`) or IPV6_PKTINFO (`In6Pktinfo`) in ``Message.control``.
        """
        set_option(self, ip.IP_PKTINFO, ipv6.IPV6_RECVPKTINFO, on)

    def enable_hop_limit(self, on: bool = True) -> None:
        """Add the TTL or hop limit to every message, as IP_TTL or IPV6_HOPLIMIT."""
        set_option(self, ip.IP_RECVTTL, ipv6.IPV6_RECVHOPLIMIT, on)

    def enable_traffic_class(self, on: bool = True) -> None:
        """Add the TOS or traffic class to every message, as IP_TOS or IPV6_TCLASS."""
        set_option(self, ip.IP_RECVTOS, ipv6.IPV6_RECVTCLASS, on)

    def enable_original_destination(self, on: bool = True) -> None:
        """Add the original destination to every message, as IP_ORIGDSTADDR or IPV6_ORIGDSTADDR."""
        set_option(self, ip.IP_RECVORIGDSTADDR, ipv6.IPV6_RECVORIGDSTADDR, on)

    def enable_errors(self, on: bool = True) -> None:
        """Keep ICMP errors in the error queue, for `recv_errors` (IP_RECVERR, IPV6_RECVERR)."""
        set_option(self, ip.IP_RECVERR, ipv6.IPV6_RECVERR, on)

    def enable_timestamps(self, flags: int | None = None) -> None:
        """Add the time of arrival to messages, in ns, as SCM_TIMESTAMPNS.

        ``flags`` (SOF_TIMESTAMPING_*) ask for SCM_TIMESTAMPING instead: software and hardware
        times, of receiving and of sending; those of sending come through `recv_errors`. Where no
        other socket of the machine asked for any, the kernel begins to stamp a moment later.
        """
        if flags is None:
            self.set_option(options.SO_TIMESTAMPNS, True)
        else:
            self.set_option(options.SO_TIMESTAMPING, options.Timestamping(flags))

    def recv_errors(self, limit: int = 64, bufsize_bytes: int = 2048) -> list[QueuedError]:
        """Take at most ``limit`` entries from the error queue; [] if it is empty. Never waits.

        Each keeps ``bufsize_bytes`` of the data that failed. `enable_errors` fills the queue, as
        do timestamps of sending and zero-copy notifications. OSError as recvmsg(2) fails.
        """
        found: list[QueuedError] = []
        while len(found) < limit:
            try:
                message: Any = self.recv_message(bufsize_bytes, 1024, FROM_ERROR_QUEUE)
            except OSError as error:
                if error.errno != EAGAIN:
                    raise
                break
            told = _received_error(message)
            found.append(QueuedError(told.error, told.offender, message))
        return found


def _received_error(message: Message[InetAddress | Inet6Address]) -> ReceivedError:
    from famsock_inet import control
    from famsock_inet.structs.ip import ReceivedError

    told = message.get(control.IP_RECVERR) or message.get(control.IPV6_RECVERR)
    return told or ReceivedError(SockExtendedErr(0, 0))
