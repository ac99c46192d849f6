"""Typed socket options, as rows of data.

An `Option` has a level, a number and the type of its value, for ``sock.get_option(option)`` and
``sock.set_option(option, value)``. This module has the rows of SOL_SOCKET, which every family has.
A family's own rows come from its plugin. Source: socket(7), asm/socket.h.
"""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import attrs

from famsock import bpf, codecs, constants, cstruct

_T = TypeVar("_T")


@attrs.frozen
class Option(Generic[_T]):
    """A socket option.

    ``name`` is the constant's, ``level`` and ``number`` are getsockopt(2)'s, ``codec`` the type of
    the value. ``access`` is "rw", "r" or "w". ``request`` is for options whose getsockopt reads its
    buffer: the codec of the request. ``length_unit_bytes`` is the unit of getsockopt's length, if
    that is not bytes. ``since`` is the first Linux that has the option ("6.14"), or "" if Linux 6.1
    has it, or if it is not known.
    """

    name: str
    level: int
    number: int
    codec: codecs.Codec[_T] = attrs.field(eq=False)
    access: str = "rw"
    request: codecs.Codec[Any] | None = attrs.field(default=None, eq=False)
    length_unit_bytes: int = 1
    since: str = attrs.field(default="", eq=False, repr=False)
    _is_integer: bool = attrs.field(init=False, eq=False, repr=False)
    _is_settable_integer: bool = attrs.field(init=False, eq=False, repr=False)
    _is_flag: bool = attrs.field(init=False, eq=False, repr=False)

    @_is_integer.default
    def _find_is_integer(self) -> bool:
        """Whether the value is a plain int: `socket` then passes it without the codec."""
        plain = self.request is None and self.length_unit_bytes == 1
        return plain and (self.codec is codecs.INT or self.codec is codecs.BOOL)

    @_is_settable_integer.default
    def _find_is_settable_integer(self) -> bool:
        return self._is_integer and "w" in self.access

    @_is_flag.default
    def _find_is_flag(self) -> bool:
        return self.codec is codecs.BOOL

    def encode(self, value: _T) -> bytes:
        """Return the bytes for setsockopt; the errors name the option."""
        if "w" not in self.access:
            raise AttributeError(f"option {self.name} is read-only")
        try:
            return self.codec.encode(value)
        except codecs.REFUSALS as error:
            codecs.name(error, f"set_option(): {self.name}")
            raise

    def encode_request(self, request: Any) -> bytes:
        """Return the initial bytes of getsockopt's buffer; TypeError for an unexpected request."""
        if request is None:
            return b""
        if self.request is None:
            raise TypeError(f"option {self.name} takes no request")
        return self.request.encode(request)

    def decode(self, data: bytes) -> _T:
        """Return the value of what getsockopt gave."""
        return self.codec.decode(data)


def collect(namespace: Mapping[str, object]) -> tuple[Option[object], ...]:
    """Return the `Option` rows among a module's names."""
    return tuple(value for value in namespace.values() if isinstance(value, Option))


@cstruct.struct("struct linger", header="sys/socket.h")
class Linger(cstruct.Struct):
    """SO_LINGER: whether close waits for unsent data, and for how many seconds (0-65535)."""

    on: bool = cstruct.boolean("l_onoff")
    seconds: int = cstruct.i32("l_linger")


@cstruct.struct("struct so_timestamping", header="linux/net_tstamp.h")
class Timestamping(cstruct.Struct):
    """SO_TIMESTAMPING: which timestamps (SOF_TIMESTAMPING_*); the index of a PTP clock."""

    flags: int = cstruct.i32("flags")
    bind_phc: int = cstruct.i32("bind_phc", default=0)


@cstruct.struct("struct sock_txtime", header="linux/net_tstamp.h")
class Txtime(cstruct.Struct):
    """SO_TXTIME: the clock of SCM_TXTIME (CLOCK_TAI …) and SOF_TXTIME_* flags."""

    clockid: int = cstruct.i32("clockid")
    flags: int = cstruct.u32("flags", default=0)


@cstruct.struct("uint32_t[SK_MEMINFO_VARS]", header=("stdint.h", "linux/sock_diag.h"))
class Meminfo(cstruct.Struct):
    """SO_MEMINFO: what the socket's queues hold and may hold, in bytes; packets it has dropped."""

    rmem_alloc: int = cstruct.u32("")
    rcvbuf: int = cstruct.u32("")
    wmem_alloc: int = cstruct.u32("")
    sndbuf: int = cstruct.u32("")
    fwd_alloc: int = cstruct.u32("")
    wmem_queued: int = cstruct.u32("")
    optmem: int = cstruct.u32("")
    backlog: int = cstruct.u32("")
    drops: int = cstruct.u32("")


def _row(
    name: str,
    codec: codecs.Codec[_T],
    access: str = "rw",
    *,
    length_unit_bytes: int = 1,
    since: str = "",
) -> Option[_T]:
    """Return a row of SOL_SOCKET: this platform's number of it, or Linux's where it has none."""
    number = getattr(_stdlib, name, getattr(constants, name))
    return Option(
        name,
        _stdlib.SOL_SOCKET,
        number,
        codec,
        access,
        length_unit_bytes=length_unit_bytes,
        since=since,
    )


