"""Wrong arguments of every method, whose errors are those of the running Python's own socket."""

from __future__ import annotations

import socket as stdlib
import sys
from collections.abc import Iterable
from typing import Any

import pytest

import famsock
from tests.calls.argument_errors import (
    METHODS,
    Given,
    Method,
    arguments,
    pairs_of_arguments,
    raised,
)

KINDS = {
    "AF_INET": (stdlib.SOCK_DGRAM, 0),
    "AF_NETLINK": (stdlib.SOCK_RAW, 0),
    "AF_VSOCK": (stdlib.SOCK_STREAM, 0),
}
"""AF_VSOCK has options of another size."""


def pair(family: str, is_open: bool) -> tuple[Any, Any]:
    """A socket of each module that waits for nothing."""
    kind, proto = KINDS[family]
    made = []
    for module in (stdlib, famsock):
        sock = module.socket(getattr(stdlib, family), kind, proto)
        sock.setblocking(False)
        if not is_open:
            sock.close()
        made.append(sock)
    return made[0], made[1]


def is_documented(family: str, method: Method, named: Any, ours: Any, theirs: Any) -> bool:
    """Whether famsock differs here for a reason that is stated.

    An option of AF_VSOCK may be bytes or any index, which CPython refuses (an index until 3.13),
    and an int must fit the option, which CPython cuts. A keyword is refused before the method
    runs: a TypeError, in its own words.
    """
    if named and ours != "done" and theirs != "done":
        return ours[0] is theirs[0] is TypeError
    if family == "AF_VSOCK" and method.name in ("getsockopt", "setsockopt"):
        kinds = "bytes", "bytearray", "memoryview", "_Index"
        is_better = any(theirs[1].strip("()").endswith(kind) for kind in kinds)
        words = "string buffer not allowed" in theirs[1] or (
            "argument 3" in theirs[1] and is_better
        )
        return words or ours[0] is OverflowError
    return False


def compare(family: str, method: Method, given: Iterable[Given], is_open: bool) -> int:
    """Make calls on both sides; AssertionError where they differ. The number of refused ones."""
    sockets = pair(family, is_open)
    refused, differing = 0, []
    for name, positional, named in given:
        theirs, ours = (raised(getattr(sock, method.name), positional, named) for sock in sockets)
        refused += theirs != "done" and theirs[2] is None
        if ours != theirs and not is_documented(family, method, named, ours, theirs):
            differing.append(f"{name}: {ours}, not {theirs}")
        if is_open and "done" in (ours, theirs):  # bound or connected: the next call has new ones
            for sock in sockets:
                sock.close()
            sockets = pair(family, is_open)
    for sock in sockets:
        sock.close()
    assert differing == []
    return refused


def cases(families: Iterable[str]) -> list[Any]:
    return [
        pytest.param(
            family,
            method,
            marks=pytest.mark.needs_family(family),
            id=f"{family}-{method.name}-{len(method.usual)}",
        )
        for family in families
        for method in METHODS
    ]


@pytest.mark.parametrize(("family", "method"), cases(["AF_INET"]))
def test_wrong_arguments_on_an_open_socket(family: str, method: Method) -> None:
    assert compare(family, method, arguments(method), is_open=True) > 0


@pytest.mark.parametrize(("family", "method"), cases(KINDS))
def test_wrong_arguments_on_a_closed_socket(family: str, method: Method) -> None:
    assert compare(family, method, arguments(method), is_open=False) > 0


@pytest.mark.slow
@pytest.mark.parametrize(("family", "method"), [c for c in cases(KINDS) if len(c[0][1].usual) > 1])
def test_two_wrong_arguments(family: str, method: Method) -> None:
    """The one is named that the stdlib checks first."""
    given = pairs_of_arguments(method)
    assert compare(family, method, given, is_open=False) > 500


def test_no_audit_event_is_made_twice_or_left_out() -> None:
    """A refused call makes the audit events that the stdlib's makes, of the socket itself."""
    events: list[tuple[str, int]] = []
    watched: dict[int, int] = {}

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if watched and event.startswith("socket."):
            events.append((event, watched.get(id(given[0]), -1)))

    sys.addaudithook(hook)
    try:
        for method in METHODS:
            sides = pair("AF_INET", is_open=True)
            for name, positional, named in arguments(method):
                told = []
                for sock in sides:
                    watched.clear()
                    watched[id(sock)] = 0
                    events.clear()
                    raised(getattr(sock, method.name), positional, named)
                    told.append([*events])
                    watched.clear()
                assert told[0] == told[1], (method.name, name)
            for sock in sides:
                sock.close()
    finally:
        watched.clear()
