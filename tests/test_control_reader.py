"""Readers of received messages: fields from data, address, flags and control messages."""

from __future__ import annotations

import array
import os
import random
import socket as stdlib
import struct
from collections.abc import Callable
from typing import Any
from unittest import mock

import attrs
import pytest

import famsock
from famsock import _calls, codecs, control, cstruct
from famsock.control import ControlType, Message, Reader

LEVEL = 7
WORD: ControlType[int] = ControlType("SCM_WORD", LEVEL, 1, codecs.U32)
PORT: ControlType[int] = ControlType("SCM_PORT", LEVEL, 2, codecs.BE16)
CUT, OWN = 0x20, 0x800
TOLD_BIT = 4


@cstruct.struct("struct told", header="told.h")
class Told(cstruct.Struct):
    """A struct of a control message."""

    status: int = cstruct.u32("status")
    length: int = cstruct.be16("length")
    offset: int = cstruct.i32("offset")


TOLD: ControlType[Told] = ControlType("SCM_TOLD", LEVEL, 3, codecs.struct(Told))
WHEN: ControlType[int] = ControlType("SCM_WHEN", LEVEL, 4, codecs.TIMESPEC_NS)


def _pair(length: int, offset: int) -> tuple[int, int]:
    if offset == 13:
        raise ValueError("unlucky")
    return length, offset


@attrs.frozen
class Arrival:
    """The control messages that came beside the data."""

    where: str
    word: int | None
    doubled: int
    is_own: bool


@attrs.frozen
class Received:
    """Data with their arrival."""

    text: str
    data: bytes
    sender: Any
    port: int
    is_cut: bool
    arrival: Arrival
    length: int
    status: int | None
    pair: tuple[int, int] | None
    masked: int | None
    when_ns: int | None


def _double(value: int) -> int:
    if value == 13:
        raise ValueError("unlucky")
    return 2 * value


ARRIVAL = {
    "where": control.from_address_item(0),
    "word": control.from_item(WORD),
    "doubled": control.from_item(WORD, -1, _double),
    "is_own": control.from_flags(OWN),
}


def _readers() -> dict[str, Reader[Received]]:
    """The reader in Python, and the compiled one where there is one."""

    def sources(arrival: Reader[Arrival]) -> dict[str, control.Source]:
        return {
            "data": control.from_data(),
            "text": control.from_data(lambda data: data.decode("ascii")),
            "sender": control.from_address(),
            "port": control.from_item(PORT, 0),
            "is_cut": control.from_flags(CUT),
            "arrival": control.from_reader(arrival),
            "length": control.from_members(TOLD, "length", default=control.from_data(len)),
            "status": control.from_members(TOLD, "status"),
            "pair": control.from_members(TOLD, "length", "offset", convert=_pair, default=()),
            "masked": control.from_members(
                TOLD, "status", "offset", convert=max, mask=TOLD_BIT, default=-1
            ),
            "when_ns": control.from_item(WHEN),
        }

    found = {"python": Reader(Received, sources(Reader(Arrival, ARRIVAL)))}
    found["chosen"] = control.reader(Received, **sources(control.reader(Arrival, **ARRIVAL)))
    return found


READERS = _readers()


def _outcome(reader: Reader[Received], message: Any) -> tuple[Any, ...]:
    try:
        made = reader.read(message)
    except Exception as error:
        return (type(error),)
    return type(made), made, repr(made), hash(made.arrival)


