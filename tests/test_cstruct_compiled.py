"""Compiled and Python conversion of every struct and integer: the same values, bytes and errors."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from famsock import _calls, codecs, cstruct

COMPILED: Any = _calls.companion("famsock._cstruct")
pytestmark = pytest.mark.compiled_layer

PLUGINS = sorted(path.name for path in (Path(__file__).parent.parent / "plugins").iterdir())
ROUNDS = 30
_unpack = cstruct.Struct.unpack.__func__  # type: ignore[attr-defined]
_pack = cstruct.Struct.pack


def _structs() -> list[type[cstruct.Struct]]:
    """Every struct of the core and of the plugins here, by name."""
    for name in PLUGINS:
        package = importlib.import_module(f"famsock_{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found = {cls for cls in _below(cstruct.Struct) if "layout" in vars(cls)}
    ours = [cls for cls in found if cls.__module__.startswith("famsock")]
    return sorted(ours, key=lambda cls: (cls.__module__, cls.__name__))


def _below(cls: type[Any]) -> Iterator[type[Any]]:
    for below in cls.__subclasses__():
        yield below
        yield from _below(below)


def _outcome(call: Callable[..., Any], *given: Any) -> tuple[Any, ...]:
    """Return what a call gives, down to the types of the fields, or what it raises."""
    try:
        made = call(*given)
    except Exception as error:
        return type(error), str(error)
    if not isinstance(made, cstruct.Struct):
        return type(made), made
    values = attrs.astuple(made, recurse=False)  # type: ignore[arg-type]
    return type(made), *((type(value), value) for value in values)


def _samples(size: int, head: bytes) -> Iterator[bytes]:
    """Bytes of a struct: bounds, text with and without an end, random ones; then other lengths."""
    draw = random.Random(size)
    bodies = [b"\0", b"\xff", b"\x7f", b"\x80", b"A", b"a\0", b"\xc3\xa9", b"\xfe\0\1"]
    for body in bodies:
        yield head + (body * size)[: size - len(head)]
    for _ in range(ROUNDS):
        yield head + draw.randbytes(size - len(head))
    for length in (*range(min(size, 16)), size - 1, size + 1, size + 100):
        yield draw.randbytes(max(length, 0))


def test_every_struct() -> None:
    counts = {"structs": 0, "compiled": 0, "cases": 0}
    for cls in _structs():
        counts["structs"] += 1
        try:
            converter = COMPILED.Converter(cls)
        except TypeError:
            continue
        counts["compiled"] += 1
        pack, _ = COMPILED.methods(cls)
        for data in _samples(cls.layout.size, cls.layout.head):
            expected = _outcome(_unpack, cls, data)
            for given in (data, bytearray(data), memoryview(data)):
                assert _outcome(converter.unpack, given) == expected, (cls, data)
            counts["cases"] += 1
            if expected[0] is cls:
                made = _unpack(cls, data)
                assert _outcome(pack, made) == _outcome(_pack, made), (cls, data)
    assert counts["structs"] > 150, counts
    assert counts["compiled"] > 0.95 * counts["structs"], counts
    assert counts["cases"] > 50 * counts["compiled"], counts


@cstruct.struct("struct sample", header="sample.h", head=b"\1\2")
class Sample(cstruct.Struct):
    """One member of each kind."""

    small: int = cstruct.u8("small")
    large: int = cstruct.u64("large")
    signed: int = cstruct.i32("signed")
    port: int = cstruct.be16("port")
    flow: int = cstruct.be32("flow")
    flag: bool = cstruct.boolean("flag")
    name: str = cstruct.char("name", 8)
    data: bytes = cstruct.raw("data", 4)
    little: int = cstruct.le16("little")


FITTING: dict[str, Any] = {
    "small": 1, "large": 2, "signed": -3, "port": 4, "flow": 5, "flag": True, "name": "é",
    "data": b"1234", "little": 6,
}  # fmt: skip
WRONG = (
    None, "text", b"12345", b"1", "toolong!", "\ud800", -1, 1.0, True, 1 << 8, 1 << 16, 1 << 32,
    1 << 63, 1 << 64, -(1 << 31) - 1, -(1 << 63) - 1, 1 << 1000, object, bytearray(b"1234"),
)  # fmt: skip


@pytest.mark.parametrize("field", FITTING)
def test_values_that_nobody_checked(field: str) -> None:
    pack, _ = COMPILED.methods(Sample)
    for value in WRONG:
        made = Sample.unchecked(*(FITTING | {field: value}).values())
        assert _outcome(pack, made) == _outcome(_pack, made), value


def test_an_instance_of_another_class() -> None:
    pack, _ = COMPILED.methods(Sample)
    for other in (object(), 1, "text", cstruct.Struct(), Sample):
        assert _outcome(pack, other) == _outcome(_pack, other)


def test_an_instance_without_values() -> None:
    pack, _ = COMPILED.methods(Sample)
    empty = Sample.__new__(Sample)
    assert _outcome(pack, empty) == _outcome(_pack, empty)


def test_a_subclass_makes_its_own_instances() -> None:
    class Below(Sample):
        __slots__ = ()

    data = Sample(**FITTING).pack()
    assert type(Below.unpack(data)) is Below
    assert Below.unpack(data).pack() == data
    assert type(Sample.unpack(data)) is Sample


def test_a_wider_struct_below_another() -> None:
    @cstruct.struct("struct wider", header="sample.h", head=b"\1\2")
    class Wider(Sample):
        more: int = cstruct.u32("more", default=0)

        def pack(self, lookup: Any = None) -> bytes:
            return super().pack(lookup)[::-1]

        @classmethod
        def unpack(cls, data: Any, lookup: Any = None) -> Any:
            return super().unpack(data[::-1], lookup)

    made = Wider(**FITTING, more=7)
    assert made.pack() == _pack(made)[::-1]
    assert Wider.unpack(made.pack()) == made
    assert len(made.pack()) == Wider.layout.size > Sample.layout.size


def test_data_of_other_types() -> None:
    data = Sample(**FITTING).pack()
    strided = memoryview(bytes(2 * len(data)))[::2]
    for given in (None, 1, "text", strided, memoryview(data).cast("H"), [*data]):
        assert _outcome(Sample.unpack, given) == _outcome(_unpack, Sample, given)


def _made(init: Callable[..., object], cls: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
    """Return what ``__init__`` makes of arguments, or what it raises, with the cause it names."""
    made = cls.__new__(cls)
    try:
        result = init(made, *args, **kwargs)
    except Exception as error:
        return type(error), str(error), type(error.__context__), error.__suppress_context__
    assert result is None
    return _outcome(lambda: made)


GIVEN: tuple[Any, ...] = (
    *WRONG, 0, 1, 80, 255, (1 << 64) - 1, -(1 << 63), "127.0.0.1", "::1%lo", "fe80::1%1", "x" * 200,
    "", b"", b"12", bytes(8), bytes(16), "\udc80", "a\0b", (), (1, 2), False, 2.5,
)  # fmt: skip


def _fitting(ctype: cstruct.CType) -> Any:
    """A value that the check of a type takes, if one of those above is such."""
    for value in (*GIVEN, *(bytes(size) for size in range(70))):
        try:
            ctype.check(value)
        except (TypeError, ValueError, OverflowError, OSError):
            continue
        return value
    return None


def test_every_class_makes_its_objects_as_python_does() -> None:
    counts = {"classes": 0, "compiled": 0, "cases": 0}
    draw = random.Random(7)
    for cls in _structs():
        counts["classes"] += 1
        init: Any = cls.__init__
        if type(init).__name__ != "cython_function_or_method":
            continue
        counts["compiled"] += 1
        python = cstruct._checked_init(cls)
        fields: Any = attrs.fields(cls)  # type: ignore[arg-type]
        names = [field.name for field in fields]
        types = {member.attribute: member.type for member in cls.layout.members}
        whole = [_fitting(types[name]) for name in names]
        for at in range(len(names)):
            for value in GIVEN:
                args = [*whole[:at], value, *whole[at + 1 :]]
                forms: Any = ((args, {}), ((), dict(zip(names, args, strict=True))))
                for given in forms:
                    assert _made(init, cls, *given) == _made(python, cls, *given), (cls, given)
                    counts["cases"] += 1
        for _ in range(ROUNDS):
            count = draw.randrange(len(names) + 2)
            chosen = draw.sample([*names, "more"], draw.randrange(len(names) + 2))
            given = (  # of which few fit
                [draw.choice((*whole, *GIVEN)) for _ in range(count)],
                {name: draw.choice((*whole, *GIVEN)) for name in chosen},
            )
            assert _made(init, cls, *given) == _made(python, cls, *given), (cls, given)
            counts["cases"] += 1
    assert counts["classes"] > 150, counts
    assert counts["compiled"] > 0.95 * counts["classes"], counts
    assert counts["cases"] > 50 * counts["compiled"], counts


def test_making_objects_keeps_no_references() -> None:
    name, data = "".join(["na", "me"]), bytes(bytearray(b"1234"))
    fields = FITTING | {"name": name, "data": data}
    before = sys.getrefcount(name), sys.getrefcount(data), sys.getrefcount(fields)
    for _ in range(100):
        Sample(**fields)
        Sample(*fields.values())
        for wrong in ({"small": 256}, {"more": 1}, {"name": data}):
            with pytest.raises((TypeError, OverflowError)):
                Sample(**(fields | wrong))
    del wrong
    assert (sys.getrefcount(name), sys.getrefcount(data), sys.getrefcount(fields)) == before


def _doubled(value: int) -> int:
    return value * 2


def _odd(instance: object, attribute: object, value: int) -> None:
    if value % 2 == 0:
        raise ValueError("even")


def test_what_attrs_itself_offers_stays_with_attrs() -> None:
    def made(ctype: cstruct.CType = cstruct.U8, **options: Any) -> Any:
        metadata = cstruct.field(ctype, "number").metadata

        class Made(cstruct.Struct):
            number: int = attrs.field(metadata=metadata, **options)

        return cstruct.struct("struct made", header="made.h")(Made)

    assert made(default=3)().number == 3
    lenient = attrs.evolve(cstruct.U8, check=lambda value: value)
    assert made(lenient, default=attrs.Factory(lambda: 4))().number == 4
    assert made(converter=_doubled)(100).number == 200
    with pytest.raises(OverflowError, match="Made number must be 0-255, not 256"):
        made(converter=_doubled)(128)
    with pytest.raises(ValueError, match="even"):
        made(validator=_odd)(2)
    assert made(validator=_odd)(3).number == 3
    assert made(alias="count")(count=5).number == 5
    assert made(kw_only=True)(number=6).number == 6
    with pytest.raises(TypeError):
        made(kw_only=True)(6)
    assert made(init=False, default=7)().number == 7


def test_objects_of_classes_below() -> None:
    class Plain(Sample):
        __slots__ = ()

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    class After(Sample):
        __slots__ = ()
        seen: ClassVar[list[Any]] = []

        def __attrs_post_init__(self) -> None:
            self.seen.append(self.small)

    @attrs.frozen
    class Own(Sample):
        def __attrs_post_init__(self) -> None:
            object.__setattr__(self, "small", self.small + 1)

    @cstruct.struct("struct sample", header="sample.h", head=b"\1\2")
    class Checked(Sample):
        def __attrs_post_init__(self) -> None:
            object.__setattr__(self, "small", self.small + 1)

    for cls in (Plain, After):
        assert type(cls(**FITTING)) is cls
        with pytest.raises(OverflowError, match="Sample small must be 0-255, not 256"):
            cls(**(FITTING | {"small": 256}))
    assert After.seen == []  # attrs has not made this class: as before
    assert Own(**FITTING).small == 2
    assert Checked(**FITTING).small == 2
    with pytest.raises(OverflowError, match="Checked small must be 0-255, not 256"):
        Checked(**(FITTING | {"small": 255}))


def test_objects_are_those_of_attrs() -> None:
    made = Sample(**FITTING)
    evolve: Any = attrs.evolve
    assert evolve(made, small=9).small == 9
    with pytest.raises(OverflowError):
        evolve(made, small=256)
    assert made == Sample(*FITTING.values())
    assert hash(made) == hash(Sample(**FITTING))
    assert pickle.loads(pickle.dumps(made)) == made == copy.copy(made)
    assert repr(made) == f"Sample({', '.join(f'{k}={v!r}' for k, v in FITTING.items())})"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.small = 2  # type: ignore[misc]
    assert [*inspect.signature(Sample).parameters] == [*FITTING]
    made.__init__(**(FITTING | {"small": 7}))  # type: ignore[misc]
    assert made.small == 7


def test_an_error_of_the_program_in_a_check_goes_out_as_it_is() -> None:
    class OwnError(ValueError):
        pass

    def check(value: Any) -> Any:
        raise value

    kind = attrs.evolve(cstruct.U8, check=check)

    @cstruct.struct("struct raising", header="raising.h")
    class Raising(cstruct.Struct):
        number: Any = cstruct.field(kind, "number")

    for error in (
        OwnError("x"),
        KeyboardInterrupt(),
        OSError(2, "x"),
        UnicodeDecodeError("a", b"", 0, 1, ""),
    ):
        with pytest.raises(type(error)) as raised:
            Raising(error)
        assert raised.value is error
    with pytest.raises(ValueError, match="Raising number x"):
        Raising(ValueError("x"))


@pytest.mark.parametrize(
    "change",
    [
        {"offset": -1},
        {"offset": 1 << 20},
        {"offset": 1},
        {"attribute": "label"},
        {"attribute": "x"},
    ],
)
def test_a_layout_that_was_changed_is_refused(change: dict[str, Any]) -> None:
    first, *rest = Sample.layout.members
    layout = attrs.evolve(Sample.layout, members=(attrs.evolve(first, **change), *rest))  # type: ignore[misc]

    class Changed(Sample):
        __slots__ = ()

    Changed.layout = layout
    with pytest.raises(TypeError):
        COMPILED.Converter(Changed)


@pytest.mark.parametrize("ctype", [
    cstruct.U8, cstruct.U16, cstruct.U32, cstruct.U64, cstruct.I8, cstruct.I16, cstruct.I32,
    cstruct.I64, cstruct.LONG, cstruct.ULONG,
], ids=lambda ctype: ctype.c)  # fmt: skip
def test_integers(ctype: cstruct.CType, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = codecs.scalar(ctype)
    monkeypatch.setattr(_calls, "native", None)
    python = codecs.scalar(ctype)
    assert type(compiled.decode) is not type(python.decode)
    assert ctype.low is not None
    assert ctype.high is not None
    for value in (ctype.low - 1, ctype.low, 0, 1, ctype.high, ctype.high + 1, True, 1.0, "1", None):
        assert _outcome(compiled.encode, value) == _outcome(python.encode, value)
    for data in _samples(ctype.size, b""):
        for given in (data, bytearray(data)):
            assert _outcome(compiled.decode, given) == _outcome(python.decode, given)


@pytest.mark.parametrize("name", ["TIMEVAL_NS", "TIMESPEC_NS"])
def test_times(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: Any = getattr(codecs, name)
    monkeypatch.setattr(_calls, "native", None)
    python = codecs._time(compiled.c, {"TIMEVAL_NS": 1000, "TIMESPEC_NS": 1}[name])
    assert type(compiled.decode) is not type(python.decode)
    bounds = [0, 1, 999_999, 1_000_000_000, (1 << 31) - 1, 1 << 31, (1 << 63) - 1, -1, -(1 << 63)]
    pair = struct.Struct("@ll")
    given = [pair.pack(a, b) for a in bounds for b in bounds]
    for data in (*given, *_samples(pair.size, b"")):
        assert _outcome(compiled.decode, data) == _outcome(python.decode, data)
        assert _outcome(compiled.decode, bytearray(data)) == _outcome(python.decode, data)


@pytest.mark.parametrize("ctype", [cstruct.U8, cstruct.I32, cstruct.U64], ids=lambda t: t.c)
def test_arrays_of_integers(ctype: cstruct.CType, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = codecs.array(codecs.scalar(ctype), 5)
    monkeypatch.setattr(_calls, "native", None)
    python = codecs.array(codecs.scalar(ctype), 5)
    assert type(compiled.decode) is not type(python.decode)
    low: Any = ctype.low
    high: Any = ctype.high
    given: list[Any] = [
        (), (0,), (low, high), (1,) * 5, (1,) * 6, [1, 2], (True,), (1, high + 1), (low - 1,),
        (1.0,), ("1",), (None,), None, "text", range(3), (0, 1, 2, 1 << 1000),
    ]  # fmt: skip
    for values in given:
        assert _outcome(compiled.encode, values) == _outcome(python.encode, values), values
    for data in _samples(3 * ctype.size, b""):
        for bytes_like in (data, bytearray(data), memoryview(data)):
            assert _outcome(compiled.decode, bytes_like) == _outcome(python.decode, bytes_like)
