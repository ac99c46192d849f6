"""A datagram endpoint for asyncio's protocols, on recvmmsg(2) and sendmmsg(2).

What a protocol sees is what asyncio's own transport shows: calls, their order, errors. Where the
socket's protocol declares `famsock.family.Segmentation`, the kernel also joins and cuts datagrams.
Sources: Lib/asyncio/selector_events.py, Lib/asyncio/base_events.py, recvmmsg(2), sendmmsg(2).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket as _stdlib
import sys
import warnings
from asyncio import base_events, constants
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from operator import eq, itemgetter, length_hint
from struct import Struct
from types import FunctionType
from typing import Any, TypeVar, cast

import famsock
import famsock.control  # which sendmmsg would import in the middle of a turn
from famsock import _calls
from famsock.address import Address
from famsock.aio._awaited import sock_connect
from famsock.endpoints import Endpoint
from famsock.family import Segmentation

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)
_Datagram = tuple[bytes, Any]
_Message = tuple[bytes, Any, Any, Any]

_MAX_BYTES = 256 * 1024  # of one datagram: what asyncio's transports receive
_BATCH_BYTES = 1 << 22  # of one recvmmsg; the calls below keep such memory for the next one
_BATCH = 64  # messages in one system call
_MANY = 16  # datagrams that wait together, so that the kernel shall join them
_SINGLES = 8  # datagrams that are received one by one after one came by itself
_PER_TURN = 128  # datagrams that are given to a protocol, or sent of a queue, in a turn of the loop
_CONTROL_BYTES = 512  # for the size of joined datagrams, beside what other options ask for
_HEADER_BYTES = 8  # what asyncio counts for a datagram besides its bytes
_HIGH_WATER_BYTES = 64 * 1024
_QUEUE_BYTES = 1 << 24
_INT = Struct("=i")
_ADDRESS = itemgetter(1)  # of a datagram
_CONTROL = itemgetter(1)  # of a message
_logger = logging.getLogger("asyncio")
_CANNOT_CUT = {
    getattr(errno, name)
    for name in ("EINVAL", "EIO", "EMSGSIZE", "ENOPROTOOPT", "EOPNOTSUPP", "EPERM")
    if hasattr(errno, name)
}
"""Errors of sendmsg(2) for data that it cannot cut: no support, or beyond the path's MTU."""


