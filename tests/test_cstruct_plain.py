"""Plain forms: compiled code and the methods in Python give the same values, bytes and errors."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from typing import Any, Self
from unittest import mock

import attrs
import pytest
from famsock_can.frames import CanFdFrame, CanFrame

from famsock import _calls, cstruct

pytestmark = pytest.mark.asks_no_kernel

CLASSES = (CanFrame, CanFdFrame)
ROUNDS = 300
INTEGERS = (
    0, 1, 7, 8, 15, 16, 255, 256, 0x7FF, 0x800, 0x1FFFFFFF, 0x20000000, 0x3FFFFFFF, 0x40000000,
    0x60000000, 0x7FFFFFFF, 0x80000000, 0x800007FF, 0x9FFFFFFF, 0xA0000000, 0xC0000001, 0xFFFFFFFF,
    1 << 32, 1 << 64, 1 << 200, -1, True, 1.0, None, "1",
)  # fmt: skip
OCTETS = (
    b"", b"1", b"12345678", b"123456789", bytes(64), bytes(65), bytes(300), bytearray(b"ab"),
    memoryview(b"abc"), "text", None, 3,
)  # fmt: skip


def _outcome(call: Callable[..., Any], *given: Any, **named: Any) -> tuple[Any, ...]:
    """Return what a call gives, down to the types of the fields, or what it raises."""
    try:
        made = call(*given, **named)
    except Exception as error:
        return type(error), str(error)
    if isinstance(made, CLASSES):
        values = attrs.astuple(made, recurse=False)
        return type(made), repr(made), *((type(value), value) for value in values)
    return type(made), made


def _python(cls: type[Any], name: str) -> Any:
    """The method in Python, with the class as its first argument where it is a class method."""
    method = getattr(cls, name)
    if name != "unpack":
        return inspect.unwrap(method)
    function = inspect.unwrap(method.__func__)
    return lambda data: function(cls, data)


def _made_in_python(cls: type[Any], *given: Any, **named: Any) -> Any:
    made = object.__new__(cls)
    _python(cls, "__init__")(made, *given, **named)
    return made


def _received(size: int) -> Iterator[bytes]:
    """Bytes of a frame: bounds, each length, each bit of the first bytes; then other sizes."""
    draw = random.Random(size)
    for octet in (b"\0", b"\xff", b"\x7f", b"\x80", b"\x08"):
        yield octet * size
    for length in range(256):
        for other in (0, 1, 9, 15, 16, 255):
            data = bytearray(draw.randbytes(size))
            data[3] &= draw.choice((0x1F, 0x9F, 0xDF, 0xFF))
            data[4], data[7] = length, other
            yield bytes(data)
    for bit in range(64):
        yield (1 << bit).to_bytes(8, "little") + draw.randbytes(size - 8)
    for _ in range(ROUNDS):
        yield draw.randbytes(size)
    for other in (0, 1, size - 1, size + 1, 2 * size):
        yield draw.randbytes(other)


@pytest.mark.parametrize("cls", CLASSES)
def test_received_bytes(cls: type[Any]) -> None:
    cases = 0
    for data in _received(len(cls(1).pack())):
        for given in (data, bytearray(data), memoryview(data)):
            made = _outcome(cls.unpack, given)
            assert made == _outcome(_python(cls, "unpack"), given), data
        if made[0] is cls:
            frame = cls.unpack(data)
            assert _outcome(frame.pack) == _outcome(_python(cls, "pack"), frame), data
        cases += 1
    assert cases > 1800


@pytest.mark.parametrize("cls", CLASSES)
def test_arguments(cls: type[Any]) -> None:
    cases = 0
    for can_id in INTEGERS:
        for data in OCTETS:
            for more in ((), *((value,) for value in INTEGERS)):
                given = can_id, data, *more
                expected = _outcome(_made_in_python, cls, *given)
                assert _outcome(cls, *given) == expected, given
                if expected[0] is cls:
                    frame = cls(*given)
                    assert _outcome(frame.pack) == _outcome(_python(cls, "pack"), frame), given
                cases += 1
    for given in ((), (1,), (1, b"", 0, 0), (1, b"", 0, 0, 0)):
        refused = _outcome(cls, *given)[0]
        assert refused is _outcome(_made_in_python, cls, *given)[0]
    assert _outcome(cls, data=b"x", can_id=2) == _outcome(cls, 2, b"x")
    assert _outcome(cls, 2, data=b"x") == _outcome(cls, 2, b"x")
    assert _outcome(cls, 2, wrong=1)[0] is TypeError
    assert cases > 10000


@pytest.mark.parametrize("cls", CLASSES)
def test_what_others_see_of_the_methods(cls: type[Any]) -> None:
    assert list(inspect.signature(cls).parameters)[:2] == ["can_id", "data"]
    for name in ("__init__", "pack", "unpack"):
        method = getattr(cls, name)
        assert method.__name__ == name
        assert method.__qualname__ == f"{cls.__name__}.{name}"
        assert method.__doc__ == inspect.unwrap(method).__doc__
    frame = cls(1, b"x")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        frame.can_id = 2
    assert attrs.evolve(frame, data=b"xyz") == cls(1, b"xyz")
    assert hash(frame) == hash(cls(1, b"x"))


def test_a_subclass_makes_its_own_instances() -> None:
    class Below(CanFrame):
        __slots__ = ()

        def __init__(self, can_id: int) -> None:
            super().__init__(can_id, b"own")

    made = Below(5)
    assert (made.can_id, made.data) == (5, b"own")
    assert type(Below.unpack(made.pack())) is Below
    assert type(CanFrame.unpack(made.pack())) is CanFrame


def test_a_frame_without_values() -> None:
    empty = CanFrame.__new__(CanFrame)
    with pytest.raises(AttributeError):
        empty.pack()


@pytest.mark.compiled_layer
def test_several_forms() -> None:
    seen: list[object] = []

    def pack(value: Any) -> bytes:
        seen.append(value)
        return b"python"

    def unpack(data: Any) -> object:
        seen.append(data)
        return "python"

    packs, unpacks = cstruct.plain_forms(CLASSES, pack, unpack)
    for cls in CLASSES:
        frame = cls(3, b"abc")
        assert packs(frame) == frame.pack()
        assert unpacks(frame.pack()) == frame
    assert seen == []
    unusual = CanFrame(3, b"12345678", 9)
    for value in (unusual, None, 1, CanFrame.__new__(CanFrame)):
        assert packs(value) == b"python"
    for data in (unusual.pack(), b"", bytes(17), bytearray(CanFrame(3).pack()), None):
        assert unpacks(data) == "python"
    assert len(seen) == 9


@pytest.mark.compiled_layer
@pytest.mark.parametrize("name", ["pack", "unpack"])
def test_a_replaced_method_is_called(name: str) -> None:
    packs, unpacks = cstruct.plain_forms(
        CLASSES, lambda frame: frame.pack(), lambda data: CanFrame.unpack(data)
    )
    frame, data = CanFrame(3), CanFrame(3).pack()
    with mock.patch.object(CanFrame, name, return_value=b"replaced") as replaced:
        assert (packs(frame) if name == "pack" else unpacks(data)) == b"replaced"
    replaced.assert_called_once()
    assert (packs(frame), unpacks(data)) == (data, frame)


def test_without_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_calls, "native", None)
    given: Any = len, ord
    assert cstruct.plain_forms(CLASSES, *given) == given
    assert cstruct.plain(cstruct.Plain(1, ()))(object) is object


@attrs.frozen(init=False)
class Sample:
    """A class with a plain form that is not stated yet."""

    number: int
    data: bytes

    def __init__(self, number: int, data: bytes = b"") -> None:
        self.__attrs_init__(number, data)

    def pack(self) -> bytes:
        return b""

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(0, data)


NUMBER = cstruct.plain_integer("number", cstruct.U16, 0, ((0, 9),))
DATA = cstruct.plain_octets("data", 4, 4, length_offset=2)


@pytest.mark.compiled_layer
@pytest.mark.parametrize(
    "form",
    [
        cstruct.Plain(8, (NUMBER._replace(offset=-1), DATA)),
        cstruct.Plain(8, (NUMBER._replace(offset=7), DATA)),
        cstruct.Plain(8, (NUMBER._replace(attribute="missing"), DATA)),
        cstruct.Plain(8, (NUMBER._replace(attribute="pack"), DATA)),
        cstruct.Plain(8, (NUMBER._replace(code="i"), DATA)),
        cstruct.Plain(8, (NUMBER._replace(ranges=((0, 1),) * 5), DATA)),
        cstruct.Plain(8, (NUMBER, DATA._replace(offset=5))),
        cstruct.Plain(8, (NUMBER, DATA._replace(most=5))),
        cstruct.Plain(1000, (NUMBER, DATA._replace(most=256))),
        cstruct.Plain(8, (NUMBER, DATA._replace(length_offset=8))),
        cstruct.Plain(8, (NUMBER, DATA._replace(length_offset=-1))),
        cstruct.Plain(8, (NUMBER, DATA._replace(most=-1))),
        cstruct.Plain(-1, ()),
        cstruct.Plain(8, (NUMBER, DATA), none=("missing",)),
        cstruct.Plain(8, (NUMBER, DATA), zero=bytes(9)),
    ],
)
def test_a_form_that_does_not_fit_is_refused(form: cstruct.Plain) -> None:
    with pytest.raises(TypeError):
        cstruct.plain(form)(Sample)
