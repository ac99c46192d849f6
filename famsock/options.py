"""Typed socket options, as rows of data.

An `Option` names its level, its number and the type of its value; ``sock.get_option(option)`` and
``sock.set_option(option, value)`` do the rest. The rows of this module are those of SOL_SOCKET,
which every family has; a family's own come from its plugin. Source: socket(7), asm/socket.h.
"""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import attrs

from famsock import constants, filters, values, wire

T = TypeVar("T")


@attrs.frozen
class Option(Generic[T]):
    """One socket option.

    ``name`` is the constant's, ``level`` and ``number`` are getsockopt(2)'s, ``codec`` the type of
    the value. ``access`` is "rw", "r" or "w". ``request`` is for options whose getsockopt reads its
    buffer: the codec of what goes in. ``length_unit_bytes`` is what one counts in the length that
    getsockopt takes and gives, where that is not bytes.
    """

    name: str
    level: int
    number: int
    codec: values.Codec[T] = attrs.field(eq=False)
    access: str = "rw"
    request: values.Codec[Any] | None = attrs.field(default=None, eq=False)
    length_unit_bytes: int = 1

    def encode(self, value: T) -> bytes:
        """The bytes for setsockopt; the errors name the option."""
        if "w" not in self.access:
            raise AttributeError(f"option {self.name} is read-only")
        try:
            return self.codec.encode(value)
        except values.REFUSALS as error:
            values.name(error, f"set_option(): {self.name}")
            raise

    def encode_request(self, request: Any) -> bytes:
        """What getsockopt's buffer holds at first; TypeError for a request that nothing takes."""
        if request is None:
            return b""
        if self.request is None:
            raise TypeError(f"option {self.name} takes no request")
        return self.request.encode(request)

    def decode(self, data: bytes) -> T:
        """The value of what getsockopt gave."""
        return self.codec.decode(data)


def collect(namespace: Mapping[str, object]) -> tuple[Option[object], ...]:
    """The `Option` rows among a module's names."""
    return tuple(value for value in namespace.values() if isinstance(value, Option))


@wire.struct("struct linger", header="sys/socket.h")
class Linger(wire.Struct):
    """SO_LINGER: whether close waits for unsent data, and for how many seconds (0-65535)."""

    on: bool = wire.boolean("l_onoff")
    seconds: int = wire.i32("l_linger")


@wire.struct("struct so_timestamping", header="linux/net_tstamp.h")
class Timestamping(wire.Struct):
    """SO_TIMESTAMPING: which timestamps (SOF_TIMESTAMPING_*); the index of a PTP clock."""

    flags: int = wire.i32("flags")
    bind_phc: int = wire.i32("bind_phc", default=0)


@wire.struct("struct sock_txtime", header="linux/net_tstamp.h")
class Txtime(wire.Struct):
    """SO_TXTIME: the clock of SCM_TXTIME (CLOCK_TAI …) and SOF_TXTIME_* flags."""

    clockid: int = wire.i32("clockid")
    flags: int = wire.u32("flags", default=0)


@wire.struct("uint32_t[SK_MEMINFO_VARS]", header=("stdint.h", "linux/sock_diag.h"))
class Meminfo(wire.Struct):
    """SO_MEMINFO: what the socket's queues hold and may hold, in bytes; packets it has dropped."""

    rmem_alloc: int = wire.u32("")
    rcvbuf: int = wire.u32("")
    wmem_alloc: int = wire.u32("")
    sndbuf: int = wire.u32("")
    fwd_alloc: int = wire.u32("")
    wmem_queued: int = wire.u32("")
    optmem: int = wire.u32("")
    backlog: int = wire.u32("")
    drops: int = wire.u32("")


def _row(
    name: str, codec: values.Codec[T], access: str = "rw", *, length_unit_bytes: int = 1
) -> Option[T]:
    """A row of SOL_SOCKET: this platform's number of it, or Linux's where it has none."""
    number = getattr(_stdlib, name, getattr(constants, name))
    return Option(
        name, _stdlib.SOL_SOCKET, number, codec, access, length_unit_bytes=length_unit_bytes
    )


