"""Records of a header and attributes: the same in compiled code and in Python, for any bytes."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
import random
import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import attrs
import pytest

from famsock import _calls, cstruct, tlv

COMPILED: Any = _calls.companion("famsock._cstruct")

PLUGINS = sorted(path.name for path in (Path(__file__).parent.parent / "plugins").iterdir())
NESTED = 0x8000
MASK = 0x3FFF


@cstruct.struct("struct head", header="head.h")
class Head(cstruct.Struct):
    """A family, a number of bits, a number, and a reserved one."""

    family: int = cstruct.u8("family", default=0)
    bits: int = cstruct.u8("bits", default=0)
    number: int = cstruct.be16("number", default=0)


@cstruct.struct("struct times", header="head.h")
class Times(cstruct.Struct):
    """The source that a part is taken from."""

    created: int = cstruct.u32("created")
    updated: int = cstruct.i32("updated")


SIZES = {4: 4, 6: 16}
CALLS: list[tuple[Any, ...]] = []


def _address(family: int, bits: int, data: bytes | None, beside: bytes | None) -> Any:
    """Fail for whatever ``sizes`` and ``at_once`` of `Device` do not let wait."""
    CALLS.append((family, bits, data, beside))
    if beside is not None:
        raise ValueError("beside")
    if len(data or b"") != SIZES.get(family, 0) and data is not None:
        raise ValueError("size")
    if bits > 8 * SIZES.get(family, 0):
        raise ValueError("bits")
    return ip_address(data) if data else bits


@attrs.frozen
class Device(tlv.Deferred):
    """A field of every kind."""

    family: int
    number: int
    mtu: int
    table: int
    delta: int
    name: str
    data: bytes
    kind: str
    deep: int
    created: int
    updated: int
    address: Any
    numbers: tuple[int, ...]
    guarded: Any
    others: tuple[Any, ...]


KNOWN = frozenset(range(1, 13))
FIELDS = {
    "family": tlv.member("family"),
    "number": tlv.member("number"),
    "mtu": tlv.unsigned(1),
    "table": tlv.unsigned(2, member="number"),
    "delta": tlv.signed(3, default=-1),
    "name": tlv.text(4),
    "data": tlv.value(5, default=None),
    "kind": tlv.text(6, 1),
    "deep": tlv.unsigned(6, 2, 3, default=9),
    "created": tlv.part(7, Times, "created", default=7),
    "updated": tlv.part(7, Times, "updated", default=None),
    "address": tlv.made(
        _address, 8, 9, members=("family", "bits"), sizes=SIZES, counts_bits=True, at_once=(9,)
    ),
    "numbers": tlv.made(tuple, 10, default=()),
    "guarded": tlv.made(lambda a, b: (a, b), 11, 12, default="none", needed=(11,)),
    "others": tlv.unknown(tuple, KNOWN),
}


def device_table() -> tlv.Table[Device]:
    return tlv.Table(Device, Head, FIELDS, type_mask=MASK, label="kit attribute")


DEVICES = device_table()


def packed(*attributes: tuple[int, bytes]) -> bytes:
    return b"".join(
        struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)
        for kind, value in attributes
    )


def outcome(call: Callable[..., Any], *given: Any) -> tuple[Any, ...]:
    """Return what a call gives, down to the types of the fields, or what it raises."""
    try:
        made = call(*given)
    except Exception as error:
        return type(error), str(error)
    if attrs.has(type(made)):
        values = [getattr(made, a.name) for a in attrs.fields(type(made))]
        return type(made), *((type(value), value) for value in values)
    return type(made), made


def tables() -> list[tlv.Table[Any]]:
    """Every table of the plugins here."""
    found = []
    for name in PLUGINS:
        package = importlib.import_module(f"famsock_{name}")
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            found += [one for one in vars(module).values() if isinstance(one, tlv.Table)]
    return found


def samples(table: tlv.Table[Any], count: int) -> Iterator[bytes]:
    """Records: of usual and unusual attributes, cut, with bytes changed, and of random bytes."""
    draw = random.Random(table.cls.__name__)
    types = sorted({kind for field in table.fields.values() for kind in field.types})
    size = table.header.layout.size

    def values(depth: int) -> bytes:
        length = draw.choice((0, 1, 2, 3, 4, 4, 4, 6, 8, 12, 16, 16, 20, 36))
        filled = draw.choice((bytes(length), draw.randbytes(length), b"eth0\0x"[:length]))
        return attributes(depth + 1) if depth < 3 and draw.random() < 0.3 else filled

    def attributes(depth: int) -> bytes:
        return packed(
            *(
                (
                    draw.choice((*types, *types, draw.randrange(MASK + 1)))
                    | draw.choice((0, 0, NESTED, 0x4000)),
                    values(depth),
                )
                for _ in range(draw.randrange(6))
            )
        )

    for _ in range(count):
        head = bytearray(draw.randbytes(size))
        head[0] = draw.choice((0, 2, 4, 6, 10, 255))
        head[1] = draw.choice((0, 8, 24, 32, 33, 64, 128, 129, 255))
        data = bytes(head) + attributes(0)
        yield data
        changed = bytearray(data)
        changed[draw.randrange(len(data))] = draw.choice((0, 1, 3, 4, 0xFF))
        yield bytes(changed)
        yield data[: draw.randrange(len(data) + 1)]
        yield data + draw.choice((b"\0", b"\0\0\0", b"\0\0\1", b"\3\0\1\0"))
        yield draw.randbytes(draw.randrange(size + 24))


@pytest.mark.compiled_layer
def test_every_table_is_read_alike() -> None:
    counts = {"tables": 0, "cases": 0, "read": 0, "refused": 0}
    for table in [DEVICES, *tables()]:
        counts["tables"] += 1
        assert table.unpack.__self__.__class__ is COMPILED.Table  # type: ignore[attr-defined]
        for data in samples(table, 400):
            expected = outcome(table.unpack_in_python, data)
            assert outcome(table.unpack, data) == expected, (table.cls, data)
            counts["cases"] += 1
            counts["read" if expected[0] is table.cls else "refused"] += 1
            if expected[0] is not table.cls:
                continue
            lazy, eager = table.unpack(data), table.unpack_in_python(data)
            assert repr(table.unpack(data)) == repr(eager)
            assert lazy == eager
            assert hash(table.unpack(data)) == hash(eager)
    assert counts["tables"] >= 6, counts
    assert counts["read"] > 1000 < counts["refused"], counts


@pytest.mark.compiled_layer
def test_data_of_other_types_and_classes_are_read_alike() -> None:
    class Below(Device):
        __slots__ = ()

    data = Head(4, 8, 5).pack() + packed((8, b"\x7f\0\0\1"), (4, b"eth0\0"))
    for given in (bytearray(data), memoryview(data), None, 1, "text"):
        assert outcome(DEVICES.unpack, given) == outcome(DEVICES.unpack_in_python, given)
    assert type(DEVICES.unpack(data, Below)) is Below
    assert outcome(DEVICES.unpack, data, Below) == outcome(DEVICES.unpack_in_python, data, Below)


HOSTILE = {
    "length 0": (b"\0\0\1\0", "byte 0: length must be 4-4, not 0"),
    "length 3": (b"\3\0\1\0", "byte 0: length must be 4-4, not 3"),
    "length beyond the end": (b"\5\0\1\0", "byte 0: length must be 4-4, not 5"),
    "greatest length": (b"\xff\xff\1\0" + bytes(60), "byte 0: length must be 4-64, not 65535"),
    "second one": (packed((1, b"")) + b"\xff\xff\1\0", "byte 4: length must be 4-4, not 65535"),
    "bytes that are left": (packed((1, b"")) + b"\0\1", "byte 4: 2 bytes are left"),
}


@pytest.mark.skipif(struct.pack("=H", 1) != b"\1\0", reason="the bytes are little-endian")
@pytest.mark.parametrize(("data", "words"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_lengths_are_refused(data: bytes, words: str) -> None:
    for split in (tlv.split, lambda data: tlv._split_in_python(data, 0, "attribute")):
        with pytest.raises(ValueError, match=f"^attribute at {words}$"):
            split(data)
    record = Head(4).pack() + data
    for unpack in (DEVICES.unpack, DEVICES.unpack_in_python):
        with pytest.raises(ValueError, match=r"^kit attribute at byte"):
            unpack(record)
    nested = Head(4).pack() + packed((6, data))
    for unpack in (DEVICES.unpack, DEVICES.unpack_in_python):
        with pytest.raises(ValueError, match=f"^kit attribute at {words}$"):
            unpack(nested)


def test_attributes_are_split_alike() -> None:
    draw = random.Random(1)
    long = packed((1, bytes(0xFFFB)), (2, bytes(0xFFF8)), (3, b"x"))
    cases = [long, long[:-1], long[: 0xFFFF - 1], packed((1, bytes(0xFFFB)))[:0xFFFF]]
    for data in samples(DEVICES, 200):
        cases += [data, data[4:]]
    for data in cases:
        for offset in (0, 4, draw.randrange(len(data) + 9), -1):
            expected = outcome(tlv._split_in_python, data, offset, "a")
            for given in (data, bytearray(data), memoryview(data)):
                assert outcome(lambda d, o: tlv.split(d, o, label="a"), given, offset) == expected
    assert outcome(tlv.split, b"", -1)[1] == "attribute: offset must be at least 0, not -1"


def test_what_is_usual_waits_and_is_made_once() -> None:
    data = Head(4, 32, 5).pack() + packed((8, b"\x7f\0\0\1"))
    CALLS.clear()
    found = DEVICES.unpack(data)
    assert len(CALLS) == (COMPILED is None)
    assert str(found.address) == str(found.address) == "127.0.0.1"
    assert len(CALLS) == 1


@pytest.mark.parametrize(
    ("head", "attributes", "words"),
    [
        (Head(5, 0), [(8, b"1234")], "size"),
        (Head(4, 0), [(8, b"12345")], "size"),
        (Head(6, 0), [(8, b"1234")], "size"),
        (Head(4, 33), [(8, b"1234")], "bits"),
        (Head(4, 33), [], "bits"),
        (Head(4, 0), [(8, b"1234"), (9, b"1234")], "beside"),
        (Head(4, 0), [(9, b"1234")], "beside"),
    ],
)
def test_what_could_fail_does_not_wait(head: Head, attributes: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        DEVICES.unpack(head.pack() + packed(*attributes))


def test_objects_are_as_any_of_their_class() -> None:
    data = Head(4, 32, 5).pack() + packed((8, b"\x7f\0\0\1"), (99, b"new"))
    eager = DEVICES.unpack_in_python(data)
    assert eager.others == ((99, b"new"),)
    for use in (
        copy.copy,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
        lambda one: attrs.evolve(one, mtu=one.mtu),
        lambda one: Device(*attrs.astuple(one, recurse=False)),
    ):
        made = use(DEVICES.unpack(data))
        assert (made, hash(made), repr(made)) == (eager, hash(eager), repr(eager))
    found = DEVICES.unpack(data)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found.address = 1  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"^'Device' object has no attribute 'adress'$"):
        found.adress  # type: ignore[attr-defined] # noqa: B018
    assert not hasattr(found, "_nothing")
    with pytest.raises(AttributeError):
        object.__new__(Device).address  # noqa: B018


@attrs.frozen
class Sent:
    """A record with its bytes."""

    kind: int
    flags: int
    payload: bytes = attrs.field(default=b"", converter=bytes)


@cstruct.struct("struct front", header="front.h")
class Front(cstruct.Struct):
    """The header of `Sent`."""

    kind: int = cstruct.u16("kind")
    size_bytes: int = cstruct.u32("size")
    flags: int = cstruct.i32("flags", default=0)


@cstruct.struct("struct small", header="front.h")
class SmallFront(cstruct.Struct):
    """The same with a small length."""

    size_bytes: int = cstruct.u16("size")
    kind: int = cstruct.u8("kind")
    flags: int = cstruct.u8("flags", default=0)


@pytest.mark.parametrize("header", [Front, SmallFront])
def test_records_are_split_alike(header: Any) -> None:
    records = tlv.Records(Sent, header, length="size_bytes", label="kit record")
    size = header.layout.size
    if COMPILED is not None:
        assert records.unpack.__self__.__class__ is COMPILED.Records  # type: ignore[attr-defined]
    draw = random.Random(2)
    read = 0
    for _ in range(400):
        given = [Sent(draw.randrange(256), 7, draw.randbytes(draw.randrange(9))) for _ in range(3)]
        data = b"".join(
            header(kind=one.kind, size_bytes=size + len(one.payload), flags=one.flags).pack()
            + one.payload + bytes(-(size + len(one.payload)) % 4)
            for one in given
        )  # fmt: skip
        assert records.unpack(data) == given
        changed = bytearray(data)
        changed[draw.randrange(len(data))] = draw.choice((0, 1, size - 1, size, 0xFF))
        for one in (data, bytes(changed), data[: draw.randrange(len(data))], draw.randbytes(40)):
            expected = outcome(records.unpack_in_python, one)
            assert outcome(records.unpack, one) == expected, one
            assert outcome(records.unpack, bytearray(one)) == outcome(
                records.unpack_in_python, bytearray(one)
            )
            read += expected[0] is list
    assert 400 < read < 1600


class OwnWay(Head):
    """A header that is unpacked in its own way."""

    __slots__ = ()

    @classmethod
    def unpack(cls, data: Any, lookup: Any = None) -> Any:
        return super().unpack(bytes(4) + data[4:], lookup)


@attrs.frozen
class Checked:
    """A class whose objects do more when they are made."""

    family: int

    def __attrs_post_init__(self) -> None:
        assert self.family == 0


@attrs.define(slots=False)
class Loose:
    """A class without slots."""

    family: int


@attrs.frozen
class One:
    """One field."""

    family: int


@pytest.mark.parametrize(
    ("cls", "header", "field"),
    [
        (Checked, Head, tlv.member("family")),
        (Loose, Head, tlv.member("family")),
        (One, OwnWay, tlv.member("family")),
        (One, Head, tlv.unsigned(200)),
        (One, Head, tlv.unknown(len, frozenset({200}))),
    ],
)
def test_what_compiled_code_leaves_to_python(cls: Any, header: Any, field: tlv.Field) -> None:
    table = tlv.Table(cls, header, {"family": field})
    assert table.unpack == table.unpack_in_python
    found = table.unpack(bytes(4) + packed((200, b"\5")))
    assert found.family == {"member": 0, "unsigned": 5, "unknown": ()}[field.source]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, r"One: fields are \['family'\], not \[\]"),
        ({"family": tlv.member("none")}, "One family: no member 'none'"),
        ({"family": tlv.unsigned(1, member="none")}, "One family: no member 'none'"),
        ({"family": tlv.part(1, Times, "none", default=0)}, "One family: no member 'none'"),
        ({"family": tlv.unsigned()}, "One family: no type of an attribute"),
        ({"family": tlv.unsigned(*range(9))}, "One family: at most 8 attributes and members"),
        ({"family": tlv.unsigned(-1)}, "One family: type must be 0-16383, not -1"),
        ({"family": tlv.unsigned(1 << 14)}, "One family: type must be 0-16383, not 16384"),
        ({"family": tlv.unsigned(1 << 99)}, "One family: type must be 0-16383, not 6338"),
        ({"family": tlv.text(True)}, "One family: type must be 0-16383, not True"),
        ({"family": tlv.unknown(tuple, frozenset({-5}))}, "One family: type must be 0-16383"),
        ({"family": tlv.made(len, 1, at_once=(2,))}, "One family: at_once and needed must be of"),
        ({"family": tlv.made(len, 1, needed=(2,))}, "One family: at_once and needed must be of"),
        ({"family": tlv.made(len, 1, sizes=SIZES)}, "One family: sizes need a member to go by"),
        ({"family": tlv.made(len, 1, members=("family",), sizes=SIZES, counts_bits=True)},
         "One family: sizes need a member to go by"),
    ],
)  # fmt: skip
def test_a_description_that_does_not_fit_is_refused(fields: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"^{words}"):
        tlv.Table(One, Head, fields, type_mask=MASK)


def test_records_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^Sent: fields are"):
        tlv.Records(Sent, Front, length="size")
    with pytest.raises(TypeError, match=r"^One: fields are"):
        tlv.Records(One, Front, length="size_bytes")
