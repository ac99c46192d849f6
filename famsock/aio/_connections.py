"""Connections, listeners and datagram sockets of any family for tasks of asyncio.

Each receives and sends in the task that awaits it, so a call that is cancelled has received
nothing. A reader that was registered with the loop stays there between receives. Sources: the
asyncio documentation of loops, unix(7), recvmsg(2).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket as _stdlib
from asyncio.staggered import staggered_race
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Self

import famsock
from famsock._connecting import DELAY_S, failure
from famsock._opening import (
    RETRY_S,
    Where,
    bound,
    candidates,
    is_stream,
    listening,
    parsed,
    unconnected,
)
from famsock._packets import (
    PACKET_BYTES,
    STREAM_BYTES,
    PacketReceiver,
    batch_limits,
    check_limit,
)
from famsock._resolver import Candidate
from famsock.address import Address
from famsock.aio._awaited import sock_connect
from famsock.endpoints import Endpoint

_IN_A_ROW = 64  # results without a wait before other tasks get their turn


class _Waiting:
    """A socket of a running loop, for one receiver at a time."""

    def __init__(self, sock: famsock.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._descriptor = sock.fileno()
        self._receiver: asyncio.Future[None] | None = None
        self._sender: asyncio.Future[None] | None = None
        self._has_reader = False
        self._polls_first = isinstance(self._loop, asyncio.BaseEventLoop)
        self._is_stale = False
        self._sending = asyncio.Lock()
        self._in_a_row = 0

    @property
    def socket(self) -> famsock.socket:
        """The socket, for its options, addresses and operations; it must not be closed."""
        return self._sock

    @property
    def local_address(self) -> Address | None:
        """The typed address of this end."""
        return self._sock.local_address

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._sock!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; a call that waits for it raises OSError (EBADF)."""
        if self._sock.fileno() < 0:
            return
        if self._has_reader:
            self._loop.remove_reader(self._descriptor)
        if self._sender is not None:
            self._loop.remove_writer(self._descriptor)
        self._has_reader = False
        self._sock.close()
        for waiter in (self._receiver, self._sender):
            if waiter is not None and not waiter.done():
                waiter.set_exception(OSError(errno.EBADF, os.strerror(errno.EBADF)))

    # Waiting

    def _on_readable(self) -> None:
        if self._is_stale:
            self._is_stale = False
        elif self._receiver is None:  # nobody waits: what there is stays in the kernel
            self._loop.remove_reader(self._descriptor)
            self._has_reader = False
        elif not self._receiver.done():
            self._receiver.set_result(None)
            # asyncio polls again before the task runs, and finds the same data; uvloop does not.
            self._is_stale = self._polls_first

    async def _readable(self) -> None:
        if self._receiver is not None and not self._receiver.done():
            raise RuntimeError(f"another task receives from {self!r}")
        self._in_a_row = 0
        if not self._has_reader:
            self._loop.add_reader(self._descriptor, self._on_readable)
            self._has_reader = True
        waiter = self._receiver = self._loop.create_future()
        try:
            await waiter
        finally:
            if self._receiver is waiter:
                self._receiver = None

    def _on_writable(self) -> None:
        if self._sender is not None and not self._sender.done():
            self._sender.set_result(None)

    async def _writable(self) -> None:
        self._loop.add_writer(self._descriptor, self._on_writable)
        self._sender = self._loop.create_future()
        try:
            await self._sender
        finally:
            self._sender = None
            if self._sock.fileno() >= 0:
                self._loop.remove_writer(self._descriptor)

    async def _before_receiving(self) -> None:
        """Let other tasks run after many calls that did not wait: before anything is taken."""
        self._in_a_row += 1
        if self._in_a_row > _IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)


class Connection(_Waiting):
    """A connected socket: a `StreamConnection` or a `PacketConnection`.

    One task may receive and several may send. ``async for`` gives what is received until the peer
    ends. ``async with`` closes it.
    """

    _ended = False  # some families tell the end once, and then that nothing is there

    @property
    def peer_address(self) -> Address | None:
        """The typed address of the other end."""
        return self._sock.peer_address

    async def receive(self, max_bytes: int = STREAM_BYTES) -> bytes:
        """Receive; see the two classes."""
        raise NotImplementedError

    async def send(self, data: Any) -> None:
        """Send ``data``, a bytes-like object; see the two classes."""
        raise NotImplementedError

    def send_eof(self) -> None:
        """Tell the peer that nothing more is sent; OSError as shutdown(2)."""
        self._sock.shutdown(_stdlib.SHUT_WR)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise NotImplementedError


