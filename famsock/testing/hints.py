"""The kind of test that keeps hints true: every cause of an error, provoked, and every hint.

A plugin's test has a table of `Cause` rows: a call, what makes it fail, and what the hint may and
may not say. `check_cause` provokes one. `unprovoked` compares the table with the hints in the
plugin's code, so that a new hint without a provocation fails.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FunctionType, ModuleType

import attrs
import pytest

from famsock._registry import plugins

__all__ = [
    "Cause",
    "check_cause",
    "hints_in_code",
    "texts_of",
    "unprivileged",
    "unprovoked",
]

_NOBODY_UID = 65534


@attrs.frozen
class Cause:
    """One cause of an errno in one call.

    ``provoke`` makes the call fail; what it enters into the stack that it is given is closed
    afterwards. ``says`` is a part of the hint's text that stands in the code as it is; "" means
    that there must be no hint. ``never`` are texts that the hint must not have: what would be true
    of other causes.
    """

    name: str
    provoke: Callable[[ExitStack], object]
    errno: int
    says: str = ""
    never: tuple[str, ...] = ()


def check_cause(cause: Cause) -> None:
    """Provoke the error of ``cause``; AssertionError if it, or its hint, is another."""
    with ExitStack() as stack, pytest.raises(OSError) as caught:  # noqa: PT011
        cause.provoke(stack)
    assert caught.value.errno == cause.errno, caught.value
    said = "\n".join(getattr(caught.value, "__notes__", ()))
    assert cause.says in said, f"{caught.value!r} says {said!r}"
    assert cause.says or not said, f"{caught.value!r} says {said!r}"
    for text in cause.never:
        assert text not in said


@contextmanager
def unprivileged() -> Iterator[None]:
    """Give up every capability of root for a while, in all threads: to provoke EPERM and EACCES."""
    before = os.geteuid()
    os.seteuid(_NOBODY_UID)
    try:
        yield
    finally:
        os.seteuid(before)


def unprovoked(package: str, provoked: Iterable[Cause | str]) -> list[str]:
    """Return the hints in a package's code for which ``provoked`` has no cause and no text.

    A text that another test provokes may stand in place of a row.
    """
    texts = [each if isinstance(each, str) else each.says for each in provoked]
    return [
        hint for hint in hints_in_code(package) if not any(text and text in hint for text in texts)
    ]


def hints_in_code(package: str, *, leave_out: str = "") -> list[str]:
    """Return every hint of a package: of its protocols, and of each ``add_note`` in its modules.

    What an f-string takes from a variable stands as "{}". ``leave_out`` is a folder of the package
    that is not looked at.
    """
    found: dict[str, None] = {}
    for row in plugins.describe():
        if str(row["plugin"]).partition(":")[0] == package:
            family = plugins.family(str(row["family"]))
            for protocol in () if family is None else family.protocols:
                for hint in protocol.hints.values():
                    found.update(dict.fromkeys(texts_of(hint)))
    folder = Path(importlib.import_module(package).__file__ or "").parent
    trees = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        if not leave_out or leave_out not in parts:
            name = ".".join(part for part in parts if part != "__init__")
            trees[name] = ast.parse(path.read_text("utf-8"))
    own = {name: place for tree in trees.values() for name, place in _noting(tree)}
    for name, tree in trees.items():
        texts = [*_noted(tree, own)]
        names = vars(importlib.import_module(name)) if texts else {}
        for text in texts:
            found.update(dict.fromkeys(_constants(text, names)))
    return list(found)


def _noting(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The functions that add what they are given as a note, and the position of it."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            parameters = [argument.arg for argument in function.args.args]
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _is_note(call):
                    words = _words(call.args[0])
                    if words in parameters:
                        yield function.name, parameters.index(words)


def _words(note: ast.expr) -> str:
    """The variable that a note consists of, a label in front of it apart; "" for other notes."""
    if isinstance(note, ast.JoinedStr) and len(note.values) == 2:
        label, value = note.values
        if isinstance(label, ast.Constant) and str(label.value).endswith(": "):
            note = value.value if isinstance(value, ast.FormattedValue) else note
    return note.id if isinstance(note, ast.Name) else ""


def _noted(tree: ast.Module, own: Mapping[str, int]) -> Iterator[ast.expr]:
    """The expressions that are added as a note: by ``add_note``, or by functions of one's own."""
    inside = {
        id(call)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name in own
        for call in ast.walk(function)
        if _is_note(call)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            if _is_note(call) and id(call) not in inside:
                yield call.args[0]
            elif isinstance(call.func, ast.Name) and call.func.id in own:
                yield from call.args[own[call.func.id] :][:1]


def _is_note(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_note"
    )


def texts_of(hint: object) -> Iterator[str]:
    """Yield the texts of a hint: itself, those that a function returns, those of a mapping."""
    if isinstance(hint, str):
        yield hint
    elif isinstance(hint, Mapping):
        for value in hint.values():
            yield from texts_of(value)
    elif isinstance(hint, FunctionType):
        yield from getattr(hint, "hints", ())
        tree = ast.parse(textwrap.dedent(inspect.getsource(hint)))
        names = {**hint.__globals__, **inspect.getclosurevars(hint).nonlocals}
        for node in ast.walk(tree):
            if isinstance(node, (ast.Return, ast.Lambda)):
                value = node.value if isinstance(node, ast.Return) else node.body
                if value is not None:
                    yield from _constants(value, names)


def _constants(node: ast.expr, names: Mapping[str, object]) -> Iterator[str]:
    """The texts that an expression may have as its value."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and node.value:
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(_part(value, names) for value in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body, names)
        yield from _constants(node.orelse, names)
    elif isinstance(node, ast.Name):
        yield from texts_of(names.get(node.id))
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = names.get(node.value.id)
        yield from texts_of(
            getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
        )
    elif isinstance(node, ast.Subscript):
        yield from _constants(node.value, names)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Hint":
        yield from _constants(node.args[0], names)
    elif isinstance(node, ast.Call):
        yield from _constants(node.func, names)


def _part(node: ast.expr, names: Mapping[str, object]) -> str:
    if isinstance(node, ast.FormattedValue):
        return next(_constants(node.value, names), "{}") if node.conversion == -1 else "{}"
    return str(node.value) if isinstance(node, ast.Constant) else "{}"
