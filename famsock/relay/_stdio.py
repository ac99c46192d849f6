"""A relay between standard input and output and an endpoint: what ``famsock cat`` runs."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from functools import partial

import attrs

from famsock.relay._channels import END, STREAM_BYTES, Channel, Ended
from famsock.relay._listening import Listener
from famsock.relay._loop import READ, WRITE, Loop, Watch
from famsock.relay._options import End, Options
from famsock.relay._relay import Event, Relay

_INPUT, _OUTPUT = 0, 1


def _check_open(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError as error:
        error.add_note(f"standard {'output' if descriptor else 'input'} is closed")
        raise


class StdioChannel(Channel):
    """Standard input and output.

    Other processes may share them, so they stay blocking: each is used once when it is ready, and
    no more is written than a pipe that is ready takes.
    """

    is_stream = True

    def __init__(self, on_output_error: Callable[[OSError], None]) -> None:
        self._on_output_error = on_output_error
        self._is_readable = self._is_writable = False
        is_file = stat.S_ISREG(os.fstat(_OUTPUT).st_mode)
        self._piece_bytes = STREAM_BYTES if is_file else getattr(select, "PIPE_BUF", 512)

    def attach(self, loop: Loop, handle: Callable[[int], None]) -> None:
        self._handle = handle
        self._input = Watch(loop, _INPUT, self._readable)
        self._output = Watch(loop, _OUTPUT, self._writable)

    def _readable(self, events: int) -> None:
        self._is_readable = True
        self._handle(READ)

    def _writable(self, events: int) -> None:
        self._is_writable = True
        self._handle(WRITE)

    def want(self, events: int) -> None:
        for watch, event in ((self._input, READ), (self._output, WRITE)):
            if events & event:
                watch.want(event)
            else:
                watch.mute()

    def mute(self) -> None:
        self.want(0)

    def receive(self) -> memoryview | bytes | Ended:
        if not self._is_readable:
            raise BlockingIOError
        self._is_readable = False
        return os.read(_INPUT, STREAM_BYTES) or END

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        if not self._is_writable:
            raise BlockingIOError
        self._is_writable = False
        try:
            return os.write(_OUTPUT, data[: self._piece_bytes])
        except OSError as error:
            self._on_output_error(error)
            raise


class _StdioListener(Listener):
    """Has one peer, which is there at once."""

    def __init__(self, channel: Channel, on_peer: Callable[[Channel], None]) -> None:
        self._channel: Channel | None = channel
        self._on_peer = on_peer

    def resume(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            self._on_peer(channel)

    def pause(self) -> None:
        pass

    def close(self) -> None:
        pass


class StdioRelay(Relay):
    """A relay of one session, whose first end is standard input and output.

    ``output_error`` is the error of writing the output, if there was one.
    """

    def __init__(
        self, end: End, options: Options, on_event: Callable[[Event], None] | None = None
    ) -> None:
        self.output_error: OSError | None = None
        for descriptor in (_INPUT, _OUTPUT):  # the relay's own would get the numbers otherwise
            _check_open(descriptor)
        options = attrs.evolve(options, sessions=1, max_sessions=1)
        in_place = End(end.endpoint, "listen")  # stands for the end that has no endpoint
        super().__init__(in_place, end, options, on_event=on_event)
        self._raises_failures = True

    def _listener(self, side: int, end: End) -> Listener:
        if side == 0:
            channel = StdioChannel(self._output_failed)
            return _StdioListener(channel, partial(self._arrived, side))
        return super()._listener(side, end)

    def _output_failed(self, error: OSError) -> None:
        self.output_error = error
        self._loop.call_later(0, self._end_all)

    def _end_all(self) -> None:
        for session in list(self._sessions.values()):
            session.end(reset=True)
