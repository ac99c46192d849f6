"""Opens the end of a session that has no peer yet: attempts, delays between them, a time limit."""

from __future__ import annotations

import os
import socket as _stdlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from errno import EAGAIN, EINPROGRESS, ENOBUFS
from typing import TYPE_CHECKING

from famsock._lazy import SHORTAGES
from famsock.address import Lookup
from famsock.endpoints import Endpoint
from famsock.relay._loop import READ, WRITE, Timer, Watch

if TYPE_CHECKING:
    from famsock._sockets import socket
    from famsock.relay._loop import Loop
    from famsock.relay._options import End, Options

SHORT_OF = (*SHORTAGES, ENOBUFS)
"""The errnos of a lack of descriptors or memory, which may pass."""

_THREADS = 8
_FIRST_DELAY_NS, _LONGEST_DELAY_NS = 1_000_000, 100_000_000


class Opener:
    """Opens an end as often as sessions need it."""

    def __init__(
        self, end: End, options: Options, loop: Loop, on_relief: Callable[[], None]
    ) -> None:
        self.end = end
        self.options = options
        self.loop = loop
        self.lock = threading.Lock()
        self._on_relief = on_relief
        self._short: set[Opening] = set()
        self._threads: ThreadPoolExecutor | None = None
        self._is_direct = end.role == "bind" or _is_direct(end.endpoint)

    def open(
        self,
        on_open: Callable[[socket], None],
        on_failure: Callable[[OSError], None],
    ) -> Opening:
        """Begin to open the end; one of the functions is called, perhaps at once."""
        opening = Opening(self, on_open, on_failure)
        opening.attempt()
        return opening

    @property
    def is_short(self) -> bool:
        """True if sessions wait for a descriptor or memory, to which they come first."""
        return bool(self._short)

    def set_short(self, opening: Opening, is_short: bool) -> None:
        """Note whether an opening waits for a descriptor or memory."""
        if is_short:
            self._short.add(opening)
        elif opening in self._short:
            self._short.remove(opening)
            if not self._short:
                self._on_relief()

    def try_again(self) -> None:
        """Let those who wait for a descriptor or memory try at once."""
        for opening in list(self._short):
            opening.attempt_now()

    def close(self) -> None:
        """Start no thread any more."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def in_thread(self, call: Callable[[], None]) -> None:
        """Call in one of a few threads, for what may wait."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, "famsock-relay")
        self._threads.submit(call)


def _is_direct(endpoint: Endpoint) -> bool:
    """Whether connecting asks nothing of the system that may take long, as a name's address."""
    if type(endpoint).connect is not Endpoint.connect or endpoint._resolved(False) is not None:
        return False
    lookup = Lookup("connect")
    with suppress(OSError, TypeError, ValueError):
        endpoint.address.pack(lookup)
        return not lookup.used
    return False


