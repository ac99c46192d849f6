"""AF_INET and AF_INET6 by the conformance suite."""

from __future__ import annotations

import ipaddress
import struct
from socket import gaierror
from typing import ClassVar

import pytest
from famsock_inet.addresses import Inet6Address, InetAddress, L2tp6Address, L2tpAddress
from famsock_inet.structs.ip import Icmp6Filter
from hypothesis import strategies as st

from famsock.testing import BadAddress, Conformance, Example

HEAD4 = struct.pack("=H", 2)
HEAD6 = struct.pack("=H", 10)
LINK_LOCAL = ipaddress.ip_address("fe80::1").packed
NEEDS_RAW = (pytest.mark.needs_capability("CAP_NET_RAW"),)

NEWER = {
    "6.12": (
        "ICMPV6_MRDISC_SOL",
        "IPPROTO_SMC",
        "MPTCP_EVENT_LISTENER_CLOSED",
        "MPTCP_EVENT_LISTENER_CREATED",
        "MPTCP_FULL_INFO",
        "MPTCP_PM_ENDPOINT_ADDR",
        "SCTP_SS_FC",
        "SCTP_SS_WFQ",
        "TCPI_OPT_USEC_TS",
        "TCP_AO_ADD_KEY",
        "TCP_AO_DEL_KEY",
        "TCP_AO_GET_KEYS",
        "TCP_AO_INFO",
        "TCP_AO_KEYF_EXCLUDE_OPT",
        "TCP_AO_KEYF_IFINDEX",
        "TCP_AO_MAXKEYLEN",
        "TCP_AO_REPAIR",
        "TCP_BOUND_INACTIVE",
        "TCP_IS_MPTCP",
        "TCP_NLA_REHASH",
        "linux/mptcp_pm.h",
        "struct dmabuf_cmsg",
        "struct dmabuf_token",
        "struct mptcp_full_info",
        "struct mptcp_info.mptcpi_bytes_acked",
        "struct mptcp_info.mptcpi_bytes_received",
        "struct mptcp_info.mptcpi_bytes_retrans",
        "struct mptcp_info.mptcpi_bytes_sent",
        "struct mptcp_info.mptcpi_last_ack_recv",
        "struct mptcp_info.mptcpi_last_data_recv",
        "struct mptcp_info.mptcpi_last_data_sent",
        "struct mptcp_info.mptcpi_retransmits",
        "struct mptcp_info.mptcpi_subflows_total",
        "struct tcp_ao_add",
        "struct tcp_ao_del",
        "struct tcp_ao_getsockopt",
        "struct tcp_ao_info_opt",
        "struct tcp_ao_repair",
        "struct tcp_info.tcpi_rcv_wnd",
        "struct tcp_info.tcpi_rehash",
        "struct tcp_info.tcpi_total_rto",
        "struct tcp_info.tcpi_total_rto_recoveries",
        "struct tcp_info.tcpi_total_rto_time",
    ),
    "7.3": (
        "DEVCONF_FORCE_FORWARDING",
        "IPPROTO_AGGFRAG",
        "MPTCP_PM_ADDR_FLAG_LAMINAR",
        "MPTCP_PM_EV_FLAG_SERVER_SIDE",
        "TCPI_ECN_MODE_ACCECN",
        "TCPI_ECN_MODE_DISABLED",
        "TCPI_ECN_MODE_PENDING",
        "TCPI_ECN_MODE_RFC3168",
        "TCPI_OPT_TFO_CHILD",
        "TCP_ACCECN_OPT_COUNTER_SEEN",
        "TCP_ACCECN_OPT_EMPTY_SEEN",
        "TCP_ACCECN_OPT_FAIL_SEEN",
        "TCP_ACCECN_OPT_NOT_SEEN",
        "TCP_DELACK_MAX_US",
        "TCP_RTO_MAX_MS",
        "TCP_RTO_MIN_US",
        "TLS_INFO_TX_MAX_PAYLOAD_LEN",
        "TLS_TX_MAX_PAYLOAD_LEN",
        "UDP_ENCAP_OVPNINUDP",
        "struct mptcp_info.mptcpi_endp_fullmesh_max",
        "struct mptcp_info.mptcpi_endp_laminar_max",
        "struct tcp_info.tcpi_delivered_ce_bytes",
        "struct tcp_info.tcpi_delivered_e0_bytes",
        "struct tcp_info.tcpi_delivered_e1_bytes",
        "struct tcp_info.tcpi_received_ce",
        "struct tcp_info.tcpi_received_ce_bytes",
        "struct tcp_info.tcpi_received_e0_bytes",
        "struct tcp_info.tcpi_received_e1_bytes",
    ),
}
REMOVED = {"7.1": ("UDPLITE_RECV_CSCOV", "UDPLITE_SEND_CSCOV", "net/udplite.h")}
KERNEL_HEADERS = {
    "net/sock.h": ("SOL_*",),
    "net/udplite.h": ("UDPLITE_*",),
    "net/tcp_states.h": (
        "TCP_ESTABLISHED",
        "TCP_SYN_SENT",
        "TCP_SYN_RECV",
        "TCP_FIN_WAIT1",
        "TCP_FIN_WAIT2",
        "TCP_TIME_WAIT",
        "TCP_CLOSE",
        "TCP_CLOSE_WAIT",
        "TCP_LAST_ACK",
        "TCP_LISTEN",
        "TCP_CLOSING",
        "TCP_NEW_SYN_RECV",
        "TCP_BOUND_INACTIVE",
    ),
}


