"""The command line: one module per command; see ``famsock --help``."""

from __future__ import annotations

import click

from famsock.cli.doctor import doctor
from famsock.cli.families import families
from famsock.cli.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="famsock")
def main() -> None:
    """Python's socket module with its address families as plugins."""


for _command in (doctor, families, run):
    main.add_command(_command)
