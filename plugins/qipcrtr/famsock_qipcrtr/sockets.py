"""Operations of AF_QIPCRTR sockets: the name service of the node.

To publish or look up, send control packets to QRTR_PORT_CTRL of the own node. The kernel's name
service (net/qrtr/ns.c) answers. Sources: linux/qrtr.h, net/qrtr/ns.c.
"""

from __future__ import annotations

import errno
import os
from socket import SO_RCVBUF, SOCK_DGRAM, SOL_SOCKET

from famsock.plugin import Address, codecs, constants, options, socket
from famsock_qipcrtr.addresses import QipcrtrAddress
from famsock_qipcrtr.constants import AF_QIPCRTR, QRTR_PORT_CTRL
from famsock_qipcrtr.packets import (
    ControlPacket,
    Datagram,
    DelLookup,
    DelServer,
    NewLookup,
    NewServer,
    UnknownPacket,
    parse,
)

__all__ = [
    "MAX_MESSAGE_BYTES",
    "QipcrtrSocket",
    "lookup",
]

MAX_MESSAGE_BYTES = 65535
"""The longest message that the kernel sends."""

_LOOKUP_BUFFER_BYTES = 1 << 26
"""The receive buffer to ask for: a limit, of which each waiting server takes about 1 KB."""


def lookup(service: int = 0, instance: int = 0, timeout_s: float = 5.0) -> tuple[NewServer, ...]:
    """Return all servers that the name service of this node knows now.

    ``service`` and ``instance`` (0-4294967295) choose among them, each 0 for all. Asks through a
    new socket. TimeoutError if no answer comes within ``timeout_s`` seconds. The name service
    answers at once, with a packet for each server. OSError ENOBUFS if they are more than the
    receive buffer takes: some 60,000 with CAP_NET_ADMIN, otherwise what net.core.rmem_max allows,
    some 450 usually.
    """
    with QipcrtrSocket() as asking:
        asking.settimeout(timeout_s)
        try:
            asking.setsockopt(SOL_SOCKET, constants.SO_RCVBUFFORCE, _LOOKUP_BUFFER_BYTES)
        except PermissionError:
            asking.setsockopt(SOL_SOCKET, SO_RCVBUF, _LOOKUP_BUFFER_BYTES)
        asking.new_lookup(service, instance)
        found: list[NewServer] = []
        while True:
            packet = asking.recv_packet()
            if isinstance(packet, NewServer):
                if packet.is_end_of_list:
                    return tuple(found)
                found.append(packet)


class _Received:
    """The losses that a socket object has told, and a packet that an error made wait."""

    __slots__ = ("drops", "waiting")

    def __init__(self) -> None:
        self.drops = 0
        self.waiting: ControlPacket | UnknownPacket | None = None


class QipcrtrSocket(socket["QipcrtrAddress", tuple[int, int]], family=AF_QIPCRTR, type=SOCK_DGRAM):
    """A socket of AF_QIPCRTR: datagrams between nodes, and the node's name service."""

    __slots__ = ()

    def local_node(self) -> int:
        """Return the number of this node; the socket need not be bound."""
        return _address(self.local_address).node

    def publish(self, service: int, instance: int = 0) -> None:
        """Make the socket known as a server, until it is withdrawn or closed.

        ``service`` is 1-4294967295 and ``instance`` 0-4294967295; see `packets.instance_of` for the
        convention with a version in it. The socket is bound to a free port if it has none. A socket
        is one server: publishing again replaces the former. OverflowError for values out of range.
        """
        codecs.check_int("publish(): QIPCRTR service", service, 0xFFFFFFFF, 1)
        self.send_control(NewServer(service, instance))

    def withdraw(self, service: int, instance: int = 0) -> None:
        """Take back what `publish` made known. OverflowError for values out of range."""
        self.send_control(DelServer(service, instance))

    def new_lookup(self, service: int = 0, instance: int = 0) -> None:
        """Ask for reports of servers that come and go, until `del_lookup` or close.

        ``service`` and ``instance`` (0-4294967295) choose among them, each 0 for all. Current
        servers come as `NewServer` packets through `recv_packet`; the last one has
        ``is_end_of_list``. Then each change comes as `NewServer` or `DelServer`. They come all at
        once: a few hundred fill the usual receive buffer (SO_RCVBUF), see `recv_packet`.
        """
        self.send_control(NewLookup(service, instance))

    def del_lookup(self, service: int = 0, instance: int = 0) -> None:
        """End a lookup made with the same service and instance."""
        self.send_control(DelLookup(service, instance))

    def lookup(self, service: int = 0, instance: int = 0) -> tuple[NewServer, ...]:
        """Return the servers that there are now, asked through another socket: see `lookup` above.

        Waits as long as this socket's timeout; 5 seconds if it has none, or does not block.
        """
        return lookup(service, instance, self.gettimeout() or 5.0)

    def send_control(self, packet: ControlPacket, node: int | None = None) -> None:
        """Send a control packet to the name service of a node, by default of this node.

        ``node`` QRTR_NODE_BCAST sends it to all nodes, including this one; that never fails.
        OSError as sendto(2) fails: ENODEV if the node has no name service, ECONNRESET where it is
        unknown.
        """
        where = self.local_node() if node is None else node
        self.sendto(packet.pack(), QipcrtrAddress(where, QRTR_PORT_CTRL))

    def recv_packet(
        self, bufsize_bytes: int = MAX_MESSAGE_BYTES
    ) -> ControlPacket | UnknownPacket | Datagram:
        """Return the next message: a control packet of a name service, or another socket's data.

        Waits as recv does. At most ``bufsize_bytes`` of data are kept. OSError ENOBUFS, once, if
        the kernel has dropped messages because the receive buffer was full: it says nothing itself,
        so this is noticed with the next control packet, or when there is none in time. That packet
        comes with the next call. To know the servers again, use `lookup`.
        """
        state = self.protocol_state(_Received)
        if state.waiting is not None:
            packet, state.waiting = state.waiting, None
            return packet
        try:
            message = self.recv_message(bufsize_bytes, 0)
        except (TimeoutError, BlockingIOError):
            self._check_drops(state)
            raise
        source = _address(message.address)
        if not source.is_control or len(message.data) < 4:
            return Datagram(message.data, source)
        state.waiting = parse(message.data)
        self._check_drops(state)
        packet, state.waiting = state.waiting, None
        return packet

    def _check_drops(self, state: _Received) -> None:
        """Raise OSError ENOBUFS if messages were dropped since the last look."""
        drops = self.get_option(options.SO_MEMINFO).drops
        lost, state.drops = drops - state.drops & 0xFFFFFFFF, drops
        if lost:
            raise OSError(
                errno.ENOBUFS,
                f"{os.strerror(errno.ENOBUFS)}: the receive buffer was full, and {lost} messages "
                "were dropped; SO_RCVBUF makes it larger, up to net.core.rmem_max (SO_RCVBUFFORCE "
                "without a limit, with CAP_NET_ADMIN)",
            )


def _address(address: Address | None) -> QipcrtrAddress:
    if not isinstance(address, QipcrtrAddress):
        raise OSError(f"AF_QIPCRTR: the kernel named no address: {address!r}")
    return address
