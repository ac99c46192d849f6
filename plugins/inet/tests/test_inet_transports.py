"""TCP, MPTCP, SCTP, raw and ping sockets: their operations and options, live."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
import sys
from collections.abc import Callable
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_ICMP,
    SOCK_SEQPACKET,
)
from typing import Any, Protocol, TypeVar

import attrs
import pytest
from famsock_inet import (
    IcmpSocket,
    Ip6RawSocket,
    IpRawSocket,
    MptcpSocket,
    SctpSocket,
    TcpSocket,
    Udp6Socket,
    UdpSocket,
    constants,
    control,
    selftest,
)
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.icmp import Echo, checksum, payload_of_ipv4
from famsock_inet.options import icmp, icmpv6, mptcp, sctp, tcp, tls
from famsock_inet.sockets.ip import IpSocket
from famsock_inet.sockets.mptcp import AnyMptcpSocket
from famsock_inet.sockets.sctp import AnySctpSocket
from famsock_inet.sockets.tcp import AnyTcpSocket
from famsock_inet.structs.ip import Icmp6Filter
from famsock_inet.structs.mptcp import MptcpFullInfo, MptcpInfo
from famsock_inet.structs.sctp import (
    SctpAssocStats,
    SctpAssocValue,
    SctpAuthkey,
    SctpAuthkeyid,
    SctpEventSubscribe,
    SctpInitmsg,
    SctpRtoinfo,
    SctpStatus,
)
from famsock_inet.structs.tcp import TCP_INFO, TcpInfo, TcpMd5sig, TcpZerocopyReceive, padded_key
from hypothesis import given
from hypothesis import strategies as st

import famsock
from famsock.options import SO_KEEPALIVE, Option
from famsock.testing import requirements

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")
S = TypeVar("S", bound=IpSocket)
IPPROTO_MPTCP, IPPROTO_SCTP = 262, 132
LOOPBACK: dict[int, str] = {AF_INET: "127.0.0.1", AF_INET6: "::1"}


class Open(Protocol):
    """The type of the fixture `opened`."""

    def __call__(self, cls: type[S], type: int = -1, proto: int = -1) -> S: ...


class Connect(Protocol):
    """The type of the fixture `connect_pair`."""

    def __call__(self, cls: type[S]) -> tuple[S, S]: ...


# TCP


def test_tcp_info(connect_pair: Connect, tcp_class: type[AnyTcpSocket]) -> None:
    client, server = connect_pair(tcp_class)
    client.sendall(bytes(1000))
    while server.recv(4096):
        break
    info = client.tcp_info()
    assert info.state == constants.TCP_ESTABLISHED
    assert info.bytes_sent == 1000
    assert 0 < info.rtt < 10_000_000
    assert info.snd_cwnd > 0
    assert 0 <= info.snd_wscale <= 14
    assert 0 <= info.rcv_wscale <= 14
    assert info.options & constants.TCPI_OPT_WSCALE
    assert info.fastopen_client_fail == 0
    assert info.delivery_rate_app_limited in (True, False)
    assert server.tcp_info().bytes_received == 1000


@given(st.binary(max_size=TcpInfo.layout.size + 40))
def test_tcp_info_of_any_kernel(data: bytes) -> None:
    info = TCP_INFO.decode(data)
    assert info.pack()[: len(data)] == data[: TcpInfo.layout.size]
    assert not any(info.pack()[len(data) :])


def test_accurate_ecn_of_tcp_info() -> None:
    """The members of Linux 7.3, with bit-fields as its compiler places them."""
    word = 3 | 1 << 2 | 0b1010 << 4 | 0xABCDEF << 8
    if sys.byteorder == "big":
        word = 3 << 30 | 1 << 28 | 0b1010 << 24 | 0xABCDEF
    info = TcpInfo.unpack(bytes(248) + struct.pack("=8I", 1, 2, 3, 4, 5, 6, 7, word))
    assert TcpInfo.layout.size == 280
    assert (info.received_ce, info.delivered_e1_bytes, info.delivered_e0_bytes) == (1, 2, 3)
    assert (info.delivered_ce_bytes, info.received_e1_bytes) == (4, 5)
    assert (info.received_e0_bytes, info.received_ce_bytes) == (6, 7)
    assert info.ecn_mode == constants.TCPI_ECN_MODE_PENDING
    assert info.accecn_opt_seen == constants.TCP_ACCECN_OPT_EMPTY_SEEN
    assert info.accecn_fail_mode == (
        constants.TCP_ACCECN_ACE_FAIL_RECV | constants.TCP_ACCECN_OPT_FAIL_RECV
    )
    assert info.options2 == 0xABCDEF


@pytest.mark.parametrize(
    ("option", "value"),
    [(tcp.TCP_RTO_MAX_MS, 30_000), (tcp.TCP_RTO_MIN_US, 40_000), (tcp.TCP_DELACK_MAX_US, 20_000)],
    ids=lambda of: getattr(of, "name", ""),
)
def test_limits_of_times(
    connect_pair: Connect, tcp_class: type[AnyTcpSocket], option: Option[int], value: int
) -> None:
    client, _ = connect_pair(tcp_class)
    if requirements.kernel("6.15"):
        with pytest.raises(OSError, match="Protocol not available"):
            client.set_option(option, value)
        return
    client.set_option(option, value)
    assert client.get_option(option) == value
    for outside in (0, 2**31 - 1):
        with pytest.raises(OSError, match="Invalid argument"):
            client.set_option(option, outside)
    assert client.get_option(option) == value


TLS_KEYS = struct.pack("=HH", constants.TLS_1_2_VERSION, constants.TLS_CIPHER_AES_GCM_128)
TLS_KEYS += bytes(8 + 16 + 4 + 8)


@pytest.mark.needs_module("tls")
def test_greatest_tls_record(connect_pair: Connect) -> None:
    client, server = connect_pair(TcpSocket)
    client.set_option(tcp.TCP_ULP, "tls")
    client.set_option(tls.TLS_TX, TLS_KEYS)
    if requirements.kernel("6.19"):
        with pytest.raises(OSError, match="Protocol not available"):
            client.set_option(tls.TLS_TX_MAX_PAYLOAD_LEN, 1000)
        return
    client.set_option(tls.TLS_TX_MAX_PAYLOAD_LEN, 1000)
    assert client.get_option(tls.TLS_TX_MAX_PAYLOAD_LEN) == 1000
    client.sendall(bytes(2500))
    sizes: list[int] = []
    while sum(sizes) < 2500:
        _, _, size = struct.unpack("!BHH", server.recv(5, famsock.MSG_WAITALL))
        server.recv(size, famsock.MSG_WAITALL)
        sizes.append(size - 8 - 16)  # the nonce and the tag
    assert sizes == [1000, 1000, 500]
    for outside in (63, 16385):
        with pytest.raises(OSError, match="Invalid argument"):
            client.set_option(tls.TLS_TX_MAX_PAYLOAD_LEN, outside)


def test_keepalive(connect_pair: Connect, tcp_class: type[AnyTcpSocket]) -> None:
    client, _ = connect_pair(tcp_class)
    client.set_keepalive(idle_s=11, interval_s=3, count=5)
    names = "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"
    assert [client.get_option(name) for name in names] == [11, 3, 5]
    assert client.get_option(SO_KEEPALIVE) is True
    with pytest.raises(OSError, match="Invalid argument"):
        client.set_keepalive(0, 3, 5)
    with pytest.raises(OverflowError, match="TCP_KEEPIDLE must be"):
        client.set_keepalive(1 << 31, 3, 5)


def test_small_segments_go_at_once(connect_pair: Connect, tcp_class: type[AnyTcpSocket]) -> None:
    client, _ = connect_pair(tcp_class)
    assert client.get_option(tcp.TCP_NODELAY) is False
    client.set_option(tcp.TCP_NODELAY, True)
    assert client.getsockopt(tcp.TCP_NODELAY.level, famsock.TCP_NODELAY) == 1


def test_congestion_control_is_text(connect_pair: Connect) -> None:
    client, _ = connect_pair(TcpSocket)
    name = client.get_option(tcp.TCP_CONGESTION)
    client.set_option(tcp.TCP_CONGESTION, name)
    client.set_option(tcp.TCP_CONGESTION, "reno")
    assert client.get_option(tcp.TCP_CONGESTION) == "reno"
    with pytest.raises(FileNotFoundError):
        client.set_option(tcp.TCP_CONGESTION, "none-such")
    with pytest.raises(ValueError, match="TCP_CONGESTION too long: at most 15 bytes"):
        client.set_option(tcp.TCP_CONGESTION, "x" * 16)


def test_syn_is_saved(opened: Open, tcp_class: type[AnyTcpSocket], family: int) -> None:
    listener, client = opened(tcp_class), opened(tcp_class)
    listener.set_option(tcp.TCP_SAVE_SYN, 1)
    listener.bind((LOOPBACK[family], 0))
    listener.listen()
    client.connect(listener.getsockname())
    with listener.accept()[0] as server:
        syn = server.get_option(tcp.TCP_SAVED_SYN)
    ports = client.getsockname()[1].to_bytes(2, "big") + listener.getsockname()[1].to_bytes(
        2, "big"
    )
    assert syn[0] >> 4 == (4 if family == AF_INET else 6)
    assert ports in syn


def test_bytes_in_queue_come_with_the_data(connect_pair: Connect) -> None:
    client, server = connect_pair(TcpSocket)
    server.set_option(tcp.TCP_INQ, True)
    client.sendall(b"0123456789")
    assert select.select([server], [], [], 20)[0]
    message = server.recv_message(4)
    assert (message.data, message.get(control.TCP_CM_INQ)) == (b"0123", 6)


def test_zero_copy_receive_is_asked_with_a_buffer(connect_pair: Connect) -> None:
    client, server = connect_pair(TcpSocket)
    client.sendall(b"x" * 100)
    assert select.select([server], [], [], 20)[0]
    buffer = ctypes.create_string_buffer(200)
    asked = TcpZerocopyReceive(copybuf_address=ctypes.addressof(buffer), copybuf_len=200)
    answer = server.get_option(tcp.TCP_ZEROCOPY_RECEIVE, asked)
    assert answer.copybuf_len == 100
    assert buffer.raw == b"x" * 100 + bytes(100)
    with pytest.raises(TypeError, match="must be TcpZerocopyReceive"):
        server.get_option(tcp.TCP_ZEROCOPY_RECEIVE, 7)


def test_md5_signatures(opened: Open, tcp_class: type[AnyTcpSocket], family: int) -> None:
    make: Any = InetAddress if family == AF_INET else Inet6Address
    peer = make(LOOPBACK[family], 0)
    listener, client, stranger = (opened(tcp_class) for _ in range(3))
    listener.bind((LOOPBACK[family], 0))
    try:
        listener.set_option(tcp.TCP_MD5SIG, TcpMd5sig.with_key(peer, b"secret"))
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
        pytest.skip("needs a kernel with CONFIG_TCP_MD5SIG")
    listener.listen()
    stranger.settimeout(0.3)
    with pytest.raises(TimeoutError):
        stranger.connect(listener.getsockname())
    client.set_option(tcp.TCP_MD5SIG, TcpMd5sig.with_key(peer, b"secret"))
    client.connect(listener.getsockname())
    with listener.accept()[0] as server:
        client.sendall(b"signed")
        assert server.recv(10) == b"signed"


def test_key_too_long() -> None:
    with pytest.raises(ValueError, match="SOL_TCP key must be at most 80 bytes, not 81"):
        padded_key(bytes(81))
    with pytest.raises(TypeError, match="addr must be a typed address, not tuple"):
        TcpMd5sig(("127.0.0.1", 0))  # type: ignore[arg-type]


@pytest.mark.needs_capability("CAP_NET_ADMIN")
def test_repair(connect_pair: Connect) -> None:
    client, _ = connect_pair(TcpSocket)
    client.set_option(tcp.TCP_REPAIR, constants.TCP_REPAIR_ON)
    client.set_option(tcp.TCP_REPAIR_QUEUE, constants.TCP_SEND_QUEUE)
    assert client.get_option(tcp.TCP_REPAIR_QUEUE) == constants.TCP_SEND_QUEUE
    assert 0 <= client.get_option(tcp.TCP_QUEUE_SEQ) < 1 << 32
    window = client.get_option(tcp.TCP_REPAIR_WINDOW)
    assert window.snd_wnd > 0
    client.set_option(tcp.TCP_REPAIR_WINDOW, window)
    client.set_option(tcp.TCP_REPAIR, constants.TCP_REPAIR_OFF_NO_WP)


# MPTCP


def assert_is_mptcp(sock: famsock.socket, expected: bool) -> None:
    """Return what TCP_IS_MPTCP tells; kernels before 6.7 refuse the question."""
    if requirements.kernel("6.7"):
        with pytest.raises(OSError, match=r"not supported|not available"):
            sock.get_option(tcp.TCP_IS_MPTCP)
    else:
        assert sock.get_option(tcp.TCP_IS_MPTCP) is expected


@pytest.mark.needs_family("AF_INET", protocol=IPPROTO_MPTCP)
def test_mptcp(connect_pair: Connect, mptcp_class: type[AnyMptcpSocket]) -> None:
    client, server = connect_pair(mptcp_class)
    client.sendall(b"hello")
    assert server.recv(10) == b"hello"
    info = client.mptcp_info()
    assert isinstance(info, MptcpInfo)
    assert info.flags & constants.MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED
    assert not info.flags & constants.MPTCP_INFO_FLAG_FALLBACK
    (ends,) = client.subflows()
    assert (ends.local, ends.remote) == (client.local_address, client.peer_address)
    (inside,) = client.subflow_tcp_infos()
    assert inside.state == constants.TCP_ESTABLISHED
    assert_is_mptcp(client, True)
    assert client.tcp_info().state == constants.TCP_ESTABLISHED


@pytest.mark.needs_family("AF_INET", protocol=IPPROTO_MPTCP)
def test_mptcp_full_info(connect_pair: Connect) -> None:
    client, _ = connect_pair(MptcpSocket)
    asked = MptcpFullInfo(size_tcpinfo_user=8, size_sfinfo_user=8)
    if requirements.kernel("6.5"):
        with pytest.raises(OSError, match="not supported"):
            client.get_option(mptcp.MPTCP_FULL_INFO, asked)
        return
    full = client.get_option(mptcp.MPTCP_FULL_INFO, asked)
    assert full.num_subflows == 1
    assert full.size_tcpinfo_kernel >= 232
    assert full.mptcp_info.token == client.mptcp_info().token


@pytest.mark.needs_family("AF_INET", protocol=IPPROTO_MPTCP)
def test_mptcp_falls_back(opened: Open) -> None:
    listener = opened(TcpSocket)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    client = opened(MptcpSocket)
    client.connect(listener.getsockname())
    with listener.accept()[0] as server:
        client.sendall(b"x")
        assert server.recv(1) == b"x"
        assert_is_mptcp(server, False)
        with pytest.raises(OSError, match="not supported"):
            client.mptcp_info()


# SCTP


@pytest.mark.needs_family("AF_INET", protocol=IPPROTO_SCTP)
def test_sctp_streams_and_status(connect_pair: Connect, sctp_class: type[AnySctpSocket]) -> None:
    client, server = connect_pair(sctp_class)
    server.enable_stream_info()
    assert client.send_on_stream(b"on three", 3, ppid=0x01020304) == 8
    message = server.recv_message()
    info = message.get(control.SCTP_RCVINFO)
    assert info is not None
    assert (message.data, info.sid, info.ppid) == (b"on three", 3, 0x01020304)
    status = client.sctp_status()
    assert status.state == constants.SCTP_ESTABLISHED
    assert status.outstrms > 3
    assert status.primary.address == client.peer_address
    assert client.peer_addresses() == (client.peer_address,)
    assert client.local_addresses()[0].port == client.getsockname()[1]
    with pytest.raises(OSError, match="Invalid argument"):
        client.send_on_stream(b"x", 65535)
    with pytest.raises(OverflowError, match="sid must be 0-65535"):
        client.send_on_stream(b"x", 65536)


@pytest.mark.needs_family("AF_INET", protocol=IPPROTO_SCTP)
def test_sctp_options(opened: Open) -> None:
    sock = opened(SctpSocket)
    wanted = SctpInitmsg(num_ostreams=5, max_instreams=6, max_attempts=3, max_init_timeo=1000)
    sock.set_option(sctp.SCTP_INITMSG, wanted)
    assert sock.get_option(sctp.SCTP_INITMSG) == wanted
    sock.set_option(sctp.SCTP_RTOINFO, SctpRtoinfo(0, 500, 4000, 200))
    assert sock.get_option(sctp.SCTP_RTOINFO, SctpRtoinfo()) == SctpRtoinfo(0, 500, 4000, 200)
    sock.set_option(sctp.SCTP_NODELAY, True)
    assert sock.get_option(sctp.SCTP_NODELAY) is True
    events = SctpEventSubscribe(data_io=1, association=1)
    sock.set_option(sctp.SCTP_EVENTS, events)
    assert sock.get_option(sctp.SCTP_EVENTS) == events


@pytest.mark.needs_family("AF_INET", protocol=IPPROTO_SCTP)
def test_sctp_authentication(opened: Open) -> None:
    sock = opened(SctpSocket)
    sock.set_option(sctp.SCTP_AUTH_SUPPORTED, SctpAssocValue(0, 1))
    assert 1 in sock.get_option(sctp.SCTP_HMAC_IDENT)
    sock.set_option(sctp.SCTP_HMAC_IDENT, (1,))
    assert sock.get_option(sctp.SCTP_HMAC_IDENT) == (1,)
    sock.set_option(sctp.SCTP_AUTH_CHUNK, 0)
    assert 0 in sock.get_option(sctp.SCTP_LOCAL_AUTH_CHUNKS, 0)
    sock.set_option(sctp.SCTP_AUTH_KEY, SctpAuthkey(0, 5, b"shared secret"))
    sock.set_option(sctp.SCTP_AUTH_ACTIVE_KEY, SctpAuthkeyid(0, 5))
    assert sock.get_option(sctp.SCTP_AUTH_ACTIVE_KEY).keynumber == 5
    with pytest.raises(OverflowError, match="SCTP_AUTH_KEY must be 0-65535"):
        sock.set_option(sctp.SCTP_AUTH_KEY, SctpAuthkey(0, 65536, b""))
    with pytest.raises(OverflowError, match="SCTP_HMAC_IDENT must be 0-65535, not 65536"):
        sock.set_option(sctp.SCTP_HMAC_IDENT, (1, 1 << 16))


@pytest.mark.needs_family("AF_INET", protocol=IPPROTO_SCTP)
def test_sctp_associations_of_one_socket(opened: Open) -> None:
    server, client = (opened(SctpSocket, SOCK_SEQPACKET) for _ in range(2))
    server.bind(("127.0.0.1", 0))
    port = server.getsockname()[1]
    server.add_local_addresses([InetAddress("127.0.0.2", port)])
    assert {str(a) for a in server.local_addresses()} == {f"127.0.0.1:{port}", f"127.0.0.2:{port}"}
    server.listen()
    server.enable_stream_info()
    client.set_option(sctp.SCTP_AUTOCLOSE, 30)
    assert client.get_option(sctp.SCTP_AUTOCLOSE) == 30
    client.send_on_stream(b"hello", 1, ("127.0.0.2", port))
    message = server.recv_message()
    info = message.get(control.SCTP_RCVINFO)
    assert info is not None
    assert message.data == b"hello"
    status = server.sctp_status(info.assoc_id)
    assert (status.assoc_id, status.state) == (info.assoc_id, constants.SCTP_ESTABLISHED)
    assert server.get_option(sctp.SCTP_GET_ASSOC_ID_LIST) == (info.assoc_id,)
    assert server.get_option(sctp.SCTP_GET_ASSOC_NUMBER) == 1
    stats = server.get_option(sctp.SCTP_GET_ASSOC_STATS, SctpAssocStats(info.assoc_id))
    assert stats.obs_rto_ipaddr == InetAddress("127.0.0.1", client.getsockname()[1])
    assert stats.maxrto > 0
    with server.peel_off(info.assoc_id) as peeled:
        peeled.settimeout(20)
        assert not peeled.get_inheritable()
        client.send_on_stream(b"again", 2, ("127.0.0.2", port))
        assert peeled.recv(10) == b"again"
    with pytest.raises(OSError, match=r"Errno"):
        server.get_option(sctp.SCTP_STATUS, SctpStatus(assoc_id=12345))


# Raw and ping sockets


@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.usefixtures("network_namespace")
def test_icmp_filter(opened: Open) -> None:
    hears, deaf = (opened(IpRawSocket, proto=IPPROTO_ICMP) for _ in range(2))
    deaf.set_option(icmp.ICMP_FILTER, 0xFFFFFFFF & ~(1 << constants.ICMP_ECHO))
    assert deaf.get_option(icmp.ICMP_FILTER) == 0xFFFFFEFF
    hears.set_option(icmp.ICMP_FILTER, 0xFFFFFFFF & ~(1 << constants.ICMP_ECHOREPLY))
    request = Echo(0x1234, 7, os.urandom(16))
    hears.sendto(request.pack(4), ("127.0.0.1", 0))
    for sock, reply in ((hears, True), (deaf, False)):
        assert first_echo(sock, 4, request.data) == attrs.evolve(request, reply=reply)


def first_echo(sock: famsock.socket, version: int, data: bytes) -> Echo:
    """The first echo message with our data: a raw socket gets those of other processes, too."""
    while True:
        packet = sock.recv(1000)
        echo = Echo.unpack(payload_of_ipv4(packet) if version == 4 else packet, version)
        if echo and echo.data == data:
            return echo


@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.usefixtures("network_namespace")
def test_icmpv6_filter(opened: Open) -> None:
    sock = opened(Ip6RawSocket, proto=constants.IPPROTO_ICMPV6)
    only = Icmp6Filter.pass_only([constants.ICMPV6_ECHO_REPLY])
    sock.set_option(icmpv6.ICMPV6_FILTER, only)
    assert sock.get_option(icmpv6.ICMPV6_FILTER) == only
    request = Echo(0x4321, 9, os.urandom(16))
    sock.sendto(request.pack(6), ("::1", 0))
    assert first_echo(sock, 6, request.data) == attrs.evolve(request, reply=True)


@pytest.mark.needs_capability("CAP_SYS_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
def test_ping_sockets(in_namespace: Callable[[Callable[[], None]], None]) -> None:
    def check() -> None:
        for make in (selftest.icmp, selftest.icmp6):
            with make() as round_trip:
                round_trip()
                round_trip()
        with IcmpSocket() as sock:
            sock.settimeout(20)
            sock.enable_hop_limit()
            sock.sendto(Echo(0, 1).pack(4), ("127.0.0.1", 0))
            message = sock.recv_message()
            assert message.get(control.IP_TTL) == 64
            assert sock.local_address == InetAddress("0.0.0.0", _identifier(message.data))

    in_namespace(check)


def _identifier(data: bytes) -> int:
    """A ping socket's port is the identifier of its echo messages."""
    return int.from_bytes(data[4:6], "big")


