"""A release for this Python, built by tools.release: what is in it, and what its checks find."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import famsock
from tools import distributions

from .conftest import NEEDS_UV, REPOSITORY, Release, run

pytestmark = [NEEDS_UV, pytest.mark.slow]
PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"


def test_one_command_builds_and_checks(released: Release) -> None:
    for line in (
        "a second build is equal, byte for byte",
        "twine check: metadata and readmes are valid",
        "check-wheel-contents: no complaint",
        "2 compiled wheels: complete, stripped, and of the platform they state",
    ):
        assert line in released.said
    passed = re.search(r"from wheels only: .*?(\d+) passed", released.said)
    assert passed is not None
    assert int(passed[1]) > 500
    assert "failed" not in released.said


def test_every_distribution_is_there(released: Release) -> None:
    version = distributions.version()
    wanted = {f"{d.package}-{version}.tar.gz" for d in distributions.all_of()}
    wanted |= {f"{d.package}-{version}-py3-none-any.whl" for d in distributions.plugins()}
    wanted |= {
        f"famsock-{version}-{PYTHON}-{PYTHON}-{tag}.whl"
        for tag in ("manylinux_2_17_x86_64", "musllinux_1_2_x86_64")
    }
    assert {path.name for path in released.dist.iterdir()} == wanted


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_metadata_of_the_wheels_which_sdists_made(released: Release) -> None:
    """The version and the readme are made when an sdist is built, and read from it after that."""
    names = {d.name for d in distributions.all_of()}
    wheels = sorted(released.dist.glob("*.whl"))
    assert wheels
    for wheel in wheels:
        metadata = _metadata(wheel)
        assert metadata["Version"] == famsock.__version__
        assert metadata.get_all("License-File") == ["LICENSE"]
        assert metadata["Description-Content-Type"] == "text/markdown"
        readme = str(metadata.get_payload())
        assert readme.lstrip().startswith(f"# {metadata['Name']}\n")
        links = re.findall(r"\]\(([^)]*)\)", readme)
        assert links
        assert [link for link in links if not link.startswith("https://")] == []
        ours = [
            r for r in map(Requirement, metadata.get_all("Requires-Dist", [])) if r.name in names
        ]
        bounds = distributions.bounds(famsock.__version__)
        assert all(r.specifier == Requirement(f"x{bounds}").specifier or r.extras for r in ours)


# Faults that the checks must find


def _refused(released: Release, check: str, wheel: Path) -> str:
    """Return what a check says of a wheel, which it must refuse."""
    code = f"import pathlib, tools.release as r; r.{check}(pathlib.Path({str(wheel)!r}))"
    said = run(released.python, "-c", code, cwd=REPOSITORY, status=1)
    return said.partition("ReleaseError: ")[2]


def _of(released: Release, tag: str) -> Path:
    (wheel,) = released.dist.glob(f"*-{tag}.whl")
    return wheel


def _changed(wheel: Path, to: Path, leave_out: str = "", instead: bytes = b"") -> Path:
    """A copy of a wheel, with a compiled module left out or another content in it."""
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(to / wheel.name, "w") as after:
        for name in before.namelist():
            if not name.startswith(leave_out or "/"):
                after.writestr(name, before.read(name))
            elif instead:
                after.writestr(name, instead)
    return to / wheel.name


def test_a_module_that_was_not_compiled_is_found(released: Release, tmp_path: Path) -> None:
    wheel = _changed(_of(released, "manylinux_2_17_x86_64"), tmp_path, "famsock/_records.c")
    assert "_records'], compiled" in _refused(released, "check_modules", wheel)


def test_a_module_that_is_not_stripped_is_found(released: Release, tmp_path: Path) -> None:
    """The Python that runs the tests has modules of another build, with their symbols."""
    own = sorted((REPOSITORY / "famsock").glob("_records.cpython-*.so"))
    if not own:
        pytest.skip("needs the compiled layer: uv sync --reinstall-package famsock")
    wheel = _of(released, "manylinux_2_17_x86_64")
    wheel = _changed(wheel, tmp_path, "famsock/_records.c", own[0].read_bytes())
    assert "is not stripped" in _refused(released, "check_modules", wheel)


@pytest.mark.parametrize(
    ("tag", "stated", "check", "says"),
    [
        ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "check_modules", "is for x86_64"),
        ("manylinux_2_17_x86_64", "manylinux_2_5_x86_64", "check_platform", "auditwheel says"),
        ("musllinux_1_2_x86_64", "manylinux_2_17_x86_64", "check_platform", "with musl libc"),
    ],
)
def test_a_name_that_states_another_platform_is_found(
    released: Release, tmp_path: Path, tag: str, stated: str, check: str, says: str
) -> None:
    wheel = _of(released, tag)
    named = tmp_path / wheel.name.replace(tag, stated)
    shutil.copy(wheel, named)
    assert says in _refused(released, check, named)
