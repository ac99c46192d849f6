"""Records in memory, read and written by a described layout: a whole table of them in one call.

A record is a header, which is a C struct, and data at a place that the header states. The next
record begins at a distance that the header states, too. Memory that a kernel shares with a program
has this form, and so have dumps. Nothing that a record says of itself is believed: what it places
outside is cut off.

`RecordReader.read` and `RecordWriter.write` are compiled (``_records.pyx``) where famsock was built
so. Without it the Python ones serve. A test compares both.
"""

from __future__ import annotations

from collections.abc import Iterable
from mmap import mmap
from operator import index
from struct import Struct as _Codec
from typing import Any, Generic, NamedTuple, TypeVar

from famsock import _calls
from famsock._struct import Struct

__all__ = [
    "Counted",
    "Nanoseconds",
    "Octets",
    "RecordReader",
    "RecordWriter",
]

_T = TypeVar("_T", bound="tuple[Any, ...]")
_NS_PER_S = 1_000_000_000
_INTEGERS = "BHIQbhiq"
_UNSIGNED = "BHIQ"
_ITEMS_MAX = 16


class Counted(NamedTuple):
    """Bytes of a record: two members of the header hold their start and their number.

    ``start`` counts from the beginning of the record, ``length`` in bytes.
    """

    start: str
    length: str


class Octets(NamedTuple):
    """Bytes of a record at a fixed place: ``offset`` from its beginning, ``size`` of them."""

    offset: int
    size: int


class Nanoseconds(NamedTuple):
    """A time in nanoseconds: two members of the header hold its seconds and the rest."""

    seconds: str
    nanoseconds: str


Item = str | Counted | Octets | Nanoseconds
_Plan = tuple[str, str, int, str, int]
"""The kind of an item, and code and offset of one or two members; for octets, offset and size."""


class _Layout:
    """The members of a header by name: their codes of `struct` and their offsets."""

    def __init__(self, header: type[Struct]) -> None:
        self.size = header.layout.size
        self._label = header.__name__
        self._members = {member.attribute: member for member in header.layout.members}

    def member(self, name: str, codes: str = _INTEGERS) -> tuple[str, int]:
        """Return code and offset of an integer; TypeError where there is none of these codes."""
        found = self._members.get(name)
        if found is None or found.type.code not in codes or found.type.decode is not None:
            raise TypeError(f"{self._label} has no integer {name!r} of one of the codes {codes}")
        return found.type.code, found.offset

    def plan(self, item: Item) -> _Plan:
        """Return what compiled code is told of an item; TypeError or ValueError if it is none."""
        if isinstance(item, str):
            return "integer", *self.member(item), "", 0
        if isinstance(item, Counted):
            return (
                "counted",
                *self.member(item.start, _UNSIGNED),
                *self.member(item.length, _UNSIGNED),
            )
        if isinstance(item, Nanoseconds):
            return (
                "nanoseconds",
                *self.member(item.seconds, "I"),
                *self.member(item.nanoseconds, "I"),
            )
        if not isinstance(item, Octets):
            raise TypeError(f"an item is a member's name, Counted, Octets or Nanoseconds: {item!r}")
        if not (0 <= item.offset < 1 << 31 and 0 <= item.size < 1 << 31):
            raise ValueError(f"octets lie 0-2147483647 bytes behind the start, not at {item}")
        return "octets", "", item.offset, "", item.size


class _PythonReader:
    """The reading of records in Python."""

    __slots__ = ("_read",)

    def __init__(
        self, made: type[Any], header_bytes: int, plans: tuple[_Plan, ...], step: tuple[str, int]
    ) -> None:
        self._read = _compiled_reader(made, header_bytes, plans, step)

    def read(self, memory: Any, start: int, end: int, count: int) -> tuple[list[Any], int]:
        """Return at most ``count`` records, and where the next one begins; see `RecordReader`."""
        kind = type(memory)
        if kind is not mmap and kind is not bytes:
            memory = _contiguous(memory).tobytes()
        start, end = index(start), index(end)
        if not 0 <= start <= end <= len(memory):
            raise _outside(memory, start, end)
        found: tuple[list[Any], int] = self._read(memory, start, end, count)
        return found