SO_TYPE: Option[int] = _row("SO_TYPE", codecs.INT, "r")
SO_DOMAIN: Option[int] = _row("SO_DOMAIN", codecs.INT, "r")
SO_PROTOCOL: Option[int] = _row("SO_PROTOCOL", codecs.INT, "r")
SO_ERROR: Option[int] = _row("SO_ERROR", codecs.INT, "r")
SO_ACCEPTCONN: Option[bool] = _row("SO_ACCEPTCONN", codecs.BOOL, "r")
SO_DEBUG: Option[bool] = _row("SO_DEBUG", codecs.BOOL)
SO_REUSEADDR: Option[bool] = _row("SO_REUSEADDR", codecs.BOOL)
SO_REUSEPORT: Option[bool] = _row("SO_REUSEPORT", codecs.BOOL)
SO_DONTROUTE: Option[bool] = _row("SO_DONTROUTE", codecs.BOOL)
SO_BROADCAST: Option[bool] = _row("SO_BROADCAST", codecs.BOOL)
SO_KEEPALIVE: Option[bool] = _row("SO_KEEPALIVE", codecs.BOOL)
SO_OOBINLINE: Option[bool] = _row("SO_OOBINLINE", codecs.BOOL)
SO_NO_CHECK: Option[bool] = _row("SO_NO_CHECK", codecs.BOOL)
SO_BSDCOMPAT: Option[bool] = _row("SO_BSDCOMPAT", codecs.BOOL)
SO_LINGER: Option[Linger] = _row("SO_LINGER", codecs.struct(Linger))
SO_PRIORITY: Option[int] = _row("SO_PRIORITY", codecs.INT)
SO_RCVPRIORITY: Option[bool] = _row("SO_RCVPRIORITY", codecs.BOOL, since="6.14")
SO_MARK: Option[int] = _row("SO_MARK", codecs.U32)
SO_RCVMARK: Option[bool] = _row("SO_RCVMARK", codecs.BOOL)
SO_BINDTODEVICE: Option[str] = _row("SO_BINDTODEVICE", codecs.text(16))
SO_BINDTOIFINDEX: Option[int] = _row("SO_BINDTOIFINDEX", codecs.INT)
SO_COOKIE: Option[int] = _row("SO_COOKIE", codecs.U64, "r")
SO_NETNS_COOKIE: Option[int] = _row("SO_NETNS_COOKIE", codecs.U64, "r")
SO_PASSCRED: Option[bool] = _row("SO_PASSCRED", codecs.BOOL)
SO_PASSSEC: Option[bool] = _row("SO_PASSSEC", codecs.BOOL)
SO_PASSPIDFD: Option[bool] = _row("SO_PASSPIDFD", codecs.BOOL, since="6.5")

# Descriptors that arrive: whether they are accepted (on at first, Linux 6.16); whether one that a
# security module denies becomes a negative errno in SCM_RIGHTS, instead of the last (Linux 7.3).
SO_PASSRIGHTS: Option[bool] = _row("SO_PASSRIGHTS", codecs.BOOL, since="6.16")
SO_RIGHTS_NOTRUNC: Option[bool] = _row("SO_RIGHTS_NOTRUNC", codecs.BOOL, since="7.3")
SO_INQ: Option[bool] = _row("SO_INQ", codecs.BOOL, "w", since="6.17")
SO_PEERSEC: Option[str] = _row("SO_PEERSEC", codecs.text(1024), "r")
SO_PEERNAME: Option[bytes] = _row("SO_PEERNAME", codecs.raw(128), "r")

# Buffers, in bytes. The kernel doubles SNDBUF and RCVBUF; FORCE needs CAP_NET_ADMIN.
SO_SNDBUF: Option[int] = _row("SO_SNDBUF", codecs.INT)
SO_RCVBUF: Option[int] = _row("SO_RCVBUF", codecs.INT)
SO_SNDBUFFORCE: Option[int] = _row("SO_SNDBUFFORCE", codecs.INT, "w")
SO_RCVBUFFORCE: Option[int] = _row("SO_RCVBUFFORCE", codecs.INT, "w")
SO_RCVLOWAT: Option[int] = _row("SO_RCVLOWAT", codecs.INT)
SO_SNDLOWAT: Option[int] = _row("SO_SNDLOWAT", codecs.INT, "r")
SO_BUF_LOCK: Option[int] = _row("SO_BUF_LOCK", codecs.INT)
SO_RESERVE_MEM: Option[int] = _row("SO_RESERVE_MEM", codecs.INT)
SO_PEEK_OFF: Option[int] = _row("SO_PEEK_OFF", codecs.INT)
SO_MEMINFO: Option[Meminfo] = _row("SO_MEMINFO", codecs.struct(Meminfo), "r")
SO_RXQ_OVFL: Option[bool] = _row("SO_RXQ_OVFL", codecs.BOOL)

