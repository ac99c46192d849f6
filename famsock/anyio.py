"""anyio for sockets of every family, on asyncio and on trio: streams, packets, datagrams.

`connect`, `listen` and `open_datagram` take what those of `famsock.aio` take. Their objects are of
anyio's abstract classes, and have its extra attributes of sockets. A call that is cancelled has
received nothing. Needs ``famsock[anyio]``. Source: anyio's documentation, "Streams" and "Using
sockets and streams".
"""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread

from famsock._async_sockets import (
    AsyncDatagrams,
    AsyncListener,
    AsyncPackets,
    AsyncSocket,
    AsyncStream,
    Library,
    open_connection,
    open_datagrams,
)
from famsock._opening import Where, is_stream, listening
from famsock._packets import PACKET_BYTES, STREAM_BYTES
from famsock._sockets import socket

__all__ = [
    "DatagramSocket",
    "Listener",
    "PacketConnection",
    "StreamConnection",
    "connect",
    "listen",
    "open_datagram",
]

_ANYIO = Library(
    checkpoint=anyio.lowlevel.checkpoint,
    checkpoint_if_cancelled=anyio.lowlevel.checkpoint_if_cancelled,
    cancel_shielded_checkpoint=anyio.lowlevel.cancel_shielded_checkpoint,
    wait_readable=anyio.wait_readable,
    wait_writable=anyio.wait_writable,
    notify_closing=anyio.notify_closing,
    sleep=anyio.sleep,
    move_on_after=anyio.move_on_after,
    open_group=anyio.create_task_group,
    event=anyio.Event,
    run_in_thread=anyio.to_thread.run_sync,
    busy=anyio.BusyResourceError,
    closed=anyio.ClosedResourceError,
    broken=anyio.BrokenResourceError,
)


class _Socket(AsyncSocket, anyio.TypedAttributeProvider):
    _library = _ANYIO

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The attributes of `anyio.abc.SocketAttribute`, addresses in the stdlib's form."""
        attribute = anyio.abc.SocketAttribute
        found: dict[Any, Callable[[], Any]] = {
            attribute.raw_socket: lambda: self._sock,
            attribute.family: lambda: self._sock.family,
            attribute.local_address: self._sock.getsockname,
        }
        with suppress(OSError):
            peer = self._sock.getpeername()
            found[attribute.remote_address] = lambda: peer
        return found


class StreamConnection(_Socket, AsyncStream, anyio.abc.ByteStream):
    """A connected stream of bytes.

    Errors of the connection are BrokenResourceError, with the OSError as the cause.
    """

    async def receive(self, max_bytes: int = STREAM_BYTES) -> bytes:
        """Receive at least 1 and at most ``max_bytes`` bytes; EndOfStream once the peer has ended.

        ValueError if ``max_bytes`` is less than 1; BusyResourceError while another task receives.
        """
        data = await self._receive(max_bytes)
        if not data:
            raise anyio.EndOfStream
        return data

    async def send(self, item: Any) -> None:
        """Send all of ``item``, a bytes-like object; one that is cancelled may have sent a part.

        ClosedResourceError after `send_eof` or `aclose`; BusyResourceError while another task
        sends.
        """
        await self._send_all(item)


class PacketConnection(_Socket, AsyncPackets, anyio.abc.ObjectStream[bytes]):
    """A connected socket that keeps packets apart (SOCK_SEQPACKET and others).

    ``async for`` gives packets until the peer ends.
    """

    async def receive(self, max_bytes: int = PACKET_BYTES) -> bytes:
        """Receive one packet; EndOfStream once the peer has ended.

        A packet longer than ``max_bytes`` is lost: OSError (EMSGSIZE). An empty packet is taken for
        the end unless the kernel marks it by MSG_EOR.
        """
        data = await self._receive(max_bytes)
        if data is None:
            raise anyio.EndOfStream
        return data

    async def send(self, item: Any) -> None:
        """Send a bytes-like object as one packet, whole or not at all.

        OSError (EMSGSIZE) for one that is too long; other errors as `StreamConnection.send`.
        """
        await self._send(item)


class Listener(_Socket, AsyncListener, anyio.abc.Listener["StreamConnection | PacketConnection"]):
    """A socket that listens."""

    async def accept(self) -> StreamConnection | PacketConnection:
        """Wait for the next connection. Errors are those of accept(2), except ECONNABORTED."""
        return _connection(await self._accept())

    async def serve(
        self,
        handler: Callable[[StreamConnection | PacketConnection], Any],
        task_group: anyio.abc.TaskGroup | None = None,
    ) -> None:
        """Accept connections for ever, and start ``handler`` with each in its own task.

        Without ``task_group`` the tasks are those of a group that ends with this call. Errors as
        `accept`.
        """
        if task_group is None:
            async with anyio.create_task_group() as own:
                await self.serve(handler, own)
        else:
            while True:
                task_group.start_soon(handler, await self.accept())


class DatagramSocket(_Socket, AsyncDatagrams, anyio.abc.UnreliableObjectStream[tuple[bytes, Any]]):
    """A socket of datagrams or frames: objects are (data, address), as those of anyio's UDPSocket.

    ``async for`` gives (data, sender's address), which are received many at a time. What was
    received and not given yet is kept for the next call. Addresses are in the stdlib's form.
    """

    async def send(self, item: tuple[Any, Any]) -> None:
        """Send (data, address) as one datagram; None is the peer's. Errors as `send_many`."""
        await self.send_many([item])

    async def sendto(self, data: Any, address: Any) -> None:
        """Send one datagram, as ``send((data, address))``."""
        await self.send_many([(data, address)])


async def connect(
    where: Where, *, type: int = _stdlib.SOCK_STREAM
) -> StreamConnection | PacketConnection:
    """Connect to an endpoint: a text (``vsock://2:1024``), an Endpoint or a typed address.

    ``type`` is the socket type for a typed address, which tells none. A name that stands for
    several addresses is looked up in a thread, and the addresses are tried as by
    `famsock.connect`. Limit the time by `anyio.fail_after`. ValueError for a text that is none;
    OSError as socket(2) and connect(2).
    """
    return _connection(await open_connection(_ANYIO, where, type))


async def listen(
    where: Where, backlog: int | None = None, *, type: int = _stdlib.SOCK_STREAM
) -> Listener:
    """Listen at an endpoint for ``backlog`` connections; parameters and errors as `connect`.

    Without ``backlog`` the endpoint's own counts, or 128.
    """
    await anyio.lowlevel.checkpoint()
    return Listener(listening(where, backlog, type))


async def open_datagram(
    local: Where | None = None, peer: Where | None = None, *, type: int = _stdlib.SOCK_DGRAM
) -> DatagramSocket:
    """Open a socket of datagrams that is bound to ``local``, connected to ``peer``, or both.

    Parameters and errors are those of `connect`. TypeError if neither is given.
    """
    return DatagramSocket(await open_datagrams(_ANYIO, local, peer, type))


def _connection(sock: socket) -> StreamConnection | PacketConnection:
    return StreamConnection(sock) if is_stream(sock) else PacketConnection(sock)
