"""The form of the cookbook's pages, and how their blocks are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import pages
from tests.pages import ROOT, Block
from tests.test_cookbook import COOKBOOK, RECIPES


def test_the_index_and_the_navigation_name_each_recipe_once() -> None:
    index = (COOKBOOK / "index.md").read_text()
    navigation = (ROOT / "mkdocs.yml").read_text()
    names = [page.name for page in RECIPES]
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", index)) == names
    assert sorted(re.findall(r": cookbook/([\w-]+\.md)$", navigation, re.MULTILINE)) == sorted(
        [*names, "index.md"]
    )


@pytest.mark.parametrize("page", RECIPES, ids=lambda page: page.stem)
def test_a_recipe_has_its_parts(page: Path) -> None:
    """A task, programs that run, what they print, what can go wrong, links."""
    text = page.read_text()
    task, _, rest = re.sub("^<!--.*-->\n\n", "", text).partition("\n\n")
    assert task.startswith("# ")
    assert not rest.startswith(("#", "```", "<", "|"))
    blocks = [*pages.blocks_of(str(page.relative_to(ROOT)), "python", "sh")]
    assert any(block.output for block in blocks)
    _, found, trouble = text.partition("\n## What can go wrong\n")
    assert found
    assert trouble.count("\n- ") > 1
    assert "\nSee " in trouble
    assert "](../" in trouble
    prose = [line for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > 100] == []


def test_blocks_with_a_title_are_not_run() -> None:
    text = (COOKBOOK / "container-to-vm.md").read_text()
    assert '```sh title="On the host"' in text
    blocks = pages.blocks_of("docs/cookbook/container-to-vm.md", "sh")
    assert not any("--allow-a" in block.program for block in blocks)


@pytest.mark.parametrize(
    ("program", "output", "is_right"),
    [
        ("echo one; echo two >&2", "one\ntwo\n", True),
        ("echo pid 17 here", "pid … here\n", True),
        ("echo pid 17 here; echo more", "pid … here\n", False),
        ("echo one", "two\n", False),
        ("echo one", None, False),
        ("true", None, True),
        ("echo one; false; echo two", "one\ntwo\n", False),
        ("echo one; echo two; echo three", "one\n…\nthree\n", True),
        ("echo one; echo three", "one\n…\nthree\n", True),
        ("echo one; echo two; echo more", "one\n…\nthree\n", False),
    ],
)
def test_what_commands_print(
    program: str, output: str | None, is_right: bool, tmp_path: Path
) -> None:
    block = Block(7, "sh", program, output, (), background=False)
    if is_right:
        pages.check(RECIPES[0], [block], tmp_path)
    else:
        with pytest.raises(pytest.fail.Exception, match=r"line 7|md:8"):
            pages.check(RECIPES[0], [block], tmp_path)


@pytest.mark.parametrize(
    ("program", "is_right"),
    [
        ("echo $$ >pid; echo ready; exec sleep 600", True),
        ("echo $$ >pid; echo ready; sleep 600", True),
        pytest.param(
            "echo $$ >pid; trap '' TERM; echo ready; sleep 600", True, marks=pytest.mark.slow
        ),
        ("echo $$ >pid; echo other; exec sleep 600", False),
        ("echo $$ >pid; echo too early >&2; false", False),
    ],
)
def test_commands_in_the_background_end(program: str, is_right: bool, tmp_path: Path) -> None:
    blocks = [
        Block(7, "sh", program, "ready\n", (), background=True),
        Block(9, "sh", 'kill -0 "$(cat pid)"; echo runs', "runs\n", (), background=False),
    ]
    if is_right:
        pages.check(RECIPES[0], blocks, tmp_path)
    else:
        with pytest.raises(pytest.fail.Exception, match=r"line 7|md:8"):
            pages.check(RECIPES[0], blocks, tmp_path)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_a_block_that_includes_a_file_has_its_text() -> None:
    blocks = [*pages.blocks_of("docs/families/bsd.md", "python")]
    assert [block.program for block in blocks] == [(ROOT / "examples" / "bsd.py").read_text()]
    assert [*pages.fences("docs/families/bsd.md")] == [
        'python title="On FreeBSD"',
        "python",
        "text",
    ]
