"""Descriptors that belong to nobody yet: kept until a socket or the caller has them, or closed."""

from __future__ import annotations

import _socket
import os
import socket
from functools import partial
from sys import byteorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

_CARRYING = (getattr(socket, "SCM_RIGHTS", 1), 0x04)  # SCM_PIDFD, linux/socket.h
_detach = _socket.socket.detach


def keeping() -> tuple[list[Any], Callable[[], object]]:
    """Return a list for descriptors, and a function that closes those in it then.

    An exception handler calls the function first. It is one step of the interpreter, so that
    nothing that a signal's handler raises comes between. What cannot be closed hides no other
    error, and what is no descriptor, as -1 is none, is passed over.
    """
    kept: list[Any] = []
    return kept, partial(any, map(os.closerange, _valid(kept), map((1).__add__, _valid(kept))))


def _valid(kept: list[Any]) -> Iterator[int]:
    return filter((-1).__lt__, filter(int.__instancecheck__, kept))


def keep(kept: list[Any], function: Callable[..., Any], *given: Any) -> None:
    """Append the result of a C function to a list.

    The interpreter does nothing in between, where a signal's handler could raise and lose it: a
    descriptor would stay open.
    """
    arguments = [(value,) for value in given]
    kept.extend(map(function, *arguments))


def close_descriptors(items: Iterable[tuple[int, int, bytes]]) -> None:
    """Close every descriptor that ancillary items carry; a trailing partial one is none.

    One that cannot be closed does not keep the others open: in the place of a pidfd that it could
    not make the kernel writes a negative number. Nothing is imported, as descriptors may be short.
    """
    kept, close = keeping()
    close_kept(items, kept, close)


def close_kept(
    items: Iterable[tuple[int, int, bytes]], kept: list[int], close: Callable[[], object]
) -> None:
    """As `close_descriptors`, with what `keeping` returned before there were any.

    An exception of a signal's handler may end it before they are closed; then it is called again,
    and does nothing if they were closed.
    """
    numbers = _numbers(items)
    kept[:] = numbers
    close()


def _numbers(items: Iterable[tuple[int, int, bytes]]) -> list[int]:
    found = []
    for level, kind, data in items:
        if level == socket.SOL_SOCKET and kind in _CARRYING:
            pieces = [data[at : at + 4] for at in range(0, len(data) - 3, 4)]
            found += [int.from_bytes(piece, byteorder, signed=True) for piece in pieces]
    return found


def adopted_by(
    cls: Any, kind: tuple[int, int, int], kept: list[int], *, of_same_kind: bool = False
) -> Any:
    """A socket of a class, of the one descriptor in a list, which is empty afterwards.

    ``kind`` is the family, type and protocol. ``of_same_kind`` says that the descriptor is a copy
    of a socket of the class, or accepted by one: the kernel, which may tell the kind of what serves
    the socket beneath, is not asked. If it fails the descriptor stays in the list.
    """
    adopted = cls.__new__(cls, *kind, fileno=kept[0])
    if of_same_kind:
        adopted._served = None  # see `is_of_same_kind`
    try:
        adopted.__init__(*kind, fileno=kept[0])
    except BaseException:
        _detach(adopted)
        raise
    del kept[:]
    return adopted


def is_of_same_kind(sock: Any) -> bool:
    """Whether `adopted_by` says so of a socket that is being initialized."""
    return hasattr(sock, "_served") and not hasattr(sock, "_closed")


def made_by(
    cls: Any,
    kind: tuple[int, int, int],
    make: Callable[..., int],
    *given: Any,
    of_same_kind: bool = False,
) -> Any:
    """A socket of a class, of the descriptor that a C function makes; see `adopted_by`."""
    kept, close = keeping()
    try:
        keep(kept, make, *given)
        return adopted_by(cls, kind, kept, of_same_kind=of_same_kind)
    except BaseException:
        close()
        raise
