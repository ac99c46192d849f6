"""Control messages of AF_TIPC, all at level SOL_TIPC, all received only.

A message that could not be delivered comes back with no data and the first two of these; receive
them with ``recv_message(control_bytes=2000)``. Source: linux/tipc.h, net/tipc/socket.c.
"""

from __future__ import annotations

from famsock.plugin import ControlType, Struct, codecs, control_rows, cstruct
from famsock_tipc import constants
from famsock_tipc.constants import SOL_TIPC
from famsock_tipc.messages import DestinationName

__all__ = [
    "MAX_RETURNED_BYTES",
    "TIPC_DESTNAME",
    "TIPC_ERRINFO",
    "TIPC_RETDATA",
    "ErrorInfo",
]

MAX_RETURNED_BYTES = 1024
"""The most bytes of a message's data that come back (net/tipc/msg.c, MAX_FORWARD_SIZE)."""

_ERROR_NAMES = {
    value: name
    for name, value in vars(constants).items()
    if name.startswith("TIPC_ERR_") or name in ("TIPC_OK", "TIPC_CONN_SHUTDOWN")
}
"""Reasons why a message came back or a connection ended, by `ErrorInfo.error`."""


@cstruct.struct("", header=())
class ErrorInfo(Struct):
    """TIPC_ERRINFO: why a message came back, and how many bytes of its data.

    ``error`` is TIPC_ERR_NO_NAME, TIPC_ERR_NO_PORT, TIPC_ERR_NO_NODE, TIPC_ERR_OVERLOAD or
    TIPC_CONN_SHUTDOWN. Wire layout: u32 error, u32 length, in host order; C has no struct for it.
    """

    error: int = cstruct.u32("")
    data_bytes: int = cstruct.u32("")

    @property
    def name(self) -> str:
        """The error's constant ("TIPC_ERR_NO_NAME"); "" for one that has none."""
        return _ERROR_NAMES.get(self.error, "")


_row = control_rows(SOL_TIPC, constants)

TIPC_ERRINFO: ControlType[ErrorInfo] = _row("TIPC_ERRINFO", ErrorInfo)
TIPC_RETDATA: ControlType[bytes] = _row("TIPC_RETDATA", codecs.raw(MAX_RETURNED_BYTES))
TIPC_DESTNAME: ControlType[DestinationName] = _row("TIPC_DESTNAME", DestinationName)
