"""Many messages in one call: the raw layer, and the socket's recvmmsg and sendmmsg over it."""

from __future__ import annotations

import array
import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import _calls
from famsock._calls import ancillary, arguments, headers, python
from famsock.address import AddressCodec
from famsock.control import RawControl
from tests.calls.conftest import AfterSignals, Storm

Pair = tuple[socket.socket, socket.socket]
Later = Callable[[float, Callable[[], object]], None]


def _plain(messages: list[bytes]) -> list[tuple[bytes, tuple[()], bytes]]:
    return [(data, (), b"") for data in messages]


def test_there_and_back(raw: Any, pair: Pair) -> None:
    a, b = (sock.fileno() for sock in pair)
    assert raw.sendmmsg(a, None, _plain([b"1", b"", b"333"]), 0) == 3
    assert raw.recvmmsg(b, None, 8, 16, 0, 0) == [
        (b"1", [], 0, b""),
        (b"", [], 0, b""),
        (b"333", [], 0, b""),
    ]


def test_buffers_of_the_caller(raw: Any, udp: Pair) -> None:
    a, b = (sock.fileno() for sock in udp)
    name = raw.getsockname(b)
    sent = [([b"a", bytearray(b"b")], (), name), (array.array("b", b"cd"), (), name)]
    assert raw.sendmmsg(a, None, sent, 0) == 2
    buffers = [bytearray(4), memoryview(bytearray(1)), array.array("b", bytes(2))]
    got = raw.recvmmsg_into(b, None, buffers, 0, 0)
    me = raw.getsockname(a)
    assert got == [(2, [], 0, me), (1, [], socket.MSG_TRUNC, me)]
    assert [bytes(buffer) for buffer in buffers] == [b"ab\0\0", b"c", b"\0\0"]


def test_cut_messages_say_so(raw: Any, udp: Pair) -> None:
    a, b = udp
    for data in (b"longer", b"fits"):
        a.sendto(data, b.getsockname())
    messages = raw.recvmmsg(b.fileno(), None, 8, 4, 0, socket.MSG_TRUNC)
    assert [m[:3] for m in messages] == [(b"long", [], socket.MSG_TRUNC), (b"fits", [], 0)]


def test_a_part_is_counted_exactly(raw: Any, pair: Pair) -> None:
    a, b = pair
    a.setblocking(False)
    messages = [b"%d" % number for number in range(3000)]
    sent = raw.sendmmsg(a.fileno(), 0.0, _plain(messages), 0)
    assert 0 < sent < 3000
    with pytest.raises(BlockingIOError):
        raw.sendmmsg(a.fileno(), 0.0, _plain(messages[sent:]), 0)
    got = raw.recvmmsg(b.fileno(), None, 3000, 8, 0, 0)
    assert [data for data, *_ in got] == messages[: len(got)]
    assert len(got) == min(sent, 1024)


def test_what_fails_in_the_middle(raw: Any, udp: Pair) -> None:
    a, b = (sock.fileno() for sock in udp)
    name = raw.getsockname(b)
    bad = b"\xff\xff" + bytes(14)
    sent = [(b"1", (), name), (b"2", (), bad), (b"3", (), name)]
    assert raw.sendmmsg(a, None, sent, 0) == 1
    with pytest.raises(OSError, match="Address family not supported"):
        raw.sendmmsg(a, None, sent[1:], 0)
    assert raw.recvmmsg(b, None, 8, 8, 0, 0) == [(b"1", [], 0, raw.getsockname(a))]


def test_more_than_the_kernel_takes(raw: Any, descriptors: None, later: Later) -> None:
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    got: list[bytes] = []
    messages = [b"%d" % number for number in range(2500)]

    def receive() -> None:
        while len(got) < 2500:
            got.extend(data for data, *_ in raw.recvmmsg(b.fileno(), None, 5000, 8, 0, 0))

    with a, b:
        later(0, receive)
        assert raw.sendmmsg(a.fileno(), None, _plain(messages), 0) == 2500
        while len(got) < 2500:
            time.sleep(0.01)
    assert got == messages


