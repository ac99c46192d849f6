"""The structs that the options of AF_BLUETOOTH take and give, and the codecs of what is no struct.

Sources: net/bluetooth/{bluetooth,l2cap,rfcomm,sco,hci_sock}.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from sys import byteorder
from typing import Any

import attrs

from famsock.plugin import Codec, Struct, values, wire
from famsock_bluetooth import constants as c
from famsock_bluetooth.fields import check_int

_BLUETOOTH_H = "net/bluetooth/bluetooth.h"


@wire.struct("struct bt_security", header=_BLUETOOTH_H)
class BtSecurity(Struct):
    """BT_SECURITY: ``level`` is one of BT_SECURITY_*, ``key_size`` 7-16 bytes or 0 for any."""

    level: int = wire.u8("level")
    key_size: int = wire.u8("key_size", default=0)


@wire.struct("struct bt_power", header=_BLUETOOTH_H)
class BtPower(Struct):
    """BT_POWER: ``force_active`` 1 wakes a link from sniff mode to send, 0 leaves it asleep."""

    force_active: int = wire.u8("force_active")


@wire.struct("struct bt_voice", header=_BLUETOOTH_H)
class BtVoice(Struct):
    """BT_VOICE: ``setting`` is one of BT_VOICE_* (Core Specification vol 4 part E 6.12)."""

    setting: int = wire.u16("setting")


@wire.struct("struct bt_iso_io_qos", header=_BLUETOOTH_H)
class BtIsoIoQos(Struct):
    """One direction of an isochronous stream.

    ``interval`` is the SDU interval in microseconds (255-1048575), ``latency`` the transport
    latency in milliseconds (5-4000), ``sdu`` the greatest SDU in bytes (0 for no data this way),
    ``phy`` of BT_ISO_PHY_*, ``rtn`` how often a packet is repeated (0-15).
    """

    interval: int = wire.u32("interval", default=10_000)
    latency: int = wire.u16("latency", default=10)
    sdu: int = wire.u16("sdu", default=0)
    phy: int = wire.u8("phy", default=c.BT_ISO_PHY_2M)
    rtn: int = wire.u8("rtn", default=2)


_IO_QOS: Any = wire.nested(BtIsoIoQos)


@wire.struct("struct bt_iso_qos", header=_BLUETOOTH_H, size=60)
class BtIsoQos(Struct):
    """BT_ISO_QOS: how an isochronous stream is scheduled; a union of unicast's and broadcast's.

    ``group`` is the CIG (broadcast: the BIG), ``stream`` the CIS (BIS), 0xFF for the kernel's
    choice; ``sca`` the clock accuracy (broadcast: sync_factor). ``packing`` 0 is sequential, 1
    interleaved; ``framing`` 0 unframed, 1 framed. ``input`` and ``output`` are the two directions.
    The rest is broadcast's: encryption with the 16 bytes of ``bcode``, and how a receiver
    synchronises (``sync_timeout`` and ``timeout`` in units of 10 ms). Layout of Linux 6.2 and
    later, 60 bytes; earlier ones know the first 32 bytes, which mean the same for unicast.
    """

    group: int = wire.u8("ucast.cig", default=c.BT_ISO_QOS_CIG_UNSET)
    stream: int = wire.u8("ucast.cis", default=c.BT_ISO_QOS_CIS_UNSET)
    sca: int = wire.u8("ucast.sca", default=0)
    packing: int = wire.u8("ucast.packing", default=0)
    framing: int = wire.u8("ucast.framing", default=0)
    input: BtIsoIoQos = wire.field(_IO_QOS, "ucast.in", offset=8, default=BtIsoIoQos())
    output: BtIsoIoQos = wire.field(_IO_QOS, "ucast.out", offset=20, default=BtIsoIoQos())
    encryption: int = wire.u8("bcast.encryption", offset=32, default=0)
    bcode: bytes = wire.raw("bcast.bcode", 16, default=bytes(16))
    options: int = wire.u8("bcast.options", default=0)
    skip: int = wire.u16("bcast.skip", default=0)
    sync_timeout: int = wire.u16("bcast.sync_timeout", default=0)
    sync_cte_type: int = wire.u8("bcast.sync_cte_type", default=0)
    mse: int = wire.u8("bcast.mse", default=0)
    timeout: int = wire.u16("bcast.timeout", default=0)


UNICAST_QOS_BYTES = 32


def _decode_qos(data: bytes) -> BtIsoQos:
    if len(data) < UNICAST_QOS_BYTES:
        raise ValueError(f"BT_ISO_QOS needs {UNICAST_QOS_BYTES} bytes, not {len(data)}")
    return BtIsoQos.unpack(data.ljust(BtIsoQos.layout.size, b"\0"))


ISO_QOS: Codec[BtIsoQos] = attrs.evolve(values.struct(BtIsoQos), decode=_decode_qos)


@attrs.frozen
class BtCodec:
    """One codec of a SCO link that the controller runs: ``struct bt_codec`` and its capabilities.

    ``id`` is of BT_CODEC_* (0-255; 0xFF: ``cid`` and ``vid``, company and vendor id, 0-65535, name
    it), ``data_path`` 0 is HCI (0-255), ``capabilities`` are up to 255 of up to 255 bytes.
    """

    id: int
    cid: int = 0
    vid: int = 0
    data_path: int = 0
    capabilities: tuple[bytes, ...] = ()


_CODEC = struct.Struct("=BHHBB")


def _encode_codecs(codecs: Iterable[BtCodec]) -> bytes:
    listed = tuple(codecs)
    parts = [bytes((check_int("number of codecs", len(listed), 0xFF),))]
    for codec in listed:
        parts.append(
            _CODEC.pack(
                check_int("id", codec.id, 0xFF),
                check_int("cid", codec.cid, 0xFFFF),
                check_int("vid", codec.vid, 0xFFFF),
                check_int("data_path", codec.data_path, 0xFF),
                check_int("number of capabilities", len(codec.capabilities), 0xFF),
            )
        )
        for data in codec.capabilities:
            parts.append(bytes((check_int("capability length", len(data), 0xFF),)) + data)
    return b"".join(parts)


def _decode_codecs(data: bytes) -> tuple[BtCodec, ...]:
    position = 1
    found = []

    def take(count: int) -> bytes:
        nonlocal position
        piece = data[position : position + count]
        if len(piece) < count:
            raise ValueError(f"BT_CODEC needs {position + count} bytes, not {len(data)}")
        position += count
        return piece

    for _ in range(data[0] if data else 0):
        number, cid, vid, path, capabilities = _CODEC.unpack(take(_CODEC.size))
        listed = tuple(take(take(1)[0]) for _ in range(capabilities))
        found.append(BtCodec(number, cid, vid, path, listed))
    return tuple(found)


CODECS: Codec[tuple[BtCodec, ...]] = Codec(
    c="struct bt_codecs", size_bytes=255, encode=_encode_codecs, decode=_decode_codecs
)
"""BT_CODEC: get gives all that the controller has, set takes exactly one."""


@wire.struct("struct l2cap_options", header="net/bluetooth/l2cap.h")
class L2capOptions(Struct):
    """L2CAP_OPTIONS: ``omtu`` and ``imtu`` in bytes (48-65535), ``flush_to`` in ms (0xFFFF: never),
    ``mode`` of L2CAP_MODE_*, ``fcs`` 0 or 1, ``max_tx`` transmissions (0: no limit), ``txwin_size``
    the window in frames (1-16383)."""

    omtu: int = wire.u16("omtu")
    imtu: int = wire.u16("imtu")
    flush_to: int = wire.u16("flush_to")
    mode: int = wire.u8("mode")
    fcs: int = wire.u8("fcs")
    max_tx: int = wire.u8("max_tx")
    txwin_size: int = wire.u16("txwin_size")


@wire.struct("struct l2cap_conninfo", header="net/bluetooth/l2cap.h")
class L2capConninfo(Struct):
    """L2CAP_CONNINFO: the link's HCI connection handle, and the peer's class of device."""

    hci_handle: int = wire.u16("hci_handle")
    dev_class: bytes = wire.raw("dev_class", 3)


@wire.struct("struct rfcomm_conninfo", header="net/bluetooth/rfcomm.h")
class RfcommConninfo(Struct):
    """RFCOMM_CONNINFO: as L2CAP_CONNINFO, of the link beneath."""

    hci_handle: int = wire.u16("hci_handle")
    dev_class: bytes = wire.raw("dev_class", 3)


@wire.struct("struct sco_options", header="net/bluetooth/sco.h")
class ScoOptions(Struct):
    """SCO_OPTIONS: the greatest packet in bytes."""

    mtu: int = wire.u16("mtu")


@wire.struct("struct sco_conninfo", header="net/bluetooth/sco.h")
class ScoConninfo(Struct):
    """SCO_CONNINFO: the HCI connection handle, and the peer's class of device."""

    hci_handle: int = wire.u16("hci_handle")
    dev_class: bytes = wire.raw("dev_class", 3)


