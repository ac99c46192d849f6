"""The structs of SOL_TCP's options.

Sources: linux/tcp.h of Linux 7.3, tcp(7), RFC 2385 (MD5), RFC 5925 (AO), RFC 9768 (AccECN),
Documentation/networking/tcp_ao.rst.
"""

from __future__ import annotations

import sys
from typing import ClassVar

import attrs

from famsock.plugin import Address, Codec, Struct, codecs, cstruct
from famsock_inet.structs._storage import STORAGE

__all__ = [
    "DmabufCmsg",
    "DmabufToken",
    "TcpAoAdd",
    "TcpAoDel",
    "TcpAoGetsockopt",
    "TcpAoInfoOpt",
    "TcpAoRepair",
    "TcpInfo",
    "TcpMd5sig",
    "TcpRepairOpt",
    "TcpRepairWindow",
    "TcpZerocopyReceive",
]

_HEADER = ("netinet/in.h", "linux/tcp.h")


def _bits(unit: int, start: int, width: int, unit_bits: int = 8) -> int:
    """Return a bit-field of a byte, or of another integer of C, from the first that C declares."""
    shift = start if sys.byteorder == "little" else unit_bits - start - width
    return unit >> shift & (1 << width) - 1


@cstruct.struct("struct tcp_info", header=_HEADER)
class TcpInfo(Struct):
    """TCP_INFO: the state of a connection, in full as of Linux 7.3 (280 bytes).

    Times are in microseconds unless stated otherwise (``last_*`` and ``total_rto_time`` are
    milliseconds), sizes in bytes, ``snd_cwnd`` in segments, rates in bytes per second. Members that
    an older kernel does not know read as 0, which is what it gives for an unknown value, too.

    The members from ``received_ce`` on are those of Accurate ECN (RFC 9768), since Linux 6.18:
    ``received_ce`` counts segments with a CE mark, the others bytes by their mark (ECT(1), ECT(0),
    CE), as the peer reported them (``delivered_*_bytes``) or as they came (``received_*_bytes``).
    """

    state: int = cstruct.u8("tcpi_state", default=0)
    ca_state: int = cstruct.u8("tcpi_ca_state", default=0)
    retransmits: int = cstruct.u8("tcpi_retransmits", default=0)
    probes: int = cstruct.u8("tcpi_probes", default=0)
    backoff: int = cstruct.u8("tcpi_backoff", default=0)
    options: int = cstruct.u8("tcpi_options", default=0)
    wscale: int = cstruct.u8("", default=0)
    app_limited_and_fastopen: int = cstruct.u8("", default=0)
    rto: int = cstruct.u32("tcpi_rto", default=0)
    ato: int = cstruct.u32("tcpi_ato", default=0)
    snd_mss: int = cstruct.u32("tcpi_snd_mss", default=0)
    rcv_mss: int = cstruct.u32("tcpi_rcv_mss", default=0)
    unacked: int = cstruct.u32("tcpi_unacked", default=0)
    sacked: int = cstruct.u32("tcpi_sacked", default=0)
    lost: int = cstruct.u32("tcpi_lost", default=0)
    retrans: int = cstruct.u32("tcpi_retrans", default=0)
    fackets: int = cstruct.u32("tcpi_fackets", default=0)
    last_data_sent: int = cstruct.u32("tcpi_last_data_sent", default=0)
    last_ack_sent: int = cstruct.u32("tcpi_last_ack_sent", default=0)
    last_data_recv: int = cstruct.u32("tcpi_last_data_recv", default=0)
    last_ack_recv: int = cstruct.u32("tcpi_last_ack_recv", default=0)
    pmtu: int = cstruct.u32("tcpi_pmtu", default=0)
    rcv_ssthresh: int = cstruct.u32("tcpi_rcv_ssthresh", default=0)
    rtt: int = cstruct.u32("tcpi_rtt", default=0)
    rttvar: int = cstruct.u32("tcpi_rttvar", default=0)
    snd_ssthresh: int = cstruct.u32("tcpi_snd_ssthresh", default=0)
    snd_cwnd: int = cstruct.u32("tcpi_snd_cwnd", default=0)
    advmss: int = cstruct.u32("tcpi_advmss", default=0)
    reordering: int = cstruct.u32("tcpi_reordering", default=0)
    rcv_rtt: int = cstruct.u32("tcpi_rcv_rtt", default=0)
    rcv_space: int = cstruct.u32("tcpi_rcv_space", default=0)
    total_retrans: int = cstruct.u32("tcpi_total_retrans", default=0)
    pacing_rate: int = cstruct.u64("tcpi_pacing_rate", default=0)
    max_pacing_rate: int = cstruct.u64("tcpi_max_pacing_rate", default=0)
    bytes_acked: int = cstruct.u64("tcpi_bytes_acked", default=0)
    bytes_received: int = cstruct.u64("tcpi_bytes_received", default=0)
    segs_out: int = cstruct.u32("tcpi_segs_out", default=0)
    segs_in: int = cstruct.u32("tcpi_segs_in", default=0)
    notsent_bytes: int = cstruct.u32("tcpi_notsent_bytes", default=0)
    min_rtt: int = cstruct.u32("tcpi_min_rtt", default=0)
    data_segs_in: int = cstruct.u32("tcpi_data_segs_in", default=0)
    data_segs_out: int = cstruct.u32("tcpi_data_segs_out", default=0)
    delivery_rate: int = cstruct.u64("tcpi_delivery_rate", default=0)
    busy_time: int = cstruct.u64("tcpi_busy_time", default=0)
    rwnd_limited: int = cstruct.u64("tcpi_rwnd_limited", default=0)
    sndbuf_limited: int = cstruct.u64("tcpi_sndbuf_limited", default=0)
    delivered: int = cstruct.u32("tcpi_delivered", default=0)
    delivered_ce: int = cstruct.u32("tcpi_delivered_ce", default=0)
    bytes_sent: int = cstruct.u64("tcpi_bytes_sent", default=0)
    bytes_retrans: int = cstruct.u64("tcpi_bytes_retrans", default=0)
    dsack_dups: int = cstruct.u32("tcpi_dsack_dups", default=0)
    reord_seen: int = cstruct.u32("tcpi_reord_seen", default=0)
    rcv_ooopack: int = cstruct.u32("tcpi_rcv_ooopack", default=0)
    snd_wnd: int = cstruct.u32("tcpi_snd_wnd", default=0)
    rcv_wnd: int = cstruct.u32("tcpi_rcv_wnd", default=0)
    rehash: int = cstruct.u32("tcpi_rehash", default=0)
    total_rto: int = cstruct.u16("tcpi_total_rto", default=0)
    total_rto_recoveries: int = cstruct.u16("tcpi_total_rto_recoveries", default=0)
    total_rto_time: int = cstruct.u32("tcpi_total_rto_time", default=0)
    received_ce: int = cstruct.u32("tcpi_received_ce", default=0)
    delivered_e1_bytes: int = cstruct.u32("tcpi_delivered_e1_bytes", default=0)
    delivered_e0_bytes: int = cstruct.u32("tcpi_delivered_e0_bytes", default=0)
    delivered_ce_bytes: int = cstruct.u32("tcpi_delivered_ce_bytes", default=0)
    received_e1_bytes: int = cstruct.u32("tcpi_received_e1_bytes", default=0)
    received_e0_bytes: int = cstruct.u32("tcpi_received_e0_bytes", default=0)
    received_ce_bytes: int = cstruct.u32("tcpi_received_ce_bytes", default=0)
    ecn_and_options2: int = cstruct.u32("", default=0)

    @property
    def snd_wscale(self) -> int:
        """The window scale that the peer announced (0-14)."""
        return _bits(self.wscale, 0, 4)

    @property
    def rcv_wscale(self) -> int:
        """The window scale that this end announced (0-14)."""
        return _bits(self.wscale, 4, 4)

    @property
    def delivery_rate_app_limited(self) -> bool:
        """True if ``delivery_rate`` was limited by the application."""
        return bool(_bits(self.app_limited_and_fastopen, 0, 1))

    @property
    def fastopen_client_fail(self) -> int:
        """The reason why TCP fast open failed: one of TFO_*."""
        return _bits(self.app_limited_and_fastopen, 1, 2)

    @property
    def ecn_mode(self) -> int:
        """The kind of ECN that the two ends agreed on: one of TCPI_ECN_MODE_*."""
        return _bits(self.ecn_and_options2, 0, 2, 32)

    @property
    def accecn_opt_seen(self) -> int:
        """The peer's Accurate ECN option, as far as it was seen: one of TCP_ACCECN_OPT_*_SEEN."""
        return _bits(self.ecn_and_options2, 2, 2, 32)

    @property
    def accecn_fail_mode(self) -> int:
        """The ways in which Accurate ECN failed on the path: TCP_ACCECN_*_FAIL_SEND and _RECV."""
        return _bits(self.ecn_and_options2, 4, 4, 32)

    @property
    def options2(self) -> int:
        """More options of the connection (0-0xFFFFFF), as `options` has them; none so far."""
        return _bits(self.ecn_and_options2, 8, 24, 32)


