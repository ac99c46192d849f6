"""AF_PACKET against the stdlib, pcapy-ng and sendmmsg(2), each in its own network namespace.

Needs CAP_NET_RAW and CAP_SYS_ADMIN, and iproute2.
"""

from __future__ import annotations

import ctypes
import socket as stdlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from famsock_packet import PacketSocket

from benchmarks.measure import Work
from famsock.testing.namespaces import new_network

_PROTOCOL = 0x88B5  # a protocol number for experiments
_FRAME = b"\xff" * 6 + bytes(6) + _PROTOCOL.to_bytes(2, "big") + bytes(46)
_CHUNK = 64
_BLOCK_BYTES, _BLOCKS, _RETIRE_MS = 1 << 18, 16, 60
_SET_UP = (
    "link add v0 type veth peer name v1",
    "link set v0 up",
    "link set v1 up",
)


@contextmanager
def _wire() -> Iterator[None]:
    """A namespace with two joined interfaces, v0 and v1, for the sockets that are opened in it."""
    with new_network():
        try:
            for command in _SET_UP:
                subprocess.run(["ip", *command.split()], check=True, timeout=60)
        except FileNotFoundError as error:
            raise PermissionError(f"needs iproute2: {error}") from None
        with _sender() as probe, _receiver(stdlib.socket) as receiver:
            receiver.settimeout(0.05)
            for _ in range(200):  # the kernel makes a link ready some time after "up"
                probe.send(_FRAME)
                try:
                    receiver.recv(1)
                    break
                except TimeoutError:
                    continue
        yield


def _sender() -> stdlib.socket:
    sender = stdlib.socket(stdlib.AF_PACKET, stdlib.SOCK_RAW, 0)
    sender.bind(("v0", 0))
    return sender


def _receiver(kind: Any) -> Any:
    receiver = kind(stdlib.AF_PACKET, stdlib.SOCK_RAW, 0)
    receiver.bind(("v1", _PROTOCOL))
    return receiver


@contextmanager
def frame(module: Any) -> Iterator[Work]:
    """`recv_frame`, all fields read, as ours, recvfrom as the other."""
    kind: Any = stdlib.socket if module is stdlib else PacketSocket
    with _wire(), _sender() as sender, _receiver(kind) as receiver:
        receiver.settimeout(10)
        if module is not stdlib:
            sender.send(_FRAME)
            receiver.recv_frame()  # asks for what is told of each frame

        def once() -> object:
            if module is stdlib:
                return receiver.recvfrom(65536)
            return receiver.recv_frame()

        def work(n: int) -> int:
            spent_ns = 0
            for _ in range(0, n, _CHUNK):
                for _ in range(_CHUNK):
                    sender.send(_FRAME)
                start_ns = time.process_time_ns()
                for _ in range(_CHUNK):
                    once()
                spent_ns += time.process_time_ns() - start_ns
            return spent_ns * n // (-(-n // _CHUNK) * _CHUNK)

        yield work


def _from_the_ring() -> Any:
    """Return a function that takes the frames that are there, and returns their number."""
    receiver = PacketSocket()
    receiver.settimeout(10)
    ring = receiver.receive_ring(_BLOCK_BYTES, _BLOCKS, _RETIRE_MS)
    receiver.bind(("v1", _PROTOCOL))

    def take() -> int:
        count = 0
        for _frame in next(ring):
            count += 1
        return count

    return take


def _by_dispatch() -> Any:
    """Return the same with pcapy-ng, which makes the fields of a header when they are read."""
    import pcapy

    capture = pcapy.open_live("v1", 65536, 0, _RETIRE_MS)
    capture.setfilter(f"ether proto {_PROTOCOL:#x}")

    def take() -> int:
        count = 0

        def called(_header: Any, _data: bytes) -> None:
            nonlocal count
            count += 1

        capture.dispatch(-1, called)
        return count

    return take


@contextmanager
def ring(side: str) -> Iterator[Work]:
    """Frames of a ring in blocks that are full: of each its data and all fields."""
    with _wire(), _sender() as sender:
        take = _from_the_ring() if side == "ring" else _by_dispatch()

        def work(n: int) -> int:
            for _ in range(n):
                sender.send(_FRAME)
            time.sleep(2 * _RETIRE_MS / 1000)  # the last block is handed over
            spent_ns = count = 0
            while count < n:
                start_ns = time.process_time_ns()
                count += take()
                spent_ns += time.process_time_ns() - start_ns
            return spent_ns

        yield work


class _Slot(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """``struct mmsghdr``."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("slots", ctypes.c_void_p),
        ("slot_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("_pad", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )


@contextmanager
def transmit(side: str) -> Iterator[Work]:
    """`TransmitRing` as ours, sendmmsg(2) as the other: of 64 frames, its headers made before."""
    if side == "ring":
        with _wire(), PacketSocket() as sender:
            sender.bind(("v0", 0))
            with sender.transmit_ring() as ring:

                def by_ring(n: int) -> None:
                    for _ in range(0, n, _CHUNK):
                        for _ in range(_CHUNK):
                            ring.put(_FRAME)
                        ring.flush()

                yield by_ring
        return
    library: Any = ctypes.CDLL(None, use_errno=True)
    data = ctypes.create_string_buffer(_FRAME, len(_FRAME))
    slot = _Slot(ctypes.addressof(data), len(_FRAME))
    headers = (_Header * _CHUNK)()
    for header in headers:
        header.slots, header.slot_count = ctypes.addressof(slot), 1
    with _wire(), _sender() as plain:

        def by_sendmmsg(n: int) -> None:
            for _ in range(0, n, _CHUNK):
                sent = library.sendmmsg(plain.fileno(), headers, _CHUNK, 0)
                assert sent == _CHUNK, ctypes.get_errno()

        yield by_sendmmsg
