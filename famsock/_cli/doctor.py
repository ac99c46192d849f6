"""The command ``famsock doctor``: test every protocol of every installed family.

Each has three results: whether the kernel has it (by socket(2)), whether this CPython could use it
without famsock (by its own address codec), and a self-test between two sockets with its round-trip
time. If the self-test does not run, the reason and its hints stand below the table, a line each,
which are never broken: what they advise can be pasted.
"""

from __future__ import annotations

import json
import platform
import signal
import socket as _stdlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from errno import EAFNOSUPPORT
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from famsock import _calls, _sockets
from famsock._cli.words import examples, family_named
from famsock._hints import UNSUPPORTED
from famsock._lazy import SHORTAGES, PluginError, load_part
from famsock._registry import plugins
from famsock._registry.missing import known_families, like_family, why_no_family
from famsock._registry.snapshot import number_here
from famsock.family import ANY_PROTOCOL, Family, Protocol
from famsock.selftest import check_result, verify

_COMPILED_BRINGS = (
    "The compiled layer would make calls with an address 1.5 to 2.5 times as fast, and batches "
    "1.3 to 2 times."
)
_PATIENCE_S = 60
_TYPES = (_stdlib.SOCK_STREAM, _stdlib.SOCK_DGRAM, _stdlib.SOCK_RAW, _stdlib.SOCK_SEQPACKET)


class Finding(NamedTuple):
    """The result of doctor for one protocol; ``kernel`` is None where nobody can tell."""

    family: str
    protocol: str
    kernel: bool | None
    cpython: bool
    round_trip_ns: int | None
    trouble: str

    @property
    def round_trip(self) -> str:
        """The round-trip time for a reader."""
        return "" if self.round_trip_ns is None else f"{self.round_trip_ns / 1000:.0f} µs"


