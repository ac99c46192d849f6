"""Self-tests with the kernel over netlink, and between two processes' ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from famsock.plugin import selftest
from famsock_netlink.addresses import NetlinkAddress
from famsock_netlink.constants import (
    GENL_ID_CTRL,
    IFF_LOOPBACK,
    NETLINK_USERSOCK,
    NLMSG_MIN_TYPE,
)
from famsock_netlink.generic import GenericNetlinkSocket
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.route import RouteSocket
from famsock_netlink.sockets import NetlinkSocket

__all__ = [
    "generic",
    "route",
    "usersock",
]


@contextmanager
def route() -> Iterator[selftest.RoundTrip]:
    """Yield a check of RTM_GETLINK for the loopback interface."""
    with RouteSocket() as sock:
        sock.settimeout(selftest.TIMEOUT_S)

        def round_trip() -> None:
            link = sock.link("lo")
            selftest.expect((link.name, link.flags & IFF_LOOPBACK), ("lo", IFF_LOOPBACK))

        yield round_trip


@contextmanager
def generic() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip: ask the generic controller for its own description."""
    with GenericNetlinkSocket() as sock:
        sock.settimeout(selftest.TIMEOUT_S)
        yield lambda: selftest.expect(sock.generic_family("nlctrl").id, GENL_ID_CTRL)


@contextmanager
def usersock() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of a message from one port to another."""
    with (
        NetlinkSocket(proto=NETLINK_USERSOCK) as one,
        NetlinkSocket(proto=NETLINK_USERSOCK) as other,
    ):
        for sock in (one, other):
            sock.settimeout(selftest.TIMEOUT_S)
            sock.bind(NetlinkAddress(0))
        message = NetlinkMessage(NLMSG_MIN_TYPE, b"ping", sequence=1)

        def round_trip() -> None:
            one.send_messages(message, to=NetlinkAddress(*other.getsockname()))
            other.send_messages(*other.recv_messages(), to=NetlinkAddress(*one.getsockname()))
            selftest.expect(one.recv_messages(), [message])

        yield round_trip
