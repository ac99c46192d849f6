"""Check the prose of pages, docstrings and comments by the rules of tools/prose.toml.

``python -m tools.prose`` prints a line for each finding, and fails if there is one. It needs the
dependency group ``prose``: proselint brings rules of English, tools/prose.toml those for the habits
of this repository. Pages are also checked for the width of text and of code, and for paragraphs in
tables.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import tempfile
import tokenize
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
RULES = ROOT / "tools" / "prose.toml"
TEXT_COLUMNS = 100
CODE_COLUMNS = 85
CELL_SENTENCES = 2
OUTPUT = "text"  # the language of a block with what programs print, which has the width it has
NO_CODE = ""
PAGE, DOCSTRING, COMMENT = "page", "docstring", "comment"

_OF_OTHERS = ("tests/reference/", "reference_examples/")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})(\w*)")
_SNIPPET = re.compile(r'^\s*--8<-- "([^":]+)"$')
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)|\]\[[^\]]*\]|^\[[^\]]+\]: .*$|https?://\S+", re.MULTILINE)
_REMARK = re.compile(r"<!--.*?-->|\A---\n.*?\n---\n", re.DOTALL)
_NO_PROSE = re.compile(r"#\s*(?:type:|noqa|pragma|ruff:|mypy:|pyright:|cython:|distutils:|!)")
_LOOK_BACK = 80
_SENTENCE = re.compile(r"[a-z`)\]]\.\s+[A-Z`]")
_STARTS = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)


class Passage(NamedTuple):
    """A piece of prose: a page without its code, a docstring, or the comments of some lines.

    :ivar line: the file's line on which it begins, from 1 on.
    :ivar kind: ``PAGE``, ``DOCSTRING`` or ``COMMENT``.
    """

    line: int
    kind: str
    text: str


class Finding(NamedTuple):
    """A breach of a rule at a line of a file."""

    path: str
    line: int
    rule: str
    said: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.said}"


def files() -> list[str]:
    """Return the paths of the repository's pages and sources below its folder."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.pyx", "*.pxi", "*.pxd"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [
        path
        for path in listed
        if not any(part in path for part in _OF_OTHERS) and (ROOT / path).exists()
    ]


def passages(path: str, text: str) -> Iterator[Passage]:
    """Yield the prose of a file, its code replaced by blanks of the same length."""
    if path.endswith(".md"):
        yield Passage(1, PAGE, _page(text))
    else:
        yield from _of_source(text)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"\S", "_", found[0])


def _page(text: str) -> str:
    lines = []
    for inside, line in _fenced(_REMARK.sub(_blank, text)):
        lines.append(line if inside == NO_CODE else "")
    return _LINK_TARGET.sub(_blank, _CODE.sub(_blank, "\n".join(lines)))


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    """Yield the language of the block that a line of a page belongs to, and the line.

    The language is ``NO_CODE`` outside blocks.
    """
    fence = language = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            yield language, line
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
        elif mark:
            fence, language = mark[1], mark[2] or "code"
            yield language, line
        else:
            yield NO_CODE, line


def _of_source(text: str) -> Iterator[Passage]:
    """Yield docstrings, those below assignments too, and runs of whole-line comments."""
    before = tokenize.ENCODING
    comments: list[str] = []
    first = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not _NO_PROSE.match(token.string):
            if comments and token.start[0] != first + len(comments):
                yield Passage(first, COMMENT, _CODE.sub(_blank, "\n".join(comments)))
                comments = []
            first = first if comments else token.start[0]
            comments.append(token.string.lstrip("#"))
        if token.type == tokenize.STRING and before in _STARTS:
            yield Passage(token.start[0], DOCSTRING, _CODE.sub(_blank, token.string.strip("rR\"'")))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    if comments:
        yield Passage(first, COMMENT, _CODE.sub(_blank, "\n".join(comments)))


