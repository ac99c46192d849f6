"""Control messages of AF_RDS, all at level SOL_RDS. Source: linux/rds.h, rds(7), rds-rdma(7).

Received: RDMA_DEST, RDMA_STATUS, CONG_UPDATE, RXPATH_LATENCY, ZCOPY_COMPLETION. Sent: RDMA_ARGS,
RDMA_DEST, RDMA_MAP, the atomics, ZCOPY_COOKIE. A message with a notification has no data and no
address.
"""

from __future__ import annotations

from famsock.plugin import ControlType, codecs, control_rows
from famsock_rds import constants
from famsock_rds.constants import SOL_RDS
from famsock_rds.structs import (
    AtomicCompareSwap,
    AtomicFetchAdd,
    CongestionUpdate,
    GetMemoryRegion,
    Latency,
    RdmaStatus,
    RdmaTransfer,
    ZeroCopyCookies,
)

_row = control_rows(SOL_RDS, constants)

RDS_CMSG_CONG_UPDATE: ControlType[CongestionUpdate] = _row("RDS_CMSG_CONG_UPDATE", CongestionUpdate)
RDS_CMSG_RXPATH_LATENCY: ControlType[Latency] = _row("RDS_CMSG_RXPATH_LATENCY", Latency)
RDS_CMSG_ZCOPY_COOKIE: ControlType[int] = _row("RDS_CMSG_ZCOPY_COOKIE", codecs.U32)
RDS_CMSG_ZCOPY_COMPLETION: ControlType[ZeroCopyCookies] = _row(
    "RDS_CMSG_ZCOPY_COMPLETION", ZeroCopyCookies
)
RDS_CMSG_RDMA_ARGS: ControlType[RdmaTransfer] = _row("RDS_CMSG_RDMA_ARGS", RdmaTransfer)
RDS_CMSG_RDMA_DEST: ControlType[int] = _row("RDS_CMSG_RDMA_DEST", codecs.U64)
RDS_CMSG_RDMA_MAP: ControlType[GetMemoryRegion] = _row("RDS_CMSG_RDMA_MAP", GetMemoryRegion)
RDS_CMSG_RDMA_STATUS: ControlType[RdmaStatus] = _row("RDS_CMSG_RDMA_STATUS", RdmaStatus)
RDS_CMSG_ATOMIC_FADD: ControlType[AtomicFetchAdd] = _row("RDS_CMSG_ATOMIC_FADD", AtomicFetchAdd)
RDS_CMSG_ATOMIC_CSWP: ControlType[AtomicCompareSwap] = _row(
    "RDS_CMSG_ATOMIC_CSWP", AtomicCompareSwap
)
RDS_CMSG_MASKED_ATOMIC_FADD: ControlType[AtomicFetchAdd] = _row(
    "RDS_CMSG_MASKED_ATOMIC_FADD", AtomicFetchAdd
)
RDS_CMSG_MASKED_ATOMIC_CSWP: ControlType[AtomicCompareSwap] = _row(
    "RDS_CMSG_MASKED_ATOMIC_CSWP", AtomicCompareSwap
)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, ControlType)]
