"""The table in Markdown, with the machine and the versions; and the plot."""

from __future__ import annotations

import os
import platform
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import famsock
from benchmarks.measure import Row
from famsock import _calls

BEGIN, END = "<!-- figures -->\n", "<!-- end of the figures -->\n"
HEAD = (
    "| work | stdlib | famsock | ratio, median (middle half) | at most | row |\n"
    "| --- | ---: | ---: | ---: | ---: | --- |\n"
)


def machine(rounds: int) -> str:
    """Return what the figures depend on, wrapped as the page that has it."""
    with open("/proc/cpuinfo") as info:
        models = {line.partition(":")[2].strip() for line in info if line.startswith("model name")}
    return textwrap.fill(
        f"{platform.python_implementation()} {platform.python_version()}, famsock "
        f"{famsock.__version__} with system calls through {_calls.implementation()}, "
        f"{platform.system()} {platform.release()}, {os.cpu_count()} processors "
        f"({', '.join(sorted(models)) or platform.machine()}), {rounds} rounds.",
        100,
        break_long_words=False,
        break_on_hyphens=False,
    )


def line(row: Row) -> str:
    """One line of the table."""
    low, median, high = row.quartiles
    theirs, ours = (quantity(value, row.unit) for value in row.medians)
    bound = "" if row.target is None else f"{row.target:.3g}"
    found = f"**{median:.3f}**" if row.is_missed else f"{median:.3f}"
    return (
        f"| {row.name} | {theirs} | {ours} | {found} ({low:.3f}-{high:.3f}) | {bound} | "
        f"`{row.key}` |"
    )


def quantity(value: float, unit: str) -> str:
    """A figure for a reader."""
    return f"{value / 1e6:.1f} ms" if unit == "ns" and value >= 1e6 else f"{value:.0f} {unit}"


def markdown(rows: Sequence[Row], rounds: int) -> str:
    """The whole table under what it depends on."""
    return f"{machine(rounds)}\n\n{HEAD}" + "".join(f"{each}\n" for each in lines(rows))


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of the table: each group under a line with its name."""
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            yield f"| **{group}** | | | | | |"
        yield line(row)


def write_markdown(path: Path, text: str) -> None:
    """Write the table: between the two comments of a file that has them, else as the file."""
    old = path.read_text() if path.exists() else ""
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}" if begin and end else text)


def write_plot(path: Path, rows: Sequence[Row]) -> None:
    """Draw the ratios with their spread and what is asked of them, as the file's suffix says."""
    from matplotlib import pyplot

    pyplot.rcParams["svg.hashsalt"] = "famsock"
    pyplot.rcParams["svg.fonttype"] = "none"
    figure, axes = pyplot.subplots(figsize=(10, 1.5 + 0.4 * len(rows)), layout="constrained")
    places = range(len(rows), 0, -1)
    lows, medians, highs = zip(*(row.quartiles for row in rows), strict=True)
    spread = (
        [median - low for low, median in zip(lows, medians, strict=True)],
        [high - median for high, median in zip(highs, medians, strict=True)],
    )
    axes.barh(places, medians, xerr=spread, color="#4878a8", ecolor="#222222", capsize=3)
    asked = [(row.target, place) for row, place in zip(rows, places, strict=True) if row.target]
    axes.plot(*zip(*asked, strict=True), "d", color="#c44e52", label="at most") if asked else None
    axes.axvline(1, color="#222222", linewidth=1, label="the stdlib")
    axes.set_yticks(list(places), [row.name for row in rows])
    for place, row, before in zip(places, rows, [None, *rows], strict=False):
        if before is None or row.group != before.group:
            axes.axhline(place + 0.5, color="#999999", linewidth=0.8)
            axes.annotate(
                row.group,
                (1, place + 0.45),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="top",
            )
    axes.set_xscale("log")
    axes.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
    axes.set_xlabel("ratio to the stdlib; less is better")
    axes.set_ylim(0.4, len(rows) + 0.6)
    figure.legend(loc="outside upper right", ncols=2)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
