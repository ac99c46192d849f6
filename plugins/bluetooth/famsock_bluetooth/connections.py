"""Sockets of BNEP, CMTP and HIDP: the kernel's connections over L2CAP, and no addresses or data.

A socket of these protocols only takes requests of ioctl(2). They give connected L2CAP sockets to
the kernel, which from then on exchanges the profile's packets over them: Ethernet frames (BNEP),
CAPI messages (CMTP) or reports of input devices (HIDP). Sources: bnep/, cmtp/ and hidp/ of
net/bluetooth in Linux; the PAN, CIP and HID profiles of the Bluetooth SIG.
"""

from __future__ import annotations

import ctypes
import struct
from fcntl import ioctl
from socket import SOCK_RAW
from typing import Any, Protocol, TypeVar

from famsock.plugin import CType, RawAddress, Struct, cstruct, socket
from famsock_bluetooth import _hints
from famsock_bluetooth import constants as c
from famsock_bluetooth._fields import (
    BDADDR,
    bdaddr_to_bytes,
    check_bdaddr,
    check_int,
    check_octets,
)

__all__ = [
    "BnepConnection",
    "BnepSocket",
    "CmtpConnection",
    "CmtpSocket",
    "HidpConnection",
    "HidpSocket",
]

_C = TypeVar("_C", bound=Struct)
_LIST = struct.Struct("@IP")
_FEW = 16
_DEVICE_BYTES = 16
_NAME_BYTES = 128
_DESCRIPTOR_BYTES = 4096  # HID_MAX_DESCRIPTOR_SIZE
_HIDP_REQUEST = struct.Struct(f"@iiHHPBBHHHII{_NAME_BYTES}s0P")


class HasFileno(Protocol):
    """An object with a descriptor, such as a socket."""

    def fileno(self) -> int:
        """Return the descriptor."""


_ETHERNET = CType(
    c="__u8[6]",
    code="6s",
    check=check_bdaddr,
    encode=lambda value, _lookup: bdaddr_to_bytes(value)[::-1],
    decode=lambda raw, _lookup: raw.hex(":").upper(),
)
"""A device address as an Ethernet address: the first octet of the text comes first."""


@cstruct.struct("", header="")
class BnepConnection(Struct):
    """A connection of BNEP: the peer's address, the network interface, this end's role and state.

    ``role`` is BNEP_SVC_PANU, BNEP_SVC_NAP or BNEP_SVC_GN. ``state`` is 1 (BT_CONNECTED) or higher
    while it ends. ``flags`` has bit BNEP_SETUP_RESPONSE.

    Wire layout (struct bnep_conninfo): u32 flags, u16 role, u16 state, 6 bytes address in order, 16
    bytes name.
    """

    flags: int = cstruct.u32("flags")
    role: int = cstruct.u16("role")
    state: int = cstruct.u16("state")
    dst: str = cstruct.field(_ETHERNET, "dst")
    device: str = cstruct.char("device", _DEVICE_BYTES)


@cstruct.struct("", header="")
class CmtpConnection(Struct):
    """A connection of CMTP: the peer's address and the number of the CAPI controller.

    ``flags`` has bit CMTP_LOOPBACK.

    Wire layout (struct cmtp_conninfo): 6 bytes address in reverse, u32 flags, u16 state, i32
    number, with C's padding.
    """

    bdaddr: str = cstruct.field(BDADDR, "bdaddr", offset=0)
    flags: int = cstruct.u32("flags", offset=8)
    state: int = cstruct.u16("state", offset=12)
    num: int = cstruct.i32("num", offset=16)


