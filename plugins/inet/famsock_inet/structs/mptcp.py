"""The structs of SOL_MPTCP's options. Sources: linux/mptcp.h of Linux 7.3, RFC 8684."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

from famsock.plugin import Address, Codec, Struct, codecs, cstruct
from famsock_inet.structs._storage import STORAGE
from famsock_inet.structs.tcp import TcpInfo

__all__ = [
    "MptcpFullInfo",
    "MptcpInfo",
    "MptcpSubflowAddrs",
    "MptcpSubflowData",
]

_HEADER = "linux/mptcp.h"
_T = TypeVar("_T")
_MAX_SUBFLOWS = 32
"""The number of subflows to read; the kernel allows 8 by default."""


@cstruct.struct("struct mptcp_info", header=_HEADER)
class MptcpInfo(Struct):
    """MPTCP_INFO: the state of a connection, in full as of Linux 7.3.

    ``flags`` are MPTCP_INFO_FLAG_*; ``last_*`` are milliseconds, ``bytes_*`` bytes.
    ``endp_laminar_max`` and ``endp_fullmesh_max`` are the numbers of endpoints with
    MPTCP_PM_ADDR_FLAG_LAMINAR and _FULLMESH. A kernel that knows fewer members leaves the rest 0.
    """

    subflows: int = cstruct.u8("mptcpi_subflows", default=0)
    add_addr_signal: int = cstruct.u8("mptcpi_add_addr_signal", default=0)
    add_addr_accepted: int = cstruct.u8("mptcpi_add_addr_accepted", default=0)
    subflows_max: int = cstruct.u8("mptcpi_subflows_max", default=0)
    add_addr_signal_max: int = cstruct.u8("mptcpi_add_addr_signal_max", default=0)
    add_addr_accepted_max: int = cstruct.u8("mptcpi_add_addr_accepted_max", default=0)
    flags: int = cstruct.u32("mptcpi_flags", default=0)
    token: int = cstruct.u32("mptcpi_token", default=0)
    write_seq: int = cstruct.u64("mptcpi_write_seq", default=0)
    snd_una: int = cstruct.u64("mptcpi_snd_una", default=0)
    rcv_nxt: int = cstruct.u64("mptcpi_rcv_nxt", default=0)
    local_addr_used: int = cstruct.u8("mptcpi_local_addr_used", default=0)
    local_addr_max: int = cstruct.u8("mptcpi_local_addr_max", default=0)
    csum_enabled: int = cstruct.u8("mptcpi_csum_enabled", default=0)
    retransmits: int = cstruct.u32("mptcpi_retransmits", default=0)
    bytes_retrans: int = cstruct.u64("mptcpi_bytes_retrans", default=0)
    bytes_sent: int = cstruct.u64("mptcpi_bytes_sent", default=0)
    bytes_received: int = cstruct.u64("mptcpi_bytes_received", default=0)
    bytes_acked: int = cstruct.u64("mptcpi_bytes_acked", default=0)
    subflows_total: int = cstruct.u8("mptcpi_subflows_total", default=0)
    endp_laminar_max: int = cstruct.u8("mptcpi_endp_laminar_max", default=0)
    endp_fullmesh_max: int = cstruct.u8("mptcpi_endp_fullmesh_max", default=0)
    reserved: int = cstruct.u8("", default=0)
    last_data_sent: int = cstruct.u32("mptcpi_last_data_sent", default=0)
    last_data_recv: int = cstruct.u32("mptcpi_last_data_recv", default=0)
    last_ack_recv: int = cstruct.u32("mptcpi_last_ack_recv", default=0)


MPTCP_INFO: Codec[MptcpInfo] = attrs.evolve(
    codecs.struct(MptcpInfo),
    decode=lambda data: MptcpInfo.unpack(data.ljust(MptcpInfo.layout.size, b"\0")),
)


@cstruct.struct("struct mptcp_subflow_data", header=_HEADER, size=16)
class MptcpSubflowData(Struct):
    """The header of MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS: counts and sizes in bytes."""

    size_subflow_data: int = cstruct.u32("size_subflow_data", default=16)
    num_subflows: int = cstruct.u32("num_subflows", default=0)
    size_kernel: int = cstruct.u32("size_kernel", default=0)
    size_user: int = cstruct.u32("size_user", default=0)


@cstruct.struct("struct mptcp_subflow_addrs", header=_HEADER, size=256)
class MptcpSubflowAddrs(Struct):
    """The two ends of a subflow."""

    local: Address | None = cstruct.field(STORAGE, "ss_local", default=None)
    remote: Address | None = cstruct.field(STORAGE, "ss_remote", default=None)


def _per_subflow(size_user: int, decode_one: Callable[[bytes], _T]) -> Codec[tuple[_T, ...]]:
    """Return the codec of a tuple with a value for each subflow, after `MptcpSubflowData`."""
    head = MptcpSubflowData.layout.size

    def decode(data: bytes) -> tuple[_T, ...]:
        told = MptcpSubflowData.unpack(data)
        size = told.size_user
        count = min(told.num_subflows, (len(data) - head) // size if size else 0)
        starts = [head + size * number for number in range(count)]
        return tuple(decode_one(data[start : start + size]) for start in starts)

    def encode(_value: object) -> bytes:
        """Return the request, whatever is asked: the sizes that this program knows."""
        asked = MptcpSubflowData(size_user=size_user).pack()
        return asked + bytes(size_user * _MAX_SUBFLOWS)

    return Codec(
        c="struct mptcp_subflow_data",
        size_bytes=head + size_user * _MAX_SUBFLOWS,
        encode=encode,
        decode=decode,
    )


SUBFLOW_TCP_INFO: Codec[tuple[TcpInfo, ...]] = _per_subflow(
    TcpInfo.layout.size, lambda data: TcpInfo.unpack(data.ljust(TcpInfo.layout.size, b"\0"))
)
SUBFLOW_ADDRS: Codec[tuple[MptcpSubflowAddrs, ...]] = _per_subflow(
    MptcpSubflowAddrs.layout.size,
    lambda data: MptcpSubflowAddrs.unpack(data.ljust(MptcpSubflowAddrs.layout.size, b"\0")),
)


@cstruct.struct("struct mptcp_full_info", header=_HEADER)
class MptcpFullInfo(Struct):
    """MPTCP_FULL_INFO, both request and answer.

    ``subflow_info`` and ``tcp_info`` are addresses of arrays with space for ``size_arrays_user``
    elements; with 0 the kernel fills in the sizes, the number of subflows and ``mptcp_info`` only.
    """

    size_tcpinfo_kernel: int = cstruct.u32("size_tcpinfo_kernel", default=0)
    size_tcpinfo_user: int = cstruct.u32("size_tcpinfo_user", default=0)
    size_sfinfo_kernel: int = cstruct.u32("size_sfinfo_kernel", default=0)
    size_sfinfo_user: int = cstruct.u32("size_sfinfo_user", default=0)
    num_subflows: int = cstruct.u32("num_subflows", default=0)
    size_arrays_user: int = cstruct.u32("size_arrays_user", default=0)
    subflow_info: int = cstruct.u64("subflow_info", default=0)
    tcp_info: int = cstruct.u64("tcp_info", default=0)
    mptcp_info: MptcpInfo = cstruct.field(
        cstruct.nested(MptcpInfo), "mptcp_info", default=MptcpInfo()
    )
