"""Public names: the modules of each package without an underscore, and their names."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from famsock.plugin import ControlType, Option

ROOT = Path(__file__).parents[1]
PACKAGES = ("famsock", *sorted(path.name for path in ROOT.glob("plugins/*/famsock_*")))
"""The core's package, and that of each plugin of the repository."""
PAGE = ROOT / "docs" / "interface.md"
"""The page that lists every public name."""
_KINDS: Mapping[str, Callable[[str, object], bool]] = {
    "constants": lambda name, value: isinstance(value, int | str | bytes | tuple),
    "options": lambda name, value: isinstance(value, Option),
    "control messages": lambda name, value: isinstance(value, ControlType),
    "the names of the standard library's module": lambda name, value: name in socket.__all__,
}
"""The words that sum up names in a row, and how a name is known to be meant."""
ROW = re.compile(r"^\| `(famsock[\w.]*)` \| (.*) \|$", re.MULTILINE)


def public_modules(package: str) -> Iterator[str]:
    """The modules of a package without an underscore in their path, the package too."""
    yield package
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if not module.name.rpartition(".")[2].startswith("_"):
            if module.ispkg:
                yield from public_modules(module.name)
            else:
                yield module.name


def public_names(module: ModuleType) -> set[str]:
    """The names in ``__all__``; without one, those that a module defines without an underscore."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return set(listed)
    return {name for name in defined(ast.parse(inspect.getsource(module))) if name[0] != "_"} - {
        "TYPE_CHECKING"
    }


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module's statements define."""
    for node in tree.body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Assign():
                for name in (n for target in node.targets for n in ast.walk(target)):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        yield name.id
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def documented(page: str) -> dict[str, tuple[list[str], list[str]]]:
    """Return the rows of the page's tables: a module's names, and the words that sum up others."""
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for module, cell in ROW.findall(page):
        assert module not in rows, f"{module} has two rows"
        words = re.sub(r"`[^`]*`", "", cell).split(",")
        rows[module] = (
            re.findall(r"`([^`]*)`", cell),
            [word.strip() for word in words if word.strip()],
        )
    return rows


def differences(page: str, modules: Mapping[str, ModuleType]) -> list[str]:
    """Return a line for each way in which the page and the modules differ."""
    rows = documented(page)
    found = [f"{module} is documented, and is not public" for module in rows.keys() - modules]
    for name, module in modules.items():
        public = public_names(module)
        if name not in rows:
            found += [f"{name} has no row"] if public else []
            continue
        names, words = rows[name]
        found += [f"{name}.{n} is documented, and is not public" for n in set(names) - public]
        found += [f"{name}: {n} stands twice" for n in set(names) if names.count(n) > 1]
        found += [f"{name}: unknown words {word!r}" for word in words if word not in _KINDS]
        kinds = {word: _KINDS[word] for word in words if word in _KINDS}
        summed_up = set()
        for other in public - set(names):
            meant = [word for word, fits in kinds.items() if fits(other, getattr(module, other))]
            summed_up.update(meant)
            found += [] if meant else [f"{name}.{other} is public, and is not documented"]
        found += [f"{name} has no {word}" for word in kinds.keys() - summed_up]
    return sorted(found)


def all_differences() -> list[str]:
    """Return a line for each way in which the page and the installed packages differ."""
    modules = [name for package in PACKAGES for name in public_modules(package)]
    return differences(PAGE.read_text(), {name: import_module(name) for name in modules})