@cstruct.struct("", header="")
class HidpConnection(Struct):
    """A connection of HIDP: the peer's address, its name and the numbers of its maker.

    ``name`` is "Bluetooth HID Boot Protocol Device" of one without a report descriptor. Linux shows
    no ``flags``.

    Wire layout (struct hidp_conninfo): 6 bytes address in reverse, u32 flags, u16 state, u16
    vendor, u16 product, u16 version, 128 bytes name, with C's padding.
    """

    bdaddr: str = cstruct.field(BDADDR, "bdaddr", offset=0)
    flags: int = cstruct.u32("flags", offset=8)
    state: int = cstruct.u16("state", offset=12)
    vendor: int = cstruct.u16("vendor", offset=14)
    product: int = cstruct.u16("product", offset=16)
    version: int = cstruct.u16("version", offset=18)
    name: str = cstruct.char("name", _NAME_BYTES, offset=20)


class BnepSocket(
    socket[RawAddress, None],
    family=c.AF_BLUETOOTH,
    type=SOCK_RAW,
    proto=c.BTPROTO_BNEP,
):
    """A socket of BNEP: Ethernet over L2CAP, each connection as a network interface.

    To add and delete connections needs CAP_NET_ADMIN.
    """

    __slots__ = ()

    def add_connection(
        self,
        sock: HasFileno,
        role: int = c.BNEP_SVC_PANU,
        device: str = "",
        flags: int = 0,
    ) -> str:
        """Make a network interface of a connected L2CAP socket; its name is returned.

        ``role`` is this end's, as in `BnepConnection`. ``device`` is the interface's name, at most
        15 bytes, with %d for a number; "" is "bnep%d". ``flags`` is 0, or has bit
        BNEP_SETUP_RESPONSE: the kernel then answers the peer's setup request (Linux 4.1). The
        kernel keeps the L2CAP socket; the program's may be closed. Wire layout (struct
        bnep_connadd_req): i32 descriptor, u32 flags, u16 role, 16 bytes name. OSError as ioctl(2)
        fails: EBADFD if ``sock`` is not such a socket, EEXIST if the peer is connected.
        """
        name = _char("device", device, _DEVICE_BYTES)
        request = bytearray(
            struct.pack(
                f"=iIH{_DEVICE_BYTES}s2x",
                sock.fileno(),
                check_int("flags", flags, 0xFFFFFFFF),
                check_int("role", role, 0xFFFF),
                name,
            )
        )
        _ioctl(self, c.BNEPCONNADD, request)
        return bytes(request[10 : 10 + _DEVICE_BYTES]).partition(b"\0")[0].decode()

    def delete_connection(self, dst: str, flags: int = 0) -> None:
        """End the connection to a peer, and with it its interface.

        ``dst`` is the peer's address; no ``flags`` are defined. Wire layout (struct
        bnep_conndel_req): u32 flags, 6 bytes address in order. OSError as ioctl(2) fails: ENOENT if
        there is none.
        """
        address = bdaddr_to_bytes(check_bdaddr(dst))[::-1]
        request = struct.pack("=I6s2x", check_int("flags", flags, 0xFFFFFFFF), address)
        _ioctl(self, c.BNEPCONNDEL, bytearray(request))

    def connections(self) -> tuple[BnepConnection, ...]:
        """Return all connections of the machine. OSError as ioctl(2) fails."""
        return _connections(self, c.BNEPGETCONNLIST, BnepConnection)

    def connection(self, dst: str) -> BnepConnection:
        """Return the connection to a peer; OSError ENOENT if there is none."""
        asked = BnepConnection(flags=0, role=0, state=0, dst=dst, device="")
        return _connection(self, c.BNEPGETCONNINFO, asked)

    def supported_features(self) -> int:
        """Return the flags that `add_connection` takes, as bits (Linux 4.1)."""
        request = bytearray(4)
        _ioctl(self, c.BNEPGETSUPPFEAT, request)
        return int(struct.unpack("=I", request)[0])


