"""The decorator of address classes: its layouts and its refusals."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from famsock import cstruct
from famsock._sockaddr import sockaddr
from famsock.address import Address


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
