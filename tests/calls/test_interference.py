"""Another thread closes the socket of a call that waits, or resizes or cuts its buffer; limits."""

from __future__ import annotations

import array
import errno
import mmap
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.calls.arguments import BLOCKING, MESSAGE, RECEIVING, STDLIB, blocked, drain, fill
from tests.calls.conftest import WhenWaiting

Pair = tuple[socket.socket, socket.socket]
Later = Callable[[float, Callable[[], object]], None]
Disturb = Callable[[socket.socket, Callable[[], object]], None]
Outcome = tuple[str, int | None] | str

ALL = pytest.mark.parametrize("name", BLOCKING)


def _ours(raw: Any, name: str, timeout: float | None) -> Callable[[Any], object]:
    """A call of the raw layer; connect raises what it says, as the socket class does."""

    def call(sock: Any) -> object:
        result = BLOCKING[name](raw, sock, timeout)
        if name == "connect" and result:
            raise TimeoutError("timed out") if result < 0 else OSError(result, os.strerror(result))
        return result

    return call


def _outcome(name: str, call: Callable[[Any], Any], sock: socket.socket) -> Outcome:
    """Return how a call ends: with the type and errno of its exception, or "done"."""
    try:
        result = call(sock)
    except OSError as error:
        return type(error).__name__, error.errno
    if name == "accept":
        os.close(result)
    return "done"


def _outcomes(raw: Any, name: str, timeout: float | None, disturb: Disturb) -> list[Outcome]:
    """Return how our call ends, and how the stdlib's does, when the same happens to both."""
    found = []
    for call in (_ours(raw, name, timeout), STDLIB[name]):
        with blocked(name, timeout) as (sock, release):
            disturb(sock, release)
            found.append(_outcome(name, call, sock))
    return found


@pytest.mark.sampled(3)
@ALL
def test_closed_while_a_call_waits(
    raw: Any, descriptors: None, when_waiting: WhenWaiting, name: str
) -> None:
    """Closing ends no wait: when time runs out, poll(2) finds that the number is bad."""
    closed: list[socket.socket] = []

    def close(sock: socket.socket) -> None:
        sock.close()
        closed.append(sock)

    for timeout in (0.3, 1.0, 4.0, 16.0):  # where closing comes too late, time ran out before
        closed.clear()
        ours, stdlib = _outcomes(
            raw, name, timeout, lambda sock, _: when_waiting(lambda: close(sock))
        )
        if "TimeoutError" not in (ours[0], stdlib[0]) and len(closed) == 2:
            break
    assert ours == stdlib == ("OSError", errno.EBADF)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("timeout", "expected"), [(None, "done"), (5.0, ("OSError", 9))])
@ALL
def test_closed_while_a_call_waits_and_then_it_may_go_on(
    raw: Any,
    descriptors: None,
    when_waiting: WhenWaiting,
    name: str,
    timeout: float | None,
    expected: Outcome,
) -> None:
    """Inside the system call the kernel keeps the socket; between two attempts it is gone."""

    def disturb(sock: socket.socket, release: Callable[[], object]) -> None:
        def close() -> None:
            sock.close()
            with suppress(ConnectionError):  # by then nobody listens
                release()

        when_waiting(close)

    ours, stdlib = _outcomes(raw, name, timeout, disturb)
    assert ours == stdlib == expected


@pytest.mark.parametrize("name", RECEIVING)
def test_closed_and_its_number_used_again(
    raw: Any, descriptors: None, when_waiting: WhenWaiting, name: str
) -> None:
    """Neither reads from the socket that has the number now."""

    def disturb(sock: socket.socket, release: Callable[[], object]) -> None:
        number = sock.fileno()

        def replace() -> None:
            sock.close()
            os.dup2(stranger.fileno(), number)
            numbers.append(number)
            release()

        when_waiting(replace)

    numbers: list[int] = []
    with blocked(name, None) as (stranger, release_stranger):
        release_stranger()
        ours, stdlib = _outcomes(raw, name, 5.0, disturb)
        for number in numbers:
            os.close(number)
        assert ours == stdlib == ("OSError", errno.EBADF)
        assert drain(stranger) == [b"data"]


