"""A UDP echo server on asyncio: the stdlib's datagram endpoint, and recvmmsg in a reader.

``python -m benchmarks.echo endpoint|batch asyncio|uvloop`` serves until its input ends; its first
line of output is its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import famsock
from benchmarks.measure import Work

BURST = 64
PAYLOAD = b"x" * 64


class _Endpoint(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.transport.sendto(data, address)


async def _serve_endpoint() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Endpoint, local_addr=("127.0.0.1", 0))
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
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


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


def main(kind: str, loop: str) -> None:
    """Serve."""
    serve = {"endpoint": _serve_endpoint, "batch": _serve_batches}[kind]
    if loop == "uvloop":
        import uvloop

        uvloop.run(serve())
    else:
        asyncio.run(serve())


if __name__ == "__main__":
    main(*sys.argv[1:])
