"""The structs of SOL_SCTP's options and control messages.

``assoc_id`` chooses an association of a one-to-many socket (SCTP_FUTURE_ASSOC 0 is what new ones
get); a one-to-one socket ignores it. Sources: linux/sctp.h of Linux 6.12, sctp(7), RFC 6458.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import attrs

from famsock.plugin import Address, Codec, CType, Struct, codecs, cstruct
from famsock_inet.structs._storage import STORAGE, addresses_of, pack_addresses

__all__ = [
    "SctpAddStreams",
    "SctpAssocStats",
    "SctpAssocValue",
    "SctpAssocparams",
    "SctpAuthinfo",
    "SctpAuthkey",
    "SctpAuthkeyid",
    "SctpDefaultPrinfo",
    "SctpEvent",
    "SctpEventSubscribe",
    "SctpInitmsg",
    "SctpNxtinfo",
    "SctpPaddrinfo",
    "SctpPaddrparams",
    "SctpPaddrthlds",
    "SctpPaddrthldsV2",
    "SctpPeeloffArg",
    "SctpPeeloffFlagsArg",
    "SctpPrim",
    "SctpPrinfo",
    "SctpProbeinterval",
    "SctpPrstatus",
    "SctpRcvinfo",
    "SctpResetStreams",
    "SctpRtoinfo",
    "SctpSackInfo",
    "SctpSetpeerprim",
    "SctpSndinfo",
    "SctpSndrcvinfo",
    "SctpStatus",
    "SctpStreamValue",
    "SctpUdpencaps",
]

_HEADER = "linux/sctp.h"
_MAX_ANSWER_BYTES = 4096


@cstruct.struct("struct sctp_initmsg", header=_HEADER)
class SctpInitmsg(Struct):
    """SCTP_INITMSG: streams each way, attempts and time-out (ms) of an association's start."""

    num_ostreams: int = cstruct.u16("sinit_num_ostreams", default=0)
    max_instreams: int = cstruct.u16("sinit_max_instreams", default=0)
    max_attempts: int = cstruct.u16("sinit_max_attempts", default=0)
    max_init_timeo: int = cstruct.u16("sinit_max_init_timeo", default=0)


@cstruct.struct("struct sctp_sndrcvinfo", header=_HEADER)
class SctpSndrcvinfo(Struct):
    """SCTP_SNDRCV, SCTP_DEFAULT_SEND_PARAM: how a message is sent, or came.

    ``ppid`` is passed unchanged, in the byte order that the peers agree on; ``timetolive`` is ms.
    """

    stream: int = cstruct.u16("sinfo_stream", default=0)
    ssn: int = cstruct.u16("sinfo_ssn", default=0)
    flags: int = cstruct.u16("sinfo_flags", default=0)
    ppid: int = cstruct.u32("sinfo_ppid", default=0)
    context: int = cstruct.u32("sinfo_context", default=0)
    timetolive: int = cstruct.u32("sinfo_timetolive", default=0)
    tsn: int = cstruct.u32("sinfo_tsn", default=0)
    cumtsn: int = cstruct.u32("sinfo_cumtsn", default=0)
    assoc_id: int = cstruct.i32("sinfo_assoc_id", default=0)


@cstruct.struct("struct sctp_sndinfo", header=_HEADER)
class SctpSndinfo(Struct):
    """SCTP_SNDINFO, SCTP_DEFAULT_SNDINFO: the stream and flags (SCTP_UNORDERED …) of a message."""

    sid: int = cstruct.u16("snd_sid", default=0)
    flags: int = cstruct.u16("snd_flags", default=0)
    ppid: int = cstruct.u32("snd_ppid", default=0)
    context: int = cstruct.u32("snd_context", default=0)
    assoc_id: int = cstruct.i32("snd_assoc_id", default=0)


@cstruct.struct("struct sctp_rcvinfo", header=_HEADER)
class SctpRcvinfo(Struct):
    """SCTP_RCVINFO: the stream that a message came on, its sequence number and association."""

    sid: int = cstruct.u16("rcv_sid", default=0)
    ssn: int = cstruct.u16("rcv_ssn", default=0)
    flags: int = cstruct.u16("rcv_flags", default=0)
    ppid: int = cstruct.u32("rcv_ppid", default=0)
    tsn: int = cstruct.u32("rcv_tsn", default=0)
    cumtsn: int = cstruct.u32("rcv_cumtsn", default=0)
    context: int = cstruct.u32("rcv_context", default=0)
    assoc_id: int = cstruct.i32("rcv_assoc_id", default=0)


