"""Compare others' tests on both sockets: ``python -m tests.upstream [SUITE]…``."""

from __future__ import annotations

import platform
import sys

from tests.upstream import suites

SHOWN = 20


def main(names: list[str]) -> int:
    if unknown := set(names) - set(suites.SUITES):
        print(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(suites.SUITES)}")
        return 2
    shipped = suites.shipped()
    print(f"CPython {platform.python_version()}, Linux {platform.release()}", flush=True)
    worse = 0
    for name in names or suites.SUITES:
        if name in shipped:
            worse += compare(name)
        else:
            print(f"{name}: not installed with this Python")
    return 1 if worse else 0


def compare(name: str) -> int:
    """Run one suite on both sides, say what differs; how many tests famsock lost."""
    print(name, flush=True)
    stdlib, ours = suites.run(name, famsock=False), suites.run(name, famsock=True)
    for side, outcome in (("stdlib", stdlib), ("famsock", ours)):
        print(f"  {side + ':':8} {outcome}\n           {outcome.command}")
    lost, gained = suites.lost(stdlib, ours), suites.gained(stdlib, ours)
    for word, lines in (("GAINED", gained), ("LOST", lost)):
        for line in lines[:SHOWN]:
            print(f"  {word} {line}")
    if lost:
        print(f"  {len(lost)} tests lost; famsock's run ends:\n{ours.tail}")
    if not stdlib.count("passed"):
        print(f"  nothing passes with the stdlib; its run ends:\n{stdlib.tail}")
    sys.stdout.flush()
    return len(lost) or not stdlib.count("passed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
