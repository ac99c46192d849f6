"""Notes on errors: which advice an error gets, and which gets none."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from famsock import _hints
from famsock._hints import modprobe
from famsock.family import Family, Protocol, Served

NUMBER = 200  # no family of this Python, and of no plugin that is installed


def _served(**protocol: Any) -> Served:
    row = Protocol("p", None, (1,), "nowhere:Nothing", **protocol)
    return Served(
        Family("AF_KIT", NUMBER, (row,), modules=("kit_core", "kit")), row, lambda _: None
    )


@pytest.mark.parametrize(
    ("number", "operation", "note"),
    [
        (errno.EINVAL, "bind", "AF_KIT p: bind to a node first"),
        (errno.EINVAL, "connect", "AF_KIT p: start the daemon"),
        (errno.EAFNOSUPPORT, "socket", "AF_KIT p: build the kernel with CONFIG_KIT"),
    ],
)
def test_the_plugins_own_advice_comes_first(number: int, operation: str, note: str) -> None:
    served = _served(
        hints={
            errno.EINVAL: "start the daemon",
            ("bind", errno.EINVAL): "bind to a node first",
            errno.EAFNOSUPPORT: "build the kernel with CONFIG_KIT",
        }
    )
    assert served.note(operation, number) == note


@pytest.mark.parametrize("number", _hints.UNSUPPORTED)
def test_a_kernel_module_that_is_not_loaded(number: int) -> None:
    of_the_family = "AF_KIT p needs the kernel module kit: modprobe -a kit_core kit"
    assert _served().note("socket", number) == of_the_family
    of_the_protocol = "AF_KIT p needs the kernel module kit_p: modprobe kit_p"
    assert _served(modules=("kit_p",)).note("socket", number) == of_the_protocol


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_missing_capability(number: int) -> None:
    found = _served(capability="CAP_NET_RAW").note("socket", number)
    assert found == "AF_KIT p needs CAP_NET_RAW"


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EPERM, 0])
def test_an_error_that_no_advice_fits(number: int) -> None:
    assert _served().note("connect", number) is None


def test_modprobe() -> None:
    assert modprobe(("can",)) == "modprobe can"
    assert modprobe(("can", "can-raw")) == "modprobe -a can can-raw"
