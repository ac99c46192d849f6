"""Raw IP sockets and ICMP ping sockets. Sources: raw(7), icmp(7)."""

from __future__ import annotations

from famsock_inet.sockets.multicast import MulticastOperations
from famsock_inet.sockets.txtime import TransmitTimeOperations


class RawOperations(MulticastOperations, TransmitTimeOperations):
    """Raw IP sockets: multicast, what messages tell of themselves, sending at a time."""


class PingOperations(MulticastOperations):
    """ICMP ping sockets (SOCK_DGRAM): multicast, what messages tell of themselves."""
