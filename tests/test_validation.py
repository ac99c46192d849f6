"""Families that cannot be registered: every field, every wrong type, every wrong value."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from famsock import codecs
from famsock._calls.layout import SockaddrLayout, integer_field
from famsock._lazy import PluginError
from famsock._registry import Registry, validation
from famsock._registry.hookspecs import hookimpl
from famsock._registry.validation import check_family, families_in
from famsock.address import RawAddress
from famsock.control import ControlType
from famsock.family import Family, Protocol, Segmentation
from famsock.options import Option

PROTOCOL = Protocol("p", None, (1,), None)
FAMILY = Family("AF_NEW", 99, (PROTOCOL,))
OPTION: Option[int] = Option("SO_KIT", 7, 3, codecs.INT)
CONTROL: ControlType[int] = ControlType("KIT", 7, 4, codecs.INT)
SEGMENTATION = Segmentation((17, 104), (17, 104), (17, 103), 2, 64, 65507)
LAYOUT = SockaddrLayout(bytes(2), 8, (integer_field("port", "u16", 2),))


class Unprintable:
    """An object whose own methods fail."""

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    __hash__ = None  # type: ignore[assignment]


# A value of each type that a field may be given by mistake.
VALUES: tuple[Any, ...] = (
    None,
    True,
    7,
    10**30,
    1.5,
    2j,
    "kcm",
    b"kcm",
    bytearray(b"kcm"),
    memoryview(b"kcm"),
    (),
    (7,),
    ["kcm"],
    [],
    {7},
    frozenset({"kcm"}),
    range(3),
    {"kcm": "kcm"},
    {},
    object(),
    int,
    len,
    json,
    ...,
    FAMILY,
    PROTOCOL,
    OPTION,
    LAYOUT,
    SEGMENTATION,
    Unprintable(),
)
# The values of `VALUES` that a field's type allows, by the words of its annotation.
FITTING: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "None": (type(None),),
    "tuple": (tuple,),
    "type": (type,),
    "Mapping": (dict,),
    "Collection": (tuple, list, set, frozenset, range),
    "Resolver": (),
    "SockaddrLayout": (SockaddrLayout,),
    "Segmentation": (Segmentation,),
}
NO_REFERENCE = (
    "",
    " ",
    "no",
    "no.colon",
    "a:b:c",
    "a:",
    ":b",
    "a b:c",
    "a:b[c]",
    "a-b:c",
    "a..b:c",
    "class:x",
)
NO_MODULE = ("", " ", "no module", "a:b:c", "a:", ":b", "a..b", ".a", "a-b", "1a", "class", "a:b c")
NO_ROWS: tuple[Any, ...] = (
    *NO_MODULE,
    (7,),
    ("no row",),
    (OPTION, None),
    {"a": 1},
    [("a",)],
    b"ab",
)
NO_MODULES: tuple[Any, ...] = (
    "kcm",
    ["kcm"],
    ("",),
    (" ",),
    (7,),
    ("a b",),
    ("kcm", None),
    ("../kcm",),
    ({},),
)
# Values of a right type that are wrong all the same.
WRONG: dict[type[Family] | type[Protocol], dict[str, tuple[Any, ...]]] = {
    Family: {
        "name": (
            "",
            "AF_",
            "newfamily",
            "af_new",
            "NEW",
            "AF_NEW ",
            "AF-NEW",
            "PF_NEW",
            "AF_ÄNEAS",
        ),
        "number": (0, -1, 0x10000, 1 << 70),
        "protocols": ((), (7,), (PROTOCOL, None), PROTOCOL, [PROTOCOL], (Protocol,)),
        "constants": (*NO_MODULE, {7: 1}, {"A": 1.5}, {"A": None}, {"a b": 1}, {"A": True}),
        "options": (*NO_ROWS, (CONTROL,)),
        "control": (*NO_ROWS, (OPTION,)),
        "platforms": ((), ("Linux",), (7,), ("linux", None), ["linux"], "linux"),
        "modules": NO_MODULES,
        "api_version": (0, -1, 1, 4, 7, 1 << 40),
    },
    Protocol: {
        "name": ("", " ", "two\nlines", "nul\0"),
        "number": (-1, 1 << 31),
        "types": ((), (0,), (16,), (-1,), ("1",), (None,), (True,), (1.0,), [1], (1, 1 | 1 << 11)),
        "address": (*NO_REFERENCE, int, RawAddress, Protocol),
        "scheme": (" ", "KCM", "kcm://", "k+cm", "1kcm", "k cm", "ümlaut", "k:cm", "fd", "systemd"),
        "modules": NO_MODULES,
        "capability": (" ", "NET_RAW", "CAP_net_raw", "cap_net_raw", "CAP_NET_RAW "),
        "hints": (
            {"EINVAL": "x"},
            {22: 5},
            {22: ""},
            {22: None},
            {100000: "x"},
            {-22: "x"},
            {0: "x"},
            {True: "x"},
            {("bind",): "x"},
            {("bind", "EINVAL"): "x"},
            {("bind", 22, 3): "x"},
            {(22, "bind"): "x"},
            {("no method", 22): "x"},
            {None: "x"},
            {22.0: "x"},
            [(22, "x")],
        ),
        "accepts_address": (0, 1, "no", None),
        "passes_descriptors": (0, 1, "yes", None),
        "integer_bytes": ({7: 3}, {7: 0}, {7: "8"}, {"7": 8}, {7: None}, {7: True}, {1.0: 8}),
        "selftest": (*NO_REFERENCE, {"": "a:b"}, {"x": "no.colon"}, {"x": None}, {7: "a:b"}),
        "layout": NO_REFERENCE,
        "socket": (
            *NO_REFERENCE,
            {},
            {1: "no.colon"},
            {1: None},
            {"1": "a:b"},
            {2: "a:b"},
            {1: int},
        ),
        "address_family": (" ", "inet", "AF_", "af_inet", "AF_NEW"),
        "options": (*NO_ROWS, (CONTROL,)),
        "control": (*NO_ROWS, (OPTION,)),
        "probe": ((), (1,), (1, 2, 3), (1, "2"), (1, None), (True, 1), [1, 2]),
        "max_message_bytes": (-1, 1 << 31, True, "1", 1.0, None),
        "segmentation": (
            (),
            ((1, 2), (1, 2), (1, 2), 2, 64, 65507),
            SEGMENTATION._replace(option=None),  # type: ignore[arg-type]
            SEGMENTATION._replace(received=(1,)),  # type: ignore[arg-type]
            SEGMENTATION._replace(sent=(1, "2")),  # type: ignore[arg-type]
            SEGMENTATION._replace(sent_bytes=3),
            SEGMENTATION._replace(max_segments=0),
            SEGMENTATION._replace(max_bytes=None),  # type: ignore[arg-type]
        ),
        "resolver": (*NO_REFERENCE, object(), Protocol),
        "reliable_datagrams": (0, 1, "yes", None),
        "fixed_send_buffer": (0, 1, "yes", None),
    },
}


def _fits(annotation: str, value: object) -> bool:
    """Whether a value is of a type that a field's annotation names."""
    outer = re.sub(r"\[.*?\](?= \||$)", "", annotation).split(" | ")
    kinds = tuple(kind for word in outer for kind in FITTING[word])
    if isinstance(value, bool):
        return bool in kinds
    return type(value) in kinds