class Opening:
    """The attempts to open an end for one session."""

    def __init__(
        self,
        opener: Opener,
        on_open: Callable[[socket], None],
        on_failure: Callable[[OSError], None],
    ) -> None:
        self._opener = opener
        self._on_open, self._on_failure = on_open, on_failure
        self._is_over = False
        self._failures = 0
        self._waits = 0
        self._deadline_ns = opener.loop.now_ns + opener.options.connect_timeout_ms * 1_000_000
        self._sock: socket | None = None
        self._watch: Watch | None = None
        self._timer: Timer | None = None

    def cancel(self) -> None:
        """Open no more; neither function is called after it."""
        with self._opener.lock:
            self._is_over = True
        self._let_go()
        self._opener.set_short(self, False)

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watch is not None:
            self._watch.mute()
            self._watch = None
        if self._sock is not None:
            self._opener.loop.close_socket(self._sock)
            self._sock = None

    def attempt(self) -> None:
        """Try once."""
        self._timer = None
        if self._is_over:
            return
        opener = self._opener
        if not opener._is_direct:
            opener.in_thread(self._connect_in_thread)
            return
        endpoint = opener.end.endpoint
        try:
            if opener.end.role == "bind":
                sock = endpoint.bind()
                sock.setblocking(False)
                self._opened(sock)
                return
            self._sock = endpoint.open()
            self._sock.setblocking(False)
            self._sock.connect(endpoint.address)
        except BlockingIOError as error:
            if error.errno == EINPROGRESS:
                self._await_connection()
            else:
                self._wait(error)  # EAGAIN: the listener's queue is full
        except OSError as error:
            if error.errno in SHORT_OF:
                self._wait(error)
            else:
                self._failed(error)
        else:
            self._connected()

    def attempt_now(self) -> None:
        """Try once, if the next attempt is still to come."""
        if self._timer is not None:
            self._timer.cancel()
            self.attempt()

    def _await_connection(self) -> None:
        assert self._sock is not None
        self._opener.set_short(self, False)
        loop = self._opener.loop
        self._watch = Watch(loop, self._sock.fileno(), self._ready)
        try:
            self._watch.want(READ | WRITE)
        except OSError as error:
            self._failed(error)
            return
        left_ns = self._deadline_ns - loop.now_ns
        self._timer = loop.call_later(left_ns, self._expire)

    def _ready(self, events: int) -> None:
        assert self._sock is not None
        try:
            number = self._sock.getsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_ERROR)
        except OSError as error:
            self._failed(error)
            return
        if number:
            failure = OSError(number, os.strerror(number))
            self._sock._explain(failure, "connect", self._opener.end.endpoint.address)
            self._failed(failure)
        else:
            self._connected()

    def _connected(self) -> None:
        sock, self._sock = self._sock, None
        assert sock is not None
        self._let_go()
        self._opened(sock)

    def _opened(self, sock: socket) -> None:
        self._is_over = True
        self._opener.set_short(self, False)
        self._on_open(sock)

    def _expire(self) -> None:
        self._failed(TimeoutError("timed out"))

    def _wait(self, error: OSError) -> None:
        """Try again soon, as long as there is time: nobody has refused."""
        self._let_go()
        self._opener.set_short(self, error.errno in SHORT_OF)
        loop = self._opener.loop
        delay_ns = min(_FIRST_DELAY_NS << min(self._waits, 7), _LONGEST_DELAY_NS)
        self._waits += 1
        if loop.now_ns + delay_ns > self._deadline_ns:
            self._failed(error)
        else:
            self._timer = loop.call_later(delay_ns, self.attempt)

    def _failed(self, error: OSError) -> None:
        self._let_go()
        opener, settings = self._opener, self._opener.options
        opener.set_short(self, False)
        if settings.retries is not None and self._failures >= settings.retries:
            self._is_over = True
            self._on_failure(error)
            return
        delay_ms = settings.retry_delay_ms << min(self._failures, 30)
        delay_ns = min(delay_ms, settings.max_retry_delay_ms) * 1_000_000
        self._failures += 1
        self._deadline_ns = opener.loop.now_ns + delay_ns + settings.connect_timeout_ms * 1_000_000
        self._timer = opener.loop.call_later(delay_ns, self.attempt)

    def _connect_in_thread(self) -> None:
        opener = self._opener
        try:
            sock = opener.end.endpoint.connect(opener.options.connect_timeout_ms / 1000)
        except OSError as error:
            failure = error
            opener.loop.call_from_thread(lambda: self._thread_failed(failure))
        except Exception as error:  # as a name that is none: it must reach the session
            failure = OSError(str(error))
            opener.loop.call_from_thread(lambda: self._thread_failed(failure))
        else:
            with opener.lock:
                if self._is_over:
                    sock.close()
                    return
                self._sock = sock
            opener.loop.call_from_thread(self._thread_connected)

    def _thread_failed(self, error: OSError) -> None:
        if not self._is_over:
            if error.errno in SHORT_OF or error.errno == EAGAIN:
                self._wait(error)
            else:
                self._failed(error)

    def _thread_connected(self) -> None:
        if not self._is_over:
            assert self._sock is not None
            self._sock.setblocking(False)
            self._connected()
