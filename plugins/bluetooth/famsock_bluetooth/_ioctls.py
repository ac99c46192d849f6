"""Requests of ioctl(2) on an HCI socket: controllers, links, inquiry.

Sources: net/bluetooth/hci_sock.h, hci.h, and hci_sock_ioctl in net/bluetooth/hci_sock.c.
"""

from __future__ import annotations

import struct
from fcntl import ioctl

from famsock.plugin import Struct, codecs, cstruct
from famsock_bluetooth import _hints
from famsock_bluetooth import constants as c
from famsock_bluetooth._fields import BDADDR, check_int

_HCI_SOCK_H = "net/bluetooth/hci_sock.h"
_DEVICE_REQUEST = struct.Struct("=HxxI")
_LIST_HEAD = struct.Struct("=HH")
_INQUIRY = struct.Struct("=HH3sBBx")

MAX_DEVICES = 1024
MAX_CONNECTIONS = 512
"""The most entries that Linux lists: they fit into two pages of 4096 bytes."""

MAX_RESPONSES = 255
_INQUIRY_LONGEST = 0x30
GENERAL_INQUIRY = 0x9E8B33
"""The access code (LAP) of a general inquiry."""


@cstruct.struct("struct hci_dev_stats", header=_HCI_SOCK_H)
class HciDevStats(Struct):
    """A controller's counters: packets by kind, and bytes."""

    err_rx: int = cstruct.u32("err_rx")
    err_tx: int = cstruct.u32("err_tx")
    cmd_tx: int = cstruct.u32("cmd_tx")
    evt_rx: int = cstruct.u32("evt_rx")
    acl_tx: int = cstruct.u32("acl_tx")
    acl_rx: int = cstruct.u32("acl_rx")
    sco_tx: int = cstruct.u32("sco_tx")
    sco_rx: int = cstruct.u32("sco_rx")
    byte_rx: int = cstruct.u32("byte_rx")
    byte_tx: int = cstruct.u32("byte_tx")


@cstruct.struct("struct hci_dev_info", header=_HCI_SOCK_H)
class HciDevInfo(Struct):
    """A controller as HCIGETDEVINFO describes it.

    ``flags`` has bit HCI_UP and so on; ``type`` holds the bus (HCI_USB …) in its low four bits.
    MTUs are in bytes, with the number of packets that the controller buffers.
    """

    dev_id: int = cstruct.u16("dev_id")
    name: str = cstruct.char("name", 8)
    bdaddr: str = cstruct.field(BDADDR, "bdaddr")
    flags: int = cstruct.u32("flags")
    type: int = cstruct.u8("type")
    features: bytes = cstruct.raw("features", 8)
    pkt_type: int = cstruct.u32("pkt_type")
    link_policy: int = cstruct.u32("link_policy")
    link_mode: int = cstruct.u32("link_mode")
    acl_mtu: int = cstruct.u16("acl_mtu")
    acl_pkts: int = cstruct.u16("acl_pkts")
    sco_mtu: int = cstruct.u16("sco_mtu")
    sco_pkts: int = cstruct.u16("sco_pkts")
    stat: HciDevStats = cstruct.field(cstruct.nested(HciDevStats), "stat")

    @property
    def up(self) -> bool:
        """True if the controller is powered on."""
        return bool(self.flags >> c.HCI_UP & 1)

    @property
    def bus(self) -> int:
        """The bus of the controller: HCI_VIRTUAL, HCI_USB, HCI_UART …"""
        return self.type & 0xF


@cstruct.struct("struct hci_conn_info", header=_HCI_SOCK_H)
class HciConnInfo(Struct):
    """A link: its handle, peer, ``type`` (ACL_LINK …), whether it goes ``out``, state, mode."""

    handle: int = cstruct.u16("handle")
    bdaddr: str = cstruct.field(BDADDR, "bdaddr")
    type: int = cstruct.u8("type")
    out: int = cstruct.u8("out")
    state: int = cstruct.u16("state")
    link_mode: int = cstruct.u32("link_mode")


@cstruct.struct("struct inquiry_info", header="net/bluetooth/hci.h")
class InquiryInfo(Struct):
    """A device that answered an inquiry: packed, 14 bytes."""

    bdaddr: str = cstruct.field(BDADDR, "bdaddr")
    pscan_rep_mode: int = cstruct.u8("pscan_rep_mode")
    pscan_period_mode: int = cstruct.u8("pscan_period_mode")
    pscan_mode: int = cstruct.u8("pscan_mode")
    dev_class: bytes = cstruct.raw("dev_class", 3)
    clock_offset: int = cstruct.le16("clock_offset")


