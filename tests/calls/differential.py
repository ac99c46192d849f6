"""The same calls on both implementations, each with its own sockets; any difference is an error.

A source of chance (hypothesis, or a fuzzer's input) picks calls and arguments: buffers of any kind,
sockaddrs and control messages of any length, flags, counts and sizes that fit nowhere. Each call is
made on equal sockets of both sides, and must end in the same result or error, write nothing beside
its buffers and leave no descriptor open. Nothing leaves the loopback interface: an address that the
kernel would take for one of IPv4 always names 127.0.0.1.
"""

from __future__ import annotations

import array
import errno
import mmap
import os
import socket
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ctypes import ArgumentError
from types import ModuleType
from typing import Any, Protocol, TypeVar

from famsock._calls import ancillary, python

T = TypeVar("T")
_MARGIN = 16
_CANARY = b"\xa5"
_LOOPBACK = socket.inet_aton("127.0.0.1")
_DISCARD = 9
_ATTEMPTS = 100
SIZES = (0, 1, 3, 16, 4095, 4096, 4097, 65535, 65536, 65537)
WILD = (-1, -(1 << 31), -(1 << 63), 1 << 62, (1 << 63) - 1, 1 << 63, 1 << 80)
_FLAGS = (
    0, socket.MSG_PEEK, socket.MSG_TRUNC, socket.MSG_DONTWAIT, socket.MSG_OOB, socket.MSG_NOSIGNAL,
    socket.MSG_WAITALL, socket.MSG_ERRQUEUE, socket.MSG_MORE, socket.MSG_CMSG_CLOEXEC,
)  # fmt: skip
_CONTROL = (
    (socket.SOL_SOCKET, socket.SCM_RIGHTS), (socket.SOL_SOCKET, socket.SCM_CREDENTIALS),
    (socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IP, socket.IP_TTL),
    (socket.IPPROTO_UDP, 103), (1000, 1), ((1 << 31) - 1, -(1 << 31)),
)  # fmt: skip
_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_BROADCAST), (socket.SOL_SOCKET, socket.SO_TYPE),
    (socket.SOL_SOCKET, socket.SO_LINGER), (socket.SOL_SOCKET, socket.SO_ERROR),
    (socket.SOL_SOCKET, socket.SO_PEERCRED), (socket.SOL_SOCKET, socket.SO_PASSCRED),
    (socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IP, socket.IP_RECVTOS),
    (socket.IPPROTO_UDP, 103), (socket.IPPROTO_UDP, 104), (socket.SOL_SOCKET, 9999), (-1, -1),
)  # fmt: skip


