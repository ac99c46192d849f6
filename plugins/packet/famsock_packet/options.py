"""Socket options of AF_PACKET, at level SOL_PACKET. Source: packet(7), linux/if_packet.h.

PACKET_TX_TIMESTAMP is no option but a control message; PACKET_RECV_OUTPUT was never implemented.
"""

from __future__ import annotations

from collections.abc import Iterable

from famsock.plugin import Codec, Option, bpf, codecs, cstruct, option_rows
from famsock_packet import constants
from famsock_packet.constants import SOL_PACKET
from famsock_packet.structs import Fanout, Membership, RingRequest, RolloverStatistics, Statistics

_Program = Iterable[bpf.Instruction]


def _encode_program(program: _Program | int) -> bytes:
    """Return a classic program, or the descriptor of an eBPF program."""
    if isinstance(program, int):
        return codecs.INT.encode(program)
    if not isinstance(program, Iterable):
        raise TypeError(f"must be instructions or a descriptor, not {type(program).__name__}")
    return bpf.PROGRAM.encode(tuple(program))


def _program_text(program: _Program | int) -> str:
    if isinstance(program, int):
        return str(program)
    assert bpf.PROGRAM.text is not None
    return bpf.PROGRAM.text(tuple(program))


def _parse_program(text: str) -> _Program | int:
    """Return the descriptor that a number is, or the instructions ``code,jt,jf,k;…``."""
    assert bpf.PROGRAM.parse is not None
    return bpf.PROGRAM.parse(text) if "," in text else cstruct.parse_integer(text)


_FANOUT_PROGRAM: Codec[_Program | int] = Codec(
    "struct sock_fprog",
    bpf.PROGRAM.size_bytes,
    _encode_program,
    bpf.PROGRAM.decode,
    text=_program_text,
    parse=_parse_program,
)

_row = option_rows(SOL_PACKET, constants)

PACKET_ADD_MEMBERSHIP: Option[Membership] = _row("PACKET_ADD_MEMBERSHIP", Membership, "w")
PACKET_DROP_MEMBERSHIP: Option[Membership] = _row("PACKET_DROP_MEMBERSHIP", Membership, "w")
PACKET_STATISTICS: Option[Statistics] = _row("PACKET_STATISTICS", Statistics, "r")
PACKET_AUXDATA: Option[bool] = _row("PACKET_AUXDATA", codecs.BOOL)
PACKET_ORIGDEV: Option[bool] = _row("PACKET_ORIGDEV", codecs.BOOL)
PACKET_COPY_THRESH: Option[int] = _row("PACKET_COPY_THRESH", codecs.INT, "w")
PACKET_IGNORE_OUTGOING: Option[bool] = _row("PACKET_IGNORE_OUTGOING", codecs.BOOL)
PACKET_QDISC_BYPASS: Option[bool] = _row("PACKET_QDISC_BYPASS", codecs.BOOL)
PACKET_TIMESTAMP: Option[int] = _row("PACKET_TIMESTAMP", codecs.INT)

# virtio_net_hdr in front of each packet, and its size in bytes (Linux 6.4).
PACKET_VNET_HDR: Option[bool] = _row("PACKET_VNET_HDR", codecs.BOOL)
PACKET_VNET_HDR_SZ: Option[int] = _row("PACKET_VNET_HDR_SZ", codecs.INT, since="6.4")

# Groups of sockets that share the packets.
PACKET_FANOUT: Option[Fanout] = _row("PACKET_FANOUT", Fanout)
PACKET_FANOUT_DATA: Option[_Program | int] = _row("PACKET_FANOUT_DATA", _FANOUT_PROGRAM, "w")
PACKET_ROLLOVER_STATS: Option[RolloverStatistics] = _row(
    "PACKET_ROLLOVER_STATS", RolloverStatistics, "r"
)

# Rings; HDRLEN is asked for a version (TPACKET_V1 to TPACKET_V3). RESERVE is in bytes.
PACKET_VERSION: Option[int] = _row("PACKET_VERSION", codecs.INT)
PACKET_HDRLEN: Option[int] = _row("PACKET_HDRLEN", codecs.INT, "r", codecs.INT)
PACKET_RESERVE: Option[int] = _row("PACKET_RESERVE", codecs.U32)
PACKET_RX_RING: Option[RingRequest] = _row("PACKET_RX_RING", RingRequest, "w")
PACKET_TX_RING: Option[RingRequest] = _row("PACKET_TX_RING", RingRequest, "w")
PACKET_LOSS: Option[bool] = _row("PACKET_LOSS", codecs.BOOL)
PACKET_TX_HAS_OFF: Option[bool] = _row("PACKET_TX_HAS_OFF", codecs.BOOL)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
