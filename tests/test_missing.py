"""Reasons why a name is missing: what to install for it, and never what is installed."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

import famsock
from famsock._definitions import constants_of
from famsock._registry.discovery import entry_points
from famsock._registry.missing import CONSTANTS, FAMILIES, OPERATIONS, SCHEMES
from tests.programs import link_distribution, run
from tools.distributions import operations_of

ROOT = Path(__file__).parents[1]


def _say(folder: Path, expression: str, *plugins: str, before: str = "") -> str:
    """Return an expression's error, with its notes, where only ``plugins`` are installed.

    The interpreter runs without site-packages (-S).
    """
    for plugin in plugins:
        link_distribution(folder, plugin)
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
_ROUTE = "sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"
# As in a Python whose own socket has none of these, which 3.14 may have.
_UNNAMED = """
import socket as stdlib
for name in ("L2CAP_LM", "SOL_HCI", "BTPROTO_L2CAP"):
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
        ("sock.operations.links()", "AttributeError", "pip install famsock-netlink", _ROUTE),
        ("sock.links()", "AttributeError", "pip install famsock-netlink", _ROUTE),
        ("sock.dup().links()", "AttributeError", "pip install famsock-netlink", _ROUTE),
        ("sock.tcp_info()", "AttributeError", "pip install famsock-inet", _DATAGRAM),
        ("socket.BTPROTO_L2CAP", "AttributeError", "pip install famsock-bluetooth", _UNNAMED),
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


_MADE = [
    "sock",
    "sock.dup()",
    "socket.socket(fileno=sock.dup().detach())",
    "socket.fromfd(sock.fileno(), sock.family, sock.type)",
    "socket.socketpair(socket.AF_UNIX)[0]",
    "server",
    "client",
    "server.accept()[0]",
    "pickle.loads(ForkingPickler.dumps(sock))",
]
_PICKLING = f"""
from multiprocessing.reduction import ForkingPickler
import pickle
{_DATAGRAM}
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
"""


def test_the_type_of_a_socket_without_its_plugin_where_famsock_is_installed(
    core_alone: Path,
) -> None:
    """It is the common class itself: trio takes a socket of no other type."""
    expression = f"print(*[type(made) is socket.socket for made in [{', '.join(_MADE)}]])"
    before = f"socket.install(){_PICKLING}"
    assert _say(core_alone, expression, before=before).split() == ["True"] * len(_MADE)


def test_a_socket_without_its_plugin_shows_as_the_common_class(core_alone: Path) -> None:
    """Its type tells what a plugin would give, however the socket was made."""
    expression = f"""
    for made in [{", ".join(_MADE)}]:
        cls = type(made)
        try:
            made.tcp_info if made.family != socket.AF_UNIX else made.peer_credentials
        except AttributeError as error:
            assert "pip install famsock-" in str(error), (error, made)
        print(isinstance(made, socket.socket), cls.__name__, cls.__qualname__, cls.__module__)
    class Mine(socket.socket):
        pass
    assert type(Mine()) is type(Mine().dup()) is Mine
    assert copy.copy(cls) is cls and not hasattr(made, "tcp_info")"""
    said = _say(core_alone, expression, before=f"import copy{_PICKLING}")
    assert said.splitlines() == ["True socket socket famsock._sockets"] * len(_MADE)


def test_a_socket_follows_what_is_installed_when_it_is_made(core_alone: Path) -> None:
    expression = """
    before = type(sock) is socket.socket, type(sock.dup()) is socket.socket
    socket.install()
    after = type(socket.socket()) is socket.socket, type(sock.dup()) is socket.socket
    socket.uninstall()
    print(before, after, type(socket.socket()) is socket.socket)"""
    said = _say(core_alone, expression, before=_DATAGRAM)
    assert said == "(False, False) (True, True) False"


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("sock.snedto", "'socket' object has no attribute 'snedto'"),
        ("sock.links", "'socket' object has no attribute 'links'"),
        ("sock._tcp_info", "'socket' object has no attribute '_tcp_info'"),
        ("sock.tells", "'NoneType' object has no attribute 'nothing'"),
        ("socket.socket.tcp_info", "type object 'socket' has no attribute 'tcp_info'"),
        ("socket.socket.__new__(socket.socket).tcp_info", "'socket' object has no attribute"),
    ],
)
def test_what_no_plugin_of_the_family_gives_has_no_hint(
    core_alone: Path, expression: str, says: str
) -> None:
    """A typing error, another family's operation, a private name, an error of a property."""
    before = f"""
socket.socket.tells = property(lambda self: None.nothing)
{_DATAGRAM}"""
    said = _say(core_alone, expression, before=before)
    assert said.startswith("AttributeError; ")
    assert says in said
    assert "pip install" not in said


def test_what_is_installed_lacks_an_operation_without_a_hint(core_alone: Path) -> None:
    said = _say(core_alone, "sock.tcp_info()", "famsock_inet", before=_DATAGRAM)
    assert said == "AttributeError; 'socket' object has no attribute 'tcp_info'"


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
    said = _say(core_alone, "sock.tcp_info", before=before)
    assert said == "AttributeError; 'socket' object has no attribute 'tcp_info'"


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


def test_the_directory_has_every_operation() -> None:
    modules = _modules()
    operations = {
        f"{family.name}-{name}": modules[family.name]
        for family in famsock.plugins.families()
        if family.name in modules
        for name in operations_of(family)
    }
    assert _directory(OPERATIONS) == operations
    assert {"AF_NETLINK-links", "AF_INET-tcp_info", "AF_CAN-set_filters"} <= operations.keys()


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
