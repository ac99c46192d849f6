"""A live exchange between two sockets of AF_RDS on the loopback address."""

from __future__ import annotations

from functools import partial
from socket import AF_RDS, SOCK_SEQPACKET

from famsock.plugin import exchange

datagrams: exchange.Exchange = partial(
    exchange.datagrams, AF_RDS, SOCK_SEQPACKET, at=("127.0.0.1", 0)
)
