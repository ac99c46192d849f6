"""A fault at every system call of a relay's life: the others are served, and nothing leaks."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import socket
from collections.abc import Callable
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

CALLS = [
    (famsock.socket, "accept", (errno.ECONNABORTED, errno.EMFILE, errno.ENOMEM)),
    (famsock.socket, "connect", (errno.ECONNREFUSED, errno.EMFILE)),
    (famsock.socket, "setblocking", (errno.EBADF,)),
    (famsock.socket, "recv_into", (errno.ECONNRESET, errno.ETIMEDOUT)),
    (famsock.socket, "send", (errno.EPIPE, errno.ECONNRESET)),
    (famsock.socket, "shutdown", (errno.ENOTCONN, errno.EINVAL)),
    (famsock.socket, "getsockopt", (errno.ENOBUFS,)),
    (famsock.socket, "setsockopt", (errno.ENOBUFS,)),
    (_session, "_splice", (errno.ECONNRESET, errno.EPIPE, errno.ENOMEM, errno.EINVAL)),
    (os, "pipe", (errno.EMFILE, errno.ENFILE)),
    (fcntl, "fcntl", (errno.EPERM,)),
    (fcntl, "ioctl", (errno.ENOTTY,)),
]
CASES = [
    pytest.param(where, name, number, id=f"{name.strip('_')}-{errno.errorcode[number]}")
    for where, name, numbers in CALLS
    for number in numbers
]


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


@pytest.mark.parametrize("splices", [True, False], ids=["splice", "copy"])
@pytest.mark.parametrize(("where", "name", "number"), CASES)
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
