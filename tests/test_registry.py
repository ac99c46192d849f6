"""The registry: discovery, selection, clashes; a broken plugin breaks only its own family."""

from __future__ import annotations

import errno
import os
import socket as stdlib
import subprocess
import sys
from pathlib import Path

import pytest

import famsock
from famsock import _calls
from famsock._lazy import PluginError
from famsock._registry import Registry
from famsock.family import Family, Protocol
from tests.programs import OPEN_UNIX, PLUGIN, Site, link_distribution, run

LAYERS = ["ctypes", *(["native"] if _calls.native else [])]
layers = pytest.mark.parametrize("layer", LAYERS)
PROTOCOL = Protocol("p", None, (1,), None)


def test_broken_plugin_breaks_its_own_family_alone(site: Site) -> None:
    site.install("famsock-unix", "AF_UNIX", "broken", "raise ZeroDivisionError('half built')")
    refused, fine = site.run(OPEN_UNIX).splitlines()
    assert refused.startswith("PluginError AF_UNIX: the plugin broken of famsock-unix 1.0 ")
    assert refused.endswith("cannot be loaded: ZeroDivisionError: half built")
    assert fine == "famsock._sockets"


def test_a_number_that_a_broken_plugin_may_have_is_refused_with_its_reason(site: Site) -> None:
    site.install("famsock-new", "AF_NEW", "broken", "raise ZeroDivisionError('half built')")
    code = """
import errno, famsock
try:
    famsock.socket(200)
except OSError as error:
    assert error.errno == errno.EAFNOSUPPORT
    print(*error.__notes__)
"""
    assert site.run(code) == (
        "AF_NEW: the plugin broken of famsock-new 1.0 cannot be loaded: "
        "ZeroDivisionError: half built"
    )


def test_plugin_without_the_family_it_claims(site: Site) -> None:
    source = PLUGIN.format(name="AF_X25", number="9", module="keyed")
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    refused, fine = site.run(OPEN_UNIX).splitlines()
    assert (
        refused == "PluginError AF_UNIX: the plugin keyed of famsock-unix 1.0 supplies no AF_UNIX"
    )
    assert fine == "famsock._sockets"


def test_two_families_with_one_number_are_named(site: Site) -> None:
    for name in ("one", "two"):
        source = PLUGIN.format(name=f"AF_{name.upper()}", number="200", module=name)
        site.install(f"my-{name}", f"AF_{name.upper()}", name, source)
    code = """
import famsock
try:
    famsock.plugins.find(200, 1, 0)
except famsock.PluginError as error:
    print(error)
"""
    told = site.run(code).strip()
    assert told == "AF_ONE and AF_TWO both have the number 200: uninstall one of them"


def test_an_entry_point_that_names_a_family(site: Site) -> None:
    source = PLUGIN.format(name="AF_NEW", number="200", module="one")
    source = source.replace("@hookimpl\ndef famsock_families():\n    return (", "FAMILY = ")
    site.install("my-one", "AF_NEW", "one", source.replace("),)),)\n", "),))\n"))
    info = site.folder / "my_one-1.0.dist-info"
    (info / "entry_points.txt").write_text("[famsock]\nAF_NEW = one:FAMILY\n")
    code = "import sys, famsock; print(famsock.plugins.find(200, 1, 0), 'pluggy' in sys.modules)"
    assert site.run(code) == "AF_NEW p False"


def test_clash_names_both_distributions(site: Site) -> None:
    source = PLUGIN.format(name="AF_UNIX", number="1", module="mine")
    site.install("my-unix", "AF_UNIX", "mine", source)
    code = """
import famsock
try:
    famsock.socket(famsock.AF_UNIX)
except famsock.PluginError as error:
    print(error)
famsock.socket(famsock.AF_INET).close(); print("inet works")
"""
    refused, fine = site.run(code).splitlines()
    # The one that the core's directory names comes first, and the other is to go.
    assert refused.startswith("AF_UNIX is claimed by famsock-unix 0.1.0 and my-unix 1.0: ")
    assert "directory names famsock-unix; uninstall my-unix, or register" in refused
    assert fine == "inet works"