def test_address_that_is_not_here(opened: Open) -> None:
    with pytest.raises(OSError, match="Cannot assign") as caught:
        opened(UdpSocket).bind(("192.0.2.250", 0))
    assert "IP_FREEBIND" in caught.value.__notes__[0]
    sock = opened(UdpSocket)
    sock.set_option("IP_FREEBIND", True)
    sock.bind(("192.0.2.250", 0))
    with pytest.raises(OSError, match="Invalid argument") as caught:
        opened(Udp6Socket).bind(("fe80::1", 0))
    assert "fe80::1%eth0" in caught.value.__notes__[0]


@given(st.binary(max_size=200), st.integers(0, 65535), st.integers(0, 65535), st.booleans())
def test_echo_round_trip(data: bytes, identifier: int, sequence: int, reply: bool) -> None:
    echo = Echo(identifier, sequence, data, reply)
    for version in (4, 6):
        assert Echo.unpack(echo.pack(version), version) == echo
    assert checksum(echo.pack(4)) == 0


@pytest.mark.parametrize("echo", [Echo(1 << 16, 1), Echo(1, -1)])
def test_an_echo_s_numbers_have_a_range(echo: Echo) -> None:
    with pytest.raises(OverflowError, match=r"(identifier|sequence) must be 0-65535, not"):
        echo.pack(4)


