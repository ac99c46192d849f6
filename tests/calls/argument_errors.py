"""Every method that famsock redefines, with wrong arguments, beside the running Python's own.

A method has usual arguments. Each is replaced by each of `VALUES`, by itself and together with
another one, so that the order of the checks shows. There are too few arguments, too many, and
keywords.
"""

from __future__ import annotations

import socket as stdlib
from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any, NamedTuple


class _Index:
    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


class _BadIndex:
    def __index__(self) -> int:
        raise ZeroDivisionError("__index__")


class _WrongIndex:
    def __index__(self) -> Any:
        return "one"


class _Pieces:
    """A sequence that is neither a tuple nor a list."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: int) -> Any:
        return self.items[at]


class _BadIterable:
    def __iter__(self) -> Iterator[Any]:
        raise ZeroDivisionError("__iter__")


class _Int(int):
    pass


class _Text(str):
    pass


def _released() -> memoryview:
    view = memoryview(bytearray(9))
    view.release()
    return view


NUMBERS: dict[str, Any] = {
    "0": 0,
    "1": 1,
    "-1": -1,
    "65536": 65536,
    "2**31": 1 << 31,
    "-2**31-1": -(1 << 31) - 1,
    "2**32": 1 << 32,
    "2**63": 1 << 63,
    "2**80": 1 << 80,
    "-2**80": -(1 << 80),
    "True": True,
    "1.5": 1.5,
    "nan": float("nan"),
    "1j": 1j,
    "an index": _Index(1),
    "a great index": _Index(1 << 40),
    "an index that raises": _BadIndex(),
    "an index that is none": _WrongIndex(),
    "a subclass of int": _Int(7),
}
_GREAT = ("2**31", "2**32", "a great index")
VALUES: dict[str, Any] = NUMBERS | {
    "None": None,
    "text": "text",
    "no text": "",
    "a surrogate": "\udc80",
    "a NUL": "a\0b",
    "a subclass of str": _Text("text"),
    "bytes": b"bytes",
    "no bytes": b"",
    "a bytearray": bytearray(b"bytearray"),
    "a view": memoryview(bytearray(b"view")),
    "a read-only view": memoryview(b"view"),
    "a strided view": memoryview(bytearray(20))[::2],
    "a released view": _released(),
    "a list": [],
    "a tuple": (),
    "a list of bytes": [b"one", b"two"],
    "a list of text": ["one"],
    "a list of None": [None],
    "a list of lists": [[], [1]],
    "a pair": ("127.0.0.1", 0),
    "a dict": {},
    "a dict of one": {1: 2},
    "a set": {1},
    "an object": object(),
    "a class": int,
    "a function": len,
    "an iterable that raises": _BadIterable(),
}

_DATA = b"\x03\0\0\0"
ITEMS: dict[str, Any] = {
    **{f"level {name}": (value, 2, _DATA) for name, value in VALUES.items()},
    **{f"type {name}": (0, value, _DATA) for name, value in VALUES.items()},
    **{f"data {name}": (0, 2, value) for name, value in VALUES.items()},
    **{f"item {name}": value for name, value in VALUES.items()},
    "two": (0, 2),
    "four": (0, 2, _DATA, 1),
    "a list of three": [0, 2, _DATA],
    "a list of two": [0, 2],
    "a sequence": _Pieces(0, 2, _DATA),
    "a short sequence": _Pieces(0, 2),
    "three letters": "abc",
    "three bytes": b"abc",
    "a dict of three": {0: 0, 1: 2, 2: _DATA},
    "a range": range(3),
    "two wrong ones": (1.5, None, "text"),
}
"""Items of ancillary data; (0, 2) is IP_TTL."""


class Method(NamedTuple):
    """A method with usual arguments, and the names that its parameters have here or in CPython."""

    name: str
    usual: tuple[Any, ...]
    names: tuple[str, ...] = ()


METHODS = [
    Method("bind", (("127.0.0.1", 0),), ("address",)),
    Method("connect", (("127.0.0.1", 0),), ("address",)),
    Method("connect_ex", (("127.0.0.1", 0),), ("address",)),
    Method("sendto", (b"data", 0, ("127.0.0.1", 0)), ("data", "flags", "address")),
    Method("sendto", (b"data", ("127.0.0.1", 0))),
    Method("sendmsg", ([b"x"], [], 0, ("127.0.0.1", 0)), ("buffers", "ancdata", "flags")),
    Method("sendmsg", ([b"x"], [], 0)),
    Method("recvfrom", (9, 0), ("bufsize", "flags")),
    Method("recvfrom_into", (bytearray(9), 5, 0), ("buffer", "nbytes", "flags")),
    Method("recvmsg", (9, 9, 0), ("bufsize", "ancbufsize", "flags")),
    Method("recvmsg_into", ([bytearray(9)], 9, 0), ("buffers", "ancbufsize", "flags")),
    Method("getsockopt", (1, 2, 4), ("level", "option", "buflen")),
    Method("setsockopt", (1, 2, 1), ("level", "option", "value")),
    Method("setsockopt", (1, 2, None, 4)),
    Method("accept", (), ("flags",)),
    Method("_accept", ()),
    Method("getsockname", ()),
    Method("getpeername", ()),
    Method("dup", ()),
]


Given = tuple[str, tuple[Any, ...], dict[str, Any]]
"""Values for arguments, the positional ones, and the keywords."""


def values(method: Method, place: int) -> dict[str, Any]:
    """The values for an argument; none that would be a great amount of memory."""
    if place or method.name not in ("recvfrom", "recvmsg"):
        return VALUES
    return {name: value for name, value in VALUES.items() if name not in _GREAT}


def pairs_of_arguments(method: Method) -> Iterator[Given]:
    """Two wrong arguments at once."""
    for one, other in combinations(range(len(method.usual)), 2):
        for (a, x), (b, y) in product(values(method, one).items(), values(method, other).items()):
            given = [*method.usual]
            given[one], given[other] = x, y
            yield f"{one}: {a}, {other}: {b}", tuple(given), {}


def arguments(method: Method) -> Iterator[Given]:
    """One wrong argument, a wrong number of them, and keywords."""
    usual = method.usual
    places = range(len(usual))
    for at in places:
        for name, value in values(method, at).items():
            yield f"{at}: {name}", (*usual[:at], value, *usual[at + 1 :]), {}
    for count in places:
        yield f"{count} arguments", usual[:count], {}
    for count in range(1, 5):
        yield f"{count} arguments too many", (*usual, *[None] * count), {}
    for name in (*method.names, "unknown"):
        yield f"{name}=", usual, {name: 1}
        yield f"{name}= only", (), {name: 1}
    if method.names:
        named = dict(zip(method.names, usual, strict=False))
        yield "all by name", (), named
        yield "all by name and an unknown one", (), {**named, "unknown": 1}
    if method.name == "sendmsg":
        for name, item in ITEMS.items():
            for more in ((), ((0, 2, _DATA),)):
                control = [*more, item]
                yield f"{name} after {len(more)}", (usual[0], control, *usual[2:]), {}


def raised(call: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Return what a call raises: type, text and errno; "done" where it raises nothing."""
    try:
        result = call(*given, **named)
    except Exception as error:
        return type(error), str(error), getattr(error, "errno", None)
    if isinstance(result, stdlib.socket):
        result.close()
    return "done"
