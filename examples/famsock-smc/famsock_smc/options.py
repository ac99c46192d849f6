"""The socket option of AF_SMC itself, at level SOL_SMC. Those of TCP and IP are famsock-inet's."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_smc import constants

_row = option_rows(constants.SOL_SMC, constants)

SMC_LIMIT_HS: Option[bool] = _row("SMC_LIMIT_HS", codecs.BOOL)
"""Whether a busy listener lets new connections be TCP's (Linux 5.18). Source: linux/smc.h."""
