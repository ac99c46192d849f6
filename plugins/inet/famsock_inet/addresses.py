"""Addresses of AF_INET and AF_INET6: ``(host, port)`` and ``(host, port, flowinfo, scope_id)``.

A host is an IP address, a name, ``""`` (every local address) or, for AF_INET, ``"<broadcast>"``.
Names are resolved when the address is packed, not when it is made; nothing else depends on the
system. Sources: ip(7), ipv6(7), RFC 4007 (zones), setipaddr in CPython's Modules/socketmodule.c.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from operator import index
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any, Self

from famsock.plugin import Address, CType, Lookup, cstruct, sockaddr
from famsock_inet._hosts import (
    MAX_SCOPE_ID,
    host_text,
    index_in,
    is_escaped,
    names_an_interface,
    pack_ipv4,
    pack_ipv6,
)

__all__ = [
    "Inet6Address",
    "InetAddress",
    "L2tp6Address",
    "L2tpAddress",
]


def _host_or_ipaddress(version: int) -> Callable[[object], str]:
    """Return the check of a typed host field: a host, or a matching `ipaddress` object."""

    def check(value: object) -> str:
        if type(value) is str and value.isascii() and "\0" not in value:
            return _canonical(value) if version == 6 and ":" in value else value
        if type(value).__module__ == "ipaddress":
            if type(value).__name__ != f"IPv{version}Address":
                raise TypeError(f"must be an IPv{version} address, not {value!r}")
            value = str(value)
        host = str(value) if is_escaped(value) else host_text(value)
        return _canonical(host) if version == 6 and ":" in host else host

    return check


def _canonical(host: str) -> str:
    """Return an IPv6 address in the kernel's text form, so that equal addresses are equal."""
    try:
        return inet_ntop(AF_INET6, inet_pton(AF_INET6, host))
    except (OSError, UnicodeEncodeError):
        return host


IPV4 = CType(
    c="struct in_addr",
    code="4s",
    check=_host_or_ipaddress(4),
    encode=pack_ipv4,
    decode=lambda raw, _lookup: inet_ntop(AF_INET, raw),
    kind="ipv4",
)
"""``struct in_addr`` as text, from any host form or IPv4Address."""

IPV6 = CType(
    c="struct in6_addr",
    code="16s",
    check=_host_or_ipaddress(6),
    encode=lambda host, lookup: pack_ipv6(host, lookup)[0],
    decode=lambda raw, _lookup: inet_ntop(AF_INET6, raw),
    kind="ipv6",
)
"""``struct in6_addr`` as text, from any host form or IPv6Address."""

_FLOWINFO = cstruct.integer(
    "__be32",
    "I",
    0,
    0xFFFFF,
    encode=cstruct.BE32.encode,
    decode=cstruct.BE32.decode,
    kind="be32",
)
"""``sin6_flowinfo``: the 20 bits of a flow label, in network order."""


def _host_and_port(family: str, form: tuple[Any, ...]) -> tuple[str, int]:
    """Return the first two items of a stdlib address, of the right types."""
    try:
        host = host_text(form[0])
    except TypeError as error:
        raise TypeError(f"{family} host: {error}") from None
    return host, _integer(family, "port", form[1])


def _integer(family: str, name: str, value: Any) -> int:
    try:
        return index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(
            f"{family} {name}: {kind!r} object cannot be interpreted as an integer"
        ) from None


def _check_tuple(form: Any, family: str, most: int, shape: str) -> None:
    if not isinstance(form, tuple):
        raise TypeError(f"{family} address must be tuple, not {type(form).__name__}")
    if not 2 <= len(form) <= most:
        raise TypeError(f"{family} address must be a {shape}, not {len(form)} items")


_SOCKADDR_IN6 = struct.Struct(">2sHI16s4s")


@sockaddr("struct sockaddr_in", header="netinet/in.h", family=2, family_name="AF_INET", size=16)
class InetAddress(Address):
    """An IPv4 host and port.

    ``host`` is an address (str, bytes, bytearray or `ipaddress.IPv4Address`), a name, ``""`` for
    every local address or ``"<broadcast>"``. ``port`` is 0-65535; 0 lets the kernel choose.
    Text: ``127.0.0.1:80``. Layout: u16 family, be16 port, 4 bytes address, 8 zero bytes (ip(7)).
    """

    host: str = cstruct.field(IPV4, "sin_addr", offset=4)
    port: int = cstruct.be16("sin_port", offset=2)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the address of ``(host, port)``; the errors and their order are CPython's."""
        _check_tuple(form, "AF_INET", 2, "pair (host, port)")
        host, port = _host_and_port("AF_INET", form)
        if 0 <= port <= 0xFFFF:
            return cls.unchecked(host, port)
        if -0x80000000 <= port <= 0x7FFFFFFF:
            pack_ipv4(host, lookup)  # CPython resolves the name before it looks at the port
        return cls(host, port)

    @classmethod
    def admits(cls, rule: str) -> Callable[[Any, Address | None], bool]:
        """Return whether a peer is in the network that ``rule`` is: ``192.0.2.0/24``.

        A text with a port is an address, as for every class. ValueError for any other.
        """
        from famsock_inet._networks import network_rule

        return network_rule(rule, super().admits)

    def to_stdlib(self, lookup: Lookup) -> tuple[str, int]:
        """Return ``(host, port)``."""
        return self.host, self.port


