"""Reasons why a name is missing: what to install for it, and never what is installed."""

from __future__ import annotations

import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest

import famsock
from famsock._definitions import constants_of
from famsock._registry.discovery import entry_points
from famsock._registry.missing import CONSTANTS, FAMILIES, SCHEMES
from tests.programs import run

ROOT = Path(__file__).parents[1]
NEEDED = ("attr", "attrs", "pluggy")


@pytest.fixture
def core_alone(tmp_path: Path) -> Path:
    """A folder with the core, what it needs, and no plugin."""
    (tmp_path / "famsock").symlink_to(Path(famsock.__file__).parent)
    declarations = metadata.distribution("famsock").read_text("entry_points.txt")
    assert declarations is not None
    (tmp_path / "famsock-1.0.dist-info").mkdir()
    (tmp_path / "famsock-1.0.dist-info" / "entry_points.txt").write_text(declarations)
    for name in NEEDED:
        imported = __import__(name)
        assert imported.__file__ is not None
        (tmp_path / name).symlink_to(Path(imported.__file__).parent)
    return tmp_path


def _say(folder: Path, expression: str, *plugins: str, before: str = "") -> str:
    """Return an expression's error, with its notes, where only ``plugins`` are installed.

    The interpreter runs without site-packages (-S).
    """
    for plugin in plugins:
        (folder / plugin).symlink_to(Path(__import__(plugin).__file__ or "").parent)
        info = folder / f"{plugin}-1.0.dist-info"
        info.mkdir()
        text = metadata.distribution(plugin.replace("_", "-")).read_text("entry_points.txt")
        assert text is not None
        (info / "entry_points.txt").write_text(text)
    code = f"""
import famsock as socket
{before}
try:
    {expression}
except Exception as error:
    print(type(error).__name__, error, *getattr(error, "__notes__", ()), sep="; ")
"""
    return run(code, "-P", "-S", "-W", "ignore::ResourceWarning", PYTHONPATH=str(folder))


_DATAGRAM = "sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
# As in a Python whose own socket has none of these, which 3.14 may have.
_UNNAMED = """
import socket as stdlib
for name in ("L2CAP_LM", "SOL_HCI"):
    vars(stdlib).pop(name, None), vars(socket).pop(name, None)
"""
_REFUSED = """
import _socket
real = _socket.socket.__init__
def refuse(self, family=-1, *more, **named):
    if family == socket.AF_TIPC:
        raise OSError(97, "Address family not supported by protocol")
    return real(self, family, *more, **named)
import famsock._sockets as sockets
sockets._initialize = refuse
"""


@pytest.mark.parametrize(
    ("expression", "kind", "says", "before"),
    [
        ("socket.AF_HYPERV", "AttributeError", "pip install famsock-hyperv", ""),
        ("socket.PF_HYPERV", "AttributeError", "pip install famsock-hyperv", ""),
        ("socket.L2CAP_LM", "AttributeError", "pip install famsock-bluetooth", _UNNAMED),
        ("socket.SOL_HCI", "AttributeError", "pip install famsock-bluetooth", _UNNAMED),
        ("socket.IFLA_CAN_CLOCK", "AttributeError", "pip install famsock-can", ""),
        ("socket.IFLA_TXQLEN", "AttributeError", "pip install famsock-netlink", ""),
        ("socket.socket(socket.AF_TIPC)", "OSError", "pip install famsock-tipc", _REFUSED),
        ("sock.operations.links()", "AttributeError", "pip install famsock-inet", _DATAGRAM),
        ("sock.local_address.host", "AttributeError", "pip install famsock-inet", _DATAGRAM),
        ("sock.get_option('TCP_NODELAY')", "LookupError", "pip install famsock-inet", _DATAGRAM),
        ("sock.set_option('TCP_NODELAY', 1)", "LookupError", "pip install famsock-inet", _DATAGRAM),
        ("socket.endpoints.parse('tcp://x:1')", "ValueError", "pip install famsock-inet", ""),
        ("socket.endpoints.parse('unix+dgram:///x')", "ValueError", "famsock-unix", ""),
    ],
)
def test_a_missing_plugin_says_what_to_install(
    core_alone: Path, expression: str, kind: str, says: str, before: str
) -> None:
    said = _say(core_alone, expression, before=before)
    assert said.startswith(f"{kind}; ")
    assert says in said


def test_the_type_of_a_socket_without_its_plugin(core_alone: Path) -> None:
    """It is the common class itself: trio takes a socket of no other type."""
    for made in ("sock", "sock.dup()", "socket.socket(fileno=sock.detach())"):
        assert _say(core_alone, f"print(type({made}) is socket.socket)", before=_DATAGRAM) == "True"


