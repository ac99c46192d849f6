"""``python -m tests.oracle [SUITE]…``: CPython's own tests on both sockets, and what differs."""

from __future__ import annotations

import sys

from tests.oracle import suites

SHOWN = 20


def main(names: list[str]) -> int:
    lost = 0
    for name in names or suites.SUITES:
        if not suites.exists(sys.executable, name):
            print(f"{name}: not shipped with {sys.version.split()[0]}")
            continue
        stdlib, ours = suites.run(name, famsock=False), suites.run(name, famsock=True)
        print(f"{name}\n  stdlib:  {stdlib}\n  famsock: {ours}", flush=True)
        differences = suites.compare(stdlib, ours)
        lost += len(differences)
        for line in differences[:SHOWN]:
            print(f"  LOST {line}")
        if differences:
            print(f"  {len(differences)} tests lost; famsock's run ends:\n{ours.tail}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
