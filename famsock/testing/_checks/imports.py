"""Checks of lazy import: a program that does not use this family does not pay for it."""

from __future__ import annotations

import os
import socket as _stdlib
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from famsock._registry import plugins
from famsock.family import Family
from famsock.testing._checks.base import Checks, asks_no_kernel

_ADOPT = """
import socket as stdlib, sys, famsock
def adopt(family, kind, protocol):
    ours, other = stdlib.socketpair()
    with other, famsock.socket(family, kind, protocol, ours.detach()):
        pass
"""


class ImportChecks(Checks):
    """Checks of the modules that each step imports."""

    @asks_no_kernel
    def test_importing_famsock_imports_no_plugin(self) -> None:
        loaded = modules_after("import famsock")
        assert not loaded & {"attrs", "attr", "pluggy", *_packages()}

    @asks_no_kernel
    def test_opening_another_family_does_not_import_this_one(self) -> None:
        own = _claims(self.family)
        for name, number in (("AF_INET", 2), ("AF_UNIX", 1)):
            if (claims := _claims(name)) and not claims & own:
                assert not own & modules_after(f"{_ADOPT}\nadopt({number}, 1, 0)")

    @asks_no_kernel
    def test_opening_this_family_imports_no_other(self) -> None:
        family = self.subject().family
        own = _claims(family.name)
        if not family.here or not own:
            return
        loaded = modules_after(f"{_ADOPT}\n{_adopting(family)}")
        alike = [f.name for f in plugins.families() if f.here and f.number == family.number]
        others = " and ".join(name for name in alike if name != family.name)
        assert own <= loaded, (
            f"{family.number} is the number of {others}, whose plugin serves such sockets: state "
            f"{family.name}'s own, or uninstall the other"
        )
        # This Python has no name for the number, so every plugin is asked.
        asked = set() if hasattr(_stdlib, family.name) else _claims_unknown_to_python()
        assert not loaded & (_packages() - own - asked - _named(family))

    @asks_no_kernel
    def test_opening_a_socket_imports_no_module(self) -> None:
        family = self.subject().family
        claims = {str(row["plugin"]) for row in _rows(family.name)}
        if not family.here or not claims:
            return
        loaded = modules_after(f"{_ADOPT}\n{_adopting(family)}", whole=True)
        early = loaded & (_modules_named(family) - {claim.partition(":")[0] for claim in claims})
        assert not early, "the family names it by a string: let nothing else import it"


def _adopting(family: Family) -> str:
    protocol = family.protocols[0]
    return f"adopt({family.number}, {int(protocol.types[0])}, {protocol.number or 0})"


def _named(family: Family) -> set[str]:
    """Return the packages of the address classes that a family's protocols name."""
    named = {protocol.address for protocol in family.protocols}
    return {reference.partition(".")[0] for reference in named if isinstance(reference, str)}


def _modules_named(family: Family) -> set[str]:
    """Return the modules that a family names, except those that every socket of it needs."""
    references: list[Any] = [family.options, family.control]
    for protocol in family.protocols:
        named = protocol.socket or ()
        classes = [named] if isinstance(named, str) else dict(named).values()
        references += protocol.selftests.values()
        if protocol.layout is not None:  # without one, every form needs the class
            references.append(protocol.address)
        references += classes
    return {named.partition(":")[0] for named in references if isinstance(named, str)}


def modules_after(program: str, whole: bool = False) -> set[str]:
    """Return the modules (top level, or ``whole`` names) that a program has loaded at its end."""
    name = "name" if whole else "name.partition('.')[0]"
    show = f"import sys; print(*{{{name} for name in sys.modules}})"
    environment = {k: v for k, v in os.environ.items() if k != "FAMSOCK_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{show}"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=300,
    )
    return set(done.stdout.split())


def _claims(family: str) -> set[str]:
    """Return the packages whose entry points claim a family."""
    return _top_levels(_rows(family))


def _rows(family: str) -> list[dict[str, Any]]:
    return [row for row in plugins.describe() if row["family"] == family and row["distributions"]]


def _claims_unknown_to_python() -> set[str]:
    return _top_levels(row for row in plugins.describe() if not hasattr(_stdlib, row["family"]))


def _packages() -> set[str]:
    return _top_levels(plugins.describe())


def _top_levels(rows: Iterable[dict[str, Any]]) -> set[str]:
    named = [str(row["plugin"]) for row in rows if row["distributions"]]
    return {value.partition(":")[0].partition(".")[0] for value in named}
