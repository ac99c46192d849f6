"""Hints for failures of AF_INET and AF_INET6, each true for every cause of its errno in its call.

Causes are those of the kernel's net/ipv4 and net/ipv6: inet_bind, ip4_datagram_connect,
ip6_datagram_connect, udp_sendmsg, rawv6_sendmsg, ping_init_sock, mptcp_init_sock.
"""

from __future__ import annotations

import os
import socket as _stdlib
from errno import (
    EACCES,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EINVAL,
    ENOPROTOOPT,
    EPROTONOSUPPORT,
)

from famsock.plugin import Hint, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Hints = dict[Any, Any]

_SENDS = ("sendto", "sendmsg", "sendmmsg")
_SO_BINDTODEVICE = 25
_DATAGRAM_PROTOCOLS = (0, 17, 136)  # UDP, by its number or by the type, and UDP-Lite
_IPV6_MODULE = "/sys/module/ipv6"

_PORT = Hint(
    "a port below the sysctl net.ipv4.ip_unprivileged_port_start needs CAP_NET_BIND_SERVICE",
    check="sysctl net.ipv4.ip_unprivileged_port_start tells the lowest port that needs none",
    possible=True,
)
_NOT_LOCAL = Hint(
    "no interface here has the address; IP_FREEBIND or the sysctl net.ipv4.ip_nonlocal_bind=1 "
    "allows it all the same",
    check="ip -4 -br address",
    possible=True,
)
_NOT_LOCAL6 = Hint(
    "no interface here has the address, or it is tentative still; IPV6_FREEBIND or the sysctl "
    "net.ipv6.ip_nonlocal_bind=1 allows it all the same",
    check="ip -6 address: the line of the address is missing, or has the word tentative",
    possible=True,
)
_BROADCAST = Hint(
    "a broadcast address needs SO_BROADCAST",
    check="sock.getsockopt(SOL_SOCKET, SO_BROADCAST) is 0; ip -4 address tells after brd the "
    "broadcast addresses",
    possible=True,
)
_SCOPE = Hint(
    "a link-local address needs its interface",
    "scope_id, or a zone as in 'fe80::1%eth0'",
    check="the address begins with fe80 to febf",
)
_BOUND = Hint(
    "the socket is bound already, and can be bound only once",
    check="sock.getsockname() tells a port",
)
_NO_PORT = Hint("port 0 is no destination")
_RAW_PORT = Hint("the port of a raw socket's address must be 0 or the number of its protocol")
_PING = Hint(
    "the sysctl net.ipv4.ping_group_range contains no group of yours, as after sysctl -w "
    "net.ipv4.ping_group_range='0 2147483647'",
    check="sysctl net.ipv4.ping_group_range; id -G",
    possible=True,
)
_NO_MPTCP = Hint(
    "MPTCP is switched off", "sysctl -w net.mptcp.enabled=1", check="sysctl net.mptcp.enabled"
)
_OLD_MPTCP = Hint(
    "the kernel was built without CONFIG_MPTCP, or is older than 5.6",
    check="uname -r; sysctl net.mptcp.enabled finds nothing",
    possible=True,
)
_NO_UDPLITE = Hint("Linux has no UDP-Lite any more, from 7.1 on", check="uname -r", possible=True)
_NO_IPV6 = Hint(
    "IPv6 was switched off at the kernel's start, by ipv6.disable=1",
    check="grep ipv6.disable /proc/cmdline",
    possible=True,
)
_MODPROBE = Hint(
    "the kernel lacks the module ipv6",
    "modprobe ipv6",
    check="ls -d /sys/module/ipv6",
    possible=True,
)


def _item(address: Any, position: int, name: str, default: Any) -> Any:
    """An item of an address in the stdlib's form, or a field of a typed one."""
    if isinstance(address, tuple):
        return address[position] if len(address) > position else default
    return getattr(address, name, default)


@one_of(_BROADCAST)
def _needs_broadcast(sock: Any, address: Any) -> str | None:
    """A broadcast is the cause only of IPv4's datagrams on a socket without SO_BROADCAST."""
    host = str(_item(address, 0, "host", ""))
    if sock.type == _stdlib.SOCK_STREAM or (
        sock.family == _stdlib.AF_INET6 and not host.lower().startswith("::ffff:")
    ):
        return None
    on = _stdlib.socket.getsockopt(sock, _stdlib.SOL_SOCKET, _stdlib.SO_BROADCAST)
    return None if on else _BROADCAST


def _is_link_local(address: Any) -> bool:
    host = str(_item(address, 0, "host", "")).lower()
    return host[:3] in ("fe8", "fe9", "fea", "feb") and host[4:5] == ":" and "%" not in host


def _lacks_scope(sock: Any, address: Any) -> bool:
    if not _is_link_local(address) or _item(address, 3, "scope_id", 0):
        return False
    device = _stdlib.socket.getsockopt(sock, _stdlib.SOL_SOCKET, _SO_BINDTODEVICE, 16)
    return not device.strip(b"\0")


@one_of(_BOUND, _SCOPE)
def _bind_invalid(sock: Any, address: Any) -> str | None:
    if _stdlib.socket.getsockname(sock)[1] and sock.type != _stdlib.SOCK_RAW:
        return _BOUND
    return _SCOPE if _lacks_scope(sock, address) else None


@one_of(_SCOPE)
def _connect_invalid(sock: Any, address: Any) -> str | None:
    return _SCOPE if _lacks_scope(sock, address) else None


@one_of(_RAW_PORT, _NO_PORT, _SCOPE)
def _send_invalid(sock: Any, address: Any) -> str | None:
    port = _item(address, 1, "port", None)
    if sock.type == _stdlib.SOCK_RAW:
        wrong = sock.family == _stdlib.AF_INET6 and port and port not in (0, sock.proto)
        return _RAW_PORT if wrong else None
    if port == 0 and sock.type == _stdlib.SOCK_DGRAM and sock.proto in _DATAGRAM_PROTOCOLS:
        return _NO_PORT
    return _connect_invalid(sock, address)


@one_of(_NO_IPV6, _MODPROBE)
def _no_ipv6(sock: Any, address: Any) -> str:
    return _NO_IPV6 if os.path.isdir(_IPV6_MODULE) else _MODPROBE


INET: Hints = {
    ("bind", EACCES): _PORT,
    ("bind", EADDRNOTAVAIL): _NOT_LOCAL,
    ("bind", EINVAL): _bind_invalid,
    **{(operation, EACCES): _needs_broadcast for operation in ("connect", *_SENDS)},
    **{(operation, EINVAL): _send_invalid for operation in _SENDS},
}
INET6: Hints = {
    **INET,
    ("bind", EADDRNOTAVAIL): _NOT_LOCAL6,
    ("connect", EINVAL): _connect_invalid,
    ("socket", EAFNOSUPPORT): _no_ipv6,
}
UDPLITE: Hints = {("socket", EPROTONOSUPPORT): _NO_UDPLITE}
MPTCP: Hints = {
    ("socket", ENOPROTOOPT): _NO_MPTCP,
    ("socket", EPROTONOSUPPORT): _OLD_MPTCP,
}
ICMP: Hints = {("socket", EACCES): _PING}
