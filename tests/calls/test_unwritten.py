"""Receiving with MSG_TRUNC: no byte that the kernel did not write, whatever the protocol does."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

Pair = tuple[socket.socket, socket.socket]
SENT = b"what the peer sent, " * 5
SIZES = [1, 3, len(SENT), 200, 4096, 4097, 70_000]
MARK = b"\xa5secret"


def _connected(family: int, host: str) -> Pair:
    with socket.create_server((host, 0), family=family) as server:
        a = socket.create_connection(server.getsockname()[:2])
        return server.accept()[0], a


def _udp() -> Pair:
    a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    a.bind(("127.0.0.1", 0))
    b.connect(a.getsockname())
    return a, b


PAIRS: dict[str, Callable[[], Pair]] = {
    "tcp": lambda: _connected(socket.AF_INET, "127.0.0.1"),
    "udp": _udp,
    "unix stream": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM),
    "unix dgram": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
    "unix seqpacket": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET),
}
if socket.has_ipv6:
    PAIRS["tcp6"] = lambda: _connected(socket.AF_INET6, "::1")

# Each gives the bytes that a call returned.
RECEIVING: dict[str, Callable[[Any, int, int, int], bytes]] = {
    "recvfrom": lambda raw, fd, size, flags: raw.recvfrom(fd, None, size, flags)[0],
    "recvmsg": lambda raw, fd, size, flags: raw.recvmsg(fd, None, size, 0, flags)[0],
    "recvmmsg": lambda raw, fd, size, flags: raw.recvmmsg(fd, None, 1, size, 0, flags)[0][0],
    "recv_joined": lambda raw, fd, size, flags: b"".join(
        raw.recv_joined(fd, None, size, flags, 1, 99)[0]
    ),
}
METHODS: dict[str, Callable[[Any, int, int], bytes]] = {
    "recvfrom": lambda sock, size, flags: sock.recvfrom(size, flags)[0],
    "recvmsg": lambda sock, size, flags: sock.recvmsg(size, 0, flags)[0],
    "recvmmsg": lambda sock, size, flags: sock.recvmmsg(1, size, 0, flags)[0][0],
    "recv_message": lambda sock, size, flags: sock.recv_message(size, 0, flags).data,
}


@contextmanager
def _pair(name: str) -> Iterator[Pair]:
    a, b = PAIRS[name]()
    with a, b:
        a.settimeout(10)
        yield a, b


def _dirty(size: int) -> None:
    """Leave a mark in the memory that the next call is likely to get."""
    for _ in range(8):
        bytes(bytearray(MARK * (size // len(MARK) + 1))[:size])


@pytest.mark.parametrize("flags", [0, socket.MSG_PEEK], ids=["take", "peek"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("call", RECEIVING)
def test_only_bytes_of_the_peer_are_returned(
    raw: Any, descriptors: None, call: str, name: str, size: int, flags: int
) -> None:
    receive = RECEIVING[call]
    with _pair(name) as (a, b):
        b.sendall(MARK * 20)  # so that buffers that are used again have something to disclose
        receive(raw, a.fileno(), len(MARK) * 20, 0)
        b.sendall(SENT)
        _dirty(size)
        data = receive(raw, a.fileno(), size, socket.MSG_TRUNC | flags)
        # tcp(7): the bytes are discarded, not passed back.
        assert data == (b"" if name.startswith("tcp") else SENT[:size])


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("size", SIZES)
def test_a_batch_of_messages(raw: Any, descriptors: None, name: str, size: int) -> None:
    with _pair(name) as (a, b):
        for part in (b"", SENT, SENT[:7]):
            b.sendall(part)
        messages = raw.recvmmsg(a.fileno(), None, 3, size, 0, socket.MSG_TRUNC)
        got = [message[0] for message in messages]
        if name.startswith("tcp"):
            assert not any(got)
        elif b.type == socket.SOCK_STREAM:
            assert b"".join(got) == (SENT + SENT[:7])[: len(b"".join(got))] != b""
        else:
            assert got == [b"", SENT[:size], SENT[:7][:size]]


@pytest.mark.parametrize("name", PAIRS)
def test_the_number_of_dropped_bytes_comes_from_calls_into_a_buffer(
    raw: Any, descriptors: None, name: str
) -> None:
    with _pair(name) as (a, b):
        for call in ("recvfrom_into", "recvmsg_into"):
            b.sendall(SENT)
            mine = bytearray(b"\xff" * len(SENT))
            if call == "recvfrom_into":
                count = raw.recvfrom_into(a.fileno(), None, mine, len(mine), socket.MSG_TRUNC)[0]
            else:
                count = raw.recvmsg_into(a.fileno(), None, [mine], 0, socket.MSG_TRUNC)[0]
            assert count == len(SENT)
            assert mine == (b"\xff" * len(SENT) if name.startswith("tcp") else SENT)


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_sockets(socket_module: Any, descriptors: None, method: str) -> None:
    with _pair("tcp") as (a, b):
        sock = socket_module.socket(fileno=a.detach())
        with sock:
            b.sendall(SENT)
            assert METHODS[method](sock, 4000, socket.MSG_TRUNC) == b""
            b.sendall(SENT)
            assert METHODS[method](sock, 4000, 0) == SENT
