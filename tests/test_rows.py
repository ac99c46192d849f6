"""Rows of options and control messages, made by the names of their constants."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from famsock.plugin import Option, codecs, control_rows, cstruct, option_rows

pytestmark = pytest.mark.asks_no_kernel

LEVEL = 7
constants = ModuleType("constants")
constants.SO_KIT = 3  # type: ignore[attr-defined]


@cstruct.struct("", header=())
class Pair(cstruct.Struct):
    """Two integers."""

    first: int = cstruct.u8("")
    second: int = cstruct.u8("")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with a struct and a codec, not imported yet."""
    (tmp_path / "kit_structs.py").write_text(
        "from famsock.plugin import codecs, cstruct\n"
        '@cstruct.struct("struct kit", header=())\n'
        "class Kit(cstruct.Struct):\n"
        '    number: int = cstruct.u16("number")\n'
        "KITS = codecs.array(codecs.struct(Kit), 4)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "kit_structs", raising=False)
    return "kit_structs"


def test_a_row_has_the_number_of_its_constant() -> None:
    option = option_rows(LEVEL, constants)("SO_KIT", codecs.INT, "r")
    assert (option.name, option.level, option.number, option.access) == ("SO_KIT", LEVEL, 3, "r")
    kind = control_rows(LEVEL, constants)("SO_KIT", codecs.INT)
    assert (kind.name, kind.level, kind.number) == ("SO_KIT", LEVEL, 3)
    with pytest.raises(AttributeError, match="SO_KEY"):
        option_rows(LEVEL, constants)("SO_KEY", codecs.INT)


def test_a_struct_class_stands_for_its_codec() -> None:
    option = option_rows(LEVEL, constants)("SO_KIT", Pair, request=Pair, length_unit_bytes=2)
    assert option.encode(Pair(1, 2)) == option.encode_request(Pair(1, 2)) == b"\1\2"
    assert option.decode(b"\3\4") == Pair(3, 4)
    assert option.length_unit_bytes == 2
    assert control_rows(LEVEL, constants)("SO_KIT", Pair)(Pair(1, 2)).pack() == (7, 3, b"\1\2")


def test_a_name_is_imported_when_a_value_travels(module: str) -> None:
    row = option_rows(LEVEL, constants, module)
    one: Option[Any] = row("SO_KIT", "Kit")
    many: Option[Any] = row("SO_KIT", "KITS", request="Kit")
    assert module in repr(one)
    assert module not in sys.modules
    kit = one.decode(b"\5\0")
    assert module in sys.modules
    assert (one.codec.c, one.codec.size_bytes) == ("struct kit", 2)
    assert many.encode((kit, kit)) == b"\5\0\5\0"
    assert many.encode_request(kit) == b"\5\0"
