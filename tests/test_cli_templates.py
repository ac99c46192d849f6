"""The distribution that ``famsock new-family`` writes, before anybody has changed it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from famsock._cli import main
from tests.external.conftest import code_lines, run

MOST_LINES = 60  # with a class of sockets, and names that are exported


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of famsock-demo, newly written."""
    folder = tmp_path_factory.mktemp("new-family")
    done = CliRunner().invoke(main, ["new-family", "demo", "--into", str(folder)])
    assert done.exit_code == 0, done.output
    return folder / "famsock-demo"


def test_demo_is_formatted_and_clean(demo: Path) -> None:
    ruff = (sys.executable, "-m", "ruff")
    isolated = ("--isolated", "--no-cache", "--line-length", "100")
    run(*ruff, "check", *isolated, "--select", "A,B,E,F,N,RET,RUF,SIM,UP,W", demo, cwd=demo)
    run(*ruff, "format", "--check", *isolated, demo, cwd=demo)


def test_own_code_is_short(demo: Path) -> None:
    lines = sum(code_lines(file.read_text()) for file in demo.glob("famsock_demo/*.py"))
    assert lines <= MOST_LINES
