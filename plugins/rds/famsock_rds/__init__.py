"""AF_RDS for famsock: reliable datagram sockets."""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_SEQPACKET

from famsock.plugin import Family, Protocol, hookimpl


@hookimpl
def famsock_families() -> Iterable[Family]:
    return (
        Family(
            "AF_RDS",
            21,
            (
                Protocol(
                    "rds",
                    0,
                    (SOCK_SEQPACKET,),
                    "famsock_rds.addresses:RdsAddress",
                    scheme="rds",
                ),
            ),
            constants="famsock_rds.constants",
            modules=("rds", "rds_tcp"),
        ),
    )
