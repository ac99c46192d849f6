"""Operations of CAN_BCM sockets: cyclic transmission, content filters, typed events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from famsock_can import constants as c
from famsock_can.bcm import LONGEST_BYTES, BcmFrame, BcmMessage, BcmOpcode
from famsock_can.frames import CanFdFrame, CanFrame
from famsock_can.operations.arrival import CONTROL_BYTES, Arrival, ArrivalOperations, arrival


@attrs.frozen
class BcmEvent:
    """What the broadcast manager tells: a message, and when and where it came from."""

    message: BcmMessage
    arrival: Arrival


class BcmOperations(ArrivalOperations):
    """What a connected CAN_BCM socket can do. Intervals are integer microseconds.

    A job belongs to a can_id (with its flags), to FD or classic frames, and to the socket: closing
    it ends them all. Errors are OSError as the kernel gives them: ENOTCONN before ``connect``,
    EINVAL for a job that it does not know or take. Source: can.rst.
    """

    def send_frame(self, frame: BcmFrame) -> None:
        """Send one frame, once (TX_SEND)."""
        self.send_bcm(BcmMessage(BcmOpcode.TX_SEND, frame.can_id, (frame,)))

    def start_cyclic(
        self,
        frames: Sequence[BcmFrame],
        interval_us: int,
        *,
        first_interval_us: int = 0,
        count: int = 0,
        notify: bool = False,
    ) -> None:
        """Send frames in turn, one every ``interval_us``, beginning now (TX_SETUP).

        :param frames: 1-256 frames; the identifier of the first one names the job.
        :param interval_us: µs between frames; 0 to stop after ``count``.
        :param first_interval_us: µs between the first ``count`` frames.
        :param count: how many frames go at ``first_interval_us``.
        :param notify: whether to get a TX_EXPIRED event when ``count`` has run out.
        """
        flags = c.SETTIMER | c.STARTTIMER | (c.TX_COUNTEVT if notify else 0)
        self.send_bcm(
            BcmMessage(
                BcmOpcode.TX_SETUP,
                _first_id(frames),
                frames,
                flags=flags,
                count=count,
                ival1_us=first_interval_us,
                ival2_us=interval_us,
            )
        )

    def update_cyclic(self, frames: Sequence[BcmFrame], *, announce: bool = False) -> None:
        """Change the frames of a job, as many as it has; ``announce`` sends the new one at once."""
        flags = c.TX_ANNOUNCE if announce else 0
        self.send_bcm(BcmMessage(BcmOpcode.TX_SETUP, _first_id(frames), frames, flags=flags))

    def stop_cyclic(self, can_id: int, *, fd: bool = False) -> None:
        """End a job of cyclic transmission (TX_DELETE)."""
        self.send_bcm(BcmMessage(BcmOpcode.TX_DELETE, can_id, flags=_fd(fd)))

    def request_cyclic(self, can_id: int, *, fd: bool = False) -> None:
        """Ask for a job's frames and times: they come as a TX_STATUS event (TX_READ)."""
        self.send_bcm(BcmMessage(BcmOpcode.TX_READ, can_id, flags=_fd(fd)))

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
    ) -> None:
        """Receive RX_CHANGED when a frame's content changes, RX_TIMEOUT when it stays away.

        :param can_id: the identifier and its flags.
        :param masks: which bits of the data count, in at most 8 (FD: 64) bytes; none at all means
            that every frame is told. Of several, the first selects the bits of a multiplexer, and
            each other one starts with the value that these bits have where it applies.
        :param fd: whether the frames are CAN FD.
        :param timeout_us: µs without a frame after which to tell so; 0 for never.
        :param throttle_us: least µs between two RX_CHANGED; 0 for none.
        :param check_length: whether a change of length counts (RX_CHECK_DLC).
        :param announce_resume: whether the first frame after a timeout is told even if unchanged.
        """
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
        self.send_bcm(
            BcmMessage(
                BcmOpcode.RX_SETUP,
                can_id,
                frames,
                flags=flags,
                ival1_us=timeout_us,
                ival2_us=throttle_us,
            )
        )

    def answer_requests(self, frame: CanFrame) -> None:
        """Have the kernel send ``frame`` whenever its identifier is requested (RX_RTR_FRAME)."""
        can_id = frame.can_id | c.CAN_RTR_FLAG
        message = BcmMessage(BcmOpcode.RX_SETUP, can_id, (frame,), flags=c.RX_RTR_FRAME)
        self.send_bcm(message)

    def unsubscribe(self, can_id: int, *, fd: bool = False) -> None:
        """End a subscription (RX_DELETE)."""
        self.send_bcm(BcmMessage(BcmOpcode.RX_DELETE, can_id, flags=_fd(fd)))

    def request_subscription(self, can_id: int, *, fd: bool = False) -> None:
        """Ask for a subscription's masks and times: they come as an RX_STATUS event (RX_READ)."""
        self.send_bcm(BcmMessage(BcmOpcode.RX_READ, can_id, flags=_fd(fd)))

    def send_bcm(self, message: BcmMessage) -> None:
        """Send any message to the broadcast manager."""
        self._sock.send(message.pack())

    def recv_event(self) -> BcmEvent:
        """Receive one event; waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails.
        """
        data, items, flags, address = self._sock.recvmsg(LONGEST_BYTES, CONTROL_BYTES)
        return BcmEvent(BcmMessage.unpack(data), arrival(address[0], items, flags))


def _first_id(frames: Sequence[BcmFrame]) -> int:
    if not frames:
        raise ValueError("BCM cyclic transmission needs at least one frame, not 0")
    return frames[0].can_id


def _fd(fd: bool) -> int:
    return c.CAN_FD_FRAME if fd else 0
