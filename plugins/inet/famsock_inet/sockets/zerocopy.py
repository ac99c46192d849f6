"""Zero-copy sends on TCP and UDP. Source: Documentation/networking/msg_zerocopy.rst."""

from __future__ import annotations

import select
from contextlib import suppress
from threading import RLock
from typing import Any, NamedTuple

from famsock.plugin import SockExtendedErr, constants, options, socket
from famsock_inet import control
from famsock_inet.sockets._families import A, F
from famsock_inet.sockets.ip import FROM_ERROR_QUEUE, IpSocket

__all__ = [
    "ZerocopyCompletion",
    "ZerocopySocket",
]

_NUMBERS = 1 << 32
_ENTRIES = 8  # the kernel joins neighboring notifications, so that more are rare
_CONTROL_BYTES = 256
_ERRORS = {(row.level, row.number) for row in (control.IP_RECVERR, control.IPV6_RECVERR)}
_ZEROCOPY = constants.MSG_ZEROCOPY
_ORIGIN = constants.SO_EE_ORIGIN_ZEROCOPY
_COPIED = constants.SO_EE_CODE_ZEROCOPY_COPIED
_unpack_error = SockExtendedErr.layout.codec.unpack_from


class ZerocopyCompletion(NamedTuple):
    """Sends that are done: the numbers of the first and the last, and whether they were copied.

    Copying is the kernel's choice, as on loopback: then MSG_ZEROCOPY costs more than it saves.
    """

    first: int
    last: int
    copied: bool

    @property
    def numbers(self) -> list[int]:
        """The numbers of all of them, which go on from 4294967295 to 0."""
        if self.first == self.last:
            return [self.first]
        end = self.first + (self.last - self.first) % _NUMBERS + 1
        return [number % _NUMBERS for number in range(self.first, end)]


class _Pending:
    """The data of sends that are not done, by their numbers.

    ``turn`` lets threads send one after the other, as the kernel numbers what they send.
    """

    def __init__(self) -> None:
        self.turn = RLock()
        self.next: int | None = None
        self.data: dict[int, memoryview] = {}


class ZerocopySocket(IpSocket[A, F]):
    """A socket that sends without copying, by MSG_ZEROCOPY with its notifications."""

    __slots__ = ()

    def send_zerocopy(self, data: Any, address: Any = None, flags: int = 0) -> int:
        """Send ``data`` without copying it; return the number of bytes sent.

        It must not change before `zerocopy_completions` reports that the send is done: until then
        the socket keeps a reference, and a bytearray cannot be resized. Sends are numbered from 0,
        all but those of nothing; MSG_ZEROCOPY in other calls would be counted too. Worthwhile from
        some 10 kB. OSError: ENOBUFS with too many sends that are not done (net.core.optmem_max).
        """
        pending: _Pending = self.protocol_state(_Pending)
        view = memoryview(data)
        with pending.turn:
            if pending.next is None:
                self.set_option(options.SO_ZEROCOPY, True)
                pending.next = 0
            if not view.nbytes:  # which UDP would count and TCP would not
                return _send(self, view, flags, address)
            number = pending.next
            pending.data[number] = view  # before the send, which may be done before it returns
            try:
                sent = _send(self, view, flags | _ZEROCOPY, address)
            except BaseException:
                pending.data.pop(number, None)
                raise
            pending.next = (number + 1) % _NUMBERS
            return sent

    def zerocopy_completions(self, timeout_s: float = 0.0) -> list[ZerocopyCompletion]:
        """Return the completed sends; wait at most ``timeout_s`` seconds if there is none yet.

        Their data may change again. Take all completions before you close the socket, which does
        not keep the memory longer. Other entries of the error queue are dropped: use `recv_errors`
        to receive both.
        """
        found = _completions(self)
        if not found and timeout_s > 0:
            poll = select.poll()
            poll.register(self, 0)  # POLLERR comes unasked
            poll.poll(timeout_s * 1000)
            found = _completions(self)
        return found


def _send(sock: socket, view: memoryview, flags: int, address: Any) -> int:
    if address is None:
        return sock.send(view, flags)
    return sock.sendto(view, flags, address)


def _completions(sock: socket) -> list[ZerocopyCompletion]:
    found = [done for message in _queued_errors(sock) if (done := _completion(message[1]))]
    pending = sock.protocol_state(_Pending).data
    for done in found:
        for number in done.numbers:
            view = pending.pop(number, None)
            if view is not None:
                with suppress(BufferError):  # the call that sends it has not returned yet
                    view.release()  # where no references are counted, it would last
    return found


def _queued_errors(sock: socket) -> list[Any]:
    """Return every message of the error queue; several of them in one system call."""
    found: list[Any] = []
    try:
        while len(found) % _ENTRIES == 0:
            found += sock.recvmmsg(_ENTRIES, 0, _CONTROL_BYTES, FROM_ERROR_QUEUE)
    except BlockingIOError:
        pass
    return found


def _completion(items: list[tuple[int, int, bytes]]) -> ZerocopyCompletion | None:
    """Return the completed sends in an entry's control messages; None if there are none."""
    for level, kind, data in items:
        if (level, kind) in _ERRORS:
            _, origin, _, code, first, last = _unpack_error(data)
            if origin == _ORIGIN:
                return ZerocopyCompletion(first, last, bool(code & _COPIED))
    return None
