"""An opened end of a session: what receives from a peer and sends to it, without ever waiting.

`receive` gives data, or `END` where the peer has no more. Each call raises BlockingIOError where it
would wait, and OSError where the peer is lost.
"""

from __future__ import annotations

import array
import os
import socket as _stdlib
import struct
import sys
from collections import deque
from contextlib import suppress
from enum import Enum
from errno import (
    ECONNREFUSED,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENOBUFS,
    ENOTCONN,
    EPROTO,
)
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from famsock import endpoints, options
from famsock.relay._loop import READ, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from famsock._sockets import socket
    from famsock.address import Address
    from famsock.relay._loop import Loop

try:
    import fcntl
    import termios
except ImportError:  # where there is no poll(2) either
    pass

BUFFER_BYTES = 1 << 20
"""The longest message that is relayed."""

STREAM_BYTES = 1 << 18
"""The most bytes of a stream that are copied at once."""

_SEND_BUFFER_BYTES = 5 << 17
"""SO_SNDBUF of a socket that a full pipe is spliced to. The kernel doubles it, and counts more
than a message's bytes; /proc/sys/net/core/wmem_max limits it."""

_DESCRIPTORS = 253
"""SCM_MAX_FD of linux/net/scm.h: the most descriptors of one message."""

_SCM_RIGHTS = getattr(_stdlib, "SCM_RIGHTS", 1)
_TIMESTAMP_BYTES = 64
_REFUSED_ALONE = (EMSGSIZE, EINVAL)
"""Errnos of a message that the socket never takes, while it takes others."""

_TOLD_OF_EARLIER = (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPROTO)
"""Errnos that a datagram socket tells of a message that it sent before."""


class Ended(Enum):
    """The peer has no more to send."""

    END = 0


END: Final = Ended.END


class MessageRefusedError(Exception):
    """A message that this socket never takes; the session goes on."""


class Channel:
    """An opened end."""

    is_stream = False
    has_end = True
    """Whether the peer says that it has no more, and can be told so."""
    splices = False
    tells_of_data = True
    """Whether the socket tells of all data to receive; some are in memory otherwise."""
    waits_for_room = True
    """Whether a call of `send` that would wait, waits for the socket to become writable."""
    unsent = False
    """Whether the channel has bytes that the socket has not taken."""
    retry_delay_ns = 0
    """The delay before sending again, if the socket does not say that it can; 0 if it does."""
    events_tell_all = False
    """Whether the socket's own events are all that is waited for. If so, nothing is ever
    ``unsent``, kept in memory or tried again after a delay."""
    handshakes = False
    received_descriptors: tuple[int, ...] = ()

    def fileno(self) -> int:
        """Return the socket's descriptor; -1 if it is not its own."""
        return -1

    def receive(self) -> memoryview | bytes | Ended:
        """Return data or `END`. The data are valid until the next call of any channel."""
        raise NotImplementedError

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        """Return how many bytes were taken: all, if the end has messages."""
        raise NotImplementedError

    def enlarge(self) -> None:
        """Enlarge the send buffer, if the protocol states that it keeps its size."""

    def flush(self) -> None:
        """Send what is ``unsent``, as far as possible."""

    def finish(self) -> bool:
        """Tell the peer that there is no more; False if it cannot be told and still answer."""
        return False

    def attach(self, loop: Loop, handle: Callable[[int], None]) -> None:
        """Call ``handle`` with the events that `want` asks for."""

    def want(self, events: int) -> None:
        """Ask for events; a hang-up is always told."""

    def mute(self) -> None:
        """Ask for none, not even a hang-up."""

    def close(self, loop: Loop, reset: bool) -> None:
        """Close. With ``reset`` the peer sees no clean end, where its protocol can say so."""

    def error(self) -> OSError | None:
        """Return the error that a hang-up told of; None if there is none."""
        return None

    def describe(self) -> str:
        """Return the peer as an endpoint, or "" where it has no text."""
        return ""


class SocketChannel(Channel):
    """An end with its own socket."""

    def __init__(self, sock: socket, buffer: memoryview) -> None:
        self.socket = sock
        self._buffer = buffer
        self._ends_at_once = False

    def fileno(self) -> int:
        return self.socket.fileno()

    def finish(self) -> bool:
        try:
            self.socket.shutdown(_stdlib.SHUT_WR)
        except OSError:
            self._ends_at_once = True
        return not self._ends_at_once

    def attach(self, loop: Loop, handle: Callable[[int], None]) -> None:
        self._watch = Watch(loop, self.socket.fileno(), handle)
        self.want, self.mute = self._watch.want, self._watch.mute  # type: ignore[method-assign]

    def close(self, loop: Loop, reset: bool) -> None:
        if reset and self.has_end:
            reset_socket(loop, self.socket)
            return
        if self._ends_at_once:  # closing it is a reset for its peer otherwise, as TIPC has it
            with suppress(OSError):
                self.socket.shutdown(_stdlib.SHUT_RDWR)
        loop.close_socket(self.socket)

    def error(self) -> OSError | None:
        try:
            number = self.socket.getsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_ERROR)
        except OSError as error:
            return error
        return OSError(number, os.strerror(number)) if number else None

    def describe(self) -> str:
        return describe(self.socket)


