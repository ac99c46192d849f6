"""The benchmarks run, and tell what they found; how fast anything is says nothing here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from benchmarks import report
from benchmarks.__main__ import GROUPS, PLAN
from benchmarks.cases import BY_KEY, LAB_CASES
from benchmarks.echo import KEEPS_MEMORY, server_ns
from benchmarks.measure import CoarseClockError, Row, work_ns
from benchmarks.processes import counted, run


def benchmarks(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "--rounds", "2", *arguments]
    root = Path(__file__).parent.parent
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_round_has_no_spread() -> None:
    command = [sys.executable, "-m", "benchmarks", "--rounds", "1", "udp"]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("--rounds must be at least 2: a ratio is shown with its spread\n")


@pytest.mark.slow
def test_rows_by_name(tmp_path: Path) -> None:
    path = tmp_path / "figures.md"
    path.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n")
    printed = benchmarks("udp-ctypes", "txtime", "memory", "--markdown", str(path))
    before, _, rest = path.read_text().partition(report.BEGIN)
    figures, _, after = rest.partition(report.END)
    assert (before, after) == ("before\n", "after\n")
    assert printed.strip() == figures.strip()
    groups = [line for line in printed.splitlines() if line.startswith("| **")]
    assert [line.split("**")[1] for line in groups] == [
        "typed calls", "ctypes", "start-up and memory",
    ]  # fmt: skip
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


@pytest.mark.slow
def test_instructions_are_counted() -> None:
    """An option costs some hundred to some thousand of them; without valgrind that is said."""
    case = BY_KEY["getsockopt"]
    if shutil.which("valgrind") is None:
        with pytest.raises(PermissionError, match="valgrind is not installed"):
            counted(case, "ours", 1)
        return
    less, more = (counted(case, "ours", repeat) for repeat in (1, 10_001))
    assert 3_000_000 < more - less < 300_000_000


@pytest.mark.slow
@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("kind", ["endpoint", "given", "batch", "stream", "freed"])
def test_an_echo_server_tells_its_cpu_time(kind: str) -> None:
    assert 500 < server_ns(kind, KEEPS_MEMORY) < 1e8


@pytest.mark.slow
@pytest.mark.skipif(find_spec("aioquic") is None, reason="needs aioquic")
@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("side", ["asyncio", "ours"])
def test_a_transfer_by_aioquic_tells_its_cpu_time(side: str) -> None:
    assert 1e6 < float(run("-m", "benchmarks.quic", side)) < 1e11


def test_groups_name_rows_once() -> None:
    grouped = [key for keys in GROUPS.values() for key in keys]
    assert len(grouped) == len({*grouped})
    known = {*BY_KEY, *(planned.key for planned in PLAN)}
    for module, rows in (("uvloop", "uvloop-endpoint"), ("aioquic", "aioquic-bulk")):
        if find_spec(module) is None:
            grouped = [key for key in grouped if not key.startswith(rows)]
    assert {*grouped} <= known
    assert {planned.group for planned in PLAN} == {*GROUPS}


def test_groups_stand_together() -> None:
    pairs = [(100.0, 120.0), (100.0, 110.0)]
    rows = [
        Row(key, "work", pairs, None, group=group)
        for key, group in (("a", "calls"), ("b", "calls"), ("c", "batches"))
    ]
    assert [line.split("|")[-2].strip() or line for line in report.lines(rows)] == [
        "| **calls** | | | | | |", "`a`", "`b`", "| **batches** | | | | | |", "`c`",
    ]  # fmt: skip


def test_the_plot_names_the_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for matplotlib that keeps what it is told: not every environment has it."""
    figure, axes, pyplot = MagicMock(), MagicMock(), MagicMock()
    pyplot.subplots.return_value = figure, axes
    monkeypatch.setitem(sys.modules, "matplotlib", MagicMock(pyplot=pyplot))
    rows = [
        Row(key, f"work {key}", [(1.0, 1.2), (1.0, 1.1)], 1.1, group=group)
        for key, group in (("a", "calls"), ("b", "calls"), ("c", "batches"))
    ]
    report.write_plot(tmp_path / "plot.svg", rows)
    assert axes.set_yticks.call_args.args == ([3, 2, 1], ["work a", "work b", "work c"])
    named = [(call.args[0], call.args[1][1]) for call in axes.annotate.call_args_list]
    assert named == [("calls", 3.45), ("batches", 1.45)]
    assert figure.savefig.call_args.args == (tmp_path / "plot.svg",)


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
