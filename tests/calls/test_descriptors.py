"""Descriptors that came with a message, or are one: nothing that fails afterwards leaves them open.

What fails is memory, at each allocation in turn, as far as the interpreter can be made to do that.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import ArgumentError
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from famsock._calls import ancillary

Pair = tuple[socket.socket, socket.socket]
RIGHTS = socket.SOL_SOCKET, socket.SCM_RIGHTS
CONTROL_BYTES = socket.CMSG_SPACE(8)
RECEIVING: dict[str, Callable[[Any, int], Any]] = {
    "recvmsg": lambda raw, fd: raw.recvmsg(fd, None, 8, CONTROL_BYTES, 0),
    "recvmsg, large": lambda raw, fd: raw.recvmsg(fd, None, 10000, CONTROL_BYTES + 2000, 0),
    "recvmsg_into": lambda raw, fd: raw.recvmsg_into(fd, None, [bytearray(8)], CONTROL_BYTES, 0),
    "recvmmsg": lambda raw, fd: raw.recvmmsg(fd, None, 3, 8, CONTROL_BYTES, 0),
    "recvmmsg_into": lambda raw, fd: raw.recvmmsg_into(
        fd, None, [bytearray(8), bytearray(8)], CONTROL_BYTES, 0
    ),
    "recv_joined": lambda raw, fd: raw.recv_joined(fd, None, 8, 0, 1, 99),
}


def _close(name: str, received: Any) -> None:
    """Close what came with the messages that a call gave."""
    if name != "recv_joined":
        for message in received if name.startswith("recvmmsg") else [received]:
            ancillary.close_descriptors(message[1])


def _open() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@contextmanager
def _without_memory(at: int) -> Iterator[None]:
    """One allocation fails, the one of this number from now on."""
    _testcapi: Any = import_module("_testcapi")
    _testcapi.set_nomemory(at, at + 1)
    try:
        yield
    finally:
        _testcapi.remove_mem_hooks()


def _attempt(call: Callable[[], Any], at: int) -> Any:
    """Return what a call gives whose allocation of this number fails; None if that ends it."""
    try:
        with _without_memory(at):
            return call()
    except (MemoryError, ArgumentError):  # as ctypes calls what fails in its own
        return None


CASES = [pytest.param("native", n, marks=pytest.mark.compiled_layer) for n in RECEIVING]
# Closing takes memory itself on ctypes, which is why its batches are not among them.
CASES += [pytest.param("ctypes", n) for n in ("recvmsg", "recvmsg, large", "recvmsg_into")]

if find_spec("_testcapi"):  # many distributions of Python leave it out

    @pytest.mark.parametrize(("raw", "name"), CASES, indirect=["raw"])
    def test_without_memory_no_descriptor_is_left(raw: Any, pair: Pair, name: str) -> None:
        a, b = pair
        items = [(*RIGHTS, struct.pack("2i", 0, 0))]
        number, failures, at = b.fileno(), 0, 0

        def call() -> Any:
            return RECEIVING[name](raw, number)

        for _ in range(2):
            a.sendmsg([b"x"], items)
        _close(name, call())  # what is imported on first use
        before, got = _open(), None
        while got is None:
            for _ in range(2):
                a.sendmsg([b"x"], items)
            got = _attempt(call, at)
            failures += got is None
            at += 1
            if got is not None:
                _close(name, got)
            while _left(b):
                pass
            assert _open() == before, f"the allocation of number {at - 1}"
        assert failures

    def test_without_memory_no_accepted_connection_is_left(raw: Any, descriptors: None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            number, failures, got = server.fileno(), 0, None
            while got is None:
                before = _open()
                with socket.create_connection(server.getsockname()):
                    got = _attempt(lambda: raw.accept(number, None, True), failures)
                    if got is not None:
                        os.close(got[0])
                    elif select.select([server], [], [], 0)[0]:  # it failed before it accepted
                        server.accept()[0].close()
                assert _open() == before, f"the allocation of number {failures}"
                failures += got is None
            assert failures


def _left(sock: socket.socket) -> bool:
    """Whether there was another message, whose descriptors are closed."""
    try:
        _, items, _, _ = sock.recvmsg(8, CONTROL_BYTES, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    ancillary.close_descriptors(items)
    return True


def test_one_that_is_none_keeps_no_other_open(descriptors: None) -> None:
    """The kernel writes a negative number where it could not make a pidfd."""
    numbers = struct.pack("3i", -errno.ESRCH, os.dup(0), os.dup(0))
    ancillary.close_descriptors([(*RIGHTS, numbers)])


def test_calls_leave_no_object_behind(raw: Any, pair: Pair) -> None:
    """Whether they succeed or fail: one for each round would be a leak."""
    a, b = (sock.fileno() for sock in pair)
    items = [(*RIGHTS, struct.pack("i", 0))]

    def play(size: int) -> None:
        raw.sendto(a, None, bytearray(size), 0, b"")
        raw.sendmsg(a, None, [bytearray(size), b"x"], items, 0, b"")
        raw.sendmmsg(a, None, [(b"x", (), b""), ([bytearray(size)], items, b"")], 0)
        raw.recvfrom(b, None, 5000, 0)
        _close("recvmsg", raw.recvmsg(b, None, size, CONTROL_BYTES, 0))
        _close("recvmmsg", raw.recvmmsg(b, None, 4, size, CONTROL_BYTES, 0))
        for wrong in (-1, bytearray(b"no address")):
            with suppress(OSError, TypeError, ArgumentError):
                raw.sendto(wrong, None, b"x", 0, wrong)
        with suppress(BlockingIOError):
            raw.recvmsg_into(b, None, [bytearray(size)], CONTROL_BYTES, socket.MSG_DONTWAIT)
        with suppress(BlockingIOError):
            raw.recvmmsg_into(b, None, [bytearray(size)], CONTROL_BYTES, socket.MSG_DONTWAIT)

    def blocks(sizes: range) -> int:
        for size in sizes:
            play(size)
        gc.collect()
        return sys.getallocatedblocks()

    before = blocks(range(1, 200))
    assert blocks(range(200, 700)) - before < 250
