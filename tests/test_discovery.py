"""Entry points, found without importlib.metadata."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from famsock._registry.discovery import EntryPoint, _whole, entry_points

pytestmark = pytest.mark.asks_no_kernel


def test_discovery_agrees_with_importlib_metadata() -> None:
    from importlib import metadata

    ours = {(e.name, e.value) for e in entry_points("famsock")}
    theirs = {(e.name, e.value) for e in metadata.entry_points(group="famsock")}
    assert ours == theirs
    assert ours


def test_discovery_reads_archives(tmp_path: Path) -> None:
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(
            "pkg-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pkg\nVersion: 2.0\n"
        )
        file.writestr("pkg-2.0.dist-info/entry_points.txt", "[famsock]\nAF_ZIPPED = zipped\n")
    (found,) = entry_points("famsock", [str(archive)])
    assert (found.name, found.value, str(found)) == ("AF_ZIPPED", "zipped", "pkg 2.0")


def _install(folder: Path, name: str, declarations: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "entry_points.txt").write_text(declarations, encoding="utf-8")


def test_only_the_group_is_read(tmp_path: Path) -> None:
    _install(
        tmp_path,
        "pkg-1.0.dist-info",
        "[famsock.directory]\nAF_A = other\n\n[famsock]\n# AF_B = comment\n; AF_C = comment\n"
        "  AF_D = kit:families [extra]  \nAF_E=kit.part\n\n[console_scripts]\nAF_F = main\n",
    )
    assert entry_points("famsock", [str(tmp_path)]) == [
        EntryPoint("AF_D", "kit:families", "pkg", "1.0"),
        EntryPoint("AF_E", "kit.part", "pkg", "1.0"),
    ]
    assert entry_points("nothing", [str(tmp_path)]) == []


@pytest.mark.parametrize("name", ["pkg-1.0.egg-info", "Pkg-1.0.dist-info"])
def test_forms_of_a_distribution(name: str, tmp_path: Path) -> None:
    _install(tmp_path, name, "[famsock]\nAF_A = kit\n")
    assert entry_points("famsock", [str(tmp_path)]) == [EntryPoint("AF_A", "kit", "pkg", "1.0")]


def test_the_first_distribution_of_a_name_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _install(first, "my_pkg-2.0.dist-info", "[famsock]\nAF_A = new\n")
    _install(second, "My.Pkg-1.0.dist-info", "[famsock]\nAF_A = old\nAF_B = old\n")
    _install(second, "other-1.0.dist-info", "[famsock]\nAF_A = other\n")
    found = entry_points("famsock", [str(first), str(second)])
    assert found == [
        EntryPoint("AF_A", "new", "my-pkg", "2.0"),
        EntryPoint("AF_A", "other", "other", "1.0"),
    ]


def test_folders_and_files_that_are_no_distribution(tmp_path: Path) -> None:
    (tmp_path / "empty-1.0.dist-info").mkdir()
    (tmp_path / "pkg-1.0").mkdir()
    (tmp_path / "pkg-1.0" / "entry_points.txt").write_text("[famsock]\nAF_A = kit\n")
    (tmp_path / "file.pth").write_text("no archive")
    path = [str(tmp_path), str(tmp_path / "file.pth"), str(tmp_path / "not there")]
    assert entry_points("famsock", path) == []


def test_an_empty_path_entry_is_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(tmp_path, "pkg-1.0.dist-info", "[famsock]\nAF_A = kit\n")
    monkeypatch.chdir(tmp_path)
    assert [entry.name for entry in entry_points("famsock", [""])] == ["AF_A"]


def test_a_distribution_without_a_version_is_named(tmp_path: Path) -> None:
    _install(tmp_path, "pkg.egg-info", "[famsock]\nAF_A = kit\n")
    (found,) = entry_points("famsock", [str(tmp_path)])
    assert str(found) == "pkg"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("kit:FAMILY", "kit:FAMILY"),
        ("kit.part : Holder.FAMILY", "kit.part : Holder.FAMILY"),
        ("kit:FAMILY [cli,more]", "kit:FAMILY"),
        ("kit:Holder.FAMILY[cli]", "kit:Holder.FAMILY"),
        ("kit", "kit"),
    ],
)
def test_object_references_are_read_without_their_extras(
    value: str, kept: str, tmp_path: Path
) -> None:
    _install(tmp_path, "kit-1.0.dist-info", f"[famsock]\nAF_KIT = {value}\n")
    (found,) = entry_points("famsock", [str(tmp_path)])
    assert (found.name, found.value) == ("AF_KIT", kept)


def _damaged(folder: Path, what: str) -> object:
    """Make an item for the path that cannot be read, and return it."""
    info = folder / "bad-1.0.dist-info"
    declarations = info / "entry_points.txt"
    info.mkdir()
    if what == "not UTF-8":
        declarations.write_bytes(b"\xff\xfe[famsock]\nAF_\xff = x\n")
    elif what == "UTF-16":
        declarations.write_bytes("[famsock]\nAF_BAD = x\n".encode("utf-16"))
    elif what == "a directory":
        declarations.mkdir()
    elif what == "a loop":
        declarations.symlink_to(declarations.name)
    elif what == "a FIFO":
        os.mkfifo(declarations)
    elif what == "a device":
        declarations.symlink_to("/dev/zero")
    elif what == "nothing but signs":
        declarations.write_text("[\n[]\n=\n[famsock]\n")
    return folder


DAMAGES = [
    "not UTF-8", "UTF-16", "a directory", "a loop", "a FIFO", "a device", "nothing but signs",
]  # fmt: skip


def _archive(
    path: Path, method: int = 0, *, encrypted: bool = False, deflated: bool = False
) -> str:
    """Write an archive whose one member says that it is compressed so, which is not true."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflated else 0) as archive:
        archive.writestr("bad-1.0.dist-info/entry_points.txt", "[famsock]\nAF_BAD = x\n" * 99)
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\1\2")
    for flags, compression in ((6, 8), (central + 8, central + 10)):
        raw[flags] |= encrypted
        if method:
            raw[compression] = method
    if deflated:
        raw[70:90] = b"\xff" * 20
    path.write_bytes(raw)
    return str(path)


