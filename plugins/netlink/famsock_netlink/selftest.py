"""Self-tests with the kernel over netlink, and between two processes' ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socket import SOCK_RAW

from famsock.plugin import selftest
from famsock_netlink.addresses import NetlinkAddress
from famsock_netlink.constants import (
    AF_NETLINK,
    GENL_ID_CTRL,
    IFF_LOOPBACK,
    NETLINK_GENERIC,
    NETLINK_ROUTE,
    NETLINK_USERSOCK,
    NLMSG_MIN_TYPE,
)
from famsock_netlink.messages import NetlinkMessage


@contextmanager
def route() -> Iterator[selftest.RoundTrip]:
    """Yield a check of RTM_GETLINK for the loopback interface."""
    with selftest.sockets(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, count=1) as (sock,):

        def round_trip() -> None:
            link = sock.link("lo")
            selftest.expect((link.name, link.flags & IFF_LOOPBACK), ("lo", IFF_LOOPBACK))

        yield round_trip


@contextmanager
def generic() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip: ask the generic controller for its own description."""
    with selftest.sockets(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, count=1) as (sock,):
        yield lambda: selftest.expect(sock.generic_family("nlctrl").id, GENL_ID_CTRL)


@contextmanager
def usersock() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of a message from one port to another."""
    with selftest.sockets(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK) as (one, other):
        for sock in (one, other):
            sock.bind(NetlinkAddress(0))
        message = NetlinkMessage(NLMSG_MIN_TYPE, b"ping", sequence=1)

        def round_trip() -> None:
            one.send_messages(message, to=other.local_address)
            other.send_messages(*other.recv_messages(), to=one.local_address)
            selftest.expect(one.recv_messages(), [message])

        yield round_trip
