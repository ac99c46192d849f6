"""SCTP. Sources: sctp(7), RFC 6458."""

from __future__ import annotations

import os
from collections.abc import Iterable
from socket import SOCK_CLOEXEC
from typing import Any

from famsock.plugin import Address, socket
from famsock_inet import control
from famsock_inet.constants import SCTP_STREAM_RESET_OUTGOING
from famsock_inet.options import sctp
from famsock_inet.sockets.ip import IpOperations
from famsock_inet.structs.sctp import SctpPeeloffFlagsArg, SctpResetStreams, SctpSndinfo, SctpStatus


class SctpOperations(IpOperations):
    """SCTP: streams, associations, several addresses at each end."""

    def sctp_status(self, assoc_id: int = 0) -> SctpStatus:
        """Return the state of an association; that of a one-to-one socket without ``assoc_id``."""
        status: SctpStatus = self._sock.get_option(sctp.SCTP_STATUS, SctpStatus(assoc_id))
        return status

    def send_on_stream(self, data: Any, stream: int, address: Any = None, **info: int) -> int:
        """Send a message on stream 0-65535; return the number of bytes sent.

        ``info`` are further fields of `SctpSndinfo`: flags (SCTP_UNORDERED …), ppid, context,
        assoc_id. OSError: EINVAL for a stream that the association has not got.
        """
        sndinfo = control.SCTP_SNDINFO(SctpSndinfo(stream, **info))
        return self._sock.send_message(data, address, [sndinfo])

    def enable_stream_info(self, on: bool = True) -> None:
        """Add the stream and association to every message, as SCTP_RCVINFO."""
        self._sock.set_option(sctp.SCTP_RECVRCVINFO, on)

    def add_local_addresses(self, addresses: Iterable[Address]) -> None:
        """Bind to further addresses, all with the port of the first (sctp_bindx(3))."""
        self._sock.set_option(sctp.SCTP_SOCKOPT_BINDX_ADD, tuple(addresses))

    def remove_local_addresses(self, addresses: Iterable[Address]) -> None:
        """Give addresses up again; OSError EBUSY for the last one."""
        self._sock.set_option(sctp.SCTP_SOCKOPT_BINDX_REM, tuple(addresses))

    def local_addresses(self, assoc_id: int = 0) -> tuple[Address, ...]:
        """Return all addresses of this end (sctp_getladdrs(3))."""
        found: tuple[Address, ...] = self._sock.get_option(sctp.SCTP_GET_LOCAL_ADDRS, assoc_id)
        return found

    def peer_addresses(self, assoc_id: int = 0) -> tuple[Address, ...]:
        """Return all addresses of the other end (sctp_getpaddrs(3))."""
        found: tuple[Address, ...] = self._sock.get_option(sctp.SCTP_GET_PEER_ADDRS, assoc_id)
        return found

    def reset_streams(self, *streams: int, assoc_id: int = 0) -> None:
        """Restart the numbering of outgoing streams; of all streams, if none is named."""
        request = SctpResetStreams(assoc_id, SCTP_STREAM_RESET_OUTGOING, streams)
        self._sock.set_option(sctp.SCTP_RESET_STREAMS, request)

    def peel_off(self, assoc_id: int) -> socket:
        """Move an association of a one-to-many socket to a new socket (sctp_peeloff(3))."""
        request = SctpPeeloffFlagsArg(associd=assoc_id, flags=SOCK_CLOEXEC)
        peeled = self._sock.get_option(sctp.SCTP_SOCKOPT_PEELOFF_FLAGS, request).sd
        try:
            return type(self._sock)(fileno=peeled)
        except BaseException:
            os.close(peeled)
            raise
