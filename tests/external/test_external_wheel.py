"""The wheels of the examples next to famsock's, each in a clean virtual environment."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import EXAMPLES, NEEDS_UV, REPOSITORY, Environment, plugins_of, project

IEEE802154 = REPOSITORY / "examples" / "famsock-ieee802154"
pytestmark = [NEEDS_UV, pytest.mark.slow]
_EACH = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def environments(
    installed: Callable[[Path], Environment],
) -> Callable[[Path], Environment]:
    """The environment of each example, made when it is first asked for."""
    made: dict[Path, Environment] = {}

    def environment(example: Path) -> Environment:
        if example not in made:
            made[example] = installed(example)
        return made[example]

    return environment


Environments = Callable[[Path], Environment]


def _families(environment: Environment) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(environment.famsock("families", "--json"))
    return rows


def _own(environment: Environment, example: Path) -> list[dict[str, Any]]:
    """The rows of the example's own families: it may depend on a plugin with others."""
    names = project(example)["entry-points"]["famsock"]
    return [row for row in _families(environment) if row["family"] in names]


def _package(example: Path) -> str:
    return example.name.replace("-", "_")


@_EACH
def test_it_is_listed_with_its_distribution(environments: Environments, example: Path) -> None:
    described = project(example)
    ((family, value),) = described["entry-points"]["famsock"].items()
    assert _own(environments(example), example) == [
        {
            "family": family,
            "distributions": [f"{described['name']} {described['version']}"],
            "plugin": value,
            "state": "available",
        }
    ]


@_EACH
def test_it_passes_conformance(environments: Environments, example: Path) -> None:
    assert " passed" in environments(example).pytest(example)


@_EACH
def test_its_author_sees_types(environments: Environments, example: Path, tmp_path: Path) -> None:
    author = shutil.copytree(example, tmp_path / "author", ignore=shutil.ignore_patterns("__pyc*"))
    found = environments(example).mypy(_package(example), "tests", cwd=author)
    assert found.startswith("Success: no issues found")


def test_type_checker_finds_a_wrong_value(environments: Environments, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "import famsock\n"
        "from famsock_ieee802154.addresses import ShortAddress\n"
        "from famsock_ieee802154.control import WPAN_WANTLQI\n"
        "ShortAddress('beef', 1)\n"
        "quality: str | None = famsock.socket(36, 2).recv_message(9).get(WPAN_WANTLQI)\n"
    )
    with pytest.raises(AssertionError, match="Found 2 errors in 1 file"):
        environments(IEEE802154).mypy("wrong.py", cwd=tmp_path)


def test_clash_names_both_distributions(environments: Environments) -> None:
    environment = environments(IEEE802154)
    rival = environment.packages / "rival_radio-3.0.dist-info"
    rival.mkdir()
    try:
        (rival / "METADATA").write_text("Metadata-Version: 2.1\nName: rival-radio\nVersion: 3.0\n")
        (rival / "entry_points.txt").write_text("[famsock]\nAF_IEEE802154 = rival\n")
        (row,) = _families(environment)
        both = ["famsock-ieee802154 0.1.0", "rival-radio 3.0"]
        assert (row["state"], row["distributions"]) == ("clash", both)
        told = environment.famsock("doctor", "AF_IEEE802154", status=1)
        assert "AF_IEEE802154 is claimed by" in told
        assert all(name in told for name in both)
    finally:
        shutil.rmtree(rival)


@_EACH
def test_uninstalling_leaves_nothing(environments: Environments, example: Path) -> None:
    environment = environments(example)
    environment.pip("uninstall", example.name)
    assert _own(environment, example) == []
    assert not list(environment.packages.rglob(f"*{_package(example)}*"))
    assert bool(_families(environment)) == bool(plugins_of(example))
