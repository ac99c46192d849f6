"""Common parts of the self-tests of protocols: sockets, round trips, checks.

A `Protocol.selftest` names a context manager that opens sockets and yields a function making one
verified round trip between them. If two sockets of one machine can connect, or send each other
datagrams, use `connection` or `datagrams` with the protocol's numbers and an address::

    tcp = partial(selftest.connection, AF_INET, SOCK_STREAM, IPPROTO_TCP, at=("127.0.0.1", 0))

Other self-tests use the functions above these two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from famsock._sockets import socket

RoundTrip = Callable[[], None]
Exchange = Callable[[], AbstractContextManager[RoundTrip]]
"""The type of `Protocol.selftest`'s object."""

MESSAGE = bytes(range(256))
TIMEOUT_S = 10.0


def expect(got: object, wanted: object) -> None:
    """Raise RuntimeError with both values if they differ."""
    if got != wanted:
        raise RuntimeError(f"received {got!r}, not {wanted!r}")


@contextmanager
def sockets(
    family: int, kind: int, protocol: int = 0, *, count: int = 2, timeout_s: float = TIMEOUT_S
) -> Iterator[tuple[socket, ...]]:
    """Yield ``count`` new sockets with a timeout of ``timeout_s``; close them at the end."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket(family, kind, protocol)) for _ in range(count)]
        for sock in opened:
            sock.settimeout(timeout_s)
        yield tuple(opened)


@contextmanager
def accepted(listener: socket) -> Iterator[socket]:
    """Yield the next connection of ``listener``, with its timeout; close it at the end."""
    sock, _ = listener.accept()
    with sock:
        sock.settimeout(listener.gettimeout())
        yield sock


def echo(near: socket, far: socket, message: bytes = MESSAGE) -> RoundTrip:
    """Return a round trip between connected ends: ``message`` there and, reversed, back."""

    def round_trip() -> None:
        near.sendall(message)
        there = _received(far, len(message))
        expect(there, message)
        far.sendall(there[::-1])
        expect(_received(near, len(message)), message[::-1])

    return round_trip


def _received(sock: socket, size_bytes: int) -> bytes:
    """Receive a whole message: a datagram at once, or pieces up to the end of a stream."""
    received = b""
    while len(received) < size_bytes and (piece := sock.recv(size_bytes + 1)):
        received += piece
    return received


def echo_to_sender(
    client: socket, server: socket, to: Any = None, message: bytes = MESSAGE
) -> RoundTrip:
    """Return a round trip of datagrams: ``message`` to ``to``, and its reverse to the sender.

    ``to`` is the server's own address by default. The sender's address must be the client's own
    one.
    """

    def round_trip() -> None:
        client.sendto(message, server.getsockname() if to is None else to)
        there, sender = server.recvfrom(len(message) + 1)
        expect((there, sender), (message, client.getsockname()))
        server.sendto(there[::-1], sender)
        expect(client.recvfrom(len(message) + 1), (message[::-1], server.getsockname()))

    return round_trip


@contextmanager
def connection(
    family: int, kind: int, protocol: int = 0, *, at: Any, timeout_s: float = TIMEOUT_S
) -> Iterator[RoundTrip]:
    """Yield `echo` over a connection to a socket that listens ``at`` a local address.

    Both ends must have the listener's address as local or peer address.
    """
    with sockets(family, kind, protocol, timeout_s=timeout_s) as (listener, client):
        listener.bind(at)
        listener.listen(1)
        client.connect(listener.getsockname())
        with accepted(listener) as server:
            expect(client.getpeername(), server.getsockname())
            yield echo(client, server)


@contextmanager
def datagrams(
    family: int, kind: int, protocol: int = 0, *, at: Any, timeout_s: float = TIMEOUT_S
) -> Iterator[RoundTrip]:
    """Yield `echo_to_sender` between two sockets bound ``at`` a local address.

    The address leaves a part of it to the kernel, such as the port.
    """
    with sockets(family, kind, protocol, timeout_s=timeout_s) as (client, server):
        for sock in (client, server):
            sock.bind(at)
        yield echo_to_sender(client, server)