_RESET_PATIENCE_NS = 30_000_000_000
_RESET_DELAY_NS = 5_000_000


def reset_socket(loop: Loop, sock: socket, waited_ns: int = 0) -> None:
    """Close a socket so that its peer is told of an error, where its protocol can say so.

    That discards what the peer has not received. So it is done once the peer has everything, as
    the kernel tells by SIOCOUTQ, or after 30 s. A socket whose peer is gone tells for ever what
    that has not acknowledged. Sources: socket(7), SO_LINGER; tcp(7).
    """
    if waited_ns < _RESET_PATIENCE_NS and _outgoing_bytes(sock) and _has_peer(sock):
        delay_ns = min(_RESET_DELAY_NS + waited_ns, 500_000_000)
        loop.keep(sock)
        loop.call_later(delay_ns, partial(reset_socket, loop, sock, waited_ns + delay_ns))
        return
    discard_on_close(sock)
    loop.close_socket(sock)


def _has_peer(sock: socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def discard_on_close(sock: socket) -> None:
    """Let closing a socket tell its peer of an error, where its protocol can say so."""
    with suppress(OSError):
        sock.setsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_LINGER, struct.pack("ii", 1, 0))


def _outgoing_bytes(sock: socket) -> int:
    try:
        answer = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)


def describe(sock: socket) -> str:
    """Return a socket's peer, or its own address if it has none, as an endpoint; "" if neither."""
    with suppress(OSError, ValueError):
        try:
            address = sock.peer_address
        except OSError:
            address = None
        address = address or sock.local_address
        return "" if address is None else str(endpoints.of(sock, address))
    return ""


class StreamChannel(SocketChannel):
    """A connected stream socket."""

    is_stream = True
    events_tell_all = True

    def __init__(
        self, sock: socket, buffer: memoryview, splices: bool, states_buffer: bool = False
    ) -> None:
        super().__init__(sock, buffer[:STREAM_BYTES])
        self.splices = splices
        self._states_buffer = states_buffer

    def enlarge(self) -> None:
        served = self.socket._served
        if self._states_buffer or served is None or not served.protocol.fixed_send_buffer:
            return
        with suppress(OSError):
            if self.socket.getsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_SNDBUF) < _SEND_BUFFER_BYTES:
                self.socket.setsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_SNDBUF, _SEND_BUFFER_BYTES)

    def receive(self) -> memoryview | bytes | Ended:
        size = self.socket.recv_into(self._buffer)
        return self._buffer[:size] if size else END

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        return self.socket.send(data)