def devices(descriptor: int) -> tuple[int, ...]:
    """Return the indices of all controllers (HCIGETDEVLIST), powered on or not, ascending."""
    size = _DEVICE_REQUEST.size
    buffer = bytearray(_LIST_HEAD.size + MAX_DEVICES * size)
    _LIST_HEAD.pack_into(buffer, 0, MAX_DEVICES, 0)
    _ioctl(descriptor, c.HCIGETDEVLIST, buffer)
    count = _LIST_HEAD.unpack_from(buffer)[0]
    starts = range(_LIST_HEAD.size, _LIST_HEAD.size + count * size, size)
    return tuple(sorted(_DEVICE_REQUEST.unpack_from(buffer, start)[0] for start in starts))


def device_info(descriptor: int, dev: int) -> HciDevInfo:
    """Return a controller (HCIGETDEVINFO); OSError ENODEV if there is none of that index."""
    buffer = bytearray(HciDevInfo.layout.size)
    struct.pack_into("=H", buffer, 0, check_int("dev", dev, 0xFFFF))
    _ioctl(descriptor, c.HCIGETDEVINFO, buffer)
    return HciDevInfo.unpack(buffer)


def connections(descriptor: int, dev: int) -> tuple[HciConnInfo, ...]:
    """Return a controller's links (HCIGETCONNLIST)."""
    size = HciConnInfo.layout.size
    buffer = bytearray(_LIST_HEAD.size + MAX_CONNECTIONS * size)
    _LIST_HEAD.pack_into(buffer, 0, check_int("dev", dev, 0xFFFF), MAX_CONNECTIONS)
    _ioctl(descriptor, c.HCIGETCONNLIST, buffer)
    count = _LIST_HEAD.unpack_from(buffer)[1]
    view = memoryview(buffer)[_LIST_HEAD.size :]
    return tuple(HciConnInfo.unpack(view[at * size :]) for at in range(count))


def device_request(descriptor: int, request: int, dev: int, value: int) -> None:
    """Make a request that takes a controller and a number (HCISETSCAN, HCISETSCOMTU …)."""
    argument = _DEVICE_REQUEST.pack(
        check_int("dev", dev, 0xFFFF), check_int("value", value, 0xFFFFFFFF)
    )
    _ioctl(descriptor, request, argument)


def control_device(descriptor: int, request: int, dev: int) -> None:
    """Make a request that takes only a controller (HCIDEVUP, HCIDEVDOWN, HCIDEVRESET …)."""
    _ioctl(descriptor, request, check_int("dev", dev, 0xFFFF))


def inquiry(
    descriptor: int, dev: int, length: int, max_responses: int, lap: int, flush: bool
) -> tuple[InquiryInfo, ...]:
    """Return devices in range (HCIINQUIRY); the call takes ``length`` times 1.28 seconds."""
    size = InquiryInfo.layout.size
    at_most = check_int("max_responses", max_responses, MAX_RESPONSES) or MAX_RESPONSES
    buffer = bytearray(_INQUIRY.size + at_most * size)
    _INQUIRY.pack_into(
        buffer,
        0,
        check_int("dev", dev, 0xFFFF),
        c.IREQ_CACHE_FLUSH if flush else 0,
        check_int("lap", lap, 0xFFFFFF).to_bytes(3, "little"),
        _inquiry_length(length),
        max_responses,
    )
    _ioctl(descriptor, c.HCIINQUIRY, buffer)
    count = _INQUIRY.unpack_from(buffer)[4]
    view = memoryview(buffer)[_INQUIRY.size :]
    return tuple(InquiryInfo.unpack(view[at * size :]) for at in range(count))


def _inquiry_length(length: int) -> int:
    """Check that the length is 1-48; the kernel takes 0 and then waits for ever."""
    return codecs.check_int("AF_BLUETOOTH inquiry length", length, _INQUIRY_LONGEST, 1)


def _ioctl(descriptor: int, request: int, argument: int | bytes | bytearray) -> None:
    """Call ioctl(2), which changes a bytearray in place; add notes to a failure."""
    try:
        ioctl(descriptor, request, argument)
    except OSError as error:
        _hints.explain(error, _hints.HCI, "ioctl")
        raise
