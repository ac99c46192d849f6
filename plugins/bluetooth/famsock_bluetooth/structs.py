"""Structs of the options of AF_BLUETOOTH, and codecs of other values.

Sources: net/bluetooth/{bluetooth,l2cap,rfcomm,sco,hci_sock}.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from sys import byteorder
from typing import Any, Self

import attrs

from famsock.plugin import Codec, Struct, codecs, cstruct
from famsock_bluetooth import constants as c
from famsock_bluetooth._fields import check_int

__all__ = [
    "BtCodec",
    "BtIsoIoQos",
    "BtIsoQos",
    "BtPower",
    "BtSecurity",
    "BtVoice",
    "HciFilter",
    "L2capConninfo",
    "L2capOptions",
    "RfcommConninfo",
    "ScoConninfo",
    "ScoOptions",
]

_BLUETOOTH_H = "net/bluetooth/bluetooth.h"


def _up_to(high: int) -> cstruct.CType:
    """Return the type of a byte for which only some values are valid."""
    return cstruct.integer("__u8", "B", 0, high)


def _zero_or(base: cstruct.CType, low: int, high: int) -> cstruct.CType:
    """Return an integer ``low``-``high``, or 0 for the kernel's choice."""
    whole = cstruct.integer(base.c, base.code, 0, high)

    def check(value: object) -> int:
        if 0 < (number := int(whole.check(value))) < low:
            raise OverflowError(f"must be 0 or {low}-{high}, not {number}")
        return number

    return attrs.evolve(whole, check=check)


def _check_handle(value: object) -> int:
    number = int(cstruct.U8.check(value))
    if _HANDLE_MAX < number < c.BT_ISO_QOS_CIG_UNSET:
        raise OverflowError(
            f"must be 0-{_HANDLE_MAX}, or 255 for the kernel's choice, not {number}"
        )
    return number


_HANDLE_MAX = 0xEF
_HANDLE = attrs.evolve(cstruct.U8, check=_check_handle)
_TIMEOUT = _zero_or(cstruct.U16, 0x0A, 0x4000)
_TIMEOUT_UNIT_MS = 10
_DEFAULT_TIMEOUT_MS = c.BT_ISO_SYNC_TIMEOUT * _TIMEOUT_UNIT_MS


@cstruct.struct("struct bt_security", header=_BLUETOOTH_H)
class BtSecurity(Struct):
    """BT_SECURITY: ``level`` is one of BT_SECURITY_* (0-4).

    ``key_size`` is the size of a connected L2CAP link's key in bytes; 0 if unknown. Linux ignores
    it in what it is given.
    """

    level: int = cstruct.field(_up_to(c.BT_SECURITY_FIPS), "level")
    key_size: int = cstruct.u8("key_size", default=0)


@cstruct.struct("struct bt_power", header=_BLUETOOTH_H)
class BtPower(Struct):
    """BT_POWER: ``force_active`` 1 wakes a link from sniff mode to send, 0 leaves it asleep."""

    force_active: int = cstruct.field(_up_to(c.BT_POWER_FORCE_ACTIVE_ON), "force_active")


@cstruct.struct("struct bt_voice", header=_BLUETOOTH_H)
class BtVoice(Struct):
    """BT_VOICE: ``setting`` is one of BT_VOICE_* (Core Specification vol 4 part E 6.12)."""

    setting: int = cstruct.u16("setting")


@cstruct.struct("struct bt_iso_io_qos", header=_BLUETOOTH_H)
class BtIsoIoQos(Struct):
    """A direction of an isochronous stream.

    ``interval`` is the SDU interval in microseconds (255-1048575), ``latency`` the transport
    latency in milliseconds (5-4000), either 0 if there is no data in this direction; ``sdu`` the
    greatest SDU in bytes (0 for no data), ``phy`` a mask of BT_ISO_PHY_* (0-7, 0 only with an
    ``sdu`` of 0), ``rtn`` how often a packet is repeated (0-255, of a broadcast 0-30).
    OverflowError for an integer out of range, ValueError for an ``sdu`` without a ``phy``.
    """

    interval: int = cstruct.field(_zero_or(cstruct.U32, 0xFF, 0xFFFFF), "interval", default=10_000)
    latency: int = cstruct.field(_zero_or(cstruct.U16, 5, 4000), "latency", default=10)
    sdu: int = cstruct.u16("sdu", default=0)
    phy: int = cstruct.field(_up_to(c.BT_ISO_PHY_ANY), "phys", default=c.BT_ISO_PHY_2M)
    rtn: int = cstruct.u8("rtn", default=2)

    def __attrs_post_init__(self) -> None:
        if self.sdu and not self.phy:
            raise ValueError(f"BtIsoIoQos sdu {self.sdu} needs a phy of BT_ISO_PHY_*, not 0")


_IO_QOS: Any = cstruct.nested(BtIsoIoQos)


