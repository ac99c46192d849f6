"""Hosts of AF_INET and AF_INET6: addresses, names, zones. Imports no attrs.

Sources: RFC 4007 (zones), setipaddr in CPython's Modules/socketmodule.c.
"""

from __future__ import annotations

import sys
from socket import (
    AF_INET,
    AF_INET6,
    EAI_NONAME,
    gaierror,
    if_nametoindex,
    inet_ntop,
    inet_pton,
)

from famsock.plugin import Lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ANY_IPV4 = bytes(4)
_ANY_IPV6 = bytes(16)
_BROADCAST = b"\xff\xff\xff\xff"
_BROADCASTS = ("<broadcast>", "255.255.255.255")
MAX_SCOPE_ID = 0xFFFFFFFF


def host_text(value: object) -> str:
    """Return the host of a stdlib address as str: IDNA if not ASCII, bytes unchanged.

    Raises TypeError for another type, a NUL inside, and a name that IDNA cannot encode.
    """
    if isinstance(value, str):
        host = value if value.isascii() else _idna(value)
    elif isinstance(value, bytes | bytearray):
        host = value.decode("ascii", "surrogateescape")
    else:
        raise TypeError(f"str, bytes or bytearray expected, not {type(value).__name__}")
    if "\0" in host:
        raise TypeError("host name must not contain null character")
    return host


def is_escaped(host: object) -> bool:
    """Return whether a host is a str that stands for bytes outside ASCII, as `host_text` gives it.

    A typed address with such a host can be made from its own fields and its text.
    """
    if not isinstance(host, str) or host.isascii() or "\0" in host:
        return False
    try:
        host.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _idna(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise TypeError("encoding of hostname failed") from None


def _resolved(host: str, family: int, lookup: Lookup | None) -> bytes:
    """The sockaddr that a host name has in a family."""
    from famsock_inet._names import resolve

    if lookup is not None:
        lookup.used = True
    return resolve(host.encode("ascii", "surrogateescape"), family)


def pack_ipv4(host: str, lookup: Lookup | None = None) -> bytes:
    """Return the ``struct in_addr`` of a host; gaierror for a name that does not resolve."""
    try:
        return inet_pton(AF_INET, host)
    except (OSError, UnicodeEncodeError):
        if host == "":
            return _ANY_IPV4
        if host == "<broadcast>":
            return _BROADCAST
        return _resolved(host, AF_INET, lookup)[4:8]


def pack_ipv6(host: str, lookup: Lookup | None = None) -> tuple[bytes, int]:
    """Return the ``struct in6_addr`` of a host and the scope that its zone names, 0 without one.

    Raises gaierror for a name that does not resolve or an interface that does not exist, and
    OSError for the broadcast address, which IPv6 does not have.
    """
    try:
        return inet_pton(AF_INET6, host), 0
    except (OSError, UnicodeEncodeError):
        pass
    if host == "":
        return _ANY_IPV6, 0
    if host in _BROADCASTS:
        raise OSError(f"address family mismatched: AF_INET6 has no {host!r}")
    address, zoned, zone = host.rpartition("%")
    if zoned:
        try:
            raw = inet_pton(AF_INET6, address)
            return raw, _scope_of(raw, zone, host, lookup)
        except gaierror:
            raise
        except (OSError, UnicodeEncodeError):
            pass
    found = _resolved(host, AF_INET6, lookup)
    return found[8:24], int.from_bytes(found[24:28], sys.byteorder)


def index_in(zone: str) -> int | None:
    """Return the interface index that a zone may be; None if it can only be an interface's name."""
    digits = zone.lstrip("0") or zone[:1]
    if zone.isascii() and zone.isdigit() and len(digits) <= 10 and int(digits) <= MAX_SCOPE_ID:
        return int(digits)
    return None


def _is_of_a_link(raw: bytes) -> bool:
    """Return whether an address is link-local, or of a multicast group of a link or interface.

    A zone of such an address is the name of an interface before it is an index, of another address
    first an index: as in getaddrinfo(3), __inet6_scopeid_pton of glibc.
    """
    return (raw[0] == 0xFE and raw[1] & 0xC0 == 0x80) or (raw[0] == 0xFF and raw[1] & 0xF in (1, 2))


def names_an_interface(address: str, zone: str) -> bool:
    """Return whether the zone of an address is the name of an interface of this process."""
    try:
        if not _is_of_a_link(inet_pton(AF_INET6, address)):
            return False
        if_nametoindex(zone)
    except (OSError, ValueError):
        return False
    return True


def _scope_of(raw: bytes, zone: str, host: str, lookup: Lookup | None) -> int:
    """Return the index of the interface that a zone names: by a name, then by a number."""
    number = index_in(zone)
    if number is not None and not _is_of_a_link(raw):
        return number
    try:
        return (lookup or Lookup("pack")).interface_index(zone)
    except OSError:
        if number is not None:
            return number
        raise gaierror(EAI_NONAME, f"no interface {zone!r} for {host!r}") from None


def usual_inet(form: Any, lookup: Lookup) -> tuple[Any, ...] | None:
    """Return ``(host, port)`` with the host resolved to an address; None for another form."""
    if not _is_usual(form, 2):
        return None
    return inet_ntop(AF_INET, pack_ipv4(host_text(form[0]), lookup)), form[1]


def usual_inet6(form: Any, lookup: Lookup) -> tuple[Any, ...] | None:
    """Return the tuple with the host resolved, its zone as the scope; None for another form."""
    if not _is_usual(form, 4):
        return None
    raw, scope_id = pack_ipv6(host_text(form[0]), lookup)
    port, flowinfo, given = (*form[1:], 0, 0)[:3]
    return inet_ntop(AF_INET6, raw), port, flowinfo, given or scope_id


def _is_usual(form: Any, most: int) -> bool:
    """Return whether a form is a tuple of a host without a null byte and of numbers in range."""
    limits = (0xFFFF, 0xFFFFF, MAX_SCOPE_ID)
    return (
        type(form) is tuple
        and 2 <= len(form) <= most
        and type(form[0]) is str
        and form[0].isascii()
        and "\0" not in form[0]
        and all(
            type(n) is int and 0 <= n <= high for n, high in zip(form[1:], limits, strict=False)
        )
    )
