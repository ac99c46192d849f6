"""Socket options of AF_LLC, at level SOL_LLC. Source: linux/llc.h, net/llc/af_llc.c of Linux.

All but LLC_OPT_PKTINFO are those of connections (SOCK_STREAM).
"""

from __future__ import annotations

from famsock.plugin import Option, codecs, cstruct, option_rows
from famsock_llc import constants

_row = option_rows(constants.SOL_LLC, constants)


def _number(name: str, highest: int) -> Option[int]:
    """Return the row of an int of 0 to ``highest``, which the kernel's header states."""
    return _row(name, codecs.scalar(cstruct.integer("int", "i", 0, highest)))


LLC_OPT_RETRY: Option[int] = _number("LLC_OPT_RETRY", constants.LLC_OPT_MAX_RETRY)
"""The number of times that a frame is sent again."""

LLC_OPT_SIZE: Option[int] = _number("LLC_OPT_SIZE", constants.LLC_OPT_MAX_SIZE)
"""The longest frame, in bytes."""

LLC_OPT_ACK_TMR_EXP: Option[int] = _number("LLC_OPT_ACK_TMR_EXP", constants.LLC_OPT_MAX_ACK_TMR_EXP)
"""The wait for an acknowledgment, in seconds."""

LLC_OPT_P_TMR_EXP: Option[int] = _number("LLC_OPT_P_TMR_EXP", constants.LLC_OPT_MAX_P_TMR_EXP)
"""The wait for the answer to a poll, in seconds."""

LLC_OPT_REJ_TMR_EXP: Option[int] = _number("LLC_OPT_REJ_TMR_EXP", constants.LLC_OPT_MAX_REJ_TMR_EXP)
"""The wait for the answer to a reject, in seconds."""

LLC_OPT_BUSY_TMR_EXP: Option[int] = _number(
    "LLC_OPT_BUSY_TMR_EXP", constants.LLC_OPT_MAX_BUSY_TMR_EXP
)
"""The wait for a busy peer, in seconds."""

LLC_OPT_TX_WIN: Option[int] = _number("LLC_OPT_TX_WIN", constants.LLC_OPT_MAX_WIN)
"""The number of frames that are sent before an acknowledgment comes."""

LLC_OPT_RX_WIN: Option[int] = _number("LLC_OPT_RX_WIN", constants.LLC_OPT_MAX_WIN)
"""The number of frames that are received before an acknowledgment is sent."""

LLC_OPT_PKTINFO: Option[bool] = _row("LLC_OPT_PKTINFO", codecs.BOOL)
"""Whether each datagram comes with its destination, see `famsock_llc.control`."""
