"""Hints for failures of CAN sockets, by protocol and errno.

The core notes it on calls that carry an address or an option; `explain` does so in other methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import (
    E2BIG,
    EACCES,
    EADDRNOTAVAIL,
    EBADFD,
    EBADMSG,
    ECOMM,
    EEXIST,
    EHOSTUNREACH,
    EILSEQ,
    EINVAL,
    EISCONN,
    ENETDOWN,
    ENOBUFS,
    ENODEV,
    ENOPROTOOPT,
    ENOTCONN,
    ENXIO,
    EPERM,
    ETIMEDOUT,
)
from typing import Any

Hints = Mapping[Any, str]

_LINK: Hints = {
    ENETDOWN: "the interface is down: ip link set can0 up (type can bitrate 500000, of a real one)",
    ENOBUFS: "the interface's queue is full, which poll() does not tell: send again soon, or "
    "make the queue longer: ip link set can0 txqueuelen 1000",
}
_REMOVED = "the interface was removed: bind() again when there is one"
_NO_ROOM = (
    "switch the kind of frame on (enable_frames), and give the interface room for it: "
    "ip link set can0 mtu 72 (CAN FD), 2060 (CAN XL)"
)

RAW: Hints = {
    **_LINK,
    ENXIO: "name the interface to send by: this socket is bound to every one, or to none",
    ENODEV: "the interface is gone, or it is no CAN interface (famsock_can.interfaces lists them)",
    EPERM: "it is no CAN interface (famsock_can.interfaces lists them)",
    ("send", EINVAL): _NO_ROOM,
    ("sendto", EINVAL): _NO_ROOM,
    ("sendmmsg", EINVAL): _NO_ROOM,
    ("set_option", ENOPROTOOPT): "CAN XL frames need Linux 6.1, their virtual networks 6.9",
}
BCM: Hints = {
    **_LINK,
    ENOTCONN: "connect() it to an interface first",
    ("recv", ENODEV): "the interface was removed: connect() again, and start jobs and "
    "subscriptions again",
    ENODEV: "transmission needs a socket that is connected to one CAN interface, not to every one",
    EEXIST: "a job or subscription of this identifier is there: stop_cyclic() or unsubscribe() "
    "ends it, update_cyclic() changes its frames",
    E2BIG: "a job or subscription cannot grow: stop_cyclic() or unsubscribe() it first",
    EINVAL: "no such job: one has the can_id with its flags, the kind of frame (fd) and the socket "
    "that it was set up with",
}
_IDENTIFIERS = (
    "an identifier over 0x7ff needs CAN_EFF_FLAG (0x80000000) and no other flag; CAN FD frames "
    "need an interface with room for them: ip link set can0 mtu 72"
)
ISOTP: Hints = {
    **_LINK,
    ("bind", EINVAL): _IDENTIFIERS,
    ("bind", EADDRNOTAVAIL): "rx_id and tx_id must differ",
    EISCONN: "set its options before bind()",
    ("bind", ENODEV): "name the interface: ISO-TP binds to one CAN interface, never to all",
    ENODEV: _REMOVED,
    EADDRNOTAVAIL: "bind() it to an interface and two identifiers first",
    ECOMM: "no flow control came from the peer within a second: is it there, with the same "
    "identifiers the other way round?",
    ETIMEDOUT: "the peer began a message and did not go on within a second",
    EILSEQ: "a frame of the message was lost or came out of turn",
    EBADMSG: "a frame was not padded as CAN_ISOTP_CHK_PAD_LEN and CAN_ISOTP_CHK_PAD_DATA ask",
}
J1939: Hints = {
    **_LINK,
    EPERM: "priorities 0 and 1 need CAP_NET_ADMIN",
    EACCES: "the broadcast address needs SO_BROADCAST: sock.set_broadcast(True)",
    ("bind", ENODEV): "name the interface: J1939 binds to one CAN interface, never to all",
    ENODEV: _REMOVED,
    EADDRNOTAVAIL: "no address is claimed for this NAME, or the interface was down since: "
    "famsock_can.claim.AddressClaim.acquire()",
    EBADFD: "bind() it to an address or a NAME first",
    EHOSTUNREACH: "an earlier long message failed: its receiver did not answer in time; "
    "enable_progress() and recv_progress() tell which",
    EINVAL: "the low byte of a PDU1's pgn must be 0: famsock_can.pgn.clean_pgn",
}


def explain(error: OSError, hints: Hints, operation: str = "") -> None:
    """Add a note to a failed operation that says how to fix it, if that is known."""
    advice = hints.get((operation, error.errno)) or hints.get(error.errno)
    if advice is not None:
        error.add_note(advice)
