"""Many threads on one socket and on their own sockets: every call, on any build of Python.

Without the GIL (python3.13t) the results that are kept and the spare batch are really shared.
"""

from __future__ import annotations

import socket
import sys
import sysconfig
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from famsock import _calls, cstruct

THREADS = 6
SECONDS = 0.6
ROUNDS = 10  # at least, on a machine that is slow


@cstruct.struct("struct numbers", header="")
class Numbers(cstruct.Struct):
    """Four numbers."""

    one: int = cstruct.u64("one")
    two: int = cstruct.u64("two")
    three: int = cstruct.u64("three")
    four: int = cstruct.u64("four")


@pytest.fixture
def switching() -> Any:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def _together(work: Callable[[int], None]) -> None:
    """Run it in all threads at once, again and again for a while; raise what one of them raised.

    Every thread works while there is one that has not made all its rounds.
    """
    failures: list[BaseException] = []
    start = threading.Barrier(THREADS)
    end = time.monotonic() + SECONDS
    rounds = [0] * THREADS

    def run(number: int) -> None:
        start.wait()
        try:
            while (time.monotonic() < end or min(rounds) < ROUNDS) and not failures:
                work(number)
                rounds[number] += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_one_socket_for_all(raw: Any, udp: Any, switching: None) -> None:
    """Each message is received once, whole, by one of the calls, and says who sent it."""
    a, b = udp
    for sock in udp:
        sock.setblocking(False)
    here, there = raw.getsockname(a.fileno()), raw.getsockname(b.fileno())
    sent, got = Counter[bytes](), Counter[bytes]()
    lock = threading.Lock()
    numbers = iter(range(1 << 40))

    def note(received: list[tuple[bytes, bytes]]) -> None:
        with lock:
            for data, name in received:
                assert name == here
                got[data] += 1

    def into(call: Callable[[bytearray], tuple[Any, ...]]) -> tuple[bytes, bytes]:
        buffer = bytearray(8)
        result = call(buffer)
        return bytes(buffer[: result[0]]), result[-1]

    receiving: tuple[Callable[[], list[tuple[bytes, bytes]]], ...] = (
        lambda: [raw.recvfrom(b, None, 8, 0)],
        lambda: [into(lambda buffer: raw.recvfrom_into(b, None, buffer, 8, 0))],
        lambda: [raw.recvmsg(b, None, 8, 64, 0)[::3]],
        lambda: [into(lambda buffer: raw.recvmsg_into(b, None, [buffer], 64, 0))],
        lambda: [message[::3] for message in raw.recvmmsg(b, None, 16, 8, 0, 0)],
        lambda: [into(lambda buffer: raw.recvmmsg_into(b, None, [buffer], 0, 0)[0])],
    )

    def work(number: int) -> None:
        with lock:
            one, two, three, four = (b"%08d" % next(numbers) for _ in range(4))
            sent.update((one, two, three, four))
        assert raw.sendto(a, None, one, 0, there) == 8
        assert raw.sendmsg(a, None, [two], [], 0, there) == 8
        assert raw.sendmmsg(a, None, [(three, (), there), (four, (), there)], 0) == 2
        for receive in receiving:
            with suppress(BlockingIOError):
                note(receive())

    _together(work)
    with suppress(BlockingIOError):
        while True:
            note([message[::3] for message in raw.recvmmsg(b, None, 64, 8, 0, 0)])
    assert got == sent


def test_a_buffer_is_resized_while_others_use_it(socket_module: Any, switching: None) -> None:
    """A call uses the size that the buffer has then; while it is used, it is not resized."""
    shared = bytearray(64)
    sockets = [socket_module.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(THREADS)]

    def work(number: int) -> None:
        sock = sockets[number]
        if number == 0:
            with suppress(BufferError):
                shared.extend(bytes(64))
            with suppress(BufferError):
                del shared[8:]
            return
        sock.sendto(b"x" * 8, sock.getsockname())
        assert sock.recvfrom_into(shared)[0] == 8
        sock.sendto(b"x" * 8, sock.getsockname())
        assert sock.recvmsg_into([shared])[0] == 8
        sock.sendto(shared, sock.getsockname())
        assert len(sock.recvfrom(1 << 16)[0]) >= 8

    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    try:
        _together(work)
    finally:
        for sock in sockets:
            sock.close()


