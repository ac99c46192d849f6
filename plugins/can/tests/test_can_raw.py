"""CAN_RAW on a real kernel: frames, filters, modes, what comes with a frame."""

from __future__ import annotations

import asyncio
import errno
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET
from typing import Any

import pytest
from famsock_can import CanRawSocket, control, options, selftest
from famsock_can import constants as c
from famsock_can.addresses import CanAddress
from famsock_can.filters import CanFilter
from famsock_can.frames import CanFdFrame, CanFrame, CanXlFrame, parse_frame
from famsock_can.interfaces import can_interfaces
from famsock_can.sockets.raw import ReceivedFrame

import famsock
from famsock import aio
from famsock.plugin import constants as system
from famsock.testing import requirements

pytestmark = [
    pytest.mark.needs_family("AF_CAN", protocol="raw"),
    pytest.mark.needs_interface("vcan0"),
]
Pair = tuple[CanRawSocket, CanRawSocket]
FRAME = CanFrame(0x123, b"famsock")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two sockets on vcan0."""
    with ExitStack() as stack:
        socks = [stack.enter_context(raw_socket()) for _ in range(2)]
        for sock in socks:
            sock.bind(("vcan0",))
        yield socks[0], socks[1]


def test_sockets_by_text() -> None:
    text = "can://vcan0?CAN_RAW_FD_FRAMES=1&CAN_RAW_FILTER=0x123,0x7ff"
    with famsock.open_datagram(text) as receiver, famsock.open_datagram("can://vcan0") as sender:
        receiver.settimeout(20)
        assert receiver.get_option("CAN_RAW_FD_FRAMES") is True
        assert receiver.get_option("CAN_RAW_FILTER") == (CanFilter(0x123, 0x7FF),)
        sender.send(CanFrame(0x124, b"other").pack())
        sender.send(FRAME.pack())
        assert receiver.operations.recv_frame().frame == FRAME
        address = receiver.local_address
        assert address is not None
        endpoint = famsock.endpoints.of(receiver, address)
        assert str(endpoint) == "can://vcan0"
        assert famsock.endpoints.parse(str(endpoint)) == endpoint


def raw_socket(timeout_s: float = 20) -> CanRawSocket:
    sock = CanRawSocket()
    sock.settimeout(timeout_s)
    return sock


def nothing_left(sock: CanRawSocket) -> bool:
    sock.setblocking(False)
    try:
        sock.recv_frame()
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize(
    "text", ["123#", "123#DEADBEEF", "1F334455#1122334455667788", "7FF#R", "123#R5"]
)
def test_classic_frames_arrive_as_sent(pair: Pair, text: str) -> None:
    one, other = pair
    one.send_frame(parse_frame(text))
    received = other.recv_frame()
    assert received.frame == parse_frame(text)
    assert str(received) == f"vcan0:{text}"


def test_fd_frames_need_the_switch(pair: Pair) -> None:
    one, other = pair
    frame = CanFdFrame(0x123, bytes(range(64)), c.CANFD_BRS)
    with pytest.raises(OSError, match="Invalid argument"):
        one.send_frame(frame)
    for sock in pair:
        sock.enable_frames(fd=True)
    one.send_frame(frame)
    received = other.recv_frame().frame
    assert received == frame
    one.send_frame(FRAME)
    assert other.recv_frame().frame == FRAME


@pytest.mark.needs_interface("vcan1")
def test_xl_frames() -> None:
    with raw_socket() as one, raw_socket() as other:
        for sock in (one, other):
            sock.enable_frames(fd=True, xl=True)
            sock.bind(("vcan1",))
        for frame in (CanXlFrame(0x7FF, b"x", 3, 0xCAFE), CanXlFrame(0, bytes(2048))):
            one.send_frame(frame)
            assert other.recv_frame().frame == frame


@pytest.mark.needs_interface("vcan1")
def test_virtual_networks_of_xl_frames() -> None:
    with raw_socket() as one, raw_socket() as other:
        for sock in (one, other):
            sock.enable_frames(xl=True)
            sock.bind(("vcan1",))
        with pytest.raises(OverflowError, match="rx_vcid must be 0-255, not 256"):
            other.set_vcid(receive=256)
        if requirements.kernel("6.9"):
            with pytest.raises(OSError, match="not available") as caught:
                other.set_vcid()
            assert "their virtual networks 6.9" in notes(caught.value)
            return
        one.send_frame(CanXlFrame(1, b"untouched", vcid=7))
        assert other.recv_frame().frame == CanXlFrame(1, b"untouched", vcid=0)
        one.set_vcid()
        one.send_frame(CanXlFrame(1, b"not received", vcid=7))
        other.set_vcid(receive=0x45, receive_mask=0xF0)
        for vcid in (7, 0x4A):
            one.send_frame(CanXlFrame(1, b"filtered", vcid=vcid))
        assert other.recv_frame().frame == CanXlFrame(1, b"filtered", vcid=0x4A)
        other.set_vcid()
        one.set_vcid(send=9)
        one.send_frame(CanXlFrame(1, b"all", vcid=7))
        assert other.recv_frame().frame == CanXlFrame(1, b"all", vcid=9)


def test_frames_sent_in_one_call(pair: Pair) -> None:
    one, other = pair
    frames = [CanFrame(0x120 + n, bytes(n)) for n in range(4)]
    assert one.send_frames(frames) == 4
    assert one.send_frames([]) == 0
    with raw_socket() as every:
        assert every.send_frames(frames[:2], "vcan0") == 2
    assert [each.frame for each in other.recv_frames(8)] == [*frames, *frames[:2]]
    with pytest.raises(TypeError, match=r"must be CanFrame, .*, not bytes"):
        one.send_frames([frames[0], bytes(16)])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="must be a list of CanFrame"):
        one.send_frames(frames[0])  # type: ignore[arg-type]
    with pytest.raises(OSError, match="Invalid argument") as caught:
        one.send_frames([CanFdFrame(1)])
    assert "enable_frames" in notes(caught.value)
    assert nothing_left(other)


def test_the_error_queue_tells_when_a_frame_went_out(
    pair: Pair,
) -> None:
    one, _ = pair
    software = system.SOF_TIMESTAMPING_SOFTWARE | system.SOF_TIMESTAMPING_TX_SOFTWARE
    numbered = system.SOF_TIMESTAMPING_OPT_ID | system.SOF_TIMESTAMPING_OPT_TSONLY
    one.setsockopt(SOL_SOCKET, system.SO_TIMESTAMPING, software | numbered)
    before_ns = time.time_ns()
    one.send_frames([FRAME] * 2)
    poller = select.poll()
    poller.register(one, 0)
    for number in range(2):
        assert poller.poll(20_000) == [(one.fileno(), select.POLLERR)]
        report = one.recv_message(flags=system.MSG_ERRQUEUE)
        extended = report.get(control.SCM_CAN_RAW_ERRQUEUE)
        assert extended is not None
        assert (extended.errno, extended.data) == (errno.ENOMSG, number)
        assert report.get("SCM_TIMESTAMPING").software_ns >= before_ns


def test_frames_in_one_call(pair: Pair) -> None:
    one, other = pair
    other.enable_timestamps()
    sent = [CanFrame(0x120 + n, bytes(n)) for n in range(5)]
    for frame in sent:
        one.send_frame(frame)
    received = other.recv_frames(3) + other.recv_frames(64)
    assert [each.frame for each in received] == sent
    assert all(each.arrival.interface == "vcan0" and each.arrival.is_local for each in received)
    assert all(each.arrival.timestamp_ns for each in received)
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.recv_frames(1)
    with pytest.raises(ValueError, match="count"):
        other.recv_frames(0)


def test_filters(pair: Pair) -> None:
    one, other = pair
    other.set_filters([CanFilter.exact(0x100), CanFilter.parse("200:700")])
    assert other.get_option(options.CAN_RAW_FILTER)[0] == CanFilter.exact(0x100)
    for can_id in (0x100, 0x101, 0x2FF, 0x300):
        one.send_frame(CanFrame(can_id))
    assert [other.recv_frame().frame for _ in range(2)] == [CanFrame(0x100), CanFrame(0x2FF)]
    assert nothing_left(other)


def test_joined_inverted_filters(pair: Pair) -> None:
    one, other = pair
    other.set_filters([CanFilter.exact(n).inverted() for n in (0x100, 0x101)], join=True)
    for can_id in (0x100, 0x101, 0x102):
        one.send_frame(CanFrame(can_id))
    assert other.recv_frame().frame == CanFrame(0x102)
    assert nothing_left(other)


def test_512_filters_and_no_more(pair: Pair) -> None:
    one, other = pair
    filters = [CanFilter.exact(n) for n in range(512)]
    other.set_filters(filters)
    assert other.get_option(options.CAN_RAW_FILTER) == tuple(filters)
    with pytest.raises(ValueError, match="CAN_RAW_FILTER must be at most 512 elements, not 513"):
        other.set_filters([*filters, CanFilter(0, 0)])
    one.send_frame(CanFrame(511))
    assert other.recv_frame().frame == CanFrame(511)


def test_no_filters_receive_nothing(pair: Pair) -> None:
    one, other = pair
    other.set_filters([])
    one.send_frame(FRAME)
    assert nothing_left(other)


def test_error_mask(pair: Pair) -> None:
    one, other = pair
    error = CanFrame(c.CAN_ERR_FLAG | c.CAN_ERR_BUSOFF, bytes(8))
    one.send_frame(error)
    other.set_error_mask(c.CAN_ERR_MASK)
    assert other.get_option(options.CAN_RAW_ERR_FILTER) == c.CAN_ERR_MASK
    one.send_frame(error)
    received = other.recv_frame().frame
    assert isinstance(received, CanFrame)
    decoded = received.error
    assert decoded is not None
    assert int(decoded.classes) == c.CAN_ERR_BUSOFF
    assert nothing_left(other)
    with pytest.raises(OverflowError, match="CAN_RAW_ERR_FILTER must be 0-536870911"):
        other.set_error_mask(1 << 29)


def test_who_sent_it(pair: Pair) -> None:
    one, other = pair
    one.set_loopback(own=True)
    one.send_frame(FRAME)
    mine, theirs = one.recv_frame().arrival, other.recv_frame().arrival
    assert (mine.is_local, mine.is_own) == (True, True)
    assert (theirs.is_local, theirs.is_own) == (True, False)
    one.set_loopback(local=False)
    one.send_frame(FRAME)
    assert nothing_left(one)


def test_timestamps_in_ns(pair: Pair) -> None:
    one, other = pair
    one.send_frame(FRAME)
    assert other.recv_frame().arrival.timestamp_ns is None
    other.enable_timestamps()
    before = time.time_ns()
    one.send_frame(FRAME)
    arrival = other.recv_frame().arrival
    assert arrival.timestamp_ns is not None
    assert before <= arrival.timestamp_ns <= time.time_ns()
    assert arrival.hardware_timestamp_ns is None


def test_time_stamping_of_software_and_hardware(
    pair: Pair,
) -> None:
    one, other = pair
    other.enable_timestamps(hardware=True)
    one.send_frame(FRAME)
    assert other.recv_frame().arrival.timestamp_ns is not None


def test_lost_frames_are_counted(pair: Pair) -> None:
    one, other = pair
    other.enable_drop_count()
    other.setsockopt(SOL_SOCKET, SO_RCVBUF, 2048)
    sent = 40
    for _ in range(sent):
        one.send_frame(FRAME)
    kept = 0
    while not nothing_left(other):
        kept += 1
    one.send_frame(FRAME)
    other.settimeout(20)
    assert 0 < kept < sent
    assert other.recv_frame().arrival.dropped == sent - kept


def test_every_interface_at_once() -> None:
    with raw_socket() as one, raw_socket() as other:
        other.bind(("",))
        assert other.getsockname() == ("",)
        assert other.local_address == CanAddress("")
        one.send_frame(FRAME, "vcan0")
        received = other.recv_frame()
        assert (received.frame, received.arrival.interface) == (FRAME, "vcan0")
        other.send_frame(FRAME, "vcan0")
        index = famsock.if_nametoindex("vcan0")
        for interface in (index, CanAddress("vcan0"), CanAddress(index)):
            one.send_frame(FRAME, interface)
            assert other.recv_frame().frame == FRAME
        with pytest.raises(OSError, match=r"\[Errno") as caught:
            other.send_frame(FRAME)
        assert caught.value.errno == errno.ENXIO
        assert "no interface to go by" in "".join(caught.value.__notes__)


def test_typed_address_by_name_and_by_index() -> None:
    index = famsock.if_nametoindex("vcan0")
    with raw_socket() as one, raw_socket() as other:
        one.bind(CanAddress("vcan0"))
        other.bind(CanAddress(index))
        assert one.local_address == other.local_address == CanAddress("vcan0")
        assert one.getsockname() == other.getsockname() == ("vcan0",)
        one.send_frame(FRAME)
        assert other.recv_message().address == CanAddress("vcan0")
        one.sendto(FRAME.pack(), CanAddress(index))
        assert other.recvfrom(16) == (FRAME.pack(), ("vcan0",))


def test_bytes_and_paths_name_interfaces() -> None:
    for name in (b"vcan0", Path("vcan0")):
        with raw_socket() as sock:
            sock.bind((name,))
            assert sock.getsockname() == ("vcan0",)


def test_missing_interface_says_how_to_make_it(descriptors: None) -> None:
    with raw_socket() as sock, pytest.raises(OSError, match="No such device") as caught:
        sock.bind(("vcan77",))
    assert caught.value.errno == errno.ENODEV
    assert "ip link add vcan77 type vcan" in "\n".join(caught.value.__notes__)


def test_an_interface_that_is_no_can_interface() -> None:
    with raw_socket() as sock, pytest.raises(OSError, match="device") as caught:
        sock.bind(("lo",))
    assert caught.value.errno == errno.ENODEV


def test_receiving_times_out() -> None:
    with raw_socket(0.05) as sock:
        sock.bind(("vcan0",))
        with pytest.raises(TimeoutError):
            sock.recv_frame()


def test_operations_are_awaited(pair: Pair) -> None:
    one, other = pair
    for sock in pair:
        sock.setblocking(False)

    async def talk() -> None:
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(aio.when_readable(other, other.recv_frame))
        await asyncio.sleep(0.05)
        await aio.when_writable(one, one.send_frame, FRAME)
        assert (await asyncio.wait_for(waiting, 20)).frame == FRAME
        heard: asyncio.Future[list[ReceivedFrame]] = loop.create_future()

        def hear() -> None:
            if not heard.done():
                heard.set_result(other.recv_frames(8))

        loop.add_reader(other, hear)
        sent = await aio.sendmmsg(one, [(CanFrame(n).pack(), None) for n in range(2)])
        frames = [each.frame for each in await asyncio.wait_for(heard, 20)]
        loop.remove_reader(other)
        assert (sent, frames[0]) == (2, CanFrame(0))

    asyncio.run(talk())


def test_what_to_pass_is_said(pair: Pair) -> None:
    one: Any = pair[0]
    for wrong in (bytes(16), "123#00", None, CanFilter.exact(1)):
        words = f"must be CanFrame, CanFdFrame or CanXlFrame, not {type(wrong).__name__}"
        with pytest.raises(TypeError, match=words):
            one.send_frame(wrong)
    for alone in (CanFilter.exact(1), None):
        with pytest.raises(TypeError, match=r"must be a list of CanFilter, such as \[CanFilter"):
            one.set_filters(alone)


def notes(error: BaseException) -> str:
    return "\n".join(error.__notes__)


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
def test_an_interface_that_is_down_is_explained(spare: Callable[..., None]) -> None:
    with raw_socket() as one, raw_socket() as hearing, raw_socket() as every:
        one.bind(("vcan9",))
        hearing.bind(("vcan9",))
        every.bind(("",))
        with pytest.raises(OSError, match="Invalid argument") as caught:
            one.send_frame(CanXlFrame(1, b"x"))
        assert "enable_frames" in notes(caught.value)
        spare("set", "vcan9", "down")
        for call in (
            lambda: one.send_frame(FRAME),
            lambda: every.send_frame(FRAME, "vcan9"),
            hearing.recv_frame,
        ):
            with pytest.raises(OSError, match="Network is down") as caught:
                call()
            assert "ip link set can0 up" in notes(caught.value)
        spare("set", "vcan9", "up")
        one.send_frame(FRAME)
        spare("del", "vcan9")
        with pytest.raises(OSError, match=r"\[Errno") as caught:
            one.send_frame(FRAME)
        assert caught.value.errno == errno.ENXIO


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
@pytest.mark.needs_command("tc", package="iproute2")
def test_a_full_queue_is_explained(spare: Callable[..., None]) -> None:
    command = "tc qdisc add dev vcan9 root pfifo limit 0"
    subprocess.run(command.split(), check=True, timeout=60)
    with raw_socket() as one:
        one.bind(("vcan9",))
        with pytest.raises(OSError, match="No buffer space") as caught:
            one.send_frame(FRAME)
    assert "txqueuelen" in notes(caught.value)


def test_can_interfaces_are_listed() -> None:
    found = can_interfaces()
    assert "vcan0" in found
    assert "lo" not in found


@pytest.mark.parametrize(
    "protocol",
    [
        "raw",
        "bcm",
        pytest.param("isotp", marks=pytest.mark.needs_family("AF_CAN", protocol="isotp")),
        "j1939",
    ],
)
def test_exchange_without_its_interface_says_how_to_make_it(
    protocol: str, monkeypatch: pytest.MonkeyPatch, descriptors: None
) -> None:
    monkeypatch.setattr(selftest, "INTERFACE", "vcan78")
    with pytest.raises(OSError, match="No such device") as caught, getattr(selftest, protocol)():
        pass
    assert "modprobe vcan && ip link add vcan78" in "\n".join(caught.value.__notes__)


REPLUGGED = FRAME, CanFrame(0x124, b"other")


def _replug(spare: Callable[..., None]) -> None:
    spare("del", "vcan9")
    spare("add", "vcan9", "type", "vcan")
    spare("set", "vcan9", "up")


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
@pytest.mark.parametrize("when", ["before bind", "after bind"])
@pytest.mark.parametrize("how", ["never", "set_filters", "set_option", "setsockopt", "none at all"])
def test_filters_are_there_again_after_the_interface_was_removed(
    spare: Callable[..., None], how: str, when: str
) -> None:
    wanted = [CanFilter.exact(FRAME.can_id)]
    settings: dict[str, Callable[[CanRawSocket], object]] = {
        "never": lambda sock: None,
        "set_filters": lambda sock: sock.set_filters(wanted),
        "set_option": lambda sock: sock.set_option("CAN_RAW_FILTER", tuple(wanted)),
        "setsockopt": lambda sock: sock.setsockopt(
            c.SOL_CAN_RAW, c.CAN_RAW_FILTER, wanted[0].pack()
        ),
        "none at all": lambda sock: sock.set_filters([]),
    }
    with raw_socket() as hearing, raw_socket() as sending:
        if when == "before bind":
            settings[how](hearing)
        hearing.bind(("vcan9",))
        if when == "after bind":
            settings[how](hearing)
        before = hearing.get_option(options.CAN_RAW_FILTER)
        _replug(spare)
        with pytest.raises(OSError, match=r"\[Errno"):
            hearing.recv_frame()
        hearing.bind(("vcan9",))
        assert hearing.get_option(options.CAN_RAW_FILTER) == before
        sending.bind(("vcan9",))
        sending.send_frames(REPLUGGED)
        for frame in REPLUGGED if how == "never" else REPLUGGED[: how != "none at all"]:
            assert hearing.recv_frame().frame == frame
        assert nothing_left(hearing)


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
def test_filters_that_another_object_emptied_stay_empty(spare: Callable[..., None]) -> None:
    made = famsock.socket(c.AF_CAN, famsock.SOCK_RAW, c.CAN_RAW)
    made.setsockopt(c.SOL_CAN_RAW, c.CAN_RAW_FILTER, b"")
    with CanRawSocket.adopt(made) as sock:
        sock.bind(("vcan9",))
        assert sock.get_option(options.CAN_RAW_FILTER) == ()


def test_a_filter_as_candump_reads_it_receives(pair: Pair) -> None:
    one, other = pair
    other.set_filters([CanFilter.parse("123:FFFFFFFF")])
    one.send_frames([CanFrame(0x124, b"no"), FRAME])
    assert other.recv_frame().frame == FRAME


def test_frames_queued_before_a_filter_arrive_unless_they_are_discarded(pair: Pair) -> None:
    one, other = pair
    one.send_frames([CanFrame(1), CanFrame(2), FRAME])
    other.set_filters([CanFilter.exact(FRAME.can_id)])
    assert other.recv_frame().frame == CanFrame(1)
    assert other.discard_queued() == 2
    assert other.discard_queued() == 0
    one.send_frames([CanFrame(1), FRAME])
    assert other.recv_frame().frame == FRAME
    assert nothing_left(other)
