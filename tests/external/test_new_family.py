"""``famsock new-family demo``: what it writes installs and conforms as it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from famsock._cli import main

from .conftest import NEEDS_UV, Environment


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
