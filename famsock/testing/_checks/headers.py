"""Constants and layouts agree with the C headers, which a compiler is asked about."""

from __future__ import annotations

import socket as _stdlib
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache

import pytest

from famsock._struct import Struct
from famsock.testing import _header_trees, _probe
from famsock.testing._checks.base import Checks, asks_no_kernel
from famsock.testing._header_trees import SYSTEM, HeaderTree


class HeaderChecks(Checks):
    """Every constant and every struct of the family, in every tree of headers there is.

    A name that the headers lack is a mistake, unless its author states why they lack it: it is
    `newer` than they are, `removed` from them, or in one of the `kernel_headers`, which are not
    installed. In headers later than any that `newer` names, a struct may be longer: kernels append
    members.
    """

    @asks_no_kernel
    def test_constants_agree_with_the_stdlib(self, subject_here: None) -> None:
        known = {k: int(v) for k, v in vars(_stdlib).items() if isinstance(v, int)}
        stated = self.subject().integers()
        assert {n: v for n, v in stated.items() if n in known} == {
            n: known[n] for n in stated if n in known
        }

    @asks_no_kernel
    def test_constants_state_their_headers(self, subject_here: None) -> None:
        assert self._headers() or not self._stated(), (
            f"the constants module states no HEADERS, the C headers that declare "
            f"{_list(self._stated())}; a name that none declares belongs into NOT_IN_HEADERS"
        )

    @asks_no_kernel
    def test_address_class_states_its_headers(self, address_class: type[Struct]) -> None:
        layout = address_class.layout
        assert layout.c_name, f"{address_class.__name__} names no C struct"
        assert any(layout.headers), f"{address_class.__name__} names no header of {layout.c_name}"

    @asks_no_kernel
    def test_structs_state_their_headers(self, structs: tuple[type[Struct], ...]) -> None:
        without = [c.__name__ for c in structs if c.layout.c_name and not any(c.layout.headers)]
        assert not without, "state the header of the C struct, or leave its name empty"

    @asks_no_kernel
    def test_names_without_headers_are_stated(self, subject_here: None) -> None:
        names = {*self.subject().integers(), *self._headers()}
        for cls in self.subject().layouts():
            names |= {*cls.layout.headers, *_names_of(cls).values()}
        stated = (*self.newer.values(), *self.removed.values())
        excused = {name for some in stated for name in some}
        excused |= {*self.subject().constants_module().get("NOT_IN_HEADERS", ())}
        assert not excused - names, (
            "newer, removed and NOT_IN_HEADERS name what the family does not state"
        )
        assert not {*self.kernel_headers} - names, "no name of the family is of these headers"

    def test_headers_are_there(self, header_tree: HeaderTree, all_headers: tuple[str, ...]) -> None:
        absent = self._absent(header_tree, all_headers) - {*self.kernel_headers}
        _refuse(header_tree, sorted(absent), "correct the header's name, or install it")

    def test_constants_agree_with_headers(
        self, header_tree: HeaderTree, headers: tuple[str, ...]
    ) -> None:
        stated = self.subject().integers()  # those of NOT_IN_HEADERS too: a header may have them
        answers = _asked_each(header_tree, headers, tuple(stated))
        found = {name: value for name, value in answers.items() if isinstance(value, int)}
        if not found:
            self._skip_without_kernel_headers(header_tree, headers, [*stated])
        assert found, _nothing(header_tree, answers)
        assert found == {name: stated[name] for name in found}

    def test_layouts_agree_with_headers(
        self, header_tree: HeaderTree, layouts: tuple[type[Struct], ...]
    ) -> None:
        compared, differences = 0, []
        answers: dict[str, int | str] = {}
        for cls in layouts:
            answers = self._layout(header_tree, cls)
            partly = any(isinstance(answer, str) for answer in answers.values())
            for question, stated in stated_layout(cls).items():
                answer = answers[question]
                if isinstance(answer, str):
                    continue
                is_longer = answer > stated and self._is_unknown(header_tree)
                if question == _size_of(cls) and (partly or is_longer):
                    continue
                compared += 1
                if answer != stated:
                    differences.append(f"{cls.__name__}: {question} is {answer}, not {stated}")
        if not compared:
            names = [cls.layout.c_name for cls in layouts]
            self._skip_without_kernel_headers(header_tree, _headers_of(layouts), names)
        assert compared, _nothing(header_tree, answers)
        assert not differences

    def test_headers_declare_every_constant(
        self, header_tree: HeaderTree, headers: tuple[str, ...]
    ) -> None:
        names = tuple(self._stated())
        answers = _asked_each(header_tree, headers, names)
        missing = {n for n in names if not isinstance(answers.get(n), int)}
        missing -= self._excused(header_tree)
        if missing:
            self._skip_without_kernel_headers(header_tree, headers, sorted(missing))
        _refuse(header_tree, sorted(missing), "correct the name, or state it in NOT_IN_HEADERS")

    def test_headers_declare_every_struct(
        self, header_tree: HeaderTree, layouts: tuple[type[Struct], ...]
    ) -> None:
        excused = self._excused(header_tree)
        missing = {
            name: cls
            for cls in layouts
            for question, answer in self._layout(header_tree, cls).items()
            if isinstance(answer, str)
            and not excused & {name := _names_of(cls)[question], cls.layout.c_name}
        }
        if missing:
            of_these = _headers_of(tuple(missing.values()))
            self._skip_without_kernel_headers(header_tree, of_these, sorted(missing))
        _refuse(header_tree, sorted(missing), "correct the C name; leave it empty if C has none")

    def _headers(self) -> tuple[str, ...]:
        return tuple(self.subject().constants_module().get("HEADERS", ()))

    def _stated(self) -> dict[str, int]:
        """Return the family's constants, except those that it says no header has."""
        without = self.subject().constants_module().get("NOT_IN_HEADERS", ())
        return {n: v for n, v in self.subject().integers().items() if n not in without}

    def _excused(self, tree: HeaderTree) -> set[str]:
        """Return the names that the headers of a tree may lack: they are older, or too new."""
        here = _version(tree)
        found = {n for first, names in self.newer.items() if here < numbers(first) for n in names}
        return found.union(*(n for since, n in self.removed.items() if here >= numbers(since)))

    def _is_unknown(self, tree: HeaderTree) -> bool:
        """Return whether a tree's headers are later than any that the author of `newer` saw."""
        return bool(self.newer) and _version(tree) > max(map(numbers, self.newer))

    def _absent(self, tree: HeaderTree, headers: Iterable[str]) -> set[str]:
        """Return the headers that a tree lacks, except those that it may lack."""
        return {*headers} - _found(tree, tuple(headers)) - self._excused(tree)

    def _skip_without_kernel_headers(
        self, tree: HeaderTree, headers: Iterable[str], names: list[str]
    ) -> None:
        """Skip the test if names may be in headers of the kernel that this tree lacks."""
        absent = sorted(self._absent(tree, headers) & self.kernel_headers.keys())
        patterns = [pattern for header in absent for pattern in self.kernel_headers[header]]
        if absent and all(any(fnmatchcase(n, p) for p in patterns) for n in names):
            pytest.skip(
                f"{_list(names)} cannot be checked: the {tree.label} headers lack "
                f"{_list(absent)}, the kernel's own; name folders that have them: {_HOW}"
            )

    def _layout(self, tree: HeaderTree, cls: type[Struct]) -> _probe.Answers:
        questions = frozenset(q for c in self.subject().layouts() for q in _of_unit(c, cls))
        answers = _asked_together(tree, cls.layout.headers, questions, self._headers())
        return {question: answers[question] for question in stated_layout(cls)}