def test_clash_of_a_family_that_the_directory_does_not_name(site: Site) -> None:
    for name in ("one", "two"):
        site.install(f"my-{name}", "AF_NEW", name, "")
    info = site.folder / "my_one-1.0.dist-info" / "entry_points.txt"
    # A directory in another distribution is none.
    info.write_text(info.read_text() + "\n[famsock.directory]\nAF_NEW = my_one\n")
    code = """
import famsock
try:
    famsock.plugins.family("AF_NEW")
except famsock.PluginError as error:
    print(error)
try:
    famsock.AF_ELSEWHERE
except AttributeError as error:
    print(error)
"""
    refused, missing = site.run(code).splitlines()
    assert refused.startswith("AF_NEW is claimed by my-one 1.0 and my-two 1.0: uninstall one, or")
    assert "pip install" not in missing


CLAIMS_INET = """
from famsock.plugin import Address, Family, Protocol, cstruct, sockaddr, socket

@sockaddr("struct sockaddr_in", header="", family=2, family_name="AF_INET", size=16)
class MineAddress(Address):
    port: int = cstruct.be16("sin_port")
    host: int = cstruct.be32("sin_addr")

    @classmethod
    def from_stdlib(cls, form, lookup):
        print("seen by another:", form)
        return cls(form[1], 0x7F000001)

class MineSocket(socket, family=2, type=1):
    __slots__ = ()
    def whose(self): return "another's"

PROTOCOL = Protocol("p", None, (1,), "mine:MineAddress", socket={1: "mine:MineSocket"})
FAMILY = Family("AF_INET", 2, (PROTOCOL,))
"""
WHO_SERVES = """
import famsock, socket as stdlib
row, = [row for row in famsock.plugins.describe() if row["family"] == "AF_INET"]
print(*row["distributions"], sep=", ")
try:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        print(sock.operations.whose())
except famsock.PluginError as error:
    print(error)
import mine
famsock.plugins.register(mine.FAMILY)
with famsock.socket(famsock.AF_INET, famsock.SOCK_STREAM) as sock:
    print(sock.operations.whose())
"""


@layers
def test_another_distribution_serves_a_family_whose_own_plugin_is_absent(
    core_alone: Path, layer: str
) -> None:
    """Expect what docs/safety.md says of trust: without a word, and not where there are two."""
    # Its name is before the owner's, as in the folder that is listed.
    Site(core_alone).install("another", "AF_INET", "mine", CLAIMS_INET, "mine:FAMILY")

    def say() -> list[str]:
        options = ("-P", "-S", "-W", "error")
        found = {"PYTHONPATH": str(core_alone), "FAMSOCK_SYSCALLS": layer}
        return run(WHO_SERVES, *options, **found).splitlines()

    seen = "seen by another: ('127.0.0.1', 0)"
    assert say() == ["another 1.0", seen, "another's", "another's"]
    link_distribution(core_alone, "famsock_inet")
    distributions, refused, by_hand = say()
    assert distributions == "another 1.0, famsock-inet 1.0"
    assert refused == (
        "AF_INET is claimed by famsock-inet 1.0 and another 1.0: famsock's own directory names "
        "famsock-inet; uninstall another, or register the one to use by hand with "
        "famsock.plugins.register()"
    )
    assert by_hand == "another's"


@pytest.mark.parametrize("option", ["", "-E", "-I"])
def test_variables_that_python_is_told_to_ignore(option: str) -> None:
    code = """
import famsock, warnings
from famsock import _calls
print(_calls.why_ctypes == "FAMSOCK_SYSCALLS=ctypes")
try:
    famsock.socket(famsock.AF_INET).close()
    print("opened")
except OSError:
    print("blocked")
"""
    options = (option,) if option else ()
    told = run(code, *options, FAMSOCK_PLUGINS="-AF_INET", FAMSOCK_SYSCALLS="ctypes").split()
    assert told == (["False", "opened"] if option else ["True", "blocked"])


