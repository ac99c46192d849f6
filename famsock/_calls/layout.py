"""Sockaddr layouts as plain data.

A `SockaddrLayout` says which item of the stdlib's form lies where in the sockaddr. The compiled
layer converts by it (``addresses.pxi``), as :mod:`famsock._calls.converter` does in Python. Both
leave what is unusual (a host's name, another shape, a number out of range) to the family's address
class, which also has the errors. This module imports no attrs, and knows kinds of fields but no
family.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Field = tuple[str, str, int, int]

SOCKADDR_BYTES = 128
"""The size of struct sockaddr_storage, in bytes: bind(2)."""

INTEGERS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "be16": "H", "be32": "I"}
"""The kinds of integers, with the codes that :mod:`struct` has for them."""

WIDTHS = {
    "u8": 1, "u16": 2, "u32": 4, "u64": 8, "be16": 2, "be32": 4, "ipv4": 4, "ipv6": 16,
    "ifname": 4, "ifname_given": 4, "ifname_known": 4, "counted8": 8, "path": 108,
}  # fmt: skip
"""The kinds of fields, and their size in bytes.

``be16`` and ``be32`` are in network order, the other integers in host order. In the form, -1 in a
``u32`` that may be all ones is that, as CPython masks it and public programs pass it. ``ipv4`` and
``ipv6`` are addresses as text. ``ifname`` is an interface: its name in the form, its index in the
sockaddr, "" for 0; of ``ifname_given`` the form is never "", of ``ifname_known`` the sockaddr's is
never 0.
``counted8`` is up to 8 bytes, whose number stands in the byte in front of them. ``path`` is a
file system path or an abstract name up to the sockaddr's end, and the only field.
"""


def integer_field(name: str, kind: str, offset: int, highest: int | None = None) -> Field:
    """Return a field of an integer kind that holds 0 to ``highest`` (what fits, if left out).

    ``kind`` is "u8", "u16", "u32" or "u64" (host order), or "be16" or "be32" (network order).
    ``offset`` counts bytes from the start of the sockaddr. ValueError for another kind.
    """
    if kind not in INTEGERS:
        raise ValueError(f"field {name!r}: {kind!r} is no kind of integer; use {[*INTEGERS]}")
    return name, kind, offset, (1 << 8 * WIDTHS[kind]) - 1 if highest is None else highest


class SockaddrLayout:
    """The layout of a sockaddr whose stdlib form is its fields in order.

    ``head`` is the two bytes in front of the members. ``size_bytes`` is the sockaddr's length;
    one of at least ``least_bytes`` is read. ``fields`` are (name, kind, offset in bytes, highest
    value), in the order of the stdlib's tuple; ``required`` of them must be given, the others are 0
    if left out. The form of a single ``path`` is no tuple, but the path itself. ``usual`` names a
    function ("module:function") that is given a form which the layout leaves, and a
    `famsock.address.Lookup`; it returns one that the layout converts, as with a host's name
    resolved, or None. ``typed`` tells that a typed address has the values of the stdlib's form
    in its fields, unless the form lacks the name of an interface that is gone: compiled code then
    makes it, too. ValueError for a layout that contradicts itself.
    """

    __slots__ = ("fields", "head", "least_bytes", "required", "size_bytes", "typed", "usual")

    def __init__(
        self,
        head: bytes,
        size_bytes: int,
        fields: tuple[Field, ...],
        required: int | None = None,
        least_bytes: int | None = None,
        usual: str | None = None,
        typed: bool = False,
    ) -> None:
        if len(head) != 2 or not 2 <= size_bytes <= SOCKADDR_BYTES or not 1 <= len(fields) <= 8:
            raise ValueError("a sockaddr has 2 bytes in front, 2-128 bytes and 1-8 fields")
        for name, kind, offset, highest in fields:
            if kind not in WIDTHS:
                raise ValueError(f"field {name!r} is of no kind that there is: {kind!r}")
            first = 3 if kind == "counted8" else 2
            if not first <= offset <= size_bytes - WIDTHS[kind]:
                raise ValueError(f"field {name!r} lies outside of {size_bytes} bytes")
            if kind == "path" and (len(fields) > 1 or offset != 2):
                raise ValueError(f"field {name!r}: a path is the only field, at offset 2")
            if kind in INTEGERS and not 0 <= highest < 1 << 8 * WIDTHS[kind]:
                raise ValueError(f"field {name!r}: no {kind} is as high as {highest}")
        end = 2
        for name, kind, offset, _ in sorted(fields, key=lambda field: field[2]):
            if offset - (kind == "counted8") < end:
                raise ValueError(f"field {name!r} lies over another one")
            end = offset + WIDTHS[kind]
        if typed and any(kind == "path" for _, kind, *_ in fields):
            raise ValueError("the form of a path is no tuple of a typed address's fields")
        self.usual = usual
        self.typed = typed
        self.head = head
        self.size_bytes = size_bytes
        self.fields = fields
        self.required = len(fields) if required is None else required
        self.least_bytes = size_bytes if least_bytes is None else least_bytes
        if not 1 <= self.required <= len(fields):
            raise ValueError(f"1-{len(fields)} fields are required, not {required}")
        if not 2 <= self.least_bytes <= size_bytes:
            raise ValueError(f"at least 2-{size_bytes} bytes are read, not {least_bytes}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in the order of the stdlib's form."""
        return tuple(field[0] for field in self.fields)

    @property
    def is_path(self) -> bool:
        """Whether the stdlib's form is a path."""
        return self.fields[0][1] == "path"
