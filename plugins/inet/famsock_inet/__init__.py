"""AF_INET and AF_INET6 for famsock: the families' description, from which all else is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, hookimpl

_SIX = "6"


def _protocols(suffix: str) -> tuple[Protocol, ...]:
    """The protocols of AF_INET (``suffix`` "") or AF_INET6 ("6")."""
    address = f"famsock_inet.addresses:Inet{suffix}Address"

    def row(name: str, number: int | None, *types: int, **more: str) -> Protocol:
        return Protocol(name + suffix, number, types, address, scheme=name + suffix)

    return (
        row("tcp", 6, SOCK_STREAM),
        row("udp", 17, SOCK_DGRAM),
        row("udplite", 136, SOCK_DGRAM),
        row("mptcp", 262, SOCK_STREAM),
        row("sctp", 132, SOCK_STREAM, SOCK_SEQPACKET),
        row("raw", ANY_PROTOCOL, SOCK_RAW),
    )


@hookimpl
def famsock_families() -> Iterable[Family]:
    return (
        Family("AF_INET", 2, _protocols("")),
        Family("AF_INET6", 10, _protocols(_SIX)),
    )
