"""The base of classes with a C layout: bytes of a struct, and structs of bytes."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from famsock import cstruct
from famsock._struct import Struct
from tests.programs import run

pytestmark = pytest.mark.asks_no_kernel


@cstruct.struct("struct kit", header="kit.h")
class Kit(Struct):
    """Two numbers, the second in network order."""

    host: int = cstruct.u16("host")
    net: int = cstruct.be16("net")


@cstruct.struct("struct headed", header="kit.h", head=b"\x2e\x00", label="AF_KIT")
class Headed(Struct):
    """A port behind two constant bytes."""

    port: int = cstruct.be16("port")


@cstruct.struct("struct swapped", header="kit.h")
class Swapped(Struct):
    """Fields in another order than their members."""

    second: int = cstruct.u8("second", offset=1)
    first: int = cstruct.u8("first", offset=0)


def test_pack_and_unpack() -> None:
    packed = (0x1234).to_bytes(2, sys.byteorder) + b"\x00\x50"
    assert Kit(0x1234, 80).pack() == packed
    assert Kit.unpack(packed) == Kit(0x1234, 80)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_after_the_struct_are_ignored(kind: Any) -> None:
    assert Kit.unpack(kind(b"\0\0\0\x50 and more")) == Kit(0, 80)


def test_a_head_stands_in_front_and_is_no_field() -> None:
    assert Headed(80).pack() == b"\x2e\x00\x00\x50"
    assert Headed.unpack(b"\x2e\x00\x00\x50") == Headed.unpack(b"\xff\xff\x00\x50") == Headed(80)


def test_fields_are_told_apart_by_offset() -> None:
    assert Swapped(second=2, first=1).pack() == b"\1\2"
    assert Swapped.unpack(b"\1\2") == Swapped(second=2, first=1)


@pytest.mark.parametrize("size", [0, 1, 3])
def test_too_few_bytes(size: int) -> None:
    with pytest.raises(ValueError, match=f"^AF_KIT needs 4 bytes of struct headed, not {size}$"):
        Headed.unpack(bytes(size))


def test_conversions_are_given_the_lookup() -> None:
    seen: list[object] = []
    noting = cstruct.CType(
        c="uint8_t",
        code="B",
        check=int,
        encode=lambda value, lookup: seen.append(lookup) or value,  # type: ignore[func-returns-value]
        decode=lambda raw, lookup: seen.append(lookup) or raw,  # type: ignore[func-returns-value]
    )

    @cstruct.struct("struct noting", header="kit.h")
    class Noting(Struct):
        """A number whose conversions note what they are given."""

        number: int = cstruct.field(noting, "number")

    assert Noting.unpack(Noting(7).pack("to pack"), "to unpack") == Noting(7)
    assert seen == ["to pack", "to unpack"]


def test_unchecked_takes_any_value() -> None:
    with pytest.raises(OverflowError):
        Kit(1 << 16, 80)
    made = Kit.unchecked(1 << 16, 80)
    assert type(made) is Kit
    assert (made.host, made.net) == (1 << 16, 80)


def test_a_struct_costs_no_import_of_attrs_before_it_is_made() -> None:
    assert run("import sys, famsock._struct; print('attrs' in sys.modules)") == "False"


@pytest.mark.compiled_layer
def test_the_import_and_the_first_socket_need_no_struct() -> None:
    """`struct` is a library that the system must load, for one name of an exception."""
    code = (
        "import sys, famsock; famsock.socket(famsock.AF_INET).close(); "
        "print(*(name for name in ('struct', '_struct') if name in sys.modules))"
    )
    assert run(code) == ""
