"""Rows of families that few kernels have: run them in a guest of the lab, see docs/lab.md.

The other side is what careful code writes with the stdlib's `socket`, `struct` and numbers.
"""

from __future__ import annotations

import socket as stdlib
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from famsock_alg import AlgSocket
from famsock_can import (
    CanRawSocket,
    IsotpAddress,
    IsotpSocket,
    J1939Address,
    J1939Socket,
)
from famsock_can.frames import CanFrame

from benchmarks.measure import Work
from famsock.constants import MSG_CONFIRM, MSG_DONTROUTE, SCM_TIMESTAMPNS, SO_TIMESTAMPNS

INTERFACE = "vcan0"
_AF_ALG, _AF_CAN, _AF_VSOCK = 38, 29, 40
_CAN_RAW, _CAN_ISOTP, _CAN_J1939 = 1, 6, 7
_CAN_RTR_FLAG = 0x40000000
_CID_LOCAL = 1  # VMADDR_CID_LOCAL
_CHUNK = 64
_DATA = b"\x01\x02\x03\x04\x05\x06\x07\x08"
_CAN_FRAME = struct.Struct("=IB2xB8s")
_TIMESPEC = struct.Struct("=qq")
_ALG_DATA = b"x" * 64


def _has(family: int, kind: int, protocol: int) -> bool:
    try:
        stdlib.socket(family, kind, protocol).close()
    except OSError:
        return False
    return True


def has_can(protocol: int) -> bool:
    """Whether the kernel has a protocol of CAN, and there is the interface `INTERFACE`."""
    kind = stdlib.SOCK_RAW if protocol == _CAN_RAW else stdlib.SOCK_DGRAM
    with suppress(OSError):
        return _has(_AF_CAN, kind, protocol) and stdlib.if_nametoindex(INTERFACE) > 0
    return False


def has_can_raw() -> bool:
    """Whether there is CAN_RAW."""
    return has_can(_CAN_RAW)


def has_isotp() -> bool:
    """Whether there is CAN_ISOTP."""
    return has_can(_CAN_ISOTP)


def has_j1939() -> bool:
    """Whether there is CAN_J1939."""
    return has_can(_CAN_J1939)


def has_alg() -> bool:
    """Whether there is AF_ALG."""
    return _has(_AF_ALG, stdlib.SOCK_SEQPACKET, 0)


def has_vsock_loopback() -> bool:
    """Whether this machine reaches itself by AF_VSOCK."""
    try:
        with stdlib.socket(_AF_VSOCK, stdlib.SOCK_STREAM) as sock:
            sock.bind((_CID_LOCAL, 0xFFFFFFFF))
    except OSError:
        return False
    return True


def _received(send: Callable[[], object], receive: Callable[[int], object]) -> Work:
    """Work that receives chunks of messages; sending them is not counted."""

    def work(n: int) -> int:
        spent_ns = 0
        for _ in range(0, n, _CHUNK):
            for _ in range(_CHUNK):
                send()
            start_ns = time.process_time_ns()
            receive(_CHUNK)
            spent_ns += time.process_time_ns() - start_ns
        return spent_ns * n // (-(-n // _CHUNK) * _CHUNK)

    return work


def _one_by_one(receive: Callable[[], object]) -> Callable[[int], object]:
    def several(count: int) -> None:
        for _ in range(count):
            receive()

    return several


def _frame_by_struct(sock: Any) -> tuple[Any, ...]:
    """One frame and its arrival, as careful code without famsock reads them."""
    data, items, flags, address = sock.recvmsg(2060, 256)
    can_id, length, _, payload = _CAN_FRAME.unpack(data)
    content = b"" if can_id & _CAN_RTR_FLAG else payload[:length]
    arrival_ns = None
    for level, kind, raw in items:
        if level == stdlib.SOL_SOCKET and kind == SCM_TIMESTAMPNS and len(raw) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(raw)
            arrival_ns = seconds * 1_000_000_000 + nanoseconds
    is_local, is_own = flags & MSG_DONTROUTE != 0, flags & MSG_CONFIRM != 0
    return can_id, content, address[0], arrival_ns, is_local, is_own


def _read(received: Any) -> tuple[Any, ...]:
    frame, arrival = received.frame, received.arrival
    return (
        frame.can_id,
        frame.data,
        arrival.interface,
        arrival.timestamp_ns,
        arrival.is_local,
        arrival.is_own,
    )


