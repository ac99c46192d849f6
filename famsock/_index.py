"""Constants, options, control messages and errors that the installed families tell of.

Everything here is read from the families' own rows: `famsock explain` and the documentation's index
and page on troubleshooting show it.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from famsock import constants as _common_constants
from famsock import control as _common_control
from famsock import options as _common_options
from famsock._definitions import constants_of, definitions_of
from famsock._hints import Hint, creation_errnos, find_hint, hints_of
from famsock._lazy import PluginError, load
from famsock.control import ControlType
from famsock.family import Family
from famsock.options import Option

OPTION, CONTROL_MESSAGE = "option", "control message"
_HEADER = re.compile(r"# ((?:\w[\w-]*/)*\w[\w-]*\.h)\b")
_ROW_TYPE = re.compile(r"\w+\[(.*)\]", re.DOTALL)
_LEVEL_PREFIXES = ("SOL_", "IPPROTO_", "")


class Constant(NamedTuple):
    """A constant: its value, the families that have it, and its module and C header.

    ``families`` is empty for those of every family. ``header`` is "" where the module names none.
    """

    name: str
    value: int | str
    families: tuple[str, ...]
    module: str
    header: str


class Row(NamedTuple):
    """An option, or a kind of control message, as its row describes it.

    ``families`` is empty for those of every family. ``type`` is the value's type in Python and
    ``c_type`` in C. ``access`` is "rw", "r" or "w", and "" for a control message. ``since`` is the
    first Linux that has it, or "".
    """

    name: str
    kind: str
    families: tuple[str, ...]
    level: int
    level_name: str
    number: int
    type: str
    c_type: str
    access: str
    since: str
    module: str


class Place(NamedTuple):
    """The protocols of a family, and their calls, in which a hint is given.

    ``calls`` is empty for a hint that holds for every call.
    """

    family: str
    protocols: tuple[str, ...]
    calls: tuple[str, ...]


class Trouble(NamedTuple):
    """A hint for an errno, and where it is given.

    ``certain`` is False if the errno may have other causes in those calls: the hint says so, or is
    one of several among which a look at the socket decides.
    """

    errno: int
    hint: Hint
    certain: bool
    places: tuple[Place, ...]

    @property
    def errno_name(self) -> str:
        """The name of the errno ("ENOBUFS"), or its names ("EAGAIN, EWOULDBLOCK")."""
        return errno_name(self.errno)

    @property
    def cure(self) -> str:
        """Return what helps: the hint's own cure, or the capability whose lack is the cause."""
        if self.hint.cure:
            return self.hint.cure
        needed = dict.fromkeys(re.findall(r"\bCAP_[A-Z_]+", self.hint.cause))
        return f"run the program with {' or '.join(needed)}: capabilities(7)" if needed else ""


def errno_name(number: int) -> str:
    """Return the name of an errno, or its names, from the shortest on: "EAGAIN, EWOULDBLOCK"."""
    names = (name for name, value in vars(errno).items() if value == number and name[0] == "E")
    return ", ".join(sorted(names, key=lambda name: (len(name), name))) or str(number)


def constants(families: Collection[Family]) -> list[Constant]:
    """Return the constants of every family, and those of ``families``, in their modules' order."""
    found = _constants_in((), _common_constants, _common_constants.__name__)
    for owners, reference in _by_reference(families, "constants"):
        try:
            values = constants_of(owners[0], reference)
        except PluginError:
            continue
        module = load(reference)
        if isinstance(module, ModuleType):
            found += _constants_in(owners, module, module.__name__)
        else:
            found += [Constant(name, value, owners, "", "") for name, value in values.items()]
    return found


def _constants_in(families: tuple[str, ...], module: ModuleType, name: str) -> list[Constant]:
    """Return the public constants of a module: those of its ``__all__``, if it has one."""
    public = getattr(module, "__all__", None)
    names = [each for each in vars(module) if each.isupper()] if public is None else public
    headers = _headers(module)
    return [
        Constant(each, value, families, name, headers.get(each, ""))
        for each in names
        if not each.startswith("_") and isinstance(value := getattr(module, each), int | str)
    ]


def rows(families: Collection[Family]) -> list[Row]:
    """Return the options and control messages of every family, and those of ``families``."""
    found: dict[int, tuple[Option[Any] | ControlType[Any], dict[str, None]]] = {}
    common: list[Any] = [*_common_options.collect(vars(_common_options))]
    common += _common_control.collect(vars(_common_control))
    for row in common:
        found[id(row)] = row, {}
    for family in families:
        for options, control in (
            (family.options, family.control),
            *((protocol.options, protocol.control) for protocol in family.protocols),
        ):
            for row in (
                *_definitions(options, _common_options.collect),
                *_definitions(control, _common_control.collect),
            ):
                found.setdefault(id(row), (row, {}))[1][family.name] = None
    homes = _homes(row for row, _ in found.values())
    named = {family.name: _constants_of(family) for family in families}
    numbers = _numbers(vars(_common_constants))
    return [
        _described(row, tuple(owners), [*(named[name] for name in owners), numbers], homes)
        for row, owners in found.values()
    ]


