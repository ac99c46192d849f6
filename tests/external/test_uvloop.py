"""The tests on uvloop, in an environment that has it: the group ``dev`` does not."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import pytest

from .conftest import NEEDS_UV, REPOSITORY, Environment, run

pytestmark = [NEEDS_UV, pytest.mark.slow]
FILES = ("tests/test_connections.py", "tests/test_datagrams.py", "tests/over_http/test_clients.py")


def test_what_runs_on_uvloop(tmp_path: Path) -> None:
    made = Environment(tmp_path / "environment")
    made.pip("install", "uvloop")
    ours = sysconfig.get_path("purelib")
    (made.packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    options = ("-n0", "-p", "no:cacheprovider", "-k", "uvloop")
    printed = run(made.python, "-m", "pytest", *options, *FILES, cwd=REPOSITORY)
    passed = re.search(r"(\d+) passed", printed)
    assert passed is not None, printed
    assert int(passed[1]) > 10, printed
    assert "skipped" not in printed, printed
