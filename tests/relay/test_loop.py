"""The relay's event loop: timers, calls of other threads, hang-ups, and files."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time

from famsock.relay._loop import HANGUP, READ, WRITE, Loop, Watch

MS = 1_000_000


def test_timers_run_in_their_order() -> None:
    loop = Loop()
    seen: list[int] = []
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
    for number in range(100_000):  # more than its pipe holds
        loop.call_from_thread(lambda number=number: seen.append(number))  # type: ignore[misc]
    while len(seen) < 100_000:
        loop.run_once()
    loop.close()
    assert seen == [*range(100_000)]


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
    before = len(os.listdir("/proc/self/fd"))
    loop = Loop()
    kept = socket.socket()
    loop.keep(kept)
    assert loop.has_kept
    loop.close()
    loop.close()
    loop.call_from_thread(lambda: None)
    assert len(os.listdir("/proc/self/fd")) == before


def test_waiting_costs_no_time() -> None:
    loop = Loop()
    over: list[int] = []
    loop.call_later(300 * MS, lambda: over.append(1))
    before_s = time.process_time()
    while not over:
        loop.run_once()
    loop.close()
    assert time.process_time() - before_s < 0.15