SO_TYPE: Option[int] = _row("SO_TYPE", values.INT, "r")
SO_DOMAIN: Option[int] = _row("SO_DOMAIN", values.INT, "r")
SO_PROTOCOL: Option[int] = _row("SO_PROTOCOL", values.INT, "r")
SO_ERROR: Option[int] = _row("SO_ERROR", values.INT, "r")
SO_ACCEPTCONN: Option[bool] = _row("SO_ACCEPTCONN", values.BOOL, "r")
SO_DEBUG: Option[bool] = _row("SO_DEBUG", values.BOOL)
SO_REUSEADDR: Option[bool] = _row("SO_REUSEADDR", values.BOOL)
SO_REUSEPORT: Option[bool] = _row("SO_REUSEPORT", values.BOOL)
SO_DONTROUTE: Option[bool] = _row("SO_DONTROUTE", values.BOOL)
SO_BROADCAST: Option[bool] = _row("SO_BROADCAST", values.BOOL)
SO_KEEPALIVE: Option[bool] = _row("SO_KEEPALIVE", values.BOOL)
SO_OOBINLINE: Option[bool] = _row("SO_OOBINLINE", values.BOOL)
SO_NO_CHECK: Option[bool] = _row("SO_NO_CHECK", values.BOOL)
SO_BSDCOMPAT: Option[bool] = _row("SO_BSDCOMPAT", values.BOOL)
SO_LINGER: Option[Linger] = _row("SO_LINGER", values.struct(Linger))
SO_PRIORITY: Option[int] = _row("SO_PRIORITY", values.INT)
SO_MARK: Option[int] = _row("SO_MARK", values.U32)
SO_RCVMARK: Option[bool] = _row("SO_RCVMARK", values.BOOL)
SO_BINDTODEVICE: Option[str] = _row("SO_BINDTODEVICE", values.text(16))
SO_BINDTOIFINDEX: Option[int] = _row("SO_BINDTOIFINDEX", values.INT)
SO_COOKIE: Option[int] = _row("SO_COOKIE", values.U64, "r")
SO_NETNS_COOKIE: Option[int] = _row("SO_NETNS_COOKIE", values.U64, "r")
SO_PASSCRED: Option[bool] = _row("SO_PASSCRED", values.BOOL)
SO_PASSSEC: Option[bool] = _row("SO_PASSSEC", values.BOOL)
SO_PASSPIDFD: Option[bool] = _row("SO_PASSPIDFD", values.BOOL)
SO_PEERSEC: Option[str] = _row("SO_PEERSEC", values.text(1024), "r")
SO_PEERNAME: Option[bytes] = _row("SO_PEERNAME", values.raw(128), "r")

# Buffers, in bytes. The kernel doubles SNDBUF and RCVBUF; FORCE needs CAP_NET_ADMIN.
SO_SNDBUF: Option[int] = _row("SO_SNDBUF", values.INT)
SO_RCVBUF: Option[int] = _row("SO_RCVBUF", values.INT)
SO_SNDBUFFORCE: Option[int] = _row("SO_SNDBUFFORCE", values.INT, "w")
SO_RCVBUFFORCE: Option[int] = _row("SO_RCVBUFFORCE", values.INT, "w")
SO_RCVLOWAT: Option[int] = _row("SO_RCVLOWAT", values.INT)
SO_SNDLOWAT: Option[int] = _row("SO_SNDLOWAT", values.INT, "r")
SO_BUF_LOCK: Option[int] = _row("SO_BUF_LOCK", values.INT)
SO_RESERVE_MEM: Option[int] = _row("SO_RESERVE_MEM", values.INT)
SO_PEEK_OFF: Option[int] = _row("SO_PEEK_OFF", values.INT)
SO_MEMINFO: Option[Meminfo] = _row("SO_MEMINFO", values.struct(Meminfo), "r")
SO_RXQ_OVFL: Option[bool] = _row("SO_RXQ_OVFL", values.BOOL)

# Time-outs, in nanoseconds; the kernel keeps microseconds at most, and rounds up to its clock tick.
SO_RCVTIMEO: Option[int] = _row("SO_RCVTIMEO", values.TIMEVAL_NS)
SO_SNDTIMEO: Option[int] = _row("SO_SNDTIMEO", values.TIMEVAL_NS)
SO_RCVTIMEO_NEW: Option[int] = _row("SO_RCVTIMEO_NEW", values.TIMEVAL_NS)
SO_SNDTIMEO_NEW: Option[int] = _row("SO_SNDTIMEO_NEW", values.TIMEVAL_NS)

