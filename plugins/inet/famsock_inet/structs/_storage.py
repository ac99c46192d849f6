"""Fields of ``struct sockaddr_storage`` inside other structs, as a typed address."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import attrs

from famsock.plugin import Address, CType, RawAddress
from famsock_inet.addresses import Inet6Address, InetAddress

_CLASSES: dict[int, type[Address]] = {2: InetAddress, 10: Inet6Address}


def address_of(sockaddr: bytes) -> Address | None:
    """Return the typed address of a sockaddr of either family; None for AF_UNSPEC or no bytes."""
    family = int.from_bytes(sockaddr[:2], sys.byteorder)
    if not family:
        return None
    cls = _CLASSES.get(family, RawAddress)
    try:
        return cls.unpack(sockaddr)
    except ValueError:
        return RawAddress.unpack(sockaddr)


def addresses_of(data: bytes) -> tuple[Address, ...]:
    """Return the typed addresses of sockaddrs that lie end to end, each as long as its family's."""
    found: list[Address] = []
    while (address := address_of(data)) is not None:
        found.append(address)
        cls = type(address)
        data = data[len(data) if cls is RawAddress else cls.layout.size :]
    return tuple(found)


def check_address(value: object) -> Address:
    """Return ``value`` if it is a typed address; TypeError otherwise."""
    if not isinstance(value, Address):
        raise TypeError(f"must be a typed address, not {type(value).__name__}")
    return value


def pack_addresses(addresses: Iterable[Address]) -> bytes:
    """Return sockaddrs one after the other."""
    return b"".join(check_address(address).pack() for address in addresses)


def _check(value: object) -> Address | None:
    return None if value is None else check_address(value)


def _encode(address: Address | None, lookup: Any) -> bytes:
    return b"" if address is None else address.pack(lookup)


STORAGE = CType(
    c="struct sockaddr_storage",
    code="128s",
    check=_check,
    encode=_encode,
    decode=lambda raw, _lookup: address_of(raw),
    text=repr,
)
"""128 bytes that hold an address of any family; None if there is none."""

SOCKADDR_IN6_FIELD = attrs.evolve(STORAGE, c="struct sockaddr_in6", code="28s")
"""The same in 28 bytes, which is enough for AF_INET6."""