# Time-outs, in nanoseconds; the kernel keeps microseconds at most, and rounds up to its clock tick.
SO_RCVTIMEO: Option[int] = _row("SO_RCVTIMEO", codecs.TIMEVAL_NS)
SO_SNDTIMEO: Option[int] = _row("SO_SNDTIMEO", codecs.TIMEVAL_NS)
SO_RCVTIMEO_NEW: Option[int] = _row("SO_RCVTIMEO_NEW", codecs.TIMEVAL_NS)
SO_SNDTIMEO_NEW: Option[int] = _row("SO_SNDTIMEO_NEW", codecs.TIMEVAL_NS)

# Timestamps; the flags are SOF_TIMESTAMPING_*.
SO_TIMESTAMP: Option[bool] = _row("SO_TIMESTAMP", codecs.BOOL)
SO_TIMESTAMPNS: Option[bool] = _row("SO_TIMESTAMPNS", codecs.BOOL)
SO_TIMESTAMP_NEW: Option[bool] = _row("SO_TIMESTAMP_NEW", codecs.BOOL)
SO_TIMESTAMPNS_NEW: Option[bool] = _row("SO_TIMESTAMPNS_NEW", codecs.BOOL)
SO_TIMESTAMPING: Option[Timestamping] = _row("SO_TIMESTAMPING", codecs.struct(Timestamping))
SO_TIMESTAMPING_NEW: Option[Timestamping] = _row("SO_TIMESTAMPING_NEW", codecs.struct(Timestamping))
SO_TXTIME: Option[Txtime] = _row("SO_TXTIME", codecs.struct(Txtime))
SO_SELECT_ERR_QUEUE: Option[bool] = _row("SO_SELECT_ERR_QUEUE", codecs.BOOL)
SO_WIFI_STATUS: Option[bool] = _row("SO_WIFI_STATUS", codecs.BOOL)
SO_NOFCS: Option[bool] = _row("SO_NOFCS", codecs.BOOL)

# Performance; BUSY_POLL in microseconds, MAX_PACING_RATE in bytes per second.
SO_ZEROCOPY: Option[bool] = _row("SO_ZEROCOPY", codecs.BOOL)
SO_BUSY_POLL: Option[int] = _row("SO_BUSY_POLL", codecs.INT)
SO_PREFER_BUSY_POLL: Option[bool] = _row("SO_PREFER_BUSY_POLL", codecs.BOOL)
SO_BUSY_POLL_BUDGET: Option[int] = _row("SO_BUSY_POLL_BUDGET", codecs.INT, "w")
SO_INCOMING_CPU: Option[int] = _row("SO_INCOMING_CPU", codecs.INT)
SO_INCOMING_NAPI_ID: Option[int] = _row("SO_INCOMING_NAPI_ID", codecs.U32, "r")
SO_MAX_PACING_RATE: Option[int] = _row("SO_MAX_PACING_RATE", codecs.scalar(cstruct.ULONG))
SO_TXREHASH: Option[int] = _row("SO_TXREHASH", codecs.INT)
SO_CNX_ADVICE: Option[int] = _row("SO_CNX_ADVICE", codecs.INT, "w")

# Filters: a classic program, or an eBPF one's descriptor. The value of DETACH does not matter.
SO_ATTACH_FILTER: Option[tuple[bpf.Instruction, ...]] = _row("SO_ATTACH_FILTER", bpf.PROGRAM, "w")
SO_ATTACH_REUSEPORT_CBPF: Option[tuple[bpf.Instruction, ...]] = _row(
    "SO_ATTACH_REUSEPORT_CBPF", bpf.PROGRAM, "w"
)
SO_GET_FILTER: Option[tuple[bpf.Instruction, ...]] = _row(
    "SO_GET_FILTER", bpf.INSTRUCTIONS, "r", length_unit_bytes=bpf.Instruction.layout.size
)
SO_ATTACH_BPF: Option[int] = _row("SO_ATTACH_BPF", codecs.INT, "w")
SO_ATTACH_REUSEPORT_EBPF: Option[int] = _row("SO_ATTACH_REUSEPORT_EBPF", codecs.INT, "w")
SO_DETACH_FILTER: Option[int] = _row("SO_DETACH_FILTER", codecs.INT, "w")
SO_DETACH_BPF: Option[int] = _row("SO_DETACH_BPF", codecs.INT, "w")
SO_DETACH_REUSEPORT_BPF: Option[int] = _row("SO_DETACH_REUSEPORT_BPF", codecs.INT, "w")
SO_LOCK_FILTER: Option[bool] = _row("SO_LOCK_FILTER", codecs.BOOL)
SO_BPF_EXTENSIONS: Option[int] = _row("SO_BPF_EXTENSIONS", codecs.INT, "r")

__all__ = [
    "Linger",
    "Meminfo",
    "Option",
    "Timestamping",
    "Txtime",
    "collect",
    *(name for name, row in dict(vars()).items() if isinstance(row, Option)),
]
