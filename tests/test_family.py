"""Families and protocols: selection, and address classes that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from famsock import cstruct
from famsock._errors import PluginError
from famsock._lazy import load
from famsock._registry import Registry
from famsock._sockaddr import sockaddr
from famsock.address import Address
from famsock.family import Family, Protocol
from tests.programs import OPEN_UNIX, Site

PROTOCOL = Protocol("p", None, (1,), "nowhere:Nothing")


@sockaddr("struct sockaddr_new", header="", family=99, family_name="AF_NEW")
class NewAddress(Address):
    """An address of a port."""

    port: int = cstruct.u16("new_port")


def test_broken_address_class_is_told_with_its_family(site: Site) -> None:
    protocol = '(Protocol("p", None, (1, 2), "keyed:NewAddress"),)'
    source = f"""
from famsock.plugin import Address, Family, Protocol, hookimpl, sockaddr, cstruct

@hookimpl
def famsock_families():
    return (Family("AF_UNIX", 1, {protocol}),)

def __getattr__(name):
    @sockaddr("struct sockaddr_new", header="", family=1, family_name="AF_UNIX", size=6)
    class NewAddress(Address):
        port: int = cstruct.u16("new_port")
        node: int = cstruct.u32("new_node")
    return NewAddress
"""
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    code = OPEN_UNIX.replace("(famsock.AF_UNIX)", "(famsock.AF_UNIX).bind('x')")
    refused, fine = site.run(code).splitlines()
    assert refused == (
        "PluginError AF_UNIX p: the address class keyed:NewAddress cannot be loaded: "
        "TypeError: NewAddress: size 6 is less than its members' 8 bytes"
    )
    assert fine == "famsock._sockets"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (object, "AF_NEW p: <class 'object'> must be a subclass of Address"),
        (NewAddress, "AF_NEW p: the sockaddr of NewAddress is of family 99, not 98"),
    ],
)
def test_address_class_that_is_not_the_familys_is_refused(address: Any, message: str) -> None:
    registry = Registry()
    registry.register(Family("AF_NEW", 98, (PROTOCOL._replace(address=address),)))
    served = registry.find(98, 1, 0)
    assert served is not None
    with pytest.raises(PluginError, match=message):
        _ = served.codec.address_class


def test_no_operation_is_listed_twice() -> None:
    for family in Registry().families():
        for operations, names in load(family.operation_names).items():
            assert len(names) == len(set(names)), operations
