"""Waits for data on a socket, until a deadline that several receives share.

A socket's own timeout restarts with each of them.
"""

from __future__ import annotations

import select
import time
from math import ceil

_MS_PER_S = 1000


def deadline(timeout_s: float | None) -> float | None:
    """Return the moment of the monotonic clock at which ``timeout_s`` ends; None for never."""
    return None if timeout_s is None else time.monotonic() + timeout_s


def is_readable(descriptor: int, until: float | None) -> bool:
    """Wait for something to receive; False if there is nothing at the moment ``until``."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    left_s = None if until is None else max(0.0, until - time.monotonic())
    return bool(poller.poll(None if left_s is None else ceil(left_s * _MS_PER_S)))
