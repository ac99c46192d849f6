"""Multicast routing in a network namespace of the test's own: /proc shows what the options did."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from socket import AF_INET6
from typing import Any

import pytest
from famsock_inet import Ip6RawSocket, IpRawSocket
from famsock_inet import constants as c
from famsock_inet.addresses import Inet6Address
from famsock_inet.options import ip, ipv6
from famsock_inet.structs.mroute import Mf6cctl, Mfcctl, Mif6ctl, Vifctl

import famsock

Run = Callable[[Callable[[], Any]], Any]
live = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_RAW"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors"),
]


def in_a_namespace(test: Any) -> Any:
    for mark in live:
        test = mark(test)
    return test


def rows(name: str) -> list[list[str]]:
    """Return the lines of a file of the thread's network namespace, without the first."""
    lines = Path("/proc/thread-self/net", name).read_text().splitlines()
    return [line.split() for line in lines[1:]]


@in_a_namespace
def test_routes_of_ipv4(in_namespace: Run) -> None:
    def check() -> None:
        index = famsock.if_nametoindex("v1")
        with IpRawSocket(proto=c.IPPROTO_IGMP) as sock:
            sock.set_option(ip.MRT_INIT, 1)
            assert sock.get_option(ip.MRT_VERSION) == 0x0305
            sock.set_option(ip.MRT_ADD_VIF, Vifctl(0, local="192.0.2.1"))
            sock.set_option(ip.MRT_ADD_VIF, Vifctl(1, c.VIFF_USE_IFINDEX, 3, local=index))
            assert [row[:2] for row in rows("ip_mr_vif")] == [["0", "v0"], ["1", "v1"]]
            entry = Mfcctl.towards("192.0.2.7", "239.1.2.3", 0, {1: 5})
            sock.set_option(ip.MRT_ADD_MFC, entry)
            ((group, origin, parent, *_, leaves),) = rows("ip_mr_cache")
            assert (int(parent), leaves) == (0, "1:5")
            assert bytes.fromhex(group)[::-1] == famsock.inet_aton("239.1.2.3")
            assert bytes.fromhex(origin)[::-1] == famsock.inet_aton("192.0.2.7")
            sock.set_option(ip.MRT_DEL_MFC, entry)
            assert rows("ip_mr_cache") == []
            sock.set_option(ip.MRT_ASSERT, 1)
            assert sock.get_option(ip.MRT_ASSERT) == 1
            sock.set_option(ip.MRT_DEL_VIF, Vifctl(0))
            assert [row[:2] for row in rows("ip_mr_vif")] == [["1", "v1"]]
            sock.set_option(ip.MRT_FLUSH, c.MRT_FLUSH_VIFS | c.MRT_FLUSH_VIFS_STATIC)
            assert rows("ip_mr_vif") == []
            sock.set_option(ip.MRT_DONE, 1)

    in_namespace(check)


@in_a_namespace
def test_routes_of_ipv6(in_namespace: Run) -> None:
    def check() -> None:
        with Ip6RawSocket(proto=c.IPPROTO_ICMPV6) as sock:
            sock.set_option(ipv6.MRT6_INIT, 1)
            for mifi, name in enumerate(("v0", "v1")):
                interface = Mif6ctl(mifi, pifi=famsock.if_nametoindex(name))
                sock.set_option(ipv6.MRT6_ADD_MIF, interface)
            assert [row[:2] for row in rows("ip6_mr_vif")] == [["0", "v0"], ["1", "v1"]]
            ends = Inet6Address("2001:db8::7", 0), Inet6Address("ff15::1", 0)
            entry = Mf6cctl.towards(*ends, 0, [1])
            sock.set_option(ipv6.MRT6_ADD_MFC, entry)
            ((group, origin, parent, *_, leaves),) = rows("ip6_mr_cache")
            assert (int(parent), leaves) == (0, "1:1")
            shown = (origin, group)
            assert [famsock.inet_pton(AF_INET6, text) for text in shown] == [
                famsock.inet_pton(AF_INET6, end.host) for end in ends
            ]
            sock.set_option(ipv6.MRT6_DEL_MFC, entry)
            assert rows("ip6_mr_cache") == []
            sock.set_option(ipv6.MRT6_DEL_MIF, 0)
            assert [row[:2] for row in rows("ip6_mr_vif")] == [["1", "v1"]]
            sock.set_option(ipv6.MRT6_DONE, 1)

    in_namespace(check)


def test_values_that_do_not_fit() -> None:
    for local, flags in ((3, 0), ("192.0.2.1", c.VIFF_USE_IFINDEX)):
        with pytest.raises(ValueError, match="Vifctl local must be an index with VIFF_USE_IFINDEX"):
            Vifctl(0, flags, local=local)
    with pytest.raises(OverflowError, match="Vifctl vifi must be 0-65535, not -1"):
        Vifctl(-1)
    with pytest.raises(ValueError, match="Mfcctl virtual interface must be 0-31, not 32"):
        Mfcctl.towards("192.0.2.7", "239.1.2.3", 0, {32: 1})
    with pytest.raises(OverflowError, match="must be 0-255, not 256"):
        Mfcctl.towards("192.0.2.7", "239.1.2.3", 0, {0: 256})
    end = Inet6Address("ff15::1", 0)
    for wrong in (-1, 32):
        with pytest.raises(ValueError, match=f"virtual interface must be 0-31, not {wrong}"):
            Mf6cctl.towards(end, end, 0, [wrong])


def test_bytes() -> None:
    assert Mfcctl.towards("192.0.2.7", "239.1.2.3", 2, {0: 1, 31: 9}).pack()[8:44] == (
        (2).to_bytes(2, sys.byteorder) + b"\1" + bytes(30) + b"\11\0\0"
    )
    assert Vifctl.layout.size == 16
    assert Mif6ctl.layout.size == 12
    assert Mf6cctl.layout.size == 92
