"""Compare datagrams and messages with the stdlib's, argument by argument.

Each call gives or raises what the stdlib's call does.
"""

from __future__ import annotations

import array
import re
import socket as stdlib
import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

import pytest

import famsock

IP_RECVTTL = 12  # linux/in.h

pytestmark = pytest.mark.usefixtures("descriptors")

Pair = tuple[stdlib.socket, stdlib.socket]
SENT = b"0123456789"
TTL = stdlib.IPPROTO_IP, stdlib.IP_TTL, struct.pack("i", 3)


_COUNTED = re.compile(
    r"takes .* arguments?|missing .* argument|expected .* arguments?|unexpected|invalid keyword"
)


class Peek(IntEnum):
    FLAG = stdlib.MSG_PEEK


class Cut(bytearray):
    """A subclass, which has its own kind of buffer."""


@pytest.fixture
def pairs() -> Iterator[dict[str, Pair]]:
    """Two bound UDP sockets of each module; the receiver tells its TTL and waits for nothing."""
    made = {}
    for module in (stdlib, famsock):
        a, b = (module.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) for _ in range(2))
        for sock in (a, b):
            sock.bind(("127.0.0.1", 0))
        b.setsockopt(stdlib.IPPROTO_IP, IP_RECVTTL, 1)
        b.settimeout(0.05)
        made[module.__name__] = a, b
    yield made
    for pair in made.values():
        for sock in pair:
            sock.close()


def shown(pair: Pair, call: Callable[[], Any]) -> Any:
    """Return what a call gives or raises, with the pair's own ports by name."""
    ports = {sock.getsockname(): name for sock, name in zip(pair, "ab", strict=True)}
    try:
        result = call()
    except Exception as error:
        return type(error), str(error)
    if isinstance(result, tuple):
        return [ports.get(item, item) if isinstance(item, tuple) else item for item in result]
    return result


def without_counts(outcome: Any) -> Any:
    """An outcome without a message on the number or names of the arguments, which every version
    of Python words differently; the type of the exception stays."""
    if isinstance(outcome, tuple) and outcome[0] is TypeError and _COUNTED.search(outcome[1]):
        return TypeError
    return outcome


def outcomes(pairs: dict[str, Pair], once: Callable[[Pair], Any]) -> list[list[Any]]:
    """Return what becomes of the same on each side, twice: then all addresses are known."""
    return [[once(pair) for _ in range(2)] for pair in pairs.values()]


SENDMSG: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "one": lambda to: ([SENT], [], 0, to),
    "tuples": lambda to: ((SENT, b"more"), (), 0, to),
    "nothing": lambda to: ([], [], 0, to),
    "an empty piece": lambda to: ([b""], [], 0, to),
    "a bytearray": lambda to: ([bytearray(SENT), SENT], [], 0, to),
    "a memoryview": lambda to: ([memoryview(SENT)], [], 0, to),
    "a strided one": lambda to: ([memoryview(SENT)[::2]], [], 0, to),
    "an array": lambda to: ([array.array("i", range(5))], [], 0, to),
    "a generator": lambda to: ((SENT for _ in range(3)), iter([TTL]), 0, to),
    "bytes for buffers": lambda to: (SENT, [], 0, to),
    "text": lambda to: (["text"], [], 0, to),
    "no buffers": lambda to: (None, [], 0, to),
    "many": lambda to: ([b"x"] * 1024, [], 0, to),
    "too many": lambda to: ([b"x"] * 1025, [], 0, to),
    "control": lambda to: ([SENT], [TTL], 0, to),
    "control in a tuple": lambda to: ([SENT], (TTL,), 0, to),
    "control of two": lambda to: ([SENT], [TTL[:2]], 0, to),
    "control of four": lambda to: ([SENT], [(*TTL, 1)], 0, to),
    "control of None": lambda to: ([SENT], [None], 0, to),
    "control of bytes": lambda to: ([SENT], [b"abc"], 0, to),
    "control of a word": lambda to: ([SENT], ["abc"], 0, to),
    "control of a dict": lambda to: ([SENT], [dict(enumerate(TTL))], 0, to),
    "control of a set": lambda to: ([SENT], [{1, 2, 3}], 0, to),
    "control in lists": lambda to: ([SENT], [[*TTL]], 0, to),
    "control of text": lambda to: ([SENT], [(0, 2, "text")], 0, to),
    "control in an array": lambda to: ([SENT], [(0, 2, array.array("i", [3]))], 0, to),
    "control with a float": lambda to: ([SENT], [(0.0, 2, TTL[2])], 0, to),
    "control with too much": lambda to: ([SENT], [(1 << 40, 2, TTL[2])], 0, to),
    "control that is none": lambda to: ([SENT], [(0, 999, TTL[2])], 0, to),
    "no control": lambda to: ([SENT], None, 0, to),
    "a flag": lambda to: ([SENT], [], stdlib.MSG_DONTWAIT, to),
    "a flag class of its own": lambda to: ([SENT], [], Peek(2) & 0, to),
    "a bool": lambda to: ([SENT], [], False, to),
    "a flag that is none": lambda to: ([SENT], [], stdlib.MSG_OOB, to),
    "a float flag": lambda to: ([SENT], [], 0.0, to),
    "too great a flag": lambda to: ([SENT], [], 1 << 31, to),
    "too small a flag": lambda to: ([SENT], [], -(1 << 40), to),
    "a copy of the address": lambda to: ([SENT], [], 0, (*to,)),
    "a host by name": lambda to: ([SENT], [], 0, ("localhost", to[1])),
    "no address": lambda to: ([SENT], [], 0, None),
    "too long": lambda to: ([bytes(65508)], [], 0, to),
    "one argument": lambda to: ([SENT],),
    "three arguments": lambda to: ([SENT], [], 0),
    "five arguments": lambda to: ([SENT], [], 0, to, 1),
    "none": lambda to: (),
}


