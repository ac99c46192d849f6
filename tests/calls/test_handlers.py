"""Signal handlers that raise, close the socket or take their time, in the middle of every call."""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from tests.calls.arguments import (
    BLOCKING,
    CONNECTING,
    RECEIVING,
    SENDING,
    STDLIB,
    blocked,
    drain,
    fill,
)
from tests.calls.conftest import WhenWaiting

pytestmark = pytest.mark.usefixtures("alarm")
Pair = tuple[socket.socket, socket.socket]
SIGNAL = signal.SIGUSR1  # SIGALRM ends a test that hangs
TIMEOUTS = pytest.mark.parametrize("timeout", [None, 60.0])


class AlarmError(Exception):
    """The exception of a handler in these tests."""


@pytest.fixture(autouse=True)
def late_signals_do_nothing() -> Iterator[None]:
    """To a signal after the test that sent it, or where a handler raised, nobody listens."""
    before = signal.signal(SIGNAL, lambda number, frame: None)
    yield
    signal.signal(SIGNAL, before)


@contextmanager
def handling(what: Callable[[], object]) -> Iterator[None]:
    """A signal's handler does this when `ring` is called."""
    before = signal.signal(SIGNAL, lambda number, frame: what())
    try:
        yield
    finally:
        signal.signal(SIGNAL, before)


def ring() -> None:
    """Send the signal to the thread that runs the tests."""
    signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)


def raiser(error: BaseException) -> Callable[[], object]:
    def handler() -> None:
        raise error

    return handler


@TIMEOUTS
@pytest.mark.parametrize("error", [AlarmError(), TimeoutError("mine")], ids=repr)
@pytest.mark.parametrize("name", BLOCKING)
def test_what_a_handler_raises_goes_out(
    raw: Any,
    descriptors: None,
    when_waiting: WhenWaiting,
    name: str,
    error: Exception,
    timeout: float | None,
) -> None:
    with blocked(name, timeout) as (sock, release):
        when_waiting(ring)
        with handling(raiser(error)), pytest.raises(type(error)) as caught:
            BLOCKING[name](raw, sock, timeout)
        assert caught.value is error
        release()
        if name != "connect":  # which is under way since, and is not issued twice
            result = BLOCKING[name](raw, sock, timeout)
            if name == "accept":
                os.close(result)
            else:
                assert result in (b"data", 1000)


def test_accept_asks_no_address_though_it_was_interrupted(
    raw: Any, descriptors: None, when_waiting: WhenWaiting
) -> None:
    with blocked("accept", None) as (sock, release):
        when_waiting(ring)
        with handling(release):
            number, name = raw.accept(sock, None, False)
        os.close(number)
        assert name == b""


@dataclass(frozen=True)
class FrozenError(Exception):
    """No attribute of it can be set."""


@TIMEOUTS
@pytest.mark.parametrize("error", [AlarmError(), TimeoutError("mine"), FrozenError()], ids=repr)
def test_messages_sent_before_a_handler_raises_are_counted(
    raw: Any, pair: Pair, when_waiting: WhenWaiting, error: Exception, timeout: float | None
) -> None:
    a, b = pair
    a.settimeout(timeout)
    messages = [(b"%d" % number, (), b"") for number in range(1000)]
    when_waiting(ring)
    with handling(raiser(error)), pytest.raises(type(error)) as caught:
        raw.sendmmsg(a, timeout, messages, 0)
    assert caught.value is error
    got = drain(b)
    assert len(got) > 3
    assert error.messages_sent == len(got)  # type: ignore[attr-defined]
    assert got == [data for data, *_ in messages[: len(got)]]


_THREE = [(data, (), b"") for data in (b"1", b"", b"333")]


def _batches(raw: Any, sender: Any, receiver: Any, datas: list[bytes]) -> list[bytes]:
    """Return what arrives of a batch: an odd number by recvmmsg, an even one by recvmmsg_into."""
    assert raw.sendmmsg(sender, None, [(data, (), b"") for data in datas], 0) == len(datas)
    if len(datas) % 2:
        return [data for data, *_ in raw.recvmmsg(receiver, None, len(datas), 64, 0, 0)]
    buffers = [bytearray(64) for _ in datas]
    got = raw.recvmmsg_into(receiver, None, buffers, 0, 0)
    return [bytes(buffer[:size]) for buffer, (size, *_) in zip(buffers, got, strict=True)]


