"""Self-tests between the two ends of a veth(4) pair. They need CAP_NET_RAW."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENODEV
from pathlib import Path
from typing import Any

from famsock.plugin import constants as links
from famsock.plugin import selftest
from famsock_llc.addresses import LlcAddress
from famsock_llc.sockets import LlcDatagramSocket, LlcStreamSocket

_INTERFACES = Path("/sys/class/net")


def stations() -> tuple[LlcAddress, LlcAddress]:
    """Return the addresses of two Ethernet interfaces that are up and joined, without a SAP.

    OSError ENODEV if there is no such pair.
    """
    up: dict[tuple[int, int], Path] = {}
    for interface in sorted(path for path in _INTERFACES.iterdir() if path.is_dir()):
        if _number(interface, "type") == links.ARPHRD_ETHER and _number(interface, "flags") & 1:
            index, peer = _number(interface, "ifindex"), _number(interface, "iflink")
            if (peer, index) in up:
                return _address(up[peer, index]), _address(interface)
            up[index, peer] = interface
    error = OSError(ENODEV, "AF_LLC needs two interfaces that are joined and up")
    error.add_note("ip link add llc0 type veth peer name llc1; ip link set llc0 up")
    raise error


def _number(interface: Path, name: str) -> int:
    return int((interface / name).read_text(), 0)


def _address(interface: Path) -> LlcAddress:
    text = (interface / "address").read_text().strip()
    return LlcAddress(bytes.fromhex(text.replace(":", "")), 0)


def _sender(sock: LlcDatagramSocket) -> tuple[Any, ...]:
    """Return a socket's address as it comes with its datagrams, which are of the kind UA."""
    return (*sock.getsockname()[:-1], 1)


@contextmanager
def llc1() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of datagrams."""
    with LlcDatagramSocket() as client, LlcDatagramSocket() as server:
        for sock, station in zip((client, server), stations(), strict=True):
            sock.settimeout(selftest.TIMEOUT_S)
            sock.bind(station)

        def round_trip() -> None:
            client.sendto(selftest.MESSAGE, server.getsockname())
            there, sender = server.recvfrom(len(selftest.MESSAGE))
            selftest.expect((there, sender), (selftest.MESSAGE, _sender(client)))
            server.sendto(selftest.ANSWER, sender)
            back = client.recvfrom(len(selftest.ANSWER))
            selftest.expect(back, (selftest.ANSWER, _sender(server)))

        yield round_trip


@contextmanager
def llc2() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip over a connection."""
    with LlcStreamSocket() as client, LlcStreamSocket() as listener:
        for sock, station in zip((client, listener), stations(), strict=True):
            sock.settimeout(selftest.TIMEOUT_S)
            sock.bind(station)
        listener.listen()
        client.connect(listener.local_address)
        with selftest.accepted(listener) as server:
            yield selftest.echo(client, server)
