"""Sockets of CAN_RAW: frames, filters, modes."""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_RAW
from typing import TYPE_CHECKING, Any

import attrs

from famsock.plugin import control, cstruct
from famsock_can import _hints, options
from famsock_can.addresses import CanAddress
from famsock_can.constants import (
    AF_CAN,
    CAN_RAW,
    CAN_RAW_FILTER,
    CAN_RAW_XL_VCID_RX_FILTER,
    CAN_RAW_XL_VCID_TX_PASS,
    CAN_RAW_XL_VCID_TX_SET,
    CANXL_MAX_MTU,
    SOL_CAN_RAW,
)
from famsock_can.filters import CanFilter
from famsock_can.frames import CanFdFrame, CanFrame, Frame, pack_frame, unpack_frame
from famsock_can.sockets.arrival import ARRIVAL, CONTROL_BYTES, Arrival, CanSocket, several

__all__ = [
    "CanRawSocket",
    "ReceivedFrame",
]


@attrs.frozen
class ReceivedFrame:
    """A frame with its time, interface and sender.

    Text: ``can0:123#DEADBEEF``, which `famsock_can.frames.parse_addressed` reads.
    """

    frame: Frame
    arrival: Arrival

    def __str__(self) -> str:
        return f"{self.arrival.interface}:{self.frame}"


_pack, _unpack = cstruct.plain_forms((CanFrame, CanFdFrame), pack_frame, unpack_frame)
_RECEIVED = control.reader(
    ReceivedFrame, frame=control.from_data(_unpack), arrival=control.from_reader(ARRIVAL)
)


