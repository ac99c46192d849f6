"""Operations of AF_QIPCRTR sockets: the name service of the node.

To publish or look up, send control packets to QRTR_PORT_CTRL of the own node. The kernel's name
service (net/qrtr/ns.c) answers. Sources: linux/qrtr.h, net/qrtr/ns.c.
"""

from __future__ import annotations

from socket import SOCK_DGRAM

from famsock.plugin import Address, codecs, socket
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

MAX_MESSAGE_BYTES = 65535
"""The longest message that the kernel sends."""


def lookup(service: int = 0, instance: int = 0, timeout_s: float = 5.0) -> tuple[NewServer, ...]:
    """Return the servers that the name service of this node knows now.

    ``service`` and ``instance`` (0-4294967295) choose among them, each 0 for all. Asks through a
    new socket. TimeoutError if no answer comes within ``timeout_s`` seconds.
    """
    with QipcrtrSocket() as asking:
        asking.settimeout(timeout_s)
        asking.new_lookup(service, instance)
        found: list[NewServer] = []
        while True:
            packet = asking.recv_packet()
            if isinstance(packet, NewServer):
                if packet.is_end_of_list:
                    return tuple(found)
                found.append(packet)


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
        ``is_end_of_list``. Then each change comes as `NewServer` or `DelServer`.
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
        """Send a control packet to the name service of a node, the own one if left out.

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

        Waits as recv does. At most ``bufsize_bytes`` of data are kept.
        """
        message = self.recv_message(bufsize_bytes, 0)
        source = _address(message.address)
        if source.is_control and len(message.data) >= 4:
            return parse(message.data)
        return Datagram(message.data, source)


def _address(address: Address | None) -> QipcrtrAddress:
    if not isinstance(address, QipcrtrAddress):
        raise OSError(f"AF_QIPCRTR: the kernel named no address: {address!r}")
    return address
