"""Addresses of AF_SYSTEM, AF_LINK and AF_DIVERT, in the layouts of macOS and FreeBSD.

A sockaddr of these systems begins with its length and its family, a byte each.
"""

from __future__ import annotations

import struct
from socket import inet_aton, inet_ntoa
from typing import Any

from famsock.plugin import Address, CType, Lookup, cstruct, sockaddr
from famsock_bsd.constants import (
    AF_DIVERT,
    AF_LINK,
    AF_SYS_CONTROL,
    AF_SYSTEM,
    CTLIOCGINFO,
    MAX_KCTL_NAME,
)

__all__ = [
    "ControlAddress",
    "DivertAddress",
    "LinkAddress",
]

_AF_INET = 2  # what divert(4) writes into its sockaddr_in
_CTL_INFO = struct.Struct(f"=I{MAX_KCTL_NAME}s")


class _BsdAddress(Address):
    """A sockaddr that begins with a length byte and a family byte, on every system."""

    __slots__ = ()

    @classmethod
    def reads(cls, sockaddr: bytes) -> bool:
        """Return whether the second byte is the family."""
        return sockaddr[1:2] in {bytes((family,)) for family in (cls.family, *cls.sa_families)}


@sockaddr(
    "struct sockaddr_ctl",
    header="sys/kern_control.h",
    family=AF_SYSTEM,
    family_name="AF_SYSTEM",
    stdlib=("id", "unit"),
    size=32,
    head=bytes((32, AF_SYSTEM)),
)
class ControlAddress(_BsdAddress):
    """A kernel control of macOS: its ``id`` (0-4294967295) and ``unit`` (0-4294967295).

    The stdlib form is the control's name as str, which the socket resolves (unit 0), or the pair
    (id, unit). Layout: u8 sc_len, u8 sc_family, u16 ss_sysaddr at 2, u32 sc_id at 4, u32 sc_unit
    at 8, u32 sc_reserved[5]. Source: XNU, sys/kern_control.h.
    """

    id: int = cstruct.u32("sc_id", offset=4)
    unit: int = cstruct.u32("sc_unit", offset=8, default=0)
    sysaddr: int = cstruct.u16("ss_sysaddr", offset=2, default=AF_SYS_CONTROL)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> ControlAddress:
        """Return the control of a name, or of (id, unit).

        TypeError for another shape, ValueError for a name of more than 96 bytes, OSError for a name
        that no kernel control has.
        """
        if isinstance(form, str):
            return cls(_control_id(form, lookup))
        if not isinstance(form, tuple) or len(form) != 2:
            raise TypeError("PF_SYSTEM address must be a str or a pair (id, unit)")
        return cls(*form)


def _control_id(name: str, lookup: Lookup) -> int:
    raw = name.encode()
    if len(raw) > MAX_KCTL_NAME:
        raise ValueError("provided string is too long")
    lookup.used = True
    try:
        from fcntl import ioctl

        if lookup.socket is None:
            raise OSError("no socket to ask")
        answer = ioctl(lookup.socket.fileno(), CTLIOCGINFO, _CTL_INFO.pack(0, raw))
    except (ImportError, OSError):
        raise OSError("cannot find kernel control with provided name") from None
    return int(_CTL_INFO.unpack(answer)[0])


def _check_name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be str, not {type(value).__name__}")
    return value


_NAME = CType(c="char", code="12s", check=_check_name)
_LINK_ADDRESS = CType(
    c="char", code="0s", check=cstruct.check_bytes, text=bytes.hex, parse=cstruct.parse_bytes
)


@sockaddr(
    "struct sockaddr_dl",
    header="net/if_dl.h",
    family=AF_LINK,
    family_name="AF_LINK",
    stdlib=("index", "type", "name", "address"),
    size=20,
    head=bytes((20, AF_LINK)),
)
class LinkAddress(_BsdAddress):
    """A network interface: ``index`` (0-65535), ``type`` (IFT_*, 0-255), ``name``, ``address``.

    Name and link-layer address follow each other in sdl_data; together at most 247 bytes. CPython
    has no form for it: the stdlib form here is (index, type, name, address). Layout: u8 sdl_len, u8
    sdl_family, u16 sdl_index at 2, u8 sdl_type at 4, u8 sdl_nlen, u8 sdl_alen, u8 sdl_slen, char
    sdl_data[12] at 8, longer if needed. Source: net/if_dl.h.
    """

    index: int = cstruct.u16("sdl_index", offset=2)
    type: int = cstruct.u8("sdl_type", offset=4, default=0)
    name: str = cstruct.field(_NAME, "sdl_data", offset=8, default="")
    address: bytes = cstruct.field(_LINK_ADDRESS, "", offset=20, default=b"")

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the sockaddr, as long as its name and address make it."""
        name = self.name.encode("utf-8", "surrogateescape")
        data = (name + self.address).ljust(12, b"\0")
        length = 8 + len(data)
        if length > 0xFF:
            raise ValueError(f"AF_LINK name and address: at most 247 bytes, not {len(data)}")
        front = struct.pack(
            "=BBHBBBB", length, AF_LINK, self.index, self.type, len(name), len(self.address), 0
        )
        return front + data

    @classmethod
    def unpack(
        cls, data: bytes | bytearray | memoryview, lookup: Lookup | None = None
    ) -> LinkAddress:
        """Return the interface of a sockaddr; ValueError if its lengths point past its end."""
        raw = bytes(data)
        if len(raw) < 8:
            raise ValueError(f"AF_LINK needs 8 bytes of struct sockaddr_dl, not {len(raw)}")
        _, _, index, kind, name_length, address_length, _ = struct.unpack_from("=BBHBBBB", raw)
        middle, end = 8 + name_length, 8 + name_length + address_length
        if end > len(raw):
            raise ValueError(f"AF_LINK name and address end at byte {end} of {len(raw)}")
        return cls.unchecked(
            index, kind, raw[8:middle].decode("utf-8", "surrogateescape"), raw[middle:end]
        )


def _check_host(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be str, not {type(value).__name__}")
    try:
        return inet_ntoa(inet_aton(value or "0.0.0.0"))
    except OSError:
        raise ValueError(f"must be a numeric IPv4 address, not {value!r}") from None


@sockaddr(
    "struct sockaddr_in",
    header="netinet/in.h",
    family=AF_DIVERT,
    family_name="AF_DIVERT",
    size=16,
    head=bytes((16, _AF_INET)),
)
class DivertAddress(_BsdAddress):
    """A divert(4) socket: ``port`` (0-65535) is the rule's, ``host`` gives a direction.

    A sockaddr_in with AF_INET in it: u8 sin_len, u8 sin_family, be16 sin_port at 2, sin_addr at 4.
    Source: FreeBSD's divert(4).
    """

    sa_families = (_AF_INET,)

    host: str = cstruct.field(
        CType(c="struct in_addr", code="4s", check=_check_host,
              encode=lambda value, _lookup: inet_aton(value),
              decode=lambda raw, _lookup: inet_ntoa(raw)), "sin_addr", offset=4,
    )  # fmt: skip
    port: int = cstruct.be16("sin_port", offset=2)
