"""Raw IP sockets and ICMP ping sockets. Sources: raw(7), icmp(7)."""

from __future__ import annotations

from famsock_inet.sockets.multicast import MulticastOperations
from famsock_inet.sockets.txtime import TransmitTimeOperations


class RawOperations(MulticastOperations, TransmitTimeOperations):
    """Operations of raw IP sockets: multicast, message information, sending at a time."""


class PingOperations(MulticastOperations):
    """Operations of ICMP ping sockets (SOCK_DGRAM): multicast, message information."""
