"""The decorator that makes a typed address: a `famsock.cstruct` struct with a family in front."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, dataclass_transform

import attrs

from famsock import cstruct
from famsock.address import Address, family_head

_T = TypeVar("_T", bound=Address)
MAX_BYTES = 128
"""The size of struct sockaddr_storage, beyond which no kernel takes a sockaddr; bind(2)."""


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(
        cstruct.field, cstruct.u8, cstruct.u16, cstruct.u32, cstruct.u64,
        cstruct.i8, cstruct.i32, cstruct.i64, cstruct.long,
        cstruct.be16, cstruct.be32, cstruct.le16, cstruct.boolean, cstruct.raw, cstruct.char,
    ),
)  # fmt: skip
def sockaddr(
    c_name: str,
    *,
    header: str | tuple[str, ...],
    family: int,
    family_name: str,
    stdlib: tuple[str, ...] | None = None,
    size: int | None = None,
    head: bytes | None = None,
) -> Callable[[type[_T]], type[_T]]:
    """Decorate the class of a family's address: `famsock.cstruct.struct` after the family.

    ``stdlib`` names the fields of the stdlib's tuple (all fields, if left out). ``head`` overrides
    the two bytes in front of the members, for a codec of another platform's sockaddr.
    """

    def decorate(cls: type[_T]) -> type[_T]:
        front = head if head is not None else family_head(family, size or 0)
        made = cstruct.struct(c_name, header=header, size=size, head=front, label=family_name)(cls)
        made.family, made.family_name = family, family_name
        defaults = {field.name: field.default for field in attrs.fields(made)}  # type: ignore[arg-type]
        fields = tuple(defaults)
        made.stdlib_fields = stdlib or fields
        # In a tuple, as it is a class method that shall not be bound.
        made._unpack_as_made = (
            next(vars(base)["unpack"] for base in made.__mro__ if "unpack" in vars(base)),
        )
        if unknown := [name for name in made.stdlib_fields if name not in fields]:
            raise TypeError(f"{cls.__name__}: stdlib names {unknown[0]!r}, which is no field")
        made._required_fields = sum(defaults[n] is attrs.NOTHING for n in made.stdlib_fields)
        if made.layout.size > MAX_BYTES:
            raise TypeError(
                f"{cls.__name__}: a sockaddr has at most {MAX_BYTES} bytes, not {made.layout.size}"
            )
        return made

    return decorate