@cstruct.struct("struct bt_iso_qos", header=_BLUETOOTH_H, size=60)
class BtIsoQos(Struct):
    """BT_ISO_QOS: how an isochronous stream is scheduled; a union of unicast's and broadcast's.

    ``group`` is the CIG (broadcast: the BIG), ``stream`` the CIS (BIS), 0-239 or 255 for the
    kernel's choice; ``sca`` the clock accuracy, 0-7 (broadcast: sync_factor, 1-24). ``packing`` 0
    is sequential, 1 interleaved; ``framing`` 0 unframed, 1 framed. ``input`` and ``output`` are the
    two directions. The rest is broadcast's: ``encryption`` (0 or 1) with the 16 bytes of ``bcode``,
    and how a receiver synchronises: ``options`` (0-7), ``skip`` (0-499 periodic advertisements),
    ``sync_timeout`` and ``timeout`` (10-16384 units of 10 ms), ``sync_cte_type`` (0-31), ``mse``
    (0-31 subevents). The defaults suit unicast; `broadcast` has those of the other.

    OverflowError for an integer out of range. Layout of Linux 6.2 and later, 60 bytes; earlier ones
    know the first 32 bytes, which mean the same for unicast. Sources: net/bluetooth/iso.c, Core
    Specification vol 4 part E 7.8.97-106.
    """

    group: int = cstruct.field(_HANDLE, "ucast.cig", default=c.BT_ISO_QOS_CIG_UNSET)
    stream: int = cstruct.field(_HANDLE, "ucast.cis", default=c.BT_ISO_QOS_CIS_UNSET)
    sca: int = cstruct.field(_up_to(24), "ucast.sca", default=0)
    packing: int = cstruct.field(_up_to(1), "ucast.packing", default=0)
    framing: int = cstruct.field(_up_to(1), "ucast.framing", default=0)
    input: BtIsoIoQos = cstruct.field(_IO_QOS, "ucast.in", offset=8, default=BtIsoIoQos())
    output: BtIsoIoQos = cstruct.field(_IO_QOS, "ucast.out", offset=20, default=BtIsoIoQos())
    encryption: int = cstruct.field(_up_to(1), "bcast.encryption", offset=32, default=0)
    bcode: bytes = cstruct.raw("bcast.bcode", 16, default=bytes(16))
    options: int = cstruct.field(_up_to(7), "bcast.options", default=0)
    skip: int = cstruct.field(cstruct.integer("__u16", "H", 0, 0x1F3), "bcast.skip", default=0)
    sync_timeout: int = cstruct.field(_TIMEOUT, "bcast.sync_timeout", default=0)
    sync_cte_type: int = cstruct.field(_up_to(0x1F), "bcast.sync_cte_type", default=0)
    mse: int = cstruct.field(_up_to(0x1F), "bcast.mse", default=0)
    timeout: int = cstruct.field(_TIMEOUT, "bcast.timeout", default=0)

    @classmethod
    def broadcast(
        cls,
        output: BtIsoIoQos | None = None,
        *,
        big: int = c.BT_ISO_QOS_BIG_UNSET,
        bis: int = c.BT_ISO_QOS_BIS_UNSET,
        sync_factor: int = 1,
        packing: int = 0,
        framing: int = 0,
        bcode: bytes | None = None,
        sync_timeout_ms: int = _DEFAULT_TIMEOUT_MS,
        timeout_ms: int = _DEFAULT_TIMEOUT_MS,
    ) -> Self:
        """Return the parameters to send a broadcast (``output``) or receive one (without it).

        ``bcode`` is the 16 bytes of the key, None for no encryption. The times after which a
        receiver gives up, on the advertising and on the stream, are 100-163840 ms in whole 10 ms;
        ValueError for any other. The rest is as in the class.
        """
        return cls(
            big,
            bis,
            codecs.check_int("BtIsoQos sync_factor", sync_factor, 24, 1),
            packing,
            framing,
            BtIsoIoQos(),
            BtIsoIoQos() if output is None else output,
            bcode is not None,
            bytes(16) if bcode is None else bcode,
            sync_timeout=_units("sync_timeout_ms", sync_timeout_ms),
            timeout=_units("timeout_ms", timeout_ms),
        )


def _units(name: str, time_ms: int) -> int:
    """Return a time in units of 10 ms."""
    units, rest = divmod(codecs.check_int(f"BtIsoQos {name}", time_ms, 163840, 100), 10)
    if rest:
        raise ValueError(f"BtIsoQos {name} must be whole 10 ms, not {time_ms}")
    return units


_UNICAST_QOS_BYTES = 32


def _decode_qos(data: bytes) -> BtIsoQos:
    if len(data) < _UNICAST_QOS_BYTES:
        raise ValueError(f"BT_ISO_QOS needs {_UNICAST_QOS_BYTES} bytes, not {len(data)}")
    return BtIsoQos.unpack(data.ljust(BtIsoQos.layout.size, b"\0"))


