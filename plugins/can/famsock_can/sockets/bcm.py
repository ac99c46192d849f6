"""Sockets of CAN_BCM: cyclic transmission, content filters, typed events."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from errno import EEXIST
from socket import SOCK_DGRAM
from typing import Any

import attrs

from famsock.plugin import control, cstruct
from famsock_can import _hints
from famsock_can import constants as c
from famsock_can._frame_parts import check_can_id
from famsock_can.addresses import CanAddress
from famsock_can.bcm import LONGEST_BYTES, BcmFrame, BcmMessage, BcmOpcode
from famsock_can.frames import CanFdFrame, CanFrame
from famsock_can.sockets.arrival import ARRIVAL, CONTROL_BYTES, Arrival, CanSocket

__all__ = [
    "BcmEvent",
    "BcmSocket",
]

_CYCLIC_MAX = 256


@attrs.frozen
class BcmEvent:
    """An event of the broadcast manager: a message with its time and interface."""

    message: BcmMessage
    arrival: Arrival


_EVENT = control.reader(
    BcmEvent, message=control.from_data(BcmMessage.unpack), arrival=control.from_reader(ARRIVAL)
)

_Job = tuple[BcmOpcode, int, bool]


class _Jobs(set[_Job]):
    """The jobs and subscriptions that a socket object has set up on its interface."""


_ENDS = {BcmOpcode.TX_DELETE: BcmOpcode.TX_SETUP, BcmOpcode.RX_DELETE: BcmOpcode.RX_SETUP}


def _job_in(message: BcmMessage) -> _Job | None:
    """Return the job that a message sets up or ends, by its setup; None for another message."""
    setup = _ENDS.get(message.opcode, message.opcode)
    if setup not in (BcmOpcode.TX_SETUP, BcmOpcode.RX_SETUP):
        return None
    return setup, message.can_id, bool(message.flags & c.CAN_FD_FRAME)


class BcmSocket(
    CanSocket[CanAddress, tuple[str]],
    family=c.AF_CAN,
    type=SOCK_DGRAM,
    proto=c.CAN_BCM,
    redefines=("connect", "connect_ex"),
):
    """A socket of CAN_BCM: jobs for the kernel, once it is connected to an interface.

    Intervals are integer microseconds.

    A job belongs to a can_id (0-0x7ff, or CAN_EFF_FLAG | 0-0x1fffffff; OverflowError for another
    one), to FD or classic frames, and to the socket: closing it ends them all. When the interface
    is removed, its jobs and subscriptions do nothing any more: ``connect`` again, and start them
    again. Errors are OSError as the kernel gives them: ENOTCONN before ``connect``, EINVAL for a
    job that it does not know or take, ENETDOWN and ENOBUFS of the interface. Source: can.rst.
    """

    __slots__ = ()

    def connect(self, address: Any, /) -> None:
        """Connect to an interface, as the stdlib's; again, after the former one was removed."""
        super().connect(address)
        self.protocol_state(_Jobs).clear()

    def connect_ex(self, address: Any, /) -> int:
        """Connect like `connect`, and return the errno; 0 for success."""
        number = super().connect_ex(address)
        if not number:
            self.protocol_state(_Jobs).clear()
        return number

    def send_frame(self, frame: BcmFrame) -> None:
        """Send one frame, once (TX_SEND)."""
        if not isinstance(frame, BcmFrame):
            raise _not_a_frame(frame)
        self.send_bcm(BcmMessage(BcmOpcode.TX_SEND, frame.can_id, (frame,)))

    def start_cyclic(
        self,
        frames: Sequence[BcmFrame],
        interval_us: int,
        *,
        first_interval_us: int = 0,
        count: int = 0,
        notify: bool = False,
        replace: bool = True,
    ) -> None:
        """Send frames in turn, one every ``interval_us``, beginning now (TX_SETUP).

        It takes the place of a job with the same identifier.

        :param frames: 1-256 frames; the identifier of the first one names the job.
        :param interval_us: µs between frames; 0 to stop after ``count``.
        :param first_interval_us: µs between the first ``count`` frames.
        :param count: how many frames go at ``first_interval_us``.
        :param notify: whether to get a TX_EXPIRED event when ``count`` has run out; the kernel
            gives none for a count of 1.
        :param replace: False raises OSError (EEXIST) if this object has set up such a job, which
            goes on. Jobs that `os.write`, a plain ``send`` or a copy of the socket set up are not
            known.
        :raises ValueError: for ``count`` without ``first_interval_us`` or the other way round
            (the kernel uses them only together), and for ``notify`` without both.

        Five frames 10 ms apart, and no more: ``start_cyclic([frame], 0, first_interval_us=10_000,
        count=5)``.
        """
        if bool(count) != bool(first_interval_us):
            raise ValueError(
                f"BCM count {count} and first_interval_us {first_interval_us} go together: "
                "start_cyclic(frames, 0, first_interval_us=10_000, count=5) sends 5 and stops"
            )
        if notify and not count:
            raise ValueError("BCM notify needs a count: it tells when that has run out")
        flags = c.SETTIMER | c.STARTTIMER | (c.TX_COUNTEVT if notify else 0)
        message = BcmMessage(
            BcmOpcode.TX_SETUP,
            _job_of(frames),
            frames,
            flags=flags,
            count=count,
            ival1_us=first_interval_us,
            ival2_us=interval_us,
        )
        self._set_up(message, replace)

    def update_cyclic(
        self,
        frames: Sequence[BcmFrame],
        *,
        announce: bool = False,
        notify: bool = False,
        restart: bool = False,
    ) -> None:
        """Change the frames of a job and keep its times (TX_SETUP).

        :param frames: at most as many as the job has (OSError E2BIG for more).
        :param announce: whether to send the first of them at once (TX_ANNOUNCE).
        :param notify: as `start_cyclic` takes it. The kernel replaces the job's flags by those of
            the update: give it again to keep it.
        :param restart: whether to begin with the first frame again (TX_RESET_MULTI_IDX).

        The kernel refuses no job that it does not know: it makes one that sends nothing.
        """
        flags = c.TX_ANNOUNCE if announce else 0
        flags |= c.TX_COUNTEVT if notify else 0
        flags |= c.TX_RESET_MULTI_IDX if restart else 0
        self.send_bcm(BcmMessage(BcmOpcode.TX_SETUP, _job_of(frames), frames, flags=flags))

    def stop_cyclic(self, can_id: int, *, fd: bool = False) -> None:
        """End a job of cyclic transmission (TX_DELETE)."""
        _send_job(self, BcmOpcode.TX_DELETE, can_id, fd)

    def request_cyclic(self, can_id: int, *, fd: bool = False) -> None:
        """Ask for a job's frames and times: they come as a TX_STATUS event (TX_READ)."""
        _send_job(self, BcmOpcode.TX_READ, can_id, fd)

    def subscribe(
        self,
        can_id: int,
        masks: Iterable[bytes] = (),
        *,
        fd: bool = False,
        timeout_us: int = 0,
        throttle_us: int = 0,
        check_length: bool = False,
        announce_resume: bool = False,
        replace: bool = True,
    ) -> None:
        """Receive RX_CHANGED when a frame's content changes, RX_TIMEOUT when it stays away.

        It takes the place of a subscription with the same identifier.

        :param can_id: the identifier, 0-0x7ff, or CAN_EFF_FLAG | 0-0x1fffffff.
        :param masks: the bits of the data to compare, in at most 8 (FD: 64) bytes; without masks
            every frame gives an event. Of several masks, the first one selects the bits of a
            multiplexer. Each other mask starts with the value of these bits for which it applies.
        :param fd: whether the frames are CAN FD.
        :param timeout_us: µs without a frame before an event; 0 for never.
        :param throttle_us: least µs between two RX_CHANGED; 0 for none.
        :param check_length: whether a change of length counts (RX_CHECK_DLC).
        :param announce_resume: whether the first frame after a timeout gives an event even if
            unchanged.
        :param replace: False raises OSError (EEXIST) if this object has such a subscription.
        """
        if (whole := _octets_or_none(masks)) is not None:
            raise TypeError(f"BCM masks must be a list of bytes, such as [{whole!r}]")
        can_id = check_can_id(can_id)
        kind: type[BcmFrame] = CanFdFrame if fd else CanFrame
        frames = [kind(can_id, mask) for mask in masks]
        flags = (
            c.SETTIMER
            | (c.STARTTIMER if timeout_us else 0)
            | (0 if frames else c.RX_FILTER_ID)
            | (c.RX_CHECK_DLC if check_length else 0)
            | (c.RX_ANNOUNCE_RESUME if announce_resume else 0)
            | _fd(fd)
        )
        message = BcmMessage(
            BcmOpcode.RX_SETUP,
            can_id,
            frames,
            flags=flags,
            ival1_us=timeout_us,
            ival2_us=throttle_us,
        )
        self._set_up(message, replace)

    def answer_requests(self, frame: CanFrame) -> None:
        """Make the kernel send ``frame`` when its identifier is requested (RX_RTR_FRAME).

        It takes the place of an earlier answer to the same requests. `unsubscribe` with
        CAN_RTR_FLAG in the identifier ends it. TypeError for a CAN FD frame: CAN FD has no remote
        requests.
        """
        if not isinstance(frame, CanFrame):
            raise TypeError(f"BCM answer must be CanFrame, not {type(frame).__name__}")
        can_id = frame.can_id | c.CAN_RTR_FLAG
        message = BcmMessage(BcmOpcode.RX_SETUP, can_id, (frame,), flags=c.RX_RTR_FRAME)
        self.send_bcm(message)

    def unsubscribe(self, can_id: int, *, fd: bool = False) -> None:
        """End a subscription (RX_DELETE)."""
        _send_job(self, BcmOpcode.RX_DELETE, can_id, fd)

    def request_subscription(self, can_id: int, *, fd: bool = False) -> None:
        """Ask for a subscription's masks and times: they come as an RX_STATUS event (RX_READ)."""
        _send_job(self, BcmOpcode.RX_READ, can_id, fd)

    def send_bcm(self, message: BcmMessage) -> None:
        """Send any message to the broadcast manager."""
        try:
            self.send(message.pack())
        except OSError as error:
            _hints.explain(error, _hints.BCM, "send")
            raise
        if (job := _job_in(message)) is not None:
            jobs = self.protocol_state(_Jobs)
            if message.opcode in _ENDS:
                jobs.discard(job)
            else:
                jobs.add(job)

    def _set_up(self, message: BcmMessage, replace: bool) -> None:
        """Send what sets a job up; OSError EEXIST for one that is there, without ``replace``."""
        if not replace and _job_in(message) in self.protocol_state(_Jobs):
            error = FileExistsError(EEXIST, os.strerror(EEXIST))
            _hints.explain(error, _hints.BCM, "send")
            raise error
        self.send_bcm(message)

    def recv_event(self) -> BcmEvent:
        """Receive one event; waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails.
        """
        try:
            event = self.recvmsg(LONGEST_BYTES, CONTROL_BYTES)
        except OSError as error:
            _hints.explain(error, _hints.BCM, "recv")
            raise
        return _EVENT.read(event)


