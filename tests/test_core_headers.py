"""The C headers agree with what every family has: constants, options, messages, structs."""

from __future__ import annotations

import pytest

from famsock import _errqueue as errqueue
from famsock import constants, control, options
from famsock._struct import Struct
from famsock.testing import _probe
from famsock.testing._checks.headers import stated_layout
from famsock.testing._header_trees import HeaderTree, header_trees

TREES = header_trees()
STATED = {n: v for n, v in vars(constants).items() if n.isupper() and isinstance(v, int)}
STRUCTS = sorted(
    {
        value
        for module in (options, control, errqueue)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Struct) and hasattr(value, "layout")
    },
    key=lambda cls: cls.__name__,
)

needs_compiler = pytest.mark.skipif(
    _probe.compiler() is None, reason="needs a C compiler: install gcc, or set CC"
)


@needs_compiler
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.label)
def test_constants_agree_with_headers(tree: HeaderTree) -> None:
    answers = _probe.ask_each(tree, constants.HEADERS, {name: name for name in STATED})
    found = {name: value for name, value in answers.items() if isinstance(value, int)}
    assert len(found) > 0.9 * len(STATED)
    assert found == {name: STATED[name] for name in found}


@needs_compiler
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.label)
@pytest.mark.parametrize("cls", STRUCTS, ids=lambda cls: cls.__name__)
def test_layouts_agree_with_headers(cls: type[Struct], tree: HeaderTree) -> None:
    stated = stated_layout(cls)
    answers = _probe.ask_together(tree, cls.layout.headers, {q: q for q in stated})
    assert answers == stated