TCP_INFO: Codec[TcpInfo] = attrs.evolve(
    codecs.struct(TcpInfo),
    decode=lambda data: TcpInfo.unpack(data.ljust(TcpInfo.layout.size, b"\0")),
)
"""`TcpInfo`, of kernels old and new."""


@cstruct.struct("struct tcp_md5sig", header=_HEADER)
class TcpMd5sig(Struct):
    """TCP_MD5SIG and TCP_MD5SIG_EXT: the key of a peer; ``keylen`` 0 removes it.

    ``flags`` are TCP_MD5SIG_FLAG_*; ``prefixlen`` and ``ifindex`` count with TCP_MD5SIG_EXT.
    """

    addr: Address = cstruct.field(STORAGE, "tcpm_addr")
    flags: int = cstruct.u8("tcpm_flags", default=0)
    prefixlen: int = cstruct.u8("tcpm_prefixlen", default=0)
    keylen: int = cstruct.u16("tcpm_keylen", default=0)
    ifindex: int = cstruct.i32("tcpm_ifindex", default=0)
    key: bytes = cstruct.raw("tcpm_key", 80, default=bytes(80))

    @classmethod
    def with_key(
        cls, addr: Address, key: bytes, *, flags: int = 0, prefixlen: int = 0, ifindex: int = 0
    ) -> TcpMd5sig:
        """Return the struct of a key of 1-80 bytes; ValueError for a longer one."""
        return cls(addr, flags, prefixlen, len(key), ifindex, padded_key(key))


