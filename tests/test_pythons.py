"""Which Pythons ``python -m tests.pythons`` takes."""

from __future__ import annotations

import json

from tests import pythons


def row(
    version: str, implementation: str = "cpython", variant: str = "default"
) -> dict[str, object]:
    parts = dict(zip(("major", "minor", "patch"), map(int, version.split(".")), strict=True))
    return {"version_parts": parts, "implementation": implementation, "variant": variant}


def test_of_each_minor_version_the_newest_release_is_taken() -> None:
    rows = [row(version) for version in ("3.13.0", "3.11.10", "3.11.7", "3.10.13", "3.9.18")]
    assert pythons.newest_of_each(json.dumps(rows)) == ["3.11.10", "3.13.0"]


def test_other_implementations_are_taken_by_name_only() -> None:
    rows = [row("3.11.7", "pypy"), row("3.13.0", variant="freethreaded"), row("3.12.1")]
    assert pythons.newest_of_each(json.dumps(rows)) == ["3.12.1"]
    assert pythons.parser().parse_args(["-p", "pypy3.11"]).python == ["pypy3.11"]


def test_arguments_of_pytest_come_after_the_dashes() -> None:
    options = pythons.parser().parse_args(["-p", "3.12", "--", "-k", "bind"])
    assert (options.python, options.rest, options.syscalls) == (["3.12"], ["-k", "bind"], None)
