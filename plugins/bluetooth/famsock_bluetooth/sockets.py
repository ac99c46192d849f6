"""Sockets above a link: L2CAP, RFCOMM, SCO and ISO. Those of HCI are in `hci`.

Sources: net/bluetooth/l2cap_sock.c, rfcomm/sock.c, sco.c and iso.c of Linux; Core Specification
vol 3 part A (L2CAP).
"""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from famsock.plugin import Address, codecs, socket
from famsock_bluetooth import constants as c
from famsock_bluetooth import options
from famsock_bluetooth.addresses import IsoAddress, L2capAddress, RfcommAddress, ScoAddress
from famsock_bluetooth.structs import (
    BtCodec,
    BtIsoQos,
    BtSecurity,
    BtVoice,
    L2capConninfo,
    L2capOptions,
    RfcommConninfo,
    ScoConninfo,
)

__all__ = [
    "IsoSocket",
    "L2capSocket",
    "RfcommSocket",
    "ScoSocket",
]

_A = TypeVar("_A", bound=Address, covariant=True)
_F = TypeVar("_F", covariant=True)


class _LinkSocket(socket[_A, _F], abstract=True):
    """The common part of sockets above a link."""

    __slots__ = ()

    def set_defer_setup(self, on: bool) -> None:
        """Leave it to this listening socket's owner to let peers in (BT_DEFER_SETUP).

        An accepted connection is then completed by the first ``recv`` on it, and refused by close.
        """
        self.set_option(options.BT_DEFER_SETUP, on)


class _SecureSocket(_LinkSocket[_A, _F]):
    """The common part of L2CAP and RFCOMM, which ask the link for security."""

    __slots__ = ()

    def security(self) -> BtSecurity:
        """Return the requested security level, and a connected link's key size (BT_SECURITY)."""
        return self.get_option(options.BT_SECURITY)

    def set_security(self, level: int) -> None:
        """Ask for a security level (BT_SECURITY_*), before connect or listen or on a connection."""
        self.set_option(options.BT_SECURITY, BtSecurity(level))


class _RadioSocket(_LinkSocket[_A, _F]):
    """The common part of L2CAP and SCO, which report the radio's modes."""

    __slots__ = ()

    def phys(self) -> int:
        """Return the radio modes of a connected link: a mask of BT_PHY_* (BT_PHY)."""
        return self.get_option(options.BT_PHY)


class _PacketSocket(_LinkSocket[_A, _F]):
    """The common part of SCO and ISO, whose packets may arrive damaged."""

    __slots__ = ()

    def enable_packet_status(self, on: bool) -> None:
        """Add its status to each received packet (control message BT_SCM_PKT_STATUS).

        Of ISO with Linux 6.4 or later (OSError ENOPROTOOPT).
        """
        self.set_option(options.BT_PKT_STATUS, on)


class L2capSocket(
    _SecureSocket[L2capAddress, tuple[Any, ...]],
    _RadioSocket[L2capAddress, tuple[Any, ...]],
    family=c.AF_BLUETOOTH,
    type=(SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW),
    proto=c.BTPROTO_L2CAP,
):
    """A socket of L2CAP, BR/EDR and Low Energy alike."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[L2capSocket, tuple[Any, ...]]: ...

    def is_le(self) -> bool:
        """Return whether the socket is bound to a Low Energy address type."""
        local = self.local_address
        return local is not None and local.bdaddr_type != c.BDADDR_BREDR

    def outgoing_mtu_bytes(self) -> int:
        """Return the greatest message that the peer takes; for LE after connecting."""
        if self.is_le():
            return self.get_option(options.BT_SNDMTU)
        return self.get_option(options.L2CAP_OPTIONS).omtu

    def incoming_mtu_bytes(self) -> int:
        """Return the greatest message that this end takes."""
        if self.is_le():
            return self.get_option(options.BT_RCVMTU)
        return self.get_option(options.L2CAP_OPTIONS).imtu

    def set_incoming_mtu(self, size_bytes: int) -> None:
        """Set the greatest message to take, after bind and before connect or listen.

        48-65535 bytes for BR/EDR, 23-65535 for LE (OverflowError); an accepted socket has its
        listener's.
        """
        is_le = self.is_le()
        least = c.L2CAP_LE_MIN_MTU if is_le else c.L2CAP_DEFAULT_MIN_MTU
        size_bytes = codecs.check_int("AF_BLUETOOTH incoming MTU", size_bytes, 0xFFFF, least)
        if is_le:
            self.set_option(options.BT_RCVMTU, size_bytes)
        else:
            self.set_l2cap_options(imtu=size_bytes)

    def mode(self) -> int:
        """Return the channel's mode (L2CAP_MODE_*), of BR/EDR channels."""
        return self.get_option(options.L2CAP_OPTIONS).mode

    def set_mode(self, mode: int) -> None:
        """Set the mode of a BR/EDR channel before connect or listen.

        L2CAP_MODE_BASIC for SOCK_SEQPACKET; L2CAP_MODE_ERTM (retransmission) or
        L2CAP_MODE_STREAMING for SOCK_STREAM and SOCK_SEQPACKET.
        """
        self.set_l2cap_options(mode=mode)

    def l2cap_options(self) -> L2capOptions:
        """Return all parameters of a BR/EDR channel (L2CAP_OPTIONS); EINVAL for a bound LE one."""
        return self.get_option(options.L2CAP_OPTIONS)

    def set_l2cap_options(self, **changes: int) -> None:
        """Change parameters of a BR/EDR channel by the names of `L2capOptions`, before connect."""
        now: Any = self.l2cap_options()
        self.set_option(options.L2CAP_OPTIONS, attrs.evolve(now, **changes))

    def connection_info(self) -> L2capConninfo:
        """Return the HCI handle and the peer's class of device; ENOTCONN without a connection."""
        return self.get_option(options.L2CAP_CONNINFO)


