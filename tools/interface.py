"""Public names: the modules of each package without an underscore, and their names."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PACKAGES = ("famsock", *sorted(path.name for path in ROOT.glob("plugins/*/famsock_*")))
"""The core's package, and that of each plugin of the repository."""


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