def cases() -> Iterator[Any]:
    """Each field with each value that it must not have."""
    for description in (Family, Protocol):
        for field in description._fields:
            annotation = description.__annotations__[field]
            wrong = [value for value in VALUES if not _fits(annotation, value)]
            assert wrong, field
            for at, value in enumerate((*wrong, *WRONG[description][field])):
                yield pytest.param(
                    description, field, value, id=f"{description.__name__}-{field}-{at}"
                )


def test_every_field_is_tried() -> None:
    for description in (Family, Protocol):
        assert tuple(WRONG[description]) == description._fields


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("description", "field", "value"), list(cases()))
def test_a_wrong_value_is_refused(description: Any, field: str, value: Any) -> None:
    if description is Family:
        family = FAMILY._replace(**{field: value})
    else:
        family = FAMILY._replace(protocols=(PROTOCOL._replace(**{field: value}),))
    if field in ("layout", "scheme", "address_family", "resolver") and description is Protocol:
        (row,) = family.protocols
        family = FAMILY._replace(protocols=(row._replace(address="famsock.address:Address"),))
    registry = Registry()
    with pytest.raises(PluginError) as caught:
        registry.register(family)
    told = str(caught.value)
    owner = "Family" if (description, field) == (Family, "name") else "AF_NEW"
    assert told.startswith(owner)
    assert re.search(rf"\b{field}\b", told.removeprefix(owner))
    assert " must " in told
    assert _some_text_of(value) in told
    assert registry.names() == Registry().names()


def _some_text_of(value: object) -> str:
    """Return what an error shows of a value: all, the start of a long one, or the item at fault."""
    try:
        shown = repr(value)
    except ZeroDivisionError:
        return "Unprintable object"
    return shown[:150]