class StreamConnection(Connection):
    """A connected stream of bytes (SOCK_STREAM)."""

    async def receive(self, max_bytes: int = STREAM_BYTES) -> bytes:
        """Receive at least 1 and at most ``max_bytes`` bytes; b"" once the peer has ended.

        ValueError if ``max_bytes`` is less than 1; RuntimeError if another task receives. Errors
        are those of recv(2).
        """
        check_limit(max_bytes)
        await self._before_receiving()
        while not self._ended:
            try:
                data = self._sock.recv(max_bytes)
            except (BlockingIOError, InterruptedError):
                await self._readable()
            else:
                self._ended = not data
                return data
        return b""

    async def send(self, data: Any) -> None:
        """Send all of ``data``; one that is cancelled may have sent a part. Errors: send(2)."""
        view = memoryview(data).cast("B")
        if not self._sending.locked():
            with suppress(BlockingIOError, InterruptedError):
                view = view[self._sock.send(view) :]
            if not view:
                return
        async with self._sending:
            while view:
                try:
                    view = view[self._sock.send(view) :]
                except (BlockingIOError, InterruptedError):
                    await self._writable()

    async def __anext__(self) -> bytes:
        if data := await self.receive():
            return data
        raise StopAsyncIteration


class PacketConnection(Connection):
    """A connected socket that keeps packets apart (SOCK_SEQPACKET and others)."""

    def __init__(self, sock: famsock.socket) -> None:
        super().__init__(sock)
        self._packets = PacketReceiver(sock)

    async def receive(self, max_bytes: int = PACKET_BYTES) -> bytes:
        """Receive one packet; EOFError once the peer has ended.

        A packet longer than ``max_bytes`` is lost: OSError (EMSGSIZE). An empty packet is taken for
        the end unless the kernel marks it by MSG_EOR: unix(7) gives no other sign. RuntimeError if
        another task receives. Other errors are those of recvmsg(2).
        """
        check_limit(max_bytes)
        await self._before_receiving()
        while True:
            try:
                data = self._packets.receive(max_bytes)
            except (BlockingIOError, InterruptedError):
                await self._readable()
                continue
            if data is None:
                raise EOFError("the peer has ended the connection")
            return data

    async def send(self, data: Any) -> None:
        """Send ``data`` as one packet, whole or not at all. Errors are those of send(2).

        Where the kernel may queue a part of a packet, the page of that family says so.
        """
        if not self._sending.locked():
            try:
                self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                pass
            else:
                return
        async with self._sending:
            while True:
                try:
                    self._sock.send(data)
                except (BlockingIOError, InterruptedError):
                    await self._writable()
                else:
                    return

    async def __anext__(self) -> bytes:
        try:
            return await self.receive()
        except EOFError:
            raise StopAsyncIteration from None


class Listener(_Waiting):
    """A socket that listens. ``async for`` gives its connections; ``async with`` closes it."""

    async def accept(self) -> Connection:
        """Wait for the next connection.

        RuntimeError if another task accepts. Errors are those of accept(2), except ECONNABORTED,
        which is passed over.
        """
        await self._before_receiving()
        while True:
            try:
                accepted, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                await self._readable()
            except ConnectionAbortedError:
                continue
            else:
                return _connection(accepted)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Connection:
        return await self.accept()


