"""Control messages of AF_UNIX, all at level SOL_SOCKET. Source: unix(7), linux/socket.h.

A descriptor in a received message (SCM_RIGHTS, SCM_PIDFD) belongs to whoever receives it.
"""

from __future__ import annotations

from socket import SOL_SOCKET

from famsock.plugin import ControlType, values
from famsock_unix import constants
from famsock_unix.structs import Credentials

MAX_DESCRIPTORS = 253
"""The kernel's SCM_MAX_FD: how many descriptors one message carries at most."""

LABEL_BYTES = 1024
"""Room for a security label."""

SCM_RIGHTS: ControlType[tuple[int, ...]] = ControlType(
    "SCM_RIGHTS", SOL_SOCKET, constants.SCM_RIGHTS, values.array(values.INT, MAX_DESCRIPTORS)
)
SCM_CREDENTIALS: ControlType[Credentials] = ControlType(
    "SCM_CREDENTIALS", SOL_SOCKET, constants.SCM_CREDENTIALS, values.struct(Credentials)
)
SCM_SECURITY: ControlType[str] = ControlType(
    "SCM_SECURITY", SOL_SOCKET, constants.SCM_SECURITY, values.text(LABEL_BYTES)
)
SCM_PIDFD: ControlType[int] = ControlType("SCM_PIDFD", SOL_SOCKET, constants.SCM_PIDFD, values.INT)
