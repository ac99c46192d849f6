"""Imports in progress, by thread, so that a fork can wait for those of other threads.

A child of fork(2) has one thread. A module that another thread was importing stays half imported
there, with its import lock held: the first import of that module in the child would never end. So
whatever famsock imports on first use is marked as a `Load`, and a fork waits for the loads of other
threads, and a thread that wants to begin one waits for a fork that has begun. No wait is longer
than `WAIT_S`, and no thread waits for itself.
"""

from __future__ import annotations

import os

# As functools does: threading would add a fifth to what famsock's import costs.
from _thread import get_ident
from time import monotonic, sleep

WAIT_S = 10.0
"""The longest wait of a fork for other threads' imports, and of an import for a fork."""

_POLL_S = 0.001
_loads: dict[int, int] = {}  # the thread of each load, by the load's id
_forks: dict[int, bool] = {}  # the threads that are forking


class Load:
    """A mark that the running thread imports something, until `end` or until it is forgotten.

    It also ends when it is forgotten, because an exception may come before the call of `end`.
    ``nested`` says whether the thread was in the middle of a load already: a plugin or a signal's
    handler opens a socket there, and finds modules that are half imported.
    """

    __slots__ = ("nested",)

    def __init__(self) -> None:
        thread = get_ident()
        self.nested = thread in list(_loads.values())
        deadline = monotonic() + WAIT_S
        _loads[id(self)] = thread
        # One that is nested goes on, as a fork waits for the outer one.
        while not self.nested and _others(_forks, thread) and monotonic() < deadline:
            self.end()
            sleep(_POLL_S)
            _loads[id(self)] = thread

    def end(self) -> None:
        """Take the mark back; nothing happens the second time."""
        _loads.pop(id(self), None)

    __del__ = end


def _others(threads: dict[int, bool], own: int) -> bool:
    return any(thread != own for thread in list(threads))


def _before_fork() -> None:
    own = get_ident()
    _forks[own] = True
    deadline = monotonic() + WAIT_S
    while any(thread != own for thread in list(_loads.values())) and monotonic() < deadline:
        sleep(_POLL_S)


def _after_fork_in_parent() -> None:
    _forks.pop(get_ident(), None)


def _after_fork_in_child() -> None:
    """Forget the other threads: they are not in the child."""
    own = get_ident()
    _forks.clear()
    for load, thread in list(_loads.items()):
        if thread != own:
            del _loads[load]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
