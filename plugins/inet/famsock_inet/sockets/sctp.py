"""SCTP. Sources: sctp(7), RFC 6458."""

from __future__ import annotations

import os
from collections.abc import Iterable
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_SCTP,
    SOCK_CLOEXEC,
    SOCK_SEQPACKET,
    SOCK_STREAM,
)
from typing import TYPE_CHECKING, Any, Self

from famsock_inet import control
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.constants import SCTP_STREAM_RESET_OUTGOING
from famsock_inet.options import sctp
from famsock_inet.sockets._families import A, F
from famsock_inet.sockets.ip import IpSocket
from famsock_inet.structs.sctp import SctpPeeloffFlagsArg, SctpResetStreams, SctpSndinfo, SctpStatus

__all__ = [
    "AnySctpSocket",
    "Sctp6Socket",
    "SctpSocket",
]


class AnySctpSocket(IpSocket[A, F]):
    """An SCTP socket of either family: streams, associations, several addresses at each end."""

    __slots__ = ()

    def sctp_status(self, assoc_id: int = 0) -> SctpStatus:
        """Return the state of an association; that of a one-to-one socket without ``assoc_id``."""
        return self.get_option(sctp.SCTP_STATUS, SctpStatus(assoc_id))

    def send_on_stream(self, data: Any, stream: int, address: Any = None, **info: int) -> int:
        """Send a message on stream 0-65535; return the number of bytes sent.

        ``info`` are further fields of `SctpSndinfo`: flags (SCTP_UNORDERED …), ppid, context,
        assoc_id. OSError: EINVAL for a stream that the association has not got.
        """
        sndinfo = control.SCTP_SNDINFO(SctpSndinfo(stream, **info))
        return self.send_message(data, address, [sndinfo])

    def enable_stream_info(self, on: bool = True) -> None:
        """Add the stream and association to every message, as SCTP_RCVINFO."""
        self.set_option(sctp.SCTP_RECVRCVINFO, on)

    def add_local_addresses(self, addresses: Iterable[InetAddress | Inet6Address]) -> None:
        """Bind to further addresses, all with the port of the first (sctp_bindx(3))."""
        self.set_option(sctp.SCTP_SOCKOPT_BINDX_ADD, tuple(addresses))

    def remove_local_addresses(self, addresses: Iterable[InetAddress | Inet6Address]) -> None:
        """Give addresses up again; OSError EBUSY for the last one."""
        self.set_option(sctp.SCTP_SOCKOPT_BINDX_REM, tuple(addresses))

    def local_addresses(self, assoc_id: int = 0) -> tuple[InetAddress | Inet6Address, ...]:
        """Return all addresses of this end (sctp_getladdrs(3))."""
        return self.get_option(sctp.SCTP_GET_LOCAL_ADDRS, assoc_id)

    def peer_addresses(self, assoc_id: int = 0) -> tuple[InetAddress | Inet6Address, ...]:
        """Return all addresses of the other end (sctp_getpaddrs(3))."""
        return self.get_option(sctp.SCTP_GET_PEER_ADDRS, assoc_id)

    def reset_streams(self, *streams: int, assoc_id: int = 0) -> None:
        """Restart the numbering of outgoing streams; of all streams, if none is named."""
        request = SctpResetStreams(assoc_id, SCTP_STREAM_RESET_OUTGOING, streams)
        self.set_option(sctp.SCTP_RESET_STREAMS, request)

    def peel_off(self, assoc_id: int) -> Self:
        """Move an association of a one-to-many socket to a new socket (sctp_peeloff(3))."""
        request = SctpPeeloffFlagsArg(associd=assoc_id, flags=SOCK_CLOEXEC)
        peeled = self.get_option(sctp.SCTP_SOCKOPT_PEELOFF_FLAGS, request).sd
        try:
            return type(self)(fileno=peeled)
        except BaseException:
            os.close(peeled)
            raise


class SctpSocket(
    AnySctpSocket[InetAddress, tuple[str, int]],
    family=AF_INET,
    type=(SOCK_STREAM, SOCK_SEQPACKET),
    proto=IPPROTO_SCTP,
):
    """An SCTP socket of AF_INET: one-to-one by default, one-to-many with SOCK_SEQPACKET."""

    __slots__ = ()

    if TYPE_CHECKING:

        def accept(self) -> tuple[SctpSocket, tuple[str, int]]: ...


class Sctp6Socket(
    AnySctpSocket[Inet6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=(SOCK_STREAM, SOCK_SEQPACKET),
    proto=IPPROTO_SCTP,
):
    """An SCTP socket of AF_INET6: one-to-one by default, one-to-many with SOCK_SEQPACKET."""

    __slots__ = ()

    if TYPE_CHECKING:

        def accept(self) -> tuple[Sctp6Socket, tuple[str, int, int, int]]: ...
