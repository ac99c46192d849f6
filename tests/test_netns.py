"""Network namespaces: functions that run in one, while the process stays where it is."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from contextlib import closing

import pytest

import famsock
from famsock import _netns
from famsock.testing.namespaces import NetworkNamespace


def place() -> str:
    return os.readlink("/proc/thread-self/ns/net")


def test_names_and_paths() -> None:
    assert _netns.path_of("blue") == "/run/netns/blue"
    assert _netns.path_of("/proc/1/ns/net") == "/proc/1/ns/net"
    for name in ("", ".", "..", "a/b", "../x", "a\0b", "/a\0"):
        with pytest.raises(ValueError, match="netns must be a name"):
            _netns.path_of(name)


@pytest.mark.needs_capability("CAP_SYS_ADMIN")
def test_only_the_function_is_there() -> None:
    with closing(NetworkNamespace()) as namespace:
        path = f"/proc/self/fd/{namespace._descriptor}"
        before = place()
        found = _netns.run_in(path, place)
        assert found != before
        assert place() == before
        with namespace.entered():
            assert place() == found


@pytest.mark.usefixtures("descriptors")
def test_a_name_that_is_like_one(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_netns, "DIRECTORY", str(tmp_path))
    with open(f"{tmp_path}/blue", "w"):
        pass
    with pytest.raises(FileNotFoundError) as caught:
        _netns.run_in("bleu", place)
    assert caught.value.__notes__ == ["there is no such network namespace; did you mean 'blue'?"]
    with pytest.raises(OSError, match="setns: ") as refused:
        _netns.run_in("blue", place)
    assert refused.value.filename == f"{tmp_path}/blue"


@pytest.mark.usefixtures("descriptors")
def test_what_a_thread_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        _netns.in_thread(lambda: 1 // 0)
    with pytest.raises(KeyboardInterrupt):
        _netns.in_thread(_interrupted)
    assert _netns.in_thread(lambda: 5) == 5


def _interrupted() -> int:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("descriptors")
def test_what_nobody_waits_for_is_closed() -> None:
    """A signal's handler ends the wait; the thread opens its socket after that."""

    class Stop(BaseException):
        pass

    opened: list[famsock.socket] = []
    waits, goes_on, stopped = threading.Event(), threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        if not stopped.is_set():
            stopped.set()
            raise Stop

    def slow() -> famsock.socket:
        waits.set()
        goes_on.wait(60)
        opened.append(famsock.socket())
        return opened[0]

    def interrupt() -> None:
        waits.wait(60)
        while not stopped.is_set():  # one that comes just before the wait does not end it
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            time.sleep(0.01)

    old = signal.signal(signal.SIGUSR1, stop)
    interrupting = threading.Thread(target=interrupt)
    try:
        interrupting.start()
        with pytest.raises(Stop):
            _netns.in_thread(slow)
        interrupting.join(60)
    finally:
        signal.signal(signal.SIGUSR1, old)
    goes_on.set()
    end = time.monotonic() + 60  # CPython takes a thread for ended whose join was interrupted
    while not opened or opened[0].fileno() != -1:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.usefixtures("descriptors")
def test_a_namespace_without_the_capability(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, *_: int) -> None:
        raise PermissionError(errno.EPERM, f"{name}: Operation not permitted")

    monkeypatch.setattr(_netns, "DIRECTORY", str(tmp_path))
    monkeypatch.setattr(_netns, "call", refuse)
    with open(f"{tmp_path}/blue", "w"):
        pass
    with pytest.raises(PermissionError) as caught:
        _netns.run_in("blue", place)
    assert caught.value.__notes__ == [
        "entering a network namespace needs CAP_SYS_ADMIN, there and here"
    ]


def test_a_call_that_there_is_not() -> None:
    with pytest.raises(OSError, match="no_such_call: Function not implemented"):
        _netns.call("no_such_call", 1)
