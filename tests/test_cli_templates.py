"""The distribution that ``famsock new-family`` writes, before anybody has changed it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.specifiers import SpecifierSet

import famsock
from famsock._cli import main
from famsock._cli.templates import bounds
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


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("0.1.0", ">=0.1,<0.3"),
        ("0.9.3", ">=0.9,<0.11"),
        ("1.0", ">=1.0,<1.2"),
        ("0.2.0rc1", ">=0.2.0rc1,<0.4"),
    ],
)
def test_bounds_are_those_of_two_minor_releases(version: str, wanted: str) -> None:
    assert bounds(version) == wanted
    assert version in SpecifierSet(wanted, prereleases=True)


def test_demo_requires_the_releases_that_suit_it(demo: Path) -> None:
    project = tomllib.loads((demo / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [f"famsock{bounds(famsock.__version__)}"]