def _contiguous(memory: Any) -> memoryview:
    view = memoryview(memory)
    if not view.contiguous:
        raise BufferError("memory is not contiguous")
    return view


def _outside(memory: Any, start: int, end: int) -> ValueError:
    return ValueError(f"records lie at 0-{len(memory)}, not at {start}-{end}")


def _compiled_reader(
    made: type[Any], header_bytes: int, plans: tuple[_Plan, ...], step: tuple[str, int]
) -> Any:
    """Return a function that reads records; its memory is sliced to bytes, its bounds are checked.

    Python compiles it from source, as it does for named tuples: a loop over the items costs twice
    as much.
    """
    members = {(step[1], step[0])}
    for kind, code, offset, second_code, second_offset in plans:
        if kind != "octets":
            members.add((offset, code))
        if second_code:
            members.add((second_offset, second_code))
    names, format, at = {}, "=", 0
    for number, (offset, code) in enumerate(sorted(members)):
        names[offset] = f"member_{number}"
        format += f"{offset - at}x{code}"
        at = offset + _Codec("=" + code).size
    values, cuts = [], []
    for number, (kind, _, offset, _, second) in enumerate(plans):
        if kind == "integer":
            values.append(names[offset])
        elif kind == "nanoseconds":
            values.append(f"{names[offset]} * {_NS_PER_S} + {names[second]}")
        else:
            first, size = (names[offset], names[second]) if kind == "counted" else (offset, second)
            cuts += [
                f"first_{number} = start + {first}",
                f"last_{number} = first_{number} + {size}",
                f"if last_{number} > after: last_{number} = after",
            ]
            values.append(f"memory[first_{number}:last_{number}]")
    distance = names[step[1]]
    lines = [
        f"{', '.join(names.values())}, = unpack(memory, start)",
        f"after = start + {distance}",
        f"if {distance} < {header_bytes} or after > end: after = end",
        *cuts,
        f"append(new(made, ({', '.join(values)},)))",
        "start = after",
    ]
    scope = {"unpack": _Codec(format).unpack_from, "made": made, "new": tuple.__new__}
    exec(
        "def read(memory, start, end, count):\n"
        "    found = []\n"
        "    append = found.append\n"
        "    while len(found) < count:\n"
        f"        if end - start < {header_bytes}:\n"
        "            return found, end\n"
        f"{''.join(f'        {line}' + chr(10) for line in lines)}"
        "    return found, start\n",
        scope,
    )
    return scope["read"]


class _PythonWriter:
    """The writing of a record in Python."""

    __slots__ = (
        "_data",
        "_free",
        "_length_at",
        "_length_max",
        "_pack_length",
        "_pack_state",
        "_ready",
        "_state_at",
        "_unpack_state",
    )

    def __init__(
        self, data: int, length: tuple[str, int], state: tuple[str, int], free: int, ready: int
    ) -> None:
        self._data, self._free, self._ready = data, (free,), ready
        self._length_at, self._state_at = length[1], state[1]
        length_codec, state_codec = _Codec("=" + length[0]), _Codec("=" + state[0])
        self._length_max = (1 << 8 * length_codec.size) - 1
        self._pack_length = length_codec.pack_into
        self._unpack_state, self._pack_state = state_codec.unpack_from, state_codec.pack_into

    def write(self, memory: Any, start: int, end: int, data: Any) -> bool:
        """Write one record; see `RecordWriter`."""
        if type(data) is not bytes:
            piece = memoryview(data)
            if not piece.contiguous:
                raise BufferError("data is not contiguous")
            data = piece.tobytes()
        view = _contiguous(memory)  # so that it keeps its size
        _check_writable(view)
        memory = view.cast("B") if view.nbytes else bytearray()
        if not 0 <= start <= end <= len(memory):
            raise _outside(memory, start, end)
        at = start + self._data
        if end < at:
            raise ValueError(f"a record needs {self._data} bytes, not {end - start}")
        after = at + len(data)
        if after > end or len(data) > self._length_max:
            raise ValueError(f"{len(data)} bytes do not fit into the record")
        if self._unpack_state(memory, start + self._state_at) != self._free:
            return False
        memory[at:after] = data
        self._pack_length(memory, start + self._length_at, len(data))
        self._pack_state(memory, start + self._state_at, self._ready)
        return True


