"""The external family on a kernel that has it, two radios and all, without being installed.

A folder with the distribution's entry points makes it known as an installation would.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "famsock-ieee802154"


@pytest.mark.slow
def test_external_family_between_two_radios(tmp_path: Path) -> None:
    information = tmp_path / "famsock_ieee802154-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: famsock-ieee802154\nVersion: 0.1.0\n"
    )
    (information / "entry_points.txt").write_text(
        "[famsock]\nAF_IEEE802154 = famsock_ieee802154:FAMILY\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--fail-on-skip", EXAMPLE],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{EXAMPLE}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