@pytest.mark.parametrize("timeout", [None, 0.0, 20.0])
@pytest.mark.parametrize("as_number", [True, False])
def test_for_no_messages_there_is_no_wait(
    raw: Any, pair: Pair, timeout: float | None, as_number: bool
) -> None:
    """As recvmmsg(2) itself: asked for none, it returns at once, whether there is one or not."""
    a, b = pair
    b.settimeout(timeout)
    receiver = b.fileno() if as_number else b
    for _ in range(2):
        assert raw.recvmmsg(receiver, timeout, 0, 16, 0, 0) == []
        assert raw.recvmmsg_into(receiver, timeout, [], 0, 0) == []
        a.send(b"data")
    assert b.recv(100) == b"data"


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_the_first_message_is_waited_for(
    raw: Any, pair: Pair, storm: Storm, after_signals: AfterSignals, timeout: float | None
) -> None:
    a, b = pair
    b.settimeout(timeout)
    with storm() as seen:
        after_signals(seen, lambda: a.send(b"late"))
        assert [m[0] for m in raw.recvmmsg(b.fileno(), timeout, 8, 8, 0, 0)] == [b"late"]
    assert len(seen) > 3


def test_time_runs_out(raw: Any, pair: Pair, storm: Storm) -> None:
    a, b = pair
    a.setblocking(False)
    b.setblocking(False)
    start = time.monotonic()
    with storm(), pytest.raises(TimeoutError, match="timed out"):
        raw.recvmmsg(b.fileno(), 0.15, 8, 8, 0, 0)
    assert 0.15 <= time.monotonic() - start < 30
    with pytest.raises(BlockingIOError):
        raw.recvmmsg(b.fileno(), 0.0, 8, 8, 0, 0)
    sent = raw.sendmmsg(a.fileno(), 0.15, _plain([b"x"] * 3000), 0)
    assert 0 < sent < 3000
    with pytest.raises(TimeoutError, match="timed out"):
        raw.sendmmsg(a.fileno(), 0.05, _plain([b"x"]), 0)


def test_bad_input(raw: Any, pair: Pair) -> None:
    a, b = (sock.fileno() for sock in pair)
    assert raw.sendmmsg(a, None, [], 0) == 0
    with pytest.raises(BufferError, match="contiguous"):
        raw.sendmmsg(a, None, [(b"x", (), b""), (memoryview(b"abcd")[::2], (), b"")], 0)
    with pytest.raises(TypeError):
        raw.sendmmsg(a, None, [("text", (), b"")], 0)
    with pytest.raises((TypeError, ValueError)):
        raw.sendmmsg(a, None, [(b"x", ())], 0)
    with pytest.raises((MemoryError, OverflowError)):
        raw.recvmmsg(b, None, 1024, 1 << 60, 0, 0)
    with pytest.raises((BufferError, TypeError)):
        raw.recvmmsg_into(b, None, [bytes(4)], 0, 0)
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        raw.recvmmsg(-1, None, 1, 1, 0, 0)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        raw.sendmmsg(-1, None, _plain([b"x"]), 0)
    assert caught.value.errno == errno.EBADF


RIGHTS_BYTES = socket.CMSG_SPACE(4)
RECEIVE: dict[str, Callable[[famsock.socket], object]] = {
    "recvmmsg": lambda sock: sock.recvmmsg(3, 8, RIGHTS_BYTES),
    "recvmmsg_into": lambda sock: sock.recvmmsg_into([bytearray(8)] * 3, RIGHTS_BYTES),
    "recvmsg": lambda sock: sock.recvmsg(8, RIGHTS_BYTES),
    "recvmsg_into": lambda sock: sock.recvmsg_into([bytearray(8)], RIGHTS_BYTES),
}


@pytest.mark.parametrize("receive", RECEIVE)
def test_descriptors_of_all_messages_close_when_an_address_fails(
    socket_module: Any, descriptors: None, tmp_path: Path, receive: str
) -> None:
    class Failing(AddressCodec):
        def load_layout(self) -> None:
            return None

        def decode_unusual(self, socket: Any, sockaddr: bytes) -> Any:
            raise LookupError(f"no address for {sockaddr!r}")

    rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", 0)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as a,
        socket_module.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as b,
    ):
        a.bind(str(tmp_path / "a"))
        b.bind(str(tmp_path / "b"))
        a.connect(str(tmp_path / "b"))
        for _ in range(3):
            a.sendmsg([b"x"], [rights])
        b._codec = Failing(lambda: famsock.RawAddress, lambda family: None)
        with pytest.raises(LookupError, match="no address for b"):
            RECEIVE[receive](b)


