"""Socket options of AF_UNIX, all at level SOL_SOCKET. Source: unix(7), socket(7), asm/socket.h."""

from __future__ import annotations

from socket import SOL_SOCKET

from famsock.plugin import Option, values
from famsock_unix import constants
from famsock_unix.structs import Credentials

MAX_GROUPS = 65536
LABEL_BYTES = 1024

SO_PASSCRED: Option[bool] = Option("SO_PASSCRED", SOL_SOCKET, constants.SO_PASSCRED, values.BOOL)
SO_PEERCRED: Option[Credentials] = Option(
    "SO_PEERCRED", SOL_SOCKET, constants.SO_PEERCRED, values.struct(Credentials), "r"
)
SO_PEERSEC: Option[str] = Option(
    "SO_PEERSEC", SOL_SOCKET, constants.SO_PEERSEC, values.text(LABEL_BYTES), "r"
)
SO_PASSSEC: Option[bool] = Option("SO_PASSSEC", SOL_SOCKET, constants.SO_PASSSEC, values.BOOL)
SO_PEEK_OFF: Option[int] = Option("SO_PEEK_OFF", SOL_SOCKET, constants.SO_PEEK_OFF, values.INT)
SO_PEERGROUPS: Option[tuple[int, ...]] = Option(
    "SO_PEERGROUPS",
    SOL_SOCKET,
    constants.SO_PEERGROUPS,
    values.array(values.U32, MAX_GROUPS),
    "r",
)
SO_PASSPIDFD: Option[bool] = Option("SO_PASSPIDFD", SOL_SOCKET, constants.SO_PASSPIDFD, values.BOOL)
SO_PEERPIDFD: Option[int] = Option(
    "SO_PEERPIDFD", SOL_SOCKET, constants.SO_PEERPIDFD, values.INT, "r"
)