class DatagramSocket(_Waiting):
    """A socket of datagrams or frames.

    ``async for`` gives (data, sender's address), which are received many at a time. What was
    received and not given yet is kept for the next call. Addresses are in the stdlib's form.
    """

    def __init__(self, sock: famsock.socket) -> None:
        super().__init__(sock)
        self._count, self._max_bytes = batch_limits(sock)
        self._received: deque[tuple[bytes, Any]] = deque()

    async def receive(self) -> tuple[bytes, Any]:
        """Receive one: its data and its sender's address. Errors are those of recvmmsg(2)."""
        if not self._received:
            await self._fill()
        return self._received.popleft()

    async def receive_many(self) -> list[tuple[bytes, Any]]:
        """Receive at least one, and those that are there too, at most 64. Errors as `receive`."""
        if not self._received:
            await self._fill()
        received = list(self._received)
        self._received.clear()
        return received

    async def _fill(self) -> None:
        await self._before_receiving()
        while True:
            try:
                messages = self._sock.recvmmsg(self._count, self._max_bytes)
            except (BlockingIOError, InterruptedError):
                await self._readable()
            else:
                self._received.extend((data, address) for data, _, _, address in messages)
                return

    async def send(self, data: Any, address: Any = None) -> None:
        """Send one datagram, to ``address`` in any form or to the peer.

        One that is cancelled was not sent. Errors are those of sendto(2).
        """
        await self.send_many([(data, address)])

    async def send_many(self, datagrams: Iterable[tuple[Any, Any]]) -> None:
        """Send pairs of data and address, in few system calls.

        One that is cancelled may have sent the first ones. Errors are those of sendmmsg(2).
        """
        left = list(datagrams)
        async with self._sending:
            while left:
                try:
                    del left[: self._sock.sendmmsg(left)]
                except (BlockingIOError, InterruptedError):
                    await self._writable()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[bytes, Any]:
        return await self.receive()


async def connect(where: Where, *, type: int = _stdlib.SOCK_STREAM) -> Connection:
    """Connect to an endpoint: a text (``vsock://2:1024``), an Endpoint or a typed address.

    ``type`` is the socket type for a typed address, which tells none. A name that stands for
    several addresses is looked up in a thread, and the addresses are tried as by
    `famsock.connect`. Where connect(2) does not begin because a listener's queue is full (unix(7)),
    it is tried again. Limit the time by asyncio.timeout. ValueError for a text that is none;
    OSError as socket(2) and connect(2).
    """
    return _connection(await _connected(where, type))


async def listen(
    where: Where, backlog: int | None = None, *, type: int = _stdlib.SOCK_STREAM
) -> Listener:
    """Listen at an endpoint for ``backlog`` connections; parameters and errors as `connect`.

    Without ``backlog`` the endpoint's own counts, or 128.
    """
    return Listener(listening(where, backlog, type))


async def open_datagram(
    local: Where | None = None, peer: Where | None = None, *, type: int = _stdlib.SOCK_DGRAM
) -> DatagramSocket:
    """Open a socket of datagrams that is bound to ``local``, connected to ``peer``, or both.

    Parameters and errors are those of `connect`. TypeError if neither is given.
    """
    if local is None:
        if peer is None:
            raise TypeError("open_datagram(): a local endpoint or a peer must be given")
        return DatagramSocket(await _connected(peer, type))
    sock = bound(local, type)
    try:
        if peer is not None:
            sock.setblocking(False)
            found = await _candidates(parsed(peer))
            fitting = [each for each in found if each.address.family == sock.family]
            await _connect(sock, (fitting or found)[0].address)
        return DatagramSocket(sock)
    except BaseException:
        sock.close()
        raise


async def _candidates(where: Endpoint | Address) -> list[Candidate]:
    if isinstance(where, Address):
        return candidates(where)
    return await asyncio.get_running_loop().run_in_executor(None, candidates, where)


async def _connected(where: Where, type: int) -> famsock.socket:
    """Return a socket that is connected to the first address that answers (RFC 8305)."""
    target = parsed(where)
    found = await _candidates(target)
    opened: list[famsock.socket] = []

    async def attempt(candidate: Candidate) -> famsock.socket:
        sock = unconnected(target, candidate, type)
        opened.append(sock)
        await _connect(sock, candidate.address)
        return sock

    winner: famsock.socket | None = None
    try:
        if len(found) == 1:
            winner = await attempt(found[0])
            return winner
        attempts = [partial(attempt, each) for each in found]
        winner, _, errors = await staggered_race(attempts, DELAY_S)
        if winner is not None:
            return winner
        pairs = []
        for candidate, error in zip(found, errors, strict=True):
            if not isinstance(error, OSError):
                raise error or AssertionError("an attempt without a result")
            pairs.append((candidate.address, error))
        raise failure(pairs)
    finally:
        for sock in opened:
            if sock is not winner:
                sock.close()


async def _connect(sock: famsock.socket, address: Address) -> None:
    pause_s, longest_s = RETRY_S
    while True:
        try:
            await sock_connect(sock, address)
        except BlockingIOError:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_s)
        else:
            return


def _connection(sock: famsock.socket) -> Connection:
    return StreamConnection(sock) if is_stream(sock) else PacketConnection(sock)
