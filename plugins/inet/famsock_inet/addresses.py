"""Addresses of AF_INET and AF_INET6: ``(host, port)`` and ``(host, port, flowinfo, scope_id)``."""

from __future__ import annotations

import socket as _stdlib
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any

from famsock.plugin import Address, CType, Lookup, sockaddr, wire


def _check_host(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        value = value.decode("ascii")
    if not isinstance(value, str):
        raise TypeError(f"must be str, bytes or bytearray, not {type(value).__name__}")
    if "\0" in value:
        raise TypeError("host name must not contain null character")
    return value


def _resolve(family: int, host: str, lookup: Lookup | None) -> Any:
    if lookup is not None:
        lookup.used = True
    passive = _stdlib.AI_PASSIVE if not host else 0
    found = _stdlib.getaddrinfo(host or None, 0 if host else "0", family, _stdlib.SOCK_DGRAM, 0, passive)
    return found[0][4]


def _encode_ipv4(host: str, lookup: Lookup | None) -> bytes:
    if host in ("<broadcast>", "255.255.255.255"):
        return b"\xff\xff\xff\xff"
    if host == "":
        return bytes(4)
    try:
        return inet_pton(AF_INET, host)
    except (OSError, UnicodeEncodeError):
        return inet_pton(AF_INET, _resolve(AF_INET, host, lookup)[0])


IPV4 = CType(
    c="struct in_addr",
    code="4s",
    check=_check_host,
    encode=_encode_ipv4,
    decode=lambda raw, _lookup: inet_ntop(AF_INET, raw),
)


def _encode_ipv6(host: str, lookup: Lookup | None) -> bytes:
    if host == "":
        return bytes(16)
    try:
        return inet_pton(AF_INET6, host)
    except (OSError, UnicodeEncodeError):
        return inet_pton(AF_INET6, _resolve(AF_INET6, host, lookup)[0].partition("%")[0])


IPV6 = CType(
    c="struct in6_addr",
    code="16s",
    check=_check_host,
    encode=_encode_ipv6,
    decode=lambda raw, _lookup: inet_ntop(AF_INET6, raw),
)


@sockaddr("struct sockaddr_in", header="netinet/in.h", family=2, family_name="AF_INET", size=16)
class InetAddress(Address):
    """An IPv4 host and port."""

    host: str = wire.field(IPV4, "sin_addr", offset=4)
    port: int = wire.be16("sin_port", offset=2)


@sockaddr("struct sockaddr_in6", header="netinet/in.h", family=10, family_name="AF_INET6", size=28)
class Inet6Address(Address):
    """An IPv6 host and port."""

    host: str = wire.field(IPV6, "sin6_addr", offset=8)
    port: int = wire.be16("sin6_port", offset=2)
    flowinfo: int = wire.be32("sin6_flowinfo", offset=4, default=0)
    scope_id: int = wire.u32("sin6_scope_id", offset=24, default=0)
