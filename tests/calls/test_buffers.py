"""Buffers of every kind, sizes of every size, and what comes with a message."""

from __future__ import annotations

import array
import gc
import mmap
import os
import socket
import struct
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import famsock
from famsock import _calls
from famsock._calls import ancillary, python
from tests.calls.exporter import Exporter

Pair = tuple[socket.socket, socket.socket]


def _mmap(data: bytes) -> mmap.mmap:
    area = mmap.mmap(-1, len(data))
    area[:] = data
    return area


KINDS: dict[str, Callable[[bytes], Any]] = {
    "bytearray": bytearray,
    "memoryview": lambda data: memoryview(bytearray(data)),
    "array": lambda data: array.array("i", data),
    "mmap": _mmap,
    "two dimensions": lambda data: memoryview(bytearray(data)).cast("B", (2, len(data) // 2)),
}
READABLE = {**KINDS, "bytes": bytes, "read-only": memoryview}
DATA = bytes(range(64))


@pytest.mark.parametrize("kind", READABLE)
def test_sending_from(raw: Any, pair: Pair, kind: str) -> None:
    a, b = pair
    buffer = READABLE[kind](DATA)
    assert raw.sendto(a.fileno(), None, buffer, 0, b"") == 64
    assert raw.sendmsg(a.fileno(), None, [b"12", buffer], [], 0, b"") == 66
    assert b.recv(100) == DATA
    assert b.recv(100) == b"12" + DATA


@pytest.mark.parametrize("kind", KINDS)
def test_receiving_into(raw: Any, pair: Pair, kind: str) -> None:
    a, b = pair
    buffer = KINDS[kind](bytes(64))
    a.send(DATA)
    assert raw.recvfrom_into(b.fileno(), None, buffer, 64, 0) == (64, b"")
    assert bytes(buffer) == DATA
    a.send(b"12" + DATA[::-1])
    first = bytearray(2)
    assert raw.recvmsg_into(b.fileno(), None, [first, buffer], 0, 0)[0] == 66
    assert (bytes(first), bytes(buffer)) == (b"12", DATA[::-1])


@pytest.mark.parametrize("buffer", [bytes(4), memoryview(bytes(4))], ids=["bytes", "memoryview"])
def test_read_only_is_not_received_into(raw: Any, pair: Pair, buffer: Any) -> None:
    pair[0].send(b"data")
    with pytest.raises((BufferError, TypeError), match=r"writable|read-only"):
        raw.recvfrom_into(pair[1].fileno(), None, buffer, 4, 0)
    with pytest.raises((BufferError, TypeError), match=r"writable|read-only"):
        raw.recvmsg_into(pair[1].fileno(), None, [buffer], 0, 0)
    assert pair[1].recv(10) == b"data"
    assert bytes(buffer) == bytes(4)


def test_gaps_are_refused(raw: Any, pair: Pair) -> None:
    gaps = memoryview(bytearray(8))[::2]
    number = pair[0].fileno()
    with pytest.raises(BufferError, match="contiguous"):
        raw.sendto(number, None, gaps, 0, b"")
    with pytest.raises(BufferError, match="contiguous"):
        raw.sendmsg(number, None, [gaps], [], 0, b"")
    with pytest.raises(BufferError, match="contiguous"):
        raw.recvfrom_into(number, None, gaps, 4, 0)
    with pytest.raises(BufferError, match="contiguous"):
        raw.recvmsg_into(number, None, [gaps], 0, 0)


def _collect() -> None:
    """Let go of what a raw call was given, on PyPy, where `famsock.socket` gives it copies."""
    if sys.implementation.name == "pypy":
        gc.collect()


def test_a_buffer_cannot_be_resized_while_it_is_filled(raw: Any, pair: Pair) -> None:
    buffer, caught = bytearray(8), []

    def resize() -> None:
        try:
            buffer.extend(bytes(1 << 20))
        except BufferError as error:
            caught.append(error)
        pair[0].send(b"late")

    timer = threading.Timer(0.1, resize)
    timer.start()
    assert raw.recvfrom_into(pair[1].fileno(), None, buffer, 8, 0)[0] == 4
    timer.join()
    assert len(caught) == 1
    _collect()
    buffer.extend(b"free again")
    assert buffer == b"late\0\0\0\0free again"


def test_a_buffer_is_free_again_after_a_failure(raw: Any, pair: Pair) -> None:
    buffer = bytearray(8)
    pair[1].setblocking(False)
    for _ in range(3):
        with pytest.raises(BlockingIOError):
            raw.recvfrom_into(pair[1].fileno(), 0.0, buffer, 8, 0)
        with pytest.raises(BlockingIOError):
            raw.recvmsg_into(pair[1].fileno(), 0.0, [buffer], 64, 0)
    _collect()
    buffer.clear()


def test_a_list_that_changes_while_its_buffers_are_taken(raw: Any, pair: Pair) -> None:
    pieces: list[Any] = [b"a", b"b"]

    class Growing(list[Any]):
        def __iter__(self) -> Any:
            yield b"a"
            self.extend([b"b"] * 100)
            yield from self[1:]

    assert raw.sendmsg(pair[0].fileno(), None, Growing(pieces), [], 0, b"") == 102
    assert pair[1].recv(200) == b"a" + b"b" * 101


def test_more_than_the_buffer_holds_is_refused(raw: Any, pair: Pair) -> None:
    with pytest.raises(ValueError, match="greater than the length of the buffer"):
        raw.recvfrom_into(pair[1].fileno(), None, bytearray(4), 5, 0)


BY_SENDING: dict[str, Callable[[Any, Any, Any], object]] = {
    "sendto": lambda sock, buffer, to: sock.sendto(buffer, to),
    "sendmsg": lambda sock, buffer, to: sock.sendmsg([b"", buffer], [], 0, to),
    "sendmmsg": lambda sock, buffer, to: sock.sendmmsg([(buffer, to)]),
    "sendmmsg of pieces": lambda sock, buffer, to: sock.sendmmsg([([b"", buffer], to)]),
}
BY_RECEIVING: dict[str, Callable[[Any, Any], int]] = {
    "recvfrom_into": lambda sock, buffer: sock.recvfrom_into(buffer)[0],
    "recvfrom_into of 8": lambda sock, buffer: sock.recvfrom_into(buffer, 8)[0],
    "recvmsg_into": lambda sock, buffer: sock.recvmsg_into([buffer])[0],
    "recvmmsg_into": lambda sock, buffer: sock.recvmmsg_into([buffer])[0][0],
}
needs_exporter = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="a buffer that counts needs CPython's C API"
)


@pytest.fixture
def bound(socket_module: Any, descriptors: None) -> Iterator[Any]:
    with socket_module.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


@pytest.mark.parametrize("call", [*BY_SENDING, *BY_RECEIVING])
def test_a_buffer_is_free_when_a_call_returns(bound: Any, call: str) -> None:
    """Without a garbage collection too, on PyPy."""
    buffer = bytearray(8)
    if call in BY_SENDING:
        BY_SENDING[call](bound, buffer, bound.getsockname())
        assert bound.recv(100) == bytes(8)
    else:
        bound.sendto(b"x" * 8, bound.getsockname())
        assert BY_RECEIVING[call](bound, buffer) == 8
        assert buffer == b"x" * 8
    buffer.extend(b"more")


@needs_exporter
@pytest.mark.parametrize("later", [0, 4, 16])
@pytest.mark.parametrize("call", BY_SENDING)
def test_sending_exports_a_buffer_once(bound: Any, call: str, later: int) -> None:
    """A size of one export says nothing of another, as a second thread may have resized it."""
    exported = Exporter(8, later)
    BY_SENDING[call](bound, exported.buffer, bound.getsockname())
    assert exported.exports == [8]
    assert bound.recv(100) == bytes(8)


@needs_exporter
@pytest.mark.parametrize("later", [0, 4, 16])
@pytest.mark.parametrize("call", BY_RECEIVING)
def test_receiving_exports_a_buffer_once(bound: Any, call: str, later: int) -> None:
    exported = Exporter(8, later)
    bound.sendto(b"x" * 20, bound.getsockname())
    assert BY_RECEIVING[call](bound, exported.buffer) == 8
    assert exported.exports == [8]
    assert exported.memory.raw[:16] == b"x" * 8 + bytes(len(exported.memory.raw[:16]) - 8)


@needs_exporter
@pytest.mark.parametrize("later", [0, 4, 16])
def test_data_with_descriptors_are_exported_once(descriptors: None, later: int) -> None:
    """A stream needs at least one byte, so the size is looked at before."""
    exported = Exporter(8, later)
    a, b = socket.socketpair()
    with b, famsock.socket(fileno=a.detach()) as sock:
        assert sock.operations.send_descriptors(exported.buffer, []) == 8
        assert exported.exports == [8]
        assert b.recv(100) == bytes(8)


@needs_exporter
@pytest.mark.parametrize("later", [0, 4, 16])
def test_a_size_is_compared_with_the_first_export(bound: Any, later: int) -> None:
    exported, theirs = Exporter(8, later), Exporter(8, later)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(ValueError, match="buffer") as wanted,
    ):
        sock.recvfrom_into(theirs.buffer, 9)
    with pytest.raises(ValueError, match="buffer") as found:
        bound.recvfrom_into(exported.buffer, 9)
    assert str(found.value) == str(wanted.value)


