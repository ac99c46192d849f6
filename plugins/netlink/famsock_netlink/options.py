"""Socket options of AF_NETLINK, at level SOL_NETLINK. Source: netlink(7), linux/netlink.h.

NETLINK_RX_RING and NETLINK_TX_RING have no rows: Linux 4.6 took the rings out.
"""

from __future__ import annotations

from famsock.plugin import Codec, Option, codecs, option_rows
from famsock_netlink import constants
from famsock_netlink.constants import SOL_NETLINK

_GROUPS_MAX = 4096
"""The highest multicast group that `NETLINK_LIST_MEMBERSHIPS` can return."""


def _encode_groups(groups: frozenset[int]) -> bytes:
    raise TypeError("is read-only")


def _decode_groups(data: bytes) -> frozenset[int]:
    return frozenset(
        8 * at + bit + 1 for at, octet in enumerate(data) for bit in range(8) if octet >> bit & 1
    )


_GROUPS: Codec[frozenset[int]] = Codec("__u32[]", _GROUPS_MAX // 8, _encode_groups, _decode_groups)

_row = option_rows(SOL_NETLINK, constants)

NETLINK_ADD_MEMBERSHIP: Option[int] = _row("NETLINK_ADD_MEMBERSHIP", codecs.U32, "w")
NETLINK_DROP_MEMBERSHIP: Option[int] = _row("NETLINK_DROP_MEMBERSHIP", codecs.U32, "w")
NETLINK_LIST_MEMBERSHIPS: Option[frozenset[int]] = _row("NETLINK_LIST_MEMBERSHIPS", _GROUPS, "r")
NETLINK_PKTINFO: Option[bool] = _row("NETLINK_PKTINFO", codecs.BOOL)
NETLINK_BROADCAST_ERROR: Option[bool] = _row("NETLINK_BROADCAST_ERROR", codecs.BOOL)
NETLINK_NO_ENOBUFS: Option[bool] = _row("NETLINK_NO_ENOBUFS", codecs.BOOL)
NETLINK_LISTEN_ALL_NSID: Option[bool] = _row("NETLINK_LISTEN_ALL_NSID", codecs.BOOL)
NETLINK_CAP_ACK: Option[bool] = _row("NETLINK_CAP_ACK", codecs.BOOL)
NETLINK_EXT_ACK: Option[bool] = _row("NETLINK_EXT_ACK", codecs.BOOL)
NETLINK_GET_STRICT_CHK: Option[bool] = _row("NETLINK_GET_STRICT_CHK", codecs.BOOL)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
