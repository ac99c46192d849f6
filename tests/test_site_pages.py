"""The generated pages of the site: nothing public is missing, nothing is written by hand."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import famsock
from famsock import _index
from famsock._hints import Hint
from famsock.plugin import ControlType, Option
from tools import mkdocs_hooks, site_figures, site_pages
from tools.interface import PACKAGES, ROOT, public_modules, public_names

PAGES = dict(site_pages.pages())
MODULES = [name for package in PACKAGES for name in public_modules(package)]
FAMILIES = site_pages.installed_families()
CONSTANTS, ROWS = _index.constants(FAMILIES), _index.rows(FAMILIES)
INDEX = "".join(text for path, text in PAGES.items() if "/modules/" not in path)
STDLIB = {*dir(__import__("socket"))}
NO_FILES: Any = SimpleNamespace(get_file_from_path=lambda path: None)


def module_page(name: str) -> str:
    return PAGES[f"reference/modules/{name}.md"]


def test_there_is_a_page_for_each_public_module() -> None:
    written = [path for path in PAGES if path.startswith("reference/modules/")]
    assert written == [f"reference/modules/{name}.md" for name in MODULES]


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_a_module_is_described(name: str) -> None:
    module, page = importlib.import_module(name), module_page(name)
    members = re.search(r"^      members: \[(.*)\]$", page, re.MULTILINE)
    described = {*members[1].split(", ")} if members else set()
    linked = {*re.findall(r"\[`(\w+)`\]\(", page)}
    of_the_stdlib = STDLIB - {"socket"} if module is famsock else set()
    for each in public_names(module) - of_the_stdlib:
        value = getattr(module, each)
        if isinstance(value, Option | ControlType):
            assert f"`{each}`" in PAGES["reference/options.md"]
        elif name.endswith(".constants") and isinstance(value, int | str):
            assert f"| `{each}` |" in INDEX
        elif not isinstance(value, famsock.plugin.Family | type(famsock)):
            assert each in described | linked or isinstance(value, tuple | bytes), each


def test_a_module_s_page_names_the_modules_below_it() -> None:
    page = module_page("famsock_can.sockets")
    below = [name for name in MODULES if name.startswith("famsock_can.sockets.")]
    assert len(below) > 3
    assert re.findall(r"^- \[`[\w.]+`\]\(([\w.]+)\.md\): \w", page, re.MULTILINE) == below


def test_no_name_is_described_twice() -> None:
    found: Counter[int] = Counter()
    for name in MODULES:
        members = re.search(r"^      members: \[(.*)\]$", module_page(name), re.MULTILINE)
        for each in members[1].split(", ") if members else ():
            value = getattr(importlib.import_module(name), each)
            if isinstance(value, type) or callable(value):
                found[id(value)] += 1
    assert len(found) > 500
    assert set(found.values()) == {1}


@pytest.mark.parametrize("path", PAGES)
def test_links_of_a_page_lead_to_pages(path: str) -> None:
    folder = (ROOT / "docs" / path).parent
    for target in re.findall(r"\]\(([^)#]+\.md)", PAGES[path]):
        found = (folder / target).resolve().relative_to((ROOT / "docs").resolve())
        assert str(found) in PAGES or (ROOT / "docs" / found).is_file(), target


def test_the_navigation_names_every_generated_page_once() -> None:
    def targets(entries: Any) -> list[str]:
        if isinstance(entries, str):
            return [entries]
        parts = entries if isinstance(entries, list) else entries.values()
        return [target for part in parts for target in targets(part)]

    found = targets(site_pages.navigation("reference/"))
    assert sorted(found) == sorted(path for path in PAGES if path.startswith("reference/"))
    written = (ROOT / "mkdocs.yml").read_text()
    assert "  - Reference: reference/\n" in written
    assert "  - Troubleshooting: troubleshooting.md\n" in written


def test_every_option_and_control_message_has_its_row() -> None:
    rows = [
        line.split("|") for line in PAGES["reference/options.md"].splitlines() if "<span" in line
    ]
    assert len(rows) == len(ROWS)
    anchors = [re.findall(r'id="([^"]+)"', cells[1])[0] for cells in rows]
    assert len({*anchors}) == len(rows)
    told = Counter(re.findall(r"`(\w+)`", cells[1])[0] for cells in rows)
    assert told == Counter(each.name for each in ROWS)
    newer = [each for each in ROWS if each.since]
    assert sum(bool(cells[-3].strip()) for cells in rows) == len(newer)


def test_every_constant_has_its_row() -> None:
    pages = [text for path, text in PAGES.items() if path.startswith("reference/constants/")]
    told = re.findall(r"^\| `(\w+)` \|", "".join(pages), re.MULTILINE)
    assert Counter(told) == Counter(each.name for each in CONSTANTS)


def test_the_page_on_troubleshooting_has_every_hint() -> None:
    page = PAGES["troubleshooting.md"].replace("\\", "")
    troubles = _index.troubles(FAMILIES)
    assert page.count("\n### ") == len(troubles) > 150
    for each in troubles:
        assert f"ause: {each.hint.cause}\n".replace("\\", "") in page
        assert not each.hint.check or f"- How to tell: {each.hint.check}\n" in page
        assert not each.cure or f"- What helps: {each.cure}\n" in page
    assert len(re.findall("^## ", page, re.MULTILINE)) == len({each.errno for each in troubles})


def test_text_that_markdown_would_read_is_escaped() -> None:
    hint = Hint("a_b *c* [d](e) <f> `g` | h", "i_j")
    trouble = _index.Trouble(5, hint, True, (_index.Place("AF_KIT", ("p",), ()),))
    page = site_pages._troubleshooting_page([trouble])
    assert r"- Cause: a\_b \*c\* \[d\](e) \<f\> \`g\` \| h" in page
    assert "- Call: every call, of AF_KIT p" in page


@pytest.mark.parametrize(
    "path", sorted(Path(ROOT).glob("docs/families/*.md")), ids=lambda p: p.stem
)
def test_a_family_s_page_links_its_reference(path: Path) -> None:
    text = path.read_text()
    modules = re.search(r"\(\.\./reference/index\.md#([\w-]+)\)", text)
    assert modules
    titles = re.findall(r"^## (.*)$", PAGES["reference/index.md"], re.MULTILINE)
    assert modules[1] in {title.lower().replace(" ", "-") for title in titles}
    for target in ("../reference/constants/", "../troubleshooting.md"):
        assert target in text


def test_a_name_that_is_not_described_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    page: Any = SimpleNamespace(
        markdown="::: famsock.kit\n    options:\n      heading_level: 1\n      members: [a, b]\n",
        file=SimpleNamespace(src_uri="reference/modules/famsock.kit.md", generated_by="mkdocs"),
    )
    mkdocs_hooks.on_page_content('<h2 id="famsock.kit.a">', page=page, files=NO_FILES)
    assert caplog.messages == ["reference/modules/famsock.kit.md does not describe famsock.kit.b"]
    assert caplog.records[0].name.startswith("mkdocs.")


def test_the_search_s_dialog_and_a_table_s_empty_corner_are_accessible() -> None:
    page: Any = SimpleNamespace(markdown="", file=SimpleNamespace(generated_by="mkdocs"))
    html = '<table><th></th><th style="text-align: right;"></th><th>b</th></table>'
    changed = mkdocs_hooks.on_page_content(html, page=page, files=NO_FILES)
    assert changed == '<table><td></td><td style="text-align: right;"></td><th>b</th></table>'
    dialog = '<div data-md-component="search" role="dialog">'
    assert 'role="dialog" aria-label="Search">' in mkdocs_hooks.on_post_page(dialog)


def test_the_figure_of_speed_has_the_table_s_numbers() -> None:
    table = (ROOT / "docs" / "performance.md").read_text()
    ((path, svg),) = site_figures.figures()
    assert f"]({path})" in (ROOT / "docs" / "index.md").read_text()
    drawn = {
        label: float(number)
        for label, number in re.findall(r'"end">([^<]+)</text>\n.*\n.*"end">([\d.]+)<', svg)
    }
    assert len(drawn) == 8
    for name, label in site_figures.ROWS.items():
        (row,) = (line for line in table.splitlines() if line.endswith(f"| `{name}` |"))
        ratio = row.split("|")[4].split()[0].strip("*")
        assert f"{float(ratio):.2f}" == f"{drawn[label]:.2f}", name
    with pytest.raises(KeyError):
        site_figures.ratios("")
