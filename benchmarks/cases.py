"""What is measured: each case does the same work with the stdlib's module and with famsock.

A case is a context manager that takes the module and yields a function doing the work ``n`` times.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

Work = Callable[[int], None]
PAYLOAD = b"x" * 64


class Case(NamedTuple):
    """One comparison: its name, its work, and the greatest ratio to the stdlib that we accept."""

    name: str
    work: Callable[[Any], AbstractContextManager[Work]]
    target: float
    repeat: int = 2000


@contextmanager
def connected(module: Any) -> Iterator[Work]:
    a, b = module.socketpair(module.AF_UNIX, module.SOCK_DGRAM)

    def work(n: int) -> None:
        for _ in range(n):
            a.send(PAYLOAD)
            b.recv(2048)

    with a, b:
        yield work


@contextmanager
def udp(module: Any) -> Iterator[Work]:
    a, b = (module.socket(module.AF_INET, module.SOCK_DGRAM) for _ in range(2))
    with a, b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        address = b.getsockname()

        def work(n: int) -> None:
            for _ in range(n):
                a.sendto(PAYLOAD, address)
                b.recvfrom(2048)

        yield work


@contextmanager
def unix_datagram(module: Any) -> Iterator[Work]:
    a, b = (module.socket(module.AF_UNIX, module.SOCK_DGRAM) for _ in range(2))
    with a, b, tempfile.TemporaryDirectory() as folder:
        a.bind(os.path.join(folder, "a"))
        b.bind(os.path.join(folder, "b"))
        address = b.getsockname()

        def work(n: int) -> None:
            for _ in range(n):
                a.sendto(PAYLOAD, address)
                b.recvfrom(2048)

        yield work


@contextmanager
def creation(module: Any) -> Iterator[Work]:
    def work(n: int) -> None:
        for _ in range(n):
            module.socket(module.AF_INET, module.SOCK_DGRAM).close()

    yield work


@contextmanager
def accept(module: Any) -> Iterator[Work]:
    with module.create_server(("127.0.0.1", 0), backlog=128) as server:
        address = server.getsockname()

        def work(n: int) -> None:
            for _ in range(n):
                client = module.socket(module.AF_INET, module.SOCK_STREAM)
                client.connect(address)
                server.accept()[0].close()
                client.close()

        yield work


CASES = (
    Case("connected send + recv, unix datagram, 64 bytes", connected, 1.00),
    Case("UDP sendto + recvfrom, numeric address, 64 bytes", udp, 1.6),
    Case("unix datagram sendto + recvfrom, 64 bytes", unix_datagram, 1.6),
    Case("socket creation and close", creation, 1.15),
    Case("TCP connect, accept, close", accept, 1.15, 500),
)

PROCESSES = (
    ("import, whole process", "import socket", "import famsock", 1.5),
    (
        "first AF_INET socket, whole process",
        "import socket; socket.socket(2).close()",
        "import famsock; famsock.socket(2).close()",
        None,
    ),
)
"""Whole-process pairs: name, the stdlib's program, ours, and the accepted ratio if there is one."""
