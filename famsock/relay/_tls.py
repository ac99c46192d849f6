"""A TLS stream over any stream socket, by the stdlib's ssl. Source: the documentation of `ssl`.

It uses `ssl.MemoryBIO` and not `ssl.SSLSocket`, which cannot read on after it has said that it has
no more to send.
"""

from __future__ import annotations

import ssl
from collections import deque
from contextlib import suppress
from errno import ECONNRESET
from typing import TYPE_CHECKING

from famsock.relay._channels import END, STREAM_BYTES, Ended, SocketChannel

if TYPE_CHECKING:
    from famsock._sockets import socket
    from famsock.relay._options import Tls

_RECORDS_BYTES = 1 << 16


def _wrapped(
    tls: Tls, server_side: bool, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> ssl.SSLObject:
    side = server_side if tls.server_side is None else tls.server_side
    name = None if side else tls.server_hostname
    return tls.context.wrap_bio(incoming, outgoing, side, name)


def check(tls: Tls, server_side: bool, name: str) -> None:
    """Raise ValueError if no session could begin with these settings of the end ``name``."""
    try:
        made = _wrapped(tls, server_side, ssl.MemoryBIO(), ssl.MemoryBIO())
        if tls.context.check_hostname and not (made.server_side or made.server_hostname):
            raise ValueError("check_hostname requires server_hostname")
    except (ssl.SSLError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: TLS: {error}") from error


class TlsChannel(SocketChannel):
    """A connected stream socket with TLS on it."""

    is_stream = True
    tells_of_data = False
    waits_for_room = False
    handshakes = True

    def __init__(self, sock: socket, buffer: memoryview, tls: Tls, server_side: bool) -> None:
        super().__init__(sock, buffer[:STREAM_BYTES])
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _wrapped(tls, server_side, self._incoming, self._outgoing)
        self._finishes = False
        self._records = b""
        self._ahead: deque[bytes] = deque()

    @property
    def unsent(self) -> bool:  # type: ignore[override]
        """Whether records wait for the socket."""
        return bool(self._records or self._outgoing.pending)

    def receive(self) -> memoryview | bytes | Ended:
        while True:
            if self._ahead:
                return self._ahead.popleft()
            try:
                if self.handshakes:
                    self._tls.do_handshake()
                    self.handshakes = False
                    if self._finishes:
                        self._say_end()
                        continue  # it may have read ahead
                data = self._tls.read(STREAM_BYTES)
            except ssl.SSLWantReadError:
                self._flush_quietly()
                self._read_records()
                continue
            except ssl.SSLZeroReturnError:
                self._flush_quietly()
                return END
            except ssl.SSLError as error:
                self._flush_quietly()  # an alert, which tells the peer why
                raise _lost(error) from error
            self._flush_quietly()
            return data or END

    def _read_records(self) -> None:
        size = self.socket.recv_into(self._buffer, _RECORDS_BYTES)
        if size:
            self._incoming.write(self._buffer[:size])
        else:
            self._incoming.write_eof()

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        if self.handshakes:
            raise BlockingIOError
        if self.unsent:
            self.flush()
        try:
            size = self._tls.write(data[:_RECORDS_BYTES])
        except ssl.SSLWantReadError:
            self._flush_quietly()
            raise BlockingIOError from None
        except ssl.SSLError as error:
            raise _lost(error) from error
        self._flush_quietly()
        return size

    def flush(self) -> None:
        """Send records; BlockingIOError if some are left."""
        while self.unsent:
            if not self._records:
                self._records = self._outgoing.read()
            try:
                self._records = self._records[self.socket.send(self._records) :]
            except BlockingIOError:
                raise
            except OSError:
                self._outgoing.read()
                self._records = b""
                raise

    def _flush_quietly(self) -> None:
        try:
            self.flush()
        except BlockingIOError:
            return

    def finish(self) -> bool:
        self._finishes = True
        if not self.handshakes:
            self._say_end()
        return True

    def _say_end(self) -> None:
        with suppress(ssl.SSLError):  # OpenSSL's shutdown takes unread data for an error
            while data := self._tls.read(STREAM_BYTES):
                self._ahead.append(data)
        with suppress(ssl.SSLError):  # it wants the peer's answer, which comes later
            self._tls.unwrap()
        self._flush_quietly()


def _lost(error: ssl.SSLError) -> OSError:
    return ConnectionResetError(ECONNRESET, f"TLS: {error.reason or error.strerror or error}")