@cstruct.struct("struct sctp_nxtinfo", header=_HEADER)
class SctpNxtinfo(Struct):
    """SCTP_NXTINFO: stream, length in bytes and association of the message after this one."""

    sid: int = cstruct.u16("nxt_sid", default=0)
    flags: int = cstruct.u16("nxt_flags", default=0)
    ppid: int = cstruct.u32("nxt_ppid", default=0)
    length: int = cstruct.u32("nxt_length", default=0)
    assoc_id: int = cstruct.i32("nxt_assoc_id", default=0)


@cstruct.struct("struct sctp_prinfo", header=_HEADER)
class SctpPrinfo(Struct):
    """SCTP_PRINFO: the policy of partial reliability (SCTP_PR_SCTP_*) of a message, its value."""

    policy: int = cstruct.u16("pr_policy", default=0)
    value: int = cstruct.u32("pr_value", default=0)


@cstruct.struct("struct sctp_authinfo", header=_HEADER)
class SctpAuthinfo(Struct):
    """SCTP_AUTHINFO: the key that authenticates a message."""

    keynumber: int = cstruct.u16("auth_keynumber", default=0)


@cstruct.struct("struct sctp_event_subscribe", header=_HEADER)
class SctpEventSubscribe(Struct):
    """SCTP_EVENTS: which notifications come in between the data; 1 for each that shall."""

    data_io: int = cstruct.u8("sctp_data_io_event", default=0)
    association: int = cstruct.u8("sctp_association_event", default=0)
    address: int = cstruct.u8("sctp_address_event", default=0)
    send_failure: int = cstruct.u8("sctp_send_failure_event", default=0)
    peer_error: int = cstruct.u8("sctp_peer_error_event", default=0)
    shutdown: int = cstruct.u8("sctp_shutdown_event", default=0)
    partial_delivery: int = cstruct.u8("sctp_partial_delivery_event", default=0)
    adaptation_layer: int = cstruct.u8("sctp_adaptation_layer_event", default=0)
    authentication: int = cstruct.u8("sctp_authentication_event", default=0)
    sender_dry: int = cstruct.u8("sctp_sender_dry_event", default=0)
    stream_reset: int = cstruct.u8("sctp_stream_reset_event", default=0)
    assoc_reset: int = cstruct.u8("sctp_assoc_reset_event", default=0)
    stream_change: int = cstruct.u8("sctp_stream_change_event", default=0)
    send_failure_event: int = cstruct.u8("sctp_send_failure_event_event", default=0)


EVENTS: Codec[SctpEventSubscribe] = attrs.evolve(
    codecs.struct(SctpEventSubscribe),
    decode=lambda data: SctpEventSubscribe.unpack(
        data.ljust(SctpEventSubscribe.layout.size, b"\0")
    ),
)


@cstruct.struct("struct sctp_rtoinfo", header=_HEADER)
class SctpRtoinfo(Struct):
    """SCTP_RTOINFO: the bounds of the retransmission time-out, in ms; 0 leaves one unchanged."""

    assoc_id: int = cstruct.i32("srto_assoc_id", default=0)
    initial: int = cstruct.u32("srto_initial", default=0)
    max: int = cstruct.u32("srto_max", default=0)
    min: int = cstruct.u32("srto_min", default=0)


@cstruct.struct("struct sctp_assocparams", header=_HEADER)
class SctpAssocparams(Struct):
    """SCTP_ASSOCINFO: retransmissions, windows (bytes) and the cookie's life (ms)."""

    assoc_id: int = cstruct.i32("sasoc_assoc_id", default=0)
    asocmaxrxt: int = cstruct.u16("sasoc_asocmaxrxt", default=0)
    number_peer_destinations: int = cstruct.u16("sasoc_number_peer_destinations", default=0)
    peer_rwnd: int = cstruct.u32("sasoc_peer_rwnd", default=0)
    local_rwnd: int = cstruct.u32("sasoc_local_rwnd", default=0)
    cookie_life: int = cstruct.u32("sasoc_cookie_life", default=0)


