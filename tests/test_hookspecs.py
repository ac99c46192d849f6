"""The hooks of a plugin."""

from __future__ import annotations

from tests.programs import OPEN_UNIX, PLUGIN, Site


def test_hook_with_an_unknown_argument(site: Site) -> None:
    source = PLUGIN.format(name="AF_UNIX", number="1", module="keyed").replace("ies()", "ies(sock)")
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    *refused, fine = site.run(OPEN_UNIX).splitlines()
    assert "famsock-unix 1.0 is not valid" in refused[0]
    assert "sock" in "".join(refused[1:])
    assert fine == "famsock._sockets"
