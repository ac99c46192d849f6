"""The reason why a name is missing: which distribution to install for it, or why not.

The core's entry points are a directory of the distributions that supply families, constants,
schemes of endpoints and operations. It is data; the core knows none of these names.
"""

from __future__ import annotations

import sys
from functools import cache

from famsock._hints import did_you_mean
from famsock._registry.discovery import entry_points
from famsock._registry.snapshot import number_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from famsock._registry import Registry
    from famsock.family import Family

FAMILIES = "famsock.directory"
CONSTANTS = "famsock.directory.constants"
_CORE = "famsock"
SCHEMES = "famsock.directory.schemes"
OPERATIONS = "famsock.directory.operations"


def why_missing(plugins: Registry, name: str) -> str:
    """Return why a constant is missing; "" if nothing is known of it."""
    family = name.replace("PF_", "AF_", 1) if name.startswith("PF_") else name
    if family in _directory(FAMILIES):
        return why_no_family(plugins, family)
    for platforms in _other_platforms(plugins, name):
        return f"it is for {platforms}, not {sys.platform}"
    words = _directory(CONSTANTS)
    leading = name
    while leading and leading not in words:
        leading = leading.rpartition("_")[0]
    distribution = words.get(leading)
    if distribution is None or _is_installed(plugins, distribution):
        return ""
    return f"one possible cause: {distribution} is not installed: pip install {distribution}"


def why_no_family(plugins: Registry, name: str) -> str:
    """Return why the plugin of a family does not serve; "" if it does, or if none is known."""
    state = next((row["state"] for row in plugins.describe() if row["family"] == name), None)
    if state is None:
        distribution = _directory(FAMILIES).get(name)
        return f"pip install {distribution}" if distribution else ""
    if state == "blocked":
        return f"{name} is blocked, by FAMSOCK_PLUGINS or famsock.plugins.block()"
    if state == "not chosen":
        return f"{name} is not among those that FAMSOCK_PLUGINS or famsock.plugins.choose() name"
    family = plugins.family(name)
    if family is None or family.here:
        return ""
    return f"{name} is for {', '.join(family.platforms)}, not {sys.platform}"


def why_selects_nothing(plugins: Registry, name: str) -> str:
    """Return a sentence about a name in `choose` or `block` that no installed family has."""
    if distribution := distribution_of_family(name):
        return f"no plugin of {name} is installed: pip install {distribution}"
    return f"no family is named {name!r}{like_family(plugins, name)}"


def like_family(plugins: Registry, word: str) -> str:
    """Return the end of a message about a word that is no family's name: one that is like it.

    "" if none is. Case, and whether the word begins with AF_, do not matter.
    """
    known = {name.removeprefix("AF_"): name for name in known_families(plugins)}
    stem = word.upper().replace("-", "_").removeprefix("AF_")
    return did_you_mean(stem, known, known.__getitem__)


def why_not_served(plugins: Registry, number: int) -> str:
    """Return why no plugin serves a family number; "" if nothing is known of it."""
    for name in _directory(FAMILIES):
        if number_here(name) == number and (why := why_no_family(plugins, name)):
            return f"no plugin serves {name} here: {why}"
    return ""


def why_no_operation(plugins: Registry, number: int, name: str) -> str:
    """Return why sockets of a family number lack an operation; "" if none has that name."""
    return why_not_served(plugins, number) if (number, name) in _operations() else ""


def distribution_of_scheme(plugins: Registry, scheme: str) -> str:
    """Return the distribution to install for the scheme of an endpoint; "" if none is known."""
    distribution = _directory(SCHEMES).get(scheme, "")
    return "" if _is_installed(plugins, distribution) else distribution


def known_families(plugins: Registry) -> list[str]:
    """Return the names of the families that are installed or that the directory has, sorted."""
    return sorted({*plugins.names(), *_directory(FAMILIES)})


def distribution_of_family(name: str) -> str:
    """Return the distribution that supplies a family, by the directory; "" if none is known."""
    return _directory(FAMILIES).get(name, "")


def is_of_directory(distribution: str) -> bool:
    """Return whether the directory names a distribution ("famsock-can")."""
    return distribution in _directory(FAMILIES).values()


def _directory(group: str) -> Mapping[str, str]:
    """The distributions by the names of a group of the directory, which only the core writes."""
    return {
        entry.name: entry.value.replace("_", "-")
        for entry in entry_points(group)
        if entry.distribution == _CORE
    }


@cache  # programs ask for an attribute often, and a socket has only few of them
def _operations() -> frozenset[tuple[int | None, str]]:
    """The operations of the directory, each with its family's number; the search may fail."""
    pairs = (key.split("-") for key in _directory(OPERATIONS))
    return frozenset((number_here(family), operation) for family, operation in pairs)


def _is_installed(plugins: Registry, distribution: str) -> bool:
    return any(
        claim.rpartition(" ")[0] == distribution
        for row in plugins.describe()
        for claim in row["distributions"]
    )


def _other_platforms(plugins: Registry, constant: str) -> list[str]:
    """The platforms of installed families that have a constant, but not here."""
    from famsock._definitions import constants_of

    def has(family: Family) -> bool:
        try:
            return constant in constants_of(family.name, family.constants)
        except ImportError:
            return False

    found = [family for family in plugins.families() if not family.here and has(family)]
    return [", ".join(dict.fromkeys(p for family in found for p in family.platforms))] * bool(found)