class DatagramTransport(asyncio.DatagramTransport, asyncio.Transport):
    """The transport that `create_datagram_endpoint` makes; its methods are those of asyncio's."""

    __slots__ = (
        "__dict__", "__weakref__", "_address", "_batch", "_batched", "_blocked", "_closing",
        "_control_bytes", "_count", "_cut_below_bytes", "_cutting", "_delivering", "_descriptor",
        "_first", "_flushing", "_given", "_has_peer", "_high_water", "_interrupted",
        "_is_connected", "_is_fixed", "_joined_singles", "_joining", "_loop", "_lost", "_low_water",
        "_max_batch", "_max_queued_bytes", "_open_batch", "_paused", "_protocol",
        "_protocol_paused", "_queue", "_queued_bytes", "_rest", "_singles", "_size_bytes", "_sock",
    )  # fmt: skip
    # They are read faster than the entries of a dict; other attributes go there, as with asyncio.

    _sock: famsock.socket | None
    _open_batch: list[_Datagram] | bool | None

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: famsock.socket,
        protocol: asyncio.BaseProtocol,
        address: Any = None,
        waiter: asyncio.Future[None] | None = None,
        *,
        given: _stdlib.socket | None = None,
        offload: bool = True,
        max_queued_bytes: int = _QUEUE_BYTES,
    ) -> None:
        self._sock = None
        extra: dict[str, Any] = {"socket": sock, "sockname": None, "peername": None}
        for name, method in (("sockname", sock.getsockname), ("peername", sock.getpeername)):
            try:
                extra[name] = method()
            except OSError:
                continue
        super().__init__(extra)
        self._loop: asyncio.AbstractEventLoop = loop
        self._sock = sock
        self._given = given  # whose descriptor it is, if it is another object's
        self._descriptor = sock.fileno()
        self._address = address
        self._has_peer = extra["peername"] is not None
        # An address that is given is not looked at then. A netlink(7) socket tells a peer of zeros
        # if it has none.
        self._is_connected = self._has_peer and any(_calls.getpeername(sock.fileno())[2:])
        self._is_fixed = self._is_connected or bool(address)
        self._closing = False
        self._paused = False
        self._lost = 0  # set once connection_lost is scheduled
        self._max_queued_bytes = max_queued_bytes
        self._prepare_to_send()
        self._prepare_to_receive(offload)
        self.set_protocol(protocol)
        self.set_write_buffer_limits()
        loop.call_soon(self._protocol.connection_made, self)
        loop.call_soon(self._start_reading)  # once connection_made has been called
        if waiter is not None:
            loop.call_soon(_end_wait, waiter)

    def __repr__(self) -> str:
        state = "closed" if self._sock is None else "closing" if self._closing else "open"
        return (
            f"<{type(self).__name__} {state} fd={self._descriptor} "
            f"queued_bytes={self.get_write_buffer_size()}>"
        )

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if self._sock is not None:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._close_socket()

    # The protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give further datagrams and events to another protocol."""
        self._protocol: Any = protocol
        self._interrupted = True

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol in use; None once the transport is closed."""
        return cast(asyncio.BaseProtocol, self._protocol)

    def _call_guarded(self, name: str) -> None:
        try:
            getattr(self._protocol, name)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._tell_handler(f"protocol.{name}() failed", error)

    def _tell_handler(self, message: str, error: BaseException) -> None:
        self._loop.call_exception_handler(
            {
                "message": message,
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
        )

    # Receiving

    def _prepare_to_receive(self, offload: bool) -> None:
        sock = self._sock
        assert sock is not None
        protocol = None if sock._served is None else sock._served.protocol
        self._rest: Iterator[_Message] | None = None  # what the protocol has not been given yet
        self._interrupted = False
        self._delivering = False
        self._batched = True  # unless the platform has no recvmmsg
        self._singles = 0  # how often to receive one datagram before many are asked for
        self._joined_singles = 0  # the same, where the kernel may join them
        self._size_bytes = _MAX_BYTES
        self._cutting: Segmentation | None = None
        self._joining: Segmentation | None = None  # once it is turned on
        self._control_bytes = 0
        if protocol is not None:
            self._size_bytes = protocol.max_message_bytes or _MAX_BYTES
            self._cutting = protocol.segmentation if offload else None
        self._count = max(min(_BATCH, _BATCH_BYTES // self._size_bytes), 2)
        if protocol is not None and protocol.segmentation is not None:
            with suppress(OSError):  # a kernel before Linux 5.0, or another one
                if sock.getsockopt(*protocol.segmentation.option):
                    self._expect_joined(protocol.segmentation)

    def is_reading(self) -> bool:
        """Return True unless the transport is closing or paused."""
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        """Give the protocol no datagram until `resume_reading`; the kernel keeps what comes."""
        if self.is_reading():
            self._paused = self._interrupted = True
            self._loop.remove_reader(self._descriptor)

    def resume_reading(self) -> None:
        """Receive again, first what had been received already."""
        if self._paused and not self._closing:
            self._paused = False
            self._start_reading()
            if self._rest is not None and not self._delivering:
                self._loop.call_soon(self._deliver)

    def _start_reading(self) -> None:
        if self.is_reading():
            self._loop.add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        # Datagrams that come one by one cost what asyncio's do, as long as little is asked for each
        # of them, here and in `sendto`: so `_singles` and `_first` say it all.
        if self._singles:
            try:
                data, address = self._sock.recvfrom(self._size_bytes)  # type: ignore[union-attr]
            except BaseException as error:
                self._tell_read_error(error)
                return
            self._singles -= 1
        else:
            received = self._read()
            if received is None:
                return
            data, address = received
        if self._open_batch is None:
            self._open_batch = self._first
        try:
            self._protocol.datagram_received(data, address)
        finally:
            self._open_batch = None
            if self._batch:
                self._flush()

    def _read(self) -> _Datagram | None:
        """Receive one datagram, which is returned, or several, which are delivered."""
        if self._rest is not None or self._lost:
            return None  # `_deliver` is scheduled for what is left
        singles = self._joined_singles
        try:
            messages = self._receive_one() if singles else self._receive_many()
        except BaseException as error:
            self._tell_read_error(error)
            return None
        if len(messages) != 1:
            self._rest = iter(messages)
            self._deliver()
            return None
        if not singles:
            self._receive_singly(_SINGLES)
        data, _, _, address = messages[0]
        return data, address

    def _tell_read_error(self, error: BaseException) -> None:
        """Do what asyncio does about an error of a call that receives, which is being handled."""
        if isinstance(error, (BlockingIOError, InterruptedError)):
            return
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            raise error
        if not isinstance(error, OSError):
            self._fatal_error(error, "Fatal read error on datagram transport")
        elif error.errno == errno.ENOSYS and self._batched:
            self._batched = False
            self._receive_singly(sys.maxsize)
        else:
            self._protocol.error_received(error)

    def _receive_singly(self, times: int) -> None:
        """Receive one datagram at a time, so many times."""
        if self._joining is None:
            self._singles = times
        else:
            self._joined_singles = times

    def _receive_one(self) -> list[_Message]:
        """Receive what may be several datagrams that the kernel has joined."""
        sock = self._sock
        assert sock is not None
        messages = self._apart([sock.recvmsg(self._size_bytes, self._control_bytes)])
        if self._batched:
            self._joined_singles = 0 if len(messages) > 1 else self._joined_singles - 1
        return messages

    def _receive_many(self) -> list[_Message]:
        sock = self._sock
        assert sock is not None
        count = self._count
        messages = sock.recvmmsg(count, self._size_bytes, self._control_bytes)
        got = len(messages)
        try:
            while got == count and len(messages) < _BATCH and not messages[0][1]:
                more = sock.recvmmsg(count, self._size_bytes, self._control_bytes)
                messages += more
                got = len(more)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:  # it comes after what was received before
            self._loop.call_soon(self._tell_error, error)
        messages = self._apart(messages)
        if self._joining is None and len(messages) >= _MANY and self._cutting is not None:
            self._start_joining(self._cutting)
        return messages

    def _apart(self, messages: list[_Message]) -> list[_Message]:
        if self._joining is not None and any(map(_CONTROL, messages)):
            return _apart(messages, self._joining.received)
        return messages

    def _tell_error(self, error: OSError) -> None:
        if not self._lost:
            self._protocol.error_received(error)

    def _start_joining(self, segmentation: Segmentation) -> None:
        """Let the kernel join datagrams from now on, as there are many of them."""
        try:
            self._sock.setsockopt(*segmentation.option, 1)  # type: ignore[union-attr]
        except OSError:
            self._cutting = None  # a kernel before Linux 5.0, or another one
            return
        self._expect_joined(segmentation)

    def _expect_joined(self, segmentation: Segmentation) -> None:
        self._joining = segmentation
        self._control_bytes = _CONTROL_BYTES
        self._count = _BATCH_BYTES // (self._size_bytes + self._control_bytes)

    def _deliver(self) -> None:
        """Give the protocol what was received, as much as a turn of the loop may take."""
        rest = self._rest
        if rest is None or self._delivering or not self.is_reading():
            return
        received = self._protocol.datagram_received
        self._delivering, self._interrupted = True, False
        if not self._blocked:
            self._open_batch = self._batch
        try:
            for data, _, _, address in islice(rest, _PER_TURN):
                received(data, address)
                if self._interrupted:
                    break
        finally:
            self._delivering = False
            self._open_batch = None
            if self._closing or not length_hint(rest):
                self._rest = None
            elif not self._paused:
                self._loop.call_soon(self._deliver)
            if self._batch:
                self._flush()

    # Sending

    def _prepare_to_send(self) -> None:
        self._batch: list[_Datagram] = []  # what nobody has tried to send yet
        self._open_batch = None  # the same, while it is filled
        # What stands there while one datagram is delivered, until it is answered: False where an
        # answer to any address may be sent as it is, True where `_is_fixed`.
        self._first: bool | None = self._is_fixed
        self._queue: deque[_Datagram] = deque()  # what the socket did not take
        self._queued_bytes = 0  # of the queue
        self._blocked = False  # a writer waits for the socket
        self._flushing = False
        self._cut_below_bytes = 1 << 16  # larger ones were refused
        self._protocol_paused = False

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send a datagram, or queue it; see asyncio.DatagramTransport.sendto.

        The first datagram of a turn of the loop is sent at once. Those that follow in the same
        turn, and the answers to several datagrams that came together, are sent at its end.
        """
        batch = self._open_batch
        if batch is False:
            if addr is not None and type(data) is bytes:
                try:
                    self._sock.sendto(data, addr)  # type: ignore[union-attr]
                except BaseException as error:
                    self._tell_write_error(error, data, addr)
                else:
                    self._open_batch = self._batch
                return
        elif batch is not None and type(data) is bytes and not self._is_fixed:
            batch.append((data, addr))  # type: ignore[union-attr]
            if len(batch) >= self._max_batch:  # type: ignore[arg-type]
                self._flush()
            return
        self._send_or_queue(data, addr)

    def _send_or_queue(self, data: Any, addr: Any) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"data argument must be a bytes-like object, not {type(data).__name__!r}"
            )
        if self._is_fixed:
            if self._address and addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = None if self._is_connected else self._address
        batch = self._open_batch
        if batch is not None and not isinstance(batch, bool):
            batch.append((bytes(data), addr))
            if len(batch) >= self._max_batch:
                self._flush()
        elif self._lost:
            self._send_lost(data, addr)
        elif self._blocked:
            self._enqueue(bytes(data), addr)
            self._maybe_pause_protocol()
        elif self._batch:
            self._batch.append((bytes(data), addr))
            if len(self._batch) >= self._max_batch:
                self._flush()
        else:
            try:
                self._send(data, addr)
            except BaseException as error:
                self._tell_write_error(error, data, addr)
            else:
                self._open_batch = self._batch
                if batch is None and not self._delivering:
                    self._loop.call_soon(self._end_turn)

    def _tell_write_error(self, error: BaseException, data: Any, address: Any) -> None:
        """Do what asyncio does about an error of a call that sends, which is being handled."""
        if isinstance(error, (BlockingIOError, InterruptedError)):
            self._block([(bytes(data), address)])
        elif isinstance(error, OSError):
            self._protocol.error_received(error)
        elif isinstance(error, (SystemExit, KeyboardInterrupt)):
            raise error
        else:
            self._fatal_error(error, "Fatal write error on datagram transport")

    def _send_lost(self, data: Any, address: Any) -> None:
        """Do what asyncio does with a datagram for a transport that is lost."""
        if self._address or self._sock is None:
            if self._lost >= constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
                _logger.warning("socket.send() raised exception.")
            self._lost += 1
        else:
            with suppress(BlockingIOError, InterruptedError):
                self._send_each([(data, address)])

    def _send(self, data: Any, address: Any) -> None:
        if address is None and self._has_peer:
            self._sock.send(data)  # type: ignore[union-attr]
        else:
            self._sock.sendto(data, address)  # type: ignore[union-attr]

    def _end_turn(self) -> None:
        if not self._delivering:
            self._open_batch = None
            if self._batch:
                self._flush()

    def _flush(self) -> None:
        """Send what nobody has tried to send yet; what the socket does not take is queued."""
        if self._flushing:
            return
        batch, opened = self._batch, self._open_batch
        self._batch = []
        if isinstance(opened, list):
            self._open_batch = self._batch
        self._flushing = True
        try:
            left = self._send_list(batch)
        finally:
            self._flushing = False
        if left:
            self._block(left)
        if self._batch and not self._lost:  # error_received has sent
            if self._blocked:
                left, self._batch = self._batch, []
                self._block(left)
            else:
                self._open_batch = self._batch
                self._loop.call_soon(self._end_turn)

    def _send_list(self, datagrams: list[_Datagram]) -> list[_Datagram]:
        """Send datagrams: those that the socket does not take now, with all that follow."""
        at = 0
        while at < len(datagrams) and not self._lost:
            some = datagrams[at : at + _BATCH]
            try:
                if len(some) == 1 or not self._batched:
                    at += self._send_each(some[:1])
                else:
                    at += self._send_batch(some)
            except (BlockingIOError, InterruptedError):
                return datagrams[at:]
        return []

    def _send_batch(self, datagrams: list[_Datagram]) -> int:
        """Send many in one call: the number of those that need no further attempt."""
        messages: list[Any] = datagrams
        if self._cutting is not None and _has_run(datagrams):
            messages = _together(datagrams, self._cutting, self._cut_below_bytes)
        try:
            sent = self._sock.sendmmsg(messages)  # type: ignore[union-attr]
        except (BlockingIOError, InterruptedError, SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            number = error.errno if isinstance(error, OSError) else None
            first = messages[0]
            if number == errno.ENOSYS:
                self._batched = False
            elif number in _CANNOT_CUT and len(first) == 3:
                self._cut_below_bytes = len(first[0][0])
            else:
                return self._send_each(datagrams, error)
            return 0
        if messages is datagrams:
            return sent
        return sum(len(one[0]) if len(one) == 3 else 1 for one in messages[:sent])

    def _send_each(self, datagrams: list[_Datagram], failure: BaseException | None = None) -> int:
        """Send each in its own call, so that each error has its datagram.

        ``failure`` is what a call for all of them raised. It may have been about one of them, which
        fails again, or about an earlier datagram: the socket tells that once.
        """
        found = failure is None
        done = 0
        for data, address in datagrams:
            try:
                self._send(data, address)
            except (BlockingIOError, InterruptedError):
                if not done and found:
                    raise
                break
            except OSError as error:
                found = found or _are_alike(error, failure)
                self._protocol.error_received(error)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fatal_error(error, "Fatal write error on datagram transport")
            done += 1
            if self._lost:
                return done
        if not found:
            if isinstance(failure, OSError):
                self._protocol.error_received(failure)
            else:
                assert failure is not None
                self._fatal_error(failure, "Fatal write error on datagram transport")
        return done

    def _block(self, datagrams: Iterable[_Datagram]) -> None:
        """Queue datagrams until the socket takes more."""
        if not self._blocked:
            self._blocked, self._first = True, None
            self._loop.add_writer(self._descriptor, self._writable)
        self._open_batch = None
        for data, address in datagrams:
            self._enqueue(data, address)
        self._maybe_pause_protocol()

    def _enqueue(self, data: bytes, address: Any) -> None:
        queued_bytes = self._queued_bytes + len(data) + _HEADER_BYTES
        if queued_bytes > self._max_queued_bytes:
            self._protocol.error_received(OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS)))
            return
        self._queue.append((data, address))
        self._queued_bytes = queued_bytes

    def _writable(self) -> None:
        queue = self._queue
        some = [queue.popleft() for _ in range(min(len(queue), _PER_TURN))]
        left = self._send_list(some)
        if self._lost:
            return
        queue.extendleft(reversed(left))
        self._queued_bytes = sum(len(data) + _HEADER_BYTES for data, _ in queue)
        self._maybe_resume_protocol()  # which may send
        if not queue:
            self._blocked, self._first = False, self._is_fixed
            self._loop.remove_writer(self._descriptor)
            if self._closing:
                self._lose(None)

    # Flow control

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that are queued, and 8 for each datagram."""
        return self._queued_bytes + sum(len(data) + _HEADER_BYTES for data, _ in self._batch)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high water mark in bytes."""
        return self._low_water, self._high_water

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks in bytes at which the protocol is paused (64 KiB) and resumed (16 KiB).

        With a lower high mark fewer datagrams wait for the end of a turn, at least one.
        """
        if high is None:
            high = _HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high_water, self._low_water = high, low
        self._max_batch = max(min(_BATCH, high * _BATCH // _HIGH_WATER_BYTES), 1)
        self._maybe_pause_protocol()

    def _maybe_pause_protocol(self) -> None:
        if self._queued_bytes > self._high_water and not self._protocol_paused:
            self._protocol_paused = True
            self._call_guarded("pause_writing")

    def _maybe_resume_protocol(self) -> None:
        if self._protocol_paused and self._queued_bytes <= self._low_water:
            self._protocol_paused = False
            self._call_guarded("resume_writing")

    # The end

    def is_closing(self) -> bool:
        """Return True if the transport is closing or closed."""
        return self._closing

    def close(self) -> None:
        """Close the transport once what is queued has been sent; no more is received."""
        if self._closing:
            return
        self._stop_receiving()
        if self._batch:
            self._flush()
        if not self._queue and not self._flushing:
            self._lose(None)

    def abort(self) -> None:
        """Close the transport now: what the socket does not take at once is lost."""
        if self._batch and not self._lost:
            self._flush()
        self._force_close(None)

    def _stop_receiving(self) -> None:
        self._closing = self._interrupted = True
        self._rest, self._singles, self._joined_singles = None, 0, 0
        self._loop.remove_reader(self._descriptor)

    def _fatal_error(self, error: BaseException, message: str) -> None:
        if not isinstance(error, OSError):
            self._tell_handler(message, error)
        self._force_close(error)

    def _force_close(self, error: BaseException | None) -> None:
        if self._lost:
            return
        self._queue.clear()
        self._batch.clear()
        self._queued_bytes = 0
        if not self._closing:
            self._stop_receiving()
        self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        if self._lost:
            return
        self._lost = 1
        self._open_batch = self._first = None
        self._loop.remove_writer(self._descriptor)
        self._blocked = False
        self._loop.call_soon(self._call_connection_lost, error)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._close_socket()
            self._protocol = None

    def _close_socket(self) -> None:
        sock, self._sock = self._sock, None
        assert sock is not None
        if self._given is None:
            sock.close()
        else:
            sock.detach()
            self._given.close()


def _end_wait(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _are_alike(one: BaseException, other: BaseException | None) -> bool:
    return type(one) is type(other) and str(one) == str(other)


def _apart(messages: Iterable[_Message], kind: tuple[int, int]) -> list[_Message]:
    """The datagrams of messages, some of which the kernel has joined."""
    found: list[_Message] = []
    for message in messages:
        data, items, _, address = message
        size_bytes = 0
        for level, number, value in items:
            if (level, number) == kind:
                (size_bytes,) = _INT.unpack(value)
        if 0 < size_bytes < len(data):
            starts = range(0, len(data), size_bytes)
            found += [(data[at : at + size_bytes], (), 0, address) for at in starts]
        else:
            found.append(message)
    return found


def _has_run(datagrams: list[_Datagram]) -> bool:
    """Return True if neighbours may have one address: eight in a row are never overlooked.

    A batch to 64 different addresses pays for each comparison, so there are few.
    """
    return any(map(eq, map(_ADDRESS, datagrams[::7]), map(_ADDRESS, datagrams[1::7])))


def _together(datagrams: list[_Datagram], cutting: Segmentation, below_bytes: int) -> list[Any]:
    """The datagrams as messages: neighbours of one size to one address as one that is cut again.

    The last one of a message may be shorter. An empty one stays apart: it would be lost.
    """
    messages: list[Any] = []
    run: list[bytes] = []
    each = total = 0
    to: Any = None
    for datagram in datagrams:
        data, address = datagram
        size = len(data)
        if (
            0 < size <= each
            and address == to
            and len(run) < cutting.max_segments
            and total + size <= cutting.max_bytes
        ):
            if len(run) == 1:
                messages[-1] = (run, to, [cutting.size(each)])
            run.append(data)
            total += size
            if size < each:  # it ends the message
                each = 0
        else:
            messages.append(datagram)
            run, total, to = [data], size, address
            each = size if size < below_bytes else 0
    return messages


# Making one


async def create_datagram_endpoint(
    protocol_factory: Callable[[], _Protocol],
    local_addr: Any = None,
    remote_addr: Any = None,
    *,
    family: int = 0,
    proto: int = 0,
    flags: int = 0,
    reuse_port: bool | None = None,
    allow_broadcast: bool | None = None,
    sock: _stdlib.socket | None = None,
    offload: bool = True,
    max_queued_bytes: int = _QUEUE_BYTES,
) -> tuple[DatagramTransport, _Protocol]:
    """Make a datagram endpoint of any family, as ``loop.create_datagram_endpoint`` makes one.

    Parameters, result and errors are asyncio's, and ``protocol_factory`` makes an unmodified
    asyncio.DatagramProtocol. Besides, ``local_addr`` and ``remote_addr`` may be typed addresses or
    `famsock.endpoints.Endpoint`s of one family, and ``sock`` any socket that is not of SOCK_STREAM.

    ``offload`` lets the kernel join datagrams that come, and cut those that go, where the socket's
    protocol can (UDP: UDP_GRO, UDP_SEGMENT). Turn it off for a socket that another process reads
    too. Once ``max_queued_bytes`` wait for a socket that takes no more, a further datagram is not
    queued: ``error_received`` is called with ENOBUFS.
    """
    loop = asyncio.get_running_loop()
    given = {
        "local_addr": local_addr,
        "remote_addr": remote_addr,
        "family": family,
        "proto": proto,
        "flags": flags,
        "reuse_port": reuse_port,
        "allow_broadcast": allow_broadcast,
    }
    limits = {"offload": offload, "max_queued_bytes": max_queued_bytes}
    maker = _Maker(loop, limits)
    if sock is not None and sock.type != _stdlib.SOCK_STREAM and not any(given.values()):
        sock.setblocking(False)
        return await maker.make(sock, protocol_factory)
    if _is_direct(family, local_addr, remote_addr):
        opened = await _opened(**given)
        try:
            return await maker.make(opened, protocol_factory)
        except BaseException:
            opened.close()
            raise
    made: tuple[DatagramTransport, _Protocol]
    try:
        made = await _of_asyncio()(maker, protocol_factory, sock=sock, **given)
    except _stdlib.gaierror as error:
        if not family or error.errno != _stdlib.EAI_FAMILY:
            raise
    else:
        return made
    return await maker.make(await _opened(**given), protocol_factory)


class _Maker:
    """The part of a loop that asyncio's create_datagram_endpoint uses."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: dict[str, Any]) -> None:
        self._loop = loop
        self._limits = limits
        self._debug = loop.get_debug()

    _ensure_resolved = vars(base_events.BaseEventLoop)["_ensure_resolved"]

    async def getaddrinfo(self, *arguments: Any, **keywords: Any) -> Any:
        return await self._loop.getaddrinfo(*arguments, **keywords)

    def create_future(self) -> asyncio.Future[Any]:
        return self._loop.create_future()

    async def sock_connect(self, sock: famsock.socket, address: Any) -> None:
        await sock_connect(sock, address)

    def _make_datagram_transport(
        self,
        sock: _stdlib.socket,
        protocol: asyncio.BaseProtocol,
        address: Any = None,
        waiter: asyncio.Future[None] | None = None,
        extra: None = None,
    ) -> DatagramTransport:
        ours, given = _ours(sock)
        return DatagramTransport(
            self._loop, ours, protocol, address, waiter, given=given, **self._limits
        )

    async def make(
        self, sock: _stdlib.socket, protocol_factory: Callable[[], _Protocol]
    ) -> tuple[DatagramTransport, _Protocol]:
        protocol = protocol_factory()
        waiter: asyncio.Future[None] = self.create_future()
        transport = self._make_datagram_transport(sock, protocol, None, waiter)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol


