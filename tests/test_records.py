"""Records in memory: what is read and written, and that nothing outside is; compiled and Python."""

from __future__ import annotations

import struct
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from famsock import _calls, cstruct, records
from famsock.records import Counted, Nanoseconds, Octets, RecordReader, RecordWriter

COMPILED: Any = _calls.companion("famsock._records")


@cstruct.struct("struct sample", header="sample.h", size=24)
class Header(cstruct.Struct):
    """A header with members of several sizes."""

    step: int = cstruct.u32("step")
    seconds: int = cstruct.u32("seconds")
    fraction: int = cstruct.u32("fraction")
    length: int = cstruct.u16("length")
    start: int = cstruct.u8("start")
    small: int = cstruct.i8("small")
    signed: int = cstruct.i32("signed")
    state: int = cstruct.u8("state")
    port: int = cstruct.be16("port")


class Found(NamedTuple):
    """A record."""

    data: bytes
    time_ns: int
    small: int
    signed: int
    fixed: bytes


ITEMS = (
    Counted("start", "length"),
    Nanoseconds("seconds", "fraction"),
    "small",
    "signed",
    Octets(20, 8),
)
HEADER = struct.Struct("=IIIHBbiBxH")


def packed(step: int, data: bytes, start: int = HEADER.size, **other: int) -> bytes:
    """A record, whose data follows its header."""
    numbers = {"seconds": 1, "fraction": 2, "length": len(data), "small": -3, "signed": -4}
    numbers |= other
    return (
        HEADER.pack(
            step,
            numbers["seconds"],
            numbers["fraction"],
            numbers["length"],
            start,
            numbers["small"],
            numbers["signed"],
            numbers.get("state", 0),
            0,
        )
        + data
    )


def python_reader(items: Any = ITEMS, made: type[Any] = Found, step: str = "step") -> Any:
    layout = records._Layout(Header)
    plans = tuple(layout.plan(item) for item in items)
    return records._PythonReader(made, layout.size, plans, layout.member(step))


def python_writer(
    free: int = 0, ready: int = 1, length: str = "length", state: str = "state"
) -> Any:
    layout = records._Layout(Header)
    return records._PythonWriter(32, layout.member(length), layout.member(state), free, ready)


def reader() -> Any:
    return RecordReader(Header, Found, ITEMS, step="step")


def writer() -> Any:
    return RecordWriter(Header, data_offset=32, length="length", state="state", free=0, ready=1)


IMPLEMENTATIONS = {"chosen": reader, "Python": python_reader}
WRITERS = {"chosen": writer, "Python": python_writer}
each_reader = pytest.mark.parametrize("make", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)
each_writer = pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)
Make = Callable[[], Any]


@each_reader
def test_records_one_after_the_other(make: Make) -> None:
    memory = b"#" * 5 + packed(32, b"12345678") + packed(0, b"last") + b"rest"
    found, at = make().read(memory, 5, len(memory), 9)
    assert found == [
        (b"12345678", 1_000_000_002, -3, -4, b"\0\0\0\0" + b"1234"),
        (b"last", 1_000_000_002, -3, -4, b"\0\0\0\0last"),
    ]
    assert [type(one) for one in found] == [Found, Found]
    assert at == len(memory)


@each_reader
def test_some_at_a_time(make: Make) -> None:
    memory = b"".join(packed(25, bytes([number])) for number in range(5))
    at, found = 0, []
    while at < len(memory):
        some, at = make().read(memory, at, len(memory), 2)
        assert 1 <= len(some) <= 2
        found += [one.data for one in some]
    assert found == [bytes([number]) for number in range(5)]
    assert make().read(memory, at, len(memory), 2) == ([], at)
    assert make().read(memory, 0, len(memory), 0) == ([], 0)
    assert make().read(memory, 0, len(memory), -1) == ([], 0)


