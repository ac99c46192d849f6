"""The documentation site: it is built without a warning, and its search finds every constant."""

from __future__ import annotations

import json
import re
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

import famsock
from famsock import _index, plugins

from .conftest import NEEDS_UV, REPOSITORY, mkdocs_python, run

pytestmark = [pytest.mark.slow, NEEDS_UV]
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


_MIKE = "from mike.driver import main; main()"
NAMED = ("SO_BINDTODEVICE", "SO_REUSEPORT", "RTM_GETLINK", "VMADDR_CID_HOST")
INDEX = ("reference/constants/", "reference/options/")


def _rank(hits: Sequence[str], pages: tuple[str, ...]) -> int:
    """Return the place of the first of these pages, from 1 on: hits are shown by page."""
    shown = dict.fromkeys(hit.partition("#")[0] for hit in hits)
    return next(place for place, hit in enumerate(shown, 1) if hit.startswith(pages))


def test_no_page_is_large(built_site: Path) -> None:
    sizes = {path: path.stat().st_size for path in built_site.rglob("*.html")}
    assert len(sizes) > 150
    largest = max(sizes, key=lambda path: sizes[path])
    assert sizes[largest] < _LARGEST_PAGE_BYTES, largest


def test_every_name_of_a_module_page_is_rendered(built_site: Path) -> None:
    for name, wanted in {
        "famsock": ["socket", "PluginError", "install"],
        "famsock.plugin": ["Hint", "one_of", "Resolver", "option_rows"],
        "famsock_inet.sockets.udp": ["UdpSocket", "UdpSocket.recvfrom_into"],
        "famsock_unix.sockets": ["UnixStreamSocket"],
        "famsock_netlink.route": ["RouteSocket", "RouteSocket.links"],
        "famsock_packet.ring": ["ReceiveRing"],
        "famsock_vsock.sockets": ["local_cid", "VsockSocket.is_guest"],
    }.items():
        page = (built_site / "reference" / "modules" / name / "index.html").read_text()
        for each in wanted:
            assert f'id="{name}.{each}"' in page, (name, each)


def test_the_search_finds_each_constant_in_the_index(docs_packages: Path, built_site: Path) -> None:
    families = [*plugins.families()]
    constants = [each.name for each in _index.constants(families)]
    words = sorted(
        {
            *NAMED,
            *(each.name for each in _index.rows(families)),
            *constants[::20],
        }
    )
    index = built_site / "search" / "search_index.json"
    separator = json.loads(index.read_text())["config"]["separator"]
    assert not any(re.search(separator, word) for word in words)
    hits = json.loads(mkdocs_python(docs_packages, "-c", _SEARCH, index, given=json.dumps(words)))
    ranks = {word: _rank(hits[word], INDEX) for word in words}
    assert all(ranks[word] <= _FIRST_HITS for word in NAMED), {each: hits[each] for each in NAMED}
    late = [word for word in words if ranks[word] > _FIRST_HITS]
    assert len(late) < 0.02 * len(words), {word: hits[word] for word in late}


def test_the_search_finds_each_errno_on_the_page_about_it(
    docs_packages: Path, built_site: Path
) -> None:
    names = {each.errno_name for each in _index.troubles(plugins.families())}
    words = sorted({name.partition(",")[0] for name in names})
    index = built_site / "search" / "search_index.json"
    hits = json.loads(mkdocs_python(docs_packages, "-c", _SEARCH, index, given=json.dumps(words)))
    for word in words:
        assert hits[word][0].startswith("troubleshooting/#"), (word, hits[word][:_FIRST_HITS])


