"""Conversion of values of socket options and control messages: a `Codec` between Python and bytes.

Options and control messages are rows of data. Both have a type of their value, which is described
here. Any `famsock.cstruct.Struct` class gives one through `struct`.
"""

from __future__ import annotations

import struct as _struct
import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import attrs

from famsock import _calls, cstruct
from famsock._lazy import load

__all__ = [
    "BE16",
    "BE32",
    "BOOL",
    "EMPTY",
    "INT",
    "TIMESPEC_NS",
    "TIMEVAL_NS",
    "U8",
    "U16",
    "U32",
    "U64",
    "Codec",
    "array",
    "check_bytes",
    "check_int",
    "deferred",
    "raw",
    "scalar",
    "struct",
    "text",
]

_T = TypeVar("_T")
_S = TypeVar("_S", bound=cstruct.Struct)


@attrs.frozen
class Codec(Generic[_T]):
    """A value's conversion to bytes and back.

    ``size_bytes`` is the size to ask the kernel for (the greatest one where it varies). ``decode``
    raises ValueError for data that is too short; ``encode`` raises TypeError, ValueError or
    OverflowError with a message that continues "<option> …". ``c`` is the C type's spelling.
    ``code`` is the one of `struct` for a value that is just this integer. ``struct_class`` is the
    class of a value with a C layout. ``text`` and ``parse`` convert between the value and its text
    in an endpoint's query, where the codec has one; what is no such text is a ValueError.
    """

    c: str
    size_bytes: int
    encode: Callable[[_T], bytes]
    decode: Callable[[bytes], _T]
    code: str = ""
    struct_class: type[cstruct.Struct] | None = None
    text: Callable[[_T], str] | None = None
    parse: Callable[[str], _T] | None = None


REFUSALS = (TypeError, ValueError, OverflowError)
"""Exceptions of a codec for a value that it does not take."""


def refusal_of_text(error: Exception, text: str) -> str:
    """Return the words of an error about a value that was given as text, with the text in them."""
    if isinstance(error, UnicodeError):
        return f"must be UTF-8, not {text!r}"
    if isinstance(error, OSError):
        return f"{text!r}: {error.strerror}"
    words = str(error)
    if not isinstance(error, REFUSALS) or words.endswith(("not str", "not int", "not tuple")):
        words = f"{words.rpartition(', not ')[0] or 'has another form'}, not {text!r}"
    return words


def name(error: Exception, what: str) -> None:
    """Put ``what`` in front of the message of a codec's refusal, in place."""
    if len(error.args) == 1:
        error.args = (f"{what} {error.args[0]}",)


def scalar(ctype: cstruct.CType) -> Codec[int]:
    """Return a codec of a C integer type, which also reads shorter answers (a u8 for an int)."""
    size, code = ctype.size, _struct.Struct("=" + ctype.code)
    signed = ctype.code.islower()

    def decode(data: bytes) -> int:
        if not data:
            raise ValueError(f"needs {size} bytes, not 0")
        raw = int.from_bytes(data[:size], sys.byteorder, signed=signed and len(data) >= size)
        return raw if ctype.decode is None else int(ctype.decode(raw, None))

    def encode(value: int) -> bytes:
        checked = ctype.check(value)
        raw: bytes = code.pack(checked if ctype.encode is None else ctype.encode(checked, None))
        return raw

    if ctype.encode is not None or ctype.decode is not None:
        return Codec(
            c=ctype.c,
            size_bytes=size,
            encode=encode,
            decode=decode,
            text=str,
            parse=cstruct.parse_integer,
        )
    compiled = _calls.companion("famsock._cstruct")
    if compiled is not None:
        integer = compiled.Integer(ctype.code, ctype.low, ctype.high, encode, decode)
        encode, decode = integer.encode, integer.decode
    low = -(1 << 8 * size - 1) if signed else 0
    whole = (ctype.low, ctype.high) == (low, low + (1 << 8 * size) - 1)
    return Codec(
        c=ctype.c,
        size_bytes=size,
        encode=encode,
        decode=decode,
        code=ctype.code if whole else "",
        text=str,
        parse=cstruct.parse_integer,
    )


