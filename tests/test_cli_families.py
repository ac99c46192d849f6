"""``famsock families``: what is installed, by whom, and in which state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from famsock._cli import families as module
from famsock._cli import main
from famsock._registry import Registry
from famsock.family import Family, Protocol
from tests.programs import PLUGIN, Site

ROW = Protocol("p", None, (1,), None)


def _rows() -> dict[str, dict[str, Any]]:
    done = CliRunner().invoke(main, ["families", "--json"])
    assert done.exit_code == 0
    return {row.pop("family"): row for row in json.loads(done.output)}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A new registry, which the command lists."""
    registry = Registry("-AF_CAN")
    monkeypatch.setattr(module, "plugins", registry)
    return registry


def test_rows_in_json(registry: Registry) -> None:
    registry.register(Family("AF_KIT", 200, (ROW,)))
    assert registry.family("AF_UNIX") is not None
    rows = _rows()
    assert list(rows) == sorted(rows)
    assert rows["AF_KIT"] == {
        "distributions": [],
        "plugin": "registered by hand",
        "state": "loaded",
    }
    assert rows["AF_UNIX"]["state"] == "loaded"
    assert rows["AF_CAN"]["state"] == "blocked"
    assert rows["AF_INET"] == {
        "distributions": [rows["AF_INET6"]["distributions"][0]],
        "plugin": "famsock_inet:INET",
        "state": "available",
    }


def test_families_that_were_not_chosen(registry: Registry) -> None:
    registry.unblock("AF_CAN")
    registry.choose("AF_UNIX")
    states = {name: row["state"] for name, row in _rows().items()}
    assert states.pop("AF_UNIX") == "available"
    assert set(states.values()) == {"not chosen"}


def test_the_table_has_a_line_for_each_family(registry: Registry) -> None:
    done = CliRunner().invoke(main, ["families"])
    header, *lines = done.output.splitlines()
    assert header.split() == ["family", "distribution", "plugin", "state"]
    assert [line.split()[0] for line in lines] == list(_rows())


def test_plugins_that_clash_and_are_broken(site: Site) -> None:
    site.install("my-unix", "AF_UNIX", "mine", PLUGIN.format(name="AF_UNIX", number=1, module="m"))
    site.install("my-kit", "AF_KIT", "broken", "raise ZeroDivisionError")
    code = """
import famsock
from famsock._cli import main
try: famsock.plugins.family("AF_KIT")
except famsock.PluginError: pass
main(["families", "--json"])
"""
    rows = {row["family"]: row for row in json.loads(site.run(code))}
    assert rows["AF_KIT"]["state"] == "broken"
    assert rows["AF_KIT"]["distributions"] == ["my-kit 1.0"]
    assert rows["AF_UNIX"]["state"] == "clash"
    assert "my-unix 1.0" in rows["AF_UNIX"]["distributions"]
    assert len(rows["AF_UNIX"]["distributions"]) == 2


def test_a_name_that_selects_nothing_is_told(site: Site) -> None:
    code = (
        "import warnings\nfrom famsock._cli import main\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    try: main(['families', '--json'])\n"
        "    except SystemExit: print(*[each.message for each in caught])"
    )
    told = site.run(code, FAMSOCK_PLUGINS="-AF_CNA").splitlines()[-1]
    assert told == "famsock.plugins: no family is named 'AF_CNA'; did you mean 'AF_CAN'?"
