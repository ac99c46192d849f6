"""The commands of all pages name what there is: see `tests.commands`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests import commands
from tests.commands import ROOT

pytestmark = pytest.mark.asks_no_kernel
RUN_WHOLE = ROOT / "docs" / "writing-a-family.md"
"""Its commands are all run, on files that they make: tests/external/test_guide.py."""
PAGES = sorted(
    {*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY"))}
    | {*ROOT.glob("docs/**/*.md")} - {RUN_WHOLE}
)


def faults(found: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """The faults of commands, each with its place."""
    asked: list[tuple[str, Sequence[str]]] = []
    places: list[str] = []
    told: list[str] = []
    for place, words in found:

        def parsed(name: str, arguments: Sequence[str], place: str = place) -> str:
            asked.append((name, arguments))
            places.append(place)
            return ""

        told += [f"{place}: {fault}" for fault in commands.faults(words, parsed) if fault]
    answers = zip(places, commands.answers(asked), strict=True)
    return told + [f"{place}: {answer}" for place, answer in answers if answer]


def _place(page: Path, line: int) -> str:
    return f"{page.relative_to(ROOT)}:{line}"


def test_the_commands_of_all_blocks_name_what_there_is() -> None:
    found = [
        (_place(page, line), words) for page in PAGES for line, words in commands.in_blocks(page)
    ]
    assert len(found) > 180
    assert faults(found) == []


def test_the_commands_in_sentences_name_what_there_is() -> None:
    """They may lack arguments: ``famsock explain`` names a command."""
    found = [
        (_place(page, line), words) for page in PAGES for line, words in commands.in_sentences(page)
    ]
    assert len(found) > 40
    told = faults(found)
    assert [each for each in told if "required" not in each and "Missing" not in each] == []


WRONG = {
    "famsock no-such-command": "No such command",
    "famsock relay tcp://127.0.0.1:1 unix:///a --no-such": "No such option",
    "echo; famsock doctor --no-such | cat": "No such option",
    "uv run famsock explain --no-such EIO": "No such option",
    "python3 -m uv run --group no-such mkdocs build": "no group no-such",
    "uv run --no-such pytest": "uv run --no-such",
    "uv no-such": "uv no-such",
    "uv sync --reinstall-package famsock-no-such": "no package famsock-no-such",
    "uv run --group docs no-such build": "no group of pyproject.toml has no-such",
    "pip install 'famsock[cli,no-such]'": "no extra no-such",
    "pip install famsock famsock-no-such": "no package famsock-no-such",
    "pytest tests/no_such.py": "there is no tests/no_such.py",
    "uv run pytest --no-such": "unrecognized arguments: --no-such",
    "python -m tests.no_such": "no module tests.no_such",
    "A=1 python -W error -m tests.lab run --no-such": "unrecognized arguments: --no-such",
    "python -m tests.lab run \\\n    --kernel 1.0": "invalid choice",
    "python -m tests.lab run -- tests/no_such.py": "there is no tests/no_such.py",
    "python -m tests.lab exec -- sh -c 'sleep 1\n  famsock no-such'": "No such command",
    "python -m tests.upstream no_such": "tests.upstream knows no no_such",
    "python -m tests.platforms no_such pytest": "tests.platforms knows no no_such",
    "python -m benchmarks --no-such": "unrecognized arguments: --no-such",
    "env A=1 no-such-program": "no group of pyproject.toml has no-such-program",
    "sh -c 'no-such-program' > file": "no group of pyproject.toml has no-such-program",
}


def test_each_kind_of_fault_is_found() -> None:
    found = [(script, words) for script in WRONG for _, words in commands.in_script(script)]
    told = faults(found)
    assert len(told) == len(WRONG), told
    for script, says in WRONG.items():
        (answer,) = (each.removeprefix(f"{script}: ") for each in told if each.startswith(script))
        assert says in answer, (script, answer)
