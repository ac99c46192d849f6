"""A UDP echo server on asyncio: the stdlib's datagram endpoint, ours, and recvmmsg in a reader.

``python -m benchmarks.echo endpoint|given|ours|batch|stream|freed asyncio|uvloop`` serves until its
input ends. Its first line of output is its port, its last one the nanoseconds of CPU that it has
spent since. ``given`` is the loop's endpoint on a socket of famsock, ``ours`` that of
`famsock.aio`; ``stream`` and ``freed`` serve TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import famsock
from benchmarks.measure import Pairs, Work, alternate

BURST = 64
PAYLOAD = b"x" * 64


class _Endpoint(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.transport.sendto(data, address)


async def _serve_endpoint(given: bool = False, ours: bool = False) -> None:
    create: Any = asyncio.get_running_loop().create_datagram_endpoint
    if ours:
        from famsock.aio import create_datagram_endpoint as create
    where: dict[str, Any] = {"local_addr": ("127.0.0.1", 0)}
    if given:
        sock = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        where = {"sock": sock}
    transport, _ = await create(_Endpoint, **where)
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


class Burst(NamedTuple):
    """An echo of datagrams that wait in a server's socket.

    ``clients`` sockets have sent ``size`` datagrams together, each the same number in a row.
    """

    clients: int
    size: int = BURST


class _Counting(asyncio.DatagramProtocol):
    """Echoes, and stops the loop after so many datagrams."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.missing = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.transport.sendto(data, address)
        self.missing -= 1
        if not self.missing:
            self.loop.stop()


def _new_loop(name: str) -> asyncio.AbstractEventLoop:
    if name == "uvloop":
        import uvloop

        made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return made
    return asyncio.new_event_loop()


def burst_ns(kind: str, loop_name: str, burst: Burst) -> float:
    """Nanoseconds of CPU that a loop spends on a datagram, from its receipt to its echo.

    Clients and loop take turns in this process: so the datagrams are there when the loop runs, as
    for a server that is busy, and what the clients do is not counted. The socket is famsock's,
    except uvloop's. Of all bursts the fastest tenth counts: whatever else runs on the machine
    disturbs the others.
    """
    bytes(1 << 18)  # see `_serve_streams`
    with contextlib.closing(_new_loop(loop_name)) as loop, contextlib.ExitStack() as stack:
        create: Any = loop.create_datagram_endpoint
        where: dict[str, Any] = {"local_addr": ("127.0.0.1", 0)}
        if kind == "given":
            where = {"sock": famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)}
            where["sock"].bind(("127.0.0.1", 0))
        elif kind == "ours":
            from famsock.aio import create_datagram_endpoint as create
        transport, protocol = loop.run_until_complete(create(partial(_Counting, loop), **where))
        socks = []
        for _ in range(burst.clients):
            sock = stack.enter_context(famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM))
            sock.connect(transport.get_extra_info("sockname"))
            sock.settimeout(10)
            socks.append(sock)
        each = max(burst.size // burst.clients, 1)
        bursts = max(_DATAGRAMS // (each * burst.clients), 1)
        spent_ns = []
        for _ in range(bursts):
            for sock in socks:
                for _ in range(each):
                    sock.send(PAYLOAD)
            protocol.missing = each * burst.clients
            start_ns = time.process_time_ns()
            loop.run_forever()
            spent_ns.append(time.process_time_ns() - start_ns)
            for sock in socks:
                for _ in range(each):
                    sock.recv(2048)
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
    fastest = sorted(spent_ns)[: max(bursts // 10, 1)]
    return sum(fastest) / len(fastest) / (each * burst.clients)


def bursts(theirs: tuple[str, str], burst: Burst, rounds: int) -> Pairs:
    """Pairs of such figures, for a kind of endpoint on a loop and for ours on asyncio."""
    return alternate(
        partial(burst_ns, *theirs, burst), partial(burst_ns, "ours", "asyncio", burst), rounds
    )


def round_trip_ns(ours: bool, kind: int) -> float:
    """Nanoseconds of CPU of a round trip of 100 bytes between two tasks, by a unix socket pair.

    By connections of `famsock.aio`, or by the loop's own sock_recv and sock_sendall. Of twenty
    parts the two fastest count, as in `burst_ns`.
    """

    async def by_loop() -> list[int]:
        loop = asyncio.get_running_loop()
        a, b = famsock.socketpair(famsock.AF_UNIX, kind)
        with a, b:
            a.setblocking(False)
            b.setblocking(False)

            async def echo() -> None:
                while data := await loop.sock_recv(b, 65536):
                    await loop.sock_sendall(b, data)

            async def there_and_back() -> None:
                await loop.sock_sendall(a, PAYLOAD)
                await loop.sock_recv(a, 65536)

            task = asyncio.create_task(echo())
            spent_ns = await _timed(there_and_back)
            a.shutdown(famsock.SHUT_WR)
            await task
            return spent_ns

    async def by_connections() -> list[int]:
        from famsock.aio import Connection, PacketConnection, StreamConnection

        made = StreamConnection if kind == famsock.SOCK_STREAM else PacketConnection
        a, b = famsock.socketpair(famsock.AF_UNIX, kind)
        one: Connection = made(a)
        other: Connection = made(b)
        async with one, other:

            async def echo() -> None:
                async for data in other:
                    await other.send(data)

            async def there_and_back() -> None:
                await one.send(PAYLOAD)
                await one.receive()

            task = asyncio.create_task(echo())
            spent_ns = await _timed(there_and_back)
            one.send_eof()
            await task
            return spent_ns

    fastest = sorted(asyncio.run(by_connections() if ours else by_loop()))[:2]
    return sum(fastest) / len(fastest) / _ROUND_TRIPS


_ROUND_TRIPS = 200


async def _timed(there_and_back: Callable[[], Coroutine[Any, Any, None]]) -> list[int]:
    spent_ns = []
    for _ in range(20):
        start_ns = time.process_time_ns()
        for _ in range(_ROUND_TRIPS):
            await there_and_back()
        spent_ns.append(time.process_time_ns() - start_ns)
    return spent_ns


def round_trips(kind: int, rounds: int) -> Pairs:
    """Pairs of such figures, by the loop and by connections."""
    theirs, ours = (partial(round_trip_ns, ours, kind) for ours in (False, True))
    return alternate(theirs, ours, rounds)


def main(kind: str, loop: str) -> None:
    """Serve."""
    serve: dict[str, Callable[[], Any]] = {
        "endpoint": _serve_endpoint,
        "given": partial(_serve_endpoint, True),
        "ours": partial(_serve_endpoint, ours=True),
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
