"""References of a family's description: each that is missing or names something else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from errno import EINVAL
from pathlib import Path
from typing import Any

import pytest

from famsock._lazy import PluginError
from famsock._registry import Registry
from famsock._registry.hookspecs import hookimpl
from famsock._registry.references import check_references
from famsock.address import Address
from famsock.family import Family, Protocol
from tests.programs import OPEN_UNIX, Site

SOURCE = """
from famsock.plugin import Address, Option, ControlType, SockaddrLayout, codecs, cstruct
from famsock.plugin import integer_field, sockaddr, socket

AF_NEW = 99

@sockaddr("", header="", family=99, family_name="AF_NEW", size=4)
class NewAddress(Address):
    "An address."
    port: int = cstruct.u16("")

class NewSocket(socket, family=99, type=1):
    "A socket."
    __slots__ = ()
    def ring(self) -> None: ...

class OtherSocket(socket, family=98, type=1):
    __slots__ = ()

class DatagramSocket(socket, family=99, type=2):
    __slots__ = ()

class SixSocket(socket, family=99, type=1, proto=6):
    __slots__ = ()

class PlainSocket(socket):
    __slots__ = ()

def __getattr__(name):
    if name != "SendingSocket":
        raise AttributeError(name)
    class SendingSocket(socket, family=99, type=1):
        __slots__ = ()
        def recvmmsg(self): ...
    return SendingSocket

LAYOUT = SockaddrLayout(bytes(2), 4, (integer_field("port", "u16", 2),))
USUAL = SockaddrLayout(bytes(2), 4, (integer_field("port", "u16", 2),), usual="nowhere:Nothing")
SO_NEW = Option("SO_NEW", 7, 3, codecs.INT)
SCM_NEW = ControlType("SCM_NEW", 7, 4, codecs.INT)
OPTIONS = [SO_NEW]

def selftest(): ...

class Holder:
    Address = NewAddress
"""
FAILING = {
    "zero": "1 / 0",
    "syntax": "def",
    "leaves": "raise SystemExit(3)",
    "generator": "raise GeneratorExit('odd')",
    "base": "raise BaseException('base')",
    "skips": "import pytest; pytest.skip('not here', allow_module_level=True)",
}
PROTOCOL = Protocol("p", 17, (1,), None)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of a right family, beside modules that do not import; its name."""
    name = f"kit_{tmp_path.name}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(SOURCE)
    for failing, source in FAILING.items():
        (tmp_path / name / f"{failing}.py").write_text(source)
    yield name
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
        del sys.modules[loaded]


RIGHT: tuple[dict[str, Any], ...] = (
    {},
    {"address": "KIT:NewAddress", "layout": "KIT:LAYOUT"},
    {"address": "KIT:Holder.Address"},
    {"socket": "KIT:NewSocket", "hints": {("ring", EINVAL): "x", ("bind", EINVAL): "y"}},
    {"socket": {1: "KIT:NewSocket"}},
    {"options": "KIT", "control": "KIT:SCM_NEW", "selftest": "KIT:selftest"},
    {"options": ("KIT:OPTIONS", "KIT:SO_NEW"), "selftest": {"p": "KIT:selftest"}},
)


