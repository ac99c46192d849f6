"""The sockaddrs of AF_INET and AF_INET6 as plain data.

Sources: ip(7), ipv6(7), linux/l2tp.h.
"""

from __future__ import annotations

from famsock.plugin import SockaddrLayout, family_head, integer_field

INET = SockaddrLayout(
    family_head(2, 16),
    16,
    (("host", "ipv4", 4, 0), integer_field("port", "be16", 2)),
    usual="famsock_inet._hosts:usual_inet",
    typed=True,
)
"""``struct sockaddr_in``."""

INET6 = SockaddrLayout(
    family_head(10, 28),
    28,
    (
        ("host", "ipv6", 8, 0),
        integer_field("port", "be16", 2),
        integer_field("flowinfo", "be32", 4, 0xFFFFF),
        integer_field("scope_id", "u32", 24),
    ),
    required=2,
    usual="famsock_inet._hosts:usual_inet6",
    typed=True,
)
"""``struct sockaddr_in6``."""

L2TP = SockaddrLayout(
    family_head(2, 16),
    16,
    (("host", "ipv4", 4, 0), integer_field("conn_id", "u32", 8)),
    typed=True,
)
"""``struct sockaddr_l2tpip``."""

L2TP6 = SockaddrLayout(
    family_head(10, 32),
    32,
    (
        ("host", "ipv6", 8, 0),
        integer_field("conn_id", "u32", 28),
        integer_field("flowinfo", "be32", 4, 0xFFFFF),
        integer_field("scope_id", "u32", 24),
    ),
    required=2,
    typed=True,
)
"""``struct sockaddr_l2tpip6``."""