@each_reader
def test_what_lies_outside_of_a_record_is_left_out(make: Make) -> None:
    memory = packed(28, b"1234", length=500) + packed(28, b"ABCD", start=27) + packed(0, b"wxyz")
    found, _ = make().read(memory, 0, len(memory), 9)
    assert [one.data for one in found] == [b"1234", b"D", b"wxyz"]
    assert found[1].fixed == b"\0\0\0\0ABCD"
    found, _ = make().read(memory[:26], 0, 26, 9)
    assert found == [(b"12", 1_000_000_002, -3, -4, b"\0\0\0\x0012")]
    assert make().read(memory, 0, 23, 9) == ([], 23)


@each_reader
@pytest.mark.parametrize("step", [0, 1, 23, 57, 1 << 31, (1 << 32) - 1])
def test_a_step_that_leads_nowhere_ends_the_table(make: Make, step: int) -> None:
    memory = packed(step, b"1234") + packed(0, b"5678")
    found, at = make().read(memory, 0, len(memory), 1 << 70)
    assert [one.data for one in found] == [b"1234"]
    assert at == len(memory)


BOUNDS = [(-1, 5), (5, 4), (0, 25), (25, 25), (1 << 70, 1 << 71), (-(1 << 70), 0), (0, 1 << 63)]


@each_reader
@pytest.mark.parametrize(("start", "end"), BOUNDS)
def test_bounds_outside_of_the_memory(make: Make, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="records lie at 0-24, not at"):
        make().read(bytes(24), start, end, 1)


@each_reader
def test_memory_of_other_kinds(make: Make) -> None:
    data = packed(0, b"1234")
    with mmap(-1, 64) as mapped:
        mapped[: len(data)] = data
        for memory in (data, bytearray(data), memoryview(data), mapped, memoryview(mapped)):
            assert make().read(memory, 0, len(data), 1)[0][0].data == b"1234"
            if isinstance(memory, memoryview):
                memory.release()
    with pytest.raises(ValueError, match="closed"):
        make().read(mapped, 0, 10, 1)
    with pytest.raises(BufferError):
        make().read(memoryview(bytes(99))[::2], 0, 10, 1)
    for wrong in ("text", None, 5):
        with pytest.raises(TypeError):
            make().read(wrong, 0, 1, 1)
    for bound in (1.0, "1", None):
        with pytest.raises(TypeError):
            make().read(data, bound, 28, 1)
        with pytest.raises(TypeError):
            make().read(data, 0, bound, 1)
        if bound != 1.0:
            with pytest.raises(TypeError):
                make().read(data, 0, 28, bound)


def test_what_no_reader_can_be_made_of() -> None:
    def make(items: Any = ITEMS, made: Any = Found, step: str = "step") -> None:
        RecordReader(Header, made, items, step=step)

    for name in ("absent", "port", "signed"):
        with pytest.raises(TypeError, match="Header has no integer"):
            make(step=name)
    items: list[Any] = ["absent", "port", 5, None]
    items += [Counted("signed", "length"), Counted("start", "small")]
    items += [Nanoseconds("length", "fraction"), Nanoseconds("seconds", "signed")]
    for item in items:
        with pytest.raises(TypeError):
            make((item, *ITEMS[1:]))
    for octets in (Octets(-1, 1), Octets(1, -1), Octets(1 << 31, 1), Octets(1, 1 << 31)):
        with pytest.raises(ValueError, match="octets lie"):
            make((octets, *ITEMS[1:]))
    with pytest.raises(ValueError, match="Found has 5 fields, not 4"):
        make(ITEMS[1:])
    for made in (tuple, list, object, Found(b"", 1, 2, 3, b"")):
        with pytest.raises(TypeError, match="named tuples"):
            make(made=made)


def test_neighbours_share_equal_octets() -> None:
    memory = packed(32, b"12345678") * 2 + packed(32, b"other567")
    first, second, third = reader().read(memory, 0, len(memory), 3)[0]
    assert first.fixed == second.fixed == b"\0\0\0\x001234"
    assert third.fixed == b"\0\0\0\0othe"