@sockaddr("struct sockaddr_in6", header="netinet/in.h", family=10, family_name="AF_INET6", size=28)
class Inet6Address(Address):
    """An IPv6 host and port, with flow label and scope.

    ``host`` is an address (str, bytes, bytearray or `ipaddress.IPv6Address`), a name, or ``""`` for
    every local address; a zone after a percent sign gives the scope, as the name of an interface
    (``fe80::1%eth0``), which is looked up when the address is used, or as an index, unless an
    interface here has the number for its name. ``port`` is 0-65535, ``flowinfo`` 0-1048575,
    ``scope_id`` an interface index 0-4294967295; it overrides a zone. Text: ``[fe80::1%eth0]:80``,
    and with a scope_id ``[fe80::1]:80:0:2``. Layout: u16 family, be16 port, be32 flowinfo, 16 bytes
    address, u32 scope in host order (ipv6(7)).
    """

    host: str = cstruct.field(IPV6, "sin6_addr", offset=8)
    port: int = cstruct.be16("sin6_port", offset=2)
    flowinfo: int = cstruct.field(_FLOWINFO, "sin6_flowinfo", offset=4, default=0)
    scope_id: int = cstruct.u32("sin6_scope_id", offset=24, default=0)

    def __attrs_post_init__(self) -> None:
        host = self.host
        if type(host) is str and "%" not in host:
            return
        if self.scope_id == 0 and type(host) is not str:
            host = _text_if_host(host)
        while self.scope_id == 0 and type(host) is str and "%" in host:
            address, _, zone = host.rpartition("%")
            if (number := index_in(zone)) is None or names_an_interface(address, zone):
                break
            host = address
            object.__setattr__(self, "host", host)
            object.__setattr__(self, "scope_id", number)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the address of ``(host, port[, flowinfo[, scope_id]])``, with CPython's errors."""
        _check_tuple(form, "AF_INET6", 4, "tuple (host, port[, flowinfo[, scopeid]])")
        host, port = _host_and_port("AF_INET6", form)
        flowinfo = _integer("AF_INET6", "flowinfo", form[2]) if len(form) > 2 else 0
        scope_id = _integer("AF_INET6", "scope_id", form[3]) if len(form) > 3 else 0
        scope_id = MAX_SCOPE_ID if scope_id == -1 else scope_id  # as CPython masks it
        if 0 <= port <= 0xFFFF and 0 <= flowinfo <= 0xFFFFF and 0 <= scope_id <= MAX_SCOPE_ID:
            return cls.unchecked(host, port, flowinfo, scope_id)
        if -0x80000000 <= port <= 0x7FFFFFFF:
            pack_ipv6(host, lookup)  # CPython resolves the name before it looks at the numbers
        return cls(host, port, flowinfo, scope_id)

    @classmethod
    def admits(cls, rule: str) -> Callable[[Any, Address | None], bool]:
        """Return whether a peer is in the network that ``rule`` is: ``192.0.2.0/24``.

        A text with a port is an address, as for every class. ValueError for any other.
        """
        from famsock_inet._networks import network_rule

        return network_rule(rule, super().admits)

    def to_stdlib(self, lookup: Lookup) -> tuple[str, int, int, int]:
        """Return ``(host, port, flowinfo, scope_id)``."""
        return self.host, self.port, self.flowinfo, self.scope_id

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the ``struct sockaddr_in6``, 28 bytes; resolve host and interface names."""
        raw, scope_id = pack_ipv6(self.host, lookup)
        return _SOCKADDR_IN6.pack(
            self.layout.head,
            self.port,
            self.flowinfo,
            raw,
            (self.scope_id or scope_id).to_bytes(4, sys.byteorder),
        )


@sockaddr("struct sockaddr_l2tpip", header="linux/l2tp.h", family=2, family_name="AF_INET", size=16)
class L2tpAddress(Address):
    """An IPv4 host and a connection of L2TP over IP (RFC 3931), whose packets have no ports.

    ``host`` is as in `InetAddress`. ``conn_id`` is the id of a control connection, 0-4294967295:
    the own one in bind, the peer's in connect; sendto does not use it, and recvfrom gives 0. Text:
    ``192.0.2.1:4711``. Layout: u16 family, 2 zero bytes, 4 bytes address, u32 conn_id in host
    order, 4 zero bytes (linux/l2tp.h).
    """

    host: str = cstruct.field(IPV4, "l2tp_addr", offset=4)
    conn_id: int = cstruct.u32("l2tp_conn_id", offset=8)


@sockaddr(
    "struct sockaddr_l2tpip6", header="linux/l2tp.h", family=10, family_name="AF_INET6", size=32
)
class L2tp6Address(Address):
    """An IPv6 host and a connection of L2TP over IP.

    ``host``, ``flowinfo`` and ``scope_id`` are as in `Inet6Address`, but a zone stays in the host;
    ``conn_id`` is as in `L2tpAddress`. Text: ``[2001:db8::1]:4711``. Layout: u16 family, 2 zero
    bytes, be32 flowinfo, 16 bytes address, u32 scope and u32 conn_id in host order (linux/l2tp.h).
    """

    host: str = cstruct.field(IPV6, "l2tp_addr", offset=8)
    conn_id: int = cstruct.u32("l2tp_conn_id", offset=28)
    flowinfo: int = cstruct.field(_FLOWINFO, "l2tp_flowinfo", offset=4, default=0)
    scope_id: int = cstruct.u32("l2tp_scope_id", offset=24, default=0)

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the ``struct sockaddr_l2tpip6``, 32 bytes; resolve host and interface names."""
        raw, scope_id = pack_ipv6(self.host, lookup)
        packed = _SOCKADDR_IN6.pack(
            self.layout.head,
            0,
            self.flowinfo,
            raw,
            (self.scope_id or scope_id).to_bytes(4, sys.byteorder),
        )
        return packed + self.conn_id.to_bytes(4, sys.byteorder)


def _text_if_host(value: Any) -> Any:
    try:
        return IPV6.check(value)
    except TypeError:
        return value
