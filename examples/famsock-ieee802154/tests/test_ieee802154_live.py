"""Two radios of one PAN talk by their short addresses."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from famsock_ieee802154 import control, options
from famsock_ieee802154.addresses import ExtendedAddress, ShortAddress
from famsock_ieee802154.constants import AF_IEEE802154, WPAN_SECURITY_ON
from famsock_ieee802154.frames import DataHeader
from famsock_ieee802154.selftest import radios
from famsock_ieee802154.sockets import Ieee802154DatagramSocket, Ieee802154RawSocket

import famsock

PAN_ID = 0xBEEF
ONE, TWO = ShortAddress(PAN_ID, 1), ShortAddress(PAN_ID, 2)
pytestmark = [
    pytest.mark.needs_family("AF_IEEE802154"),
    pytest.mark.needs_command("iwpan", package="wpan-tools"),
    pytest.mark.needs_interface("wpan0"),
    pytest.mark.needs_interface("wpan1"),
]
Pair = tuple[Ieee802154DatagramSocket, Ieee802154DatagramSocket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Datagram sockets of both radios, by their short addresses."""
    with Ieee802154DatagramSocket() as one, Ieee802154DatagramSocket() as two:
        for sock, address in ((one, ONE), (two, TWO)):
            sock.settimeout(20)
            sock.bind(address)
        yield one, two


def test_sender_is_named_by_its_short_address(pair: Pair) -> None:
    one, two = pair
    one.sendto(b"typed", TWO)
    assert two.recvfrom(128) == (b"typed", (PAN_ID, 1))
    two.sendto(b"tuple", (PAN_ID, 1))
    message = one.recv_message(128)
    assert (message.data, message.address) == (b"tuple", TWO)


def test_extended_address_reaches_the_same_radio(pair: Pair) -> None:
    one, two = pair
    one.sendto(b"extended", ExtendedAddress(PAN_ID, radios()[1].hwaddr))
    assert two.recvfrom(128) == (b"extended", (PAN_ID, 1))


def test_connected_sockets_send_without_an_address(pair: Pair) -> None:
    one, two = pair
    one.connect(TWO)
    one.send(b"connected")
    assert two.recv(128) == b"connected"
    with pytest.raises(OSError, match="connected") as caught:
        one.sendto(b"again", TWO)
    assert caught.value.errno == errno.EISCONN


def test_link_quality_comes_as_a_control_message(pair: Pair) -> None:
    one, two = pair
    two.set_option(options.WPAN_WANTLQI, True)
    one.sendto(b"how loud?", TWO)
    quality = two.recv_message(128).get(control.WPAN_WANTLQI)
    assert quality is not None
    assert 0 <= quality <= 255


def test_options_are_typed(pair: Pair) -> None:
    one, _ = pair
    assert one.get_option(options.WPAN_WANTACK) is True
    one.set_option(options.WPAN_SECURITY, WPAN_SECURITY_ON)
    assert one.get_option("WPAN_SECURITY") == WPAN_SECURITY_ON
    assert one.get_option(options.WPAN_SECURITY_LEVEL) == -1
    one.set_option(options.WPAN_SECURITY_LEVEL, 7)
    assert one.get_option(options.WPAN_SECURITY_LEVEL) == 7
    with pytest.raises(OverflowError, match="WPAN_SECURITY_LEVEL must be -1-7, not 8"):
        one.set_option(options.WPAN_SECURITY_LEVEL, 8)


def test_raw_frame_reaches_a_datagram_socket(pair: Pair) -> None:
    _, two = pair
    with Ieee802154RawSocket() as raw:
        raw.bind(ONE)
        raw.send(DataHeader(7, 1, PAN_ID, 2).pack() + b"by hand")
    assert two.recvfrom(128) == (b"by hand", (PAN_ID, 1))


@pytest.mark.parametrize(
    ("cls", "kind"),
    [
        (Ieee802154DatagramSocket, famsock.SOCK_DGRAM),
        (Ieee802154RawSocket, famsock.SOCK_RAW),
    ],
)
def test_plain_socket_becomes_one_of_its_class(cls: type[famsock.socket], kind: int) -> None:
    with famsock.socket(AF_IEEE802154, kind) as sock:
        assert type(sock) is famsock.socket
        assert type(sock.operations) is type(sock) is cls
        with sock.dup() as copy:
            assert type(copy) is cls


def test_unknown_address_is_refused_with_a_hint() -> None:
    with (
        Ieee802154DatagramSocket() as sock,
        pytest.raises(OSError, match="No such device") as caught,
    ):
        sock.bind(ShortAddress(PAN_ID, 77))
    assert caught.value.errno == errno.ENODEV
    assert "iwpan dev" in caught.value.__notes__[0]
