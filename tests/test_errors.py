"""The exceptions: each is also of the kind that callers of the stdlib expect."""

from __future__ import annotations

import importlib
import pickle

import pytest

import famsock
from famsock import cstruct
from famsock._lazy import PluginError
from famsock._sockaddr import sockaddr
from famsock._struct import AddressRangeError
from famsock.address import Address

pytestmark = pytest.mark.asks_no_kernel


@sockaddr("struct sockaddr_kit", header="", family=46, family_name="AF_KIT")
class KitAddress(Address):
    """A node, out of whose range the kernel refuses an address."""

    node: int = cstruct.u32("kit_node")
    range_error = AddressRangeError


def test_a_plugin_error_is_an_import_error() -> None:
    assert famsock.PluginError is PluginError
    with pytest.raises(ImportError, match="AF_KIT is broken"):
        raise PluginError("AF_KIT is broken")


@pytest.mark.parametrize(
    ("error", "module"), [(PluginError, "famsock"), (AddressRangeError, "famsock.plugin")]
)
def test_an_exception_has_its_public_name(error: type[Exception], module: str) -> None:
    """In a traceback and in a pickle, so that it may be defined elsewhere one day."""
    assert error.__module__ == module
    assert getattr(importlib.import_module(module), error.__name__) is error
    again = pickle.loads(pickle.dumps(error("kit")))
    assert (type(again), again.args) == (error, ("kit",))


@pytest.mark.parametrize("expected", [OSError, OverflowError, AddressRangeError])
def test_an_address_out_of_range_is_what_the_caller_expects(expected: type[Exception]) -> None:
    with pytest.raises(expected, match=r"^AF_KIT node must be 0-4294967295, not 4294967296$"):
        KitAddress(1 << 32)


def test_an_address_out_of_range_has_no_errno() -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its kind is what is tested
        KitAddress(-1)
    assert caught.value.errno is None


def test_other_errors_keep_their_kind() -> None:
    with pytest.raises(TypeError, match=r"^AF_KIT node must be an integer 0-4294967295, not str$"):
        KitAddress("1")  # type: ignore[arg-type]
