"""Ends that listen: accepted connections, or the peers of a datagram socket."""

from __future__ import annotations

from errno import EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP
from functools import partial
from typing import TYPE_CHECKING, Any

from famsock.address import Address, Lookup, RawAddress
from famsock.relay._channels import BUFFER_BYTES, Channel, PeerChannel
from famsock.relay._loop import READ, Watch
from famsock.relay._opening import SHORT_OF

if TYPE_CHECKING:
    from collections.abc import Callable

    from famsock._sockets import socket
    from famsock.relay._loop import Loop
    from famsock.relay._options import End

_AT_ONCE = 64
_SHORTAGE_DELAY_NS = 100_000_000
_NO_LISTENER = (EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP)
"""Errnos of accept(2) that tell of the listener; all others tell of one connection."""


def address_class(sock: socket) -> type[Address]:
    """Return the class of a socket's addresses, which a name or a descriptor does not tell."""
    return RawAddress if sock._codec is None else sock._codec.address_class


def admission(end: End, sock: socket) -> Callable[[socket | None, Address | None], bool]:
    """Return the function that tells whether a peer may come; ValueError for a bad rule."""
    rules = [address_class(sock).admits(text) for text in end.allow]

    def admits(sock: socket | None, address: Address | None) -> bool:
        return not rules or any(rule(sock, address) for rule in rules)

    return admits


class Listener:
    """An end that listens. ``on_peer`` is called with each new channel."""

    def __init__(
        self,
        end: End,
        sock: socket,
        loop: Loop,
        on_peer: Callable[[Channel], None],
        on_refused: Callable[[], None],
        has_room: Callable[[], bool],
    ) -> None:
        self.end = end
        self.socket = sock
        self.loop = loop
        self._on_peer, self._on_refused, self._has_room = on_peer, on_refused, has_room
        self._admits = admission(end, sock)
        self._watch = Watch(loop, sock.fileno(), self._ready)
        self.is_open = True
        sock.setblocking(False)

    def resume(self) -> None:
        """Take peers, again or at first."""
        if not self.is_open:
            return
        try:
            self._watch.want(READ)
        except OSError:  # no memory for it now
            self.loop.call_later(_SHORTAGE_DELAY_NS, self.resume)

    def pause(self) -> None:
        """Take no peers for now."""
        self._watch.mute()

    def stop(self) -> None:
        """Take those who wait, and then no peers any more."""
        self.close()

    def close(self) -> None:
        """Close the socket."""
        if self.is_open:
            self.is_open = False
            self._watch.mute()
            self.loop.close_socket(self.socket)

    def _ready(self, events: int) -> None:
        raise NotImplementedError


class ConnectionListener(Listener):
    """Accepts connections."""

    def __init__(self, *given: Any, make: Callable[[socket], Channel], backlog: int) -> None:
        super().__init__(*given)
        self._make = make
        self._backlog = backlog

    def _ready(self, events: int) -> None:
        self.accept(_AT_ONCE)

    def stop(self) -> None:
        self.accept(self._backlog)  # and not those who come meanwhile, without end
        self.close()

    def accept(self, most: int) -> None:
        """Accept up to so many connections."""
        for _ in range(most):
            if not self._has_room():
                self.pause()
                return
            try:
                sock, _address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in SHORT_OF:
                    self.pause()
                    self.loop.call_later(_SHORTAGE_DELAY_NS, self.resume)
                    return
                if error.errno in _NO_LISTENER:
                    raise
                continue  # of one connection, which has gone
            self._take(sock)

    def _take(self, sock: socket) -> None:
        try:
            sock.setblocking(False)
            if self.end.allow and not self._admits(sock, sock.peer_address):
                self._on_refused()
                self.loop.close_socket(sock)
                return
        except OSError:
            self.loop.close_socket(sock)
            return
        self._on_peer(self._make(sock))


class DatagramListener(Listener):
    """Receives the datagrams of all peers on one socket."""

    def __init__(self, *given: Any, buffer: memoryview) -> None:
        super().__init__(*given)
        self._buffer = buffer[:BUFFER_BYTES]
        self._peers: dict[Any, PeerChannel] = {}
        self.dropped = 0
        self._takes_new = True
        served = self.socket._served
        self._is_reliable = served is not None and served.protocol.reliable_datagrams

    def stop(self) -> None:
        self._takes_new = False  # those that there are go on

    def _ready(self, events: int) -> None:
        for _ in range(_AT_ONCE):
            try:
                size, address = self.socket.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            except OSError:
                return  # it tells of an earlier message
            peer = self._peers.get(address)
            if peer is None:
                if not (self._takes_new and self._has_room()):
                    self.dropped += 1
                    continue
                peer = self._new(address)
                if peer is None:
                    continue
            if peer.is_full:  # the others are served
                self.dropped += 1
                continue
            peer.put(bytes(self._buffer[:size]))
            if peer.is_full and self._is_reliable:
                self.pause()
                return

    def _new(self, address: Any) -> PeerChannel | None:
        typed = None
        if address:
            typed = address_class(self.socket).from_stdlib(address, Lookup("recvfrom", self.socket))
        if not self._admits(None, typed):
            self._on_refused()
            return None
        peer = PeerChannel(self.socket, address, typed, self.resume, partial(self._forget, address))
        self._peers[address] = peer
        self._on_peer(peer)
        return peer

    def _forget(self, address: Any) -> None:
        peer = self._peers.pop(address, None)
        if peer is not None and peer.is_full:
            self.resume()
