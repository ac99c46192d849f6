"""Control messages that AF_CAN's sockets receive.

In the error queue, ``info`` of J1939 is J1939_EE_INFO_*. Sources: linux/can/raw.h,
linux/can/j1939.h, linux/errqueue.h; j1939.rst.
"""

from __future__ import annotations

from famsock.plugin import ControlType, SockExtendedErr, codecs, control_rows
from famsock_can import constants as c
from famsock_can.addresses import NAME

_raw = control_rows(c.SOL_CAN_RAW, c)
_j1939 = control_rows(c.SOL_CAN_J1939, c)

SCM_CAN_RAW_ERRQUEUE: ControlType[SockExtendedErr] = _raw("SCM_CAN_RAW_ERRQUEUE", SockExtendedErr)
SCM_J1939_DEST_ADDR: ControlType[int] = _j1939("SCM_J1939_DEST_ADDR", codecs.U8)
SCM_J1939_DEST_NAME: ControlType[int] = _j1939("SCM_J1939_DEST_NAME", codecs.scalar(NAME))
SCM_J1939_PRIO: ControlType[int] = _j1939("SCM_J1939_PRIO", codecs.U8)
SCM_J1939_ERRQUEUE: ControlType[SockExtendedErr] = _j1939("SCM_J1939_ERRQUEUE", SockExtendedErr)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, ControlType)]
