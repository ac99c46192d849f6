"""Constants, options, control messages and errors that the families tell of."""

from __future__ import annotations

import errno
import importlib.util
import socket
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import famsock
from famsock import _index, constants, control, options, plugins
from famsock._hints import Hint, hints_of, one_of
from famsock.family import Family, Protocol
from famsock.plugin import ControlType, Option
from famsock.testing import Conformance
from famsock.testing._checks.headers import numbers
from tools.site_pages import installed_families

ROOT = Path(__file__).parents[1]
FAMILIES = installed_families()
CONSTANTS = _index.constants(FAMILIES)
ROWS = _index.rows(FAMILIES)
TROUBLES = _index.troubles(FAMILIES)
KIT = Family("AF_KIT", 200, (Protocol("p", 0, (1,), None, hints={errno.EIO: "switch it on"}),))


def test_constants_are_those_of_every_module() -> None:
    listed = {(each.module, each.name) for each in CONSTANTS}
    modules = {"famsock.constants"} | {
        str(family.constants) for family in FAMILIES if isinstance(family.constants, str)
    }
    for name in modules:
        module = importlib.import_module(name)
        public = {each for each in module.__all__ if isinstance(getattr(module, each), int | str)}
        assert public == {each for owner, each in listed if owner == name}


def test_constants_have_the_values_that_famsock_gives() -> None:
    values = defaultdict(set)
    for each in CONSTANTS:
        values[each.name].add(each.value)
    here = {name for family in FAMILIES if family.here for name in _names(family)}
    for name in sorted(here - {*dir(socket)})[::40]:
        assert getattr(famsock, name) in values[name], name


def _names(family: Family) -> set[str]:
    return {each.name for each in CONSTANTS if family.name in each.families}


def test_constants_tell_the_header_in_whose_part_they_stand() -> None:
    found = {each.name: each.header for each in CONSTANTS}
    assert found["SO_BINDTODEVICE"] == "asm/socket.h"
    assert found["RTM_GETLINK"] == "linux/rtnetlink.h"
    assert found["VMADDR_CID_HOST"] == "linux/vm_sockets.h"
    assert found["TCP_CA_Open"] == "linux/tcp.h"
    headers = {
        header
        for each in {each.module for each in CONSTANTS}
        for header in vars(importlib.import_module(each)).get("HEADERS", ())
    }
    stated = {each.header for each in CONSTANTS if each.header}
    not_for_programs = {f"net/bluetooth/{name}/{name}.h" for name in ("bnep", "cmtp", "hidp")}
    assert stated - headers == {*not_for_programs, "sys/sys_domain.h"}


def test_rows_are_those_that_the_families_have() -> None:
    found = defaultdict(set)
    for each in ROWS:
        for name in each.families:
            found[name].add((each.kind, each.level, each.number, each.name))
    for family in FAMILIES:
        expected = set()
        for protocol in family.protocols:
            served = plugins.find(family.number, protocol.types[0], protocol.number or 0)
            if served is None or served.family is not family:
                continue
            definitions = served.definitions
            expected |= {
                (_index.OPTION, row.level, row.number, row.name)
                for row in definitions.options.values()
            }
            expected |= {
                (_index.CONTROL_MESSAGE, row.level, row.number, row.name)
                for row in definitions.control.values()
            }
        common = {(x.kind, x.level, x.number, x.name) for x in ROWS if not x.families}
        assert expected <= found[family.name] | common


def test_rows_of_every_family() -> None:
    expected = [*options.collect(vars(options))]
    names = [row.name for row in expected] + [r.name for r in control.collect(vars(control))]
    assert [each.name for each in ROWS if not each.families] == names


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.module}.{row.name}-{row.kind}")
def test_a_row_is_what_its_module_has(row: _index.Row) -> None:
    definition = getattr(importlib.import_module(row.module), row.name)
    assert isinstance(definition, Option if row.kind == _index.OPTION else ControlType)
    assert (definition.level, definition.number) == (row.level, row.number)
    assert row.type
    assert row.access in (("rw", "r", "w") if row.kind == _index.OPTION else ("",))
    levels = [each.value for each in CONSTANTS if each.name == row.level_name]
    assert row.level in levels


def test_a_level_is_called_as_the_rows_module_does() -> None:
    names = {(each.name, each.level_name) for each in ROWS}
    assert ("SO_VM_SOCKETS_TRUSTED", "AF_VSOCK") in names
    assert ("HVSOCKET_CONNECT_TIMEOUT", "HV_PROTOCOL_RAW") in names
    assert ("L2CAP_OPTIONS", "SOL_L2CAP") in names
    assert ("TCP_NODELAY", "SOL_TCP") in names


