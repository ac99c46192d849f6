"""Limits of what is received at once, and one packet of a connection that keeps packets apart.

Sources: recvmsg(2), recvmmsg(2), unix(7).
"""

from __future__ import annotations

import errno
import socket as _stdlib

from famsock._sockets import socket

PACKET_BYTES = 256 * 1024
"""The longest packet that is received unless another limit is given."""


STREAM_BYTES = 64 * 1024
"""The most bytes of a stream that are received at once unless another limit is given."""

_CONTROL_BYTES = 1
"""Too little for any control message, and enough to be asked for them.

Where none is asked for, a kernel may fail with ECONNRESET at the end of a connection, after all
packets, and not tell the reason in a control message.
"""

_BATCH = 64
_BATCH_BYTES = 1 << 20


def batch_limits(sock: socket) -> tuple[int, int]:
    """Return how many datagrams to receive at once, and the most bytes of each.

    The bytes are those that the socket's protocol states, or `PACKET_BYTES`.
    """
    protocol = None if sock._served is None else sock._served.protocol
    max_bytes = (0 if protocol is None else protocol.max_message_bytes) or PACKET_BYTES
    return max(min(_BATCH, _BATCH_BYTES // max_bytes), 2), max_bytes


class PacketReceiver:
    """Receive the packets of a connected socket, with one buffer for all."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._ended = False  # some families tell the end once, and then that nothing is there

    def receive(self, max_bytes: int) -> bytes | None:
        """Return the next packet, or None once the peer has ended.

        OSError (EMSGSIZE) for a packet of more than ``max_bytes``, which is lost. An empty packet
        is taken for the end unless the kernel marks it by MSG_EOR: unix(7) gives no other sign.
        Other errors are those of recvmsg(2).
        """
        if self._ended:
            return None
        if len(self._buffer) != max_bytes:
            self._buffer = bytearray(max_bytes)
        size, _, flags, _ = self._sock.recvmsg_into((self._buffer,), _CONTROL_BYTES)
        if flags & _stdlib.MSG_TRUNC:
            raise OSError(errno.EMSGSIZE, f"a packet had more than {max_bytes} bytes")
        if size or flags & _stdlib.MSG_EOR:
            return bytes(memoryview(self._buffer)[:size])
        self._ended = True
        return None


def check_limit(max_bytes: int) -> None:
    """Raise ValueError for a limit that lets nothing be received."""
    if max_bytes < 1:
        raise ValueError(f"max_bytes must be at least 1, not {max_bytes}")
