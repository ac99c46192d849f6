"""The decorator of address classes: its layouts and its refusals."""

from __future__ import annotations

import sys
import textwrap
from typing import Any

import pytest

from famsock import cstruct
from famsock._sockaddr import MAX_BYTES, sockaddr
from famsock.address import HAS_SA_LEN, Address, Lookup

pytestmark = pytest.mark.asks_no_kernel


def _made(source: str) -> type[Address]:
    """The class that the body of an address class makes, in a plugin."""
    names: dict[str, Any] = {"cstruct": cstruct, "Address": Address, "sockaddr": sockaddr}
    exec(textwrap.dedent(source), names)
    made: type[Address] = names["NewAddress"]
    return made


ADDRESS = """
@sockaddr("struct sockaddr_new", header="", family=99, family_name="AF_NEW"{more})
class NewAddress(Address):
    port: int = cstruct.u16("new_port")
    node: int = {node}
"""


@pytest.mark.parametrize(
    ("node", "more", "message"),
    [
        ("cstruct.u32('n')", ", size=6", "NewAddress: size 6 is less than its members' 8 bytes"),
        (
            "cstruct.u32('n', offset=3)",
            "",
            "NewAddress node: offset 3 overlaps the member before, which ends at 4",
        ),
        ("cstruct.u32('n', default=-1)", "", "node: its default must be 0-4294967295, not -1"),
        ("5", "", "NewAddress node: no C type; make it by cstruct.u16"),
        ("cstruct.u32('n')", ", size=129", "a sockaddr has at most 128 bytes, not 129"),
        ("cstruct.u32('n')", ", stdlib=('nodes',)", "stdlib names 'nodes', which is no field"),
    ],
)
def test_layout_that_does_not_fit_is_refused(node: str, more: str, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        _made(ADDRESS.format(node=node, more=more))


def test_field_named_as_something_of_every_struct_is_refused() -> None:
    with pytest.raises(TypeError, match="every struct has 'pack'; name the field otherwise"):
        _made(ADDRESS.format(node="cstruct.u32('n')", more="").replace("node", "pack"))


def _front(*, size: int) -> bytes:
    return bytes((size, 46)) if HAS_SA_LEN else (46).to_bytes(2, sys.byteorder)


def test_the_family_stands_in_front() -> None:
    @sockaddr("struct sockaddr_kit", header="kit.h", family=46, family_name="AF_KIT", size=8)
    class KitAddress(Address):
        """A port."""

        port: int = cstruct.be16("kit_port")

    assert KitAddress(80).pack() == _front(size=8) + b"\0\x50" + bytes(4)
    assert (KitAddress.family, KitAddress.family_name) == (46, "AF_KIT")
    assert KitAddress.stdlib_fields == ("port",)
    assert (KitAddress.layout.c_name, KitAddress.layout.headers) == (
        "struct sockaddr_kit",
        ("kit.h",),
    )
    assert KitAddress.unpack(KitAddress(80).pack()) == KitAddress(80)


def test_the_stdlib_form_may_be_of_some_fields_in_another_order() -> None:
    @sockaddr(
        "struct sockaddr_kit",
        header="",
        family=46,
        family_name="AF_KIT",
        stdlib=("port", "node"),
    )
    class KitAddress(Address):
        """A node, a port and flags that the stdlib's form lacks."""

        node: int = cstruct.u16("kit_node")
        port: int = cstruct.u16("kit_port")
        flags: int = cstruct.u16("kit_flags", default=0)

    made = KitAddress.from_stdlib((80, 7), Lookup("bind"))
    assert made == KitAddress(node=7, port=80)
    assert KitAddress(7, 80, 1).as_stdlib() == (80, 7)


def test_another_platforms_head() -> None:
    @sockaddr("struct sockaddr_kit", header="", family=46, family_name="AF_KIT", head=b"\x04\x2e")
    class KitAddress(Address):
        """A port behind the length and the family."""

        port: int = cstruct.be16("kit_port")

    assert KitAddress(80).pack() == b"\x04\x2e\0\x50"


def test_the_largest_sockaddr() -> None:
    made = _made(ADDRESS.format(node="cstruct.u32('n')", more=f", size={MAX_BYTES}"))
    assert made.layout.size == MAX_BYTES == 128