def _classes_with_newer_names() -> Iterator[type[Conformance]]:
    """The conformance classes of the plugins: `newer` has the names that older headers lack."""
    for path in sorted(ROOT.glob("plugins/*/tests/test_*_conformance.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Conformance) and value.newer:
                yield value


def test_rows_that_older_headers_lack_state_since_when() -> None:
    compared = set()
    for cls in _classes_with_newer_names():
        for version, names in cls.newer.items():
            for row in ROWS:
                if row.name in names and cls.family in row.families:
                    compared.add(row.name)
                    assert row.since, row
                    assert (6, 1) < numbers(row.since) <= numbers(version), row
    assert len(compared) >= 15
    assert {"TCP_AO_INFO", "PACKET_VNET_HDR_SZ", "ALG_SET_KEY_BY_KEY_SERIAL"} <= compared


def test_troubles_are_all_hints_of_the_rows() -> None:
    found = {
        (each.errno, place.family, protocol, call, str(each.hint))
        for each in TROUBLES
        for place in each.places
        for protocol in place.protocols
        for call in place.calls or ("",)
    }
    for family in FAMILIES:
        for protocol in family.protocols:
            for key, hint in protocol.hints.items():
                call, number = key if isinstance(key, tuple) else ("", key)
                for each in hints_of(hint):
                    assert (number, family.name, protocol.name, call, str(each)) in found
    assert len(TROUBLES) == len({(each.errno, each.hint, each.certain) for each in TROUBLES})


def test_troubles_have_what_every_creation_has() -> None:
    packet = [
        each for each in TROUBLES if any(place.family == "AF_PACKET" for place in each.places)
    ]
    by_errno = {each.errno: each for each in packet}
    assert by_errno[errno.EPERM].hint.cause == "this process lacks CAP_NET_RAW"
    assert by_errno[errno.EPERM].cure == "run the program with CAP_NET_RAW: capabilities(7)"
    assert by_errno[errno.EAFNOSUPPORT].hint.cure == "modprobe af_packet"


def test_no_trouble_is_without_a_word() -> None:
    for each in TROUBLES:
        assert each.hint.cause
        assert each.places
        assert each.certain or each.hint.check or each.hint in CHOSEN_WITHOUT_CHECK, each


CHOSEN_WITHOUT_CHECK = (
    "name a destination, or connect to one",
    "a broadcast goes to QRTR_PORT_CTRL only",
    "name a destination, in the call or by connect()",
    "port 0 is no destination",
    "the port of a raw socket's address must be 0 or the number of its protocol",
)
"""Hints that a look at the caller's own arguments chooses: these are the check."""


def test_functions_among_the_hints_declare_what_they_give() -> None:
    from famsock.testing.hints import texts_of

    compared = 0
    for family in FAMILIES:
        for protocol in family.protocols:
            for key, hint in protocol.hints.items():
                if not isinstance(hint, str):
                    declared = {str(each) for each in getattr(hint, "hints", ())}
                    assert {*texts_of(hint)} == declared, (family.name, protocol.name, key)
                    compared += 1
    assert compared > 50


def test_every_hint_of_the_plugins_tells_its_parts() -> None:
    plain = [
        (family.name, key)
        for family in FAMILIES
        for protocol in family.protocols
        for key, hint in protocol.hints.items()
        if isinstance(hint, str) and not isinstance(hint, Hint)
    ]
    assert plain == []


def test_a_hint_of_a_plain_text_is_told_too() -> None:
    (found,) = _index.troubles([KIT])
    assert (found.hint.cause, found.cure, found.certain) == ("switch it on", "", True)
    assert found.places == (_index.Place("AF_KIT", ("p",), ()),)
    hints = {errno.EIO: "one possible cause: it is off"}
    (found,) = _index.troubles([KIT._replace(protocols=(KIT.protocols[0]._replace(hints=hints),))])
    assert (found.hint.cause, found.certain) == ("it is off", False)


def test_a_hint_that_a_look_chooses_is_not_certain() -> None:
    @one_of(Hint("it is off", "switch it on", check="the lamp is dark"), Hint("it sleeps"))
    def look(_sock: object, _address: object) -> str | None:
        return None

    protocol = KIT.protocols[0]._replace(hints={("bind", errno.EIO): look})
    found = _index.troubles([KIT._replace(protocols=(protocol,))])
    assert [(each.hint.cause, each.certain) for each in found] == [
        ("it is off", False),
        ("it sleeps", False),
    ]


def test_a_broken_part_of_a_family_hides_no_other() -> None:
    missing = "no_such_module_of_kit"
    broken = KIT._replace(constants=missing, options=missing, control=(missing,))
    assert _index.constants([*FAMILIES, broken]) == CONSTANTS
    assert _index.rows([*FAMILIES, broken]) == ROWS


def test_a_row_without_a_module_is_told() -> None:
    row: Option[int] = Option("KIT_OFF", 200, 1, famsock.codecs.INT)
    (found,) = [
        each for each in _index.rows([KIT._replace(options=(row,))]) if each.families == ("AF_KIT",)
    ]
    assert (found.level_name, found.type, found.c_type, found.module) == ("200", "", "int32_t", "")


def test_a_module_without_its_source_has_no_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("kit.constants")
    vars(module).update(AF_KIT=200, KIT_OFF=1)
    monkeypatch.setitem(sys.modules, "kit", ModuleType("kit"))
    monkeypatch.setitem(sys.modules, "kit.constants", module)
    found = [
        each
        for each in _index.constants([KIT._replace(constants="kit.constants")])
        if each.families == ("AF_KIT",)
    ]
    assert [(each.name, each.value, each.header) for each in found] == [
        ("AF_KIT", 200, ""),
        ("KIT_OFF", 1, ""),
    ]


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (errno.ENOBUFS, "ENOBUFS"),
        (errno.EAGAIN, "EAGAIN, EWOULDBLOCK"),
        (0, "0"),
    ],
)
def test_names_of_an_errno(number: int, names: str) -> None:
    assert _index.errno_name(number) == names


def test_the_core_s_constants_are_of_every_family() -> None:
    core = [each for each in CONSTANTS if not each.families]
    assert {each.name for each in core} == {name for name in constants.__all__ if name != "HEADERS"}
