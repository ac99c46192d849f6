"""``famsock new-family demo``: what it writes installs and conforms as it stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import famsock
from famsock._cli import main
from famsock.family import Family, Protocol

from .conftest import NEEDS_UV, Environment, code_lines, run

MOST_LINES = 40


def _new_family(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["new-family", *map(str, words)])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new-family")
    done = _new_family("demo", "--into", folder)
    assert done.exit_code == 0, done.output
    return folder / "famsock-demo"


@NEEDS_UV
@pytest.mark.slow
def test_demo_installs_and_conforms(demo: Path, installed: Callable[[Path], Environment]) -> None:
    environment = installed(demo)
    (row,) = json.loads(environment.famsock("families", "--json"))
    assert (row["family"], row["distributions"]) == ("AF_DEMO", ["famsock-demo 0.1.0"])
    assert " passed" in environment.pytest(demo)
    assert environment.mypy("famsock_demo", "tests", cwd=demo).startswith("Success")
    environment.pip("uninstall", "famsock-demo")
    assert json.loads(environment.famsock("families", "--json")) == []
    assert not list(environment.packages.rglob("famsock_demo*"))


def test_demo_is_formatted_and_clean(demo: Path) -> None:
    ruff = (sys.executable, "-m", "ruff")
    isolated = ("--isolated", "--no-cache", "--line-length", "100")
    run(*ruff, "check", *isolated, "--select", "A,B,E,F,N,RET,RUF,SIM,UP,W", demo, cwd=demo)
    run(*ruff, "format", "--check", *isolated, demo, cwd=demo)


def test_own_code_is_short(demo: Path) -> None:
    lines = sum(code_lines(file.read_text()) for file in demo.glob("famsock_demo/*.py"))
    assert lines <= MOST_LINES


def test_number_is_the_authors(tmp_path: Path) -> None:
    assert _new_family("AF_MCTP", "--number", "45", "--into", tmp_path).exit_code == 0
    constants = (tmp_path / "famsock-mctp" / "famsock_mctp" / "constants.py").read_text()
    assert "AF_MCTP = 45\n" in constants


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("2fast",), "must be letters and digits"),
        (("../up",), "must be letters and digits"),
        (("unix",), "AF_UNIX is already served by famsock-unix"),
        (("fresh", "--number", "65536"), "65536 is not in the range 1<=x<=65535"),
    ],
)
def test_bad_names_are_refused(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = _new_family(*words, "--into", tmp_path)
    assert done.exit_code != 0
    assert message in " ".join(done.output.split())
    assert not list(tmp_path.iterdir())


def _family(name: str, number: int) -> Family:
    return Family(name, number, (Protocol("one", None, (1,), "nowhere:Nothing"),))


def test_numbers_of_installed_families_are_left_to_them(tmp_path: Path) -> None:
    famsock.plugins.register(_family("AF_OTHER", 200))
    try:
        assert _new_family("fresh", "--into", tmp_path).exit_code == 0
        constants = (tmp_path / "famsock-fresh" / "famsock_fresh" / "constants.py").read_text()
        assert "AF_FRESH = 201\n" in constants
        done = _new_family("newer", "--number", "200", "--into", tmp_path)
    finally:
        famsock.plugins.unregister("AF_OTHER")
    assert done.exit_code != 0
    assert "200 is the number of AF_OTHER, which is installed; give AF_NEWER's own" in done.output
    assert not (tmp_path / "famsock-newer").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "famsock-fresh").mkdir()
    done = _new_family("fresh", "--into", tmp_path)
    assert "famsock-fresh is already there" in done.output
    assert not list((tmp_path / "famsock-fresh").iterdir())
