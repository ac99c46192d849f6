"""Sockets for tasks of trio and anyio: what the two have in common, with either's functions.

Each call tries at once, and waits in its own task if it would block. So a call that is cancelled
has received nothing. Source: trio's documentation of streams and of `trio.lowlevel`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from errno import EAGAIN, EINPROGRESS, EINTR, EMSGSIZE, ENOTCONN
from socket import SHUT_WR, SO_ERROR, SOL_SOCKET
from typing import Any, ClassVar, NamedTuple, TypeVar

from famsock._connecting import DELAY_S, failure
from famsock._opening import RETRY_S, Where, bound, candidates, parsed, unconnected
from famsock._packets import PACKET_BYTES, PacketReceiver, batch_limits, check_limit
from famsock._resolver import Candidate
from famsock._sockets import socket
from famsock.address import Address
from famsock.endpoints import Endpoint

_T = TypeVar("_T")


class Library(NamedTuple):
    """The functions and exceptions of trio, or those of anyio that do the same."""

    checkpoint: Callable[[], Awaitable[None]]
    checkpoint_if_cancelled: Callable[[], Awaitable[None]]
    cancel_shielded_checkpoint: Callable[[], Awaitable[None]]
    wait_readable: Callable[[Any], Awaitable[None]]
    wait_writable: Callable[[Any], Awaitable[None]]
    notify_closing: Callable[[Any], None]
    sleep: Callable[[float], Awaitable[None]]
    move_on_after: Callable[[float], AbstractContextManager[Any]]
    open_group: Callable[[], AbstractAsyncContextManager[Any]]
    event: Callable[[], Any]
    run_in_thread: Callable[..., Awaitable[Any]]
    busy: type[Exception]
    closed: type[Exception]
    broken: type[Exception]


class AsyncSocket:
    """A socket that tasks wait for. ``async with`` closes it."""

    _library: ClassVar[Library]

    def __init__(self, sock: socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._is_sending = False

    @property
    def socket(self) -> socket:
        """The socket, for its options, addresses and operations; it must not be closed."""
        return self._sock

    @property
    def local_address(self) -> Address | None:
        """The typed address of this end."""
        return self._sock.local_address

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__} {self._sock!r}>"

    async def aclose(self) -> None:
        """Close the socket; calls that wait for it raise ClosedResourceError."""
        if self._sock.fileno() >= 0:
            self._library.notify_closing(self._sock)
            self._sock.close()
        await self._library.checkpoint()

    async def _done(
        self, call: Callable[..., _T], wait: Callable[[Any], Awaitable[None]], *arguments: Any
    ) -> _T:
        """Return what a call returns that does not wait, once it need not wait."""
        library = self._library
        await library.checkpoint_if_cancelled()
        try:
            result = call(*arguments)
        except (BlockingIOError, InterruptedError):
            pass
        else:
            await library.cancel_shielded_checkpoint()
            return result
        while True:
            await wait(self._sock)
            try:
                return call(*arguments)
            except (BlockingIOError, InterruptedError):
                pass

    @contextmanager
    def _sends(self) -> Iterator[None]:
        if self._is_sending:
            raise self._library.busy("another task sends")
        self._is_sending = True
        try:
            yield
        finally:
            self._is_sending = False

    def _closed_or(self, error: OSError) -> Exception:
        return self._library.closed("the socket was closed") if self._sock.fileno() < 0 else error


class AsyncConnection(AsyncSocket):
    """A connected socket."""

    _has_ended_sending = False

    @property
    def peer_address(self) -> Address | None:
        """The typed address of the other end."""
        return self._sock.peer_address

    async def send_eof(self) -> None:
        """Tell the peer that nothing more is sent; again does nothing.

        BusyResourceError while another task sends; otherwise as `send_all` or `send`.
        """
        with self._sends():
            await self._library.checkpoint()
            if self._has_ended_sending:
                return
            try:
                self._sock.shutdown(SHUT_WR)
            except OSError as error:
                if error.errno != ENOTCONN or self._sock.fileno() < 0:  # the peer is gone: EOF
                    raise self._translated(error) from error
            self._has_ended_sending = True

    def _translated(self, error: OSError) -> Exception:
        """Return the library's exception for an error of a connection."""
        if self._sock.fileno() < 0:
            return self._library.closed("the socket was closed")
        return self._library.broken(f"the connection is broken: {error}")

    def _check_sending(self) -> None:
        if self._has_ended_sending:
            raise self._library.closed("nothing can be sent after send_eof")
        if self._sock.fileno() < 0:
            raise self._library.closed("the socket was closed")


