"""Records of a header and attributes, as kernels write them: type, length, value (TLV).

Layout of an attribute: length with these 4 bytes (u16), type (u16), the value, zeros up to a
multiple of 4 bytes; host order. A value may be attributes again. A record is a struct and the
attributes behind it. Source: linux/netlink.h (struct nlattr), linux/rtnetlink.h (struct rtattr).

A `Table` says of each field of a class where in a record its value is::

    @attrs.frozen
    class Device:
        index: int
        name: str
        mtu: int

    DEVICES = tlv.Table(
        Device,
        DeviceHeader,
        {"index": tlv.member("index"), "name": tlv.text(3), "mtu": tlv.unsigned(4)},
    )
    DEVICES.unpack(data)

`Records` splits a datagram into records with their lengths. Compiled code (``_tlv.pxi``) does the
same as the Python code here, which is its reference and has the errors.

Values that came are not checked, but for their lengths. Values that need a function, such as an
address object, can wait until they are read: see `Deferred`.
"""

from __future__ import annotations

import struct as _struct
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import attrs

from famsock import _calls
from famsock._struct import Struct

__all__ = [
    "Deferred",
    "Field",
    "Records",
    "Table",
    "made",
    "member",
    "part",
    "signed",
    "split",
    "text",
    "text_of",
    "unknown",
    "unsigned",
    "value",
]

_T = TypeVar("_T")
_C = TypeVar("_C")
_HEADER = _struct.Struct("=HH")
_Sizes = Mapping[int, int]
_COMPILED: Any = _calls.companion("famsock._cstruct")
TYPES_MAX = 8
"""The most attributes that one field is made of, and the deepest nest."""


class _Nothing:
    """The default of a field that has none."""

    def __repr__(self) -> str:
        return "NOTHING"

    def __deepcopy__(self, memo: object) -> _Nothing:
        return self


NOTHING: Any = _Nothing()


@attrs.frozen(kw_only=True)
class Field:
    """The place of a field's value; made by `member`, `unsigned` and the other functions here."""

    source: str
    types: tuple[int, ...] = ()
    members: tuple[str, ...] = ()
    default: Any = NOTHING
    struct: type[Struct] | None = None
    convert: Callable[..., Any] | None = None
    sizes: _Sizes | None = None
    counts_bits: bool = False
    at_once: frozenset[int] = frozenset()
    needed: tuple[int, ...] = ()
    known: frozenset[int] = frozenset()

    @property
    def has_default(self) -> bool:
        """Whether there is a value for a record without the attribute."""
        return self.default is not NOTHING

    def read(self, header: Struct, values: Mapping[int, bytes], table: Table[Any]) -> Any:
        """Return the field's value. ``values`` are those of the attributes, by type."""
        if self.source == "member":
            return getattr(header, self.members[0])
        if self.source == "made":
            if self.has_default and not any(kind in values for kind in self.needed):
                return self.default
            assert self.convert is not None
            given = [values.get(kind) for kind in self.types]
            return self.convert(*(getattr(header, name) for name in self.members), *given)
        for kind in self.types[:-1]:
            nested = split(values.get(kind, b""), label=table.label)
            values = {found & table.type_mask: data for found, data in nested}
        data = values.get(self.types[-1])
        if data is None:
            return self.default if self.has_default else getattr(header, self.members[0])
        if self.struct is not None:
            return getattr(self.struct.unpack(data), self.members[-1])
        return _READERS[self.source](data)


def text_of(data: bytes) -> str:
    """Return received bytes as text up to the first NUL (UTF-8, surrogateescape)."""
    return data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


_READERS: dict[str, Callable[[bytes], Any]] = {
    "unsigned": lambda data: int.from_bytes(data, sys.byteorder),
    "signed": lambda data: int.from_bytes(data, sys.byteorder, signed=True),
    "text": text_of,
    "value": bytes,
}


def member(name: str) -> Field:
    """Return a field that is a member of the header."""
    return Field(source="member", members=(name,))


def unsigned(*types: int, default: Any = 0, member: str = "") -> Field:
    """Return a field of an unsigned integer of any size, in host order.

    ``types`` is the attribute's type, after those that it is nested in. Without the attribute the
    value is the header's ``member``, or ``default``.
    """
    if member:
        return Field(source="unsigned", types=types, members=(member,))
    return Field(source="unsigned", types=types, default=default)


def signed(*types: int, default: Any = 0) -> Field:
    """Return a field of a signed integer of any size, in host order; as `unsigned`."""
    return Field(source="signed", types=types, default=default)


def text(*types: int, default: Any = "") -> Field:
    """Return a field of text up to its first NUL (UTF-8, surrogateescape); as `unsigned`."""
    return Field(source="text", types=types, default=default)


def value(*types: int, default: Any = b"") -> Field:
    """Return a field of the attribute's bytes; as `unsigned`."""
    return Field(source="value", types=types, default=default)


