"""A verified round trip for each protocol, between two emulated controllers of this machine.

They come from the kernel's hci_vhci and an emulator that drives it (``btvirt -l2``). Controllers
with a radio are not touched. Settings that a self-test needs are switched on and stay on. Only the
advertising of the LE self-tests is switched off again.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from famsock.plugin import Address, selftest, socket
from famsock_bluetooth import constants as c
from famsock_bluetooth._ioctls import HciDevInfo
from famsock_bluetooth.addresses import (
    HciAddress,
    IsoAddress,
    L2capAddress,
    RfcommAddress,
    ScoAddress,
)
from famsock_bluetooth.emulator import VoicePair
from famsock_bluetooth.hci import HciSocket
from famsock_bluetooth.mgmt import ISO_SOCKET_FEATURE, Management, Setting
from famsock_bluetooth.packets import CommandComplete
from famsock_bluetooth.sockets import IsoSocket, L2capSocket, RfcommSocket, ScoSocket
from famsock_bluetooth.structs import BtIsoIoQos, BtIsoQos

__all__ = [
    "hci",
    "iso",
    "l2cap",
    "l2cap_le",
    "rfcomm",
    "sco",
]

_S = TypeVar("_S", bound=socket[Any, Any])
_PATIENCE_S = 10.0
_BREDR_PSM = 0x1011
_LE_PSM = 0x91
_CHANNEL = 11
_SDU_BYTES = 40
_SCO_BYTES = 48
_INSTANCE = 1
VOICED = Setting.CONNECTABLE | Setting.BONDABLE | Setting.POWERED
_LINKED = VOICED | Setting.BREDR | Setting.LE


@contextmanager
def emulated_pair() -> Iterator[tuple[HciDevInfo, HciDevInfo, Management]]:
    """Yield the first two emulated controllers, powered on and connectable, and management.

    OSError ENODEV if there are not two.
    """
    with ExitStack() as stack:
        management = stack.enter_context(Management.open(_PATIENCE_S))
        raw = stack.enter_context(HciSocket())
        known = (raw.device_info(index) for index in management.read_index_list())
        found = [info for info in known if info.bus == c.HCI_VIRTUAL][:2]
        if len(found) < 2:
            error = OSError(errno.ENODEV, f"{os.strerror(errno.ENODEV)}: two emulated controllers")
            error.add_note("modprobe hci_vhci, then run btvirt -l2 (package bluez-test-tools)")
            raise error
        for info in found:
            management.switch_on(info.dev_id, _LINKED)
        yield found[0], found[1], management


@contextmanager
def _connected(
    cls: type[_S], server: Address, client: Address, prepare: Callable[[_S], None] | None = None
) -> Iterator[tuple[socket, socket]]:
    """Yield a connection from ``client`` to ``server``: both of its sockets."""
    with cls() as listener, cls() as near:
        for sock, address in ((listener, server), (near, client)):
            sock.settimeout(selftest.TIMEOUT_S)
            sock.bind(address)
            if prepare is not None:
                prepare(sock)
        listener.listen(1)
        near.connect(server)
        with selftest.accepted(listener) as far:
            yield near, far


@contextmanager
def l2cap() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of a message by L2CAP over BR/EDR."""
    with emulated_pair() as (first, second, _):
        server = L2capAddress(first.bdaddr, _BREDR_PSM)
        client = L2capAddress(second.bdaddr, 0)
        with _connected(L2capSocket, server, client) as ends:
            yield selftest.echo(*ends, b"famsock over l2cap")


@contextmanager
def advertising_pair() -> Iterator[tuple[HciDevInfo, HciDevInfo, Management]]:
    """Yield the pair; only the first one advertises: LE's two roles.

    It advertises by an instance. With Setting.ADVERTISING, Linux 6.12 does not notice that a
    connection ends advertising, and btvirt then refuses to start it again.
    """
    with emulated_pair() as (first, second, management):
        for info in (first, second):
            management.switch_off(info.dev_id, Setting.ADVERTISING)
        management.add_advertising(first.dev_id, _INSTANCE)
        try:
            yield first, second, management
        finally:
            management.remove_advertising(first.dev_id, _INSTANCE)


@contextmanager
def l2cap_le() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip over an LE credit-based L2CAP channel between two controllers."""
    with advertising_pair() as (first, second, _):
        server = L2capAddress(first.bdaddr, _LE_PSM, 0, c.BDADDR_LE_PUBLIC)
        client = L2capAddress(second.bdaddr, 0, 0, c.BDADDR_LE_PUBLIC)
        with _connected(L2capSocket, server, client) as ends:
            yield selftest.echo(*ends, b"famsock over l2cap le")


@contextmanager
def rfcomm() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of a few bytes by RFCOMM."""
    with emulated_pair() as (first, second, _):
        server = RfcommAddress(first.bdaddr, _CHANNEL)
        client = RfcommAddress(second.bdaddr, 0)
        with _connected(RfcommSocket, server, client) as ends:
            yield selftest.echo(*ends, b"famsock over rfcomm")


@contextmanager
def sco() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of a voice packet by SCO.

    Between two controllers of `famsock_bluetooth.emulator`, which are there as long as this lasts:
    btvirt carries no SCO.
    """
    with VoicePair() as pair, Management.open(_PATIENCE_S) as management:
        for controller in (pair.first, pair.second):
            await_controller(management, controller.index)
            management.switch_on(controller.index, VOICED)
        server, client = ScoAddress(pair.first.bdaddr), ScoAddress(pair.second.bdaddr)
        with _connected(ScoSocket, server, client) as ends:
            yield selftest.echo(*ends, bytes(range(_SCO_BYTES)))


def await_controller(management: Management, index: int) -> None:
    """Wait until the kernel has set up a controller that is new."""
    deadline = time.monotonic() + _PATIENCE_S
    while index not in management.read_index_list():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the kernel does not set up hci{index} within {_PATIENCE_S} s")
        time.sleep(0.01)


@contextmanager
def iso() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of an SDU over a connected isochronous stream (ISO)."""
    with advertising_pair() as (first, second, management):
        management.set_experimental_feature(ISO_SOCKET_FEATURE, True)
        direction = BtIsoIoQos(sdu=_SDU_BYTES)
        qos = BtIsoQos(input=direction, output=direction)

        def prepare(sock: IsoSocket) -> None:
            sock.set_qos(qos)

        server, client = IsoAddress(first.bdaddr), IsoAddress(second.bdaddr)
        with _connected(IsoSocket, server, client, prepare) as ends:
            yield selftest.echo(*ends, bytes(range(_SDU_BYTES)))


@contextmanager
def hci() -> Iterator[selftest.RoundTrip]:
    """Yield a check of an HCI command that an emulated controller answers."""
    with emulated_pair() as (first, _, _), HciSocket() as sock:
        sock.bind(HciAddress(first.dev_id))
        expected = bytes.fromhex(first.bdaddr.replace(":", ""))[::-1]

        def run() -> None:
            answer = sock.send_command(c.HCI_OP_READ_BD_ADDR, timeout_s=_PATIENCE_S)
            if not isinstance(answer, CommandComplete) or answer.status:
                raise RuntimeError(f"the controller answered {answer}")
            selftest.expect(answer.parameters, expected)

        yield run
