"""Addresses of AF_RDS: an IP host and a port of RDS.

An RDS socket's sockaddr is one of IPv4 or IPv6, with AF_INET or AF_INET6 as its family, not AF_RDS.
Names are resolved when an address is packed, not when it is made. Sources: net/rds/bind.c,
net/rds/af_rds.c, ip(7), ipv6(7), setipaddr in CPython's Modules/socketmodule.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from operator import index
from socket import AF_INET, AF_INET6, getaddrinfo, inet_ntop, inet_pton
from typing import Any, ClassVar, Self

from famsock.plugin import Address, CType, Lookup, cstruct, family_head, sockaddr, text
from famsock_rds.constants import AF_RDS

__all__ = [
    "RdsAddress",
    "RdsInet6Address",
    "RdsInetAddress",
]

_WELL_KNOWN = {"": "0.0.0.0", "<broadcast>": "255.255.255.255"}


def _host(ip: type[IPv4Address] | type[IPv6Address]) -> Callable[[object], str]:
    """Return the check of a host field: text as it is, or an address object of this IP version."""

    def check(value: object) -> str:
        if isinstance(value, ip):
            return str(value)
        if isinstance(value, bytes | bytearray):
            host = value.decode("ascii", "surrogateescape")
        elif isinstance(value, str):
            host = value if value.isascii() or _is_escaped(value) else _idna(value)
        else:
            raise TypeError(f"must be str, bytes or bytearray, not {type(value).__name__}")
        if "\0" in host:
            raise TypeError("must not contain null character")
        if ip is IPv4Address and _is_ipv6(host):
            raise ValueError(f"must be a host of IPv4, not {host!r}")
        return host

    return check


def _is_ipv6(host: str) -> bool:
    if ":" not in host:
        return False
    try:
        inet_pton(AF_INET6, host)
    except (OSError, ValueError):  # also for a null character in it
        return False
    return True


def _is_escaped(host: str) -> bool:
    """Return whether a host is made from bytes outside ASCII, by surrogateescape."""
    try:
        host.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _idna(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise TypeError("cannot be encoded: encoding of hostname failed") from None


def _resolved(host: str, family: int, lookup: Lookup | None) -> tuple[Any, ...]:
    """Return the first sockaddr that a host name has in an IP family; gaierror if it has none."""
    if lookup is not None:
        lookup.used = True
    name = host.encode("ascii", "surrogateescape")
    found: tuple[Any, ...] = getaddrinfo(name, None, family)[0][4]
    return found


def _pack_ipv4(host: str, lookup: Lookup | None) -> bytes:
    try:
        return inet_pton(AF_INET, _WELL_KNOWN.get(host, host))
    except (OSError, UnicodeEncodeError):
        return inet_pton(AF_INET, _resolved(host, AF_INET, lookup)[0])


def _pack_ipv6(host: str, lookup: Lookup | None) -> tuple[bytes, int]:
    """Return the ``struct in6_addr`` of a host, and the scope that a zone or a name gave it."""
    try:
        return inet_pton(AF_INET6, host or "::"), 0
    except (OSError, UnicodeEncodeError):
        found = _resolved(host, AF_INET6, lookup)
        return inet_pton(AF_INET6, found[0].partition("%")[0]), found[3]


_IPV4 = CType(
    c="struct in_addr",
    code="4s",
    check=_host(IPv4Address),
    encode=_pack_ipv4,
    decode=lambda raw, _lookup: inet_ntop(AF_INET, raw),
)
_IPV6 = CType(
    c="struct in6_addr",
    code="16s",
    check=_host(IPv6Address),
    encode=lambda host, lookup: _pack_ipv6(host, lookup)[0],
    decode=lambda raw, _lookup: inet_ntop(AF_INET6, raw),
)
_FLOWINFO = cstruct.integer(
    "__be32", "I", 0, 0xFFFFF, encode=cstruct.BE32.encode, decode=cstruct.BE32.decode
)


class RdsAddress(Address):
    """An address of AF_RDS: `RdsInetAddress` (IPv4) or `RdsInet6Address`.

    `from_stdlib`, `unpack` and `parse` give the class that the address is of; called on one of the
    two, they take no other. ``sa_families`` are the families that its sockaddr carries.
    """

    __slots__ = ()
    family = AF_RDS
    family_name = label = "AF_RDS"
    sa_families: ClassVar[tuple[int, ...]] = (AF_INET, AF_INET6)
    host: str
    port: int

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the address of ``(host, port)`` or ``(host, port, flowinfo[, scope_id])``.

        The pair is CPython's form, the longer one what CPython gives for an IPv6 sender and does
        not take back. TypeError for another shape or type, OverflowError for a port out of range;
        gaierror for a name that does not resolve comes when the address is packed.
        """
        if not isinstance(form, tuple):
            raise TypeError(f"AF_RDS address must be tuple, not {type(form).__name__}")
        made: Any = RdsInetAddress if len(form) == 2 else RdsInet6Address
        if not 2 <= len(form) <= 4 or not issubclass(made, cls):
            raise TypeError(
                f"AF_RDS address must be a pair (host, port), or for IPv6 "
                f"(host, port, flowinfo[, scope_id]), not of {len(form)} items"
            )
        host = form[0]
        if isinstance(host, bytes | bytearray):
            host = host.decode("ascii", "surrogateescape")
        elif isinstance(host, str) and not host.isascii():
            host = _idna(host)
        if (
            made is RdsInetAddress
            and isinstance(host, str)
            and _is_ipv6(host)
            and -0x80000000 <= index(form[1]) <= 0x7FFFFFFF  # else the port's error comes first
        ):
            host = _resolved(host, AF_INET, lookup)[0]  # the error is the resolver's, as CPython's
        form = (host, *form[1:])
        try:
            address: Self = made(*form)
        except OverflowError:
            if -0x80000000 <= form[1] <= 0x7FFFFFFF:  # CPython resolves the name first
                made(form[0], 0).pack(lookup)
            raise
        return address

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """Return the address of a ``sockaddr_in`` or ``sockaddr_in6``; ValueError if neither."""
        head = bytes(data[:2])
        made: type[Self] | None = next(_matching(head, cls), None)
        if made is None:
            raise ValueError(f"AF_RDS sockaddr of family {head.hex()} is no {cls.__name__}")
        return super(RdsAddress, made).unpack(data, lookup)

    def __str__(self) -> str:
        return text.join_fields(self)

    @classmethod
    def parse(cls, text_form: str) -> Self:
        """Return the address of ``text_form``: ``192.0.2.1:4000`` or ``[2001:db8::1]:4000``.

        ``rds://`` may precede it. ValueError if the text does not have the form.
        """
        bare = text.without_scheme(text_form)
        bracketed = bare.startswith("[")
        made: Any = cls
        if cls is RdsAddress:
            made = RdsInet6Address if bracketed else RdsInetAddress
        elif cls is RdsInetAddress and bracketed and _is_ipv6(bare[1:].partition("]")[0]):
            raise ValueError(f"{text_form!r} is no {cls.__name__}")
        address: Self = text.parse_fields(made, bare)
        return address


