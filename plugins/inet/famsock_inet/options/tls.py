"""SOL_TLS's options, for a TCP socket whose TCP_ULP is "tls". Source: linux/tls.h.

TLS_TX and TLS_RX take the bytes of a ``struct tls12_crypto_info_*``, which holds keys.
"""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_TLS

_row = option_rows(SOL_TLS, constants)

TLS_TX: Option[bytes] = _row("TLS_TX", codecs.raw(64))
TLS_RX: Option[bytes] = _row("TLS_RX", codecs.raw(64))
TLS_TX_ZEROCOPY_RO: Option[bool] = _row("TLS_TX_ZEROCOPY_RO", codecs.BOOL)
TLS_RX_EXPECT_NO_PAD: Option[bool] = _row("TLS_RX_EXPECT_NO_PAD", codecs.BOOL)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