def test_descriptors_of_all_messages_close_when_one_is_spoilt(descriptors: None) -> None:
    rights = [
        ancillary.pack([(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", os.dup(0)))])
        for _ in range(3)
    ]
    rights[1] += struct.pack("=Qii", 1000, 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="malformed"):
            ancillary.unpack_each(rights)


# What is used again


def test_nothing_of_an_earlier_batch_shows(raw: Any, pair: Pair, udp: Pair) -> None:
    """Nor does an earlier sender, flag, control message, address or length reach a later batch."""
    secret = [(bytes([65 + number]) * 64) for number in range(7)]
    sender, receiver = udp
    name = raw.getsockname(receiver.fileno())
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    tos = socket.IPPROTO_IP, socket.IP_TOS, struct.pack("i", 0x10)
    for pieces in (secret, [[data[:1], bytearray(data[1:])] for data in secret]):
        sent = [(data, [tos], name) for data in pieces]
        assert raw.sendmmsg(sender.fileno(), None, sent, 0) == 7
        for data, items, flags, _ in raw.recvmmsg(receiver.fileno(), None, 7, 32, 64, 0):
            assert (len(data), items[0][2], flags) == (32, b"\x10", socket.MSG_TRUNC)
        a, b = pair
        for count in (1, 2, 7):
            short = [b"", b"x", b"yy", b"", b"z", b"", b""][:count]
            assert raw.sendmmsg(a.fileno(), None, _plain(short), 0) == count
            got = raw.recvmmsg(b.fileno(), None, 7, 32, 64, 0)
            assert got == [(data, [], 0, b"") for data in short]
            assert raw.sendmmsg(a.fileno(), None, _plain(short), 0) == count
            buffers = [bytearray(32) for _ in range(7)]
            got = raw.recvmmsg_into(b.fileno(), None, buffers, 64, 0)
            assert got == [(len(data), [], 0, b"") for data in short]
            assert buffers[:count] == [data.ljust(32, b"\0") for data in short]


@pytest.mark.parametrize("fails", [False, True], ids=["works", "fails"])
def test_no_buffer_and_no_object_is_kept(raw: Any, pair: Pair, fails: bool) -> None:
    for sock in pair:
        sock.setblocking(not fails)
    a, b = (sock.fileno() for sock in pair)
    targets = [bytearray(64) for _ in range(7)]
    sources = [bytearray(b"of one's own %d" % number) for number in range(7)]
    under = [bytearray(9) for _ in range(2)]
    views = [memoryview(buffer) for buffer in under]
    data = b"".join([b"only", b" here"])
    counts = sys.getrefcount(data)
    bad = b"\xff\xff" + bytes(14)
    for _ in range(2):
        batch = [(source, (), bad if fails else b"") for source in [*sources, [data, *sources]]]
        if fails:
            with pytest.raises(OSError, match=r"argument|family|not supported|connected"):
                raw.sendmmsg(a, 0.0, batch, 0)
            with pytest.raises(BlockingIOError):
                raw.recvmmsg_into(b, 0.0, [*targets, *views], 0, 0)
        else:
            assert raw.sendmmsg(a, None, batch, 0) == 8
            assert len(raw.recvmmsg_into(b, None, [*targets, *views], 64, 0)) == 8
        del batch
        for buffer in (*targets, *sources):
            buffer.extend(b"more")
    assert sys.getrefcount(data) == counts
    for view, viewed in zip(views, under, strict=True):
        view.release()
        viewed.extend(b"more")


def test_the_memory_that_is_kept_is_bounded(raw: Any, pair: Pair) -> None:
    a, b = (sock.fileno() for sock in pair)
    for count in (1, 2, 3, 65, 200, 1000):
        for size in (1, 100, 3000, 60_000):
            assert raw.sendmmsg(a, None, _plain([b"x"]), 0) == 1
            assert len(raw.recvmmsg(b, None, count, size, 0, 0)) == 1
    kept = [batch.kept_bytes for spare in headers._spare.values() for batch in spare]
    assert len(headers._spare) <= 4
    assert len(kept) <= 16
    assert all(size <= 1 << 22 for size in kept)


def test_where_the_data_of_bytes_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the layout of the objects, by ctypes where that is another one, or in copies: the same."""
    given = [b"", b"x", bytes(5000), b"y" * 70]
    kept: list[Any] = []
    places = [*headers.addresses_of_bytes(given, kept)]
    if sys.implementation.name == "cpython":
        monkeypatch.setattr(headers, "_is_inside", False)
        assert [*headers.addresses_of_bytes(given, kept)] == places
        assert kept == []
        monkeypatch.setattr(headers, "_MOVES_BYTES", True)
        places = [*headers.addresses_of_bytes(given, kept)]
    assert kept
    found = [ctypes.string_at(place, len(data)) for place, data in zip(places, given, strict=True)]
    assert found == given


def test_messages_of_an_interpreter_that_moves_bytes(
    monkeypatch: pytest.MonkeyPatch, pair: Pair
) -> None:
    """The kernel reads copies, which last until the call is over."""
    monkeypatch.setattr(headers, "_is_inside", False)
    monkeypatch.setattr(headers, "_MOVES_BYTES", True)
    a, b = pair
    pieces = [b"%d" % number * 3000 for number in range(9)]
    assert python.sendmsg(a, None, pieces, [], 0, b"") == 27000
    assert b.recv(30000) == b"".join(pieces)
    given = [(pieces[:2], (), b""), (b"two", (), b""), (bytearray(b"3"), (), b"")]
    assert python.sendmmsg(a, None, given, 0) == 3
    assert [b.recv(9000) for _ in given] == [b"".join(pieces[:2]), b"two", b"3"]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", a.fileno()))]
    assert python.sendmmsg(a, None, [(b"x", rights, b"")] * 2, 0) == 2
    for message in python.recvmmsg(b, None, 2, 9, 100, 0):
        assert message[1][0][:2] == rights[0][:2]
        os.close(*struct.unpack("i", message[1][0][2]))


# Sockets


@pytest.fixture
def sockets(
    socket_module: Any, descriptors: None
) -> Iterator[tuple[famsock.socket, famsock.socket]]:
    """Two bound UDP sockets, on each implementation."""
    with (
        socket_module.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as a,
        socket_module.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as b,
    ):
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        b.settimeout(10)
        yield a, b


Sockets = tuple[famsock.socket, famsock.socket]


def test_addresses_in_any_shape_and_control_messages(sockets: Sockets) -> None:
    a, b = sockets
    b.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    typed, sockaddr = b.local_address, _calls.getsockname(b.fileno())
    assert typed is not None
    tos = socket.IPPROTO_IP, socket.IP_TOS, struct.pack("i", 0x10)
    rest = famsock.RawAddress(famsock.AF_INET, sockaddr[2:])
    sent = a.sendmmsg(
        [
            (b"stdlib", b.getsockname()),
            (bytearray(b"typed"), typed, [tos]),
            ([b"r", b"aw"], rest, [RawControl(*tos)]),
        ]
    )
    assert sent == 3
    got = b.recvmmsg(8, control_bytes=64)
    assert [(data, flags, address) for data, _, flags, address in got] == [
        (data, 0, a.getsockname()) for data in (b"stdlib", b"typed", b"raw")
    ]
    kinds = socket.IPPROTO_IP, socket.IP_TOS
    assert [items for _, items, _, _ in got] == [[(*kinds, bytes([n]))] for n in (0, 16, 16)]


def test_into_buffers(sockets: Sockets) -> None:
    a, b = sockets
    assert a.sendmmsg([(b"abc", b.getsockname())] * 2) == 2
    buffers = [bytearray(4) for _ in range(3)]
    assert b.recvmmsg_into(buffers) == [(3, [], 0, a.getsockname())] * 2
    assert buffers == [b"abc\0", b"abc\0", bytes(4)]


def test_into_other_buffers_of_the_same_number(sockets: Sockets) -> None:
    """The headers of a batch are used again, for the buffers that are given then."""
    a, b = sockets
    me, there = a.getsockname(), b.getsockname()
    used: list[tuple[list[bytearray], list[bytes]]] = []
    for number in range(20):
        buffers = [bytearray(3 + (number + index) % 3) for index in range(3)]
        forms: Any = (
            buffers,
            tuple(buffers),
            iter(buffers),
            [memoryview(each) for each in buffers],
        )
        messages = [b"%d-%d" % (number % 10, index) for index in range(1 + number % 3)]
        assert a.sendmmsg([(data, there) for data in messages]) == len(messages)
        assert b.recvmmsg_into(forms[number % 4]) == [(3, [], 0, me) for _ in messages]
        assert [bytes(buffer[:3]) for buffer in buffers[: len(messages)]] == messages
        assert not any(map(any, buffers[len(messages) :]))
        used.append((buffers, [bytes(buffer) for buffer in buffers]))
        assert [[bytes(each) for each in before] for before, _ in used] == [
            then for _, then in used
        ]


def test_buffers_are_free_after_the_call(sockets: Sockets) -> None:
    a, b = sockets
    buffers = [bytearray(4) for _ in range(6)]
    b.settimeout(0.01)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            b.recvmmsg_into(buffers)
        a.sendto(b"abc", b.getsockname())
        assert len(b.recvmmsg_into(buffers)) == 1
        for buffer in buffers:
            buffer.append(0)  # BufferError while it is exported


def test_buffers_cannot_move_while_the_call_waits(sockets: Sockets) -> None:
    a, b = sockets
    buffers = [bytearray(4) for _ in range(6)]
    buffers.append(buffers[0])  # one may be there twice
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.extend(b.recvmmsg_into(buffers)))
    waiting.start()
    deadline = time.monotonic() + 60
    refused = False
    while not refused and time.monotonic() < deadline:
        try:
            for buffer in buffers:
                buffer.append(0)
                del buffer[-1]
        except BufferError:
            refused = True
    a.sendto(b"abc", b.getsockname())
    waiting.join()
    assert refused
    assert got == [(3, [], 0, a.getsockname())]
    # Five bytes long if it was exported between the two changes of its size.
    assert bytes(buffers[0]) in (b"abc\0", b"abc\0\0")
    for buffer in buffers:
        buffer.append(0)


def test_into_buffers_with_and_without_control_messages(sockets: Sockets) -> None:
    a, b = sockets
    b.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    buffers = [bytearray(4) for _ in range(2)]
    item = (socket.IPPROTO_IP, socket.IP_TOS, b"\0")
    for control_bytes, items, flags in ((0, [], socket.MSG_CTRUNC), (64, [item], 0)) * 2:
        assert a.sendmmsg([(b"abc", b.getsockname())] * 2) == 2
        got = b.recvmmsg_into(buffers, control_bytes)
        assert got == [(3, items, flags, a.getsockname())] * 2


NO_BUFFERS: dict[str, Callable[[], object]] = {
    "None": lambda: None,
    "an integer": lambda: 5,
    "nothing": list,
    "an empty iterator": lambda: iter(()),
    "an empty bytearray": bytearray,
    "integers": lambda: bytearray(3),
    "bytes": lambda: [b"x"],
    "a str": lambda: "x",
    "a read-only view": lambda: [memoryview(b"x")],
    "one of two": lambda: [bytearray(1), b"x"],
    "a view with gaps": lambda: [memoryview(bytearray(4))[::2]],
    "a released view": lambda: [_released()],
    "lists": lambda: [[bytearray(1)]],
}


def _released() -> memoryview:
    view = memoryview(bytearray(4))
    view.release()
    return view


@pytest.mark.parametrize("name", NO_BUFFERS)
def test_what_is_no_list_of_buffers(sockets: Sockets, name: str) -> None:
    """The words are those of the layer in Python, and nothing is received."""
    a, b = sockets
    a.sendto(b"x", b.getsockname())
    with pytest.raises((TypeError, ValueError)) as expected:
        arguments.batch_buffers(NO_BUFFERS[name]())
    buffers: Any = NO_BUFFERS[name]()
    with pytest.raises(expected.type) as raised:
        b.recvmmsg_into(buffers)
    assert str(raised.value) == str(expected.value)
    assert b.recv(1) == b"x"


def test_a_connected_socket_needs_no_address(sockets: Sockets) -> None:
    a, b = sockets
    a.connect(b.getsockname())
    assert a.sendmmsg((os.urandom(5), None) for _ in range(5)) == 5
    assert len(b.recvmmsg(5)) == 5


AUDITED = """
import sys, famsock
a, b = (famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) for _ in range(2))
b.bind(("127.0.0.1", 0))
there = b.getsockname()
a.connect(there)
seen, vetoed = [], False

def hook(event, arguments):
    if event == "socket.sendmsg":
        sock, address = arguments
        seen.append((sock is a, address and address == there))
        if vetoed:
            raise PermissionError("vetoed")

sys.addaudithook(hook)
for address in (there, tuple([*there])):  # one that the codec does not know yet, and one it knows
    seen.clear()
    assert a.sendmmsg([(b"1", None), (b"2", None), (b"3", address), (b"4", None)]) == 4
    assert seen == [(True, None), (True, True), (True, None)], seen
    assert len(b.recvmmsg(5)) == 4
vetoed = True
try:
    a.sendmmsg([(b"x", there)])
except PermissionError:
    b.settimeout(0.05)
    try:
        b.recv(1)
    except TimeoutError:
        print("as it must be")
"""


def test_an_audit_hook_sees_batches_without_an_address_too(raw: Any) -> None:
    """As with the stdlib's sendmsg; neighbours with one address are one event."""
    layer = "native" if raw.__name__.endswith("native") else "ctypes"
    done = subprocess.run(
        [sys.executable, "-c", AUDITED],
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "as it must be\n", done.stderr


def test_nothing_is_sent_where_one_address_is_bad(sockets: Sockets) -> None:
    a, b = sockets
    with pytest.raises(OverflowError, match="sendmmsg"):
        a.sendmmsg([(b"x", b.getsockname()), (b"y", ("127.0.0.1", 70000))])
    b.settimeout(0.05)
    with pytest.raises(TimeoutError):
        b.recvmmsg(1)


def test_wrong_arguments(sockets: Sockets) -> None:
    a, b = sockets
    with pytest.raises(ValueError, match="count must be at least 1"):
        b.recvmmsg(0)
    with pytest.raises(ValueError, match="negative buffer size"):
        b.recvmmsg(1, -1)
    with pytest.raises(ValueError, match="at least 1 buffer"):
        b.recvmmsg_into([])
    with pytest.raises(TypeError, match="read-write"):
        b.recvmmsg_into([b"read-only"])
    with pytest.raises(TypeError):
        a.sendmmsg([("text", b.getsockname())])


def test_joined_messages(raw: Any, udp: Pair) -> None:
    """Take apart what came together; the last may be shorter, an empty one is one."""
    a, b = udp
    b.setsockopt(socket.IPPROTO_UDP, 104, 1)  # UDP_GRO
    size = socket.IPPROTO_UDP, 103, struct.pack("=H", 100)  # UDP_SEGMENT
    data, name, call = os.urandom(250), raw.getsockname(a.fileno()), (socket.IPPROTO_UDP, 104)
    a.sendmsg([data], [size], 0, b.getsockname())
    got = raw.recv_joined(b.fileno(), None, 65535, 0, *call)
    assert got == ([data[:100], data[100:200], data[200:]], 0, name)
    for one in (b"", b"single"):
        a.sendto(one, b.getsockname())
        assert raw.recv_joined(b.fileno(), None, 65535, 0, *call) == ([one], 0, name)
    assert b"".join(got[0]) == data  # no later message came over it
    a.sendmsg([data], [size], 0, b.getsockname())
    messages, flags, _ = raw.recv_joined(b.fileno(), None, 150, socket.MSG_TRUNC, *call)
    assert messages == [data[:100], data[100:150]]
    assert flags & socket.MSG_TRUNC
    with pytest.raises(TimeoutError):
        raw.recv_joined(b.fileno(), 0.05, 65535, 0, *call)


def test_joined_messages_leave_no_descriptor(raw: Any, pair: Pair) -> None:
    a, b = pair
    rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", 0)
    a.sendmsg([b"x"], [rights])
    assert raw.recv_joined(b.fileno(), None, 16, 0, 1, 99) == ([b"x"], 0, b"")
