"""The generated pages of the documentation site: reference, index and troubleshooting.

`pages` makes them from the docstrings' modules, the families' rows and the hints; nothing about a
module, an option or an error is written by hand. ``tools/mkdocs_hooks.py`` gives them to mkdocs.
"""

from __future__ import annotations

import inspect
import re
import socket as _stdlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from os import strerror
from types import ModuleType
from typing import Any

import famsock
from famsock import _index
from famsock.plugin import ControlType, Family, Option
from tools.interface import PACKAGES, public_modules, public_names

EVERY_FAMILY = "Every family"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")
_STDLIB_NAMES = frozenset(dir(_stdlib))
_CALLS_OF_EVERY_KIND = "every call"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the path below ``docs`` and the text of each generated page."""
    families = installed_families()
    modules = [name for package in PACKAGES for name in public_modules(package)]
    constants, rows = _index.constants(families), _index.rows(families)
    owners = _owners(families)
    yield "reference/index.md", _overview(modules, owners)
    for name in modules:
        yield f"reference/modules/{name}.md", _module_page(name, modules, rows, constants)
    yield "reference/options.md", _options_page(rows)
    yield "reference/constants/index.md", _constants_overview(constants)
    for group, values in _by_families(constants).items():
        yield f"reference/constants/{_file(group)}.md", _constants_page(group, values, rows)
    yield "troubleshooting.md", _troubleshooting_page(_index.troubles(families))


def installed_families() -> list[Family]:
    """Return the families of installed distributions, by name."""
    names = {row["family"] for row in famsock.plugins.describe() if row["distributions"]}
    found = [family for family in famsock.plugins.families() if family.name in names]
    return sorted(found, key=lambda family: family.name)


def _owners(families: Iterable[Family]) -> Mapping[str, list[str]]:
    """Return the names of the families of each plugin's package."""
    package_of = {row["family"]: row["plugin"] for row in famsock.plugins.describe()}
    found = defaultdict(list)
    for family in families:
        found[str(package_of[family.name]).partition(":")[0]].append(family.name)
    return found


# The overview and the navigation


def navigation(folder: str) -> list[Any]:
    """Return mkdocs' navigation of the generated pages below ``folder`` ("reference/")."""
    constants = _index.constants(installed_families())
    parts: list[tuple[str, list[tuple[str, str]]]] = [
        ("", [("Overview", "index.md"), ("Options and control messages", "options.md")]),
        ("Constants", [("Overview", "constants/index.md")]),
    ]
    parts[1][1].extend(
        (_title(group), f"constants/{_file(group)}.md") for group in _by_families(constants)
    )
    for package in PACKAGES:
        names = [(_short(name, package), f"modules/{name}.md") for name in public_modules(package)]
        parts.append((package, names))
    found: list[Any] = []
    for title, entries in parts:
        links = [{name: folder + path} for name, path in entries]
        found += [{title: links}] if title else links
    return found


def _short(name: str, package: str) -> str:
    return name.removeprefix(f"{package}.")


def _overview(modules: Sequence[str], owners: Mapping[str, list[str]]) -> str:
    """Return the page that lists every public module by the families that it belongs to."""
    lines = [
        "# Reference",
        "",
        "Every public module has a page, made from its docstrings. "
        "[Interface](../interface.md) has all names in tables.",
        "",
        "- [Options and control messages](options.md): type, access, level, since which kernel",
        "- [Constants](constants/index.md): value and C header",
        "- [Troubleshooting](../troubleshooting.md): what an errno can mean, and what helps",
    ]
    for package in PACKAGES:
        title = " and ".join(sorted(owners.get(package, ()))) or "The core"
        lines += ["", f"## {title}", ""]
        for name in modules:
            if name.partition(".")[0] == package:
                lines.append(f"- [`{name}`](modules/{name}.md): {_first_sentence(name)}")
    return "\n".join(lines) + "\n"


def _first_sentence(module: str) -> str:
    first = (inspect.getdoc(import_module(module)) or "").partition("\n\n")[0]
    return _escaped(" ".join(first.split()).partition(". ")[0].rstrip(".:"))


# A page for each module


