"""A release's files in clean environments of this Python and of newer ones, without a compiler."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import famsock
from tests.debian_pythons.pythons import PYTHONS, Python
from tests.debian_pythons.root import Root
from tools.release import Interpreter

from .conftest import NEEDS_UV, REPOSITORY, Release, run

pytestmark = [NEEDS_UV, pytest.mark.slow]
COMPILED = tuple(python for python in PYTHONS if "native" in python.layers)
COMPILE = """
import shutil, sys
from pathlib import Path
from tools import release

folder = Path(sys.argv[1])
(sdist,) = folder.glob("dist/famsock-*.tar.gz")
interpreter = release.Interpreter.of_debian(sys.argv[2])
targets = [target for target in release.TARGETS if target.tag == "manylinux_2_17_x86_64"]
release.compile_core(sdist, folder, [interpreter], targets, {}, optimization=1)
(wheel,) = folder.glob("dist/famsock-*-manylinux_2_17_x86_64.whl")
release.check_modules(wheel)
release.check_platform(wheel)
"""


def _installed(interpreter: Interpreter, folder: Path) -> Path:
    """Install famsock and famsock-can from ``dist`` as docs/installing.md says; the environment."""
    environment = folder / "environment"
    interpreter.uv("venv", "-q", "--python", interpreter.path, environment, shared=folder)
    pip = ("pip", "install", "-q", "--python", environment, "--only-binary=:all:")
    ours = ("--no-index", "--no-deps", "--find-links=dist", "famsock", "famsock-can")
    without = {"CC": "false", "CXX": "false"}
    interpreter.uv(*pip, *ours, shared=folder, env=without)
    interpreter.uv(*pip, "attrs", "pluggy", "click", "rich", shared=folder, env=without)
    return environment


def _says(interpreter: Interpreter, folder: Path, version: str) -> None:
    """See what ``famsock doctor`` says there, and the Python that says it."""
    program = _installed(interpreter, folder) / "bin" / "famsock"
    said = interpreter.run(program, "doctor", shared=folder)
    first, _, table = said.partition("\n")
    assert first.startswith(f"CPython {version}."), said
    assert first.endswith("system calls: compiled"), said
    families = {line.split()[0] for line in table.splitlines() if line.startswith("AF_")}
    assert "AF_CAN" in families, said
    assert "AF_TIPC" not in families, said  # of a plugin that is not installed
    assert interpreter.run(program, "--version", shared=folder).split()[-1] == famsock.__version__


def test_famsock_and_can_in_a_clean_environment(released: Release, tmp_path: Path) -> None:
    (tmp_path / "dist").symlink_to(released.dist)
    version = ".".join(map(str, sys.version_info[:2]))
    _says(Interpreter(sys.executable), tmp_path, version)


@pytest.fixture(params=COMPILED, ids=lambda python: python.name)
def newer(
    request: pytest.FixtureRequest, released: Release, tmp_path: Path
) -> tuple[str, Interpreter]:
    """A Python of Debian, whose wheels are in ``dist`` of the test's folder: version and program.

    A fixture may take longer than a test.
    """
    python: Python = request.param
    if os.geteuid() or not all(map(Root.default().version, python.packages)):
        pytest.skip(f"needs Debian's Python: python -m tests.debian_pythons -p {python.name}")
    dist = tmp_path / "dist"
    dist.mkdir()
    for form in ("famsock-*.tar.gz", "famsock_can-*.whl"):
        (path,) = released.dist.glob(form)
        shutil.copy(path, dist)
    run(released.python, "-c", COMPILE, tmp_path, python.name, cwd=REPOSITORY)
    return python.name, Interpreter.of_debian(python.name)


def test_famsock_and_can_on_a_newer_python(newer: tuple[str, Interpreter], tmp_path: Path) -> None:
    version, interpreter = newer
    _says(interpreter, tmp_path, version)