def scope(index: int) -> bytes:
    return struct.pack("=I", index)


class TestInet(Conformance):
    family = "AF_INET"
    newer: ClassVar = NEWER
    removed: ClassVar = REMOVED
    kernel_headers: ClassVar = KERNEL_HEADERS
    network_namespace = True
    batched = ("udp", "udplite", "icmp", "raw")
    examples = (
        Example(
            protocol="tcp",
            typed=InetAddress("127.0.0.1", 80),
            stdlib=("127.0.0.1", 80),
            also_stdlib=((b"127.0.0.1", 80), (bytearray(b"127.0.0.1"), 80), ("localhost", 80)),
            sockaddr=HEAD4 + bytes.fromhex("0050 7f000001 0000000000000000"),
            text="127.0.0.1:80",
            also_text=("127.0.0.1:0x50", "tcp://127.0.0.1:80", "localhost:80"),
        ),
        Example(
            protocol="udp",
            typed=InetAddress("", 0),
            unpacked=InetAddress("0.0.0.0", 0),
            also_stdlib=(("", 0), (b"", False), ("0.0.0.0", 0)),
            sockaddr=HEAD4 + bytes(14),
            text=":0",
            reason="every local address comes back as 0.0.0.0",
        ),
        Example(
            protocol="udp",
            typed=InetAddress("<broadcast>", 65535),
            unpacked=InetAddress("255.255.255.255", 65535),
            also_stdlib=(("<broadcast>", 65535), ("255.255.255.255", 65535)),
            sockaddr=HEAD4 + bytes.fromhex("ffff ffffffff 0000000000000000"),
            text="<broadcast>:65535",
            reason="comes back as 255.255.255.255",
        ),
        Example(
            protocol="l2tp",
            typed=L2tpAddress("192.0.2.1", 0x01020304),
            stdlib=("192.0.2.1", 0x01020304),
            also_stdlib=((b"192.0.2.1", 0x01020304),),
            sockaddr=HEAD4 + bytes.fromhex("0000 c0000201") + scope(0x01020304) + bytes(4),
            text="192.0.2.1:16909060",
            also_text=("l2tp://192.0.2.1:0x01020304",),
        ),
        Example(
            protocol="raw",
            typed=InetAddress(ipaddress.ip_address("192.0.2.1"), 0),  # type: ignore[arg-type]
            stdlib=("192.0.2.1", 0),
            sockaddr=HEAD4 + bytes.fromhex("0000 c0000201 0000000000000000"),
            text="192.0.2.1:0",
        ),
    )
    bad = (
        BadAddress(
            protocol="tcp",
            form=["127.0.0.1", 80],
            error=TypeError,
            match="AF_INET address must be tuple, not list",
        ),
        BadAddress(
            protocol="tcp",
            form=("127.0.0.1",),
            error=TypeError,
            match=r"AF_INET address must be a pair \(host, port\), not 1",
        ),
        BadAddress(
            protocol="tcp",
            form=("127.0.0.1", 80, 0),
            error=TypeError,
            match=r"AF_INET address must be a pair \(host, port\), not 3",
        ),
        BadAddress(protocol="udp", form="::1", error=TypeError, match="must be tuple, not str"),
        BadAddress(
            protocol="tcp",
            form=(1, 80),
            error=TypeError,
            match="AF_INET host: str, bytes or bytearray expected, not int",
        ),
        BadAddress(
            protocol="tcp",
            form=(ipaddress.ip_address("127.0.0.1"), 80),
            error=TypeError,
            match="str, bytes or bytearray expected, not IPv4Address",
        ),
        BadAddress(
            protocol="tcp",
            form=("a\0b", 80),
            error=TypeError,
            match="host name must not contain null character",
        ),
        BadAddress(
            protocol="tcp",
            form=(b"a\0b", 80),
            error=TypeError,
            match="host name must not contain null character",
        ),
        BadAddress(
            protocol="tcp",
            form=("\udc80", 80),
            error=TypeError,
            match="encoding of hostname failed",
        ),
        BadAddress(
            protocol="tcp",
            form=("\xe4" * 64, 80),
            error=TypeError,
            match="encoding of hostname failed",
        ),
        BadAddress(protocol="udp", form=("::1", 80), error=gaierror, match=r"Errno -"),
        BadAddress(protocol="udp", form=("::1", 70000), error=gaierror, match=r"Errno -"),
        BadAddress(protocol="udp", form=(b"\xff\xfe::", 80), error=gaierror, match=r"Errno -"),
        BadAddress(
            protocol="udp",
            form=("127.0.0.1", 65536),
            error=OverflowError,
            match="AF_INET port must be 0-65535, not 65536",
        ),
        BadAddress(
            protocol="udp",
            form=("127.0.0.1", -1),
            error=OverflowError,
            match="AF_INET port must be 0-65535, not -1",
        ),
        BadAddress(
            protocol="udp",
            form=("::1", 1 << 70),
            error=OverflowError,
            match="AF_INET port must be 0-65535",
        ),
        BadAddress(
            protocol="udp",
            form=("127.0.0.1", "80"),
            error=TypeError,
            match="AF_INET port: 'str' object cannot be interpreted as an integer",
        ),
        BadAddress(
            protocol="udp",
            form=("127.0.0.1", 80.0),
            error=TypeError,
            match="AF_INET port: 'float' object cannot be interpreted as an integer",
        ),
        BadAddress(
            protocol="udp",
            form=Inet6Address("::1", 80),
            error=TypeError,
            match="must be InetAddress or RawAddress, not Inet6Address",
        ),
    )
    selftest_marks: ClassVar = {"raw": NEEDS_RAW}


