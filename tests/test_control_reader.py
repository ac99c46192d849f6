"""Readers of received messages: fields from data, address, flags and control messages."""

from __future__ import annotations

import random
import struct
from typing import Any

import attrs
import pytest

from famsock import _calls, codecs, control, cstruct
from famsock.control import ControlType, Reader

LEVEL = 7
WORD: ControlType[int] = ControlType("SCM_WORD", LEVEL, 1, codecs.U32)
PORT: ControlType[int] = ControlType("SCM_PORT", LEVEL, 2, codecs.BE16)
CUT, OWN = 0x20, 0x800


@attrs.frozen
class Arrival:
    """What came beside the data."""

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
        size = draw.choice((0, 1, 2, 3, 4, 5, 8))
        items.append((draw.choice((LEVEL, 1)), draw.choice((1, 2, 3)), draw.randbytes(size)))
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
    expected = Received("hello", b"hello", ("lo", 3), 80, False, Arrival("lo", 4, 8, True))
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


def test_compiled_code_reads_where_it_is_in_use() -> None:
    assert isinstance(READERS["chosen"], Reader) == (_calls.companion("famsock._cstruct") is None)