def _received_descriptors(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, ...]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (_stdlib.SOL_SOCKET, _SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return tuple(found)


def _with_descriptors(descriptors: tuple[int, ...]) -> list[tuple[int, int, bytes]]:
    if not descriptors:
        return []
    return [(_stdlib.SOL_SOCKET, _SCM_RIGHTS, array.array("i", descriptors).tobytes())]


def close_descriptors(descriptors: tuple[int, ...]) -> None:
    """Close descriptors that were received."""
    for descriptor in descriptors:
        os.close(descriptor)


class PassingStreamChannel(StreamChannel):
    """A stream socket whose bytes may carry descriptors."""

    def __init__(self, sock: socket, buffer: memoryview) -> None:
        super().__init__(sock, buffer, splices=False)

    def receive(self) -> memoryview | bytes | Ended:
        control_bytes = _stdlib.CMSG_SPACE(_DESCRIPTORS * 4)
        size, ancillary, flags, _ = self.socket.recvmsg_into([self._buffer], control_bytes)
        self.received_descriptors = _received_descriptors(ancillary)
        if flags & _stdlib.MSG_CTRUNC:
            _refuse_lost_descriptors(self)
        return self._buffer[:size] if size else END

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        return self.socket.sendmsg([data], _with_descriptors(descriptors))


def _refuse_lost_descriptors(channel: Channel) -> None:
    """Raise OSError: the kernel had no number for a descriptor, which is lost."""
    close_descriptors(channel.received_descriptors)
    channel.received_descriptors = ()
    raise OSError(EPROTO, "a descriptor was lost, for want of a free number")


class MessageChannel(SocketChannel):
    """A socket of messages: sequenced packets, datagrams or frames."""

    def __init__(
        self, sock: socket, buffer: memoryview, is_connection: bool, passes: bool = False
    ) -> None:
        super().__init__(sock, buffer)
        self.has_end = is_connection
        self._passes = passes
        self._control_bytes = 0
        if is_connection:  # an empty message has a timestamp, the end has none
            with suppress(OSError):
                sock.set_option(options.SO_TIMESTAMPNS, True)
                self._control_bytes = _TIMESTAMP_BYTES
        if passes:
            self._control_bytes += _stdlib.CMSG_SPACE(_DESCRIPTORS * 4)

    def receive(self) -> memoryview | bytes | Ended:
        try:
            size, ancillary, flags, _ = self.socket.recvmsg_into(
                [self._buffer], self._control_bytes
            )
        except BlockingIOError:
            raise
        except OSError as error:
            if self.has_end or error.errno not in _TOLD_OF_EARLIER:
                raise
            raise MessageRefusedError from None
        if self._passes:
            self.received_descriptors = _received_descriptors(ancillary)
            if flags & _stdlib.MSG_CTRUNC:
                _refuse_lost_descriptors(self)
        if flags & _stdlib.MSG_TRUNC:
            if self.has_end:
                raise OSError(EMSGSIZE, os.strerror(EMSGSIZE))
            raise MessageRefusedError
        if not size and self.has_end and not ancillary:
            return END
        return self._buffer[:size]

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        try:
            try:
                return self._send(data, descriptors)
            except OSError as error:
                if self.has_end or error.errno not in _TOLD_OF_EARLIER:
                    raise
                return self._send(data, descriptors)  # the error was of an earlier one
        except BlockingIOError:
            self.retry_delay_ns = 0
            raise
        except OSError as error:
            if error.errno == ENOBUFS:
                self.retry_delay_ns = 2_000_000
                raise BlockingIOError(error.errno, error.strerror) from None
            if not self.has_end and error.errno in _REFUSED_ALONE:
                raise MessageRefusedError from None
            raise

    def _send(self, data: memoryview | bytes, descriptors: tuple[int, ...]) -> int:
        if descriptors:
            return self.socket.sendmsg([data], _with_descriptors(descriptors))
        return self.socket.send(data)


_PEER_MESSAGES = 256
_PEER_BYTES = 1 << 20


class PeerChannel(Channel):
    """A peer of a datagram socket that several share: what it sent waits here."""

    has_end = False
    tells_of_data = False

    def __init__(
        self,
        sock: socket,
        address: Any,
        typed: Address | None,
        on_room: Callable[[], None],
        on_close: Callable[[], None],
    ) -> None:
        self._socket = sock
        self._on_close = on_close
        self._address = address
        self._typed = typed
        self._handle: Callable[[int], None] = lambda events: None
        self._on_room = on_room
        self._messages: deque[bytes] = deque()
        self._waiting_bytes = 0

    def attach(self, loop: Loop, handle: Callable[[int], None]) -> None:
        self._handle = handle

    def close(self, loop: Loop, reset: bool) -> None:
        self._on_close()

    @property
    def is_full(self) -> bool:
        """True if no further message fits."""
        return len(self._messages) >= _PEER_MESSAGES or self._waiting_bytes >= _PEER_BYTES

    def put(self, data: bytes) -> None:
        """Add a message that the peer sent."""
        self._messages.append(data)
        self._waiting_bytes += len(data)
        self._handle(READ)

    def receive(self) -> memoryview | bytes | Ended:
        if not self._messages:
            raise BlockingIOError
        was_full = self.is_full
        data = self._messages.popleft()
        self._waiting_bytes -= len(data)
        if was_full and not self.is_full:
            self._on_room()
        return data

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        if not self._address:
            raise MessageRefusedError  # an unnamed peer has no address to answer to
        try:
            return self._socket.sendto(data, self._address)
        except BlockingIOError:
            self.retry_delay_ns = 2_000_000
            raise
        except OSError as error:
            if error.errno == ENOBUFS:
                self.retry_delay_ns = 2_000_000
                raise BlockingIOError(error.errno, error.strerror) from None
            if error.errno in _REFUSED_ALONE:
                raise MessageRefusedError from None
            if error.errno in _TOLD_OF_EARLIER:
                raise OSError(ENOTCONN, os.strerror(ENOTCONN)) from None
            raise

    def describe(self) -> str:
        with suppress(ValueError):
            return "" if self._typed is None else str(endpoints.of(self._socket, self._typed))
        return ""
