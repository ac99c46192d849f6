"""The relay: its two ends, its sessions, and how it stops."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

import attrs

from famsock._registry import plugins
from famsock.relay._channels import (
    BUFFER_BYTES,
    Channel,
    MessageChannel,
    PassingStreamChannel,
    PeerChannel,
    StreamChannel,
    describe,
    discard_on_close,
)
from famsock.relay._listening import ConnectionListener, DatagramListener, Listener
from famsock.relay._loop import Loop, Timer
from famsock.relay._opening import Opener, Opening
from famsock.relay._options import Counters, End, Options
from famsock.relay._pipes import Pipes
from famsock.relay._session import Session

if TYPE_CHECKING:
    from famsock._sockets import socket
    from famsock.endpoints import Endpoint

EventKind = Literal["open", "close", "refuse", "fail"]
OnData = Callable[[int, str, "memoryview | bytes"], None]

_DATAGRAM_IDLE_MS = 60_000
_LAST_WAIT_NS = 1_000_000_000
_NAMES = "A", "B"


@attrs.frozen
class Event:
    """A change in the life of a session.

    ``kind``: "open" when both ends are connected, "close", "refuse" for a peer that the allow-list
    does not admit, "fail" where an end could not be connected. ``session`` is its number, from 1
    on, 0 for one that is refused. ``a`` and ``b`` are the peers as endpoints, "" where they are
    unnamed or not known. ``reason`` says why it closed or failed: "end", "idle", "stopped", "cut"
    or the text of an error.
    """

    kind: EventKind
    session: int
    a: str = ""
    b: str = ""
    reason: str = ""
    a_to_b_bytes: int = 0
    b_to_a_bytes: int = 0
    duration_ns: int = 0


class _Pending:
    """A session whose ends are not both open yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.channels: list[Channel | None] = [None, None]
        self.openings: list[Opening] = []


