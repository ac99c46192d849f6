"""IP addresses and networks in netlink: bytes, with the family and length in other fields."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
AnyAddress = IPAddress | bytes
"""An address of a received message; bytes for a family that is not IP."""
AnyNetwork = IPNetwork | bytes

FAMILIES: dict[int, int] = {4: AF_INET, 6: AF_INET6}
_ADDRESSES: dict[int, Callable[[bytes], AnyAddress]] = {AF_INET: IPv4Address, AF_INET6: IPv6Address}
_NETWORKS: dict[int, Callable[[tuple[bytes, int], bool], IPNetwork]] = {
    AF_INET: IPv4Network,
    AF_INET6: IPv6Network,
}
BYTES: dict[int, int] = {AF_INET: 4, AF_INET6: 16}
"""The size of an address, by family."""


def address(family: int, data: bytes) -> AnyAddress:
    """Return the address of an AF_* family."""
    return _ADDRESSES.get(family, bytes)(data)


def network(family: int, data: bytes, prefix_length: int) -> AnyNetwork:
    """Return the network of an AF_* family; no data means an address of zeros."""
    if family not in _NETWORKS:
        return data
    return _NETWORKS[family]((data or bytes(BYTES[family]), prefix_length), False)


def as_address(value: str | AnyAddress | None) -> AnyAddress | None:
    """Return text as an address; ValueError if it is none."""
    return ip_address(value) if isinstance(value, str) else value


def as_network(value: str | AnyNetwork) -> AnyNetwork:
    """Return text as a network; ValueError if it is none, or has bits after its prefix."""
    return ip_network(value) if isinstance(value, str) else value


def as_optional_network(value: str | AnyNetwork | None) -> AnyNetwork | None:
    """Return text as a network like `as_network`, and None unchanged."""
    return None if value is None else as_network(value)