def test_a_page_has_its_links_card_and_version(built_site: Path) -> None:
    page = (built_site / "families" / "can" / "index.html").read_text()
    site, source = "https://example.org/famsock/docs/", "https://example.org/famsock/source/"
    for wanted in (
        f'<link rel="canonical" href="{site}families/can/">',
        f'<meta property="og:image" content="{site}assets/card.png">',
        '<link rel="icon" href="../../assets/favicon.svg">',
        f'href="{source}edit/main/docs/families/can.md" title="Edit this page"',
        f'<a href="{source}" title="Go to repository"',
        f"famsock {famsock.__version__}",
        'title="Switch to dark colours"',
        'title="Switch to light colours"',
        'src="../../assets/logo.svg"',
    ):
        assert wanted in page, wanted
    generated = (built_site / "reference" / "options" / "index.html").read_text()
    assert "Edit this page" not in generated
    png = (built_site / "assets" / "card.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (1200, 630)


def test_the_site_loads_nothing_from_other_places(built_site: Path) -> None:
    loaded = re.compile(
        r'<(?:script|img|source|iframe)[^>]+src="(https?:[^"]+)|'
        r'<link rel="(?:stylesheet|icon|preconnect)" href="(https?:[^"]+)'
    )
    for path in built_site.rglob("*.html"):
        assert loaded.search(path.read_text()) is None, path


def test_each_fault_of_a_page_fails_the_build(docs_packages: Path, tmp_path: Path) -> None:
    """A broken link, anchor or figure, an orphan page, and a public name that no page lists."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in REPOSITORY.iterdir():
        (copy / path.name).symlink_to(path)
    for name in ("docs", "mkdocs.yml"):
        (copy / name).unlink()
    shutil.copytree(REPOSITORY / "docs", copy / "docs")
    navigation = (REPOSITORY / "mkdocs.yml").read_text()
    (copy / "mkdocs.yml").write_text(navigation.replace("\nnav:\n", "\nnav:\n  - A: absent.md\n"))
    (copy / "docs" / "lost.md").write_text("# Lost\n")
    broken = "\n\n[a](nowhere.md) [b](http.md#nowhere) ![c](nowhere.svg) [d](/nowhere)\n"
    with (copy / "docs" / "tutorial.md").open("a") as tutorial:
        tutorial.write(broken)
    interface = copy / "docs" / "interface.md"
    interface.write_text(interface.read_text().replace("`CanFilter`", "`Nothing`"))
    build = ("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site")
    said = mkdocs_python(docs_packages, *build, status=1, cwd=copy)
    found = re.findall(r"^WARNING -  (.*)$", said, re.MULTILINE)
    assert [line.partition(", but the target")[0] for line in found] == [
        "docs/interface.md: famsock_can.filters.CanFilter is public, and is not documented",
        "docs/interface.md: famsock_can.filters.Nothing is documented, and is not public",
        "The following pages exist in the docs directory, but are not included in the "
        '"nav" configuration:',
        "A reference to 'absent.md' is included in the 'nav' configuration, which is not found in "
        "the documentation files.",
        "Doc file 'tutorial.md' contains a link 'nowhere.md'",
        "Doc file 'tutorial.md' contains a link 'nowhere.svg'",
        "Doc file 'tutorial.md' contains an absolute link '/nowhere', it was left as is.",
        "Doc file 'tutorial.md' contains a link 'http.md#nowhere', but the doc 'http.md' does not "
        "contain an anchor '#nowhere'.",
    ]
    assert "  - lost.md\n" in said
    assert f"Aborted with {len(found)} warnings in strict mode!" in said


def test_versions_are_published_side_by_side(docs_packages: Path, tmp_path: Path) -> None:
    """With the site's settings, on one page instead of all."""
    parts = ("hooks", "nav")
    settings = (REPOSITORY / "mkdocs.yml").read_text()
    for part in parts:
        settings = re.sub(rf"^{part}:\n(  .*\n)+", "", settings, flags=re.MULTILINE)
    settings = re.sub(r"^  - mkdocstrings:\n(      .*\n)+", "", settings, flags=re.MULTILINE)
    (tmp_path / "mkdocs.yml").write_text(settings)
    shutil.copytree(REPOSITORY / "tools" / "theme", tmp_path / "tools" / "theme")
    shutil.copytree(REPOSITORY / "docs" / "assets", tmp_path / "docs" / "assets")
    (tmp_path / "docs" / "index.md").write_text("# Home\n")
    for command in ("init -q", "config user.name a", "config user.email a@example.org"):
        run("git", *command.split(), cwd=tmp_path)
    run("git", "commit", "-q", "--allow-empty", "-m", "a", cwd=tmp_path)
    for version in ("0.1", "0.2"):
        deploy = ("deploy", "--update-aliases", version, "latest")
        mkdocs_python(docs_packages, "-c", _MIKE, *deploy, cwd=tmp_path)
    published = json.loads(run("git", "show", "gh-pages:versions.json", cwd=tmp_path))
    assert {each["version"]: each["aliases"] for each in published} == {
        "0.2": ["latest"],
        "0.1": [],
    }
    assert run("git", "show", "gh-pages:latest", cwd=tmp_path) == "0.2"  # a symbolic link
    for version in ("0.1", "0.2"):
        page = run("git", "show", f"gh-pages:{version}/index.html", cwd=tmp_path)
        assert '"version": {"default": "latest", "provider": "mike"}' in page
    card = 'og:image" content="https://example.org/famsock/docs/0.2/assets/card.png"'
    assert card in run("git", "show", "gh-pages:0.2/index.html", cwd=tmp_path)
