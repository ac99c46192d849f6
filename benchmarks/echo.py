"""A UDP echo server on asyncio: the stdlib's datagram endpoint, and recvmmsg in a reader.

``python -m benchmarks.echo endpoint|given|batch|stream|freed asyncio|uvloop`` serves until its
input ends. Its first line of output is its port, its last one the nanoseconds of CPU that it has
spent since. ``given`` is an endpoint on a socket of famsock; ``stream`` and ``freed`` serve TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import famsock
from benchmarks.measure import Pairs, Work, alternate

BURST = 64
PAYLOAD = b"x" * 64


class _Endpoint(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.transport.sendto(data, address)


async def _serve_endpoint(given: bool = False) -> None:
    loop = asyncio.get_running_loop()
    where: dict[str, Any] = {"local_addr": ("127.0.0.1", 0)}
    if given:
        sock = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        where = {"sock": sock}
    transport, _ = await loop.create_datagram_endpoint(_Endpoint, **where)
    await _until_input_ends(transport.get_extra_info("sockname")[1])
    transport.close()


async def _serve_batches() -> None:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)

        def readable() -> None:
            with contextlib.suppress(BlockingIOError):
                got = sock.recvmmsg(BURST)
                sock.sendmmsg([(data, address) for data, _, _, address in got])

        asyncio.get_running_loop().add_reader(sock, readable)
        await _until_input_ends(sock.getsockname()[1])
        asyncio.get_running_loop().remove_reader(sock)


async def _until_input_ends(port: int) -> None:
    print(port, flush=True)
    start_ns = time.process_time_ns()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(time.process_time_ns() - start_ns, flush=True)


@contextmanager
def echoed(kind: str, loop: str) -> Iterator[Work]:
    """Bursts of datagrams to such a server and back; the client is the same for both kinds."""
    with (
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.echo", kind, loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server,
        famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock,
    ):
        assert server.stdout is not None
        sock.connect(("127.0.0.1", int(server.stdout.readline())))
        sock.settimeout(10)
        burst = [(PAYLOAD, None)] * BURST

        def work(n: int) -> int:
            start_ns = time.perf_counter_ns()
            bursts = max(n // BURST, 1)
            for _ in range(bursts):
                missing = sock.sendmmsg(burst)
                while missing:
                    missing -= len(sock.recvmmsg(BURST))
            return (time.perf_counter_ns() - start_ns) * n // (bursts * BURST)

        yield work


class _Stream(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def _serve_streams(freed: bool) -> None:
    """Serve by the stdlib's sockets; with ``freed``, free a block as large as asyncio's first."""
    if freed:
        bytes(1 << 18)
    server = await asyncio.get_running_loop().create_server(_Stream, "127.0.0.1", 0)
    await _until_input_ends(server.sockets[0].getsockname()[1])
    server.close()


_DATAGRAMS = 100 * BURST
KEEPS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 22), "MALLOC_TRIM_THRESHOLD_": str(1 << 23)}
"""With it malloc(3) neither maps a block of 256 KiB nor gives it back at once: mallopt(3)."""


def server_ns(kind: str, environment: dict[str, str]) -> float:
    """Nanoseconds of CPU that a fresh server on asyncio spends on a datagram.

    Not the time, for client and server share it; and fresh, for what a process has freed before
    changes how malloc(3) takes memory.
    """
    is_stream = kind in ("stream", "freed")
    with (
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.echo", kind, "asyncio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        ) as server,
        famsock.socket(
            famsock.AF_INET, famsock.SOCK_STREAM if is_stream else famsock.SOCK_DGRAM
        ) as sock,
    ):
        assert server.stdout is not None
        assert server.stdin is not None
        sock.connect(("127.0.0.1", int(server.stdout.readline())))
        sock.settimeout(10)
        for _ in range(_DATAGRAMS // BURST):
            if is_stream:
                for _ in range(BURST):
                    sock.sendall(PAYLOAD)
                    sock.recv(2048)
                continue
            missing = sock.sendmmsg([(PAYLOAD, None)] * BURST)
            while missing:
                missing -= len(sock.recvmmsg(BURST))
        server.stdin.close()
        return int(server.stdout.readline()) / _DATAGRAMS


def servers(kinds: tuple[str, str], environment: dict[str, str], rounds: int) -> Pairs:
    """Pairs of such figures, for two kinds of servers."""
    theirs, ours = (partial(server_ns, kind, environment) for kind in kinds)
    return alternate(theirs, ours, rounds)


def main(kind: str, loop: str) -> None:
    """Serve."""
    serve: dict[str, Callable[[], Any]] = {
        "endpoint": _serve_endpoint,
        "given": partial(_serve_endpoint, True),
        "batch": _serve_batches,
        "stream": partial(_serve_streams, False),
        "freed": partial(_serve_streams, True),
    }
    if loop == "uvloop":
        import uvloop

        uvloop.run(serve[kind]())
    else:
        asyncio.run(serve[kind]())


if __name__ == "__main__":
    main(*sys.argv[1:])
