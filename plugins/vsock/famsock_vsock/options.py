"""Socket options of AF_VSOCK, at level AF_VSOCK. Source: vsock(7), linux/vm_sockets.h."""

from __future__ import annotations

from famsock.plugin import Option, values
from famsock_vsock import constants
from famsock_vsock.constants import AF_VSOCK

SO_VM_SOCKETS_BUFFER_SIZE: Option[int] = Option(
    "SO_VM_SOCKETS_BUFFER_SIZE", AF_VSOCK, constants.SO_VM_SOCKETS_BUFFER_SIZE, values.U64
)
SO_VM_SOCKETS_BUFFER_MIN_SIZE: Option[int] = Option(
    "SO_VM_SOCKETS_BUFFER_MIN_SIZE", AF_VSOCK, constants.SO_VM_SOCKETS_BUFFER_MIN_SIZE, values.U64
)
SO_VM_SOCKETS_BUFFER_MAX_SIZE: Option[int] = Option(
    "SO_VM_SOCKETS_BUFFER_MAX_SIZE", AF_VSOCK, constants.SO_VM_SOCKETS_BUFFER_MAX_SIZE, values.U64
)
SO_VM_SOCKETS_PEER_HOST_VM_ID: Option[int] = Option(
    "SO_VM_SOCKETS_PEER_HOST_VM_ID",
    AF_VSOCK,
    constants.SO_VM_SOCKETS_PEER_HOST_VM_ID,
    values.INT,
    "r",
)
SO_VM_SOCKETS_TRUSTED: Option[bool] = Option(
    "SO_VM_SOCKETS_TRUSTED", AF_VSOCK, constants.SO_VM_SOCKETS_TRUSTED, values.BOOL, "r"
)
SO_VM_SOCKETS_CONNECT_TIMEOUT: Option[int] = Option(
    "SO_VM_SOCKETS_CONNECT_TIMEOUT",
    AF_VSOCK,
    constants.SO_VM_SOCKETS_CONNECT_TIMEOUT,
    values.TIMEVAL_NS,
)
SO_VM_SOCKETS_NONBLOCK_TXRX: Option[bool] = Option(
    "SO_VM_SOCKETS_NONBLOCK_TXRX", AF_VSOCK, constants.SO_VM_SOCKETS_NONBLOCK_TXRX, values.BOOL
)
