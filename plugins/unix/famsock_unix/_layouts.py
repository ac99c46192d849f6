"""The sockaddr of AF_UNIX as plain data. Source: unix(7)."""

from __future__ import annotations

from famsock.plugin import SockaddrLayout, family_head

UNIX = SockaddrLayout(family_head(1, 110), 110, (("path", "path", 2, 0),))
"""``struct sockaddr_un``."""