class Relay:
    """A relay between two endpoints.

    ``a`` and ``b`` are endpoints, their texts, or an `End` for more settings. What listens, listens
    once the relay is made. ``on_event`` is called with each `Event`; ``on_data`` with the number of
    the session, "a_to_b" or "b_to_a", and each piece of data before it is sent, which is then
    copied by Python. Both are called in the thread of `run`, which waits for them.

    Raises ValueError for a text that is no endpoint, a rule that is none, and settings that
    contradict; OSError as bind(2) and listen(2) fail, with a note on the end.
    """

    def __init__(
        self,
        a: str | Endpoint | End,
        b: str | Endpoint | End,
        options: Options | None = None,
        *,
        on_event: Callable[[Event], None] | None = None,
        on_data: OnData | None = None,
    ) -> None:
        self.options = Options() if options is None else options
        given = [end if isinstance(end, End) else End(end) for end in (a, b)]
        self.ends: tuple[End, End] = given[0].with_role("listen"), given[1].with_role("connect")
        self._on_event, self._on_data = on_event, on_data
        self._check()
        self._numbers = 0
        # A signal's handler may read the counters while its own thread has the lock.
        self._counting = threading.RLock()
        self._finished = Counters()
        self._sessions: dict[int, Session] = {}
        self._pending: dict[int, _Pending] = {}
        self._waiting: tuple[deque[Channel], deque[Channel]] = deque(), deque()
        self._is_stopping = self._is_over = False
        self._failure: OSError | None = None
        self._drain_timer: Timer | None = None
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._pipes = Pipes()
        self._loop = Loop()
        self._listeners: dict[int, Listener] = {}
        self._openers: dict[int, Opener] = {}
        try:
            for side, end in enumerate(self.ends):
                if end.role == "listen":
                    self._listeners[side] = self._listener(side, end)
                else:
                    self._openers[side] = Opener(end, self.options, self._loop, self._relieved)
            self._raises_failures = not self._listeners
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        for name, end in zip(_NAMES, self.ends, strict=True):
            if end.allow and end.role != "listen":
                raise ValueError(f"end {name}: an allow-list is for an end that listens")
            if end.tls is not None:
                if not (end.is_stream and end.role != "bind"):
                    raise ValueError(f"end {name}: TLS needs a stream, {end.endpoint} is none")
                from famsock.relay._tls import check

                check(end.tls, end.role == "listen", f"end {name}")
            if end.role == "bind" and end.is_connected:
                raise ValueError(f"end {name}: {end.endpoint} must listen or connect")
            if self.options.passes_descriptors:
                endpoint = end.endpoint
                served = plugins.find(endpoint.family, endpoint.type, endpoint.protocol)
                shared = end.role == "listen" and not end.is_connected
                if served is None or not served.protocol.passes_descriptors or end.tls or shared:
                    raise ValueError(f"end {name}: {endpoint} cannot pass descriptors here")

    def _listener(self, side: int, end: End) -> Listener:
        try:
            if end.is_connected:
                sock = end.endpoint.listen(self._backlog(end))
            else:
                sock = end.endpoint.bind()
        except OSError as error:
            error.add_note(f"end {_NAMES[side]}: {end.endpoint}")
            raise
        given = (
            end, sock, self._loop, partial(self._arrived, side), self._refused,
            partial(self._has_room, side),
        )  # fmt: skip
        try:
            if end.is_connected:
                make = partial(self._channel, side)
                return ConnectionListener(*given, make=make, backlog=self._backlog(end))
            return DatagramListener(*given, buffer=self._buffer)
        except BaseException:
            sock.close()
            raise

    def _backlog(self, end: End) -> int:
        stated = end.endpoint.backlog
        return self.options.backlog if stated is None else stated

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a user asks

    @property
    def addresses(self) -> tuple[str, str]:
        """The two ends as endpoints; one that listens with the address that it has."""
        a, b = (
            describe(self._listeners[side].socket)
            if side in self._listeners
            else str(self.ends[side].endpoint)
            for side in (0, 1)
        )
        return a, b

    @property
    def counters(self) -> Counters:
        """A copy of the counters of all sessions so far, the open ones included.

        ``on_event`` is told of each event before the counters count it.
        """
        with self._counting:
            found = attrs.evolve(self._finished, active=len(self._sessions))
            for session in self._sessions.values():
                _add(found, session)
        for listener in self._listeners.values():
            found.dropped += getattr(listener, "dropped", 0)
        return found

    def run(self) -> None:
        """Relay until the relay is over: after `stop`, or the last of a number of sessions.

        Raises OSError if an end cannot be opened and none listens.
        """
        for listener in self._listeners.values():
            listener.resume()
        if not self._listeners:
            self._begin()
        self._sweep()
        while not self._is_over:
            self._loop.run_once()
        self._reset_the_last()
        if self._failure is not None:
            raise self._failure

    def _reset_the_last(self) -> None:
        """Wait a second for what peers of broken sessions have not received, and reset them."""
        loop = self._loop
        deadline_ns = loop.now_ns + _LAST_WAIT_NS
        while loop.has_kept and loop.now_ns < deadline_ns:
            loop.run_once()
        for sock in loop.kept:
            discard_on_close(sock)

    def stop(self) -> None:
        """Accept nobody any more, let open sessions end within ``drain_ms``, then end them.

        Any thread and any signal's handler may call it. The second call ends them at once.
        """
        self._loop.call_from_thread(self._stop)

    def close(self) -> None:
        """Close all sockets. Not while `run` runs."""
        for session in list(self._sessions.values()):
            session.end("closed", reset=session.is_blocked)
        self._drop_pending()
        for listener in self._listeners.values():
            listener.close()
        for opener in self._openers.values():
            opener.close()
        self._pipes.close()
        self._loop.close()
        self._is_over = True

    # Sessions

    def _has_room(self, side: int) -> bool:
        """Whether a further peer may come at one side."""
        if self._is_short:
            return False  # a peer more would take the descriptor that another session waits for
        most, total = self.options.max_sessions, self._most_in_total
        if total is not None and self._numbers >= total:
            return False
        if most is None:
            return True
        return len(self._sessions) + len(self._pending) + len(self._waiting[side]) < most

    @property
    def _is_short(self) -> bool:
        return any(opener.is_short for opener in self._openers.values())

    def _try_again(self) -> None:
        for opener in self._openers.values():
            opener.try_again()

    @property
    def _most_in_total(self) -> int | None:
        sessions = self.options.sessions
        if sessions is None:
            return None if self._listeners else 1
        return sessions or None

    def _channel(self, side: int, sock: socket) -> Channel:
        end, options = self.ends[side], self.options
        if end.tls is not None:
            from famsock.relay._tls import TlsChannel

            return TlsChannel(sock, self._buffer, end.tls, end.role == "listen")
        if not end.is_stream:
            return MessageChannel(sock, self._buffer, end.is_connected, options.passes_descriptors)
        if options.passes_descriptors:
            return PassingStreamChannel(sock, self._buffer)
        states_buffer = any(name.startswith("SO_SNDBUF") for name, _ in end.endpoint.options)
        return StreamChannel(sock, self._buffer, options.splices, states_buffer)

    def _arrived(self, side: int, channel: Channel) -> None:
        """Take a peer of a listening end into a session."""
        if len(self._listeners) == 2:
            others = self._waiting[1 - side]
            if not others:
                self._waiting[side].append(channel)
                return
            pending = self._new()
            pending.channels[1 - side] = others.popleft()
            pending.channels[side] = channel
            self._start(pending)
            return
        pending = self._new()
        pending.channels[side] = channel
        self._open(pending, 1 - side)

    def _new(self) -> _Pending:
        self._numbers += 1
        pending = self._pending[self._numbers] = _Pending(self._numbers)
        return pending

    def _begin(self) -> None:
        """Open both ends, as none listens."""
        if self._is_stopping:
            self._finish_if_idle()
            return
        pending = self._new()
        for side in (0, 1):
            if pending.number in self._pending:
                self._open(pending, side)

    def _open(self, pending: _Pending, side: int) -> None:
        pending.openings.append(
            self._openers[side].open(
                partial(self._opened, pending, side), partial(self._not_opened, pending, side)
            )
        )

    def _opened(self, pending: _Pending, side: int, sock: socket) -> None:
        pending.channels[side] = self._channel(side, sock)
        if None not in pending.channels:
            self._start(pending)

    def _not_opened(self, pending: _Pending, side: int, error: OSError) -> None:
        if self._raises_failures:
            error.add_note(f"end {_NAMES[side]}: {self.ends[side].endpoint}")
            self._failure = error
        self._tell("fail", pending.number, pending.channels, str(error))
        self._finished.failed += 1
        self._let_go(pending)
        if self._failure is not None:
            self._is_over = True
            return
        self._freed()

    def _let_go(self, pending: _Pending) -> None:
        del self._pending[pending.number]
        for opening in pending.openings:
            opening.cancel()
        for channel in pending.channels:
            if channel is not None:
                channel.close(self._loop, reset=True)

    def _start(self, pending: _Pending) -> None:
        a, b = pending.channels
        assert a is not None
        assert b is not None
        del self._pending[pending.number]
        session = Session(
            pending.number, (a, b), self._loop, self._pipes, self._ended, self._on_data
        )
        self._tell("open", pending.number, (a, b))
        with self._counting:
            self._sessions[pending.number] = session
            self._finished.opened += 1
        session.start()

    def _ended(self, session: Session) -> None:
        if self._on_event is not None:
            self._tell("close", session.number, session.channels, session.reason, session)
        with self._counting:
            del self._sessions[session.number]
            _add(self._finished, session)
            if session.error is not None:
                self._finished.broken += 1
        self._freed()

    def _refused(self) -> None:
        self._tell("refuse", 0)
        self._finished.refused += 1

    def _freed(self) -> None:
        """Open what waited for a session to end."""
        if self._is_short:
            self._loop.call_later(0, self._try_again)  # once its sockets are closed
        most = self._most_in_total
        is_last = most is not None and self._numbers >= most
        if not self._is_stopping and not is_last:
            if self._listeners:
                if self.options.max_sessions is not None:
                    for listener in self._listeners.values():
                        listener.resume()
            else:
                self._loop.call_later(self.options.retry_delay_ms * 1_000_000, self._begin)
            return
        self._finish_if_idle()

    def _relieved(self) -> None:
        """Take peers again: every session has the descriptors that it waited for."""
        if not self._is_over:
            for listener in self._listeners.values():
                listener.resume()

    def _finish_if_idle(self) -> None:
        if not (self._sessions or self._pending):
            self._is_over = True

    def _tell(
        self,
        kind: EventKind,
        number: int,
        channels: Iterable[Channel | None] = (),
        reason: str = "",
        session: Session | None = None,
    ) -> None:
        if self._on_event is None:
            return
        a, b = [channel.describe() if channel else "" for channel in channels] or ["", ""]
        if session is None:
            self._on_event(Event(kind, number, a, b, reason))
            return
        out, back = session.directions
        duration_ns = self._loop.now_ns - session.opened_ns
        self._on_event(Event(kind, number, a, b, reason, out.bytes, back.bytes, duration_ns))

    # Time

    def _idle_limit_ns(self, session: Session) -> int | None:
        limit_ms = self.options.idle_timeout_ms
        if limit_ms is None and any(isinstance(c, PeerChannel) for c in session.channels):
            limit_ms = _DATAGRAM_IDLE_MS
        return None if limit_ms is None else limit_ms * 1_000_000

    def _sweep(self) -> None:
        """End sessions that were idle for too long, or whose handshake takes too long."""
        options = self.options
        limits_ms = [
            1_000,
            options.connect_timeout_ms,
            options.idle_timeout_ms or _DATAGRAM_IDLE_MS,
        ]
        now_ns = self._loop.now_ns
        patience_ns = options.connect_timeout_ms * 1_000_000
        for session in list(self._sessions.values()):
            limit_ns = self._idle_limit_ns(session)
            if limit_ns is not None and now_ns - session.active_ns >= limit_ns:
                session.end("idle", reset=session.is_blocked)
            elif now_ns - session.opened_ns >= patience_ns:
                for channel in session.channels:
                    if channel.handshakes:
                        session.end("no TLS handshake in time", reset=True)
        self._loop.call_later(min(limits_ms) * 1_000_000 // 4, self._sweep)

    def _stop(self) -> None:
        if self._is_stopping:
            self._cut()
            return
        for listener in self._listeners.values():
            listener.stop()
        self._is_stopping = True
        for waiting in self._waiting:
            while waiting:
                waiting.popleft().close(self._loop, reset=True)
        self._drain_timer = self._loop.call_later(self.options.drain_ms * 1_000_000, self._cut)
        self._finish_if_idle()

    def _cut(self) -> None:
        """End what is left of the sessions."""
        for session in list(self._sessions.values()):
            if session.is_blocked:
                self._finished.cut += 1
                session.end("cut", reset=True)
            else:
                session.end("stopped")
        self._finished.cut += len(self._pending)
        self._drop_pending()
        self._is_over = True

    def _drop_pending(self) -> None:
        for pending in list(self._pending.values()):
            self._let_go(pending)
        for waiting in self._waiting:
            while waiting:
                waiting.popleft().close(self._loop, reset=True)


def _add(counters: Counters, session: Session) -> None:
    out, back = session.directions
    counters.a_to_b_bytes += out.bytes
    counters.b_to_a_bytes += back.bytes
    counters.a_to_b_messages += out.messages
    counters.b_to_a_messages += back.messages
    counters.dropped += out.dropped + back.dropped
