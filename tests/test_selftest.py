"""The round trips that self-tests are made of, where the other end answers wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM

import pytest

from famsock.plugin import selftest, socket

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")
LOOPBACK = ("127.0.0.1", 0)


@contextmanager
def ends() -> Iterator[tuple[socket, socket]]:
    with selftest.sockets(AF_INET, SOCK_STREAM, timeout_s=5) as (listener, client):
        listener.bind(LOOPBACK)
        listener.listen()
        client.connect(listener.getsockname())
        with selftest.accepted(listener) as server:
            yield client, server


@pytest.mark.parametrize(
    "live",
    [
        partial(selftest.connection, AF_INET, SOCK_STREAM, at=LOOPBACK),
        partial(selftest.datagrams, AF_INET, SOCK_DGRAM, at=LOOPBACK),
    ],
)
def test_it_can_be_made_again_and_again(live: selftest.Exchange) -> None:
    with live() as round_trip:
        for _ in range(3):
            round_trip()


def test_sockets_wait_no_longer_than_asked() -> None:
    with ends() as (client, server):
        assert client.gettimeout() == server.gettimeout() == 5


class Altering:
    """A socket whose messages arrive altered."""

    def __init__(self, sock: socket, altered: Callable[[bytes], bytes]) -> None:
        self.sock, self.altered = sock, altered

    def recv(self, size_bytes: int) -> bytes:
        return self.altered(self.sock.recv(size_bytes))

    def sendall(self, data: bytes) -> None:
        self.sock.sendall(data)


@pytest.mark.parametrize("altered", [bytes.swapcase, lambda data: data + b"!"])
@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
def test_a_wrong_message(altered: Callable[[bytes], bytes], back: bool) -> None:
    with ends() as (client, server):
        far = Altering(server, bytes if back else altered)
        near = Altering(client, altered if back else bytes)
        with pytest.raises(RuntimeError, match=r"received .*, not b'(Ping|gniP)'"):
            selftest.echo(near, far, b"Ping")()  # type: ignore[arg-type]


class Trickling(Altering):
    """A socket that gives a byte at a time."""

    def recv(self, size_bytes: int) -> bytes:
        return self.sock.recv(min(1, size_bytes))


def test_a_message_in_pieces() -> None:
    with ends() as (client, server):
        selftest.echo(client, Trickling(server, bytes))()  # type: ignore[arg-type]


def test_an_end_that_is_closed() -> None:
    with ends() as (client, server):
        client.shutdown(1)
        assert selftest._received(server, 4) == b""
        with pytest.raises(BrokenPipeError):
            selftest.echo(client, server)()


def test_a_datagram_from_somebody_else() -> None:
    with selftest.sockets(AF_INET, SOCK_DGRAM, count=3) as (client, server, other):
        for sock in (client, server):
            sock.bind(LOOPBACK)
        other.sendto(b"ping", server.getsockname())
        with pytest.raises(RuntimeError, match=r"received \(b'ping', \('127"):
            selftest.echo_to_sender(client, server, message=b"ping")()
