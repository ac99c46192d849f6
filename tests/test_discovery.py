"""Entry points, found without importlib.metadata."""

from __future__ import annotations

from pathlib import Path

from famsock._registry.discovery import entry_points


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