def test_numbers_of_sctp_s_lists() -> None:
    with pytest.raises(OverflowError, match="SCTP_HMAC_IDENT must be 0-65535, not 65536"):
        sctp.SCTP_HMAC_IDENT.encode((1, 1 << 16))
    with pytest.raises(TypeError, match="SCTP_HMAC_IDENT must be an integer"):
        sctp.SCTP_HMAC_IDENT.encode((b"1",))  # type: ignore[arg-type]


@given(st.binary(max_size=64))
def test_echo_of_any_bytes(data: bytes) -> None:
    for version in (4, 6):
        echo = Echo.unpack(data, version)
        assert echo is None or echo.data == data[8:]
    payload_of_ipv4(data)


@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.usefixtures("network_namespace")
def test_other_raw_protocols_are_served(
    family: int, raw_class: type[IpRawSocket | Ip6RawSocket], opened: Open
) -> None:
    sock, sender = opened(raw_class, proto=253), opened(raw_class, proto=253)
    sock.bind((LOOPBACK[family], 0))
    sender.sendto(b"experiment", (LOOPBACK[family], 0))
    packet, address = sock.recvfrom(1000)
    assert packet.endswith(b"experiment")
    assert address[0] == LOOPBACK[family]
    assert hasattr(sock, "join_group")
    assert not hasattr(sock, "tcp_info")
