"""The management interface: powers adapters on and configures them, over the HCI control channel.

A socket bound to ``(HCI_DEV_NONE, HCI_CHANNEL_CONTROL)`` takes commands and gives events, each with
a header of three le16: opcode, controller index, length. Changing a controller needs CAP_NET_ADMIN.
Sources: net/bluetooth/mgmt.h and mgmt.c, BlueZ's doc/mgmt-api.txt.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from enum import IntFlag
from typing import Self, cast
from uuid import UUID

import attrs

from famsock.plugin import Struct, codecs, cstruct
from famsock_bluetooth import _waiting
from famsock_bluetooth import constants as c
from famsock_bluetooth._fields import BDADDR, LE32, check_int, check_octets
from famsock_bluetooth._mgmt_error import ManagementError
from famsock_bluetooth.addresses import HciAddress
from famsock_bluetooth.advertising import DeviceFound
from famsock_bluetooth.hci import HciSocket

__all__ = [
    "ISO_SOCKET_FEATURE",
    "ControllerInfo",
    "Management",
    "ManagementError",
    "ManagementEvent",
    "Setting",
]

_HEADER = struct.Struct("<HHH")
_REPLY = struct.Struct("<HB")
_U32 = struct.Struct("<I")
_BREDR_TYPE = 1 << c.BDADDR_BREDR
_LE_TYPES = 1 << c.BDADDR_LE_PUBLIC | 1 << c.BDADDR_LE_RANDOM
_ADD_ADVERTISING = struct.Struct("<BIHHBB")
_LONGEST_BYTES = 0xFFFF + _HEADER.size
_NO_DISCOVERY = (
    c.MGMT_STATUS_REJECTED,
    c.MGMT_STATUS_NOT_POWERED,
    c.MGMT_STATUS_INVALID_INDEX,
)
"""The statuses of a stop if no discovery is under way: it ended, was powered off, or removed."""

ISO_SOCKET_FEATURE = UUID("6fbaf188-05e0-496a-9885-d6ddfdb4e03e")
"""The experimental feature that makes BTPROTO_ISO available (Linux 6.0 and later)."""


class Setting(IntFlag):
    """A controller's settings: MGMT_SETTING_*."""

    POWERED = c.MGMT_SETTING_POWERED
    CONNECTABLE = c.MGMT_SETTING_CONNECTABLE
    FAST_CONNECTABLE = c.MGMT_SETTING_FAST_CONNECTABLE
    DISCOVERABLE = c.MGMT_SETTING_DISCOVERABLE
    BONDABLE = c.MGMT_SETTING_BONDABLE
    LINK_SECURITY = c.MGMT_SETTING_LINK_SECURITY
    SSP = c.MGMT_SETTING_SSP
    BREDR = c.MGMT_SETTING_BREDR
    HS = c.MGMT_SETTING_HS
    LE = c.MGMT_SETTING_LE
    ADVERTISING = c.MGMT_SETTING_ADVERTISING
    SECURE_CONN = c.MGMT_SETTING_SECURE_CONN
    DEBUG_KEYS = c.MGMT_SETTING_DEBUG_KEYS
    PRIVACY = c.MGMT_SETTING_PRIVACY
    CONFIGURATION = c.MGMT_SETTING_CONFIGURATION
    STATIC_ADDRESS = c.MGMT_SETTING_STATIC_ADDRESS
    PHY_CONFIGURATION = c.MGMT_SETTING_PHY_CONFIGURATION
    WIDEBAND_SPEECH = c.MGMT_SETTING_WIDEBAND_SPEECH
    CIS_CENTRAL = c.MGMT_SETTING_CIS_CENTRAL
    CIS_PERIPHERAL = c.MGMT_SETTING_CIS_PERIPHERAL
    ISO_BROADCASTER = c.MGMT_SETTING_ISO_BROADCASTER
    ISO_SYNC_RECEIVER = c.MGMT_SETTING_ISO_SYNC_RECEIVER
    LL_PRIVACY = c.MGMT_SETTING_LL_PRIVACY
    PAST_SENDER = c.MGMT_SETTING_PAST_SENDER
    PAST_RECEIVER = c.MGMT_SETTING_PAST_RECEIVER
    SCI = c.MGMT_SETTING_SCI