# Buffers


CHANGES: dict[str, tuple[Callable[[int], Any], Callable[[Any], object]]] = {
    "bytearray": (bytearray, lambda buffer: buffer.extend(b"more")),
    "array": (lambda size: array.array("B", bytes(size)), lambda buffer: buffer.append(1)),
    "mmap closed": (lambda size: mmap.mmap(-1, size), lambda buffer: buffer.close()),
    # Python 3.14 refuses to resize one that is shared and has no file.
    "mmap resized": (
        lambda size: mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
        lambda buffer: buffer.resize(1 << 16),
    ),
}
INTO: dict[str, Callable[[Any, Any, Any], object]] = {
    "recvfrom_into": lambda raw, sock, buffer: raw.recvfrom_into(sock, None, buffer, 64, 0),
    "recvmsg_into": lambda raw, sock, buffer: raw.recvmsg_into(sock, None, [buffer], 0, 0),
    "recvmmsg_into": lambda raw, sock, buffer: raw.recvmmsg_into(sock, None, [buffer], 0, 0),
    "the stdlib's": lambda raw, sock, buffer: sock.recvfrom_into(buffer),
}
FROM: dict[str, Callable[[Any, Any, Any], object]] = {
    "sendto": lambda raw, sock, buffer: raw.sendto(sock, None, buffer, 0, b""),
    "sendmsg": lambda raw, sock, buffer: raw.sendmsg(sock, None, [buffer], (), 0, b""),
    "sendmmsg": lambda raw, sock, buffer: raw.sendmmsg(sock, None, [(buffer, (), b"")], 0),
    "the stdlib's": lambda raw, sock, buffer: sock.send(buffer),
}


def _attempt(change: Callable[[Any], object], buffer: Any, seen: list[str]) -> None:
    try:
        change(buffer)
        seen.append("changed")
    except BufferError:
        seen.append("refused")


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("name", INTO)
def test_a_buffer_keeps_its_place_while_it_is_filled(
    raw: Any, pair: Pair, when_waiting: WhenWaiting, name: str, kind: str
) -> None:
    make, change = CHANGES[kind]
    buffer = make(64)
    seen: list[str] = []

    def disturb() -> None:
        _attempt(change, buffer, seen)
        pair[0].send(b"data")

    when_waiting(disturb)
    INTO[name](raw, pair[1], buffer)
    assert seen == ["refused"]
    assert bytes(memoryview(buffer)[:5]) == b"data\0"
    _attempt(change, buffer, seen)
    assert seen == ["refused", "changed"]


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("name", FROM)
def test_a_buffer_keeps_its_place_while_it_is_sent(
    raw: Any, pair: Pair, when_waiting: WhenWaiting, name: str, kind: str
) -> None:
    a, b = pair
    make, change = CHANGES[kind]
    buffer = make(64)
    seen: list[str] = []
    got: list[bytes] = []
    drained = threading.Event()
    memoryview(buffer)[:4] = b"data"
    fill(a)

    def disturb() -> None:
        _attempt(change, buffer, seen)
        got.extend(drain(b))
        drained.set()

    when_waiting(disturb)
    FROM[name](raw, a, buffer)
    assert drained.wait(60)
    assert seen == ["refused"]
    assert (got + drain(b))[-1] == b"data" + bytes(60)
    _attempt(change, buffer, seen)
    assert seen == ["refused", "changed"]


