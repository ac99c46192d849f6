"""SOL_TCP's options. Sources: tcp(7), linux/tcp.h, Documentation/networking (ip-sysctl, tcp_ao)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_TCP

if TYPE_CHECKING:
    from famsock_inet.structs import tcp

_row = option_rows(SOL_TCP, constants, "famsock_inet.structs.tcp")

TCP_NODELAY: Option[bool] = _row("TCP_NODELAY", codecs.BOOL)
TCP_MAXSEG: Option[int] = _row("TCP_MAXSEG", codecs.INT)
TCP_CORK: Option[bool] = _row("TCP_CORK", codecs.BOOL)

# KEEPIDLE, KEEPINTVL, LINGER2 and DEFER_ACCEPT are seconds, USER_TIMEOUT milliseconds, TX_DELAY us.
TCP_KEEPIDLE: Option[int] = _row("TCP_KEEPIDLE", codecs.INT)
TCP_KEEPINTVL: Option[int] = _row("TCP_KEEPINTVL", codecs.INT)
TCP_KEEPCNT: Option[int] = _row("TCP_KEEPCNT", codecs.INT)
TCP_SYNCNT: Option[int] = _row("TCP_SYNCNT", codecs.INT)
TCP_LINGER2: Option[int] = _row("TCP_LINGER2", codecs.INT)
TCP_DEFER_ACCEPT: Option[int] = _row("TCP_DEFER_ACCEPT", codecs.INT)
TCP_WINDOW_CLAMP: Option[int] = _row("TCP_WINDOW_CLAMP", codecs.INT)
TCP_INFO: Option[tcp.TcpInfo] = _row("TCP_INFO", "TCP_INFO", "r")
TCP_QUICKACK: Option[bool] = _row("TCP_QUICKACK", codecs.BOOL)
TCP_CONGESTION: Option[str] = _row("TCP_CONGESTION", codecs.text(16))
TCP_MD5SIG: Option[tcp.TcpMd5sig] = _row("TCP_MD5SIG", "TcpMd5sig", "w")
TCP_MD5SIG_EXT: Option[tcp.TcpMd5sig] = _row("TCP_MD5SIG_EXT", "TcpMd5sig", "w")
TCP_THIN_LINEAR_TIMEOUTS: Option[bool] = _row("TCP_THIN_LINEAR_TIMEOUTS", codecs.BOOL)
TCP_THIN_DUPACK: Option[bool] = _row("TCP_THIN_DUPACK", codecs.BOOL)
TCP_USER_TIMEOUT: Option[int] = _row("TCP_USER_TIMEOUT", codecs.INT)
TCP_REPAIR: Option[int] = _row("TCP_REPAIR", codecs.INT)
TCP_REPAIR_QUEUE: Option[int] = _row("TCP_REPAIR_QUEUE", codecs.INT)
TCP_QUEUE_SEQ: Option[int] = _row("TCP_QUEUE_SEQ", codecs.U32)
TCP_REPAIR_OPTIONS: Option[tuple[tcp.TcpRepairOpt, ...]] = _row(
    "TCP_REPAIR_OPTIONS", "REPAIR_OPTIONS", "w"
)
TCP_REPAIR_WINDOW: Option[tcp.TcpRepairWindow] = _row("TCP_REPAIR_WINDOW", "TcpRepairWindow")
TCP_FASTOPEN: Option[int] = _row("TCP_FASTOPEN", codecs.INT)
TCP_FASTOPEN_CONNECT: Option[bool] = _row("TCP_FASTOPEN_CONNECT", codecs.BOOL)
TCP_FASTOPEN_KEY: Option[bytes] = _row("TCP_FASTOPEN_KEY", codecs.raw(32))
TCP_FASTOPEN_NO_COOKIE: Option[bool] = _row("TCP_FASTOPEN_NO_COOKIE", codecs.BOOL)
TCP_TIMESTAMP: Option[int] = _row("TCP_TIMESTAMP", codecs.U32)
TCP_NOTSENT_LOWAT: Option[int] = _row("TCP_NOTSENT_LOWAT", codecs.U32)
TCP_CC_INFO: Option[bytes] = _row("TCP_CC_INFO", codecs.raw(20), "r")
TCP_SAVE_SYN: Option[int] = _row("TCP_SAVE_SYN", codecs.INT)
TCP_SAVED_SYN: Option[bytes] = _row("TCP_SAVED_SYN", codecs.raw(1024), "r")
TCP_ULP: Option[str] = _row("TCP_ULP", codecs.text(16))
TCP_ZEROCOPY_RECEIVE: Option[tcp.TcpZerocopyReceive] = _row(
    "TCP_ZEROCOPY_RECEIVE", "TcpZerocopyReceive", "r", "TcpZerocopyReceive"
)
TCP_INQ: Option[bool] = _row("TCP_INQ", codecs.BOOL)
TCP_TX_DELAY: Option[int] = _row("TCP_TX_DELAY", codecs.INT)
TCP_AO_ADD_KEY: Option[tcp.TcpAoAdd] = _row("TCP_AO_ADD_KEY", "TcpAoAdd", "w", since="6.7")
TCP_AO_DEL_KEY: Option[tcp.TcpAoDel] = _row("TCP_AO_DEL_KEY", "TcpAoDel", "w", since="6.7")
TCP_AO_INFO: Option[tcp.TcpAoInfoOpt] = _row("TCP_AO_INFO", "TcpAoInfoOpt", since="6.7")
TCP_AO_GET_KEYS: Option[tuple[tcp.TcpAoGetsockopt, ...]] = _row(
    "TCP_AO_GET_KEYS", "AO_KEYS", "r", "TcpAoGetsockopt", since="6.7"
)
TCP_AO_REPAIR: Option[tcp.TcpAoRepair] = _row("TCP_AO_REPAIR", "TcpAoRepair", since="6.7")
TCP_IS_MPTCP: Option[bool] = _row("TCP_IS_MPTCP", codecs.BOOL, "r", since="6.10")

# The time before a segment is sent again, RTO_MAX_MS in milliseconds (1000-120000), RTO_MIN_US in
# microseconds (at most 200000); the longest delay of an ACK, in microseconds (at most 200000). The
# kernel rounds to its clock tick. Since Linux 6.15.
TCP_RTO_MAX_MS: Option[int] = _row("TCP_RTO_MAX_MS", codecs.INT, since="6.15")
TCP_RTO_MIN_US: Option[int] = _row("TCP_RTO_MIN_US", codecs.INT, since="6.15")
TCP_DELACK_MAX_US: Option[int] = _row("TCP_DELACK_MAX_US", codecs.INT, since="6.15")

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
