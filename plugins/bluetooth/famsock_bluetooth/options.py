"""Socket options of AF_BLUETOOTH as typed rows.

Levels: SOL_BLUETOOTH for options of all link protocols, SOL_L2CAP, SOL_RFCOMM, SOL_SCO and SOL_HCI
for their own. Sources: net/bluetooth/{bluetooth,l2cap,rfcomm,sco,hci_sock}.h, and the setsockopt
and getsockopt of net/bluetooth/{l2cap,rfcomm,sco,iso,hci}_sock.c.
"""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_bluetooth import constants as c
from famsock_bluetooth.structs import (
    CODECS,
    ISO_BASE,
    ISO_QOS,
    BtCodec,
    BtIsoQos,
    BtPower,
    BtSecurity,
    BtVoice,
    HciFilter,
    L2capConninfo,
    L2capOptions,
    RfcommConninfo,
    ScoConninfo,
    ScoOptions,
)

_shared = option_rows(c.SOL_BLUETOOTH, c)
_l2cap = option_rows(c.SOL_L2CAP, c)
_rfcomm = option_rows(c.SOL_RFCOMM, c)
_sco = option_rows(c.SOL_SCO, c)
_hci = option_rows(c.SOL_HCI, c)

BT_SECURITY: Option[BtSecurity] = _shared("BT_SECURITY", BtSecurity)
BT_DEFER_SETUP: Option[bool] = _shared("BT_DEFER_SETUP", codecs.BOOL)
BT_FLUSHABLE: Option[bool] = _shared("BT_FLUSHABLE", codecs.BOOL)
BT_POWER: Option[BtPower] = _shared("BT_POWER", BtPower)
BT_CHANNEL_POLICY: Option[int] = _shared("BT_CHANNEL_POLICY", codecs.U32)
BT_VOICE: Option[BtVoice] = _shared("BT_VOICE", BtVoice)
BT_SNDMTU: Option[int] = _shared("BT_SNDMTU", codecs.U16, "r")
BT_RCVMTU: Option[int] = _shared("BT_RCVMTU", codecs.U16)
BT_PHY: Option[int] = _shared("BT_PHY", codecs.U32)
BT_MODE: Option[int] = _shared("BT_MODE", codecs.U8)
BT_PKT_STATUS: Option[bool] = _shared("BT_PKT_STATUS", codecs.BOOL)
BT_ISO_QOS: Option[BtIsoQos] = _shared("BT_ISO_QOS", ISO_QOS)
BT_CODEC: Option[tuple[BtCodec, ...]] = _shared("BT_CODEC", CODECS)
BT_ISO_BASE: Option[bytes] = _shared("BT_ISO_BASE", ISO_BASE)
BT_PKT_SEQNUM: Option[bool] = _shared("BT_PKT_SEQNUM", codecs.BOOL, "w", since="6.17")

L2CAP_OPTIONS: Option[L2capOptions] = _l2cap("L2CAP_OPTIONS", L2capOptions)
L2CAP_CONNINFO: Option[L2capConninfo] = _l2cap("L2CAP_CONNINFO", L2capConninfo, "r")
L2CAP_LM: Option[int] = _l2cap("L2CAP_LM", codecs.U32)

RFCOMM_CONNINFO: Option[RfcommConninfo] = _rfcomm("RFCOMM_CONNINFO", RfcommConninfo, "r")
RFCOMM_LM: Option[int] = _rfcomm("RFCOMM_LM", codecs.U32)

SCO_OPTIONS: Option[ScoOptions] = _sco("SCO_OPTIONS", ScoOptions, "r")
SCO_CONNINFO: Option[ScoConninfo] = _sco("SCO_CONNINFO", ScoConninfo, "r")

HCI_DATA_DIR: Option[bool] = _hci("HCI_DATA_DIR", codecs.BOOL)
HCI_FILTER: Option[HciFilter] = _hci("HCI_FILTER", HciFilter)
HCI_TIME_STAMP: Option[bool] = _hci("HCI_TIME_STAMP", codecs.BOOL)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
