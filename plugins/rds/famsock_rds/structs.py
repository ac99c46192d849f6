"""The structs of RDS options and control messages: congestion, latencies, RDMA, zero copy.

The structs of RDMA carry addresses of this process's memory, which must stay until the operation
is done. Source: linux/rds.h, rds-rdma(7).
"""

from __future__ import annotations

from typing import Any

from famsock.plugin import CType, Struct, codecs, cstruct
from famsock_rds.addresses import RdsAddress
from famsock_rds.constants import (
    RDS_CONG_MONITOR_SIZE,
    RDS_MAX_ZCOOKIES,
    RDS_MSG_RX_DGRAM_TRACE_MAX,
    RDS_RDMA_SUCCESS,
)

__all__ = [
    "AtomicCompareSwap",
    "AtomicFetchAdd",
    "CongestionUpdate",
    "FreeMemoryRegion",
    "GetMemoryRegion",
    "GetMemoryRegionFor",
    "IoVector",
    "Latency",
    "LatencyTrace",
    "RdmaStatus",
    "RdmaTransfer",
    "ZeroCopyCookies",
    "congestion_mask",
]

_HEADER = "linux/rds.h"
_STORAGE_BYTES = 128


def congestion_mask(port: int) -> int:
    """Return a port's bit in a 64-bit congestion mask; ports 64 apart share it (0-65535).

    OverflowError for a port out of range. Source: linux/rds.h, RDS_CONG_MONITOR_MASK.
    """
    number = codecs.check_int("congestion_mask(): RDS port", port, 0xFFFF)
    return 1 << number % RDS_CONG_MONITOR_SIZE


@cstruct.struct("", header=_HEADER)
class CongestionUpdate(Struct):
    """RDS_CMSG_CONG_UPDATE: ports that a send had found congested take messages again.

    ``mask`` is 64 bits, one for each group of ports. Wire layout: u64 in host order.
    """

    mask: int = cstruct.u64("")

    def covers(self, port: int) -> bool:
        """Return whether the update is about the group of a port (0-65535)."""
        return bool(self.mask & congestion_mask(port))


def _positions(size: int) -> CType:
    """Return the positions of a trace: up to ``size`` numbers of a byte each, as a tuple."""

    def check(value: object) -> tuple[int, ...]:
        if not isinstance(value, tuple | list):
            raise TypeError(f"must be a tuple of {size} integers, not {type(value).__name__}")
        if len(value) != size:
            raise ValueError(f"must be {size} integers, not {len(value)}")
        return tuple(cstruct.U8.check(item) for item in value)

    return CType(
        c="__u8",
        code=f"{size}s",
        check=check,
        encode=lambda value, _lookup: bytes(value),
        decode=lambda raw, _lookup: tuple(raw),
    )


_POINTS = _positions(RDS_MSG_RX_DGRAM_TRACE_MAX)


@cstruct.struct("struct rds_rx_trace_so", header=_HEADER)
class LatencyTrace(Struct):
    """SO_RDS_MSG_RXPATH_LATENCY: latencies of the receive path to report with each message.

    ``count`` (0-3) of ``positions`` (3 of RDS_MSG_RX_HDR_TO_DGRAM_START,
    RDS_MSG_RX_DGRAM_REASSEMBLE, RDS_MSG_RX_DGRAM_DELIVERED) count.
    """

    count: int = cstruct.u8("rx_traces", default=RDS_MSG_RX_DGRAM_TRACE_MAX)
    positions: tuple[int, ...] = cstruct.field(_POINTS, "rx_trace_pos", default=(0, 1, 2))


@cstruct.struct("struct rds_cmsg_rx_trace", header=_HEADER)
class Latency(Struct):
    """RDS_CMSG_RXPATH_LATENCY: how long a message took in the stages of the receive path.

    ``count`` of ``positions`` (RDS_MSG_RX_* constants) and of the three times, in nanoseconds,
    count; the others are undefined.
    """

    count: int = cstruct.u8("rx_traces")
    positions: tuple[int, ...] = cstruct.field(_POINTS, "rx_trace_pos")
    first_ns: int = cstruct.u64("rx_trace[0]")
    second_ns: int = cstruct.u64("rx_trace[1]")
    third_ns: int = cstruct.u64("rx_trace[2]")

    @property
    def latencies_ns(self) -> dict[int, int]:
        """The times in nanoseconds that were asked for, by position."""
        times = (self.first_ns, self.second_ns, self.third_ns)
        return dict(zip(self.positions[: self.count], times, strict=False))


@cstruct.struct("struct rds_zcopy_cookies", header=_HEADER)
class ZeroCopyCookies(Struct):
    """RDS_CMSG_ZCOPY_COMPLETION: the cookies of sends whose memory is free again.

    ``count`` (0-8) of the cookies count.
    """

    count: int = cstruct.u32("num")
    raw: bytes = cstruct.raw("cookies", 4 * RDS_MAX_ZCOOKIES)

    @property
    def cookies(self) -> tuple[int, ...]:
        """The cookies."""
        whole = memoryview(self.raw).cast("I")
        return tuple(whole[: min(self.count, RDS_MAX_ZCOOKIES)])