@pytest.mark.parametrize("name", INTO)
def test_a_view_released_while_it_is_filled(
    raw: Any, pair: Pair, when_waiting: WhenWaiting, name: str
) -> None:
    """Refused, or without effect on the call: what is under the view stays where it is."""
    under = bytearray(64)
    view = memoryview(under)
    seen: list[str] = []

    def disturb() -> None:
        _attempt(memoryview.release, view, seen)
        _attempt(bytearray.clear, under, seen)
        pair[0].send(b"data")

    when_waiting(disturb)
    INTO[name](raw, pair[1], view)
    assert seen[1] == "refused"
    assert under[:5] == b"data\0"


def test_memory_that_is_gone(raw: Any, pair: Pair, tmp_path: Path) -> None:
    """A mapped file that was cut meanwhile: the kernel says EFAULT, and nobody dies of SIGBUS."""
    a, b = pair
    a.send(b"before")
    with open(tmp_path / "mapped", "w+b") as file:
        file.truncate(1 << 16)
        with mmap.mmap(file.fileno(), 1 << 16) as area:
            file.truncate(0)
            for call in (
                lambda: raw.sendto(a, None, area, 0, b""),
                lambda: raw.sendmsg(a, None, [area], (), 0, b""),
                lambda: raw.sendmmsg(a, None, [(area, (), b"")], 0),
                lambda: a.send(area),
                lambda: raw.recvfrom_into(b, None, area, 64, socket.MSG_PEEK),
                lambda: raw.recvmsg_into(b, None, [area], 0, socket.MSG_PEEK),
                lambda: raw.recvmmsg_into(b, None, [area], 0, socket.MSG_PEEK),
                lambda: b.recv_into(area, 64, socket.MSG_PEEK),
            ):
                with pytest.raises(OSError, match="Bad address"):
                    call()
    assert drain(b) == [b"before"]


# Limits


def test_more_messages_than_one_call_takes(raw: Any, pair: Pair, later: Later) -> None:
    """The kernel takes 1024; sending goes on with the rest, receiving gives those that came."""
    a, b = pair
    buffers = [bytearray(8) for _ in range(3000)]
    got: list[bytes] = []

    def receive() -> None:
        while len(got) < 3000:
            messages = raw.recvmmsg_into(b, None, buffers, 0, 0)
            assert 0 < len(messages) <= 1024
            got.extend(
                bytes(buffer[:size]) for buffer, (size, *_) in zip(buffers, messages, strict=False)
            )

    later(0.0, receive)
    assert raw.sendmmsg(a, None, [(b"%d" % n, (), b"") for n in range(3000)], 0) == 3000
    while len(got) < 3000:
        time.sleep(0.01)
    assert got == [b"%d" % n for n in range(3000)]


def test_more_pieces_than_one_message_takes(raw: Any, pair: Pair) -> None:
    """UIO_MAXIOV pieces are sent; one more is refused whole, as the stdlib's sendmsg is."""
    a, b = pair
    assert raw.sendmsg(a, None, [b"x"] * 1024, (), 0, b"") == 1024
    assert b.recv(2000) == b"x" * 1024
    for call in (
        lambda: raw.sendmsg(a, None, [b"x"] * 1025, (), 0, b""),
        lambda: raw.sendmmsg(a, None, [([b"x"] * 1025, (), b"")], 0),
        lambda: a.sendmsg([b"x"] * 1025),
        lambda: raw.recvmsg_into(b, None, [bytearray(1)] * 1025, 0, 0),
        lambda: b.recvmsg_into([bytearray(1)] * 1025),
    ):
        with pytest.raises(OSError, match="Message too long") as caught:
            call()
        assert caught.value.errno == errno.EMSGSIZE
    assert drain(b) == []


