"""AF_IEEE802154 by the conformance suite."""

from __future__ import annotations

from typing import ClassVar

import pytest
from famsock_ieee802154.addresses import ExtendedAddress, ShortAddress

from famsock.testing import BadAddress, Conformance, Example

RADIOS = (
    pytest.mark.needs_command("iwpan", package="wpan-tools"),
    pytest.mark.needs_interface("wpan0"),
    pytest.mark.needs_interface("wpan1"),
)


class TestIeee802154(Conformance):
    family = "AF_IEEE802154"
    kernel_headers: ClassVar = {"net/af_ieee802154.h": ("*",)}
    examples = (
        Example(
            protocol="dgram",
            typed=ShortAddress(0xBEEF, 1),
            stdlib=(0xBEEF, 1),
            sockaddr=bytes.fromhex("2400 0000 02000000 efbe 0100 0000000000000000"),
            text="0xbeef:0x0001",
            also_text=("48879:1",),
        ),
        Example(
            protocol="raw",
            typed=ExtendedAddress(0xFFFF, bytes(range(8))),
            stdlib=(0xFFFF, bytes(range(8))),
            sockaddr=bytes.fromhex("2400 0000 03000000 ffff 0001020304050607 0000"),
            text="0xffff:[00:01:02:03:04:05:06:07]",
            also_stdlib=((0xFFFF, bytearray(range(8))),),
        ),
    )
    bad = (
        BadAddress(
            protocol="dgram",
            form=(0x10000, 1),
            error=OverflowError,
            match="AF_IEEE802154 pan_id must be 0-65535, not 65536",
        ),
        BadAddress(
            protocol="dgram",
            form=(1, -1),
            error=OverflowError,
            match="AF_IEEE802154 short_addr must be 0-65535, not -1",
        ),
        BadAddress(
            protocol="raw",
            form=(1, bytes(7)),
            error=ValueError,
            match="AF_IEEE802154 hwaddr must be 8 bytes, not 7",
        ),
        BadAddress(protocol="dgram", form=(1,), error=TypeError, match="of 2 items, not 1"),
        BadAddress(protocol="dgram", form=(1, 2, 3), error=TypeError, match="of 2 items, not 3"),
        BadAddress(protocol="dgram", form=[1, 2], error=TypeError, match="tuple .*, not list"),
        BadAddress(protocol="dgram", form=(1, "2"), error=TypeError, match="short_addr .* not str"),
        BadAddress(protocol="raw", form=(1.0, 2), error=TypeError, match="pan_id .*, not float"),
    )
    selftest_marks: ClassVar = {"dgram": RADIOS, "raw": RADIOS}
