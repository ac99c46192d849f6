"""Checks that recvmmsg and sendmmsg do the same as single calls.

``batched`` of a family lists the self-tests that send datagrams from one socket to another, or
requests with answers. The first message of such a self-test is sent again, single and in batches.
"""

from __future__ import annotations

import socket as _stdlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from famsock._sockets import socket
from famsock.address import RawAddress
from famsock.control import SCM_TIMESTAMPNS
from famsock.family import Protocol
from famsock.options import SO_TIMESTAMPNS
from famsock.testing._checks.base import IN_EMULATION, Checks
from famsock.testing._checks.live import running

_SENDING = ("send", "sendall", "sendto", "sendmsg")
_RECEIVING = ("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recv_message")
_BATCH = 3
_SILENCE_S = 0.5 if IN_EMULATION else 0.2
_PATIENCE_S = 20.0
_CONTROL_BYTES = 256
_NOBODY = RawAddress(0xFE, bytes(14))
_TOO_LONG = bytes(1 << 24)

Item = tuple[int, int, bytes]


class Sent(NamedTuple):
    """The first message of a self-test, and the socket that received it."""

    sender: socket
    receiver: socket
    data: bytes
    control: list[Item]
    address: Any

    def alone(self) -> None:
        """Send it again."""
        if self.address is None:
            self.sender.sendmsg([self.data], self.control)
        else:
            self.sender.sendmsg([self.data], self.control, 0, self.address)

    def together(self, count: int) -> int:
        """Send it again ``count`` times, in one call."""
        return self.sender.sendmmsg([(self.data, self.address, self.control)] * count)

    def received(self, receive: Callable[[], list[Any]], wanted: int | None = None) -> list[Any]:
        """Return the messages received: ``wanted``, or all until none comes any more."""
        deadline = time.monotonic() + _PATIENCE_S
        got: list[Any] = []
        self.receiver.settimeout(_PATIENCE_S if wanted else _SILENCE_S)
        while (wanted is None or len(got) < wanted) and time.monotonic() < deadline:
            try:
                got += receive()
            except TimeoutError:
                break
        return got


@contextmanager
def _replayed(selftest: tuple[Protocol, str], family: str) -> Iterator[Sent]:
    """Return the first message of a self-test, to send again; no other message waits."""
    with running(selftest, family) as round_trip:
        round_trip()
        with _watched() as calls:
            round_trip()
        (sender, data, control, address), receiver = _first(calls)
        sent = Sent(sender, receiver, data, control, address)
        before = sender.gettimeout(), receiver.gettimeout()
        sent.received(lambda: [receiver.recvmsg(1)])
        try:
            yield sent
        finally:
            sender.settimeout(before[0])
            receiver.settimeout(before[1])


def _first(calls: list[tuple[str, socket, tuple[Any, ...]]]) -> tuple[Any, socket]:
    for at, (name, sender, arguments) in enumerate(calls):
        if name in _SENDING:
            for later, receiver, _ in calls[at + 1 :]:
                if later in _RECEIVING:
                    return (sender, *_message(name, arguments)), receiver
    raise AssertionError(f"the self-test sends nothing that it receives: {calls}")


def _message(name: str, arguments: tuple[Any, ...]) -> tuple[bytes, list[Item], Any]:
    """Return data, control messages and address of a call that sends."""
    if name == "sendmsg":
        missing: tuple[Any, ...] = ((), 0, None)[len(arguments) - 1 :]
        buffers, control, _, address = arguments + missing
        return b"".join(buffers), list(control), address
    return bytes(arguments[0]), [], arguments[-1] if name == "sendto" else None


@contextmanager
def _watched() -> Iterator[list[tuple[str, socket, tuple[Any, ...]]]]:
    """Record the calls that send and receive, of all sockets, with their arguments."""
    calls: list[tuple[str, socket, tuple[Any, ...]]] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in (*_SENDING, *_RECEIVING):
            patch.setattr(socket, name, _watching(name, getattr(socket, name), calls))
        yield calls


def _watching(name: str, method: Any, calls: list[Any]) -> Any:
    def call(sock: socket, *arguments: Any, **keywords: Any) -> Any:
        calls.append((name, sock, arguments))
        return method(sock, *arguments, **keywords)

    return call


