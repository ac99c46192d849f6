"""`python -m tools.prose`: each rule finds what it is about, and nothing in the repository."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tools import prose

RULES = tomllib.loads(prose.RULES.read_text())["rule"]


def found(path: str, text: str) -> list[tuple[int, str]]:
    by_form = prose.by_form(path, text) if path.endswith(".md") else ()
    both = (*prose.by_rules(path, text, RULES), *by_form)
    return sorted((each.line, each.rule) for each in both)


@pytest.mark.slow
def test_the_repository_breaks_no_rule_of_its_habits() -> None:
    texts = {path: (prose.ROOT / path).read_text() for path in prose.files()}
    assert len(texts) > 500
    broken = [
        each
        for path, text in texts.items()
        for each in (
            *prose.by_rules(path, text, RULES),
            *(prose.by_form(path, text) if path.endswith(".md") else ()),
        )
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("question", "What it does."),
        ("question", "\n    Who asks.\n"),
        ("question", "How it is done."),
        ("question", "Where it is."),
        ("alone", "It takes the first one alone."),
        ("anew", "Load it anew."),
        ("of its own", "It has a thread of its own."),
        ("of its own", "They have names of their\n    own."),
        ("such a one", "Open such a one."),
        ("archaic", "The name whereby it is known."),
        ("empty", "Do it in order to read."),
        ("empty", "Simply read, of course.".lower()),
        ("doubled", "Return the the number."),
    ],
)
def test_a_docstring_that_breaks_a_rule_is_found(rule: str, text: str) -> None:
    places = [
        f'"""{text}"""\n',
        f'x = 1\n"""{text}"""\n',
        f'class C:\n    """{text}"""\n',
        f'cdef class C:\n    cdef int f(self) nogil:\n        """{text}"""\n',
    ]
    for source in places:
        line = source[: source.index('"""')].count("\n") + 1
        names = found("a.pyx", source)
        assert rule in {name for _, name in names}
        assert {at for at, name in names if name == rule} <= {line, line + 1}
    if rule != "question":
        comment = "".join(f"# {line}\n" for line in text.splitlines())
        assert rule in {name for _, name in found("a.py", f"x = 1\n{comment}")}
        assert rule in {name for _, name in found("a.md", f"# A\n\n{text.strip()}\n")}


@pytest.mark.parametrize(
    "source",
    [
        'x = "What a string of its own, anew"\n',
        '"""Return `such a one` and ``of its own``."""\n',
        "# type: ignore[of its own]\n",
        'def f():\n    """Leave it alone."""\n',
        'print("""What it is.""")\n',
    ],
)
def test_strings_and_code_are_no_prose(source: str) -> None:
    assert found("a.py", source) == []


def test_code_of_a_page_is_no_prose() -> None:
    page = (
        "# A\n\n```python\n# such a one, anew\n```\n\n`of its own` [a](such-a-one)\n<!-- anew -->\n"
    )
    assert found("a.md", page) == []
    assert found("a.md", "~~~text\nanew\n```\nanew\n~~~\nanew\n") == [(6, "anew")]


def test_the_form_of_a_page() -> None:
    word = "a word or " * 10
    assert found("a.md", f"{word}\n{word}w\n") == [(2, "wrap")]
    assert found("a.md", f"# {word}{word}\n| {word}{word} |\n[a]: https://a/{'b' * 100}\n") == []
    assert found("a.md", f"```sh\n{'x' * 85}\n{'x' * 86}\n```\n") == [(3, "code line")]
    assert found("a.md", f"```text\n{'x' * 86}\n```\n") == []
    cell = "It is one. It is another. It is a third."
    assert found("a.md", f"| a | b |\n| - | - |\n| a | {cell} |\n") == [(3, "table")]
    assert found("a.md", "| a | b<br>c |\n| a | One. Two |\n") == [(1, "table")]


def test_an_included_file_has_the_width_of_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text("x\n" + "y" * 86 + "\n")
    assert found("a.md", '```python\n--8<-- "a.py"\n```\n') == [(2, "code line")]


def test_the_command_tells_of_a_breach_of_each_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("proselint", reason="the group prose: uv run --group prose")
    (tmp_path / "a.md").write_text("# A\n\nLoad it anew.\n")
    (tmp_path / "b.py").write_text('x = 1\n\n"""It is very unique."""\n')
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["prose", "a.md", "b.py"])
    assert prose.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["a.md:3", "b.py:3", "b.py:3"]
