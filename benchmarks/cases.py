"""What is measured: each case does the same work with the stdlib's module and with famsock.

A case is a context manager that takes the module and yields a function doing the work ``n`` times.
A function that returns nanoseconds has measured itself, without what it had to prepare.
"""

from __future__ import annotations

import os
import socket as stdlib
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

Work = Callable[[int], int | None]
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


BATCH = 64
SEGMENT_BYTES = 512
SEGMENTS = os.urandom(64 * SEGMENT_BYTES)
_GRO = 17, 104  # SOL_UDP, UDP_GRO


def repeated(once: Callable[[], int]) -> Work:
    """Work that moves a batch as often as it takes to move ``n`` datagrams."""

    def work(n: int) -> int:
        return sum(once() for _ in range(max(n // BATCH, 1)))

    return work


@contextmanager
def to_and_from(module: Any, measured: str) -> Iterator[tuple[Any, Any]]:
    """Two UDP sockets; the module's is the one that sends or the one that receives."""
    makers = [module if measured == side else stdlib for side in ("send", "receive")]
    a, b = (maker.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) for maker in makers)
    with a, b:
        for sock in (a, b):
            sock.bind(("127.0.0.1", 0))
            sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 1 << 22)
        yield a, b


@contextmanager
def batch_send(module: Any) -> Iterator[Work]:
    with to_and_from(module, "send") as (a, b):
        address = b.getsockname()

        def once() -> int:
            start_ns = time.perf_counter_ns()
            if module is stdlib:
                for _ in range(BATCH):
                    a.sendto(PAYLOAD, address)
            else:
                a.sendmmsg([(PAYLOAD, address) for _ in range(BATCH)])
            spent_ns = time.perf_counter_ns() - start_ns
            for _ in range(BATCH):
                b.recv(2048)
            return spent_ns

        yield repeated(once)


@contextmanager
def batch_receive(module: Any) -> Iterator[Work]:
    with to_and_from(module, "receive") as (a, b):
        address = b.getsockname()

        def once() -> int:
            for _ in range(BATCH):
                a.sendto(PAYLOAD, address)
            start_ns = time.perf_counter_ns()
            if module is stdlib:
                got = [b.recvfrom(2048) for _ in range(BATCH)]
            else:
                got = b.recvmmsg(BATCH, 2048)
            spent_ns = time.perf_counter_ns() - start_ns
            assert len(got) == BATCH
            return spent_ns

        yield repeated(once)


def pieces() -> list[bytes]:
    return [SEGMENTS[at : at + SEGMENT_BYTES] for at in range(0, len(SEGMENTS), SEGMENT_BYTES)]


@contextmanager
def segments_send(module: Any) -> Iterator[Work]:
    with to_and_from(module, "send") as (a, b):
        address = b.getsockname()
        b.setsockopt(*_GRO, 1)
        wanted = zlib.crc32(SEGMENTS)

        def once() -> int:
            datagrams = pieces()
            start_ns = time.perf_counter_ns()
            if module is stdlib:
                for datagram in datagrams:
                    a.sendto(datagram, address)
            else:
                a.send_segments(SEGMENTS, SEGMENT_BYTES, address)
            spent_ns = time.perf_counter_ns() - start_ns
            got = b""
            while len(got) < len(SEGMENTS):
                got += b.recv(65535)
            assert zlib.crc32(got) == wanted
            return spent_ns

        yield repeated(once)


@contextmanager
def segments_receive(module: Any) -> Iterator[Work]:
    with to_and_from(module, "receive") as (a, b):
        address = b.getsockname()
        wanted = zlib.crc32(SEGMENTS)
        segment = stdlib.IPPROTO_UDP, 103, SEGMENT_BYTES.to_bytes(2, "little")
        if module is not stdlib:
            b.receive_segments()

        def once() -> int:
            a.sendmsg([SEGMENTS], [segment], 0, address)
            start_ns = time.perf_counter_ns()
            if module is stdlib:
                got = [b.recvfrom(2048)[0] for _ in range(BATCH)]
            else:
                got = b.recv_segments()[0]
            spent_ns = time.perf_counter_ns() - start_ns
            assert len(got) == BATCH
            assert zlib.crc32(b"".join(got)) == wanted
            return spent_ns

        yield repeated(once)


CASES = (
    Case("connected send + recv, unix datagram, 64 bytes", connected, 1.00),
    Case("UDP sendto + recvfrom, numeric address, 64 bytes", udp, 0.95),
    Case("unix datagram sendto + recvfrom, 64 bytes", unix_datagram, 0.95),
    Case("socket creation and close", creation, 1.05),
    Case("TCP connect, accept, close", accept, 1.05, 500),
    Case("recvmmsg of 64 against recvfrom, a UDP datagram of 64 bytes", batch_receive, 0.5),
    Case("sendmmsg of 64 against sendto, a UDP datagram of 64 bytes", batch_send, 0.77),
    Case("UDP_SEGMENT against sendto, a datagram of 512 bytes", segments_send, 0.1),
    Case("UDP_GRO against recvfrom, a datagram of 512 bytes", segments_receive, 0.125),
)

PROCESSES = (
    ("import, whole process", "import socket", "import famsock", 1.3),
    (
        "first AF_INET socket, whole process",
        "import socket; socket.socket(2).close()",
        "import famsock; famsock.socket(2).close()",
        None,
    ),
)
"""Whole-process pairs: name, the stdlib's program, ours, and the accepted ratio if there is one."""