@cstruct.struct("struct sctp_setpeerprim", header=_HEADER)
class SctpSetpeerprim(Struct):
    """SCTP_SET_PEER_PRIMARY_ADDR: which of our addresses the peer shall prefer."""

    assoc_id: int = cstruct.i32("sspp_assoc_id", default=0)
    addr: Address | None = cstruct.field(STORAGE, "sspp_addr", default=None)


@cstruct.struct("struct sctp_prim", header=_HEADER)
class SctpPrim(Struct):
    """SCTP_PRIMARY_ADDR: which of the peer's addresses we prefer."""

    assoc_id: int = cstruct.i32("ssp_assoc_id", default=0)
    addr: Address | None = cstruct.field(STORAGE, "ssp_addr", default=None)


@cstruct.struct("struct sctp_paddrparams", header=_HEADER, size=156)
class SctpPaddrparams(Struct):
    """SCTP_PEER_ADDR_PARAMS: heartbeats (ms), retransmissions, path MTU (bytes) of an address.

    ``flags`` are SPP_*; ``address`` None means all addresses of the association.
    """

    assoc_id: int = cstruct.i32("spp_assoc_id", default=0)
    address: Address | None = cstruct.field(STORAGE, "spp_address", default=None)
    hbinterval: int = cstruct.u32("spp_hbinterval", default=0)
    pathmaxrxt: int = cstruct.u16("spp_pathmaxrxt", default=0)
    pathmtu: int = cstruct.u32("spp_pathmtu", offset=138, default=0)
    sackdelay: int = cstruct.u32("spp_sackdelay", offset=142, default=0)
    flags: int = cstruct.u32("spp_flags", offset=146, default=0)
    ipv6_flowlabel: int = cstruct.u32("spp_ipv6_flowlabel", offset=150, default=0)
    dscp: int = cstruct.u8("spp_dscp", default=0)


@cstruct.struct("struct sctp_paddrinfo", header=_HEADER)
class SctpPaddrinfo(Struct):
    """SCTP_GET_PEER_ADDR_INFO: an address's state, window (bytes), round-trip time (ms), MTU."""

    assoc_id: int = cstruct.i32("spinfo_assoc_id", default=0)
    address: Address | None = cstruct.field(STORAGE, "spinfo_address", default=None)
    state: int = cstruct.i32("spinfo_state", default=0)
    cwnd: int = cstruct.u32("spinfo_cwnd", default=0)
    srtt: int = cstruct.u32("spinfo_srtt", default=0)
    rto: int = cstruct.u32("spinfo_rto", default=0)
    mtu: int = cstruct.u32("spinfo_mtu", default=0)


@cstruct.struct("struct sctp_status", header=_HEADER)
class SctpStatus(Struct):
    """SCTP_STATUS: an association's state (SCTP_ESTABLISHED …), window, queues, streams."""

    assoc_id: int = cstruct.i32("sstat_assoc_id", default=0)
    state: int = cstruct.i32("sstat_state", default=0)
    rwnd: int = cstruct.u32("sstat_rwnd", default=0)
    unackdata: int = cstruct.u16("sstat_unackdata", default=0)
    penddata: int = cstruct.u16("sstat_penddata", default=0)
    instrms: int = cstruct.u16("sstat_instrms", default=0)
    outstrms: int = cstruct.u16("sstat_outstrms", default=0)
    fragmentation_point: int = cstruct.u32("sstat_fragmentation_point", default=0)
    primary: SctpPaddrinfo = cstruct.field(
        cstruct.nested(SctpPaddrinfo), "sstat_primary", default=SctpPaddrinfo()
    )


@cstruct.struct("struct sctp_authkeyid", header=_HEADER)
class SctpAuthkeyid(Struct):
    """SCTP_AUTH_ACTIVE_KEY and its like: the number of a key."""

    assoc_id: int = cstruct.i32("scact_assoc_id", default=0)
    keynumber: int = cstruct.u16("scact_keynumber", default=0)


@cstruct.struct("struct sctp_sack_info", header=_HEADER)
class SctpSackInfo(Struct):
    """SCTP_DELAYED_SACK: how long (ms) and for how many packets acknowledgements wait."""

    assoc_id: int = cstruct.i32("sack_assoc_id", default=0)
    delay: int = cstruct.u32("sack_delay", default=0)
    freq: int = cstruct.u32("sack_freq", default=0)


