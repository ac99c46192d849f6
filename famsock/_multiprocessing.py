"""Sockets in other processes: support for multiprocessing."""

from __future__ import annotations

from socket import socket
from types import ModuleType
from typing import Any

from famsock._calls.descriptors import adopted_by, keeping


def reduce_for_multiprocessing(sock: socket, reduction: ModuleType) -> tuple[Any, ...]:
    """Pickle a socket for multiprocessing, as the stdlib does; ``reduction`` is its module."""
    duplicate = reduction.DupFd(sock.fileno())
    cls = getattr(sock, "_pickled_class", type(sock))
    return _rebuild, (cls, duplicate, int(sock.family), int(sock.type), sock.proto)


def _rebuild(cls: type[socket], duplicate: Any, family: int, kind: int, proto: int) -> socket:
    kept, close = keeping()
    try:
        kept.append(duplicate.detach())
        rebuilt: socket = adopted_by(cls, (family, kind, proto), kept, of_same_kind=True)
        return rebuilt
    except BaseException:
        close()
        raise
