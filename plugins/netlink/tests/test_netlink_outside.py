"""Other programs and libraries see the same: iproute2's ip, pyroute2. And the example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from famsock_netlink import GenericNetlinkSocket, RouteSocket
from famsock_netlink import constants as nl
from famsock_netlink.route import FOREVER_S, InterfaceAddress, Link

from famsock import _calls

LAYERS = ["ctypes", *(["native"] if _calls.native else [])]
EXAMPLE = Path(__file__).parents[3] / "examples" / "netlink.py"
Opened = Callable[[], RouteSocket]
Ip = Callable[[str], str]
Agree = Callable[[Callable[[], object], Callable[[], object]], None]
needs_namespace = pytest.mark.needs_capability("CAP_SYS_ADMIN")
needs_ip = pytest.mark.needs_command("ip", package="iproute2")
STATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")


# Modules may put tunnels into each namespace, whose addresses ip shows in their own form.
OURS = ("lo", "v0", "v1", "b0")


def as_ip_shows(link: Link) -> dict[str, Any]:
    return {
        "ifindex": link.index,
        "ifname": link.name,
        "mtu": link.mtu,
        "address": link.address.hex(":"),
        "broadcast": link.broadcast.hex(":"),
        "operstate": STATES[link.operational_state],
        "txqlen": link.queue_length,
        "kind": link.kind,
        "up": link.is_up,
        "altnames": list(link.alternative_names),
        "ifalias": link.alias,
    }


def as_shown(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        **{k: shown[k] for k in ("ifindex", "ifname", "mtu", "address", "broadcast", "operstate")},
        "txqlen": shown["txqlen"],
        "kind": shown.get("linkinfo", {}).get("info_kind", ""),
        "up": "UP" in shown["flags"],
        "altnames": shown.get("altnames", []),
        "ifalias": shown.get("ifalias", ""),
    }


@needs_namespace
@needs_ip
def test_ip_shows_the_same_links(network: None, ip: Ip, opened: Opened, agree: Agree) -> None:
    ip("link property add dev v1 altname a-name-of-more-than-fifteen-bytes")
    ip("link set v1 alias famsock")
    ip("link add b0 type bridge")
    ip("link set v1 master b0")
    sock = opened()
    agree(
        lambda: [as_ip_shows(link) for link in sock.links() if link.name in OURS],
        lambda: [as_shown(one) for one in json.loads(ip("-j -d link")) if one["ifname"] in OURS],
    )
    by_name = {link.name: link for link in sock.links()}
    assert by_name["v1"].master == by_name["b0"].index
    assert by_name["v0"].lower_index == by_name["v1"].index


def as_address(link_index: int, shown: dict[str, Any]) -> tuple[Any, ...]:
    return (
        link_index,
        shown["local"],
        shown["prefixlen"],
        shown.get("broadcast"),
        shown.get("label", ""),
        shown["scope"],
        shown["valid_life_time"],
    )


SCOPES = {nl.RT_SCOPE_UNIVERSE: "global", nl.RT_SCOPE_LINK: "link", nl.RT_SCOPE_HOST: "host"}


def as_tuple(address: InterfaceAddress) -> tuple[Any, ...]:
    return (
        address.link_index,
        str(address.address),
        address.prefix_length,
        str(address.broadcast) if address.broadcast else None,
        address.label,
        SCOPES[address.scope],
        address.valid_s,
    )


@needs_namespace
@needs_ip
def test_ip_shows_the_same_addresses(network: None, ip: Ip, opened: Opened, agree: Agree) -> None:
    ip("address add 198.51.100.1 peer 198.51.100.2/32 dev v0 label v0:1")
    sock = opened()
    agree(
        lambda: sorted(map(as_tuple, sock.addresses()), key=str),
        lambda: sorted(
            (
                as_address(link["ifindex"], address)
                for link in json.loads(ip("-j address"))
                for address in link["addr_info"]
            ),
            key=str,
        ),
    )
    found = sock.addresses()
    index = sock.link("v0").index
    assert {a.link_index for a in sock.addresses(index)} == {index}
    assert {a.family for a in sock.addresses(family=2)} == {2}
    (peer,) = [a for a in found if a.label == "v0:1"]
    assert (str(peer.address), str(peer.peer)) == ("198.51.100.1", "198.51.100.2")
    assert peer.valid_s == FOREVER_S


@needs_namespace
@needs_ip
def test_pyroute2_sees_the_same(network: None, opened: Opened, agree: Agree) -> None:
    pyroute2 = pytest.importorskip("pyroute2", reason="pip install pyroute2")
    sock = opened()
    with pyroute2.IPRoute() as other:
        agree(
            lambda: {(link.index, link.name, link.mtu, link.flags) for link in sock.links()},
            lambda: {
                (one["index"], one.get_attr("IFLA_IFNAME"), one.get_attr("IFLA_MTU"), one["flags"])
                for one in other.get_links()
            },
        )
    with pyroute2.GenericNetlinkSocket() as other:
        other.bind("nlctrl", pyroute2.netlink.generic.ctrlmsg)
        with GenericNetlinkSocket() as ours:
            assert ours.generic_family("nlctrl").id == other.prid


PYROUTE2 = """
import os, sys
import famsock
if sys.argv[1] == "install":
    famsock.install()
import pyroute2, socket
from famsock.testing.namespaces import new_network

def names(messages, attribute):
    return sorted(message.get_attr(attribute) for message in messages)

print(socket.socket.__module__)
with pyroute2.IPRoute() as here:
    print([name for name in names(here.get_links(), "IFLA_IFNAME") if name in ("v0", "v1")])
with new_network():
    namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
with pyroute2.NetNS(f"/proc/{os.getpid()}/fd/{namespace}", flags=0) as there:
    there.link("add", ifname="b0", kind="bridge")
    (index,) = there.link_lookup(ifname="b0")
    there.addr("add", index=index, address="192.0.2.77", prefixlen=24)
    print(names(there.get_addr(index=index), "IFA_ADDRESS"))
    print([name for name in names(there.get_links(), "IFLA_IFNAME") if name[0] in "bv"])
"""


@needs_namespace
@needs_ip
@pytest.mark.parametrize("layer", LAYERS)
def test_pyroute2_works_on_our_sockets(network: None, layer: str, alarm: float) -> None:
    """Its NetNS has the socket sent by a child in the other namespace, with a flag by mistake."""
    pytest.importorskip("pyroute2", reason="pip install pyroute2")

    def said(side: str) -> list[str]:
        run = ("-m", "famsock", "run") if side == "run" else ()
        done = subprocess.run(
            [sys.executable, *run, "-c", PYROUTE2, side],
            env={**os.environ, "FAMSOCK_SYSCALLS": layer},
            capture_output=True,
            text=True,
            timeout=alarm,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    told = ["['v0', 'v1']", "['192.0.2.77']", "['b0']"]
    assert said("stdlib") == ["socket", *told]
    for side in ("install", "run"):
        assert said(side) == ["famsock._sockets", *told]


@needs_namespace
def test_the_example_of_changes_runs(alarm: float) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE.with_name("netlink_changes.py"))],
        capture_output=True,
        text=True,
        timeout=alarm,
    )
    assert done.returncode == 0, done.stderr
    assert "198.51.100.0/24 via 192.0.2.254 priority 10" in done.stdout
    assert "refused: Network is unreachable" in done.stdout


def test_the_example_runs(alarm: float) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=alarm
    )
    assert done.returncode == 0, done.stderr
    assert "lo" in done.stdout
