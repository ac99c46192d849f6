"""The text of addresses: whatever is wrong with it, ``parse`` raises ValueError."""

from __future__ import annotations

import sys
from typing import Any
from unittest import mock

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from famsock import _text
from famsock._lazy import load
from famsock._registry import plugins
from famsock._text import parse_fields, split_fields
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


@pytest.mark.sampled(3)
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


def _parsed(cls: Any, text: str, shown: str) -> Any:
    """Return what a text writes, or the words of its refusal, however they show ``shown``."""
    try:
        made = parse_fields(cls, text)
    except ValueError as error:
        return str(error).replace(repr(text), "TEXT").replace(repr(shown), "TEXT")
    return [getattr(made, field.name) for field in attrs.fields(cls)]


_BDADDR = "00:11:22:33:44:55"
# The arguments of a usual address of each class.
USUAL: dict[str, tuple[Any, ...]] = {
    "AlgAddress": ("hash", "sha256"), "CanAddress": ("lo",), "HciAddress": (1,),
    "Inet6Address": ("::1", 80), "InetAddress": ("127.0.0.1", 80), "IsoAddress": (_BDADDR,),
    "IsoBroadcastAddress": (_BDADDR, 2), "IsotpAddress": ("lo", 1, 2), "J1939Address": ("lo", 1),
    "L2capAddress": (_BDADDR, 1), "L2tp6Address": ("::1", 5), "L2tpAddress": ("127.0.0.1", 5),
    "NetlinkAddress": (1, 2), "PacketAddress": ("lo", 3), "QipcrtrAddress": (1, 2),
    "RdsInet6Address": ("::1", 80), "RdsInetAddress": ("127.0.0.1", 80),
    "RfcommAddress": (_BDADDR, 1), "ScoAddress": (_BDADDR,), "ServiceAddress": (1, 2),
    "ServiceRange": (1, 2, 3), "SocketAddress": (1, 2), "UnixAddress": ("/tmp/x",),
    "VsockAddress": (2, 80),
}  # fmt: skip
FIELDS: dict[str, Any] = {
    cls.__name__: cls
    for above in CLASSES.values()
    for cls in (above, *above.__subclasses__())
    if "layout" in vars(cls)
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", FIELDS)
def test_a_usual_text_is_read_as_any_other(name: str) -> None:
    """Texts without a backslash and names of fields are read in few steps: it gives the same."""
    cls = FIELDS[name]
    general = 0

    def counted(*given: Any) -> Any:
        nonlocal general
        general += 1
        return split_fields(*given)

    @settings(max_examples=200, deadline=None, database=None)
    @given(text=st.lists(part, max_size=6).map(":".join).filter(lambda text: "://" not in text))
    def check(text: str) -> None:
        assert _parsed(cls, text, text) == _parsed(cls, f"kit://{text}", text)

    check()
    usual = _text.join_fields(cls(*USUAL[name]))
    with mock.patch.object(_text, "split_fields", counted):
        assert parse_fields(cls, usual) == parse_fields(cls, f"kit://{usual}")
    assert general == 1, f"{usual} is read as an unusual text"


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_below_parses_its_own_objects(name: str) -> None:
    cls = CLASSES[name]
    above = {text for text in map(str, range(3)) if _parses(cls, text)}

    class Below(cls):  # type: ignore[misc, valid-type]
        __slots__ = ()

    if name != "RawAddress":
        assert {text for text in map(str, range(3)) if _parses(Below, text)} == above
    for text in above:
        assert issubclass(type(Below.parse(text)), cls)


def _parses(cls: Any, text: str) -> bool:
    try:
        cls.parse(text)
    except ValueError:
        return False
    return True


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
