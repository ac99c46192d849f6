"""Cases to measure: each does the same work with the stdlib's module and with famsock.

A case is a context manager that takes one side and yields a function doing the work ``n`` times.
A function that returns nanoseconds has measured itself, without what it had to prepare.
"""

from __future__ import annotations

import os
import socket as stdlib
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from select import select
from typing import Any, NamedTuple

import famsock
from benchmarks import lab, packet, peers, typed
from benchmarks.echo import echoed
from benchmarks.measure import Work
from famsock import constants

PAYLOAD = b"x" * 64


class Case(NamedTuple):
    """One comparison: its name, its work, and the greatest ratio to the stdlib that we accept.

    ``other`` and ``ours`` are the two sides, mostly the two modules. ``needs`` is a module that not
    every environment has, and ``kernel_has`` tells whether the kernel has the family.
    """

    key: str
    name: str
    work: Callable[[Any], AbstractContextManager[Work]]
    target: float | None
    repeat: int = 2000
    other: Any = stdlib
    ours: Any = famsock
    needs: str = ""
    kernel_has: Callable[[], bool] | None = None

    @property
    def is_possible(self) -> bool:
        """Whether the module and the family are there that it needs."""
        if self.kernel_has is not None and not self.kernel_has():
            return False
        return not self.needs or find_spec(self.needs) is not None


@contextmanager
def connected(module: Any) -> Iterator[Work]:
    a, b = module.socketpair(module.AF_UNIX, module.SOCK_DGRAM)

    def work(n: int) -> None:
        for _ in range(n):
            a.send(PAYLOAD)
            b.recv(2048)

    with a, b:
        yield work


@contextmanager
def udp(module: Any) -> Iterator[Work]:
    a, b = (module.socket(module.AF_INET, module.SOCK_DGRAM) for _ in range(2))
    with a, b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        address = b.getsockname()

        def work(n: int) -> None:
            for _ in range(n):
                a.sendto(PAYLOAD, address)
                b.recvfrom(2048)

        yield work


@contextmanager
def messages(module: Any) -> Iterator[Work]:
    """Each with a control message on its way there and another one at its arrival."""
    with to_and_from(module, "both") as (a, b):
        b.setsockopt(stdlib.IPPROTO_IP, famsock.IP_RECVTTL, 1)
        address = b.getsockname()
        control = [(stdlib.IPPROTO_IP, stdlib.IP_TTL, struct.pack("=i", 64))]

        def work(n: int) -> None:
            for _ in range(n):
                a.sendmsg([PAYLOAD], control, 0, address)
                b.recvmsg(2048, 256)

        yield work


@contextmanager
def into(module: Any) -> Iterator[Work]:
    with to_and_from(module, "both") as (a, b):
        address = b.getsockname()
        buffer = bytearray(2048)

        def work(n: int) -> None:
            for _ in range(n):
                a.sendto(PAYLOAD, address)
                b.recvfrom_into(buffer)

        yield work


@contextmanager
def unix_datagram(module: Any) -> Iterator[Work]:
    a, b = (module.socket(module.AF_UNIX, module.SOCK_DGRAM) for _ in range(2))
    with a, b, tempfile.TemporaryDirectory() as folder:
        a.bind(os.path.join(folder, "a"))
        b.bind(os.path.join(folder, "b"))
        address = b.getsockname()

        def work(n: int) -> None:
            for _ in range(n):
                a.sendto(PAYLOAD, address)
                b.recvfrom(2048)

        yield work


@contextmanager
def creation(module: Any) -> Iterator[Work]:
    def work(n: int) -> None:
        for _ in range(n):
            module.socket(module.AF_INET, module.SOCK_DGRAM).close()

    yield work


@contextmanager
def accept(module: Any) -> Iterator[Work]:
    with module.create_server(("127.0.0.1", 0), backlog=128) as server:
        address = server.getsockname()

        def work(n: int) -> None:
            for _ in range(n):
                client = module.socket(module.AF_INET, module.SOCK_STREAM)
                client.connect(address)
                server.accept()[0].close()
                client.close()

        yield work


BATCH = 64
SEGMENT_BYTES = 512
SEGMENTS = os.urandom(64 * SEGMENT_BYTES)
_GRO = 17, 104  # SOL_UDP, UDP_GRO


