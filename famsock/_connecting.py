"""Connecting to the first of several addresses that answers. Source: RFC 8305, section 5."""

from __future__ import annotations

import errno
import os
import selectors
import socket as _stdlib
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from famsock._resolver import Candidate
from famsock._sockets import socket
from famsock.address import Address

T = TypeVar("T")

DELAY_S = 0.25
"""The seconds from the start of an attempt to that of the next one beside it."""

# poll(2) takes no descriptor
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


def interleaved(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates with the families by turns, that of the first one first."""
    by_family: dict[int, list[Candidate]] = {}
    for candidate in dict.fromkeys(candidates):
        by_family.setdefault(candidate.address.family, []).append(candidate)
    groups = list(by_family.values())
    longest = max(map(len, groups), default=0)
    return [group[at] for at in range(longest) for group in groups if at < len(group)]


def first_of(candidates: list[Candidate], make: Callable[[Candidate], T]) -> T:
    """Return what ``make`` makes of the first candidate for which it raises no OSError.

    Raises the last OSError, with the others as notes.
    """
    errors: list[tuple[Address, OSError]] = []
    for candidate in candidates:
        try:
            return make(candidate)
        except OSError as error:
            errors.append((candidate.address, error))
    raise failure(errors)


def failure(errors: list[tuple[Address, OSError]]) -> OSError:
    """Return the last error of several attempts, with those of the others as notes."""
    if not errors:
        return OSError("no address to use")
    error = errors[-1][1]
    if len(errors) > 1:
        for address, other in errors:
            error.add_note(f"{address}: {other}")
    return error


def connect_first(
    candidates: list[Candidate],
    make: Callable[[Candidate], socket],
    timeout: float | None = None,
    delay_s: float = DELAY_S,
) -> socket:
    """Return a socket that is connected to the first candidate that answers.

    ``make`` opens the socket of a candidate. The next attempt begins when one fails, or ``delay_s``
    after the last began; those that come too late are closed. The socket has the ``timeout``, which
    is in seconds and for all attempts together. Raises the last OSError, with the others as notes,
    or TimeoutError.
    """
    if timeout is not None and timeout < 0:
        raise ValueError("Timeout value out of range")
    with _Race(candidates, make, timeout, delay_s) as race:
        return race.winner()


class _Race:
    """The attempts to connect that are under way; leaving it closes all but the winner."""

    def __init__(
        self,
        candidates: list[Candidate],
        make: Callable[[Candidate], socket],
        timeout: float | None,
        delay_s: float,
    ) -> None:
        self._waiting = candidates[::-1]
        self._make = make
        self._timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout
        self._delay_s = delay_s
        self._next = 0.0
        self._running: list[tuple[socket, Address]] = []
        self._errors: list[tuple[Address, OSError]] = []
        self._won: list[socket] = []

    def __enter__(self) -> _Race:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for sock, _address in self._running:
            if kind is not None or sock not in self._won:
                sock.close()

    def winner(self) -> socket:
        with _Selector() as selector:
            while self._waiting or self._running:
                now = time.monotonic()
                if self._waiting and (not self._running or now >= self._next):
                    self._begin(selector)
                else:
                    self._wait(selector, now)
                if self._won:
                    self._won[0].settimeout(self._timeout)
                    return self._won[0]
        raise failure(self._errors)

    def _begin(self, selector: selectors.BaseSelector) -> None:
        candidate = self._waiting.pop()
        try:
            sock = self._make(candidate)
            self._running.append((sock, candidate.address))
        except OSError as error:
            self._errors.append((candidate.address, error))
            return
        self._next = time.monotonic() + self._delay_s
        try:
            sock.setblocking(False)
            sock.connect(candidate.address)
        except OSError as error:
            if error.errno == errno.EINPROGRESS:
                selector.register(sock, selectors.EVENT_WRITE)
            else:  # also EAGAIN, of a path whose listener's queue is full: nothing has begun
                self._lose(sock, candidate.address, error)
        else:
            self._won.append(sock)

    def _wait(self, selector: selectors.BaseSelector, now: float) -> None:
        ends = [end for end in (self._end, self._next if self._waiting else None) if end]
        if self._end is not None and now >= self._end:
            raise TimeoutError("timed out")
        ready = {key.fileobj for key, _ in selector.select(min(ends) - now if ends else None)}
        for sock, address in [pair for pair in self._running if pair[0] in ready]:
            number = sock.getsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_ERROR)
            if not number:
                self._won.append(sock)
                return
            selector.unregister(sock)
            error = OSError(number, os.strerror(number))
            sock._explain(error, "connect", address)
            self._lose(sock, address, error)
            self._next = now

    def _lose(self, sock: socket, address: Address, error: OSError) -> None:
        self._errors.append((address, error))
        self._running = [pair for pair in self._running if pair[0] is not sock]
        sock.close()
