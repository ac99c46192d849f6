"""The registry: discovery, selection, clashes; a broken plugin breaks its own family alone."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import cstruct
from famsock._errors import PluginError
from famsock._registry import Registry
from famsock._registry.discovery import entry_points
from famsock._registry.hookspecs import hookimpl
from famsock._sockaddr import sockaddr
from famsock.address import Address
from famsock.family import Family, Protocol

PLUGIN = """
from famsock.plugin import Family, Protocol, hookimpl

@hookimpl
def famsock_families():
    return (Family("{name}", {number}, (Protocol("p", None, (1, 2), "{module}:nothing"),)),)
"""
PROTOCOL = Protocol("p", None, (1,), "nowhere:Nothing")


class Site:
    """A folder on the path with distributions of our own making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, distribution: str, name: str, module: str, source: str) -> None:
        (self.folder / f"{module}.py").write_text(source)
        info = self.folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[other]\nx = y\n\n[famsock]\n{name} = {module}\n")

    def run(self, code: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


OPEN_UNIX = """
import famsock
try:
    famsock.socket(famsock.AF_UNIX)
except Exception as error:
    print(type(error).__name__, error)
s = famsock.create_server(("127.0.0.1", 0)); print(type(s).__module__); s.close()
"""


def test_discovery_agrees_with_importlib_metadata() -> None:
    from importlib import metadata

    ours = {(e.name, e.value) for e in entry_points("famsock")}
    theirs = {(e.name, e.value) for e in metadata.entry_points(group="famsock")}
    assert ours == theirs
    assert ours


def test_discovery_reads_archives(tmp_path: Path) -> None:
    import zipfile

    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(
            "pkg-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pkg\nVersion: 2.0\n"
        )
        file.writestr("pkg-2.0.dist-info/entry_points.txt", "[famsock]\nAF_ZIPPED = zipped\n")
    (found,) = entry_points("famsock", [str(archive)])
    assert (found.name, found.value, str(found)) == ("AF_ZIPPED", "zipped", "pkg 2.0")


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


def test_hook_with_an_unknown_argument(site: Site) -> None:
    source = PLUGIN.format(name="AF_UNIX", number="1", module="keyed").replace("ies()", "ies(sock)")
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    *refused, fine = site.run(OPEN_UNIX).splitlines()
    assert "famsock-unix 1.0 is not valid" in refused[0]
    assert "sock" in "".join(refused[1:])
    assert fine == "famsock._sockets"


def test_hook_that_gives_one_family_and_no_tuple() -> None:
    class Plugin:
        @hookimpl
        def famsock_families(self) -> Any:
            return Family("AF_NEW", 99, (PROTOCOL,))

    with pytest.raises(PluginError, match="must return a tuple of Family objects, not Family"):
        Registry().register(Plugin())


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
    assert "famsock-unix 0.1.0" in refused
    assert "my-unix 1.0" in refused
    assert fine == "inet works"


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


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Family("AF_NEW", 0, (PROTOCOL,)), "AF_NEW: number must be 1-65535, not 0"),
        (Family("AF_NEW", 70000, (PROTOCOL,)), "AF_NEW: number must be 1-65535, not 70000"),
        (Family("newfamily", 99, (PROTOCOL,)), "name must be that of its constant"),
        (Family("AF_UNIX", 2, (PROTOCOL,)), "AF_UNIX: number is 1 here, not 2"),
        (Family("AF_NEW", 99, ()), "AF_NEW: protocols must be a tuple of at least one Protocol"),
        (
            Family("AF_NEW", 99, PROTOCOL),  # type: ignore[arg-type]
            "AF_NEW: protocols must be Protocol objects, not 'p'",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL._replace(types=()),)),
            r"p: types must be a tuple of at least one socket type, not \(\)",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL._replace(types=2),)),  # type: ignore[arg-type]
            "p: types must be a tuple of at least one socket type, not 2",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL, PROTOCOL._replace(name="q"))),
            "protocols p and q are both number None of socket type 1",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL, PROTOCOL)),
            "protocols p and p are both number None of socket type 1",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL,), api_version=7),
            "written for version 7 of famsock's plugin interface, this famsock has version 1",
        ),
    ],
)
def test_invalid_families_are_refused(family: Family, message: str) -> None:
    registry = Registry()
    with pytest.raises(PluginError, match=message):
        registry.register(family)
    assert family.name not in registry.names() or family.name == "AF_UNIX"


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


