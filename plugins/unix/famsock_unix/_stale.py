"""Stale paths of sockets of dead processes. Source: unix(7), flock(2)."""

from __future__ import annotations

import errno
import fcntl
import os
import socket as _stdlib
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from famsock.plugin import Lookup, socket
from famsock_unix.addresses import UnixAddress

_PATIENCE_S = 1.0
_PAUSE_S = 0.01


def path_of(address: Any) -> str | None:
    """Return the path that an address in any shape names; None for an abstract or unnamed one."""
    if not isinstance(address, UnixAddress):
        address = UnixAddress.from_stdlib(address, Lookup("bind"))
    return address.path if address.is_path else None


def unlink_stale(path: str) -> bool:
    """Remove the socket at ``path`` if no process has it open; return whether it was removed.

    The probe is a datagram socket's connect: it finds a bound socket of any type, and a listener
    does not notice it. A file that is not a socket stays. OSError as of connect(2), unlink(2).
    """
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket(_stdlib.AF_UNIX, _stdlib.SOCK_DGRAM) as probe:
        if probe.connect_ex(path) != errno.ECONNREFUSED:
            return False
    os.unlink(path)
    return True


@contextmanager
def locked_directory(path: str) -> Iterator[None]:
    """Hold the lock on the directory of ``path``, as every caller of this function does."""
    directory = os.path.dirname(path) or "."
    opened: list[int] = []
    closing = map(os.close, opened)
    try:
        # In one step of the interpreter: a handler that raises between two would lose the number.
        opened.extend(map(os.open, (directory,), (os.O_RDONLY | os.O_DIRECTORY,)))
        _lock(opened[0])
        yield
    finally:
        any(closing)


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
