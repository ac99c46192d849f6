"""Every call that may block, in a state where it does: for the tests that disturb it there."""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

MESSAGE = b"x" * 1000

Call = Callable[[Any, Any, float | None], Any]


def _into(call: Callable[[bytearray], int]) -> bytes:
    buffer = bytearray(64)
    return bytes(buffer[: call(buffer)])


RECEIVING: dict[str, Call] = {
    "recvfrom": lambda raw, sock, timeout: raw.recvfrom(sock, timeout, 64, 0)[0],
    "recvfrom_into": lambda raw, sock, timeout: _into(
        lambda buffer: raw.recvfrom_into(sock, timeout, buffer, 64, 0)[0]
    ),
    "recvmsg": lambda raw, sock, timeout: raw.recvmsg(sock, timeout, 64, 64, 0)[0],
    "recvmsg_into": lambda raw, sock, timeout: _into(
        lambda buffer: raw.recvmsg_into(sock, timeout, [buffer], 64, 0)[0]
    ),
    "recvmmsg": lambda raw, sock, timeout: raw.recvmmsg(sock, timeout, 4, 64, 64, 0)[0][0],
    "recvmmsg_into": lambda raw, sock, timeout: _into(
        lambda buffer: raw.recvmmsg_into(sock, timeout, [buffer], 64, 0)[0][0]
    ),
}
"""Each gives the data of one message."""

SENDING: dict[str, Call] = {
    "sendto": lambda raw, sock, timeout: raw.sendto(sock, timeout, MESSAGE, 0, b""),
    "sendmsg": lambda raw, sock, timeout: raw.sendmsg(sock, timeout, [MESSAGE], [], 0, b""),
    "sendmmsg": lambda raw, sock, timeout: (
        len(MESSAGE) * raw.sendmmsg(sock, timeout, [(MESSAGE, (), b"")], 0)
    ),
}
"""Each sends `MESSAGE` and gives its length."""

CONNECTING: dict[str, Call] = {
    "accept": lambda raw, sock, timeout: raw.accept(sock, timeout, True)[0],
    "connect": lambda raw, sock, timeout: raw.connect(sock, timeout, sock.peer),
}
BLOCKING = {**RECEIVING, **SENDING, **CONNECTING}

STDLIB: dict[str, Callable[[Any], Any]] = {
    "recvfrom": lambda sock: sock.recvfrom(64)[0],
    "recvfrom_into": lambda sock: _into(lambda buffer: sock.recvfrom_into(buffer)[0]),
    "recvmsg": lambda sock: sock.recvmsg(64, 64)[0],
    "recvmsg_into": lambda sock: _into(lambda buffer: sock.recvmsg_into([buffer], 64)[0]),
    "sendto": lambda sock: sock.send(MESSAGE),
    "sendmsg": lambda sock: sock.sendmsg([MESSAGE]),
    "accept": lambda sock: sock._accept()[0],
    "connect": lambda sock: sock.connect(sock.address),
}
"""The same of the stdlib, and what comes nearest to the calls that it lacks."""
STDLIB |= {
    "recvmmsg": STDLIB["recvmsg"],
    "recvmmsg_into": STDLIB["recvmsg_into"],
    "sendmmsg": STDLIB["sendmsg"],
}


class Client(socket.socket):
    """A socket that knows where it is to be connected."""

    __slots__ = ("address", "peer")
    address: tuple[str, int]
    peer: bytes


class Blocked(NamedTuple):
    """A socket on which a call waits, and what lets it go on."""

    sock: socket.socket
    release: Callable[[], object]


def fill(sock: socket.socket) -> None:
    """Send until the kernel takes no more; the socket blocks again afterwards."""
    sock.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            sock.send(MESSAGE)
    sock.setblocking(True)


def drain(sock: socket.socket) -> list[bytes]:
    """Everything that waits to be received, whatever the socket's timeout."""
    got = []
    with socket.socket(fileno=os.dup(sock.fileno())) as plain, suppress(BlockingIOError):
        while True:
            got.append(plain.recv(len(MESSAGE), socket.MSG_DONTWAIT))
    return got


def sockaddr_of(sock: socket.socket) -> bytes:
    """The sockaddr_in of a socket's own address."""
    host, port = sock.getsockname()
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))


@contextmanager
def blocked(name: str, timeout: float | None) -> Iterator[Blocked]:
    """Return what the call ``name`` waits on; the socket has the timeout too."""
    with ExitStack() as stack:
        made = _arranged(name, stack.enter_context)
        made.sock.settimeout(timeout)
        yield made


def _arranged(name: str, enter: Callable[[Any], Any]) -> Blocked:
    if name in CONNECTING:
        server = enter(socket.create_server(("127.0.0.1", 0), backlog=0))
        client = enter(Client())
        client.address, client.peer = server.getsockname(), sockaddr_of(server)
        if name == "accept":
            return Blocked(server, lambda: client.connect(client.address))
        enter(socket.create_connection(client.address))
        select.select([server], [], [])  # until that one has arrived there, which fills the queue
        return Blocked(client, lambda: server.accept()[0].close())
    a, b = map(enter, socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    if name in RECEIVING:
        return Blocked(b, lambda: a.send(b"data"))
    fill(a)
    return Blocked(a, lambda: drain(b))
