"""``python -m tools.man_pages FOLDER``: write the man pages of the command line.

There is a page for ``famsock`` and for each of its commands, made from what ``--help`` shows. The
packagers of a distribution put them into ``share/man/man1``. The date is that of SOURCE_DATE_EPOCH,
or today. Source: man-pages(7).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from famsock import __version__
from famsock._cli import main as command_line

_NAME = "famsock"
_SECTION = 1


def pages(date: str) -> Iterator[tuple[str, str]]:
    """Yield the file name and the text of each man page."""
    context = click.Context(command_line, info_name=_NAME, **command_line.context_settings)
    names = command_line.list_commands(context)
    lines = {name: command_line.short_line(name) for name in names}
    about = cleandoc(command_line.help or "").rstrip(".")
    see_also = [f"{_NAME}-{name}" for name in names]
    yield f"{_NAME}.{_SECTION}", _page(context, about, date, see_also, lines)
    for name in names:
        command = command_line.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context)
        line = lines[name].rstrip(".")
        about = line[:1].lower() + line[1:]
        yield f"{_NAME}-{name}.{_SECTION}", _page(own, about, date, [_NAME])


def _page(
    context: click.Context,
    about: str,
    date: str,
    see_also: list[str],
    commands: dict[str, str] | None = None,
) -> str:
    """Return a page in the macros of man(7); ``about`` is the line of the section NAME."""
    command, name = context.command, context.command_path.replace(" ", "-")
    found = [f'.TH {name.upper()} {_SECTION} "{date}" "{_NAME} {__version__}"', ".SH NAME"]
    found.append(rf"{_escaped(name)} \- {_escaped(about)}")
    usage = " ".join(command.collect_usage_pieces(context))
    found += [".SH SYNOPSIS", rf"\fB{_escaped(context.command_path)}\fR {_escaped(usage)}"]
    found += [".SH DESCRIPTION", *_paragraphs(cleandoc(command.help or ""))]
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    if records := [each.get_help_record(context) for each in options]:
        found.append(".SH OPTIONS")
        for option, meaning in filter(None, records):
            found += [".TP", rf"\fB{_escaped(option)}\fR", _escaped(meaning)]
    if commands:
        found.append(".SH COMMANDS")
        for each, meaning in commands.items():
            found += [".TP", rf"\fB{_escaped(f'{_NAME}-{each}')}\fR({_SECTION})"]
            found.append(_escaped(meaning))
    if calls := [line.strip() for line in (command.epilog or "").splitlines()[2:]]:
        found += [".SH EXAMPLES", ".EX", *map(_escaped, calls), ".EE"]
    links = [rf"\fB{_escaped(each)}\fR({_SECTION})" for each in see_also]
    found += [".SH SEE ALSO", ", ".join(links)]
    return "\n".join(found) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the lines of a text whose paragraphs are apart by an empty line."""
    for line in text.splitlines():
        yield _escaped(line) if line.strip() else ".PP"


def _escaped(text: str) -> str:
    """Return a line that roff prints as it is: no escapes, no request at its beginning."""
    line = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{line}" if line.startswith((".", "'")) else line


def main() -> None:
    """Write the pages into the folder that the command line names."""
    parser = argparse.ArgumentParser(description=cleandoc(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the folder to write them into, made if needed")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    now = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    for name, text in pages(time.strftime("%Y-%m-%d", time.gmtime(now))):
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