@cstruct.struct("struct sctp_assoc_value", header=_HEADER)
class SctpAssocValue(Struct):
    """An integer option of one association."""

    assoc_id: int = cstruct.i32("assoc_id", default=0)
    value: int = cstruct.u32("assoc_value", default=0)


@cstruct.struct("struct sctp_stream_value", header=_HEADER)
class SctpStreamValue(Struct):
    """SCTP_STREAM_SCHEDULER_VALUE: a stream's priority or weight."""

    assoc_id: int = cstruct.i32("assoc_id", default=0)
    stream_id: int = cstruct.u16("stream_id", default=0)
    value: int = cstruct.u16("stream_value", default=0)


@cstruct.struct("struct sctp_assoc_stats", header=_HEADER)
class SctpAssocStats(Struct):
    """SCTP_GET_ASSOC_STATS: counters of an association; ``maxrto`` (ms) since the last reading."""

    assoc_id: int = cstruct.i32("sas_assoc_id", default=0)
    obs_rto_ipaddr: Address | None = cstruct.field(
        STORAGE, "sas_obs_rto_ipaddr", offset=8, default=None
    )
    maxrto: int = cstruct.u64("sas_maxrto", default=0)
    isacks: int = cstruct.u64("sas_isacks", default=0)
    osacks: int = cstruct.u64("sas_osacks", default=0)
    opackets: int = cstruct.u64("sas_opackets", default=0)
    ipackets: int = cstruct.u64("sas_ipackets", default=0)
    rtxchunks: int = cstruct.u64("sas_rtxchunks", default=0)
    outofseqtsns: int = cstruct.u64("sas_outofseqtsns", default=0)
    idupchunks: int = cstruct.u64("sas_idupchunks", default=0)
    gapcnt: int = cstruct.u64("sas_gapcnt", default=0)
    ouodchunks: int = cstruct.u64("sas_ouodchunks", default=0)
    iuodchunks: int = cstruct.u64("sas_iuodchunks", default=0)
    oodchunks: int = cstruct.u64("sas_oodchunks", default=0)
    iodchunks: int = cstruct.u64("sas_iodchunks", default=0)
    octrlchunks: int = cstruct.u64("sas_octrlchunks", default=0)
    ictrlchunks: int = cstruct.u64("sas_ictrlchunks", default=0)


@cstruct.struct("struct sctp_paddrthlds", header=_HEADER, size=144)
class SctpPaddrthlds(Struct):
    """SCTP_PEER_ADDR_THLDS: after how many errors an address is failing, and failed."""

    assoc_id: int = cstruct.i32("spt_assoc_id", default=0)
    address: Address | None = cstruct.field(STORAGE, "spt_address", offset=8, default=None)
    pathmaxrxt: int = cstruct.u16("spt_pathmaxrxt", default=0)
    pathpfthld: int = cstruct.u16("spt_pathpfthld", default=0)


@cstruct.struct("struct sctp_paddrthlds_v2", header=_HEADER, size=144)
class SctpPaddrthldsV2(Struct):
    """SCTP_PEER_ADDR_THLDS_V2: the same, and when another address becomes the primary one."""

    assoc_id: int = cstruct.i32("spt_assoc_id", default=0)
    address: Address | None = cstruct.field(STORAGE, "spt_address", offset=8, default=None)
    pathmaxrxt: int = cstruct.u16("spt_pathmaxrxt", default=0)
    pathpfthld: int = cstruct.u16("spt_pathpfthld", default=0)
    pathcpthld: int = cstruct.u16("spt_pathcpthld", default=0)


@cstruct.struct("struct sctp_prstatus", header=_HEADER)
class SctpPrstatus(Struct):
    """SCTP_PR_ASSOC_STATUS, SCTP_PR_STREAM_STATUS: messages given up, by policy and stream."""

    assoc_id: int = cstruct.i32("sprstat_assoc_id", default=0)
    sid: int = cstruct.u16("sprstat_sid", default=0)
    policy: int = cstruct.u16("sprstat_policy", default=0)
    abandoned_unsent: int = cstruct.u64("sprstat_abandoned_unsent", default=0)
    abandoned_sent: int = cstruct.u64("sprstat_abandoned_sent", default=0)


