"""The kind of test that keeps hints true: every cause of an error, provoked, and every hint.

A plugin's test has a table of `Cause` rows: a call, what makes it fail, and what the hint may and
may not say. `check_cause` provokes one. `unprovoked` compares the table with the hints in the
plugin's code, so that a new hint without a provocation fails.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FunctionType, ModuleType

import attrs
import pytest

from famsock._registry import plugins

__all__ = [
    "Cause",
    "check_cause",
    "hints_in_code",
    "unprovoked",
]


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


def unprovoked(package: str, provoked: Iterable[Cause | str]) -> list[str]:
    """Return the hints in a package's code that no cause, or text of a hint, of ``provoked`` has.

    A text that another test provokes may stand in place of a row.
    """
    texts = [each if isinstance(each, str) else each.says for each in provoked]
    return [
        hint for hint in hints_in_code(package) if not any(text and text in hint for text in texts)
    ]


def hints_in_code(package: str) -> list[str]:
    """Return every hint of a package: of its protocols, and of each ``add_note`` in its modules.

    What an f-string takes from a variable stands as "{}".
    """
    found: dict[str, None] = {}
    for row in plugins.describe():
        if str(row["plugin"]).partition(":")[0] == package:
            family = plugins.family(str(row["family"]))
            for protocol in () if family is None else family.protocols:
                for hint in protocol.hints.values():
                    found.update(dict.fromkeys(_texts_of(hint)))
    folder = Path(importlib.import_module(package).__file__ or "").parent
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        tree = ast.parse(path.read_text("utf-8"))
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _is_note(n.func)]
        if calls:
            module = importlib.import_module(".".join(p for p in parts if p != "__init__"))
            for call in calls:
                found.update(dict.fromkeys(_constants(call.args[0], vars(module))))
    return list(found)


def _is_note(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == "add_note"


def _texts_of(hint: object) -> Iterator[str]:
    """The texts of an object that is a hint, or has some."""
    if isinstance(hint, str):
        yield hint
    elif isinstance(hint, Mapping):
        for value in hint.values():
            yield from _texts_of(value)
    elif isinstance(hint, FunctionType):
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
        yield from _texts_of(names.get(node.id))
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = names.get(node.value.id)
        yield from _texts_of(
            getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
        )
    elif isinstance(node, ast.Subscript):
        yield from _constants(node.value, names)
    elif isinstance(node, ast.Call):
        yield from _constants(node.func, names)


def _part(node: ast.expr, names: Mapping[str, object]) -> str:
    if isinstance(node, ast.FormattedValue):
        return next(_constants(node.value, names), "{}") if node.conversion == -1 else "{}"
    return str(node.value) if isinstance(node, ast.Constant) else "{}"