class BatchChecks(Checks):
    """Each self-test that ``batched`` names, in batches."""

    @pytest.fixture
    def sent(
        self, batched_exchange: tuple[Protocol, str], alarm: float, descriptors: None
    ) -> Iterator[Sent]:
        """Return the first message of the self-test, and what is needed to send it again."""
        with _replayed(batched_exchange, self.family) as sent:
            yield sent

    def test_batches_arrive_whole(self, sent: Sent) -> None:
        receiver = sent.receiver
        sent.alone()
        alone = sent.received(lambda: [receiver.recvfrom(65536)])
        assert alone, "what the self-test sent first is not received when it is sent again"
        assert sent.together(_BATCH) == _BATCH
        together = sent.received(lambda: receiver.recvmmsg(2, 65536), _BATCH * len(alone))
        single = Counter((len(data), address) for data, address in alone * _BATCH)
        assert Counter((len(data), address) for data, _, _, address in together) == single
        echoes = [data for data, _ in alone].count(sent.data)
        assert [data for data, *_ in together].count(sent.data) == _BATCH * echoes
        assert not any(flags & _stdlib.MSG_TRUNC for _, _, flags, _ in together)

    def test_batches_into_buffers(self, sent: Sent) -> None:
        receiver = sent.receiver
        sent.alone()
        alone = sent.received(lambda: [receiver.recvfrom(65536)])
        assert sent.together(1) == 1
        buffers = [bytearray(65536) for _ in alone]
        got: list[Any] = []
        receiver.settimeout(_PATIENCE_S)
        while len(got) < len(alone):
            got += receiver.recvmmsg_into(buffers[len(got) :])
        assert Counter((n, address) for n, _, _, address in got) == Counter(
            (len(data), address) for data, address in alone
        )
        assert [bytes(b[: m[0]]) for b, m in zip(buffers, got, strict=True)].count(sent.data) == [
            data for data, _ in alone
        ].count(sent.data)

    def test_batches_say_what_was_cut(self, sent: Sent) -> None:
        receiver = sent.receiver
        sent.alone()
        alone = sent.received(lambda: [receiver.recvmsg(1)])
        assert alone
        assert all(flags & _stdlib.MSG_TRUNC for _, _, flags, _ in alone)
        sent.together(_BATCH)
        cut = sent.received(lambda: receiver.recvmmsg(_BATCH, 1), _BATCH * len(alone))
        assert len(cut) == _BATCH * len(alone)
        assert all(len(data) == 1 and flags & _stdlib.MSG_TRUNC for data, _, flags, _ in cut)

    def test_batches_carry_control_messages(self, sent: Sent) -> None:
        receiver = sent.receiver
        receiver.set_option(SO_TIMESTAMPNS, True)
        sent.alone()
        sent.received(lambda: [receiver.recvmsg(1)])  # the kernel begins a moment after it is asked
        before_ns = time.time_ns()
        sent.alone()
        alone = sent.received(lambda: [receiver.recvmsg(65536, _CONTROL_BYTES)])
        sent.together(_BATCH)
        together = sent.received(
            lambda: receiver.recvmmsg(_BATCH, 65536, _CONTROL_BYTES), _BATCH * len(alone)
        )
        kinds = Counter(item[:2] for _, items, _, _ in alone * _BATCH for item in items)
        found = [item for _, items, _, _ in together for item in items]
        assert Counter(item[:2] for item in found) == kinds
        stamps = SCM_TIMESTAMPNS.level, SCM_TIMESTAMPNS.number
        for *kind, data in found:
            if tuple(kind) == stamps:
                assert before_ns <= SCM_TIMESTAMPNS.codec.decode(data) <= time.time_ns()

    def test_batches_end_in_time(self, sent: Sent) -> None:
        receiver = sent.receiver
        for timeout, error in ((0.05, TimeoutError), (0.0, BlockingIOError)):
            receiver.settimeout(timeout)
            with pytest.raises(error):
                receiver.recvmmsg(_BATCH)
        receiver.settimeout(None)
        with pytest.raises(BlockingIOError):
            receiver.recvmmsg(_BATCH, flags=_stdlib.MSG_DONTWAIT)

    def test_batches_count_what_was_sent_before_a_failure(self, sent: Sent) -> None:
        sent.alone()
        alone = sent.received(lambda: [sent.receiver.recvmsg(1)])
        good = sent.data, sent.address, sent.control
        bad = _TOO_LONG, _NOBODY, sent.control
        sent.sender.settimeout(_PATIENCE_S)
        assert sent.sender.sendmmsg([good, good, bad, good]) == 2
        with pytest.raises(OSError, match=r"\[Errno \d+\]"):
            sent.sender.sendmmsg([bad, good])
        assert len(sent.received(lambda: sent.receiver.recvmmsg(8, 1))) == 2 * len(alone)
