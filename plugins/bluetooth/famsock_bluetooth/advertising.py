"""Advertising data of devices, and the reports of controllers that scan.

Sources: Core Specification vol 3 part C 11 and Supplement part A (advertising data), vol 4 part E
7.7.65.2 and 7.7.65.13 (reports), net/bluetooth/mgmt.h (``struct mgmt_ev_device_found``).
"""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID

import attrs

from famsock_bluetooth import constants as c
from famsock_bluetooth._fields import bdaddr_from_bytes, check_int, check_octets
from famsock_bluetooth.packets import HciEvent

__all__ = [
    "Advertised",
    "DeviceFound",
    "LeAdvertisingReport",
    "structure",
    "structures",
]

_REPORT = struct.Struct("<BB6sB")
_EXTENDED = struct.Struct("<HB6sBBBbbHB6sB")
_FOUND = struct.Struct("<6sBbIH")
_RSSI = struct.Struct("<b")
_NO_RSSI = 127
_RANDOM = 0x01
_EXTENDED_CONNECTABLE = 0x0001
_EXTENDED_SCAN_RESPONSE = 0x0008
_UUID_BYTES = {
    c.EIR_UUID16_SOME: 2,
    c.EIR_UUID16_ALL: 2,
    c.EIR_UUID32_SOME: 4,
    c.EIR_UUID32_ALL: 4,
    c.EIR_UUID128_SOME: 16,
    c.EIR_UUID128_ALL: 16,
}
_SERVICE_DATA_BYTES = {c.EIR_SERVICE_DATA: 2, 0x20: 4, 0x21: 16}
"""Types of service data, and the size of the UUID before it; Linux names one of them."""
_MANUFACTURER_DATA = 0xFF
_BASE_UUID = UUID("00000000-0000-1000-8000-00805f9b34fb").int
"""The base UUID, which completes UUIDs of 16 or 32 bits (vol 3 part B 2.5.1)."""
_CONNECTABLE = (c.LE_ADV_IND, c.LE_ADV_DIRECT_IND)


