"""Families that cannot be registered."""

from __future__ import annotations

from typing import Any

import pytest

from famsock._errors import PluginError
from famsock._registry import Registry
from famsock._registry.hookspecs import hookimpl
from famsock._registry.validation import check_family, families_in
from famsock.family import Family, Protocol

PROTOCOL = Protocol("p", None, (1,), "nowhere:Nothing")


def test_hook_that_gives_one_family_and_no_tuple() -> None:
    class Plugin:
        @hookimpl
        def famsock_families(self) -> Any:
            return Family("AF_NEW", 99, (PROTOCOL,))

    with pytest.raises(PluginError, match="must return a tuple of Family objects, not Family"):
        Registry().register(Plugin())


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Family("AF_NEW", 0, (PROTOCOL,)), "AF_NEW: number must be 1-65535, not 0"),
        (Family("AF_NEW", 70000, (PROTOCOL,)), "AF_NEW: number must be 1-65535, not 70000"),
        (Family("newfamily", 99, (PROTOCOL,)), "name must be that of its constant"),
        (Family("AF_UNIX", 2, (PROTOCOL,)), "AF_UNIX: number is 1 here, not 2"),
        (Family("AF_NEW", 99, ()), "AF_NEW: protocols must be a tuple of at least one Protocol"),
        (
            Family("AF_NEW", 99, PROTOCOL),  # type: ignore[arg-type]
            "AF_NEW: protocols must be Protocol objects, not 'p'",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL._replace(types=()),)),
            r"p: types must be a tuple of at least one socket type, not \(\)",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL._replace(types=2),)),  # type: ignore[arg-type]
            "p: types must be a tuple of at least one socket type, not 2",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL, PROTOCOL._replace(name="q"))),
            "protocols p and q are both number None of socket type 1",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL, PROTOCOL)),
            "protocols p and p are both number None of socket type 1",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL,), api_version=7),
            "written for version 7 of famsock's plugin interface, this famsock has version 2",
        ),
    ],
)
def test_invalid_families_are_refused(family: Family, message: str) -> None:
    registry = Registry()
    with pytest.raises(PluginError, match=message):
        registry.register(family)
    assert family.name not in registry.names() or family.name == "AF_UNIX"


FAMILY = Family("AF_NEW", 99, (PROTOCOL,))


def test_families_in_any_collection() -> None:
    for supplied in ((FAMILY,), [FAMILY], iter([FAMILY])):
        assert families_in(supplied) == (FAMILY,)
    assert families_in(()) == ()


@pytest.mark.parametrize("supplied", [FAMILY, None, 5])
def test_a_hook_that_returns_no_collection(supplied: Any) -> None:
    with pytest.raises(ValueError, match="must return a tuple of Family objects, not"):
        families_in(supplied)


@pytest.mark.parametrize("supplied", [("AF_NEW",), (FAMILY, None), ((),)])
def test_a_hook_that_returns_other_objects(supplied: Any) -> None:
    with pytest.raises(ValueError, match="must give Family objects, not"):
        families_in(supplied)


@pytest.mark.parametrize("number", [1, 0xFFFF])
def test_the_least_and_the_greatest_number(number: int) -> None:
    check_family(FAMILY._replace(number=number))


@pytest.mark.parametrize("number", [None, "99", 99.0, -1])
def test_a_number_that_is_none(number: Any) -> None:
    with pytest.raises(ValueError, match=f"AF_NEW: number must be 1-65535, not {number!r}"):
        check_family(FAMILY._replace(number=number))


def test_a_family_of_another_platform_may_have_another_number() -> None:
    check_family(Family("AF_UNIX", 2, (PROTOCOL,), platforms=("no",)))


def test_one_number_with_two_types_and_two_numbers_with_one_type() -> None:
    rows = (
        PROTOCOL._replace(name="a", number=1, types=(1,)),
        PROTOCOL._replace(name="b", number=1, types=(2,)),
        PROTOCOL._replace(name="c", number=2, types=(1, 2)),
        PROTOCOL._replace(name="d", types=(1, 2)),
    )
    check_family(FAMILY._replace(protocols=rows))
    with pytest.raises(ValueError, match="protocols b and e are both number 1 of socket type 2"):
        check_family(FAMILY._replace(protocols=(*rows, rows[1]._replace(name="e"))))


def test_address_classes_are_not_imported() -> None:
    check_family(FAMILY._replace(protocols=(PROTOCOL._replace(address="no_such_module:No"),)))
