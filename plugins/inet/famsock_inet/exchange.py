"""Live exchanges: two sockets of a protocol, and a function making one verified round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import count
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from typing import Any

import famsock
from famsock_inet.icmp import Echo, payload_of_ipv4

_LOOPBACK: dict[int, str] = {AF_INET: "127.0.0.1", AF_INET6: "::1"}
_TIMEOUT_S = 10
_MESSAGE = bytes(range(256))
Exchange = Callable[[], AbstractContextManager[Callable[[], None]]]


def _open(stack: ExitStack, family: int, kind: int, protocol: int) -> famsock.socket:
    sock = stack.enter_context(famsock.socket(family, kind, protocol))
    sock.settimeout(_TIMEOUT_S)
    return sock


def _expect(got: Any, wanted: Any) -> None:
    if got != wanted:
        raise RuntimeError(f"received {got!r}, not {wanted!r}")


@contextmanager
def _stream(family: int, protocol: int) -> Iterator[Callable[[], None]]:
    """An echo over a connection."""
    with ExitStack() as stack:
        server = _open(stack, family, SOCK_STREAM, protocol)
        server.bind((_LOOPBACK[family], 0))
        server.listen(1)
        client = _open(stack, family, SOCK_STREAM, protocol)
        client.connect(server.getsockname())
        accepted, address = server.accept()
        stack.enter_context(accepted)
        accepted.settimeout(_TIMEOUT_S)
        _expect(address, client.getsockname())

        def round_trip() -> None:
            for sender, receiver in ((client, accepted), (accepted, client)):
                sender.sendall(_MESSAGE)
                received = b""
                while len(received) < len(_MESSAGE):
                    received += receiver.recv(len(_MESSAGE)) or b"end of stream"
                _expect(received, _MESSAGE)

        yield round_trip


@contextmanager
def _datagram(family: int, protocol: int) -> Iterator[Callable[[], None]]:
    """A datagram there and one back, to the address that it came from."""
    with ExitStack() as stack:
        server, client = (_open(stack, family, SOCK_DGRAM, protocol) for _ in range(2))
        for sock in (server, client):
            sock.bind((_LOOPBACK[family], 0))

        def round_trip() -> None:
            client.sendto(_MESSAGE, server.getsockname())
            data, address = server.recvfrom(len(_MESSAGE) + 1)
            _expect((data, address), (_MESSAGE, client.getsockname()))
            server.sendto(data, address)
            _expect(client.recvfrom(len(_MESSAGE) + 1), (_MESSAGE, server.getsockname()))

        yield round_trip


@contextmanager
def _echo(family: int, kind: int, protocol: int) -> Iterator[Callable[[], None]]:
    """An ICMP echo request that the kernel itself answers."""
    version = 4 if family == AF_INET else 6
    with ExitStack() as stack:
        sock = _open(stack, family, kind, protocol)
        sequences = count(1)

        def round_trip() -> None:
            request = Echo(0x6661, next(sequences) & 0xFFFF, b"famsock")
            sock.sendto(request.pack(version), (_LOOPBACK[family], 0))
            while True:
                data = sock.recv(1024)
                if kind == SOCK_RAW and version == 4:
                    data = payload_of_ipv4(data)
                answer = Echo.unpack(data, version)
                if answer and answer.reply and answer.sequence == request.sequence:
                    return _expect(answer.data, request.data)

        yield round_trip


tcp: Exchange = partial(_stream, AF_INET, 6)
tcp6: Exchange = partial(_stream, AF_INET6, 6)
udp: Exchange = partial(_datagram, AF_INET, 17)
udp6: Exchange = partial(_datagram, AF_INET6, 17)
udplite: Exchange = partial(_datagram, AF_INET, 136)
udplite6: Exchange = partial(_datagram, AF_INET6, 136)
mptcp: Exchange = partial(_stream, AF_INET, 262)
mptcp6: Exchange = partial(_stream, AF_INET6, 262)
sctp: Exchange = partial(_stream, AF_INET, 132)
sctp6: Exchange = partial(_stream, AF_INET6, 132)
icmp: Exchange = partial(_echo, AF_INET, SOCK_DGRAM, 1)
icmp6: Exchange = partial(_echo, AF_INET6, SOCK_DGRAM, 58)
raw: Exchange = partial(_echo, AF_INET, SOCK_RAW, 1)
raw6: Exchange = partial(_echo, AF_INET6, SOCK_RAW, 58)
