"""A fault at every system call of a relay's life: the others are served, and nothing leaks."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock.relay import Options, _session
from tests.relay.peers import (
    PATIENCE_S,
    Running,
    descriptors,
    echo,
    exchange,
    running,
    unix_server,
    until,
)


class Poller:
    """An epoll object whose methods can be replaced."""

    def __init__(self, poller: Any) -> None:
        self._poller = poller
        self.poll, self.close, self.unregister = poller.poll, poller.close, poller.unregister

    def register(self, descriptor: int, events: int) -> None:
        self._poller.register(descriptor, events)

    def modify(self, descriptor: int, events: int) -> None:
        self._poller.modify(descriptor, events)


BOTH, COPY, SPLICE = (True, False), (False,), (True,)
CALLS = [
    (famsock.socket, "accept", BOTH, (errno.ECONNABORTED, errno.EMFILE, errno.ENOMEM)),
    (famsock.socket, "connect", BOTH, (errno.ECONNREFUSED, errno.EMFILE)),
    (famsock.socket, "setblocking", BOTH, (errno.EBADF,)),
    (famsock.socket, "recv_into", COPY, (errno.ECONNRESET, errno.ETIMEDOUT)),
    (famsock.socket, "send", COPY, (errno.EPIPE, errno.ECONNRESET)),
    (famsock.socket, "shutdown", BOTH, (errno.ENOTCONN, errno.EINVAL)),
    (famsock.socket, "getsockopt", BOTH, (errno.ENOBUFS,)),
    (famsock.socket, "setsockopt", BOTH, (errno.ENOBUFS,)),
    (_session, "_splice", SPLICE, (errno.ECONNRESET, errno.EPIPE, errno.ENOMEM, errno.EINVAL)),
    (os, "pipe", SPLICE, (errno.EMFILE, errno.ENFILE)),
    (fcntl, "fcntl", SPLICE, (errno.EPERM,)),
    (fcntl, "ioctl", BOTH, (errno.ENOTTY,)),
    (Poller, "register", BOTH, (errno.ENOSPC, errno.ENOMEM)),
    (Poller, "modify", BOTH, (errno.ENOMEM,)),
]
"""The calls, whether they are used where bytes are spliced, and errnos of each."""


def cases() -> Iterator[Any]:
    for where, name, uses, numbers in CALLS:
        for number in numbers:
            for splices in uses:
                is_first = number == numbers[0] and splices == uses[0]
                kind = "splice" if splices else "copy"
                yield pytest.param(
                    where, name, number, splices,
                    id=f"{name.strip('_')}-{errno.errorcode[number]}-{kind}",
                    marks=() if is_first else pytest.mark.slow,
                )  # fmt: skip


class Fault:
    """A call that fails once, the ``turn``-th time from now on."""

    def __init__(self, call: Callable[..., Any], number: int) -> None:
        self._call, self._number = call, number
        self.turn = 0
        self.struck = False

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.turn:
            self.turn -= 1
            if not self.turn:
                self.struck = True
                raise OSError(self._number, os.strerror(self._number))
        return self._call(*arguments, **named)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("where", "name", "number", "splices"), list(cases()))
def test_a_fault_at_each_call(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    where: Any,
    name: str,
    number: int,
    splices: bool,
) -> None:
    fault = Fault(getattr(where, name), number)

    def call(*arguments: Any, **named: Any) -> Any:
        return fault(*arguments, **named)

    options = Options(drain_ms=5000, splices=splices)
    data = os.urandom(3000)
    with (
        unix_server(tmp_path / "s", echo),
        running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run,
    ):
        run.relay._loop._poller = Poller(run.relay._loop._poller)
        assert exchange(run.a, data) == data
        monkeypatch.setattr(where, name, call)
        run.wait(lambda: run.counters.active == 0)
        gc.collect()
        before = descriptors()
        for turn in range(1, 100):
            fault.turn, fault.struck = turn, False
            got = b""
            with suppress(OSError):
                got = exchange(run.a, data)
            assert data.startswith(got), "what arrives is what was sent, up to an end"
            run.wait(lambda: run.counters.active == 0 and not run.relay._pending)
            fault.turn = 0
            assert run.thread.is_alive(), run.error
            assert exchange(run.a, data) == data, "the next one is served"
            if not fault.struck:
                break
        else:
            pytest.fail("more than a hundred calls for one connection")
        run.wait(lambda: run.counters.active == 0)
        until(lambda: descriptors() <= before + 8)  # spare pipes


def hears_of_it(sock: socket.socket, run: Running) -> None:
    """Wait for the error of a connection, where the end of one direction may come before."""
    try:
        while sock.recv(100):
            pass
        until(lambda: run.counters.active == 0)
        while True:
            sock.send(b"x")
    except (BrokenPipeError, ConnectionResetError):
        return


POINTS = ["before", "opened", "sent", "half", "answered"]


@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("splices", [True, False], ids=["splice", "copy"])
def test_a_peer_resets_at_each_point(point: str, side: str, splices: bool) -> None:
    """The other peer hears of it, and the next session is served."""
    linger = (socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    options = Options(drain_ms=2000, splices=splices)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        port = server.getsockname()[1]
        with running("tcp://127.0.0.1:0", f"tcp://127.0.0.1:{port}", options) as run:
            client = socket.create_connection(run.a, PATIENCE_S)
            far, _ = server.accept()
            far.settimeout(PATIENCE_S)
            if point in POINTS[2:]:
                client.sendall(b"question")
                assert far.recv(100) == b"question"
            if point in POINTS[3:]:
                client.shutdown(socket.SHUT_WR)
                assert far.recv(100) == b""
            if point == "answered":
                far.sendall(b"answer")
                assert client.recv(100) == b"answer"
            ours, other = (client, far) if side == "client" else (far, client)
            ours.setsockopt(*linger)
            ours.close()
            hears_of_it(other, run)
            other.close()
            run.wait(lambda: run.counters.active == 0)
            with socket.create_connection(run.a, PATIENCE_S) as client:
                client.sendall(b"next")
                far, _ = server.accept()
                assert far.recv(100) == b"next"
                far.close()


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("recvmsg_into", errno.ECONNRESET),
        ("recvmsg_into", errno.ENOMEM),
        ("send", errno.EPIPE),
        ("send", errno.ENOBUFS),
        ("sendmsg", errno.EPIPE),
    ],
)
def test_a_fault_at_each_call_for_messages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, number: int
) -> None:
    """No message is missing among those that arrive, and no descriptor is left."""
    fault = Fault(getattr(famsock.socket, name), number)

    def call(*arguments: Any, **named: Any) -> Any:
        return fault(*arguments, **named)

    options = Options(passes_descriptors=True, drain_ms=5000)
    kind = socket.SOCK_SEQPACKET
    sent = [b"one", b"", b"three" * 100]

    def one_session() -> list[bytes]:
        got = []
        with socket.socket(socket.AF_UNIX, kind) as client, suppress(OSError):
            client.settimeout(PATIENCE_S)
            client.connect(f"{tmp_path}/a")
            for data in sent:
                socket.send_fds(client, [data], [0] if data == b"one" else [])
                got.append(client.recv(1000))
        return got

    with (
        unix_server(tmp_path / "s", packet_echo, kind),
        running(f"unix+seqpacket://{tmp_path}/a", f"unix+seqpacket://{tmp_path}/s", options) as run,
    ):
        assert one_session() == sent
        run.wait(lambda: run.counters.active == 0)
        before = descriptors()
        monkeypatch.setattr(famsock.socket, name, call)
        for turn in range(1, 100):
            fault.turn, fault.struck = turn, False
            got = one_session()
            assert got == sent[: len(got)] or got[-1:] == [b""]
            run.wait(lambda: run.counters.active == 0 and not run.relay._pending)
            fault.turn = 0
            assert run.thread.is_alive(), run.error
            assert one_session() == sent, "the next one is served"
            if not fault.struck:
                break
        else:
            pytest.fail("more than a hundred calls for one session")
        run.wait(lambda: run.counters.active == 0)
        until(lambda: descriptors() <= before + 2)


def packet_echo(connection: socket.socket) -> None:
    """Send back three messages."""
    for _ in range(3):
        data, found, _, _ = socket.recv_fds(connection, 1000, 5)
        for descriptor in found:
            os.close(descriptor)
        connection.send(data)