class _Filters:
    """The filters that a socket object has set; None if they are not known."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: tuple[CanFilter, ...] | None = None


class CanRawSocket(
    CanSocket[CanAddress, tuple[str]],
    family=AF_CAN,
    type=SOCK_RAW,
    proto=CAN_RAW,
    redefines=("bind", "set_option", "setsockopt"),
):
    """A socket of CAN_RAW: classic, FD and XL frames. Source: can.rst."""

    __slots__ = ()

    def bind(self, address: Any, /) -> None:
        """Bind to an interface, as the stdlib's; again, after the former one was removed.

        The kernel drops the filters when the interface is removed. They are set again: those that
        this object has set, otherwise those that it had when it was bound.
        """
        filters, now = self.protocol_state(_Filters), self.get_option(options.CAN_RAW_FILTER)
        if filters.known is None and now:
            filters.known = now
        super().bind(address)
        if filters.known and not now:
            super().set_option(options.CAN_RAW_FILTER, filters.known)

    def setsockopt(self, level: int, option: int, value: Any, *optlen: int) -> None:
        """Set an option, as the stdlib's."""
        super().setsockopt(level, option, value, *optlen)
        self._note_filters(level, option)

    if not TYPE_CHECKING:  # for checkers it is as in the base

        def set_option(self, option: Any, value: Any) -> None:
            """Set an option from a typed value, as `famsock.socket.set_option`."""
            row = self._option(option)
            super().set_option(row, value)
            self._note_filters(row.level, row.number)

    def _note_filters(self, level: int, option: int) -> None:
        if (level, option) == (SOL_CAN_RAW, CAN_RAW_FILTER):
            self.protocol_state(_Filters).known = self.get_option(options.CAN_RAW_FILTER)

    def send_frame(self, frame: Frame, interface: str | int | CanAddress = "") -> None:
        """Send one frame, by ``interface`` if the socket is bound to every interface.

        ``interface`` is its name, its index or an address. Raises TypeError if ``frame`` is none,
        OSError: ENXIO or ENODEV without an interface, EINVAL for a kind of frame that is not
        switched on (`enable_frames`) or that the interface's MTU is too small for, ENOBUFS if its
        queue is full, ENETDOWN if it is down.
        """
        data = _pack(frame)
        if interface:
            self.sendto(data, _address(interface))
            return
        try:
            self.send(data)
        except OSError as error:
            _hints.explain(error, _hints.RAW, "send")
            raise

    def send_frames(self, frames: Iterable[Frame], interface: str | int | CanAddress = "") -> int:
        """Send frames in as few system calls as the kernel lets; how many were sent.

        All are checked before one is sent. What stops them after the first, such as a full queue,
        shows as a smaller number: send the rest again. Arguments and errors as of `send_frame`.
        """
        address = _address(interface) if interface else None
        messages = [(_pack(frame), address) for frame in several(frames, CanFrame)]
        return self.sendmmsg(messages)

    def recv_frame(self) -> ReceivedFrame:
        """Receive one frame; waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails (ENETDOWN).
        """
        try:
            message = self.recvmsg(CANXL_MAX_MTU, CONTROL_BYTES)
        except OSError as error:
            _hints.explain(error, _hints.RAW, "recv")
            raise
        return _RECEIVED.read(message)

    def recv_frames(self, count: int) -> list[ReceivedFrame]:
        """Receive the frames that are there, at most ``count`` (1-1024), in one system call.

        Waits only for the first one, as `recv_frame` does; errors are the same.
        """
        try:
            found = self.recvmmsg(count, CANXL_MAX_MTU, CONTROL_BYTES)
        except OSError as error:
            _hints.explain(error, _hints.RAW, "recv")
            raise
        return _RECEIVED.read_each(found)

    def set_filters(self, filters: Iterable[CanFilter], *, join: bool = False) -> None:
        """Receive only what one of the filters lets through, with ``join`` what all of them do.

        At most 512. None at all means to receive nothing, which suits a socket that only sends.
        Frames that wait to be received stay, whether they pass or not: set filters before ``bind``,
        or call `discard_queued` afterwards.
        """
        self.set_option(options.CAN_RAW_FILTER, several(filters, CanFilter))
        self.set_option(options.CAN_RAW_JOIN_FILTERS, join)

    def set_error_mask(self, mask: int) -> None:
        """Receive error messages of these classes: CAN_ERR_* bits, 0 to CAN_ERR_MASK.

        Those that wait to be received stay: see `set_filters`.
        """
        self.set_option(options.CAN_RAW_ERR_FILTER, mask)

    def set_loopback(self, *, local: bool = True, own: bool = False) -> None:
        """Set whether other sockets (``local``) and this one (``own``) receive sent frames."""
        self.set_option(options.CAN_RAW_LOOPBACK, local)
        self.set_option(options.CAN_RAW_RECV_OWN_MSGS, own)

    def enable_frames(self, *, fd: bool = True, xl: bool = False) -> None:
        """Send and receive CAN FD frames in addition to classic ones, and CAN XL frames.

        Once XL frames are on, the kernel keeps FD frames on too. Raises OSError (ENOPROTOOPT) for
        ``xl`` on kernels before 6.1.
        """
        self.set_option(options.CAN_RAW_FD_FRAMES, fd)
        if xl:
            self.set_option(options.CAN_RAW_XL_FRAMES, True)

    def set_vcid(
        self, *, send: int | None = None, receive: int | None = None, receive_mask: int = 0xFF
    ) -> None:
        """Use the virtual CAN networks of XL frames (Linux 6.9 on).

        Without this call the kernel sends every frame with vcid 0, whatever its own says, and gives
        none with another one.

        :param send: the network that all frames sent go to, 0-255; None for that of each frame.
        :param receive: the network to receive from, 0-255; None for all.
        :param receive_mask: the bits of ``receive`` to compare, 0-255.
        :raises OverflowError: for an integer out of range.
        :raises OSError: ENOPROTOOPT on earlier kernels.
        """
        way = CAN_RAW_XL_VCID_TX_PASS if send is None else CAN_RAW_XL_VCID_TX_SET
        wanted = options.CanRawVcidOptions(
            way | CAN_RAW_XL_VCID_RX_FILTER,
            0 if send is None else send,
            0 if receive is None else receive,
            0 if receive is None else receive_mask,
        )
        self.set_option(options.CAN_RAW_XL_VCID_OPTS, wanted)


def _address(interface: str | int | CanAddress) -> CanAddress | tuple[str]:
    """Return an interface's address; for a name the stdlib's form, which is cached."""
    if isinstance(interface, str):
        return (interface,)
    return interface if isinstance(interface, CanAddress) else CanAddress(interface)