class AsyncStream(AsyncConnection):
    """A connected stream of bytes."""

    _ended = False  # some families tell the end once, and then that nothing is there

    async def _receive(self, max_bytes: int) -> bytes:
        check_limit(max_bytes)
        if self._ended and self._sock.fileno() >= 0:
            await self._library.checkpoint()
            return b""
        try:
            data = await self._done(self._sock.recv, self._library.wait_readable, max_bytes)
        except OSError as error:
            raise self._translated(error) from error
        self._ended = not data
        return data

    async def _send_all(self, data: Any) -> None:
        self._check_sending()
        with self._sends(), memoryview(data).cast("B") as view:
            if not view:
                await self._library.checkpoint()
                return
            at = 0
            try:
                while at < len(view):
                    with view[at:] as rest:
                        at += await self._done(self._sock.send, self._library.wait_writable, rest)
            except OSError as error:
                raise self._translated(error) from error

    async def _wait_writable(self) -> None:
        self._check_sending()
        with self._sends():
            await self._library.wait_writable(self._sock)


class AsyncPackets(AsyncConnection):
    """A connected socket that keeps packets apart."""

    def __init__(self, sock: socket) -> None:
        super().__init__(sock)
        self._packets = PacketReceiver(sock)

    async def _receive(self, max_bytes: int = PACKET_BYTES) -> bytes | None:
        check_limit(max_bytes)
        try:
            return await self._done(self._packets.receive, self._library.wait_readable, max_bytes)
        except OSError as error:
            if error.errno == EMSGSIZE:
                raise
            raise self._translated(error) from error

    async def _send(self, data: Any) -> None:
        self._check_sending()
        with self._sends():
            try:
                await self._done(self._sock.send, self._library.wait_writable, data)
            except OSError as error:
                if error.errno == EMSGSIZE:
                    raise
                raise self._translated(error) from error


class AsyncListener(AsyncSocket):
    """A socket that listens."""

    async def _accept(self) -> socket:
        while True:
            try:
                accepted, _ = await self._done(self._sock.accept, self._library.wait_readable)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                raise self._closed_or(error) from None
            return accepted


class AsyncDatagrams(AsyncSocket):
    """A socket of datagrams or frames. Addresses are in the stdlib's form."""

    def __init__(self, sock: socket) -> None:
        super().__init__(sock)
        self._count, self._max_bytes = batch_limits(sock)
        self._received: deque[tuple[bytes, Any]] = deque()

    async def receive(self) -> tuple[bytes, Any]:
        """Receive one: its data and its sender's address. Errors are those of `receive_many`."""
        if not self._received:
            self._received.extend(await self._receive_many())
        else:
            await self._library.checkpoint()
        return self._received.popleft()

    async def receive_many(self) -> list[tuple[bytes, Any]]:
        """Receive at least one, and those that are there too, at most 64: data and sender.

        ClosedResourceError once the socket is closed; BusyResourceError while another task
        receives; other errors are those of recvmmsg(2).
        """
        if not self._received:
            return await self._receive_many()
        await self._library.checkpoint()
        received = list(self._received)
        self._received.clear()
        return received

    async def _receive_many(self) -> list[tuple[bytes, Any]]:
        wait = self._library.wait_readable
        try:
            messages = await self._done(self._sock.recvmmsg, wait, self._count, self._max_bytes)
        except OSError as error:
            raise self._closed_or(error) from None
        return [(data, address) for data, _, _, address in messages]

    async def send_many(self, datagrams: Iterable[tuple[Any, Any]]) -> None:
        """Send pairs of data and address in few system calls; None is the peer's address.

        One that is cancelled may have sent the first ones. BusyResourceError while another task
        sends, ClosedResourceError once the socket is closed; other errors are those of sendmmsg(2).
        """
        left = list(datagrams)
        with self._sends():
            try:
                while left:
                    wait = self._library.wait_writable
                    del left[: await self._done(self._sock.sendmmsg, wait, left)]
            except OSError as error:
                raise self._closed_or(error) from None


