"""The sockaddrs of AF_CAN as plain data: see `famsock_can.addresses`. Source: linux/can.h."""

from __future__ import annotations

from famsock.plugin import SockaddrLayout, family_head, integer_field

_HEAD = family_head(29, 24)

CAN = SockaddrLayout(_HEAD, 24, (("interface", "ifname", 4, 0),), least_bytes=8, typed=True)
"""CAN_RAW and CAN_BCM."""

ISOTP = SockaddrLayout(
    _HEAD,
    24,
    (
        ("interface", "ifname", 4, 0),
        integer_field("rx_id", "u32", 8),
        integer_field("tx_id", "u32", 12),
    ),
    least_bytes=16,
    typed=True,
)
"""CAN_ISOTP."""

J1939 = SockaddrLayout(
    _HEAD,
    24,
    (
        ("interface", "ifname_known", 4, 0),
        integer_field("name", "u64", 8),
        integer_field("pgn", "u32", 16, 0x40000),
        integer_field("addr", "u8", 20),
    ),
    typed=True,
)
"""CAN_J1939. What the kernel gives without an interface is for the class to complete."""