class TestInet6(Conformance):
    family = "AF_INET6"
    newer: ClassVar = NEWER
    removed: ClassVar = REMOVED
    kernel_headers: ClassVar = KERNEL_HEADERS
    network_namespace = True
    batched = ("udp6", "udplite6", "icmp6", "raw6")
    examples = (
        Example(
            protocol="tcp6",
            typed=Inet6Address("::1", 80),
            stdlib=("::1", 80, 0, 0),
            also_stdlib=(("::1", 80), ("::1", 80, 0), (b"::1", 80), ("0:0::1", 80), ("::1%0", 80)),
            sockaddr=HEAD6 + bytes.fromhex("0050 00000000") + bytes(15) + b"\1" + scope(0),
            text="[::1]:80",
            also_text=("[::0:1]:80",),
        ),
        Example(
            protocol="udp6",
            typed=Inet6Address("fe80::1", 5353, 0x12345, 7),
            stdlib=("fe80::1", 5353, 0x12345, 7),
            also_stdlib=(("fe80::1%7", 5353, 0x12345), ("fe80::1%9", 5353, 0x12345, 7)),
            sockaddr=HEAD6 + bytes.fromhex("14e9 00012345") + LINK_LOCAL + scope(7),
            text="[fe80::1]:5353:74565:7",
            also_text=("[fe80::1%7]:5353:74565",),
        ),
        Example(
            protocol="l2tp6",
            typed=L2tp6Address("fe80::1", 0x01020304, 0x12345, 7),
            stdlib=("fe80::1", 0x01020304, 0x12345, 7),
            also_stdlib=(("fe80::1%7", 0x01020304, 0x12345),),
            sockaddr=HEAD6
            + bytes.fromhex("0000 00012345")
            + LINK_LOCAL
            + scope(7)
            + scope(0x01020304),
            text="[fe80::1]:16909060:74565:7",
        ),
        Example(
            protocol="udp6",
            needs_interface="lo",
            typed=Inet6Address("fe80::1%lo", 80),
            unpacked=lambda index: Inet6Address("fe80::1", 80, 0, index),
            also_stdlib=(("fe80::1%lo", 80), (b"fe80::1%lo", 80, 0), ("fe80::1%lo", 80, 0, 0)),
            sockaddr=lambda index: (
                HEAD6 + bytes.fromhex("0050 00000000") + LINK_LOCAL + scope(index)
            ),
            text="[fe80::1%lo]:80",
            reason="the zone's name comes back as the interface's index",
        ),
        Example(
            protocol="raw6",
            typed=Inet6Address("", 0),
            unpacked=Inet6Address("::", 0),
            also_stdlib=(("", 0), ("::", 0)),
            sockaddr=HEAD6 + bytes(26),
            text=":0",
            reason="every local address comes back as ::",
        ),
    )
    bad = (
        BadAddress(
            protocol="tcp6",
            form=["::1", 80],
            error=TypeError,
            match="AF_INET6 address must be tuple, not list",
        ),
        BadAddress(
            protocol="tcp6",
            form=("::1",),
            error=TypeError,
            match=r"must be a tuple \(host, port\[, flowinfo\[, scopeid\]\]\), not 1",
        ),
        BadAddress(
            protocol="tcp6", form=("::1", 80, 0, 0, 0), error=TypeError, match=r"must be a tuple"
        ),
        BadAddress(
            protocol="tcp6",
            form=(None, 80),
            error=TypeError,
            match="AF_INET6 host: str, bytes or bytearray expected, not NoneType",
        ),
        BadAddress(protocol="tcp6", form=("\0", 80), error=TypeError, match="null character"),
        BadAddress(protocol="tcp6", form=("\ud800", 80), error=TypeError, match="encoding of"),
        BadAddress(
            protocol="udp6",
            form=("<broadcast>", 80),
            error=OSError,
            match="address family mismatched",
        ),
        BadAddress(
            protocol="udp6",
            form=("255.255.255.255", 80),
            error=OSError,
            match="address family mismatched",
        ),
        BadAddress(protocol="udp6", form=("127.0.0.1", 80), error=gaierror, match=r"Errno -"),
        BadAddress(
            protocol="udp6", form=("127.0.0.1", 80, -1, 0), error=gaierror, match=r"Errno -"
        ),
        BadAddress(
            protocol="udp6",
            form=("fe80::1%none9", 80),
            error=gaierror,
            match="no interface 'none9'",
        ),
        BadAddress(
            protocol="udp6", form=("fe80::1%4294967296", 80), error=gaierror, match="no interface"
        ),
        BadAddress(
            protocol="udp6",
            form=("::1", 65536),
            error=OverflowError,
            match="AF_INET6 port must be 0-65535, not 65536",
        ),
        BadAddress(
            protocol="udp6",
            form=("::1", 80, 0x100000),
            error=OverflowError,
            match="AF_INET6 flowinfo must be 0-1048575, not 1048576",
        ),
        BadAddress(
            protocol="udp6",
            form=("::1", 80, -1, 0),
            error=OverflowError,
            match="AF_INET6 flowinfo must be 0-1048575, not -1",
        ),
        BadAddress(
            protocol="udp6",
            form=("::1", 80, 0, 1 << 32),
            error=OverflowError,
            match="AF_INET6 scope_id must be 0-4294967295, not 4294967296",
        ),
        BadAddress(
            protocol="udp6",
            form=("::1", 80, 0, -2),
            error=OverflowError,
            match="AF_INET6 scope_id must be 0-4294967295, not -2",
        ),
        BadAddress(
            protocol="udp6",
            form=("::1", 80, 0.0, 0),
            error=TypeError,
            match="AF_INET6 flowinfo: 'float' object",
        ),
        BadAddress(
            protocol="udp6",
            form=("::1", 80, 0, "lo"),
            error=TypeError,
            match="AF_INET6 scope_id: 'str' object",
        ),
        BadAddress(
            protocol="udp6",
            form=InetAddress("127.0.0.1", 80),
            error=TypeError,
            match="must be Inet6Address or RawAddress, not InetAddress",
        ),
    )
    selftest_marks: ClassVar = {"raw6": NEEDS_RAW}


def test_icmp6_filter_passes_what_it_names() -> None:
    only = Icmp6Filter.pass_only([129, 255])
    assert [kind for kind in range(256) if only.passes(kind)] == [129, 255]
    with pytest.raises(OverflowError, match="must be 0-255, not 256"):
        only.passes(256)


NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=40)


def test_any_host_name_survives_its_text() -> None:
    from famsock.testing._checks.base import for_all

    def check(arguments: tuple[str, int, int, int]) -> None:
        host, port, flowinfo, scope_id = arguments
        for address in (InetAddress(host, port), Inet6Address(host, port, flowinfo, scope_id)):
            assert type(address).parse(str(address)) == address

    ports, scopes = st.integers(0, 65535), st.sampled_from([0, 3, 2**32 - 1])
    names = NAMES | NAMES.map("{}%0".format) | NAMES.map("{}%7%0".format)
    for_all(st.tuples(names, ports, st.integers(0, 0xFFFFF), scopes), check)