# Timestamps; the flags are SOF_TIMESTAMPING_*.
SO_TIMESTAMP: Option[bool] = _row("SO_TIMESTAMP", values.BOOL)
SO_TIMESTAMPNS: Option[bool] = _row("SO_TIMESTAMPNS", values.BOOL)
SO_TIMESTAMP_NEW: Option[bool] = _row("SO_TIMESTAMP_NEW", values.BOOL)
SO_TIMESTAMPNS_NEW: Option[bool] = _row("SO_TIMESTAMPNS_NEW", values.BOOL)
SO_TIMESTAMPING: Option[Timestamping] = _row("SO_TIMESTAMPING", values.struct(Timestamping))
SO_TIMESTAMPING_NEW: Option[Timestamping] = _row("SO_TIMESTAMPING_NEW", values.struct(Timestamping))
SO_TXTIME: Option[Txtime] = _row("SO_TXTIME", values.struct(Txtime))
SO_SELECT_ERR_QUEUE: Option[bool] = _row("SO_SELECT_ERR_QUEUE", values.BOOL)
SO_WIFI_STATUS: Option[bool] = _row("SO_WIFI_STATUS", values.BOOL)
SO_NOFCS: Option[bool] = _row("SO_NOFCS", values.BOOL)

# Performance; BUSY_POLL in microseconds, MAX_PACING_RATE in bytes per second.
SO_ZEROCOPY: Option[bool] = _row("SO_ZEROCOPY", values.BOOL)
SO_BUSY_POLL: Option[int] = _row("SO_BUSY_POLL", values.INT)
SO_PREFER_BUSY_POLL: Option[bool] = _row("SO_PREFER_BUSY_POLL", values.BOOL)
SO_BUSY_POLL_BUDGET: Option[int] = _row("SO_BUSY_POLL_BUDGET", values.INT, "w")
SO_INCOMING_CPU: Option[int] = _row("SO_INCOMING_CPU", values.INT)
SO_INCOMING_NAPI_ID: Option[int] = _row("SO_INCOMING_NAPI_ID", values.U32, "r")
SO_MAX_PACING_RATE: Option[int] = _row("SO_MAX_PACING_RATE", values.scalar(wire.ULONG))
SO_TXREHASH: Option[int] = _row("SO_TXREHASH", values.INT)
SO_CNX_ADVICE: Option[int] = _row("SO_CNX_ADVICE", values.INT, "w")

# Filters: a classic program, or an eBPF one's descriptor. What DETACH is set to does not matter.
SO_ATTACH_FILTER: Option[tuple[filters.Instruction, ...]] = _row(
    "SO_ATTACH_FILTER", filters.PROGRAM, "w"
)
SO_ATTACH_REUSEPORT_CBPF: Option[tuple[filters.Instruction, ...]] = _row(
    "SO_ATTACH_REUSEPORT_CBPF", filters.PROGRAM, "w"
)
SO_GET_FILTER: Option[tuple[filters.Instruction, ...]] = _row(
    "SO_GET_FILTER", filters.INSTRUCTIONS, "r", length_unit_bytes=filters.Instruction.layout.size
)
SO_ATTACH_BPF: Option[int] = _row("SO_ATTACH_BPF", values.INT, "w")
SO_ATTACH_REUSEPORT_EBPF: Option[int] = _row("SO_ATTACH_REUSEPORT_EBPF", values.INT, "w")
SO_DETACH_FILTER: Option[int] = _row("SO_DETACH_FILTER", values.INT, "w")
SO_DETACH_BPF: Option[int] = _row("SO_DETACH_BPF", values.INT, "w")
SO_DETACH_REUSEPORT_BPF: Option[int] = _row("SO_DETACH_REUSEPORT_BPF", values.INT, "w")
SO_LOCK_FILTER: Option[bool] = _row("SO_LOCK_FILTER", values.BOOL)
SO_BPF_EXTENSIONS: Option[int] = _row("SO_BPF_EXTENSIONS", values.INT, "r")
