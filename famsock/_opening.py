"""Sockets that are opened at an endpoint or at a typed address, for what awaits them.

Nothing here waits, but for `candidates`, which looks names up.
"""

from __future__ import annotations

import socket as _stdlib

from famsock import endpoints
from famsock._connecting import interleaved
from famsock._resolver import Candidate
from famsock._sockets import socket
from famsock.address import Address
from famsock.endpoints import Endpoint

Where = str | Endpoint | Address
"""An endpoint's text, an endpoint, or a typed address."""

RETRY_S = 0.001, 0.05
"""The first and the longest pause where connect(2) does not begin and cannot be waited for."""

_BACKLOG = 128


def parsed(where: Where) -> Endpoint | Address:
    """Return the endpoint or the address. ValueError for a text that is none."""
    return endpoints.parse(where) if isinstance(where, str) else where


def bound(where: Where, type: int) -> socket:
    """Return a socket that is bound; ``type`` is for an address, which tells none."""
    where = parsed(where)
    if isinstance(where, Endpoint):
        return where.bind()
    sock = socket(where.family, type)
    try:
        sock.bind(where)
    except BaseException:
        sock.close()
        raise
    return sock


def listening(where: Where, backlog: int | None, type: int) -> socket:
    """Return a socket that listens for ``backlog`` connections, or those that an endpoint states.

    128 if neither does.
    """
    where = parsed(where)
    if isinstance(where, Endpoint):
        return where.listen(backlog)
    sock = bound(where, type)
    try:
        sock.listen(_BACKLOG if backlog is None else backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def candidates(where: Endpoint | Address) -> list[Candidate]:
    """Return the addresses to connect to, the families by turns."""
    if isinstance(where, Endpoint):
        return interleaved(where._candidates(False))
    return [Candidate(where)]


def unconnected(where: Endpoint | Address, candidate: Candidate, type: int) -> socket:
    """Return a nonblocking socket for a candidate, with the options that an endpoint states."""
    if isinstance(where, Endpoint):
        sock = where._made(candidate, lambda sock, address: None)
    else:
        sock = socket(where.family, type)
    sock.setblocking(False)
    return sock


def is_stream(sock: socket) -> bool:
    """Return whether a socket is a stream of bytes; others keep packets apart."""
    return sock.type == _stdlib.SOCK_STREAM
