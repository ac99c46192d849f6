"""Parameter Group Numbers of J1939: PDU1 and PDU2 (SAE J1939-21, linux/can/j1939.h)."""

from __future__ import annotations

from famsock.plugin import codecs
from famsock_can.constants import J1939_PGN_MAX

__all__ = [
    "clean_pgn",
    "is_pdu1",
]

_PDU2_FIRST_FORMAT = 240


def is_pdu1(pgn: int) -> bool:
    """Return whether messages of a PGN have a destination: its PDU format is below 240."""
    return pgn >> 8 & 0xFF < _PDU2_FIRST_FORMAT


def clean_pgn(pgn: int) -> int:
    """Return a PGN as the kernel wants it: without the destination in the low byte of a PDU1."""
    return pgn & ~0xFF if is_pdu1(pgn) else pgn


def check_pgn(pgn: int) -> int:
    """Return a PGN, 0-0x3ffff, that is clean; OverflowError or ValueError if it is not."""
    pgn = codecs.check_int("J1939 pgn", pgn, J1939_PGN_MAX, 0, hex)
    if pgn != clean_pgn(pgn):
        raise ValueError(f"J1939 pgn {pgn:#x} is a PDU1: its low byte must be 0")
    return pgn
