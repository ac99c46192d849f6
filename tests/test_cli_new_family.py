"""``famsock new-family``: the numbers, names and folders that it takes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import famsock
from famsock._cli import main
from famsock.family import Family, Protocol


def _new_family(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["new-family", *map(str, words)])


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
    return Family(name, number, (Protocol("one", None, (1,), None),))


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
