"""A plugin depends on another one only by its public modules, and states it with version bounds."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import distributions
from tools.interface import public_names

ROOT = Path(__file__).parents[1]
TREES = sorted((*(ROOT / "plugins").iterdir(), *(ROOT / "examples").glob("famsock-*")))
_NAME = re.compile(r"famsock_\w+(?:\.\w+)*(?::[\w.]+)?")


def uses(package: Path) -> Iterator[tuple[str, str]]:
    """The modules of other plugins that a package imports or names, with the name in each or ""."""
    for path in package.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        parts = {id(part) for n in nodes if isinstance(n, ast.JoinedStr) for part in n.values}
        for node in nodes:
            found: list[tuple[str, str]] = []
            match node:
                case ast.ImportFrom(module=str(module), names=names):
                    found = [(module, alias.name) for alias in names]
                case ast.Import(names=names):
                    found = [(alias.name, "") for alias in names]
                case ast.Constant(value=str(text)) if _NAME.match(text):
                    module, _, name = _NAME.match(text)[0].partition(":")  # type: ignore[index]
                    # What follows in an f-string is not known.
                    found = [(module, "" if id(node) in parts else name.partition(".")[0])]
            for module, name in found:
                top = module.partition(".")[0]
                if top.startswith("famsock_") and top != package.name:
                    yield module, name


def problems(tree: Path) -> list[str]:
    """Return what is wrong with the dependencies of a source tree on plugins, as lines."""
    (package,) = tree.glob("famsock_*")
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    stated = {canonicalize_name(r.name): r for r in map(Requirement, project["dependencies"])}
    found = []
    for module, name in sorted(set(uses(package))):
        distribution = canonicalize_name(module.partition(".")[0])
        if find_spec(module.partition(".")[0]) is None:
            continue  # a word in a text
        if distribution not in stated:
            found.append(f"{module} is used, and {distribution} is no dependency")
            continue
        signs = {bound.operator for bound in stated[distribution].specifier}
        if not signs & {"==", "~="} and not {">=", "<"} <= signs:
            found.append(f"{distribution} has no bounds: {stated[distribution]}")
        version = distributions.version()
        if version not in stated[distribution].specifier:
            found.append(f"{distribution} {version} is not in {stated[distribution]}")
        if any(part.startswith("_") for part in module.split(".")):
            found.append(f"{module} is not public")
        elif name and not _is_public(import_module(module), name):
            found.append(f"{module}.{name} is not public")
    return found


def _is_public(module: ModuleType, name: str) -> bool:
    if hasattr(module, "__path__") and find_spec(f"{module.__name__}.{name}") is not None:
        return not name.startswith("_")
    return name in public_names(module)


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_dependencies_on_other_plugins(tree: Path) -> None:
    assert problems(tree) == []


def test_one_depends_on_another() -> None:
    used = set(uses(ROOT / "examples" / "famsock-smc" / "famsock_smc"))
    assert {("famsock_inet.addresses", "InetAddress"), ("famsock_inet.control", "")} <= used


@pytest.mark.parametrize(
    ("dependency", "source", "problem"),
    [
        ("famsock-inet>=0.1,<0.2", "from famsock_inet.addresses import InetAddress", None),
        ("famsock-inet>=0.1,<0.2", "from famsock_inet import options", None),
        ("famsock-inet~=0.1.0", "ADDRESS = 'famsock_inet.addresses:InetAddress'", None),
        ("famsock", "'''famsock_nothing_like_it has a name alike.'''", None),
        ("famsock", "import famsock_inet.addresses", "is used, and famsock-inet is no dependency"),
        ("famsock", "X = 'famsock_inet.options:INET'", "is used, and famsock-inet is no depend"),
        ("famsock-inet", "import famsock_inet", "famsock-inet has no bounds"),
        ("famsock-inet>=0.1", "import famsock_inet", "famsock-inet has no bounds"),
        ("famsock-inet>=9,<10", "import famsock_inet", "famsock-inet 0.1.0 is not in"),
        (
            "famsock-inet>=0.1,<0.2",
            "from famsock_inet._layouts import INET",
            "famsock_inet._layouts is not public",
        ),
        (
            "famsock-inet>=0.1,<0.2",
            "L = 'famsock_inet._layouts:INET'",
            "famsock_inet._layouts is not public",
        ),
        (
            "famsock-inet>=0.1,<0.2",
            "from famsock_inet.addresses import cstruct",
            "famsock_inet.addresses.cstruct is not public",
        ),
    ],
)
def test_each_problem_is_found(
    dependency: str, source: str, problem: str | None, tmp_path: Path
) -> None:
    (tmp_path / "famsock_kit").mkdir()
    (tmp_path / "famsock_kit" / "__init__.py").write_text(source)
    (tmp_path / "pyproject.toml").write_text(f'[project]\ndependencies = ["{dependency}"]\n')
    found = problems(tmp_path)
    assert bool(found) == bool(problem)
    assert problem is None or problem in found[0]
