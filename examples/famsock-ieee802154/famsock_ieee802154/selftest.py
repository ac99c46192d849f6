"""Self-tests between two radios, by their extended addresses, which need no configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENODEV
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import selftest, socket
from famsock_ieee802154.addresses import ExtendedAddress
from famsock_ieee802154.constants import AF_IEEE802154, IEEE802154_PANID_BROADCAST
from famsock_ieee802154.frames import DataHeader

_ARPHRD_IEEE802154 = 804
_IFF_UP = 1


def radios() -> list[ExtendedAddress]:
    """The extended addresses of the interfaces that are up, to reach in any PAN."""
    return [
        ExtendedAddress(IEEE802154_PANID_BROADCAST, _octets(interface / "address"))
        for interface in sorted(Path("/sys/class/net").iterdir())
        if interface.is_dir()  # bonding_masters is none
        and (interface / "type").read_text().strip() == str(_ARPHRD_IEEE802154)
        and int((interface / "flags").read_text(), 16) & _IFF_UP
    ]


def _octets(file: Path) -> bytes:
    return bytes.fromhex(file.read_text().strip().replace(":", ""))


@contextmanager
def _opened(kind: int) -> Iterator[tuple[socket, socket]]:
    """Two sockets, each bound to its own radio."""
    with selftest.sockets(AF_IEEE802154, kind) as (ours, theirs):
        found = radios()
        if len(found) < 2:
            error = OSError(ENODEV, f"AF_IEEE802154 needs two interfaces up, has {len(found)}")
            error.add_note("modprobe mac802154_hwsim; ip link set wpan0 up; ip link set wpan1 up")
            raise error
        for sock, address in zip((ours, theirs), found, strict=False):
            sock.bind(address)
        yield ours, theirs


@contextmanager
def dgram() -> Iterator[selftest.RoundTrip]:
    """Data frames to an extended address, answered to the one that they came from."""
    with _opened(SOCK_DGRAM) as (client, server):
        address = radios()[1]

        def round_trip() -> None:
            client.sendto(b"ping", address)
            data, sender = server.recvfrom(128)
            server.sendto(data + b" pong", sender)
            selftest.expect(client.recvfrom(128), (b"ping pong", (address.pan_id, address.hwaddr)))

        yield round_trip


@contextmanager
def raw() -> Iterator[selftest.RoundTrip]:
    """Frames with a header of our own, to everyone; the kernel takes the header off again."""
    with _opened(SOCK_RAW) as (client, server):

        def round_trip() -> None:
            client.send(DataHeader(sequence=1, source=1).pack() + b"ping")
            selftest.expect(server.recv(128), b"ping")
            server.send(DataHeader(sequence=2, source=2).pack() + b"pong")
            selftest.expect(client.recv(128), b"pong")

        yield round_trip
