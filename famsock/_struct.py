"""The base of every class with a C layout, and the error of a field that is out of range.

Apart from `famsock.cstruct`, to import no attrs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from struct import Struct as StructCodec
    from typing import Any, ClassVar, Protocol, Self

    class _Layout(Protocol):
        """The interface of a `famsock.cstruct.Layout`; naming its class here would be a circle."""

        @property
        def c_name(self) -> str: ...

        @property
        def headers(self) -> tuple[str, ...]: ...

        @property
        def size(self) -> int: ...

        @property
        def members(self) -> tuple[Any, ...]: ...

        @property
        def head(self) -> bytes: ...

        @property
        def codec(self) -> StructCodec: ...

        @property
        def arrange(self) -> Callable[[Sequence[Any]], Sequence[Any]] | None: ...

        @property
        def encoders(self) -> tuple[Callable[[Any, Any], Any] | None, ...] | None: ...

        @property
        def decoders(self) -> tuple[Callable[[Any, Any], Any] | None, ...] | None: ...


def _struct_error() -> type[Exception]:
    """Return `struct.error`, which a program needs only where it handles structs."""
    from struct import error

    return error


class AddressRangeError(OSError, OverflowError):
    """A field out of range, where the stdlib's callers expect an OSError.

    For the ``range_error`` of an address whose integers CPython masks, so that its own tests and
    programs wait for the kernel's refusal.
    """

    __module__ = "famsock.plugin"


class Struct:
    """Base of every class with a C layout; see `famsock.cstruct.struct`.

    ``range_error`` is what construction raises for an integer that its field cannot hold.
    """

    __slots__ = ()
    if TYPE_CHECKING:  # so that typing.get_type_hints, which looks for names here, finds no such
        layout: ClassVar[_Layout]
        label: ClassVar[str]
        range_error: ClassVar[type[OverflowError]]
    range_error = OverflowError

    def pack(self, lookup: Any = None) -> bytes:
        """Return the C struct's bytes. ``lookup`` resolves what needs the system, such as names."""
        layout = self.layout
        values: Sequence[Any] = [getattr(self, member.attribute) for member in layout.members]
        if layout.encoders is not None:
            values = [
                value if encode is None else encode(value, lookup)
                for value, encode in zip(values, layout.encoders, strict=True)
            ]
        return (
            layout.codec.pack(layout.head, *values) if layout.head else layout.codec.pack(*values)
        )

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """Return the struct at the start of ``data``; ValueError if ``data`` is shorter than it."""
        layout = cls.layout
        values: Sequence[Any]
        try:
            values = layout.codec.unpack_from(data)
        except _struct_error():
            size, given = layout.codec.size, memoryview(data).nbytes
            raise ValueError(
                f"{cls.label} needs {size} bytes of {layout.c_name}, not {given}"
            ) from None
        if layout.head:
            values = values[1:]
        if layout.decoders is not None:
            values = [
                value if decode is None else decode(value, lookup)
                for value, decode in zip(values, layout.decoders, strict=True)
            ]
        if layout.arrange is not None:
            values = layout.arrange(values)
        return cls.unchecked(*values)

    @classmethod
    def unchecked(cls, *values: Any) -> Self:
        """Return an instance from values already known to fit, in field order, without checks."""
        made = cls.__new__(cls)
        made.__attrs_init__(*values)  # type: ignore[attr-defined]
        return made
