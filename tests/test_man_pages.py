"""The man pages of the command line, from what ``--help`` shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from famsock._cli import _COMMANDS, main
from tools.man_pages import pages

PAGES = dict(pages("2030-01-02"))
REQUESTS = (".TH ", ".SH ", ".TP", ".PP", ".EX", ".EE")


def test_there_is_a_page_for_each_command() -> None:
    assert sorted(PAGES) == sorted(["famsock.1", *(f"famsock-{name}.1" for name in _COMMANDS)])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_sections_and_no_other_request(name: str) -> None:
    lines = PAGES[name].splitlines()
    title = name.removesuffix(".1")
    assert lines[0].startswith(f'.TH {title.upper()} 1 "2030-01-02" "famsock ')
    sections = [line.removeprefix(".SH ") for line in lines if line.startswith(".SH ")]
    assert sections[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"]
    assert sections[-2:] == ["EXAMPLES", "SEE ALSO"]
    assert all(line.startswith(REQUESTS) for line in lines if line[:1] in (".", "'"))
    assert "\b" not in PAGES[name]


def plain(text: str) -> str:
    """The words of a page without the macros and escapes of man(7)."""
    lines = [line for line in text.splitlines() if not line.startswith(REQUESTS)]
    words = " ".join(re.sub(r"\\f[BR]|\\&", "", line) for line in lines)
    return " ".join(words.replace(r"\-", "-").replace(r"\e", "\\").split())


@pytest.mark.parametrize("name", ["", *_COMMANDS])
def test_a_page_has_every_word_of_the_help(name: str) -> None:
    words = [name] if name else []
    help_ = CliRunner().invoke(main, [*words, "--help"], terminal_width=1000).output
    text = plain(PAGES["-".join(["famsock", *words]) + ".1"])
    _usage, _, rest = help_.partition("\n\n")
    body, _, examples = rest.partition("Examples:")
    for call in examples.split("\n"):
        assert " ".join(call.split()) in text
    for paragraph in body.partition("Options:")[0].split("\n\n"):
        assert " ".join(paragraph.split()) in text
    command = main.get_command(click.Context(main), name) if name else main
    assert command is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert all(option in text for option in parameter.opts)
            assert str(parameter.help) in text


def test_they_are_written_with_the_date_of_the_environment(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "tools.man_pages", tmp_path / "man1"],
        cwd=Path(__file__).parents[1],
        env={"SOURCE_DATE_EPOCH": "0"},
        check=True,
        timeout=60,
    )
    written = {path.name: path.read_text() for path in (tmp_path / "man1").iterdir()}
    assert written == dict(pages("1970-01-01"))
