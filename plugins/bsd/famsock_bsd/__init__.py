"""AF_SYSTEM, AF_LINK and AF_DIVERT for famsock: the families of macOS and the BSDs.

The codecs are tested by bytes; they have not run on macOS or a BSD.
Sources: XNU's sys/kern_control.h, FreeBSD's net/if_dl.h and divert(4).
"""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports
from famsock_bsd.constants import AF_DIVERT, AF_LINK, AF_SYSTEM, SYSPROTO_CONTROL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_bsd.addresses import ControlAddress as ControlAddress
    from famsock_bsd.addresses import DivertAddress as DivertAddress
    from famsock_bsd.addresses import LinkAddress as LinkAddress
    from famsock_bsd.sockets import DivertSocket as DivertSocket
    from famsock_bsd.sockets import LinkSocket as LinkSocket
    from famsock_bsd.sockets import SystemControlSocket as SystemControlSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        ControlAddress="addresses",
        DivertAddress="addresses",
        DivertSocket="sockets",
        LinkAddress="addresses",
        LinkSocket="sockets",
        SystemControlSocket="sockets",
    )

__all__ = [
    "DIVERT",
    "LINK",
    "SYSTEM",
    "ControlAddress",
    "DivertAddress",
    "DivertSocket",
    "LinkAddress",
    "LinkSocket",
    "SystemControlSocket",
]

_ADDRESSES = "famsock_bsd.addresses"
_CONSTANTS = "famsock_bsd.constants"
_SOCKETS = "famsock_bsd.sockets"
_CONTROL = Protocol(
    "system",
    SYSPROTO_CONTROL,
    (SOCK_DGRAM,),
    f"{_ADDRESSES}:ControlAddress",
    socket=f"{_SOCKETS}:SystemControlSocket",
    scheme="system",
)
_LINK = Protocol(
    "link",
    ANY_PROTOCOL,
    (SOCK_RAW, SOCK_DGRAM),
    f"{_ADDRESSES}:LinkAddress",
    socket=f"{_SOCKETS}:LinkSocket",
    scheme="link",
)
_DIVERT = Protocol(
    "divert",
    ANY_PROTOCOL,
    (SOCK_RAW,),
    f"{_ADDRESSES}:DivertAddress",
    socket=f"{_SOCKETS}:DivertSocket",
    scheme="divert",
)

SYSTEM = Family("AF_SYSTEM", AF_SYSTEM, (_CONTROL,), _CONSTANTS, platforms=("darwin",))
LINK = Family("AF_LINK", AF_LINK, (_LINK,), _CONSTANTS, platforms=("darwin", "freebsd"))
DIVERT = Family("AF_DIVERT", AF_DIVERT, (_DIVERT,), _CONSTANTS, platforms=("freebsd",))
