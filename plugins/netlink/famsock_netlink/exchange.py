"""Live exchanges with the kernel over netlink, and between two processes' ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import SOCK_RAW

from famsock.plugin import socket
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
from famsock_netlink.generic import GenericOperations
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.operations import NetlinkOperations
from famsock_netlink.route import RouteOperations

_TIMEOUT_S = 5.0


@contextmanager
def _opened(protocol: int) -> Iterator[socket]:
    with socket(AF_NETLINK, SOCK_RAW, protocol) as sock:
        sock.settimeout(_TIMEOUT_S)
        yield sock


@contextmanager
def route() -> Iterator[Callable[[], None]]:
    """RTM_GETLINK of the loopback interface."""
    with _opened(NETLINK_ROUTE) as sock:
        operations = RouteOperations(sock)

        def round_trip() -> None:
            link = operations.link("lo")
            _expect((link.name, link.flags & IFF_LOOPBACK), ("lo", IFF_LOOPBACK))

        yield round_trip


@contextmanager
def generic() -> Iterator[Callable[[], None]]:
    """The generic controller's description of itself."""
    with _opened(NETLINK_GENERIC) as sock:
        operations = GenericOperations(sock)
        yield lambda: _expect(operations.generic_family("nlctrl").id, GENL_ID_CTRL)


@contextmanager
def usersock() -> Iterator[Callable[[], None]]:
    """A message from one port to another, and back."""
    with _opened(NETLINK_USERSOCK) as one, _opened(NETLINK_USERSOCK) as other:
        for sock in (one, other):
            sock.bind(NetlinkAddress(0))
        ping, pong = NetlinkOperations(one), NetlinkOperations(other)
        message = NetlinkMessage(NLMSG_MIN_TYPE, b"ping", sequence=1)

        def round_trip() -> None:
            ping.send_messages(message, to=NetlinkAddress(other.getsockname()[0]))
            pong.send_messages(*pong.receive_messages(), to=NetlinkAddress(one.getsockname()[0]))
            _expect(ping.receive_messages(), [message])

        yield round_trip


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise RuntimeError(f"AF_NETLINK gave {got!r}, not {wanted!r}")