def padded_key(key: bytes) -> bytes:
    """Return a key of at most 80 bytes, filled up with NUL; ValueError for a longer one."""
    if len(key) > 80:
        raise ValueError(f"SOL_TCP key must be at most 80 bytes, not {len(key)}")
    return key.ljust(80, b"\0")


@cstruct.struct("struct tcp_repair_opt", header=_HEADER)
class TcpRepairOpt(Struct):
    """TCP_REPAIR_OPTIONS: one TCP option and its value."""

    code: int = cstruct.u32("opt_code")
    value: int = cstruct.u32("opt_val", default=0)


@cstruct.struct("struct tcp_repair_window", header=_HEADER)
class TcpRepairWindow(Struct):
    """TCP_REPAIR_WINDOW: the windows of a connection under repair."""

    snd_wl1: int = cstruct.u32("snd_wl1")
    snd_wnd: int = cstruct.u32("snd_wnd")
    max_window: int = cstruct.u32("max_window")
    rcv_wnd: int = cstruct.u32("rcv_wnd")
    rcv_wup: int = cstruct.u32("rcv_wup")


@cstruct.struct("struct tcp_zerocopy_receive", header=_HEADER)
class TcpZerocopyReceive(Struct):
    """TCP_ZEROCOPY_RECEIVE, both request and answer.

    In: ``address`` and ``length`` of a mapping of the socket; ``copybuf_*`` a buffer for what
    cannot be mapped. Out: ``length`` bytes mapped, ``recv_skip_hint`` bytes to read, ``inq`` bytes
    queued.
    """

    address: int = cstruct.u64("address", default=0)
    length: int = cstruct.u32("length", default=0)
    recv_skip_hint: int = cstruct.u32("recv_skip_hint", default=0)
    inq: int = cstruct.u32("inq", default=0)
    err: int = cstruct.i32("err", default=0)
    copybuf_address: int = cstruct.u64("copybuf_address", default=0)
    copybuf_len: int = cstruct.i32("copybuf_len", default=0)
    flags: int = cstruct.u32("flags", default=0)
    msg_control: int = cstruct.u64("msg_control", default=0)
    msg_controllen: int = cstruct.u64("msg_controllen", default=0)
    msg_flags: int = cstruct.u32("msg_flags", default=0)
    reserved: int = cstruct.u32("reserved", default=0)