@cstruct.struct("struct sctp_default_prinfo", header=_HEADER)
class SctpDefaultPrinfo(Struct):
    """SCTP_DEFAULT_PRINFO: the policy of partial reliability that messages get by default."""

    assoc_id: int = cstruct.i32("pr_assoc_id", default=0)
    value: int = cstruct.u32("pr_value", default=0)
    policy: int = cstruct.u16("pr_policy", default=0)


@cstruct.struct("struct sctp_add_streams", header=_HEADER)
class SctpAddStreams(Struct):
    """SCTP_ADD_STREAMS: how many streams to add each way."""

    assoc_id: int = cstruct.i32("sas_assoc_id", default=0)
    instrms: int = cstruct.u16("sas_instrms", default=0)
    outstrms: int = cstruct.u16("sas_outstrms", default=0)


@cstruct.struct("struct sctp_event", header=_HEADER)
class SctpEvent(Struct):
    """SCTP_EVENT: whether one type of notification (SCTP_ASSOC_CHANGE …) comes."""

    assoc_id: int = cstruct.i32("se_assoc_id", default=0)
    type: int = cstruct.u16("se_type", default=0)
    on: int = cstruct.u8("se_on", default=0)


@cstruct.struct("struct sctp_udpencaps", header=_HEADER, size=144)
class SctpUdpencaps(Struct):
    """SCTP_REMOTE_UDP_ENCAPS_PORT: the UDP port that encapsulates SCTP towards an address."""

    assoc_id: int = cstruct.i32("sue_assoc_id", default=0)
    address: Address | None = cstruct.field(STORAGE, "sue_address", offset=8, default=None)
    port: int = cstruct.be16("sue_port", default=0)


@cstruct.struct("struct sctp_probeinterval", header=_HEADER, size=144)
class SctpProbeinterval(Struct):
    """SCTP_PLPMTUD_PROBE_INTERVAL: how often (ms) the path MTU towards an address is probed."""

    assoc_id: int = cstruct.i32("spi_assoc_id", default=0)
    address: Address | None = cstruct.field(STORAGE, "spi_address", offset=8, default=None)
    interval: int = cstruct.u32("spi_interval", default=0)


@cstruct.struct("sctp_peeloff_arg_t", header=_HEADER)
class SctpPeeloffArg(Struct):
    """SCTP_SOCKOPT_PEELOFF, both request (``associd``) and answer (``sd``, a new descriptor)."""

    associd: int = cstruct.i32("associd", default=0)
    sd: int = cstruct.i32("sd", default=0)


@cstruct.struct("sctp_peeloff_flags_arg_t", header=_HEADER)
class SctpPeeloffFlagsArg(Struct):
    """SCTP_SOCKOPT_PEELOFF_FLAGS: the same, with SOCK_CLOEXEC and SOCK_NONBLOCK for ``sd``."""

    associd: int = cstruct.i32("p_arg.associd", default=0)
    sd: int = cstruct.i32("p_arg.sd", default=0)
    flags: int = cstruct.u32("flags", default=0)


@attrs.frozen
class SctpAuthkey:
    """SCTP_AUTH_KEY (``struct sctp_authkey``): a shared key under a number."""

    assoc_id: int
    keynumber: int
    key: bytes


@attrs.frozen
class SctpResetStreams:
    """SCTP_RESET_STREAMS (``struct sctp_reset_streams``): streams to restart; () is all.

    ``flags`` are SCTP_STREAM_RESET_INCOMING and _OUTGOING.
    """

    assoc_id: int
    flags: int
    streams: tuple[int, ...] = ()


def _encode_authkey(value: SctpAuthkey) -> bytes:
    if not isinstance(value, SctpAuthkey):
        raise TypeError(f"must be SctpAuthkey, not {type(value).__name__}")
    length = cstruct.U16.check(len(value.key))
    number = cstruct.U16.check(value.keynumber)
    return struct.pack("=iHH", cstruct.I32.check(value.assoc_id), number, length) + bytes(value.key)


def _encode_reset_streams(value: SctpResetStreams) -> bytes:
    if not isinstance(value, SctpResetStreams):
        raise TypeError(f"must be SctpResetStreams, not {type(value).__name__}")
    streams = [cstruct.U16.check(stream) for stream in value.streams]
    numbers = cstruct.I32.check(value.assoc_id), cstruct.U16.check(value.flags), len(streams)
    return struct.pack(f"=iHH{len(streams)}H", *numbers, *streams)


