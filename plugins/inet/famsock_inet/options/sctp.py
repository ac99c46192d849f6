"""SOL_SCTP's options. Sources: linux/sctp.h, sctp(7), RFC 6458.

An option of an association is asked with a struct that holds only its ``assoc_id``; without a
request it is that of a one-to-one socket, or the default of new associations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_SCTP

if TYPE_CHECKING:
    from famsock_inet.addresses import Inet6Address, InetAddress
    from famsock_inet.structs import sctp

    Addresses = tuple[InetAddress | Inet6Address, ...]

_row = option_rows(SOL_SCTP, constants, "famsock_inet.structs.sctp")


def _asked(name: str, struct: str, access: str = "rw") -> Option[Any]:
    """Return a row that is asked with its own struct, for the ``assoc_id`` in it."""
    return _row(name, struct, access, struct)


SCTP_RTOINFO: Option[sctp.SctpRtoinfo] = _asked("SCTP_RTOINFO", "SctpRtoinfo")
SCTP_ASSOCINFO: Option[sctp.SctpAssocparams] = _asked("SCTP_ASSOCINFO", "SctpAssocparams")
SCTP_INITMSG: Option[sctp.SctpInitmsg] = _row("SCTP_INITMSG", "SctpInitmsg")
SCTP_NODELAY: Option[bool] = _row("SCTP_NODELAY", codecs.BOOL)
SCTP_AUTOCLOSE: Option[int] = _row("SCTP_AUTOCLOSE", codecs.INT)
SCTP_SET_PEER_PRIMARY_ADDR: Option[sctp.SctpSetpeerprim] = _row(
    "SCTP_SET_PEER_PRIMARY_ADDR", "SctpSetpeerprim", "w"
)
SCTP_PRIMARY_ADDR: Option[sctp.SctpPrim] = _asked("SCTP_PRIMARY_ADDR", "SctpPrim")
SCTP_ADAPTATION_LAYER: Option[int] = _row("SCTP_ADAPTATION_LAYER", codecs.U32)
SCTP_DISABLE_FRAGMENTS: Option[bool] = _row("SCTP_DISABLE_FRAGMENTS", codecs.BOOL)
SCTP_PEER_ADDR_PARAMS: Option[sctp.SctpPaddrparams] = _asked(
    "SCTP_PEER_ADDR_PARAMS", "SctpPaddrparams"
)
SCTP_DEFAULT_SEND_PARAM: Option[sctp.SctpSndrcvinfo] = _asked(
    "SCTP_DEFAULT_SEND_PARAM", "SctpSndrcvinfo"
)
SCTP_EVENTS: Option[sctp.SctpEventSubscribe] = _row("SCTP_EVENTS", "EVENTS")
SCTP_I_WANT_MAPPED_V4_ADDR: Option[bool] = _row("SCTP_I_WANT_MAPPED_V4_ADDR", codecs.BOOL)
SCTP_MAXSEG: Option[sctp.SctpAssocValue] = _asked("SCTP_MAXSEG", "SctpAssocValue")
SCTP_STATUS: Option[sctp.SctpStatus] = _asked("SCTP_STATUS", "SctpStatus", "r")
SCTP_GET_PEER_ADDR_INFO: Option[sctp.SctpPaddrinfo] = _asked(
    "SCTP_GET_PEER_ADDR_INFO", "SctpPaddrinfo", "r"
)
SCTP_DELAYED_SACK: Option[sctp.SctpSackInfo] = _asked("SCTP_DELAYED_SACK", "SctpSackInfo")
SCTP_CONTEXT: Option[sctp.SctpAssocValue] = _asked("SCTP_CONTEXT", "SctpAssocValue")
SCTP_FRAGMENT_INTERLEAVE: Option[int] = _row("SCTP_FRAGMENT_INTERLEAVE", codecs.INT)
SCTP_PARTIAL_DELIVERY_POINT: Option[int] = _row("SCTP_PARTIAL_DELIVERY_POINT", codecs.INT)
SCTP_MAX_BURST: Option[sctp.SctpAssocValue] = _asked("SCTP_MAX_BURST", "SctpAssocValue")
SCTP_AUTH_CHUNK: Option[int] = _row("SCTP_AUTH_CHUNK", codecs.U8, "w")
SCTP_HMAC_IDENT: Option[tuple[int, ...]] = _row("SCTP_HMAC_IDENT", "HMAC_IDENT")
SCTP_AUTH_KEY: Option[sctp.SctpAuthkey] = _row("SCTP_AUTH_KEY", "AUTHKEY", "w")
SCTP_AUTH_ACTIVE_KEY: Option[sctp.SctpAuthkeyid] = _asked("SCTP_AUTH_ACTIVE_KEY", "SctpAuthkeyid")
SCTP_AUTH_DELETE_KEY: Option[sctp.SctpAuthkeyid] = _row(
    "SCTP_AUTH_DELETE_KEY", "SctpAuthkeyid", "w"
)
SCTP_AUTH_DEACTIVATE_KEY: Option[sctp.SctpAuthkeyid] = _row(
    "SCTP_AUTH_DEACTIVATE_KEY", "SctpAuthkeyid", "w"
)
SCTP_PEER_AUTH_CHUNKS: Option[tuple[int, ...]] = _row(
    "SCTP_PEER_AUTH_CHUNKS", "AUTH_CHUNKS", "r", "ASSOC_ID"
)
SCTP_LOCAL_AUTH_CHUNKS: Option[tuple[int, ...]] = _row(
    "SCTP_LOCAL_AUTH_CHUNKS", "AUTH_CHUNKS", "r", "ASSOC_ID"
)
SCTP_GET_ASSOC_NUMBER: Option[int] = _row("SCTP_GET_ASSOC_NUMBER", codecs.U32, "r")
SCTP_GET_ASSOC_ID_LIST: Option[tuple[int, ...]] = _row("SCTP_GET_ASSOC_ID_LIST", "ASSOC_IDS", "r")
SCTP_AUTO_ASCONF: Option[bool] = _row("SCTP_AUTO_ASCONF", codecs.BOOL)
SCTP_PEER_ADDR_THLDS: Option[sctp.SctpPaddrthlds] = _asked("SCTP_PEER_ADDR_THLDS", "SctpPaddrthlds")
SCTP_PEER_ADDR_THLDS_V2: Option[sctp.SctpPaddrthldsV2] = _asked(
    "SCTP_PEER_ADDR_THLDS_V2", "SctpPaddrthldsV2"
)
SCTP_RECVRCVINFO: Option[bool] = _row("SCTP_RECVRCVINFO", codecs.BOOL)
SCTP_RECVNXTINFO: Option[bool] = _row("SCTP_RECVNXTINFO", codecs.BOOL)
SCTP_DEFAULT_SNDINFO: Option[sctp.SctpSndinfo] = _asked("SCTP_DEFAULT_SNDINFO", "SctpSndinfo")
SCTP_REUSE_PORT: Option[bool] = _row("SCTP_REUSE_PORT", codecs.BOOL)

# Addresses of a multi-homed socket, and of one association.
SCTP_SOCKOPT_BINDX_ADD: Option[Addresses] = _row("SCTP_SOCKOPT_BINDX_ADD", "ADDRESSES", "w")
SCTP_SOCKOPT_BINDX_REM: Option[Addresses] = _row("SCTP_SOCKOPT_BINDX_REM", "ADDRESSES", "w")
SCTP_SOCKOPT_CONNECTX: Option[Addresses] = _row("SCTP_SOCKOPT_CONNECTX", "ADDRESSES", "w")
SCTP_GET_PEER_ADDRS: Option[Addresses] = _row(
    "SCTP_GET_PEER_ADDRS", "ADDRESSES_OF_ASSOC", "r", "ASSOC_ID"
)
# The length that the kernel gives for these leaves out the 8 bytes in front: twice that is enough.
SCTP_GET_LOCAL_ADDRS: Option[Addresses] = _row(
    "SCTP_GET_LOCAL_ADDRS", "ADDRESSES_OF_ASSOC", "r", "ASSOC_ID", length_unit_bytes=2
)
SCTP_SOCKOPT_PEELOFF: Option[sctp.SctpPeeloffArg] = _asked(
    "SCTP_SOCKOPT_PEELOFF", "SctpPeeloffArg", "r"
)
SCTP_SOCKOPT_PEELOFF_FLAGS: Option[sctp.SctpPeeloffFlagsArg] = _asked(
    "SCTP_SOCKOPT_PEELOFF_FLAGS", "SctpPeeloffFlagsArg", "r"
)
SCTP_GET_ASSOC_STATS: Option[sctp.SctpAssocStats] = _asked(
    "SCTP_GET_ASSOC_STATS", "SctpAssocStats", "r"
)
SCTP_PR_SUPPORTED: Option[sctp.SctpAssocValue] = _asked("SCTP_PR_SUPPORTED", "SctpAssocValue")
SCTP_DEFAULT_PRINFO: Option[sctp.SctpDefaultPrinfo] = _asked(
    "SCTP_DEFAULT_PRINFO", "SctpDefaultPrinfo"
)
SCTP_PR_ASSOC_STATUS: Option[sctp.SctpPrstatus] = _asked(
    "SCTP_PR_ASSOC_STATUS", "SctpPrstatus", "r"
)
SCTP_PR_STREAM_STATUS: Option[sctp.SctpPrstatus] = _asked(
    "SCTP_PR_STREAM_STATUS", "SctpPrstatus", "r"
)
SCTP_RECONFIG_SUPPORTED: Option[sctp.SctpAssocValue] = _asked(
    "SCTP_RECONFIG_SUPPORTED", "SctpAssocValue"
)
SCTP_ENABLE_STREAM_RESET: Option[sctp.SctpAssocValue] = _asked(
    "SCTP_ENABLE_STREAM_RESET", "SctpAssocValue"
)
SCTP_RESET_STREAMS: Option[sctp.SctpResetStreams] = _row("SCTP_RESET_STREAMS", "RESET_STREAMS", "w")
SCTP_RESET_ASSOC: Option[int] = _row("SCTP_RESET_ASSOC", codecs.INT, "w")
SCTP_ADD_STREAMS: Option[sctp.SctpAddStreams] = _row("SCTP_ADD_STREAMS", "SctpAddStreams", "w")
SCTP_STREAM_SCHEDULER: Option[sctp.SctpAssocValue] = _asked(
    "SCTP_STREAM_SCHEDULER", "SctpAssocValue"
)
SCTP_STREAM_SCHEDULER_VALUE: Option[sctp.SctpStreamValue] = _asked(
    "SCTP_STREAM_SCHEDULER_VALUE", "SctpStreamValue"
)
SCTP_INTERLEAVING_SUPPORTED: Option[sctp.SctpAssocValue] = _asked(
    "SCTP_INTERLEAVING_SUPPORTED", "SctpAssocValue"
)
SCTP_EVENT: Option[sctp.SctpEvent] = _asked("SCTP_EVENT", "SctpEvent")
SCTP_ASCONF_SUPPORTED: Option[sctp.SctpAssocValue] = _asked(
    "SCTP_ASCONF_SUPPORTED", "SctpAssocValue"
)
SCTP_AUTH_SUPPORTED: Option[sctp.SctpAssocValue] = _asked("SCTP_AUTH_SUPPORTED", "SctpAssocValue")
SCTP_ECN_SUPPORTED: Option[sctp.SctpAssocValue] = _asked("SCTP_ECN_SUPPORTED", "SctpAssocValue")
SCTP_EXPOSE_POTENTIALLY_FAILED_STATE: Option[sctp.SctpAssocValue] = _asked(
    "SCTP_EXPOSE_POTENTIALLY_FAILED_STATE", "SctpAssocValue"
)
SCTP_REMOTE_UDP_ENCAPS_PORT: Option[sctp.SctpUdpencaps] = _asked(
    "SCTP_REMOTE_UDP_ENCAPS_PORT", "SctpUdpencaps"
)
SCTP_PLPMTUD_PROBE_INTERVAL: Option[sctp.SctpProbeinterval] = _asked(
    "SCTP_PLPMTUD_PROBE_INTERVAL", "SctpProbeinterval"
)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
