"""Installing famsock where there is no C compiler: from its source, and from a wheel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import LEFT_BEHIND, NEEDS_UV, Environment, run

pytestmark = [NEEDS_UV, pytest.mark.slow]
_WORKS = """
import famsock
a, b = famsock.socketpair(famsock.AF_UNIX, famsock.SOCK_DGRAM)
with a, b:
    assert a.sendmmsg([(b"one", None), (b"two", None)]) == 2
    assert [data for data, *_ in b.recvmmsg(4)] == [b"one", b"two"]
    print("works")
"""


@pytest.fixture(autouse=True)
def _no_compiler(famsock_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that fails, as if there were none; only the wheel was built before, with one."""
    monkeypatch.setenv("CC", "false")
    monkeypatch.delenv("FAMSOCK_SYSCALLS", raising=False)


def _says(environment: Environment) -> str:
    """Return what doctor prints where the core is installed without a plugin; calls work there."""
    assert run(environment.python, "-c", _WORKS, cwd=environment.folder) == "works\n"
    return environment.famsock("doctor", "AF_UNIX", status=1)


def test_source_falls_back_to_ctypes_and_doctor_says_so(
    famsock_source: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(famsock_source, tmp_path / "source", ignore=LEFT_BEHIND)
    environment = Environment(tmp_path / "environment")
    pip = (environment.python, "-m", "pip", "install", "--quiet", "--no-cache-dir")
    run(*pip, "--disable-pip-version-check", f"{source}[cli]", cwd=tmp_path)
    said = _says(environment)
    assert "system calls: ctypes\n" in said
    why = " ".join(said.split("Why ctypes: ")[1].splitlines()[0].split())
    assert "without its compiled layer" in why
    assert "install famsock again where there is a C compiler" in why


def test_wheel_needs_no_compiler(empty: Callable[[str], Environment], famsock_wheel: Path) -> None:
    assert "linux" in famsock_wheel.name
    said = _says(empty("no-compiler"))
    assert "system calls: compiled\n" in said
    assert "Why ctypes" not in said