_MOST_SHOWN = 12
_HOW = f'{_header_trees.VARIABLE}="label=folder:folder"'


def _list(names: Iterable[str]) -> str:
    """Return some names as text, and how many more there are."""
    shown = list(names)
    more = f" and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
    return ", ".join(shown[:_MOST_SHOWN]) + more


def _refuse(tree: HeaderTree, missing: list[str], advice: str) -> None:
    """Fail if names are missing on Linux, whose headers are known; skip on another system."""
    if missing and not sys.platform.startswith("linux"):
        pytest.skip(f"the headers of {sys.platform} lack {_list(missing)}")
    version = ".".join(map(str, _version(tree))) or "unknown"
    assert not missing, (
        f"the {tree.label} headers (Linux {version}) lack {_list(missing)}: {advice}; if later "
        f'headers have it, state newer = {{"6.12": ("NAME",)}} in the test class; if earlier ones '
        f'have it, removed = {{"7.1": ("NAME",)}}'
    )


def _nothing(tree: HeaderTree, answers: _probe.Answers) -> str:
    why = next(iter(answers.values()), "no header has any of these names")
    return f"the {tree.label} headers tell nothing of this family: {why}"


def numbers(version: str) -> tuple[int, ...]:
    """Return a Linux version as numbers; ValueError if it is none."""
    return tuple(int(part) for part in version.split("."))