def structures(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """Return the (type of EIR_*, value) pairs of advertising data, without truncated ones.

    An element is u8 length, u8 type, value; a length of 0 ends them.
    """
    found = []
    at = 0
    while at + 1 < len(data) and data[at] and at + data[at] < len(data):
        end = at + 1 + data[at]
        found.append((data[at + 1], data[at + 2 : end]))
        at = end
    return tuple(found)


def structure(kind: int, value: bytes) -> bytes:
    """Return an element of advertising data: ``kind`` of EIR_* (0-255), up to 254 bytes.

    OverflowError for another kind, TypeError for no bytes, ValueError for too many of them.
    """
    kind = check_int("kind of advertising data", kind, 0xFF)
    value = check_octets("advertising data", value)
    if len(value) > 0xFE:
        raise ValueError(f"an element of advertising data has up to 254 bytes, not {len(value)}")
    return bytes((1 + len(value), kind)) + value


@attrs.frozen
class Advertised:
    """A device that made itself known.

    ``bdaddr`` and ``bdaddr_type`` (BDADDR_BREDR, BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM) are what
    `famsock_bluetooth.addresses.L2capAddress` takes. ``rssi_dbm`` is the strength of its signal,
    None if it was not measured; ``data`` its advertising data.
    """

    bdaddr: str
    bdaddr_type: int
    rssi_dbm: int | None
    data: bytes

    @property
    def structures(self) -> tuple[tuple[int, bytes], ...]:
        """The elements of ``data``, as `structures` gives them."""
        return structures(self.data)

    @property
    def name(self) -> str:
        """The device's name, complete or shortened; "" if the data has none."""
        found = dict(self.structures)
        value = found.get(c.EIR_NAME_COMPLETE) or found.get(c.EIR_NAME_SHORT) or b""
        return value.decode("utf-8", "replace")

    @property
    def service_uuids(self) -> tuple[UUID, ...]:
        """The services that it names here; those of 16 and 32 bits at their full length."""
        return tuple(
            _uuid(value[at : at + size])
            for kind, value in self.structures
            if (size := _UUID_BYTES.get(kind))
            for at in range(0, len(value) - size + 1, size)
        )

    @property
    def service_data(self) -> dict[UUID, bytes]:
        """The data of services, by their UUIDs."""
        return {
            _uuid(value[:size]): value[size:]
            for kind, value in self.structures
            if (size := _SERVICE_DATA_BYTES.get(kind)) and len(value) >= size
        }

    @property
    def manufacturer_data(self) -> dict[int, bytes]:
        """The data of manufacturers, by the company's identifier (0-65535)."""
        return {
            int.from_bytes(value[:2], "little"): value[2:]
            for kind, value in self.structures
            if kind == _MANUFACTURER_DATA and len(value) >= 2
        }


@attrs.frozen
class LeAdvertisingReport(Advertised):
    """A report of HCI_EV_LE_META, from a controller that scans.

    ``event_type`` is of LE_ADV_*, or in an extended report (``is_extended``) 16 bits.
    """

    event_type: int
    is_extended: bool

    @property
    def is_connectable(self) -> bool:
        """True if the device takes a connection."""
        if self.is_extended:
            return self.event_type & _EXTENDED_CONNECTABLE != 0
        return self.event_type in _CONNECTABLE

    @property
    def is_scan_response(self) -> bool:
        """True if this answers a scan request, and so adds to an advertisement."""
        if self.is_extended:
            return self.event_type & _EXTENDED_SCAN_RESPONSE != 0
        return self.event_type == c.LE_ADV_SCAN_RSP

    @classmethod
    def all_of(cls, event: HciEvent) -> tuple[LeAdvertisingReport, ...]:
        """Return the reports in an event, none for another event; ValueError if one is truncated.

        Both HCI_EV_LE_ADVERTISING_REPORT and HCI_EV_LE_EXT_ADV_REPORT.
        """
        parameters = event.parameters
        kind = parameters[0] if event.code == c.HCI_EV_LE_META and len(parameters) > 1 else None
        if kind not in (c.HCI_EV_LE_ADVERTISING_REPORT, c.HCI_EV_LE_EXT_ADV_REPORT):
            return ()
        take = _report if kind == c.HCI_EV_LE_ADVERTISING_REPORT else _extended_report
        found = []
        at = 2
        for _ in range(parameters[1]):
            report, at = take(parameters, at)
            found.append(report)
        return tuple(found)


def _report(data: bytes, at: int) -> tuple[LeAdvertisingReport, int]:
    """Read u8 event type, u8 address type, 6 bytes address, u8 length, data, i8 RSSI."""
    kind, address_type, bdaddr, size = _unpack(_REPORT, data, at)
    start = at + _REPORT.size
    end = start + size
    (rssi,) = _unpack(_RSSI, data, end)
    made = LeAdvertisingReport(
        *_address(bdaddr, address_type), _dbm(rssi), data[start:end], kind, False
    )
    return made, end + 1


def _extended_report(data: bytes, at: int) -> tuple[LeAdvertisingReport, int]:
    """Read le16 event type, address, phys, set, powers, interval, target, data."""
    kind, address_type, bdaddr, _, _, _, _, rssi, _, _, _, size = _unpack(_EXTENDED, data, at)
    start = at + _EXTENDED.size
    end = start + size
    if end > len(data):
        raise ValueError(f"an advertising report needs {end} bytes, not {len(data)}")
    made = LeAdvertisingReport(
        *_address(bdaddr, address_type), _dbm(rssi), data[start:end], kind, True
    )
    return made, end


@attrs.frozen
class DeviceFound(Advertised):
    """MGMT_EV_DEVICE_FOUND: what discovery found, with ``flags`` of MGMT_DEV_FOUND_*."""

    flags: int

    @classmethod
    def unpack(cls, parameters: bytes) -> DeviceFound:
        """Return the device in a management event's parameters; ValueError if it is truncated.

        6 bytes address, u8 its type, i8 RSSI, le32 flags, le16 length, data.
        """
        bdaddr, bdaddr_type, rssi, flags, size = _unpack(_FOUND, parameters, 0)
        data = parameters[_FOUND.size : _FOUND.size + size]
        if len(data) < size:
            raise ValueError(
                f"a device found needs {_FOUND.size + size} bytes, not {len(parameters)}"
            )
        return cls(bdaddr_from_bytes(bdaddr), bdaddr_type, _dbm(rssi), data, flags)


def _uuid(raw: bytes) -> UUID:
    """Return the UUID of 2, 4 or 16 bytes, little-endian."""
    number = int.from_bytes(raw, "little")
    return UUID(int=number if len(raw) == 16 else _BASE_UUID | number << 96)


def _unpack(layout: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    if len(data) < at + layout.size:
        raise ValueError(f"an advertising report needs {at + layout.size} bytes, not {len(data)}")
    return layout.unpack_from(data, at)


def _address(raw: bytes, address_type: int) -> tuple[str, int]:
    """Return an address and its BDADDR_LE_*; HCI's types 2 and 3 are resolved identities."""
    kind = c.BDADDR_LE_RANDOM if address_type & _RANDOM else c.BDADDR_LE_PUBLIC
    return bdaddr_from_bytes(raw), kind


def _dbm(rssi: int) -> int | None:
    return None if rssi == _NO_RSSI else rssi
