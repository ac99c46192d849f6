"""AF_UNIX for famsock: the family's description, from which all else is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, hookimpl

_ADDRESS = "famsock_unix.addresses:UnixAddress"


@hookimpl
def famsock_families() -> Iterable[Family]:
    return (
        Family(
            "AF_UNIX",
            1,
            (
                Protocol("unix", 0, (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET), _ADDRESS),
            ),
        ),
    )
