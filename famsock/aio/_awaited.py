"""Calls of one socket, awaited: messages, batches, connecting, a family's operations.

Each call tries at once. If it would block, it waits until the loop says that the socket is ready,
and tries again in its own task. So a call that is cancelled has received and sent nothing. Calls
that wait for the same socket in the same direction take turns; a ``loop.sock_…`` method must not
wait there meanwhile. All raise ValueError for a blocking socket and RuntimeError for one that a
transport uses. Sources: the asyncio documentation of loops, Lib/asyncio/selector_events.py.
"""

from __future__ import annotations

import os
from asyncio import Future, Lock, get_running_loop
from collections.abc import Callable, Coroutine, Iterator
from errno import EINPROGRESS, EINTR
from functools import wraps
from socket import SO_ERROR, SOL_SOCKET
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from famsock._sockets import socket

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Awaited = Callable[Concatenate[socket, _P], Coroutine[Any, Any, _T]]
_turns: WeakKeyDictionary[socket, WeakKeyDictionary[Any, tuple[Lock, Lock]]] = WeakKeyDictionary()


async def when_readable(
    sock: socket, operation: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """Return the result of ``operation(*args, **kwargs)`` once it need not wait to receive.

    ``operation`` is a method of ``sock`` or an operation of its family:
    ``await when_readable(sock, sock.recv_messages)``. It is called again after each wait, so it
    should make no more than one system call that waits. Errors are those of the operation.
    """
    return await _when(sock, False, operation, *args, **kwargs)


async def when_writable(
    sock: socket, operation: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """Return the result of ``operation``, which sends, once it need not wait."""
    return await _when(sock, True, operation, *args, **kwargs)


def _awaited(method: Callable[Concatenate[socket, _P], _T], writing: bool) -> _Awaited[_P, _T]:
    @wraps(method)
    async def call(sock: socket, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await _when(sock, writing, method, sock, *args, **kwargs)

    return call


recv_message = _awaited(socket.recv_message, writing=False)
"""Await `recv_message`; parameters, result and errors here and below are the method's."""
recvmsg = _awaited(socket.recvmsg, writing=False)
recvmsg_into = _awaited(socket.recvmsg_into, writing=False)
recvmmsg = _awaited(socket.recvmmsg, writing=False)
recvmmsg_into = _awaited(socket.recvmmsg_into, writing=False)
send_message = _awaited(socket.send_message, writing=True)
sendmsg = _awaited(socket.sendmsg, writing=True)
sendmmsg = _awaited(socket.sendmmsg, writing=True)
"""Sends what the socket takes now, at least one message: give the rest to a further call."""


async def sock_connect(sock: socket, address: Any) -> None:
    """Connect to an address in any shape; ``loop.sock_connect`` takes no typed one of AF_INET.

    Looking up a host name blocks: give a numeric address. If connect(2) does not start, because a
    listener's queue is full, this raises BlockingIOError. A socket whose connect was cancelled
    continues to connect: close it. Errors are those of connect(2).
    """
    error = await _when(sock, True, sock.connect_ex, address)
    if error in (EINPROGRESS, EINTR):
        await _ready(sock, writing=True)
        error = sock.getsockopt(SOL_SOCKET, SO_ERROR)
    if error:
        failure = OSError(error, os.strerror(error))
        sock._explain(failure, "connect")
        raise failure


async def _when(
    sock: socket, writing: bool, operation: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    if sock.gettimeout() != 0:
        raise ValueError("the socket must be non-blocking: sock.setblocking(False)")
    again: Any = [_kept(given) for given in args]
    named: Any = {name: _kept(given) for name, given in kwargs.items()}
    try:
        return operation(*again, **named)
    except (BlockingIOError, InterruptedError):
        pass
    turns = _turns.setdefault(sock, WeakKeyDictionary())
    async with turns.setdefault(get_running_loop(), (Lock(), Lock()))[writing]:
        while True:
            await _ready(sock, writing)
            try:
                return operation(*again, **named)
            except (BlockingIOError, InterruptedError):
                pass


async def _ready(sock: socket, writing: bool) -> None:
    loop, descriptor = get_running_loop(), sock.fileno()
    ready: Future[None] = loop.create_future()
    (loop.add_writer if writing else loop.add_reader)(descriptor, _wake, ready)
    try:
        await ready
    finally:
        (loop.remove_writer if writing else loop.remove_reader)(descriptor)


def _kept(given: Any) -> Any:  # a second attempt must not find an iterator read
    return tuple(given) if isinstance(given, Iterator) else given


def _wake(ready: Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
