"""The statements of a family's author, and the parameters of the suite's tests from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from famsock.address import Address
from famsock.testing import _header_trees, requirements
from famsock.testing._examples import BadAddress, Example, Shapes
from famsock.testing._subject import Subject
from famsock.testing.strategies import Strategies

_T = TypeVar("_T")
_PLUGIN = "famsock.testing.plugin"
_SUITE = "famsock.testing._checks."
IN_LAB = bool(os.environ.get("FAMSOCK_LAB"))
# An emulated processor needs longer for what a test waits for; User-mode Linux does not emulate it.
IN_EMULATION = os.environ.get("FAMSOCK_LAB") == "qemu"
PROPERTY = settings(
    max_examples=5 if IN_LAB else 50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Settings of the suite's property tests: no time limit, no database, fewer in emulation."""


class Checks:
    """The base of the checks; `famsock.testing.Conformance` describes what a subclass states."""

    family: ClassVar[str]
    examples: ClassVar[tuple[Example, ...]] = ()
    bad: ClassVar[tuple[BadAddress, ...]] = ()
    strategies: ClassVar[Strategies] = {}
    accepts: ClassVar[Mapping[str, tuple[type[Any], ...]]] = {}
    selftest_marks: ClassVar[Mapping[str, tuple[pytest.MarkDecorator, ...]]] = {}
    batched: ClassVar[tuple[str, ...]] = ()
    network_namespace: ClassVar[bool] = False
    redefines: ClassVar[Mapping[str, str]] = {}
    unreadable_options: ClassVar[Mapping[str, str]] = {}
    newer: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    removed: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    kernel_headers: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    exceptions: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        of_the_suite = [base for base in cls.__mro__[1:] if base.__module__.startswith(_SUITE)]
        for name in vars(cls):
            if name.startswith("test_") and any(name in vars(base) for base in of_the_suite):
                raise TypeError(
                    f"{cls.__name__} replaces the check {name}: state it in exceptions with the "
                    f"reason, or give your test another name"
                )

    @pytest.fixture(autouse=True)
    def _network(self, request: pytest.FixtureRequest) -> None:
        if self.network_namespace and not requirements.capability("CAP_SYS_ADMIN"):
            request.getfixturevalue("network_namespace")

    @classmethod
    def subject(cls) -> Subject:
        """Return the family under test."""
        return Subject.named(cls.family)

    @pytest.fixture
    def makes(self, example: Example) -> type[Address]:
        """Return the class of an example's typed address, which its protocol names."""
        return self.subject().address_class(example.protocol)

    @pytest.fixture
    def shapes(self, example: Example) -> Shapes:
        """Return the shapes of an example on this machine."""
        return example.shapes()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrise a test by the names of its arguments."""
        if not metafunc.config.pluginmanager.has_plugin(_PLUGIN):
            pytest.fail(
                f"famsock's conformance kit needs its pytest plugin: add '-p {_PLUGIN}' to addopts "
                f'in pyproject.toml, or pytest_plugins = ["{_PLUGIN}"] to the root\'s conftest.py',
                pytrace=False,
            )
        for name in PARAMETERS:
            if name in metafunc.fixturenames:
                nothing = pytest.param(None, marks=pytest.mark.nothing_to_check)
                metafunc.parametrize(name, self.parameters(name) or [nothing])

    @classmethod
    def parameters(cls, argument: str) -> list[Any]:
        """Return the parameters for an argument of the suite's tests; none if there is nothing."""
        try:
            cls.subject()
            return list(PARAMETERS[argument](cls))
        except (ImportError, LookupError, AttributeError):
            return []  # DescriptionChecks load the same things, and report why


def asks_no_kernel(check: _T) -> _T:
    """Have the plugin give a check the marker of this name, which only it registers."""
    vars(check)["asks_no_kernel"] = True
    return check


def _examples(cls: type[Checks]) -> Iterable[Any]:
    for example in cls.examples:
        needs = example.needs_interface
        marks = (pytest.mark.needs_interface(needs),) if needs else ()
        yield pytest.param(example, id=str(example), marks=marks)


def _selftests(cls: type[Checks]) -> Iterable[Any]:
    subject = cls.subject()
    for protocol in subject.family.protocols if subject.family.here else ():
        for label, reference in protocol.selftests.items():
            marks = cls.selftest_marks.get(label, ())
            yield pytest.param((protocol, reference), id=label, marks=marks)


def _batched(cls: type[Checks]) -> Iterable[Any]:
    found = {parameter.id: parameter for parameter in _selftests(cls)}
    return [found[label] for label in cls.batched] if found else []


def _classes(cls: type[Checks]) -> Iterable[Any]:
    return [pytest.param(c, id=c.__name__) for c in cls.subject().address_classes()]


def _socket_classes(cls: type[Checks]) -> Iterable[Any]:
    from famsock.testing._checks.socket_classes import socket_classes

    for made in socket_classes(cls.subject().family):
        yield pytest.param(made, id=made.cls.__name__)


