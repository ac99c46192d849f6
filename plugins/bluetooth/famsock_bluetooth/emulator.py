"""Two emulated controllers that carry voice, joined by a link, for tests without a radio.

They are BR/EDR controllers on /dev/vhci (the kernel's hci_vhci), like those of ``btvirt`` of BlueZ.
But btvirt reports a SCO connection to only one end, and so carries none. A thread answers the
kernel's commands and moves ACL and SCO data from one controller to the other. It supports what
Linux asks of a controller with few features: no LE, no secure pairing. Sources: Core Specification
vol 4 part E; drivers/bluetooth/hci_vhci.c.
"""

from __future__ import annotations

import itertools
import os
import secrets
import selectors
import struct
import threading
from typing import Self

from famsock_bluetooth import constants as c
from famsock_bluetooth import packets
from famsock_bluetooth._fields import bdaddr_from_bytes
from famsock_bluetooth.packets import HciCommand, HciData, HciEvent

__all__ = [
    "Controller",
    "VoicePair",
]

_DEVICE = "/dev/vhci"
_CREATE_PRIMARY = bytes((c.HCI_VENDOR_PKT, 0))

_FEATURES = bytes((0x07, 0x28, 0, 0x80, 0x03, 0, 0, 0))
"""3 and 5 slots, encryption; SCO, HV3; eSCO with EV3, EV4, EV5 packets."""

_COMMANDS = bytes(9) + b"\x04" + bytes(54)
"""Read Voice Setting, without which Linux makes no SCO links. The others it uses unasked."""

_VERSION = struct.pack("<BHBHH", 3, 0, 3, 0xFFFF, 0)
_BUFFERS = struct.pack("<HBHH", 1021, 64, 8, 8)
_ANSWERS = {
    c.HCI_OP_READ_LOCAL_VERSION: _VERSION,
    c.HCI_OP_READ_LOCAL_COMMANDS: _COMMANDS,
    c.HCI_OP_READ_LOCAL_FEATURES: _FEATURES,
    c.HCI_OP_READ_BUFFER_SIZE: _BUFFERS,
    c.HCI_OP_READ_CLASS_OF_DEV: bytes(3),
    c.HCI_OP_READ_LOCAL_NAME: bytes(c.HCI_MAX_NAME_LENGTH),
    c.HCI_OP_READ_VOICE_SETTING: c.BT_VOICE_CVSD_16BIT.to_bytes(2, "little"),
    c.HCI_OP_READ_NUM_SUPPORTED_IAC: b"\1",
    c.HCI_OP_READ_CURRENT_IAC_LAP: b"\1\x33\x8b\x9e",
}
"""Parameters after the status, in replies to commands that ask for something."""

_REQUESTS = {c.HCI_OP_CREATE_CONN: c.ACL_LINK, c.HCI_OP_SETUP_SYNC_CONN: c.ESCO_LINK}
"""Commands that ask the peer for a link of this type. There is but one peer."""

_REFUSALS = {
    c.HCI_OP_REJECT_CONN_REQ: c.ACL_LINK,
    c.HCI_OP_REJECT_SYNC_CONN_REQ: c.ESCO_LINK,
}
_REPLIES = {
    c.HCI_OP_ACCEPT_CONN_REQ: c.ACL_LINK,
    c.HCI_OP_ACCEPT_SYNC_CONN_REQ: c.ESCO_LINK,
    **_REFUSALS,
}
"""Commands by which the peer accepts or refuses a link of this type."""

_VOICE_TIMING = struct.pack("<BBHHB", 12, 2, 60, 60, 2)
"""Interval and retransmission window in slots, packet lengths in bytes, CVSD."""


class Controller:
    """An emulated controller: an open /dev/vhci, whose close removes it.

    ``index`` is its number (2 for hci2), ``bdaddr`` its address.
    """

    def __init__(self, address: bytes) -> None:
        try:
            self.descriptor = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            error.add_note(
                "One possible cause: the kernel lacks the module hci_vhci, or this process the "
                "right to open it: run as root"
            )
            raise
        try:
            os.write(self.descriptor, _CREATE_PRIMARY)
            self.early: list[bytes] = []
            while (packet := self.read())[0] != c.HCI_VENDOR_PKT:
                self.early.append(packet)
            self.index: int = struct.unpack("<BBH", packet)[2]
        except BaseException:
            os.close(self.descriptor)
            raise
        self.address = address
        self.bdaddr = bdaddr_from_bytes(address)

    def read(self) -> bytes:
        """Return the kernel's next packet."""
        return os.read(self.descriptor, c.HCI_MAX_FRAME_SIZE)

    def event(self, code: int, parameters: bytes) -> None:
        """Send an event to the kernel."""
        os.write(self.descriptor, HciEvent(code, parameters).pack())

    def complete(self, opcode: int, parameters: bytes = b"") -> None:
        """Answer a command with success and its return parameters."""
        self.event(c.HCI_EV_CMD_COMPLETE, struct.pack("<BHB", 1, opcode, 0) + parameters)

    def pending(self, opcode: int) -> None:
        """Answer a command whose result comes as an event."""
        self.event(c.HCI_EV_CMD_STATUS, struct.pack("<BBH", 0, 1, opcode))


