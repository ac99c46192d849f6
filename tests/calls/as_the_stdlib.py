"""Calls with datagrams and messages, right ones and wrong ones, which the stdlib makes too.

``python -m tests.calls.as_the_stdlib MEANS`` makes each of `CASES` twice on the stdlib's sockets
and on famsock's while something is out of reach, as `tests.out_of_reach` takes it away. Prints
JSON: how many calls were compared, how many of them fail, and those whose error differs.
"""

from __future__ import annotations

import array
import json
import os
import resource
import socket as stdlib
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any, NamedTuple

import famsock
from famsock.testing.namespaces import unshare_network
from tests.out_of_reach import outcome, without

IP_RECVTTL = 12  # linux/in.h
TIMEOUT_S = 60

Pair = tuple[stdlib.socket, stdlib.socket]
SENT = b"0123456789"
TTL = stdlib.IPPROTO_IP, stdlib.IP_TTL, struct.pack("i", 3)


class Peek(IntEnum):
    FLAG = stdlib.MSG_PEEK


class Cut(bytearray):
    """A subclass, which has its own kind of buffer."""


def new_pair(module: Any) -> Pair:
    """Two bound UDP sockets of a module; the second is the receiver and tells its TTL."""
    a, b = (module.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) for _ in range(2))
    for sock in (a, b):
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(TIMEOUT_S)
    b.setsockopt(stdlib.IPPROTO_IP, IP_RECVTTL, 1)
    return a, b


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

WAITING: dict[str, Callable[[Any], Any]] = {
    "recvfrom_into": lambda s: s.recvfrom_into(bytearray(9)),
    "recvmsg": lambda s: s.recvmsg(9),
    "recvmsg_into": lambda s: s.recvmsg_into([bytearray(9)]),
}

WITH_A_BUFFER: dict[str, Callable[[Pair, Any], Any]] = {
    "recvfrom_into": lambda pair, view: pair[1].recvfrom_into(view),
    "recvmsg_into": lambda pair, view: pair[1].recvmsg_into([view]),
    "sendmsg": lambda pair, view: pair[0].sendmsg([view], [], 0, pair[1].getsockname()),
}


class Case(NamedTuple):
    """A call with a pair of sockets, what is to be done before, and what shows its result."""

    prepare: Callable[[Pair], object]
    call: Callable[[Pair], Any]
    after: Callable[[Pair], Any]


def nothing(pair: Pair) -> None:
    """Do nothing."""


def sending(arguments: Callable[[Any], tuple[Any, ...]], connected: bool) -> Case:
    def prepare(pair: Pair) -> None:
        a, b = pair
        if connected:
            a.connect(b.getsockname())
        a.sendmsg([b"known"], [], 0, b.getsockname())
        b.recv(10)

    return Case(
        prepare,
        lambda pair: pair[0].sendmsg(*arguments(pair[1].getsockname())),
        lambda pair: pair[1].recvmsg(3000, 100),
    )


def receiving(call: Callable[[Any], Any]) -> Case:
    def prepare(pair: Pair) -> None:
        a, b = pair
        a.sendto(SENT, b.getsockname())
        b.recvfrom(0)
        a.sendto(SENT, b.getsockname())

    return Case(prepare, lambda pair: call(pair[1]), lambda pair: pair[1].recvfrom(20))


def waiting(prepare: Callable[[stdlib.socket], None], call: Callable[[Any], Any]) -> Case:
    return Case(lambda pair: prepare(pair[1]), lambda pair: call(pair[1]), nothing)


def with_a_released_view(call: Callable[[Pair, Any], Any]) -> Case:
    def made(pair: Pair) -> Any:
        view = memoryview(bytearray(9))
        view.release()
        return call(pair, view)

    return Case(nothing, made, nothing)


CASES: dict[str, Case] = {
    **{f"sendmsg: {name}": sending(given, False) for name, given in SENDMSG.items()},
    **{f"sendmsg, connected: {name}": sending(given, True) for name, given in SENDMSG.items()},
    **{name: receiving(call) for name, call in RECEIVING.items()},
    **{f"{name}, in time": waiting(lambda s: s.settimeout(0.01), c) for name, c in WAITING.items()},
    **{f"{name}, at once": waiting(lambda s: s.settimeout(0), c) for name, c in WAITING.items()},
    **{f"{name}, closed": waiting(lambda s: s.close(), c) for name, c in WAITING.items()},
    **{f"{name} a released view": with_a_released_view(c) for name, c in WITH_A_BUFFER.items()},
}


def fill() -> None:
    """Take the descriptors that closed sockets gave back."""
    with suppress(OSError):
        while True:
            os.dup(0)


def main(means: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 14, 1 << 14))
    with suppress(OSError):  # where it may: no name server answers in it, or keeps a call waiting
        unshare_network()
    pairs = {name: (new_pair(stdlib), new_pair(famsock)) for name in CASES}
    failing, differing = 0, []
    with without(means):
        for (name, case), each in zip(CASES.items(), pairs.values(), strict=True):
            outcomes: list[list[Any]] = [[], []]
            for found, pair in zip(outcomes, each, strict=True):
                for _ in range(2):  # then all addresses are known
                    case.prepare(pair)
                    if means == "descriptors":
                        fill()
                    found.append(outcome(pair, case.call))
            theirs, ours = outcomes
            failing += isinstance(theirs[0], tuple)
            if ours != theirs:
                differing.append(f"{name}: {ours}, not {theirs}")
    print(json.dumps({"compared": len(CASES), "failing": failing, "differing": differing}))


if __name__ == "__main__":
    main(sys.argv[1])