@pytest.mark.parametrize("call", ["recvmmsg", "recvmmsg_into", "sendmmsg"])
def test_a_handler_makes_batches_while_one_waits(
    raw: Any, pair: Pair, when_waiting: WhenWaiting, call: str
) -> None:
    a, b = pair
    theirs: list[list[bytes]] = []
    own = [b"of the handler %d" % number for number in range(7)]

    def nested() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.connect(sock.getsockname())
            theirs.extend(_batches(raw, sock, sock, own[:count]) for count in (7, 6))
        if call == "sendmmsg":
            drain(b)
        else:
            assert raw.sendmmsg(a, None, _THREE, 0) == 3

    if call == "sendmmsg":
        fill(a)
    when_waiting(ring)
    with handling(nested):
        if call == "sendmmsg":
            assert raw.sendmmsg(a, None, _THREE, 0) == 3
            assert drain(b)[-3:] == [b"1", b"", b"333"]
        elif call == "recvmmsg":
            got = raw.recvmmsg(b, None, 7, 64, 0, 0)
            assert got == [(data, [], 0, b"") for data, *_ in _THREE]
        else:
            buffers = [bytearray(3) for _ in range(6)]
            got = raw.recvmmsg_into(b, None, buffers, 0, 0)
            assert got == [(size, [], 0, b"") for size in (1, 0, 3)]
            assert buffers == [b"1\0\0", bytes(3), b"333", *[bytes(3)] * 3]
    assert theirs == [own, own[:6]]


def test_a_handler_runs_though_some_messages_were_sent(
    raw: Any, pair: Pair, when_waiting: WhenWaiting
) -> None:
    """Only one signal: the system call that it ends returns a number, and no EINTR."""
    a, b = pair
    fits = len(_filling(a, b))
    drained: list[str] = []
    over = threading.Event()

    def make_room(who: str) -> None:
        drained.append(who)
        drain(b)

    def ring_and_see() -> None:
        ring()
        if not over.wait(60):
            make_room("nobody else did")

    when_waiting(ring_and_see)
    with handling(lambda: make_room("handler")):
        assert raw.sendmmsg(a, None, [(b"x", (), b"")] * (fits + 2), 0) == fits + 2
    over.set()
    assert drained[0] == "handler"


def _filling(a: socket.socket, b: socket.socket) -> list[bytes]:
    with suppress(BlockingIOError):
        while True:
            a.send(b"x", socket.MSG_DONTWAIT)
    return drain(b)


# Python itself swallows what a handler raises while it runs a weak reference's callback.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@TIMEOUTS
def test_a_stream_that_handlers_break_off_is_resumed_exactly(
    raw: Any, pair: Pair, timeout: float | None
) -> None:
    """Numbers, broken off at random and resumed by what each exception says.

    The receiver sends the signal once it has so many of them, while the sender waits for space. A
    signal may come when the call has returned and its result has no name yet, as with any function
    of Python; then the exception says nothing, and the receiver is asked.
    """
    a, b = pair
    fits = len(_filling(a, b))
    a.settimeout(timeout)
    got: list[int] = []
    at = known = 0
    dice = random.Random(5)
    ringing: list[int] = []
    caught_up = threading.Event()

    def receive() -> None:
        while data := b.recv(16):
            if data == b"so far":
                caught_up.set()
                continue
            got.append(int(data))
            if ringing and len(got) >= ringing[0]:
                ringing.clear()
                ring()

    armed = [False]

    def handler() -> None:
        raises, armed[0] = armed[0], False
        if raises:
            raise AlarmError

    receiver = threading.Thread(target=receive)
    receiver.start()
    with handling(handler):
        while known < 30:
            batch = [(b"%d" % number, (), b"") for number in range(at, at + 3 * fits)]
            sent = None
            try:
                armed[0] = True
                ringing.append(at + dice.randint(1, 2 * fits))
                sent = raw.sendmmsg(a, timeout, batch, 0)
                armed[0] = False
            except AlarmError as error:
                sent = getattr(error, "messages_sent", sent)
                known += sent is not None
            ringing.clear()
            if sent is None:
                caught_up.clear()
                a.send(b"so far")
                caught_up.wait()
            at = at + sent if sent is not None else len(got)
    a.send(b"")
    receiver.join()
    assert got == list(range(at))


