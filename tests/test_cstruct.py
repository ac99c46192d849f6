"""C layouts: offsets and sizes as a C compiler's, ranges, conversions, refusals."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import attrs
import pytest

from famsock import cstruct

pytestmark = pytest.mark.asks_no_kernel

INTEGERS = {
    "U8": (ctypes.c_uint8, cstruct.U8),
    "U16": (ctypes.c_uint16, cstruct.U16),
    "U32": (ctypes.c_uint32, cstruct.U32),
    "U64": (ctypes.c_uint64, cstruct.U64),
    "I8": (ctypes.c_int8, cstruct.I8),
    "I16": (ctypes.c_int16, cstruct.I16),
    "I32": (ctypes.c_int32, cstruct.I32),
    "I64": (ctypes.c_int64, cstruct.I64),
    "LONG": (ctypes.c_long, cstruct.LONG),
    "ULONG": (ctypes.c_ulong, cstruct.ULONG),
    "BE16": (ctypes.c_uint16, cstruct.BE16),
    "BE32": (ctypes.c_uint32, cstruct.BE32),
    "LE16": (ctypes.c_uint16, cstruct.LE16),
}


def _of_one(ctype: cstruct.CType) -> Any:
    """Return a struct class with one field of a type, called "value"."""

    @cstruct.struct("struct one", header="")
    class One(cstruct.Struct):
        """A struct of one field."""

        value: Any = cstruct.field(ctype, "value")

    return One


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_have_the_range_of_their_c_type(name: str) -> None:
    c, ctype = INTEGERS[name]
    assert ctype.low is not None
    assert ctype.high is not None
    assert ctype.size == ctypes.sizeof(c)
    assert c(ctype.low).value == ctype.low
    assert c(ctype.high).value == ctype.high
    assert c(ctype.high + 1).value == ctype.low
    one = _of_one(ctype)
    for value in (ctype.low, ctype.high):
        assert one.unpack(one(value).pack()) == one(value)
        assert ctype.parse(ctype.text(value)) == value
    for value in (ctype.low - 1, ctype.high + 1):
        with pytest.raises(OverflowError, match=f"^One value must be .*, not {value}$"):
            one(value)


@pytest.mark.parametrize(
    ("ctype", "value", "packed"),
    [
        (cstruct.BE16, 0x1234, b"\x12\x34"),
        (cstruct.BE32, 0x12345678, b"\x12\x34\x56\x78"),
        (cstruct.LE16, 0x1234, b"\x34\x12"),
        (cstruct.BOOL, True, (1).to_bytes(4, sys.byteorder)),
        (cstruct.octets(3), b"abc", b"abc"),
        (cstruct.char_array(4), "ab", b"ab\0\0"),
    ],
)
def test_bytes(ctype: cstruct.CType, value: object, packed: bytes) -> None:
    one = _of_one(ctype)
    assert one(value).pack() == packed
    assert one.unpack(packed).value == value


@pytest.mark.parametrize(
    ("ctype", "value", "error", "match"),
    [
        (cstruct.U8, "1", TypeError, "must be an integer 0-255, not str"),
        (cstruct.U8, 1.0, TypeError, "must be an integer 0-255, not float"),
        (cstruct.U8, None, TypeError, "must be an integer 0-255, not NoneType"),
        (cstruct.BOOL, "yes", TypeError, "must be True or False, not 'yes'"),
        (cstruct.octets(3), "abc", TypeError, "must be 3 bytes, not str"),
        (cstruct.octets(3), b"ab", ValueError, "must be 3 bytes, not 2"),
        (cstruct.octets(3), b"abcd", ValueError, "must be 3 bytes, not 4"),
        (cstruct.char_array(4), b"ab", TypeError, "must be str, not bytes"),
        (cstruct.char_array(4), "a\0b", ValueError, "must not contain a null character"),
        (cstruct.char_array(4), "abcd", ValueError, "too long: at most 3 bytes, not 4"),
        (cstruct.char_array(4), "\u00e4\u00e4", ValueError, "too long: at most 3 bytes, not 4"),
    ],
)
def test_refusals(ctype: cstruct.CType, value: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=f"^One value {match}$"):
        _of_one(ctype)(value)


def test_anything_with_an_index_is_an_integer() -> None:
    class Index:
        def __index__(self) -> int:
            return 7

    one = _of_one(cstruct.U8)(Index())
    assert type(one.value) is int
    assert one.value == 7


def test_text_that_is_no_utf_8_comes_back() -> None:
    one = _of_one(cstruct.char_array(4))
    assert one.unpack(b"\xff\0??").value == "\udcff"
    assert one("\udcff").pack() == b"\xff\0\0\0"


def test_integers_are_written_in_any_base() -> None:
    assert [cstruct.U16.parse(text) for text in ("16", "0x10", "0b10000")] == [16, 16, 16]
    with pytest.raises(ValueError, match="must be an integer, such as 10 or 0xa, not "):
        cstruct.U16.parse("port")


def test_forms_of_numbers_in_messages() -> None:
    assert cstruct.check_integer(5, 0, 15, hex) == 5
    with pytest.raises(OverflowError, match=r"^must be 0-0xf, not 0x10$"):
        cstruct.check_integer(16, 0, 15, hex)


@cstruct.struct("struct inner", header="")
class Inner(cstruct.Struct):
    """A byte and a number."""

    a: int = cstruct.u8("a")
    b: int = cstruct.u32("b")


@cstruct.struct("struct mixed", header=("a.h", "b.h"))
class Mixed(cstruct.Struct):
    """Members of every alignment."""

    a: int = cstruct.u8("a")
    b: int = cstruct.u16("b")
    c: str = cstruct.char("c", 3)
    d: int = cstruct.u64("d")
    e: int = cstruct.i8("e")
    f: int = cstruct.long("f")
    g: bool = cstruct.boolean("g")
    h: bytes = cstruct.raw("h", 1)
    i: int = cstruct.i64("i")
    j: int = cstruct.i32("j", default=-1)


class CMixed(ctypes.Structure):
    """The same struct by ctypes."""

    _fields_ = (
        ("a", ctypes.c_uint8),
        ("b", ctypes.c_uint16),
        ("c", ctypes.c_char * 3),
        ("d", ctypes.c_uint64),
        ("e", ctypes.c_int8),
        ("f", ctypes.c_long),
        ("g", ctypes.c_int),
        ("h", ctypes.c_ubyte * 1),
        ("i", ctypes.c_int64),
        ("j", ctypes.c_int32),
    )


def test_offsets_and_size_follow_c() -> None:
    offsets = {member.attribute: member.offset for member in Mixed.layout.members}
    assert offsets == {name: getattr(CMixed, name).offset for name, *_ in CMixed._fields_}
    assert Mixed.layout.size == ctypes.sizeof(CMixed)
    assert (Mixed.layout.c_name, Mixed.layout.headers) == ("struct mixed", ("a.h", "b.h"))


def test_bytes_are_those_of_c() -> None:
    mixed = Mixed(1, 2, "ab", 4, -5, -6, True, b"h", -9)
    theirs = CMixed(1, 2, b"ab", 4, -5, -6, 1, (ctypes.c_ubyte * 1)(*b"h"), -9, -1)
    assert mixed.pack() == bytes(theirs)
    assert Mixed.unpack(bytes(theirs)) == mixed


def test_a_stated_size_pads() -> None:
    @cstruct.struct("struct padded", header="", size=6)
    class Padded(cstruct.Struct):
        """A byte at the start of six."""

        a: int = cstruct.u8("a")

    assert Padded(1).pack() == b"\1\0\0\0\0\0"
    assert Padded.layout.size == 6


def test_a_struct_in_a_struct() -> None:
    @cstruct.struct("struct outer", header="")
    class Outer(cstruct.Struct):
        """A byte and a struct of eight bytes, which has no alignment here."""

        before: int = cstruct.u8("before")
        inner: Inner = cstruct.field(cstruct.nested(Inner), "inner", offset=4)

    outer = Outer(1, Inner(2, 3))
    assert Outer.layout.size == 12
    assert outer.pack()[4:] == Inner(2, 3).pack()
    assert Outer.unpack(outer.pack()) == outer
    with pytest.raises(TypeError, match=r"^Outer inner must be Inner, not int$"):
        Outer(1, 5)  # type: ignore[arg-type]


def test_instances_are_frozen_and_compare_by_value() -> None:
    first, same, other = Inner(1, 2), Inner(a=1, b=2), Inner(1, 3)
    assert first == same
    assert hash(first) == hash(same)
    assert first != other
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        first.a = 2  # type: ignore[misc]


@pytest.mark.parametrize("value", [256, -1])
def test_a_default_is_checked_when_the_class_is_made(value: int) -> None:
    with pytest.raises(TypeError, match=f"Wrong a: its default must be 0-255, not {value}"):

        @cstruct.struct("struct wrong", header="")
        class Wrong(cstruct.Struct):
            """A byte whose default is none."""

            a: int = cstruct.u8("a", default=value)
