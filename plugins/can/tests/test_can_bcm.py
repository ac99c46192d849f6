"""CAN_BCM: its messages' bytes, and jobs on a real kernel."""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from famsock_can import BcmSocket, CanRawSocket
from famsock_can import constants as c
from famsock_can.bcm import BcmMessage, BcmOpcode
from famsock_can.frames import CanFdFrame, CanFrame
from hypothesis import given
from hypothesis import strategies as st

Bus = tuple[BcmSocket, CanRawSocket]
live = pytest.mark.needs_interface("vcan0")
FRAMES = st.lists(st.builds(CanFrame, st.integers(0, 0x7FF), st.binary(max_size=8)), max_size=3)
FD_FRAMES = st.lists(
    st.builds(CanFdFrame, st.integers(0, 0x7FF), st.binary(max_size=64)), max_size=3
)


@given(
    st.sampled_from(BcmOpcode),
    st.integers(0, 0xFFFFFFFF),
    FRAMES | FD_FRAMES,
    st.integers(0, 0x7FF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
)
def test_a_message_survives_its_bytes(
    opcode: BcmOpcode, can_id: int, frames: list[Any], flags: int, count: int, one: int, two: int
) -> None:
    message = BcmMessage(
        opcode, can_id, frames, flags=flags, count=count, ival1_us=one, ival2_us=two
    )
    assert BcmMessage.unpack(message.pack()) == message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    try:
        BcmMessage.unpack(data)
    except ValueError:
        return


def test_layout_of_the_head() -> None:
    message = BcmMessage(1, 0x42, [CanFrame(0x42, b"a")], flags=3, count=7, ival2_us=1_500_000)
    head = struct.pack("@3I4l2I0q", 1, 3, 7, 0, 0, 1, 500_000, 0x42, 1)
    assert message.pack() == head + CanFrame(0x42, b"a").pack()
    for size in range(len(message.pack())):
        with pytest.raises(ValueError, match="bytes"):
            BcmMessage.unpack(message.pack()[:size])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: BcmMessage(13, 0), ValueError, "13"),
        (lambda: BcmMessage(1, 1 << 32), OverflowError, "can_id must be 0-4294967295"),
        (lambda: BcmMessage(1, 0, count=-1), OverflowError, "count"),
        (lambda: BcmMessage(1, 0, ival1_us=-1), OverflowError, "ival1_us"),
        (lambda: BcmMessage(1, 0, ival2_us=1 << 80), OverflowError, "ival2_us"),
        (lambda: BcmMessage(1, 0, [CanFrame(1), CanFdFrame(1)]), ValueError, "all CanFrame or"),
        (lambda: BcmMessage(1, 0, [CanFrame(1)] * 258), ValueError, "at most 257, not 258"),
        (lambda: BcmMessage(1, 0, [CanFrame(1)], flags=c.CAN_FD_FRAME), ValueError, "CanFdFrame"),
    ],
)
def test_values_out_of_range_are_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


@pytest.fixture
def bus() -> Iterator[Bus]:
    """A broadcast manager and a raw socket on vcan0."""
    with ExitStack() as stack:
        bcm, raw = stack.enter_context(BcmSocket()), stack.enter_context(CanRawSocket())
        for sock in (bcm, raw):
            sock.settimeout(20)
        bcm.connect(("vcan0",))
        raw.enable_frames(fd=True)
        raw.bind(("vcan0",))
        yield bcm, raw


@live
def test_a_single_frame(bus: Bus) -> None:
    bcm, raw = bus
    bcm.send_frame(CanFrame(0x111, b"once"))
    assert raw.recv_frame().frame == CanFrame(0x111, b"once")


@live
def test_cyclic_frames_in_turn_changed_and_stopped(
    bus: Bus,
) -> None:
    bcm, raw = bus
    frames = [CanFrame(0x112, b"a"), CanFrame(0x112, b"b")]
    raw.enable_timestamps()
    started_ns = time.time_ns()
    bcm.start_cyclic(frames, 50_000)
    received = [raw.recv_frame() for _ in range(4)]
    assert [r.frame for r in received] == frames * 2
    # Since the start, as a busy machine may delay the first frame, and not those that follow.
    lasted_ns = (received[-1].arrival.timestamp_ns or 0) - started_ns
    assert 140_000_000 <= lasted_ns < 20_000_000_000
    bcm.request_cyclic(0x112)
    status = bcm.recv_event().message
    assert (status.opcode, status.frames) == (BcmOpcode.TX_STATUS, tuple(frames))
    assert status.ival2_us == 50_000
    bcm.update_cyclic([CanFrame(0x112, b"c"), CanFrame(0x112, b"c")])
    while raw.recv_frame().frame.data != b"c":
        pass
    bcm.stop_cyclic(0x112)
    with pytest.raises(OSError, match="Invalid argument"):
        bcm.stop_cyclic(0x112)


