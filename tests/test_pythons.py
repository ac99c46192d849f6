"""Choice of the Pythons that ``python -m tests.pythons`` takes."""

from __future__ import annotations

import json
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests import pythons
from tests.debian_pythons.__main__ import of_all
from tests.debian_pythons.pythons import PYTHONS

pytestmark = pytest.mark.asks_no_kernel


def row(
    version: str, implementation: str = "cpython", variant: str = "default"
) -> dict[str, object]:
    parts = dict(zip(("major", "minor", "patch"), map(int, version.split(".")), strict=True))
    return {"version_parts": parts, "implementation": implementation, "variant": variant}


def test_of_each_minor_version_the_newest_release_is_taken() -> None:
    rows = [row(version) for version in ("3.13.0", "3.11.10", "3.11.7", "3.10.13", "3.9.18")]
    assert pythons.newest_of_each(json.dumps(rows)) == ["3.11.10", "3.13.0"]


def test_other_implementations_are_taken_by_name_only() -> None:
    rows = [row("3.11.7", "pypy"), row("3.13.0", variant="freethreaded"), row("3.12.1")]
    assert pythons.newest_of_each(json.dumps(rows)) == ["3.12.1"]
    assert pythons.parser().parse_args(["-p", "pypy3.11"]).python == ["pypy3.11"]


def test_arguments_of_pytest_come_after_the_dashes() -> None:
    options = pythons.parser().parse_args(["-p", "3.12", "--", "-k", "bind"])
    assert (options.python, options.rest, options.syscalls) == (["3.12"], ["-k", "bind"], None)


def test_the_brief_run_has_the_tests_of_that_on_newer_pythons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = []
    monkeypatch.setattr(pythons, "environment", dict)
    monkeypatch.setattr(pythons, "make", lambda request, env: Path(request))
    monkeypatch.setattr(pythons, "run", lambda python, layer, words: ran.append((layer, words)))
    assert pythons.main(["-p", "3.13", "--brief"]) == 0
    (_, words), (_, same) = ran
    assert [layer for layer, _ in ran] == ["native", "ctypes"]
    assert words == same == ["-m", "pytest", "-q", *of_all(PYTHONS[0], brief=True)]


@pytest.mark.parametrize("before", [None, b"as it was"])
@pytest.mark.parametrize("fails", [False, True])
def test_other_versions_leave_the_lock_file_as_it_was(
    before: bytes | None, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "uv.lock"
    if before is not None:
        lock.write_bytes(before)
    calls = []

    def uv(*arguments: str, env: dict[str, str]) -> str:
        calls.append((arguments, env["UV_PROJECT_ENVIRONMENT"]))
        lock.write_bytes(b"with other versions")
        if fails:
            raise subprocess.CalledProcessError(1, "uv")
        return ""

    monkeypatch.setattr(pythons, "ROOT", tmp_path)
    monkeypatch.setattr(pythons, "uv", uv)
    with pytest.raises(subprocess.CalledProcessError) if fails else nullcontext():
        python = pythons.make_resolved("3.11", {}, "lowest-direct")
        assert python == tmp_path / ".venvs" / "3.11-lowest-direct" / "bin" / "python"
    assert (lock.read_bytes() if lock.exists() else None) == before
    ((arguments, place),) = calls
    assert {"--resolution", "lowest-direct", "--upgrade"} <= {*arguments}
    assert place.endswith("3.11-lowest-direct")
