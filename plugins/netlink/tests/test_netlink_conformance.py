"""AF_NETLINK against famsock's conformance suite."""

from __future__ import annotations

from famsock_netlink.addresses import NetlinkAddress

from famsock.testing import BadAddress, Conformance, Example


class TestNetlink(Conformance):
    family = "AF_NETLINK"
    batched = ("route", "generic", "usersock")
    examples = (
        Example(
            protocol="route",
            typed=NetlinkAddress(0x01020304, 0x11121314),
            stdlib=(0x01020304, 0x11121314),
            sockaddr=b"".join(n.to_bytes(4, "little") for n in (16, 0x01020304, 0x11121314)),
            text="16909060:286397204",
            also_text=("0x01020304:0x11121314",),
        ),
        Example(
            protocol="generic",
            typed=NetlinkAddress(0),
            stdlib=(0, 0),
            sockaddr=bytes.fromhex("100000000000000000000000"),
            text="0",
        ),
        Example(
            protocol="any",
            typed=NetlinkAddress(2**32 - 1, 2**32 - 1),
            stdlib=(2**32 - 1, 2**32 - 1),
            sockaddr=bytes.fromhex("10000000ffffffffffffffff"),
            text="4294967295:4294967295",
        ),
    )
    bad = (
        BadAddress(protocol="route", form=(-1, 0), error=OverflowError, match="pid must be 0-4"),
        BadAddress(protocol="route", form=(2**32, 0), error=OverflowError, match="not 4294967296"),
        BadAddress(protocol="route", form=(0, -1), error=OverflowError, match="groups must be 0-4"),
        BadAddress(protocol="any", form=(0, 2**32), error=OverflowError, match="AF_NETLINK groups"),
        BadAddress(protocol="route", form=(0,), error=TypeError, match="of 2 items, not 1"),
        BadAddress(protocol="route", form=(0, 0, 0), error=TypeError, match="of 2 items, not 3"),
        BadAddress(protocol="route", form=[0, 0], error=TypeError, match="pid, groups., not"),
        BadAddress(protocol="route", form=("0", 0), error=TypeError, match="pid must be an int"),
    )
