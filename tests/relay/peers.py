"""Relays that run in a thread, and the peers at their ends, which are the stdlib's sockets."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from famsock.relay import End, Event, Options, Relay

PATIENCE_S = 60


class Running:
    """A relay in a thread. ``events`` are those that it told of."""

    def __init__(self, a: str | End, b: str | End, options: Options, **given: Any) -> None:
        self.events: list[Event] = []
        self.relay = Relay(a, b, options, on_event=self.events.append, **given)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)
        self.addresses = self.relay.addresses

    def _run(self) -> None:
        try:
            self.relay.run()
        except BaseException as error:
            self.error = error

    @property
    def a(self) -> Any:
        """The stdlib's form of the address that end A listens at."""
        return stdlib_form(self.addresses[0])

    @property
    def counters(self) -> Any:
        return self.relay.counters

    def join(self) -> None:
        """Wait until the relay is over."""
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive(), self.relay.counters

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until a condition is true."""
        until(condition)


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.002)


def stdlib_form(endpoint: str) -> Any:
    scheme, _, rest = endpoint.partition("://")
    if scheme.startswith("unix"):
        return rest.replace("@", "\0", 1) if rest.startswith("@") else rest
    host, _, port = rest.rpartition(":")
    return host.strip("[]"), int(port)


@contextmanager
def running(
    a: str | End, b: str | End, options: Options | None = None, **given: Any
) -> Iterator[Running]:
    """Run a relay while the context lasts; it must end without an error."""
    run = Running(a, b, options or Options(drain_ms=2000), **given)
    run.thread.start()
    try:
        yield run
    finally:
        run.relay.stop()
        run.relay.stop()
        run.join()
        run.relay.close()
    if run.error is not None:
        raise run.error


class Server:
    """A listening socket, whose connections each have a thread that ``answer`` runs in."""

    def __init__(self, sock: socket.socket, answer: Callable[[socket.socket], None]) -> None:
        self.socket = sock
        self._answer = answer
        self.errors: list[Exception] = []
        self.threads: list[threading.Thread] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._one, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._answer(connection)
            except OSError:
                pass
            except Exception as error:
                self.errors.append(error)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE_S)
        self.socket.close()
        for thread in self.threads:
            thread.join(PATIENCE_S)
        assert self.errors == []


@contextmanager
def unix_server(
    path: Path, answer: Callable[[socket.socket], None], kind: int = socket.SOCK_STREAM
) -> Iterator[Server]:
    """Serve at a path."""
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.bind(os.fspath(path))
    sock.listen(1024)
    server = Server(sock, answer)
    try:
        yield server
    finally:
        server.close()


def echo(connection: socket.socket) -> None:
    """Send back what comes, until its end; then end."""
    while data := connection.recv(1 << 18):
        connection.sendall(data)


def receive_all(sock: socket.socket) -> bytes:
    """Return what comes until the end."""
    parts = []
    while data := sock.recv(1 << 18):
        parts.append(data)
    return b"".join(parts)


def exchange(address: Any, data: bytes) -> bytes:
    """Connect by TCP, send, say that it was all, and return the answer."""
    with socket.create_connection(address, PATIENCE_S) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return receive_all(client)


def is_reset(address: Any, data: bytes = b"") -> bool:
    """Connect by TCP, send and receive; whether the answer is a reset."""
    try:  # connecting with a timeout may be told of it already
        with socket.create_connection(address, PATIENCE_S) as client:
            client.sendall(data)
            while client.recv(1 << 16):
                pass
    except ConnectionResetError:
        return True
    return False


def outgoing(sock: socket.socket) -> int:
    """Return how many bytes the peer's kernel has not acknowledged."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def reset(sock: socket.socket) -> None:
    """Close so that the peer sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def rounds(run: Running, seconds: float) -> int:
    """Return how often a relay's loop turns in a time."""
    loop, count = run.relay._loop, 0
    turn = loop._polled

    def counted(wait_ns: int) -> list[tuple[int, int]]:
        nonlocal count
        count += 1
        return turn(wait_ns)

    loop._polled = counted  # type: ignore[method-assign]
    time.sleep(seconds)
    loop._polled = turn  # type: ignore[method-assign]
    return count


def descriptors() -> int:
    """Return the number of this process's open descriptors."""
    return len(os.listdir("/proc/self/fd"))
