"""Wheels, and clean virtual environments to install them into.

The lab has no network to install from: there the one test is that of `test_external_in_lab`, which
needs no installation.
"""

from __future__ import annotations

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = sorted((REPOSITORY / "examples").glob("famsock-*"))
IN_LAB = bool(os.environ.get("FAMSOCK_LAB"))
_IN_LAB_ONLY = "test_external_in_lab.py"
collect_ignore = (
    [path.name for path in Path(__file__).parent.glob("test_*.py") if path.name != _IN_LAB_ONLY]
    if IN_LAB
    else [_IN_LAB_ONLY]
)
NEEDS_UV = pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv: pip install uv")
_OF_ITS_WHEEL = ("famsock", "LICENSE", "README.md", "pyproject.toml", "setup.py")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.so", "*.c", "*.egg-info", "build", "dist")
_PATIENCE_S = 300
_RELEASE_PATIENCE_S = 1800
_DOCS_PATIENCE_S = 600


def project(source: Path) -> dict[str, Any]:
    """The table ``project`` of a source tree's pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    return table


def plugins_of(source: Path) -> list[Path]:
    """The source trees in ``plugins`` that a distribution depends on."""
    words = [re.split(r"[<>=!~\[; ]", word)[0] for word in project(source)["dependencies"]]
    folders = [REPOSITORY / "plugins" / word.removeprefix("famsock-") for word in words]
    return [folder for folder in folders if (folder / "pyproject.toml").exists()]


def run(*command: str | Path, cwd: Path, status: int = 0, patience_s: float = _PATIENCE_S) -> str:
    """Return what a command prints; it must end with ``status``."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FAMSOCK_PLUGINS"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience_s,
        check=False,
    )
    assert done.returncode == status, done.stdout
    return done.stdout


def built(source: Path, folder: Path) -> Path:
    """The wheel of a source tree, in its own folder."""
    ours = ("--wheel", "--python", sys.executable)
    run("uv", "build", "--quiet", *ours, "--out-dir", folder, source, cwd=folder.parent)
    (wheel,) = folder.glob("*.whl")
    return wheel


def code_lines(source: str) -> int:
    """The lines of Python that are neither blank nor part of a docstring."""
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(bool(line.strip()) and number not in documentation for number, line in lines)


class Environment:
    """A virtual environment with nothing in it but what is installed here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        run(
            "uv", "venv", "--quiet", "--seed", "--python", sys.executable, folder, cwd=folder.parent
        )

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def pip(self, *words: str | Path) -> None:
        """Run ``pip`` with its first word ("install"), the rest and this environment."""
        action, *rest = words
        run("uv", "pip", action, "--quiet", "--python", self.python, *rest, cwd=self.folder)

    def famsock(self, *words: str, status: int = 0) -> str:
        """Return what the ``famsock`` command prints; it must end with ``status``."""
        return run(self.folder / "bin" / "famsock", *words, cwd=self.folder, status=status)

    def shell(self, script: str, cwd: Path) -> str:
        """Return what a script prints with this environment's programs first on the path."""
        path = f'export PATH="{self.folder}/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1\n'
        return run("sh", "-e", "-c", path + script, cwd=cwd)

    def pytest(self, distribution: Path) -> str:
        """Return what pytest says of a distribution's tests, away from its source."""
        away = self.folder / "away" / distribution.name
        shutil.rmtree(away, ignore_errors=True)
        away.mkdir(parents=True)
        shutil.copytree(distribution / "tests", away / "tests", ignore=LEFT_BEHIND)
        shutil.copy(distribution / "pyproject.toml", away)
        return run(self.folder / "bin" / "pytest", "-q", "-p", "no:cacheprovider", away, cwd=away)

    def mypy(self, *sources: str, cwd: Path) -> str:
        """Return what ``mypy --strict`` says of sources, with the types that are installed here."""
        strict = ("-m", "mypy", "--strict", "--python-executable", self.python)
        cache = self.folder / "mypy"
        return run(sys.executable, *strict, "--cache-dir", cache, *sources, cwd=cwd)