@live
def test_count_and_first_interval_go_together(bus: Bus) -> None:
    bcm, raw = bus
    frame = CanFrame(0x11A)
    wrong: tuple[dict[str, Any], ...] = ({"count": 5}, {"first_interval_us": 5}, {"notify": True})
    for half in wrong:
        with pytest.raises(ValueError, match=r"count=5\) sends 5 and stops|notify needs a count"):
            bcm.start_cyclic([frame], 10_000, **half)
    bcm.start_cyclic([frame], 0, first_interval_us=10_000, count=5)
    assert [raw.recv_frame().frame for _ in range(5)] == [frame] * 5
    raw.settimeout(0.3)
    with pytest.raises(TimeoutError):
        raw.recv_frame()


@live
def test_what_an_update_keeps(bus: Bus) -> None:
    bcm, raw = bus
    frames = [CanFrame(0x11B, bytes((n,))) for n in range(3)]
    bcm.start_cyclic(frames, 0, first_interval_us=1_200_000, count=4, notify=True)
    assert raw.recv_frame().frame == frames[0]
    bcm.update_cyclic(frames, notify=True, restart=True)
    seen = [raw.recv_frame().frame for _ in range(3)]
    assert seen == frames
    assert bcm.recv_event().message.opcode == BcmOpcode.TX_EXPIRED
    with pytest.raises(OSError, match="list too long") as caught:
        bcm.update_cyclic([*frames, frames[0]])
    assert "stop_cyclic() or unsubscribe() it first" in "".join(caught.value.__notes__)
    with pytest.raises(OSError, match="list too long"):
        bcm.start_cyclic([*frames, frames[0]], 10_000)
    bcm.stop_cyclic(0x11B)
    bcm.start_cyclic([*frames, frames[0]], 10_000)


@live
def test_a_job_has_an_identifier_in_range(bus: Bus) -> None:
    bcm, raw = bus
    operations: tuple[Any, ...] = (
        bcm.subscribe,
        bcm.unsubscribe,
        bcm.stop_cyclic,
        bcm.request_cyclic,
        bcm.request_subscription,
    )
    for operation in operations:
        with pytest.raises(OverflowError, match=r"CAN_EFF_FLAG \| 0-0x1fffffff, not 0x18daf110"):
            operation(0x18DAF110)
        with pytest.raises(TypeError, match="can_id must be an integer"):
            operation("1")
    wide = c.CAN_EFF_FLAG | 0x18DAF110
    bcm.subscribe(wide)
    for frame in (CanFrame(0x110, b"short"), CanFrame(wide, b"long")):
        raw.send_frame(frame)
    assert bcm.recv_event().message.frames == (CanFrame(wide, b"long"),)
    bcm.unsubscribe(wide)


@live
def test_what_to_pass_is_said(bus: Bus) -> None:
    bcm: Any = bus[0]
    frame = CanFrame(0x11C)
    calls: tuple[tuple[Any, str], ...] = (
        (lambda: bcm.start_cyclic(frame, 1000), r"must be a list: \[11C#\], not one CanFrame"),
        (lambda: bcm.start_cyclic([b"\0" * 16], 1000), "CanFrame or CanFdFrame, not bytes"),
        (lambda: bcm.send_frame(b"\0" * 16), "must be CanFrame or CanFdFrame, not bytes"),
        (lambda: bcm.subscribe(0x11C, b"\xff"), r"masks must be a list of bytes, such as \[b"),
        (lambda: bcm.answer_requests(CanFdFrame(0x11C)), "must be CanFrame, not CanFdFrame"),
    )
    for call, words in calls:
        with pytest.raises(TypeError, match=words):
            call()
    with pytest.raises(ValueError, match="at most 256, not 257"):
        bcm.start_cyclic([frame] * 257, 1000)


