"""Connections of several families: exchange, ends, cancellation, time limits, many tasks."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket as stdlib
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import aio, endpoints

pytestmark = pytest.mark.usefixtures("descriptors", "alarm")

STREAMS = (
    "tcp://127.0.0.1:0",
    "tcp6://[::1]:0",
    "unix://{folder}/stream",
    pytest.param(
        "vsock://1:4294967295",
        marks=[
            pytest.mark.needs_family("AF_VSOCK"),
            pytest.mark.needs_module("vsock_loopback"),
        ],
    ),
)
PACKETS = (
    "unix+seqpacket://{folder}/packets",
    pytest.param(
        "vsock+seqpacket://1:4294967295",
        marks=[
            pytest.mark.needs_family("AF_VSOCK"),
            pytest.mark.needs_module("vsock_loopback"),
        ],
    ),
    pytest.param("tipc+seqpacket://service:{service}:7", marks=pytest.mark.needs_family("AF_TIPC")),
)
Ends = tuple[aio.Connection, aio.Connection]


def run(main: Awaitable[Any], seconds: float = 120) -> Any:
    async def timed() -> Any:
        async with asyncio.timeout(seconds):
            return await main

    return asyncio.run(timed())


@asynccontextmanager
async def connected(text: str, folder: Path) -> AsyncIterator[Ends]:
    """Both ends of a connection to an endpoint."""
    service = 0x60000000 + os.getpid()
    here = endpoints.parse(text.format(folder=folder, service=service))
    async with await aio.listen(here) as listener:
        there = listener.local_address
        assert there is not None
        accepting = asyncio.ensure_future(listener.accept())
        kind = listener.socket.type
        async with await aio.connect(there, type=kind) as client, await accepting as server:
            yield client, server


@pytest.mark.parametrize("text", STREAMS)
def test_a_stream(text: str, tmp_path: Path) -> None:
    """Much data, in pieces of every size, each way at once, and the end of one direction."""

    async def main() -> None:
        data = random.Random(1).randbytes(1 << 20)
        async with connected(text, tmp_path) as (client, server):
            assert isinstance(client, aio.StreamConnection)
            assert isinstance(server, aio.StreamConnection)

            async def sends(end: aio.Connection) -> None:
                at, dice = 0, random.Random(2)
                while at < len(data):
                    size = dice.choice([1, 100, 5000, 200_000])
                    await end.send(memoryview(data)[at : at + size])
                    at += size
                end.send_eof()

            async def receives(end: aio.Connection) -> bytes:
                return b"".join([piece async for piece in end])

            first, second, *_ = await asyncio.gather(
                receives(client), receives(server), sends(client), sends(server)
            )
            assert first == second == data
            assert await client.receive() == await client.receive() == b""

    run(main())


@pytest.mark.parametrize("text", PACKETS)
def test_packets(text: str, tmp_path: Path) -> None:
    async def main() -> None:
        dice = random.Random(1)
        # AF_VSOCK splits a packet that finds too little space in the peer's 256 KiB.
        sizes = [1, 2, 1000] if text.startswith("vsock") else [1, 2, 1000, 40_000]
        sent = [dice.randbytes(dice.choice(sizes)) for _ in range(200)]
        async with connected(text, tmp_path) as (client, server):
            assert isinstance(client, aio.PacketConnection)

            async def sends() -> None:
                for data in sent:
                    await client.send(data)
                client.close()

            async def receives() -> list[bytes]:
                return [packet async for packet in server]

            received, _ = await asyncio.gather(receives(), sends())
            assert received == sent
            for _ in range(2):
                with pytest.raises(EOFError):
                    await server.receive()

    run(main())


@pytest.mark.parametrize("text", [STREAMS[0], STREAMS[2], PACKETS[0]])
def test_a_cancelled_receive_takes_nothing(text: str, tmp_path: Path) -> None:
    """Cancelled at every turn of the loop around the arrival of data."""

    async def main() -> None:
        async with connected(text, tmp_path) as (client, server):
            received: list[bytes] = []
            sent = []
            for number in range(60):
                task = asyncio.ensure_future(server.receive())
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                data = b"%02d" % number
                sent.append(data)
                await client.send(data)
                for _ in range(number % 5):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    received.append(await task)
                except asyncio.CancelledError:
                    continue
            client.close()
            received += [data async for data in server]
            assert b"".join(received) == b"".join(sent)

    run(main())


def test_many_receives_let_others_run_and_lose_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with connected(STREAMS[0], tmp_path) as (client, server):
            await client.send(bytes(range(200)))
            received: list[bytes] = []

            async def one_by_one() -> None:
                while len(received) < 200:
                    received.append(await server.receive(1))

            turns = 0
            task = asyncio.ensure_future(one_by_one())
            await asyncio.sleep(0)
            while not task.done():
                turns += 1
                if turns == 2:
                    task.cancel()
                await asyncio.sleep(0)
            assert turns >= 2
            with pytest.raises(asyncio.CancelledError):
                await task
            await one_by_one()
            assert b"".join(received) == bytes(range(200))

    run(main())


def test_time_limits(tmp_path: Path) -> None:
    async def main() -> None:
        async with connected(PACKETS[0], tmp_path) as (client, server):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await server.receive()
            await client.send(b"late")
            assert await server.receive() == b"late"

            async def fill() -> None:
                async with asyncio.timeout(0.05):
                    while True:
                        await client.send(b"x" * 1000)

            with pytest.raises(TimeoutError):
                await fill()
            count = 0
            client.close()
            async for packet in server:
                assert packet == b"x" * 1000
                count += 1
            assert count > 0

    run(main())


def test_the_reader_stays_and_goes(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with connected(STREAMS[0], tmp_path) as (client, server):
            task = asyncio.ensure_future(server.receive())
            await asyncio.sleep(0)
            await client.send(b"one")
            assert await task == b"one"
            assert server._has_reader
            await client.send(b"two")
            while server._has_reader:  # `run` has a time limit
                await asyncio.sleep(0.001)
            assert loop.remove_reader(server.socket.fileno()) is False
            assert await server.receive() == b"two"

    run(main())


def test_one_receives_and_several_send(tmp_path: Path) -> None:
    async def main() -> None:
        async with connected(STREAMS[2], tmp_path) as (client, server):
            task = asyncio.ensure_future(server.receive())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task receives"):
                await server.receive()
            task.cancel()
            pieces = [bytes([number]) * 300_000 for number in range(5)]
            sends = [asyncio.ensure_future(client.send(piece)) for piece in pieces]
            received = b""
            while len(received) < 1_500_000:
                received += await server.receive()
            await asyncio.gather(*sends)
            assert received == b"".join(pieces)

    run(main())


def test_closing_ends_what_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with connected(STREAMS[2], tmp_path) as (client, server):
            receiving = asyncio.ensure_future(server.receive())
            sending = asyncio.ensure_future(client.send(bytes(1 << 24)))
            await asyncio.sleep(0.01)
            assert await receiving
            waiting = asyncio.ensure_future(client.receive())
            await asyncio.sleep(0)
            assert not sending.done()
            client.close()
            client.close()
            for waits in (waiting, sending):
                with pytest.raises(OSError, match="Bad file descriptor"):
                    await waits
            with pytest.raises(OSError, match="Bad file descriptor"):
                await client.receive()

    run(main())


def test_errors(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="unknown scheme"):
            await aio.connect("nosuch://x")
        with pytest.raises(FileNotFoundError):
            await aio.connect(f"unix://{tmp_path}/none")
        with pytest.raises(TypeError, match="must be given"):
            await aio.open_datagram()
        async with connected(PACKETS[0], tmp_path) as (client, server):
            await client.send(b"too long")
            await client.send(b"fits")
            with pytest.raises(OSError, match="more than 4 bytes") as caught:
                await server.receive(4)
            assert caught.value.errno == errno.EMSGSIZE
            assert await server.receive(4) == b"fits"
            with pytest.raises(ValueError, match="at least 1"):
                await server.receive(0)
        async with await aio.listen("tcp://127.0.0.1:0") as listener:
            where = f"tcp://{listener.local_address}"
            with pytest.raises(OSError, match="in use"):
                await aio.listen(where)
        with pytest.raises(ConnectionRefusedError):
            await aio.connect(where)

    run(main())


def test_a_listener_gives_connections(tmp_path: Path) -> None:
    async def main() -> None:
        listener = await aio.listen(f"unix+seqpacket://{tmp_path}/s", 1)

        async def serve() -> None:
            async with asyncio.TaskGroup() as group:
                count = 0
                async for connection in listener:
                    group.create_task(echo(connection))
                    count += 1
                    if count == 20:
                        return

        async def echo(connection: aio.Connection) -> None:
            async with connection:
                async for packet in connection:
                    await connection.send(packet)

        async def client(number: int) -> bytes:
            # More than the queue holds: some must try again.
            async with await aio.connect(f"unix+seqpacket://{tmp_path}/s") as connection:
                await connection.send(b"%d" % number)
                return await connection.receive()

        async with listener:
            serving = asyncio.ensure_future(serve())
            echoes = await asyncio.gather(*map(client, range(20)))
            await serving
        assert echoes == [b"%d" % number for number in range(20)]

    run(main())


def test_the_backlog_of_an_endpoint_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(famsock.socket, "listen", lambda self, backlog: given.append(backlog))

    async def main() -> None:
        for text, backlog in (("?backlog=7", None), ("?backlog=7", 3), ("", None)):
            (await aio.listen(f"tcp://127.0.0.1:0{text}", backlog)).close()

    run(main())
    assert given == [7, 3, 128]


def test_accept_is_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        async with await aio.listen(f"unix://{tmp_path}/s") as listener:
            task = asyncio.ensure_future(listener.accept())
            await asyncio.sleep(0)
            connecting = asyncio.ensure_future(aio.connect(f"unix://{tmp_path}/s"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with await connecting, await listener.accept() as server:
                assert isinstance(server, aio.StreamConnection)

    run(main())


@pytest.mark.parametrize(
    "text", ["udp://127.0.0.1:0", "udp6://[::1]:0", "unix+dgram://{folder}/d{number}"]
)
def test_datagrams(text: str, tmp_path: Path) -> None:
    async def main() -> None:
        here, there = (text.format(folder=tmp_path, number=number) for number in range(2))
        async with await aio.open_datagram(here) as a, await aio.open_datagram(there) as b:
            to = b.local_address
            sent = [b"%d" % number for number in range(100)]

            async def sends() -> None:
                for at in range(0, 80, 20):
                    await a.send_many((data, to) for data in sent[at : at + 20])
                for data in sent[80:]:
                    await a.send(data, to)

            async def receives() -> list[Any]:
                received: list[Any] = []
                async for datagram in b:
                    received.append(datagram)
                    if len(received) == 60:
                        break
                while len(received) < 100:
                    received += await b.receive_many()
                return received

            received, _ = await asyncio.gather(receives(), sends())
            assert [data for data, _ in received] == sent
            assert {address for _, address in received} == {a.socket.getsockname()}
            assert b.local_address is not None
            async with await aio.open_datagram(peer=b.local_address) as c:
                await c.send(b"hello")
                assert (await b.receive())[0] == b"hello"

    run(main())


def test_a_cancelled_datagram_is_received_later() -> None:
    async def main() -> None:
        async with (
            await aio.open_datagram("udp://127.0.0.1:0") as a,
            await aio.open_datagram("udp://127.0.0.1:0") as b,
        ):
            received = []
            for number in range(40):
                task = asyncio.ensure_future(b.receive())
                for _ in range(number % 3):
                    await asyncio.sleep(0)
                await a.send(b"%d" % number, b.local_address)
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    received.append(await task)
                except asyncio.CancelledError:
                    continue
            while len(received) < 40:
                received.append(await b.receive())
            assert [data for data, _ in received] == [b"%d" % number for number in range(40)]

    run(main())


def test_connect_is_cancelled_and_closed(tmp_path: Path) -> None:
    """With a full queue it would try again for ever; the socket is closed."""

    async def main() -> None:
        where = f"unix://{tmp_path}/s"
        async with await aio.listen(where, 0), await aio.connect(where):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await aio.connect(where)

    run(main())


def test_connections_of_given_sockets() -> None:
    a, b = famsock.socketpair(famsock.AF_UNIX, stdlib.SOCK_SEQPACKET)

    async def main() -> None:
        async with aio.PacketConnection(a) as one, aio.PacketConnection(b) as two:
            await one.send(b"hello")
            assert await two.receive() == b"hello"
            assert repr(one).startswith("<PacketConnection <famsock")

    run(main())


_ON_UVLOOP = """
import asyncio, socket, uvloop, famsock
from famsock import aio

async def main():
    assert type(asyncio.get_running_loop()) is uvloop.Loop
    for kind, cls in ((1, aio.StreamConnection), (5, aio.PacketConnection)):
        a, b = famsock.socketpair(famsock.AF_UNIX, kind)
        async with cls(a) as one, asyncio.timeout(30):
            async def echo():
                async with cls(b) as two:
                    async for data in two:
                        await two.send(data)
            task = asyncio.create_task(echo())
            for number in range(200):
                await one.send(b"%d" % number)
                assert await one.receive() == b"%d" % number
            one.send_eof()
            await task

uvloop.run(main())
"""


if find_spec("uvloop"):  # tests/external/test_uvloop.py has it

    def test_uvloop() -> None:
        done = subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-c", _ON_UVLOOP],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
