"""The two classes of AF_RDS's addresses, and structs that need no kernel."""

from __future__ import annotations

import socket as stdlib
from ipaddress import IPv4Address, IPv6Address
from socket import gaierror

import pytest
from famsock_rds.addresses import RdsAddress, RdsInet6Address, RdsInetAddress
from famsock_rds.info import Connection, SocketInfo
from famsock_rds.structs import (
    CongestionUpdate,
    GetMemoryRegionFor,
    IoVector,
    Latency,
    LatencyTrace,
    RdmaStatus,
    ZeroCopyCookies,
    congestion_mask,
)

import famsock
from famsock.address import Lookup
from famsock.plugin import RawAddress


def test_objects_of_ipaddress_are_hosts() -> None:
    assert RdsInetAddress(IPv4Address("192.0.2.1"), 1) == RdsInetAddress("192.0.2.1", 1)  # type: ignore[arg-type]
    assert RdsInet6Address(IPv6Address("::1"), 1) == RdsInet6Address("::1", 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="host must be str, bytes or bytearray, not IPv6Address"):
        RdsInetAddress(IPv6Address("::1"), 1)  # type: ignore[arg-type]


def test_names_are_resolved_when_packed_and_never_cached() -> None:
    lookup = Lookup("bind")
    address = RdsInetAddress("localhost", 4000)
    assert not lookup.used
    assert address.pack(lookup) == RdsInetAddress("127.0.0.1", 4000).pack()
    assert lookup.used
    with pytest.raises(gaierror):
        RdsInetAddress("a." * 140, 1).pack()  # too long: no query is sent


def test_a_zone_gives_the_scope_unless_one_is_given() -> None:
    lookup = Lookup("bind")
    zoned = RdsInet6Address("fe80::1%lo", 1).pack(lookup)
    assert lookup.used
    assert RdsInet6Address.unpack(zoned) == RdsInet6Address("fe80::1", 1, 0, 1)
    both = RdsInet6Address("fe80::1%lo", 1, 0, 7).pack(lookup)
    assert RdsInet6Address.unpack(both).scope_id == 7


def test_broadcast_and_international_names() -> None:
    assert RdsInetAddress("<broadcast>", 1).pack()[4:8] == b"\xff" * 4
    assert RdsInetAddress("bücher.example", 1).host == "xn--bcher-kva.example"


def test_text_of_a_name_keeps_the_ip_version() -> None:
    for host in ("host.example", "", ":", "a:b", "\\:]", "[:", "x?y=:", "\udce4:"):
        for address in (RdsInetAddress(host, 5), RdsInet6Address(host, 5)):
            assert RdsAddress.parse(str(address)) == address
    assert str(RdsInet6Address("host.example", 5)) == "[host.example]:5"
    assert str(RdsInetAddress("a:b", 5)) == r"a\:b:5"


@pytest.mark.parametrize("text", ["\x80:1", "[\x80]:1", "a\\x00b:1", "h", "h:65536x", ""])
def test_texts_of_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="AF_RDS"):
        RdsAddress.parse(text)


def test_a_class_takes_nothing_of_the_other() -> None:
    four, six = RdsInetAddress("192.0.2.1", 1), RdsInet6Address("::1", 1)
    assert RdsAddress.unpack(four.pack()) == four
    assert RdsAddress.unpack(six.pack()) == six
    with pytest.raises(ValueError, match="is no RdsInet6Address"):
        RdsInet6Address.unpack(four.pack())
    with pytest.raises(ValueError, match="is no RdsAddress"):
        RdsAddress.unpack(bytes(16))
    with pytest.raises(TypeError, match="must be a pair"):
        RdsInet6Address.from_stdlib(("h", 1), Lookup("bind"))
    with pytest.raises(ValueError, match="is no RdsInetAddress"):
        RdsInetAddress.parse("[::1]:5")


def test_what_cannot_be_cancelled_or_waited_for_is_refused() -> None:
    ours, other = stdlib.socketpair()
    with other, famsock.socket(21, stdlib.SOCK_SEQPACKET, 0, ours.detach()) as sock:
        rds = sock.operations
        with pytest.raises(TypeError, match=r"cancel_sent_to\(\): AF_RDS address must be tuple"):
            rds.cancel_sent_to("192.0.2.1:4000")
        with pytest.raises(OverflowError, match=r"cancel_sent_to\(\): AF_RDS port must be 0-65535"):
            rds.cancel_sent_to(("192.0.2.1", 65536))
        with pytest.raises(ValueError, match=r"cancel_sent_to\(\): AF_RDS sockaddr of family"):
            rds.cancel_sent_to(RawAddress(1, b"path"))
        for wrong in (-1, -0.5, float("nan")):
            with pytest.raises(
                ValueError, match=f"timeout_s must be 0 or more, or None, not {wrong}"
            ):
                rds.wait_for_congestion_change(wrong)


def test_congestion_masks() -> None:
    assert congestion_mask(0) == 1
    assert congestion_mask(63) == congestion_mask(127) == 1 << 63
    update = CongestionUpdate(congestion_mask(4000))
    assert update.covers(4000)
    assert update.covers(4064)
    assert not update.covers(4001)
    with pytest.raises(OverflowError, match="port must be 0-65535, not 65536"):
        update.covers(65536)


def test_latencies_are_those_that_were_asked_for() -> None:
    latency = Latency(2, (2, 0, 1), 10, 20, 30)
    assert latency.latencies_ns == {2: 10, 0: 20}
    with pytest.raises(ValueError, match="positions must be 3 integers, not 2"):
        LatencyTrace(2, (0, 1))
    with pytest.raises(OverflowError, match="positions must be 0-255, not 256"):
        LatencyTrace(3, (0, 1, 256))


def test_zero_copy_cookies() -> None:
    packed = (2).to_bytes(4, "little") + b"\1\0\0\0\7\0\0\0" + bytes(24)
    assert ZeroCopyCookies.unpack(packed).cookies == (1, 7)
    assert len(ZeroCopyCookies.unpack(b"\xff" * 36).cookies) == 8


def test_a_memory_region_for_a_peer_holds_its_address() -> None:
    region = GetMemoryRegionFor(RdsInetAddress("192.0.2.1", 5), IoVector(4096, 8), 0, 1)
    packed = region.pack()
    assert len(packed) == 160
    assert GetMemoryRegionFor.unpack(packed) == region
    with pytest.raises(TypeError, match="peer must be RdsAddress, not tuple"):
        GetMemoryRegionFor(("192.0.2.1", 5), IoVector(0, 0), 0)  # type: ignore[arg-type]


def test_flags_have_names() -> None:
    connection = Connection(1, 2, "192.0.2.1", "192.0.2.2", "tcp", 5, 0)
    assert connection.connected
    assert connection.sending
    assert not connection.connecting
    assert RdmaStatus(1, 0).succeeded
    assert not RdmaStatus(1, 3).succeeded


def test_hosts_of_snapshots_must_be_addresses() -> None:
    with pytest.raises(ValueError, match="local_host must be an IP address, not 'localhost'"):
        SocketInfo(0, "localhost", "0.0.0.0", 0, 0, 0, 0)
