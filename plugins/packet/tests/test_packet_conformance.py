"""AF_PACKET against famsock's conformance suite."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar

from famsock_packet.addresses import PacketAddress
from hypothesis import strategies as st

from famsock.testing import BadAddress, Conformance, Example
from famsock.testing.strategies import Strategies

MAC = bytes.fromhex("020000000001")
NO_INTERFACE = 777_777  # a machine's interfaces have the smallest indexes


def sockaddr(index: int, proto: int, hatype: int, pkttype: int, addr: bytes) -> bytes:
    """struct sockaddr_ll, of 20 bytes or more."""
    head = struct.pack("=H2siHBB", 17, proto.to_bytes(2, "big"), index, hatype, pkttype, len(addr))
    return head + addr.ljust(8, b"\0")


def bad(form: Any, error: type[Exception], match: str) -> BadAddress:
    """A form that every operation refuses."""
    return BadAddress(protocol="packet", form=form, error=error, match=match)


class TestPacket(Conformance):
    redefines: ClassVar[Mapping[str, str]] = {
        "close": "to wake threads that wait in the socket's rings",
        "send": "for its hints",
    }
    family = "AF_PACKET"
    newer: ClassVar = {
        "6.12": (
            "PACKET_FANOUT_FLAG_IGNORE_OUTGOING",
            "PACKET_VNET_HDR_SZ",
            "TP_STATUS_GSO_TCP",
            "VIRTIO_NET_HDR_GSO_UDP_L4",
        ),
        "7.3": (
            "ETH_P_8021AC",
            "ETH_P_GRE_OSI",
            "ETH_P_MXLGSW",
            "ETH_P_NXP_NETC",
            "ETH_P_YT921X",
            "VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM",
            "VIRTIO_NET_HDR_GSO_UDP_TUNNEL",
            "VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4",
            "VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6",
        ),
    }
    network_namespace = True
    batched = ("packet", "packet dgram")
    strategies: ClassVar[Strategies] = {"interface": st.just(1), "addr": st.binary(max_size=8)}
    accepts: ClassVar[Mapping[str, tuple[type[Any], ...]]] = {"interface": (str,)}
    examples = (
        Example(
            protocol="packet",
            needs_interface="lo",
            typed=lambda index: PacketAddress(index, 0x0800, 4, 772, MAC),
            unpacked=PacketAddress("lo", 0x0800, 4, 772, MAC),
            stdlib=("lo", 0x0800, 4, 772, MAC),
            sockaddr=lambda index: sockaddr(index, 0x0800, 772, 4, MAC),
            text=lambda index: f"ifindex/{index}:0x0800:4:772:[02:00:00:00:00:01]",
            also_stdlib=(("lo", 0x0800, 4, 772, bytearray(MAC)),),
            also_text=("lo:0x0800:4:772:020000000001", "lo:2048:4:772:[02:00:00:00:00:01]"),
        ),
        Example(
            protocol="packet",
            needs_interface="lo",
            typed=lambda index: PacketAddress(index, 3),
            unpacked=PacketAddress("lo", 3),
            stdlib=("lo", 3, 0, 0, b""),
            sockaddr=lambda index: sockaddr(index, 3, 0, 0, b""),
            text=lambda index: f"ifindex/{index}:0x0003",
            also_stdlib=(("lo", 3), ("lo", 3, 0), ("lo", 3, 0, 0), ("lo", True + 2)),
            also_text=("lo:3",),
        ),
        Example(
            protocol="packet",
            typed=PacketAddress("", 0x88CC),
            sockaddr=sockaddr(0, 0x88CC, 0, 0, b""),
            text=":0x88cc",
            reason="the stdlib's form needs the name of an interface",
        ),
        Example(
            protocol="packet",
            typed=PacketAddress(NO_INTERFACE, 0x8915, 0, 32, bytes(range(20))),
            sockaddr=sockaddr(NO_INTERFACE, 0x8915, 32, 0, bytes(range(20))),
            text=f"ifindex/{NO_INTERFACE}:0x8915:0:32:[{bytes(range(20)).hex(':')}]",
            reason="the stdlib's form has at most 8 bytes of hardware address",
        ),
    )
    bad = (
        bad("lo", TypeError, "must be tuple, not str"),
        bad(["lo", 3], TypeError, "tuple, not list"),
        bad(("lo",), TypeError, "two to five"),
        bad(("lo", 3, 0, 0, b"", 0), TypeError, "five"),
        bad((b"lo", 3), TypeError, "two to five"),
        bad((1, 3), TypeError, "two to five"),
        bad(("l\0", 3), ValueError, "null character"),
        bad(("", 3), OSError, "o such device|no int"),
        bad(("n" * 15, 3), OSError, "o such|no inter"),
        bad(("lo" + "x" * 14, 3), OSError, "15 bytes"),
        bad(("lo", "3"), TypeError, "proto must be an"),
        bad(("lo", 3, 0.0), TypeError, "pkttype must be"),
        bad(("lo", -1), OverflowError, "proto must be 0-"),
        bad(("lo", 65536), OverflowError, "0-65535, not"),
        bad(("lo", 2**31), OverflowError, "argument out"),
        bad(("lo", 3, 256), OverflowError, "pkttype mus"),
        bad(("lo", 3, -1), OverflowError, "must be 0-255"),
        bad(("lo", 3, 0, 65536), OverflowError, "hatype must be"),
        bad(("lo", 3, 0, 0, bytes(9)), ValueError, "8 bytes or"),
        bad(("lo", 3, 0, 0, "00"), TypeError, "bytes-like"),
        bad(("lo", 65536, 0, 0, bytes(9)), ValueError, "8 bytes"),
        bad(("none0", 65536, 0, 0, bytes(9)), OSError, "o such|no int"),
    )
