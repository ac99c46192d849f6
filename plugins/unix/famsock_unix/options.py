"""Socket options of AF_UNIX beyond those of every family, all at level SOL_SOCKET.

SO_PASSCRED, SO_PASSPIDFD, SO_PASSSEC, SO_PASSRIGHTS, SO_RIGHTS_NOTRUNC, SO_INQ, SO_PEERSEC and
SO_PEEK_OFF are rows of `famsock.options`.
Source: unix(7), socket(7), asm/socket.h.
"""

from __future__ import annotations

from socket import SOL_SOCKET

from famsock.plugin import Option, codecs, constants, option_rows
from famsock_unix.structs import Credentials

__all__ = [
    "SO_PEERCRED",
    "SO_PEERGROUPS",
    "SO_PEERPIDFD",
]

_MAX_GROUPS = 65536
"""The kernel's NGROUPS_MAX."""

_row = option_rows(SOL_SOCKET, constants)

SO_PEERCRED: Option[Credentials] = _row("SO_PEERCRED", Credentials, "r")
SO_PEERGROUPS: Option[tuple[int, ...]] = _row(
    "SO_PEERGROUPS", codecs.array(codecs.U32, _MAX_GROUPS), "r"
)
SO_PEERPIDFD: Option[int] = _row("SO_PEERPIDFD", codecs.INT, "r", since="6.5")
