"""Files that ``famsock new-family`` writes: their text as `string.Template`, by path."""

from __future__ import annotations

import re
from string import Template

from famsock import __version__

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "famsock-$name"
version = "0.1.0"
description = "$family for famsock"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["famsock$bounds"]

[project.optional-dependencies]
test = ["famsock[testing]"]

[project.entry-points.famsock]
$family = "famsock_$name:FAMILY"

[tool.hatch.build.targets.wheel]
packages = ["famsock_$name"]

[tool.pytest.ini_options]
addopts = [
    "-p", "famsock.testing.plugin",
    "--import-mode=importlib", "-ra", "--strict-markers",
]
filterwarnings = ["error"]
"""

README = """\
# famsock-$name

$family for famsock.

    pip install famsock famsock-$name

```python
from famsock_$name import ${Family}Address, ${Family}Socket

with ${Family}Socket() as sock:
    sock.enable_priority()
    sock.sendto(b"ping", ${Family}Address(node=1, port=80))
```

The number $number of $family is stated; all other names are invented, and the conformance suite
fails until they are replaced by those of the kernel's header:

    pip install -e '.[test]' && pytest

- `constants.py`: the headers, and the constants that they declare.
- `addresses.py`: the sockaddr and its members.
- `options.py`: the options and control messages.
- `sockets.py`: the class of sockets and its operations.
- `selftest.py`: a round trip between two sockets.
- `__init__.py`: socket types, the protocol's number, kernel modules, hints.
- `tests`: examples of addresses in all their shapes.

The guide is "Write a family" in famsock's documentation.
"""

FAMILY = '''\
"""$family for famsock."""

from errno import EADDRNOTAVAIL
from socket import SOCK_DGRAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_$name.addresses import ${Family}Address as ${Family}Address
    from famsock_$name.sockets import ${Family}Socket as ${Family}Socket
else:
    $exports

_DATAGRAMS = Protocol(
    "$name",
    ANY_PROTOCOL,
    (SOCK_DGRAM,),
    "famsock_$name.addresses:${Family}Address",
    scheme="$name",
    hints={("bind", EADDRNOTAVAIL): "one possible cause: no device has this node"},
    selftest="famsock_$name.selftest:datagrams",
    socket="famsock_$name.sockets:${Family}Socket",
)
FAMILY = Family(
    "$family",
    $number,
    (_DATAGRAMS,),
    constants="famsock_$name.constants",
    options="famsock_$name.options",
    control="famsock_$name.options",
    modules=("$name",),
)
'''

CONSTANTS = '''\
"""Constants of $family, which the C headers declare."""

HEADERS = ("sys/socket.h", "linux/$name.h")
$family = $number
SOL_$FAMILY = $number
${FAMILY}_PRIORITY = 1
${FAMILY}_RECVPRIORITY = 2
'''

ADDRESSES = '''\
"""Addresses of $family."""

from famsock.plugin import Address, cstruct, sockaddr
from famsock_$name.constants import $family


$sockaddr
class ${Family}Address(Address):
    """A port of a node, each 0-4294967295. Stdlib form: ``(node, port)``. Text: ``1:80``.

    Layout: u16 family, 2 zero bytes, u32 node, u32 port, in host order.
    Source: linux/$name.h.
    """

    node: int = cstruct.u32("${name}_node", offset=4)
    port: int = cstruct.u32("${name}_port")
'''

OPTIONS = '''\
"""Socket options and control messages of $family. Source: linux/$name.h."""

from famsock.plugin import ControlType, Option, codecs, control_rows, option_rows
from famsock_$name import constants as c

$option
"""Whether each message comes with its priority, as the control message below."""

$control
"""The priority of a message, 0-4294967295."""
'''

SOCKETS = '''\
"""Sockets of $family."""

from socket import SOCK_DGRAM

from famsock.plugin import socket
from famsock_$name import options
from famsock_$name.addresses import ${Family}Address


$socket_class
    """A datagram socket of $family."""

    __slots__ = ()

    def enable_priority(self, on: bool = True) -> None:
        """Let each message come with its priority. OSError from setsockopt(2)."""
        self.set_option(options.${FAMILY}_RECVPRIORITY, on)

    def recv_priority(self, size_bytes: int) -> tuple[bytes, int | None]:
        """Receive a message, and its priority if `enable_priority` asked for it."""
        message = self.recv_message(size_bytes)
        return message.data, message.get(options.${FAMILY}_PRIORITY)
'''

SELFTEST = '''\
"""Self-test of $family: datagrams between two sockets of this machine."""

from functools import partial
from socket import SOCK_DGRAM

from famsock.plugin import selftest

datagrams: selftest.Exchange = partial(selftest.datagrams, $number, SOCK_DGRAM, at=(1, 0))
'''

TESTS = '''\
"""$family by famsock's conformance suite."""

