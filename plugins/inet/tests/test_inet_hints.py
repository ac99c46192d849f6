"""Every cause of an error of INET and INET6, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    SO_BROADCAST,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
)
from typing import Any

import pytest
from famsock_inet import (
    Icmp6Socket,
    IcmpSocket,
    Inet6Address,
    InetAddress,
    Ip6RawSocket,
    IpRawSocket,
    MptcpSocket,
    Tcp6Socket,
    TcpSocket,
    Udp6Socket,
    UdpSocket,
    _hints,
)

from famsock._registry.creation_hints import add_creation_hint
from famsock.testing.hints import Cause, check_cause, unprivileged, unprovoked

BOUND, SCOPE, BROADCAST = "is bound already", "a link-local address needs", "SO_BROADCAST"
LOCAL, RAW_PORT, NO_PORT = "has the address", "the port of a raw socket's", "port 0 is no"
NEVER = (BOUND, SCOPE, BROADCAST, LOCAL, RAW_PORT, NO_PORT)


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=60)


def _bind(cls: Callable[..., Any], *addresses: Any) -> Callable[[ExitStack], object]:
    def provoke(stack: ExitStack) -> None:
        sock = stack.enter_context(cls())
        for address in addresses:
            sock.bind(address)

    return provoke


def _call(
    cls: Callable[..., Any],
    method: str,
    address: Any,
    *setup: str,
    data: bytes = b"pay",
    **options: bool,
) -> Callable[[ExitStack], object]:
    """Call a method with an address, after commands of ip, and with options of SOL_SOCKET on."""

    def provoke(stack: ExitStack) -> None:
        for command in setup:
            _ip(command)
        sock = stack.enter_context(cls())
        if options.get("broadcast"):
            sock.setsockopt(SOL_SOCKET, SO_BROADCAST, True)
        if options.get("device"):
            sock.setsockopt(SOL_SOCKET, 25, b"lo\0")
        if method == "sendto":
            sock.sendto(data, address)
        elif method == "sendmsg":
            sock.sendmsg([data], (), 0, address)
        elif method == "sendmmsg":
            sock.sendmmsg([(data, address)])
        else:
            sock.connect(address)

    return provoke


def _privileged_port(cls: Callable[..., Any]) -> Callable[[ExitStack], object]:
    def provoke(stack: ExitStack) -> None:
        stack.enter_context(unprivileged())
        stack.enter_context(cls()).bind(("127.0.0.1" if cls is TcpSocket else "::1", 80))

    return provoke


def _tentative(stack: ExitStack) -> None:
    """An address whose uniqueness is not yet established."""
    _ip("link add name d0 type veth peer name d1")
    _ip("link set d0 up")
    _ip("address add 2001:db8::9/64 dev d0")
    stack.enter_context(Udp6Socket()).bind(("2001:db8::9", 0))


def _all_ports_taken(stack: ExitStack) -> None:
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40001")
    listener = stack.enter_context(TcpSocket())
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    for _ in range(3):
        stack.enter_context(TcpSocket()).connect(listener.getsockname())


def _leave(stack: ExitStack) -> None:
    stack.enter_context(UdpSocket()).leave_group("224.0.0.99", "lo")


def _leave6(stack: ExitStack) -> None:
    stack.enter_context(Udp6Socket()).leave_group("ff02::99", "lo")


def _ping(cls: Callable[..., Any]) -> Callable[[ExitStack], object]:
    def provoke(stack: ExitStack) -> None:
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("1 0")
        stack.enter_context(cls())

    return provoke


def _raw(stack: ExitStack) -> None:
    stack.enter_context(unprivileged())
    stack.enter_context(IpRawSocket(proto=IPPROTO_ICMP))


RAW6 = partial(Ip6RawSocket, proto=IPPROTO_ICMPV6)
ALL, FAR, PORT_5 = ("127.255.255.255", 9), ("198.51.100.1", 9), ("::1", 5)
PROHIBIT = "route add prohibit 198.51.100.1"
PROHIBIT6 = "-6 route add prohibit 2001:db8:9::1"
LINK_LOCAL, MAPPED = ("fe80::1", 9), ("::ffff:127.255.255.255", 9)
CAUSES = (
    # bind
    Cause("a low port", _privileged_port(TcpSocket), errno.EACCES, "CAP_NET_BIND_SERVICE"),
    Cause("a low port 6", _privileged_port(Tcp6Socket), errno.EACCES, "CAP_NET_BIND_SERVICE"),
    Cause("no local address", _bind(UdpSocket, ("192.0.2.250", 0)), errno.EADDRNOTAVAIL, LOCAL),
    Cause("typed", _bind(UdpSocket, InetAddress("192.0.2.250", 0)), errno.EADDRNOTAVAIL, LOCAL),
    Cause(
        "no local address 6",
        _bind(Udp6Socket, ("2001:db8::7", 0)),
        errno.EADDRNOTAVAIL,
        "is tentative still; IPV6_FREEBIND",
    ),
    Cause("tentative", _tentative, errno.EADDRNOTAVAIL, "or it is tentative"),
    Cause("twice", _bind(UdpSocket, *[("127.0.0.1", 0)] * 2), errno.EINVAL, BOUND, (SCOPE,)),
    Cause("twice TCP", _bind(TcpSocket, *[("127.0.0.1", 0)] * 2), errno.EINVAL, BOUND, (SCOPE,)),
    Cause("twice 6", _bind(Udp6Socket, *[("::1", 0)] * 2), errno.EINVAL, BOUND, (SCOPE,)),
    Cause("no scope", _bind(Udp6Socket, ("fe80::1", 0)), errno.EINVAL, SCOPE, (BOUND,)),
    Cause("no scope TCP", _bind(Tcp6Socket, ("fe80::1", 0)), errno.EINVAL, SCOPE, (BOUND,)),
    Cause("no scope, raw", _bind(RAW6, ("fe80::1", 0)), errno.EINVAL, SCOPE, (BOUND,)),
    Cause("typed no scope", _bind(Udp6Socket, Inet6Address("fe80::1", 0)), errno.EINVAL, SCOPE),
    Cause("multicast TCP", _bind(Tcp6Socket, ("ff02::1", 0)), errno.EINVAL),
    # connect and the calls that send
    *(
        Cause(f"broadcast {m}", _call(UdpSocket, m, ALL), errno.EACCES, BROADCAST)
        for m in ("connect", "sendto", "sendmsg", "sendmmsg")
    ),
    Cause("broadcast by INET6", _call(Udp6Socket, "sendto", MAPPED), errno.EACCES, BROADCAST),
    Cause(
        "prohibited",
        _call(UdpSocket, "sendto", FAR, PROHIBIT, broadcast=True),
        errno.EACCES,
    ),
    Cause(
        "prohibited, perhaps a broadcast",
        _call(UdpSocket, "sendto", FAR, PROHIBIT),
        errno.EACCES,
        "One possible cause: a broadcast address",
    ),
    Cause("prohibited TCP", _call(TcpSocket, "connect", FAR, PROHIBIT), errno.EACCES),
    Cause(
        "prohibited 6",
        _call(Udp6Socket, "sendto", ("2001:db8:9::1", 9), PROHIBIT6),
        errno.EACCES,
        never=NEVER,
    ),
    Cause("connect, no scope", _call(Udp6Socket, "connect", LINK_LOCAL), errno.EINVAL, SCOPE),
    Cause("connect TCP, no scope", _call(Tcp6Socket, "connect", LINK_LOCAL), errno.EINVAL, SCOPE),
    Cause("no port", _call(UdpSocket, "sendto", ("127.0.0.1", 0)), errno.EINVAL, NO_PORT, (SCOPE,)),
    Cause("no port 6", _call(Udp6Socket, "sendto", ("::1", 0)), errno.EINVAL, NO_PORT, (SCOPE,)),
    Cause(
        "no port, no scope",
        _call(Udp6Socket, "sendto", ("fe80::1", 0)),
        errno.EINVAL,
        NO_PORT,
        (SCOPE,),
    ),
    *(
        Cause(f"raw6 port {m}", _call(RAW6, m, PORT_5), errno.EINVAL, RAW_PORT, (SCOPE,))
        for m in ("sendto", "sendmsg", "sendmmsg")
    ),
    Cause(
        "a short ping",
        _call(IcmpSocket, "sendto", ("127.0.0.1", 0), data=b"x"),
        errno.EINVAL,
        never=NEVER,
    ),
    Cause(
        "a short ping 6",
        _call(Icmp6Socket, "sendto", ("::1", 0), data=b"x"),
        errno.EINVAL,
        never=NEVER,
    ),
    Cause("every port is taken", _all_ports_taken, errno.EADDRNOTAVAIL, never=NEVER),
    # options
    Cause("leave a group not joined", _leave, errno.EADDRNOTAVAIL, never=NEVER),
    Cause("leave a group not joined 6", _leave6, errno.EADDRNOTAVAIL, never=NEVER),
    # socket
    Cause("ping", _ping(IcmpSocket), errno.EACCES, "net.ipv4.ping_group_range contains no group"),
    Cause("ping 6", _ping(Icmp6Socket), errno.EACCES, "ping_group_range contains no group"),
    Cause("raw", _raw, errno.EPERM, "this process lacks CAP_NET_RAW"),
)


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.usefixtures("new_network_namespace")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


def _switch_mptcp_off(stack: ExitStack) -> None:
    Path("/proc/sys/net/mptcp/enabled").write_text("0")
    stack.enter_context(MptcpSocket())


def _unknown_mptcp_option(stack: ExitStack) -> None:
    stack.enter_context(MptcpSocket()).get_option("TCP_MD5SIG")


MPTCP = (
    Cause("switched off", _switch_mptcp_off, errno.ENOPROTOOPT, "MPTCP is switched off"),
    Cause("an option that there is not", _unknown_mptcp_option, errno.EOPNOTSUPP),
)


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.usefixtures("new_network_namespace")
@pytest.mark.parametrize("cause", MPTCP, ids=lambda cause: cause.name)
def test_cause_of_mptcp(cause: Cause) -> None:
    if not Path("/proc/sys/net/mptcp").is_dir():
        pytest.skip("the kernel has no MPTCP; CONFIG_MPTCP brings it")
    check_cause(cause)


# Kernels that are not at hand: socket(2) fails as theirs does


def _refused(number: int, *kind: int) -> Callable[[ExitStack], object]:
    def provoke(stack: ExitStack) -> None:
        error = OSError(number, os.strerror(number))
        add_creation_hint(error, *kind)
        raise error

    return provoke


NO_PROTOCOL, NO_IPV6 = errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT
REFUSED = (
    Cause("7.1", _refused(NO_PROTOCOL, AF_INET, SOCK_DGRAM, 136), NO_PROTOCOL, "no UDP-Lite any"),
    Cause(
        "7.1, INET6",
        _refused(NO_PROTOCOL, AF_INET6, SOCK_DGRAM, 136),
        NO_PROTOCOL,
        "no UDP-Lite any more",
        ("modprobe",),
    ),
    Cause(
        "no SCTP", _refused(NO_PROTOCOL, AF_INET, SOCK_STREAM, 132), NO_PROTOCOL, "modprobe sctp"
    ),
    Cause("5.5", _refused(NO_PROTOCOL, AF_INET, SOCK_STREAM, 262), NO_PROTOCOL, "without CONFIG_"),
    Cause(
        "type", _refused(NO_PROTOCOL, AF_INET, SOCK_DGRAM, 6), NO_PROTOCOL, "AF_INET tcp is open"
    ),
)
NO_FAMILY = (
    Cause("at start", _refused(NO_IPV6, AF_INET6, SOCK_DGRAM, 0), NO_IPV6, "ipv6.disable=1"),
    Cause("not loaded", _refused(NO_IPV6, AF_INET6, SOCK_DGRAM, 0), NO_IPV6, "modprobe ipv6"),
)


@pytest.mark.parametrize("cause", NO_FAMILY, ids=lambda cause: cause.name)
def test_a_kernel_without_ipv6(
    cause: Cause, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = tmp_path if cause is NO_FAMILY[0] else tmp_path / "none"
    monkeypatch.setattr(_hints, "_IPV6_MODULE", str(there))
    check_cause(cause)


@pytest.mark.parametrize("cause", REFUSED, ids=lambda cause: cause.name)
def test_a_kernel_that_is_not_at_hand(cause: Cause, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("famsock._hints._MODULES", "/nowhere")
    check_cause(cause)


def test_every_hint_is_provoked() -> None:
    assert unprovoked("famsock_inet", (*CAUSES, *MPTCP, *REFUSED, *NO_FAMILY)) == []
