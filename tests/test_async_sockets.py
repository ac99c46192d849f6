"""The common part of `famsock.trio` and `famsock.anyio`, with the functions of each."""

from __future__ import annotations

import socket as stdlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from famsock_inet import InetAddress

import famsock
from famsock import RawAddress, endpoints
from famsock import anyio as on_anyio
from famsock import trio as on_trio
from famsock._resolver import Candidate
from famsock.endpoints import Endpoint

pytestmark = pytest.mark.usefixtures("descriptors", "alarm")

LIBRARIES: dict[str, tuple[Any, Callable[[Callable[[], Awaitable[None]]], None]]] = {
    "trio": (on_trio, trio.run),
    "anyio on asyncio": (on_anyio, anyio.run),
    "anyio on trio": (on_anyio, lambda main: anyio.run(main, backend="trio")),
}
libraries = pytest.mark.parametrize("library", LIBRARIES)


def run(library: str, main: Callable[[Any, Any], Awaitable[None]]) -> None:
    """Run a coroutine function of a module of sockets and its exceptions' library."""
    sockets, start = LIBRARIES[library]
    other: Any = trio if sockets is on_trio else anyio

    async def timed() -> None:
        with other.fail_after(60):
            await main(sockets, other)

    start(timed)


async def pair(sockets: Any, text: str) -> tuple[Any, Any]:
    async with await sockets.listen(text) as listener:
        client = await sockets.connect(listener.local_address, type=listener.socket.type)
        return client, await listener.accept()


async def all_wait(other: Any) -> None:
    """Return when every other task waits: a pause might end before they have begun."""
    await getattr(other, "testing", other).wait_all_tasks_blocked()


def receive(connection: Any) -> Awaitable[bytes]:
    call = getattr(connection, "receive_some", None) or connection.receive
    result: Awaitable[bytes] = call()
    return result


def send(connection: Any, data: bytes) -> Awaitable[None]:
    call = getattr(connection, "send_all", None) or connection.send
    result: Awaitable[None] = call(data)
    return result


@libraries
@pytest.mark.parametrize("kind", ["unix", "unix+seqpacket"])
def test_a_receive_that_is_cancelled_has_taken_nothing(
    library: str, kind: str, tmp_path: Path
) -> None:
    async def main(sockets: Any, other: Any) -> None:
        client, server = await pair(sockets, f"{kind}://{tmp_path}/s")
        async with client, server:
            for number in range(20):
                with other.move_on_after(0.001 * (number % 3)):
                    await receive(server)
                await send(client, b"%d" % number)
                assert await receive(server) == b"%d" % number

    run(library, main)


@libraries
def test_closing_wakes_those_that_wait(library: str, tmp_path: Path) -> None:
    async def main(sockets: Any, other: Any) -> None:
        open_group = getattr(other, "open_nursery", None) or other.create_task_group
        listener = await sockets.listen(f"unix://{tmp_path}/s")
        client = await sockets.connect(f"unix://{tmp_path}/s")
        server = await listener.accept()
        udp = await sockets.open_datagram("udp://127.0.0.1:0")
        ended = []

        async def ends(call: Callable[[], Awaitable[Any]]) -> None:
            with pytest.raises(other.ClosedResourceError):
                await call()
            ended.append(call)

        async with open_group() as group:
            for call in (lambda: receive(server), listener.accept, udp.receive):
                group.start_soon(ends, call)
            await all_wait(other)
            for each in (server, listener, udp, client):
                await each.aclose()
                await each.aclose()
        assert len(ended) == 3
        for call in (lambda: receive(server), listener.accept, udp.receive):
            await ends(call)
        await ends(lambda: send(client, b"closed"))
        await ends(client.send_eof)

    run(library, main)


@libraries
def test_a_peer_that_resets(library: str) -> None:
    async def main(sockets: Any, other: Any) -> None:
        client, server = await pair(sockets, "tcp://127.0.0.1:0")
        async with client, server:
            server.socket.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            await server.aclose()
            with pytest.raises(other.BrokenResourceError) as caught:
                await receive(client)
            assert isinstance(caught.value.__cause__, ConnectionResetError)

    run(library, main)


@libraries
def test_two_tasks_may_not_do_the_same(library: str, tmp_path: Path) -> None:
    async def main(sockets: Any, other: Any) -> None:
        open_group = getattr(other, "open_nursery", None) or other.create_task_group
        client, server = await pair(sockets, f"unix://{tmp_path}/s")
        async with client, server, open_group() as group:
            group.start_soon(lambda: receive(server))
            group.start_soon(lambda: send(client, bytes(1 << 24)))
            await all_wait(other)
            assert client._is_sending
            with pytest.raises(other.BusyResourceError):
                await send(client, b"second")
            with pytest.raises(other.BusyResourceError):
                await client.send_eof()
            group.cancel_scope.cancel()
        udp = await sockets.open_datagram("udp://127.0.0.1:0")
        async with udp, open_group() as group:
            group.start_soon(udp.receive)
            await all_wait(other)
            with pytest.raises(other.BusyResourceError):
                await udp.receive()
            group.cancel_scope.cancel()

    run(library, main)


@libraries
def test_the_first_address_that_answers_wins(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with famsock.create_server(("127.0.0.1", 0)) as server, stdlib.socket() as deaf:
        address = server.local_address
        assert address is not None
        deaf.bind(("127.0.0.1", 0))  # without listening, so that nobody else gets the port
        refused = InetAddress(*deaf.getsockname())

        async def main(sockets: Any, other: Any) -> None:
            found = [Candidate(refused), Candidate(address), Candidate(refused)]
            monkeypatch.setattr(Endpoint, "_candidates", lambda self, passive: found)
            async with await sockets.connect("tcp://127.0.0.1:1") as client:
                assert client.peer_address == address
            found[1:] = [Candidate(InetAddress("127.0.0.2", 1))]
            with pytest.raises(ConnectionRefusedError) as caught:
                await sockets.connect("tcp://127.0.0.1:1")
            assert len([note for note in caught.value.__notes__ if "refused" in note]) == 2

        run(library, main)


@libraries
def test_a_full_queue_is_waited_for(library: str, tmp_path: Path) -> None:
    async def main(sockets: Any, other: Any) -> None:
        open_group = getattr(other, "open_nursery", None) or other.create_task_group
        path = f"unix://{tmp_path}/s"
        done = []

        async def connects() -> None:
            async with await sockets.connect(path):
                done.append(1)

        async with await sockets.listen(path, 0) as listener, open_group() as group:
            for _ in range(10):
                group.start_soon(connects)
            for _ in range(10):
                await (await listener.accept()).aclose()
        assert len(done) == 10

    run(library, main)


@libraries
def test_what_cannot_be_opened(library: str) -> None:
    async def main(sockets: Any, other: Any) -> None:
        with pytest.raises(ValueError, match="unknown scheme"):
            await sockets.connect("nothing://here")
        with pytest.raises(TypeError, match="must be given"):
            await sockets.open_datagram()
        with pytest.raises(OSError, match="not supported"):
            await sockets.listen(RawAddress(250, b""))
        with pytest.raises(FileNotFoundError):
            await sockets.connect(endpoints.parse("unix:///nowhere/at/all"))

    run(library, main)