@pytest.mark.parametrize(
    "right",
    [
        {"address": "a.b:c.d", "layout": "a:b", "scheme": "new-1.0", "address_family": "AF_INET6"},
        {"socket": {1: "a:b"}, "selftest": {"p stream": "a:b"}},
        {"socket": "a:b", "selftest": "a:b", "integer_bytes": {7: 8}},
        {"hints": {errno.EINVAL: "x", ("bind", errno.EINVAL): "y"}, "capability": "CAP_NET_RAW"},
        {"options": ("a.b", "a:b", OPTION), "control": [CONTROL], "modules": ("af_key", "can-raw")},
        {"address": "a:b", "resolver": "a:b"},
        {"number": 0},
        {"number": (1 << 31) - 1},
        {"address": "a:b", "layout": LAYOUT},
    ],
)
def test_right_values_are_taken(right: dict[str, Any]) -> None:
    check_family(FAMILY._replace(protocols=(PROTOCOL._replace(**right),)))


@pytest.mark.parametrize(
    "right",
    [
        {"constants": "a.b"},
        {"constants": {"AF_NEW": 99, "HEADERS": ("new.h",), "NEW_NAME": "x", "NEW_LOW": -1}},
        {"options": "a:b", "control": "a", "modules": ("new",), "platforms": ("linux", "")},
        {"api_version": validation.OLDEST_API_VERSION},
        {"api_version": validation.API_VERSION},
    ],
)
def test_right_values_of_a_family_are_taken(right: dict[str, Any]) -> None:
    check_family(FAMILY._replace(**right))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layout", LAYOUT),
        ("layout", "a:b"),
        ("scheme", "new"),
        ("address_family", "AF_INET"),
        ("resolver", "a:b"),
    ],
)
def test_what_needs_an_address_is_refused_without(field: str, value: Any) -> None:
    row = PROTOCOL._replace(**{field: value})
    with pytest.raises(ValueError, match=f"^AF_NEW p: {field} must be left out if address is None"):
        check_family(FAMILY._replace(protocols=(row,)))


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (1, "install a newer release of famsock-new (pip install --upgrade famsock-new)"),
        (9, "install a newer release of famsock (pip install --upgrade famsock)"),
    ],
)
def test_a_version_that_is_not_supported_says_what_to_install(version: int, told: str) -> None:
    family = FAMILY._replace(api_version=version)
    with pytest.raises(ValueError, match=f"not {version}: ") as caught:
        families_in((family,), "famsock-new")
    assert str(caught.value).endswith(told)
    supported = f"{validation.OLDEST_API_VERSION}-{validation.API_VERSION}"
    assert f"AF_NEW: api_version must be {supported}" in str(caught.value)


def test_a_version_is_checked_before_fields_that_it_may_not_know() -> None:
    with pytest.raises(ValueError, match="api_version"):
        check_family(FAMILY._replace(api_version=9, number=-1))


def test_a_hook_that_gives_one_family_and_no_tuple() -> None:
    class Plugin:
        @hookimpl
        def famsock_families(self) -> Any:
            return FAMILY

    with pytest.raises(PluginError, match="must return a tuple of Family objects, not Family"):
        Registry().register(Plugin())


def test_a_number_that_this_python_knows_better() -> None:
    with pytest.raises(ValueError, match="AF_UNIX: number is 1 here, not 2"):
        check_family(FAMILY._replace(name="AF_UNIX", number=2))


@pytest.mark.parametrize("name", ["p", "q"])
def test_two_protocols_that_nothing_tells_apart(name: str) -> None:
    rows = PROTOCOL, PROTOCOL._replace(name=name)
    with pytest.raises(
        ValueError, match=f"protocols p and {name} are both number None of socket type 1"
    ):
        check_family(FAMILY._replace(protocols=rows))


@pytest.mark.parametrize("field", ["name", "scheme"])
def test_two_protocols_with_one_name_or_scheme(field: str) -> None:
    rows = (
        PROTOCOL._replace(number=1, address="a:b", scheme="a"),
        PROTOCOL._replace(number=2, address="a:b", scheme="b", name="q"),
    )
    check_family(FAMILY._replace(protocols=rows))
    same = {field: getattr(rows[0], field)}
    with pytest.raises(ValueError, match=f"AF_NEW: {field} must be another one for each Protocol"):
        check_family(FAMILY._replace(protocols=(rows[0], rows[1]._replace(**same))))


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


@pytest.mark.parametrize("failures", [1, 2])
def test_what_a_handler_raises_in_a_check_is_no_fault_of_the_value(failures: int) -> None:
    """A value's own methods fail each time; what a signal's handler raises comes once."""
    left = [TimeoutError("alarm")] * failures

    def check(value: object) -> bool:
        if left:
            raise left.pop()
        return True

    description = Family("AF_TEST", 200, (Protocol("test", 0, (1,), RawAddress),))
    wanted = TimeoutError if failures == 1 else ValueError
    with pytest.raises(wanted, match="alarm" if failures == 1 else "name must be right"):
        validation._check_fields("AF_TEST", description, {"name": ("right", check)})