def _integer_fields(cls: type[Checks]) -> Iterable[Any]:
    for example in _first_of_each_class(cls):
        for member in type(example).layout.members:
            if member.type.low is not None:
                yield pytest.param(
                    (example, member), id=f"{type(example).__name__}.{member.attribute}"
                )


def _fields(cls: type[Checks]) -> Iterable[Any]:
    for example in _first_of_each_class(cls):
        for member in type(example).layout.members:
            yield pytest.param((example, member), id=f"{type(example).__name__}.{member.attribute}")


def _first_of_each_class(cls: type[Checks]) -> Iterable[Any]:
    """Return a typed address of each class, with interface index 1 if it depends on one."""
    found: dict[type[Any], Any] = {}
    for example in cls.examples:
        typed = example.some_typed()
        found.setdefault(type(typed), typed)
    return found.values()


def _protocols(cls: type[Checks]) -> Iterable[Any]:
    return [pytest.param(p, id=p.name) for p in cls.subject().family.protocols]


def _rows(kind: str) -> Callable[[type[Checks]], Iterable[Any]]:
    def found(cls: type[Checks]) -> Iterable[Any]:
        return _at_once(cls.subject().rows(kind))

    return found


def _at_once(found: tuple[Any, ...]) -> list[Any]:
    """Return one parameter with everything that was found; none if that is nothing."""
    return [pytest.param(found, id=f"{len(found)}")] if found else []


def _sockaddr_layouts(cls: type[Checks]) -> Iterable[Any]:
    from famsock.testing._checks.sockaddr_layouts import Layout

    subject = cls.subject()
    if not subject.family.here:
        return
    for protocol in {p.layout: p for p in subject.family.protocols}.values():
        if (layout := Layout.of(protocol)) is not None:
            yield pytest.param(layout, id=protocol.name)


def _readable_options(cls: type[Checks]) -> Iterable[Any]:
    subject = cls.subject()
    rows = subject.rows("options") if subject.family.here else ()
    return _at_once(tuple(row for row in rows if "r" in row.access and row.request is None))


def _headers(cls: type[Checks]) -> Iterable[Any]:
    return _at_once(tuple(cls.subject().constants_module().get("HEADERS", ())))


def _layouts(cls: type[Checks]) -> Iterable[Any]:
    return _at_once(cls.subject().layouts() if cls.subject().family.here else ())


def _trees(cls: type[Checks]) -> Iterable[Any]:
    """Return the trees of headers; none in the lab, whose kernel is not the host's."""
    if not IN_LAB and cls.subject().family.here:
        for tree in _header_trees.header_trees():
            yield pytest.param(tree, id=tree.label)


def _all_headers(cls: type[Checks]) -> Iterable[Any]:
    """Return the headers of the constants and of the structs."""
    return _at_once(cls.subject().headers())


def _package(cls: type[Checks]) -> Iterable[Any]:
    name = cls.subject().package()
    return [pytest.param(name, id=name)] if name else []


def _here(cls: type[Checks]) -> Iterable[Any]:
    return [pytest.param(None, id="")] if cls.subject().family.here else []


PARAMETERS: Mapping[str, Callable[[type[Checks]], Iterable[Any]]] = {
    "address_class": _classes,
    "all_headers": _all_headers,
    "bad_address": lambda cls: [pytest.param(bad, id=str(bad)) for bad in cls.bad],
    "batched_exchange": _batched,
    "control_rows": _rows("control"),
    "example": _examples,
    "selftest": _selftests,
    "field": _fields,
    "header_tree": _trees,
    "headers": _headers,
    "integer_field": _integer_fields,
    "layouts": _layouts,
    "option_rows": _rows("options"),
    "package": _package,
    "protocol": _protocols,
    "readable_options": _readable_options,
    "sockaddr_layout": _sockaddr_layouts,
    "socket_class": _socket_classes,
    "structs": lambda cls: _at_once(tuple(cls.subject().structs().values())),
    "subject_here": _here,
}
"""The parameters for each argument of the suite's tests."""


def for_all(strategy: SearchStrategy[_T], check: Callable[[_T], None], times: int = 1) -> None:
    """Run ``check`` on many values drawn from ``strategy``; ``times`` as many as usual."""
    many = settings(PROPERTY, max_examples=times * PROPERTY.max_examples)
    many(given(strategy)(check))()


def for_each(rows: Iterable[Any], check: Callable[[Any], None]) -> None:
    """Run ``check`` on all rows, and name all that fail: quicker than a test for each."""
    failures: list[str] = []
    first = None
    for row in rows:
        try:
            check(row)
        except (Exception, pytest.fail.Exception) as error:
            failures.append(f"{row.name}: {type(error).__name__}: {error}")
            first = first or error
    if first:
        raise AssertionError("\n".join(failures)) from first