_SWITCHES = {
    Setting.LE: c.MGMT_OP_SET_LE,
    Setting.BREDR: c.MGMT_OP_SET_BREDR,
    Setting.SSP: c.MGMT_OP_SET_SSP,
    Setting.SECURE_CONN: c.MGMT_OP_SET_SECURE_CONN,
    Setting.BONDABLE: c.MGMT_OP_SET_BONDABLE,
    Setting.LINK_SECURITY: c.MGMT_OP_SET_LINK_SECURITY,
    Setting.WIDEBAND_SPEECH: c.MGMT_OP_SET_WIDEBAND_SPEECH,
    Setting.CONNECTABLE: c.MGMT_OP_SET_CONNECTABLE,
    Setting.FAST_CONNECTABLE: c.MGMT_OP_SET_FAST_CONNECTABLE,
    Setting.DEBUG_KEYS: c.MGMT_OP_SET_DEBUG_KEYS,
    Setting.POWERED: c.MGMT_OP_SET_POWERED,
    Setting.ADVERTISING: c.MGMT_OP_SET_ADVERTISING,
}
"""The settings that one byte switches, in an order in which the kernel takes them."""


@cstruct.struct("struct mgmt_rp_read_info", header="net/bluetooth/mgmt.h")
class ControllerInfo(Struct):
    """The reply to Read Controller Information: ``struct mgmt_rp_read_info``, 280 bytes.

    ``supported_settings`` and ``current_settings`` are masks of `Setting`.
    """

    bdaddr: str = cstruct.field(BDADDR, "bdaddr")
    version: int = cstruct.u8("version")
    manufacturer: int = cstruct.le16("manufacturer")
    supported_settings: int = cstruct.field(LE32, "supported_settings")
    current_settings: int = cstruct.field(LE32, "current_settings")
    dev_class: bytes = cstruct.raw("dev_class", 3)
    name: str = cstruct.char("name", c.MGMT_MAX_NAME_LENGTH)
    short_name: str = cstruct.char("short_name", c.MGMT_MAX_SHORT_NAME_LENGTH)

    @property
    def supported(self) -> Setting:
        """The settings that the controller has."""
        return Setting(self.supported_settings)

    @property
    def current(self) -> Setting:
        """The settings that are on."""
        return Setting(self.current_settings)


@attrs.frozen
class ManagementEvent:
    """An event of the control channel: ``code`` of MGMT_EV_*, a controller's index, parameters."""

    code: int
    index: int
    parameters: bytes

    @classmethod
    def unpack(cls, data: bytes) -> ManagementEvent:
        """Return the event in ``data``; ValueError if it is truncated."""
        if len(data) >= _HEADER.size:
            code, index, size = _HEADER.unpack_from(data)
            if len(data) >= _HEADER.size + size:
                return cls(code, index, data[_HEADER.size : _HEADER.size + size])
        raise ValueError(f"a management event is longer than these {len(data)} bytes")


