"""The sockaddr of AF_NETLINK as plain data. Source: linux/netlink.h."""

from __future__ import annotations

from famsock.plugin import SockaddrLayout, family_head, integer_field

NETLINK = SockaddrLayout(
    family_head(16, 12),
    12,
    (integer_field("pid", "u32", 4), integer_field("groups", "u32", 8)),
    typed=True,
)
