"""Live exchanges: two sockets of a protocol, or an echo request that the kernel answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

from famsock.plugin import exchange
from famsock_inet.icmp import Echo, payload_of_ipv4

_AT = ("127.0.0.1", 0)
_AT6 = ("::1", 0)


@contextmanager
def _echo(family: int, kind: int, protocol: int) -> Iterator[exchange.RoundTrip]:
    """An ICMP echo request that the kernel itself answers."""
    version, at = (4, _AT) if family == AF_INET else (6, _AT6)
    with exchange.sockets(family, kind, protocol, count=1) as (sock,):
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
                    return exchange.expect(answer.data, request.data)

        yield round_trip


_stream = partial(exchange.connection, AF_INET, SOCK_STREAM, at=_AT)
_stream6 = partial(exchange.connection, AF_INET6, SOCK_STREAM, at=_AT6)
_datagrams = partial(exchange.datagrams, AF_INET, SOCK_DGRAM, at=_AT)
_datagrams6 = partial(exchange.datagrams, AF_INET6, SOCK_DGRAM, at=_AT6)

tcp: exchange.Exchange = partial(_stream, 6)
tcp6: exchange.Exchange = partial(_stream6, 6)
udp: exchange.Exchange = partial(_datagrams, 17)
udp6: exchange.Exchange = partial(_datagrams6, 17)
udplite: exchange.Exchange = partial(_datagrams, 136)
udplite6: exchange.Exchange = partial(_datagrams6, 136)
mptcp: exchange.Exchange = partial(_stream, 262)
mptcp6: exchange.Exchange = partial(_stream6, 262)
sctp: exchange.Exchange = partial(_stream, 132)
sctp6: exchange.Exchange = partial(_stream6, 132)
icmp: exchange.Exchange = partial(_echo, AF_INET, SOCK_DGRAM, 1)
icmp6: exchange.Exchange = partial(_echo, AF_INET6, SOCK_DGRAM, 58)
raw: exchange.Exchange = partial(_echo, AF_INET, SOCK_RAW, 1)
raw6: exchange.Exchange = partial(_echo, AF_INET6, SOCK_RAW, 58)
