"""Attrs classes with a C layout: the one way in famsock to describe a struct.

A struct is a frozen attrs class. Each field is made by one of the functions below, which name the C
member and its type. Offsets follow from C's alignment rules unless a field states one::

    @cstruct.struct("struct linger", header="sys/socket.h")
    class Linger(cstruct.Struct):
        on: bool = cstruct.boolean("l_onoff")
        seconds: int = cstruct.i32("l_linger")

That single definition gives ``pack`` and ``unpack``, range checks on construction, and a `Layout`
which :mod:`famsock.testing` compares with the C headers through a compiled probe.

Construction checks every value. ``unpack`` does not, because unpacked values always fit. It costs
one ``struct.unpack``, or one pass in compiled code (``_cstruct.pyx``), which gives the same.
"""

from __future__ import annotations

import operator
import struct as _struct
from collections.abc import Callable, Sequence
from socket import htonl, htons, ntohl, ntohs
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar, dataclass_transform

import attrs

from famsock import _calls
from famsock._struct import Struct as Struct

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "BE16",
    "BE32",
    "BOOL",
    "I8",
    "I16",
    "I32",
    "I64",
    "LE16",
    "LONG",
    "U8",
    "U16",
    "U32",
    "U64",
    "ULONG",
    "CType",
    "Layout",
    "Member",
    "Plain",
    "PlainMember",
    "Struct",
    "be16",
    "be32",
    "boolean",
    "char",
    "char_array",
    "check_bool",
    "check_bytes",
    "check_integer",
    "field",
    "i8",
    "i32",
    "i64",
    "integer",
    "le16",
    "long",
    "nested",
    "octets",
    "parse_bytes",
    "parse_integer",
    "plain",
    "plain_forms",
    "plain_integer",
    "plain_octets",
    "raw",
    "struct",
    "u8",
    "u16",
    "u32",
    "u64",
]

_T = TypeVar("_T", bound=Struct)
_METADATA = "famsock.cstruct"


@attrs.frozen(kw_only=True)
class CType:
    """A C type: its struct code, and the checks and conversions of its Python value.

    ``check`` takes any object and returns the value to store, or raises TypeError, ValueError or
    OverflowError with a message that continues "<struct> <field> …". ``encode(value, lookup)`` and
    ``decode(raw, lookup)`` convert between the stored value and what `struct` packs; None means
    they are the same. ``lookup`` is an `famsock.address.Lookup` or None. ``kind`` names a
    conversion that compiled code knows, and that ``encode`` and ``decode`` must make, too: "be16",
    "be32", "bool" (an int), "text" (up to the first NUL), "ipv4" or "ipv6". ``text`` and ``parse``
    convert between the value and its text form; by default as `str`, or as `parse_integer` if there
    is a range. ``low`` and ``high`` are the range of an integer type, for messages and tests;
    ``check`` enforces it.
    """

    c: str
    code: str
    check: Callable[[Any], Any]
    low: int | None = None
    high: int | None = None
    encode: Callable[[Any, Any], Any] | None = None
    decode: Callable[[Any, Any], Any] | None = None
    kind: str = ""
    text: Callable[[Any], str] = str
    parse: Callable[[str], Any] = attrs.Factory(
        lambda self: str if self.low is None else parse_integer, takes_self=True
    )

    @property
    def size(self) -> int:
        """The number of bytes that the member takes."""
        return _struct.calcsize("=" + self.code)

    @property
    def alignment(self) -> int:
        """C's natural alignment of the type, in bytes."""
        return 1 if self.code[-1] in "sB?b" else _struct.calcsize("=" + self.code[-1])


@attrs.frozen
class Member:
    """A field of a struct: its Python name, its C name, its type and its offset in bytes."""

    attribute: str
    c_name: str
    type: CType
    offset: int


@attrs.frozen
class Layout:
    """The C layout of a struct: what packs it, and what a probe compares with the headers.

    ``members`` are in the order of their offsets; ``arrange`` puts unpacked values into the order
    of the class's fields if that differs.
    """

    c_name: str
    headers: tuple[str, ...]
    size: int
    members: tuple[Member, ...]
    head: bytes
    codec: _struct.Struct
    arrange: Callable[[Sequence[Any]], Sequence[Any]] | None
    encoders: tuple[Callable[[Any, Any], Any] | None, ...] | None
    decoders: tuple[Callable[[Any, Any], Any] | None, ...] | None


