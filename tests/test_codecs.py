"""Codecs of option values and control messages."""

from __future__ import annotations

import struct
import sys
from types import ModuleType
from typing import Any

import pytest

from famsock import codecs, cstruct
from famsock.codecs import Codec

pytestmark = pytest.mark.asks_no_kernel

LONGS = struct.Struct("@ll")


@cstruct.struct("struct pair", header="")
class Pair(cstruct.Struct):
    """Two bytes."""

    first: int = cstruct.u8("first")
    second: int = cstruct.u8("second")


@pytest.mark.parametrize(
    ("codec", "value", "data"),
    [
        (codecs.INT, -1, b"\xff" * 4),
        (codecs.U8, 255, b"\xff"),
        (codecs.BE16, 80, b"\0\x50"),
        (codecs.BE32, 1, b"\0\0\0\1"),
        (codecs.raw(4), b"ab", b"ab"),
        (codecs.raw(0), b"", b""),
        (codecs.text(4), "ab", b"ab\0"),
        (codecs.text(4), "", b"\0"),
        (codecs.text(4), "\udcff", b"\xff\0"),
        (codecs.array(codecs.U8, 3), (1, 2), b"\1\2"),
        (codecs.array(codecs.BE16, 3), (), b""),
        (codecs.TIMEVAL_NS, 2_000_003_000, LONGS.pack(2, 3)),
        (codecs.TIMESPEC_NS, 2_000_000_003, LONGS.pack(2, 3)),
        (codecs.EMPTY, None, b""),
    ],
)
def test_values_and_their_bytes(codec: Codec[Any], value: object, data: bytes) -> None:
    assert codec.encode(value) == data
    assert codec.decode(data) == value


@pytest.mark.parametrize(
    ("codec", "value", "error", "match"),
    [
        (codecs.U16, -1, OverflowError, "must be 0-65535, not -1"),
        (codecs.U16, 65536, OverflowError, "must be 0-65535, not 65536"),
        (codecs.U16, "1", TypeError, "must be an integer 0-65535, not str"),
        (codecs.BOOL, "yes", TypeError, "must be True or False, not 'yes'"),
        (codecs.raw(2), b"abc", ValueError, "must be at most 2 bytes, not 3"),
        (codecs.raw(2), "ab", TypeError, "must be a bytes-like object, not str"),
        (codecs.text(3), "abc", ValueError, "too long: at most 2 bytes, not 3"),
        (codecs.text(3), "a\0", ValueError, "must not contain a null character"),
        (codecs.array(codecs.U8, 1), (1, 2), ValueError, "must be at most 1 elements, not 2"),
        (codecs.array(codecs.U8, 1), (256,), OverflowError, "must be 0-255, not 256"),
        (codecs.TIMEVAL_NS, -1, OverflowError, "must be at least 0 ns, not -1"),
        (codecs.TIMEVAL_NS, 1.5, TypeError, "must be an integer .*, not float"),
        (codecs.EMPTY, 0, TypeError, "must be None, not int"),
        (codecs.struct(Pair), (1, 2), TypeError, "must be Pair, not tuple"),
    ],
)
def test_values_that_are_refused(
    codec: Codec[Any], value: object, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=f"^{match}$"):
        codec.encode(value)


@pytest.mark.parametrize(
    ("codec", "data", "match"),
    [
        (codecs.INT, b"", "needs 4 bytes, not 0"),
        (codecs.TIMEVAL_NS, bytes(LONGS.size - 1), f"needs {LONGS.size} bytes"),
        (codecs.struct(Pair), b"\1", "Pair needs 2 bytes of struct pair, not 1"),
    ],
)
def test_data_that_is_too_short(codec: Codec[Any], data: bytes, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        codec.decode(data)


def test_a_shorter_integer_of_the_kernel_is_taken() -> None:
    assert codecs.INT.decode(b"\xff") == 255
    assert codecs.U32.decode(b"\1" + bytes(7)) == int.from_bytes(b"\1\0\0\0", sys.byteorder)


def test_a_boolean_is_what_is_not_zero() -> None:
    assert codecs.BOOL.encode(True) == codecs.INT.encode(1)
    assert codecs.BOOL.encode(False) == bytes(4)
    assert codecs.BOOL.decode(codecs.INT.encode(8)) is True
    assert codecs.BOOL.decode(bytes(4)) is False
    assert codecs.BOOL.decode(b"") is False


def test_text_ends_at_the_first_nul() -> None:
    assert codecs.text(8).decode(b"eth0\0\0?!") == "eth0"
    assert codecs.text(8).decode(b"eth0") == "eth0"


def test_a_part_of_an_element_is_dropped() -> None:
    assert codecs.array(codecs.BE16, 4).decode(b"\0\1\0\2\0") == (1, 2)


def test_a_fraction_is_cut_to_what_the_struct_holds() -> None:
    assert codecs.TIMEVAL_NS.encode(1_999) == LONGS.pack(0, 1)


def test_sizes_to_ask_the_kernel_for() -> None:
    sizes: dict[Codec[Any], int] = {
        codecs.INT: 4,
        codecs.U64: 8,
        codecs.raw(9): 9,
        codecs.text(16): 16,
        codecs.array(codecs.U16, 5): 10,
        codecs.struct(Pair): 2,
        codecs.EMPTY: 0,
    }
    assert {codec: codec.size_bytes for codec in sizes} == sizes


def test_a_struct_class_stands_for_its_codec() -> None:
    assert codecs.codec(codecs.INT) is codecs.INT
    made = codecs.codec(Pair)
    assert (made.c, made.size_bytes) == ("struct pair", 2)
    assert made.decode(made.encode(Pair(1, 2))) == Pair(1, 2)


def test_a_refusal_is_given_a_name() -> None:
    of_one, of_two = ValueError("must be odd"), OSError(5, "must be odd")
    for error in (of_one, of_two):
        codecs.name(error, "SO_KIT")
    assert of_one.args == ("SO_KIT must be odd",)
    assert of_two.args == (5, "must be odd")


def test_a_deferred_codec_is_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("kit_codecs")
    monkeypatch.setitem(sys.modules, "kit_codecs", module)
    codec = codecs.deferred("kit_codecs:KIT")
    assert repr(codec) == "deferred('kit_codecs:KIT')"
    module.KIT = codecs.U16  # type: ignore[attr-defined]
    assert codec.encode(1) == codecs.U16.encode(1)
    assert (codec.c, codec.size_bytes) == ("uint16_t", 2)
    with pytest.raises(AttributeError, match="_private"):
        _ = codec._private  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reference", "error"), [("json:No", AttributeError), ("kit_nowhere:No", ImportError)]
)
def test_a_name_of_nothing(reference: str, error: type[Exception]) -> None:
    codec: Codec[object] = codecs.deferred(reference)
    for _ in range(2):
        with pytest.raises(error, match=r"No|kit_nowhere"):
            _ = codec.size_bytes


def test_an_integer_in_range() -> None:
    assert codecs.check_int("AF_KIT port", 255, 255) == 255
    assert codecs.check_int("AF_KIT port", True, 255, 1) == 1
    with pytest.raises(OverflowError, match=r"^AF_KIT port must be 1-255, not 0$"):
        codecs.check_int("AF_KIT port", 0, 255, 1)
    with pytest.raises(OverflowError, match=r"^AF_KIT port must be 0-0xff, not 0x100$"):
        codecs.check_int("AF_KIT port", 256, 255, form=hex)
    with pytest.raises(TypeError, match=r"^AF_KIT port must be an integer 0-255, not float$"):
        codecs.check_int("AF_KIT port", 1.0, 255)