def troubles(families: Iterable[Family]) -> list[Trouble]:
    """Return the hints of ``families`` by errno, each once with all places that give it."""
    found: dict[tuple[int, str, bool], tuple[Hint, dict[str, dict[str, dict[str, None]]]]] = {}
    for family in families:
        for protocol in family.protocols:
            keys = dict.fromkeys(protocol.hints)
            keys |= dict.fromkeys(
                ("socket", number)
                for number in creation_errnos(protocol.modules, family.modules, protocol.capability)
            )
            for key in keys:
                call, number = key if isinstance(key, tuple) else ("", key)
                hint = find_hint(
                    call,
                    number,
                    hints=protocol.hints,
                    modules=protocol.modules,
                    family_modules=family.modules,
                    capability=protocol.capability,
                )
                for each in hints_of(hint):
                    certain = isinstance(hint, str) and not each.possible
                    _, places = found.setdefault((number, str(each), certain), (each, {}))
                    calls = places.setdefault(family.name, {}).setdefault(protocol.name, {})
                    calls[call] = None
    return [
        Trouble(number, hint, certain, tuple(_places(places)))
        for (number, _, certain), (hint, places) in sorted(found.items(), key=_by_errno_name)
    ]


def _by_errno_name(item: tuple[tuple[int, str, bool], Any]) -> str:
    return errno_name(item[0][0])


def _places(found: Mapping[str, Mapping[str, Mapping[str, None]]]) -> Iterator[Place]:
    """Yield the places of one hint; protocols with the same calls are one."""
    for family, protocols in found.items():
        by_calls: dict[tuple[str, ...], list[str]] = {}
        for protocol, calls in protocols.items():
            by_calls.setdefault(() if "" in calls else tuple(calls), []).append(protocol)
        for calls_of, names in by_calls.items():
            yield Place(family, tuple(names), calls_of)


def _by_reference(families: Iterable[Family], field: str) -> list[tuple[tuple[str, ...], Any]]:
    """Return what ``field`` of the families names, each once with the names of its families."""
    found: dict[object, tuple[list[str], Any]] = {}
    for family in families:
        reference = getattr(family, field)
        key = reference if isinstance(reference, str) else id(reference)
        found.setdefault(key, ([], reference))[0].append(family.name)
    return [(tuple(owners), reference) for owners, reference in found.values()]


def _definitions(
    reference: Any, collect: Callable[[Mapping[str, object]], Iterable[Any]]
) -> list[Any]:
    """Return the rows that a description names; none if they cannot be loaded."""
    several = isinstance(reference, Collection) and not isinstance(reference, str)
    found: list[Any] = []
    for each in reference if several else (reference,):
        try:
            found += definitions_of(each, collect)
        except Exception:  # what is wrong with a plugin, `famsock doctor` tells
            continue
    return found


def _constants_of(family: Family) -> dict[int, list[str]]:
    try:
        return _numbers(constants_of(family.name, family.constants))
    except PluginError:
        return {}


def _numbers(values: Mapping[str, object]) -> dict[int, list[str]]:
    """Return the names of constants by their values."""
    found: dict[int, list[str]] = {}
    for name, value in values.items():
        if isinstance(value, int) and name.isupper():
            found.setdefault(value, []).append(name)
    return found


def _homes(found: Iterable[object]) -> dict[int, ModuleType]:
    """Return the loaded module that defines each row, the public one of several.

    A row is annotated where it is defined, and other modules import it.
    """
    wanted = {id(row) for row in found}
    homes: dict[int, ModuleType] = {}
    for module in [*sys.modules.values()]:
        if not isinstance(module, ModuleType):
            continue
        for name, value in [*vars(module).items()]:
            identity = id(value)
            is_better = identity not in homes or "._" not in module.__name__
            if identity in wanted and is_better and name in _annotations(module):
                homes[identity] = module
    return homes


def _annotations(module: ModuleType) -> Mapping[str, Any]:
    """Return the annotations of a module that has rows; none if they cannot be evaluated."""
    try:
        return module.__annotations__
    except Exception:
        return {}


def _described(
    row: Option[Any] | ControlType[Any],
    families: tuple[str, ...],
    numbers: Iterable[Mapping[int, list[str]]],
    homes: Mapping[int, ModuleType],
) -> Row:
    home = homes.get(id(row))
    annotation = "" if home is None else str(_annotations(home)[row.name])
    stated = _ROW_TYPE.fullmatch(annotation)
    is_option = isinstance(row, Option)
    return Row(
        row.name,
        OPTION if is_option else CONTROL_MESSAGE,
        families,
        row.level,
        _level_name(row.level, numbers, home),
        row.number,
        " ".join(stated[1].split()) if stated else "",
        f"char[{row.codec.size_bytes}]" if row.codec.c == "char" else row.codec.c,
        row.access if isinstance(row, Option) else "",
        row.since,
        "" if home is None else home.__name__,
    )


def _level_name(
    level: int, numbers: Iterable[Mapping[int, list[str]]], home: ModuleType | None
) -> str:
    """Return the constant that is a level's name: one that the row's module names, if it can be.

    Otherwise one of the family, and then of every family, that is called as levels are.
    """
    named = [name for found in numbers for name in found.get(level, ())]
    words = _words(home)
    used = [name for name in named if name in words]
    for names in used, named:
        for prefix in _LEVEL_PREFIXES if names is used else _LEVEL_PREFIXES[:-1]:
            if chosen := next((name for name in names if name.startswith(prefix)), ""):
                return chosen
    return str(level)


@cache
def _words(module: ModuleType | None) -> frozenset[str]:
    """Return the words of a module's source."""
    return frozenset(re.findall(r"\w+", _source(module)))


def _source(module: ModuleType | None) -> str:
    """Return a module's source; "" if there is none, as in a program without its sources."""
    path = getattr(module, "__file__", None)
    try:
        with open(path or "", encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _headers(module: ModuleType) -> dict[str, str]:
    """Return the C header in whose part of a module each constant stands."""
    found: dict[str, str] = {}
    header = ""
    for line in _source(module).splitlines():
        if stated := _HEADER.match(line):
            header = stated[1]
        elif assigned := re.match(r"(\w+)(?:: [^=]+)? = ", line):
            found[assigned[1]] = header
    return found
