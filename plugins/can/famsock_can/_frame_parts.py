"""Parts of frames: identifiers and data, their checks, their text in can-utils' form.

Sources: linux/can.h, can-utils' lib.h. All raise ValueError for a text that has not the form.
"""

from __future__ import annotations

from typing import Any

from famsock.plugin import codecs
from famsock_can.constants import (
    CAN_EFF_FLAG,
    CAN_EFF_MASK,
    CAN_ERR_FLAG,
    CAN_ERR_MASK,
    CAN_SFF_MASK,
)


def check_can_id(value: Any) -> int:
    """Return an identifier with its flags, in range for its width; OverflowError if it is not."""
    can_id = codecs.check_int("CAN can_id", value, 0xFFFFFFFF, 0, hex)
    if not can_id & (CAN_EFF_FLAG | CAN_ERR_FLAG) and can_id & CAN_ERR_MASK > CAN_SFF_MASK:
        raise OverflowError(
            f"CAN can_id must be 0-{CAN_SFF_MASK:#x}, or CAN_EFF_FLAG | 0-{CAN_EFF_MASK:#x}, "
            f"not {can_id:#x}"
        )
    return can_id


def check_data(value: Any, low: int, high: int, kind: str) -> bytes:
    """Return bytes that fit into a frame; TypeError or ValueError if they do not."""
    data = codecs.check_bytes(f"{kind} data", value)
    if not low <= len(data) <= high:
        raise ValueError(f"{kind} data must be {low}-{high} bytes, not {len(data)}")
    return data


def hex_text(data: bytes) -> str:
    """Return bytes in hex, as can-utils write them."""
    return data.hex().upper()


def parse_id(text: str, separator: str) -> tuple[int, str]:
    """Return the identifier before a separator, and what follows it."""
    digits, found, body = text.partition(separator)
    if not found or len(digits) not in (3, 8):
        raise ValueError(f"CAN frame must be 3 or 8 hex digits, {separator!r}, data, not {text!r}")
    number = parse_number(digits, text)
    if number > (CAN_ERR_FLAG | CAN_ERR_MASK):
        raise ValueError(f"CAN frame {text!r}: an identifier has at most 29 bits")
    if len(digits) == 8 and not number & CAN_ERR_FLAG:
        number |= CAN_EFF_FLAG
    try:
        return check_can_id(number), body
    except OverflowError as error:
        raise ValueError(f"CAN frame {text!r}: {error}") from None


def parse_number(digits: str, text: str) -> int:
    """Return a number of only hex digits."""
    if not digits or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise ValueError(f"CAN frame {text!r}: {digits!r} are no hex digits")
    return int(digits, 16)


def parse_digit(digit: str, text: str) -> int:
    """Return a single hex digit."""
    if len(digit) != 1:
        raise ValueError(f"CAN frame {text!r}: needs one hex digit, not {digit!r}")
    return parse_number(digit, text)


def parse_hex(body: str, text: str) -> bytes:
    """Return bytes from hex; a dot may be between two bytes."""
    pieces = body.split(".") if body else []
    if any(len(piece) % 2 or not piece for piece in pieces):
        raise ValueError(f"CAN frame {text!r}: data must be pairs of hex digits, not {body!r}")
    return b"".join(parse_number(piece, text).to_bytes(len(piece) // 2, "big") for piece in pieces)
