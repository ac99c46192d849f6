"""Families and protocols: selection, and address classes that cannot be used."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from famsock import cstruct
from famsock._lazy import PluginError
from famsock._registry import Registry
from famsock._sockaddr import sockaddr
from famsock.address import Address
from famsock.family import ANY_PROTOCOL, Family, Protocol, Served
from tests.programs import OPEN_UNIX, Site

PROTOCOL = Protocol("p", None, (1,), None)


@sockaddr("struct sockaddr_new", header="", family=99, family_name="AF_NEW")
class NewAddress(Address):
    """An address of a port."""

    port: int = cstruct.u16("new_port")


def test_broken_address_class_is_told_with_its_family(site: Site) -> None:
    protocol = '(Protocol("p", None, (1, 2), "keyed:NewAddress"),)'
    source = f"""
from famsock.plugin import Address, Family, Protocol, sockaddr, cstruct

FAMILY = Family("AF_UNIX", 1, {protocol})

def __getattr__(name):
    @sockaddr("struct sockaddr_new", header="", family=1, family_name="AF_UNIX", size=6)
    class NewAddress(Address):
        port: int = cstruct.u16("new_port")
        node: int = cstruct.u32("new_node")
    return NewAddress
"""
    site.install("famsock-unix", "AF_UNIX", "keyed", source, "keyed:FAMILY")
    code = OPEN_UNIX.replace("(famsock.AF_UNIX)", "(famsock.AF_UNIX).bind('x')")
    refused, fine = site.run(code).splitlines()
    assert refused == (
        "PluginError AF_UNIX p: address must name an Address class; keyed:NewAddress cannot be "
        "loaded: TypeError: NewAddress: size 6 is less than its members' 8 bytes"
    )
    assert fine == "famsock._sockets"


@pytest.mark.parametrize(
    ("row", "number", "message"),
    [
        ({"address": "json:JSONDecoder"}, 99, "address must name an Address class; json:JSOND"),
        (
            {},
            98,
            r"address must be a class of family AF_NEW \(98\), not .*NewAddress",
        ),
        (
            {"address_family": "AF_INET"},
            99,
            "address must be a class of family AF_INET, not",
        ),
    ],
)
def test_address_class_that_is_not_the_familys_is_refused(
    row: dict[str, Any], number: int, message: str
) -> None:
    protocol = PROTOCOL._replace(**{"address": NewAddress, **row})
    family = Family("AF_NEW", number, (protocol,))
    with pytest.raises(PluginError, match=message):
        _ = Served(family, protocol, lambda _: None).codec.address_class
    with pytest.raises(PluginError, match=message):
        Registry().register(family)


def test_address_class_of_another_family() -> None:
    protocol = PROTOCOL._replace(address=NewAddress, address_family="AF_NEW")
    registry = Registry()
    registry.register(Family("AF_NEWER", 98, (protocol,)))
    served = registry.find(98, 1, 0)
    assert served is not None
    assert served.codec.address_class is NewAddress


STREAM, DGRAM, RAW = 1, 2, 3
ROWS = Family(
    "AF_NEW",
    99,
    (
        Protocol("first", 6, (STREAM,), None),
        Protocol("second", 17, (DGRAM, STREAM), None),
        Protocol("any", ANY_PROTOCOL, (RAW,), None),
    ),
)


@pytest.mark.parametrize(
    ("number", "kind", "name"),
    [
        (6, STREAM, "first"),
        (17, STREAM, "second"),
        (0, STREAM, "first"),
        (0, DGRAM, "second"),
        (0, RAW, "any"),
        (99, RAW, "any"),
        (6, RAW, "any"),  # a row with this type comes before its own with another
        (6, DGRAM, "first"),
        (99, STREAM, "any"),
    ],
)
def test_the_row_of_a_number_and_a_type(number: int, kind: int, name: str) -> None:
    row = ROWS.protocol(number, kind)
    assert row is not None
    assert row.name == name


def test_no_row_fits() -> None:
    only = ROWS._replace(protocols=ROWS.protocols[:1])
    assert only.protocol(17, DGRAM) is None
    assert only.protocol(0, DGRAM) is None


@pytest.mark.parametrize(
    ("selftest", "labels"),
    [
        (None, {}),
        ("kit:live", {"p": "kit:live"}),
        ({"p stream": "kit:a", "p dgram": "kit:b"}, {"p stream": "kit:a", "p dgram": "kit:b"}),
    ],
)
def test_labels_of_selftests(selftest: Any, labels: dict[str, str]) -> None:
    assert PROTOCOL._replace(selftest=selftest).selftests == labels


@pytest.mark.parametrize(("platforms", "here"), [((sys.platform,), True), (("no",), False)])
def test_a_family_is_for_its_platforms(platforms: tuple[str, ...], here: bool) -> None:
    family = ROWS._replace(platforms=platforms)
    assert family.here is here
    registry = Registry()
    registry.register(family)
    assert (registry.find(99, STREAM, 6) is not None) is here


def _served(family: Family = ROWS, **changes: Any) -> Served:
    return Served(family, PROTOCOL._replace(**changes), lambda _: None)


def test_served_is_named_by_family_and_protocol() -> None:
    assert str(_served()) == "AF_NEW p"


def test_definitions_are_made_once() -> None:
    served = _served()
    assert served.definitions is served.definitions
    with pytest.raises(LookupError, match="AF_NEW has no option 'SO_NOTHING_LIKE_IT'"):
        served.definitions.option("SO_NOTHING_LIKE_IT")
