"""The wheel of examples/famsock-ieee802154 next to famsock's, in a clean virtual environment."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import NEEDS_UV, REPOSITORY, Environment

EXAMPLE = REPOSITORY / "examples" / "famsock-ieee802154"
pytestmark = [NEEDS_UV, pytest.mark.slow]


@pytest.fixture(scope="module")
def environment(installed: Callable[[Path], Environment]) -> Environment:
    return installed(EXAMPLE)


def _families(environment: Environment) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(environment.famsock("families", "--json"))
    return rows


def test_it_is_listed_with_its_distribution(environment: Environment) -> None:
    assert _families(environment) == [
        {
            "family": "AF_IEEE802154",
            "distributions": ["famsock-ieee802154 0.1.0"],
            "plugin": "famsock_ieee802154:FAMILY",
            "state": "available",
        }
    ]


def test_it_passes_conformance(environment: Environment) -> None:
    assert " passed" in environment.pytest(EXAMPLE)


def test_its_author_sees_types(environment: Environment, tmp_path: Path) -> None:
    author = shutil.copytree(EXAMPLE, tmp_path / "author")
    found = environment.mypy("famsock_ieee802154", "tests", cwd=author)
    assert found.startswith("Success: no issues found")


def test_type_checker_finds_a_wrong_value(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "import famsock\n"
        "from famsock_ieee802154.addresses import ShortAddress\n"
        "from famsock_ieee802154.control import WPAN_WANTLQI\n"
        "ShortAddress('beef', 1)\n"
        "quality: str | None = famsock.socket(36, 2).recv_message(9).get(WPAN_WANTLQI)\n"
    )
    with pytest.raises(AssertionError, match="Found 2 errors in 1 file"):
        environment.mypy("wrong.py", cwd=tmp_path)


def test_clash_names_both_distributions(environment: Environment) -> None:
    rival = environment.packages / "rival_radio-3.0.dist-info"
    rival.mkdir()
    try:
        (rival / "METADATA").write_text("Metadata-Version: 2.1\nName: rival-radio\nVersion: 3.0\n")
        (rival / "entry_points.txt").write_text("[famsock]\nAF_IEEE802154 = rival\n")
        (row,) = _families(environment)
        both = ["famsock-ieee802154 0.1.0", "rival-radio 3.0"]
        assert (row["state"], row["distributions"]) == ("clash", both)
        told = environment.famsock("doctor", "AF_IEEE802154")
        assert "AF_IEEE802154 is claimed by" in told
        assert all(name in told for name in both)
    finally:
        shutil.rmtree(rival)


def test_uninstalling_leaves_nothing(environment: Environment) -> None:
    environment.pip("uninstall", "famsock-ieee802154")
    assert _families(environment) == []
    assert not list(environment.packages.rglob("*ieee802154*"))