class Management:
    """The management interface on a socket that is bound to the control channel.

    ``with Management.open() as management: management.switch_on(0, Setting.POWERED)``. Every method
    raises `ManagementError` if the kernel refuses, and TimeoutError if it does not answer within
    the socket's timeout. ``index`` is the controller's number, 0 for hci0.
    """

    def __init__(self, sock: HciSocket) -> None:
        self.sock = sock
        self._unanswered: set[tuple[int, int]] = set()

    @classmethod
    def open(cls, timeout_s: float = 10.0) -> Self:
        """Return the interface on a new socket, which `close` closes."""
        sock = HciSocket()
        try:
            sock.settimeout(timeout_s)
            sock.bind(HciAddress(c.HCI_DEV_NONE, c.HCI_CHANNEL_CONTROL))
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(
        self, opcode: int, index: int = c.MGMT_INDEX_NONE, parameters: bytes = b""
    ) -> bytes:
        """Send a command (``opcode`` of MGMT_OP_*, 0-65535) and give its return parameters.

        Events that arrive before the answer are dropped: keep another socket for those. An answer
        does not say which of several equal commands it belongs to. So after a TimeoutError, the
        next command with this opcode and index waits for the late answer before it is sent, and
        raises TimeoutError if there is none; a new socket need not wait.
        """
        check_int("management opcode", opcode, 0xFFFF)
        check_int("controller index", index, 0xFFFF)
        parameters = check_octets("parameters", parameters)
        size = check_int("length of parameters", len(parameters), 0xFFFF)
        until = _waiting.deadline(self.sock.gettimeout())
        while (opcode, index) in self._unanswered:
            self._answer(opcode, index, until, "an earlier")
        self.sock.send(_HEADER.pack(opcode, index, size) + parameters)
        self._unanswered.add((opcode, index))
        status, answer = self._answer(opcode, index, until, "the")
        if status:
            raise ManagementError(opcode, index, status)
        return answer

    def _answer(
        self, opcode: int, index: int, until: float | None, which: str
    ) -> tuple[int, bytes]:
        """Return status and parameters of the next answer to such a command; TimeoutError."""
        while (event := self._event_until(until)) is not None:
            if _answered(event) == (opcode, index):
                _, status = _REPLY.unpack_from(event.parameters)
                return status, event.parameters[_REPLY.size :]
        raise TimeoutError(
            f"no answer to {which} management command 0x{opcode:04X} within "
            f"{self.sock.gettimeout()} s"
        )

    def recv_event(self) -> ManagementEvent:
        """Return the next event; TimeoutError if none comes in the socket's timeout."""
        event = ManagementEvent.unpack(self.sock.recv(_LONGEST_BYTES))
        if (found := _answered(event)) is not None:
            self._unanswered.discard(found)
        return event

    def read_version(self) -> tuple[int, int]:
        """Return the interface's version and revision: (1, 22) and so on."""
        version, revision = struct.unpack("<BH", self.command(c.MGMT_OP_READ_VERSION))
        return version, revision

    def read_index_list(self) -> tuple[int, ...]:
        """Return the indices of the controllers that are configured, in ascending order."""
        answer = self.command(c.MGMT_OP_READ_INDEX_LIST)
        return tuple(sorted(struct.unpack_from(f"<{(len(answer) - 2) // 2}H", answer, 2)))

    def read_info(self, index: int) -> ControllerInfo:
        """Return a controller's address, settings and name."""
        return ControllerInfo.unpack(self.command(c.MGMT_OP_READ_INFO, index))

    def set_powered(self, index: int, on: bool) -> Setting:
        """Power a controller on or off; return the settings."""
        return self._switch(index, Setting.POWERED, on)

    def set_connectable(self, index: int, on: bool) -> Setting:
        """Let peers connect, or not; return the settings."""
        return self._switch(index, Setting.CONNECTABLE, on)

    def set_bondable(self, index: int, on: bool) -> Setting:
        """Let peers bond, or not; return the settings."""
        return self._switch(index, Setting.BONDABLE, on)

    def set_bredr(self, index: int, on: bool) -> Setting:
        """Switch BR/EDR on or off (off: not while powered); return the settings."""
        return self._switch(index, Setting.BREDR, on)

    def set_le(self, index: int, on: bool) -> Setting:
        """Switch Low Energy on or off; return the settings."""
        return self._switch(index, Setting.LE, on)

    def set_advertising(self, index: int, on: bool) -> Setting:
        """Advertise as LE peripheral, or stop; return the settings. Connectable if that is set.

        A connection ends the advertising. Linux 6.12 leaves this setting on then, although nothing
        is advertised. `add_advertising` resumes by itself.
        """
        return self._switch(index, Setting.ADVERTISING, on)

    def add_advertising(
        self,
        index: int,
        instance: int,
        *,
        flags: int = c.MGMT_ADV_FLAG_CONNECTABLE,
        timeout_s: int = 0,
        data: bytes = b"",
        scan_response: bytes = b"",
    ) -> None:
        """Advertise with the caller's data, or change what an instance advertises.

        ``instance`` is 1 to what the controller has (at most 254), ``flags`` of MGMT_ADV_FLAG_*,
        ``timeout_s`` 0-65535 (0: until it is removed), ``data`` and ``scan_response`` up to 31
        bytes each, 251 with extended advertising. `famsock_bluetooth.advertising.structure` makes
        their elements.
        """
        data = check_octets("data", data)
        scan_response = check_octets("scan_response", scan_response)
        head = _ADD_ADVERTISING.pack(
            check_int("advertising instance", instance, 0xFF),
            check_int("flags", flags, 0xFFFFFFFF),
            0,
            check_int("timeout_s", timeout_s, 0xFFFF),
            check_int("length of data", len(data), 0xFF),
            check_int("length of scan_response", len(scan_response), 0xFF),
        )
        self.command(c.MGMT_OP_ADD_ADVERTISING, index, head + data + scan_response)

    def remove_advertising(self, index: int, instance: int) -> None:
        """Stop what `add_advertising` began; ``instance`` 0 stops all."""
        parameters = bytes((check_int("advertising instance", instance, 0xFF),))
        self.command(c.MGMT_OP_REMOVE_ADVERTISING, index, parameters)

    def start_discovery(self, index: int, *, le: bool = True, bredr: bool = True) -> None:
        """Look for devices in range: `DeviceFound` events follow, on every management socket.

        It ends by itself after about 10 s, with MGMT_EV_DISCOVERING. BUSY if one is under way.
        """
        self.command(c.MGMT_OP_START_DISCOVERY, index, _discovery_types(le, bredr))

    def stop_discovery(self, index: int, *, le: bool = True, bredr: bool = True) -> None:
        """End what `start_discovery` began with the same kinds; REJECTED if none is under way."""
        self.command(c.MGMT_OP_STOP_DISCOVERY, index, _discovery_types(le, bredr))

    def devices_found(
        self, index: int, duration_s: float = 10.0, *, le: bool = True, bredr: bool = True
    ) -> Generator[DeviceFound, None, None]:
        """Yield the devices of a discovery for ``duration_s``, one for each report.

        It begins at once and ends with the iteration (``close``, also before the first device), or
        by itself. A command on this socket drops devices found meanwhile: use a separate socket for
        commands.
        """
        found = self._devices_found(index, duration_s, le, bredr)
        next(found)  # into its `try`, so that closing it ends the discovery from now on
        return cast("Generator[DeviceFound, None, None]", found)

    def _devices_found(
        self, index: int, duration_s: float, le: bool, bredr: bool
    ) -> Generator[DeviceFound | None, None, None]:
        """Yield None once the discovery has begun, then the devices."""
        under_way = True
        try:
            try:
                self.start_discovery(index, le=le, bredr=bredr)
            except ManagementError:
                under_way = False
                raise
            yield None
            until = _waiting.deadline(duration_s)
            while (event := self._event_until(until)) is not None:
                if event.index != index:
                    continue
                if event.code == c.MGMT_EV_DEVICE_FOUND:
                    yield DeviceFound.unpack(event.parameters)
                elif event.code == c.MGMT_EV_DISCOVERING and not event.parameters[-1]:
                    under_way = False
                    return
        finally:
            if under_way:
                self._end_discovery(index, le, bredr)

    def _end_discovery(self, index: int, le: bool, bredr: bool) -> None:
        """Stop a discovery that may have ended by itself; through another socket if this closed."""
        try:
            if self.sock.fileno() == -1:
                with Management.open() as other:
                    other.stop_discovery(index, le=le, bredr=bredr)
            else:
                self.stop_discovery(index, le=le, bredr=bredr)
        except ManagementError as error:
            if error.status not in _NO_DISCOVERY:
                raise

    def _event_until(self, until: float | None) -> ManagementEvent | None:
        """The next event; None if none comes until a moment of the monotonic clock."""
        return self.recv_event() if _waiting.is_readable(self.sock.fileno(), until) else None

    def set_discoverable(self, index: int, on: bool, timeout_s: int = 0) -> Setting:
        """Let inquiries find a controller, for ``timeout_s`` (0-65535, 0: for ever), or not.

        Needs CONNECTABLE, and POWERED for a time limit. Returns the settings.
        """
        seconds = check_int("discoverable timeout_s", timeout_s, 0xFFFF)
        parameters = struct.pack("<BH", on, seconds if on else 0)
        return _settings(self.command(c.MGMT_OP_SET_DISCOVERABLE, index, parameters))

    def set_local_name(self, index: int, name: str, short_name: str = "") -> None:
        """Set the name (up to 248 bytes of UTF-8) and the short name (up to 10) that peers see."""
        long = _padded_text("name", name, c.MGMT_MAX_NAME_LENGTH)
        short = _padded_text("short_name", short_name, c.MGMT_MAX_SHORT_NAME_LENGTH)
        self.command(c.MGMT_OP_SET_LOCAL_NAME, index, long + short)

    def set_experimental_feature(
        self, feature: UUID, on: bool, index: int = c.MGMT_INDEX_NONE
    ) -> bool:
        """Switch an experimental feature of the kernel or a controller; return whether it is on.

        A call without a change has no effect.
        """
        parameters = feature.bytes[::-1] + bytes((on,))
        answer = self.command(c.MGMT_OP_SET_EXP_FEATURE, index, parameters)
        return bool(_U32.unpack_from(answer, 16)[0] & 1)

    def switch_on(self, index: int, settings: Setting) -> ControllerInfo:
        """Switch on those of ``settings`` that are off; return the controller's information.

        Nothing is sent for a setting that is on already, so that calling it again is harmless.
        ValueError for a setting that no single switch sets; EOPNOTSUPP for one that the controller
        lacks.
        """
        return self._switch_all(index, settings, True)

    def switch_off(self, index: int, settings: Setting) -> ControllerInfo:
        """Switch off those of ``settings`` that are on; return the controller's information."""
        return self._switch_all(index, settings, False)

    def _switch_all(self, index: int, settings: Setting, on: bool) -> ControllerInfo:
        info = self.read_info(index)
        differing = settings & ~info.current if on else settings & info.current
        if not differing:
            return info
        for setting in differing:
            if setting not in _SWITCHES:
                raise ValueError(f"{setting.name} cannot be switched by itself")
        for setting in _SWITCHES if on else reversed(_SWITCHES):
            if setting in differing:
                self._switch(index, setting, on)
        return self.read_info(index)

    def _switch(self, index: int, setting: Setting, on: bool) -> Setting:
        return _settings(self.command(_SWITCHES[setting], index, bytes((on,))))


def _answered(event: ManagementEvent) -> tuple[int, int] | None:
    """Return the opcode and the index of the command that an event answers; None for another."""
    if event.code not in (c.MGMT_EV_CMD_COMPLETE, c.MGMT_EV_CMD_STATUS):
        return None
    number, _ = _REPLY.unpack_from(event.parameters)
    return number, event.index


def _discovery_types(le: bool, bredr: bool) -> bytes:
    """Return the kinds of addresses to look for: bit n for BDADDR_* n."""
    if not le and not bredr:
        raise ValueError("discovery needs le=True or bredr=True")
    return bytes((_LE_TYPES * le | _BREDR_TYPE * bredr,))


def _padded_text(name: str, value: str, size_bytes: int) -> bytes:
    """Return text for a field of ``size_bytes``; TypeError or ValueError if it does not fit."""
    try:
        return codecs.text(size_bytes).encode(value).ljust(size_bytes, b"\0")
    except codecs.REFUSALS as error:
        codecs.name(error, f"AF_BLUETOOTH {name}")
        raise


def _settings(answer: bytes) -> Setting:
    return Setting(_U32.unpack_from(answer)[0])