@TIMEOUTS
@pytest.mark.parametrize("name", [*RECEIVING, *SENDING, "accept"])
def test_a_handler_closes_the_socket_and_its_number_is_used_again(
    raw: Any, descriptors: None, when_waiting: WhenWaiting, name: str, timeout: float | None
) -> None:
    """The call fails, as the stdlib's does: it neither reads nor writes what is not its own."""
    ours: Callable[[Any], object] = lambda sock: BLOCKING[name](raw, sock, timeout)  # noqa: E731
    for call in (ours, STDLIB[name]):
        with blocked(name, timeout) as (sock, _), blocked(name, timeout) as (other, release):
            stranger = other.dup()
            number = sock.fileno()

            def close(
                sock: socket.socket = sock, other: socket.socket = other, number: int = number
            ) -> None:
                sock.close()
                os.dup2(other.fileno(), number)

            release()
            when_waiting(ring)
            with handling(close), pytest.raises(OSError, match="Bad file") as caught:
                call(sock)
            assert caught.value.errno == errno.EBADF
            os.close(number)
            stranger.close()
            if name in RECEIVING:
                assert drain(other) == [b"data"]


@pytest.mark.parametrize("name", [*RECEIVING, *SENDING, "accept"])
def test_a_handler_closes_the_socket_and_its_number_is_used_by_one_that_is_silent(
    raw: Any, descriptors: None, when_waiting: WhenWaiting, name: str
) -> None:
    """The call fails at once, as the stdlib's does: it does not wait for the other one."""
    ours: Callable[[Any], object] = lambda sock: BLOCKING[name](raw, sock, 3.0)  # noqa: E731
    for call in (ours, STDLIB[name]):
        with blocked(name, 3.0) as (sock, _), blocked(name, 3.0) as (other, _):
            number = sock.fileno()

            def close(
                sock: socket.socket = sock, other: socket.socket = other, number: int = number
            ) -> None:
                sock.close()
                os.dup2(other.fileno(), number)

            when_waiting(ring)
            with handling(close), pytest.raises(OSError, match="Bad file"):
                call(sock)
            os.close(number)


def test_the_socket_class_raises_it_with_the_count(
    socket_module: Any, pair: Pair, when_waiting: WhenWaiting
) -> None:
    a, b = (socket_module.socket(fileno=os.dup(sock.fileno())) for sock in pair)
    with a, b:
        when_waiting(ring)
        with handling(raiser(AlarmError())), pytest.raises(AlarmError) as caught:
            a.sendmmsg([(b"x", None)] * 1000)
        assert caught.value.messages_sent == len(drain(b)) > 3  # type: ignore[attr-defined]


@pytest.mark.sampled(3)
@TIMEOUTS
@pytest.mark.parametrize("name", BLOCKING)
def test_a_handler_that_takes_its_time_does_not_lose_the_call(
    raw: Any, descriptors: None, when_waiting: WhenWaiting, name: str, timeout: float | None
) -> None:
    """One signal after the other, each when the call waits again."""
    runs: list[int] = []
    done = threading.Semaphore(0)

    def work() -> None:
        runs.append(sum(range(20000)))
        done.release()

    def disturb() -> None:
        ring()
        assert done.acquire(timeout=60)

    with blocked(name, timeout) as (sock, release), handling(work):
        when_waiting(disturb, disturb, disturb, disturb, release)
        result = BLOCKING[name](raw, sock, timeout)
        if name == "accept":
            os.close(result)
    assert len(runs) == 4
    assert name in CONNECTING or result in (b"data", 1000)
