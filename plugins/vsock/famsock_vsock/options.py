"""Socket options of AF_VSOCK, at level AF_VSOCK. Source: vsock(7), linux/vm_sockets.h."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_vsock import constants
from famsock_vsock.constants import AF_VSOCK

_row = option_rows(AF_VSOCK, constants)

SO_VM_SOCKETS_BUFFER_SIZE: Option[int] = _row("SO_VM_SOCKETS_BUFFER_SIZE", codecs.U64)
SO_VM_SOCKETS_BUFFER_MIN_SIZE: Option[int] = _row("SO_VM_SOCKETS_BUFFER_MIN_SIZE", codecs.U64)
SO_VM_SOCKETS_BUFFER_MAX_SIZE: Option[int] = _row("SO_VM_SOCKETS_BUFFER_MAX_SIZE", codecs.U64)
SO_VM_SOCKETS_PEER_HOST_VM_ID: Option[int] = _row("SO_VM_SOCKETS_PEER_HOST_VM_ID", codecs.INT, "r")
SO_VM_SOCKETS_TRUSTED: Option[bool] = _row("SO_VM_SOCKETS_TRUSTED", codecs.BOOL, "r")
SO_VM_SOCKETS_CONNECT_TIMEOUT: Option[int] = _row(
    "SO_VM_SOCKETS_CONNECT_TIMEOUT", codecs.TIMEVAL_NS
)
SO_VM_SOCKETS_NONBLOCK_TXRX: Option[bool] = _row("SO_VM_SOCKETS_NONBLOCK_TXRX", codecs.BOOL)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
