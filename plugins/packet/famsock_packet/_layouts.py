"""The sockaddr of AF_PACKET as plain data. Source: packet(7), linux/if_packet.h."""

from __future__ import annotations

from famsock.plugin import SockaddrLayout, family_head, integer_field

PACKET = SockaddrLayout(
    family_head(17, 20),
    20,
    (
        ("interface", "ifname_given", 4, 0),
        integer_field("proto", "be16", 2),
        integer_field("pkttype", "u8", 10),
        integer_field("hatype", "u16", 8),
        ("addr", "counted8", 12, 0),
    ),
    required=2,
    least_bytes=12,
    typed=True,
)
"""``struct sockaddr_ll`` with a hardware address of at most 8 bytes."""
