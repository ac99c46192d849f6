"""Control messages and the error queue, live over loopback."""

from __future__ import annotations

import errno
import select
import time
from collections.abc import Callable
from socket import AF_INET

import pytest
from famsock_inet import Udp6Socket, UdpSocket, control
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.constants import SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
from famsock_inet.options import ip, ipv6
from famsock_inet.sockets.udp import AnyUdpSocket
from famsock_inet.structs.ip import In6Pktinfo, InPktinfo, ReceivedError

import famsock
from famsock import constants
from famsock._errqueue import SockExtendedErr
from famsock.control import (
    SCM_TIMESTAMP,
    SCM_TIMESTAMPING,
    SCM_TIMESTAMPNS,
    SO_MARK,
    SO_RXQ_OVFL,
    RawControl,
    Timestamps,
)
from famsock.options import SO_RCVBUF, SO_RCVMARK, SO_TIMESTAMP

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")
Pair = tuple[AnyUdpSocket, AnyUdpSocket]
OpenUdp = Callable[[type[AnyUdpSocket]], AnyUdpSocket]


def test_packet_info(udp_pair: Pair, family: int) -> None:
    sender, receiver = udp_pair
    receiver.enable_packet_info()
    sender.send(b"x")
    message = receiver.recv_message()
    index = famsock.if_nametoindex("lo")
    if family == AF_INET:
        assert message.get(control.IP_PKTINFO) == InPktinfo(index, "127.0.0.1", "127.0.0.1")
    else:
        assert message.get(control.IPV6_PKTINFO) == In6Pktinfo("::1", index)
    assert message.data == b"x"
    assert message.address == sender.local_address


def test_packet_info_chooses_the_source(opened: OpenUdp) -> None:
    sender, receiver = opened(UdpSocket), opened(UdpSocket)
    receiver.bind(("127.0.0.1", 0))
    info = control.IP_PKTINFO(InPktinfo(spec_dst="127.0.0.77"))
    sender.send_message(b"x", receiver.local_address, [info])
    address = receiver.recv_message().address
    assert isinstance(address, InetAddress)
    assert address.host == "127.0.0.77"


def test_hop_limit_and_traffic_class(udp_pair: Pair, family: int) -> None:
    sender, receiver = udp_pair
    receiver.enable_hop_limit()
    receiver.enable_traffic_class()
    if family == AF_INET:
        hops, tos = control.IP_TTL, control.IP_TOS
        sender.set_option(ip.IP_TTL, 33)
        sender.set_option(ip.IP_TOS, 0x28)
    else:
        hops, tos = control.IPV6_HOPLIMIT, control.IPV6_TCLASS
        sender.set_option(ipv6.IPV6_UNICAST_HOPS, 33)
        sender.set_option(ipv6.IPV6_TCLASS, 0x28)
    sender.send(b"by option")
    message = receiver.recv_message()
    assert (message.get(hops), message.get(tos)) == (33, 0x28)
    sender.send_message(b"by message", None, [hops(44), tos(0x48)])
    message = receiver.recv_message()
    assert (message.get(hops), message.get(tos)) == (44, 0x48)
    receiver.enable_hop_limit(False)
    receiver.enable_traffic_class(False)
    sender.send(b"off")
    assert receiver.recv_message().control == ()


def test_original_destination(udp_pair: Pair, family: int) -> None:
    sender, receiver = udp_pair
    receiver.enable_original_destination()
    sender.send(b"x")
    kind = control.IP_ORIGDSTADDR if family == AF_INET else control.IPV6_ORIGDSTADDR
    assert receiver.recv_message().get(kind) == receiver.local_address


