"""Control messages of AF_PACKET, at level SOL_PACKET. Source: packet(7), linux/if_packet.h.

Time stamps (SCM_TIMESTAMPNS …) come as on any socket.
"""

from __future__ import annotations

from famsock.plugin import ControlType, SockExtendedErr, control_rows
from famsock_packet import constants
from famsock_packet.constants import SOL_PACKET
from famsock_packet.structs import AuxiliaryData

__all__ = [
    "PACKET_AUXDATA",
    "PACKET_TX_TIMESTAMP",
]

_row = control_rows(SOL_PACKET, constants)

PACKET_AUXDATA: ControlType[AuxiliaryData] = _row("PACKET_AUXDATA", AuxiliaryData)
PACKET_TX_TIMESTAMP: ControlType[SockExtendedErr] = _row("PACKET_TX_TIMESTAMP", SockExtendedErr)
