"""Requests against a kernel that answers as it is told: order, loss, forgery, interruption."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from typing import Any

import pytest
from famsock_netlink import messages
from famsock_netlink.constants import (
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_ECHO,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_NOOP,
)
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.sockets import FIRST_SEQUENCE, NetlinkOperations

Datagram = tuple[int, int, list[NetlinkMessage]]
Script = Callable[[NetlinkMessage], list[Datagram]]


class ScriptedKernel:
    """A socket whose other end is a script: it turns each request into datagrams to receive.

    A datagram is its sender's pid and groups, and messages.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[NetlinkMessage] = []
        self.queue: list[tuple[bytes, tuple[int, int]]] = []
        self.options: list[str] = []

    def protocol_state(self, make: Callable[[], Any]) -> Any:
        return make()

    def set_option(self, option: Any, value: Any) -> None:
        self.options.append(option.name)

    def sendto(self, data: bytes, address: Any) -> int:
        (request,) = messages.unpack(data)
        assert address.pid == 0
        self.requests.append(request)
        for pid, groups, sent in self.script(request):
            self.queue.append((b"".join(message.pack() for message in sent), (pid, groups)))
        return len(data)

    def recv_into(self, buffer: bytearray, size: int, flags: int) -> int:
        if not self.queue:
            raise TimeoutError("timed out")
        return len(self.queue[0][0])

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        return self.queue.pop(0)


def talk(script: Script) -> tuple[NetlinkOperations, ScriptedKernel]:
    kernel = ScriptedKernel(script)
    return NetlinkOperations(kernel), kernel  # type: ignore[arg-type]


def ack(request: NetlinkMessage, error: int = 0) -> NetlinkMessage:
    payload = struct.pack("=i", -error) + bytes(16)
    return NetlinkMessage(NLMSG_ERROR, payload, 0, request.sequence)


def answer(request: NetlinkMessage, payload: bytes, flags: int = 0) -> NetlinkMessage:
    return NetlinkMessage(0x20, payload, flags, request.sequence)


def done(request: NetlinkMessage, flags: int = 0) -> NetlinkMessage:
    return NetlinkMessage(NLMSG_DONE, struct.pack("=i", 0), flags, request.sequence)


def test_answers_end_with_the_acknowledgement() -> None:
    ops, kernel = talk(lambda r: [(0, 0, [answer(r, b"one")]), (0, 0, [ack(r)])])
    assert [m.payload for m in ops.request(0x10, b"abc")] == [b"one"]
    assert [m.payload for m in ops.request(0x10, b"abc")] == [b"one"]
    assert [r.sequence for r in kernel.requests] == [FIRST_SEQUENCE, FIRST_SEQUENCE + 1]
    assert kernel.options == ["NETLINK_EXT_ACK", "NETLINK_CAP_ACK"]
    assert kernel.requests[0].payload == b"abc\0"


def test_a_dump_ends_with_done() -> None:
    noop = NetlinkMessage(NLMSG_NOOP, sequence=FIRST_SEQUENCE)
    ops, kernel = talk(
        lambda r: [(0, 0, [answer(r, b"1"), noop, answer(r, b"2")]), (0, 0, [done(r)])]
    )
    assert [m.payload for m in ops.dump(0x12)] == [b"1", b"2"]
    assert kernel.requests[0].flags & NLM_F_DUMP == NLM_F_DUMP


@pytest.mark.parametrize("on", ["message", "done"])
def test_an_interrupted_dump_is_made_again(on: str) -> None:
    def script(request: NetlinkMessage) -> list[Datagram]:
        torn = NLM_F_DUMP_INTR if request.sequence < FIRST_SEQUENCE + 3 else 0
        in_message, in_done = (torn, 0) if on == "message" else (0, torn)
        payload = b"torn" if torn else b"good"
        return [(0, 0, [answer(request, payload, in_message), done(request, in_done)])]

    ops, kernel = talk(script)
    assert [m.payload for m in ops.dump(0x12)] == [b"good"]
    assert len(kernel.requests) == 4


def test_a_dump_that_is_always_interrupted() -> None:
    ops, kernel = talk(lambda r: [(0, 0, [answer(r, b"", NLM_F_DUMP_INTR), done(r)])])
    with pytest.raises(InterruptedError, match="changed under way 8 times") as caught:
        ops.dump(0x12)
    assert caught.value.errno == errno.EINTR
    assert len(kernel.requests) == 8


def test_an_error_is_raised() -> None:
    ops, kernel = talk(lambda r: [(0, 0, [ack(r, errno.ENODEV)])])
    with pytest.raises(OSError, match=r"\[Errno 19\]"):
        ops.request(0x10)
    with pytest.raises(OSError, match=r"\[Errno 19\]"):
        ops.dump(0x10)
    assert len(kernel.requests) == 2


def test_another_process_cannot_answer() -> None:
    ops, _ = talk(lambda r: [(4711, 0, [ack(r, errno.EBUSY)]), (0, 0, [ack(r)])])
    assert ops.request(0x10) == []
    (forged,) = ops.recv_messages()
    assert forged.type == NLMSG_ERROR


def test_group_messages_are_kept_in_order() -> None:
    news = [NetlinkMessage(0x30, bytes([n])) for n in range(3)]

    def script(request: NetlinkMessage) -> list[Datagram]:
        own_echo = answer(request, b"mine")
        return [(0, 1, news[:2]), (0, 1, [own_echo]), (0, 0, [ack(request)]), (0, 1, news[2:])]

    ops, _ = talk(script)
    assert ops.request(0x10) == []
    *kept, echo = ops.recv_messages()
    assert kept == news[:2]
    assert echo.payload == b"mine"
    assert ops.recv_messages() == news[2:]
    with pytest.raises(TimeoutError):
        ops.recv_messages()


def test_an_echo_that_was_asked_for_is_an_answer() -> None:
    ops, _ = talk(lambda r: [(0, 1, [answer(r, b"made")]), (0, 0, [ack(r)])])
    assert [m.payload for m in ops.request(0x10, flags=NLM_F_ECHO)] == [b"made"]


def test_a_late_answer_is_dropped() -> None:
    late: list[NetlinkMessage] = []

    def script(request: NetlinkMessage) -> list[Datagram]:
        if not late:
            late.extend([answer(request, b"late"), ack(request, errno.EBUSY)])
            return []
        return [(0, 0, late), (0, 0, [answer(request, b"now"), ack(request)])]

    ops, _ = talk(script)
    with pytest.raises(TimeoutError):
        ops.request(0x10)
    assert [m.payload for m in ops.request(0x10)] == [b"now"]
    with pytest.raises(TimeoutError):
        ops.recv_messages()


def test_sequences_start_again_before_they_overflow() -> None:
    ops, kernel = talk(lambda r: [(0, 0, [ack(r)])])
    ops._state.sequence = 0xFFFFFFFF
    ops.request(0x10)
    ops.request(0x10)
    assert [r.sequence for r in kernel.requests] == [0xFFFFFFFF, FIRST_SEQUENCE]


def test_lost_messages_are_told() -> None:
    ops, kernel = talk(lambda r: [])

    def lost(*_: Any) -> int:
        raise OSError(errno.ENOBUFS, "No buffer space available")

    kernel.recv_into = lost  # type: ignore[method-assign,assignment]
    with pytest.raises(OSError, match="No buffer") as caught:
        ops.recv_messages()
    assert "SO_RCVBUF" in caught.value.__notes__[0]
