"""``python -m tools.distributions``: what the distributions of this repository have in common.

Usage::

    python -m tools.distributions            # shows what a file should be; status 1 if any differs
    python -m tools.distributions --write    # writes it
    python -m tools.distributions --names    # shows their names

The distributions are the core and what ``plugins/*/pyproject.toml`` describe. In the core's
pyproject.toml the lists of them (extras, sources, the directory of families, constants, schemes and
operations) are written here, and in each plugin's what is the core's too (classifiers, addresses,
bounds, the licence). docs/stability.md has the policy of versions.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from packaging.version import Version

import famsock.constants
from famsock._cli.templates import bounds as bounds_of_others
from famsock._definitions import constants_of
from famsock.plugin import Family

ROOT = Path(__file__).parents[1]
CORE = "famsock"
MARK = "# Written by `python -m tools.distributions --write`, to the end of the table."
_FEWEST = 5
"""The least number of constants that begin with a word of the directory."""
_BY_OTHERS = ("examples/*/pyproject.toml", "docs/interface.md", "docs/writing-a-family.md")
"""Requirements of a distribution of others, shown or stated."""
_OWN_CLASSIFIERS = "Operating System ::"
_LINUX = f"{_OWN_CLASSIFIERS} POSIX :: Linux"


@dataclass(frozen=True)
class Distribution:
    """A source tree and its pyproject.toml."""

    folder: Path

    @cached_property
    def project(self) -> Mapping[str, Any]:
        """The table ``project``."""
        text = (self.folder / "pyproject.toml").read_text("utf-8")
        table: dict[str, Any] = tomllib.loads(text)["project"]
        return table

    @property
    def name(self) -> str:
        """The name that pip takes: "famsock-can"."""
        return str(self.project["name"])

    @property
    def package(self) -> str:
        """The name that Python imports: "famsock_can"."""
        return self.name.replace("-", "_")

    @property
    def extra(self) -> str:
        """The extra of the core that brings it: "can"."""
        return self.name.removeprefix(f"{CORE}-")

    @cached_property
    def families(self) -> list[Family]:
        """The families of its entry points."""
        sys.path.insert(0, str(self.folder))
        try:
            return [*self._families()]
        finally:
            sys.path.remove(str(self.folder))

    def _families(self) -> Iterator[Family]:
        for value in self.project["entry-points"][CORE].values():
            module, _, attribute = value.partition(":")
            family = getattr(import_module(module), attribute or "FAMILY")
            if not isinstance(family, Family):
                raise SystemExit(f"{self.name}: {value} is no Family")
            # Constants are loaded while the folder is on the path.
            constants_of(family.name, family.constants)
            yield family


def core(root: Path = ROOT) -> Distribution:
    return Distribution(root)


def plugins(root: Path = ROOT) -> list[Distribution]:
    """The plugins of the repository, by the names of their folders."""
    return [Distribution(path.parent) for path in sorted(root.glob("plugins/*/pyproject.toml"))]


def all_of(root: Path = ROOT) -> list[Distribution]:
    return [core(root), *plugins(root)]


def version(root: Path = ROOT) -> str:
    """The version of all distributions, which stands in the core's ``__init__.py``."""
    text = (root / CORE / "__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    assert found is not None
    return found[1]


def bounds(of: str) -> str:
    """The releases of our own distributions that go with one: later ones of its minor release."""
    number = Version(of)
    return f">={of},<{number.major}.{number.minor + 1}"


# The directory: which plugin supplies a family, a scheme, a constant or an operation


def directory(of: Iterable[Distribution]) -> dict[str, dict[str, str]]:
    """The tables of the directory, by the names of the entry points' groups."""
    families: dict[str, str] = {}
    schemes: dict[str, str] = {}
    constants: defaultdict[str, set[str]] = defaultdict(set)
    operations: dict[str, str] = {}
    for plugin in of:
        for family in plugin.families:
            families[family.name] = plugin.package
            operations |= {f"{family.name}-{n}": plugin.package for n in operations_of(family)}
            schemes |= {p.scheme: plugin.package for p in family.protocols if p.scheme}
            for name in constants_of(family.name, family.constants):
                constants[name].add(plugin.package)
    words = leading_words(constants, {name for name in vars(famsock.constants) if name.isupper()})
    return {
        f"{CORE}.directory": families,
        f"{CORE}.directory.constants": words,
        f"{CORE}.directory.schemes": schemes,
        f"{CORE}.directory.operations": operations,
    }


def operations_of(family: Family) -> set[str]:
    """The names that the classes of a family's sockets have and the common class has not."""
    named = [row.socket for row in family.protocols if row.socket]
    texts = {t for one in named for t in ([one] if isinstance(one, str) else one.values())}
    classes = [getattr(import_module(t.partition(":")[0]), t.partition(":")[2]) for t in texts]
    common = dir(famsock.socket)
    return {n for cls in classes for n in dir(cls) if n not in common and not n.startswith("_")}


def leading_words(owners: Mapping[str, set[str]], shared: set[str]) -> dict[str, str]:
    """The leading words of constants with the package that has them, of which the longest counts.

    A word is left out if few constants begin with it, as it might be anything's. The words of the
    core's own constants ("SOL") are no plugin's; those with one word more are, even for one.
    """
    below: defaultdict[str, list[str]] = defaultdict(list)
    for name in owners:
        if not name.startswith(("AF_", "PF_")):  # the families' table has them
            for word in _leading(name):
                below[word].append(name)
    cores = {name.partition("_")[0] for name in shared}
    found: dict[str, str] = {}

    def look(word: str, inherited: str) -> None:
        names = below[word]
        few = len(names) < _FEWEST and word.partition("_")[0] not in cores
        counts = {owner: sum(owner in owners[name] for name in names) for name in names
                  for owner in owners[name]}  # fmt: skip
        best = max(sorted(counts), key=lambda owner: counts[owner])
        if counts[best] == len(names) and inherited and all(inherited in owners[n] for n in names):
            return
        most = counts[best] > 0.9 * len(names)
        if word not in cores and most and (inherited or not few):
            found[word] = inherited = best
        if counts[best] < len(names) or word in cores:
            for longer in sorted({next(_next_words(name, word), "") for name in names} - {""}):
                look(longer, inherited)

    for word in sorted({name.partition("_")[0] for name in below}):
        look(word, "")
    return found


def _leading(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition("_")[0]


def _next_words(name: str, word: str) -> Iterator[str]:
    """Return what a name begins with, one word longer than ``word``."""
    if name != word:
        yield f"{word}_{name[len(word) + 1 :].partition('_')[0]}"


# The files


def files(root: Path = ROOT) -> dict[Path, str]:
    """Return what the files should be."""
    found = {root / "pyproject.toml": _core_file(root)}
    licence = (root / "LICENSE").read_text("utf-8")
    for plugin in plugins(root):
        found[plugin.folder / "pyproject.toml"] = _plugin_file(plugin, root)
        found[plugin.folder / "LICENSE"] = licence
    ours = {plugin.name for plugin in all_of(root)}
    for pattern in _BY_OTHERS:
        for path in sorted(root.glob(pattern)):
            text = path.read_text("utf-8")
            found[path] = _bounded(text, ours, bounds_of_others(version(root)))
    return found


def _bounded(text: str, names: set[str], with_bounds: str) -> str:
    """The text with these bounds in each requirement of a name."""
    name = "|".join(sorted(map(re.escape, names)))
    return re.sub(rf'"({name})(?:[<>=~!][^"]*)?"', rf'"\1{with_bounds}"', text)


def _core_file(root: Path) -> str:
    text = (root / "pyproject.toml").read_text("utf-8")
    known = plugins(root)
    extras = [f'{p.extra} = ["{p.name}{bounds(version(root))}"]' for p in known]
    every = ",".join(["cli", *(p.extra for p in known)])
    text = _rows(text, "project.optional-dependencies", [*extras, f'all = ["{CORE}[{every}]"]'])
    sources = [f"{p.name} = {{ workspace = true }}" for p in known]
    text = _rows(text, "tool.uv.sources", sources)
    for group, entries in directory(known).items():
        header = f'project.entry-points."{group}"'
        text = _rows(text, header, [f'{k} = "{v}"' for k, v in sorted(entries.items())])
    return text


def _plugin_file(plugin: Distribution, root: Path) -> str:
    text = (plugin.folder / "pyproject.toml").read_text("utf-8")
    ours = core(root).project
    for key in ("requires-python", "license"):
        text = _value(text, key, f'"{ours[key]}"')
    for key in ("readme", "license-files"):
        text = _value(text, key, {"readme": '"README.md"', "license-files": '["LICENSE"]'}[key])
    text = re.sub(r'^version = ".*"\n', "", text, count=1, flags=re.MULTILINE)
    text = _value(text, "dynamic", '["version"]')
    own = [c for c in plugin.project.get("classifiers", ()) if c.startswith(_OWN_CLASSIFIERS)]
    common = [c for c in ours["classifiers"] if not c.startswith(_OWN_CLASSIFIERS)]
    rows = "".join(f'    "{c}",\n' for c in sorted([*common, *(own or [_LINUX])]))
    text = _value(text, "classifiers", f"[\n{rows}]")
    text = _bounded(text, {p.name for p in all_of(root)} - {plugin.name}, bounds(version(root)))
    urls = dict(ours["urls"])
    urls["Documentation"] += f"families/{plugin.extra}/"
    text = _table(text, "project.urls", [f'{key} = "{value}"' for key, value in urls.items()])
    path = "../" * len(plugin.folder.relative_to(root).parts) + f"{CORE}/__init__.py"
    text = _table(text, "tool.hatch.version", [f'path = "{path}"'])
    sdist = f'only-include = ["{plugin.package}", "tests"]'
    text = _table(text, "tool.hatch.build.targets.sdist", [sdist])
    return _table(text, "tool.hatch.build.targets.wheel", [f'packages = ["{plugin.package}"]'])


def _rows(text: str, header: str, rows: Iterable[str]) -> str:
    """The text with the rows of a table that stand below the mark."""
    table = re.compile(
        rf"(^\[{re.escape(header)}\]\n(?:(?!\[|{re.escape(MARK)}).*\n)*?{re.escape(MARK)}\n)(?:.+\n)*",
        re.MULTILINE,
    )
    if not table.search(text):
        raise SystemExit(f"[{header}] has no line {MARK!r}")
    return table.sub(lambda found: found[1] + "".join(f"{row}\n" for row in rows), text, count=1)


def _table(text: str, header: str, rows: Iterable[str]) -> str:
    """The text with a table of these rows, put before the first one that sorts after it."""
    whole = f"[{header}]\n" + "".join(f"{row}\n" for row in rows)
    present = re.compile(rf"^\[{re.escape(header)}\]\n(?:.+\n)*", re.MULTILINE)
    if present.search(text):
        return present.sub(lambda _: whole, text, count=1)
    order = ("[build-system]", "[project]", "[project.urls]", "[project.", "[tool.hatch.version]",
             "[tool.hatch.build.targets.sdist]", "[tool.")  # fmt: skip
    place = order.index(f"[{header}]") if f"[{header}]" in order else len(order)
    for found in re.finditer(r"^\[.*\]$", text, re.MULTILINE):
        if next(i for i, word in enumerate(order) if found[0].startswith(word)) > place:
            return f"{text[: found.start()]}{whole}\n{text[found.start() :]}"
    return f"{text}\n{whole}"


_KEYS = ("name", "dynamic", "description", "readme", "license", "license-files", "requires-python",
         "classifiers", "dependencies")  # fmt: skip


def _value(text: str, key: str, value: str) -> str:
    """The text with a key of the table ``project``, put behind the one that comes before it."""
    start = text.index("[project]\n")
    end = text.find("\n[", start) + 1 or len(text)
    table = text[start:end]
    line = re.compile(rf"^{re.escape(key)} = (?:\[\n(?:.*\n)*?\]|.*)$", re.MULTILINE)
    if line.search(table):
        table = line.sub(lambda _: f"{key} = {value}", table, count=1)
    else:
        for before in reversed(_KEYS[: _KEYS.index(key)]):
            found = re.search(rf"^{before} = (?:\[\n(?:.*\n)*?\]|.*)\n", table, re.MULTILINE)
            if found:
                table = f"{table[: found.end()]}{key} = {value}\n{table[found.end() :]}"
                break
    return text[:start] + table + text[end:]


def differing(root: Path = ROOT) -> dict[Path, str]:
    """The files that are not what they should be, with what they should be."""
    return {
        path: wanted
        for path, wanted in files(root).items()
        if not path.exists() or path.read_text("utf-8") != wanted
    }


def main(arguments: list[str]) -> int:
    top = argparse.ArgumentParser(prog="python -m tools.distributions")
    top.add_argument("--write", action="store_true", help="write the files")
    top.add_argument("--names", action="store_true", help="show the distributions, and do nothing")
    options = top.parse_args(arguments)
    if options.names:
        print(*(d.name for d in all_of()), sep="\n")
        return 0
    found = differing()
    for path, wanted in found.items():
        name = str(path.relative_to(ROOT))
        if options.write:
            path.write_text(wanted, "utf-8")
            print(name)
        else:
            before = path.read_text("utf-8") if path.exists() else ""
            lines = before.splitlines(keepends=True), wanted.splitlines(keepends=True)
            sys.stdout.writelines(difflib.unified_diff(*lines, name, name))
    return int(bool(found) and not options.write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
