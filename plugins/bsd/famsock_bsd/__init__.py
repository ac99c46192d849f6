"""AF_SYSTEM, AF_LINK and AF_DIVERT for famsock: the families of macOS and the BSDs.

The codecs are tested by bytes; they have not run on macOS or a BSD.
Sources: XNU's sys/kern_control.h, FreeBSD's net/if_dl.h and divert(4).
"""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, hookimpl
from famsock_bsd.constants import AF_DIVERT, AF_LINK, AF_SYSTEM, SYSPROTO_CONTROL


@hookimpl
def famsock_families() -> Iterable[Family]:
    """Return the three families, each on the systems that have it."""
    addresses = "famsock_bsd.addresses"
    control = Protocol(
        "system",
        SYSPROTO_CONTROL,
        (SOCK_DGRAM,),
        f"{addresses}:ControlAddress",
        scheme="system",
    )
    link = Protocol(
        "link", ANY_PROTOCOL, (SOCK_RAW, SOCK_DGRAM), f"{addresses}:LinkAddress", scheme="link"
    )
    divert = Protocol(
        "divert", ANY_PROTOCOL, (SOCK_RAW,), f"{addresses}:DivertAddress", scheme="divert"
    )
    constants = "famsock_bsd.constants"
    return (
        Family("AF_SYSTEM", AF_SYSTEM, (control,), constants, platforms=("darwin",)),
        Family("AF_LINK", AF_LINK, (link,), constants, platforms=("darwin", "freebsd")),
        Family("AF_DIVERT", AF_DIVERT, (divert,), constants, platforms=("freebsd",)),
    )
