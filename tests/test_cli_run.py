"""``famsock run``: a program runs as Python itself would run it, on famsock's sockets."""

from __future__ import annotations

import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "famsock", "run", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


WHO = "import socket, sys; print(__name__, sys.argv[1:], socket.socket.__module__)\n"


@pytest.mark.parametrize(
    "target",
    [("program.py",), ("-m", "program"), ("-m", "package"), ("package",), ("archive.zip",)],
    ids=" ".join,
)
def test_forms_of_a_program(target: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(WHO)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "__main__.py").write_text(WHO)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", WHO)
    done = run(tmp_path, *target, "--flag", "-m", "x")
    assert done.stdout.strip() == "__main__ ['--flag', '-m', 'x'] famsock._sockets", done.stderr


def test_traceback_and_status_are_the_programs_own(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("def f():\n    raise KeyError('mine')\nf()\n")
    done = run(tmp_path, "fails.py")
    assert done.returncode == 1
    assert done.stderr.count('File "') == done.stderr.count('File "fails.py"') == 2
    assert done.stderr.endswith("KeyError: 'mine'\n")
    (tmp_path / "exits.py").write_text("raise SystemExit(7)\n")
    assert run(tmp_path, "exits.py").returncode == 7
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt\n")
    assert run(tmp_path, "interrupted.py").returncode == -signal.SIGINT


@pytest.mark.parametrize("target", [("nothing.py",), ("-m", "nothing.at.all")], ids=" ".join)
def test_a_program_that_is_not_there(target: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, *target)
    assert done.returncode == 2
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_main_outlasts_the_program(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(
        "import atexit, pickle, threading, time\n"
        "class Mine: pass\n"
        "def late(): time.sleep(0.2); print(type(pickle.loads(pickle.dumps(Mine()))) is Mine)\n"
        "threading.Thread(target=late).start()\n"
        "atexit.register(lambda: print(type(pickle.loads(pickle.dumps(Mine()))) is Mine))\n"
    )
    assert run(tmp_path, "late.py").stdout.split() == ["True", "True"]