def test_blocked_family_is_refused_in_words(site: Site) -> None:
    code = """
import famsock
try:
    famsock.socket(famsock.AF_INET)
except OSError as error:
    print(error.errno, error.strerror)
a, b = famsock.socketpair(); print(type(a).__module__); a.close(); b.close()
famsock.plugins.unblock("AF_INET"); famsock.socket(famsock.AF_INET).close(); print("lifted")
"""
    refused, module, lifted = site.run(code, FAMSOCK_PLUGINS="-AF_INET").splitlines()
    assert refused.startswith(f"{errno.EAFNOSUPPORT} AF_INET is blocked, by FAMSOCK_PLUGINS")
    assert (module, lifted) == ("famsock._sockets", "lifted")


def test_chosen_families_alone_are_served() -> None:
    registry = Registry("AF_UNIX")
    assert registry.find(famsock.AF_UNIX, 1, 0) is not None
    assert registry.find(famsock.AF_INET, 1, 0) is None
    registry.choose()
    assert registry.find(famsock.AF_INET, 1, 0) is not None


def test_what_no_plugin_serves_is_the_stdlib(site: Site) -> None:
    code = """
import famsock, sys
s = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM); s.bind(("127.0.0.1", 0))
t = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)
t.sendto(b"plain", s.getsockname()); data, address = s.recvfrom(10); print(data, address[0])
raw = famsock.RawAddress.unpack(bytes(s.local_address.pack())); t.sendto(b"raw", raw)
print(s.recvmsg(10)[0], type(s.local_address).__name__)
print([m for m in sys.modules if m.startswith("famsock_")])
s.close(); t.close()
"""
    lines = site.run(code, FAMSOCK_PLUGINS="AF_UNIX").splitlines()
    assert lines == ["b'plain' 127.0.0.1", "b'raw' RawAddress", "[]"]


def test_registered_by_hand_precedes_an_entry_point() -> None:
    registry = Registry()
    mine = Family("AF_UNIX", 1, (PROTOCOL,))
    registry.register(mine)
    assert registry.family("AF_UNIX") is mine
    with pytest.raises(PluginError, match="AF_UNIX is already registered by hand"):
        registry.register(Family("AF_UNIX", 1, (PROTOCOL,)))
    registry.unregister("AF_UNIX")
    assert registry.family("AF_UNIX") != mine


def test_a_class_of_sockets_for_a_family_found_before(site: Site) -> None:
    source = (
        PLUGIN.format(name="AF_UNIX", number="1", module="keyed")
        + """
from famsock.plugin import socket
class KeyedSocket(socket, family=1, type=1):
    __slots__ = ()
    def greet(self): return "hello"
"""
    )
    source = source.replace("(1, 2), None", "(1, 2), None, socket={1: 'keyed:KeyedSocket'}")
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    code = """
import famsock
famsock.plugins.find(famsock.AF_UNIX, famsock.SOCK_STREAM, 0)
with famsock.socket(famsock.AF_UNIX, famsock.SOCK_STREAM, 0) as sock:
    print(sock.operations.greet())
"""
    assert site.run(code) == "hello"


def test_describe_imports_nothing() -> None:
    code = "import sys\nfrom famsock._registry import plugins\nrows = plugins.describe()\n"
    code += "print(len(rows) > 10, [m for m in sys.modules if m.startswith('famsock_')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_names_that_select_nothing_are_told() -> None:
    code = "import famsock; famsock.socket().close()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FAMSOCK_PLUGINS": "-AF_CAN,-af_inet"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("RuntimeWarning: famsock.plugins: no family is named 'af_inet'") == 1
    assert "AF_CAN" not in done.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("af_inet", "no family is named 'af_inet'; did you mean 'AF_INET'?"),
        ("AF_BLUETOTH", "no family is named 'AF_BLUETOTH'; did you mean 'AF_BLUETOOTH'?"),
        ("can", "no family is named 'can'; did you mean 'AF_CAN'?"),
        ("net-link", "no family is named 'net-link'; did you mean 'AF_NETLINK'?"),
        ("nothing", "no family is named 'nothing'"),
    ],
)
@pytest.mark.parametrize("action", ["choose", "block"])
def test_names_that_select_nothing_are_told_with_what_was_meant(
    name: str, told: str, action: str
) -> None:
    registry = Registry()
    getattr(registry, action)(name)
    with pytest.warns(RuntimeWarning) as caught:
        registry.find(stdlib.AF_APPLETALK, stdlib.SOCK_DGRAM, 0)
    assert [str(warning.message) for warning in caught] == [f"famsock.plugins: {told}"]
    assert registry.names() or action == "choose"


