"""The benchmarks run, and tell what they found; how fast anything is says nothing here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.cases import LAB_CASES
from benchmarks.measure import CoarseClockError, Row, work_ns

pytestmark = pytest.mark.usefixtures("alarm")


def benchmarks(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "--rounds", "2", *arguments]
    root = Path(__file__).parent.parent
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_rows_by_name(tmp_path: Path) -> None:
    path = tmp_path / "figures.md"
    path.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n")
    printed = benchmarks("udp-ctypes", "txtime", "memory", "--markdown", str(path))
    before, _, rest = path.read_text().partition(report.BEGIN)
    figures, _, after = rest.partition(report.END)
    assert (before, after) == ("before\n", "after\n")
    assert printed.strip() == figures.strip()
    rows = [line for line in printed.splitlines() if line.endswith("` |")]
    assert [row.split("`")[1] for row in rows] == ["txtime", "udp-ctypes", "memory"]
    assert " bytes | " in rows[2]


@pytest.mark.slow
def test_rows_of_families_that_this_kernel_lacks_are_left_out() -> None:
    rows = [line for line in benchmarks("lab").splitlines() if line.endswith("` |")]
    assert [row.split("`")[1] for row in rows] == [
        case.key for case in LAB_CASES if case.is_possible
    ]


def test_a_clock_that_does_not_move() -> None:
    with pytest.raises(CoarseClockError, match="too little work"):
        work_ns(lambda _: 0, 10)


def test_a_file_without_a_place_for_them_is_the_table(tmp_path: Path) -> None:
    path = tmp_path / "new.md"
    report.write_markdown(path, "figures")
    report.write_markdown(path, "others")
    assert path.read_text() == "others"


def test_a_row_of_the_table() -> None:
    pairs = [(100.0, 120.0), (100.0, 110.0), (200.0, 180.0), (100.0, 130.0)]
    row = Row("key", "work", pairs, 1.1)
    assert row.medians == (100, 125)
    assert row.is_missed
    assert not row._replace(target=1.2).is_missed
    assert not row._replace(target=None).is_missed
    assert report.line(row) == (
        "| work | 100 ns | 125 ns | **1.150** (0.950-1.275) | 1.1 | `key` |"
    )
    assert report.quantity(2.5e6, "ns") == "2.5 ms"
