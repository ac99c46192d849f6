"""Raw IP sockets and ICMP ping sockets. Sources: raw(7), icmp(7)."""

from __future__ import annotations

from famsock_inet.operations.multicast import MulticastOperations


class RawOperations(MulticastOperations):
    """Raw IP sockets: multicast, what messages tell of themselves."""


class PingOperations(MulticastOperations):
    """ICMP ping sockets (SOCK_DGRAM): multicast, what messages tell of themselves."""
