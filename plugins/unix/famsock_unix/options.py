"""Socket options of AF_UNIX beyond those of every family, all at level SOL_SOCKET.

SO_PASSCRED, SO_PASSPIDFD, SO_PASSSEC, SO_PEERSEC and SO_PEEK_OFF are rows of `famsock.options`.
Source: unix(7), socket(7), asm/socket.h.
"""

from __future__ import annotations

from socket import SOL_SOCKET

from famsock.plugin import Option, values
from famsock_unix import constants
from famsock_unix.structs import Credentials

MAX_GROUPS = 65536
"""The kernel's NGROUPS_MAX."""

SO_PEERCRED: Option[Credentials] = Option(
    "SO_PEERCRED", SOL_SOCKET, constants.SO_PEERCRED, values.struct(Credentials), "r"
)
SO_PEERGROUPS: Option[tuple[int, ...]] = Option(
    "SO_PEERGROUPS", SOL_SOCKET, constants.SO_PEERGROUPS, values.array(values.U32, MAX_GROUPS), "r"
)
SO_PEERPIDFD: Option[int] = Option(
    "SO_PEERPIDFD", SOL_SOCKET, constants.SO_PEERPIDFD, values.INT, "r"
)