@pytest.mark.parametrize("name", SENDMSG)
@pytest.mark.parametrize("connected", [False, True])
def test_sendmsg(pairs: dict[str, Pair], name: str, connected: bool) -> None:
    def once(pair: Pair) -> Any:
        a, b = pair
        if connected:
            a.connect(b.getsockname())
        a.sendmsg([b"known"], [], 0, b.getsockname())
        b.recv(10)
        sent = shown(pair, lambda: a.sendmsg(*SENDMSG[name](b.getsockname())))
        sent = without_counts(sent)
        return sent, shown(pair, lambda: b.recvmsg(3000, 100))

    theirs, ours = outcomes(pairs, once)
    assert ours == theirs


RECEIVING: dict[str, Callable[[Any], Any]] = {
    "recvmsg 1": lambda s: s.recvmsg(20),
    "recvmsg 2": lambda s: s.recvmsg(20, 100),
    "recvmsg 3": lambda s: s.recvmsg(20, 100, stdlib.MSG_PEEK),
    "recvmsg cut": lambda s: s.recvmsg(5, 100),
    "recvmsg with cut control": lambda s: s.recvmsg(20, 18),
    "recvmsg of nothing": lambda s: s.recvmsg(0, 0, 0),
    "recvmsg of much": lambda s: s.recvmsg(1 << 20, 5000),
    "recvmsg by an enum": lambda s: s.recvmsg(20, 100, Peek.FLAG),
    "recvmsg by a bool": lambda s: s.recvmsg(True, False, False),
    "recvmsg of less than nothing": lambda s: s.recvmsg(-1),
    "recvmsg of less control": lambda s: s.recvmsg(1, -1),
    "recvmsg of too much": lambda s: s.recvmsg(1 << 70),
    "recvmsg of too much control": lambda s: s.recvmsg(1, 1 << 31),
    "recvmsg by a float": lambda s: s.recvmsg(20.0),
    "recvmsg by too great a flag": lambda s: s.recvmsg(20, 0, 1 << 31),
    "recvmsg by a negative flag": lambda s: s.recvmsg(20, 0, -(1 << 31) | stdlib.MSG_PEEK),
    "recvmsg of text": lambda s: s.recvmsg("20"),
    "recvmsg 0": lambda s: s.recvmsg(),
    "recvmsg 4": lambda s: s.recvmsg(20, 100, 0, 0),
    "recvmsg_into 1": lambda s: s.recvmsg_into([bytearray(20)]),
    "recvmsg_into 2": lambda s: s.recvmsg_into((bytearray(4), bytearray(20)), 100),
    "recvmsg_into 3": lambda s: s.recvmsg_into([bytearray(4)], 100, stdlib.MSG_PEEK),
    "recvmsg_into a view": lambda s: s.recvmsg_into([memoryview(bytearray(20))], 100),
    "recvmsg_into an array": lambda s: s.recvmsg_into([array.array("i", [0] * 5)], 100),
    "recvmsg_into a subclass": lambda s: s.recvmsg_into([Cut(20)], 100),
    "recvmsg_into a generator": lambda s: s.recvmsg_into(bytearray(4) for _ in range(3)),
    "recvmsg_into nothing": lambda s: s.recvmsg_into([], 0),
    "recvmsg_into an empty one": lambda s: s.recvmsg_into([bytearray()], 0),
    "recvmsg_into bytes": lambda s: s.recvmsg_into([b"read-only"]),
    "recvmsg_into a read-only view": lambda s: s.recvmsg_into([memoryview(b"read-only")]),
    "recvmsg_into None": lambda s: s.recvmsg_into(None),
    "recvmsg_into one buffer": lambda s: s.recvmsg_into(bytearray(20)),
    "recvmsg_into with less control": lambda s: s.recvmsg_into([bytearray(20)], -1),
    "recvmsg_into by too great a flag": lambda s: s.recvmsg_into([bytearray(20)], 0, 1 << 31),
    "recvmsg_into 0": lambda s: s.recvmsg_into(),
    "recvmsg_into 4": lambda s: s.recvmsg_into([bytearray(20)], 0, 0, 0),
    "recvfrom_into 1": lambda s: s.recvfrom_into(bytearray(20)),
    "recvfrom_into 2": lambda s: s.recvfrom_into(bytearray(20), 5),
    "recvfrom_into 3": lambda s: s.recvfrom_into(bytearray(20), 0, stdlib.MSG_PEEK),
    "recvfrom_into by names": lambda s: s.recvfrom_into(bytearray(20), nbytes=5, flags=2),
    "recvfrom_into all by names": lambda s: s.recvfrom_into(buffer=bytearray(20)),
    "recvfrom_into an unknown name": lambda s: s.recvfrom_into(bytearray(20), bytes=5),
    "recvfrom_into a view": lambda s: s.recvfrom_into(memoryview(bytearray(20))[2:9]),
    "recvfrom_into an array": lambda s: s.recvfrom_into(array.array("i", [0] * 5)),
    "recvfrom_into wide items": lambda s: s.recvfrom_into(memoryview(array.array("q", [0] * 2))),
    "recvfrom_into a subclass": lambda s: s.recvfrom_into(Cut(20), 5),
    "recvfrom_into nothing": lambda s: s.recvfrom_into(bytearray()),
    "recvfrom_into more than there is": lambda s: s.recvfrom_into(bytearray(20), 21),
    "recvfrom_into less than nothing": lambda s: s.recvfrom_into(bytearray(20), -1),
    "recvfrom_into bytes": lambda s: s.recvfrom_into(b"read-only"),
    "recvfrom_into a read-only view": lambda s: s.recvfrom_into(memoryview(b"read-only")),
    "recvfrom_into a strided view": lambda s: s.recvfrom_into(memoryview(bytearray(20))[::2]),
    "recvfrom_into by a float": lambda s: s.recvfrom_into(bytearray(20), 5.0),
    "recvfrom_into by too great a flag": lambda s: s.recvfrom_into(bytearray(20), 0, 1 << 31),
    "recvfrom_into 0": lambda s: s.recvfrom_into(),
    "recvfrom_into 4": lambda s: s.recvfrom_into(bytearray(20), 5, 0, 0),
    "recvfrom by an enum": lambda s: s.recvfrom(20, Peek.FLAG),
    "recvfrom of too much": lambda s: s.recvfrom(1 << 70),
    "recvfrom by too great a flag": lambda s: s.recvfrom(20, 1 << 31),
    "recvfrom 0": lambda s: s.recvfrom(),
    "recvfrom 3": lambda s: s.recvfrom(20, 0, 0),
}