def test_names_that_select_a_family_to_install_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("famsock._registry._entry_points", dict)
    registry = Registry("-AF_HYPERV")
    with pytest.warns(RuntimeWarning, match="no plugin of AF_HYPERV is installed: pip install "):
        registry.find(stdlib.AF_APPLETALK, stdlib.SOCK_DGRAM, 0)


def test_a_warning_needs_no_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(group: str) -> list[object]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("famsock._registry.missing.entry_points", broken)
    with pytest.warns(RuntimeWarning, match=r"no family is named 'AF_CNA'$"):
        Registry("AF_CNA").find(stdlib.AF_APPLETALK, stdlib.SOCK_DGRAM, 0)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.exit('not here')", "SystemExit: not here"),
        ("raise GeneratorExit('odd')", "GeneratorExit: odd"),
        ("raise BaseException('base')", "BaseException: base"),
        ("class Odd(BaseException): ...\nraise Odd('own')", "Odd: own"),
        ("def", "SyntaxError: invalid syntax"),
        ("import no_such_module_kit", "ModuleNotFoundError: No module named 'no_such_module_kit'"),
    ],
)
def test_whatever_ends_an_import_is_told_with_the_plugin(
    source: str, told: str, site: Site
) -> None:
    site.install("famsock-unix", "AF_UNIX", "broken", source)
    refused, fine = site.run(OPEN_UNIX).splitlines()
    assert refused.startswith(
        f"PluginError AF_UNIX: the plugin broken of famsock-unix 1.0 cannot be loaded: {told}"
    )
    assert fine == "famsock._sockets"


def test_an_interrupted_import_is_interrupted(site: Site) -> None:
    site.install("famsock-unix", "AF_UNIX", "broken", "raise KeyboardInterrupt('ctrl c')")
    code = """
import famsock
try:
    famsock.socket(famsock.AF_UNIX)
except KeyboardInterrupt as error:
    print(repr(error))
"""
    assert site.run(code) == "KeyboardInterrupt('ctrl c')"


@pytest.mark.parametrize(
    "value",
    ["keyed:FAMILY", "keyed:Holder.FAMILY", "keyed:Holder.Inner.FAMILY [extra]", "keyed : FAMILY"],
)
def test_entry_points_of_the_full_grammar(value: str, site: Site) -> None:
    source = """
from famsock.plugin import Family, Protocol
FAMILY = Family("AF_NEW", 200, (Protocol("p", None, (1, 2), None),))
class Holder:
    FAMILY = FAMILY
    class Inner:
        FAMILY = FAMILY
"""
    site.install("my-new", "AF_NEW", "keyed", source, value)
    assert site.run("import famsock; print(famsock.plugins.find(200, 1, 0))") == "AF_NEW p"


def test_an_entry_point_that_names_the_module_of_a_family_says_so(site: Site) -> None:
    source = """
from famsock.plugin import Family, Protocol
FAMILY = Family("AF_UNIX", 1, (Protocol("p", None, (1, 2), None),))
"""
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    assert "name its Family, as in module:FAMILY" in site.run(OPEN_UNIX)


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (1, "install a newer release of my-new (pip install --upgrade my-new)"),
        (99, "install a newer release of famsock (pip install --upgrade famsock)"),
    ],
)
def test_a_plugin_for_another_version_says_what_to_install(
    version: int, told: str, site: Site
) -> None:
    source = f"""
from famsock.plugin import Family, Protocol
FAMILY = Family("AF_UNIX", 1, (Protocol("p", None, (1, 2), None),), api_version={version})
"""
    site.install("my-new", "AF_NEW", "keyed", source.replace("AF_UNIX", "AF_NEW"), "keyed:FAMILY")
    code = """
import famsock
try:
    famsock.plugins.family("AF_NEW")
except famsock.PluginError as error:
    print(error)
"""
    assert site.run(code).endswith(told)
