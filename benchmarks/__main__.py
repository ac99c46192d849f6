"""``python -m benchmarks [--rounds N]``: the table of ratios to the stdlib, in Markdown.

Every round measures one side right after the other, and the order alternates, so that a machine
whose speed drifts disturbs both alike. A ratio's median over the rounds is what counts; the spread
is the middle half of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import famsock
from benchmarks.cases import CASES, PROCESSES, Case, Work
from famsock import syscalls


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="measured pairs for each row")
    rounds = parser.parse_args().rounds
    print(
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.release()}, system calls through "
        f"{syscalls.implementation()}, {rounds} rounds\n"
    )
    print("| work | stdlib | famsock | ratio, median (middle half) | at most |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for case in CASES:
        row(case.name, in_process(case, rounds), case.target)
    for name, theirs, ours, target in PROCESSES:
        row(name, alternate(partial(process_ns, theirs), partial(process_ns, ours), rounds), target)


ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
Pairs = list[tuple[float, float]]


def row(name: str, pairs: Pairs, target: float | None) -> None:
    """Print one row of the table."""
    ratios = sorted(ours / theirs for theirs, ours in pairs)
    low, median, high = statistics.quantiles(ratios, n=4)
    theirs, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    bound = "" if target is None else f"{target:.2f}"
    print(
        f"| {name} | {duration(theirs)} | {duration(ours)} | "
        f"{median:.3f} ({low:.3f}-{high:.3f}) | {bound} |",
        flush=True,
    )


def duration(ns: float) -> str:
    """A time for a reader."""
    return f"{ns / 1e6:.1f} ms" if ns >= 1e6 else f"{ns:.0f} ns"


def in_process(case: Case, rounds: int) -> Pairs:
    """Pairs of nanoseconds per piece of work, both modules in this process."""
    with case.work(socket) as theirs, case.work(famsock) as ours:
        theirs(100)
        ours(100)
        return alternate(
            lambda: work_ns(theirs, case.repeat), lambda: work_ns(ours, case.repeat), rounds
        )


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
    """Nanoseconds for one piece of work."""
    start_ns = time.perf_counter_ns()
    measured_ns = work(repeat)
    elapsed_ns = time.perf_counter_ns() - start_ns
    return (elapsed_ns if measured_ns is None else measured_ns) / repeat


def process_ns(code: str) -> float:
    """Nanoseconds for a whole interpreter that runs ``code``, with byte code as if installed."""
    start_ns = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return float(time.perf_counter_ns() - start_ns)


if __name__ == "__main__":
    main()
