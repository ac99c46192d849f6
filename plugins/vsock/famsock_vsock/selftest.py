"""Self-tests between two sockets of AF_VSOCK, over the loopback transport's CID 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from socket import SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import selftest
from famsock_vsock.addresses import VsockAddress
from famsock_vsock.constants import AF_VSOCK, VMADDR_CID_LOCAL, VMADDR_PORT_ANY

__all__ = [
    "seqpacket",
    "stream",
]

_TIMEOUT_S = 1.0
_REMEDY = (
    "One possible cause: AF_VSOCK reaches its own machine by CID 1 only through loopback: "
    "modprobe vsock_loopback"
)


@contextmanager
def _connection(kind: int) -> Iterator[selftest.RoundTrip]:
    at = VsockAddress(VMADDR_CID_LOCAL, VMADDR_PORT_ANY)
    try:
        with selftest.connection(AF_VSOCK, kind, at=at, timeout_s=_TIMEOUT_S) as round_trip:
            yield round_trip
    except TimeoutError as error:
        error.add_note(_REMEDY)
        raise


stream: selftest.Exchange = partial(_connection, SOCK_STREAM)
seqpacket: selftest.Exchange = partial(_connection, SOCK_SEQPACKET)
