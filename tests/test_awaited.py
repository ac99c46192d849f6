"""asyncio's side: each call on a real loop, cancellation, turns, refusals."""

from __future__ import annotations

import asyncio
import errno
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import aio
from famsock.aio import _awaited
from famsock.plugin import Address

Pair = tuple[famsock.socket, famsock.socket]
pytestmark = pytest.mark.usefixtures("descriptors")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two UDP sockets that do not block."""
    a, b = (famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) for _ in range(2))
    with a, b:
        for sock in (a, b):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        yield a, b


@pytest.fixture
def full() -> Iterator[Pair]:
    """Two connected unix sockets that do not block; the first can send no more."""
    a, b = famsock.socketpair(famsock.AF_UNIX, famsock.SOCK_DGRAM)
    with a, b:
        a.setblocking(False)
        b.setblocking(False)
        try:
            while True:
                a.send(b"full")
        except BlockingIOError:
            pass
        yield a, b


def drain(sock: famsock.socket) -> list[bytes]:
    """Return what there is to receive."""
    received = []
    try:
        while True:
            received.append(sock.recv(100))
    except BlockingIOError:
        return received


def run(main: Awaitable[Any]) -> Any:
    async def timed() -> Any:
        async with asyncio.timeout(60):
            return await main

    return asyncio.run(timed(), debug=True)


@asynccontextmanager
async def waiting(call: Awaitable[Any]) -> AsyncIterator[asyncio.Future[Any]]:
    """The call as a task that already waits for the socket."""
    task = asyncio.ensure_future(call)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    yield task


def test_messages_are_awaited(pair: Pair) -> None:
    a, b = pair
    a.set_option("SO_TIMESTAMPNS", True)

    async def main() -> Any:
        async with waiting(aio.recv_message(a, control_bytes=256)) as received:
            assert await aio.send_message(b, b"hello", a.local_address) == 5
            return await received

    message = run(main())
    assert (message.data, message.address) == (b"hello", b.local_address)
    assert len(message.control) == 1


def test_messages_in_the_stdlib_s_form(pair: Pair) -> None:
    a, b = pair

    async def main() -> Any:
        async with waiting(aio.recvmsg(a, 3)) as received:
            assert await aio.sendmsg(b, iter([b"he", b"llo"]), (), 0, a.getsockname()) == 5
            data, control, flags, address = await received
        assert (data, control, address) == (b"hel", [], b.getsockname())
        assert flags & famsock.MSG_TRUNC
        buffer = bytearray(8)
        async with waiting(aio.recvmsg_into(a, iter([buffer]))) as filled:
            b.sendto(b"12345", a.getsockname())
            assert (await filled)[0] == 5
        return bytes(buffer)

    assert run(main()) == b"12345\0\0\0"


def test_batches(pair: Pair) -> None:
    a, b = pair
    to = a.local_address

    async def main() -> Any:
        async with waiting(aio.recvmmsg(a, 8, bufsize_bytes=64)) as received:
            assert await aio.sendmmsg(b, ((bytes([n]), to) for n in range(3))) == 3
            first = await received
        buffer = [bytearray(4), bytearray(4)]
        async with waiting(aio.recvmmsg_into(a, buffer)) as filled:
            b.sendto(b"four", to)
            assert [length for length, *_ in await filled] == [4]
        return first, buffer[0]

    messages, filled = run(main())
    assert [data for data, *_ in messages] == [b"\0", b"\1", b"\2"]
    assert filled == b"four"


def test_an_operation_of_the_family(pair: Pair) -> None:
    a, b = pair
    b.connect(a.getsockname())
    receive, send = a.operations.recv_segments, b.operations.send_segments

    async def main() -> Any:
        async with waiting(aio.when_readable(a, receive)) as received:
            await aio.when_writable(b, send, b"abcdefgh", 4)
            return await received

    segments = run(main())[0]
    assert segments[0] == b"abcd"


Send = Callable[[famsock.socket], Awaitable[Any]]


@pytest.mark.parametrize(
    "send",
    [
        lambda sock: aio.send_message(sock, b"last", control=iter(())),
        lambda sock: aio.sendmsg(sock, iter([b"la", b"st"])),
        lambda sock: aio.sendmmsg(sock, iter([(b"last", None)])),
        lambda sock: aio.when_writable(sock, sock.send, b"last"),
    ],
)
def test_sending_waits_for_room_and_sends_what_was_given(full: Pair, send: Send) -> None:
    a, b = full

    async def main() -> list[bytes]:
        async with waiting(send(a)) as sent:
            assert set(drain(b)) == {b"full"}
            await sent
            return drain(b)

    assert run(main()) == [b"last"]


def test_a_batch_that_does_not_fit_tells_how_many_went(full: Pair) -> None:
    a, b = full

    async def main() -> None:
        async with waiting(aio.sendmmsg(a, [(b"more", None)] * 1000)) as sent:
            drain(b)
            count = await sent
            assert 1 <= count < 1000
            assert drain(b) == [b"more"] * count

    run(main())


def test_a_cancelled_wait_receives_nothing(pair: Pair) -> None:
    a, b = pair

    async def main() -> None:
        async with waiting(aio.recv_message(a)) as received:
            b.sendto(b"kept", a.getsockname())
            received.cancel()
            with pytest.raises(asyncio.CancelledError):
                await received
        assert asyncio.get_running_loop().remove_reader(a.fileno()) is False
        assert (await aio.recv_message(a)).data == b"kept"

    run(main())


def test_cancelled_once_the_socket_is_ready(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = pair
    wake = _awaited._wake

    async def main() -> None:
        async with waiting(aio.recv_message(a)) as received:
            b.sendto(b"kept", a.getsockname())
            with pytest.raises(asyncio.CancelledError):
                await received
        assert (await aio.recv_message(a)).data == b"kept"

    def wake_and_cancel(ready: asyncio.Future[None]) -> None:
        wake(ready)
        for task in asyncio.all_tasks():
            if task.get_coro().__name__ == "recv_message":  # type: ignore[union-attr]
                task.cancel()

    monkeypatch.setattr(_awaited, "_wake", wake_and_cancel)
    run(main())


def test_waiters_take_turns(pair: Pair) -> None:
    a, b = pair

    async def main() -> list[bytes]:
        tasks = [asyncio.ensure_future(aio.recv_message(a)) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        for number in range(2):
            b.sendto(bytes([number]), a.getsockname())
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in done] == [1, 0, 1, 0]
        return [one.data for one in done if not isinstance(one, BaseException)]

    for _ in range(2):  # a second loop has its own turns
        assert run(main()) == [b"\0", b"\1"]


def test_both_directions_at_once(full: Pair) -> None:
    a, b = full

    async def main() -> None:
        async with (
            waiting(aio.recv_message(a)) as received,
            waiting(aio.send_message(a, b"last")) as sent,
        ):
            drain(b)
            assert await sent == 4
            b.send(b"back")
            assert (await received).data == b"back"

    run(main())


def test_a_failed_operation(pair: Pair) -> None:
    a, b = pair
    a.connect(b.getsockname())
    b.close()

    async def main() -> None:
        async with waiting(aio.recv_message(a)) as received:
            a.send(b"nobody")
            with pytest.raises(ConnectionRefusedError):
                await received
        with pytest.raises(OverflowError):
            await aio.recv_message(a, 1, 1, 1 << 40)

    run(main())


def test_the_error_queue_is_awaited(pair: Pair) -> None:
    a, b = pair
    a.set_option("IP_RECVERR", True)
    to = b.getsockname()
    b.close()

    async def main() -> Any:
        async with waiting(aio.recv_message(a, 512, 512, famsock.MSG_ERRQUEUE)) as received:
            a.sendto(b"nobody", to)
            return await received

    message = run(main())
    assert (message.data, message.address.port) == (b"nobody", to[1])


def test_refusals(pair: Pair) -> None:
    a, _ = pair

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=a)
        with pytest.raises(RuntimeError, match="is used by transport"):
            await aio.recv_message(a)
        transport.close()
        for timeout in (None, 5):
            with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
                sock.settimeout(timeout)
                for call in (aio.recv_message(sock), aio.sock_connect(sock, ("127.0.0.1", 9))):
                    with pytest.raises(ValueError, match="must be non-blocking"):
                        await call

    run(main())


def test_connect_by_a_typed_address() -> None:
    async def main() -> None:
        with famsock.create_server(("127.0.0.1", 0)) as server, famsock.socket() as sock:
            server.setblocking(False)
            sock.setblocking(False)
            there = server.local_address
            assert isinstance(there, Address)
            await aio.sock_connect(sock, there)
            accepted, _ = await asyncio.get_running_loop().sock_accept(server)
            with accepted:
                assert isinstance(accepted, famsock.socket)
                assert accepted.peer_address == sock.local_address
        with famsock.socket() as sock:
            sock.setblocking(False)
            with pytest.raises(ConnectionRefusedError):
                await aio.sock_connect(sock, there)

    run(main())


def test_connect_that_begins_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        with famsock.socket(famsock.AF_UNIX) as server, famsock.socket(famsock.AF_UNIX) as first:
            server.bind(str(tmp_path / "s"))
            server.listen(0)
            first.setblocking(False)
            await aio.sock_connect(first, server.local_address)
            with famsock.socket(famsock.AF_UNIX) as second:
                second.setblocking(False)
                with pytest.raises(BlockingIOError) as caught:
                    await aio.sock_connect(second, server.local_address)
        assert caught.value.errno == errno.EAGAIN

    run(main())


def test_a_cancelled_connect_leaves_no_writer() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with famsock.create_server(("127.0.0.1", 0), backlog=0) as server:
            filling = [famsock.socket() for _ in range(8)]
            for sock in filling:
                sock.setblocking(False)
            tasks = [
                asyncio.ensure_future(aio.sock_connect(s, server.local_address)) for s in filling
            ]
            await asyncio.sleep(0.1)
            assert not tasks[-1].done()
            for task, sock in zip(tasks, filling, strict=True):
                task.cancel()
                await asyncio.wait([task])
                assert loop.remove_writer(sock.fileno()) is False
                sock.close()

    run(main())


def test_nothing_is_kept_of_a_socket() -> None:
    async def main(sock: famsock.socket) -> None:
        async with waiting(aio.recv_message(sock)) as received:
            sock.sendto(b"to itself", sock.getsockname())
            await received

    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        run(main(sock))
        assert sock in _awaited._turns
    alive = weakref.ref(sock)
    del sock
    assert alive() is None
