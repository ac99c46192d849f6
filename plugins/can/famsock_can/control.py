"""Control messages that AF_CAN's sockets receive.

Sources: linux/can/raw.h, linux/can/j1939.h, linux/errqueue.h; j1939.rst.
"""

from __future__ import annotations

from famsock.plugin import ControlType, control_rows, values, wire
from famsock_can import constants as c
from famsock_can.addresses import NAME


@wire.struct("struct sock_extended_err", header="linux/errqueue.h")
class SockExtendedErr(wire.Struct):
    """What a message of the error queue reports (MSG_ERRQUEUE).

    :param errno: the error, ENOMSG where it is only a notice.
    :param origin: SO_EE_ORIGIN_LOCAL or SO_EE_ORIGIN_TIMESTAMPING.
    :param type: unused here.
    :param code: unused here.
    :param info: J1939_EE_INFO_*, or SCM_TSTAMP_* for a time stamp.
    :param data: the number of the message sent, with SOF_TIMESTAMPING_OPT_ID.
    """

    errno: int = wire.u32("ee_errno")
    origin: int = wire.u8("ee_origin")
    type: int = wire.u8("ee_type")
    code: int = wire.u8("ee_code")
    info: int = wire.u32("ee_info", offset=8)
    data: int = wire.u32("ee_data", offset=12)


_EXTENDED_ERROR = values.struct(SockExtendedErr)

_raw = control_rows(c.SOL_CAN_RAW, c)
_j1939 = control_rows(c.SOL_CAN_J1939, c)

SCM_CAN_RAW_ERRQUEUE: ControlType[SockExtendedErr] = _raw("SCM_CAN_RAW_ERRQUEUE", _EXTENDED_ERROR)
SCM_J1939_DEST_ADDR: ControlType[int] = _j1939("SCM_J1939_DEST_ADDR", values.U8)
SCM_J1939_DEST_NAME: ControlType[int] = _j1939("SCM_J1939_DEST_NAME", values.scalar(NAME))
SCM_J1939_PRIO: ControlType[int] = _j1939("SCM_J1939_PRIO", values.U8)
SCM_J1939_ERRQUEUE: ControlType[SockExtendedErr] = _j1939("SCM_J1939_ERRQUEUE", _EXTENDED_ERROR)
