"""Typed calls against the stdlib's calls with hand-written `struct` code and numbers."""

from __future__ import annotations

import ipaddress
import os
import socket as stdlib
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from famsock_inet import InetAddress, TcpSocket, UdpSocket, control
from famsock_unix import UnixStreamSocket

from benchmarks.measure import Work
from famsock import constants
from famsock.control import SCM_TIMESTAMPNS
from famsock.options import SO_PRIORITY

_CHUNK = 64  # what fits a receive buffer for certain
_PAYLOAD = b"x" * 64
_IP_PKTINFO, _IP_RECVTTL = 8, 12  # linux/in.h; the socket module of Python 3.11 names neither
_TCP_INFO_BYTES = 104
_PKTINFO = struct.Struct("=i4s4s")
_TIMESPEC = struct.Struct("=qq")
_INT = struct.Struct("=i")
_TCP_INFO = struct.Struct("=8B24I")


def _struct_message(receiver: Any) -> tuple[Any, ...]:
    """One message and its three control messages, as careful code without famsock reads them."""
    data, items, _flags, address = receiver.recvmsg(2048, 1024)
    pktinfo = ttl = arrival_ns = None
    for level, kind, raw in items:
        if level == stdlib.IPPROTO_IP and kind == _IP_PKTINFO and len(raw) >= _PKTINFO.size:
            index, specific, destination = _PKTINFO.unpack_from(raw)
            pktinfo = index, stdlib.inet_ntoa(specific), stdlib.inet_ntoa(destination)
        elif level == stdlib.IPPROTO_IP and kind == stdlib.IP_TTL and len(raw) >= _INT.size:
            (ttl,) = _INT.unpack_from(raw)
        elif (
            level == stdlib.SOL_SOCKET
            and kind == constants.SCM_TIMESTAMPNS
            and len(raw) >= _TIMESPEC.size
        ):
            seconds, nanoseconds = _TIMESPEC.unpack_from(raw)
            arrival_ns = seconds * 1_000_000_000 + nanoseconds
    return data, address, pktinfo, ttl, arrival_ns


def _typed_message(receiver: Any) -> tuple[Any, ...]:
    message = receiver.recv_message(2048)
    return (
        message.data,
        message.address,
        message.get(control.IP_PKTINFO),
        message.get(control.IP_TTL),
        message.get(SCM_TIMESTAMPNS),
    )


def _received(receive: dict[Any, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    @contextmanager
    def case(module: Any) -> Iterator[Work]:
        kind: Any = stdlib.socket if module is stdlib else UdpSocket
        once = receive[module is stdlib]
        with (
            kind(stdlib.AF_INET, stdlib.SOCK_DGRAM) as receiver,
            stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sender,
        ):
            receiver.bind(("127.0.0.1", 0))
            receiver.setsockopt(stdlib.IPPROTO_IP, _IP_PKTINFO, 1)
            receiver.setsockopt(stdlib.IPPROTO_IP, _IP_RECVTTL, 1)
            receiver.setsockopt(stdlib.SOL_SOCKET, constants.SO_TIMESTAMPNS, 1)
            address = receiver.getsockname()

            def work(n: int) -> int:
                spent_ns = 0
                for _ in range(0, n, _CHUNK):
                    for _ in range(_CHUNK):
                        sender.sendto(_PAYLOAD, address)
                    start_ns = time.process_time_ns()
                    for _ in range(_CHUNK):
                        once(receiver)
                    spent_ns += time.process_time_ns() - start_ns
                return spent_ns * n // (-(-n // _CHUNK) * _CHUNK)

            yield work

    return case


message_read = _received({True: _struct_message, False: _typed_message})
"""Messages with three control messages, all of them read."""

message_unread = _received(
    {True: lambda sock: sock.recvmsg(2048, 1024), False: lambda sock: sock.recv_message(2048)}
)
"""Messages with three control messages, of which none is read."""


def _repeated(once: Callable[[], object]) -> Work:
    def work(n: int) -> None:
        for _ in range(n):
            once()

    return work


@contextmanager
def read_option(module: Any) -> Iterator[Work]:
    with UdpSocket() as sock:
        if module is stdlib:
            yield _repeated(lambda: sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY))
        else:
            yield _repeated(lambda: sock.get_option(SO_PRIORITY))


@contextmanager
def write_option(module: Any) -> Iterator[Work]:
    with UdpSocket() as sock:
        if module is stdlib:
            yield _repeated(lambda: sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY, 1))
        else:
            yield _repeated(lambda: sock.set_option(SO_PRIORITY, 1))