# Opening


async def open_connection(library: Library, where: Where, type: int) -> socket:
    """Return a socket that is connected to the first address that answers (RFC 8305)."""
    target = parsed(where)
    if isinstance(target, Endpoint):
        found: list[Candidate] = await library.run_in_thread(candidates, target)
    else:
        found = candidates(target)
    if len(found) == 1:
        return await _attempt(library, target, found[0], type)
    winners: list[socket] = []
    try:
        errors = await _race(library, target, found, type, winners)
    except BaseException:
        for sock in winners:
            sock.close()
        raise
    if not winners:
        raise failure(errors)
    return winners[0]


async def _race(
    library: Library,
    target: Endpoint | Address,
    found: list[Candidate],
    type: int,
    winners: list[socket],
) -> list[tuple[Address, OSError]]:
    """Let attempts begin until there is a winner; return the errors of the others."""
    errors: list[tuple[Address, OSError]] = []
    async with library.open_group() as group:

        async def attempt(candidate: Candidate, failed: Any) -> None:
            try:
                sock = await _attempt(library, target, candidate, type)
            except OSError as error:
                errors.append((candidate.address, error))
                failed.set()
                return
            if winners:  # another one was as fast
                sock.close()
                return
            winners.append(sock)
            group.cancel_scope.cancel()

        for candidate in found:
            failed = library.event()
            group.start_soon(attempt, candidate, failed)
            with library.move_on_after(DELAY_S):
                await failed.wait()
    return errors


async def _attempt(
    library: Library, target: Endpoint | Address, candidate: Candidate, type: int
) -> socket:
    sock = unconnected(target, candidate, type)
    try:
        await _connect(library, sock, candidate.address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect(library: Library, sock: socket, address: Address) -> None:
    await library.checkpoint_if_cancelled()
    pause_s, longest_s = RETRY_S
    while (number := sock.connect_ex(address)) == EAGAIN:  # a listener's queue is full: unix(7)
        await library.sleep(pause_s)
        pause_s = min(2 * pause_s, longest_s)
    if number in (EINPROGRESS, EINTR):
        await library.wait_writable(sock)
        number = sock.getsockopt(SOL_SOCKET, SO_ERROR)
    else:
        await library.cancel_shielded_checkpoint()
    if number:
        error = OSError(number, os.strerror(number))
        sock._explain(error, "connect", address)
        raise error


async def open_datagrams(
    library: Library, local: Where | None, peer: Where | None, type: int
) -> socket:
    """Return a socket that is bound to ``local``, connected to ``peer``, or both."""
    if local is None:
        if peer is None:
            raise TypeError("open_datagram(): a local endpoint or a peer must be given")
        return await open_connection(library, peer, type)
    sock = bound(local, type)
    try:
        if peer is not None:
            sock.setblocking(False)
            target = parsed(peer)
            if isinstance(target, Endpoint):
                found: list[Candidate] = await library.run_in_thread(candidates, target)
            else:
                found = candidates(target)
            fitting = [each for each in found if each.address.family == sock.family]
            await _connect(library, sock, (fitting or found)[0].address)
    except BaseException:
        sock.close()
        raise
    return sock
