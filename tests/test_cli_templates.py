"""The distribution that ``famsock new-family`` writes, before anybody has changed it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from famsock._cli import main
from tests.external.conftest import code_lines, run

MOST_LINES = 60  # with a class of sockets, operations, a control message, a self-test and hints


@pytest.fixture(scope="module", params=["demo", "d", "aratherlongname"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a distribution, newly written."""
    folder = tmp_path_factory.mktemp("new-family")
    words = ["new-family", request.param, "--number", "200", "--into", str(folder)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return folder / f"famsock-{request.param}"


def test_demo_is_formatted_and_clean(demo: Path) -> None:
    ruff = (sys.executable, "-m", "ruff")
    isolated = ("--isolated", "--no-cache", "--line-length", "100")
    run(*ruff, "check", *isolated, "--select", "A,B,E,F,N,RET,RUF,SIM,UP,W", demo, cwd=demo)
    run(*ruff, "format", "--check", *isolated, demo, cwd=demo)


def test_own_code_is_short(tmp_path: Path) -> None:
    words = ["new-family", "demo", "--number", "200", "--into", str(tmp_path)]
    assert CliRunner().invoke(main, words).exit_code == 0
    files = tmp_path.glob("famsock-demo/famsock_demo/*.py")
    assert sum(code_lines(file.read_text()) for file in files) <= MOST_LINES
