"""anyio's abstract classes on sockets of several families, under asyncio and under trio."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from famsock import anyio as families
from famsock import endpoints

from .test_trio import PACKETS, STREAMS

pytestmark = pytest.mark.usefixtures("descriptors", "alarm")

backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: str, main: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    async def timed() -> Any:
        with anyio.fail_after(seconds):
            return await main()

    return anyio.run(timed, backend=backend)


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

        async with anyio.create_task_group() as group:
            group.start_soon(accepts)  # AF_TIPC connects when it is accepted
            client = await families.connect(there, type=listener.socket.type)
        return client, accepted[0]


@backends
@pytest.mark.parametrize("text", STREAMS)
def test_streams(backend: str, text: str, tmp_path: Path) -> None:
    async def main() -> None:
        data = random.Random(1).randbytes(1 << 20)
        client, server = await connected(text, tmp_path)
        assert issubclass(families.StreamConnection, anyio.abc.ByteStream)
        assert isinstance(client, families.StreamConnection)
        received = bytearray()

        async def sends() -> None:
            at, dice = 0, random.Random(2)
            while at < len(data):
                size = dice.choice([1, 100, 5000, 200_000])
                await client.send(memoryview(data)[at : at + size])
                at += size
            await client.send_eof()
            with pytest.raises(anyio.ClosedResourceError):
                await client.send(b"after the end")

        async with client, server:
            async with anyio.create_task_group() as group:
                group.start_soon(sends)
                while len(received) < len(data):
                    received += await server.receive()
            with pytest.raises(anyio.EndOfStream):
                await server.receive()
        assert received == data

    run(backend, main)


@backends
@pytest.mark.parametrize("text", PACKETS)
def test_packets(backend: str, text: str, tmp_path: Path) -> None:
    async def main() -> None:
        dice = random.Random(1)
        sent = [dice.randbytes(dice.choice([1, 2, 1000])) for _ in range(100)]
        client, server = await connected(text, tmp_path)
        assert isinstance(client, anyio.abc.ObjectStream)

        async def sends() -> None:
            for packet in sent:
                await client.send(packet)
            await client.aclose()

        async with client, server, anyio.create_task_group() as group:
            group.start_soon(sends)
            assert [packet async for packet in server] == sent
            with pytest.raises(anyio.EndOfStream):
                await server.receive()

    run(backend, main)


@backends
def test_a_server_of_anyio(backend: str, tmp_path: Path) -> None:
    async def echo(stream: Any) -> None:
        async with stream:
            async for piece in stream:
                await stream.send(piece)

    async def main() -> None:
        listener = await families.listen(f"unix://{tmp_path}/server")
        assert isinstance(listener, anyio.abc.Listener)
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, echo)
            async with await families.connect(f"unix://{tmp_path}/server") as client:
                await client.send(b"line\nrest")
                line = await BufferedByteReceiveStream(client).receive_until(b"\n", 100)
                assert line == b"line"
            group.cancel_scope.cancel()

    run(backend, main)


@backends
def test_attributes_of_sockets(backend: str, tmp_path: Path) -> None:
    async def main() -> None:
        attribute = anyio.abc.SocketAttribute
        client, server = await connected("tcp://127.0.0.1:0", tmp_path)
        async with client, server:
            assert client.extra(attribute.raw_socket) is client.socket
            assert client.extra(attribute.remote_address) == server.extra(attribute.local_address)
            assert client.extra(attribute.family) == client.socket.family
        listener = await families.listen("tcp://127.0.0.1:0")
        async with listener:
            with pytest.raises(anyio.TypedAttributeLookupError):
                listener.extra(attribute.remote_address)

    run(backend, main)


@backends
def test_datagrams(backend: str) -> None:
    async def main() -> None:
        async with await families.open_datagram("udp://127.0.0.1:0") as server:
            assert isinstance(server, anyio.abc.UnreliableObjectStream)
            there = server.socket.getsockname()
            async with await families.open_datagram("udp://127.0.0.1:0") as client:
                await client.sendto(b"one", there)
                await client.send((b"two", there))
                received = [await server.receive(), await server.receive()]
                assert received == [
                    (data, client.socket.getsockname()) for data in (b"one", b"two")
                ]

    run(backend, main)
