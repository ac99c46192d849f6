"""The round trips that self-tests are made of, where the other end answers wrong."""

from __future__ import annotations

import socket as stdlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from socket import AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_STREAM

import pytest

import famsock
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
        partial(selftest.connection, AF_INET, SOCK_STREAM, at=LOOPBACK, message=b"\0\4ping"),
        partial(selftest.datagrams, AF_INET, SOCK_DGRAM, at=LOOPBACK, message=b"a", answer=b"bc"),
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
        with pytest.raises(RuntimeError, match=f"received .*, not b'{'Pong' if back else 'Ping'}'"):
            selftest.echo(near, far, b"Ping", b"Pong")()  # type: ignore[arg-type]


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


class Recording(Altering):
    """A socket that keeps what it is told to send."""

    sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data
        super().sendall(data)


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ((), selftest.MESSAGE[::-1]),
        ((b"\0\4ping",), b"\0\4ping"),  # a frame that its reverse would break
        ((b"\0\4ping", b"\0\6answer"), b"\0\6answer"),
    ],
)
def test_the_answer(given: tuple[bytes, ...], answer: bytes) -> None:
    with ends() as (client, server):
        near, far = Recording(client, bytes), Recording(server, bytes)
        selftest.echo(near, far, *given)()  # type: ignore[arg-type]
        assert near.sent == (given[0] if given else selftest.MESSAGE)
        assert far.sent == answer


def _with_method(sending: str, receiving: str) -> Callable[[socket, socket], None]:
    """A round trip by other methods than `echo` has."""
    buffer = bytearray(8)
    send: dict[str, Callable[[socket], object]] = {
        "send": lambda sock: sock.send(b"ping"),
        "sendall": lambda sock: sock.sendall(memoryview(b"ping")),
        "sendto": lambda sock: sock.sendto(b"ping", sock.getpeername()),
        "sendmsg": lambda sock: sock.sendmsg([b"pi", b"ng"]),
        "sendmmsg": lambda sock: sock.sendmmsg([(b"ping", None)]),
        "send_message": lambda sock: sock.send_message(b"ping"),
    }
    receive: dict[str, Callable[[socket], object]] = {
        "recv": lambda sock: sock.recv(8),
        "recv_into": lambda sock: sock.recv_into(buffer),
        "recvfrom": lambda sock: sock.recvfrom(8),
        "recvfrom_into": lambda sock: sock.recvfrom_into(buffer),
        "recvmsg": lambda sock: sock.recvmsg(8),
        "recvmsg_into": lambda sock: sock.recvmsg_into([buffer]),
        "recvmmsg": lambda sock: sock.recvmmsg(1),
        "recvmmsg_into": lambda sock: sock.recvmmsg_into([buffer]),
        "recv_message": lambda sock: sock.recv_message(8),
        "recv_joined": lambda sock: sock.recv_joined(famsock.control.SCM_TIMESTAMPNS, 8),
    }

    def round_trip(client: socket, server: socket) -> None:
        send[sending](client)
        receive[receiving](server)

    return round_trip


METHODS = [
    *((sending, "recv") for sending in (*selftest._SENDING, "send_message")),
    *(("send", receiving) for receiving in selftest._RECEIVING),
]


@pytest.mark.parametrize(("sending", "receiving"), METHODS)
def test_every_method_that_moves_bytes_is_counted(sending: str, receiving: str) -> None:
    with selftest.sockets(AF_INET, SOCK_DGRAM) as (client, server):
        server.bind(LOOPBACK)
        client.connect(server.getsockname())
        moved = selftest.verify(lambda: _with_method(sending, receiving)(client, server), AF_INET)
        assert moved.sent_bytes == (1 if sending == "sendmmsg" else 4)
        assert moved.received_bytes == 4


def test_the_class_of_sockets_is_as_before() -> None:
    before = dict(vars(socket))
    with selftest.connection(AF_INET, SOCK_STREAM, at=LOOPBACK) as round_trip:
        selftest.verify(round_trip, AF_INET)
    with pytest.raises(ZeroDivisionError):
        selftest.verify(lambda: 1 / 0, AF_INET)
    assert dict(vars(socket)) == before


@contextmanager
def _stdlib_pair() -> Iterator[Callable[[], None]]:
    ends = stdlib.socketpair()
    with ends[0], ends[1]:

        def round_trip() -> None:
            ends[0].send(b"x")
            ends[1].recv(1)

        yield round_trip


def test_what_moves_no_bytes_is_not_verified() -> None:
    with pytest.raises(RuntimeError, match="the round trip received no bytes by famsock's sockets"):
        selftest.verify(lambda: None, AF_INET)
    with (
        _stdlib_pair() as round_trip,
        pytest.raises(RuntimeError, match="the round trip received no bytes"),
    ):
        selftest.verify(round_trip, AF_UNIX)
    with (
        selftest.connection(AF_INET, SOCK_STREAM, at=LOOPBACK) as round_trip,
        pytest.raises(RuntimeError, match="the round trip received no bytes"),
    ):
        selftest.verify(round_trip, AF_UNIX)
    with ends() as (client, server):
        with pytest.raises(RuntimeError, match="the round trip received no bytes"):
            selftest.verify(lambda: client.sendall(b"x"), AF_INET)
        moved = selftest.verify(lambda: selftest.expect(server.recv(1), b"x"), AF_INET)
        assert (moved.sent_bytes, moved.received_bytes) == (0, 1)


def test_what_comes_by_other_means_is_stated() -> None:
    def round_trip() -> None:
        client.sendall(b"x")
        selftest.received(3)

    with ends() as (client, _):
        assert selftest.verify(round_trip, AF_INET).received_bytes == 3


def test_what_goes_by_other_means_is_stated() -> None:
    def round_trip() -> None:
        selftest.sent(3)
        selftest.expect(server.recv(1), b"x")

    with ends() as (client, server):
        client.sendall(b"x")
        assert selftest.verify(round_trip, AF_INET).sent_bytes == 3


@pytest.mark.parametrize("result", [True, False, 0, b"ping", (), object()])
def test_a_result_is_no_success(result: object) -> None:
    with ends() as (client, server):

        def round_trip() -> object:
            selftest.echo(client, server)()
            return result

        with pytest.raises(RuntimeError, match=r"the round trip returned .*: it must return None"):
            selftest.verify(round_trip, AF_INET)
