"""Compare datagrams and messages with the stdlib's, argument by argument.

Each call gives or raises what the stdlib's call does. Where a descriptor, an import or a file is
out of reach, it fails as the stdlib's does there.
"""

from __future__ import annotations

import re
import socket as stdlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import famsock
from tests.calls.as_the_stdlib import CASES, SENT, TIMEOUT_S, Case, Pair, new_pair
from tests.programs import told_by
from tests.test_out_of_reach import CHROOT, LAYERS

pytestmark = pytest.mark.usefixtures("descriptors")

_COUNTED = re.compile(
    r"takes .* arguments?|missing .* argument|expected .* arguments?|unexpected|invalid keyword"
)


@pytest.fixture
def pairs() -> Iterator[dict[str, Pair]]:
    made = {module.__name__: new_pair(module) for module in (stdlib, famsock)}
    yield made
    for pair in made.values():
        for sock in pair:
            sock.close()


def shown(pair: Pair, call: Callable[[Pair], Any]) -> Any:
    """Return what a call gives or raises, with the pair's own ports by name."""
    opened = [(sock, name) for sock, name in zip(pair, "ab", strict=True) if sock.fileno() >= 0]
    ports = {sock.getsockname(): name for sock, name in opened}
    try:
        result = call(pair)
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


def made_twice(case: Case, pair: Pair) -> list[Any]:
    """Return what becomes of a call, and what it leaves, twice: then all addresses are known."""
    found = []
    for _ in range(2):
        case.prepare(pair)
        found.append(without_counts(shown(pair, case.call)))
        if pair[1].fileno() >= 0:
            pair[1].settimeout(0.05)
            found.append(shown(pair, case.after))
            pair[1].settimeout(TIMEOUT_S)
    return found


@pytest.mark.parametrize("name", CASES)
def test_as_the_stdlib(pairs: dict[str, Pair], name: str) -> None:
    theirs, ours = (made_twice(CASES[name], pair) for pair in pairs.values())
    assert ours == theirs


def out_of_reach() -> list[Any]:
    """Each means on each layer."""
    marks = {"nothing": [pytest.mark.slow], "statements": [pytest.mark.slow]}
    marks |= {"descriptors": [], "imports": [], "files": [CHROOT, pytest.mark.slow]}
    return [
        pytest.param(means, layer, marks=marked)
        for means, marked in marks.items()
        for layer in LAYERS
    ]


@pytest.mark.parametrize(("means", "layer"), out_of_reach())
def test_errors_where_something_is_out_of_reach(means: str, layer: str) -> None:
    told = told_by("tests.calls.as_the_stdlib", means, FAMSOCK_SYSCALLS=layer)
    assert told["differing"] == []
    assert told["compared"] == len(CASES)
    assert told["failing"] > 80


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
