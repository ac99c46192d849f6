"""A session: two opened ends, and what is on its way between them in either direction."""

from __future__ import annotations

import os
from errno import EINVAL, EMSGSIZE, ENOMEM, ENOSYS, EOPNOTSUPP
from functools import partial
from typing import TYPE_CHECKING

from famsock.relay._channels import END, Channel, MessageRefusedError, close_descriptors
from famsock.relay._loop import ERROR, HANGUP, READ, WRITE
from famsock.relay._pipes import PIPE_BYTES, SPLICE_MOVE, SPLICE_NONBLOCK, Pipe, Pipes

if TYPE_CHECKING:
    from collections.abc import Callable

    from famsock.relay._loop import Loop, Timer

_ROUNDS = 8
"""The rounds of a direction before others have their turn."""

_ENDING_NS = 500_000_000
"""The time without traffic after which a session ends of which only one end can end."""

_NO_SPLICE = (EINVAL, ENOSYS, EOPNOTSUPP)
"""Errnos of splice(2) where a family's sockets, or this kernel, have it not."""

_BLOCKED = 1
_SPLICE_FLAGS = SPLICE_MOVE | SPLICE_NONBLOCK
_splice = getattr(os, "splice", None)


class Direction:
    """One direction of a session: at most one piece of data at a time is in hand."""

    __slots__ = (
        "_descriptors",
        "_held",
        "_in_pipe_bytes",
        "_is_enlarged",
        "_limit_bytes",
        "_pipe",
        "_pipes",
        "_sink_descriptor",
        "_source_descriptor",
        "_splices",
        "bytes",
        "done",
        "dropped",
        "ended",
        "error",
        "has_more",
        "is_told",
        "messages",
        "on_data",
        "sink",
        "source",
        "source_is_lost",
    )

    def __init__(
        self,
        source: Channel,
        sink: Channel,
        pipes: Pipes,
        on_data: Callable[[memoryview | bytes], None] | None,
    ) -> None:
        self.source, self.sink = source, sink
        self.on_data = on_data
        self.bytes = self.messages = self.dropped = 0
        self.ended = self.done = self.is_told = self.source_is_lost = False
        self.has_more = False
        """Whether the last run ended because others' turn came."""
        self.error: OSError | None = None
        self._pipes = pipes
        self._pipe: Pipe | None = None
        self._in_pipe_bytes = 0
        self._is_enlarged = False
        self._held: memoryview | bytes | None = None
        self._descriptors: tuple[int, ...] = ()
        self._limit_bytes = 0
        self._splices = _splice is not None and source.splices and sink.splices and on_data is None
        self._source_descriptor, self._sink_descriptor = source.fileno(), sink.fileno()

    @property
    def is_blocked(self) -> bool:
        """True if data are in hand, which the other end does not take now."""
        return self._in_pipe_bytes > 0 or self._held is not None

    @property
    def state(self) -> int:
        """The state that a session asks for after `run`, as bits: `_BLOCKED` and others."""
        blocked = _BLOCKED if self.is_blocked else 0
        return blocked | self.ended << 1 | self.done << 2 | (self.error is not None) << 3

    def run(self) -> None:
        """Move data until there are none, or the other end takes no more, or others' turn comes."""
        if self.done:
            return
        self.has_more = False
        try:
            if self._splices and self._held is None:
                self._splice_rounds()
            else:
                self._copy_rounds()
        finally:
            if self._pipe is not None and not self._in_pipe_bytes:
                self._pipes.give(self._pipe)
                self._pipe = None
        if self.ended and not self.is_blocked:
            self.done = True

    def _splice_rounds(self) -> None:
        assert _splice is not None
        source, sink = self._source_descriptor, self._sink_descriptor
        for _ in range(_ROUNDS):
            if not self._in_pipe_bytes:
                if self.ended:
                    return
                if self._pipe is None:
                    self._pipe = self._pipes.take()
                    if self._pipe is None:
                        self._copy_rounds()
                        return
                try:
                    size = _splice(source, self._pipe[1], PIPE_BYTES, flags=_SPLICE_FLAGS)
                except BlockingIOError:
                    return
                except OSError as error:
                    if error.errno in _NO_SPLICE:
                        self._splices = False
                        self._copy_rounds()
                    else:
                        self._lose_source(error)
                    return
                if not size:
                    self.ended = True
                    return
                self._in_pipe_bytes = size
            try:
                size = _splice(self._pipe[0], sink, self._in_pipe_bytes, flags=_SPLICE_FLAGS)  # type: ignore[index]
            except BlockingIOError:
                size = 0
            except OSError as error:
                if error.errno in _NO_SPLICE:
                    self._empty_pipe()
                    self._copy_rounds()
                else:
                    self.give_up(error)
                return
            self._in_pipe_bytes -= size
            self.bytes += size
            if self._in_pipe_bytes:
                if self._is_enlarged:
                    return  # it takes no more now, and another attempt would only say so
                self._is_enlarged = True
                self.sink.enlarge()

    def _empty_pipe(self) -> None:
        """Take what is in the pipe into memory: the other end's family does not splice."""
        assert self._pipe is not None
        self._splices = False
        held = b""
        while len(held) < self._in_pipe_bytes:
            held += os.read(self._pipe[0], self._in_pipe_bytes - len(held))
        self._in_pipe_bytes = 0
        self._held = held

    def _copy_rounds(self) -> None:
        source = self.source
        for _ in range(_ROUNDS):
            if self._held is None:
                if self.ended:
                    return
                try:
                    data = source.receive()
                except BlockingIOError:
                    return
                except MessageRefusedError:
                    self.dropped += 1
                    continue
                except OSError as error:
                    self._lose_source(error)
                    return
                if data is END:
                    self.ended = True
                    return
                if self.on_data is not None:
                    self.on_data(data)
                self._held = data
                if source.received_descriptors:
                    self._descriptors, source.received_descriptors = source.received_descriptors, ()
            if not self._send_held():
                return
        self.has_more = True

    def _send_held(self) -> bool:
        """Send what is in hand; whether all of it could be sent."""
        sink = self.sink
        while True:
            held = self._held
            assert held is not None
            part = held[: self._limit_bytes] if self._limit_bytes else held
            try:
                size = sink.send(part, self._descriptors)
            except BlockingIOError:
                if isinstance(held, bytes) or not isinstance(held.obj, bytes):
                    self._held = memoryview(bytes(held))  # the buffer serves others meanwhile
                return False
            except MessageRefusedError:
                if self._shorten(part):
                    continue
                if self.source.has_end:  # it must not be missing among others that arrive
                    self.give_up(OSError(EMSGSIZE, os.strerror(EMSGSIZE)))
                    return False
                self.dropped += 1
                self._drop()
                return True
            except OSError as error:
                if error.errno == EMSGSIZE and self._shorten(part):
                    continue
                self.give_up(error)
                return False
            if self._descriptors:
                close_descriptors(self._descriptors)
                self._descriptors = ()
            self.bytes += size
            if size < len(held):
                self._held = memoryview(held)[size:]
                continue
            self.messages += not self.source.is_stream
            self._held = None
            return True

    def _shorten(self, part: memoryview | bytes) -> bool:
        """Send shorter messages of a stream from now on, which has no boundaries; False if not."""
        if not self.source.is_stream or len(part) <= 1:
            return False
        self._limit_bytes = len(part) // 2
        return True

    def _lose_source(self, error: OSError) -> None:
        """End at an error of the sender: no more will come."""
        self.error = error
        self.ended = self.source_is_lost = True

    def give_up(self, error: OSError | None) -> None:
        """End at once: what is in hand cannot be delivered any more."""
        self.error = self.error or error
        self.done = self.ended = True
        self._drop()

    def _drop(self) -> None:
        self._held = None
        close_descriptors(self._descriptors)
        self._descriptors = ()
        if self._pipe is not None and self._in_pipe_bytes:
            self._in_pipe_bytes = 0
            self._pipes.discard(self._pipe)
            self._pipe = None


