"""The page of kernels, Pythons and families: made from results, and up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from famsock._registry import plugins
from tests import matrix
from tests.debian_pythons.pythons import PYTHONS
from tests.lab.qemu import KERNELS

JUNIT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure message="why"/></testcase>
<testcase classname="a" name="three"><skipped message="why"/></testcase>
<testcase classname="a" name="four"/>
</testsuite></testsuites>"""


def row(family: str, protocol: str, kernel: bool | None, trouble: str = "") -> dict[str, Any]:
    return {"family": family, "protocol": protocol, "kernel": kernel, "trouble": trouble}


ROWS = [
    row("AF_ONE", "stream", True),
    row("AF_ONE", "datagram", True, "no answer within 60 s"),
    row("AF_ONE", "raw", False, "Protocol not supported"),
    row("AF_ONE", "unknown", None, "Too many open files"),
    row("AF_TWO", "", False, "is for darwin, not linux"),
    row("AF_SIX", "six", True),
]


def folder(place: Path, name: str, rows: list[dict[str, Any]], junit: str = "") -> Path:
    """A folder with the results of a run."""
    made = place / name
    made.mkdir()
    told = {"python": "CPython 3.11.7", "kernel": f"Linux {name}+deb12-2", "syscalls": "compiled"}
    (made / "doctor.json").write_text(json.dumps({**told, "why_ctypes": "", "protocols": rows}))
    if junit:
        (made / "junit.xml").write_text(junit)
    return made


def test_a_page_from_results(tmp_path: Path) -> None:
    folders = [folder(tmp_path, "6.12", ROWS, JUNIT), folder(tmp_path, "6.1", ROWS[-1:])]
    docs = tmp_path / "docs"
    docs.mkdir()
    assert matrix.main([*map(str, folders)], docs) == 0
    page = (docs / "matrix.md").read_text()
    assert page.startswith("# Kernels, Pythons and families\n")
    assert [line for line in page.splitlines() if line.startswith("| ")] == [
        "| run | kernel | Python | system calls | tests | passed | failed | skipped |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| 6.1 | Linux 6.1 | CPython 3.11.7 | compiled | - | - | - | - |",
        "| 6.12 | Linux 6.12 | CPython 3.11.7 | compiled | all | 2 | 1 | 1 |",
        "| family | 6.1 | 6.12 |",
        "| --- | --- | --- |",
        "| AF_ONE | - | 1 / 2 / 4 |",
        "| AF_SIX | 1 / 1 / 1 | 1 / 1 / 1 |",
        "| AF_TWO | - | - |",
    ]


def test_runs_are_shown_and_one_without_results_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path, "6.12", ROWS, JUNIT)
    docs = tmp_path / "docs"
    docs.mkdir()
    assert matrix.main(["--show", str(tmp_path)], docs) == 0
    cells = [
        [cell.strip() for cell in line[1:-1].split("│")]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("│")
    ]
    none = "no results: left out, or it could not be had"
    ran = ["6.12", "compiled", "2", "1", "1", "0", "1 x why"]
    names = [*(python.name for python in PYTHONS), *KERNELS]
    assert cells == [ran if name == ran[0] else [name, "", *"----", none] for name in names]
    assert not list(docs.iterdir())


def test_a_run_replaces_the_former_one_of_its_name(tmp_path: Path) -> None:
    docs, later = tmp_path / "docs", tmp_path / "later"
    docs.mkdir()
    later.mkdir()
    for name in ("6.1", "6.12"):
        assert matrix.main([str(folder(tmp_path, name, ROWS))], docs) == 0
    assert matrix.main([str(folder(later, "6.1", ROWS[:1]))], docs) == 0
    assert "| AF_ONE | 1 / 1 / 1 | 1 / 2 / 4 |" in (docs / "matrix.md").read_text()


def test_a_run_of_a_part_of_the_tests_says_so(tmp_path: Path) -> None:
    assert (
        matrix.main(["--tests", "errors", str(folder(tmp_path, "7", ROWS, JUNIT))], tmp_path) == 0
    )
    row = "| 7 | Linux 7 | CPython 3.11.7 | compiled | errors | 2 | 1 | 1 |"
    assert row in (tmp_path / "matrix.md").read_text().splitlines()


def test_a_page_that_was_changed_by_hand_is_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert matrix.main(["--check"], tmp_path) == 1  # there is none
    assert matrix.main([str(folder(tmp_path, "6.12", ROWS))], tmp_path) == 0
    assert matrix.main(["--check"], tmp_path) == 0
    capsys.readouterr()
    page = tmp_path / "matrix.md"
    page.write_text(page.read_text().replace("1 / 2 / 4", "4 / 4 / 4"))
    assert matrix.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err == f"{page} is stale: run python -m tests.matrix\n"
    assert matrix.main([], tmp_path) == 0
    assert matrix.main(["--check"], tmp_path) == 0


def test_results_that_were_not_taken_are_stale(tmp_path: Path) -> None:
    assert matrix.main([str(folder(tmp_path, "6.12", ROWS))], tmp_path) == 0
    assert matrix.main(["--check", str(folder(tmp_path, "6.1", ROWS))], tmp_path) == 1


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        matrix.main([str(tmp_path)], tmp_path)
    assert not (tmp_path / "matrix.md").exists()


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    assert matrix.main(["--check"]) == 0


def test_each_installed_family_is_in_the_documentation() -> None:
    runs = json.loads((matrix.DOCS / "matrix.json").read_text())
    known = {family for run in runs.values() for family in run["families"]}
    installed = {str(row["family"]) for row in plugins.describe() if row["distributions"]}
    assert installed <= known
