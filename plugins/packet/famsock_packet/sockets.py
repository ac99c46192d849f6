"""The class of AF_PACKET's sockets. Source: packet(7), Documentation/networking/packet_mmap.rst."""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_DGRAM, SOCK_RAW
from typing import Any
from weakref import WeakSet

from famsock.plugin import Lookup, bpf, explain, options, socket
from famsock_packet.addresses import PacketAddress
from famsock_packet.constants import (
    AF_PACKET,
    ETH_P_ALL,
    PACKET_MR_ALLMULTI,
    PACKET_MR_MULTICAST,
    PACKET_MR_PROMISC,
    PACKET_MR_UNICAST,
)
from famsock_packet.frames import FRAME, PacketFrame
from famsock_packet.options import (
    PACKET_ADD_MEMBERSHIP,
    PACKET_AUXDATA,
    PACKET_DROP_MEMBERSHIP,
    PACKET_FANOUT,
    PACKET_FANOUT_DATA,
    PACKET_IGNORE_OUTGOING,
    PACKET_QDISC_BYPASS,
    PACKET_ROLLOVER_STATS,
    PACKET_STATISTICS,
)
from famsock_packet.ring import ReceiveRing
from famsock_packet.structs import Fanout, Membership, RolloverStatistics, Statistics
from famsock_packet.transmit import TransmitRing

__all__ = [
    "PacketSocket",
]


class _State:
    """Whether more was asked for about each frame than the sockaddr, and the rings of a socket."""

    told = False

    def __init__(self) -> None:
        self.rings: WeakSet[ReceiveRing] = WeakSet()


