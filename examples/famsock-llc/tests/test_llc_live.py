"""Datagrams and connections between the two ends of a veth pair."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from socket import if_indextoname

import pytest
from famsock_llc import LlcAddress, LlcDatagramSocket, LlcStreamSocket, control, options
from famsock_llc.constants import AF_LLC
from famsock_llc.selftest import stations

import famsock

pytestmark = [
    pytest.mark.needs_family("AF_LLC"),
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.usefixtures("alarm", "descriptors"),
]
Pair = tuple[LlcDatagramSocket, LlcDatagramSocket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Datagram sockets of both stations, each at a service access point that was free."""
    with LlcDatagramSocket() as one, LlcDatagramSocket() as two:
        for sock, station in zip((one, two), stations(), strict=True):
            sock.settimeout(20)
            sock.bind(station)
        yield one, two


def test_a_datagram_names_its_sender(pair: Pair) -> None:
    one, two = pair
    sender, to = one.local_address, two.local_address
    assert sender is not None
    assert to is not None
    one.sendto(b"typed", to)
    message = two.recv_message(100)
    assert message.data == b"typed"
    assert message.address == LlcAddress(sender.mac, sender.sap, ua=1)
    one.sendto(b"tuple", (to.mac, to.sap))
    assert two.recvfrom(100) == (b"tuple", (sender.mac, sender.sap, 1, 0, 0, 1))


def test_a_datagram_tells_its_destination(pair: Pair) -> None:
    one, two = pair
    two.enable_packet_info(True)
    to = two.local_address
    assert to is not None
    one.sendto(b"where to?", to)
    info = two.recv_message(100).get(control.LLC_OPT_PKTINFO)
    assert info is not None
    assert (info.sap, info.mac) == (to.sap, to.mac)
    assert if_indextoname(info.ifindex).startswith("llcb")


def test_a_short_buffer_cuts_a_datagram_without_a_word(pair: Pair) -> None:
    one, two = pair
    one.sendto(b"too long", two.getsockname())
    message = two.recv_message(3)
    assert (message.data, message.flags) == (b"too", 0)


def test_a_connection() -> None:
    here, there = stations()
    with LlcStreamSocket() as listener, LlcStreamSocket() as client:
        listener.bind(there)
        listener.listen()
        client.settimeout(20)
        client.bind(here)
        client.connect(listener.getsockname())
        listener.settimeout(20)
        server, _ = listener.accept()
        with server:
            assert type(server) is LlcStreamSocket
            server.settimeout(20)
            client.sendall(b"there")
            assert server.recv(100) == b"there"
            server.sendall(b"and back")
            assert client.recv(100) == b"and back"


def test_options_have_the_limits_of_the_header() -> None:
    with LlcStreamSocket() as sock:
        sock.set_option(options.LLC_OPT_RETRY, 100)
        assert sock.get_option("LLC_OPT_RETRY") == 100
        with pytest.raises(OverflowError, match="LLC_OPT_RETRY must be 0-100, not 101"):
            sock.set_option(options.LLC_OPT_RETRY, 101)
        assert sock.get_option(options.LLC_OPT_RX_WIN) == 128


def test_a_station_that_is_not_here_is_refused_with_a_hint() -> None:
    with (
        LlcDatagramSocket() as sock,
        pytest.raises(OSError, match="No such device") as caught,
    ):
        sock.bind(LlcAddress(bytes.fromhex("02ffffffffff"), 0))
    assert caught.value.errno == errno.ENODEV
    assert "ip link" in caught.value.__notes__[0]


def test_a_point_that_is_taken_is_refused_with_a_hint(pair: Pair) -> None:
    one, _ = pair
    taken = one.local_address
    assert taken is not None
    with (
        LlcDatagramSocket() as sock,
        pytest.raises(OSError, match="in use") as caught,
    ):
        sock.bind(taken)
    assert "service access point" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("cls", "kind"),
    [(LlcDatagramSocket, famsock.SOCK_DGRAM), (LlcStreamSocket, famsock.SOCK_STREAM)],
)
def test_plain_socket_becomes_one_of_its_class(cls: type[famsock.socket], kind: int) -> None:
    with famsock.socket(AF_LLC, kind) as sock:
        assert type(sock.operations) is cls
