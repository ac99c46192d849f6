"""Network namespaces: run a function in one, in its own thread, so that the process stays.

Each thread is in a network namespace, and a socket stays in the one in which it was made. Sources:
network_namespaces(7), setns(2), ip-netns(8).
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from famsock._calls.descriptors import keep, keeping
from famsock._hints import did_you_mean

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
DIRECTORY = "/run/netns"
"""The folder of the namespaces that ip-netns(8) has given a name."""


def path_of(name: str) -> str:
    """Return the file of a namespace: a name's of ip-netns(8), or the path as it is.

    ValueError for a text that is neither.
    """
    if name.startswith("/") and "\0" not in name:
        return name
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise ValueError(f"netns must be a name of ip-netns(8) or an absolute path, not {name!r}")
    return f"{DIRECTORY}/{name}"


def run_in(name: str, function: Callable[[], T]) -> T:
    """Return what ``function`` returns in a thread that has entered the namespace.

    ``name`` is as for `path_of`. The result is closed if nobody waits for it any more, after an
    exception of a signal's handler. OSError if there is no such namespace, or EPERM without
    CAP_SYS_ADMIN in it and here; whatever the function raises.
    """
    path = path_of(name)

    def entered() -> T:
        enter(path)
        return function()

    return in_thread(entered)


def enter(path: str) -> None:
    """Move the calling thread into the namespace of a file. OSError as open(2) and setns(2)."""
    kept, close = keeping()
    try:
        try:
            keep(kept, os.open, path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError as error:
            error.add_note(f"there is no such network namespace{_like(path)}")
            raise
        try:
            call("setns", kept[0], CLONE_NEWNET)
        except PermissionError as error:
            error.add_note("entering a network namespace needs CAP_SYS_ADMIN, there and here")
            raise
    except OSError as error:
        error.filename = path
        raise
    finally:
        close()


def _like(path: str) -> str:
    directory, _, name = path.rpartition("/")
    try:
        return did_you_mean(name, os.listdir(directory or "/"))
    except OSError:
        return ""


def in_thread(function: Callable[[], T]) -> T:
    """Return what ``function`` returns in a new thread, or raise what it raises."""
    results: list[T] = []
    errors: list[BaseException] = []
    abandoned: list[bool] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)
        if abandoned:
            _close(results)

    thread = threading.Thread(target=run)
    try:
        thread.start()
        thread.join()
    except BaseException:
        abandoned.append(True)
        _close(results)
        raise
    if errors:
        raise errors[0]
    return results[0]


def _close(results: list[Any]) -> None:
    for result in results:
        close = getattr(result, "close", None)
        if close is not None:
            close()


def call(name: str, *arguments: int) -> None:
    """Call a function of the C library; os.setns and os.unshare are of Python 3.12.

    OSError as the call fails, ENOSYS where there is none.
    """
    import ctypes

    libc: Any = ctypes.CDLL(None, use_errno=True)
    function = getattr(libc, name, None)
    if function is None:
        raise OSError(errno.ENOSYS, f"{name}: {os.strerror(errno.ENOSYS)}")
    if function(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