@live
def test_no_frames_are_no_job(bus: Bus) -> None:
    bcm, _ = bus
    with pytest.raises(ValueError, match="at least one frame"):
        bcm.start_cyclic([], 50_000)
    with pytest.raises(ValueError, match="at least one frame"):
        bcm.update_cyclic([])


@live
def test_a_counted_burst_tells_its_end(bus: Bus) -> None:
    bcm, raw = bus
    bcm.start_cyclic([CanFrame(0x113)], 0, first_interval_us=10_000, count=3, notify=True)
    event = bcm.recv_event().message
    assert (event.opcode, event.can_id) == (BcmOpcode.TX_EXPIRED, 0x113)
    assert [raw.recv_frame().frame for _ in range(3)] == [CanFrame(0x113)] * 3


@live
def test_fd_frames(bus: Bus) -> None:
    bcm, raw = bus
    frame = CanFdFrame(0x114, bytes(64), c.CANFD_BRS)
    bcm.start_cyclic([frame], 50_000)
    assert raw.recv_frame().frame.data == frame.data
    bcm.request_cyclic(0x114, fd=True)
    assert isinstance(bcm.recv_event().message.frames[0], CanFdFrame)
    bcm.stop_cyclic(0x114, fd=True)


@live
def test_content_filter_tells_changes_alone(bus: Bus) -> None:
    bcm, raw = bus
    bcm.enable_timestamps()
    bcm.subscribe(0x115, [b"\xf0"])
    for value in (0x10, 0x11, 0x1F, 0x20):
        raw.send_frame(CanFrame(0x115, bytes((value,))))
    events = [bcm.recv_event() for _ in range(2)]
    assert [e.message.opcode for e in events] == [BcmOpcode.RX_CHANGED] * 2
    assert [e.message.frames[0].data for e in events] == [b"\x10", b"\x20"]
    assert events[0].arrival.interface == "vcan0"
    assert events[0].arrival.timestamp_ns is not None
    bcm.request_subscription(0x115)
    status = bcm.recv_event().message
    assert (status.opcode, status.frames[0].data) == (BcmOpcode.RX_STATUS, b"\xf0")
    bcm.unsubscribe(0x115)
    with pytest.raises(OSError, match="Invalid argument"):
        bcm.unsubscribe(0x115)


@live
def test_multiplexed_content(bus: Bus) -> None:
    bcm, raw = bus
    bcm.subscribe(0x116, [b"\xff", b"\x01\xff", b"\x02\x00\xff"])
    for data in (b"\x01\x05\x00", b"\x01\x05\x09", b"\x02\x05\x09", b"\x02\x06\x09", b"\x03\x00"):
        raw.send_frame(CanFrame(0x116, data))
    changes = [bcm.recv_event().message.frames[0].data for _ in range(2)]
    assert changes == [b"\x01\x05\x00", b"\x02\x05\x09"]
    bcm.setblocking(False)
    with pytest.raises(BlockingIOError):
        bcm.recv_event()


@live
def test_absence_is_told_and_return(bus: Bus) -> None:
    bcm, raw = bus
    bcm.subscribe(0x117, [b"\xff"], timeout_us=200_000, announce_resume=True)
    raw.send_frame(CanFrame(0x117, b"a"))
    assert bcm.recv_event().message.opcode == BcmOpcode.RX_CHANGED
    event = bcm.recv_event().message
    assert (event.opcode, event.can_id, event.ival1_us) == (BcmOpcode.RX_TIMEOUT, 0x117, 200_000)
    raw.send_frame(CanFrame(0x117, b"a"))
    assert bcm.recv_event().message.opcode == BcmOpcode.RX_CHANGED


@live
def test_throttle(bus: Bus) -> None:
    bcm, raw = bus
    bcm.subscribe(0x118, throttle_us=300_000)
    for value in range(20):
        raw.send_frame(CanFrame(0x118, bytes((value,))))
    seen = [bcm.recv_event().message.frames[0].data[0] for _ in range(2)]
    assert seen == [0, 19]