@contextmanager
def tcp_info(module: Any) -> Iterator[Work]:
    with TcpSocket() as sock:
        if module is stdlib:

            def once() -> object:
                raw = sock.getsockopt(stdlib.IPPROTO_TCP, stdlib.TCP_INFO, _TCP_INFO_BYTES)
                return _TCP_INFO.unpack(raw)

            yield _repeated(once)
        else:
            yield _repeated(sock.tcp_info)


@contextmanager
def local_address(module: Any) -> Iterator[Work]:
    kind: Any = stdlib.socket if module is stdlib else UdpSocket
    with kind(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield _repeated(sock.getsockname if module is stdlib else lambda: sock.local_address)


def parse(reference: str, text: str) -> Callable[[Any], Any]:
    """A text of an address as its class reads it, against the split of a host and its port."""

    @contextmanager
    def case(module: Any) -> Iterator[Work]:
        of_inet = "127.0.0.1:80"
        name, _, attribute = reference.partition(":")
        read = getattr(import_module(name), attribute).parse

        def split() -> object:
            host, _, port = of_inet.rpartition(":")
            return host, int(port)

        yield _repeated(split if module is stdlib else lambda: read(text))

    return case


@contextmanager
def construct(module: Any) -> Iterator[Work]:
    if module is stdlib:
        yield _repeated(lambda: ipaddress.ip_address("127.0.0.1"))
    else:
        yield _repeated(lambda: InetAddress("127.0.0.1", 80))


@contextmanager
def descriptors(module: Any) -> Iterator[Work]:
    """Two descriptors over a stream."""
    kind: Any = stdlib.socket if module is stdlib else UnixStreamSocket
    first, second = stdlib.socketpair(stdlib.AF_UNIX, stdlib.SOCK_STREAM)
    with (
        kind(fileno=first.detach()) as a,
        kind(fileno=second.detach()) as b,
        open(os.devnull) as sent,
    ):
        numbers = [sent.fileno()] * 2

        def by_functions() -> None:
            stdlib.send_fds(a, [b"x"], numbers)
            for number in stdlib.recv_fds(b, 1, 2)[1]:
                os.close(number)

        def by_operations() -> None:
            a.send_descriptors(b"x", numbers)
            for number in b.recv_descriptors(1)[0]:
                os.close(number)

        yield _repeated(by_functions if module is stdlib else by_operations)


def batch_into(payload_bytes: int) -> Callable[[Any], Any]:
    """`recvmmsg_into` as ours, `recvmmsg` as the other, both on famsock's socket."""
    payload = b"x" * payload_bytes

    @contextmanager
    def case(module: Any) -> Iterator[Work]:
        with (
            UdpSocket() as receiver,
            stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sender,
        ):
            receiver.bind(("127.0.0.1", 0))
            address = receiver.getsockname()
            buffers = [bytearray(2048) for _ in range(_CHUNK)]

            def work(n: int) -> int:
                spent_ns = 0
                for _ in range(0, n, _CHUNK):
                    for _ in range(_CHUNK):
                        sender.sendto(payload, address)
                    start_ns = time.process_time_ns()
                    if module is stdlib:
                        receiver.recvmmsg(_CHUNK, 2048)
                    else:
                        receiver.recvmmsg_into(buffers)
                    spent_ns += time.process_time_ns() - start_ns
                return spent_ns * n // (-(-n // _CHUNK) * _CHUNK)

            yield work

    return case
