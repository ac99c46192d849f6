"""Errors of the management interface, as an OSError. Source: net/bluetooth/mgmt.h."""

from __future__ import annotations

import errno
import os

from famsock_bluetooth import constants as c
from famsock_bluetooth._hints import MANAGEMENT, NO_DISCOVERY, NOT_ALLOWED

_ERRNO = {
    c.MGMT_STATUS_UNKNOWN_COMMAND: errno.ENOSYS,
    c.MGMT_STATUS_NOT_CONNECTED: errno.ENOTCONN,
    c.MGMT_STATUS_CONNECT_FAILED: errno.ECONNREFUSED,
    c.MGMT_STATUS_AUTH_FAILED: errno.EACCES,
    c.MGMT_STATUS_NO_RESOURCES: errno.ENOMEM,
    c.MGMT_STATUS_TIMEOUT: errno.ETIMEDOUT,
    c.MGMT_STATUS_ALREADY_CONNECTED: errno.EISCONN,
    c.MGMT_STATUS_BUSY: errno.EBUSY,
    c.MGMT_STATUS_NOT_SUPPORTED: errno.EOPNOTSUPP,
    c.MGMT_STATUS_INVALID_PARAMS: errno.EINVAL,
    c.MGMT_STATUS_DISCONNECTED: errno.ECONNRESET,
    c.MGMT_STATUS_NOT_POWERED: errno.ENETDOWN,
    c.MGMT_STATUS_CANCELLED: errno.ECANCELED,
    c.MGMT_STATUS_INVALID_INDEX: errno.ENODEV,
    c.MGMT_STATUS_RFKILLED: errno.ERFKILL,
    c.MGMT_STATUS_PERMISSION_DENIED: errno.EPERM,
}
_HINTS = {
    c.MGMT_STATUS_PERMISSION_DENIED: MANAGEMENT[errno.EPERM],
    c.MGMT_STATUS_RFKILLED: MANAGEMENT[errno.ERFKILL],
    c.MGMT_STATUS_NOT_POWERED: MANAGEMENT[errno.ENETDOWN],
    c.MGMT_STATUS_BUSY: MANAGEMENT[errno.EBUSY],
    c.MGMT_STATUS_REJECTED: NOT_ALLOWED,
    c.MGMT_STATUS_INVALID_INDEX: MANAGEMENT[errno.ENODEV],
}
_HINTS_OF_COMMANDS = {(c.MGMT_OP_STOP_DISCOVERY, c.MGMT_STATUS_REJECTED): NO_DISCOVERY}
_STATUS_NAMES = {
    value: name.removeprefix("MGMT_STATUS_")
    for name, value in vars(c).items()
    if name.startswith("MGMT_STATUS_")
}


class ManagementError(OSError):
    """A management command that the kernel refused.

    ``errno`` is the nearest one, ``status`` the MGMT_STATUS_* and ``opcode`` the command's.
    """

    def __init__(self, opcode: int, index: int, status: int) -> None:
        number = _ERRNO.get(status, errno.EIO)
        name = _STATUS_NAMES.get(status, "unknown")
        where = "" if index == c.MGMT_INDEX_NONE else f" for hci{index}"
        super().__init__(
            number,
            f"{os.strerror(number)}: management command 0x{opcode:04X}{where}: "
            f"status 0x{status:02X} ({name})",
        )
        self.opcode, self.index, self.status = opcode, index, status
        if (opcode, status) in _HINTS_OF_COMMANDS:
            self.add_note(_HINTS_OF_COMMANDS[opcode, status])
        elif status in _HINTS:
            self.add_note(_HINTS[status])

    def __reduce__(self) -> tuple[type[ManagementError], tuple[int, int, int]]:
        return type(self), (self.opcode, self.index, self.status)