def test_nothing(raw: Any, pair: Pair) -> None:
    a, b = pair
    for buffer in (b"", bytearray(), memoryview(b"")):
        assert raw.sendto(a.fileno(), None, buffer, 0, b"") == 0
        assert b.recv(10) == b""
    assert raw.sendmsg(a.fileno(), None, [], [], 0, b"") == 0
    assert raw.recvfrom(b.fileno(), None, 10, 0) == (b"", b"")
    a.send(b"cut to nothing")
    assert raw.recvfrom(b.fileno(), None, 0, 0) == (b"", b"")
    a.send(b"cut to nothing")
    assert raw.recvmsg_into(b.fileno(), None, [], 0, 0)[2] & socket.MSG_TRUNC


@pytest.mark.parametrize("size", [1 << 62, (1 << 63) - 1, 1 << 63, 1 << 80])
def test_sizes_beyond_memory(raw: Any, pair: Pair, size: int) -> None:
    pair[0].send(b"still there")
    with pytest.raises((MemoryError, OverflowError)):
        raw.recvfrom(pair[1].fileno(), None, size, 0)
    with pytest.raises((MemoryError, OverflowError)):
        raw.recvmsg(pair[1].fileno(), None, size, 0, 0)
    assert pair[1].recv(20) == b"still there"