class PacketSocket(
    socket[PacketAddress, tuple[str, int, int, int, bytes]],
    family=AF_PACKET,
    type=(SOCK_RAW, SOCK_DGRAM),
    redefines=("close", "send"),
):
    """A socket of AF_PACKET: complete frames on SOCK_RAW, without their header on SOCK_DGRAM.

    An interface is its name, its index, or "" for every one. ``proto``, 0 unless given, is in
    network order: ``htons(ETH_P_ALL)``.
    """

    __slots__ = ()

    def close(self) -> None:
        """Close the socket; a thread that waits in its receive ring gets OSError EBADF, at once."""
        try:
            super().close()
        finally:
            for ring in tuple(self.protocol_state(_State).rings):
                ring._wake()

    # Receiving

    def capture(
        self,
        interface: str | int = "",
        proto: int = ETH_P_ALL,
        program: Iterable[bpf.Instruction] = (),
    ) -> None:
        """Begin to receive the frames of an interface that pass a filter, and no others.

        The socket must have been opened with protocol 0, or frames would have come in before the
        filter was there: then ValueError. ``proto`` is 0-65535 in host order (ETH_P_*), ``program``
        as for `set_filter`; without instructions every frame passes. Asks for time stamps and
        VLAN tags, too.
        """
        if self.proto:
            raise ValueError(
                "capture(): AF_PACKET socket must be opened with protocol 0, not "
                f"{self.proto}: PacketSocket()"
            )
        _ask_to_be_told(self)
        if instructions := tuple(program):
            self.set_filter(instructions)
        self.bind(PacketAddress(interface, proto))

    def recv_frame(self, bufsize_bytes: int = 65536, flags: int = 0) -> PacketFrame:
        """Receive a frame, at most ``bufsize_bytes`` of it, with the kernel's information.

        The first call asks the kernel for it (PACKET_AUXDATA, SO_TIMESTAMPNS). A frame that already
        waits then has the time of this call. Errors are those of recvmsg(2).
        """
        state = self.protocol_state(_State)
        if not state.told:
            _ask_to_be_told(self)
        try:
            frame = FRAME.receive(self, bufsize_bytes, 256, flags)
        except OSError as error:
            explain(self, error, "recv")
            raise
        state.told = frame.timestamp_ns is not None  # if not, somebody has switched it off
        return frame

    # Sending

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send a frame by the interface that the socket is bound to, as the stdlib's `send`.

        OSError with a hint: ENXIO if it is bound to none, ENETDOWN if that is down.
        """
        try:
            return super().send(data, flags)
        except OSError as error:
            explain(self, error, "send")
            raise

    def receive_ring(
        self,
        block_bytes: int = 1 << 18,
        blocks: int = 16,
        retire_ms: int = 60,
        frame_bytes: int = 1 << 11,
    ) -> ReceiveRing:
        """Receive through memory shared with the kernel (TPACKET_V3): many frames without a call.

        Best before `capture` or bind. ``block_bytes`` is a multiple of the page size and of
        ``frame_bytes``, itself one of 16; no frame may be longer than a block. ``retire_ms`` is how
        long a block may wait to be filled. OSError EINVAL for sizes that do not suit, ENOMEM,
        EBUSY with a ring already there. Close the ring, or use it in ``with``, before the socket.
        """
        ring = ReceiveRing(self, block_bytes, blocks, retire_ms, frame_bytes)
        self.protocol_state(_State).rings.add(ring)
        return ring

    # Filters

    def set_filter(self, program: Iterable[bpf.Instruction]) -> None:
        """Receive only what a classic BPF program (1-4096 instructions) lets pass.

        `famsock_packet.bpf.parse_program` reads one from ``tcpdump -ddd``. Frames that already wait
        are not filtered: set it before bind. OSError EINVAL for a program that is not valid, EPERM
        for a locked filter. Source: SO_ATTACH_FILTER.
        """
        self.set_option(options.SO_ATTACH_FILTER, tuple(program))

    def remove_filter(self) -> None:
        """Let everything pass; OSError ENOENT without a filter, EPERM for a locked one."""
        self.set_option(options.SO_DETACH_FILTER, 0)

    def lock_filter(self) -> None:
        """Lock the filter for good: no change, no removal. Source: SO_LOCK_FILTER, socket(7)."""
        self.set_option(options.SO_LOCK_FILTER, True)

    def filter(self) -> tuple[bpf.Instruction, ...]:
        """Return the program of the filter, empty without one. Source: SO_GET_FILTER."""
        return self.get_option(options.SO_GET_FILTER)

    # What the interface lets through

    def set_promiscuous(self, interface: str | int, on: bool = True) -> None:
        """Receive frames for other machines, too, until the socket is closed.

        For all memberships: OSError ENODEV for a missing interface. The kernel counts memberships,
        and ignores the removal of one that does not exist. Source: PACKET_MR_PROMISC.
        """
        _set_membership(self, on, interface, PACKET_MR_PROMISC)

    def set_all_multicast(self, interface: str | int, on: bool = True) -> None:
        """Receive frames for every multicast group. Source: PACKET_MR_ALLMULTI."""
        _set_membership(self, on, interface, PACKET_MR_ALLMULTI)

    def join_multicast(self, interface: str | int, address: bytes) -> None:
        """Receive frames for the group of a hardware address, as long as the interface's own."""
        _set_membership(self, True, interface, PACKET_MR_MULTICAST, address)

    def leave_multicast(self, interface: str | int, address: bytes) -> None:
        """Stop receiving frames for the group of a hardware address."""
        _set_membership(self, False, interface, PACKET_MR_MULTICAST, address)

    def add_unicast(self, interface: str | int, address: bytes) -> None:
        """Receive frames for a second hardware address. Source: PACKET_MR_UNICAST."""
        _set_membership(self, True, interface, PACKET_MR_UNICAST, address)

    def remove_unicast(self, interface: str | int, address: bytes) -> None:
        """Stop receiving frames for a second hardware address."""
        _set_membership(self, False, interface, PACKET_MR_UNICAST, address)

    # Several sockets

    def join_fanout(self, group: int, mode: int, members_max: int = 0) -> None:
        """Share the frames with the other sockets of a group, each getting some of them.

        ``group`` is 0-65535 (with PACKET_FANOUT_FLAG_UNIQUEID the kernel chooses: see `fanout`),
        ``mode`` PACKET_FANOUT_* with flags, ``members_max`` the group's limit, 0 for 256. All must
        be bound to the same interface and protocol: OSError EINVAL otherwise, ENOSPC for a full
        group, EALREADY for a second one.
        """
        self.set_option(PACKET_FANOUT, Fanout(group, mode, members_max))

    def fanout(self) -> Fanout:
        """Return the group that the socket is in; all zeros for none."""
        return self.get_option(PACKET_FANOUT)

    def set_fanout_program(self, program: Iterable[bpf.Instruction] | int) -> None:
        """Let a program choose the socket: it returns its place in the group.

        Instructions for PACKET_FANOUT_CBPF, an eBPF program's descriptor for PACKET_FANOUT_EBPF.
        """
        self.set_option(PACKET_FANOUT_DATA, program)

    def rollover_statistics(self) -> RolloverStatistics:
        """Return how often the group rolled over; OSError EINVAL for a group that does not."""
        return self.get_option(PACKET_ROLLOVER_STATS)

    # Sending

    def transmit_ring(
        self,
        block_bytes: int = 1 << 16,
        blocks: int = 16,
        frame_bytes: int = 1 << 11,
        address: Any = None,
    ) -> TransmitRing:
        """Send from memory shared with the kernel (TPACKET_V3): many frames in one call.

        ``block_bytes`` is a multiple of the page size and of ``frame_bytes``, itself one of 16 and
        48 more than the longest frame. Frames go to the interface that the socket is bound to, or
        to ``address``, in which SOCK_DGRAM finds the header's destination. OSError EINVAL for sizes
        that do not suit or before Linux 4.11, ENOMEM, EBUSY with a ring of either direction already
        there. Close the ring, or use it in ``with``, before the socket.
        """
        return TransmitRing(self, block_bytes, blocks, frame_bytes, address)

    def set_qdisc_bypass(self, on: bool = True) -> None:
        """Bypass the kernel's queues, or not: faster, but a busy driver drops frames."""
        self.set_option(PACKET_QDISC_BYPASS, on)

    # The rest

    def statistics(self) -> Statistics:
        """Return the counts of received and dropped packets; reading resets the kernel's counts."""
        return self.get_option(PACKET_STATISTICS)

    def set_ignore_outgoing(self, on: bool = True) -> None:
        """Leave out, or not, the frames that this machine sends (Linux 4.20)."""
        self.set_option(PACKET_IGNORE_OUTGOING, on)


def _ask_to_be_told(sock: PacketSocket) -> None:
    sock.set_option(PACKET_AUXDATA, True)
    sock.set_option(options.SO_TIMESTAMPNS, True)
    sock.protocol_state(_State).told = True


def _set_membership(
    sock: PacketSocket, on: bool, interface: str | int, type: int, address: bytes = b""
) -> None:
    if isinstance(interface, str):
        interface = Lookup("set_option", sock).interface_index(interface)
    option = PACKET_ADD_MEMBERSHIP if on else PACKET_DROP_MEMBERSHIP
    sock.set_option(option, Membership(interface, type, address))