numbers = st.one_of(st.integers(0, 60), st.integers(0, (1 << 32) - 1))
hostile = st.builds(
    lambda step, data, start, length, cut: packed(
        step, data, start & 0xFF, length=length & 0xFFFF
    )[:cut],
    numbers, st.binary(max_size=40), numbers, numbers, st.integers(0, 70),
)  # fmt: skip
tables = st.one_of(st.binary(max_size=300), st.lists(hostile, max_size=8).map(b"".join))
ODD = (Octets(0, 0), Octets(30, 1 << 20), Counted("seconds", "step"), "seconds", "state")
PLANS: tuple[tuple[Any, ...], ...] = (ITEMS, ODD, (*ITEMS[1:], Counted("step", "seconds")))


@pytest.mark.compiled_layer
@settings(max_examples=400, deadline=None)
@given(
    tables,
    st.integers(-2, 320),
    st.integers(-2, 320),
    st.integers(-1, 20),
    st.sampled_from(PLANS),
    st.sampled_from(["step", "length", "start"]),
)
@example(b"", 0, 0, 1, ITEMS, "step")
@example(bytes(24), 0, 24, 1 << 70, ITEMS, "step")
def test_compiled_and_python_read_the_same(
    memory: bytes, start: int, end: int, count: int, items: Any, step: str
) -> None:
    """The memory stands between bytes that no record may contain."""
    compiled = RecordReader(Header, Found, items, step=step)
    given_memory = bytearray(memory)
    expected = outcome(python_reader(items, Found, step).read, memory, start, end, count)
    assert outcome(compiled.read, memory, start, end, count) == expected
    assert outcome(compiled.read, given_memory, start, end, count) == expected
    if isinstance(expected, tuple) and isinstance(expected[0], list):
        assert start <= expected[1] <= end
        size = sum(len(item) for one in expected[0] for item in one if isinstance(item, bytes))
        assert size <= len(items) * (end - start)  # no memory is taken by what a record says


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a call gives, down to the types of the values, or the type of what it raises."""
    try:
        found, at = call(*arguments)
    except Exception as error:
        return type(error)
    return [tuple(one) for one in found], at, [[type(item) for item in one] for one in found]


@each_writer
def test_a_record_is_written_once(make: Make) -> None:
    memory = bytearray(b"#" * 60)
    memory[10:34] = HEADER.pack(7, 7, 7, 7, 7, 7, 7, 0, 7)
    assert make().write(memory, 10, 50, b"data") is True
    assert make().write(memory, 10, 50, b"more") is False
    assert memory[:10] + memory[46:] == b"#" * 24
    assert HEADER.unpack_from(memory, 10) == (7, 7, 7, 4, 7, 7, 7, 1, 7)
    assert memory[42:46] == b"data"


@each_writer
def test_data_that_does_not_fit(make: Make) -> None:
    memory = bytearray(40)
    for size in (9, 100, 1 << 16):
        with pytest.raises(ValueError, match="do not fit"):
            make().write(memory, 0, 40, bytes(size))
    with pytest.raises(ValueError, match="needs 32 bytes, not 31"):
        make().write(memory, 0, 31, b"")
    assert memory == bytes(40)
    with pytest.raises(ValueError, match="65536 bytes do not fit"):
        make().write(bytearray(1 << 17), 0, 1 << 17, bytes(1 << 16))  # nor into the length
    for start, end in ((-1, 40), (41, 41), (33, 32), (0, 41), (0, 1 << 70)):
        with pytest.raises(ValueError, match="records lie at 0-40"):
            make().write(memory, start, end, b"")
    assert make().write(memory, 0, 40, memoryview(b"12345678").cast("H")) is True
    assert memory[32:] == b"12345678"


@each_writer
def test_memory_and_data_of_other_kinds(make: Make) -> None:
    with mmap(-1, 64) as mapped:
        assert make().write(mapped, 0, 64, bytearray(b"1")) is True
        assert mapped[32:34] == b"1\0"
        with memoryview(mapped) as own:  # what is written may lie in the memory itself
            assert make().write(own[:60], 0, 60, own[20:40]) is False
            own[20] = 0
            assert make().write(own, 0, 60, own[20:40]) is True
    with mmap(-1, 64, access=ACCESS_READ) as mapped, pytest.raises(BufferError):
        make().write(mapped, 0, 64, b"1")
    for memory in (bytes(64), memoryview(bytearray(99))[::2]):
        with pytest.raises(BufferError):
            make().write(memory, 0, 40, b"1")
    with pytest.raises(BufferError):
        make().write(bytearray(64), 0, 64, memoryview(b"1234")[::2])
    for wrong in ("text", None, 5):
        with pytest.raises(TypeError):
            make().write(wrong, 0, 1, b"")
        with pytest.raises(TypeError):
            make().write(bytearray(64), 0, 64, wrong)


def test_what_no_writer_can_be_made_of() -> None:
    def make(**changed: Any) -> None:
        usual: dict[str, Any] = {
            "data_offset": 32, "length": "length", "state": "state", "free": 0, "ready": 1,
        }  # fmt: skip
        RecordWriter(Header, **usual | changed)

    make()
    for wrong in ({"length": "small"}, {"state": "port"}, {"length": "absent"}):
        with pytest.raises(TypeError, match="Header has no integer"):
            make(**wrong)
    for wrong_number in ({"free": 256}, {"ready": -1}, {"ready": 0}):
        with pytest.raises(ValueError, match="states are two numbers 0-255"):
            make(**wrong_number)
    for offset in (0, 23, 1 << 31):
        with pytest.raises(ValueError, match="behind the 24 bytes"):
            make(data_offset=offset)


@pytest.mark.compiled_layer
@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=120),
    st.integers(-2, 130),
    st.integers(-2, 130),
    st.binary(max_size=100),
    st.sampled_from([(0, 1), (1, 0), (255, 0)]),
)
@example(bytes(40), 0, 40, bytes(8), (0, 1))
@example(bytes(40), 0, 40, bytes(9), (0, 1))
def test_compiled_and_python_write_the_same(
    memory: bytes, start: int, end: int, data: bytes, states: tuple[int, int]
) -> None:
    ours, theirs = bytearray(memory), bytearray(memory)
    free, ready = states
    compiled = RecordWriter(
        Header, data_offset=32, length="length", state="state", free=free, ready=ready
    )
    outcomes = []
    for made, target in ((compiled, ours), (python_writer(free, ready), theirs)):
        try:
            outcomes.append(made.write(target, start, end, data))
        except Exception as error:
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1]
    assert ours == theirs
    assert ours[: max(start, 0)] == memory[: max(start, 0)]


@pytest.mark.compiled_layer
def test_plans_that_nobody_checked() -> None:
    """The compiled classes check what they are told, too."""
    step = ("I", 0)
    integer = ("integer", "I", 0, "", 0)
    far, near = ("integer", "I", 21, "", 0), ("integer", "I", -1, "", 0)
    second, octets = ("counted", "I", 0, "I", 21), ("octets", "", -1, "", 0)
    for plans in ((), (integer,) * 17, (far,), (near,), (second,), (octets,)):
        with pytest.raises(ValueError, match=r"item|outside|in front"):
            COMPILED.Reader(Found, 24, plans, step)
    for bad in (("I", 21), ("Q", 17), ("I", -1)):
        with pytest.raises(ValueError, match="outside"):
            COMPILED.Reader(Found, 24, (integer,), bad)
        with pytest.raises(ValueError, match="outside"):
            COMPILED.Writer(24, bad, step, 0, 1)
    with pytest.raises(TypeError, match="never made"):
        COMPILED.Reader.__new__(COMPILED.Reader).read(b"", 0, 0, 1)
    with pytest.raises(TypeError, match="never made"):
        COMPILED.Writer.__new__(COMPILED.Writer).write(bytearray(), 0, 0, b"")