@live
def test_remote_requests_are_answered(bus: Bus) -> None:
    bcm, raw = bus
    bcm.answer_requests(CanFrame(0x119, b"answer"))
    raw.send_frame(CanFrame(0x119 | c.CAN_RTR_FLAG))
    assert raw.recv_frame().frame == CanFrame(0x119, b"answer")
    bcm.unsubscribe(0x119 | c.CAN_RTR_FLAG)


@live
def test_unconnected_socket_is_refused() -> None:
    with BcmSocket() as bcm:
        with pytest.raises(OSError, match="not connected") as caught:
            bcm.send_frame(CanFrame(1))
        assert "connect() it to an interface" in "".join(caught.value.__notes__)
        bcm.connect(("",))
        with pytest.raises(OSError, match="No such device") as caught:
            bcm.start_cyclic([CanFrame(1)], 1000)
        assert "a transmission needs one" in "".join(caught.value.__notes__)


@live
def test_a_job_is_replaced_unless_that_is_refused(bus: Bus) -> None:
    bcm, raw = bus
    bcm.start_cyclic([CanFrame(0x140, b"old")], 20_000)
    assert raw.recv_frame().frame.data == b"old"
    with pytest.raises(FileExistsError) as caught:
        bcm.start_cyclic([CanFrame(0x140, b"new")], 20_000, replace=False)
    assert caught.value.errno == errno.EEXIST
    assert "stop_cyclic()" in caught.value.__notes__[0]
    assert raw.recv_frame().frame.data == b"old"
    bcm.start_cyclic([CanFdFrame(0x140, b"fd")], 20_000, replace=False)  # another kind of frame
    bcm.start_cyclic([CanFrame(0x141, b"other")], 20_000, replace=False)
    bcm.start_cyclic([CanFrame(0x140, b"new")], 20_000)
    while raw.recv_frame().frame != CanFrame(0x140, b"new"):
        pass
    bcm.stop_cyclic(0x140)
    bcm.start_cyclic([CanFrame(0x140, b"last")], 20_000, replace=False)
    while raw.recv_frame().frame != CanFrame(0x140, b"last"):
        pass


@live
def test_a_refused_job_is_none(bus: Bus) -> None:
    bcm, _ = bus
    with BcmSocket() as unconnected:
        for _ in range(2):
            with pytest.raises(OSError, match="not connected"):
                unconnected.start_cyclic([CanFrame(1)], 20_000, replace=False)
    with pytest.raises(OSError, match="Invalid argument"):
        bcm.stop_cyclic(0x142)
    bcm.start_cyclic([CanFrame(0x142)], 20_000, replace=False)


@live
def test_a_subscription_is_replaced_unless_that_is_refused(bus: Bus) -> None:
    bcm, raw = bus
    bcm.subscribe(0x143, [b"\xff"])
    with pytest.raises(FileExistsError, match="File exists"):
        bcm.subscribe(0x143, replace=False)
    bcm.answer_requests(CanFrame(0x143, b"a"))  # is no subscription of frames
    bcm.subscribe(0x144, replace=False)
    bcm.unsubscribe(0x143)
    bcm.subscribe(0x143, replace=False)
    raw.send_frame(CanFrame(0x143, b"x"))
    assert bcm.recv_event().message.frames == (CanFrame(0x143, b"x"),)


@pytest.mark.needs_family("AF_CAN", protocol="bcm")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
def test_jobs_are_started_again_after_the_interface_was_removed(
    spare: Callable[..., None],
) -> None:
    with BcmSocket() as bcm, CanRawSocket() as raw:
        bcm.connect(("vcan9",))
        bcm.start_cyclic([CanFrame(0x145, b"a")], 20_000)
        bcm.subscribe(0x146)
        spare("del", "vcan9")
        with pytest.raises(OSError, match="No such device"):
            bcm.recv_event()
        spare("add", "vcan9", "type", "vcan")
        spare("set", "vcan9", "up")
        bcm.connect(("vcan9",))
        bcm.settimeout(20)
        raw.settimeout(20)
        raw.bind(("vcan9",))
        bcm.start_cyclic([CanFrame(0x145, b"b")], 20_000, replace=False)
        bcm.subscribe(0x146, replace=False)
        assert raw.recv_frame().frame == CanFrame(0x145, b"b")
        raw.send_frame(CanFrame(0x146, b"c"))
        assert bcm.recv_event().message.frames == (CanFrame(0x146, b"c"),)