def _module_page(
    name: str,
    modules: Sequence[str],
    rows: Iterable[_index.Row],
    constants: Iterable[_index.Constant],
) -> str:
    """Return the page of a module: its docstring, its names, and links to rows and constants."""
    module = import_module(name)
    here, others = [], []
    for each in sorted(public_names(module), key=_classes_last):
        home = _home(module, each, modules)
        if home == name:
            here.append(each)
        elif home:
            others.append(f"[`{each}`]({home}.md#{home}.{each})")
    lines = [f"# `{name}`", "", f"::: {name}", "    options:", "      show_root_heading: false"]
    lines += ["      show_root_toc_entry: false", "      heading_level: 1"]
    values = {each: getattr(module, each) for each in here}
    inherited = dict.fromkeys(
        member for each in values.values() for member in _inherited(each, modules)
    )
    if inherited:
        lines.append(f"      inherited_members: [{', '.join(inherited)}]")
    lines += [f"      members: [{', '.join(here)}]" if here else "      members: false", ""]
    for kind in _index.OPTION, _index.CONTROL_MESSAGE:
        if found := [each for each in rows if each.module == name and each.kind == kind]:
            link = f"[{len(found)} {kind}s](../options.md#{_anchor(found[0])})"
            lines += ["", f"This module has the rows of {link}."]
    if found_constants := [each for each in constants if each.module == name]:
        group = _group(found_constants[0])
        link = f"[{len(found_constants)} constants](../constants/{_file(group)}.md)"
        lines += ["", f"This module has {link}."]
    if below := [each for each in modules if each.rpartition(".")[0] == name]:
        lines += ["", f"Modules of `{name}`:", ""]
        lines += [f"- [`{each}`]({each}.md): {_first_sentence(each)}" for each in below]
    if others:
        lines += ["", "Also here, and described with their own modules: " + ", ".join(others)]
        lines[-1] += "."
    return "\n".join(lines) + "\n"


def _classes_last(name: str) -> tuple[bool, str]:
    return not name[0].isupper() or name.isupper(), name


def _home(module: ModuleType, name: str, modules: Sequence[str]) -> str:
    """Return the public module on whose page a name of ``module`` is described; "" for none.

    Constants, options and control messages have their own pages. What is defined in a module
    that is not public is described where the first public module has it.
    """
    value = getattr(module, name)
    if module is famsock and name in _STDLIB_NAMES and name != "socket":
        return ""
    if isinstance(value, Option | ControlType | ModuleType | Family):
        return ""
    if isinstance(value, int | str | bytes | tuple):
        return "" if _is_constants(module) else module.__name__
    defined_in = str(getattr(value, "__module__", ""))
    if defined_in in modules and name in public_names(import_module(defined_in)):
        return defined_in
    return _first_with(name, id(value), tuple(modules)) or module.__name__


def _is_constants(module: ModuleType) -> bool:
    return module.__name__.rpartition(".")[2] == "constants"


@cache
def _first_with(name: str, identity: int, modules: tuple[str, ...]) -> str:
    for each in modules:
        module = import_module(each)
        if name in public_names(module) and id(getattr(module, name)) == identity:
            return each
    return ""


def _inherited(value: object, modules: Sequence[str]) -> list[str]:
    """Return the public members of a class that come from classes of ours without a page."""
    if not isinstance(value, type):
        return []
    found: dict[str, None] = {}
    for base in value.__mro__[1:]:
        ours = base.__module__.startswith("famsock")
        if ours and not _first_with(base.__name__, id(base), tuple(modules)):
            members = [name for name in vars(base) if not name.startswith("_")]
            found.update(dict.fromkeys(name for name in members if name not in vars(value)))
    return list(found)


# The index


def _by_families(
    found: Iterable[_index.Constant] | Iterable[_index.Row],
) -> dict[tuple[str, ...], list[Any]]:
    """Return constants or rows by the families that have them, those of every family first."""
    groups: dict[tuple[str, ...], list[Any]] = {(): []}
    for each in sorted(found, key=_group):
        groups.setdefault(_group(each), []).append(each)
    return groups


def _group(found: _index.Constant | _index.Row) -> tuple[str, ...]:
    return found.families


def _title(group: tuple[str, ...]) -> str:
    return ", ".join(group) or EVERY_FAMILY


def _file(group: tuple[str, ...]) -> str:
    return "-".join(group) or "every-family"


def _slug(heading: str) -> str:
    """Return the anchor that the site gives a heading of words and commas."""
    return heading.lower().replace(",", "").replace(" ", "-")


def _anchor(row: _index.Row) -> str:
    kind = "option" if row.kind == _index.OPTION else "control"
    families = "-".join(row.families) or "every-family"
    return f"{kind}-{families}-{row.level}-{row.name}"


