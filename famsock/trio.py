"""trio for sockets of every family: streams, packets, listeners and datagrams.

`connect`, `listen` and `open_datagram` take what those of `famsock.aio` take. Their objects are of
trio's abstract classes. A call that is cancelled has received nothing. Needs ``famsock[trio]``.
Source: trio's reference, "Abstract stream API" and "Low-level networking".
"""

from __future__ import annotations

import socket as _stdlib
from typing import Any, Self

import trio

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

_TRIO = Library(
    checkpoint=trio.lowlevel.checkpoint,
    checkpoint_if_cancelled=trio.lowlevel.checkpoint_if_cancelled,
    cancel_shielded_checkpoint=trio.lowlevel.cancel_shielded_checkpoint,
    wait_readable=trio.lowlevel.wait_readable,
    wait_writable=trio.lowlevel.wait_writable,
    notify_closing=trio.lowlevel.notify_closing,
    sleep=trio.sleep,
    move_on_after=trio.move_on_after,
    open_group=trio.open_nursery,
    event=trio.Event,
    run_in_thread=trio.to_thread.run_sync,
    busy=trio.BusyResourceError,
    closed=trio.ClosedResourceError,
    broken=trio.BrokenResourceError,
)


class _Socket(AsyncSocket):
    _library = _TRIO


class StreamConnection(_Socket, AsyncStream, trio.abc.HalfCloseableStream):
    """A connected stream of bytes, as trio's `SocketStream`.

    Errors of the connection are BrokenResourceError, with the OSError as the cause.
    """

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive at least 1 and at most ``max_bytes`` bytes, 65536 by default; b"" at the end.

        ValueError if ``max_bytes`` is less than 1; BusyResourceError while another task receives.
        """
        return await self._receive(STREAM_BYTES if max_bytes is None else max_bytes)

    async def send_all(self, data: Any) -> None:
        """Send all of ``data``, a bytes-like object; one that is cancelled may have sent a part.

        ClosedResourceError after `send_eof` or `aclose`; BusyResourceError while another task
        sends.
        """
        await self._send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until at least a part can be sent without waiting. Errors as `send_all`."""
        await self._wait_writable()


class PacketConnection(_Socket, AsyncPackets, trio.abc.Channel[bytes]):
    """A connected socket that keeps packets apart (SOCK_SEQPACKET and others).

    ``async for`` gives packets until the peer ends.
    """

    async def receive(self, max_bytes: int = PACKET_BYTES) -> bytes:
        """Receive one packet; EndOfChannel once the peer has ended.

        A packet longer than ``max_bytes`` is lost: OSError (EMSGSIZE). An empty packet is taken for
        the end unless the kernel marks it by MSG_EOR.
        """
        data = await self._receive(max_bytes)
        if data is None:
            raise trio.EndOfChannel
        return data

    async def send(self, value: Any) -> None:
        """Send a bytes-like object as one packet, whole or not at all.

        OSError (EMSGSIZE) for one that is too long; other errors as `StreamConnection.send_all`.
        """
        await self._send(value)


class Listener(_Socket, AsyncListener, trio.abc.Listener["StreamConnection | PacketConnection"]):
    """A socket that listens, also for `trio.serve_listeners`."""

    async def accept(self) -> StreamConnection | PacketConnection:
        """Wait for the next connection. Errors are those of accept(2), except ECONNABORTED."""
        return _connection(await self._accept())


class DatagramSocket(_Socket, AsyncDatagrams, trio.abc.AsyncResource):
    """A socket of datagrams or frames.

    ``async for`` gives (data, sender's address), which are received many at a time. What was
    received and not given yet is kept for the next call. Addresses are in the stdlib's form.
    """

    async def send(self, data: Any, address: Any = None) -> None:
        """Send one datagram, to ``address`` in any form or to the peer. Errors as `send_many`."""
        await self.send_many([(data, address)])

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[bytes, Any]:
        return await self.receive()


async def connect(
    where: Where, *, type: int = _stdlib.SOCK_STREAM
) -> StreamConnection | PacketConnection:
    """Connect to an endpoint: a text (``vsock://2:1024``), an Endpoint or a typed address.

    ``type`` is the socket type for a typed address, which tells none. A name that stands for
    several addresses is looked up in a thread, and the addresses are tried as by
    `famsock.connect`. Limit the time by `trio.fail_after`. ValueError for a text that is none;
    OSError as socket(2) and connect(2).
    """
    return _connection(await open_connection(_TRIO, where, type))


async def listen(
    where: Where, backlog: int | None = None, *, type: int = _stdlib.SOCK_STREAM
) -> Listener:
    """Listen at an endpoint for ``backlog`` connections; parameters and errors as `connect`.

    Without ``backlog`` the endpoint's own counts, or 128.
    """
    await trio.lowlevel.checkpoint()
    return Listener(listening(where, backlog, type))


async def open_datagram(
    local: Where | None = None, peer: Where | None = None, *, type: int = _stdlib.SOCK_DGRAM
) -> DatagramSocket:
    """Open a socket of datagrams that is bound to ``local``, connected to ``peer``, or both.

    Parameters and errors are those of `connect`. TypeError if neither is given.
    """
    return DatagramSocket(await open_datagrams(_TRIO, local, peer, type))


def _connection(sock: socket) -> StreamConnection | PacketConnection:
    return StreamConnection(sock) if is_stream(sock) else PacketConnection(sock)
