"""Socket options of AF_CAN's protocols.

Sources: linux/can/raw.h, linux/can/isotp.h, linux/can/j1939.h; can.rst, isotp.rst, j1939.rst.
CAN_BCM has none.
"""

from __future__ import annotations

from famsock.plugin import Option, codecs, cstruct, option_rows
from famsock_can import constants as c
from famsock_can.filters import CanFilter, J1939Filter
from famsock_can.isotp import IsotpFlowControl, IsotpLinkLayer, IsotpOptions


@cstruct.struct("struct can_raw_vcid_options", header="linux/can/raw.h")
class CanRawVcidOptions(cstruct.Struct):
    """CAN_RAW_XL_VCID_OPTS: the virtual CAN network of CAN XL frames (Linux 6.9).

    :param flags: CAN_RAW_XL_VCID_TX_SET, CAN_RAW_XL_VCID_TX_PASS, CAN_RAW_XL_VCID_RX_FILTER.
    :param tx_vcid: network that TX_SET writes into sent frames, 0-255.
    :param rx_vcid: network that RX_FILTER lets through, 0-255.
    :param rx_vcid_mask: its bits that are compared.
    """

    flags: int = cstruct.u8("flags", default=0)
    tx_vcid: int = cstruct.u8("tx_vcid", default=0)
    rx_vcid: int = cstruct.u8("rx_vcid", default=0)
    rx_vcid_mask: int = cstruct.u8("rx_vcid_mask", default=0)


_raw = option_rows(c.SOL_CAN_RAW, c)
_isotp = option_rows(c.SOL_CAN_ISOTP, c)
_j1939 = option_rows(c.SOL_CAN_J1939, c)

_FILTERS = codecs.array(codecs.struct(CanFilter), c.CAN_RAW_FILTER_MAX)
_ERROR_MASK = codecs.scalar(cstruct.integer("can_err_mask_t", "I", 0, c.CAN_ERR_MASK))
_J1939_FILTERS = codecs.array(codecs.struct(J1939Filter), c.J1939_FILTER_MAX)
_PRIORITY = codecs.scalar(cstruct.integer("int", "i", 0, 7))

CAN_RAW_FILTER: Option[tuple[CanFilter, ...]] = _raw("CAN_RAW_FILTER", _FILTERS)
CAN_RAW_ERR_FILTER: Option[int] = _raw("CAN_RAW_ERR_FILTER", _ERROR_MASK)
CAN_RAW_LOOPBACK: Option[bool] = _raw("CAN_RAW_LOOPBACK", codecs.BOOL)
CAN_RAW_RECV_OWN_MSGS: Option[bool] = _raw("CAN_RAW_RECV_OWN_MSGS", codecs.BOOL)
CAN_RAW_FD_FRAMES: Option[bool] = _raw("CAN_RAW_FD_FRAMES", codecs.BOOL)
CAN_RAW_JOIN_FILTERS: Option[bool] = _raw("CAN_RAW_JOIN_FILTERS", codecs.BOOL)
CAN_RAW_XL_FRAMES: Option[bool] = _raw("CAN_RAW_XL_FRAMES", codecs.BOOL)
CAN_RAW_XL_VCID_OPTS: Option[CanRawVcidOptions] = _raw(
    "CAN_RAW_XL_VCID_OPTS", CanRawVcidOptions, since="6.9"
)

CAN_ISOTP_OPTS: Option[IsotpOptions] = _isotp("CAN_ISOTP_OPTS", IsotpOptions)
CAN_ISOTP_RECV_FC: Option[IsotpFlowControl] = _isotp("CAN_ISOTP_RECV_FC", IsotpFlowControl)
CAN_ISOTP_TX_STMIN: Option[int] = _isotp("CAN_ISOTP_TX_STMIN", codecs.U32)
"""Nanoseconds between frames that are sent, with CAN_ISOTP_FORCE_TXSTMIN."""
CAN_ISOTP_RX_STMIN: Option[int] = _isotp("CAN_ISOTP_RX_STMIN", codecs.U32)
"""Nanoseconds within which a second frame is ignored, with CAN_ISOTP_FORCE_RXSTMIN."""
CAN_ISOTP_LL_OPTS: Option[IsotpLinkLayer] = _isotp("CAN_ISOTP_LL_OPTS", IsotpLinkLayer)

SO_J1939_FILTER: Option[tuple[J1939Filter, ...]] = _j1939("SO_J1939_FILTER", _J1939_FILTERS, "w")
SO_J1939_PROMISC: Option[bool] = _j1939("SO_J1939_PROMISC", codecs.BOOL)
SO_J1939_SEND_PRIO: Option[int] = _j1939("SO_J1939_SEND_PRIO", _PRIORITY)
SO_J1939_ERRQUEUE: Option[bool] = _j1939("SO_J1939_ERRQUEUE", codecs.BOOL)

__all__ = [
    "CanRawVcidOptions",
    *(name for name, row in dict(vars()).items() if isinstance(row, Option)),
]
