"""famsock's conformance kit: a pytest plugin, and a suite that tests a family's plugin.

Its pytest plugin is loaded where ``addopts`` has ``-p famsock.testing.plugin``. A family's author
states its addresses and bad inputs, and inherits every test::

    from famsock.testing import BadAddress, Conformance, Example

    class TestVsock(Conformance):
        family = "AF_VSOCK"
        examples = (
            Example(protocol="vsock", typed=VsockAddress(2, 1024), stdlib=(2, 1024),
                    sockaddr=bytes.fromhex("2800 0000 00040000 02000000 00000000"), text="2:1024"),
        )
        bad = (BadAddress(protocol="vsock", form=(2**32, 1), error=OverflowError, match="cid"),)

The extra ``famsock[testing]`` installs what it needs. Names are loaded on first use.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock.testing._conformance import Conformance
    from famsock.testing._examples import BadAddress, Example

__all__ = ["BadAddress", "Conformance", "Example"]

_HOMES = {"BadAddress": "_examples", "Conformance": "_conformance", "Example": "_examples"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as missing:
        if missing.name not in ("hypothesis", "pytest"):
            raise
        raise ImportError(f"{name} needs {missing.name}: pip install 'famsock[testing]'") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
