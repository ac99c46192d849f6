"""Live selftests: two sockets of a protocol, or an echo request that the kernel answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from os import getpid
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from struct import Struct

from famsock.plugin import selftest
from famsock_inet.icmp import Echo, payload_of_ipv4

__all__ = [
    "icmp",
    "icmp6",
    "l2tp",
    "l2tp6",
    "mptcp",
    "mptcp6",
    "raw",
    "raw6",
    "sctp",
    "sctp6",
    "tcp",
    "tcp6",
    "udp",
    "udp6",
    "udplite",
    "udplite6",
]

_CONTROL = Struct("!HHIH2x")
_CONTROL_FLAGS = 0xC803
"""T, L and S: a control message of version 3 with a length and sequence numbers (RFC 3931)."""

_AT = ("127.0.0.1", 0)
_AT6 = ("::1", 0)


@contextmanager
def _echo(family: int, kind: int, protocol: int) -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of an ICMP echo request, which the kernel answers."""
    version, at = (4, _AT) if family == AF_INET else (6, _AT6)
    with selftest.sockets(family, kind, protocol, count=1) as (sock,):
        sequences = count(1)

        def round_trip() -> None:
            request = Echo(0x6661, next(sequences) & 0xFFFF, b"famsock")
            sock.sendto(request.pack(version), at)
            while True:
                data = sock.recv(1024)
                if kind == SOCK_RAW and version == 4:
                    data = payload_of_ipv4(data)
                answer = Echo.unpack(data, version)
                if answer and answer.reply and answer.sequence == request.sequence:
                    return selftest.expect(answer.data, request.data)

        yield round_trip


@contextmanager
def _l2tp(family: int, at: tuple[str, int]) -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of a control message to a connection of this program."""
    with selftest.sockets(family, SOCK_DGRAM, 115, count=2) as (receiver, sender):
        receiver.bind((at[0], getpid()))
        messages = count(1)

        def round_trip() -> None:
            head = _CONTROL.pack(_CONTROL_FLAGS, _CONTROL.size, getpid(), next(messages) & 0xFFFF)
            sender.sendto(head, at)
            selftest.expect(receiver.recv(1024), head)

        yield round_trip


_stream = partial(selftest.connection, AF_INET, SOCK_STREAM, at=_AT)
_stream6 = partial(selftest.connection, AF_INET6, SOCK_STREAM, at=_AT6)
_datagrams = partial(selftest.datagrams, AF_INET, SOCK_DGRAM, at=_AT)
_datagrams6 = partial(selftest.datagrams, AF_INET6, SOCK_DGRAM, at=_AT6)

tcp: selftest.Exchange = partial(_stream, 6)
tcp6: selftest.Exchange = partial(_stream6, 6)
udp: selftest.Exchange = partial(_datagrams, 17)
udp6: selftest.Exchange = partial(_datagrams6, 17)
udplite: selftest.Exchange = partial(_datagrams, 136)
udplite6: selftest.Exchange = partial(_datagrams6, 136)
mptcp: selftest.Exchange = partial(_stream, 262)
mptcp6: selftest.Exchange = partial(_stream6, 262)
sctp: selftest.Exchange = partial(_stream, 132)
sctp6: selftest.Exchange = partial(_stream6, 132)
l2tp: selftest.Exchange = partial(_l2tp, AF_INET, _AT)
l2tp6: selftest.Exchange = partial(_l2tp, AF_INET6, _AT6)
icmp: selftest.Exchange = partial(_echo, AF_INET, SOCK_DGRAM, 1)
icmp6: selftest.Exchange = partial(_echo, AF_INET6, SOCK_DGRAM, 58)
raw: selftest.Exchange = partial(_echo, AF_INET, SOCK_RAW, 1)
raw6: selftest.Exchange = partial(_echo, AF_INET6, SOCK_RAW, 58)