class CmtpSocket(
    socket[RawAddress, None],
    family=c.AF_BLUETOOTH,
    type=SOCK_RAW,
    proto=c.BTPROTO_CMTP,
):
    """A socket of CMTP: ISDN's CAPI over L2CAP, each connection as a CAPI controller.

    To add and delete connections needs CAP_NET_ADMIN.
    """

    __slots__ = ()

    def add_connection(self, sock: HasFileno, flags: int = 0) -> None:
        """Make a CAPI controller of a connected L2CAP socket, which the kernel keeps.

        ``flags`` is 0, or has bit CMTP_LOOPBACK. Wire layout (struct cmtp_connadd_req): i32
        descriptor, u32 flags. OSError as ioctl(2) fails: EBADFD if ``sock`` is not such a socket,
        EEXIST if the peer is connected.
        """
        request = struct.pack("=iI", sock.fileno(), check_int("flags", flags, 0xFFFFFFFF))
        _ioctl(self, c.CMTPCONNADD, bytearray(request))

    def delete_connection(self, bdaddr: str, flags: int = 0) -> None:
        """End the connection to a peer, by its address; no ``flags`` are defined.

        Wire layout (struct cmtp_conndel_req): 6 bytes address in reverse, 2 of padding, u32 flags.
        OSError as ioctl(2) fails: ENOENT if there is none.
        """
        _delete(self, c.CMTPCONNDEL, bdaddr, flags)

    def connections(self) -> tuple[CmtpConnection, ...]:
        """Return all connections of the machine. OSError as ioctl(2) fails."""
        return _connections(self, c.CMTPGETCONNLIST, CmtpConnection)

    def connection(self, bdaddr: str) -> CmtpConnection:
        """Return the connection to a peer; OSError ENOENT if there is none."""
        asked = CmtpConnection(bdaddr=bdaddr, flags=0, state=0, num=0)
        return _connection(self, c.CMTPGETCONNINFO, asked)


class HidpSocket(
    socket[RawAddress, None],
    family=c.AF_BLUETOOTH,
    type=SOCK_RAW,
    proto=c.BTPROTO_HIDP,
):
    """A socket of HIDP: keyboards, mice and the like, each connection as an input device.

    To add and delete connections needs CAP_NET_ADMIN.
    """

    __slots__ = ()

    def add_connection(
        self,
        control: HasFileno,
        interrupt: HasFileno,
        *,
        name: str,
        report_descriptor: bytes = b"",
        parser: int = 0x0100,
        country: int = 0,
        subclass: int = 0,
        vendor: int = 0,
        product: int = 0,
        version: int = 0,
        idle_s: int = 0,
        flags: int = 0,
    ) -> None:
        """Make an input device of two connected L2CAP sockets to one peer, which the kernel keeps.

        ``control`` and ``interrupt`` are the profile's two channels (psm 0x11 and 0x13). ``name``
        is the device's, at most 127 bytes. ``report_descriptor`` (at most 4096 bytes) describes its
        reports, in ``parser``'s version of that format; without one, ``subclass`` says what the
        device is (bit 0x40 a keyboard, 0x80 a mouse) and it sends the boot protocol's reports.
        ``country``, ``vendor``, ``product`` and ``version`` are from its service record. The
        connection ends after ``idle_s`` seconds without a report; 0 is never. ``flags`` has bits
        HIDP_VIRTUAL_CABLE_UNPLUG and HIDP_BOOT_PROTOCOL_MODE.

        Wire layout (struct hidp_connadd_req): i32 and i32 descriptors, u16 parser, u16 size and
        pointer of the report descriptor, u8 country, u8 subclass, u16 vendor, u16 product, u16
        version, u32 flags, u32 idle time, 128 bytes name, with C's padding. OSError as ioctl(2)
        fails: EINVAL or EBADFD if these are not such sockets, EEXIST if the peer is connected.
        OverflowError for an integer out of range, ValueError for a name or descriptor too long.
        """
        described = check_octets("report_descriptor", report_descriptor)
        if len(described) > _DESCRIPTOR_BYTES:
            raise ValueError(
                f"AF_BLUETOOTH report_descriptor must be at most {_DESCRIPTOR_BYTES} bytes, not "
                f"{len(described)}"
            )
        kept = ctypes.create_string_buffer(described, max(len(described), 1))
        request = _HIDP_REQUEST.pack(
            control.fileno(),
            interrupt.fileno(),
            check_int("parser", parser, 0xFFFF),
            len(described),
            ctypes.addressof(kept),
            check_int("country", country, 0xFF),
            check_int("subclass", subclass, 0xFF),
            check_int("vendor", vendor, 0xFFFF),
            check_int("product", product, 0xFFFF),
            check_int("version", version, 0xFFFF),
            check_int("flags", flags, 0xFFFFFFFF),
            check_int("idle_s", idle_s, 0xFFFFFFFF),
            _char("name", name, _NAME_BYTES),
        )
        _ioctl(self, c.HIDPCONNADD, bytearray(request))

    def delete_connection(self, bdaddr: str, flags: int = 0) -> None:
        """End the connection to a peer, by its address.

        With bit HIDP_VIRTUAL_CABLE_UNPLUG in ``flags`` the device is only told to forget this
        machine; the connection ends when the device closes its channels.
        Wire layout (struct hidp_conndel_req): 6 bytes address in reverse, 2 of padding, u32 flags.
        OSError as ioctl(2) fails: ENOENT if there is none.
        """
        _delete(self, c.HIDPCONNDEL, bdaddr, flags)

    def connections(self) -> tuple[HidpConnection, ...]:
        """Return all connections of the machine. OSError as ioctl(2) fails."""
        return _connections(self, c.HIDPGETCONNLIST, HidpConnection)

    def connection(self, bdaddr: str) -> HidpConnection:
        """Return the connection to a peer; OSError ENOENT if there is none."""
        asked = HidpConnection(
            bdaddr=bdaddr, flags=0, state=0, vendor=0, product=0, version=0, name=""
        )
        return _connection(self, c.HIDPGETCONNINFO, asked)