def _authkey_text(value: SctpAuthkey) -> str:
    return f"{value.assoc_id},{value.keynumber},{bytes(value.key).hex()}"


def _parse_authkey(text: str) -> SctpAuthkey:
    pieces = text.split(",")
    if len(pieces) != 3:
        raise ValueError(f"is assoc_id,keynumber,key, such as 0,1,00ff, not {text!r}")
    assoc_id, number = map(cstruct.parse_integer, pieces[:2])
    return SctpAuthkey(assoc_id, number, cstruct.parse_bytes(pieces[2]))


def _reset_streams_text(value: SctpResetStreams) -> str:
    return ",".join(map(str, (value.assoc_id, value.flags, *value.streams)))


def _parse_reset_streams(text: str) -> SctpResetStreams:
    pieces = text.split(",")
    if len(pieces) < 2:
        raise ValueError(f"is assoc_id,flags and streams, such as 0,1,7, not {text!r}")
    assoc_id, flags, *streams = map(cstruct.parse_integer, pieces)
    return SctpResetStreams(assoc_id, flags, tuple(streams))


def _write_only(_data: bytes) -> Any:
    raise ValueError("cannot be read")


def _read_only(_value: Any) -> bytes:
    raise TypeError("cannot be written")


AUTHKEY: Codec[SctpAuthkey] = Codec(
    c="struct sctp_authkey",
    size_bytes=8,
    encode=_encode_authkey,
    decode=_write_only,
    text=_authkey_text,
    parse=_parse_authkey,
)
RESET_STREAMS: Codec[SctpResetStreams] = Codec(
    c="struct sctp_reset_streams",
    size_bytes=8,
    encode=_encode_reset_streams,
    decode=_write_only,
    text=_reset_streams_text,
    parse=_parse_reset_streams,
)


def _counted(c: str, element: CType) -> Codec[tuple[int, ...]]:
    """Return a u32 count and as many integers."""
    size, code = element.size, element.code

    def encode(numbers: Iterable[int]) -> bytes:
        listed = [element.check(number) for number in numbers]
        return struct.pack(f"=I{len(listed)}{code}", len(listed), *listed)

    def decode(data: bytes) -> tuple[int, ...]:
        if len(data) < 4:
            raise ValueError(f"needs 4 bytes, not {len(data)}")
        (told,) = struct.unpack_from("=I", data)
        count = min(told, (len(data) - 4) // size)
        return struct.unpack_from(f"={count}{code}", data, 4)

    return Codec(c=c, size_bytes=_MAX_ANSWER_BYTES, encode=encode, decode=decode)


HMAC_IDENT = _counted("struct sctp_hmacalgo", cstruct.U16)
ASSOC_IDS = _counted("struct sctp_assoc_ids", cstruct.I32)


def _decode_chunks(data: bytes) -> tuple[int, ...]:
    if len(data) < 8:
        raise ValueError(f"needs 8 bytes, not {len(data)}")
    _, count = struct.unpack_from("=iI", data)
    return tuple(data[8:][:count])


def _decode_addresses(data: bytes) -> tuple[Address, ...]:
    if len(data) < 8:
        raise ValueError(f"needs 8 bytes, not {len(data)}")
    _, count = struct.unpack_from("=iI", data)
    return addresses_of(data[8:])[:count]


def _encode_assoc_id(value: int) -> bytes:
    return struct.pack("=iI", cstruct.I32.check(value), 0)


ASSOC_ID: Codec[int] = Codec(
    c="sctp_assoc_t", size_bytes=8, encode=_encode_assoc_id, decode=_write_only
)
"""The request of an option that is asked for one association."""
AUTH_CHUNKS: Codec[tuple[int, ...]] = Codec(
    c="struct sctp_authchunks", size_bytes=8 + 256, encode=_read_only, decode=_decode_chunks
)
ADDRESSES_OF_ASSOC: Codec[tuple[Address, ...]] = Codec(
    c="struct sctp_getaddrs",
    size_bytes=_MAX_ANSWER_BYTES,
    encode=_read_only,
    decode=_decode_addresses,
)
ADDRESSES: Codec[tuple[Address, ...]] = Codec(
    c="struct sockaddr",
    size_bytes=_MAX_ANSWER_BYTES,
    encode=pack_addresses,
    decode=addresses_of,
)
"""Sockaddrs end to end, as SCTP_SOCKOPT_BINDX_ADD takes them."""
