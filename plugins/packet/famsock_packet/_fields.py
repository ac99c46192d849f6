"""Types of fields that several structs of AF_PACKET share: an interface, a hardware address."""

from __future__ import annotations

import os
import struct
from errno import ENODEV
from typing import Any

from famsock.plugin import CType, Lookup, cstruct

ADDRESS_BYTES_MAX = 32
"""The kernel's MAX_ADDR_LEN."""

SHORT_ADDRESS_BYTES = 8
"""The size of addresses in the C structs; a longer address continues after the struct."""

_IFNAMSIZ = 16
_INDEX = cstruct.integer("int", "i", 0, 0x7FFFFFFF)
_INDEX_TEXT = "ifindex/"


def _check_interface(value: object) -> str | int:
    if isinstance(value, int):
        return int(_INDEX.check(value)) or ""
    if not isinstance(value, str):
        raise TypeError(f"must be an interface's name or index, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError("must not contain a null character")
    if len(os.fsencode(value)) >= _IFNAMSIZ:
        raise OSError(
            ENODEV, f"AF_PACKET interface name must be at most {_IFNAMSIZ - 1} bytes, not {value!r}"
        )
    if "/" in value:
        raise OSError(ENODEV, f"AF_PACKET interface name cannot have a slash: {value!r}")
    return value


def _encode_interface(interface: str | int, lookup: Lookup | None) -> int:
    if isinstance(interface, int):
        return interface
    return (lookup or Lookup("pack")).interface_index(interface) if interface else 0


def decode_interface(index: int, lookup: Lookup | None) -> str | int:
    """Return the interface of an index: "" for 0, or its name if ``lookup`` finds one."""
    if not index:
        return ""
    return index if lookup is None else lookup.interface_name(index) or index


def _interface_text(interface: str | int) -> str:
    return f"{_INDEX_TEXT}{interface}" if isinstance(interface, int) else interface


def _parse_interface(text: str) -> str | int:
    return int(text.removeprefix(_INDEX_TEXT)) if text.startswith(_INDEX_TEXT) else text


INTERFACE = CType(
    c="int",
    code="i",
    check=_check_interface,
    encode=_encode_interface,
    decode=decode_interface,
    text=_interface_text,
    parse=_parse_interface,
)
"""An interface: its name, its index (``ifindex/3`` in text), or "" (or 0) for every interface.

A received interface is a name, or an index if the interface no longer exists.
"""


def _check_address(value: Any) -> bytes:
    if len(raw := cstruct.check_bytes(value)) > ADDRESS_BYTES_MAX:
        raise ValueError(f"must be at most {ADDRESS_BYTES_MAX} bytes, not {len(raw)}")
    return raw


def counted_address(length_code: str) -> CType:
    """Return a hardware address after its length, up to the size in the C struct."""
    count = struct.Struct("=" + length_code)

    def decode(raw: bytes, _lookup: Any) -> bytes:
        return raw[count.size : count.size + count.unpack_from(raw)[0]]

    return CType(
        c="unsigned char",
        code=f"{count.size + SHORT_ADDRESS_BYTES}s",
        check=_check_address,
        encode=lambda value, _lookup: count.pack(len(value)) + value[:SHORT_ADDRESS_BYTES],
        decode=decode,
        text=lambda value: value.hex(":"),
        parse=lambda text: cstruct.parse_bytes(text.replace(":", "")),
    )
