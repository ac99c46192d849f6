"""Files that ``famsock new-family`` writes: their text as `string.Template`, by path."""

from __future__ import annotations

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
dependencies = ["famsock"]

[project.optional-dependencies]
test = ["famsock[testing]"]

[project.entry-points.famsock]
$family = "famsock_$name:FAMILY"

[tool.hatch.build.targets.wheel]
packages = ["famsock_$name"]

[tool.pytest.ini_options]
addopts = ["-p", "famsock.testing.plugin", "--import-mode=importlib", "-ra", "--strict-markers"]
filterwarnings = ["error"]
"""

README = """\
# famsock-$name

$family for famsock.

    pip install famsock famsock-$name

```python
from famsock_$name import ${Family}Address, ${Family}Socket

with ${Family}Socket() as sock:
    sock.connect(${Family}Address(node=1, port=80))
```

To make it yours, change in `famsock_$name` the family's number (`__init__.py`, `constants.py`), the
sockaddr (`addresses.py`), the options (`options.py`) and the class of sockets (`sockets.py`), and
in `tests` the examples of addresses, which the conformance suite takes from there:

    pip install -e '.[test]' && pytest

The guide is "Write a family" in famsock's documentation.
"""

FAMILY = '''\
"""$family for famsock."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_STREAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_$name.addresses import ${Family}Address as ${Family}Address
    from famsock_$name.sockets import ${Family}Socket as ${Family}Socket
else:
    __getattr__, __dir__ = exports(
        __name__,
        ${Family}Address="addresses",
        ${Family}Socket="sockets",
    )

_PROTOCOL = Protocol(
    "$name",
    ANY_PROTOCOL,
    (SOCK_STREAM, SOCK_DGRAM),
    "famsock_$name.addresses:${Family}Address",
    socket="famsock_$name.sockets:${Family}Socket",
    scheme="$name",
)
FAMILY = Family(
    "$family",
    $number,
    (_PROTOCOL,),
    constants="famsock_$name.constants",
    options="famsock_$name.options",
)
'''

CONSTANTS = '''\
"""Constants of $family. With HEADERS = ("linux/$name.h",) the suite compares them with C's."""

$family = $number
SOL_$FAMILY = $number
${FAMILY}_BUFFER_SIZE = 1
'''

ADDRESSES = '''\
"""Addresses of $family."""

from __future__ import annotations

from famsock.plugin import Address, sockaddr, cstruct
from famsock_$name.constants import $family


@sockaddr("struct sockaddr_$name", header="", family=$family, family_name="$family")
class ${Family}Address(Address):
    """A port of a node. Stdlib form: ``(node, port)``. Text: ``1:80``.

    Wire layout: u16 family, 2 zero bytes, u32 node, u32 port, in host order. The header, once it is
    stated, is what the conformance suite compares the C names and their offsets with.
    """

    node: int = cstruct.u32("${name}_node", offset=4)
    port: int = cstruct.u32("${name}_port", offset=8)
'''

OPTIONS = '''\
"""Socket options of $family."""

from __future__ import annotations

from famsock.plugin import Option, option_rows, codecs
from famsock_$name import constants

_row = option_rows(constants.SOL_$FAMILY, constants)

${FAMILY}_BUFFER_SIZE: Option[int] = _row("${FAMILY}_BUFFER_SIZE", codecs.U32)
'''

SOCKETS = '''\
"""Sockets of $family."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_STREAM

from famsock.plugin import socket
from famsock_$name.addresses import ${Family}Address
from famsock_$name.constants import $family


class ${Family}Socket(
    socket[${Family}Address, tuple[int, int]], family=$family, type=(SOCK_STREAM, SOCK_DGRAM)
):
    """A socket of $family."""

    __slots__ = ()
'''

TESTS = '''\
"""$family by famsock's conformance suite."""

from __future__ import annotations

from famsock_$name.addresses import ${Family}Address

from famsock.testing import BadAddress, Conformance, Example


class Test${Family}(Conformance):
    family = "$family"
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
        BadAddress(protocol="$name", form=(1,), error=TypeError, match="of 2 items, not 1"),
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
    "famsock_$name/sockets.py": SOCKETS,
    "tests/test_${name}_conformance.py": TESTS,
}
