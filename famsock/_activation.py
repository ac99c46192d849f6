"""Descriptors that a service manager passes: systemd's LISTEN_FDS. Source: sd_listen_fds(3)."""

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = [
    "PassedDescriptor",
    "listen_fds",
]

_FIRST = 3  # SD_LISTEN_FDS_START
_MAX = 0x7FFFFFFF
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
taken: set[int] = set()
"""The descriptors that a socket has taken over, and may have closed."""


class PassedDescriptor(NamedTuple):
    """A descriptor that the service manager passed, and its name ("unknown" without one)."""

    descriptor: int
    name: str


def listen_fds(*, unset_environment: bool = False) -> tuple[PassedDescriptor, ...]:
    """Return the descriptors that were passed to this process by systemd's protocol.

    There are none unless LISTEN_PID is this process. They are closed on exec(2) from then on. With
    ``unset_environment`` the variables are removed, also after an error. ValueError for variables
    that are not as sd_listen_fds(3) has them, OSError EBADF for a descriptor that is not open.
    """
    try:
        return _found()
    finally:
        if unset_environment:
            for name in _VARIABLES:
                os.environ.pop(name, None)


def _found() -> tuple[PassedDescriptor, ...]:
    if "LISTEN_PID" not in os.environ or "LISTEN_FDS" not in os.environ:
        return ()
    if _number("LISTEN_PID", 1) != os.getpid():
        return ()
    count = _number("LISTEN_FDS", 0)
    given = os.environ.get("LISTEN_FDNAMES")
    names = None if given is None or not count else given.split(":")
    if names is not None and len(names) != count:
        raise ValueError(f"LISTEN_FDNAMES has {len(names)} names for {count} descriptors")
    passed = []
    for at in range(count):
        if _FIRST + at not in taken:
            os.set_inheritable(_FIRST + at, False)
        passed.append(PassedDescriptor(_FIRST + at, "unknown" if names is None else names[at]))
    return tuple(passed)


def _number(variable: str, low: int) -> int:
    text = os.environ[variable]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1
    if not low <= number <= _MAX - _FIRST:
        raise ValueError(f"{variable} must be {low}-{_MAX - _FIRST}, not {text!r}")
    return number
