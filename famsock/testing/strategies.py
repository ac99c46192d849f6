"""Hypothesis strategies for typed addresses and structs, derived from their fields' C types.

An integer field draws from its range, its limits often. Any other field draws packed values of its
C type and decodes them like the kernel's, so the drawn values do not depend on the system. If that
does not suit a field, the author gives a strategy by its name:
``strategies = {"host": ..., "Class.field": ...}``, or all of a class by the class's name.
"""

from __future__ import annotations

import struct as _struct
from collections.abc import Mapping
from typing import Any, TypeVar

from hypothesis import strategies as st

from famsock._struct import Struct
from famsock.cstruct import CType, Member

__all__ = [
    "Strategies",
    "structs",
    "values",
]

_S = TypeVar("_S", bound=Struct)
Strategies = Mapping[str, st.SearchStrategy[Any]]


def values(ctype: CType) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a field of a C type."""
    if ctype.low is not None and ctype.high is not None:
        return _integers(ctype.low, ctype.high)
    decoded = _wire_values(ctype).map(lambda raw: _decoded(ctype, raw))
    return decoded.filter(lambda value: _fits(ctype, value))


def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    """Return a strategy for integers: small ones, those near the limits, and any bytes.

    `st.integers` prefers small numbers: of 100 for a u32, often none has its highest bit set.
    """
    middle = (low + high) // 2
    near = {low, low + 1, middle, middle + 1, high - 1, high}
    octets = st.binary(min_size=8, max_size=8)
    anywhere = octets.map(lambda raw: low + int.from_bytes(raw, "big") % (high - low + 1))
    return (
        st.integers(low, high)
        | st.sampled_from(sorted(n for n in near if low <= n <= high))
        | anywhere
    )


_REFUSED: Any = object()


def _decoded(ctype: CType, raw: Any) -> Any:
    try:
        return raw if ctype.decode is None else ctype.decode(raw, None)
    except ValueError:
        return _REFUSED


def _fits(ctype: CType, value: Any) -> bool:
    if value is _REFUSED:
        return False
    try:
        ctype.check(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _wire_values(ctype: CType) -> st.SearchStrategy[Any]:
    size = ctype.size
    if not ctype.code.endswith("s"):
        code = "=" + ctype.code
        octets = st.binary(min_size=size, max_size=size)
        return octets.map(lambda raw: _struct.unpack(code, raw)[0])
    ended = st.binary(max_size=max(size - 1, 0)).map(lambda raw: raw.ljust(size, b"\0"))
    full_too = _fits(ctype, _decoded(ctype, b"A" * size))
    return st.binary(min_size=size, max_size=size) | ended if full_too else ended


def structs(cls: type[_S], overrides: Strategies | None = None) -> st.SearchStrategy[_S]:
    """Return instances of an address class or other struct, with any field values that fit.

    Combinations that the class itself refuses with ValueError are not drawn.
    """
    given = overrides or {}
    if cls.__name__ in given:
        return given[cls.__name__]
    fields = {m.attribute: _of_field(cls, m, given) for m in cls.layout.members}

    def build(arguments: dict[str, Any]) -> _S | None:
        try:
            return cls(**arguments)
        except ValueError:
            return None

    made = st.fixed_dictionaries(fields).map(build)
    return made.filter(lambda instance: instance is not None)  # type: ignore[return-value]


def _of_field(cls: type[Struct], member: Member, given: Strategies) -> st.SearchStrategy[Any]:
    for name in (f"{cls.__name__}.{member.attribute}", member.attribute):
        if name in given:
            return given[name]
    return values(member.type)
