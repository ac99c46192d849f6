"""The families from outside on a kernel that has them, without being installed.

A folder with a distribution's entry points makes it known as an installation would.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import EXAMPLES, project


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_external_family_exchanges_data(example: Path, tmp_path: Path) -> None:
    described = project(example)
    name, version = described["name"], described["version"]
    information = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    entry_points = described["entry-points"]["famsock"].items()
    (information / "entry_points.txt").write_text(
        "[famsock]\n" + "".join(f"{family} = {value}\n" for family, value in entry_points)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--fail-on-skip", example],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{example}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
