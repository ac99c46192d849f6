"""The text of addresses: whatever is wrong with it, ``parse`` raises ValueError."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from famsock._lazy import load
from famsock._registry import plugins
from famsock.address import Address, RawAddress

CLASSES: dict[str, Any] = {
    "RawAddress": RawAddress,
    **{
        cls.__name__: cls
        for family in plugins.families()
        if family.here
        for row in family.protocols
        if row.address is not None
        for cls in [load(row.address)]
    },
}
PARTS = [
    *(
        "",
        "0",
        "-1",
        "-0x10",
        "65536",
        "4294967296",
        "1.0",
        "x",
        "lo",
        "any",
        "ifindex/-1",
        "[::1]",
    ),
    *("[fe80::1%lo]", "127.0.0.1", "[00:11:22:33:44:55]", "hash", "x" * 300, "\\", "\\x", "\\xzz"),
    *("[", "]", "\0", "\ud800", "@", "@" + "x" * 200, "\xe4" * 64, "0x", "1_0", "a/b", "x" * 16),
]
part = st.sampled_from(PARTS) | st.text(max_size=6) | st.integers().map(str)
texts = (
    st.lists(part, max_size=6).map(":".join)
    | st.tuples(st.lists(part, max_size=4).map(":".join), part, part).map(
        lambda t: f"{t[0]}?{t[1]}={t[2]}"
    )
    | st.lists(part, max_size=3).map(lambda p: "scheme://" + ":".join(p))
)


def test_every_familys_class_is_tried() -> None:
    assert len(CLASSES) > (10 if sys.platform == "linux" else 1)


@pytest.mark.parametrize("name", CLASSES)
def test_a_bad_text_is_a_value_error(name: str) -> None:
    cls = CLASSES[name]

    @settings(max_examples=400, deadline=None, database=None)
    @given(text=texts)
    def check(text: str) -> None:
        try:
            made: Address = cls.parse(text)
        except ValueError:
            return
        assert cls.parse(str(made)) == made

    check()


CASES = [
    ("NetlinkAddress", "-0x10"),
    ("Inet6Address", ":-1"),
    ("HciAddress", "-1"),
    ("RawAddress", "raw:-1:"),
    ("RawAddress", "raw:65536:00"),
]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_numbers_out_of_range_in_text(name: str, text: str) -> None:
    if name not in CLASSES:
        pytest.skip(f"the plugin of {name} is not installed: install its distribution")
    with pytest.raises(ValueError, match=r"."):
        CLASSES[name].parse(text)
