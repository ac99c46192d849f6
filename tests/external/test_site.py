"""The documentation site: it is built without a warning, and its search finds every constant."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from famsock import _index, plugins

from .conftest import NEEDS_UV, REPOSITORY, run

pytestmark = [pytest.mark.slow, NEEDS_UV]
_PATIENCE_S = 600
_LARGEST_PAGE_BYTES = 400_000
_FIRST_HITS = 3

_SEARCH = """
import json, re, sys
from lunr import lunr
index = json.load(open(sys.argv[1]))
boosts = {name: field["boost"] for name, field in index["config"]["fields"].items()}
documents = [
    ({**each, "text": re.sub("<[^>]+>", " ", each["text"])}, {"boost": each.get("boost", 1)})
    for each in index["docs"]
]
fields = [{"field_name": name, "boost": boosts[name]} for name in ("title", "text")]
found = lunr(ref="location", fields=fields, documents=documents)
words = json.load(sys.stdin)
print(json.dumps({word: [hit["ref"] for hit in found.search(word)] for word in words}))
"""
"""Search as the site does in the browser with lunr.js, by lunr.py: the same index and ranking."""


NAMED = ("SO_BINDTODEVICE", "SO_REUSEPORT", "RTM_GETLINK", "VMADDR_CID_HOST")
INDEX = ("reference/constants/", "reference/options/")


def _rank(hits: Sequence[str], pages: tuple[str, ...]) -> int:
    """The place of the first hit on one of these pages, from 1 on."""
    return next(place for place, hit in enumerate(hits, 1) if hit.startswith(pages))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the group ``docs`` needs, beside the packages of this interpreter."""
    folder = tmp_path_factory.mktemp("docs")
    into = ("--target", folder / "packages", "--python", sys.executable)
    run("uv", "pip", "install", "--quiet", *into, "--group", "docs", cwd=REPOSITORY)
    return folder / "packages"


def _python(packages: Path, *words: str | Path, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(packages), "NO_MKDOCS_2_WARNING": "1"},
        input=given,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    _python(packages, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder)
    return folder


def test_no_page_is_large(site: Path) -> None:
    sizes = {path: path.stat().st_size for path in site.rglob("*.html")}
    assert len(sizes) > 150
    largest = max(sizes, key=lambda path: sizes[path])
    assert sizes[largest] < _LARGEST_PAGE_BYTES, largest


def test_every_name_of_a_module_page_is_rendered(site: Path) -> None:
    for name, wanted in {
        "famsock": ["socket", "PluginError", "install"],
        "famsock.plugin": ["Hint", "one_of", "Resolver", "option_rows"],
        "famsock_inet.sockets.udp": ["UdpSocket", "UdpSocket.recvfrom_into"],
        "famsock_unix.sockets": ["UnixStreamSocket"],
        "famsock_netlink.route": ["RouteSocket", "RouteSocket.links"],
        "famsock_packet.ring": ["ReceiveRing"],
        "famsock_vsock.sockets": ["local_cid", "VsockSocket.is_guest"],
    }.items():
        page = (site / "reference" / "modules" / name / "index.html").read_text()
        for each in wanted:
            assert f'id="{name}.{each}"' in page, (name, each)


def test_the_search_finds_each_constant_in_the_index(packages: Path, site: Path) -> None:
    families = [*plugins.families()]
    constants = [each.name for each in _index.constants(families)]
    words = sorted(
        {
            *NAMED,
            *(each.name for each in _index.rows(families)),
            *constants[::20],
        }
    )
    index = site / "search" / "search_index.json"
    separator = json.loads(index.read_text())["config"]["separator"]
    assert not any(re.search(separator, word) for word in words)
    hits = json.loads(_python(packages, "-c", _SEARCH, index, given=json.dumps(words)))
    ranks = {word: _rank(hits[word], INDEX) for word in words}
    assert all(ranks[word] <= _FIRST_HITS for word in NAMED), {each: hits[each] for each in NAMED}
    late = [word for word in words if ranks[word] > _FIRST_HITS]
    assert len(late) < 0.02 * len(words), {word: hits[word] for word in late}


def test_the_search_finds_each_errno_on_the_page_about_it(packages: Path, site: Path) -> None:
    names = {each.errno_name for each in _index.troubles(plugins.families())}
    words = sorted({name.partition(",")[0] for name in names})
    index = site / "search" / "search_index.json"
    hits = json.loads(_python(packages, "-c", _SEARCH, index, given=json.dumps(words)))
    for word in words:
        assert hits[word][0].startswith("troubleshooting/#"), (word, hits[word][:_FIRST_HITS])
