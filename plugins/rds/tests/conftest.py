"""Two hosts for RDS: network namespaces with a cable between them, as loopback never congests."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from famsock_rds import RdsSocket

ADDRESSES = {"a": "10.253.7.1", "b": "10.253.7.2"}
_CLONE_NEWNET = 0x40000000


@pytest.fixture
def hosts() -> Iterator[Callable[[str], RdsSocket]]:
    """Opens a socket of RDS that is bound to the address of a host, "a" or "b"."""
    with ExitStack() as stack:
        names = {host: f"famsock-rds-{os.getpid()}-{host}" for host in ADDRESSES}
        for name in names.values():
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
        ours, other = names.values()
        _ip("link", "add", "cable", "netns", ours, "type", "veth", "peer", "cable", "netns", other)
        for host, name in names.items():
            _ip("-n", name, "address", "add", f"{ADDRESSES[host]}/29", "dev", "cable")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "cable", "up")

        def make(host: str) -> RdsSocket:
            sock = stack.enter_context(_socket_in(names[host]))
            sock.settimeout(60)
            sock.bind((ADDRESSES[host], 0))
            return sock

        yield make


def _socket_in(namespace: str) -> RdsSocket:
    """A socket made in a network namespace, which only its own thread enters."""
    made: list[RdsSocket] = []

    def make() -> None:
        entrance = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(entrance, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            made.append(RdsSocket())
        finally:
            os.close(entrance)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=60)