class RfcommSocket(
    _SecureSocket[RfcommAddress, tuple[str, int]],
    family=c.AF_BLUETOOTH,
    type=(SOCK_STREAM, SOCK_RAW),
    proto=c.BTPROTO_RFCOMM,
):
    """A socket of RFCOMM."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[RfcommSocket, tuple[str, int]]: ...

    def connection_info(self) -> RfcommConninfo:
        """Return the HCI handle and the peer's class of device; ENOTCONN without a connection."""
        return self.get_option(options.RFCOMM_CONNINFO)


class ScoSocket(
    _RadioSocket[ScoAddress, str],
    _PacketSocket[ScoAddress, str],
    family=c.AF_BLUETOOTH,
    type=SOCK_SEQPACKET,
    proto=c.BTPROTO_SCO,
):
    """A socket of SCO (voice)."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[ScoSocket, str]: ...

    def mtu_bytes(self) -> int:
        """Return the greatest packet; ENOTCONN without a connection."""
        return self.get_option(options.SCO_OPTIONS).mtu

    def voice(self) -> int:
        """Return the voice setting, of BT_VOICE_*."""
        return self.get_option(options.BT_VOICE).setting

    def set_voice(self, setting: int) -> None:
        """Set the voice setting (BT_VOICE_CVSD_16BIT, BT_VOICE_TRANSPARENT …) before connect."""
        self.set_option(options.BT_VOICE, BtVoice(setting))

    def codecs(self) -> tuple[BtCodec, ...]:
        """Return the codecs of the controller; EOPNOTSUPP unless codec offload is switched on."""
        return self.get_option(options.BT_CODEC)

    def connection_info(self) -> ScoConninfo:
        """Return the HCI handle and the peer's class of device; ENOTCONN without a connection."""
        return self.get_option(options.SCO_CONNINFO)


class IsoSocket(
    _PacketSocket[IsoAddress, tuple[Any, ...]],
    family=c.AF_BLUETOOTH,
    type=SOCK_SEQPACKET,
    proto=c.BTPROTO_ISO,
):
    """A socket of ISO (LE Audio)."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[IsoSocket, tuple[Any, ...]]: ...

    def qos(self) -> BtIsoQos:
        """Return the schedule of the stream."""
        return self.get_option(options.BT_ISO_QOS)

    def set_qos(self, qos: BtIsoQos) -> None:
        """Set how the stream is to be scheduled, before connect or listen."""
        self.set_option(options.BT_ISO_QOS, qos)

    def base(self) -> bytes:
        """Return the broadcast audio announcement (BASE), up to 248 bytes."""
        return self.get_option(options.BT_ISO_BASE)

    def set_base(self, base: bytes) -> None:
        """Set the broadcast audio announcement (BASE), up to 248 bytes, before connect."""
        self.set_option(options.BT_ISO_BASE, base)