@pytest.mark.filterwarnings("ignore:.* is multi-threaded:DeprecationWarning")  # by pytest-xdist
def test_a_child_of_fork_receives_into_memory_of_its_own() -> None:
    data, _, name, *_ = python.new_buffers(4)
    data[:], name[:4] = b"ours", b"ours"
    child = os.fork()
    if not child:
        data[:], name[:4] = b"thei", b"thei"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert data[:] == name[:4] == b"ours"


@pytest.mark.parametrize("size", [1, 4, 4096, 4097, 65536, 65537])
def test_a_longer_datagram_is_cut_and_said_to_be(raw: Any, udp: Pair, size: int) -> None:
    a, b = udp
    data = os.urandom(min(size + 7, 60000))
    for _ in range(3):
        a.sendto(data, b.getsockname())
    assert raw.recvfrom(b.fileno(), None, size, socket.MSG_TRUNC)[0] == data[:size]
    got, _, flags, _ = raw.recvmsg(b.fileno(), None, size, 0, 0)
    assert got == data[:size]
    assert bool(flags & socket.MSG_TRUNC) == (len(data) > size)
    buffer = bytearray(size)
    received, _ = raw.recvfrom_into(b.fileno(), None, buffer, size, socket.MSG_TRUNC)
    assert received == len(data)
    assert buffer[: len(data)] == data[:size]


def test_addresses(raw: Any, udp: Pair) -> None:
    class Sockaddr(bytes):
        pass

    a, b = udp
    name = raw.getsockname(b.fileno())
    assert len(name) == 16
    assert raw.sendto(a.fileno(), None, b"x", 0, Sockaddr(name)) == 1
    assert raw.sendmsg(a.fileno(), None, [b"y"], [], 0, Sockaddr(name)) == 1
    assert raw.recvfrom(b.fileno(), None, 10, 0) == (b"x", raw.getsockname(a.fileno()))
    assert raw.recvmsg(b.fileno(), None, 10, 0, 0)[3] == raw.getsockname(a.fileno())
    assert raw.connect(a.fileno(), None, Sockaddr(name)) == 0
    assert raw.getpeername(a.fileno()) == name


def test_no_address(raw: Any, udp: Pair) -> None:
    """An empty sockaddr is none: what is sent goes to the peer."""
    a, b = udp
    a.connect(b.getsockname())
    assert raw.sendto(a.fileno(), None, b"1", 0, b"") == 1
    assert raw.sendmsg(a.fileno(), None, [b"2"], (), 0, b"") == 1
    assert raw.sendmmsg(a.fileno(), None, [(b"3", (), b"")], 0) == 1
    assert [b.recv(10) for _ in range(3)] == [b"1", b"2", b"3"]


