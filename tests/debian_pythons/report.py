"""Results of the tests of a run, and the table of all runs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Result:
    """The results of the tests on one Python with one layer.

    :ivar status: the exit status of the run; None where the Python could not be had.
    :ivar why: the reasons of what was skipped, with their numbers, or why there was no run.
    """

    python: str
    layer: str = ""
    status: int | None = None
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    why: tuple[str, ...] = field(default=())


def read_junit(path: Path) -> tuple[int, int, int, tuple[str, ...]]:
    """Return how many tests passed, failed and were skipped, and the reasons of the last."""
    failed: set[tuple[str | None, str | None]] = set()
    reasons: Counter[str] = Counter()
    tests = set()
    for case in ET.parse(path).iter("testcase"):
        test = case.get("classname"), case.get("name")
        tests.add(test)  # one that fails in its teardown too has two
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(test)
        elif (skipped := case.find("skipped")) is not None:
            reasons[re.sub(r"\s+", " ", skipped.get("message") or "no reason")] += 1
    why = tuple(f"{number} x {reason}" for reason, number in reasons.most_common())
    count = reasons.total()
    return len(tests) - len(failed) - count, len(failed), count, why


def table(results: list[Result], first: str = "Python") -> Table:
    """Return the closing table: a row for each run; ``first`` is the head of the first column."""
    made = Table(first, "layer", "passed", "failed", "skipped", "seconds", "why")
    for result in results:
        numbers = (result.passed, result.failed, result.skipped, round(result.seconds))
        cells = ["-"] * 4 if result.status is None else [str(number) for number in numbers]
        why = list(result.why)
        if result.status and not result.failed:
            why.insert(0, f"the run ended with status {result.status}")
        made.add_row(result.python, result.layer, *cells, "\n".join(why))
    return made


def show(results: list[Result], first: str = "Python") -> None:
    """Print the table, as wide as the terminal; 160 columns where there is none."""
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table(results, first))
