"""SOL_SCTP's options. Sources: linux/sctp.h, sctp(7), RFC 6458.

An option of an association is asked with a struct that holds its ``assoc_id`` alone; without a
request it is that of a one-to-one socket, or the default of new associations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option, values
from famsock_inet.constants import SOL_SCTP
from famsock_inet.deferred import deferred
from famsock_inet.options.rows import rows_of

if TYPE_CHECKING:
    from famsock.plugin import Address
    from famsock_inet.structs import sctp

_row = rows_of(SOL_SCTP)

SCTP_RTOINFO: Option[sctp.SctpRtoinfo] = _row(
    "SCTP_RTOINFO", deferred("structs.sctp:SctpRtoinfo"), "rw", deferred("structs.sctp:SctpRtoinfo")
)
SCTP_ASSOCINFO: Option[sctp.SctpAssocparams] = _row(
    "SCTP_ASSOCINFO",
    deferred("structs.sctp:SctpAssocparams"),
    "rw",
    deferred("structs.sctp:SctpAssocparams"),
)
SCTP_INITMSG: Option[sctp.SctpInitmsg] = _row("SCTP_INITMSG", deferred("structs.sctp:SctpInitmsg"))
SCTP_NODELAY: Option[bool] = _row("SCTP_NODELAY", values.BOOL)
SCTP_AUTOCLOSE: Option[int] = _row("SCTP_AUTOCLOSE", values.INT)
SCTP_SET_PEER_PRIMARY_ADDR: Option[sctp.SctpSetpeerprim] = _row(
    "SCTP_SET_PEER_PRIMARY_ADDR", deferred("structs.sctp:SctpSetpeerprim"), "w"
)
SCTP_PRIMARY_ADDR: Option[sctp.SctpPrim] = _row(
    "SCTP_PRIMARY_ADDR", deferred("structs.sctp:SctpPrim"), "rw", deferred("structs.sctp:SctpPrim")
)
SCTP_ADAPTATION_LAYER: Option[int] = _row("SCTP_ADAPTATION_LAYER", values.U32)
SCTP_DISABLE_FRAGMENTS: Option[bool] = _row("SCTP_DISABLE_FRAGMENTS", values.BOOL)
SCTP_PEER_ADDR_PARAMS: Option[sctp.SctpPaddrparams] = _row(
    "SCTP_PEER_ADDR_PARAMS",
    deferred("structs.sctp:SctpPaddrparams"),
    "rw",
    deferred("structs.sctp:SctpPaddrparams"),
)
SCTP_DEFAULT_SEND_PARAM: Option[sctp.SctpSndrcvinfo] = _row(
    "SCTP_DEFAULT_SEND_PARAM",
    deferred("structs.sctp:SctpSndrcvinfo"),
    "rw",
    deferred("structs.sctp:SctpSndrcvinfo"),
)
SCTP_EVENTS: Option[sctp.SctpEventSubscribe] = _row("SCTP_EVENTS", deferred("structs.sctp:EVENTS"))
SCTP_I_WANT_MAPPED_V4_ADDR: Option[bool] = _row("SCTP_I_WANT_MAPPED_V4_ADDR", values.BOOL)
SCTP_MAXSEG: Option[sctp.SctpAssocValue] = _row(
    "SCTP_MAXSEG",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_STATUS: Option[sctp.SctpStatus] = _row(
    "SCTP_STATUS", deferred("structs.sctp:SctpStatus"), "r", deferred("structs.sctp:SctpStatus")
)
SCTP_GET_PEER_ADDR_INFO: Option[sctp.SctpPaddrinfo] = _row(
    "SCTP_GET_PEER_ADDR_INFO",
    deferred("structs.sctp:SctpPaddrinfo"),
    "r",
    deferred("structs.sctp:SctpPaddrinfo"),
)
SCTP_DELAYED_SACK: Option[sctp.SctpSackInfo] = _row(
    "SCTP_DELAYED_SACK",
    deferred("structs.sctp:SctpSackInfo"),
    "rw",
    deferred("structs.sctp:SctpSackInfo"),
)
SCTP_CONTEXT: Option[sctp.SctpAssocValue] = _row(
    "SCTP_CONTEXT",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_FRAGMENT_INTERLEAVE: Option[int] = _row("SCTP_FRAGMENT_INTERLEAVE", values.INT)
SCTP_PARTIAL_DELIVERY_POINT: Option[int] = _row("SCTP_PARTIAL_DELIVERY_POINT", values.INT)
SCTP_MAX_BURST: Option[sctp.SctpAssocValue] = _row(
    "SCTP_MAX_BURST",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_AUTH_CHUNK: Option[int] = _row("SCTP_AUTH_CHUNK", values.U8, "w")
SCTP_HMAC_IDENT: Option[tuple[int, ...]] = _row(
    "SCTP_HMAC_IDENT", deferred("structs.sctp:HMAC_IDENT")
)
SCTP_AUTH_KEY: Option[sctp.SctpAuthkey] = _row(
    "SCTP_AUTH_KEY", deferred("structs.sctp:AUTHKEY"), "w"
)
SCTP_AUTH_ACTIVE_KEY: Option[sctp.SctpAuthkeyid] = _row(
    "SCTP_AUTH_ACTIVE_KEY",
    deferred("structs.sctp:SctpAuthkeyid"),
    "rw",
    deferred("structs.sctp:SctpAuthkeyid"),
)
SCTP_AUTH_DELETE_KEY: Option[sctp.SctpAuthkeyid] = _row(
    "SCTP_AUTH_DELETE_KEY", deferred("structs.sctp:SctpAuthkeyid"), "w"
)
SCTP_AUTH_DEACTIVATE_KEY: Option[sctp.SctpAuthkeyid] = _row(
    "SCTP_AUTH_DEACTIVATE_KEY", deferred("structs.sctp:SctpAuthkeyid"), "w"
)
SCTP_PEER_AUTH_CHUNKS: Option[tuple[int, ...]] = _row(
    "SCTP_PEER_AUTH_CHUNKS",
    deferred("structs.sctp:AUTH_CHUNKS"),
    "r",
    deferred("structs.sctp:ASSOC_ID"),
)
SCTP_LOCAL_AUTH_CHUNKS: Option[tuple[int, ...]] = _row(
    "SCTP_LOCAL_AUTH_CHUNKS",
    deferred("structs.sctp:AUTH_CHUNKS"),
    "r",
    deferred("structs.sctp:ASSOC_ID"),
)
SCTP_GET_ASSOC_NUMBER: Option[int] = _row("SCTP_GET_ASSOC_NUMBER", values.U32, "r")
SCTP_GET_ASSOC_ID_LIST: Option[tuple[int, ...]] = _row(
    "SCTP_GET_ASSOC_ID_LIST", deferred("structs.sctp:ASSOC_IDS"), "r"
)
SCTP_AUTO_ASCONF: Option[bool] = _row("SCTP_AUTO_ASCONF", values.BOOL)
SCTP_PEER_ADDR_THLDS: Option[sctp.SctpPaddrthlds] = _row(
    "SCTP_PEER_ADDR_THLDS",
    deferred("structs.sctp:SctpPaddrthlds"),
    "rw",
    deferred("structs.sctp:SctpPaddrthlds"),
)
SCTP_PEER_ADDR_THLDS_V2: Option[sctp.SctpPaddrthldsV2] = _row(
    "SCTP_PEER_ADDR_THLDS_V2",
    deferred("structs.sctp:SctpPaddrthldsV2"),
    "rw",
    deferred("structs.sctp:SctpPaddrthldsV2"),
)
SCTP_RECVRCVINFO: Option[bool] = _row("SCTP_RECVRCVINFO", values.BOOL)
SCTP_RECVNXTINFO: Option[bool] = _row("SCTP_RECVNXTINFO", values.BOOL)
SCTP_DEFAULT_SNDINFO: Option[sctp.SctpSndinfo] = _row(
    "SCTP_DEFAULT_SNDINFO",
    deferred("structs.sctp:SctpSndinfo"),
    "rw",
    deferred("structs.sctp:SctpSndinfo"),
)
SCTP_REUSE_PORT: Option[bool] = _row("SCTP_REUSE_PORT", values.BOOL)

# Addresses of a multi-homed socket, and of one association.
SCTP_SOCKOPT_BINDX_ADD: Option[tuple[Address, ...]] = _row(
    "SCTP_SOCKOPT_BINDX_ADD", deferred("structs.sctp:ADDRESSES"), "w"
)
SCTP_SOCKOPT_BINDX_REM: Option[tuple[Address, ...]] = _row(
    "SCTP_SOCKOPT_BINDX_REM", deferred("structs.sctp:ADDRESSES"), "w"
)
SCTP_SOCKOPT_CONNECTX: Option[tuple[Address, ...]] = _row(
    "SCTP_SOCKOPT_CONNECTX", deferred("structs.sctp:ADDRESSES"), "w"
)
SCTP_GET_PEER_ADDRS: Option[tuple[Address, ...]] = _row(
    "SCTP_GET_PEER_ADDRS",
    deferred("structs.sctp:ADDRESSES_OF_ASSOC"),
    "r",
    deferred("structs.sctp:ASSOC_ID"),
)
# The length that the kernel gives for these leaves out the 8 bytes in front: twice that is enough.
SCTP_GET_LOCAL_ADDRS: Option[tuple[Address, ...]] = _row(
    "SCTP_GET_LOCAL_ADDRS",
    deferred("structs.sctp:ADDRESSES_OF_ASSOC"),
    "r",
    deferred("structs.sctp:ASSOC_ID"),
    length_unit_bytes=2,
)
SCTP_SOCKOPT_PEELOFF: Option[sctp.SctpPeeloffArg] = _row(
    "SCTP_SOCKOPT_PEELOFF",
    deferred("structs.sctp:SctpPeeloffArg"),
    "r",
    deferred("structs.sctp:SctpPeeloffArg"),
)
SCTP_SOCKOPT_PEELOFF_FLAGS: Option[sctp.SctpPeeloffFlagsArg] = _row(
    "SCTP_SOCKOPT_PEELOFF_FLAGS",
    deferred("structs.sctp:SctpPeeloffFlagsArg"),
    "r",
    deferred("structs.sctp:SctpPeeloffFlagsArg"),
)
SCTP_GET_ASSOC_STATS: Option[sctp.SctpAssocStats] = _row(
    "SCTP_GET_ASSOC_STATS",
    deferred("structs.sctp:SctpAssocStats"),
    "r",
    deferred("structs.sctp:SctpAssocStats"),
)
SCTP_PR_SUPPORTED: Option[sctp.SctpAssocValue] = _row(
    "SCTP_PR_SUPPORTED",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_DEFAULT_PRINFO: Option[sctp.SctpDefaultPrinfo] = _row(
    "SCTP_DEFAULT_PRINFO",
    deferred("structs.sctp:SctpDefaultPrinfo"),
    "rw",
    deferred("structs.sctp:SctpDefaultPrinfo"),
)
SCTP_PR_ASSOC_STATUS: Option[sctp.SctpPrstatus] = _row(
    "SCTP_PR_ASSOC_STATUS",
    deferred("structs.sctp:SctpPrstatus"),
    "r",
    deferred("structs.sctp:SctpPrstatus"),
)
SCTP_PR_STREAM_STATUS: Option[sctp.SctpPrstatus] = _row(
    "SCTP_PR_STREAM_STATUS",
    deferred("structs.sctp:SctpPrstatus"),
    "r",
    deferred("structs.sctp:SctpPrstatus"),
)
SCTP_RECONFIG_SUPPORTED: Option[sctp.SctpAssocValue] = _row(
    "SCTP_RECONFIG_SUPPORTED",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_ENABLE_STREAM_RESET: Option[sctp.SctpAssocValue] = _row(
    "SCTP_ENABLE_STREAM_RESET",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_RESET_STREAMS: Option[sctp.SctpResetStreams] = _row(
    "SCTP_RESET_STREAMS", deferred("structs.sctp:RESET_STREAMS"), "w"
)
SCTP_RESET_ASSOC: Option[int] = _row("SCTP_RESET_ASSOC", values.INT, "w")
SCTP_ADD_STREAMS: Option[sctp.SctpAddStreams] = _row(
    "SCTP_ADD_STREAMS", deferred("structs.sctp:SctpAddStreams"), "w"
)
SCTP_STREAM_SCHEDULER: Option[sctp.SctpAssocValue] = _row(
    "SCTP_STREAM_SCHEDULER",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_STREAM_SCHEDULER_VALUE: Option[sctp.SctpStreamValue] = _row(
    "SCTP_STREAM_SCHEDULER_VALUE",
    deferred("structs.sctp:SctpStreamValue"),
    "rw",
    deferred("structs.sctp:SctpStreamValue"),
)
SCTP_INTERLEAVING_SUPPORTED: Option[sctp.SctpAssocValue] = _row(
    "SCTP_INTERLEAVING_SUPPORTED",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_EVENT: Option[sctp.SctpEvent] = _row(
    "SCTP_EVENT", deferred("structs.sctp:SctpEvent"), "rw", deferred("structs.sctp:SctpEvent")
)
SCTP_ASCONF_SUPPORTED: Option[sctp.SctpAssocValue] = _row(
    "SCTP_ASCONF_SUPPORTED",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_AUTH_SUPPORTED: Option[sctp.SctpAssocValue] = _row(
    "SCTP_AUTH_SUPPORTED",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_ECN_SUPPORTED: Option[sctp.SctpAssocValue] = _row(
    "SCTP_ECN_SUPPORTED",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_EXPOSE_POTENTIALLY_FAILED_STATE: Option[sctp.SctpAssocValue] = _row(
    "SCTP_EXPOSE_POTENTIALLY_FAILED_STATE",
    deferred("structs.sctp:SctpAssocValue"),
    "rw",
    deferred("structs.sctp:SctpAssocValue"),
)
SCTP_REMOTE_UDP_ENCAPS_PORT: Option[sctp.SctpUdpencaps] = _row(
    "SCTP_REMOTE_UDP_ENCAPS_PORT",
    deferred("structs.sctp:SctpUdpencaps"),
    "rw",
    deferred("structs.sctp:SctpUdpencaps"),
)
SCTP_PLPMTUD_PROBE_INTERVAL: Option[sctp.SctpProbeinterval] = _row(
    "SCTP_PLPMTUD_PROBE_INTERVAL",
    deferred("structs.sctp:SctpProbeinterval"),
    "rw",
    deferred("structs.sctp:SctpProbeinterval"),
)
