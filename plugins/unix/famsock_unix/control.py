"""Control messages of AF_UNIX, all at level SOL_SOCKET. Source: unix(7), linux/socket.h.

A descriptor in a received message (SCM_RIGHTS, SCM_PIDFD) belongs to whoever receives it. SCM_PIDFD
is a negative errno if the sender no longer exists (before Linux 6.16) or no descriptor is free.
With SO_RIGHTS_NOTRUNC, a number in SCM_RIGHTS is a negative errno if a security module denies the
descriptor. SCM_INQ is a row of `famsock.control`.
"""

from __future__ import annotations

from socket import SOL_SOCKET

from famsock.plugin import ControlType, codecs, constants, control_rows
from famsock_unix.structs import Credentials

MAX_DESCRIPTORS = 253
"""The kernel's SCM_MAX_FD: how many descriptors one message carries at most."""

LABEL_BYTES = 1024
"""The longest security label that is received, in bytes."""

_row = control_rows(SOL_SOCKET, constants)

SCM_RIGHTS: ControlType[tuple[int, ...]] = _row(
    "SCM_RIGHTS", codecs.array(codecs.INT, MAX_DESCRIPTORS)
)
SCM_CREDENTIALS: ControlType[Credentials] = _row("SCM_CREDENTIALS", Credentials)
SCM_SECURITY: ControlType[str] = _row("SCM_SECURITY", codecs.text(LABEL_BYTES))
SCM_PIDFD: ControlType[int] = _row("SCM_PIDFD", codecs.INT, since="6.5")

__all__ = [
    "LABEL_BYTES",
    "MAX_DESCRIPTORS",
    *(name for name, row in dict(vars()).items() if isinstance(row, ControlType)),
]