def _completed(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the families whose names begin so and were not given yet, as the shell's user types.

    A name is completed with AF_ or without, in capitals or small letters, as it was begun.
    """
    given = {family_named(word) for word in ctx.params.get("names") or ()}
    found = []
    for name in known_families(plugins):
        forms = (name, name.removeprefix("AF_")) if incomplete else (name,)
        for form in forms if name not in given else ():
            shown = form.lower() if incomplete[:1].islower() else form
            if shown.startswith(incomplete):
                found.append(CompletionItem(shown, help=why_no_family(plugins, name) or None))
    return found


@click.command(epilog=examples("doctor", "doctor can bluetooth", "doctor --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("names", nargs=-1, metavar="[FAMILY]...", shell_complete=_completed)
def doctor(as_json: bool, names: tuple[str, ...]) -> None:
    """Check every installed family, or those named (can or AF_CAN), on this machine.

    The exit status is 1 if a family that was named does not work.
    """
    names = tuple(dict.fromkeys(map(family_named, names)))
    findings = list(examine(names))
    here = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "syscalls": _calls.implementation(),
        "why_ctypes": _calls.why_ctypes,
    }
    if as_json:
        rows = [finding._asdict() for finding in findings]
        click.echo(json.dumps({**here, "protocols": rows}, indent=2))
    else:
        _show(here, findings)
    if not all(_works([each for each in findings if each.family == name]) for name in names):
        sys.exit(1)


def _works(findings: list[Finding]) -> bool:
    """Whether the description of a family is right, and one of its protocols at least works."""
    told_of_family = [each for each in findings if not each.protocol]
    return not told_of_family and any(each.kernel and not each.trouble for each in findings)


def _show(here: dict[str, Any], findings: list[Finding]) -> None:
    click.echo("{python} on {kernel}, system calls: {syscalls}".format(**here))
    if _calls.why_ctypes:
        click.echo(f"Why ctypes: {_calls.why_ctypes}\n{_COMPILED_BRINGS}")
    click.echo()
    from famsock._cli.tables import show_table  # rich costs more than a check

    show_table(
        ("family", "protocol", "kernel", "CPython alone", "round trip"),
        [(f.family, f.protocol, _mark(f.kernel), _mark(f.cpython), f.round_trip) for f in findings],
    )
    for f in findings:
        if f.trouble:
            name = f"{f.family} {f.protocol}".rstrip()
            click.echo(f"\n{name}: " + f.trouble.replace("\n", "\n  "))


def _mark(fact: bool | None) -> str:
    return {True: "yes", False: "no", None: "?"}[fact]


def examine(names: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield a finding for each protocol of the families named, or of all that are installed."""
    states = {str(row["family"]): str(row["state"]) for row in plugins.describe()}
    for name in names or plugins.names():
        trouble, family = "", None
        try:
            family = plugins.family(name)
        except ImportError as error:
            trouble = _reason(error)
        if states.get(name) == "blocked":
            trouble = "is blocked, by FAMSOCK_PLUGINS or famsock.plugins.block()"
        elif family is None and not trouble:
            why = why_no_family(plugins, name)
            end = f": {why}" if why else like_family(plugins, name)
            trouble = f"no such plugin is installed{end}"
        elif family is not None and not family.here:
            trouble = f"is for {', '.join(family.platforms)}, not {sys.platform}"
        if trouble or family is None:
            yield Finding(name, "", _kernel_has(name), _cpython_knows(name), None, trouble)
            continue
        opened = [_error_of_opening(family, protocol) for protocol in family.protocols]
        try:
            _check_references(family)
        except PluginError as error:
            yield Finding(name, "", _kernel_has(name), _cpython_knows(name), None, _reason(error))
        for protocol, failure in zip(family.protocols, opened, strict=True):
            for label, selftest in _labelled(protocol):
                yield _examine(family, protocol, label, selftest, failure)


def _check_references(family: Family) -> None:
    from famsock._registry.references import check_references  # which loads attrs, for options

    check_references(family)


def _kernel_has(name: str) -> bool | None:
    """Whether the kernel has a family that no plugin serves; None if its number is not known."""
    number = number_here(name)
    if number is None:
        return None
    for kind in _TYPES:
        try:
            _stdlib.socket(number, kind).close()
        except OSError as error:
            if error.errno == EAFNOSUPPORT:
                return False
            if error.errno in SHORTAGES:
                return None
    return True


def _cpython_knows(name: str) -> bool:
    """Whether this Python knows the addresses of a family that no plugin serves."""
    number = number_here(name)
    return number is not None and _knows_addresses(number, _stdlib.SOCK_DGRAM, 0)


def _examine(
    family: Family, protocol: Protocol, label: str, selftest: str | None, failure: OSError | None
) -> Finding:
    error: Exception | None = failure
    round_trip_ns = None
    if error is None and selftest is not None:
        try:
            live = load_part(family.name, "selftest", "a self-test", selftest)
            with _alarm(_PATIENCE_S):
                round_trip_ns = _measure_ns(live, family.number)
        except Exception as raised:  # whatever a plugin's own code raises is its trouble
            error = raised
    trouble = "" if error is None else _reason(error)
    alone = _cpython_alone(family, protocol)
    return Finding(family.name, label, _tells_of_kernel(error), alone, round_trip_ns, trouble)


def _tells_of_kernel(error: Exception | None) -> bool | None:
    """Whether the kernel has a protocol, by the error of using it."""
    number = getattr(error, "errno", None)
    return None if number in SHORTAGES else number not in UNSUPPORTED


def _error_of_opening(family: Family, protocol: Protocol) -> OSError | None:
    """Return why there is no socket of this protocol; None if self-tests may tell."""
    if protocol.number is ANY_PROTOCOL and protocol.selftest:
        return None
    try:
        _sockets.socket(family.number, protocol.types[0], protocol.number or 0).close()
    except OSError as error:
        return error
    return None


def _cpython_alone(family: Family, protocol: Protocol) -> bool:
    """Return whether this Python's own socket knows the family's addresses, without the kernel."""
    return hasattr(_stdlib.AddressFamily, family.name) and _knows_addresses(
        family.number, protocol.types[0], protocol.number or 0
    )


def _knows_addresses(family: int, kind: int, protocol: int) -> bool:
    pair = _stdlib.socketpair()
    with pair[0], pair[1]:
        adopted = _stdlib.socket(family, kind, protocol, fileno=pair[0].detach())
        with adopted:
            try:
                adopted.getsockname()
            except OSError as error:
                return error.errno is not None
    return True


def _measure_ns(
    selftest: Callable[[], AbstractContextManager[Callable[[], object]]], family: int
) -> int:
    """Return the time of the second of two verified round trips, in nanoseconds."""
    with selftest() as round_trip:
        verify(round_trip, family)
        start_ns = time.perf_counter_ns()
        result = round_trip()
        duration_ns = time.perf_counter_ns() - start_ns
        check_result(result)
        return duration_ns


@contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _reason(error: BaseException) -> str:
    """Return the text of an error, and each of its hints on its own line."""
    told = isinstance(error, (OSError, RuntimeError, ImportError))
    first = str(error) if told else f"{type(error).__name__}: {error}"
    return "\n".join([first, *getattr(error, "__notes__", [])])


def _labelled(protocol: Protocol) -> Iterator[tuple[str, str | None]]:
    if protocol.selftest is None:
        yield protocol.name, None
    yield from protocol.selftests.items()
