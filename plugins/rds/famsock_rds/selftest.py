"""A self-test between two sockets of AF_RDS on the loopback address."""

from __future__ import annotations

from functools import partial
from socket import SOCK_SEQPACKET

from famsock.plugin import selftest
from famsock_rds.constants import AF_RDS

__all__ = [
    "datagrams",
]

datagrams: selftest.Exchange = partial(
    selftest.datagrams, AF_RDS, SOCK_SEQPACKET, at=("127.0.0.1", 0)
)
