"""Work with many peers, refused calls and options: what a cache of addresses cannot hide."""

from __future__ import annotations

import itertools
import os
import socket as stdlib
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from benchmarks.measure import Work

_CHUNK = 64  # what fits a receive buffer for certain
_PAYLOAD = b"x" * 64
_IP_PKTINFO = 8  # linux/in.h; the socket module of Python 3.11 does not name it
_ETHERTYPE = 0x88B5  # for experiments
_USERSOCK = 2  # NETLINK_USERSOCK

Send = Callable[[int], None]
"""Send one message from the peer of this number."""


def _received(receiver: Any, send: Send, peers: int) -> Work:
    """Work that receives from peers in turn; what they need to send is not counted."""
    numbers = itertools.cycle(range(peers))

    def work(n: int) -> int:
        spent_ns = 0
        for _ in range(0, n, _CHUNK):
            for _ in range(_CHUNK):
                send(next(numbers))
            start_ns = time.process_time_ns()
            for _ in range(_CHUNK):
                receiver.recvfrom(2048)
            spent_ns += time.process_time_ns() - start_ns
        return spent_ns * n // (-(-n // _CHUNK) * _CHUNK)

    return work


def udp_peers(peers: int) -> Callable[[Any], AbstractContextManager[Work]]:
    """UDP datagrams from as many addresses of the loopback network."""

    @contextmanager
    def case(module: Any) -> Iterator[Work]:
        with (
            module.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as receiver,
            stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sender,
        ):
            receiver.bind(("127.0.0.1", 0))
            address = receiver.getsockname()

            def send(number: int) -> None:
                source = struct.pack("=I", 0) + struct.pack(">I", 0x7F010001 + number) + bytes(4)
                item = stdlib.IPPROTO_IP, _IP_PKTINFO, source
                sender.sendmsg([_PAYLOAD], [item], 0, address)

            yield _received(receiver, send, peers)

    return case


@contextmanager
def unix_peers(module: Any) -> Iterator[Work]:
    """Datagrams from 5,000 abstract names."""
    address = f"\0famsock-{os.getpid()}-{id(module)}"
    with module.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM) as receiver:
        receiver.bind(address)
        receiver.setblocking(True)

        def send(number: int) -> None:
            with stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM) as sender:
                sender.bind(f"{address}-{number}")
                sender.settimeout(10)
                sender.sendto(_PAYLOAD, address)

        yield _received_few(receiver, send, 5000)


def _received_few(receiver: Any, send: Send, peers: int) -> Work:
    """As `_received`, with no more in the queue than an AF_UNIX socket takes."""
    numbers = itertools.cycle(range(peers))

    def work(n: int) -> int:
        spent_ns = 0
        for _ in range(n // 8):
            for _ in range(8):
                send(next(numbers))
            start_ns = time.process_time_ns()
            for _ in range(8):
                receiver.recvfrom(2048)
            spent_ns += time.process_time_ns() - start_ns
        return spent_ns

    return work


@contextmanager
def netlink_peers(module: Any) -> Iterator[Work]:
    """Messages from 5,000 ports of NETLINK_USERSOCK."""
    base = 0x40000000 + (os.getpid() << 13)
    with module.socket(stdlib.AF_NETLINK, stdlib.SOCK_RAW, _USERSOCK) as receiver:
        receiver.bind((0, 0))
        address = receiver.getsockname()

        def send(number: int) -> None:
            with stdlib.socket(stdlib.AF_NETLINK, stdlib.SOCK_RAW, _USERSOCK) as sender:
                sender.bind((base + number & 0x7FFFFFFF, 0))
                sender.sendto(_PAYLOAD, address)

        yield _received(receiver, send, 5000)


@contextmanager
def packet_peers(module: Any) -> Iterator[Work]:
    """Frames from 5,000 hardware addresses, over loopback."""
    kind = stdlib.AF_PACKET, stdlib.SOCK_RAW
    with module.socket(*kind, 0) as receiver, stdlib.socket(*kind, 0) as sender:
        receiver.bind(("lo", _ETHERTYPE))
        address = "lo", _ETHERTYPE

        def send(number: int) -> None:
            source = b"\x02\0\0\0" + number.to_bytes(2, "big")
            sender.sendto(bytes(6) + source + b"\x88\xb5" + bytes(46), address)

        yield _received(receiver, send, 5000)


@contextmanager
def destinations(module: Any) -> Iterator[Work]:
    """UDP datagrams, each to another address of the loopback network, where nobody listens."""
    addresses = itertools.cycle(
        [(f"127.{a}.{b}.{c}", 9) for a in range(2, 22) for b in range(100) for c in range(1, 101)]
    )
    with module.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))

        def work(n: int) -> None:
            for address in itertools.islice(addresses, n):
                sender.sendto(_PAYLOAD, address)

        yield work


@contextmanager
def refused_path(module: Any) -> Iterator[Work]:
    """Datagrams to a path that does not exist."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "nobody")
        with module.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM) as sender:

            def work(n: int) -> None:
                for _ in range(n):
                    with suppress(FileNotFoundError):
                        sender.sendto(_PAYLOAD, path)

            yield work


@contextmanager
def refused_connection(module: Any) -> Iterator[Work]:
    """Connections to an AF_UNIX path where nobody listens any more."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "closed")
        with stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_STREAM) as listener:
            listener.bind(path)
        with module.socket(stdlib.AF_UNIX, stdlib.SOCK_STREAM) as client:

            def work(n: int) -> None:
                for _ in range(n):
                    with suppress(ConnectionRefusedError):
                        client.connect(path)

            yield work


@contextmanager
def read_option(module: Any) -> Iterator[Work]:
    with module.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:

        def work(n: int) -> None:
            for _ in range(n):
                sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_SNDBUF)

        yield work


@contextmanager
def write_option(module: Any) -> Iterator[Work]:
    with module.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:

        def work(n: int) -> None:
            for _ in range(n):
                sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_REUSEADDR, 1)

        yield work
