"""Control messages of AF_VSOCK, at level SOL_VSOCK. Source: linux/vm_sockets.h,
Documentation/networking/msg_zerocopy.rst."""

from __future__ import annotations

from famsock.plugin import ControlType, SockExtendedErr, control_rows
from famsock_vsock import constants
from famsock_vsock.constants import SOL_VSOCK

__all__ = [
    "VSOCK_RECVERR",
]

_row = control_rows(SOL_VSOCK, constants)

# From the error queue, where MSG_ZEROCOPY reports completed sends (Linux 6.7).
VSOCK_RECVERR: ControlType[SockExtendedErr] = _row("VSOCK_RECVERR", SockExtendedErr, since="6.7")
