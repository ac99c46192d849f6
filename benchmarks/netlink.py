"""Dumps of NETLINK_ROUTE against ``ip -j`` as a whole process, in their own network namespace.

``python -m benchmarks.netlink ROW ROUNDS`` measures one and prints its pairs.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import attrs
from famsock_netlink import RouteSocket

from benchmarks.measure import Pairs, alternate, work_ns

_CLONE_NEWNET = 0x40000000
_LINKS, _OBJECTS, _TABLE = 1000, 10_000, 77
_NO_SUPPORT = 77  # exit status of a process that may not make what it measures


class Dump(NamedTuple):
    """A row: the set-up of the namespace, the arguments of ``ip``, our call, its least result."""

    made: Callable[[], Iterable[str]]
    shown: tuple[str, ...]
    call: Callable[[RouteSocket], tuple[Any, ...]]
    least: int


def _pairs_of_links(count: int) -> list[str]:
    return [f"link add a{n} type veth peer name b{n}" for n in range(count)]


def _networks(first: int) -> list[str]:
    return [f"{first}.0.{n >> 8}.{n & 255}/32" for n in range(_OBJECTS)]


def _addresses() -> list[str]:
    made = [*_pairs_of_links(1), "link set a0 up"]
    return made + [f"address add {network} dev a0" for network in _networks(10)]


def _routes() -> list[str]:
    made = [*_pairs_of_links(1), "link set a0 up", "link set b0 up"]
    return made + [
        f"route add {network} dev a0 table {table}"
        for table in (_TABLE, _TABLE + 1)
        for network in _networks(20)
    ]


def _read(call: Callable[[RouteSocket], tuple[Any, ...]]) -> Callable[[RouteSocket], Any]:
    """Return the call, and read each field of each object."""
    return lambda sock: [attrs.astuple(one, recurse=False) for one in call(sock)]


DUMPS = {
    "links": Dump(lambda: _pairs_of_links(_LINKS // 2), ("link",), RouteSocket.links, _LINKS + 1),
    "addresses": Dump(_addresses, ("address",), RouteSocket.addresses, _OBJECTS),
    "routes": Dump(
        _routes,
        ("route", "show", "table", str(_TABLE)),
        lambda sock: sock.routes(table=_TABLE),
        _OBJECTS,
    ),
}
for _name in ("addresses", "routes"):
    DUMPS[f"{_name}-read"] = DUMPS[_name]._replace(call=_read(DUMPS[_name].call))


def measured(row: str, rounds: int) -> Pairs:
    """Pairs of nanoseconds of CPU, measured by another process; PermissionError if it cannot."""
    if shutil.which("ip") is None:
        raise PermissionError("needs ip (iproute2)")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.netlink", row, str(rounds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode == _NO_SUPPORT:
        raise PermissionError(done.stdout.strip())
    done.check_returncode()
    return [(theirs, ours) for theirs, ours in json.loads(done.stdout)]


def _shown_ns(arguments: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ip", "-j", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e9


def _measure(row: str, rounds: int) -> Pairs:
    dump = DUMPS[row]
    commands = "\n".join(dump.made())
    subprocess.run(["ip", "-batch", "-"], check=True, input=commands, text=True)
    with RouteSocket() as sock:
        found = len(dump.call(sock))
        if found < dump.least:
            raise RuntimeError(f"{found} objects, not {dump.least}")
        _shown_ns(dump.shown)

        def work(n: int) -> None:
            for _ in range(n):
                dump.call(sock)

        return alternate(partial(_shown_ns, dump.shown), partial(work_ns, work, 1), rounds)


def main(row: str, rounds: str) -> int:
    """Enter a new network namespace, measure there, and print the pairs."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        print(f"needs CAP_SYS_ADMIN: {os.strerror(ctypes.get_errno())}")
        return _NO_SUPPORT
    print(json.dumps(_measure(row, int(rounds))))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
