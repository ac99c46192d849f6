"""The parts of tools.release that need no build; test_release_built.py is for the others."""

from __future__ import annotations

import gzip
import re
import tarfile
import tomllib
from pathlib import Path

import pytest

from tools import distributions, release
from tools.distributions import ROOT

VERSION = distributions.version()


def _sdist(path: Path, members: dict[str, bytes], *, mtime: int, mode: int, uid: int) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        folder = tarfile.TarInfo("kit-1.0")
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o700, mtime
        archive.addfile(folder)
        for name, content in members.items():
            info = tarfile.TarInfo(f"kit-1.0/{name}")
            info.size, info.mtime, info.mode, info.uid = len(content), mtime, mode, uid
            info.uname = f"user{uid}"
            source = path.with_name("member")
            source.write_bytes(content)
            with source.open("rb") as file:
                archive.addfile(info, file)
    return path


def test_an_sdist_is_the_same_whoever_built_it_and_when(tmp_path: Path) -> None:
    members = {"b.py": b"b", "a.py": b"a" * 5000, "PKG-INFO": b""}
    backwards = dict(reversed(members.items()))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    one = _sdist(tmp_path / "one" / "kit.tar.gz", members, mtime=1, mode=0o640, uid=0)
    two = _sdist(tmp_path / "two" / "kit.tar.gz", backwards, mtime=2, mode=0o664, uid=1000)
    assert one.read_bytes() != two.read_bytes()
    for path in (one, two):
        release.repack(path, 1_700_000_000)
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as archive:
        names = [m.name for m in archive.getmembers()]
        assert names == ["kit-1.0", "kit-1.0/PKG-INFO", "kit-1.0/a.py", "kit-1.0/b.py"]
        assert {m.mtime for m in archive.getmembers()} == {1_700_000_000}
        assert {(m.uid, m.uname) for m in archive.getmembers()} == {(0, "")}
        assert [oct(m.mode) for m in archive.getmembers()][:2] == ["0o755", "0o644"]
        kept = archive.extractfile("kit-1.0/a.py")
        assert kept is not None
        assert kept.read() == members["a.py"]
    assert gzip.decompress(one.read_bytes())


def _files(folder: Path, *, leave_out: str = "", version: str = VERSION) -> list[Path]:
    """Empty files with the names of a release."""
    for distribution in distributions.all_of():
        stem = f"{distribution.package}-{version}"
        tags = (
            "cp311-cp311-manylinux_2_17_x86_64"
            if distribution.extra == "famsock"
            else "py3-none-any"
        )
        for name in (f"{stem}.tar.gz", f"{stem}-{tags}.whl"):
            if not leave_out or leave_out not in name:
                (folder / name).touch()
    return sorted(folder.iterdir())


def test_a_whole_release_is_complete(tmp_path: Path) -> None:
    assert release.check_completeness(_files(tmp_path)) == len(distributions.all_of())


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (f"famsock_can-{VERSION}.tar", "sdist: not one of each distribution: famsock-can"),
        (f"famsock_can-{VERSION}-py3", "wheel: not one of each distribution: famsock-can"),
        (f"famsock-{VERSION}-cp", "wheel: not one of each distribution: famsock$"),
    ],
)
def test_a_missing_file_is_told(tmp_path: Path, missing: str, says: str) -> None:
    with pytest.raises(release.ReleaseError, match=says):
        release.check_completeness(_files(tmp_path, leave_out=missing))


def test_another_version_and_the_stable_abi_are_told(tmp_path: Path) -> None:
    with pytest.raises(release.ReleaseError, match=f"the version is {re.escape(VERSION)}"):
        release.check_completeness(_files(tmp_path, version="7.7"))
    stable = tmp_path / f"famsock-{VERSION}-cp311-abi3-manylinux_2_17_x86_64.whl"
    with pytest.raises(release.ReleaseError, match="abi3 needs a check"):
        release.check_completeness([stable])


@pytest.mark.parametrize(
    ("needed", "stated", "covers"),
    [
        ("manylinux_2_5_x86_64", "manylinux_2_17_x86_64", True),
        ("manylinux_2_17_aarch64", "manylinux_2_17_aarch64", True),
        ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", False),
        ("manylinux_3_0_x86_64", "manylinux_2_17_x86_64", False),
        ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", False),
        ("musllinux_1_2_x86_64", "musllinux_1_2_x86_64", True),
        ("musllinux_1_2_x86_64", "manylinux_2_17_x86_64", False),
        ("linux_x86_64", "manylinux_2_17_x86_64", False),
    ],
)
def test_what_a_wheel_needs_is_in_what_its_name_states(
    needed: str, stated: str, covers: bool
) -> None:
    assert release._covers(needed, stated) == covers


def test_two_builds_that_differ_are_told() -> None:
    release.compare({"a": "1"}, {"a": "1"})
    with pytest.raises(release.ReleaseError, match="two builds differ: a, b"):
        release.compare({"a": "1", "b": "1"}, {"a": "2"})


def test_a_command_that_fails_is_told_with_what_it_printed() -> None:
    with pytest.raises(release.ReleaseError, match=r"status 3\nsaid"):
        release.run("sh", "-c", "echo said; exit 3")


def test_pythons_and_targets_are_those_of_cibuildwheel() -> None:
    """The configuration for containers builds what the command builds without."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        config = tomllib.load(file)["tool"]["cibuildwheel"]
    linux = config["linux"]
    stated = {
        (linux[f"{libc}-{machine}-image"], machine)
        for libc in ("manylinux", "musllinux")
        for machine in linux["archs"]
    }
    alias = {"manylinux_2_17": "manylinux2014"}
    assert stated == {
        (
            alias.get(t.tag.removesuffix(f"_{t.machine}"), t.tag.removesuffix(f"_{t.machine}")),
            t.machine,
        )
        for t in release.TARGETS
    }
    word = "Programming Language :: Python :: 3."
    classifiers = distributions.core().project["classifiers"]
    minors = [c.removeprefix(word) for c in classifiers if c.startswith(word)]
    assert config["build"] == [f"cp3{minor}-*linux*" for minor in minors]


def test_names_of_compiled_modules() -> None:
    by_tag = {target.tag: target.suffix("3.13") for target in release.TARGETS}
    assert by_tag["manylinux_2_17_aarch64"] == ".cpython-313-aarch64-linux-gnu.so"
    assert by_tag["musllinux_1_2_x86_64"] == ".cpython-313-x86_64-linux-musl.so"


def test_commands_of_the_page_are_ones_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/releasing.md calls the tools with options that they have."""
    page = (ROOT / "docs" / "releasing.md").read_text()
    lines = re.findall(r"^ *(uv run .*python -m tools.*)$", page, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        tool, *words = line.partition("python -m tools.")[2].split()
        if tool == "release":
            release.parser().parse_args(words)
        elif tool == "man_pages":
            assert len(words) == 1
        elif tool == "emulation":
            assert words == ["dist"]
        elif "--names" in words:
            assert distributions.main(words) == 0
            assert capsys.readouterr().out.split() == [d.name for d in distributions.all_of()]
        else:
            assert words == ["--write"]
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert set(re.findall(r"--(?:only-)?group (\w+)", page)) <= {*groups}
