"""Socket options of AF_KCM, at level SOL_KCM. Source: linux/kcm.h."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_kcm import constants

_row = option_rows(constants.SOL_KCM, constants)

KCM_RECV_DISABLE: Option[bool] = _row("KCM_RECV_DISABLE", codecs.BOOL)
"""Whether this socket of a multiplexor receives nothing, so that others of it do."""