@contextmanager
def _can_pair(module: Any, *, stamped: bool) -> Iterator[tuple[Any, Any]]:
    """A sender of the stdlib and a receiver of CAN_RAW, whose frames have the time of arrival."""
    kind: Any = stdlib.socket if module is stdlib else CanRawSocket
    with (
        kind(_AF_CAN, stdlib.SOCK_RAW, _CAN_RAW) as receiver,
        stdlib.socket(_AF_CAN, stdlib.SOCK_RAW, _CAN_RAW) as sender,
    ):
        if stamped:
            receiver.setsockopt(stdlib.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        receiver.bind((INTERFACE,))
        sender.bind((INTERFACE,))
        yield sender, receiver


@contextmanager
def recv_frame(module: Any) -> Iterator[Work]:
    """Classic frames with all that is told of their arrival, each received by a call."""
    packed = _CAN_FRAME.pack(0x123, 8, 0, _DATA)
    with _can_pair(module, stamped=True) as (sender, receiver):
        if module is stdlib:
            receive = _one_by_one(lambda: _frame_by_struct(receiver))
        else:
            receive = _one_by_one(lambda: _read(receiver.recv_frame()))
        yield _received(lambda: sender.send(packed), receive)


@contextmanager
def recv_frames(module: Any) -> Iterator[Work]:
    """The same frames, 64 in a call; the stdlib's side receives each by a call."""
    packed = _CAN_FRAME.pack(0x123, 8, 0, _DATA)
    with _can_pair(module, stamped=True) as (sender, receiver):

        def by_struct(count: int) -> object:
            return [_frame_by_struct(receiver) for _ in range(count)]

        def by_operation(count: int) -> object:
            got = [_read(received) for received in receiver.recv_frames(count)]
            assert len(got) == count
            return got

        receive = by_struct if module is stdlib else by_operation
        yield _received(lambda: sender.send(packed), receive)


@contextmanager
def _sender(module: Any) -> Iterator[Any]:
    """A socket whose frames nobody receives."""
    kind: Any = stdlib.socket if module is stdlib else CanRawSocket
    with kind(_AF_CAN, stdlib.SOCK_RAW, _CAN_RAW) as sock:
        sock.setsockopt(101, 1, b"")  # SOL_CAN_RAW, CAN_RAW_FILTER: receive nothing
        sock.bind((INTERFACE,))
        yield sock


@contextmanager
def send_frame(module: Any) -> Iterator[Work]:
    """Frames of changing identifiers, each made and sent."""
    with _sender(module) as sock:

        def by_struct(n: int) -> None:
            for number in range(n):
                sock.send(_CAN_FRAME.pack(number & 0x7FF, len(_DATA), 0, _DATA))

        def by_operation(n: int) -> None:
            for number in range(n):
                sock.send_frame(CanFrame(number & 0x7FF, _DATA))

        yield by_struct if module is stdlib else by_operation


@contextmanager
def send_frames(module: Any) -> Iterator[Work]:
    """The same, 64 in a call; the stdlib's side sends each by a call."""
    with _sender(module) as sock:

        def by_struct(n: int) -> None:
            for number in range(n):
                sock.send(_CAN_FRAME.pack(number & 0x7FF, len(_DATA), 0, _DATA))

        def by_operation(n: int) -> None:
            for first in range(0, n, _CHUNK):
                last = min(first + _CHUNK, n)
                frames = [CanFrame(number & 0x7FF, _DATA) for number in range(first, last)]
                assert sock.send_frames(frames) == len(frames)

        yield by_struct if module is stdlib else by_operation


@contextmanager
def recv_pdu(module: Any) -> Iterator[Work]:
    """ISO-TP messages of one frame, with their arrival."""
    kind: Any = stdlib.socket if module is stdlib else IsotpSocket
    with (
        kind(_AF_CAN, stdlib.SOCK_DGRAM, _CAN_ISOTP) as receiver,
        IsotpSocket() as sender,
    ):
        receiver.bind((INTERFACE, 0x18DAF110 | 0x80000000, 0x18DA10F1 | 0x80000000))
        sender.bind(IsotpAddress(INTERFACE, 0x18DA10F1 | 0x80000000, 0x18DAF110 | 0x80000000))
        sender.settimeout(10)
        receiver.settimeout(None)
        if module is stdlib:
            receive = _one_by_one(lambda: receiver.recvfrom(8300))
        else:
            receive = _one_by_one(lambda: _read_pdu(receiver.recv_pdu()))
        yield _received(lambda: sender.send(_DATA[:7]), receive)


def _read_pdu(pdu: Any) -> tuple[Any, ...]:
    return pdu.data, pdu.arrival.interface


@contextmanager
def recv_pg(module: Any) -> Iterator[Work]:
    """J1939 messages of one frame, with all that is told of them."""
    kind: Any = stdlib.socket if module is stdlib else J1939Socket
    with (
        kind(_AF_CAN, stdlib.SOCK_DGRAM, _CAN_J1939) as receiver,
        J1939Socket() as sender,
    ):
        receiver.bind((INTERFACE, 0, 0x40000, 0x20))
        sender.bind(J1939Address(INTERFACE, addr=0x30))
        to = J1939Address(INTERFACE, pgn=0xEF00, addr=0x20)
        if module is stdlib:
            receive = _one_by_one(lambda: receiver.recvfrom(1785))
        else:
            receive = _one_by_one(lambda: _read_pg(receiver.recv_pg()))
        yield _received(lambda: sender.sendto(_DATA, to), receive)


def _read_pg(message: Any) -> tuple[Any, ...]:
    return message.data, message.source.pgn, message.source.addr, message.priority


@contextmanager
def vsock_accept(module: Any) -> Iterator[Work]:
    """Connections of AF_VSOCK over loopback, as `benchmarks.cases.accept`."""
    kind = _AF_VSOCK, stdlib.SOCK_STREAM
    with module.socket(*kind) as server:
        server.bind((_CID_LOCAL, 0xFFFFFFFF))
        server.listen(128)
        address = server.getsockname()

        def work(n: int) -> None:
            for _ in range(n):
                client = module.socket(*kind)
                client.connect(address)
                server.accept()[0].close()
                client.close()

        yield work


@contextmanager
def alg_digest(module: Any) -> Iterator[Work]:
    """SHA-256 of 64 bytes: accept, send, recv and close by the stdlib."""
    kind: Any = stdlib.socket if module is stdlib else AlgSocket
    with kind(_AF_ALG, stdlib.SOCK_SEQPACKET, 0) as sock:
        sock.bind(("hash", "sha256"))

        def by_calls(n: int) -> None:
            for _ in range(n):
                request, _address = sock.accept()
                with request:
                    request.sendall(_ALG_DATA)
                    request.recv(1024)

        def by_operation(n: int) -> None:
            for _ in range(n):
                sock.digest(_ALG_DATA)

        yield by_calls if module is stdlib else by_operation
