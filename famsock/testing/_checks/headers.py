"""Constants and layouts agree with the C headers, which a compiler is asked about."""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Iterable
from functools import cache

import pytest

from famsock._struct import Struct
from famsock.testing import _header_trees, _probe
from famsock.testing._checks.base import Checks
from famsock.testing._header_trees import HeaderTree


class HeaderChecks(Checks):
    """Every constant and every struct of the family, in every tree of headers there is."""

    def test_constants_agree_with_the_stdlib(self, subject_here: None) -> None:
        known = {k: int(v) for k, v in vars(_stdlib).items() if isinstance(v, int)}
        stated = self.subject().integers()
        assert {n: v for n, v in stated.items() if n in known} == {
            n: known[n] for n in stated if n in known
        }

    def test_constants_agree_with_headers(
        self, header_tree: HeaderTree, headers: tuple[str, ...]
    ) -> None:
        stated = self._stated()
        answers = _asked_each(header_tree, headers, tuple(stated))
        found = {name: value for name, value in answers.items() if isinstance(value, int)}
        _skip_unless(found, header_tree, answers)
        assert found == {name: stated[name] for name in found}

    def test_layouts_agree_with_headers(
        self, header_tree: HeaderTree, layouts: tuple[type[Struct], ...]
    ) -> None:
        compared, differences = 0, []
        answers: dict[str, int | str] = {}
        for cls in layouts:
            answers = self._layout(header_tree, cls)
            older = any(isinstance(answer, str) for answer in answers.values())
            for question, stated in stated_layout(cls).items():
                answer = answers[question]
                if isinstance(answer, str) or (older and question == _size_of(cls)):
                    continue
                compared += 1
                if answer != stated:
                    differences.append(f"{cls.__name__}: {question} is {answer}, not {stated}")
        _skip_unless(compared, header_tree, answers)
        assert not differences

    def test_headers_declare_every_constant(
        self, all_trees: tuple[HeaderTree, ...], headers: tuple[str, ...]
    ) -> None:
        names = tuple(self._stated())
        answers = _asked_each(all_trees[-1], headers, names)
        missing = {n: answers.get(n) for n in names if not isinstance(answers.get(n), int)}
        assert not missing, "fix the name, or state it in NOT_IN_HEADERS of the constants module"

    def test_headers_declare_every_struct(
        self, all_trees: tuple[HeaderTree, ...], layouts: tuple[type[Struct], ...]
    ) -> None:
        newest = all_trees[-1]
        missing = {
            f"{cls.__name__}: {question}": answer
            for cls in layouts
            for question, answer in self._layout(newest, cls).items()
            if isinstance(answer, str)
        }
        assert not missing, "fix the C name, or leave it empty where there is none"

    def _stated(self) -> dict[str, int]:
        """Return the family's constants, except those that it says no header has."""
        elsewhere = self.subject().constants_module().get("NOT_IN_HEADERS", ())
        return {n: v for n, v in self.subject().integers().items() if n not in elsewhere}

    def _layout(self, tree: HeaderTree, cls: type[Struct]) -> _probe.Answers:
        context = tuple(self.subject().constants_module().get("HEADERS", ()))
        questions = frozenset(q for c in self.subject().layouts() for q in _of_unit(c, cls))
        return _asked_together(tree, cls.layout.headers, questions, context)


def _of_unit(cls: type[Struct], other: type[Struct]) -> Iterable[str]:
    """Return the questions about a struct that can be asked together."""
    return stated_layout(cls) if cls.layout.headers == other.layout.headers else ()


def _size_of(cls: type[Struct]) -> str:
    return f"sizeof({cls.layout.c_name})"


def stated_layout(cls: type[Struct]) -> dict[str, int]:
    """Return C expressions for the sizes and offsets of a class's C struct, with their values."""
    name = cls.layout.c_name
    stated = {_size_of(cls): cls.layout.size}
    for member in cls.layout.members:
        if member.c_name:
            stated[f"offsetof({name}, {member.c_name})"] = member.offset
            stated[f"sizeof((({name} *)0)->{member.c_name})"] = member.type.size
    return stated


@cache
def _asked_each(
    tree: HeaderTree, headers: tuple[str, ...], names: tuple[str, ...]
) -> _probe.Answers:
    _skip_without_compiler()
    return _probe.ask_each(tree, headers, {name: name for name in names})


@cache
def _asked_together(
    tree: HeaderTree,
    headers: tuple[str, ...],
    questions: frozenset[str],
    context: tuple[str, ...],
) -> _probe.Answers:
    _skip_without_compiler()
    return _probe.ask_together(tree, headers, {q: q for q in sorted(questions)}, context)


def _skip_without_compiler() -> None:
    if _probe.compiler() is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev, or name one in CC")


def _skip_unless(found: object, tree: HeaderTree, answers: _probe.Answers) -> None:
    if not found:
        why = next(iter(answers.values()), "no header has any of these names")
        pytest.skip(
            f"{tree.label} headers tell nothing of this family ({why}); name others in "
            f"{_header_trees.VARIABLE}="
            f'"label=dir:dir" (famsock\'s own: python -m tests.lab headers)'
        )