@sockaddr(
    "struct sockaddr_in",
    header="netinet/in.h",
    family=AF_RDS,
    family_name="AF_RDS",
    size=16,
    head=family_head(AF_INET, 16),
)
class RdsInetAddress(RdsAddress):
    """An IPv4 host and a port of RDS.

    ``host`` is an address (str, bytes, bytearray or `ipaddress.IPv4Address`), a name, or ``""`` for
    0.0.0.0, which RDS takes only to connect nowhere: bind to an address of this host. ``port`` is
    0-65535; 0 lets the kernel choose when bound. Stdlib form: ``(host, port)``. Text:
    ``192.0.2.1:4000``.

    Wire layout: u16 family 2 (AF_INET), be16 port, 4 bytes address, 8 zero bytes (ip(7)).
    """

    host: str = cstruct.field(_IPV4, "sin_addr", offset=4)
    port: int = cstruct.be16("sin_port", offset=2)

    def __str__(self) -> str:
        shown = text.join_fields(self)
        if not shown.startswith("["):
            return shown
        host, _, port = shown[1:].rpartition("]")  # brackets stand for IPv6
        return host.replace(":", "\\:") + port


@sockaddr(
    "struct sockaddr_in6",
    header="netinet/in.h",
    family=AF_RDS,
    family_name="AF_RDS",
    size=28,
    head=family_head(AF_INET6, 28),
)
class RdsInet6Address(RdsAddress):
    """An IPv6 host and a port of RDS, since Linux 4.19.

    ``host`` is an address (str, bytes, bytearray or `ipaddress.IPv6Address`), perhaps with a zone
    (``fe80::1%eth0``), or a name. ``port`` is 0-65535, ``flowinfo`` 0-1048575, ``scope_id`` an
    interface index, 0-4294967295, which goes before a zone. Stdlib form: ``(host, port, flowinfo,
    scope_id)``. Text: ``[2001:db8::1]:4000``.

    Wire layout: u16 family 10 (AF_INET6), be16 port, be32 flowinfo, 16 bytes address, u32 scope in
    host order (ipv6(7)).
    """

    host: str = cstruct.field(_IPV6, "sin6_addr", offset=8)
    port: int = cstruct.be16("sin6_port", offset=2)
    flowinfo: int = cstruct.field(_FLOWINFO, "sin6_flowinfo", offset=4, default=0)
    scope_id: int = cstruct.u32("sin6_scope_id", offset=24, default=0)

    def __str__(self) -> str:
        shown = text.join_fields(self)
        host, _, rest = shown.partition(":")
        return shown if host.startswith("[") else f"[{host}]:{rest}"

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the ``struct sockaddr_in6``; a name or zone is resolved now."""
        address, scope_id = _pack_ipv6(self.host, lookup)
        raw: bytes = self.layout.codec.pack(
            self.layout.head,
            cstruct.BE16.encode(self.port, None),  # type: ignore[misc]
            cstruct.BE32.encode(self.flowinfo, None),  # type: ignore[misc]
            address,
            self.scope_id or scope_id,
        )
        return raw


def _matching(head: bytes, wanted: type[RdsAddress]) -> Iterator[Any]:
    """Yield the class of a sockaddr that starts with ``head``: ``wanted`` or a subclass."""
    for made in (RdsInetAddress, RdsInet6Address):
        if made.layout.head == head and issubclass(made, wanted):
            yield made