class VoicePair:
    """Two controllers with a link between them, alive inside a ``with`` block.

    ``first`` and ``second`` exist at once. The kernel takes a moment to set them up before the
    management interface lists them. OSError if /dev/vhci cannot be opened.
    """

    def __init__(self) -> None:
        self.first = Controller(secrets.token_bytes(5) + b"\x02")
        try:
            self.second = Controller(secrets.token_bytes(5) + b"\x02")
        except BaseException:
            os.close(self.first.descriptor)
            raise
        self._handles = itertools.count(1)
        self._stop, self._stopped = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._serve, name="emulated controllers")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopped)
        self._thread.join()
        for descriptor in (self._stop, self.first.descriptor, self.second.descriptor):
            os.close(descriptor)

    def _serve(self) -> None:
        pairs = ((self.first, self.second), (self.second, self.first))
        with selectors.DefaultSelector() as selector:
            selector.register(self._stop, selectors.EVENT_READ)
            for pair in pairs:
                selector.register(pair[0].descriptor, selectors.EVENT_READ, pair)
                for packet in pair[0].early:
                    self._handle(*pair, packet)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    near, far = key.data
                    self._handle(near, far, near.read())

    def _handle(self, near: Controller, far: Controller, data: bytes) -> None:
        packet = packets.unpack(data)
        if isinstance(packet, HciCommand):
            self._command(near, far, packet.opcode, packet.parameters)
        elif isinstance(packet, HciData):
            self._data(near, far, packet)

    def _data(self, near: Controller, far: Controller, packet: HciData) -> None:
        os.write(far.descriptor, packet.pack())
        near.event(c.HCI_EV_NUM_COMP_PKTS, struct.pack("<BHH", 1, packet.handle, 1))

    def _command(self, near: Controller, far: Controller, opcode: int, parameters: bytes) -> None:
        if opcode == c.HCI_OP_READ_BD_ADDR:
            near.complete(opcode, near.address)
        elif opcode in _REQUESTS:
            near.pending(opcode)
            far.event(c.HCI_EV_CONN_REQUEST, near.address + bytes(3) + bytes((_REQUESTS[opcode],)))
        elif opcode in _REPLIES:
            near.pending(opcode)
            status = parameters[6] if opcode in _REFUSALS else 0
            self._connected(near, far, _REPLIES[opcode], status)
        elif opcode == c.HCI_OP_DISCONNECT:
            near.pending(opcode)
            _disconnected(near, parameters[:2], c.HCI_ERROR_LOCAL_HOST_TERM)
            _disconnected(far, parameters[:2], c.HCI_ERROR_REMOTE_USER_TERM)
        elif opcode == c.HCI_OP_READ_REMOTE_FEATURES:
            near.pending(opcode)
            near.event(c.HCI_EV_REMOTE_FEATURES, b"\0" + parameters[:2] + _FEATURES)
        elif opcode == c.HCI_OP_REMOTE_NAME_REQ:
            near.pending(opcode)
            name = bytes(c.HCI_MAX_NAME_LENGTH)
            near.event(c.HCI_EV_REMOTE_NAME, b"\0" + parameters[:6] + name)
        else:
            near.complete(opcode, _ANSWERS.get(opcode, b""))

    def _connected(self, near: Controller, far: Controller, link: int, status: int) -> None:
        """Report a new link, or its refusal, to both ends."""
        handle = next(self._handles)
        for one, other in ((near, far), (far, near)):
            head = struct.pack("<BH6sB", status, handle, other.address, link)
            if link == c.ACL_LINK:
                one.event(c.HCI_EV_CONN_COMPLETE, head + b"\0")
            else:
                one.event(c.HCI_EV_SYNC_CONN_COMPLETE, head + _VOICE_TIMING)


def _disconnected(controller: Controller, handle: bytes, reason: int) -> None:
    controller.event(c.HCI_EV_DISCONN_COMPLETE, b"\0" + handle + bytes((reason,)))
