"""Sockets in other processes: support for multiprocessing."""

from __future__ import annotations

import sys
from socket import socket
from typing import Any

from famsock._calls.descriptors import adopted_by, keeping

_REDUCTION = "multiprocessing.reduction"


def reduce_for_multiprocessing(sock: socket, frame: Any) -> tuple[Any, ...] | None:
    """Pickle a socket for multiprocessing, as the stdlib does; return None for other picklers.

    multiprocessing knows only the stdlib's class, by exact type, and every hook would import
    multiprocessing. Its pickler is written in C, so the calling ``frame`` is one of its module.
    """
    reduction = sys.modules.get(_REDUCTION)
    if reduction is None or frame.f_globals is not vars(reduction):
        return None
    duplicate = reduction.DupFd(sock.fileno())
    return _rebuild, (type(sock), duplicate, int(sock.family), int(sock.type), sock.proto)


def _rebuild(cls: type[socket], duplicate: Any, family: int, kind: int, proto: int) -> socket:
    kept, close = keeping()
    try:
        kept.append(duplicate.detach())
        rebuilt: socket = adopted_by(cls, (family, kind, proto), kept)
        return rebuilt
    except BaseException:
        close()
        raise
