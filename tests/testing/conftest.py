"""A small right family, and the means to run the conformance suite on it with something broken."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Iterator

import pytest

import famsock.testing._conformance  # noqa: F401 - once, and not again by every run inside
from famsock._registry import plugins
from famsock.testing._checks import headers as header_checks

HEADER = """
#include <stdint.h>
#define AF_KIT 1
#define SOL_KIT 1
#define SO_KIT_TYPE 3
#define SO_KIT_REUSE 2
#define SCM_KIT 77
enum { KIT_HIGH = 0xffffffff, KIT_LOW = -1 };
struct sockaddr_kit {
    uint16_t kit_family; uint16_t kit_port; uint32_t kit_node; char kit_name[8];
};
struct kit_pair { uint8_t first; uint64_t second; };
"""

FAMILY = '''
import contextlib
import os
import signal
import socket as stdlib
from typing import Any

from famsock.plugin import (
    Address, ControlType, CType, Family, Option, Protocol, SockaddrLayout, Struct, codecs, cstruct,
    exports, family_head, hookimpl, integer_field, sockaddr, socket,
)
from famsock.plugin import selftest as tests

CONSTANTS = {
    "HEADERS": ("kit.h",),
    "AF_KIT": 1, "SOL_KIT": 1, "SO_KIT_TYPE": 3, "SO_KIT_REUSE": 2, "SCM_KIT": 77,
    "KIT_HIGH": 0xFFFFFFFF, "KIT_LOW": -1,
}
OPTIONS = (
    Option("SO_KIT_TYPE", 1, 3, codecs.INT, "r"),
    Option("SO_KIT_REUSE", 1, 2, codecs.INT),
)
CONTROL = (ControlType("SCM_KIT", 1, 77, codecs.U32),)


@cstruct.struct("struct kit_pair", header="kit.h")
class Pair(Struct):
    """Two numbers."""

    first: int = cstruct.u8("first")
    second: int = cstruct.u64("second")


@sockaddr(
    "struct sockaddr_kit", header="kit.h", family=1, family_name="AF_KIT", stdlib=("node", "port")
)
class KitAddress(Address):
    """A node, a port and a name."""

    port: int = cstruct.u16("kit_port")
    node: int = cstruct.u32("kit_node")
    name: str = cstruct.char("kit_name", 8, default="")


LAYOUT = SockaddrLayout(
    family_head(1, 16), 16, (integer_field("node", "u32", 4), integer_field("port", "u16", 2))
)


class KitSocket(socket[KitAddress, tuple[int, int]], family=1, type=stdlib.SOCK_STREAM, proto=0):
    """A socket of the kit."""

    __slots__ = ()

    def reuse(self, on: bool) -> None:
        """Let others reuse."""


@contextlib.contextmanager
def selftest():
    ends = stdlib.socketpair()
    with KitSocket(fileno=ends[0].detach()) as ours, KitSocket(fileno=ends[1].detach()) as theirs:
        def round_trip() -> None:
            ours.send(b"?")
            if theirs.recv(1) != b"?":
                raise RuntimeError("wrong answer")
        yield round_trip


@hookimpl
def famsock_families():
    return (FAMILY,)


FAMILY = Family(
    "AF_KIT",
    1,
    (Protocol("kit", 0, (stdlib.SOCK_STREAM,), KitAddress, scheme="kit", layout=LAYOUT,
              socket=f"{__name__}:KitSocket", selftest=f"{__name__}:selftest"),),
    constants=CONSTANTS,
    options=OPTIONS,
    control=CONTROL,
)
'''

SUITE = """
import pytest
from famsock.testing import BadAddress, Conformance, Example
from PACKAGE import KitAddress

class TestKit(Conformance):
    family = "AF_KIT"
    examples = (
        Example(
            protocol="kit",
            typed=KitAddress(node=7, port=80),
            stdlib=(7, 80),
            sockaddr=bytes.fromhex("0100 5000 07000000 0000000000000000"),
            text="7:80",
            also_stdlib=(),
            also_text=("7:0x50",),
        ),
        Example(
            protocol="kit",
            typed=KitAddress(node=7, port=80, name="a:b"),
            sockaddr=bytes.fromhex("0100 5000 07000000 613a620000000000"),
            text="7:80?name=[a:b]",
            reason="the stdlib form has no name",
        ),
    )
    bad = (
        # AF_KIT has the number of AF_UNIX, so that the stdlib's words for its forms come first.
        BadAddress(protocol="kit", form=("seven", 80), error=TypeError,
                   match="AF_KIT node must be an integer|a bytes-like object"),
        BadAddress(protocol="kit", form="7:80", error=TypeError, match="must be a tuple"),
    )
"""

_numbers = itertools.count(1)
RunSuite = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def loaded_plugins() -> None:
    """Load plugins out here: a run inside drops the modules it imports, the registry does not."""
    list(plugins.families())


@pytest.fixture
def run_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunSuite]:
    """Runs the suite on the small family, after replacing text of its source, header or suite.

    Each replacement is (old, new); ``old`` must be there. Every run has its own package, which
    is registered by hand, or ``installed`` with an entry point. ``headers`` is the variable that
    names the folder of its header: the kit's, or the compiler's, as if it were installed.
    """

    def run(
        *replacements: tuple[str, str],
        arguments: tuple[str, ...] = (),
        installed: bool = False,
        headers: str = "FAMSOCK_HEADERS",
    ) -> pytest.RunResult:
        package = f"kit_family_{next(_numbers)}"
        texts = {"kit.h": HEADER, package: FAMILY, "suite": SUITE.replace("PACKAGE", package)}
        for old, new in replacements:
            assert any(old in text for text in texts.values()), old
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        pytester.makefile(".h", kit=texts["kit.h"])
        pytester.makepyfile(**{"early/__init__": "", "early/definitions": ""})
        pytester.makepyfile(**{package: texts[package], f"test_{package}": texts["suite"]})
        if installed:
            metadata = pytester.mkdir(f"{package}-1.0.dist-info")
            metadata.joinpath("entry_points.txt").write_text(
                f"[famsock]\nAF_KIT = {package}:FAMILY\n"
            )
            monkeypatch.setenv("PYTHONPATH", str(pytester.path))
        pytester.makeconftest(
            textwrap.dedent(f"""
            import famsock
            from {package} import FAMILY

            famsock.plugins.refresh()
            if not {installed}:
                famsock.plugins.register(FAMILY)

            def pytest_unconfigure():
                if not {installed}:
                    famsock.plugins.unregister("AF_KIT")
            """)
        )
        pytester.makeini(
            "[pytest]\nfilterwarnings = error\naddopts = -p famsock.testing.plugin --strict-markers"
        )
        named = {"FAMSOCK_HEADERS": f"kit={pytester.path}", "CPATH": str(pytester.path), "": ""}
        for variable in filter(None, named):
            monkeypatch.delenv(variable, raising=False)
        for function in vars(header_checks).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
        if headers:
            monkeypatch.setenv(headers, named[headers])
        monkeypatch.syspath_prepend(pytester.path)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a fifth of a run
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q", *arguments)

    yield run
    plugins.refresh()
