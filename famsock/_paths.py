"""Paths that bind(2) makes in the file system: dead ones replaced, their mode, their removal.

The address class says by `Address.bound_path` that its address is such a path, and replaces one
that is dead by `Address.replacing_stale`. Source: unix(7).
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, suppress
from typing import Any

from famsock._calls.descriptors import keep, keeping
from famsock._sockets import socket
from famsock.address import Address

_classes: dict[type[socket], type[socket]] = {}


def bind_path(
    sock: socket, address: Address, path: str, mode: int | None = None, unlink: bool = False
) -> None:
    """Bind a socket to a path, and replace the path if no socket is bound to it any more.

    ``mode`` are the permissions of the path (0-0o777), which are never wider in between. With
    ``unlink`` closing the socket removes the path. OSError as bind(2) and chmod(2).
    """
    path = os.path.abspath(path)
    if mode is not None:
        with suppress(OSError, AttributeError):  # where bind does not take the socket's mode
            os.fchmod(sock.fileno(), mode)
    try:
        sock.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _bind_again(sock, address, error)
    try:
        if mode is not None:
            _set_mode(path, mode)
        if unlink:
            _unlink_at_close(sock, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise


def _bind_again(sock: socket, address: Address, in_use: OSError) -> None:
    """Bind where bind(2) found the address in use, in case that its socket is gone."""
    with ExitStack() as stack:
        try:
            stack.enter_context(address.replacing_stale())
        except OSError as error:
            in_use.add_note(f"it cannot be replaced: {error}")
            raise in_use from None
        sock.bind(address)


def _set_mode(path: str, mode: int) -> None:
    """Set the permissions that the umask took away, of the path itself and no link's target."""
    if stat.S_IMODE(os.lstat(path).st_mode) == mode:
        return
    if not hasattr(os, "O_PATH"):
        os.chmod(path, mode)
        return
    kept, close = keeping()
    try:
        keep(kept, os.open, path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        if stat.S_ISSOCK(os.fstat(kept[0]).st_mode):
            os.chmod(f"/proc/self/fd/{kept[0]}", mode)
    finally:
        close()


class _Bound:
    """The path of a socket that removes it when it is closed; kept by `socket.protocol_state`."""

    def __init__(self) -> None:
        self.path = ""
        self.identity = (0, 0)
        self.process = 0

    def unlink(self) -> None:
        """Remove the path, unless another is there by now, or this is a child process."""
        if not self.path or self.process != os.getpid():
            return
        path, self.path = self.path, ""
        with suppress(OSError):
            if _identity(path) == self.identity:
                os.unlink(path)


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _unlink_at_close(sock: socket, path: str) -> None:
    identity = _identity(path)
    with suppress(AttributeError):  # a family without a class of sockets
        _ = sock.operations
    cls = type(sock)
    sock.__class__ = _classes.get(cls) or _classes.setdefault(cls, _unlinking(cls))
    bound = sock.protocol_state(_Bound)
    bound.path, bound.identity, bound.process = path, identity, os.getpid()


def _unlinking(cls: type[socket]) -> type[socket]:
    """Return a subclass whose sockets remove their path when they are closed."""

    def _real_close(self: Any, *arguments: Any) -> None:
        self.protocol_state(_Bound).unlink()
        super(made, self)._real_close(*arguments)

    body = {
        "__slots__": (),
        "__module__": cls.__module__,
        "_real_close": _real_close,
        # Another process must not remove the path, and has no such class.
        "_pickled_class": getattr(cls, "_pickled_class", cls),
    }
    made: Any = type(cls.__name__, (cls,), body)
    return made  # type: ignore[no-any-return]