ISO_QOS: Codec[BtIsoQos] = attrs.evolve(codecs.struct(BtIsoQos), decode=_decode_qos)

_BASE_MAX_BYTES = 248
_BASE = codecs.raw(_BASE_MAX_BYTES)


def _encode_base(base: bytes) -> bytes:
    data = _BASE.encode(base)
    if len(data) > _BASE_MAX_BYTES:
        raise ValueError(f"must be at most {_BASE_MAX_BYTES} bytes, not {len(data)}")
    return data


ISO_BASE: Codec[bytes] = attrs.evolve(_BASE, encode=_encode_base)


@attrs.frozen
class BtCodec:
    """A codec of a SCO link that the controller runs: ``struct bt_codec``, its capabilities.

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
        if not isinstance(codec, BtCodec):
            raise TypeError(f"must be BtCodec, not {type(codec).__name__}")
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


@cstruct.struct("struct l2cap_options", header="net/bluetooth/l2cap.h")
class L2capOptions(Struct):
    """L2CAP_OPTIONS: the parameters of a BR/EDR channel.

    ``omtu`` and ``imtu`` are in bytes (48-65535), ``flush_to`` in ms (0xFFFF: never), ``mode`` is
    of L2CAP_MODE_* (0-4), ``fcs`` 0 or 1, ``max_tx`` transmissions (0: no limit), ``txwin_size``
    the window in frames (1-16383). OverflowError for a value that does not fit; EINVAL for other
    MTUs.
    """

    omtu: int = cstruct.u16("omtu")
    imtu: int = cstruct.u16("imtu")
    flush_to: int = cstruct.u16("flush_to")
    mode: int = cstruct.field(_up_to(c.L2CAP_MODE_STREAMING), "mode")
    fcs: int = cstruct.field(_up_to(1), "fcs")
    max_tx: int = cstruct.u8("max_tx")
    txwin_size: int = cstruct.field(cstruct.integer("__u16", "H", 0, 0x3FFF), "txwin_size")


@cstruct.struct("struct l2cap_conninfo", header="net/bluetooth/l2cap.h")
class L2capConninfo(Struct):
    """L2CAP_CONNINFO: the link's HCI connection handle, and the peer's class of device."""

    hci_handle: int = cstruct.u16("hci_handle")
    dev_class: bytes = cstruct.raw("dev_class", 3)


@cstruct.struct("struct rfcomm_conninfo", header="net/bluetooth/rfcomm.h")
class RfcommConninfo(Struct):
    """RFCOMM_CONNINFO: as L2CAP_CONNINFO, of the link beneath."""

    hci_handle: int = cstruct.u16("hci_handle")
    dev_class: bytes = cstruct.raw("dev_class", 3)


@cstruct.struct("struct sco_options", header="net/bluetooth/sco.h")
class ScoOptions(Struct):
    """SCO_OPTIONS: the greatest packet in bytes."""

    mtu: int = cstruct.u16("mtu")


@cstruct.struct("struct sco_conninfo", header="net/bluetooth/sco.h")
class ScoConninfo(Struct):
    """SCO_CONNINFO: the HCI connection handle, and the peer's class of device."""

    hci_handle: int = cstruct.u16("hci_handle")
    dev_class: bytes = cstruct.raw("dev_class", 3)


_WORDS = struct.Struct("=2I")
_EVENT_MASK = cstruct.integer(
    "__u32",
    "8s",
    0,
    0xFFFF_FFFF_FFFF_FFFF,
    encode=lambda mask, _lookup: _WORDS.pack(mask & 0xFFFFFFFF, mask >> 32),
    decode=lambda raw, _lookup: (
        int.from_bytes(raw[:4], byteorder) | int.from_bytes(raw[4:], byteorder) << 32
    ),
)
"""``__u32[2]`` as one integer, with bit n for event code n."""


@cstruct.struct("struct hci_ufilter", header="net/bluetooth/hci_sock.h", size=16)
class HciFilter(Struct):
    """HCI_FILTER: which packets a raw HCI socket receives.

    ``type_mask`` has bit n set for packet type n (0-31), ``event_mask`` bit n for event code n
    (0-63), ``opcode`` keeps of the events that answer a command those of this one (0: all).
    Layout: u32, u32[2], le16, two bytes of padding.
    """

    type_mask: int = cstruct.u32("type_mask", default=0)
    event_mask: int = cstruct.field(_EVENT_MASK, "event_mask", default=0)
    opcode: int = cstruct.le16("opcode", default=0)

    @classmethod
    def of(cls, types: Iterable[int], events: Iterable[int] = (), opcode: int = 0) -> HciFilter:
        """Return a filter of packet types (0-31 or 255, which counts as 0) and events (0-63)."""
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