def field(
    ctype: CType, c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING
) -> Any:
    """Return a field of any `CType`; ``offset`` (bytes): for members out of order or in a union."""
    return attrs.field(default=default, metadata={_METADATA: (ctype, c_name, offset)})


def integer(c: str, code: str, low: int, high: int, **conversions: Any) -> CType:
    """Return an integer type that accepts ``low`` to ``high``, and anything with ``__index__``."""

    def check(value: object) -> int:
        return check_integer(value, low, high)

    compiled = _calls.companion("famsock._cstruct")
    return CType(
        c=c,
        code=code,
        check=check if compiled is None else compiled.IntegerCheck(low, high, check),
        low=low,
        high=high,
        **conversions,
    )


def check_integer(value: Any, low: int, high: int, form: Callable[[int], str] = str) -> int:
    """Return ``value`` as an integer ``low``-``high``; TypeError or OverflowError if it is none.

    ``form`` writes the numbers in their messages (``hex``).
    """
    try:
        number = int(operator.index(value))
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"must be an integer {low}-{form(high)}, not {kind}") from None
    if not low <= number <= high:
        raise OverflowError(f"must be {low}-{form(high)}, not {form(number)}")
    return number


def parse_integer(text: str) -> int:
    """Return the integer that a text stands for, in the bases of Python; ValueError if it is none.

    The error's message continues "<field> …".
    """
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"must be an integer, such as 10 or 0xa, not {text!r}") from None


def parse_bytes(text: str) -> bytes:
    """Return the bytes that hexadecimal digits stand for; ValueError for any other text.

    The error's message continues "<field> …".
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(
            f"must be hexadecimal digits in pairs, such as 00ff, not {text!r}"
        ) from None


def _swapped(convert: Callable[[int], int]) -> Callable[[int, Any], int]:
    return lambda value, _lookup: convert(value)


def _unsigned(c: str, code: str) -> CType:
    return integer(c, code, 0, (1 << 8 * _struct.calcsize("=" + code)) - 1)


def _signed(c: str, code: str) -> CType:
    half = 1 << (8 * _struct.calcsize("=" + code) - 1)
    return integer(c, code, -half, half - 1)


_LONG = {4: "i", 8: "q"}[_struct.calcsize("l")]
_ULONG = _LONG.upper()

U8 = _unsigned("uint8_t", "B")
U16 = _unsigned("uint16_t", "H")
U32 = _unsigned("uint32_t", "I")
U64 = _unsigned("uint64_t", "Q")
I8 = _signed("int8_t", "b")
I16 = _signed("int16_t", "h")
I32 = _signed("int32_t", "i")
I64 = _signed("int64_t", "q")
LONG = _signed("long", _LONG)
ULONG = _unsigned("unsigned long", _ULONG)
BE16 = integer(
    "__be16", "H", 0, 0xFFFF, encode=_swapped(htons), decode=_swapped(ntohs), kind="be16"
)
BE32 = integer(
    "__be32", "I", 0, 0xFFFFFFFF, encode=_swapped(htonl), decode=_swapped(ntohl), kind="be32"
)
LE16 = integer(
    "__le16",
    "2s",
    0,
    0xFFFF,
    encode=lambda value, _lookup: value.to_bytes(2, "little"),
    decode=lambda raw, _lookup: int.from_bytes(raw, "little"),
)


def check_bool(value: object) -> bool:
    """Return ``value`` as bool; TypeError unless it is a bool or an integer."""
    if not isinstance(value, int):
        raise TypeError(f"must be True or False, not {value!r}")
    return bool(value)


BOOL = CType(
    c="int",
    code="i",
    check=check_bool,
    decode=lambda raw, _lookup: raw != 0,
    kind="bool",
    text=lambda value: str(int(value)),
    parse=lambda text: bool(parse_integer(text)),
)


def check_bytes(value: ReadableBuffer) -> bytes:
    """Return the bytes of any object with the buffer protocol; TypeError if it has none.

    bytes, bytearray, memoryview, `array.array`, a ctypes array … as ``send`` takes them. Also a
    converter for attrs fields.
    """
    if type(value) is bytes:
        return value
    try:
        view = memoryview(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"must be a bytes-like object, not {kind}") from None
    return view.tobytes()


def octets(size: int) -> CType:
    """Return a type of exactly ``size`` bytes, taken from any bytes-like object."""

    def check(value: Any) -> bytes:
        try:
            raw = check_bytes(value)
        except TypeError:
            raise TypeError(f"must be {size} bytes, not {type(value).__name__}") from None
        if len(raw) != size:
            raise ValueError(f"must be {size} bytes, not {len(raw)}")
        return raw

    return CType(c="unsigned char", code=f"{size}s", check=check, text=bytes.hex, parse=parse_bytes)


def char_array(size: int) -> CType:
    """Return a type of text in a ``char[size]`` with a NUL, at most ``size - 1`` bytes of UTF-8."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(f"must be str, not {type(value).__name__}")
        if "\0" in value:
            raise ValueError("must not contain a null character")
        if len(raw := value.encode("utf-8", "surrogateescape")) >= size:
            raise ValueError(f"too long: at most {size - 1} bytes, not {len(raw)}")
        return value

    return CType(
        c="char",
        code=f"{size}s",
        check=check,
        encode=lambda value, _lookup: value.encode("utf-8", "surrogateescape"),
        decode=lambda raw, _lookup: raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape"),
        kind="text",
    )


