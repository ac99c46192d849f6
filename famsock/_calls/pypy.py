"""sendto(2) and recvfrom(2) for PyPy, whose compiler inlines cffi's functions and not ctypes'.

A part of :mod:`famsock._calls.python`. PyPy itself brings cffi. A pair of calls through ctypes
costs five times the stdlib's there.
"""

from __future__ import annotations

from ctypes import set_errno
from typing import Any

import cffi  # type: ignore[import-untyped]

_ffi: Any = cffi.FFI()
_ffi.cdef(
    "ssize_t sendto(int, const void *, size_t, int, const void *, unsigned int);"
    "ssize_t recvfrom(int, void *, size_t, int, void *, void *);"
)
_libc: Any = _ffi.dlopen(None)
_NULL: Any = _ffi.NULL


def place_in(buffer: Any, offset: int = 0) -> Any:
    """Return a place in memory that stays where it is, as `recvfrom` takes it."""
    return _ffi.from_buffer(buffer) + offset


def sendto(
    descriptor: int, data: bytes, size: int, flags: int, name: bytes | None, name_length: int
) -> int:
    """Make the call once; what ctypes takes for errno is set as with its functions."""
    sent = _libc.sendto(descriptor, data, size, flags, _NULL if name is None else name, name_length)
    if sent < 0:
        set_errno(_ffi.errno)
    return int(sent)


def recvfrom(
    descriptor: int, place: Any, size: int, flags: int, name: Any, name_length: Any
) -> int:
    """Make the call once, as `sendto`; the places are those of `place_in`."""
    received = _libc.recvfrom(descriptor, place, size, flags, name, name_length)
    if received < 0:
        set_errno(_ffi.errno)
    return int(received)