def _messages(draw: random.Random) -> Any:
    items = []
    for _ in range(draw.choice((0, 1, 2, 5))):
        size = draw.choice((0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 15, 16, 17))
        items.append((draw.choice((LEVEL, 1)), draw.choice((1, 2, 3, 4)), draw.randbytes(size)))
    if draw.random() < 0.3:
        told = Told(draw.choice((0, 3, TOLD_BIT, 1 << 31)), 5, draw.choice((-1, 13, 7)))
        items.append((LEVEL, 3, told.pack() + bytes(draw.choice((0, 1)))))
    if draw.random() < 0.3:
        items.append((LEVEL, 4, struct.pack("@ll", draw.choice((0, -1, 1 << 40)), 5)))
    if draw.random() < 0.2:
        items.append((LEVEL, 1, struct.pack("=I", 13)))
    data = draw.choice((b"", b"abc", b"\xff", bytes(100)))
    address = draw.choice((("lo",), ("lo", 1, 2), (), None, "text", b"raw"))
    return data, items, draw.choice((0, CUT, OWN, CUT | OWN, -1, 1)), address


def test_readers_agree() -> None:
    draw = random.Random(1)
    cases = made = 0
    for _ in range(3000):
        message = _messages(draw)
        expected = _outcome(READERS["python"], message)
        assert _outcome(READERS["chosen"], message) == expected, message
        cases += 1
        made += expected[0] is Received
    assert cases - made > 500
    assert made > 500


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_message(reader: Reader[Received]) -> None:
    items = [(LEVEL, 2, b"\0\x50"), (LEVEL, 1, struct.pack("=I", 4)), (LEVEL, 1, b"")]
    message = (b"hello", items, OWN, ("lo", 3))
    arrival = Arrival("lo", 4, 8, True)
    untold: Any = (5, None, (), -1, None)
    expected = Received("hello", b"hello", ("lo", 3), 80, False, arrival, *untold)
    assert reader.read(message) == expected
    assert reader.read_each([message, message]) == [expected, expected]
    assert reader.read_each([]) == []
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        reader.read(message).port = 1  # type: ignore[misc]


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "message", [None, (), (b"",), (b"", [], 0), (b"", [], 0, ("lo",), 1), (b"", None, 0, ("lo",))]
)
def test_what_is_no_message(reader: Reader[Received], message: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        reader.read(message)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_another_sequence_of_control_messages(reader: Reader[Received]) -> None:
    items = ((LEVEL, 2, b"\0\x01"),)
    message: Any = (b"", items, False, ("lo",))
    assert reader.read(message).port == 1


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_what_a_conversion_raises_comes_out(reader: Reader[Received]) -> None:
    with pytest.raises(UnicodeDecodeError):
        reader.read((b"\xff", [], 0, ("lo",)))


def test_a_struct_is_made_unchecked() -> None:
    @cstruct.struct("struct sample", header="sample.h")
    class Sample(cstruct.Struct):
        small: int = cstruct.u8("small")

    sources = {"small": control.from_address_item(0)}
    for reader in (Reader(Sample, sources), control.reader(Sample, **sources)):
        made = reader.read((b"", [], 0, (7,)))
        assert made == Sample(7)


def test_a_class_that_does_more_is_read_in_python() -> None:
    seen = []

    @attrs.frozen
    class Noting:
        data: bytes

        def __attrs_post_init__(self) -> None:
            seen.append(self.data)

    @attrs.frozen
    class Outer:
        inner: Noting

    inner = control.reader(Noting, data=control.from_data())
    outer = control.reader(Outer, inner=control.from_reader(inner))
    assert outer.read((b"x", [], 0, ())) == Outer(Noting(b"x"))
    assert seen == [b"x", b"x"]


@attrs.frozen
class Checked:
    """A class with a field that is converted."""

    data: bytes = attrs.field(converter=bytes)


@attrs.frozen
class Plain:
    """A class with two fields."""

    data: bytes
    flag: bool


@pytest.mark.parametrize(
    ("cls", "sources"),
    [
        (Checked, {"data": control.from_data()}),
        (Plain, {"data": control.from_data()}),
        (Plain, {"data": control.from_data(), "flag": control.from_flags(1), "x": ARRIVAL["word"]}),
    ],
)
def test_sources_that_do_not_fit_are_refused(cls: type[Any], sources: Any) -> None:
    with pytest.raises(TypeError):
        control.reader(cls, **sources)


@pytest.mark.parametrize(
    ("names", "options"),
    [((), {}), (("status", "length"), {}), (("state",), {}), (("status", "no"), {"convert": max})],
)
def test_members_that_there_are_not_are_refused(names: Any, options: Any) -> None:
    with pytest.raises(TypeError):
        control.from_members(TOLD, *names, **options)


def test_members_of_no_struct_and_defaults_that_wait_are_refused() -> None:
    with pytest.raises(TypeError):
        control.from_members(WORD, "value")
    for default in (control.from_item(WORD), control.from_members(TOLD, "status")):
        with pytest.raises(TypeError):
            control.from_members(TOLD, "status", default=default)
        with pytest.raises(TypeError):
            control.from_item(WORD, default)


# Receiving

SO_TIMESTAMPNS, SO_RXQ_OVFL = 35, 40


@attrs.frozen
class Datagram:
    """A datagram with what is told of it."""

    data: bytes
    sender: Any
    is_cut: bool
    dropped: int
    when_ns: int | None


DATAGRAM = {
    "data": control.from_data(),
    "sender": control.from_address(),
    "is_cut": control.from_flags(CUT),
    "dropped": control.from_item(control.SO_RXQ_OVFL, -1),
    "when_ns": control.from_item(control.SCM_TIMESTAMPNS),
}
DATAGRAMS = {
    "python": Reader(Datagram, DATAGRAM),
    "chosen": control.reader(Datagram, **DATAGRAM),
}
both = pytest.mark.parametrize("reader", DATAGRAMS.values(), ids=DATAGRAMS)


@pytest.fixture
def receiver() -> Any:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setsockopt(stdlib.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(stdlib.SOL_SOCKET, SO_RXQ_OVFL, 1)
        sock.settimeout(20)
        yield sock


@pytest.fixture
def sender(receiver: Any) -> Any:
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(receiver.getsockname())
        yield sock


@both
@pytest.mark.parametrize("control_bytes", [0, 10, 40, 64, 2304, 2305])
@pytest.mark.parametrize("bufsize_bytes", [0, 3, 4096, 4097, 65536])
def test_receiving(
    reader: Reader[Datagram], receiver: Any, sender: Any, bufsize_bytes: int, control_bytes: int
) -> None:
    """Receive what `read` makes of the same message, however little space there is."""
    for size in (0, 5, 5000):
        payload = bytes(range(256)) * (size // 256 + 1)
        sender.send(payload[:size])
        sender.send(payload[:size])
        got = reader.receive(receiver, bufsize_bytes, control_bytes)
        message = receiver.recv_message(bufsize_bytes, control_bytes)
        items = [each.pack() for each in message.control]
        expected = reader.read((message.data, items, message.flags, message.address))
        assert got == attrs.evolve(expected, when_ns=got.when_ns)
        assert (got.when_ns is None) == (expected.when_ns is None)
        assert repr(got.sender) == repr(expected.sender)
        assert got.data == payload[: min(size, bufsize_bytes)]


@both
def test_a_replaced_method_is_called(reader: Reader[Datagram], receiver: Any, sender: Any) -> None:
    fake = Message(b"fake", None, (control.SO_RXQ_OVFL(3), control.RawControl(1, 2, b"")), 0)
    with mock.patch.object(famsock.socket, "recv_message", return_value=fake) as called:
        assert reader.receive(receiver, 7, 8, 9) == Datagram(b"fake", None, False, 3, None)
    called.assert_called_once_with(7, 8, 9)

    class Own(famsock.socket):
        def recv_message(self, *given: Any) -> Any:
            return fake

    with Own(famsock.AF_INET, famsock.SOCK_DGRAM) as own:
        assert reader.receive(own).data == b"fake"

    class Plain(famsock.socket):
        pass

    with Plain(famsock.AF_INET, famsock.SOCK_DGRAM) as plain:
        plain.recv_message = lambda *given: fake  # type: ignore[method-assign]
        assert reader.receive(plain).data == b"fake"
        del plain.recv_message
        plain.bind(("127.0.0.1", 0))
        sender.connect(plain.getsockname())
        sender.send(b"true")
        assert reader.receive(plain).data == b"true"


@both
@pytest.mark.parametrize(
    "given",
    [
        (-1,), ("1",), (1.5,), (None,), (1 << 80,), (1, -1), (1, "1"), (1, 1 << 40), (1, 1, "1"),
        (1, 1, 1 << 40), (1, 1, 1.0), (1, 1, 1, 1),
    ],
)  # fmt: skip
def test_what_is_refused(reader: Reader[Datagram], receiver: Any, given: Any) -> None:
    receiver.settimeout(0)
    outcomes = []
    for call in (receiver.recv_message, lambda *given: reader.receive(receiver, *given)):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            call(*given)
        outcomes.append(type(caught.value))
    assert outcomes[0] is outcomes[1]


@both
def test_nothing_to_receive(reader: Reader[Datagram], receiver: Any) -> None:
    receiver.settimeout(0.05)
    with pytest.raises(TimeoutError, match="timed out"):
        reader.receive(receiver)
    with pytest.raises(BlockingIOError):
        reader.receive(receiver, 10, 10, stdlib.MSG_DONTWAIT)
    receiver.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        reader.receive(receiver)
    for other in (None, 5, object()):
        with pytest.raises((TypeError, AttributeError)):
            reader.receive(other)  # type: ignore[arg-type]


@attrs.frozen
class Passed:
    """Data, and descriptors that came with them."""

    data: bytes
    numbers: tuple[int, ...]


def _numbers(data: bytes) -> tuple[int, ...]:
    found = array.array("i", data)
    if len(found) == 3:
        raise RuntimeError("three")
    return tuple(found)


RIGHTS: ControlType[Any] = ControlType(
    "SCM_RIGHTS", stdlib.SOL_SOCKET, stdlib.SCM_RIGHTS, codecs.raw(1024)
)


@pytest.mark.parametrize("make", [Reader, lambda cls, sources: control.reader(cls, **sources)])
def test_descriptors_are_taken_or_closed(make: Callable[..., Any]) -> None:
    def sent(count: int) -> None:
        readable, writable = os.pipe()
        stdlib.send_fds(a, [b"x"], [writable] * count)
        os.close(writable)
        pipes.append(readable)

    def is_closed() -> bool:
        os.set_blocking(pipes[-1], False)
        try:
            return os.read(pipes[-1], 1) == b""
        except BlockingIOError:
            return False

    taking = make(
        Passed,
        {"data": control.from_data(), "numbers": control.from_item(RIGHTS, (), _numbers)},
    )
    leaving = make(Passed, {"data": control.from_data(), "numbers": control.from_data(tuple)})
    outer = make(Outer, {"inner": control.from_reader(taking)})
    pipes: list[int] = []
    a, b = famsock.socketpair(famsock.AF_UNIX, famsock.SOCK_DGRAM)
    with a, b:
        for reader in (taking, outer):
            sent(2)
            got = reader.receive(b, 10, 100)
            got = getattr(got, "inner", got)
            assert len(got.numbers) == 2
            assert not is_closed()
            for number in got.numbers:
                assert not os.get_inheritable(number)
                os.close(number)
            assert is_closed()
        sent(2)
        assert leaving.receive(b, 10, 100).data == b"x"
        assert is_closed()
        sent(3)
        with pytest.raises(RuntimeError, match="three"):
            taking.receive(b, 10, 100)
        assert is_closed()
    for number in pipes:
        os.close(number)


@attrs.frozen
class Outer:
    """One field, which another reader makes."""

    inner: Passed


def test_compiled_code_reads_where_it_is_in_use() -> None:
    assert isinstance(READERS["chosen"], Reader) == (_calls.companion("famsock._cstruct") is None)