def struct(cls: type[_S]) -> Codec[_S]:
    """Return a struct with a C layout."""

    def encode(value: _S) -> bytes:
        if not isinstance(value, cls):
            raise TypeError(f"must be {cls.__name__}, not {type(value).__name__}")
        return value.pack()

    def text(value: _S) -> str:
        members = {member.attribute: member.type for member in cls.layout.members}
        names = [field.name for field in attrs.fields(cls)]  # type: ignore[arg-type]
        return ",".join(members[name].text(getattr(value, name)) for name in names)

    def read(text: str) -> _S:
        members = {member.attribute: member.type for member in cls.layout.members}
        fields: tuple[Any, ...] = attrs.fields(cls)  # type: ignore[arg-type]
        pieces = text.split(",")
        fewest = sum(field.default is attrs.NOTHING for field in fields)
        if not fewest <= len(pieces) <= len(fields):
            raise ValueError(f"not {text!r}")
        values = {}
        for field, piece in zip(fields, pieces, strict=False):
            kind = members[field.name]
            try:
                values[field.name] = kind.check(kind.parse(piece))
            except (*REFUSALS, AttributeError, LookupError, OSError) as error:
                raise ValueError(f"{field.name} {refusal_of_text(error, piece)}") from None
        return cls(**values)

    def example() -> str:
        """Return words with the text of zeros, or of the bytes where those are no value."""
        size = cls.layout.size
        try:
            value = cls.unpack(bytes(size))
            written = text(value)
            if read(written) == value:
                return f", such as {written}"
        except (*REFUSALS, AttributeError, LookupError, OSError):
            pass
        return f", or hex: and the {size} bytes of {cls.layout.c_name}"

    def parse(text: str) -> _S:
        try:
            value = read(text)
            encode(value)
            return value
        except (*REFUSALS, OSError) as error:
            names = ",".join(field.name for field in attrs.fields(cls))  # type: ignore[arg-type]
            words = refusal_of_text(error, text).removeprefix(f"{cls.__name__} ")
            separator = ", " if words.startswith("not ") else ": "
            raise ValueError(f"is {names}{example()}{separator}{words}") from None

    return Codec(
        c=cls.layout.c_name,
        size_bytes=cls.layout.size,
        encode=encode,
        decode=cls.unpack,
        struct_class=cls,
        text=text,
        parse=parse,
    )


def check_int(
    what: str, value: Any, high: int, low: int = 0, form: Callable[[int], str] = str
) -> int:
    """Return ``value`` as an integer ``low``-``high``; TypeError or OverflowError if it is none.

    Their messages begin with ``what``; ``form`` writes the numbers in them (``hex``).
    """
    try:
        return cstruct.check_integer(value, low, high, form)
    except REFUSALS as error:
        name(error, what)
        raise


def check_bytes(what: str, value: Any) -> bytes:
    """Return the bytes of any object with the buffer protocol; TypeError if it has none.

    Its message begins with ``what``.
    """
    try:
        return cstruct.check_bytes(value)
    except TypeError as error:
        name(error, what)
        raise


def codec(value: Codec[_T] | type[_T]) -> Codec[_T]:
    """Return a codec as it is; of a struct class, that of `struct`."""
    made: Codec[_T] = struct(value) if isinstance(value, type) else value  # type: ignore[type-var]
    return made


class _Deferred:
    """A codec that is imported on first use, and then has the other's attributes."""

    __slots__ = (
        "_reference",
        "c",
        "code",
        "decode",
        "encode",
        "parse",
        "size_bytes",
        "struct_class",
        "text",
    )

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = codec(load(self._reference))
        for each in self.__slots__[1:]:
            setattr(self, each, getattr(found, each))
        return getattr(found, name)

    def __repr__(self) -> str:
        return f"deferred({self._reference!r})"


def deferred(reference: str) -> Codec[Any]:
    """Return the codec, or that of the struct class, that ``"module:attribute"`` names.

    It is imported when the first value is converted. So a program that sets one option imports only
    the module of that option's struct.
    """
    return cast(Codec[Any], _Deferred(reference))


def raw(size_bytes: int) -> Codec[bytes]:
    """Return a codec of unchanged bytes, at most ``size_bytes`` of them."""

    def encode(value: bytes) -> bytes:
        if len(data := cstruct.check_bytes(value)) > size_bytes:
            raise ValueError(f"must be at most {size_bytes} bytes, not {len(data)}")
        return data

    return Codec(
        c="void",
        size_bytes=size_bytes,
        encode=encode,
        decode=bytes,
        text=bytes.hex,
        parse=cstruct.parse_bytes,
    )