ARCHIVES: dict[str, Callable[[Path], object]] = {
    "encrypted": lambda path: _archive(path, encrypted=True),
    "bad deflate": lambda path: _archive(path, deflated=True),
    "no deflate": lambda path: _archive(path, 8),
    "bad bzip2": lambda path: _archive(path, 12),
    "bad LZMA": lambda path: _archive(path, 14),
    "unknown method": lambda path: _archive(path, 99),
    "cut off": lambda path: path.write_bytes(Path(_archive(path)).read_bytes()[:-9]) and path,
    "empty": lambda path: path.write_bytes(b"") or path,
    "only a RECORD": lambda path: _with_member(path, "bad-1.0.dist-info/RECORD"),
    "no file name": lambda path: _with_member(path, "/"),
    "null character": lambda path: "/a\0b",
    "lone surrogate": lambda path: "/\ud800",
    "too long": lambda path: "/" + "x" * 5000,
    "number": lambda path: 987,
    "None": lambda path: None,
    "bytes": lambda path: b"/tmp",
    "device": lambda path: "/dev/zero",
    "Path": lambda path: path,
}


def _with_member(path: Path, name: str) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "")
    return str(path)


@pytest.fixture
def good(tmp_path: Path) -> str:
    """A folder with one distribution that can be read."""
    _install(tmp_path / "good", "good-1.0.dist-info", "[famsock]\nAF_GOOD = good\n")
    return str(tmp_path / "good")


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("what", DAMAGES)
def test_a_distribution_that_cannot_be_read_hides_no_other(
    tmp_path: Path, good: str, what: str
) -> None:
    (tmp_path / "bad").mkdir()
    path: list[Any] = [str(_damaged(tmp_path / "bad", what)), good]
    assert [e.name for e in entry_points("famsock", path)][-1:] == ["AF_GOOD"]


@pytest.mark.usefixtures("alarm", "descriptors")
@pytest.mark.parametrize("what", ARCHIVES)
def test_an_item_of_the_path_that_cannot_be_read_hides_no_other(
    tmp_path: Path, good: str, what: str
) -> None:
    path: list[Any] = [ARCHIVES[what](tmp_path / "bad.zip"), good]
    assert [e.name for e in entry_points("famsock", path)][-1:] == ["AF_GOOD"]


@pytest.mark.parametrize("error", [TimeoutError, RuntimeError, ValueError, EOFError, MemoryError])
@pytest.mark.parametrize("where", ["listdir", "read"])
def test_what_a_handler_raises_is_not_taken_for_a_damage(
    tmp_path: Path, good: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception], where: str
) -> None:
    """Else the result would lack distributions, and be remembered."""
    archive = _archive(tmp_path / "good.zip")

    def handler(*given: object) -> Any:
        raise error

    if where == "read":
        monkeypatch.setattr(zipfile.ZipFile, "read", handler)
    else:
        monkeypatch.setattr(os, where, handler)
    with pytest.raises(error):
        entry_points("famsock", [good, archive])


@pytest.mark.parametrize("lines", [0, 1, 100_000])
def test_declarations_of_any_length(lines: int, tmp_path: Path) -> None:
    text = "[other]\n" + "# a comment\n" * lines + "[famsock]\nAF_A = kit\n"
    _install(tmp_path, "empty-1.0.dist-info", "")
    _install(tmp_path, "kit-1.0.dist-info", text)
    found = entry_points("famsock", [str(tmp_path)])
    assert found == [EntryPoint("AF_A", "kit", "kit", "1.0")]


@pytest.mark.parametrize("told_bytes", [0, 1, 5, 6, 7, 100])
def test_a_file_that_has_another_length_by_now(told_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"123456")
    with path.open("rb", 0) as file:
        assert _whole(file.fileno(), told_bytes) == b"123456"
