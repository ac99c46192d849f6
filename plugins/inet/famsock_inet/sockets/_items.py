"""Control messages of one integer each, made without their objects, for calls that send many."""

from __future__ import annotations

import struct
from collections.abc import Callable

from famsock.plugin import ControlType

Item = tuple[int, int, bytes]


def packer(kind: ControlType[int], code: str) -> Callable[[int], Item]:
    """Return a function that makes the (level, type, data) of an integer, in the format ``code``.

    It gives what ``kind(value).pack()`` gives, and refuses what that refuses, in its words.
    """
    level, number, pack = kind.level, kind.number, struct.Struct("=" + code).pack

    def item(value: int) -> Item:
        try:
            return level, number, pack(value)
        except (struct.error, ValueError):  # the latter on PyPy, for a number below 0
            return kind(value).pack()

    return item
