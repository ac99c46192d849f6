"""An event loop of one thread: descriptors that become ready, timers, and calls of other threads.

It uses epoll(7), or poll(2) where that is missing. Both always tell of a hang-up, also for a
descriptor that nobody wants to read or write: the stdlib's selectors cannot say so.
"""

from __future__ import annotations

import errno
import heapq
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

READ, WRITE = 0x1, 0x4
ERROR = 0x8
HANGUP = ERROR | 0x10
"""POLLIN, POLLOUT, POLLERR, and this with POLLHUP; those of epoll(7) have the same values."""

_NONE = -1
_MANY = 64


class Timer:
    """A call at a time; ``cancel`` undoes it."""

    __slots__ = ("_call", "_loop")

    def __init__(self, loop: Loop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call: Callable[[], None] | None = call

    @property
    def is_cancelled(self) -> bool:
        """True if it will not call."""
        return self._call is None

    def cancel(self) -> None:
        """Do not call."""
        if self._call is not None:
            self._call = None
            self._loop._cancelled += 1

    def run(self) -> None:
        """Call, unless it was cancelled."""
        if self._call is not None:
            self._call()


class Watch:
    """A descriptor in the loop: what is wanted of it, and the function to call with what is so."""

    __slots__ = ("_events", "_loop", "call", "descriptor")

    def __init__(self, loop: Loop, descriptor: int, call: Callable[[int], None]) -> None:
        self._loop = loop
        self._events = _NONE
        self.descriptor = descriptor
        self.call = call

    def want(self, events: int) -> None:
        """Call when one of ``events`` is so, or at a hang-up; 0 is for a hang-up only."""
        if events == self._events:
            return
        loop, descriptor = self._loop, self.descriptor
        if self._events == _NONE:
            loop._add(self, events)
        elif descriptor in loop._always:
            loop._always[descriptor] = events
        else:
            loop._poller.modify(descriptor, events)
        self._events = events

    def mute(self) -> None:
        """Call no more, not even at a hang-up, which would be told again and again."""
        if self._events != _NONE:
            self._events = _NONE
            self._loop._remove(self)


class Loop:
    """Calls functions as descriptors become ready and time passes."""

    def __init__(self) -> None:
        self._is_epoll = hasattr(select, "epoll")
        if not hasattr(select, "poll"):
            raise OSError(errno.ENOSYS, "a relay needs poll(2), which this platform lacks")
        self._watches: dict[int, Watch] = {}
        self._always: dict[int, int] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._is_closed = False
        self._cancelled = 0
        self._numbers = count()
        self._calls: deque[Callable[[], None]] = deque()
        # A signal's handler may come while its own thread has the lock.
        self._lock = threading.RLock()
        self._closing: list[Any] = []
        self._kept: set[Any] = set()
        self.now_ns = time.monotonic_ns()
        self._wakeup_read, self._wakeup_write = os.pipe()
        try:
            self._poller: Any = select.epoll() if self._is_epoll else select.poll()
            for end in (self._wakeup_read, self._wakeup_write):
                os.set_blocking(end, False)
            Watch(self, self._wakeup_read, self._woken).want(READ)
        except BaseException:
            os.close(self._wakeup_read)
            os.close(self._wakeup_write)
            raise

    def close(self) -> None:
        """Close the loop's own descriptors, and the sockets that wait to be closed."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        for sock in (*self._closing, *self._kept):
            sock.close()
        if self._is_epoll:
            self._poller.close()
        os.close(self._wakeup_read)
        os.close(self._wakeup_write)

    def _add(self, watch: Watch, events: int) -> None:
        descriptor = watch.descriptor
        try:
            self._poller.register(descriptor, events)
        except PermissionError:  # a regular file, which is always ready
            self._always[descriptor] = events
        self._watches[descriptor] = watch

    def _remove(self, watch: Watch) -> None:
        descriptor = watch.descriptor
        del self._watches[descriptor]
        if self._always.pop(descriptor, None) is None:
            with suppress(OSError):  # closing it takes it out too
                self._poller.unregister(descriptor)

    def close_socket(self, sock: Any) -> None:
        """Close a socket after the events at hand, so that none of them meets a new one."""
        self._kept.discard(sock)
        self._closing.append(sock)

    def keep(self, sock: Any) -> None:
        """Close a socket with the loop, unless `close_socket` does so before."""
        self._kept.add(sock)

    @property
    def kept(self) -> tuple[Any, ...]:
        """The sockets that `keep` was told of and that are open."""
        return tuple(self._kept)

    @property
    def has_kept(self) -> bool:
        """True if sockets are still to be closed."""
        return bool(self._kept)

    def call_later(self, delay_ns: int, call: Callable[[], None]) -> Timer:
        """Call after a delay in nanoseconds."""
        timers = self._timers
        if self._cancelled > _MANY and 2 * self._cancelled > len(timers):
            timers[:] = [entry for entry in timers if not entry[2].is_cancelled]
            heapq.heapify(timers)
            self._cancelled = 0
        timer = Timer(self, call)
        due_ns = time.monotonic_ns() + delay_ns
        heapq.heappush(timers, (due_ns, next(self._numbers), timer))
        return timer

    def call_from_thread(self, call: Callable[[], None]) -> None:
        """Call in the loop's thread; any thread and any signal's handler may ask for it."""
        self._calls.append(call)
        with self._lock, suppress(BlockingIOError):  # full: it wakes already
            if not self._is_closed:
                os.write(self._wakeup_write, b"\0")

    def _woken(self, events: int) -> None:
        with suppress(BlockingIOError):
            while os.read(self._wakeup_read, 4096):
                pass

    def run_once(self) -> None:
        """Wait for events or a timer, and make their calls."""
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
            self._cancelled -= 1
        wait_ns = -1
        always = self._always and [(fd, events) for fd, events in self._always.items() if events]
        if self._calls or always:
            wait_ns = 0
        elif timers:
            wait_ns = max(timers[0][0] - time.monotonic_ns(), 0)
        found = self._polled(wait_ns)
        if always:
            found += always
        self.now_ns = time.monotonic_ns()
        watches = self._watches
        for descriptor, events in found:
            watch = watches.get(descriptor)
            if watch is not None:
                watch.call(events)
        while timers and timers[0][0] <= self.now_ns:
            timer = heapq.heappop(timers)[2]
            if timer.is_cancelled:
                self._cancelled -= 1
            timer.run()
        while self._calls:
            self._calls.popleft()()
        if self._closing:
            closing, self._closing = self._closing, []
            for sock in closing:
                sock.close()

    def _polled(self, wait_ns: int) -> list[tuple[int, int]]:
        if self._is_epoll:
            return self._poller.poll(-1 if wait_ns < 0 else wait_ns / 1e9)  # type: ignore[no-any-return]
        return self._poller.poll(None if wait_ns < 0 else -(-wait_ns // 1_000_000))  # type: ignore[no-any-return]
