"""Field types that Bluetooth's structs share: device addresses and little-endian integers."""

from __future__ import annotations

import re

from famsock.plugin import CType, codecs, cstruct

_CANONICAL = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2}){5}")
_OCTET = r"[ \t-\r]*([+-]?(?:0[xX])?[0-9A-Fa-f]+)"
_LENIENT = re.compile(":".join([_OCTET] * 6))


class AddressFormatError(OSError, ValueError):
    """A device address that cannot be read: the OSError of CPython, and a ValueError as well."""


class AddressTypeError(OSError, TypeError):
    """An address of the wrong shape or type: the OSError of CPython, and a TypeError as well."""


def check_bdaddr(value: object) -> str:
    """Return the canonical spelling of a device address: six octets, upper case, colons between.

    What C's ``%X:%X:%X:%X:%X:%X`` reads is taken, as CPython does: octets of one digit, with
    ``0x`` or with leading blanks.
    """
    if not isinstance(value, str):
        raise TypeError(f"must be str, not {type(value).__name__}")
    if _CANONICAL.fullmatch(value):
        return value
    match = _LENIENT.fullmatch(value)
    octets = [int(octet, 16) for octet in match.groups()] if match else []
    if not octets or not all(0 <= octet <= 0xFF for octet in octets):
        raise AddressFormatError(
            "bad bluetooth address: AF_BLUETOOTH bdaddr must be six octets 00-FF in hexadecimal "
            f"with colons between, not {value!r}"
        )
    return ":".join(f"{octet:02X}" for octet in octets)


def bdaddr_to_bytes(bdaddr: str) -> bytes:
    """Return the six bytes of ``bdaddr_t``: the last octet of the text comes first."""
    return bytes.fromhex(bdaddr.replace(":", ""))[::-1]


def bdaddr_from_bytes(raw: bytes) -> str:
    """Return the text of the six bytes of ``bdaddr_t``."""
    return raw[::-1].hex(":").upper()


BDADDR = CType(
    c="bdaddr_t",
    code="6s",
    check=check_bdaddr,
    encode=lambda value, _lookup: bdaddr_to_bytes(value),
    decode=lambda raw, _lookup: bdaddr_from_bytes(raw),
)
"""``bdaddr_t``: a device address of six bytes, as text in reverse order."""

LE32 = cstruct.integer(
    "__le32",
    "4s",
    0,
    0xFFFFFFFF,
    encode=lambda value, _lookup: value.to_bytes(4, "little"),
    decode=lambda raw, _lookup: int.from_bytes(raw, "little"),
)
"""``__le32``: little-endian in the struct, a plain integer here."""


def check_int(name: str, value: int, highest: int) -> int:
    """Return ``value``; OverflowError if not 0 to ``highest``, TypeError if no integer."""
    return codecs.check_int(f"AF_BLUETOOTH {name}", value, highest)


def check_octets(name: str, value: object) -> bytes:
    """Return ``value`` as bytes; TypeError if it is not bytes-like."""
    return codecs.check_bytes(f"AF_BLUETOOTH {name}", value)
