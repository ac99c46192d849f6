"""CAN_ISOTP: its options' values, and channels on a real kernel."""

from __future__ import annotations

import errno
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
from famsock_can import CanRawSocket, IsotpSocket
from famsock_can import constants as c
from famsock_can import options as rows
from famsock_can.addresses import IsotpAddress
from famsock_can.frames import CanFdFrame, CanFrame
from famsock_can.isotp import IsotpFlowControl, IsotpLinkLayer, IsotpOptions, IsotpTimeoutError

Opener = Callable[..., IsotpSocket]


def live(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs the kernel's ISO-TP and an interface."""
    for mark in (
        pytest.mark.needs_family("AF_CAN", protocol="isotp"),
        pytest.mark.needs_interface("vcan0"),
    ):
        test = mark(test)
    return test


def test_flags_follow_from_what_is_given() -> None:
    options = IsotpOptions.make(ext_address=0, tx_padding=0xAA, flags=c.CAN_ISOTP_WAIT_TX_DONE)
    expected = c.CAN_ISOTP_EXTEND_ADDR | c.CAN_ISOTP_TX_PADDING | c.CAN_ISOTP_WAIT_TX_DONE
    assert (options.flags, options.txpad_content) == (expected, 0xAA)
    assert IsotpOptions.make() == IsotpOptions()
    assert IsotpOptions.make(frame_txtime_ns=0).frame_txtime_ns == c.CAN_ISOTP_FRAME_TXTIME_ZERO
    assert IsotpOptions.make(frame_txtime_ns=7).frame_txtime_ns == 7
    assert IsotpOptions.make(rx_padding=1, rx_ext_address=2).flags == 0x208


@pytest.mark.parametrize("stmin_ns", [0, 1_000_000, 127_000_000, 100_000, 900_000])
def test_stmin_in_ns_both_ways(stmin_ns: int) -> None:
    assert IsotpFlowControl.for_time(stmin_ns).stmin_ns == stmin_ns


def test_reserved_stmin_means_the_longest_time() -> None:
    assert IsotpFlowControl(stmin=0x80).stmin_ns == 127_000_000
    assert IsotpFlowControl(stmin=0xF3).stmin_ns == 300_000


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: IsotpFlowControl.for_time(1), ValueError, "stmin_ns must be 0-127 ms"),
        (lambda: IsotpFlowControl.for_time(128_000_000), ValueError, "not 128000000"),
        (lambda: IsotpFlowControl.for_time(-1_000_000), ValueError, "stmin_ns"),
        (lambda: IsotpFlowControl(256), OverflowError, "block_size must be 0-255"),
        (lambda: IsotpOptions(1 << 20), ValueError, "flags has bits that are no CAN_ISOTP flags"),
        (lambda: IsotpOptions(0x1800), ValueError, "must not have both"),
        (lambda: IsotpOptions(frame_txtime_ns=1 << 32), OverflowError, "frame_txtime_ns"),
        (lambda: IsotpOptions.make(frame_txtime_ns=0xFFFFFFFF), OverflowError, "0-4294967294"),
        (lambda: IsotpAddress.normal_fixed("can0", 256, 0), OverflowError, "ISO-TP source"),
        (lambda: IsotpAddress.normal_fixed("can0", 0, -1), OverflowError, "ISO-TP target"),
        (lambda: IsotpLinkLayer(17), ValueError, "mtu must be one of 16, 72, not 17"),
        (lambda: IsotpLinkLayer(72, 9), ValueError, "tx_dl must be one of 8, 12, 16"),
        (lambda: IsotpLinkLayer(16, 64), ValueError, "needs tx_dl 8"),
        (lambda: IsotpLinkLayer(16, 8, 1), ValueError, "tx_flags 0"),
        (lambda: IsotpLinkLayer(72, 8, 8), ValueError, "tx_flags has bits that are no CANFD flags"),
        (lambda: IsotpLinkLayer(72, 8, 256), OverflowError, "tx_flags must be 0-255"),
        (lambda: IsotpLinkLayer("72"), TypeError, "mtu"),  # type: ignore[arg-type]
    ],
)
def test_values_out_of_range_are_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Makes a socket, tells it options and binds it; all are closed afterwards."""
    with ExitStack() as stack:

        def make(
            rx_id: int, tx_id: int, *options: Any, flags: int | None = None, **times_ns: Any
        ) -> IsotpSocket:
            sock = stack.enter_context(IsotpSocket())
            sock.settimeout(20)
            if flags is not None:
                options = (IsotpOptions(flags), *options)
            sock.configure(*options, **times_ns)
            sock.bind(("vcan0", rx_id, tx_id))
            return sock

        yield make


@pytest.fixture
def raw() -> Iterator[CanRawSocket]:
    """A raw socket that sees the frames of a channel."""
    with CanRawSocket() as sock:
        sock.settimeout(20)
        sock.enable_frames(fd=True)
        sock.bind(("vcan0",))
        yield sock


def test_normal_fixed_addressing() -> None:
    tester = IsotpAddress.normal_fixed("can0", source=0xF1, target=0x10)
    assert tester == IsotpAddress("can0", 0x98DAF110, 0x98DA10F1)
    ecu = IsotpAddress.normal_fixed("can0", source=0x10, target=0xF1)
    assert (ecu.rx_id, ecu.tx_id) == (tester.tx_id, tester.rx_id)


@live
def test_a_message_tells_its_arrival(opened: Opener) -> None:
    one, other = opened(0x31A, 0x31B), opened(0x31B, 0x31A)
    other.enable_timestamps()
    other.enable_drop_count()
    for size in (3, 300):
        one.send(bytes(size))
        pdu = other.recv_pdu(100)
        assert (len(pdu.data), pdu.is_truncated) == (min(size, 100), size > 100)
        assert (pdu.arrival.interface, pdu.arrival.dropped) == ("vcan0", 0)
        assert pdu.arrival.timestamp_ns is not None


@live
@pytest.mark.parametrize("size", [1, 7, 8, 4095, 6000])
def test_messages_of_all_sizes(opened: Opener, size: int) -> None:
    one, other = opened(0x301, 0x302), opened(0x302, 0x301)
    message = bytes(n & 0xFF for n in range(size))
    one.send(message)
    assert other.recv(8192) == message


@live
def test_extended_identifiers_and_addresses(opened: Opener) -> None:
    up, down = c.CAN_EFF_FLAG | 0x18DA10F1, c.CAN_EFF_FLAG | 0x18DAF110
    one, other = opened(up, down), opened(down, up)
    assert one.getsockname() == ("vcan0", up, down)
    assert one.local_address == IsotpAddress("vcan0", up, down)
    one.send(b"famsock" * 5)
    data, address = other.recvfrom(100)
    assert (data, address[0]) == (b"famsock" * 5, "vcan0")
    other.send(b"back")
    assert one.recv_message().data == b"back"
    other.send(b"again")
    message = one.recv_message()
    assert isinstance(message.address, IsotpAddress)
    assert message.address.interface == "vcan0"


@live
@pytest.mark.parametrize("identifier", [0x800, c.CAN_RTR_FLAG | 1, 0x18DA10F1])
def test_identifier_without_its_flag_says_so(identifier: int, descriptors: None) -> None:
    with IsotpSocket() as sock, pytest.raises(OSError, match="Invalid argument") as caught:
        sock.bind(("vcan0", identifier, 0x123))
    assert "CAN_EFF_FLAG" in "\n".join(caught.value.__notes__)


@live
def test_one_identifier_for_both_directions_is_refused() -> None:
    with IsotpSocket() as sock, pytest.raises(OSError, match="Cannot assign") as caught:
        sock.bind(("vcan0", 0x321, 0x321))
    assert "must differ" in "".join(caught.value.__notes__)


@live
def test_options_are_read_back(opened: Opener) -> None:
    options = IsotpOptions.make(
        frame_txtime_ns=123_456, ext_address=0x11, rx_ext_address=0x22, tx_padding=0x33
    )
    sock = opened(
        0x303,
        0x304,
        options,
        IsotpFlowControl.for_time(300_000, block_size=4, wait_frames_max=2),
        IsotpLinkLayer(c.CANFD_MTU, 64, c.CANFD_BRS),
        tx_stmin_ns=5_000,
        rx_stmin_ns=6_000,
    )
    read = sock.get_option(rows.CAN_ISOTP_OPTS)
    forced = c.CAN_ISOTP_FORCE_TXSTMIN | c.CAN_ISOTP_FORCE_RXSTMIN
    assert read.flags == options.flags | forced
    assert (read.frame_txtime_ns, read.ext_address, read.rx_ext_address) == (123_456, 0x11, 0x22)
    assert sock.get_option(rows.CAN_ISOTP_RECV_FC) == IsotpFlowControl(4, 0xF3, 2)
    assert sock.get_option(rows.CAN_ISOTP_LL_OPTS) == IsotpLinkLayer(72, 64, 1)
    assert sock.get_option(rows.CAN_ISOTP_TX_STMIN) == 5_000
    assert sock.get_option(rows.CAN_ISOTP_RX_STMIN) == 6_000


@live
def test_configuring_after_bind_says_when(opened: Opener) -> None:
    sock = opened(0x305, 0x306)
    with pytest.raises(OSError, match="already connected") as caught:
        sock.configure(IsotpOptions())
    assert caught.value.errno == errno.EISCONN
    assert "before bind()" in "\n".join(caught.value.__notes__)


@live
def test_padding_and_extended_addressing_on_the_bus(opened: Opener, raw: CanRawSocket) -> None:
    sock = opened(0x307, 0x308, IsotpOptions.make(ext_address=0x55, tx_padding=0xAA))
    sock.send(b"\x01\x02")
    assert raw.recv_frame().frame == CanFrame(0x308, bytes.fromhex("55020102AAAAAAAA"))


@live
def test_fd_link_layer_on_the_bus(opened: Opener, raw: CanRawSocket) -> None:
    link = IsotpLinkLayer(c.CANFD_MTU, 64, c.CANFD_BRS)
    one, other = opened(0x309, 0x30A, None, None, link), opened(0x30A, 0x309, None, None, link)
    one.send(bytes(60))
    frame = raw.recv_frame().frame
    assert isinstance(frame, CanFdFrame)
    assert (frame.data[:2], frame.bit_rate_switch) == (b"\x00\x3c", True)
    assert other.recv(100) == bytes(60)


@live
def test_flow_control_that_the_receiver_asks_for(opened: Opener, raw: CanRawSocket) -> None:
    one = opened(0x30B, 0x30C)
    opened(0x30C, 0x30B, None, IsotpFlowControl(8, 0x05))
    one.send(bytes(20))
    frames = [raw.recv_frame().frame for _ in range(2)]
    assert CanFrame(0x30B, b"\x30\x08\x05") in frames


@live
def test_time_between_frames_in_ns(opened: Opener, raw: CanRawSocket) -> None:
    raw.enable_timestamps()
    one = opened(0x30D, 0x30E, tx_stmin_ns=50_000_000)
    opened(0x30E, 0x30D)
    one.send(bytes(27))
    seen = [raw.recv_frame() for _ in range(5)]
    times = [r.arrival.timestamp_ns or 0 for r in seen if r.frame.data[0] >> 4 == 2]
    assert len(times) == 3
    assert all(late - early >= 49_000_000 for early, late in pairwise(times))


@live
def test_functional_addressing_without_flow_control(opened: Opener) -> None:
    other = opened(0x310, 0x30F)
    with IsotpSocket() as one:
        one.configure(IsotpOptions(c.CAN_ISOTP_SF_BROADCAST))
        one.bind(("vcan0", 0xFFFFFFFF, 0x310))
        one.send(b"all")
        assert other.recv(10) == b"all"


@live
def test_waiting_for_the_transmission_fails_without_a_receiver(opened: Opener) -> None:
    sock = opened(0x311, 0x312, flags=c.CAN_ISOTP_WAIT_TX_DONE)
    started = time.monotonic()
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        sock.send(bytes(20))
    assert caught.value.errno in (errno.ECOMM, errno.ETIMEDOUT)
    assert time.monotonic() - started < 15


@live
def test_a_receiver_that_is_not_there_is_explained(opened: Opener) -> None:
    sock = opened(0x317, 0x318)
    sock.send(bytes(20))
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        sock.recv_pdu()
    assert caught.value.errno == errno.ECOMM
    assert "no flow control came" in "".join(caught.value.__notes__)


@live
def test_listening_sends_no_flow_control(opened: Opener, raw: CanRawSocket) -> None:
    opened(0x314, 0x313, flags=c.CAN_ISOTP_LISTEN_MODE)
    one = opened(0x313, 0x314)
    one.send(bytes(20))
    assert raw.recv_frame().frame.data[0] >> 4 == 1
    raw.settimeout(0.3)
    with pytest.raises(TimeoutError):
        raw.recv_frame()


def _notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


@live
def test_a_peer_that_stops_is_told_from_the_socket_s_own_timeout(
    opened: Opener, raw: CanRawSocket
) -> None:
    sock = opened(0x360, 0x361)
    sock.settimeout(0.05)
    with pytest.raises(TimeoutError) as own:
        sock.recv_pdu()
    assert not isinstance(own.value, IsotpTimeoutError)
    assert own.value.errno is None
    sock.settimeout(20)
    raw.send_frame(CanFrame(0x360, b"\x10\x20" + bytes(6)))  # a first frame of 32 bytes
    with pytest.raises(IsotpTimeoutError) as peer:
        sock.recv_pdu()
    assert peer.value.errno == errno.ETIMEDOUT
    assert "did not go on" in _notes(peer.value)


@live
@pytest.mark.parametrize("call", ["send", "sendall", "sendmsg", "send_message"])
def test_a_peer_without_flow_control_is_explained(opened: Opener, call: str) -> None:
    sock = opened(0x362, 0x363, flags=c.CAN_ISOTP_WAIT_TX_DONE)
    data: Any = [bytes(20)] if call == "sendmsg" else bytes(20)
    with pytest.raises(OSError, match="Communication error on send") as caught:
        getattr(sock, call)(data)
    assert caught.value.errno == errno.ECOMM
    assert "no flow control came" in _notes(caught.value)


@live
def test_the_failure_of_a_message_is_explained_where_it_shows(opened: Opener) -> None:
    sock = opened(0x364, 0x365)
    sock.send(bytes(20))
    with pytest.raises(OSError, match="Communication error on send") as caught:
        sock.recv(100)
    assert "no flow control came" in _notes(caught.value)


@pytest.mark.needs_family("AF_CAN", protocol="isotp")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
@pytest.mark.needs_command("tc", package="iproute2")
def test_an_interface_that_does_not_send_is_explained(spare: Callable[..., None]) -> None:
    with IsotpSocket() as sock:
        sock.settimeout(20)
        sock.bind(("vcan9", 0x366, 0x367))
        command = "tc qdisc add dev vcan9 root pfifo limit 0"
        subprocess.run(command.split(), check=True, timeout=60)
        with pytest.raises(OSError, match="No buffer space") as caught:
            sock.send(b"single")
        assert "txqueuelen" in _notes(caught.value)
    with IsotpSocket() as sock:
        sock.bind(("vcan9", 0x368, 0x369))
        spare("set", "vcan9", "down")
        with pytest.raises(OSError, match="Network is down") as caught:
            sock.send(b"single")
        assert "ip link set can0 up" in _notes(caught.value)
