"""AF_TIPC by the conformance suite."""

from __future__ import annotations

from typing import ClassVar

from famsock_tipc.addresses import GroupMember, ServiceAddress, ServiceRange, SocketAddress

from famsock.testing import BadAddress, Conformance, Example


class TestTipc(Conformance):
    family = "AF_TIPC"
    batched = ("tipc rdm",)
    examples = (
        Example(
            protocol="tipc",
            typed=ServiceAddress(18888, 17),
            stdlib=(2, 18888, 17, 17, 2),
            sockaddr=bytes.fromhex("1e00 02 02 c8490000 11000000 00000000"),
            text="service:18888:17",
            also_stdlib=((2, 18888, 17, 0), (2, 18888, 17, 5, 2), (2, 18888, 17, 2**32 - 1, 2)),
            also_text=("service:18888:17:2", "service:0x49c8:0x11"),
        ),
        Example(
            protocol="tipc",
            typed=ServiceAddress(18888, 17, domain=0x1001001, scope=3),
            sockaddr=bytes.fromhex("1e00 02 03 c8490000 11000000 01100001"),
            text="service:18888:17:3?domain=16781313",
            reason="the stdlib's tuple has no place for the domain",
        ),
        Example(
            protocol="tipc",
            typed=ServiceRange(18888, 0, 99, scope=-3),
            stdlib=(1, 18888, 0, 99, -3),
            sockaddr=bytes.fromhex("1e00 01 fd c8490000 00000000 63000000"),
            text="range:18888:0:99:-3",
        ),
        Example(
            protocol="tipc",
            typed=SocketAddress(0x1001002, 0xDEADBEEF),
            stdlib=(3, 0x1001002, 0xDEADBEEF, 0, 0),
            sockaddr=bytes.fromhex("1e00 03 00 efbeadde 02100001 00000000"),
            text="socket:16781314:3735928559",
            also_stdlib=((3, 0x1001002, 0xDEADBEEF, 7, 0),),
        ),
        Example(
            protocol="tipc",
            typed=GroupMember(1, 2, type=5000, instance=7),
            sockaddr=bytes.fromhex(
                "1e00 03 00 02000000 01000000 00000000 1e00 02 00 88130000 07000000 00000000"
            ),
            text="member:1:2:5000:7",
            reason="the stdlib's tuple is that of its socket",
        ),
    )
    bad = (
        BadAddress(
            protocol="tipc",
            form=(4, 1, 2, 3),
            error=TypeError,
            match="Invalid address type",
        ),
        BadAddress(
            protocol="tipc",
            form=(1, 2**32, 2, 3),
            error=OverflowError,
            match="AF_TIPC v1 must be 0-4294967295, not 4294967296",
        ),
        BadAddress(
            protocol="tipc",
            form=(2, 1000, -2, 0),
            error=OverflowError,
            match="AF_TIPC v2 must be 0-4294967295, not -2",
        ),
        BadAddress(
            protocol="tipc",
            form=(2, 1000, 1, 2**32),
            error=OverflowError,
            match="AF_TIPC v3 must be 0-4294967295, not 4294967296",
        ),
        BadAddress(
            protocol="tipc",
            form=(-2, 1000, 1, 0),
            error=(OverflowError, TypeError),
            match="AF_TIPC addr_type must be 0-4294967295, not -2",
        ),
        BadAddress(
            protocol="tipc",
            form=(1, 1000, 1, 1, 128),
            error=OverflowError,
            match="AF_TIPC scope must be -128-127, not 128",
        ),
        BadAddress(
            protocol="tipc",
            form=(1, 2, 3),
            error=TypeError,
            match=r"must be a tuple \(addr_type, v1, v2, v3\[, scope\]\), not of 3 items",
        ),
        BadAddress(protocol="tipc", form=(1, 2, 3, 4, 5, 6), error=TypeError, match="of 6 items"),
        BadAddress(protocol="tipc", form=[1, 2, 3, 4], error=TypeError, match="tuple, not list"),
        BadAddress(protocol="tipc", form=("1", 2, 3, 4), error=TypeError, match="addr_type .*str"),
        BadAddress(protocol="tipc", form=(1, 2.0, 3, 4), error=TypeError, match="v1 .*float"),
        BadAddress(protocol="tipc", form=(1, 2, 3, 4, None), error=TypeError, match="scope .*None"),
    )
    unreadable_options: ClassVar = {}