def _send_job(sock: BcmSocket, opcode: BcmOpcode, can_id: int, fd: bool) -> None:
    """Send what needs no more than the job's name."""
    sock.send_bcm(BcmMessage(opcode, check_can_id(can_id), flags=_fd(fd)))


def _octets_or_none(value: Any) -> bytes | None:
    """Return the bytes of one buffer; None for a list of them."""
    try:
        return cstruct.check_bytes(value)
    except TypeError:
        return None


def _job_of(frames: Sequence[BcmFrame]) -> int:
    """Return the can_id of a transmission job; TypeError or ValueError if there is none."""
    if isinstance(frames, CanFrame | CanFdFrame):
        raise TypeError(f"BCM frames must be a list: [{frames}], not one {type(frames).__name__}")
    if not 1 <= len(frames) <= _CYCLIC_MAX:
        raise ValueError(
            f"BCM cyclic transmission needs at least one frame and at most {_CYCLIC_MAX}, "
            f"not {len(frames)}"
        )
    if not isinstance(frames[0], BcmFrame):
        raise _not_a_frame(frames[0])
    return frames[0].can_id


def _not_a_frame(value: object) -> TypeError:
    return TypeError(f"BCM frames must be CanFrame or CanFdFrame, not {type(value).__name__}")


def _fd(fd: bool) -> int:
    return c.CAN_FD_FRAME if fd else 0