def test_structs_of_a_buffer_that_is_resized(switching: None) -> None:
    """All of its bytes, or ValueError as for fewer: never what lies behind them."""
    size = Numbers.layout.size
    shared = bytearray(size)

    def work(number: int) -> None:
        if number:
            with suppress(ValueError):
                assert Numbers.unpack(shared) == Numbers(0, 0, 0, 0)
            return
        with suppress(BufferError):
            del shared[1:]
        with suppress(BufferError):
            shared.extend(bytes(size - len(shared)))

    _together(work)


def test_batches_of_one_shape_do_not_share_their_buffers(raw: Any, switching: None) -> None:
    """Each thread has its own sockets, all receive batches alike: no data changes hands."""
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(THREADS)]

    def work(number: int) -> None:
        a, b = pairs[number]
        mine = [b"%d-%d" % (number, n) for n in range(8)]
        assert raw.sendmmsg(a, None, [(data, (), b"") for data in mine], 0) == 8
        assert [data for data, *_ in raw.recvmmsg(b, 60.0, 8, 32, 64, 0)] == mine

    try:
        _together(work)
    finally:
        for pair in pairs:
            for sock in pair:
                sock.close()


def test_addresses_are_kept_while_others_look_them_up(
    socket_module: Any, descriptors: None, switching: None
) -> None:
    kind = socket.AF_INET6, socket.SOCK_DGRAM  # whose results both layers keep
    sockets = [socket_module.socket(*kind) for _ in range(THREADS * 3)]
    try:
        for sock in sockets:
            sock.bind(("::1", 0))
            sock.settimeout(60.0)
        names = [sock.getsockname() for sock in sockets]

        def work(number: int) -> None:
            for step in range(len(sockets)):
                where = (number * 3 + step % 3) % len(sockets)
                sender = sockets[number * 3]
                fresh = (names[where][0], names[where][1])
                assert sender.sendto(b"x", fresh) == 1
                assert sockets[where].recvfrom(8) == (b"x", names[number * 3])
                assert sender.sendmmsg([(b"y", fresh), (b"z", names[where])]) == 2
                got = sockets[where].recvmmsg(1) + sockets[where].recvmmsg(1)
                assert [(data, name) for data, _, _, name in got] == [
                    (b"y", names[number * 3]),
                    (b"z", names[number * 3]),
                ]

        _together(work)
    finally:
        for sock in sockets:
            sock.close()


def test_sockets_are_closed_while_others_use_them(raw: Any, descriptors: None) -> None:
    """An error is all that may come of it.

    A number that is closed goes to the next pair, under a call that has begun: so no pair may ever
    block, not even for the moment after it is made.
    """

    def pair() -> tuple[socket.socket, socket.socket]:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    current = [pair()]

    def work(number: int) -> None:
        a, b = current[0]
        if number == 0:
            current[0] = pair()
            time.sleep(0.001)
            a.close()
            b.close()
            return
        with suppress(OSError):
            raw.sendmmsg(a, 0.01, [(b"x", (), b"")] * 3, 0)
            raw.recvmmsg(b, 0.01, 2, 8, 0, 0)
            raw.sendto(a, 0.01, bytearray(b"y"), 0, b"")
            raw.recvfrom(b, 0.01, 8, 0)
            raw.recvmsg_into(b, 0.01, [bytearray(8)], 64, 0)

    _together(work)
    for sock in current[0]:
        sock.close()


if sysconfig.get_config_var("Py_GIL_DISABLED"):

    def test_the_extension_leaves_the_gil_off() -> None:
        """An extension that is not ready for it would bring the GIL back."""
        assert _calls.native is not None
        assert not getattr(sys, "_is_gil_enabled")()  # noqa: B009
