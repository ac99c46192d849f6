"""Control messages of AF_BLUETOOTH, as typed rows.

Sources: net/bluetooth/hci_sock.h and hci_sock.c (HCI_DATA_DIR, HCI_TIME_STAMP switch them on),
net/bluetooth/bluetooth.h and sco.c, iso.c (BT_PKT_STATUS, BT_PKT_SEQNUM); l2cap(7) and iso(7) of
BlueZ (BT_SCM_ERROR).
"""

from __future__ import annotations

from famsock.plugin import ControlType, SockExtendedErr, codecs, control_rows
from famsock_bluetooth import constants as c

__all__ = [
    "BT_SCM_ERROR",
    "BT_SCM_PKT_SEQNUM",
    "BT_SCM_PKT_STATUS",
    "HCI_CMSG_DIR",
    "HCI_CMSG_TSTAMP",
]

_shared = control_rows(c.SOL_BLUETOOTH, c)
_hci = control_rows(c.SOL_HCI, c)

HCI_CMSG_DIR: ControlType[bool] = _hci("HCI_CMSG_DIR", codecs.BOOL)
"""True if a packet came from the controller, False if it went to it."""

HCI_CMSG_TSTAMP: ControlType[int] = _hci("HCI_CMSG_TSTAMP", codecs.TIMEVAL_NS)
"""The time of a packet in the kernel, in ns since the epoch (microsecond steps)."""

BT_SCM_PKT_STATUS: ControlType[int] = _shared("BT_SCM_PKT_STATUS", codecs.U8)
"""The status of a SCO or ISO packet: 0 correct, 1 possibly invalid, 2 no data, 3 partly lost."""

BT_SCM_PKT_SEQNUM: ControlType[int] = _shared("BT_SCM_PKT_SEQNUM", codecs.U16, since="6.17")
"""The sequence number of an ISO packet (0-65535): the interval that it belongs to; Linux 6.17."""

BT_SCM_ERROR: ControlType[SockExtendedErr] = _shared("BT_SCM_ERROR", SockExtendedErr, since="6.15")
"""An entry of the error queue: the kind and number of a transmit timestamp; Linux 6.15."""