@cstruct.struct("struct tcp_ao_add", header=_HEADER, size=288)
class TcpAoAdd(Struct):
    """TCP_AO_ADD_KEY: a key (RFC 5925) for the peers of a prefix. ``flags`` are the bits below.

    ``alg_name`` is a name of the kernel's crypto API ("hmac(sha1)", "cmac(aes128)"); ``maclen`` 0
    takes the default of 12 bytes.
    """

    SET_CURRENT: ClassVar[int] = 1
    SET_RNEXT: ClassVar[int] = 2

    addr: Address = cstruct.field(STORAGE, "addr")
    alg_name: str = cstruct.char("alg_name", 64)
    ifindex: int = cstruct.i32("ifindex", default=0)
    flags: int = cstruct.u32("", default=0)
    reserved2: int = cstruct.u16("reserved2", default=0)
    prefix: int = cstruct.u8("prefix", default=0)
    sndid: int = cstruct.u8("sndid", default=0)
    rcvid: int = cstruct.u8("rcvid", default=0)
    maclen: int = cstruct.u8("maclen", default=0)
    keyflags: int = cstruct.u8("keyflags", default=0)
    keylen: int = cstruct.u8("keylen", default=0)
    key: bytes = cstruct.raw("key", 80, default=bytes(80))


@cstruct.struct("struct tcp_ao_del", header=_HEADER, size=144)
class TcpAoDel(Struct):
    """TCP_AO_DEL_KEY: which key to remove. ``flags`` are the bits below."""

    SET_CURRENT: ClassVar[int] = 1
    SET_RNEXT: ClassVar[int] = 2
    DEL_ASYNC: ClassVar[int] = 4

    addr: Address = cstruct.field(STORAGE, "addr")
    ifindex: int = cstruct.i32("ifindex", default=0)
    flags: int = cstruct.u32("", default=0)
    reserved2: int = cstruct.u16("reserved2", default=0)
    prefix: int = cstruct.u8("prefix", default=0)
    sndid: int = cstruct.u8("sndid", default=0)
    rcvid: int = cstruct.u8("rcvid", default=0)
    current_key: int = cstruct.u8("current_key", default=0)
    rnext: int = cstruct.u8("rnext", default=0)
    keyflags: int = cstruct.u8("keyflags", default=0)