def by_rules(path: str, text: str, rules: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield the findings of our own rules in a file."""
    for passage in passages(path, text):
        for rule in rules:
            if passage.kind in rule["in"]:
                for found in _pattern(rule["pattern"]).finditer(passage.text):
                    if "unless" in rule and _ends_so(rule["unless"], passage.text[: found.end()]):
                        continue
                    line = passage.line + passage.text.count("\n", 0, found.start())
                    words = " ".join(found[0].split())
                    yield Finding(path, line, rule["name"], f"{words!r}: {rule['say']}")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE)


def _ends_so(pattern: str, text: str) -> bool:
    return _pattern(f"(?:{pattern})\\Z").search(text, max(0, len(text) - _LOOK_BACK)) is not None


def by_form(path: str, text: str) -> Iterator[Finding]:
    """Yield the lines of a page that are too wide, and the cells that have a paragraph."""
    for number, (inside, line) in enumerate(_fenced(text), 1):
        if inside != NO_CODE:
            for each in _included(line) if inside != OUTPUT else ():
                if len(each) > CODE_COLUMNS:
                    said = f"{len(each)} columns, at most {CODE_COLUMNS}: {each.strip()[:40]}"
                    yield Finding(path, number, "code line", said)
        elif line.lstrip().startswith("|"):
            for cell in re.split(r"(?<!\\)\|", line):
                if len(_SENTENCE.findall(cell)) >= CELL_SENTENCES or "<br" in cell:
                    yield Finding(path, number, "table", f"a paragraph: {cell.strip()[:60]}")
        elif len(line) > TEXT_COLUMNS and not _unbreakable(line):
            yield Finding(path, number, "wrap", f"{len(line)} columns, at most {TEXT_COLUMNS}")


def _included(line: str) -> Sequence[str]:
    """Return the lines that a block has for this one: those of a file, where it includes one."""
    snippet = _SNIPPET.match(line)
    return (ROOT / snippet[1]).read_text().splitlines() if snippet else [line]


def _unbreakable(line: str) -> bool:
    """Whether a line is a heading, a remark, or has a link that no other line can hold."""
    return bool(re.match(r"#|<!--|\[[^\]]+\]: |\s*\S*https?://\S+$", line))


def by_proselint(texts: Mapping[str, str], checks: Mapping[str, bool]) -> Iterator[Finding]:
    """Yield what proselint finds in the prose of files.

    :param checks: names of checks of proselint, and whether each is made.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for place, (path, text) in enumerate(texts.items()):
            name = Path(folder) / f"{place}.md"
            name.write_text(_joined(passages(path, text)))
            names[name.resolve().as_uri()] = path
        settings = Path(folder) / "proselint.json"
        settings.write_text(json.dumps({"checks": checks}))
        command = ["-m", "proselint", "check", "--config", settings, "--output-format", "json"]
        done = subprocess.run(
            [sys.executable, *map(str, command), folder],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        for uri, found in json.loads(done.stdout)["result"].items():
            for each in found["diagnostics"]:
                said = " ".join(each["message"].split())
                yield Finding(names[uri], each["pos"][0], each["check_path"], said)


def _joined(found: Iterable[Passage]) -> str:
    """Return a text that has each passage on its own lines, as in the file."""
    lines: list[str] = []
    for passage in sorted(found):
        lines += [""] * (passage.line - 1 - len(lines))
        lines += passage.text.splitlines()
    return "\n".join(lines) + "\n"


def findings(texts: Mapping[str, str]) -> list[Finding]:
    """Return all findings in files, given as texts by their paths, in order."""
    rules = tomllib.loads(RULES.read_text())
    found = [*by_proselint(texts, rules["proselint"])]
    for path, text in texts.items():
        found += by_rules(path, text, rules["rule"])
        if path.endswith(".md"):
            found += by_form(path, text)
    return sorted(found)


def main() -> int:
    """Print the findings of the files given, or of all; return 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="files; default: all of the repository")
    chosen = parser.parse_args().paths or files()
    found = findings({path: (ROOT / path).read_text() for path in chosen})
    print("\n".join(map(str, found)) or f"{len(chosen)} files: nothing found")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