@cstruct.struct("struct rds_iovec", header=_HEADER)
class IoVector(Struct):
    """A piece of memory: its address and its size in bytes, each 0-2**64-1."""

    address: int = cstruct.u64("addr")
    size_bytes: int = cstruct.u64("bytes")


@cstruct.struct("struct rds_get_mr_args", header=_HEADER)
class GetMemoryRegion(Struct):
    """RDS_GET_MR, RDS_CMSG_RDMA_MAP: make memory reachable for the peer.

    ``cookie_address`` is that of the u64 which receives the cookie, 0 for none; ``flags`` are
    RDS_RDMA_* constants.
    """

    memory: IoVector = cstruct.field(cstruct.nested(IoVector), "vec", offset=0)
    cookie_address: int = cstruct.u64("cookie_addr", offset=16)
    flags: int = cstruct.u64("flags", offset=24, default=0)


def _pack_storage(value: RdsAddress, lookup: Any) -> bytes:
    return value.pack(lookup)


def _check_address(value: object) -> RdsAddress:
    if not isinstance(value, RdsAddress):
        raise TypeError(f"must be RdsAddress, not {type(value).__name__}")
    return value


_STORAGE = CType(
    c="struct __kernel_sockaddr_storage",
    code=f"{_STORAGE_BYTES}s",
    check=_check_address,
    encode=_pack_storage,
    decode=lambda raw, lookup: RdsAddress.unpack(raw, lookup),
)
"""An address of RDS in a ``struct __kernel_sockaddr_storage``."""


@cstruct.struct("struct rds_get_mr_for_dest_args", header=_HEADER)
class GetMemoryRegionFor(Struct):
    """RDS_GET_MR_FOR_DEST: make memory reachable for one peer, on a socket without one."""

    peer: RdsAddress = cstruct.field(_STORAGE, "dest_addr", offset=0)
    memory: IoVector = cstruct.field(cstruct.nested(IoVector), "vec", offset=128)
    cookie_address: int = cstruct.u64("cookie_addr", offset=144)
    flags: int = cstruct.u64("flags", offset=152, default=0)


@cstruct.struct("struct rds_free_mr_args", header=_HEADER)
class FreeMemoryRegion(Struct):
    """RDS_FREE_MR: take memory back, by its cookie; RDS_RDMA_INVALIDATE waits for the device."""

    cookie: int = cstruct.u64("cookie")
    flags: int = cstruct.u64("flags", default=0)


@cstruct.struct("struct rds_rdma_args", header=_HEADER)
class RdmaTransfer(Struct):
    """RDS_CMSG_RDMA_ARGS: read or write the peer's memory with this message.

    ``remote`` is the offset from the peer's ``cookie`` and the size; ``local_address`` that of
    ``local_count`` `IoVector` structs; ``user_token`` comes back in `RdmaStatus`.
    """

    cookie: int = cstruct.u64("cookie", offset=0)
    remote: IoVector = cstruct.field(cstruct.nested(IoVector), "remote_vec", offset=8)
    local_address: int = cstruct.u64("local_vec_addr", offset=24)
    local_count: int = cstruct.u64("nr_local", offset=32)
    flags: int = cstruct.u64("flags", offset=40, default=0)
    user_token: int = cstruct.u64("user_token", offset=48, default=0)


@cstruct.struct("struct rds_atomic_args", header=_HEADER)
class AtomicFetchAdd(Struct):
    """RDS_CMSG_ATOMIC_FADD, RDS_CMSG_MASKED_ATOMIC_FADD: add to the peer's u64, fetch the old."""

    cookie: int = cstruct.u64("cookie")
    local_address: int = cstruct.u64("local_addr")
    remote_address: int = cstruct.u64("remote_addr")
    add: int = cstruct.u64("m_fadd.add")
    no_carry_mask: int = cstruct.u64("m_fadd.nocarry_mask", default=0)
    flags: int = cstruct.u64("flags", offset=56, default=0)
    user_token: int = cstruct.u64("user_token", offset=64, default=0)


@cstruct.struct("struct rds_atomic_args", header=_HEADER)
class AtomicCompareSwap(Struct):
    """RDS_CMSG_ATOMIC_CSWP, RDS_CMSG_MASKED_ATOMIC_CSWP: swap the peer's u64 if it compares."""

    cookie: int = cstruct.u64("cookie")
    local_address: int = cstruct.u64("local_addr")
    remote_address: int = cstruct.u64("remote_addr")
    compare: int = cstruct.u64("m_cswp.compare")
    swap: int = cstruct.u64("m_cswp.swap")
    compare_mask: int = cstruct.u64("m_cswp.compare_mask", default=0)
    swap_mask: int = cstruct.u64("m_cswp.swap_mask", default=0)
    flags: int = cstruct.u64("flags", default=0)
    user_token: int = cstruct.u64("user_token", default=0)


@cstruct.struct("struct rds_rdma_notify", header=_HEADER)
class RdmaStatus(Struct):
    """RDS_CMSG_RDMA_STATUS: how an RDMA operation ended, an RDS_RDMA_* constant of success or not.

    Also, with RDS_RECVERR, of a message that was not delivered.
    """

    user_token: int = cstruct.u64("user_token")
    status: int = cstruct.i32("status")

    @property
    def succeeded(self) -> bool:
        """True if the operation succeeded."""
        return self.status == RDS_RDMA_SUCCESS
