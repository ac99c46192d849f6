"""Addresses of AF_QIPCRTR: a node and a port. Sources: linux/qrtr.h, net/qrtr/af_qrtr.c."""

from __future__ import annotations

from famsock.plugin import Address, AddressRangeError, cstruct, sockaddr
from famsock_qipcrtr.constants import AF_QIPCRTR, QRTR_NODE_BCAST, QRTR_PORT_CTRL

__all__ = [
    "QipcrtrAddress",
]


@sockaddr(
    "struct sockaddr_qrtr",
    header="linux/qrtr.h",
    family=AF_QIPCRTR,
    family_name="AF_QIPCRTR",
    size=12,
)
class QipcrtrAddress(Address):
    """A port of a node: of a processor of the system on chip.

    ``node`` is 0-4294967295, 4294967295 (QRTR_NODE_BCAST) for all nodes. ``port`` is 0-4294967295:
    0 lets the kernel choose one from 16384 to 32767, to bind to a lower one needs CAP_NET_ADMIN,
    and 4294967294 (QRTR_PORT_CTRL) is the node's name service. Stdlib form: ``(node, port)``.
    Text: ``1:16384``.

    Wire layout: u16 family, 2 zero bytes, u32 node, u32 port, in host order. For an integer out of
    range raises AddressRangeError, which is an OverflowError and an OSError: CPython masks it, so
    that its callers meet the kernel's refusal. Source: linux/qrtr.h.
    """

    range_error = AddressRangeError

    node: int = cstruct.u32("sq_node", offset=4)
    port: int = cstruct.u32("sq_port", offset=8)

    @property
    def is_broadcast(self) -> bool:
        """True if the address is that of all nodes."""
        return self.node == QRTR_NODE_BCAST

    @property
    def is_control(self) -> bool:
        """True if the address is that of a node's name service."""
        return self.port == QRTR_PORT_CTRL