def nested(cls: type[Struct]) -> CType:
    """Return a struct inside a struct."""

    def check(value: object) -> Struct:
        if not isinstance(value, cls):
            raise TypeError(f"must be {cls.__name__}, not {type(value).__name__}")
        return value

    return CType(
        c=cls.layout.c_name,
        code=f"{cls.layout.size}s",
        check=check,
        encode=lambda value, lookup: value.pack(lookup),
        decode=lambda raw, lookup: cls.unpack(raw, lookup),
        text=repr,
    )


def u8(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``uint8_t``, 0-255."""
    return field(U8, c_name, offset=offset, default=default)


def u16(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``uint16_t`` in host order."""
    return field(U16, c_name, offset=offset, default=default)


def u32(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``uint32_t`` in host order."""
    return field(U32, c_name, offset=offset, default=default)


def u64(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``uint64_t`` in host order."""
    return field(U64, c_name, offset=offset, default=default)


def i8(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``int8_t``."""
    return field(I8, c_name, offset=offset, default=default)


def i32(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``int`` or ``int32_t`` in host order."""
    return field(I32, c_name, offset=offset, default=default)


def i64(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``int64_t`` in host order."""
    return field(I64, c_name, offset=offset, default=default)


def long(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of C ``long``, as wide as the platform's."""
    return field(LONG, c_name, offset=offset, default=default)


def be16(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``__be16``: network order in the struct, a plain integer here."""
    return field(BE16, c_name, offset=offset, default=default)


def be32(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``__be32``: network order in the struct, a plain integer here."""
    return field(BE32, c_name, offset=offset, default=default)


def le16(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``__le16``: little-endian in the struct, a plain integer here."""
    return field(LE16, c_name, offset=offset, default=default)


def boolean(c_name: str, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of an ``int`` that means false when 0."""
    return field(BOOL, c_name, offset=offset, default=default)


def raw(c_name: str, size: int, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of ``size`` raw bytes."""
    return field(octets(size), c_name, offset=offset, default=default)


def char(c_name: str, size: int, *, offset: int | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return a field of a NUL-terminated ``char[size]``, as str."""
    return field(char_array(size), c_name, offset=offset, default=default)


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(
        field, u8, u16, u32, u64, i8, i32, i64, long, be16, be32, le16, boolean, raw, char,
    ),
)  # fmt: skip
def struct(
    c_name: str,
    *,
    header: str | tuple[str, ...],
    size: int | None = None,
    head: bytes = b"",
    label: str | None = None,
) -> Callable[[type[_T]], type[_T]]:
    """Decorate a class: make a `Struct` of the annotated fields.

    ``c_name`` is the C type ("struct linger") and ``header`` the header or headers to include for
    it. ``size`` (bytes) states a size beyond the last member, for padding or a shared union.
    ``head`` is a constant that precedes the members. ``label`` opens error messages.
    """

    def decorate(cls: type[_T]) -> type[_T]:
        made = attrs.frozen(cls, init=False, eq=True)
        for name in (a.name for a in attrs.fields(made)):  # type: ignore[arg-type]
            if hasattr(Struct, name) or name in Struct.__annotations__:
                raise TypeError(
                    f"{cls.__name__}: every struct has {name!r}; name the field otherwise"
                )
        made.layout = _layout(made, c_name, header, size, head)
        made.label = label or made.__name__
        made.__init__ = _checked_init(made)  # type: ignore[method-assign]
        _compile(made)
        return made

    return decorate


def _compile(cls: type[Struct]) -> None:
    """Let compiled code do what the methods of a struct class do in Python, if it can."""
    compiled = _calls.companion("famsock._cstruct")
    if compiled is None:
        return
    _compile_init(compiled, cls)
    try:
        pack, unpack = compiled.methods(cls)
    except TypeError:  # a class whose objects are made in their own way
        return
    for name, method in (("pack", pack), ("unpack", classmethod(unpack))):
        if getattr(cls, name).__module__ in _GENERAL:  # not one of the class's own
            setattr(cls, name, method)


_GENERAL = ("famsock._struct", "famsock._cstruct")


def _compile_init(compiled: Any, cls: type[Struct]) -> None:
    """Let compiled code make the objects of a class whose attrs fields have only a default."""
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)  # type: ignore[arg-type]
    for a in fields:
        if a.validator or a.converter or not a.init or a.kw_only or a.alias != a.name:
            return
        if isinstance(a.default, attrs.Factory):  # type: ignore[arg-type]
            return
    given = tuple((a.name, a.default is not attrs.NOTHING, a.default) for a in fields)
    python_init = cls.__init__
    try:
        init = compiled.initializer(cls, given, python_init, _refuse)
    except TypeError:  # a class whose objects are made in their own way
        return
    init.__wrapped__ = cls.__attrs_init__  # type: ignore[attr-defined]
    cls.__init__ = init  # type: ignore[method-assign]


class PlainMember(NamedTuple):
    """A member of a `Plain` form: made by `plain_integer` or `plain_octets`."""

    attribute: str
    code: str
    offset: int
    ranges: tuple[tuple[int, int], ...] = ()
    most: int = 0
    length_offset: int | None = None
    default: Any = attrs.NOTHING

    @property
    def has_default(self) -> bool:
        """Whether the argument may be left out."""
        return self.default is not attrs.NOTHING


def plain_integer(
    attribute: str,
    ctype: CType,
    offset: int,
    ranges: tuple[tuple[int, int], ...],
    default: Any = attrs.NOTHING,
) -> PlainMember:
    """Return an unsigned integer of a `Plain` form, in host order.

    :param offset: bytes from the start.
    :param ranges: what an argument may be, at most four pairs of the least and the greatest value.
        Received integers are not checked.
    """
    return PlainMember(attribute, ctype.code, offset, ranges, default=default)


def plain_octets(
    attribute: str, offset: int, most: int, length_offset: int, default: Any = attrs.NOTHING
) -> PlainMember:
    """Return bytes of a `Plain` form, of which another byte tells the number.

    :param offset: bytes from the start.
    :param most: the greatest number, 0-255; the form has space for so many.
    :param length_offset: where their number is (u8), bytes from the start.
    """
    return PlainMember(
        attribute, "", offset, most=most, length_offset=length_offset, default=default
    )


@attrs.frozen
class Plain:
    """The plain form of a class with its own ``__init__``, ``pack`` and ``unpack``.

    For structs that `struct` cannot describe, as they have data of a varying length. Compiled code
    converts what has the plain form. Anything else, and each error, is for the methods in Python,
    which have to give the same for the plain form, too.

    :param size_bytes: the number of bytes.
    :param members: in the order of the parameters of ``__init__``, which may have more.
    :param none: attributes that are None in the plain form.
    :param zero: a mask of the bits that are 0 in the plain form when it is received; those beyond
        its end are not compared. All bytes that no member has are 0 when it is packed.
    """

    size_bytes: int
    members: tuple[PlainMember, ...]
    none: tuple[str, ...] = ()
    zero: bytes = b""


_C = TypeVar("_C")
_PLAIN_CONVERTERS: dict[type, Any] = {}


def plain(form: Plain) -> Callable[[type[_C]], type[_C]]:
    """Decorate an attrs class with slots: have compiled code convert its plain form, if it can.

    A subclass has the methods in Python. TypeError for a form that does not fit the class.
    """

    def decorate(cls: type[_C]) -> type[_C]:
        compiled = _calls.companion("famsock._cstruct")
        if compiled is not None:
            _PLAIN_CONVERTERS[cls] = compiled.install_plain(cls, form)
        return cls

    return decorate


def plain_forms(
    classes: Sequence[type[_C]], pack: Callable[[Any], bytes], unpack: Callable[[Any], Any]
) -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    """Return ``pack`` and ``unpack`` of several classes, by their plain forms where these fit.

    ``unpack`` tells the class by the number of bytes, in which the forms differ. The given
    functions take what has no plain form, and what is of a class whose own method was replaced.
    Without compiled code they take all.
    """
    compiled = _calls.companion("famsock._cstruct")
    converters = [_PLAIN_CONVERTERS[cls] for cls in classes if cls in _PLAIN_CONVERTERS]
    if compiled is None or not converters:
        return pack, unpack
    forms = compiled.PlainForms(converters, pack, unpack)
    return forms.pack, forms.unpack


def _checked_init(cls: type[Struct]) -> Callable[..., None]:
    checks = tuple((m.attribute, m.type.check) for m in cls.layout.members)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        self.__attrs_init__(*args, **kwargs)
        for attribute, check in checks:
            value = getattr(self, attribute)
            try:
                object.__setattr__(self, attribute, check(value))
            except (TypeError, ValueError, OverflowError) as error:
                _refuse(cls, attribute, error)

    __init__.__wrapped__ = cls.__attrs_init__  # type: ignore[attr-defined]
    return __init__


def _refuse(cls: type[Struct], attribute: str, error: Exception) -> NoReturn:
    """Raise the error of a field's check with the names of class and field in front."""
    if type(error) not in (TypeError, ValueError, OverflowError):
        raise error
    kind = cls.range_error if isinstance(error, OverflowError) else type(error)
    raise kind(f"{cls.label} {attribute} {error}") from None


def _layout(
    cls: type[Struct], c_name: str, header: str | tuple[str, ...], size: int | None, head: bytes
) -> Layout:
    members = []
    end = len(head)
    alignment = len(head) or 1
    for attribute in attrs.fields(cls):  # type: ignore[arg-type]
        if _METADATA not in attribute.metadata:
            raise TypeError(
                f"{cls.__name__} {attribute.name}: no C type; make it by cstruct.u16(...), say"
            )
        ctype, member_name, offset = attribute.metadata[_METADATA]
        _check_default(cls, attribute, ctype)
        align = ctype.alignment
        start = -(-end // align) * align if offset is None else offset
        members.append(Member(attribute.name, member_name, ctype, start))
        end = max(end, start + ctype.size)
        alignment = max(alignment, align)
    natural = -(-end // alignment) * alignment
    total = natural if size is None else size
    if total < end:
        raise TypeError(f"{cls.__name__}: size {total} is less than its members' {end} bytes")
    fields = [m.attribute for m in members]
    members.sort(key=lambda member: member.offset)
    order = [[m.attribute for m in members].index(name) for name in fields]
    encoders = tuple(m.type.encode for m in members)
    decoders = tuple(m.type.decode for m in members)
    return Layout(
        c_name=c_name,
        headers=(header,) if isinstance(header, str) else header,
        size=total,
        members=tuple(members),
        head=head,
        codec=_struct.Struct(_format(cls, members, head, total)),
        arrange=None if order == sorted(order) else operator.itemgetter(*order),
        encoders=encoders if any(encoders) else None,
        decoders=decoders if any(decoders) else None,
    )


def _check_default(cls: type[Struct], attribute: attrs.Attribute[Any], ctype: CType) -> None:
    if attribute.default is attrs.NOTHING:
        return
    try:
        ctype.check(attribute.default)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{cls.__name__} {attribute.name}: its default {error}") from None


def _format(cls: type[Struct], members: list[Member], head: bytes, total: int) -> str:
    """Return the `struct` format of members in offset order; gaps become pads."""
    pieces = ["="] + ([f"{len(head)}s"] if head else [])
    position = len(head)
    for member in members:
        if member.offset < position:
            raise TypeError(
                f"{cls.__name__} {member.attribute}: offset {member.offset} overlaps the member "
                f"before, which ends at {position}"
            )
        pieces.append(f"{member.offset - position}x{member.type.code}")
        position = member.offset + member.type.size
    return "".join(pieces) + f"{total - position}x"
