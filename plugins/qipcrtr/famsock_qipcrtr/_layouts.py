"""The sockaddr of AF_QIPCRTR as plain data. Source: linux/qrtr.h."""

from __future__ import annotations

from famsock.plugin import SockaddrLayout, family_head, integer_field

QIPCRTR = SockaddrLayout(
    family_head(42, 12),
    12,
    (integer_field("node", "u32", 4), integer_field("port", "u32", 8)),
    typed=True,
)