def _options_page(rows: Sequence[_index.Row]) -> str:
    """Return the index of options and control messages, a table for each level of each family."""
    options = [each for each in rows if each.kind == _index.OPTION]
    since = len([each for each in rows if each.since])
    groups = _by_families(rows)
    links = [f"[{_title(group)}](#{_slug(_title(group))})" for group in groups]
    lines = [
        "---",
        "hide: [toc]   # for the width of the tables",
        "---",
        "",
        "# Options and control messages",
        "",
        f"{len(options)} socket options and {len(rows) - len(options)} control messages, by family "
        "and level.",
        "",
        "- An option is read by `sock.get_option(NAME)` and written by "
        "`sock.set_option(NAME, value)`.",
        "- A control message is sent by `sock.send_message` and received by `sock.recv_message`.",
        f"- Linux: the first version that has it, for the {since} that are newer than Linux 6.1.",
    ]
    lines.append(f"- By family: {'; '.join(links)}")
    for group, of_group in groups.items():
        by_level: dict[tuple[str, str, int], list[_index.Row]] = defaultdict(list)
        for each in of_group:
            by_level[each.kind, each.level_name, each.level].append(each)
        lines += ["", f"## {_title(group)}"]
        for (kind, level_name, level), of_level in by_level.items():
            lines += ["", f"### {_title(group)}: {kind}s of {level_name} ({level})", ""]
            access = ["access"] if kind == _index.OPTION else []
            lines += _table_head(["name", "number", "type", "in C", *access, "Linux", "module"])
            for each in of_level:
                lines.append(
                    _table_row(
                        f'<span id="{_anchor(each)}"></span>`{each.name}`',
                        str(each.number),
                        _code(each.type),
                        _code(each.c_type),
                        *([each.access] if access else []),
                        each.since,
                        f"[`{each.module.partition('.')[2]}`](modules/{each.module}.md)",
                    )
                )
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table_head(titles: Sequence[str]) -> list[str]:
    return [_table_row(*titles), _table_row(*("---" for _ in titles))]


def _table_row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _constants_overview(constants: Sequence[_index.Constant]) -> str:
    lines = ["# Constants", ""]
    lines += [f"{len(constants)} constants, each a name of the module `famsock`:", ""]
    for group, values in _by_families(constants).items():
        link = f"[{_title(group)}]({_file(group)}.md)"
        headers = dict.fromkeys(f"`{each.header}`" for each in values if each.header)
        lines.append(f"- {link}, {len(values)}" + (f": {', '.join(headers)}" if headers else ""))
    return "\n".join(lines) + "\n"


def _constants_page(
    group: tuple[str, ...], values: Sequence[_index.Constant], rows: Sequence[_index.Row]
) -> str:
    """Return the page of a family's constants, a table for each C header."""
    by_name: dict[str, list[_index.Row]] = defaultdict(list)
    for row in rows:
        if row.families == group:
            by_name[row.name].append(row)
    by_header: dict[str, list[_index.Constant]] = defaultdict(list)
    for each in values:
        by_header[each.header].append(each)
    title = f"Constants of {(group and _title(group)) or EVERY_FAMILY.lower()}"
    module = f"[`{values[0].module}`](../modules/{values[0].module}.md)"
    lines = [f"# {title}", "", f"{len(values)} constants of {module}."]
    for header, of_header in by_header.items():
        lines += ["", f"## {_title(group)}: {header or 'no header of Linux'}", ""]
        lines += _table_head(["name", "value", "use"])
        for each in of_header:
            value = f"`{each.value!r}`" if isinstance(each.value, str) else str(each.value)
            if isinstance(each.value, int) and each.value > 9:
                value += f" (0x{each.value:X})"
            found = by_name.get(each.name, ())
            kinds = ", ".join(f"[{row.kind}](../options.md#{_anchor(row)})" for row in found)
            lines.append(_table_row(f"`{each.name}`", value, kinds))
    return "\n".join(lines) + "\n"


# Troubleshooting


def _troubleshooting_page(troubles: Sequence[_index.Trouble]) -> str:
    """Return the page of every hint: errno, family, calls, the cause, how to tell, what helps."""
    by_errno: dict[int, list[_index.Trouble]] = defaultdict(list)
    for each in troubles:
        by_errno[each.errno].append(each)
    lines = [
        "# Troubleshooting",
        "",
        f"{len(troubles)} causes of {len(by_errno)} errors, by errno. Where one can be told from "
        "another, the error's own note says which it is: `famsock.socket` looks when a call fails. "
        "`famsock explain ENOBUFS` prints the same.",
    ]
    for number, of_errno in by_errno.items():
        lines += ["", f"## {of_errno[0].errno_name}", "", f"{number}: {strerror(number)}."]
        for each in of_errno:
            families = ", ".join(dict.fromkeys(place.family for place in each.places))
            lines += ["", f"### {of_errno[0].errno_name}, {families}: {_heading(each)}", ""]
            lines += [f"- Call: {_place(place)}" for place in each.places]
            word = "Cause" if each.certain else "Possible cause"
            lines.append(f"- {word}: {_escaped(each.hint.cause)}")
            if each.hint.check:
                lines.append(f"- How to tell: {_escaped(each.hint.check)}")
            if each.cure:
                lines.append(f"- What helps: {_escaped(each.cure)}")
    return "\n".join(lines) + "\n"


def _heading(trouble: _index.Trouble) -> str:
    """Return the beginning of a cause, up to its first mark of punctuation."""
    return _escaped(re.split(r"[;:,(]", trouble.hint.cause)[0].strip())


def _place(place: _index.Place) -> str:
    calls = ", ".join(f"`{call}`" for call in place.calls) or _CALLS_OF_EVERY_KIND
    return f"{calls}, of {place.family} {', '.join(place.protocols)}"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