_WORDS = struct.Struct("=2I")
EVENT_MASK = wire.integer(
    "__u32",
    "8s",
    0,
    0xFFFF_FFFF_FFFF_FFFF,
    encode=lambda mask, _lookup: _WORDS.pack(mask & 0xFFFFFFFF, mask >> 32),
    decode=lambda raw, _lookup: (
        int.from_bytes(raw[:4], byteorder) | int.from_bytes(raw[4:], byteorder) << 32
    ),
)
"""``__u32[2]`` as one integer: bit n stands for event code n."""


@wire.struct("struct hci_ufilter", header="net/bluetooth/hci_sock.h", size=16)
class HciFilter(Struct):
    """HCI_FILTER: which packets a raw HCI socket receives.

    ``type_mask`` has bit n set for packet type n (0-31), ``event_mask`` bit n for event code n
    (0-63), ``opcode`` keeps of the events that answer a command those of this one (0: all).
    Layout: u32, u32[2], le16, two bytes of padding.
    """

    type_mask: int = wire.u32("type_mask", default=0)
    event_mask: int = wire.field(EVENT_MASK, "event_mask", default=0)
    opcode: int = wire.le16("opcode", default=0)

    @classmethod
    def of(cls, types: Iterable[int], events: Iterable[int] = (), opcode: int = 0) -> HciFilter:
        """A filter from packet types (0-31 or 255, which counts as 0) and event codes (0-63)."""
        type_bits = (
            0 if kind == c.HCI_VENDOR_PKT else _bit("packet type", kind, 31) for kind in types
        )
        event_bits = (_bit("event code", code, 63) for code in events)
        return cls(_mask(type_bits), _mask(event_bits), opcode)


def _bit(name: str, number: int, highest: int) -> int:
    return check_int(f"HciFilter {name}", number, highest)


def _mask(bits: Iterable[int]) -> int:
    mask = 0
    for bit in bits:
        mask |= 1 << bit
    return mask
