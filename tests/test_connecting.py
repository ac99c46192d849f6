"""Connecting to the first of several addresses that answers (RFC 8305)."""

from __future__ import annotations

import errno
import socket as stdlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import endpoints
from famsock._connecting import connect_first, failure, first_of, interleaved
from famsock.plugin import Candidate

V4 = stdlib.AF_INET
V6 = stdlib.AF_INET6


def candidate(text: str) -> Candidate:
    return Candidate(endpoints.parse(f"tcp://{text}").address)


def opened(made: list[famsock.socket]) -> Any:
    def make(each: Candidate) -> famsock.socket:
        made.append(famsock.socket(each.address.family, stdlib.SOCK_STREAM))
        return made[-1]

    return make


@pytest.fixture
def refused() -> Iterator[Candidate]:
    """An address that nobody listens at."""
    with famsock.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield candidate(f"127.0.0.1:{sock.getsockname()[1]}")


@pytest.fixture
def silent() -> Iterator[Candidate]:
    """An address that does not answer: the queue of its listener is full."""
    with ExitStack() as stack:
        server = stack.enter_context(famsock.listen("tcp://127.0.0.1:0?backlog=0"))
        place = server.getsockname()
        stack.enter_context(famsock.create_connection(place, 20))
        while True:  # until the kernel lets no more wait
            try:
                stack.enter_context(famsock.create_connection(place, 0.3))
            except TimeoutError:
                break
        yield candidate(f"127.0.0.1:{place[1]}")


@pytest.fixture
def server() -> Iterator[famsock.socket]:
    with famsock.listen("tcp://127.0.0.1:0") as server:
        yield server


def at(server: famsock.socket) -> Candidate:
    return candidate(f"127.0.0.1:{server.getsockname()[1]}")


def test_families_take_turns() -> None:
    four, six = [candidate(f"10.0.0.{n}:1") for n in (1, 2, 3)], [candidate("[::1]:1")]
    assert interleaved([*four, *six]) == [four[0], six[0], four[1], four[2]]
    assert interleaved([*six, *four]) == [six[0], *four]
    assert interleaved([four[0], four[0]]) == [four[0]]
    assert interleaved([]) == []


def test_the_one_that_answers_counts(
    refused: Candidate, silent: Candidate, server: famsock.socket
) -> None:
    made: list[famsock.socket] = []
    candidates = [refused, silent, at(server)]
    with connect_first(candidates, opened(made), 20, delay_s=0.05) as sock:
        assert sock.getpeername() == server.getsockname()
        assert sock.gettimeout() == 20
        assert [s.fileno() >= 0 for s in made] == [False, False, True]
        with server.accept()[0] as accepted:
            sock.sendall(b"x")
            assert accepted.recv(1) == b"x"


def test_a_refusal_is_not_waited_for(refused: Candidate, server: famsock.socket) -> None:
    begin = time.monotonic()
    with connect_first([refused, at(server)], opened([]), delay_s=60):
        assert time.monotonic() - begin < 30


def test_the_next_begins_after_a_while(silent: Candidate, server: famsock.socket) -> None:
    begin = time.monotonic()
    with connect_first([silent, at(server)], opened([]), delay_s=0.2) as sock:
        assert time.monotonic() - begin >= 0.19
        assert sock.gettimeout() is None


@pytest.mark.usefixtures("descriptors")
def test_nobody_answers(refused: Candidate, silent: Candidate) -> None:
    made: list[famsock.socket] = []
    with pytest.raises(ConnectionRefusedError) as caught:
        connect_first([refused, refused], opened(made))
    assert len(caught.value.__notes__) >= 2
    assert str(refused.address) in caught.value.__notes__[-1]
    with pytest.raises(TimeoutError, match="timed out") as timed_out:
        connect_first([silent, silent, refused], opened(made), 0.5, delay_s=0.1)
    assert timed_out.value.errno is None
    assert [sock.fileno() for sock in made] == [-1] * len(made)


@pytest.mark.usefixtures("descriptors")
def test_an_exception_closes_all(silent: Candidate) -> None:
    made: list[famsock.socket] = []
    make = opened(made)

    def fail(each: Candidate) -> famsock.socket:
        if len(made) == 2:
            raise KeyboardInterrupt
        return make(each)  # type: ignore[no-any-return]

    with pytest.raises(KeyboardInterrupt):
        connect_first([silent, silent, silent], fail, delay_s=0.01)
    assert [sock.fileno() for sock in made] == [-1, -1]


@pytest.mark.usefixtures("descriptors")
def test_a_socket_that_cannot_be_made_is_a_failed_attempt(server: famsock.socket) -> None:
    def make(each: Candidate) -> famsock.socket:
        if each.address.family == V6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6 here")
        return famsock.socket(V4, stdlib.SOCK_STREAM)

    with connect_first([candidate("[::1]:1"), at(server)], make) as sock:
        assert sock.family == V4
    with pytest.raises(OSError, match="no IPv6 here"):
        connect_first([candidate("[::1]:1")], make)


def test_no_address_and_no_time() -> None:
    with pytest.raises(OSError, match="no address to use"):
        connect_first([], opened([]))
    with pytest.raises(ValueError, match="Timeout value out of range"):
        connect_first([candidate("127.0.0.1:1")], opened([]), -1)


def test_the_first_that_can_be_bound() -> None:
    one, two = candidate("10.0.0.1:1"), candidate("10.0.0.2:1")
    assert first_of([one, two], lambda each: each) is one

    def fail(each: Candidate) -> int:
        raise OSError(errno.EADDRINUSE if each is one else errno.EACCES, "refused")

    with pytest.raises(OSError, match="refused") as caught:
        first_of([one, two], fail)
    assert caught.value.errno == errno.EACCES
    assert caught.value.__notes__ == [
        f"10.0.0.1:1: [Errno {errno.EADDRINUSE}] refused",
        f"10.0.0.2:1: [Errno {errno.EACCES}] refused",
    ]
    assert not hasattr(failure([(one.address, OSError("only"))]), "__notes__")


@pytest.mark.usefixtures("descriptors")
def test_a_connection_that_does_not_begin_is_none(tmp_path: Path) -> None:
    """A path whose listener's queue is full: EAGAIN, and the socket is writable all the same."""
    full, free = (endpoints.parse(f"unix://{tmp_path}/{name}") for name in ("full", "free"))
    with ExitStack() as stack:
        stack.enter_context(full.listen(0))
        error = 0
        while not error:
            waiting = stack.enter_context(full.open())
            waiting.setblocking(False)
            error = waiting.connect_ex(full.address)
        assert error == errno.EAGAIN
        server = stack.enter_context(free.listen())
        candidates = [Candidate(full.address), Candidate(free.address)]
        with connect_first(candidates, lambda each: full.open(), 20) as client:
            assert client.getpeername() == server.getsockname()
