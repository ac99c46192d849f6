"""The command ``famsock new-family``: write a complete small distribution for a family."""

from __future__ import annotations

import re
import socket as _stdlib
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from famsock._cli.templates import texts
from famsock._cli.words import examples
from famsock._registry import plugins
from famsock._registry.missing import distribution_of_family, is_of_directory

_NUMBERS = click.IntRange(1, 0xFFFF)


@click.command(epilog=examples("new-family kcm", "new-family --number 41 --into src kcm"))
@click.option(
    "--number",
    type=_NUMBERS,
    help="Its AF_ constant's value, if this Python does not know the constant.",
)
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The folder to write it into, the current one if left out.",
)
@click.argument("name")
def new_family(name: str, number: int | None, into: Path) -> None:
    """Write famsock-NAME, a distribution that serves AF_NAME, for its author to change."""
    lower = name.lower().removeprefix("af_")
    if re.fullmatch("[a-z][a-z0-9]*", lower) is None:
        raise click.BadParameter(f"must be letters and digits, as in AF_CAN, not {name!r}")
    family = f"AF_{lower.upper()}"
    _refuse_taken(family, f"famsock-{lower}")
    folder = into / f"famsock-{lower}"
    if folder.exists():
        raise click.ClickException(f"{folder} is already there")
    for path, text in texts(lower, family, _number(family, number)).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    click.echo(f"{folder}: pip install -e '{folder}[test]' && pytest {folder}")
    click.echo(f"The tests fail until what {folder / 'README.md'} lists is replaced.")


def _refuse_taken(family: str, distribution: str) -> None:
    """Refuse a family that is served, and the name of a distribution that there is."""
    for row in plugins.describe():
        if row["family"] == family:
            taken = ", ".join(row["distributions"]) or row["plugin"]
            raise click.ClickException(f"{family} is already served by {taken}")
    if server := distribution_of_family(family):
        raise click.ClickException(f"{family} is already served: pip install {server}")
    package = distribution.replace("-", "_")
    claims = [claim for row in plugins.describe() for claim in row["distributions"]]
    names = {claim.rpartition(" ")[0].replace("_", "-") for claim in claims}
    if distribution in names or is_of_directory(distribution) or find_spec(package):
        raise click.ClickException(f"{distribution} is a distribution that there is already")


def _number(family: str, stated: int | None) -> int:
    """Return the family's number: this Python's, the given one, or the answer to a question."""
    known = getattr(_stdlib, family, None)
    if known is not None:
        if stated not in (None, known):
            raise click.ClickException(f"{family} is {int(known)} here, not {stated}")
        stated = int(known)
    if stated is None:
        if not sys.stdin.isatty():
            raise click.UsageError(
                f"this Python does not know {family}: give --number, the constant's value in the "
                f"C headers (bits/socket.h or linux/socket.h)"
            )
        stated = int(click.prompt(f"The value of {family} in the C headers", type=_NUMBERS))
    _refuse_number(family, stated)
    return stated


def _refuse_number(family: str, number: int) -> None:
    """Refuse a number that is another family's."""
    installed = [other for other in plugins.families() if other.here]
    taken = {other.number: f"{other.name}, which is installed" for other in installed}
    for name, value in vars(_stdlib).items():
        if name.startswith("AF_") and name != family:
            taken.setdefault(int(value), f"{name}, which this Python knows")
    if number in taken:
        raise click.ClickException(
            f"{number} is the number of {taken[number]}; give {family}'s own"
        )
