"""README and the documentation: every example runs, and README's commands are those of CI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from famsock import endpoints, plugins
from tests import pages
from tests.pages import ROOT

PAGES = (
    "README.md",
    "docs/getting-started.md",
    "docs/asyncio.md",
    "docs/endpoints.md",
    "docs/frameworks.md",
    "docs/interface.md",
    "docs/performance.md",
    "docs/relay.md",
    "docs/safety.md",
    "docs/trio.md",
)
"""Pages whose blocks run in an interpreter each, as some replace what others import."""
LEARNING = (
    "docs/index.md",
    "docs/tutorial.md",
    "docs/comparison.md",
    *sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/coming-from/*.md")),
)
"""Pages whose blocks run in one interpreter for each of their needs."""
FAMILIES = sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/families/*.md"))
"""The same; the lab runs only the blocks that need its kernels."""
READMES = sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("plugins/*/README.md"))
"""As FAMILIES."""
RUN_BY_OTHER_TESTS = {
    "docs/http.md": "tests/over_http/test_documented.py",
    "docs/writing-a-family.md": "tests/external/test_guide.py",
}
"""Pages whose blocks another file of tests runs."""


TITLES = re.compile(
    r"[\w./-]+\.py|A test|The head of a file of tests|Install|On the host|On Windows|On FreeBSD|"
    r"(PyBluez|can-isotp|pyroute2|python-can|scapy|socket)( and famsock)?|Needs .+"
)
"""Titles: a file, code for a place or of another library, or what no machine of a test has."""
_PAGE_OF_HTTP = (ROOT / "tests" / "over_http" / "page.py").read_text()


def programs() -> Iterator[Any]:
    """The Python blocks of the pages that can run here, each with its output, if that follows.

    Those that show another framework need it: ``uv run --group frameworks pytest`` has them all.
    """
    for page in PAGES:
        for block in pages.blocks_of(page, "python"):
            needed = re.findall(r"^(?:import|from) (\w+)", block.program, re.MULTILINE)
            if all(map(find_spec, needed)):
                name = f"{Path(page).stem}:{block.line}"
                yield pytest.param(block.program, block.output, id=name)


def learning() -> Iterator[Any]:
    """The Python blocks of each page of LEARNING, FAMILIES and READMES, by what they need."""
    for page in LEARNING:
        yield from pages.groups(page, "python")
    for page in (*FAMILIES, *READMES):
        for group in pages.groups(page, "python"):
            if group.marks or not os.environ.get("FAMSOCK_LAB"):
                yield group


def shown_commands() -> Iterator[Any]:
    """The blocks of the shell with an output, and those that they need, of each page above."""
    for page in (*PAGES, *LEARNING, *FAMILIES):
        for group in pages.groups(page, "sh"):
            path, blocks, fixtures = group.values
            if run := [block for block in blocks if block.output is not None or block.background]:
                yield pytest.param(path, run, fixtures, marks=group.marks, id=group.id)


CheckBlocks = Callable[[Path, list[pages.Block], list[str]], None]


@pytest.fixture
def check_blocks(request: pytest.FixtureRequest, tmp_path: Path) -> CheckBlocks:
    """Runs blocks of a page with the fixtures that they need, and compares what they print."""

    def check(page: Path, blocks: list[pages.Block], fixtures: list[str]) -> None:
        for fixture in fixtures:
            request.getfixturevalue(fixture)
        pages.check(page, blocks, tmp_path)

    return check


@pytest.mark.parametrize(("page", "blocks", "fixtures"), list(shown_commands()))
def test_commands_print_what_their_pages_show(
    page: Path, blocks: list[pages.Block], fixtures: list[str], check_blocks: CheckBlocks
) -> None:
    check_blocks(page, blocks, fixtures)


def every_page() -> set[str]:
    """The pages of the site, README and those of the plugins."""
    of_site = {str(page.relative_to(ROOT)) for page in ROOT.glob("docs/**/*.md")}
    return {*of_site, *READMES, "README.md"}


def test_every_block_of_python_is_run_or_says_in_its_title_why_not() -> None:
    """A title names what a block is instead: a file, code of another library, what it needs."""
    recipes = {str(page.relative_to(ROOT)) for page in ROOT.glob("docs/cookbook/*.md")}
    run = {*PAGES, *LEARNING, *FAMILIES, *READMES, *RUN_BY_OTHER_TESTS, *recipes}
    for page in every_page():
        for fence in pages.fences(page):
            titled = re.match(r'(?:python|sh) title="([^"]*)"', fence)
            assert titled is None or TITLES.fullmatch(titled[1]), (page, fence)
    with_python = {page for page in every_page() if "python" in pages.fences(page)}
    assert with_python - run == set()
    assert len(with_python) > 50
    for page in sorted(run - {*RUN_BY_OTHER_TESTS}):
        found = len(list(pages.blocks_of(page, "python")))
        assert found == [*pages.fences(page)].count("python"), page
    for page, tests in RUN_BY_OTHER_TESTS.items():
        assert Path(page).name in (ROOT / tests).read_text() + _PAGE_OF_HTTP, page


@pytest.mark.parametrize(("page", "blocks", "fixtures"), list(learning()))
def test_the_learning_pages_run(
    page: Path, blocks: list[pages.Block], fixtures: list[str], check_blocks: CheckBlocks
) -> None:
    check_blocks(page, blocks, fixtures)


def test_each_page_for_users_of_another_library_shows_ten_tasks() -> None:
    for page in (ROOT / "docs" / "coming-from").iterdir():
        _, *tasks = re.split(r"^## (?=\d+\. )", page.read_text(), flags=re.MULTILINE)
        assert [int(task.partition(".")[0]) for task in tasks] == list(range(1, 11)), page.name
        for task in tasks:
            assert "\n```python\n" in task, (page.name, task.partition("\n")[0])
        assert re.search("^## What stays with ", tasks[-1], re.MULTILINE), page.name


def test_each_cell_of_the_comparison_has_its_source() -> None:
    text = (ROOT / "docs" / "comparison.md").read_text()
    sources = set(re.findall(r"^\[([\w-]+)\]: \S+$", text, re.MULTILINE))
    rows = re.findall(r"^\| [^|\n]+((?:\| [^|\n]+)+)\|$", text, re.MULTILINE)
    cells = [cell.strip("| ") for row in rows for cell in row.split(" |") if cell.strip("| -")]
    cited = [re.fullmatch(r"\[[^\]]+\]\[([\w-]+)\]", cell) for cell in cells]
    assert len(cells) > 200
    assert [cell for cell, source in zip(cells, cited, strict=True) if source is None] == []
    assert {source[1] for source in cited if source} == sources


@pytest.mark.parametrize(("program", "output"), list(programs()))
def test_examples_run(program: str, output: str | None, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(program)
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    if not pages.is_shown(done.stdout, output):
        pytest.fail(f"the page shows\n{output or ''}but the program prints\n{done.stdout}")


_ENDPOINT = re.compile(r"(?<![\w/+])[A-Za-z][\w+-]*://[^\s`'\"<>)…]+")
NO_ENDPOINTS = {
    "tcp://host:port?TCP_NODELAY=1",
    "tcp://127.0.0.1:70000",
    "udp://localhost:53?SO_MRAK=7",
    "tcp://127.0.0.1:{port}",
}
"""Texts of the documentation that show a form or a mistake."""


def test_endpoints_that_the_documentation_names_are_such() -> None:
    schemes = {row.scheme for each in plugins.families() for row in each.protocols}
    tried = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for text in {found.rstrip(".,;:") for found in _ENDPOINT.findall(page.read_text())}:
            if re.split(r"\+|:", text)[0].lower() in schemes and text not in NO_ENDPOINTS:
                endpoints.parse(text)
                tried.add(text)
    assert len(tried) > 50


def test_readme_has_two_commands_and_ci_runs_the_second() -> None:
    commands = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(commands) == 2
    assert commands[0].endswith("famsock doctor")
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_installed_family_has_a_page_and_an_example() -> None:
    for plugin in sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()):
        page = (ROOT / "docs" / "families" / f"{plugin}.md").read_text()
        assert f'--8<-- "examples/{plugin}.py"' in page
        for section in ("## Modules and privileges", "## What differs from the stdlib"):
            assert section in page, (plugin, section)
        assert (ROOT / "examples" / f"{plugin}.py").exists()
