"""Hints for failures of CAN sockets, each true for every cause of its errno in its call.

The core notes them on calls that carry an address or an option; `explain` does so in other methods.
Causes are those of the kernel's net/can: raw_bind, raw_sendmsg, can_send, bcm_connect, bcm_sendmsg,
isotp_bind, isotp_sendmsg, isotp_recvmsg, j1939_sk_bind, j1939_sk_connect, j1939_sk_sendmsg; and of
the error that an earlier frame or the interface leaves for the next call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

from famsock.plugin import Hint, one_of

AnyHint = str | Callable[[Any, Any], str | None]
Hints = Mapping[Any, AnyHint]

_SENDS = ("send", "sendto", "sendmsg", "sendmmsg")
_CALLS = ("recv", *_SENDS)

_LISTED = "famsock_can.interfaces lists them"

_DOWN = Hint(
    "the interface is down, or was since the last call",
    "ip link set can0 up (type can bitrate 500000, of a real one)",
    check="ip -details link show can0",
)
_FULL = Hint(
    "the interface's queue is full, which poll() does not tell",
    "send again soon, or make the queue longer: ip link set can0 txqueuelen 1000",
    check="tc -s qdisc show dev can0 counts what is dropped; ip link show can0 tells qlen",
    possible=True,
)
_REMOVED = Hint(
    "the interface was removed", "bind() again when there is one", check="ip link show can0"
)
_NO_CAN = Hint(f"there is no such interface, or it is no CAN interface: {_LISTED}")
_ONE = Hint(f"the socket binds to one CAN interface, never to all, and this is none: {_LISTED}")
_NOWHERE = Hint(
    "the frame has no interface to go by: the address names none, and bind() did not; or the one "
    "that is named is gone",
    check="sock.getsockname() tells what bind() named; ip -br link what there is",
)
_NOT_CAN = Hint("it is no CAN interface: famsock_can.interfaces lists those that are")
_MTU_TOO_SMALL = Hint(
    "this kind of frame is not switched on (enable_frames), or the interface's MTU is too small "
    "for it",
    "ip link set can0 mtu 72 (CAN FD), 2060 (CAN XL)",
    check="ip link show can0 tells the mtu: 16 for classic frames only",
    possible=True,
    another=Hint(
        "it is no CAN interface",
        "famsock_can.interfaces lists those that are",
        check="ip -details link show can0",
        possible=True,
    ),
)
_NEW_OPTIONS = Hint(
    "CAN XL frames need Linux 6.1, their virtual networks 6.9", check="uname -r", possible=True
)
_CONNECT_FIRST = Hint("connect() it to an interface first")
_RECONNECT = Hint(
    "the interface was removed",
    "connect() again, and start jobs and subscriptions again",
    check="ip link show can0",
)
_TRANSMIT = Hint(
    "the interface is gone, or the socket is connected to every one, and a transmission needs one",
    check="sock.getsockname() and ip -br link",
)
_THERE = Hint(
    "a job or subscription of this identifier is there",
    "stop_cyclic() or unsubscribe() ends it, update_cyclic() changes its frames",
    check="cat /proc/net/can-bcm/* lists the jobs of each socket",
)
_GROW = Hint("a job or subscription cannot grow", "stop_cyclic() or unsubscribe() it first")
_NO_JOB = Hint(
    "no such job: one has the can_id with its flags, the kind of frame (fd) and the socket that it "
    "was set up with",
    check="cat /proc/net/can-bcm/* lists the jobs of each socket",
    possible=True,
)
_BOUND = Hint(
    "the socket is bound already, and can be bound only once",
    check="sock.getsockname() tells an interface",
)
_IDENTIFIERS = Hint(
    "an identifier over 0x7ff needs CAN_EFF_FLAG (0x80000000) and no other flag; CAN FD frames "
    "need an interface whose MTU holds them",
    "ip link set can0 mtu 72",
    check="ip link show can0 tells the mtu",
)
_SAME = Hint("rx_id and tx_id must differ")
_OPTIONS_FIRST = Hint("set its options before bind()")
_BIND_ISOTP = Hint("bind() it to an interface and two identifiers first")
_NO_FLOW = Hint(
    "no flow control came from the peer within a second: is it there, with the same identifiers "
    "the other way round?",
    check="candump can0 shows which frames pass",
    possible=True,
)
_STOPPED = Hint(
    "the peer began a message and did not go on within a second",
    check="candump can0 shows which frames pass",
)
_LOST = Hint(
    "a frame of the message was lost or came out of turn",
    check="candump can0 shows the sequence numbers of the frames that pass",
)
_PADDING = Hint(
    "a frame was not padded as CAN_ISOTP_CHK_PAD_LEN and CAN_ISOTP_CHK_PAD_DATA ask",
    check="candump can0 shows the padding of the frames that pass",
)
_PRIORITY = Hint("priorities 0 and 1 need CAP_NET_ADMIN")
_BROADCAST = Hint(
    "the broadcast address needs SO_BROADCAST",
    "sock.set_broadcast(True)",
    check="sock.getsockopt(SOL_SOCKET, SO_BROADCAST) is 0",
    possible=True,
)
_NO_CLAIM = Hint(
    "no address is claimed for this NAME, or the interface was down since",
    "famsock_can.claim.AddressClaim.acquire()",
    check="candump can0 shows the claims, which have the PGN 0x0EE00",
)
_BIND_J1939 = Hint("bind() it to an address or a NAME first")
_NO_ANSWER = Hint(
    "an earlier long message failed: its receiver did not answer in time; enable_progress() and "
    "recv_progress() tell which",
)
_PGN = Hint(
    "the low byte of a PDU1's pgn must be 0",
    "famsock_can.pgn.clean_pgn",
    check="famsock_can.pgn.is_pdu1(pgn)",
    possible=True,
    another=Hint(
        "the socket is bound to another interface, or to none yet",
        check="sock.getsockname()",
        possible=True,
    ),
)


@one_of(_BOUND, _IDENTIFIERS)
def _isotp_bind_invalid(sock: Any, address: Any) -> str:
    return _BOUND if sock.getsockname()[0] else _IDENTIFIERS


def _for(operations: tuple[str, ...], hints: dict[int, AnyHint]) -> dict[tuple[str, int], AnyHint]:
    """Hints for several operations."""
    return {(name, number): hint for name in operations for number, hint in hints.items()}


_LINK: Hints = {**_for(_CALLS, {ENETDOWN: _DOWN}), **_for(_SENDS, {ENOBUFS: _FULL})}

RAW: Hints = {
    **_LINK,
    ("bind", ENODEV): _NO_CAN,
    **_for((*_CALLS, "set_option"), {ENODEV: _REMOVED}),
    **_for(_SENDS, {ENXIO: _NOWHERE, EPERM: _NOT_CAN, EINVAL: _MTU_TOO_SMALL}),
    ("set_option", ENOPROTOOPT): _NEW_OPTIONS,
}
BCM: Hints = {
    **_LINK,
    ("connect", ENODEV): _NO_CAN,
    ("recv", ENODEV): _RECONNECT,
    **_for(
        _SENDS,
        {
            ENOTCONN: _CONNECT_FIRST,
            ENODEV: _TRANSMIT,
            EEXIST: _THERE,
            E2BIG: _GROW,
            EINVAL: _NO_JOB,
        },
    ),
}
ISOTP: Hints = {
    **_LINK,
    ("bind", EINVAL): _isotp_bind_invalid,
    ("bind", EADDRNOTAVAIL): _SAME,
    ("bind", ENODEV): _ONE,
    ("set_option", EISCONN): _OPTIONS_FIRST,
    **_for(
        _CALLS,
        {
            ENODEV: _REMOVED,
            EADDRNOTAVAIL: _BIND_ISOTP,
            ECOMM: _NO_FLOW,
            ETIMEDOUT: _STOPPED,
            EILSEQ: _LOST,
            EBADMSG: _PADDING,
        },
    ),
}
J1939: Hints = {
    **_LINK,
    ("bind", ENETDOWN): _DOWN,
    ("bind", ENODEV): _ONE,
    ("connect", ENODEV): _ONE,
    ("set_option", EPERM): _PRIORITY,
    **_for(("bind", "connect", *_SENDS), {EINVAL: _PGN}),
    **_for(("connect", *_SENDS), {EACCES: _BROADCAST}),
    **_for(_SENDS, {EADDRNOTAVAIL: _NO_CLAIM, EBADFD: _BIND_J1939}),
    **_for(_CALLS, {ENODEV: _REMOVED, EHOSTUNREACH: _NO_ANSWER}),
}


def explain(error: OSError, hints: Hints, operation: str) -> None:
    """Add a note to a failed operation that says how to fix it, if that is known."""
    hint = hints.get((operation, error.errno))
    if isinstance(hint, str):
        error.add_note(hint)