def _ours(sock: _stdlib.socket) -> tuple[famsock.socket, _stdlib.socket | None]:
    """The socket as famsock's, and the object that it belongs to, if that is another."""
    if isinstance(sock, famsock.socket):
        return sock, None
    ours = famsock.socket(sock.family, sock.type, sock.proto, sock.fileno())
    ours.setblocking(False)
    return ours, sock


_METHOD = base_events.BaseEventLoop.create_datagram_endpoint
"""The interpreter's own, also where a program later puts ours in its place."""


def _of_asyncio() -> Callable[..., Coroutine[Any, Any, Any]]:
    """The running interpreter's method, which opens famsock's sockets."""
    method = _METHOD
    namespace = vars(base_events) | {"socket": famsock}
    copy = FunctionType(
        method.__code__, namespace, method.__name__, method.__defaults__, method.__closure__
    )
    copy.__kwdefaults__ = method.__kwdefaults__
    return copy


def _is_direct(family: int, *addresses: Any) -> bool:
    """Whether addresses are used as they stand, because asyncio resolves none of this form."""
    given = [address for address in addresses if address is not None]
    if any(isinstance(address, Address | Endpoint) for address in given):
        return True
    return bool(family and given) and not any(map(_is_resolved, given))


def _is_resolved(address: Any) -> bool:
    """Whether it is a form that asyncio takes, or refuses: a path, a host and a port, no tuple."""
    if not isinstance(address, tuple):
        return True
    return len(address) == 2 and (address[0] is None or isinstance(address[0], str | bytes))


async def _opened(
    local_addr: Any,
    remote_addr: Any,
    family: int,
    proto: int,
    flags: int,
    reuse_port: bool | None,
    allow_broadcast: bool | None,
) -> famsock.socket:
    """A socket that is bound and connected to addresses as they stand."""
    endpoints = [given for given in (local_addr, remote_addr) if isinstance(given, Endpoint)]
    local, remote = (
        given.address if isinstance(given, Endpoint) else given
        for given in (local_addr, remote_addr)
    )
    typed = [given.family for given in (local, remote) if isinstance(given, Address)]
    if endpoints:
        sock = endpoints[0].open()
    else:
        sock = famsock.socket(family or typed[0], _stdlib.SOCK_DGRAM, proto)
    try:
        if reuse_port:
            sock.setsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_REUSEPORT, 1)
        if allow_broadcast:
            sock.setsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_BROADCAST, 1)
        sock.setblocking(False)
        if local is not None:
            sock.bind(local)
        if remote is not None:
            await sock_connect(sock, remote)
    except BaseException:
        sock.close()
        raise
    return sock
