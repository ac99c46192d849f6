"""Addresses of AF_BLUETOOTH, one class for each protocol.

A wrong form raises an OSError ("wrong format") as in CPython, which is also a TypeError, ValueError
or OverflowError. OverflowError is for an integer out of range, which CPython masks. Sources: the
kernel's include/net/bluetooth headers; CPython 3.14's documentation of the stdlib forms.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from famsock.plugin import Address, AddressRangeError, CType, Lookup, cstruct, sockaddr
from famsock_bluetooth._fields import BDADDR, AddressTypeError
from famsock_bluetooth.constants import (
    AF_BLUETOOTH,
    BDADDR_ANY,
    BDADDR_BREDR,
    BDADDR_LE_PUBLIC,
    HCI_CHANNEL_RAW,
    ISO_MAX_NUM_BIS,
)

__all__ = [
    "HciAddress",
    "IsoAddress",
    "IsoBroadcastAddress",
    "L2capAddress",
    "RfcommAddress",
    "ScoAddress",
]

_NAME = "AF_BLUETOOTH"


class _BluetoothAddress(Address):
    """The base of the addresses, with CPython's exceptions for a wrong stdlib form."""

    __slots__ = ()
    range_error: ClassVar = AddressRangeError

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the typed address of a tuple of ``stdlib_fields``; OSError if it is none."""
        names, required = cls.stdlib_fields, cls.required_fields()
        if not isinstance(form, tuple) or not required <= len(form) <= len(names):
            raise _wrong_format(names, required, form)
        try:
            return cls(**dict(zip(names, form, strict=False)))
        except TypeError as error:
            raise AddressTypeError(f"wrong format: {error}") from None


def _wrong_format(names: tuple[str, ...], required: int, form: object) -> AddressTypeError:
    shape = ", ".join(names[:required]) + "".join(f"[, {name}" for name in names[required:])
    return AddressTypeError(
        f"wrong format: {_NAME} address must be a tuple ({shape}{']' * (len(names) - required)}), "
        f"not {form!r}"
    )


@sockaddr(
    "struct sockaddr_l2",
    header="net/bluetooth/l2cap.h",
    family=AF_BLUETOOTH,
    family_name=_NAME,
    size=14,
)
class L2capAddress(_BluetoothAddress):
    """An L2CAP endpoint: ``(bdaddr, psm[, cid[, bdaddr_type]])``.

    ``bdaddr`` is the adapter's or peer's address, "00:00:00:00:00:00" for any. ``psm`` (0-65535)
    names a service: BR/EDR ones are odd, those of LE are 0x01-0xFF; 0 leaves it to the kernel.
    ``cid`` (0-65535) is a fixed channel instead (4 is LE's ATT). ``bdaddr_type`` is BDADDR_BREDR,
    BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM. Layout: u16 family, le16 psm, 6 bytes address reversed,
    le16 cid, u8 type, a pad. Source: net/bluetooth/l2cap.h.
    """

    bdaddr: str = cstruct.field(BDADDR, "l2_bdaddr", offset=4)
    psm: int = cstruct.le16("l2_psm", offset=2)
    cid: int = cstruct.le16("l2_cid", offset=10, default=0)
    bdaddr_type: int = cstruct.u8("l2_bdaddr_type", offset=12, default=BDADDR_BREDR)

    def to_stdlib(self, lookup: Lookup) -> tuple[Any, ...]:
        """Return two items, three with a cid, four for LE."""
        if self.bdaddr_type != BDADDR_BREDR:
            return self.bdaddr, self.psm, self.cid, self.bdaddr_type
        return (self.bdaddr, self.psm, self.cid) if self.cid else (self.bdaddr, self.psm)


@sockaddr(
    "struct sockaddr_rc",
    header="net/bluetooth/rfcomm.h",
    family=AF_BLUETOOTH,
    family_name=_NAME,
    size=10,
)
class RfcommAddress(_BluetoothAddress):
    """An RFCOMM endpoint: ``(bdaddr, channel)``.

    ``channel`` is 1-30, or 0 to let the kernel choose on listen; 0-255 is what the field holds.
    Layout: u16 family, 6 bytes address reversed, u8 channel, a pad. Source: net/bluetooth/rfcomm.h.
    """

    bdaddr: str = cstruct.field(BDADDR, "rc_bdaddr")
    channel: int = cstruct.u8("rc_channel")


@sockaddr(
    "struct sockaddr_hci",
    header="net/bluetooth/hci_sock.h",
    family=AF_BLUETOOTH,
    family_name=_NAME,
    size=6,
)
class HciAddress(_BluetoothAddress):
    """A controller and one of its channels: ``dev``, ``(dev,)`` or ``(dev, channel)``.

    ``dev`` is the index (0 for hci0, HCI_DEV_NONE 0xFFFF for none), ``channel`` one of
    HCI_CHANNEL_RAW, _USER, _MONITOR, _CONTROL, _LOGGING; both 0-65535. The stdlib gives back a bare
    int for the raw channel. Layout: three u16 in host order. Source: net/bluetooth/hci_sock.h.
    """

    dev: int = cstruct.u16("hci_dev")
    channel: int = cstruct.u16("hci_channel", default=HCI_CHANNEL_RAW)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> HciAddress:
        """Return the address of a form; an integer is the device, its channel the raw one.

        From Python 3.14 on the stdlib takes the bare integer too, or any object with ``__index__``.
        """
        is_device = hasattr(type(form), "__index__")
        return super().from_stdlib((form,) if is_device else form, lookup)

    def to_stdlib(self, lookup: Lookup) -> int | tuple[int, int]:
        """Return a bare int for the raw channel, otherwise a pair."""
        return self.dev if self.channel == HCI_CHANNEL_RAW else (self.dev, self.channel)


@sockaddr(
    "struct sockaddr_sco",
    header="net/bluetooth/sco.h",
    family=AF_BLUETOOTH,
    family_name=_NAME,
    size=8,
)
class ScoAddress(_BluetoothAddress):
    """A SCO endpoint: ``bdaddr`` as str, or as bytes on input.

    Layout: u16 family, 6 bytes address reversed. Source: net/bluetooth/sco.h.
    """

    bdaddr: str = cstruct.field(BDADDR, "sco_bdaddr")

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> ScoAddress:
        """Return the address of a str or bytes; UnicodeEncodeError for a str without UTF-8."""
        if isinstance(form, str):
            form.encode()
            return cls(form)
        if isinstance(form, bytes):
            return cls(form.decode("latin-1"))
        kind = type(form).__name__
        raise AddressTypeError(
            f"wrong format: {_NAME} address of SCO must be str or bytes, not {kind}"
        )

    def to_stdlib(self, lookup: Lookup) -> str:
        """Return the device address as text."""
        return self.bdaddr


@sockaddr(
    "struct sockaddr_iso",
    header="net/bluetooth/iso.h",
    family=AF_BLUETOOTH,
    family_name=_NAME,
    size=10,
)
class IsoAddress(_BluetoothAddress):
    """An ISO endpoint (LE Audio): ``(bdaddr[, bdaddr_type])``. The stdlib has no form for it.

    ``bdaddr_type`` is BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM. A broadcast's has more fields:
    `IsoBroadcastAddress`. Layout: u16 family, 6 bytes address reversed, u8 type, then the
    broadcast's part if any. Source: net/bluetooth/iso.h.
    """

    bdaddr: str = cstruct.field(BDADDR, "iso_bdaddr")
    bdaddr_type: int = cstruct.u8("iso_bdaddr_type", default=BDADDR_LE_PUBLIC)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> IsoAddress:
        """Return the address of a tuple; one of more than two items is a broadcast's."""
        broadcast = cls is IsoAddress and isinstance(form, tuple) and len(form) > 2
        made = IsoBroadcastAddress if broadcast else cls
        return super(IsoAddress, made).from_stdlib(form, lookup)

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> IsoAddress:
        """Return the address in ``data``: a broadcast's if it has the bytes of one."""
        size = IsoBroadcastAddress.layout.size
        made = IsoBroadcastAddress if cls is IsoAddress and len(data) >= size else cls
        return super(IsoAddress, made).unpack(data, lookup)

    @classmethod
    def parse(cls, text: str) -> IsoAddress:
        """Return the address that ``text`` stands for; more than two fields are a broadcast's."""
        try:
            return super().parse(text)
        except ValueError:
            if cls is not IsoAddress:
                raise
            return IsoBroadcastAddress.parse(text)


def _check_bis(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple | list | bytes):
        raise TypeError(f"must be a tuple of integers 1-31, not {type(value).__name__}")
    if len(value) > ISO_MAX_NUM_BIS:
        raise ValueError(f"must have at most {ISO_MAX_NUM_BIS} items, not {len(value)}")
    for number in value:
        if not 1 <= cstruct.U8.check(number) <= ISO_MAX_NUM_BIS:
            raise OverflowError(f"must hold 1-{ISO_MAX_NUM_BIS}, not {number}")
    return tuple(value)


_BIS_LIST = CType(
    c="__u8",
    code=f"{1 + ISO_MAX_NUM_BIS}s",
    check=_check_bis,
    encode=lambda value, _lookup: bytes((len(value), *value)),
    decode=lambda raw, _lookup: tuple(raw[1 : 1 + min(raw[0], ISO_MAX_NUM_BIS)]),
    text=lambda value: ",".join(map(str, value)),
    parse=lambda text: tuple(map(cstruct.parse_integer, filter(None, text.split(",")))),
)
"""``bc_num_bis`` and ``bc_bis``: the number of broadcast stream indices, and 31 of them."""


@sockaddr(
    "",
    header="net/bluetooth/iso.h",
    family=AF_BLUETOOTH,
    family_name=_NAME,
    size=50,
)
class IsoBroadcastAddress(IsoAddress):
    """An ISO endpoint with the broadcast part: a broadcast to receive or to send.

    ``bc_bdaddr`` and ``bc_bdaddr_type`` are the broadcaster's address; ``bc_sid`` is its
    advertising set (0-15; later kernels than 6.12 take 0xFF for any); ``bc_bis`` the indices (1-31)
    of its streams. Layout: that of `IsoAddress`, then 6 bytes, u8, u8, u8 count, u8[31], a pad.
    """

    bc_bdaddr: str = cstruct.field(BDADDR, "", offset=9, default=BDADDR_ANY)
    bc_bdaddr_type: int = cstruct.u8("", default=BDADDR_LE_PUBLIC)
    bc_sid: int = cstruct.u8("", default=0)
    bc_bis: tuple[int, ...] = cstruct.field(_BIS_LIST, "", default=())
