"""Values of options, control messages, groups and the topology service of AF_TIPC.

The structs are in host order. Source: linux/tipc.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from famsock.plugin import Struct, cstruct
from famsock_tipc.addresses import GroupMember, ServiceRange, SocketAddress
from famsock_tipc.constants import (
    TIPC_CLUSTER_SCOPE,
    TIPC_GROUP_LOOPBACK,
    TIPC_GROUP_MEMBER_EVTS,
    TIPC_MAX_LINK_NAME,
    TIPC_NODEID_LEN,
    TIPC_PUBLISHED,
    TIPC_SUB_CANCEL,
    TIPC_SUB_PORTS,
    TIPC_SUBSCR_TIMEOUT,
    TIPC_WITHDRAWN,
)

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "FOREVER_MS",
    "DestinationName",
    "GroupMessage",
    "GroupRequest",
    "Subscription",
    "TopologyEvent",
]

FOREVER_MS = 0xFFFFFFFF
"""TIPC_WAIT_FOREVER as a subscription's u32 carries it."""


@cstruct.struct("struct tipc_service_range", header="linux/tipc.h")
class DestinationName(Struct):
    """TIPC_DESTNAME: the name that a message was sent to, or that a connection was made to.

    ``type``, ``lower`` and ``upper`` are 0-4294967295; lower is upper unless it was multicast.
    """

    type: int = cstruct.u32("type")
    lower: int = cstruct.u32("lower")
    upper: int = cstruct.u32("upper")


@cstruct.struct("struct tipc_group_req", header="linux/tipc.h")
class GroupRequest(Struct):
    """TIPC_GROUP_JOIN: which group, and as what member.

    ``type`` (64-4294967295) is the group and ``instance`` (0-4294967295) the member's identity,
    which several may share. ``scope`` is TIPC_CLUSTER_SCOPE or TIPC_NODE_SCOPE. ``flags``:
    TIPC_GROUP_LOOPBACK, TIPC_GROUP_MEMBER_EVTS.
    """

    type: int = cstruct.u32("type")
    instance: int = cstruct.u32("instance")
    scope: int = cstruct.u32("scope", default=TIPC_CLUSTER_SCOPE)
    flags: int = cstruct.u32("flags", default=0)

    @property
    def loopback(self) -> bool:
        """True if the member gets its own messages too."""
        return bool(self.flags & TIPC_GROUP_LOOPBACK)

    @property
    def member_events(self) -> bool:
        """True if the member receives reports of others that join and leave."""
        return bool(self.flags & TIPC_GROUP_MEMBER_EVTS)


@attrs.frozen
class GroupMessage:
    """A message that a member of a communication group received.

    ``sender`` is the member that sent ``data``, or that ``joined`` or ``left``; None if the kernel
    gave none. An event of membership has no data.
    """

    data: bytes
    sender: GroupMember | None
    joined: bool = False
    left: bool = False


@cstruct.struct("struct tipc_subscr", header="linux/tipc.h")
class Subscription(Struct):
    """A subscription with the topology service: what to report, and for how long.

    ``type``, ``lower`` and ``upper`` (0-4294967295) are the range of services, TIPC_NODE_STATE (0)
    with node hashes as instances for the nodes themselves. ``timeout_ms`` is 0-4294967295,
    4294967295 for no end. ``filter`` is TIPC_SUB_PORTS for an event at every match or
    TIPC_SUB_SERVICE for one when the first comes and the last goes. ``handle`` is 8 bytes of the
    subscriber's, which come back with each event.
    """

    type: int = cstruct.u32("seq.type")
    lower: int = cstruct.u32("seq.lower")
    upper: int = cstruct.u32("seq.upper")
    timeout_ms: int = cstruct.u32("timeout", default=FOREVER_MS)
    filter: int = cstruct.u32("filter", default=TIPC_SUB_PORTS)
    handle: bytes = cstruct.raw("usr_handle", 8, default=bytes(8))

    @property
    def service(self) -> ServiceRange:
        """The range of services as an address."""
        return ServiceRange(self.type, self.lower, self.upper)

    def cancelled(self) -> Self:
        """Return the request that ends this subscription."""
        return type(self).unchecked(
            self.type,
            self.lower,
            self.upper,
            self.timeout_ms,
            self.filter | TIPC_SUB_CANCEL,
            self.handle,
        )


@cstruct.struct("struct tipc_event", header="linux/tipc.h")
class TopologyEvent(Struct):
    """An event of the topology service for a subscriber, 48 bytes.

    ``event`` is TIPC_PUBLISHED, TIPC_WITHDRAWN or TIPC_SUBSCR_TIMEOUT. ``found_lower`` and
    ``found_upper`` are the instances that came or went, ``ref`` and ``node`` the socket that has
    them; for TIPC_SUBSCR_TIMEOUT they repeat the subscription's and 0. ``subscription`` is the one
    that the event answers.
    """

    event: int = cstruct.u32("event")
    found_lower: int = cstruct.u32("found_lower")
    found_upper: int = cstruct.u32("found_upper")
    ref: int = cstruct.u32("port.ref")
    node: int = cstruct.u32("port.node")
    subscription: Subscription = cstruct.field(cstruct.nested(Subscription), "s", offset=20)

    @property
    def published(self) -> bool:
        """True if a service was published."""
        return self.event == TIPC_PUBLISHED

    @property
    def withdrawn(self) -> bool:
        """True if a service was withdrawn."""
        return self.event == TIPC_WITHDRAWN

    @property
    def timed_out(self) -> bool:
        """True if the subscription timed out: no event follows."""
        return self.event == TIPC_SUBSCR_TIMEOUT

    @property
    def service(self) -> ServiceRange:
        """The range that came or went as an address."""
        return ServiceRange(self.subscription.type, self.found_lower, self.found_upper)

    @property
    def socket_address(self) -> SocketAddress:
        """The socket that has the range."""
        return SocketAddress(self.node, self.ref)


@cstruct.struct("struct tipc_sioc_ln_req", header="linux/tipc.h")
class LinkNameRequest(Struct):
    """SIOCGETLINKNAME: the peer node's hash and the bearer in, the link's name out."""

    peer: int = cstruct.u32("peer")
    bearer_id: int = cstruct.u32("bearer_id")
    name: str = cstruct.char("linkname", TIPC_MAX_LINK_NAME, default="")


@cstruct.struct("struct tipc_sioc_nodeid_req", header="linux/tipc.h")
class NodeIdRequest(Struct):
    """SIOCGETNODEID: the node's hash in, its identity of 16 bytes out."""

    peer: int = cstruct.u32("peer")
    node_id: bytes = cstruct.raw("node_id", TIPC_NODEID_LEN, default=bytes(TIPC_NODEID_LEN))
