"""AF_VSOCK by the conformance suite."""

from __future__ import annotations

from typing import ClassVar

import pytest
from famsock_vsock.addresses import VsockAddress

from famsock.testing import BadAddress, Conformance, Example

LOOPBACK = (pytest.mark.needs_module("vsock_loopback"),)


class TestVsock(Conformance):
    family = "AF_VSOCK"
    examples = (
        Example(
            protocol="vsock",
            typed=VsockAddress(2, 1024),
            stdlib=(2, 1024),
            sockaddr=bytes.fromhex("2800 0000 00040000 02000000 00000000"),
            text="2:1024",
            also_text=("host:1024", "host:0x400"),
        ),
        Example(
            protocol="vsock",
            typed=VsockAddress(0xFFFFFFFF, 0xFFFFFFFF),
            stdlib=(0xFFFFFFFF, 0xFFFFFFFF),
            sockaddr=bytes.fromhex("2800 0000 ffffffff ffffffff 00000000"),
            text="any:any",
            also_text=("4294967295:any", "any:0xffffffff"),
        ),
        Example(
            protocol="vsock",
            typed=VsockAddress(1, 5, flags=1),
            sockaddr=bytes.fromhex("2800 0000 05000000 01000000 01000000"),
            text="1:5?flags=1",
            also_text=("local:5?flags=1",),
            reason="the stdlib's tuple has no place for flags",
        ),
    )
    bad = (
        BadAddress(
            protocol="vsock",
            form=(2**32, 1),
            error=OverflowError,
            match="AF_VSOCK cid must be 0-4294967295, not 4294967296",
        ),
        BadAddress(
            protocol="vsock",
            form=(-2, 1),
            error=OverflowError,
            match="AF_VSOCK cid must be 0-4294967295, not -2",
        ),
        BadAddress(
            protocol="vsock",
            form=(1, -2),
            error=OverflowError,
            match="AF_VSOCK port must be 0-4294967295, not -2",
        ),
        BadAddress(protocol="vsock", form=(1, 2, 3), error=TypeError, match="of 2 items, not 3"),
        BadAddress(protocol="vsock", form=(1,), error=TypeError, match="of 2 items, not 1"),
        BadAddress(protocol="vsock", form=[1, 2], error=TypeError, match="tuple .*, not list"),
        BadAddress(protocol="vsock", form=("2", 1), error=TypeError, match="cid .*, not str"),
        BadAddress(protocol="vsock", form=(2, 1.0), error=TypeError, match="port .*, not float"),
        BadAddress(protocol="vsock", form="2:1024", error=TypeError, match="tuple .*, not str"),
    )
    selftest_marks: ClassVar = dict.fromkeys(("vsock", "vsock seqpacket"), LOOPBACK)
    unreadable_options: ClassVar = {
        "SO_VM_SOCKETS_PEER_HOST_VM_ID": "for the VMCI transport",
        "SO_VM_SOCKETS_TRUSTED": "for the VMCI transport",
        "SO_VM_SOCKETS_NONBLOCK_TXRX": "for VMware's own kernel, not Linux's",
    }