def family(module: str, changes: dict[str, Any]) -> Family:
    """The family with these changes to its protocol, in which KIT stands for the module."""

    def named(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("KIT", module)
        if isinstance(value, tuple):
            return tuple(map(named, value))
        if isinstance(value, dict):
            return {key: named(item) for key, item in value.items()}
        return value

    protocol = PROTOCOL._replace(**{field: named(value) for field, value in changes.items()})
    return Family("AF_NEW", 99, (protocol,))


@pytest.mark.parametrize("changes", RIGHT)
def test_right_references_are_taken(module: str, changes: dict[str, Any]) -> None:
    check_references(family(module, changes))


REFERENCES = ("address", "layout", "socket", "selftest", "options", "control")
UNRESOLVED = (
    "no_such_module_kit:X",
    "KIT.no_such_module:X",
    "KIT:no_such_name",
    "KIT:Holder.no_such_name",
    *(f"KIT.{name}:X" for name in FAILING),
)
WRONG = {
    "address": ("KIT:LAYOUT", "KIT:selftest", "KIT:AF_NEW", "KIT:NewSocket"),
    "layout": ("KIT:NewAddress", "KIT:AF_NEW", "KIT:USUAL"),
    "socket": (
        "KIT:NewAddress",
        "KIT:OtherSocket",
        "KIT:DatagramSocket",
        "KIT:SixSocket",
        "KIT:PlainSocket",
        "KIT:SendingSocket",
        "socket:socket",
        "KIT:selftest",
    ),
    "selftest": ("KIT:AF_NEW", "KIT:OPTIONS"),
    "options": ("KIT:AF_NEW", "KIT:SCM_NEW", "json", "KIT:Holder", ("KIT:SO_NEW", "KIT:SCM_NEW")),
    "control": ("KIT:AF_NEW", "KIT:SO_NEW", "json", "KIT:OPTIONS", ("KIT:SCM_NEW", "KIT:zero")),
}


def cases() -> Iterator[Any]:
    """Each field that names something, with each reference that is not right."""
    for field in REFERENCES:
        for at, reference in enumerate((*UNRESOLVED, *WRONG[field])):
            value = {"p": reference} if field == "selftest" and at % 2 else reference
            yield pytest.param(field, value, id=f"{field}-{at}")


@pytest.mark.parametrize(("field", "value"), list(cases()))
def test_a_reference_that_is_not_right_is_refused(module: str, field: str, value: Any) -> None:
    address = {"address": "KIT:NewAddress"} if field == "layout" else {}
    wrong = family(module, {**address, field: value})
    with pytest.raises(PluginError) as caught:
        Registry().register(wrong)
    told = str(caught.value)
    references = value.values() if isinstance(value, dict) else (value,)
    last = [*(value if isinstance(value, tuple) else references)][-1].replace("KIT", module)
    assert told.startswith("AF_NEW")
    assert f": {field}" in told
    assert " must name " in told
    assert last in told or "nowhere:Nothing" in told


@pytest.mark.parametrize("hint", [("sing", EINVAL), ("recv_nothing", EINVAL)])
def test_a_hint_for_a_method_that_is_not_there(module: str, hint: Any) -> None:
    wrong = family(module, {"socket": "KIT:NewSocket", "hints": {hint: "x"}})
    with pytest.raises(PluginError, match=f"AF_NEW p: hints must name a method .*{hint[0]}"):
        Registry().register(wrong)


@pytest.mark.parametrize(
    ("constants", "told"),
    [
        ("no_such_module_kit", "constants must name .* No module named 'no_such_module_kit'"),
        ("json:loads", "constants must name constants; json:loads has none"),
        ("json", "constants must name constants; json has none"),
        ({"AF_NEW": 98}, "constants must give AF_NEW the family's number 99, not 98"),
    ],
)
def test_constants(constants: Any, told: str) -> None:
    with pytest.raises(PluginError, match=f"AF_NEW: {told}"):
        Registry().register(family("", {})._replace(constants=constants))


@pytest.mark.parametrize("field", ["options", "control"])
def test_rows_of_the_family(field: str) -> None:
    changes: dict[str, Any] = {field: "no_such_module_kit"}
    with pytest.raises(PluginError, match=f"AF_NEW: {field} must name .* no_such_module_kit can"):
        Registry().register(family("", {})._replace(**changes))


def test_a_family_of_another_platform_is_not_imported() -> None:
    check_references(family("", {"address": "nowhere:Nothing"})._replace(platforms=("no",)))


def test_a_plugin_with_hooks_is_checked(module: str) -> None:
    class Plugin:
        @hookimpl
        def famsock_families(self) -> tuple[Family, ...]:
            return (family(module, {"socket": "KIT:OtherSocket"}),)

    with pytest.raises(PluginError, match="AF_NEW p: socket must name a subclass of famsock"):
        Registry().register(Plugin())


def test_an_entry_point_imports_nothing_that_its_family_names(site: Site) -> None:
    source = """
from famsock.plugin import Family, Protocol
FAMILY = Family("AF_UNIX", 1, (Protocol("p", None, (1, 2), "nowhere:Nothing"),))
"""
    site.install("famsock-unix", "AF_UNIX", "keyed", source, "keyed:FAMILY")
    assert site.run(OPEN_UNIX) == "famsock._sockets"
    told = site.run(
        "from famsock._cli import main\n"
        "try: main(['doctor', 'AF_UNIX'])\nexcept SystemExit as end: assert end.code"
    )
    assert "address must name an Address class; nowhere:Nothing cannot" in " ".join(told.split())


def test_what_is_given_itself_is_checked_too(module: str) -> None:
    with pytest.raises(PluginError, match="address must be a class of family AF_NEW"):
        Registry().register(family(module, {"address": Address}))
