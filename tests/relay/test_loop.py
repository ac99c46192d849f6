"""The relay's event loop: timers, calls of other threads, hang-ups, and files."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from contextlib import suppress

import pytest

from famsock.relay._channels import Channel, reset_socket
from famsock.relay._loop import HANGUP, READ, WRITE, Loop, Watch
from famsock.relay._pipes import Pipes
from famsock.relay._session import Session
from tests.relay.peers import PATIENCE_S, descriptors, outgoing, reset, until

MS = 1_000_000


def test_timers_run_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()
    seen: list[int] = []
    now_ns = time.monotonic_ns()
    with monkeypatch.context() as clock:
        clock.setattr(time, "monotonic_ns", lambda: now_ns)  # all are asked for at the same time
        for delay in (3, 1, 2):
            loop.call_later(delay * MS, lambda delay=delay: seen.append(delay))  # type: ignore[misc]
        loop.call_later(2 * MS, lambda: seen.append(0)).cancel()
    while len(seen) < 3:
        loop.run_once()
    loop.close()
    assert seen == [1, 2, 3]


def test_cancelled_timers_are_forgotten() -> None:
    loop = Loop()
    for _ in range(10_000):
        loop.call_later(3600 * 1000 * MS, lambda: None).cancel()
    assert len(loop._timers) < 200
    loop.close()


def test_a_call_of_another_thread_wakes_it() -> None:
    loop = Loop()
    seen: list[int] = []
    thread = threading.Thread(
        target=lambda: loop.call_from_thread(lambda: seen.append(threading.get_ident()))
    )
    thread.start()
    while not seen:
        loop.run_once()
    thread.join()
    loop.close()
    assert seen == [threading.get_ident()]


def test_many_calls_do_not_block_the_caller() -> None:
    loop = Loop()
    seen: list[int] = []
    for number in range(70_000):  # more than its pipe holds
        loop.call_from_thread(lambda number=number: seen.append(number))  # type: ignore[misc]
    while len(seen) < 70_000:
        loop.run_once()
    loop.close()
    assert seen == [*range(70_000)]


def test_a_hang_up_is_told_to_who_wants_nothing_else() -> None:
    loop = Loop()
    a, b = socket.socketpair()
    seen: list[int] = []
    watch = Watch(loop, a.fileno(), seen.append)
    watch.want(READ | WRITE)
    loop.run_once()
    assert seen == [WRITE]
    watch.want(0)
    b.close()
    loop.run_once()
    assert seen[-1] & HANGUP
    watch.mute()
    loop.call_later(5 * MS, lambda: None)
    loop.run_once()
    assert len(seen) == 2
    a.close()
    loop.close()


def test_a_file_is_always_ready() -> None:
    loop = Loop()
    seen: list[int] = []
    with tempfile.TemporaryFile() as file:
        watch = Watch(loop, file.fileno(), seen.append)
        watch.want(READ)
        loop.run_once()
        watch.want(WRITE)
        loop.run_once()
        watch.mute()
        loop.call_later(1 * MS, lambda: None)
        loop.run_once()
    loop.close()
    assert seen == [READ, WRITE]


def test_a_new_socket_gets_no_event_of_an_old_one() -> None:
    """Numbers are used again at once, so that closing waits until the events at hand are over."""
    loop = Loop()
    pairs = [socket.socketpair() for _ in range(2)]
    seen: list[str] = []
    watches: list[Watch] = []

    def close_both(events: int) -> None:
        for watch, (a, _) in zip(watches, pairs, strict=True):
            watch.mute()
            loop.close_socket(a)
        made = socket.socket()
        seen.append("new" if made.fileno() not in numbers else "same")
        made.close()

    numbers = [a.fileno() for a, _ in pairs]
    for a, b in pairs:
        watches.append(Watch(loop, a.fileno(), close_both))
        watches[-1].want(READ)
        b.send(b"x")
    loop.run_once()
    assert seen == ["new"]
    assert [a.fileno() for a, _ in pairs] == [-1, -1]
    for _, b in pairs:
        b.close()
    loop.close()


def test_closing_it_closes_all_of_it() -> None:
    before = descriptors()
    loop = Loop()
    kept = socket.socket()
    loop.keep(kept)
    assert loop.has_kept
    loop.close()
    loop.close()
    assert kept.fileno() == -1
    until(lambda: descriptors() <= before)


def test_a_call_after_its_end_writes_to_no_descriptor() -> None:
    """The number of the pipe that woke it may be another file's."""
    loop = Loop()
    number = loop._wakeup_write
    loop.close()
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    if write_end != number:
        os.dup2(write_end, number)
    loop.call_from_thread(lambda: None)
    with pytest.raises(BlockingIOError):
        os.read(read_end, 1)
    for descriptor in {read_end, write_end, number}:
        os.close(descriptor)


def test_waiting_costs_no_time() -> None:
    loop = Loop()
    over: list[int] = []
    loop.call_later(300 * MS, lambda: over.append(1))
    rounds = 0
    while not over:
        loop.run_once()
        rounds += 1
    loop.close()
    assert rounds <= 5


def test_a_socket_whose_peer_is_gone_is_closed_at_once() -> None:
    """Its kernel says for ever that bytes are on their way."""
    loop = Loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock = socket.create_connection(server.getsockname(), PATIENCE_S)
        far, _ = server.accept()
        sock.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sock.send(bytes(1 << 16))
        reset_socket(loop, sock)  # type: ignore[arg-type]
        assert loop.has_kept, "the peer still takes them"
        reset(far)
        until(lambda: is_gone(sock))
        assert outgoing(sock)
        rounds = 0
        while loop.has_kept:
            loop.run_once()
            rounds += 1
        assert sock.fileno() == -1
        assert rounds < 20
    loop.close()


def is_gone(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return True
    return False


def test_a_session_has_one_timer_for_what_it_tries_again() -> None:
    """Events meanwhile add none, however many come."""

    class Full(Channel):
        retry_delay_ns = 3600 * 1000 * MS

        def receive(self) -> bytes:
            return b"x"

        def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
            raise BlockingIOError

    loop, pipes = Loop(), Pipes()
    session = Session(1, (Full(), Full()), loop, pipes, lambda session: None)
    session.start()
    for _ in range(100):
        session.handle(0, READ | WRITE)
    assert len(loop._timers) == 2
    session.end()
    loop.close()