@pytest.mark.parametrize("flags", [0, socket.MSG_TRUNC], ids=["plain", "MSG_TRUNC"])
def test_a_message_that_overflows_says_so(raw: Any, udp: Pair, flags: int) -> None:
    """With the flag UDP tells the datagram's length too; no more than the buffer was received.

    The stdlib's recvmsg is asked the same.
    """
    a, b = udp
    for _ in range(5):
        a.sendto(MESSAGE, b.getsockname())
    told = len(MESSAGE) if flags else 10
    data, _, seen, _ = raw.recvmsg(b, None, 10, 0, flags)
    assert (data, seen & socket.MSG_TRUNC) == (MESSAGE[:10], socket.MSG_TRUNC)
    guarded = bytearray(20)
    size, _, seen, _ = raw.recvmsg_into(b, None, [memoryview(guarded)[:10]], 0, flags)
    assert (size, seen & socket.MSG_TRUNC) == (told, socket.MSG_TRUNC)
    assert guarded == MESSAGE[:10] + bytes(10)
    guarded = bytearray(20)
    size, _, seen, _ = b.recvmsg_into([memoryview(guarded)[:10]], 0, flags)
    assert (size, seen & socket.MSG_TRUNC) == (told, socket.MSG_TRUNC)
    ((data, _, seen, _),) = raw.recvmmsg(b, None, 1, 10, 0, flags)
    assert (data, seen & socket.MSG_TRUNC) == (MESSAGE[:10], socket.MSG_TRUNC)
    guarded = bytearray(20)
    ((size, _, seen, _),) = raw.recvmmsg_into(b, None, [memoryview(guarded)[:10]], 0, flags)
    assert (size, seen & socket.MSG_TRUNC) == (told, socket.MSG_TRUNC)
    assert guarded == MESSAGE[:10] + bytes(10)


@pytest.mark.parametrize("size", [-1, -(1 << 31), -(1 << 63)])
def test_negative_sizes_touch_no_memory(raw: Any, pair: Pair, size: int) -> None:
    a, b = pair
    a.send(MESSAGE)
    calls: tuple[Callable[[], object], ...] = (
        lambda: raw.recvfrom(b, None, size, 0),
        lambda: raw.recvfrom_into(b, None, bytearray(8), size, 0),
        lambda: raw.recvmsg(b, None, size, 0, 0),
        lambda: raw.recvmsg(b, None, 8, size, 0),
        lambda: raw.recvmsg_into(b, None, [bytearray(8)], size, 0),
        lambda: raw.recvmmsg(b, None, size, 8, 0, 0),
        lambda: raw.recvmmsg(b, None, 1, size, 0, 0),
        lambda: raw.recvmmsg(b, None, 1, 8, size, 0),
        lambda: raw.recvmmsg_into(b, None, [bytearray(8)], size, 0),
    )
    for call in calls:
        with pytest.raises(ValueError, match="negative"):
            call()
    assert drain(b) == [MESSAGE]


@pytest.fixture
def more_than_there_is() -> Iterator[None]:
    """In the lab the kernel promises more memory than it has, as any does that has enough."""
    if not os.environ.get("FAMSOCK_LAB"):
        yield
        return
    policy = Path("/proc/sys/vm/overcommit_memory")
    before = policy.read_text()
    policy.write_text("1")
    yield
    policy.write_text(before)


def test_lengths_are_never_cut_to_32_bits(raw: Any, pair: Pair, more_than_there_is: None) -> None:
    """4 GiB and 16 bytes are no sockaddr_in. The zeros take no memory until they are read."""
    number = pair[0].fileno()
    huge = bytes((1 << 32) + 16)
    calls: tuple[Callable[[], object], ...] = (
        lambda: raw.bind(number, huge),
        lambda: raw.connect(number, None, huge),
        lambda: raw.sendto(number, None, b"x", 0, huge),
        lambda: raw.sendmsg(number, None, [b"x"], (), 0, huge),
        lambda: raw.sendmmsg(number, None, [(b"x", (), huge)], 0),
        lambda: raw.setsockopt(number, socket.SOL_SOCKET, socket.SO_BROADCAST, huge),
    )
    for call in calls:
        with pytest.raises(OverflowError, match="length must be"):
            call()