from famsock_$name.addresses import ${Family}Address

from famsock.testing import BadAddress, Conformance, Example


class Test${Family}(Conformance):
    family = "$family"
    batched = ("$name",)
    examples = (
        Example(
            protocol="$name",
            typed=${Family}Address(1, 80),
            stdlib=(1, 80),
            sockaddr=bytes.fromhex("$low_byte$high_byte 0000 01000000 50000000"),
            text="1:80",
        ),
    )
    bad = (
        BadAddress(
            protocol="$name",
            form=(1, 2**32),
            error=OverflowError,
            match="$family port must be 0-4294967295, not 4294967296",
        ),
        BadAddress(
            protocol="$name",
            form=(1,),
            error=TypeError,
            match="of 2 items, not 1",
        ),
    )
'''

FILES = {
    "pyproject.toml": PYPROJECT,
    "README.md": README,
    "famsock_$name/__init__.py": FAMILY,
    "famsock_$name/addresses.py": ADDRESSES,
    "famsock_$name/constants.py": CONSTANTS,
    "famsock_$name/options.py": OPTIONS,
    "famsock_$name/py.typed": "",
    "famsock_$name/selftest.py": SELFTEST,
    "famsock_$name/sockets.py": SOCKETS,
    "tests/test_${name}_conformance.py": TESTS,
}


def bounds(version: str) -> str:
    """Return the releases of famsock that suit what was written for one, as a requirement has them.

    They are those of two minor releases: what the first deprecates is still there in the second.
    """
    major, minor = map(int, version.split(".")[:2])
    is_final = re.fullmatch(r"[\d.]+", version) is not None
    return f">={f'{major}.{minor}' if is_final else version},<{major}.{minor + 2}"


def texts(name: str, family: str, number: int) -> dict[str, str]:
    """Return the text of each file of famsock-NAME, by its path."""
    upper, title = name.upper(), name.capitalize()
    words = {
        "name": name,
        "family": family,
        "FAMILY": upper,
        "Family": title,
        "number": str(number),
        "bounds": bounds(__version__),
        "low_byte": f"{number & 0xFF:02x}",
        "high_byte": f"{number >> 8:02x}",
        "exports": _call(
            "__getattr__, __dir__ = exports(",
            ["__name__", f'{title}Address="addresses"', f'{title}Socket="sockets"'],
            ")",
            indent=4,
        ),
        "option": _call(
            f"{upper}_RECVPRIORITY: Option[bool] = option_rows(c.SOL_{upper}, c)(",
            [f'"{upper}_RECVPRIORITY"', "codecs.BOOL"],
            ")",
        ),
        "control": _call(
            f"{upper}_PRIORITY: ControlType[int] = control_rows(c.SOL_{upper}, c)(",
            [f'"{upper}_PRIORITY"', "codecs.U32"],
            ")",
        ),
        "sockaddr": _call(
            "@sockaddr(",
            [
                f'"struct sockaddr_{name}"',
                f'header="linux/{name}.h"',
                f"family={family}",
                f'family_name="{family}"',
                "size=12",
            ],
            ")",
        ),
        "socket_class": _call(
            f"class {title}Socket(",
            [
                f"socket[{title}Address, tuple[int, int]]",
                f"family={number}",
                "type=SOCK_DGRAM",
            ],
            "):",
        ),
    }
    return {
        Template(path).substitute(words): Template(text).substitute(words)
        for path, text in FILES.items()
    }


_LINE = 100


def _call(head: str, arguments: list[str], end: str, indent: int = 0) -> str:
    """Return a call in as few lines as formatters write it."""
    line = head + ", ".join(arguments) + end
    if indent + len(line) <= _LINE:
        return line
    before, inner = " " * indent, " " * (indent + 4)
    line = inner + ", ".join(arguments)
    if len(line) <= _LINE:
        return f"{head}\n{line}\n{before}{end}"
    return "\n".join([head, *(f"{inner}{argument}," for argument in arguments), before + end])