class Session:
    """Two opened ends. ``on_end`` is called once, when the session is over."""

    __slots__ = (
        "_events_tell_all",
        "_hung",
        "_loop",
        "_on_end",
        "_timers",
        "active_ns",
        "channels",
        "directions",
        "is_over",
        "number",
        "opened_ns",
        "reason",
    )

    def __init__(
        self,
        number: int,
        channels: tuple[Channel, Channel],
        loop: Loop,
        pipes: Pipes,
        on_end: Callable[[Session], None],
        on_data: Callable[[int, str, memoryview | bytes], None] | None = None,
    ) -> None:
        self.number = number
        self.channels = channels
        self.reason = ""
        self.is_over = False
        self.opened_ns = self.active_ns = loop.now_ns
        self._loop = loop
        self._on_end = on_end
        self._hung = [0, 0]
        self._timers: list[dict[int, Timer]] = [{}, {}]
        self._events_tell_all = all(channel.events_tell_all for channel in channels)
        a, b = channels
        taps = (None, None) if on_data is None else (
            partial(on_data, number, "a_to_b"), partial(on_data, number, "b_to_a")
        )  # fmt: skip
        self.directions = Direction(a, b, pipes, taps[0]), Direction(b, a, pipes, taps[1])
        for side, channel in enumerate(channels):
            channel.attach(loop, partial(self.handle, side))

    def start(self) -> None:
        """Move what is there already, and wait for more."""
        try:
            for direction in self.directions:
                direction.run()
            for direction in self.directions:
                # The other direction may have ended the handshake that held this one up.
                if direction.is_blocked and not direction.sink.waits_for_room:
                    direction.run()
            self._settle()
        except (OSError, MemoryError) as error:
            self._break(error)

    def handle(self, side: int, events: int) -> None:
        """Move what an event of the socket of one side allows."""
        if self.is_over:
            return
        self.active_ns = self._loop.now_ns
        try:
            if self._events_tell_all and events in (READ, WRITE):
                direction = self.directions[side if events == READ else 1 - side]
                before = direction.state
                if bool(before & _BLOCKED) == (events == WRITE):
                    direction.run()
                if direction.state == before:
                    return  # most events of a long transfer: the same is waited for as before
            else:
                self._move(side, events)
            self._settle()
        except (OSError, MemoryError) as error:
            self._break(error)

    def _break(self, error: OSError | MemoryError) -> None:
        """End at an error that is of no direction: the loop cannot watch a socket, for example."""
        broken = self.directions[0]
        if broken.error is None:
            broken.error = error if isinstance(error, OSError) else OSError(ENOMEM, str(error))
        self.end()

    def _move(self, side: int, events: int) -> None:
        """Flush, receive and send what events of one side allow."""
        out, into = self.directions[side], self.directions[1 - side]
        channel = self.channels[side]
        if events & (WRITE | HANGUP) and channel.unsent:
            try:
                channel.flush()
            except BlockingIOError:
                pass  # it is asked for again
            except OSError as error:
                into.give_up(error)
        if events & (READ | HANGUP) and not out.is_blocked:
            out.run()
        if (
            into.is_blocked
            and not out.source_is_lost
            and (events & (WRITE | HANGUP) or not channel.waits_for_room)
        ):
            into.run()
        if events & HANGUP:
            self._hung[side] |= events

    def _settle(self) -> None:
        """Pass on what has ended, and say what is waited for now."""
        for direction, other in (self.directions, self.directions[::-1]):
            if direction.source_is_lost and not other.done:  # which it is the sink of
                other.give_up(direction.error)
            if direction.error is not None and not direction.sink.has_end and not other.done:
                other.give_up(None)  # nothing else would end it
        for side, hung in enumerate(self._hung):
            out, into = self.directions[side], self.directions[1 - side]
            if hung and out.done and not into.done and not into.is_blocked:
                into.give_up(self.channels[side].error() if hung & ERROR else None)
        for direction in self.directions:
            if direction.done and not direction.is_told:
                direction.is_told = True
                if direction.error is not None or not direction.sink.finish():
                    self._end_when_quiet()  # the other direction has a last word
                elif not direction.sink.tells_of_data:  # the end may have been read from it
                    self._later(self.channels.index(direction.sink), READ, 0)
        if all(direction.done for direction in self.directions) and not any(
            channel.unsent for channel in self.channels
        ):
            self.end()
            return
        for side, channel in enumerate(self.channels):
            out, into = self.directions[side], self.directions[1 - side]
            events = 0 if out.done or out.is_blocked else READ
            if (into.is_blocked and channel.waits_for_room) or channel.unsent:
                if channel.retry_delay_ns:
                    self._later(side, WRITE, channel.retry_delay_ns)
                else:
                    events |= WRITE
            if out.has_more and events & READ and not channel.tells_of_data:
                self._later(side, READ, 0)
            if self._hung[side] and not events & READ:
                channel.mute()
            else:
                channel.want(events)

    def _later(self, side: int, event: int, delay_ns: int) -> None:
        """Handle an event of which no socket tells, once."""
        if event not in self._timers[side]:
            again = partial(self._again, side, event)
            self._timers[side][event] = self._loop.call_later(delay_ns, again)

    def _again(self, side: int, event: int) -> None:
        del self._timers[side][event]
        self.handle(side, event)

    def _end_when_quiet(self) -> None:
        if self.is_over:
            return
        left_ns = self.active_ns + _ENDING_NS - self._loop.now_ns
        if self.is_blocked:  # what is in hand was acknowledged to its sender
            left_ns = max(left_ns, _ENDING_NS)
        if left_ns <= 0:
            self.end()
        else:
            self._loop.call_later(left_ns, self._end_when_quiet)

    @property
    def error(self) -> OSError | None:
        """The error that broke the session; None if it ended in order."""
        return self.directions[0].error or self.directions[1].error

    @property
    def is_blocked(self) -> bool:
        """True if it has bytes in hand."""
        return any(d.is_blocked for d in self.directions) or any(c.unsent for c in self.channels)

    def end(self, reason: str = "", reset: bool = False) -> None:
        """End now. With ``reset``, or after an error, the peers see no clean end."""
        if self.is_over:
            return
        self.is_over = True
        if self.error is not None:
            self.reason = reason or str(self.error)
            reset = True
        else:
            self.reason = reason or "end"
        for direction in self.directions:
            direction.give_up(None)
        for channel in self.channels:
            channel.mute()
            channel.close(self._loop, reset)
        self._on_end(self)