def part(type: int, struct: type[Struct], name: str, *, default: Any) -> Field:
    """Return a field that is the member ``name`` of a struct in an attribute.

    ValueError on unpacking if the attribute is shorter than the struct.
    """
    return Field(source="part", types=(type,), struct=struct, members=(name,), default=default)


def made(
    convert: Callable[..., Any],
    *types: int,
    members: tuple[str, ...] = (),
    default: Any = NOTHING,
    sizes: _Sizes | None = None,
    counts_bits: bool = False,
    at_once: Sequence[int] = (),
    needed: Sequence[int] = (),
) -> Field:
    """Return a field that ``convert`` makes, of up to 8 members of the header and 8 attributes.

    It is called with the members' values, then with the bytes of each of ``types``, None for one
    that is missing. If there is a ``default``, it is the value where all attributes of ``needed``
    (without it, of ``types``) are missing.

    With ``sizes`` the call may wait until the field is read (see `Deferred`). It must not fail
    then, so it waits only for what is usual: ``sizes`` has a size in bytes for the first member's
    value, an address family, say; some attribute came, each has that size, and none is of the types
    in ``at_once``; with ``counts_bits`` the second member is at most the size in bits.
    """
    return Field(
        source="made", types=types, members=members, default=default, convert=convert,
        sizes=sizes, counts_bits=counts_bits, at_once=frozenset(at_once),
        needed=tuple(needed or types),
    )  # fmt: skip


def unknown(convert: Callable[[list[tuple[int, bytes]]], Any], known: frozenset[int]) -> Field:
    """Return a field of all attributes whose types are not ``known``.

    ``convert`` gets the types, with all their bits, and bytes, in order. Without such attributes
    the value is ``()``.
    """
    return Field(source="unknown", convert=convert, known=known)


def split(
    data: bytes | memoryview, offset_bytes: int = 0, *, label: str = "attribute"
) -> list[tuple[int, bytes]]:
    """Return types (all 16 bits) and values of the attributes in ``data`` from an offset on.

    ``label`` opens error messages. ValueError if an attribute is truncated, or if bytes other than
    0 are left.
    """
    if _COMPILED is not None:
        pairs: list[tuple[int, bytes]]
        pairs = _COMPILED.split(data, offset_bytes, _split_in_python, label)
        return pairs
    return _split_in_python(data, offset_bytes, label)


def _split_in_python(
    data: bytes | memoryview, offset_bytes: int, label: str
) -> list[tuple[int, bytes]]:
    if offset_bytes < 0:
        raise ValueError(f"{label}: offset must be at least 0, not {offset_bytes}")
    pairs = []
    offset, end = offset_bytes, len(data)
    while end - offset >= 4:
        length, kind = _HEADER.unpack_from(data, offset)
        if length < 4 or offset + length > end:
            raise ValueError(
                f"{label} at byte {offset}: length must be 4-{end - offset}, not {length}"
            )
        pairs.append((kind, bytes(data[offset + 4 : offset + length])))
        offset += length + 3 & ~3
    if offset < end and any(data[offset:end]):
        raise ValueError(f"{label} at byte {offset}: {end - offset} bytes are left")
    return pairs


class Deferred:
    """Base of a class whose objects make fields of `made` with ``sizes`` when they are read.

    An object keeps the record that it was made of. Reading a field, comparing, hashing, copying,
    pickling and the repr make what is missing; nobody sees a difference but in time.
    """

    __slots__ = ("_record",)
    if TYPE_CHECKING:
        _record: bytes
        _table: Table[Any] | None
    else:
        _table = None

        def __getattr__(self, name: str) -> Any:
            table = self._table
            if table is None or name not in table.deferred:
                kind = type(self).__name__
                raise AttributeError(
                    f"{kind!r} object has no attribute {name!r}", name=name, obj=self
                )
            value = table.make(name, self._record)
            object.__setattr__(self, name, value)
            return value


class _Unpack(Protocol[_C]):
    """The type of `Table.unpack`: a record, and the class to make or one below it."""

    def __call__(self, data: bytes, cls: type[_C] | None = None, /) -> _C: ...


