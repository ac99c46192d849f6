"""The command ``famsock new-family``: write a complete small distribution for a family."""

from __future__ import annotations

import re
import socket as _stdlib
from pathlib import Path
from string import Template

import click

from famsock._cli.templates import FILES
from famsock._registry import plugins

FREE_NUMBERS = range(200, 250)
"""Numbers for a family that this Python does not know, until its author states the right one."""


@click.command()
@click.option("--number", type=click.IntRange(1, 0xFFFF), help="Its AF_ constant's value.")
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The folder to write it into, the current one if left out.",
)
@click.argument("name")
def new_family(name: str, number: int | None, into: Path) -> None:
    """Write famsock-NAME, a distribution that serves AF_NAME and passes the conformance suite."""
    lower = name.lower().removeprefix("af_")
    if re.fullmatch("[a-z][a-z0-9]*", lower) is None:
        raise click.BadParameter(f"must be letters and digits, as in AF_CAN, not {name!r}")
    family = f"AF_{lower.upper()}"
    for row in plugins.describe():
        if row["family"] == family:
            taken = ", ".join(row["distributions"]) or row["plugin"]
            raise click.ClickException(f"{family} is already served by {taken}")
    folder = into / f"famsock-{lower}"
    if folder.exists():
        raise click.ClickException(f"{folder} is already there")
    number = _number(family, number)
    words = {
        "name": lower,
        "family": family,
        "FAMILY": lower.upper(),
        "Family": lower.capitalize(),
        "number": str(number),
    }
    words["low_byte"], words["high_byte"] = _octets(number)
    for path, text in FILES.items():
        file = folder / Template(path).substitute(words)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(words))
    click.echo(f"{folder}: pip install -e '{folder}[test]' && pytest {folder}")


def _number(family: str, stated: int | None) -> int:
    """Return the given number, or this Python's, or one that no installed family has."""
    taken = {other.number: other.name for other in plugins.families() if other.here}
    if stated in taken:
        raise click.ClickException(
            f"{stated} is the number of {taken[stated]}, which is installed; give {family}'s own"
        )
    free = next(number for number in FREE_NUMBERS if number not in taken)
    return int(getattr(_stdlib, family, free)) if stated is None else stated


def _octets(number: int) -> tuple[str, str]:
    return f"{number & 0xFF:02x}", f"{number >> 8:02x}"