def _check_writable(memory: memoryview) -> None:
    if memory.readonly:
        raise BufferError("memory is not writable")


_compiled = _calls.companion("famsock._records")
_Reader: Any = _PythonReader if _compiled is None else _compiled.Reader
_Writer: Any = _PythonWriter if _compiled is None else _compiled.Writer


class RecordReader(_Reader, Generic[_T]):  # type: ignore[misc]
    """Reads records of one layout from memory, each as a named tuple.

    ``header`` is the struct that each record begins with. ``made`` is a class of named tuples, and
    ``items`` (1-16) says what each of their fields is: the name of a header's integer member,
    `Counted`, `Octets` or `Nanoseconds`. ``step`` is the unsigned member that holds the distance to
    the next record in bytes. TypeError for members that the header lacks, or whose value is not the
    plain integer; ValueError for a number of items that ``made`` does not have.

    ``read(memory, start, end, count)`` returns a list of at most ``count`` records of a bytes-like
    object, from the offset ``start`` on and before the offset ``end``, and the offset of the next
    record: ``end`` if there is none. A record whose step is 0, less than the header, or beyond
    ``end`` is the last one and reaches to ``end``. Bytes that lie outside of their record are left
    out, and a header that does not fit is not read. ValueError for bounds outside of the memory.
    """

    __slots__ = ()

    def __init__(
        self, header: type[Struct], made: type[_T], items: Iterable[Item], *, step: str
    ) -> None:
        layout = _Layout(header)
        plans = tuple(layout.plan(item) for item in items)
        names = getattr(made, "_fields", None)
        if not (isinstance(made, type) and issubclass(made, tuple)) or names is None:
            raise TypeError(f"records are read into a class of named tuples, not {made!r}")
        if not 1 <= len(plans) == len(names) <= _ITEMS_MAX:
            raise ValueError(f"{made.__name__} has {len(names)} fields, not {len(plans)}")
        super().__init__(made, layout.size, plans, layout.member(step, _UNSIGNED))


class RecordWriter(_Writer):  # type: ignore[misc]
    """Writes records of one layout into memory that is shared.

    ``header`` is the struct that each record begins with; the data follows ``data_offset`` bytes
    behind its beginning. ``length`` and ``state`` are unsigned members of the header. A record can
    be written while its state is ``free``; ``ready`` hands it over. TypeError for members that the
    header lacks, ValueError for numbers that they cannot hold and for data within the header.

    ``write(memory, start, end, data)`` writes the record between two offsets of a writable
    bytes-like object: ``data``, its length, and at last the state. The rest of the header stays. It
    returns whether it did: False where the state is not ``free``. ValueError for bounds outside of
    the memory, and for data that does not fit.
    """

    __slots__ = ()

    def __init__(
        self,
        header: type[Struct],
        *,
        data_offset: int,
        length: str,
        state: str,
        free: int,
        ready: int,
    ) -> None:
        layout = _Layout(header)
        places = layout.member(length, _UNSIGNED), layout.member(state, _UNSIGNED)
        if not layout.size <= data_offset < 1 << 31:
            raise ValueError(f"data lies behind the {layout.size} bytes of the header")
        limit = 1 << 8 * _Codec("=" + places[1][0]).size
        if not (0 <= free < limit and 0 <= ready < limit and free != ready):
            raise ValueError(f"states are two numbers 0-{limit - 1}, not {free} and {ready}")
        super().__init__(data_offset, *places, free, ready)
