"""AF_QIPCRTR by the conformance suite."""

from __future__ import annotations

from famsock_qipcrtr.addresses import QipcrtrAddress

from famsock.plugin import AddressRangeError
from famsock.testing import BadAddress, Conformance, Example


class TestQipcrtr(Conformance):
    family = "AF_QIPCRTR"
    batched = ("qipcrtr",)
    examples = (
        Example(
            protocol="qipcrtr",
            typed=QipcrtrAddress(1, 16384),
            stdlib=(1, 16384),
            sockaddr=bytes.fromhex("2a00 0000 01000000 00400000"),
            text="1:16384",
            also_text=("0x1:0x4000",),
        ),
        Example(
            protocol="qipcrtr",
            typed=QipcrtrAddress(0xFFFFFFFF, 0xFFFFFFFE),
            stdlib=(0xFFFFFFFF, 0xFFFFFFFE),
            sockaddr=bytes.fromhex("2a00 0000 ffffffff feffffff"),
            text="4294967295:4294967294",
        ),
    )
    bad = (
        BadAddress(
            protocol="qipcrtr",
            form=(-2, 123),
            error=AddressRangeError,
            match="AF_QIPCRTR node must be 0-4294967295, not -2",
        ),
        BadAddress(protocol="qipcrtr", form=(-2, 123), error=OSError, match="node must be"),
        BadAddress(
            protocol="qipcrtr",
            form=(1, 2**32),
            error=OverflowError,
            match="AF_QIPCRTR port must be 0-4294967295, not 4294967296",
        ),
        BadAddress(protocol="qipcrtr", form=(1,), error=TypeError, match="of 2 items, not 1"),
        BadAddress(protocol="qipcrtr", form=(1, 2, 3), error=TypeError, match="of 2 items, not 3"),
        BadAddress(protocol="qipcrtr", form=[1, 2], error=TypeError, match="tuple .*, not list"),
        BadAddress(protocol="qipcrtr", form=("1", 2), error=TypeError, match="node .*, not str"),
        BadAddress(protocol="qipcrtr", form=(1, 2.0), error=TypeError, match="port .*, not float"),
    )


def test_broadcast_and_control_are_told() -> None:
    assert QipcrtrAddress(0xFFFFFFFF, 5).is_broadcast
    assert not QipcrtrAddress(1, 5).is_broadcast
    assert QipcrtrAddress(1, 0xFFFFFFFE).is_control
    assert not QipcrtrAddress(1, 5).is_control
