"""Every cause of an error of AF_NETLINK, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import ipaddress
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from socket import AF_INET, SOCK_STREAM
from typing import Any

import pytest
from famsock_netlink import GenericNetlinkSocket, NetlinkAddress, NetlinkSocket, RouteSocket
from famsock_netlink import constants as nl
from famsock_netlink.attributes import Attribute
from famsock_netlink.messages import Acknowledgement
from famsock_netlink.route import LinkHeader
from famsock_netlink.routing import Route, Rule

import famsock
from famsock._registry.creation_hints import add_creation_hint
from famsock.testing.hints import Cause, check_cause, unprivileged, unprovoked

Call = Callable[[ExitStack], object]
ADMIN, BROADCAST = "CAP_NET_ADMIN", "CAP_NET_BROADCAST"
NEVER = (ADMIN, "CAP_", "were lost")


def _unprivileged(call: Callable[[Any], object], proto: int = nl.NETLINK_ROUTE) -> Call:
    """Call without capabilities on a socket of a protocol."""

    def provoke(stack: ExitStack) -> None:
        cls = RouteSocket if proto == nl.NETLINK_ROUTE else NetlinkSocket
        sock = stack.enter_context(cls(proto=proto))
        sock.settimeout(20)
        stack.enter_context(unprivileged())
        call(sock)

    return provoke


def _root(call: Callable[[RouteSocket], object], *commands: str) -> Call:
    def provoke(stack: ExitStack) -> None:
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=60)
        sock = stack.enter_context(RouteSocket())
        sock.settimeout(20)
        call(sock)

    return provoke


def _overrun(sock: RouteSocket) -> None:
    index = sock.link("lo").index
    sock.set_option("SO_RCVBUF", 1)
    sock.join_group(nl.RTNLGRP_LINK)
    with RouteSocket() as other:
        for mtu in range(1300, 1310):
            other.set_link(index, mtu=mtu)
    while True:
        sock.recv_messages()


def _lost_answer(sock: RouteSocket) -> None:
    """Ask while the receive buffer is full of a group's messages."""
    index = sock.link("lo").index
    sock.set_option("SO_RCVBUF", 1)
    sock.join_group(nl.RTNLGRP_LINK)
    with RouteSocket() as other:
        for mtu in range(1300, 1310):
            other.set_link(index, mtu=mtu)
    sock.set_link(index, mtu=1400)


def _no_generic_family(stack: ExitStack) -> None:
    stack.enter_context(GenericNetlinkSocket()).generic_family("famsock-none")


def _set_too_short_mtu(sock: RouteSocket) -> None:
    header = LinkHeader(index=sock.link("lo").index)
    sock.request(nl.RTM_SETLINK, header, [Attribute.u8(nl.IFLA_MTU, 1)])


def _missing(stack: ExitStack) -> None:
    """An answer as that of a kernel which misses an attribute; few subsystems tell it."""
    Acknowledgement(errno.EINVAL, missing_type=3, missing_in_offset_bytes=20).raise_for_error()


def _no_protocol(stack: ExitStack) -> None:
    error = OSError(errno.EPROTONOSUPPORT, "Protocol not supported")
    add_creation_hint(error, nl.AF_NETLINK, 3, nl.NETLINK_RDMA)
    raise error


def _another_type(stack: ExitStack) -> None:
    stack.enter_context(famsock.socket(nl.AF_NETLINK, SOCK_STREAM))


ROUTE = Route(destination=ipaddress.ip_network("198.51.100.0/24"))
OTHER = NetlinkAddress(1, 0)
NOT_PERMITTED = errno.EPERM
SENDS: dict[str, Callable[[Any], object]] = {
    "connect": lambda sock: sock.connect(OTHER),
    "sendto": lambda sock: sock.sendto(b"x" * 16, OTHER),
    "sendmsg": lambda sock: sock.sendmsg([b"x" * 16], (), 0, OTHER),
    "sendmmsg": lambda sock: sock.sendmmsg([(b"x" * 16, OTHER)]),
}
CAUSES = (
    Cause(
        "a group",
        _unprivileged(lambda sock: sock.bind(NetlinkAddress(0, 1)), nl.NETLINK_USERSOCK),
        NOT_PERMITTED,
        "CAP_NET_ADMIN is missing",
        (BROADCAST,),
    ),
    *(
        Cause(name, _unprivileged(call), NOT_PERMITTED, "a port other than the kernel's")
        for name, call in SENDS.items()
    ),
    Cause(
        "a group by its option",
        _unprivileged(lambda sock: sock.join_group(1), nl.NETLINK_USERSOCK),
        NOT_PERMITTED,
        "CAP_NET_ADMIN is missing",
    ),
    Cause(
        "every namespace",
        _unprivileged(lambda sock: sock.set_option("NETLINK_LISTEN_ALL_NSID", True)),
        NOT_PERMITTED,
        BROADCAST,
    ),
    Cause(
        "a change",
        _unprivileged(lambda sock: sock.set_link("lo", up=False)),
        NOT_PERMITTED,
        "a change needs CAP_NET_ADMIN",
    ),
    Cause("a group that there is not", _root(lambda s: s.join_group(9999)), errno.EINVAL),
    Cause("a datagram to nobody", _root(SENDS["sendto"]), errno.ECONNREFUSED, never=NEVER),
    Cause("an overrun", _root(_overrun), errno.ENOBUFS, "were lost"),
    Cause("an answer is lost", _root(_lost_answer), errno.ENOBUFS, "the answer was lost"),
    Cause("a generic family", _no_generic_family, errno.ENOENT, "its kernel module is not loaded"),
    Cause("an attribute of another size", _root(_set_too_short_mtu), errno.ERANGE, "at fault is"),
    Cause("a missing attribute", _missing, errno.EINVAL, "is missing", ("CAP_",)),
    Cause("no route", _root(lambda s: s.delete_route(ROUTE)), errno.ESRCH, "no route to ", NEVER),
    Cause(
        "no rule",
        _root(lambda s: s.delete_rule(Rule(AF_INET, priority=77, table=7))),
        errno.ENOENT,
        "no rule of priority ",
        NEVER,
    ),
    Cause(
        "no address",
        _root(lambda s: s.delete_address("lo", ipaddress.ip_interface("192.0.2.7/24"))),
        errno.EADDRNOTAVAIL,
        "the interface has no address ",
        NEVER,
    ),
    Cause("no protocol", _no_protocol, errno.EPROTONOSUPPORT, "modprobe ib_core"),
    Cause("another type", _another_type, errno.ESOCKTNOSUPPORT, "is opened with the type"),
)


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.usefixtures("new_network_namespace")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("famsock._hints._MODULES", "/nowhere")  # ib_core may be loaded
    check_cause(cause)


def test_every_hint_is_provoked() -> None:
    assert unprovoked("famsock_netlink", CAUSES) == []
