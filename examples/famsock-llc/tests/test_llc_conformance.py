"""AF_LLC by the conformance suite."""

from __future__ import annotations

from typing import ClassVar

from famsock_llc.addresses import LlcAddress

from famsock.testing import BadAddress, Conformance, Example

MAC = bytes.fromhex("02fc00000001")


class TestLlc(Conformance):
    family = "AF_LLC"
    batched = ("llc1",)
    unreadable_options: ClassVar = {
        "LLC_OPT_RX_WIN": "a new socket has 128, which nobody can set",
    }
    exceptions: ClassVar = {
        "test_batches_say_what_was_cut[llc1]": "LLC cuts a datagram and sets no MSG_TRUNC",
        "test_batches_count_what_was_sent_before_a_failure[llc1]": (
            "LLC sends the part of a message that fits into a frame, and refuses none"
        ),
    }
    examples = (
        Example(
            protocol="llc1",
            typed=LlcAddress(MAC, 0x54),
            stdlib=(MAC, 0x54, 1, 0, 0, 0),
            sockaddr=bytes.fromhex("1a00 0100 000000 54 02fc00000001 0000"),
            text="[02:fc:00:00:00:01]:84",
            also_stdlib=((MAC, 0x54), (MAC, 0x54, 1)),
        ),
    )
    bad = (
        BadAddress(
            protocol="llc1",
            form=(bytes(6), 256),
            error=OverflowError,
            match="AF_LLC sap must be 0-255, not 256",
        ),
        BadAddress(
            protocol="llc1",
            form=(bytes(5), 1),
            error=ValueError,
            match="AF_LLC mac must be 6 bytes, not 5",
        ),
        BadAddress(protocol="llc2", form=(MAC,), error=TypeError, match="of 2 to 6 items, not 1"),
        BadAddress(protocol="llc2", form=[MAC, 1], error=TypeError, match="tuple .*, not list"),
    )
