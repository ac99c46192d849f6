"""asyncio for sockets of every family.

`connect`, `listen` and `open_datagram` give connections, listeners and datagram sockets for tasks.
`create_datagram_endpoint` serves asyncio's protocols. The other functions await one call of a
socket, for what asyncio's own ``loop.sock_…`` methods lack: messages, batches, connecting to an
address of any form, a family's operations. Each tries at once. If it would block, it waits until
the loop says that the socket is ready, and tries again in its own task. So a call that is
cancelled has received and sent nothing. Calls that wait for the same socket in the same direction
take turns; a ``loop.sock_…`` method must not wait there meanwhile. All raise ValueError for a
blocking socket and RuntimeError for one that a transport of asyncio's uses. Sources: the asyncio
documentation of loops, Lib/asyncio/selector_events.py.
"""

from __future__ import annotations

from famsock.aio._awaited import (
    recv_message,
    recvmmsg,
    recvmmsg_into,
    recvmsg,
    recvmsg_into,
    send_message,
    sendmmsg,
    sendmsg,
    sock_connect,
    when_readable,
    when_writable,
)
from famsock.aio._connections import (
    Connection,
    DatagramSocket,
    Listener,
    PacketConnection,
    StreamConnection,
    connect,
    listen,
    open_datagram,
)
from famsock.aio._datagrams import DatagramTransport, create_datagram_endpoint

__all__ = [
    "Connection",
    "DatagramSocket",
    "DatagramTransport",
    "Listener",
    "PacketConnection",
    "StreamConnection",
    "connect",
    "create_datagram_endpoint",
    "listen",
    "open_datagram",
    "recv_message",
    "recvmmsg",
    "recvmmsg_into",
    "recvmsg",
    "recvmsg_into",
    "send_message",
    "sendmmsg",
    "sendmsg",
    "sock_connect",
    "when_readable",
    "when_writable",
]
