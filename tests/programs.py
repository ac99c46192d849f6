"""Programs in their own interpreter, and distributions that only they see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

_PATIENCE_S = 120


def run(code: str, *arguments: str, **environment: str) -> str:
    """Return what a program prints in its own interpreter; it must succeed.

    ``arguments`` are those of the interpreter (``-X dev``). ``environment`` is added to the
    environment of this process.
    """
    return _printed([*arguments, "-c", code], environment)


def told_by(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Return what a module of tests, run as a program, tells as JSON."""
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    told: dict[str, Any] = json.loads(_printed(["-m", module, *arguments], path | environment, 300))
    return told


def _printed(
    arguments: Sequence[str], environment: Mapping[str, str], patience_s: int = _PATIENCE_S
) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def link_package(folder: Path, package: str) -> None:
    """Put a package of this interpreter into a folder."""
    file = import_module(package).__file__
    assert file is not None
    (folder / package).symlink_to(Path(file).parent)


def link_distribution(folder: Path, package: str) -> None:
    """Put a package of this interpreter into a folder, with its distribution's entry points."""
    link_package(folder, package)
    text = metadata.distribution(package.replace("_", "-")).read_text("entry_points.txt")
    assert text is not None
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(text)


PLUGIN = """
from famsock.plugin import Family, Protocol, hookimpl

@hookimpl
def famsock_families():
    return (Family("{name}", {number}, (Protocol("p", None, (1, 2), None),)),)
"""
"""The source of a plugin, to format: its family's name and number."""

OPEN_UNIX = """
import famsock
try:
    famsock.socket(famsock.AF_UNIX)
except Exception as error:
    print(type(error).__name__, error)
s = famsock.create_server(("127.0.0.1", 0)); print(type(s).__module__); s.close()
"""
"""A program: why AF_UNIX has no socket, if so, and the module of the class that AF_INET has."""


class Site:
    """A folder of distributions, which the programs that it runs find first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self, distribution: str, name: str, module: str, source: str, value: str = ""
    ) -> None:
        """Add a distribution of one module, whose entry point has a family's ``name``.

        The entry point's ``value`` is the module if it is left out.
        """
        (self.folder / f"{module}.py").write_text(source)
        info = self.folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(
            f"[other]\nx = y\n\n[famsock]\n{name} = {value or module}\n"
        )

    def run(self, code: str, **environment: str) -> str:
        """Return what a program prints that sees these distributions."""
        return run(code, PYTHONPATH=str(self.folder), **environment)
