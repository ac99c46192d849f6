"""``python -m tests.matrix``: the table of kernels, Pythons and families in the documentation.

Usage::

    python -m tests.matrix FOLDER…              # take results from folders, and write the page
    python -m tests.matrix --tests TEXT FOLDER… # say which tests ran there, if it was not all
    python -m tests.matrix --show FOLDER        # print the runs in it that CI has; write nothing
    python -m tests.matrix --check              # fail if the page is not what the results give

A folder has the name of a run (``6.12``, ``6.12-ctypes``), and in it what the run left:

* ``doctor.json``, the output of ``famsock doctor --json``;
* ``junit.xml`` of pytest, if it ran, as ``python -m tests.lab run --results`` writes it.

``docs/matrix.json`` keeps the results of all runs, and ``docs/matrix.md`` shows them. A run of the
same name replaces the former one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.debian_pythons.pythons import PYTHONS
from tests.debian_pythons.report import Result, read_junit, show
from tests.lab.qemu import KERNELS

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """\
# Kernels, Pythons and families

<!-- Written by `python -m tests.matrix` from docs/matrix.json. -->

Each run below is one kernel, one Python and one raw layer. [Tests](tests.md#the-matrix) says how it
is made. A run with `-` for its tests only asked `famsock doctor`.

## Runs

| run | kernel | Python | system calls | tests | passed | failed | skipped |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
FAMILIES = """
## Families

A cell has the number of protocols whose self-test `famsock doctor` passed, of those that the kernel
has, of all that the plugin serves. A protocol without a self-test counts if a socket of it opens.
`-` stands for a family that is not for this system.

"""
Run = dict[str, Any]


def read(folder: Path, tests: str = "all") -> Run:
    """Return the results in a folder; FileNotFoundError if it has no ``doctor.json``.

    ``tests`` says which tests ran.
    """
    told = json.loads((folder / "doctor.json").read_text())
    families: dict[str, list[int]] = {}
    for row in told["protocols"]:
        counts = families.setdefault(row["family"], [0, 0, 0])
        if not row["protocol"]:
            continue  # it is told of the family
        counts[0] += bool(row["kernel"]) and not row["trouble"]
        counts[1] += bool(row["kernel"])
        counts[2] += 1
    kernel = re.split("[-+]", told["kernel"])[0]  # what a distribution adds is its own numbering
    run: Run = {"kernel": kernel, "python": told["python"], "syscalls": told["syscalls"]}
    if (folder / "junit.xml").exists():
        run["tests"] = tests
        run["passed"], run["failed"], run["skipped"], _ = read_junit(folder / "junit.xml")
    return {**run, "families": families}


def result(folder: Path) -> Result:
    """Return a row of the printed table; one without numbers if the folder has no results."""
    if not (folder / "junit.xml").exists():
        return Result(folder.name, why=("no results: left out, or it could not be had",))
    passed, failed, skipped, why = read_junit(folder / "junit.xml")
    syscalls = read(folder)["syscalls"] if (folder / "doctor.json").exists() else "doctor failed"
    return Result(folder.name, syscalls, 0, passed, failed, skipped, why=why)


def merged(old: Mapping[str, Run], folders: Iterable[Path], tests: str = "all") -> dict[str, Run]:
    """Return the runs by name, those in the folders in place of former ones."""
    new = {folder.name: read(folder, tests) for folder in folders}
    return dict(sorted({**old, **new}.items()))


def page(runs: Mapping[str, Run]) -> str:
    """Return the page that shows the runs."""
    lines = []
    for name, run in runs.items():
        tests = [str(run.get(key, "-")) for key in ("tests", "passed", "failed", "skipped")]
        lines.append(_row([name, run["kernel"], run["python"], run["syscalls"], *tests]))
    lines.append(FAMILIES)
    lines += [_row(["family", *runs]), _row(["---"] * (1 + len(runs)))]
    for family in sorted({family for run in runs.values() for family in run["families"]}):
        cells = [_cell(run["families"].get(family)) for run in runs.values()]
        lines.append(_row([family, *cells]))
    return HEAD + "".join(lines)


def _cell(counts: Sequence[int] | None) -> str:
    return "-" if counts is None or not counts[2] else " / ".join(map(str, counts))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def main(arguments: Sequence[str], docs: Path = DOCS) -> int:
    top = argparse.ArgumentParser(
        prog="python -m tests.matrix",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--check", action="store_true", help="write nothing")
    top.add_argument("--show", type=Path, metavar="FOLDER", help="print CI's runs in it instead")
    top.add_argument("--tests", default="all", help="which tests ran; default: %(default)s")
    top.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    options = top.parse_args(arguments)
    if options.show:
        names = [*(python.name for python in PYTHONS), *KERNELS]
        show([result(options.show / name) for name in names], "run")
        return 0
    results, shown = docs / "matrix.json", docs / "matrix.md"
    old = json.loads(results.read_text()) if results.exists() else {}
    runs = merged(old, [folder.resolve() for folder in options.folders], options.tests)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(run)}" for name, run in runs.items())
    texts = {results: f"{{\n{lines}\n}}\n", shown: page(runs)}
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    if options.check:
        for path in stale:
            print(f"{path} is stale: run python -m tests.matrix", file=sys.stderr)
        return int(bool(stale))
    for path in stale:
        path.write_text(texts[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
