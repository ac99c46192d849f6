"""Common part of AF_CAN's sockets: time, interface and sender of a message.

Sources: socket(7), Documentation/networking/timestamping.rst, can.rst on MSG_DONTROUTE/MSG_CONFIRM.
"""

from __future__ import annotations

import socket as _stdlib
import struct
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

import attrs

from famsock.plugin import Address, control, socket
from famsock.plugin import constants as system
from famsock_can._hints import Hints, explain

# Platforms without control messages import this module too, for the descriptions that name it.
_cmsg_space = getattr(_stdlib, "CMSG_SPACE", lambda size_bytes: size_bytes)

__all__ = [
    "Arrival",
    "CanSocket",
]

_T = TypeVar("_T")
_A = TypeVar("_A", bound=Address, covariant=True)
_F = TypeVar("_F", covariant=True)
_TIMESPEC = struct.Struct("@ll")
_THREE_TIMESPECS = struct.Struct("@6l")
_LEAST_IN_BUFFER_BYTES = 256
"""The kernel counts at least this much of the receive buffer for a message (struct sk_buff)."""
_BATCH_MAX = 1024
CONTROL_BYTES = _cmsg_space(_THREE_TIMESPECS.size) + _cmsg_space(_TIMESPEC.size) + _cmsg_space(4)


@attrs.frozen
class Arrival:
    """Information that came with a message.

    :ivar interface: the name of the interface that it came in by.
    :ivar timestamp_ns: the time of reception in ns since the epoch by the system's clock; None
        unless ``enable_timestamps`` was called.
    :ivar hardware_timestamp_ns: the same by the interface's own clock, None if it gives none.
    :ivar is_local: whether a socket of this machine sent it (MSG_DONTROUTE).
    :ivar is_own: whether this socket itself sent it (MSG_CONFIRM).
    :ivar dropped: messages lost so far because the receive buffer was full; 0 unless
        ``enable_drop_count`` was called.
    """

    interface: str
    timestamp_ns: int | None
    hardware_timestamp_ns: int | None
    is_local: bool
    is_own: bool
    dropped: int


def _hardware_ns(times: control.Timestamps) -> int | None:
    return times.hardware_ns or None


ARRIVAL = control.reader(
    Arrival,
    interface=control.from_address_item(0),
    timestamp_ns=control.from_item(control.SCM_TIMESTAMPNS),
    hardware_timestamp_ns=control.from_item(control.SCM_TIMESTAMPING, convert=_hardware_ns),
    is_local=control.from_flags(system.MSG_DONTROUTE),
    is_own=control.from_flags(system.MSG_CONFIRM),
    dropped=control.from_item(control.SO_RXQ_OVFL, 0),
)
"""Makes the `Arrival` of what recvmsg gave."""


def several(values: Iterable[_T], kind: type[_T]) -> tuple[_T, ...]:
    """Return ``values`` as a tuple; TypeError that says what to pass if it is one value."""
    if isinstance(values, kind) or not isinstance(values, Iterable):
        name = kind.__name__
        shown = type(values).__name__
        raise TypeError(f"must be a list of {name}, such as [{name}(…)], not {shown}")
    return tuple(values)


class CanSocket(socket[_A, _F], abstract=True):
    """The base of the classes of all CAN protocols: information about received messages.

    It is of no protocol: open one of its subclasses.
    """

    __slots__ = ()

    def enable_timestamps(self, *, hardware: bool = False) -> None:
        """Add the time of arrival in ns to every message.

        ``hardware`` asks for the interface's own clock as well, if its driver has one (and it was
        switched on, see SIOCSHWTSTAMP). Source: timestamping.rst.
        """
        self.setsockopt(system.SOL_SOCKET, system.SO_TIMESTAMPNS, 1)
        if hardware:
            wanted = system.SOF_TIMESTAMPING_RX_HARDWARE | system.SOF_TIMESTAMPING_RAW_HARDWARE
            self.setsockopt(system.SOL_SOCKET, system.SO_TIMESTAMPING, wanted)

    def enable_drop_count(self) -> None:
        """Add the number of messages lost so far to messages (SO_RXQ_OVFL).

        The buffer's size is SO_RCVBUF's. Source: socket(7).
        """
        self.setsockopt(system.SOL_SOCKET, system.SO_RXQ_OVFL, 1)

    def discard_queued(self) -> int:
        """Drop the messages that wait to be received; return how many. Never waits.

        After a change of filters these are what came before it, and what came since. OSError as
        recv(2) fails.
        """
        size: int = self.getsockopt(system.SOL_SOCKET, system.SO_RCVBUF)
        left = size // _LEAST_IN_BUFFER_BYTES
        dropped = 0
        while dropped < left:
            try:
                found = self.recvmmsg(min(left, _BATCH_MAX), 1, 0, system.MSG_DONTWAIT)
            except BlockingIOError:
                break
            dropped += len(found)
        return dropped


class _TransferSocket(
    CanSocket[_A, _F],
    abstract=True,
    redefines=("recv", "send", "sendall", "sendmsg"),
):
    """The base of protocols that send a message in several frames.

    Any call may raise the error of an earlier message. The stdlib's calls without an address have
    hints here too.
    """

    __slots__ = ()
    _transfer_hints: ClassVar[Hints]

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send one message, as the stdlib's, with a hint on errors."""
        return self._explained("send", super().send, data, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send one message, as the stdlib's, with a hint on errors."""
        self._explained("send", super().sendall, data, flags)

    def sendmsg(
        self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /
    ) -> int:
        """Send one message, as the stdlib's, with a hint on errors."""
        if address is not None:
            return super().sendmsg(buffers, ancdata, flags, address)
        return self._explained("sendmsg", super().sendmsg, buffers, ancdata, flags)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive one message, as the stdlib's, with a hint on errors."""
        return self._explained("recv", super().recv, bufsize, flags)

    def _explained(self, operation: str, call: Callable[..., _T], *arguments: Any) -> _T:
        try:
            return call(*arguments)
        except OSError as error:
            explain(error, self._transfer_hints, operation)
            raise