@cstruct.struct("struct tcp_ao_info_opt", header=_HEADER)
class TcpAoInfoOpt(Struct):
    """TCP_AO_INFO: a connection's use of TCP-AO, and its counters. ``flags`` are the bits below."""

    SET_CURRENT: ClassVar[int] = 1
    SET_RNEXT: ClassVar[int] = 2
    AO_REQUIRED: ClassVar[int] = 4
    SET_COUNTERS: ClassVar[int] = 8
    ACCEPT_ICMPS: ClassVar[int] = 16

    flags: int = cstruct.u32("", default=0)
    reserved2: int = cstruct.u16("reserved2", default=0)
    current_key: int = cstruct.u8("current_key", default=0)
    rnext: int = cstruct.u8("rnext", default=0)
    pkt_good: int = cstruct.u64("pkt_good", default=0)
    pkt_bad: int = cstruct.u64("pkt_bad", default=0)
    pkt_key_not_found: int = cstruct.u64("pkt_key_not_found", default=0)
    pkt_ao_required: int = cstruct.u64("pkt_ao_required", default=0)
    pkt_dropped_icmp: int = cstruct.u64("pkt_dropped_icmp", default=0)


@cstruct.struct("struct tcp_ao_getsockopt", header=_HEADER)
class TcpAoGetsockopt(Struct):
    """TCP_AO_GET_KEYS, both request and each key of the answer. ``flags`` are the bits below.

    In: ``nkeys`` is how many the buffer holds (at most 32); GET_ALL asks for every key.
    """

    IS_CURRENT: ClassVar[int] = 1
    IS_RNEXT: ClassVar[int] = 2
    GET_ALL: ClassVar[int] = 4

    addr: Address | None = cstruct.field(STORAGE, "addr", default=None)
    alg_name: str = cstruct.char("alg_name", 64, default="")
    key: bytes = cstruct.raw("key", 80, default=bytes(80))
    nkeys: int = cstruct.u32("nkeys", default=0)
    flags: int = cstruct.u16("", default=0)
    sndid: int = cstruct.u8("sndid", default=0)
    rcvid: int = cstruct.u8("rcvid", default=0)
    prefix: int = cstruct.u8("prefix", default=0)
    maclen: int = cstruct.u8("maclen", default=0)
    keyflags: int = cstruct.u8("keyflags", default=0)
    keylen: int = cstruct.u8("keylen", default=0)
    ifindex: int = cstruct.i32("ifindex", default=0)
    pkt_good: int = cstruct.u64("pkt_good", default=0)
    pkt_bad: int = cstruct.u64("pkt_bad", default=0)


_MAX_KEYS = 32
"""The number of TCP-AO keys to read at once."""

AO_KEYS = codecs.array(codecs.struct(TcpAoGetsockopt), _MAX_KEYS)


@cstruct.struct("struct tcp_ao_repair", header=_HEADER, size=16)
class TcpAoRepair(Struct):
    """TCP_AO_REPAIR: initial sequence numbers and their extensions, of a socket under repair."""

    snt_isn: int = cstruct.be32("snt_isn")
    rcv_isn: int = cstruct.be32("rcv_isn")
    snd_sne: int = cstruct.u32("snd_sne")
    rcv_sne: int = cstruct.u32("rcv_sne")


@cstruct.struct("struct dmabuf_token", header="linux/uio.h")
class DmabufToken(Struct):
    """SO_DEVMEM_DONTNEED: a range of fragments that the program gives back."""

    start: int = cstruct.u32("token_start")
    count: int = cstruct.u32("token_count", default=1)


@cstruct.struct("struct dmabuf_cmsg", header="linux/uio.h")
class DmabufCmsg(Struct):
    """SCM_DEVMEM_DMABUF, SCM_DEVMEM_LINEAR: the place of received bytes in device memory."""

    frag_offset: int = cstruct.u64("frag_offset", default=0)
    frag_size: int = cstruct.u32("frag_size", default=0)
    frag_token: int = cstruct.u32("frag_token", default=0)
    dmabuf_id: int = cstruct.u32("dmabuf_id", default=0)
    flags: int = cstruct.u32("flags", default=0)


_MAX_TOKENS = 128
"""The largest number of tokens that one call gives back."""

DEVMEM_TOKENS = codecs.array(codecs.struct(DmabufToken), _MAX_TOKENS)
REPAIR_OPTIONS = codecs.array(codecs.struct(TcpRepairOpt), 16)