class Table(Generic[_T]):
    """Recipe that makes objects of a class from records.

    ``cls`` is an attrs class, ``header`` the struct in front of the attributes. ``fields`` has each
    field of the class, by name. ``type_mask`` are the bits of the type that distinguish attributes,
    ``label`` opens error messages. TypeError for a description that does not fit.
    """

    def __init__(
        self,
        cls: type[_T],
        header: type[Struct],
        fields: Mapping[str, Field],
        *,
        type_mask: int = 0xFFFF,
        label: str = "attribute",
    ) -> None:
        self.cls, self.header, self.fields = cls, header, dict(fields)
        self.type_mask, self.label = type_mask, label
        names = [a.name for a in attrs.fields(cls)]  # type: ignore[arg-type]
        if sorted(names) != sorted(fields):
            raise TypeError(f"{cls.__name__}: fields are {names}, not {list(fields)}")
        for name, described in fields.items():
            self._check(name, described)
        self._aliases = {a.name: a.alias for a in attrs.fields(cls)}  # type: ignore[arg-type]
        self.deferred = frozenset(
            name for name, one in fields.items() if one.sizes and issubclass(cls, Deferred)
        )
        self.unpack: _Unpack[_T] = self.unpack_in_python
        self.make: Callable[[str, bytes], Any] = self.make_in_python
        compiled = _calls.companion("famsock._cstruct")
        if compiled is not None:
            with suppress(TypeError):  # a class whose objects are made in their own way
                table = compiled.Table(self)
                self.unpack, self.make = table.unpack, table.make
        if self.deferred:
            cls._table = self  # type: ignore[attr-defined]
            if self.make != self.make_in_python:
                cls.__getattr__ = compiled.getter(  # type: ignore[attr-defined,union-attr]
                    table, self.deferred, vars(Deferred)["__getattr__"]
                )

    def _check(self, name: str, field: Field) -> None:
        what = f"{self.cls.__name__} {name}"
        members = {m.attribute for m in self.header.layout.members}
        if field.source == "part":
            assert field.struct is not None
            members = {m.attribute for m in field.struct.layout.members}
        if missing := [one for one in field.members if one not in members]:
            raise TypeError(f"{what}: no member {missing[0]!r}")
        if len(field.types) > TYPES_MAX or len(field.members) > TYPES_MAX:
            raise TypeError(f"{what}: at most {TYPES_MAX} attributes and members")
        if not field.types and field.source not in ("member", "made", "unknown"):
            raise TypeError(f"{what}: no type of an attribute")
        for kind in (*field.types, *field.known, *field.at_once, *field.needed):
            if type(kind) is not int or not 0 <= kind <= self.type_mask:
                raise TypeError(f"{what}: type must be 0-{self.type_mask}, not {kind!r}")
        if not field.at_once.union(field.needed) <= frozenset(field.types):
            raise TypeError(f"{what}: at_once and needed must be of its types")
        if field.sizes is not None and len(field.members) < 1 + field.counts_bits:
            raise TypeError(f"{what}: sizes need a member to go by")

    def unpack_in_python(self, data: bytes, cls: type[_T] | None = None) -> _T:
        """Return an object of ``cls`` (or below it) of a record; ValueError if it is truncated."""
        header = self.header.unpack(data)
        pairs = split(data, self.header.layout.size, label=self.label)
        values = {kind & self.type_mask: found for kind, found in pairs}
        arguments = {}
        for name, field in self.fields.items():
            if field.source == "unknown":
                others = [one for one in pairs if one[0] & self.type_mask not in field.known]
                assert field.convert is not None
                arguments[self._aliases[name]] = field.convert(others) if others else ()
            else:
                arguments[self._aliases[name]] = field.read(header, values, self)
        return (cls or self.cls)(**arguments)

    def make_in_python(self, name: str, data: bytes) -> Any:
        """Return the value of a field that waited."""
        pairs = split(data, self.header.layout.size, label=self.label)
        values = {kind & self.type_mask: found for kind, found in pairs}
        return self.fields[name].read(self.header.unpack(data), values, self)


class Records(Generic[_T]):
    """Recipe that splits a datagram into records, each of which begins with its length.

    ``cls`` is an attrs class. Its fields are the members of ``header`` by their names, without
    ``length``, and ``payload``, the bytes behind the header. The length counts both; zeros up to a
    multiple of 4 bytes follow. ``label`` opens error messages. TypeError for a description that
    does not fit.
    """

    def __init__(
        self,
        cls: type[_T],
        header: type[Struct],
        *,
        length: str,
        payload: str = "payload",
        label: str = "record",
    ) -> None:
        self.cls, self.header = cls, header
        self.length, self.payload, self.label = length, payload, label
        members = [m.attribute for m in header.layout.members]
        self._names = [name for name in members if name != length]
        fields = [a.name for a in attrs.fields(cls)]  # type: ignore[arg-type]
        if length not in members or sorted(fields) != sorted([*self._names, payload]):
            raise TypeError(f"{cls.__name__}: fields are {fields}, the header's {members}")
        self.unpack: Callable[[bytes], list[_T]] = self.unpack_in_python
        compiled = _calls.companion("famsock._cstruct")
        if compiled is not None:
            with suppress(TypeError):  # a class whose objects are made in their own way
                self.unpack = compiled.Records(self).unpack

    def unpack_in_python(self, data: bytes) -> list[_T]:
        """Return the records of one datagram; ValueError if one is truncated."""
        records = []
        size = self.header.layout.size
        offset, end = 0, len(data)
        while offset < end:
            if end - offset < size:
                raise ValueError(f"{self.label} at byte {offset}: only {end - offset} bytes")
            header = self.header.unpack(data[offset : offset + size])
            length = getattr(header, self.length)
            if length < size or offset + length > end:
                raise ValueError(
                    f"{self.label} at byte {offset}: length must be {size}-{end - offset}, "
                    f"not {length}"
                )
            values = {name: getattr(header, name) for name in self._names}
            values[self.payload] = data[offset + size : offset + length]
            records.append(self.cls(**values))
            offset += length + 3 & ~3
        return records
