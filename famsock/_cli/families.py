"""The command ``famsock families``: list installed families without importing a plugin."""

from __future__ import annotations

import json

import click

from famsock._cli.tables import show_table
from famsock._cli.words import examples
from famsock._registry import plugins


@click.command(epilog=examples("families", "families --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def families(as_json: bool) -> None:
    """List the installed families."""
    plugins._check_selection()
    rows = plugins.describe()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    show_table(
        ("family", "distribution", "plugin", "state"),
        [(r["family"], ", ".join(r["distributions"]), r["plugin"], r["state"]) for r in rows],
    )
