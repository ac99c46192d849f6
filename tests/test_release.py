"""The parts of tools.release that need no build; test_release_built.py is for the others."""

from __future__ import annotations

import gzip
import re
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests import pythons
from tests.debian_pythons.pythons import Python
from tests.debian_pythons.root import Root, UnavailableError
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


@pytest.fixture
def pythons_there(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of Debian's Pythons that can be had; 3.13.1 and 3.14.0 are installed."""
    there = {"3.14", "3.15"}

    def bring(python: Python, root: Root, *, update: bool) -> tuple[str, str]:
        if python.name not in there:
            raise UnavailableError("no such package today")
        return f"/usr/bin/python{python.name}", "1"

    monkeypatch.setattr(Root, "make", lambda _: None)
    monkeypatch.setattr(Python, "bring", bring)
    monkeypatch.setattr(pythons, "environment", dict)
    monkeypatch.setattr(pythons, "installed", lambda _: ["3.13.1", "3.14.0"])
    monkeypatch.setattr(pythons, "uv", lambda *words, env: f"/found/{words[-1]}\n")
    return there


def test_pythons_are_those_installed_and_debians_besides(pythons_there: set[str]) -> None:
    told: list[str] = []
    found = release.interpreters((), told.append)
    assert {name: python.path for name, python in found.items()} == {
        "3.13.1": "/found/3.13.1",
        "3.14.0": "/found/3.14.0",
        "debian:3.15": "/usr/bin/python3.15",
    }
    assert found["3.14.0"].root is None
    assert found["debian:3.15"].root == Root.default()
    assert told == []


def test_a_python_that_cannot_be_had_is_told_or_refused(pythons_there: set[str]) -> None:
    pythons_there.remove("3.15")
    told: list[str] = []
    assert [*release.interpreters((), told.append)] == ["3.13.1", "3.14.0"]
    assert told == ["no wheels for debian:3.15: no such package today"]
    assert [*release.interpreters(["3.12", "debian:3.14"], told.append)] == ["3.12", "debian:3.14"]
    for request, reason in (("debian:3.15", "no such package today"), ("debian:2.7", "no such Py")):
        with pytest.raises(release.ReleaseError, match=f"{request}: .*{reason}"):
            release.interpreters([request], told.append)


def test_headers_are_copied_without_debians_switch(tmp_path: Path) -> None:
    """Debian's pyconfig.h names another one for each processor, outside its folder."""
    usr = tmp_path / "usr" / "include"
    for folder in ("python3.99", "x86-linux/python3.99"):
        (usr / folder).mkdir(parents=True)
    (usr / "python3.99" / "Python.h").write_text("python")
    (usr / "python3.99" / "pyconfig.h").write_text("switch")
    (usr / "x86-linux/python3.99" / "pyconfig.h").write_text("own")
    program = tmp_path / "python"
    said = f'["3.99", "{usr / "python3.99"}", "x86-linux"]'
    program.write_text(f"#!/bin/sh\necho warning\necho '{said}'\n")
    program.chmod(0o755)
    version, headers = release.Interpreter(str(program)).headers(tmp_path / "copy")
    assert version == "3.99"
    assert {path.name: path.read_text() for path in headers.iterdir()} == {
        "Python.h": "python",
        "pyconfig.h": "own",
    }


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
