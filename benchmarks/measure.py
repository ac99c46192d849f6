"""Pairs of figures, one for each side, taken in turn; and what is told of them.

Every round measures one side right after the other, and the order alternates, so that a machine
whose speed drifts disturbs both alike. Figures are CPU time, which other processes disturb least.
A ratio's median over the rounds is what counts; the spread is the middle half of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

Work = Callable[[int], int | None]
"""Does a piece of work so many times; may return the nanoseconds that count."""

Pairs = list[tuple[float, float]]
"""The other side's figure and famsock's, of each round."""


class CoarseClockError(Exception):
    """The clock of CPU time did not move during a measurement."""


class Row(NamedTuple):
    """One line of the table: what was compared, and with which figures.

    ``key`` names it on the command line. ``target`` is the greatest ratio that we accept. Rows of
    one ``group`` stand together.
    """

    key: str
    name: str
    pairs: Pairs
    target: float | None
    unit: str = "ns"
    group: str = ""

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """A quarter, half and three quarters of the ratios are below these."""
        low, median, high = statistics.quantiles(
            (ours / theirs for theirs, ours in self.pairs), n=4
        )
        return low, median, high

    @property
    def medians(self) -> tuple[float, float]:
        """The median of each side's figures."""
        theirs, ours = zip(*self.pairs, strict=True)
        return statistics.median(theirs), statistics.median(ours)

    @property
    def is_missed(self) -> bool:
        """Whether the ratio is above the target."""
        return self.target is not None and self.quartiles[1] > self.target


def alternate(theirs: Callable[[], float], ours: Callable[[], float], rounds: int) -> Pairs:
    """Both sides' figures, round by round, in alternating order."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            second, first = ours(), theirs()
        else:
            first, second = theirs(), ours()
        pairs.append((first, second))
    return pairs


def work_ns(work: Work, repeat: int) -> float:
    """Nanoseconds of CPU for one piece of work, those of the kernel included."""
    start_ns = time.process_time_ns()
    measured_ns = work(repeat)
    elapsed_ns = time.process_time_ns() - start_ns
    spent_ns = elapsed_ns if measured_ns is None else measured_ns
    if spent_ns <= 0:
        raise CoarseClockError("too little work for this machine's clock of CPU time")
    return spent_ns / repeat
