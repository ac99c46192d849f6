"""Control messages of AF_PACKET, at level SOL_PACKET. Source: packet(7), linux/if_packet.h.

Time stamps (SCM_TIMESTAMPNS …) come as on any socket.
"""

from __future__ import annotations

from famsock.plugin import ControlType, values
from famsock_packet import constants
from famsock_packet.constants import SOL_PACKET
from famsock_packet.structs import AuxiliaryData, ExtendedError

PACKET_AUXDATA: ControlType[AuxiliaryData] = ControlType(
    "PACKET_AUXDATA", SOL_PACKET, constants.PACKET_AUXDATA, values.struct(AuxiliaryData)
)
PACKET_TX_TIMESTAMP: ControlType[ExtendedError] = ControlType(
    "PACKET_TX_TIMESTAMP", SOL_PACKET, constants.PACKET_TX_TIMESTAMP, values.struct(ExtendedError)
)