def test_numbers_of_options_are_never_cut_to_32_bits(raw: Any, udp: Pair) -> None:
    number = udp[0].fileno()
    for level, option in (((1 << 32) + 1, 3), (1, (1 << 32) + 3), (-(1 << 31) - 1, 3)):
        with pytest.raises(OverflowError):
            raw.getsockopt(number, level, option, 4)
        with pytest.raises(OverflowError):
            raw.setsockopt(number, level, option, bytes(4))


def test_data_of_control_messages_is_counted_in_bytes(raw: Any) -> None:
    items = [(1, 1, array.array("i", [1, 2])), (1, 1, memoryview(bytearray(8)).cast("H"))]
    expected = ancillary.pack([(1, 1, struct.pack("2i", 1, 2)), (1, 1, bytes(8))])
    assert raw.pack_control(items) == expected
    with pytest.raises(TypeError):
        raw.pack_control([(1, 1, 8)])


def test_options(raw: Any, udp: Pair) -> None:
    number = udp[0].fileno()
    raw.setsockopt(number, socket.SOL_SOCKET, socket.SO_BROADCAST, struct.pack("i", 1))
    answer = raw.getsockopt(number, socket.SOL_SOCKET, socket.SO_BROADCAST, 4)
    assert answer == struct.pack("i", 1)
    assert raw.getsockopt(number, socket.SOL_SOCKET, socket.SO_BROADCAST, 64) == answer
    with pytest.raises(OSError, match="Protocol not available"):
        raw.getsockopt(number, socket.SOL_SOCKET, 9999, 4)


def _send_descriptors(sock: socket.socket, numbers: list[int]) -> None:
    rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers)
    assert sock.sendmsg([b"x"], [rights]) == 1


def test_descriptors_travel(raw: Any, pair: Pair) -> None:
    a, b = pair
    with open(os.devnull, "rb") as file:
        item = socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", file.fileno())
        raw.sendmsg(a.fileno(), None, [b"x"], [item], 0, b"")
        _, [(level, kind, data)], flags, _ = raw.recvmsg(
            b.fileno(), None, 10, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC
        )
        (number,) = struct.unpack("i", data)
        try:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            assert os.fstat(number).st_rdev == os.fstat(file.fileno()).st_rdev
            assert not os.get_inheritable(number)
            assert not flags & socket.MSG_CTRUNC
        finally:
            os.close(number)


def test_too_many_descriptors_are_cut_and_said_to_be(raw: Any, pair: Pair) -> None:
    a, b = pair
    _send_descriptors(a, [0, 0, 0])
    _, [(_, _, data)], flags, _ = raw.recvmsg(b.fileno(), None, 10, socket.CMSG_LEN(4), 0)
    os.close(*struct.unpack("i", data))
    assert flags & socket.MSG_CTRUNC
    _send_descriptors(a, [0])
    _, items, flags, _ = raw.recvmsg(b.fileno(), None, 10, 0, 0)
    assert items == []
    assert flags & socket.MSG_CTRUNC


def test_descriptors_are_closed_when_a_warning_becomes_an_error(
    raw: Any, descriptors: None
) -> None:
    """The kernel never writes such a buffer: the length of its last item is spoilt."""
    rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("2i", os.dup(0), os.dup(0))
    spoilt = ancillary.pack([rights]) + struct.pack("=Qii", 1000, 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="malformed or improperly-truncated"):
            raw.unpack_control(spoilt)


@pytest.mark.compiled_layer
@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 300), st.integers(-(1 << 31), (1 << 31) - 1), st.binary(max_size=40)
        )
    ),
    st.integers(0, 60),
    st.binary(max_size=40),
)
def test_any_control_buffer(items: list[tuple[int, int, bytes]], cut: int, other: bytes) -> None:
    """Both layers read whatever stands in a control buffer alike, and nothing behind its end."""
    assert _calls.native is not None
    # No descriptors: these are numbers that nobody may close.
    items = [item for item in items if item[0] != socket.SOL_SOCKET]
    packed = ancillary.pack(items)
    assert _calls.native.pack_control(iter(items)) == packed
    assert _calls.native.unpack_control(packed) == items
    for control in (packed, packed[: max(len(packed) - cut, 0)], packed + other, other):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert _calls.native.unpack_control(control) == ancillary.unpack(control)