def text(size_bytes: int) -> Codec[str]:
    """Return a name that ends at the first NUL, at most ``size_bytes`` bytes with it."""
    ctype = cstruct.char_array(size_bytes)

    def encode(value: str) -> bytes:
        return bytes(ctype.check(value).encode("utf-8", "surrogateescape")) + b"\0"

    def decode(data: bytes) -> str:
        return data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")

    return Codec(c="char", size_bytes=size_bytes, encode=encode, decode=decode, text=str, parse=str)


def array(element: Codec[_T], limit: int) -> Codec[tuple[_T, ...]]:
    """Return a codec of up to ``limit`` elements of one size, one after the other."""
    size = element.size_bytes

    def encode(values: tuple[_T, ...]) -> bytes:
        if len(values) > limit:
            raise ValueError(f"must be at most {limit} elements, not {len(values)}")
        try:
            if element.code:
                return _struct.pack(f"={len(values)}{element.code}", *values)
        except _struct.error:
            pass  # the element's own encode says what is wrong
        return b"".join([element.encode(value) for value in values])

    def decode(data: bytes) -> tuple[_T, ...]:
        count = len(data) // size
        if element.code:
            return _struct.unpack_from(f"={count}{element.code}", data)
        return tuple([element.decode(data[at : at + size]) for at in range(0, count * size, size)])

    compiled = _calls.companion("famsock._cstruct") if element.code else None
    if compiled is not None:
        integers = compiled.Integers(element.code, limit, encode)
        encode, decode = integers.encode, integers.decode

    def text(values: tuple[_T, ...]) -> str:
        written = element.text or str
        return ";".join([written(value) for value in values])

    def parse(text: str) -> tuple[_T, ...]:
        read: Any = element.parse or cstruct.parse_integer
        return tuple([read(piece) for piece in text.split(";")]) if text else ()

    return Codec(
        c=element.c,
        size_bytes=size * limit,
        encode=encode,
        decode=decode,
        text=text,
        parse=parse,
    )


def _boolean() -> Codec[bool]:
    def encode(value: bool) -> bytes:
        return INT.encode(cstruct.check_bool(value))

    def text(value: bool) -> str:
        return "1" if value else "0"

    def parse(text: str) -> bool:
        if text not in ("0", "1"):
            raise ValueError(f"must be 0 or 1, not {text!r}")
        return text == "1"

    return Codec(c="int", size_bytes=4, encode=encode, decode=any, text=text, parse=parse)


def _nothing_written(text: str) -> None:
    if text:
        raise ValueError(f"has no value, not {text!r}")


_NS_PER_S = 1_000_000_000


def _time(c: str, fraction_ns: int) -> Codec[int]:
    """Return a codec of two longs, seconds and units of ``fraction_ns``, as integer nanoseconds."""
    pair = _struct.Struct("@ll")

    def encode(value_ns: int) -> bytes:
        seconds, rest = divmod(cstruct.I64.check(value_ns), _NS_PER_S)
        if seconds < 0:
            raise OverflowError(f"must be at least 0 ns, not {value_ns}")
        return pair.pack(seconds, rest // fraction_ns)

    def decode(data: bytes) -> int:
        if len(data) < pair.size:
            raise ValueError(f"needs {pair.size} bytes, not {len(data)}")
        seconds, fraction = pair.unpack_from(data)
        return int(seconds) * _NS_PER_S + int(fraction) * fraction_ns

    compiled = _calls.companion("famsock._cstruct")
    if compiled is not None:
        decode = compiled.Time(fraction_ns, decode).decode
    return Codec(
        c=c,
        size_bytes=pair.size,
        encode=encode,
        decode=decode,
        text=str,
        parse=cstruct.parse_integer,
    )


def _nothing(value: None) -> bytes:
    if value is not None:
        raise TypeError(f"must be None, not {type(value).__name__}")
    return b""


INT = scalar(cstruct.I32)
U8 = scalar(cstruct.U8)
U16 = scalar(cstruct.U16)
U32 = scalar(cstruct.U32)
U64 = scalar(cstruct.U64)
BE16 = scalar(cstruct.BE16)
BE32 = scalar(cstruct.BE32)
BOOL = _boolean()
TIMEVAL_NS = _time("struct timeval", 1000)
TIMESPEC_NS = _time("struct timespec", 1)
EMPTY: Codec[None] = Codec(
    c="void",
    size_bytes=0,
    encode=_nothing,
    decode=lambda _: None,
    text=lambda _: "",
    parse=_nothing_written,
)
