"""Sockets of AF_TIPC: names, groups, the topology service, the identity of nodes.

Sources: linux/tipc.h, net/tipc/socket.c, net/tipc/topsrv.c, the TIPC programmer's guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from socket import MSG_EOR, MSG_OOB, SOCK_DGRAM, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from famsock.plugin import Address, Lookup, RawAddress, Struct, codecs, socket
from famsock_tipc import constants
from famsock_tipc.addresses import GroupMember, ServiceAddress, ServiceRange, TipcAddress
from famsock_tipc.constants import (
    AF_TIPC,
    TIPC_CLUSTER_SCOPE,
    TIPC_GROUP_LOOPBACK,
    TIPC_GROUP_MEMBER_EVTS,
    TIPC_SUB_PORTS,
    TIPC_SUB_SERVICE,
    TIPC_TOP_SRV,
)
from famsock_tipc.messages import (
    FOREVER_MS,
    GroupMessage,
    GroupRequest,
    LinkNameRequest,
    NodeIdRequest,
    Subscription,
    TopologyEvent,
)
from famsock_tipc.options import TIPC_GROUP_JOIN, TIPC_GROUP_LEAVE

__all__ = [
    "TipcDatagramSocket",
    "TipcRdmSocket",
    "TipcSeqpacketSocket",
    "TipcStreamSocket",
]

_S = TypeVar("_S", bound=Struct)

_FILTERS = (TIPC_SUB_PORTS, TIPC_SUB_SERVICE)

_TOPOLOGY_SERVICE = ServiceAddress(TIPC_TOP_SRV, TIPC_TOP_SRV)
"""The address of the topology service, to which a SOCK_SEQPACKET socket connects."""


class _TipcSocket(socket[TipcAddress, tuple[int, int, int, int, int]], abstract=True):
    """The common part of sockets of AF_TIPC: names, nodes and links."""

    __slots__ = ()

    def withdraw(self, address: Any) -> None:
        """Take back a name or range that the socket was bound to; other names stay.

        ``address`` is what was given to bind, in any shape. OSError as bind(2) fails: EINVAL if the
        socket has other names and not this one; the kernel gives no error if it has none. Source:
        net/tipc/socket.c (a negative scope withdraws).
        """
        bound = _typed(address)
        if not isinstance(bound, ServiceAddress | ServiceRange):
            raise TypeError(f"withdraw(): AF_TIPC address must be a service, not {bound!r}")
        scope = abs(bound.scope) or TIPC_CLUSTER_SCOPE
        self.bind(attrs.evolve(bound, scope=-scope))  # type: ignore[misc]

    def node_id(self, node: int) -> bytes:
        """Return a node's identity of 16 bytes, by its hash (0-4294967295), as in addresses.

        OSError EADDRNOTAVAIL for an unknown node. Source: linux/tipc.h, SIOCGETNODEID.
        """
        return _ask(self, constants.SIOCGETNODEID, NodeIdRequest(node)).node_id

    def link_name(self, peer: int, bearer_id: int = 0) -> str:
        """Return the name of the link to a node, by its hash and the bearer's number (0-65535).

        OverflowError for a number out of range, because the kernel would take its low 16 bits;
        OSError EADDRNOTAVAIL if there is no such link. Source: linux/tipc.h, SIOCGETLINKNAME,
        net/tipc/socket.c.
        """
        bearer = codecs.check_int("link_name(): AF_TIPC bearer_id", bearer_id, 0xFFFF)
        return _ask(self, constants.SIOCGETLINKNAME, LinkNameRequest(peer, bearer)).name


class _GroupSocket(_TipcSocket):
    """The common part of sockets without a connection, which can be in a communication group."""

    __slots__ = ()

    def join_group(
        self,
        type: int,
        instance: int,
        scope: int = TIPC_CLUSTER_SCOPE,
        *,
        loopback: bool = False,
        member_events: bool = False,
    ) -> None:
        """Join a communication group as one of its members.

        ``type`` (64-4294967295) is the group, ``instance`` (0-4294967295) this member's identity,
        ``scope`` TIPC_CLUSTER_SCOPE or TIPC_NODE_SCOPE. With ``loopback`` own messages come back;
        with ``member_events`` `recv_group` reports members that join and leave. A send without an
        address reaches all members, one to a `ServiceAddress` any member of that instance, one to a
        `ServiceRange` all of that instance, one to a `SocketAddress` that member. PermissionError
        for a reserved type or a socket in a group, OSError EINVAL for a scope that does not exist.
        """
        flags = TIPC_GROUP_LOOPBACK * loopback | TIPC_GROUP_MEMBER_EVTS * member_events
        self.set_option(TIPC_GROUP_JOIN, GroupRequest(type, instance, scope, flags))

    def leave_group(self) -> None:
        """Leave the communication group. OSError EINVAL if the socket is in none."""
        self.set_option(TIPC_GROUP_LEAVE, None)

    def group(self) -> int:
        """Return the type of the communication group that the socket is in, 0 for none."""
        data = self.getsockopt(constants.SOL_TIPC, constants.TIPC_GROUP_JOIN, codecs.U32.size_bytes)
        return codecs.U32.decode(data)

    def recv_group(self, bufsize_bytes: int = constants.TIPC_MAX_USER_MSG_SIZE) -> GroupMessage:
        """Return the next message or membership event of the communication group, with its sender.

        Waits as recv does. At most ``bufsize_bytes`` (from 1 on) of a message are kept. OSError as
        recvmsg(2) fails.
        """
        message = self.recv_message(bufsize_bytes)
        member = message.address if isinstance(message.address, GroupMember) else None
        event = bool(message.flags & MSG_OOB)
        left = bool(message.flags & MSG_EOR)
        return GroupMessage(message.data, member, event and not left, event and left)


class TipcRdmSocket(_GroupSocket, family=AF_TIPC, type=SOCK_RDM, proto=0):
    """A socket of SOCK_RDM: datagrams to names, ranges and sockets, and communication groups.

    Links drop no message of it. One that nobody takes comes back if TIPC_DEST_DROPPABLE is off.
    """

    __slots__ = ()


class TipcDatagramSocket(_GroupSocket, family=AF_TIPC, type=SOCK_DGRAM, proto=0):
    """A socket of SOCK_DGRAM: as `TipcRdmSocket`, but links may drop messages under load.

    TIPC_SRC_DROPPABLE is on.
    """

    __slots__ = ()


class TipcStreamSocket(_TipcSocket, family=AF_TIPC, type=SOCK_STREAM, proto=0):
    """A socket of SOCK_STREAM: a connection that carries bytes.

    ``connect`` returns when the server accepts.
    """

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[TipcStreamSocket, tuple[int, int, int, int, int]]: ...


class TipcSeqpacketSocket(_TipcSocket, family=AF_TIPC, type=SOCK_SEQPACKET, proto=0):
    """A socket of SOCK_SEQPACKET: a connection that carries messages, and the topology service.

    ``connect`` returns when the server accepts.
    """

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[TipcSeqpacketSocket, tuple[int, int, int, int, int]]: ...

    def subscribe(
        self,
        service: ServiceAddress | ServiceRange | tuple[int, ...],
        timeout_ms: int | None = None,
        filter: int = TIPC_SUB_PORTS,
        handle: bytes = bytes(8),
    ) -> Subscription:
        """Ask the topology service to report services that come and go in a range.

        Connects the socket to the service first if it has no peer. Current services give events
        too. ``service`` is a name or range in any shape (type 0 for nodes, 2 for links);
        ``timeout_ms`` (0-4294967294) ends the subscription with an event, None never does;
        ``filter`` is TIPC_SUB_PORTS or TIPC_SUB_SERVICE; ``handle`` is 8 bytes that events repeat.
        Returns the subscription, for `cancel`. OverflowError, TypeError and ValueError for values
        for which the service would end the connection or never answer; OSError as connect(2) and
        send(2) fail. Source: net/tipc/subscr.c.
        """
        wanted = _range(service)
        if filter not in _FILTERS:
            raise ValueError(
                "subscribe(): AF_TIPC filter must be TIPC_SUB_PORTS (1) or TIPC_SUB_SERVICE (2), "
                f"not {filter!r}"
            )
        if timeout_ms is not None:
            codecs.check_int("subscribe(): AF_TIPC timeout_ms", timeout_ms, FOREVER_MS - 1)
        forever = FOREVER_MS if timeout_ms is None else timeout_ms
        subscription = Subscription(
            wanted.type, wanted.lower, wanted.upper, forever, filter, handle
        )
        if self.peer_address is None:
            self.connect(_TOPOLOGY_SERVICE)
        self.send(subscription.pack())
        return subscription

    def cancel(self, subscription: Subscription) -> None:
        """End a subscription of this socket; no event confirms it. OSError as send(2) fails."""
        self.send(subscription.cancelled().pack())

    def recv_event(self) -> TopologyEvent:
        """Return the next event of the topology service.

        Waits as recv does (TimeoutError, BlockingIOError). ConnectionResetError if the service
        ended the connection, as it does for a subscription that it refuses.
        """
        data = self.recv(TopologyEvent.layout.size)
        if not data:
            raise ConnectionResetError("recv_event(): the topology service ended the connection")
        return TopologyEvent.unpack(data)

    def events(self) -> Iterator[TopologyEvent]:
        """Yield events of the topology service without end; errors are those of `recv_event`.

        The last event of a subscription that had a time limit has ``timed_out`` set.
        """
        while True:
            yield self.recv_event()


def _ask(sock: socket, request: int, argument: _S) -> _S:
    from fcntl import ioctl

    return argument.unpack(ioctl(sock, request, argument.pack()))


def _typed(address: Any) -> Address:
    if isinstance(address, RawAddress):
        return TipcAddress.unpack(address.pack())
    if isinstance(address, Address):
        return address
    return TipcAddress.from_stdlib(address, Lookup("bind"))


def _range(service: Any) -> ServiceRange:
    wanted = _typed(service)
    if isinstance(wanted, ServiceAddress):
        return ServiceRange(wanted.type, wanted.instance, wanted.instance)
    if isinstance(wanted, ServiceRange):
        if wanted.lower > wanted.upper:
            raise ValueError(
                f"subscribe(): AF_TIPC lower must be at most upper, {wanted.upper}, not "
                f"{wanted.lower}"
            )
        return wanted
    raise TypeError(f"subscribe(): AF_TIPC service must be a name or a range, not {wanted!r}")
