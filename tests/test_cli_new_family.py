"""``famsock new-family``: the numbers, names and folders that it takes and refuses."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import famsock
from famsock._cli import main
from famsock._registry import Registry
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
        (("AF_UNIX", "--number", "200"), "AF_UNIX is already served by famsock-unix"),
        (("bsd", "--number", "200"), "famsock-bsd is a distribution that there is already"),
        (("fresh", "--number", "65536"), "65536 is not in the range 1<=x<=65535"),
        (("fresh", "--number", "0"), "0 is not in the range 1<=x<=65535"),
        (("fresh", "--number", "29"), "29 is the number of AF_CAN, which is installed"),
        (("fresh", "--number", "5"), "5 is the number of AF_APPLETALK, which this Python knows"),
        (("x25", "--number", "200"), "AF_X25 is 9 here, not 200"),
        (("fresh",), "this Python does not know AF_FRESH: give --number"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_words_are_refused(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = _new_family(*words, "--into", tmp_path)
    assert done.exit_code != 0
    assert message in " ".join(done.output.replace("\u2502", " ").split())
    assert not list(tmp_path.iterdir())


def test_every_number_that_python_knows_is_taken(tmp_path: Path) -> None:
    numbers = {int(v) for n, v in vars(socket).items() if n.startswith("AF_") and v}
    assert len(numbers) > 20
    for number in numbers:
        done = _new_family("fresh", "--number", str(number), "--into", tmp_path)
        assert done.exit_code != 0, number
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("can",), "AF_CAN is already served: pip install famsock-can"),
        (("bsd", "--number", "200"), "famsock-bsd is a distribution that there is already"),
    ],
)
def test_names_of_plugins_that_are_not_installed_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.setattr(Registry, "describe", lambda self: [])
    done = _new_family(*words, "--into", tmp_path)
    assert message in done.output
    assert not list(tmp_path.iterdir())


def test_python_knows_the_number(tmp_path: Path) -> None:
    assert _new_family("x25", "--into", tmp_path).exit_code == 0
    constants = (tmp_path / "famsock-x25" / "famsock_x25" / "constants.py").read_text()
    assert "AF_X25 = 9\n" in constants


def test_a_terminal_is_asked_for_the_number(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "famsock", "new-family", "fresh", "--into", str(tmp_path)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as program:
        os.close(theirs)
        shown = b""
        while b"The value of AF_FRESH in the C headers" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, b"29x\n200\n")
        with suppress(OSError):  # EIO when the program has ended
            while piece := os.read(ours, 1024):
                shown += piece
        assert program.wait(60) == 0, shown
    os.close(ours)
    constants = (tmp_path / "famsock-fresh" / "famsock_fresh" / "constants.py").read_text()
    assert "AF_FRESH = 200\n" in constants


def _family(name: str, number: int) -> Family:
    return Family(name, number, (Protocol("one", None, (1,), None),))


def test_numbers_of_registered_families_are_left_to_them(tmp_path: Path) -> None:
    famsock.plugins.register(_family("AF_OTHER", 200))
    try:
        done = _new_family("newer", "--number", "200", "--into", tmp_path)
    finally:
        famsock.plugins.unregister("AF_OTHER")
    assert done.exit_code != 0
    assert "200 is the number of AF_OTHER, which is installed; give AF_NEWER's own" in done.output
    assert not (tmp_path / "famsock-newer").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "famsock-fresh").mkdir()
    done = _new_family("fresh", "--number", "200", "--into", tmp_path)
    assert "famsock-fresh is already there" in done.output
    assert not list((tmp_path / "famsock-fresh").iterdir())
