"""trio's own checks of streams and channels on sockets of several families."""

from __future__ import annotations

import errno
import os
import random
import socket as stdlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import famsock
from famsock import endpoints
from famsock import trio as families

pytestmark = pytest.mark.usefixtures("descriptors", "alarm")

_VSOCK = [pytest.mark.needs_family("AF_VSOCK"), pytest.mark.needs_module("vsock_loopback")]
STREAMS = (
    "tcp://127.0.0.1:0",
    "tcp6://[::1]:0",
    "unix://{folder}/stream",
    pytest.param("vsock://1:4294967295", marks=_VSOCK),
)
PACKETS = (
    "unix+seqpacket://{folder}/packets",
    pytest.param("vsock+seqpacket://1:4294967295", marks=_VSOCK),
    pytest.param("tipc+seqpacket://service:{service}:7", marks=pytest.mark.needs_family("AF_TIPC")),
)
Maker = Callable[[], Awaitable[tuple[Any, Any]]]


def run(main: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    async def timed() -> Any:
        with trio.fail_after(seconds):
            return await main()

    return trio.run(timed)


async def connected(text: str, folder: Path) -> tuple[Any, Any]:
    """Return both ends of a connection to an endpoint."""
    service = 0x60000000 + os.getpid()
    here = endpoints.parse(text.format(folder=folder, service=service))
    async with await families.listen(here) as listener:
        there = listener.local_address
        assert there is not None
        accepted: list[Any] = []

        async def accepts() -> None:
            accepted.append(await listener.accept())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(accepts)  # AF_TIPC connects when it is accepted
            client = await families.connect(there, type=listener.socket.type)
        return client, accepted[0]


def fills(sock: famsock.socket) -> bool:
    """Send until the socket takes no more; return whether it took anything."""
    taken = False
    with suppress(BlockingIOError):
        while True:
            sock.send(bytes(1 << 16))
            taken = True
    return taken


def makers(text: str, folder: Path) -> tuple[Maker, Maker]:
    """Return a function that connects two ends, and one that also fills both buffers."""

    async def make() -> tuple[Any, Any]:
        return await connected(text, folder)

    async def make_clogged() -> tuple[Any, Any]:
        client, server = await connected(text, folder)
        for end in client, server:
            end.socket.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_SNDBUF, 1 << 14)
            end.socket.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 1 << 14)
        quiet = 0
        while quiet < 3:  # the kernel's own buffers move: until nothing is taken for a while
            taken = [fills(end.socket) for end in (client, server)]
            quiet = 0 if any(taken) else quiet + 1
            await trio.sleep(0.01)
        return client, server

    return make, make_clogged


@pytest.mark.parametrize("text", STREAMS)
def test_trios_checks_of_streams(text: str, tmp_path: Path) -> None:
    make, make_clogged = makers(text, tmp_path)
    if text.startswith("vsock"):  # whose kernel does not wake a sender when the peer closes
        run(partial(trio.testing.check_half_closeable_stream, make, None))
    else:  # this makes the checks of one-way and two-way streams too
        run(partial(trio.testing.check_half_closeable_stream, make, make_clogged))


@pytest.mark.parametrize("text", STREAMS)
def test_streams_carry_everything(text: str, tmp_path: Path) -> None:
    async def main() -> None:
        data = random.Random(1).randbytes(1 << 20)
        client, server = await connected(text, tmp_path)
        received = bytearray()

        async def sends() -> None:
            at, dice = 0, random.Random(2)
            while at < len(data):
                size = dice.choice([1, 100, 5000, 200_000])
                await client.send_all(memoryview(data)[at : at + size])
                at += size

        async with client, server:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sends)
                while len(received) < len(data):
                    received += await server.receive_some()
            await client.aclose()
            assert await server.receive_some() == b""
        assert received == data

    run(main)


@pytest.mark.parametrize("text", PACKETS)
def test_packets(text: str, tmp_path: Path) -> None:
    async def main() -> None:
        dice = random.Random(1)
        sent = [dice.randbytes(dice.choice([1, 2, 1000])) for _ in range(200)]
        client, server = await connected(text, tmp_path)

        async def sends() -> None:
            for packet in sent:
                await client.send(packet)
            await client.aclose()

        async with client, server, trio.open_nursery() as nursery:
            nursery.start_soon(sends)
            assert [packet async for packet in server] == sent
            with pytest.raises(trio.EndOfChannel):
                await server.receive()

    run(main)


def test_a_packet_that_is_too_long_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        client, server = await connected("unix+seqpacket://{folder}/packets", tmp_path)
        async with client, server:
            await client.send(bytes(100))
            await client.send(b"next")
            with pytest.raises(OSError, match="more than 99 bytes") as caught:
                await server.receive(99)
            assert caught.value.errno == errno.EMSGSIZE
            assert await server.receive() == b"next"
            with pytest.raises(ValueError, match="at least 1"):
                await server.receive(0)

    run(main)


def test_a_server_of_trios(tmp_path: Path) -> None:
    async def echo(stream: Any) -> None:
        async for piece in stream:
            await stream.send_all(piece)

    async def main() -> None:
        listener = await families.listen(f"unix://{tmp_path}/server")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, echo, [listener])
            async with await families.connect(f"unix://{tmp_path}/server") as client:
                assert isinstance(client, families.StreamConnection)
                await client.send_all(b"ping")
                assert await client.receive_some() == b"ping"
            nursery.cancel_scope.cancel()

    run(main)


@pytest.mark.parametrize("text", ["udp://127.0.0.1:0", "unix+dgram://{folder}/d"])
def test_datagrams(text: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with await families.open_datagram(text.format(folder=tmp_path)) as server:
            there = server.local_address
            assert there is not None
            async with await families.open_datagram(peer=there) as client:
                assert (client.socket.family, client.socket.type) == (there.family, 2)
                await client.send(b"one")
                await client.send_many([(b"two", None), (b"three", None)])
                received = [(await server.receive())[0]]
                while len(received) < 3:
                    received += [data for data, _ in await server.receive_many()]
                assert received == [b"one", b"two", b"three"]
                with trio.move_on_after(0.01):
                    await server.receive()
                await client.send(b"four")
                assert (await server.receive())[0] == b"four"
        with pytest.raises(trio.ClosedResourceError):
            await server.receive()
        with pytest.raises(trio.ClosedResourceError):
            await server.send_many([(b"", there)])

    run(main)


def test_the_classes_are_trios() -> None:
    assert issubclass(families.StreamConnection, trio.abc.HalfCloseableStream)
    assert issubclass(families.PacketConnection, trio.abc.Channel)
    assert issubclass(families.Listener, trio.abc.Listener)
    assert issubclass(families.DatagramSocket, trio.abc.AsyncResource)