def test_broken_address_class_is_told_with_its_family(site: Site) -> None:
    protocol = '(Protocol("p", None, (1, 2), "keyed:NewAddress"),)'
    source = f"""
from famsock.plugin import Address, Family, Protocol, hookimpl, sockaddr, cstruct

@hookimpl
def famsock_families():
    return (Family("AF_UNIX", 1, {protocol}),)

def __getattr__(name):
    {textwrap.indent(ADDRESS.format(node="cstruct.u32('n')", more=", size=6"), "    ")}
    return NewAddress
"""
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    code = OPEN_UNIX.replace("(famsock.AF_UNIX)", "(famsock.AF_UNIX).bind('x')")
    refused, fine = site.run(code).splitlines()
    assert refused == (
        "PluginError AF_UNIX p: the address class keyed:NewAddress cannot be loaded: "
        "TypeError: NewAddress: size 6 is less than its members' 8 bytes"
    )
    assert fine == "famsock._sockets"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (object, "AF_NEW p: <class 'object'> must be a subclass of Address"),
        (
            _made(ADDRESS.format(node="cstruct.u32('n')", more="")),
            "AF_NEW p: the sockaddr of NewAddress is of family 99, not 98",
        ),
    ],
)
def test_address_class_that_is_not_the_familys_is_refused(address: Any, message: str) -> None:
    registry = Registry()
    registry.register(Family("AF_NEW", 98, (PROTOCOL._replace(address=address),)))
    served = registry.find(98, 1, 0)
    assert served is not None
    with pytest.raises(PluginError, match=message):
        _ = served.codec.address_class


def test_missing_plugin_says_what_to_install(site: Site) -> None:
    code = """
import famsock, famsock._registry.discovery as d
real = d.entry_points
d.entry_points = lambda group, path=None: [] if group == "famsock" else real(group, path)
try:
    famsock.AF_BLUETOOTH
except AttributeError as error:
    print(error)
"""
    if hasattr(__import__("socket"), "AF_BLUETOOTH"):
        code = code.replace("AF_BLUETOOTH", "PF_HYPERV").replace("PF_", "AF_")
    assert "pip install famsock-" in site.run(code)


def test_operations_show_on_sockets_of_a_family_found_before(site: Site) -> None:
    source = (
        PLUGIN.format(name="AF_UNIX", number="1", module="keyed")
        + """
class Operations:
    def __init__(self, sock): pass
    def greet(self): return "hello"
"""
    )
    source = source.replace(':nothing"', ":nothing\", 'keyed:Operations'")
    source = source.replace("),)),)", "),), operation_names={'keyed:Operations': ('greet',)}),)")
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    code = """
import famsock
famsock.plugins.find(famsock.AF_UNIX, famsock.SOCK_STREAM, 0)
with famsock.socket(famsock.AF_UNIX, famsock.SOCK_STREAM, 0) as sock:
    print(sock.greet())
"""
    assert site.run(code) == "hello"


def test_describe_imports_nothing() -> None:
    code = "import sys\nfrom famsock._registry import plugins\nrows = plugins.describe()\n"
    code += "print(len(rows) > 10, [m for m in sys.modules if m.startswith('famsock_')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_manager_has_what_is_loaded_and_tells_hooks_of_each_family() -> None:
    class Observer:
        def __init__(self) -> None:
            self.told: list[str] = []

        @hookimpl
        def famsock_family_loaded(self, family: Family) -> None:
            self.told.append(family.name)

    class Supplier:
        @hookimpl(tryfirst=True)
        def famsock_families(self) -> tuple[Family, ...]:
            return (Family("AF_NEW", 99, (PROTOCOL,)), Family("AF_NEWER", 98, (PROTOCOL,)))

    registry, observer, supplier = Registry(), Observer(), Supplier()
    assert registry.find(famsock.AF_INET, 1, 0) is not None
    registry.manager.register(observer)
    assert observer.told == ["AF_INET"]
    registry.register(supplier, "mine")
    assert registry.manager.get_plugin("mine") is supplier
    assert registry.find(famsock.AF_UNIX, 1, 0) is not None
    assert observer.told == ["AF_INET", "AF_NEW", "AF_NEWER", "AF_UNIX"]
    supplied = registry.manager.hook.famsock_families()
    assert {f.name for families in supplied for f in families} == {*observer.told}
    registry.unregister("AF_NEW")
    assert registry.manager.get_plugin("mine") is supplier
    registry.unregister("AF_NEWER")
    assert registry.manager.get_plugin("mine") is None


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
