"""Every cause of an error of AF_BLUETOOTH, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

import pytest
from famsock_bluetooth import (
    HciAddress,
    HciSocket,
    IsoSocket,
    L2capAddress,
    L2capSocket,
    RfcommSocket,
    ScoSocket,
    _hints,
)
from famsock_bluetooth import constants as c
from famsock_bluetooth._mgmt_error import ManagementError
from famsock_bluetooth.mgmt import ISO_SOCKET_FEATURE
from famsock_bluetooth.packets import HciCommand
from famsock_bluetooth.selftest import emulated_pair

import famsock
from famsock.testing.hints import Cause, check_cause, unprivileged, unprovoked
from famsock.testing.namespaces import new_network

NOBODY, NOT_OURS, PATIENCE_S = "00:11:22:33:44:55", "00:11:22:33:44:66", 20.0
UNPOWERED, WRONG_BOUND = "no adapter here is powered on", "no adapter that is powered on"
Call = Callable[[ExitStack], object]


def _open(stack: ExitStack, cls: type[Any]) -> Any:
    sock = stack.enter_context(cls())
    sock.settimeout(PATIENCE_S)
    return sock


def _live(call: Callable[[ExitStack, Any, Any, Any], object]) -> Call:
    """Call with the two emulated controllers, powered on, and their management."""

    def provoke(stack: ExitStack) -> None:
        first, second, management = stack.enter_context(emulated_pair())
        call(stack, first, second, management)

    return provoke


def _powered_off(cls: type[Any], address: Any) -> Call:
    def call(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
        for each in (first, second):
            management.set_powered(each.dev_id, False)
            stack.callback(management.set_powered, each.dev_id, True)
        _open(stack, cls).connect(address)

    return _live(call)


def _bound_to_another(cls: type[Any], local: Any, address: Any) -> Call:
    def call(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
        sock = _open(stack, cls)
        sock.bind(local)
        sock.connect(address)

    return _live(call)


def _bind(cls: type[Any], address: Callable[[str], Any]) -> Call:
    def call(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
        _open(stack, cls).bind(address(first.bdaddr))

    return _live(call)


def _low_psm(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    sock = _open(stack, L2capSocket)
    stack.enter_context(unprivileged())
    sock.bind((first.bdaddr, 0x0F))


def _user_channel(
    stack: ExitStack, first: Any, second: Any, management: Any
) -> tuple[HciSocket, int]:
    management.set_powered(second.dev_id, False)
    stack.callback(management.set_powered, second.dev_id, True)
    sock = _open(stack, HciSocket)
    sock.bind((second.dev_id, c.HCI_CHANNEL_USER))
    return sock, second.dev_id


def _in_use(stack: ExitStack, *pair: Any) -> None:
    _, index = _user_channel(stack, *pair)
    _open(stack, HciSocket).device_down(index)


def _send_to_what_is_off(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    sock = _open(stack, HciSocket)
    sock.bind(HciAddress(second.dev_id))
    management.set_powered(second.dev_id, False)
    stack.callback(management.set_powered, second.dev_id, True)
    sock.send_packet(HciCommand(c.HCI_OP_READ_BD_ADDR))


def _reset_what_is_off(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    management.set_powered(second.dev_id, False)
    stack.callback(management.set_powered, second.dev_id, True)
    _open(stack, HciSocket).device_reset(second.dev_id)


def _privileged_channel(channel: int, *, controller: bool) -> Call:
    def call(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
        sock = _open(stack, HciSocket)
        stack.enter_context(unprivileged())
        sock.bind((first.dev_id if controller else c.HCI_DEV_NONE, channel))

    return _live(call)


def _privileged_command(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    stack.enter_context(unprivileged())
    sock = _open(stack, HciSocket)
    sock.bind(HciAddress(first.dev_id))
    sock.send_packet(HciCommand(c.HCI_OP_RESET))


def _stop_nothing(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    management.stop_discovery(second.dev_id)


def _bredr_while_on(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    management.set_bredr(second.dev_id, False)


def _twice(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    stack.callback(management.stop_discovery, second.dev_id)
    for _ in range(2):
        management.start_discovery(second.dev_id)


def _no_feature(stack: ExitStack, first: Any, second: Any, management: Any) -> None:
    management.set_experimental_feature(ISO_SOCKET_FEATURE, False)
    _open(stack, IsoSocket)


def _bind_nothing(stack: ExitStack) -> None:
    _open(stack, HciSocket).bind(HciAddress(999))


def _ask_nothing(stack: ExitStack) -> None:
    _open(stack, HciSocket).device_info(999)


def _another_namespace(stack: ExitStack) -> None:
    stack.enter_context(new_network())
    _open(stack, HciSocket)


def _another_type(stack: ExitStack) -> None:
    stack.enter_context(famsock.socket(c.AF_BLUETOOTH, SOCK_DGRAM, c.BTPROTO_RFCOMM))


def _refused(number: int, operation: str, hints: _hints.Hints = _hints.HCI) -> Call:
    """Fail as a kernel with rfkill does; the emulated controllers have no such switch."""

    def provoke(stack: ExitStack) -> None:
        error = OSError(number, os.strerror(number))
        _hints.explain(error, hints, operation)
        raise error

    return provoke


def _status(status: int, command: int = c.MGMT_OP_SET_POWERED) -> Call:
    """Fail as a command that management answers with a status."""

    def provoke(stack: ExitStack) -> None:
        raise ManagementError(command, 0, status)

    return provoke


UNROUTED, NO_FAMILY = errno.EHOSTUNREACH, errno.EAFNOSUPPORT
CAUSES = (
    *(
        cause
        for cls, address, local in (
            (L2capSocket, (NOBODY, 1), (NOT_OURS, 0)),
            (RfcommSocket, (NOBODY, 1), (NOT_OURS, 0)),
            (ScoSocket, NOBODY, NOT_OURS),
        )
        for cause in (
            Cause(
                f"{cls.__name__}, all are off",
                _powered_off(cls, address),
                UNROUTED,
                UNPOWERED,
                (WRONG_BOUND,),
            ),
            Cause(
                f"{cls.__name__}, bound to another address",
                _bound_to_another(cls, local, address),
                UNROUTED,
                WRONG_BOUND,
                (UNPOWERED,),
            ),
        )
    ),
    Cause("an even psm", _bind(L2capSocket, lambda own: (own, 0x1002)), errno.EINVAL, "psm is odd"),
    Cause(
        "psm and cid",
        _bind(L2capSocket, lambda own: L2capAddress(own, 0x81, 4, c.BDADDR_LE_PUBLIC)),
        errno.EINVAL,
        "psm or cid, not both",
    ),
    Cause("a low psm", _live(_low_psm), errno.EACCES, "a psm below 0x1001"),
    Cause(
        "no channel",
        _bound_to_another(RfcommSocket, (NOT_OURS, 0), (NOBODY, 31)),
        errno.EINVAL,
        "an RFCOMM channel is 1-30",
    ),
    Cause(
        "no controller",
        lambda s: _open(s, HciSocket).bind(HciAddress(999)),
        errno.ENODEV,
        "no such",
    ),
    Cause(
        "no device", lambda s: _open(s, HciSocket).device_info(999), errno.ENODEV, "devices() lists"
    ),
    Cause(
        "a controller that is on",
        _bind(HciSocket, lambda _: (1, c.HCI_CHANNEL_USER)),
        errno.EBUSY,
        "a controller that is powered off",
    ),
    Cause("in use", _live(_in_use), errno.EBUSY, "has the controller to itself", ("powered off",)),
    Cause("send, off", _live(_send_to_what_is_off), errno.ENETDOWN, "the controller is down"),
    Cause("reset, off", _live(_reset_what_is_off), errno.ENETDOWN, "the controller is down"),
    Cause(
        "user channel",
        _privileged_channel(c.HCI_CHANNEL_USER, controller=True),
        errno.EPERM,
        "the user channel needs CAP_NET_ADMIN",
    ),
    Cause(
        "monitor channel",
        _privileged_channel(c.HCI_CHANNEL_MONITOR, controller=False),
        errno.EPERM,
        "the monitor and logging channels CAP_NET_RAW",
    ),
    Cause("a command", _live(_privileged_command), errno.EPERM, "this command needs CAP_NET_RAW"),
    Cause("stop no discovery", _live(_stop_nothing), errno.EIO, "no discovery is", ("settings",)),
    Cause("BR/EDR while on", _live(_bredr_while_on), errno.EIO, "the controller's settings"),
    Cause("a second discovery", _live(_twice), errno.EBUSY, "or a discovery, is under way"),
    Cause(
        "another namespace",
        _another_namespace,
        errno.EAFNOSUPPORT,
        "in the first network",
        ("modprobe",),
    ),
    Cause("another type", _another_type, errno.ESOCKTNOSUPPORT, "is opened with the type"),
)
ISO = (Cause("no feature", _live(_no_feature), errno.EPROTONOSUPPORT, "an experimental feature"),)
SIMULATED = (
    Cause("rfkill, bind", _refused(errno.ERFKILL, "bind"), errno.ERFKILL, "the radio is blocked"),
    Cause("rfkill, up", _refused(errno.ERFKILL, "ioctl"), errno.ERFKILL, "the radio is blocked"),
    Cause("rfkill", _status(c.MGMT_STATUS_RFKILLED), errno.ERFKILL, "the radio is blocked"),
    Cause("not permitted", _status(c.MGMT_STATUS_PERMISSION_DENIED), errno.EPERM, "changing a"),
    Cause("off", _status(c.MGMT_STATUS_NOT_POWERED), errno.ENETDOWN, "power it on first"),
    Cause("no index", _status(c.MGMT_STATUS_INVALID_INDEX), errno.ENODEV, "read_index_list()"),
    Cause(
        "a connection, not permitted",
        _refused(errno.EPERM, "ioctl", _hints.CONNECTIONS),
        errno.EPERM,
        "adding and deleting connections needs CAP_NET_ADMIN",
    ),
    Cause("failed", _status(c.MGMT_STATUS_FAILED), errno.EIO),
)
IN_LIVE_TESTS = (
    "the peer did not answer",
    "a broadcast's qos is made by",
    "this socket names no controller",
    "the controller lacks it",
    "it takes connected L2CAP sockets",
    "it has no addresses",
)
"""Hints that test_bluetooth_live.py and test_bluetooth_connections.py provoke."""


@pytest.mark.needs_family("AF_BLUETOOTH", protocol="l2cap")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_interface("hci1")
@pytest.mark.usefixtures("alarm", "descriptors")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


@pytest.mark.needs_family("AF_BLUETOOTH", protocol="l2cap")
@pytest.mark.needs_kernel("6.0")
@pytest.mark.needs_interface("hci1")
@pytest.mark.parametrize("cause", ISO, ids=lambda cause: cause.name)
def test_cause_of_iso(cause: Cause) -> None:
    check_cause(cause)


@pytest.mark.parametrize("cause", SIMULATED, ids=lambda cause: cause.name)
def test_cause_that_emulated_controllers_do_not_have(cause: Cause) -> None:
    check_cause(cause)


def test_a_kernel_without_bluetooth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = famsock.plugins.find(c.AF_BLUETOOTH, 3, c.BTPROTO_HCI)
    assert served is not None
    for there, says in ((tmp_path, "in the first network"), (tmp_path / "none", "modprobe")):
        monkeypatch.setattr(_hints, "_MODULE", str(there))
        assert says in (served.note("socket", errno.EAFNOSUPPORT) or "")


def test_every_hint_is_provoked() -> None:
    others = ("modprobe bluetooth", "then run btvirt", "lacks the module hci_vhci")
    assert (
        unprovoked("famsock_bluetooth", (*CAUSES, *ISO, *SIMULATED, *IN_LIVE_TESTS, *others)) == []
    )
