"""Fixtures of the raw layer's tests: each implementation, pairs of sockets, a signal storm."""

from __future__ import annotations

import importlib
import importlib.util
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from famsock import _calls, _sockets
from famsock._calls import CALLS

_MODULES = {"native": "native", "ctypes": "python"}
Storm = Callable[[], AbstractContextManager[list[int]]]


@pytest.fixture(params=[pytest.param("native", marks=pytest.mark.compiled_layer), "ctypes"])
def raw(request: pytest.FixtureRequest) -> Any:
    """Each implementation of the raw layer."""
    return importlib.import_module(f"famsock._calls.{_MODULES[request.param]}")


@pytest.fixture
def socket_module(raw: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the socket class, with the calls of the implementation `raw`."""
    monkeypatch.setattr(_calls, "native", raw if raw.__name__.endswith("native") else None)
    for name in CALLS:
        monkeypatch.setattr(_calls, name, getattr(raw, name), raising=False)
    spec = importlib.util.spec_from_file_location(f"{raw.__name__}_sockets", _sockets.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


AfterSignals = Callable[[list[int], Callable[[], object]], threading.Thread]


@pytest.fixture
def after_signals() -> Iterator[AfterSignals]:
    """Does something in another thread, which it gives, once a storm has come some times."""
    threads: list[threading.Thread] = []
    over = threading.Event()

    def start(seen: list[int], what: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            while len(seen) < 6 and not over.wait(0.005):
                pass
            what()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return threads[-1]

    yield start
    over.set()
    for thread in threads:
        thread.join()


MORE_PATIENT_S = (0.15, 0.6, 2.4, 9.6, 38.4)
"""Time limits of a call to which something must happen before the time runs out, one after the
other until it did. On a busy machine the first ones may pass while another program runs."""

WhenWaiting = Callable[..., None]


@pytest.fixture
def when_waiting() -> Iterator[WhenWaiting]:
    """Does something in another thread as soon as this one waits in the kernel.

    Several things one after the other, each when this one waits again. A signal that came before
    would find it between two attempts, and be heard after the second, as with the stdlib's calls.
    """
    threads: list[threading.Thread] = []
    over = threading.Event()

    def start(*steps: Callable[[], object]) -> None:
        me = threading.get_native_id()

        def run() -> None:
            for what in steps:
                if _is_waiting(me, over):
                    what()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join()


def _is_waiting(thread: int, over: threading.Event) -> bool:
    """Return when the thread has slept for a while without waking, as one in need of the GIL does.

    False if it is all over before. Source: proc_pid_status(5).
    """
    last, quiet = "", 0
    while quiet < 4 and not over.wait(0.007):
        with open(f"/proc/self/task/{thread}/status") as file:
            now = "".join(line for line in file if line.startswith(("State", "vol", "nonvol")))
        quiet = quiet + 1 if now == last and "sleeping" in now else 0
        last = now
    return not over.is_set()
