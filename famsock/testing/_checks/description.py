"""Checks of the family's description: it loads, is complete, and its names exist and are typed."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import product
from typing import Any

from famsock._definitions import constants_of
from famsock._registry.references import check_references
from famsock._registry.validation import check_family
from famsock.control import ControlType
from famsock.family import Protocol
from famsock.options import Option
from famsock.testing._checks.base import PARAMETERS, Checks, asks_no_kernel


class DescriptionChecks(Checks):
    """The Family object and its references."""

    @asks_no_kernel
    def test_the_family_loads(self) -> None:
        family = self.subject().family
        assert family.name == self.family
        check_family(family)

    @asks_no_kernel
    def test_exceptions_are_checks_with_reasons(self) -> None:
        for check, reason in self.exceptions.items():
            assert isinstance(reason, str), f"{check}: the reason must be a text, not {reason!r}"
            assert reason.strip(), f"{check}: state why it cannot pass"
            name = check.partition("[")[0]
            function = getattr(type(self), name, None)
            assert name.startswith("test_"), f"no check is called {name}"
            assert inspect.isfunction(function), f"no check is called {name}"
            known = set(_ids(self, function))
            assert check == name or check in known, f"{check} is none of {sorted(known)}"

    @asks_no_kernel
    def test_constants_load_and_name_the_family(self) -> None:
        family = self.subject().family
        assert constants_of(family.name, family.constants).get(family.name) == family.number

    @asks_no_kernel
    def test_definitions_load(self) -> None:
        subject = self.subject()
        assert all(isinstance(row, Option) for row in subject.rows("options"))
        assert all(isinstance(row, ControlType) for row in subject.rows("control"))

    @asks_no_kernel
    def test_modules_import(self) -> None:
        assert list(self.subject().modules()) or not self.subject().package()

    @asks_no_kernel
    def test_every_address_class_has_an_example(self) -> None:
        shown = {type(example.some_typed()) for example in self.examples}
        missing = [c.__name__ for c in self.subject().address_classes() if c not in shown]
        assert not missing, f"state an Example for {', '.join(missing)}"

    @asks_no_kernel
    def test_statements_name_what_the_family_has(self) -> None:
        family = self.subject().family
        labels = {label for protocol in family.protocols for label in protocol.selftests}
        protocols = {protocol.name for protocol in family.protocols}
        options = {row.name for row in self.subject().rows("options")}
        fields = {
            name
            for cls in self.subject().structs().values()
            for member in cls.layout.members
            for name in (cls.__name__, member.attribute, f"{cls.__name__}.{member.attribute}")
        }
        for statement, named, known in (
            ("batched", self.batched, labels),
            ("selftest_marks", self.selftest_marks, labels),
            ("unreadable_options", self.unreadable_options, options),
            ("accepts", self.accepts, fields),
            ("strategies", self.strategies, fields),
            ("examples", [example.protocol for example in self.examples], protocols),
            ("bad", [bad.protocol for bad in self.bad], protocols),
        ):
            unknown = {*named} - known
            assert not unknown, f"{statement} names {unknown}, the family has {sorted(known)}"

    @asks_no_kernel
    def test_references_of_a_protocol_load(self, protocol: Protocol) -> None:
        check_references(self.subject().family._replace(protocols=(protocol,)))

    @asks_no_kernel
    def test_address_class_is_of_the_family(self, address_class: type[Any]) -> None:
        family = self.subject().family
        assert address_class.family == family.number
        assert address_class.family_name == family.name

    @asks_no_kernel
    def test_address_class_is_documented(self, address_class: type[Any]) -> None:
        assert (vars(address_class).get("__doc__") or "").strip()


def _ids(checks: Checks, function: Any) -> Iterator[str]:
    """Yield the names of a check with the parameters that it runs with."""
    # `shapes` and `makes` are fixtures of an example.
    asked = set(inspect.signature(function).parameters)
    asked |= {"example"} if asked & {"makes", "shapes"} else set()
    asked |= {"batched_exchange"} if "sent" in asked else set()
    for each in product(*(checks.parameters(name) for name in PARAMETERS if name in asked)):
        yield f"{function.__name__}[{'-'.join(str(parameter.id) for parameter in each)}]"