@pytest.mark.parametrize("name", RECEIVING)
def test_receiving(pairs: dict[str, Pair], name: str) -> None:
    def once(pair: Pair) -> Any:
        a, b = pair
        a.sendto(SENT, b.getsockname())
        b.recvfrom(0)
        a.sendto(SENT, b.getsockname())
        got = without_counts(shown(pair, lambda: RECEIVING[name](b)))
        return got, shown(pair, lambda: b.recvfrom(20))

    theirs, ours = outcomes(pairs, once)
    assert ours == theirs


@pytest.mark.parametrize("kind", [bytearray, lambda size: memoryview(bytearray(size))])
def test_the_data_is_where_it_belongs(pairs: dict[str, Pair], kind: Callable[[int], Any]) -> None:
    a, b = pairs["famsock"]
    one, two, three = kind(14), kind(4), kind(20)
    a.sendto(SENT, b.getsockname())
    b.recvfrom_into(one)
    a.sendto(SENT, b.getsockname())
    b.recvmsg_into([two, three])
    assert (bytes(one), bytes(two), bytes(three)) == (
        SENT + bytes(4),
        SENT[:4],
        SENT[4:] + bytes(14),
    )


@pytest.mark.parametrize(
    "receive",
    [
        lambda s: s.recvfrom_into(bytearray(9)),
        lambda s: s.recvmsg(9),
        lambda s: s.recvmsg_into([bytearray(9)]),
    ],
)
def test_waiting_and_closed(pairs: dict[str, Pair], receive: Callable[[Any], Any]) -> None:
    def once(pair: Pair) -> Any:
        sock = pair[1]
        sock.settimeout(0.01)
        waited = shown(pair, lambda: receive(sock))
        sock.setblocking(False)
        return waited, shown(pair, lambda: receive(sock))

    theirs, ours = outcomes(pairs, once)
    assert ours == theirs
    for pair in pairs.values():
        pair[1].close()
    told = []
    for _, closed in pairs.values():
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            receive(closed)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_a_released_view(pairs: dict[str, Pair]) -> None:
    def once(pair: Pair) -> Any:
        view = memoryview(bytearray(9))
        view.release()
        return [
            shown(pair, lambda: pair[1].recvfrom_into(view)),
            shown(pair, lambda: pair[1].recvmsg_into([view])),
            shown(pair, lambda: pair[0].sendmsg([view], [], 0, pair[1].getsockname())),
        ]

    theirs, ours = outcomes(pairs, once)
    assert ours == theirs