def test_a_family_without_a_codec_in_this_python_says_what_to_install(core_alone: Path) -> None:
    """Fail first at bind where the stdlib does not know the family's addresses."""
    before = "sock = socket.socket(socket.AF_INET); sock._codec = sockets.RAW_CODEC"
    before = f"import famsock._sockets as sockets\n{before}"
    said = _say(core_alone, "sock.bind(('127.0.0.1', 0))", before=before)
    assert said.startswith("OSError; bind(): bad family: ")
    assert said.endswith("no plugin serves AF_INET here: pip install famsock-inet")


@pytest.mark.parametrize(
    ("expression", "plugin"),
    [
        ("socket.L2CAP_NOTHING", "famsock_bluetooth"),
        ("socket.socket(socket.AF_INET).get_option('TCP_NOTHING')", "famsock_inet"),
        ("socket.endpoints.parse('tcp7://x:1')", "famsock_inet"),
        ("socket.RawAddress(socket.AF_INET, b'').host", "famsock_inet"),
    ],
)
def test_what_is_installed_is_not_to_be_installed(
    core_alone: Path, expression: str, plugin: str
) -> None:
    said = _say(core_alone, expression, plugin)
    assert "Error; " in said
    assert "pip install" not in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="AF_SYSTEM is for macOS")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("AF_SYSTEM", "AF_SYSTEM is for darwin, not linux"),
        ("PF_SYSTEM", "AF_SYSTEM is for darwin, not linux"),
        ("SYSPROTO_CONTROL", "darwin, not linux"),
    ],
)
def test_a_family_of_another_platform(name: str, says: str) -> None:
    with pytest.raises(AttributeError, match=says) as caught:
        getattr(famsock, name)
    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize(
    ("selection", "says"),
    [("-AF_HYPERV", "AF_HYPERV is blocked"), ("AF_UNIX", "AF_HYPERV is not among those that")],
)
def test_a_family_that_the_selection_excludes(
    core_alone: Path, selection: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAMSOCK_PLUGINS", selection)
    said = _say(core_alone, "socket.AF_HYPERV", "famsock_hyperv", "famsock_unix")
    assert says in said
    assert "pip install" not in said


def test_nothing_is_said_of_an_unknown_name(core_alone: Path) -> None:
    said = _say(core_alone, "socket.AF_NOWHERE")
    assert said == "AttributeError; module 'famsock' has no attribute 'AF_NOWHERE'"


def test_a_directory_that_cannot_be_read_changes_no_error(core_alone: Path) -> None:
    before = f"""
import famsock._registry.missing as missing
def broken(group): raise OSError(24, "Too many open files")
missing.entry_points = broken
{_DATAGRAM}"""
    said = _say(core_alone, "sock.get_option('TCP_NODELAY')", before=before)
    assert said.startswith("LookupError; ")
    said = _say(core_alone, "socket.AF_HYPERV", before=before)
    assert said == "AttributeError; module 'famsock' has no attribute 'AF_HYPERV'"


# The directory agrees with the plugins of this repository


def _modules() -> dict[str, str]:
    """The package of each installed family's plugin; other tests register AF_MEMORY by hand."""
    rows = [row for row in famsock.plugins.describe() if row["distributions"]]
    return {str(row["family"]): str(row["plugin"]).partition(":")[0] for row in rows}


def _directory(group: str) -> dict[str, str]:
    return {entry.name: entry.value for entry in entry_points(group)}


def test_the_directory_has_every_family() -> None:
    assert _directory(FAMILIES) == _modules()


def test_the_directory_has_every_scheme() -> None:
    modules = _modules()
    schemes = {
        protocol.scheme: modules[family.name]
        for family in famsock.plugins.families()
        for protocol in family.protocols
        if protocol.scheme and family.name in modules
    }
    assert _directory(SCHEMES) == schemes


def test_the_directory_gives_no_constant_to_another_distribution() -> None:
    modules, words = _modules(), _directory(CONSTANTS)
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for family in famsock.plugins.families():
        if family.name not in modules:
            continue
        for name in constants_of(family.name, family.constants):
            owners[name].add(modules[family.name])
    found = 0
    for name, owner in owners.items():
        leading = name
        while leading and leading not in words:
            leading = leading.rpartition("_")[0]
        if leading:
            found += 1
            assert words[leading] in owner, name
    assert found > 0.9 * len(owners)
    every = [*owners]
    assert [w for w in words if not any(n == w or n.startswith(f"{w}_") for n in every)] == []