def test_timestamps(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    before_ns = time.time_ns()
    receiver.enable_timestamps()
    sender.send(b"x")
    stamp_ns = receiver.recv_message().get(SCM_TIMESTAMPNS)
    assert stamp_ns is not None
    assert before_ns <= stamp_ns <= time.time_ns()
    receiver.set_option(SO_TIMESTAMP, True)
    sender.send(b"x")
    stamp_ns = receiver.recv_message().get(SCM_TIMESTAMP)
    assert stamp_ns is not None
    assert stamp_ns % 1000 == 0
    assert before_ns <= stamp_ns + 1000 <= time.time_ns() + 1000


def _first_stamp(sender: AnyUdpSocket, receiver: AnyUdpSocket) -> Timestamps:
    """Of the first datagram that bears one: the kernel begins to stamp a moment after it is asked,
    from a work queue (net_enable_timestamp in net/core/dev.c)."""
    for _ in range(500):
        sender.send(b"stamped")
        times = receiver.recv_message().get(SCM_TIMESTAMPING)
        if times is not None:
            return times
        time.sleep(0.01)
    raise AssertionError("no datagram was stamped in 5 s")


def test_timestamping_of_receiving_and_sending(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    before_ns = time.time_ns()
    receiver.enable_timestamps(
        constants.SOF_TIMESTAMPING_RX_SOFTWARE | constants.SOF_TIMESTAMPING_SOFTWARE
    )
    sender.enable_timestamps(
        constants.SOF_TIMESTAMPING_TX_SCHED
        | constants.SOF_TIMESTAMPING_TX_SOFTWARE
        | constants.SOF_TIMESTAMPING_SOFTWARE
    )
    times = _first_stamp(sender, receiver)
    assert before_ns <= times.software_ns <= time.time_ns()
    assert times.hardware_ns == 0
    queued = sender.recv_errors()
    assert queued
    for entry in queued:
        sent = entry.message.get(SCM_TIMESTAMPING)
        assert sent is not None
        assert before_ns <= sent.software_ns <= time.time_ns()
        assert entry.error.origin == constants.SO_EE_ORIGIN_TIMESTAMPING
        assert entry.message.data.endswith(b"stamped")


def test_error_queue_names_the_offender(udp_pair: Pair, family: int) -> None:
    sender, receiver = udp_pair
    target = receiver.local_address
    receiver.close()
    sender.enable_errors()
    sender.send(b"nobody there")
    await_refusal(sender)
    entry = sender.recv_errors(limit=1)[0]
    assert entry.errno == errno.ECONNREFUSED
    assert entry.message.address == target
    assert entry.message.data == b"nobody there"
    if family == AF_INET:
        assert entry.offender == InetAddress("127.0.0.1", 0)
        assert entry.error.origin == SO_EE_ORIGIN_ICMP
        assert (entry.error.type, entry.error.code) == (3, 3)
    else:
        assert entry.offender == Inet6Address("::1", 0)
        assert entry.error.origin == SO_EE_ORIGIN_ICMP6
        assert (entry.error.type, entry.error.code) == (1, 4)
    assert str(entry).startswith(f"Connection refused for {target}, told by ")


def await_refusal(sock: famsock.socket) -> None:
    """Return when the error has come back, some time after the datagram was sent.

    It reads SO_ERROR, so that no later call gets it; the queue has its entry before.
    """
    deadline = time.monotonic() + 20
    while not (error := sock.getsockopt(famsock.SOL_SOCKET, famsock.SO_ERROR)):
        assert time.monotonic() < deadline, "no error has come back"
        time.sleep(0.001)
    assert error == errno.ECONNREFUSED


def test_empty_error_queue_is_no_wait(udp_pair: Pair) -> None:
    """Not even for a socket that waits for ever, which the alarm would tell."""
    sender, _ = udp_pair
    sender.settimeout(None)
    assert sender.recv_errors() == []


def test_error_queue_with_a_pending_error_alone_is_no_wait(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    receiver.close()
    sender.send(b"nobody there")  # without enable_errors: the queue stays empty
    poll = select.poll()
    poll.register(sender, 0)
    assert poll.poll(20_000) == [(sender.fileno(), select.POLLERR)]
    sender.settimeout(None)
    assert sender.recv_errors() == []


def test_error_queue_limit(opened: OpenUdp) -> None:
    sender = opened(UdpSocket)
    sender.enable_errors()
    held = opened(UdpSocket)  # nobody gets its port, and it takes datagrams of its peer only
    held.bind(("127.0.0.1", 0))
    held.connect(("127.0.0.1", 9))
    target = held.getsockname()
    for _ in range(3):
        sender.sendto(b"x", target)
        await_refusal(sender)
    assert len(sender.recv_errors(limit=2)) == 2
    assert len(sender.recv_errors()) == 1
    assert sender.recv_errors() == []


def test_dropped_packets_are_counted(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    receiver.set_option("SO_RXQ_OVFL", True)
    receiver.set_option(SO_RCVBUF, 0)
    for _ in range(50):
        sender.send(bytes(1000))
    received = 0
    while received + receiver.get_option("SO_MEMINFO").drops < 50:
        try:
            receiver.recv_message(flags=constants.MSG_DONTWAIT)
            received += 1
        except BlockingIOError:
            continue
    sender.send(b"after the flood")
    dropped = receiver.recv_message().get(SO_RXQ_OVFL)
    assert dropped is not None
    assert 0 < dropped < 50
    assert receiver.get_option("SO_MEMINFO").drops == dropped


@pytest.mark.needs_kernel("5.19")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
def test_mark_is_sent_and_received(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    receiver.set_option(SO_RCVMARK, True)
    sender.set_option("SO_MARK", 0xFEED)
    sender.send(b"x")
    assert receiver.recv_message().get(SO_MARK) == 0xFEED
    sender.send_message(b"x", None, [SO_MARK(0xBEEF)])
    assert receiver.recv_message().get(SO_MARK) == 0xBEEF


def test_an_ipv6_socket_gets_the_control_messages_of_ipv4(
    opened: OpenUdp,
) -> None:
    receiver, sender = opened(Udp6Socket), opened(UdpSocket)
    receiver.set_option("IPV6_V6ONLY", False)
    receiver.bind(("", 0))
    receiver.set_option(ip.IP_RECVTTL, True)
    sender.sendto(b"x", ("127.0.0.1", receiver.getsockname()[1]))
    message = receiver.recv_message()
    assert message.get(control.IP_TTL) == sender.get_option(ip.IP_TTL)
    assert isinstance(message.address, Inet6Address)
    assert message.address.host == "::ffff:127.0.0.1"


def test_unknown_control_message_comes_whole(udp_pair: Pair) -> None:
    short = UdpSocket()
    with short:
        from famsock._definitions import Definitions
        from famsock.control import _typed_items

        family = famsock.plugins.family("AF_INET")
        assert family is not None
        kinds = Definitions(family.name, control=family.control).control
        items = [(0, control.IP_PKTINFO.number, b"\1"), (0, 99, b"?"), (0, 11, bytes(15))]
        assert _typed_items(items, kinds) == tuple(RawControl(*item) for item in items)


def test_received_error_round_trip() -> None:
    codec = control.IP_RECVERR.codec
    for offender in (None, InetAddress("192.0.2.9", 0), Inet6Address("2001:db8::9", 0)):
        value = ReceivedError(SockExtendedErr(111, 2, 3, 3), offender)
        assert codec.decode(codec.encode(value)) == value
    with pytest.raises(TypeError, match="must be ReceivedError, not int"):
        codec.encode(1)  # type: ignore[arg-type]


def test_segments_out_and_in(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    receiver.set_option(SO_RCVBUF, 1 << 20)
    receiver.enable_segments()
    data = bytes(range(256)) * 41
    assert sender.send_segments(data, 1000) == len(data)
    received: list[bytes] = []
    while sum(map(len, received)) < len(data):
        datagrams, address = receiver.recv_segments()
        assert address == sender.local_address
        received += datagrams
    assert [len(datagram) for datagram in received] == [1000] * 10 + [496]
    assert b"".join(received) == data
    assert sender.send_segments(b"to", 1000, receiver.getsockname()) == 2
    assert receiver.recv_segments() == ([b"to"], sender.local_address)


def test_segment_size_out_of_range(udp_pair: Pair) -> None:
    for wrong in (-1, 0, 65536):
        with pytest.raises(OverflowError, match=f"must be [01]-65535, not {wrong}"):
            udp_pair[0].send_segments(b"x", wrong)
