"""SOL_TLS's options, for a TCP socket whose TCP_ULP is "tls".

TLS_TX and TLS_RX take the bytes of a ``struct tls12_crypto_info_*``, which holds keys.
TLS_TX_MAX_PAYLOAD_LEN, since Linux 6.19, is the most plaintext in a record that is sent, in bytes:
64-16384 for TLS 1.2; 63-16384 for TLS 1.3, one less than the peer's record size limit (RFC 8449).
Source: linux/tls.h, Documentation/networking/tls.rst.
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
TLS_TX_MAX_PAYLOAD_LEN: Option[int] = _row("TLS_TX_MAX_PAYLOAD_LEN", codecs.U16, since="6.19")

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
