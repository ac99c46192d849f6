"""What the tests of the raw layer share: each implementation, pairs of sockets, a signal storm."""

from __future__ import annotations

import importlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from famsock import syscalls

Storm = Callable[[], AbstractContextManager[list[int]]]


@pytest.fixture(params=["native", "ctypes"])
def raw(request: pytest.FixtureRequest) -> Any:
    """Each implementation of the raw layer."""
    if request.param == "native" and syscalls.native is None:
        pytest.skip(f"the compiled raw layer is not in use: {syscalls.why_ctypes}")
    return importlib.import_module(f"famsock.syscalls._{request.param}")


@pytest.fixture
def pair(descriptors: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected datagram sockets."""
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with a, b:
        yield a, b


@pytest.fixture
def udp(descriptors: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two bound UDP sockets."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b,
    ):
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        yield a, b


@pytest.fixture
def storm() -> Storm:
    """A signal every two milliseconds while the context lasts; the list grows with each."""
    return _storm


@contextmanager
def _storm() -> Iterator[list[int]]:
    seen: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        yield seen
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def later() -> Iterator[Callable[[float, Callable[[], object]], None]]:
    """Runs something in another thread, so many seconds from now."""
    timers: list[threading.Timer] = []

    def start(seconds: float, what: Callable[[], object]) -> None:
        timers.append(threading.Timer(seconds, what))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.join()
