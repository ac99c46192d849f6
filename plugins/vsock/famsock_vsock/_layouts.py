"""The sockaddr of AF_VSOCK as plain data. Source: linux/vm_sockets.h."""

from __future__ import annotations

from famsock.plugin import SockaddrLayout, family_head, integer_field

VSOCK = SockaddrLayout(
    family_head(40, 16),
    16,
    (integer_field("cid", "u32", 8), integer_field("port", "u32", 4)),
)