class Dice(Protocol):
    """The source of chance."""

    def integer(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included."""

    def pick(self, options: Sequence[T]) -> T:
        """One of them."""

    def data(self, most: int) -> bytes:
        """At most so many bytes."""


class Side:
    """One implementation and its sockets: two of AF_UNIX, two of UDP, a server and a client."""

    no_socket: Any = -1

    def __init__(self, raw: Any, enter: Callable[[Any], Any], module: ModuleType = socket) -> None:
        self.raw = raw
        unix = map(enter, module.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        udp = [enter(_with_port(lambda: _datagrams(module), socket.SOCK_STREAM)) for _ in range(2)]
        listening = _with_port(lambda: module.create_server(("127.0.0.1", 0)), socket.SOCK_DGRAM)
        self.sockets = [*unix, *udp, enter(listening), enter(module.socket())]
        for sock in self.sockets:
            sock.setblocking(False)
        for sock, peer in ((self.sockets[n], self.sockets[n ^ 1]) for n in range(4)):
            for data in (bytes(range(250)) * 20, b"short"):  # the long one is met by more calls
                _send(sock, data, peer)
        self.names = [self.name_of(sock) for sock in self.sockets[2:5]]
        self.buffers: list[tuple[bytearray, int]] = []

    def name_of(self, sock: socket.socket) -> Any:
        """The address it is bound to, in the form of the side's calls."""
        return self.raw.getsockname(sock.fileno())

    def guarded(self, size: int) -> memoryview:
        """A writable buffer in the middle of bytes that must not change."""
        whole = bytearray(_CANARY * (size + 2 * _MARGIN))
        self.buffers.append((whole, size))
        return memoryview(whole)[_MARGIN : _MARGIN + size]

    def check_buffers(self) -> list[bytes]:
        """Return what the buffers hold; AssertionError if something was written beside them."""
        contents = []
        for whole, size in self.buffers:
            margins = whole[:_MARGIN] + whole[_MARGIN + size :]
            assert margins == _CANARY * 2 * _MARGIN, f"{self.raw} wrote beside a buffer"
            contents.append(bytes(whole[_MARGIN : _MARGIN + size]))
        self.buffers.clear()
        return contents


@contextmanager
def _with_port(make: Callable[[], Any], other: int) -> Iterator[Any]:
    """A bound socket whose port nobody else has for sockets of the other type either.

    A call on a socket of that type finds the same in every side: the port is taken, and silent.
    """
    for _ in range(_ATTEMPTS):
        with make() as sock, socket.socket(socket.AF_INET, other) as reserved:
            try:
                reserved.bind(sock.getsockname())
            except OSError:  # another program has it
                continue
            yield sock
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _datagrams(module: ModuleType) -> Any:
    sock = module.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def _send(sock: socket.socket, data: bytes, peer: socket.socket) -> None:
    name = peer.getsockname()
    if name:
        sock.sendto(data, name)
    else:
        sock.send(data)


Argument = Callable[[Side], Any]
Play = Callable[[Side, Any], Any]


def play(native: ModuleType, dice: Dice, steps: int) -> None:
    """Make so many calls in both sides; AssertionError where they differ."""
    with no_descriptor_left(), ExitStack() as stack:
        sides = [Side(raw, stack.enter_context) for raw in (native, python)]
        # Until it has met one of ours, the compiled layer asks a socket's methods, more slowly.
        native.closed_like(sides[0].sockets[0])
        compare(sides, _CALLS, dice, steps)


def compare(
    sides: Sequence[Side], calls: Sequence[Callable[[Dice], Play]], dice: Dice, steps: int
) -> None:
    """Make so many of these calls, each in every side; AssertionError where they differ."""
    with _settling() as settle:
        settle()
        for _ in range(steps):
            call, where = dice.pick(calls), dice.integer(0, len(sides[0].sockets))
            made = call(dice)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # control messages that were cut
                outcomes = [_outcome(side, made, where, settle) for side in sides]
            assert outcomes[0] == outcomes[1], f"{call.__name__}: {outcomes[0]} {outcomes[1]}"


@contextmanager
def _settling() -> Iterator[Callable[[], None]]:
    """Return a function that returns when all that was sent over the loopback has arrived.

    The kernel may leave packets to one of its threads, so that the next call finds them or not.
    Those of one processor stay in order. An answer to a packet, and the answer to that, which ends
    TCP's handshake, are each behind what was sent meanwhile.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        with _datagrams(socket) as a, _datagrams(socket) as b:
            b.settimeout(60)

            def settle() -> None:
                for _ in range(3):
                    a.sendto(b"x", b.getsockname())
                    b.recv(1)

            yield settle
    finally:
        os.sched_setaffinity(0, allowed)


def _outcome(side: Side, made: Play, where: int, settle: Callable[[], None]) -> Any:
    sock: Any = side.no_socket if where == len(side.sockets) else side.sockets[where]
    result: Any
    try:
        result = _plain(side, made(side, sock))
    except OSError as error:
        result = type(error).__name__, error.errno
    except (ArgumentError, BufferError, MemoryError, OverflowError, TypeError, ValueError):
        result = "refused"  # which of several wrong arguments is named first is left open
    settle()
    return result, side.check_buffers()


def _plain(side: Side, value: Any) -> Any:
    """A result in which descriptors are closed and names of sockets are the same everywhere."""
    if value in side.names:
        return side.names.index(value)
    if isinstance(value, list) and value and len(value[0]) == 3:
        ancillary.close_descriptors(value)
        return [(level, kind, len(data)) for level, kind, data in value]
    if isinstance(value, (list, tuple)):
        return [_plain(side, item) for item in value]
    return value


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    after = len(os.listdir("/proc/self/fd"))
    assert after == before, f"{after - before} descriptors were left open"


# Arguments


def any_size(dice: Dice) -> int:
    return dice.pick((*SIZES, *WILD)) if dice.integer(0, 3) else dice.integer(0, 200)


def any_length(dice: Dice) -> int:
    """A size of something that is really made, or of control messages."""
    return dice.pick(SIZES[:7]) if dice.integer(0, 1) else dice.integer(0, 200)


def any_flags(dice: Dice) -> int:
    if not dice.integer(0, 7):
        return dice.integer(0, 0x7FFFFFF)
    return dice.pick(_FLAGS) | dice.pick(_FLAGS)


def any_timeout(dice: Dice) -> float | None:
    """None, or so short that nothing comes meanwhile: what a call may find is there before."""
    return dice.pick((None, None, 0.0, 0.0, 0.0005))


def any_sockaddr(dice: Dice, port: int = _DISCARD) -> Argument:
    """The name of a socket, or bytes of any length that name no other machine."""
    which = dice.integer(0, 5)
    if which < 3:
        return lambda side: side.names[which]
    if which == 3:
        return lambda side: b""
    family = struct.pack("=H", dice.pick((socket.AF_INET, socket.AF_UNIX, 0, 10, 0xFFFF)))
    data = (family + struct.pack("!H", port) + _LOOPBACK + dice.data(192))[: dice.integer(0, 200)]
    return lambda side: data


def any_sent(dice: Dice) -> Argument:
    """Data to send, of any kind; each side gets its own object."""
    data = dice.data(64) * dice.pick((1, 1, 1, 100))
    kind = dice.integer(0, 8)
    return lambda side: _buffer(kind, data)


def _buffer(kind: int, data: bytes) -> Any:
    if kind == 1:
        return bytearray(data)
    if kind == 2:
        return memoryview(data)
    if kind == 3:
        return memoryview(bytearray(data))[::2]
    if kind == 4:
        return array.array("H", data[: len(data) & ~1])
    if kind == 5 and data:
        area = mmap.mmap(-1, len(data))
        area[:] = data
        return area
    if kind == 6 and data:
        return memoryview(bytearray(data)).cast("B", (1, len(data)))
    if kind == 7:
        return memoryview(bytearray(data))[: len(data) // 2]
    return "text" if kind == 8 else data


def any_target(dice: Dice) -> Argument:
    """A buffer to receive into, guarded; seldom one that cannot be written to."""
    size, kind = any_length(dice), dice.integer(0, 9)
    if kind == 0:
        return lambda side: bytes(size)
    if kind == 1:
        return lambda side: side.guarded(size)[::2]
    if kind == 2:
        return lambda side: side.guarded(size).toreadonly()
    if kind == 3 and size:
        return lambda side: side.guarded(size).cast("B", (1, size))
    return lambda side: side.guarded(size)


def any_items(dice: Dice) -> list[tuple[int, int, bytes]]:
    """Control messages with data of any length."""
    items = []
    for _ in range(dice.integer(0, 3)):
        level, kind = dice.pick(_CONTROL)
        data = dice.data(40) * dice.pick((1, 1, 1, 200))
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers = [dice.pick((0, 0, 0, -1, 1 << 20)) for _ in range(dice.integer(0, 5))]
            data = struct.pack(f"{len(numbers)}i", *numbers) + data[: dice.integer(0, 3)]
        items.append((level, kind, data))
    return items


def any_of(dice: Dice, make: Callable[[Dice], T], most: int = 4) -> list[T]:
    made = [make(dice) for _ in range(dice.integer(0, most))]
    return made * 400 if not dice.integer(0, 30) else made


# Calls


def recvfrom(dice: Dice) -> Play:
    timeout, size, flags = any_timeout(dice), any_size(dice), any_flags(dice)
    return lambda side, sock: side.raw.recvfrom(sock, timeout, size, flags)


def recvfrom_into(dice: Dice) -> Play:
    timeout, target, flags = any_timeout(dice), any_target(dice), any_flags(dice)
    size = dice.pick((0, 1, 16, 200, *WILD))
    return lambda side, sock: side.raw.recvfrom_into(sock, timeout, target(side), size, flags)


def recvmsg(dice: Dice) -> Play:
    timeout, size, control, flags = (
        any_timeout(dice),
        any_size(dice),
        any_length(dice),
        any_flags(dice),
    )
    return lambda side, sock: side.raw.recvmsg(sock, timeout, size, control, flags)


def recvmsg_into(dice: Dice) -> Play:
    timeout, flags = any_timeout(dice), any_flags(dice)
    targets, control = any_of(dice, any_target), dice.pick((any_length(dice), -1))
    return lambda side, sock: side.raw.recvmsg_into(
        sock, timeout, [target(side) for target in targets], control, flags
    )


def recvmmsg(dice: Dice) -> Play:
    timeout, control, flags = any_timeout(dice), any_length(dice), any_flags(dice)
    count = dice.pick((0, 1, 2, 2, 5, 5, 1025, 1 << 40, -1))
    size = dice.pick((0, 1, 16, 4097, -1, 1 << 62, 1 << 63)) if count else 0
    return lambda side, sock: side.raw.recvmmsg(
        sock, timeout, count if size < 4097 else min(count, 5), size, control, flags
    )


def recvmmsg_into(dice: Dice) -> Play:
    timeout, flags = any_timeout(dice), any_flags(dice)
    targets, control = any_of(dice, any_target), dice.pick((any_length(dice), -1))
    return lambda side, sock: side.raw.recvmmsg_into(
        sock, timeout, [target(side) for target in targets], control, flags
    )


def sendto(dice: Dice) -> Play:
    timeout, data, flags, name = (
        any_timeout(dice),
        any_sent(dice),
        any_flags(dice),
        any_sockaddr(dice),
    )
    return lambda side, sock: side.raw.sendto(sock, timeout, data(side), flags, name(side))


def sendmsg(dice: Dice) -> Play:
    timeout, flags = any_timeout(dice), any_flags(dice)
    pieces, items, name = any_of(dice, any_sent), any_items(dice), any_sockaddr(dice)
    return lambda side, sock: side.raw.sendmsg(
        sock, timeout, [piece(side) for piece in pieces], items, flags, name(side)
    )


def sendmmsg(dice: Dice) -> Play:
    timeout, flags = any_timeout(dice), any_flags(dice)
    messages = any_of(dice, lambda dice: (any_sent(dice), any_items(dice), any_sockaddr(dice)))
    return lambda side, sock: side.raw.sendmmsg(
        sock, timeout, [(data(side), items, name(side)) for data, items, name in messages], flags
    )


def recv_joined(dice: Dice) -> Play:
    timeout, size, flags = any_timeout(dice), any_size(dice), any_flags(dice)
    level, kind = dice.pick((*_CONTROL, (socket.IPPROTO_UDP, 104)))

    def received(side: Side, sock: Any) -> Any:
        messages, *rest = side.raw.recv_joined(sock, timeout, size, flags, level, kind)
        return (*messages, *rest)

    return received


def getsockopt(dice: Dice) -> Play:
    (level, option), unit = dice.pick(_OPTIONS), dice.pick((1, 1, 2, 8))
    size, request = dice.pick((0, 1, 3, 4, 12, 200, 4096, -1)), dice.data(16)
    return lambda side, sock: side.raw.getsockopt(_number(sock), level, option, size, request, unit)


def setsockopt(dice: Dice) -> Play:
    (level, option), value = dice.pick(_OPTIONS), dice.data(40)
    return lambda side, sock: side.raw.setsockopt(_number(sock), level, option, value)


def bind(dice: Dice) -> Play:
    """To any free port; never on AF_UNIX, where it would make files."""
    name = any_sockaddr(dice, port=0)
    return lambda side, sock: (
        side.raw.bind(_number(sock), name(side)) if _family(sock) != socket.AF_UNIX else None
    )


def connect(dice: Dice) -> Play:
    timeout, name = dice.pick((0.0, 10.0)), any_sockaddr(dice)  # it ends soon, or at once
    return lambda side, sock: _said(side.raw.connect(sock, timeout, name(side)))


def accept(dice: Dice) -> Play:
    timeout, ask = any_timeout(dice), bool(dice.integer(0, 1))

    def accepted(side: Side, sock: Any) -> int:
        number, name = side.raw.accept(sock, timeout, ask)
        os.close(number)
        return len(name)

    return accepted


def getsockname(dice: Dice) -> Play:
    return lambda side, sock: len(side.raw.getsockname(_number(sock)))


def getpeername(dice: Dice) -> Play:
    return lambda side, sock: len(side.raw.getpeername(_number(sock)))


_CALLS = (
    recvfrom, recvfrom_into, recvmsg, recvmsg_into, recvmmsg, recvmmsg_into, sendto, sendmsg,
    sendmmsg, sendto, sendmsg, recv_joined, getsockopt, setsockopt, bind, connect, accept,
    getsockname, getpeername,
)  # fmt: skip


def _number(sock: Any) -> int:
    return sock if isinstance(sock, int) else sock.fileno()


def _family(sock: Any) -> int:
    return 0 if isinstance(sock, int) else sock.family


def _said(error: int) -> str:
    return errno.errorcode.get(error, str(error))