def repeated(once: Callable[[], int]) -> Work:
    """Work that moves a batch as often as it takes to move ``n`` datagrams."""

    def work(n: int) -> int:
        return sum(once() for _ in range(max(n // BATCH, 1)))

    return work


@contextmanager
def to_and_from(module: Any, measured: str) -> Iterator[tuple[Any, Any]]:
    """Two UDP sockets; the module's is the one to "send" or to "receive", or "both" are."""
    makers = [module if measured in (side, "both") else stdlib for side in ("send", "receive")]
    a, b = (maker.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) for maker in makers)
    with a, b:
        for sock in (a, b):
            sock.bind(("127.0.0.1", 0))
            sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 1 << 22)
        yield a, b


@contextmanager
def batch_send(module: Any) -> Iterator[Work]:
    with to_and_from(module, "send") as (a, b):
        address = b.getsockname()
        messages = [(PAYLOAD, address) for _ in range(BATCH)]

        def once() -> int:
            start_ns = time.process_time_ns()
            if module is stdlib:
                for data, address in messages:
                    a.sendto(data, address)
            else:
                a.sendmmsg(messages)
            spent_ns = time.process_time_ns() - start_ns
            for _ in range(BATCH):
                b.recv(2048)
            return spent_ns

        yield repeated(once)


@contextmanager
def batch_receive(module: Any) -> Iterator[Work]:
    with to_and_from(module, "receive") as (a, b):
        address = b.getsockname()

        def once() -> int:
            for _ in range(BATCH):
                a.sendto(PAYLOAD, address)
            start_ns = time.process_time_ns()
            if module is stdlib:
                got = [b.recvfrom(2048) for _ in range(BATCH)]
            else:
                got = b.recvmmsg(BATCH, 2048)
            spent_ns = time.process_time_ns() - start_ns
            assert len(got) == BATCH
            return spent_ns

        yield repeated(once)


@contextmanager
def batch_receive_into(module: Any) -> Iterator[Work]:
    with to_and_from(module, "receive") as (a, b):
        address = b.getsockname()
        buffers = [bytearray(2048) for _ in range(BATCH)]

        def once() -> int:
            for _ in range(BATCH):
                a.sendto(PAYLOAD, address)
            start_ns = time.process_time_ns()
            if module is stdlib:
                got = [b.recvfrom_into(buffer) for buffer in buffers]
            else:
                got = b.recvmmsg_into(buffers)
            spent_ns = time.process_time_ns() - start_ns
            assert len(got) == BATCH
            return spent_ns

        yield repeated(once)


def pieces() -> list[bytes]:
    return [SEGMENTS[at : at + SEGMENT_BYTES] for at in range(0, len(SEGMENTS), SEGMENT_BYTES)]


@contextmanager
def segments_send(module: Any) -> Iterator[Work]:
    with to_and_from(module, "send") as (a, b):
        address = b.getsockname()
        ours: Any = None if module is stdlib else a.operations
        b.setsockopt(*_GRO, 1)
        wanted = zlib.crc32(SEGMENTS)

        def once() -> int:
            datagrams = pieces()
            start_ns = time.process_time_ns()
            if ours is None:
                for datagram in datagrams:
                    a.sendto(datagram, address)
            else:
                ours.send_segments(SEGMENTS, SEGMENT_BYTES, address)
            spent_ns = time.process_time_ns() - start_ns
            got = b""
            while len(got) < len(SEGMENTS):
                got += b.recv(65535)
            assert zlib.crc32(got) == wanted
            return spent_ns

        yield repeated(once)


@contextmanager
def segments_receive(module: Any) -> Iterator[Work]:
    with to_and_from(module, "receive") as (a, b):
        address = b.getsockname()
        wanted = zlib.crc32(SEGMENTS)
        segment = stdlib.IPPROTO_UDP, 103, SEGMENT_BYTES.to_bytes(2, "little")
        ours: Any = None if module is stdlib else b.operations
        if ours is not None:
            ours.enable_segments()

        def once() -> int:
            a.sendmsg([SEGMENTS], [segment], 0, address)
            start_ns = time.process_time_ns()
            if ours is None:
                got = [b.recvfrom(2048)[0] for _ in range(BATCH)]
            else:
                got = ours.recv_segments()[0]
            spent_ns = time.process_time_ns() - start_ns
            assert len(got) == BATCH
            assert zlib.crc32(b"".join(got)) == wanted
            return spent_ns

        yield repeated(once)


@contextmanager
def frames(module: Any) -> Iterator[Work]:
    """Frames over loopback to an interface's name; the receiver's address has the name, too."""
    kind = module.AF_PACKET, module.SOCK_RAW
    with module.socket(*kind, 0) as a, module.socket(*kind, 0) as b:
        b.bind(("lo", 0x88B5))  # a protocol number for experiments
        frame, address = bytes(12) + b"\x88\xb5" + bytes(46), ("lo", 0x88B5)

        def work(n: int) -> None:
            for _ in range(n):
                a.sendto(frame, address)
                b.recvfrom(2048)

        yield work


def _by_struct(data: bytes, each: int) -> tuple[bytes, ...]:
    whole, rest = divmod(len(data), each)
    return struct.unpack(f"{each}s" * whole + f"{rest}s" * bool(rest), data)


def _by_slices(data: bytes, each: int) -> list[bytes]:
    return [data[at : at + each] for at in range(0, len(data), each)]


def segments_apart(
    take_apart: Callable[[bytes, int], Sequence[bytes]],
) -> Callable[[Any], AbstractContextManager[Work]]:
    """A block that the kernel has joined: recvmsg and such a function against recv_segments."""

    @contextmanager
    def case(module: Any) -> Iterator[Work]:
        with to_and_from(module, "receive") as (a, b):
            address = b.getsockname()
            segment = stdlib.IPPROTO_UDP, 103, SEGMENT_BYTES.to_bytes(2, "little")
            ours: Any = None if module is stdlib else b.operations
            b.setsockopt(*_GRO, 1)

            def received() -> Sequence[bytes]:
                data, items, _, _ = b.recvmsg(65535, 64)
                each = len(data)
                for level, kind, value in items:
                    if (level, kind) == _GRO:
                        (each,) = struct.unpack("=i", value)
                return take_apart(data, each)

            def once() -> int:
                a.sendmsg([SEGMENTS], [segment], 0, address)
                start_ns = time.process_time_ns()
                got = received() if ours is None else ours.recv_segments()[0]
                spent_ns = time.process_time_ns() - start_ns
                assert len(got) == BATCH
                return spent_ns

            yield repeated(once)

    return case


_ZEROCOPIED = bytes(1 << 14)
_EXTENDED_ERROR = struct.Struct("=IBBBBII")


@contextmanager
def zerocopy(module: Any) -> Iterator[Work]:
    """Blocks over a TCP connection, each with its notification; the peer's reading is not counted.

    The stdlib has no name for it: its side does by numbers what famsock's operations do.
    """
    with stdlib.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with module.create_connection(address) as client, server.accept()[0] as peer:
            client.setsockopt(stdlib.SOL_SOCKET, constants.SO_ZEROCOPY, 1)
            buffer = bytearray(len(_ZEROCOPIED))
            ours: Any = None if module is stdlib else client.operations

            def send_by_number() -> int:
                return int(client.send(_ZEROCOPIED, constants.MSG_ZEROCOPY))

            def done_by_number() -> None:
                _, items, _, _ = client.recvmsg(0, 512, stdlib.MSG_ERRQUEUE)
                _, origin, _, code, _, first, last = _EXTENDED_ERROR.unpack_from(items[0][2])
                assert (origin, code, last - first) == (5, 1, 0)

            def send_by_operation() -> int:
                return int(ours.send_zerocopy(_ZEROCOPIED))

            def done_by_operation() -> None:
                (done,) = ours.zerocopy_completions()
                assert done.copied
                assert done.numbers == [done.first]

            send, done = (
                (send_by_number, done_by_number)
                if module is stdlib
                else (send_by_operation, done_by_operation)
            )

            def work(n: int) -> int:
                spent_ns = 0
                for _ in range(n):
                    start_ns = time.process_time_ns()
                    sent = send()
                    spent_ns += time.process_time_ns() - start_ns
                    while sent:  # the notification comes when the peer has got it all
                        sent -= peer.recv_into(buffer)
                    select([client], [], [], 10)
                    start_ns = time.process_time_ns()
                    done()
                    spent_ns += time.process_time_ns() - start_ns
                return spent_ns

            yield work


@contextmanager
def transmit_time(module: Any) -> Iterator[Work]:
    """Datagrams with the time at which they shall leave; loopback lets them go at once."""
    with to_and_from(module, "send") as (a, b):
        address = b.getsockname()
        a.setsockopt(stdlib.SOL_SOCKET, constants.SO_TXTIME, struct.pack("=iI", 1, 0))
        packed = struct.Struct("=Q").pack
        ours: Any = None if module is stdlib else a.operations

        def by_number(now_ns: int) -> None:
            item = stdlib.SOL_SOCKET, constants.SCM_TXTIME, packed(now_ns)
            a.sendmsg([PAYLOAD], [item], 0, address)

        def by_operation(now_ns: int) -> None:
            ours.send_at(PAYLOAD, now_ns, address)

        once = by_number if ours is None else by_operation

        def work(n: int) -> int:
            spent_ns = 0
            for _ in range(n):
                start_ns = time.process_time_ns()
                once(time.monotonic_ns())
                spent_ns += time.process_time_ns() - start_ns
                b.recv(2048)
            return spent_ns

        yield work


def loop_case(loop: str, needs: str = "") -> Case:
    """Echoes by an event loop's datagram endpoint against those by recvmmsg in its reader."""
    return Case(
        f"{loop}-echo",
        f"UDP echo on {loop}: datagram endpoint against recvmmsg in a reader, a datagram",
        lambda kind: echoed(kind, loop),
        None,
        other="endpoint",
        ours="batch",
        needs=needs,
    )


CASES = (
    Case("connected", "connected send + recv, unix datagram, 64 bytes", connected, 1.02),
    Case("udp", "UDP sendto + recvfrom, numeric address, 64 bytes", udp, 0.93),
    Case("messages", "UDP sendmsg + recvmsg, a control message each way", messages, 0.98),
    Case("into", "UDP sendto + recvfrom_into, numeric address, 64 bytes", into, 0.95),
    Case("unix", "unix datagram sendto + recvfrom, 64 bytes", unix_datagram, 0.95),
    Case("packet", "AF_PACKET sendto + recvfrom, interface by name, 60 bytes", frames, None),
    Case("peers", "UDP recvfrom, from 5,000 peers in turn", peers.udp_peers(5000), 1.05),
    Case("new-peers", "UDP recvfrom, from 200,000 peers", peers.udp_peers(200_000), 1.05),
    Case("destinations", "UDP sendto, each to another address", peers.destinations, 1.15),
    Case("packet-peers", "AF_PACKET recvfrom, from 5,000 peers", peers.packet_peers, 1.15),
    Case("netlink-peers", "AF_NETLINK recvfrom, from 5,000 peers", peers.netlink_peers, 1.15),
    Case("unix-peers", "AF_UNIX recvfrom, from 5,000 peers", peers.unix_peers, 1.15),
    Case("refused-path", "unix sendto, to a path that is not there", peers.refused_path, 1.3),
    Case("refused", "unix connect, ECONNREFUSED", peers.refused_connection, 1.3),
    Case("getsockopt", "getsockopt of an integer", peers.read_option, 1.05),
    Case("setsockopt", "setsockopt of an integer", peers.write_option, 1.05),
    Case("creation", "socket creation and close", creation, 1.05),
    Case("accept", "TCP connect, accept, close", accept, 1.05, 500),
    Case(
        "recvmmsg",
        "recvmmsg of 64 against recvfrom, a UDP datagram of 64 bytes",
        batch_receive,
        0.5,
    ),
    Case(
        "into-buffers",
        "recvmmsg_into of 64 against recvfrom_into, a UDP datagram of 64 bytes",
        batch_receive_into,
        0.75,
    ),
    Case("sendmmsg", "sendmmsg of 64 against sendto, a UDP datagram of 64 bytes", batch_send, 0.77),
    Case("segment", "UDP_SEGMENT against sendto, a datagram of 512 bytes", segments_send, 0.1),
    Case("gro", "UDP_GRO against recvfrom, a datagram of 512 bytes", segments_receive, 0.125),
    # A loop in C that makes the same objects takes 0.72 of what recvmsg and one unpack take.
    Case("gro-struct", "UDP_GRO against recvmsg and struct", segments_apart(_by_struct), 1.05),
    Case("gro-slices", "UDP_GRO against recvmsg and slices", segments_apart(_by_slices), 0.7),
    Case("zerocopy", "MSG_ZEROCOPY of 16 KiB over TCP, with its notification", zerocopy, None, 200),
    Case("txtime", "SO_TXTIME: sendmsg by numbers against send_at", transmit_time, None),
    Case("message-read", "recv_message, 3 control messages read", typed.message_read, 1.3),
    Case("message-unread", "recv_message, 3 control messages not read", typed.message_unread, 1.1),
    Case("get-option", "get_option of an integer, by row", typed.read_option, 1.5),
    Case("set-option", "set_option of an integer, by row", typed.write_option, 1.5),
    Case("tcp-info", "tcp_info against getsockopt and struct", typed.tcp_info, 2.5),
    Case("local-address", "local_address against getsockname", typed.local_address, 1.1),
    *(
        Case(
            key,
            f'parse("{text}") against rpartition and int',
            typed.parse(reference, text),
            10,
        )
        for key, reference, text in (
            ("parse", "famsock_inet:InetAddress", "127.0.0.1:80"),
            ("parse-inet6", "famsock_inet:Inet6Address", "[::1]:80"),
            ("parse-unix", "famsock_unix:UnixAddress", "/run/kit"),
            ("parse-isotp", "famsock_can:IsotpAddress", "vcan0:0x123:0x321"),
            ("parse-j1939", "famsock_can:J1939Address", "vcan0:0x0:0x3ffff:0x20"),
            ("parse-packet", "famsock_packet:PacketAddress", "lo:0x800"),
            ("parse-tipc", "famsock_tipc:TipcAddress", "service:18888:17"),
            ("parse-rds", "famsock_rds:RdsAddress", "127.0.0.1:4000"),
            ("parse-rds6", "famsock_rds:RdsAddress", "[::1]:4000"),
            ("parse-l2cap", "famsock_bluetooth:L2capAddress", "[00:11:22:33:44:55]:1"),
            ("parse-iso", "famsock_bluetooth:IsoAddress", "[00:11:22:33:44:55]"),
        )
    ),
    Case("construct", "InetAddress against ipaddress.ip_address", typed.construct, 0.5),
    Case("descriptors", "two descriptors against send_fds, recv_fds", typed.descriptors, 1.2),
    Case(
        "recvmmsg-into",
        "recvmmsg_into of 64 against recvmmsg, a UDP datagram of 1400 bytes",
        typed.batch_into(1400),
        0.95,
    ),
    Case(
        "recvmmsg-into-small",
        "recvmmsg_into of 64 against recvmmsg, a UDP datagram of 64 bytes",
        typed.batch_into(64),
        1.02,
    ),
    Case("packet-frame", "AF_PACKET recv_frame against recvfrom", packet.frame, 1.3),
    Case(
        "packet-ring",
        "AF_PACKET receive ring against pcapy-ng's dispatch, a frame with all its fields",
        packet.ring,
        1.1,
        4000,
        other="dispatch",
        ours="ring",
        needs="pcapy",
    ),
    Case(
        "packet-transmit",
        "AF_PACKET transmit ring against sendmmsg in C, a frame",
        packet.transmit,
        1.5,
        other="sendmmsg",
        ours="ring",
    ),
    loop_case("asyncio"),
    loop_case("uvloop", "uvloop"),
)
LAB_CASES = (
    Case(
        "can-recv-frame",
        "CAN recv_frame, with its arrival, against recvmsg and struct",
        lab.recv_frame,
        1.5,
        kernel_has=lab.has_can_raw,
    ),
    Case(
        "can-recv-frames",
        "CAN recv_frames(64), a frame, against recvmsg and struct",
        lab.recv_frames,
        0.6,
        kernel_has=lab.has_can_raw,
    ),
    Case(
        "can-send-frame",
        "CAN send_frame of a new frame against send and struct",
        lab.send_frame,
        2.0,
        kernel_has=lab.has_can_raw,
    ),
    Case(
        "can-send-frames",
        "CAN send_frames(64), a new frame, against send and struct",
        lab.send_frames,
        1.2,
        kernel_has=lab.has_can_raw,
    ),
    Case(
        "isotp-recv",
        "ISO-TP recv_pdu against recvfrom",
        lab.recv_pdu,
        1.8,
        640,
        kernel_has=lab.has_isotp,
    ),
    Case(
        "j1939-recv",
        "J1939 recv_pg against recvfrom",
        lab.recv_pg,
        1.8,
        640,
        kernel_has=lab.has_j1939,
    ),
    Case(
        "vsock-accept",
        "VSOCK connect, accept, close",
        lab.vsock_accept,
        1.1,
        500,
        kernel_has=lab.has_vsock_loopback,
    ),
    Case(
        "alg-digest",
        "ALG digest of 64 bytes against accept, send, recv, close",
        lab.alg_digest,
        1.3,
        500,
        kernel_has=lab.has_alg,
    ),
)
"""Those of families that few kernels have."""

BY_KEY = {case.key: case for case in (*CASES, *LAB_CASES)}