def _headers_of(layouts: tuple[type[Struct], ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(h for cls in layouts for h in cls.layout.headers if h))


def _names_of(cls: type[Struct]) -> dict[str, str]:
    """Return what each question about a struct asks for: "struct x" or "struct x.member"."""
    name = cls.layout.c_name
    found = {_size_of(cls): name}
    for member in cls.layout.members:
        if member.c_name:
            found[_offset_of(cls, member.c_name)] = f"{name}.{member.c_name}"
            found[_size_of_member(cls, member.c_name)] = f"{name}.{member.c_name}"
    return found


def _of_unit(cls: type[Struct], other: type[Struct]) -> Iterable[str]:
    """Return the questions about a struct that can be asked together."""
    return stated_layout(cls) if cls.layout.headers == other.layout.headers else ()


def _size_of(cls: type[Struct]) -> str:
    return f"sizeof({cls.layout.c_name})"


def _offset_of(cls: type[Struct], member: str) -> str:
    return f"offsetof({cls.layout.c_name}, {member})"


def _size_of_member(cls: type[Struct], member: str) -> str:
    return f"sizeof((({cls.layout.c_name} *)0)->{member})"


def stated_layout(cls: type[Struct]) -> dict[str, int]:
    """Return C expressions for the sizes and offsets of a class's C struct, with their values."""
    stated = {_size_of(cls): cls.layout.size}
    for member in cls.layout.members:
        if member.c_name:
            stated[_offset_of(cls, member.c_name)] = member.offset
            stated[_size_of_member(cls, member.c_name)] = member.type.size
    return stated


@cache
def _version(tree: HeaderTree) -> tuple[int, ...]:
    _skip_without_headers()
    return _probe.version(tree)


@cache
def _found(tree: HeaderTree, headers: tuple[str, ...]) -> frozenset[str]:
    _skip_without_headers()
    return frozenset(_probe.found(tree, headers))


@cache
def _asked_each(
    tree: HeaderTree, headers: tuple[str, ...], names: tuple[str, ...]
) -> _probe.Answers:
    _skip_without_headers()
    return _probe.ask_each(tree, headers, {name: name for name in names})


@cache
def _asked_together(
    tree: HeaderTree,
    headers: tuple[str, ...],
    questions: frozenset[str],
    context: tuple[str, ...],
) -> _probe.Answers:
    _skip_without_headers()
    return _probe.ask_together(tree, headers, {q: q for q in sorted(questions)}, context)


def _skip_without_headers() -> None:
    if _probe.compiler() is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev, or name one in CC")
    try:
        _probe.found(SYSTEM, ())
    except _probe.HeaderError as error:
        pytest.skip(f"needs C headers: apt-get install libc6-dev linux-libc-dev ({error})")
