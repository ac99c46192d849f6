"""Common parts of the self-tests of protocols: sockets, round trips, checks.

A `Protocol.selftest` names a context manager that opens sockets and yields a function making one
verified round trip between them. The function returns None, and raises an exception if what arrives
is not what was sent. If two sockets of one machine can connect, or send each other datagrams, use
`connection` or `datagrams` with the protocol's numbers and an address::

    tcp = partial(selftest.connection, AF_INET, SOCK_STREAM, IPPROTO_TCP, at=("127.0.0.1", 0))

A protocol whose messages have their own form gives ``message``, and ``answer`` if that is
another one. Other self-tests use the functions above these two.

`verify` makes a round trip for those who run self-tests, and refuses one that moves no bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from typing import Any

from famsock._sockets import socket

__all__ = [
    "ANSWER",
    "MESSAGE",
    "TIMEOUT_S",
    "Exchange",
    "RoundTrip",
    "Traffic",
    "accepted",
    "check_result",
    "connection",
    "datagrams",
    "echo",
    "echo_to_sender",
    "expect",
    "received",
    "sent",
    "sockets",
    "verify",
]

RoundTrip = Callable[[], None]
Exchange = Callable[[], AbstractContextManager[RoundTrip]]
"""The type of `Protocol.selftest`'s object."""

MESSAGE = bytes(range(256))
ANSWER = MESSAGE[::-1]
TIMEOUT_S = 10.0


class Traffic:
    """The bytes that sockets moved: ``sent_bytes`` and ``received_bytes``."""

    def __init__(self) -> None:
        self.sent_bytes = 0
        self.received_bytes = 0


_traffic: list[Traffic] = []  # those that count now


def received(size_bytes: int) -> None:
    """State that ``size_bytes`` arrived by another means than a method of a socket.

    For a self-test whose data come through shared memory, for example. The methods of sockets that
    receive are counted without it.
    """
    for traffic in _traffic:
        traffic.received_bytes += size_bytes


def sent(size_bytes: int) -> None:
    """State that ``size_bytes`` were sent by another means than a method of a socket.

    For a self-test whose data go by a socket option, for example, as `received`.
    """
    for traffic in _traffic:
        traffic.sent_bytes += size_bytes


def verify(round_trip: Callable[[], object], family: int) -> Traffic:
    """Make one round trip, and return what it moved by sockets of the family of this number.

    RuntimeError if it returns anything but None, or if such sockets received nothing meanwhile;
    otherwise whatever the round trip raises. What only sends is no round trip; some protocols only
    give, as a generator of random numbers does. Not for two threads at a time.
    """
    with _counted(family) as traffic:
        check_result(round_trip())
    if not traffic.received_bytes:
        raise RuntimeError("the round trip received no bytes by famsock's sockets of the family")
    return traffic


def check_result(result: object) -> None:
    """Raise RuntimeError if a round trip returned anything but None: it may mean a failure."""
    if result is not None:
        raise RuntimeError(
            f"the round trip returned {result!r}: it must return None, and raise an exception if "
            f"it fails"
        )


_SENDING = ("send", "sendall", "sendto", "sendmsg", "sendmmsg")
_RECEIVING = (
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "recvmmsg",
    "recvmmsg_into",
    "recv_message",
    "recv_joined",
)


@contextmanager
def _counted(family: int) -> Iterator[Traffic]:
    """Count the bytes that famsock's sockets of a family move: their class gets other methods.

    Only self-tests run meanwhile.
    """
    traffic = Traffic()
    before = {name: vars(socket).get(name) for name in (*_SENDING, *_RECEIVING)}
    _traffic.append(traffic)
    try:
        for name in before:
            setattr(socket, name, _counting(name, getattr(socket, name), family, traffic))
        yield traffic
    finally:
        _traffic.remove(traffic)
        for name, method in before.items():
            if method is None:
                delattr(socket, name)
            else:
                setattr(socket, name, method)


def _counting(
    name: str, method: Callable[..., Any], family: int, traffic: Traffic
) -> Callable[..., Any]:
    @wraps(method)
    def call(sock: socket, *arguments: Any, **keywords: Any) -> Any:
        result = method(sock, *arguments, **keywords)
        if sock.family != family:
            return result
        if name not in _SENDING:
            traffic.received_bytes += _size_bytes(result)
        elif name == "sendall":
            traffic.sent_bytes += memoryview(arguments[0]).nbytes
        else:  # of sendmmsg the number of messages is enough
            traffic.sent_bytes += result
        return result

    return call


def _size_bytes(result: Any) -> int:
    """Return how many bytes the result of a method that receives stands for."""
    if isinstance(result, int):
        return result
    if isinstance(result, list):
        return sum(map(_size_bytes, result))
    if isinstance(result, tuple):
        return _size_bytes(result[0])
    return len(result if isinstance(result, bytes) else result.data)


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


def echo(
    near: socket, far: socket, message: bytes = MESSAGE, answer: bytes | None = None
) -> RoundTrip:
    """Return a round trip between connected ends: ``message`` there and ``answer`` back.

    The answer to the usual message is its reverse, to another one the same message, if no answer is
    given.
    """
    answer = _answer(message, answer)

    def round_trip() -> None:
        near.sendall(message)
        expect(_received(far, len(message)), message)
        far.sendall(answer)
        expect(_received(near, len(answer)), answer)

    return round_trip


def _answer(message: bytes, answer: bytes | None) -> bytes:
    if answer is not None:
        return answer
    return ANSWER if message == MESSAGE else message


def _received(sock: socket, size_bytes: int) -> bytes:
    """Receive a whole message: a datagram at once, or pieces up to the end of a stream."""
    received = b""
    while len(received) < size_bytes and (piece := sock.recv(size_bytes + 1)):
        received += piece
    return received


def echo_to_sender(
    client: socket,
    server: socket,
    to: Any = None,
    message: bytes = MESSAGE,
    answer: bytes | None = None,
) -> RoundTrip:
    """Return a round trip of datagrams: ``message`` to ``to``, and ``answer`` to the sender.

    ``to`` is the server's own address by default; the answer is as that of `echo`. The sender's
    address must be the client's own one.
    """
    answer = _answer(message, answer)

    def round_trip() -> None:
        client.sendto(message, server.getsockname() if to is None else to)
        there, sender = server.recvfrom(len(message) + 1)
        expect((there, sender), (message, client.getsockname()))
        server.sendto(answer, sender)
        expect(client.recvfrom(len(answer) + 1), (answer, server.getsockname()))

    return round_trip


@contextmanager
def connection(
    family: int,
    kind: int,
    protocol: int = 0,
    *,
    at: Any,
    timeout_s: float = TIMEOUT_S,
    message: bytes = MESSAGE,
    answer: bytes | None = None,
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
            yield echo(client, server, message, answer)


@contextmanager
def datagrams(
    family: int,
    kind: int,
    protocol: int = 0,
    *,
    at: Any,
    timeout_s: float = TIMEOUT_S,
    message: bytes = MESSAGE,
    answer: bytes | None = None,
) -> Iterator[RoundTrip]:
    """Yield `echo_to_sender` between two sockets bound ``at`` a local address.

    The address leaves a part of it to the kernel, such as the port.
    """
    with sockets(family, kind, protocol, timeout_s=timeout_s) as (client, server):
        for sock in (client, server):
            sock.bind(at)
        yield echo_to_sender(client, server, message=message, answer=answer)
