"""AF_TIPC for famsock: services by name, range and identity, and the topology service."""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_DGRAM, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import Family, Protocol, hookimpl


@hookimpl
def famsock_families() -> Iterable[Family]:
    return (
        Family(
            "AF_TIPC",
            30,
            (
                Protocol(
                    "tipc",
                    0,
                    (SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM),
                    "famsock_tipc.addresses:TipcAddress",
                    scheme="tipc",
                ),
            ),
            constants="famsock_tipc.constants",
            modules=("tipc",),
        ),
    )
