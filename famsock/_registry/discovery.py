"""Search for entry points without importlib.metadata, whose import costs more than the search.

This module reads ``entry_points.txt`` of the distributions on ``sys.path``, without importing them.
A path entry that is no directory (a zip file) is left to importlib.metadata, imported only then.
Source: the entry points specification and the core metadata specifications of packaging.python.org.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class EntryPoint(NamedTuple):
    """An entry point: its name, the object it refers to ("module:attribute"), its distribution."""

    name: str
    value: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".rstrip()


def entry_points(group: str, path: Iterable[str] | None = None) -> list[EntryPoint]:
    """Return the entry points of ``group``; the first distribution of a name on the path counts."""
    found: dict[str, list[EntryPoint]] = {}
    for folder in sys.path if path is None else path:
        for name, version, text in _declarations(folder or os.curdir):
            normal = name.lower().replace("_", "-").replace(".", "-")
            if normal not in found:
                found[normal] = [
                    EntryPoint(key, value, normal, version) for key, value in _group(text, group)
                ]
    return [entry for entries in found.values() for entry in entries]


def _declarations(folder: str) -> Iterator[tuple[str, str, str]]:
    """Yield (name, version, entry_points.txt) of each distribution in a folder or archive."""
    try:
        names = os.listdir(folder)
    except OSError:
        if os.path.isfile(folder):
            yield from _archived(folder)
        return
    for name in sorted(names):
        stem, extension = os.path.splitext(name)
        if extension in (".dist-info", ".egg-info"):
            distribution, _, version = stem.partition("-")
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
                    yield distribution, version, file.read()
            except OSError:
                continue


def _archived(path: str) -> Iterator[tuple[str, str, str]]:
    from importlib import metadata

    for distribution in metadata.distributions(path=[path]):
        text = distribution.read_text("entry_points.txt")
        if text:
            yield distribution.metadata["Name"], distribution.version, text


def _group(text: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield name.strip(), value.split("[")[0].strip()
