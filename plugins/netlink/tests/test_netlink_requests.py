"""Requests against a kernel that answers as it is told: order, loss, forgery, interruption."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from famsock_netlink import messages
from famsock_netlink.attributes import Attribute
from famsock_netlink.constants import (
    NETLINK_USERSOCK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_ECHO,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_NOOP,
)
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.sockets import (
    FIRST_SEQUENCE,
    DumpInterruptedError,
    NetlinkSocket,
    _State,
)

Datagram = tuple[int, int, list[NetlinkMessage]]
Script = Callable[[NetlinkMessage], list[Datagram]]
Talk = Callable[[Script], "ScriptedSocket"]


class ScriptedSocket(NetlinkSocket):
    """A socket whose other end is a script: it turns each request into datagrams to receive.

    A datagram is its sender's pid and groups, and messages.
    """

    script: Script
    requests: list[NetlinkMessage]
    queue: list[tuple[bytes, tuple[int, int]]]
    set_options: list[str]

    def set_option(self, option: Any, value: Any) -> None:
        self.set_options.append(option.name)

    def sendto(self, data: bytes, address: Any) -> int:  # type: ignore[override]
        (request,) = messages.unpack(data)
        assert address.pid == 0
        self.requests.append(request)
        for pid, groups, sent in self.script(request):
            self.queue.append((b"".join(message.pack() for message in sent), (pid, groups)))
        return len(data)

    def recv_into(self, *_: Any) -> int:
        if not self.queue:
            raise TimeoutError("timed out")
        return len(self.queue[0][0])

    def recvfrom(self, *_: Any) -> tuple[bytes, tuple[int, int]]:
        return self.queue.pop(0)


@pytest.fixture
def talk() -> Iterator[Talk]:
    """Opens sockets that talk to a script, and closes them at the end."""
    with ExitStack() as stack:

        def open_socket(script: Script) -> ScriptedSocket:
            sock = stack.enter_context(ScriptedSocket(proto=NETLINK_USERSOCK))
            sock.script = script
            sock.requests, sock.queue, sock.set_options = [], [], []
            return sock

        yield open_socket


def ack(request: NetlinkMessage, error: int = 0) -> NetlinkMessage:
    payload = struct.pack("=i", -error) + bytes(16)
    return NetlinkMessage(NLMSG_ERROR, payload, 0, request.sequence)


def answer(request: NetlinkMessage, payload: bytes, flags: int = 0) -> NetlinkMessage:
    return NetlinkMessage(0x20, payload, flags, request.sequence)


def done(request: NetlinkMessage, flags: int = 0) -> NetlinkMessage:
    return NetlinkMessage(NLMSG_DONE, struct.pack("=i", 0), flags, request.sequence)


def test_answers_end_with_the_acknowledgement(talk: Talk) -> None:
    sock = talk(lambda r: [(0, 0, [answer(r, b"one")]), (0, 0, [ack(r)])])
    assert [m.payload for m in sock.request(0x10, b"abc")] == [b"one"]
    assert [m.payload for m in sock.request(0x10, b"abc")] == [b"one"]
    assert [r.sequence for r in sock.requests] == [FIRST_SEQUENCE, FIRST_SEQUENCE + 1]
    assert sock.set_options == ["NETLINK_EXT_ACK", "NETLINK_CAP_ACK"]
    assert sock.requests[0].payload == b"abc\0"


def test_a_dump_ends_with_done(talk: Talk) -> None:
    noop = NetlinkMessage(NLMSG_NOOP, sequence=FIRST_SEQUENCE)
    sock = talk(lambda r: [(0, 0, [answer(r, b"1"), noop, answer(r, b"2")]), (0, 0, [done(r)])])
    assert [m.payload for m in sock.dump(0x12)] == [b"1", b"2"]
    assert sock.requests[0].flags & NLM_F_DUMP == NLM_F_DUMP


@pytest.mark.parametrize("on", ["message", "done"])
def test_an_interrupted_dump_is_made_again(on: str, talk: Talk) -> None:
    def script(request: NetlinkMessage) -> list[Datagram]:
        torn = NLM_F_DUMP_INTR if request.sequence < FIRST_SEQUENCE + 3 else 0
        in_message, in_done = (torn, 0) if on == "message" else (0, torn)
        payload = b"torn" if torn else b"good"
        return [(0, 0, [answer(request, payload, in_message), done(request, in_done)])]

    sock = talk(script)
    assert [m.payload for m in sock.dump(0x12)] == [b"good"]
    assert len(sock.requests) == 4


def test_a_dump_that_is_always_interrupted(talk: Talk) -> None:
    sock = talk(lambda r: [(0, 0, [answer(r, b"torn", NLM_F_DUMP_INTR), done(r)])])
    with pytest.raises(DumpInterruptedError, match="changed under way 8 times") as caught:
        sock.dump(0x12)
    assert isinstance(caught.value, InterruptedError)
    assert caught.value.errno == errno.EINTR
    assert [message.payload for message in caught.value.partial] == [b"torn"]
    assert len(sock.requests) == 8


def test_an_interrupted_dump_is_iterated_to_its_end(talk: Talk) -> None:
    sock = talk(lambda r: [(0, 0, [answer(r, b"1", NLM_F_DUMP_INTR), answer(r, b"2"), done(r)])])
    iterated = sock.iter_dump(0x12)
    assert [next(iterated).payload, next(iterated).payload] == [b"1", b"2"]
    with pytest.raises(DumpInterruptedError, match=r"changed under way$") as caught:
        next(iterated)
    assert caught.value.partial == ()
    assert len(sock.requests) == 1


def test_what_cannot_be_sent_is_refused_before_a_dump_is_iterated(talk: Talk) -> None:
    sock = talk(lambda r: [])
    with pytest.raises(OverflowError, match="attribute type"):
        sock.iter_dump(0x12, b"", [Attribute(1 << 14)])


def test_an_error_is_raised(talk: Talk) -> None:
    sock = talk(lambda r: [(0, 0, [ack(r, errno.ENODEV)])])
    with pytest.raises(OSError, match=r"\[Errno 19\]"):
        sock.request(0x10)
    with pytest.raises(OSError, match=r"\[Errno 19\]"):
        sock.dump(0x10)
    assert len(sock.requests) == 2


def test_another_process_cannot_answer(talk: Talk) -> None:
    sock = talk(lambda r: [(4711, 0, [ack(r, errno.EBUSY)]), (0, 0, [ack(r)])])
    assert sock.request(0x10) == []
    (forged,) = sock.recv_messages()
    assert forged.type == NLMSG_ERROR


def test_group_messages_are_kept_in_order(talk: Talk) -> None:
    news = [NetlinkMessage(0x30, bytes([n])) for n in range(3)]

    def script(request: NetlinkMessage) -> list[Datagram]:
        own_echo = answer(request, b"mine")
        return [(0, 1, news[:2]), (0, 1, [own_echo]), (0, 0, [ack(request)]), (0, 1, news[2:])]

    sock = talk(script)
    assert sock.request(0x10) == []
    *kept, echo = sock.recv_messages()
    assert kept == news[:2]
    assert echo.payload == b"mine"
    assert sock.recv_messages() == news[2:]
    with pytest.raises(TimeoutError):
        sock.recv_messages()


def test_an_echo_that_was_asked_for_is_an_answer(talk: Talk) -> None:
    sock = talk(lambda r: [(0, 1, [answer(r, b"made")]), (0, 0, [ack(r)])])
    assert [m.payload for m in sock.request(0x10, flags=NLM_F_ECHO)] == [b"made"]


def test_a_late_answer_is_dropped(talk: Talk) -> None:
    late: list[NetlinkMessage] = []

    def script(request: NetlinkMessage) -> list[Datagram]:
        if not late:
            late.extend([answer(request, b"late"), ack(request, errno.EBUSY)])
            return []
        return [(0, 0, late), (0, 0, [answer(request, b"now"), ack(request)])]

    sock = talk(script)
    with pytest.raises(TimeoutError):
        sock.request(0x10)
    assert [m.payload for m in sock.request(0x10)] == [b"now"]
    with pytest.raises(TimeoutError):
        sock.recv_messages()


def test_sequences_start_again_before_they_overflow(talk: Talk) -> None:
    sock = talk(lambda r: [(0, 0, [ack(r)])])
    sock.protocol_state(_State).sequence = 0xFFFFFFFF
    sock.request(0x10)
    sock.request(0x10)
    assert [r.sequence for r in sock.requests] == [0xFFFFFFFF, FIRST_SEQUENCE]


def test_lost_messages_are_told(talk: Talk) -> None:
    sock = talk(lambda r: [])

    def lost(*_: Any) -> int:
        raise OSError(errno.ENOBUFS, "No buffer space available")

    sock.recv_into = lost  # type: ignore[method-assign]
    with pytest.raises(OSError, match="No buffer") as caught:
        sock.recv_messages()
    assert "SO_RCVBUF" in caught.value.__notes__[0]
