"""The file that Python runs at its start under ``famsock run``."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from famsock import _run

FOLDER = Path(_run.__file__).with_name("startup")


def run(code: str, python: Path = Path(sys.executable)) -> str:
    """Run the code in a Python that starts with the file, and return its output."""
    done = subprocess.run(
        [python, "-c", code],
        cwd="/",  # where no famsock is
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() + done.stderr.strip()


def test_it_imports_only_what_site_has_imported() -> None:
    tree = ast.parse((FOLDER / "sitecustomize.py").read_text())
    names = {
        alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names
    }
    assert names == {"os", "sys"}
    assert not any(isinstance(node, ast.ImportFrom) for node in tree.body)


def test_nothing_of_it_is_left() -> None:
    """Only the program's own ``sitecustomize`` is, as Debian's Pythons have one."""
    own = "import sys; print('sitecustomize' in sys.modules)"
    plain = subprocess.run([sys.executable, "-c", own], stdout=subprocess.PIPE, text=True)
    code = (
        "import sys; before = list(sys.meta_path); import socket; import collections.abc; "
        "print(socket.socket.__module__, len(before) - len(sys.meta_path), "
        f"'sitecustomize' in sys.modules, {str(FOLDER)!r} in sys.path, "
        f"{str(FOLDER)!r} in sys.path_importer_cache, type(socket.__loader__).__name__)"
    )
    assert run(code) == f"famsock._sockets 1 {plain.stdout.strip()} False False SourceFileLoader"


@pytest.mark.parametrize("first", ["famsock", "famsock.aio", "famsock_inet", "socket, famsock"])
def test_famsock_may_be_imported_first(first: str) -> None:
    code = (
        f"import sys; before = list(sys.meta_path); import {first}; import famsock, socket; "
        "print(socket.socket is famsock.socket, len(before) - len(sys.meta_path), "
        "type(famsock.__loader__).__name__, type(socket.__loader__).__name__); "
        "famsock.uninstall(); print(socket.socket.__module__)"
    )
    assert run(code) == "True 1 SourceFileLoader SourceFileLoader\nsocket"


def test_a_look_at_socket_finds_the_modules_own_loader() -> None:
    code = (
        "import importlib.util, sys; spec = importlib.util.find_spec('socket'); "
        "print(spec.loader.get_source('socket')[:1] == '#', 'socket' in sys.modules); "
        "import socket; print(socket.socket.__module__)"
    )
    assert run(code).split() == ["True", "False", "famsock._sockets"]


def test_famsock_is_loaded_only_with_socket() -> None:
    assert run("import sys; print([name for name in sys.modules if 'famsock' in name])") == "[]"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """The Python of an environment without famsock."""
    venv.create(tmp_path / "env", with_pip=False)
    return tmp_path / "env" / "bin" / "python"


def test_an_environment_without_famsock_is_the_stdlibs(clean: Path) -> None:
    code = "import socket, sys; print(socket.socket.__module__, len(sys.meta_path))"
    assert run(code, python=clean) == "socket 3"


def test_socket_imported_before_it(clean: Path) -> None:
    """A line of a .pth file imports `socket`: famsock is installed at once."""
    packages = next(clean.parents[1].glob("lib*/python*/site-packages"))
    core = Path(_run.__file__).parents[1]
    paths = {str(core.parent), *map(_folder_of, ("attrs", "pluggy", "attr"))}
    (packages / "early.pth").write_text("\n".join([*sorted(paths), "import socket"]))
    code = "import sys, socket; print(socket.socket.__module__, len(sys.meta_path))"
    assert run(code, python=clean) == "famsock._sockets 3"


def _folder_of(name: str) -> str:
    return str(Path(str(importlib.import_module(name).__file__)).parents[1])


def test_an_error_of_famsock_is_not_hidden(clean: Path) -> None:
    """An installation that lacks a dependency is not the stdlib's without a word."""
    packages = next(clean.parents[1].glob("lib*/python*/site-packages"))
    (packages / "famsock.py").write_text("import a_dependency_that_is_missing")
    code = "try: import socket\nexcept ImportError as error: print(error)"
    assert run(code, python=clean) == "No module named 'a_dependency_that_is_missing'"


def test_its_syntax_is_of_any_version() -> None:
    """A child may be an old Python, which then is the stdlib's."""
    text = (FOLDER / "sitecustomize.py").read_text()
    ast.parse(text, feature_version=(3, 4))
    found = map(shutil.which, ("python3.6", "python3.8", "python3.9"))
    for python in filter(None, found):
        usable = subprocess.run([python, "-c", "0"], capture_output=True, check=False)
        if usable.returncode == 0:
            assert run("import socket, sys; print(1)", python=Path(python)) == "1"