@pytest.fixture(scope="session")
def famsock_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of famsock's own source, so that the tree stays as it is."""
    source = tmp_path_factory.mktemp("famsock-source")
    for name in _OF_ITS_WHEEL:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, source / name, ignore=LEFT_BEHIND)
        elif (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, source)
    return source


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes a folder by its name, which one worker of the run fills and all of them read."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, filled = shared / name, shared / f"{name}-filled"
        with (shared / f"{name}-lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not filled.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                filled.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def famsock_wheel(famsock_source: Path, once: Once) -> Path:
    """famsock's own wheel."""
    (wheel,) = once("famsock-wheel", lambda folder: built(famsock_source, folder)).glob("*.whl")
    return wheel


class Release(NamedTuple):
    """The distributions that tools.release built.

    :ivar dist: the folder with the files.
    :ivar said: what the command printed.
    :ivar python: a Python with the dependency group of releases.
    """

    dist: Path
    said: str
    python: Path


@pytest.fixture(scope="session")
def released(once: Once) -> Release:
    """A release of the last commit for this Python and processor."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    targets = ("-t", "manylinux_2_17_x86_64", "-t", "musllinux_1_2_x86_64", "--optimization", "1")

    def fill(folder: Path) -> None:
        tools = Environment(folder / "environment")
        group = f"{REPOSITORY / 'pyproject.toml'}:release"
        tools.pip("install", "--group", group, "attrs", "pluggy", "packaging")
        command = ("-m", "tools.release", "--twice", "--out", folder / "dist", "-p", version)
        printed = run(
            *(tools.python, *command, *targets), cwd=REPOSITORY, patience_s=_RELEASE_PATIENCE_S
        )
        (folder / "said").write_text(printed)

    folder = once("release", fill)
    python = folder / "environment" / "bin" / "python"
    return Release(folder / "dist", (folder / "said").read_text(), python)


@pytest.fixture(scope="session")
def empty(
    famsock_wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Environment]:
    """Makes an environment with famsock's wheel and what its extras need."""

    def make(name: str) -> Environment:
        made = Environment(tmp_path_factory.mktemp(name) / "environment")
        made.pip("install", f"famsock[cli,testing] @ {famsock_wheel.as_uri()}")
        return made

    return make


@pytest.fixture(scope="session")
def installed(empty: Callable[[str], Environment]) -> Callable[[Path], Environment]:
    """Makes such an environment with the wheel of a source tree besides, and of what it needs."""

    def install(wanted: Path) -> Environment:
        made = empty(wanted.name)
        folder = made.folder.parent
        for at, tree in enumerate((*plugins_of(wanted), wanted)):
            if tree.parent == REPOSITORY / "plugins":  # its version is in the core, beside it
                source = tree
            else:
                source = shutil.copytree(tree, folder / f"source{at}", ignore=LEFT_BEHIND)
            made.pip("install", built(source, folder / f"wheel{at}"))
        return made

    return install


def mkdocs_python(
    *packages_and_words: str | Path, given: str = "", status: int = 0, cwd: Path = REPOSITORY
) -> str:
    """Return what Python prints with a folder of packages, the first word, on its path.

    It must end with ``status``; if that is not 0 what it says of errors comes too.
    """
    packages, *words = packages_and_words
    paths = {
        "PYTHONPATH": str(packages),
        "PATH": f"{packages}/bin:{os.environ['PATH']}",  # mike runs mkdocs by its name
    }
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **paths, "NO_MKDOCS_2_WARNING": "1"},
        input=given,
        capture_output=True,
        text=True,
        timeout=_DOCS_PATIENCE_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + (done.stderr if status else "")


def _packages_of(group: str) -> Callable[[Path], object]:
    """Return what installs a dependency group into a folder."""

    def fill(folder: Path) -> None:
        into = ("--target", folder, "--python", sys.executable)
        run("uv", "pip", "install", "--quiet", *into, "--group", group, cwd=REPOSITORY)

    return fill


@pytest.fixture(scope="session")
def docs_packages(once: Once) -> Path:
    """A folder with what the group ``docs`` needs, beside the packages of this interpreter."""
    return once("docs-packages", _packages_of("docs"))


@pytest.fixture(scope="session")
def browser_packages(once: Once) -> Path:
    """A folder with what drives chromium."""
    return once("browser-packages", _packages_of("browser"))


@pytest.fixture(scope="session")
def built_site(docs_packages: Path, once: Once) -> Path:
    """The documentation site."""
    build = ("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir")
    return once("site", lambda folder: mkdocs_python(docs_packages, *build, folder))