def _char(field: str, text: str, size_bytes: int) -> bytes:
    """Return a name's bytes; ValueError if it does not fit with the zero byte at its end."""
    encoded = text.encode()
    if len(encoded) >= size_bytes or b"\0" in encoded:
        raise ValueError(
            f"AF_BLUETOOTH {field} must be at most {size_bytes - 1} bytes without a zero byte, not "
            f"{text!r}"
        )
    return encoded


def _delete(sock: socket[Any, Any], request: int, bdaddr: str, flags: int) -> None:
    address = bdaddr_to_bytes(check_bdaddr(bdaddr))
    argument = struct.pack("=6s2xI", address, check_int("flags", flags, 0xFFFFFFFF))
    _ioctl(sock, request, bytearray(argument))


def _connection(sock: socket[Any, Any], request: int, asked: _C) -> _C:
    argument = bytearray(asked.pack())
    _ioctl(sock, request, argument)
    return type(asked).unpack(argument)


def _connections(sock: socket[Any, Any], request: int, made: type[_C]) -> tuple[_C, ...]:
    """Return the connections that a request lists, as many as there are."""
    size, count = made.layout.size, _FEW
    while True:
        listed = ctypes.create_string_buffer(count * size)
        argument = bytearray(_LIST.pack(count, ctypes.addressof(listed)))
        _ioctl(sock, request, argument)
        found = _LIST.unpack(argument)[0]
        if found < count:
            view = memoryview(listed)
            return tuple(made.unpack(view[at * size : (at + 1) * size]) for at in range(found))
        count *= 2  # there may be more


def _ioctl(sock: socket[Any, Any], request: int, argument: bytearray) -> None:
    """Call ioctl(2), which changes the argument in place; add notes to a failure."""
    try:
        ioctl(sock.fileno(), request, argument)
    except OSError as error:
        _hints.explain(error, _hints.CONNECTIONS, "ioctl")
        raise
