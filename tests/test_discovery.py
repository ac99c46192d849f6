"""Entry points, found without importlib.metadata."""

from __future__ import annotations

from pathlib import Path

import pytest

from famsock._registry.discovery import EntryPoint, entry_points


def test_discovery_agrees_with_importlib_metadata() -> None:
    from importlib import metadata

    ours = {(e.name, e.value) for e in entry_points("famsock")}
    theirs = {(e.name, e.value) for e in metadata.entry_points(group="famsock")}
    assert ours == theirs
    assert ours


def test_discovery_reads_archives(tmp_path: Path) -> None:
    import zipfile

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
