"""Self-tests between two sockets of AF_UNIX at abstract names, one for each socket type."""

from __future__ import annotations

from functools import partial
from socket import AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import selftest

__all__ = [
    "dgram",
    "seqpacket",
    "stream",
]

_ANY_NAME = ""

stream: selftest.Exchange = partial(selftest.connection, AF_UNIX, SOCK_STREAM, at=_ANY_NAME)
seqpacket: selftest.Exchange = partial(selftest.connection, AF_UNIX, SOCK_SEQPACKET, at=_ANY_NAME)
dgram: selftest.Exchange = partial(selftest.datagrams, AF_UNIX, SOCK_DGRAM, at=_ANY_NAME)
