"""The same methods on the stdlib's sockets and on ours: whatever differs is an error.

The sockets and arguments are those of `differential`. Here addresses have the stdlib's form, and
the calls are the methods of famsock's `Calls`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import famsock
from tests.calls.differential import (
    SIZES,
    WILD,
    Argument,
    Dice,
    Play,
    Side,
    any_flags,
    any_items,
    any_length,
    any_of,
    any_sent,
    any_size,
    any_target,
    compare,
    no_descriptor_left,
)

_NO_ADDRESSES = (
    (), ("127.0.0.1",), ("127.0.0.1", -1), ("127.0.0.1", 1 << 16), ("127.0.0.1", 9.0), ["a", 1],
    ("127.0.0.1", "9"), (None, 9), ("127.0.0.1", 9, 0), 9, None, b"127.0.0.1", "\0famsock-nobody",
)  # fmt: skip


class Methods(Side):
    """The sockets of one module, and a closed one."""

    def __init__(self, module: ModuleType, enter: Callable[[Any], Any]) -> None:
        super().__init__(module.__name__, enter, module)
        self.no_socket = module.socket()
        self.no_socket.close()

    def name_of(self, sock: socket.socket) -> Any:
        return sock.getsockname()


def play(dice: Dice, steps: int) -> None:
    """Make so many calls on both modules' sockets; AssertionError where they differ."""
    with no_descriptor_left(), ExitStack() as stack:
        sides = [Methods(module, stack.enter_context) for module in (famsock, socket)]
        compare(sides, _METHODS, dice, steps)


def any_address(dice: Dice) -> Argument:
    """That of a socket, mostly; else one that is wrong or that nobody has."""
    which = dice.integer(0, 4)
    if which < 3:
        return lambda side: side.names[which]
    if which == 3:
        return lambda side: (*side.names[0],)  # an equal one
    wrong = dice.pick(_NO_ADDRESSES)
    return lambda side: wrong


def any_number(dice: Dice) -> Any:
    """A size, or what is no int but may stand for one."""
    return dice.pick((any_size(dice), any_size(dice), any_size(dice), True, 5.0, None, "5"))


def any_flag(dice: Dice) -> Any:
    """Never MSG_TRUNC, by which the stdlib's recvfrom shows memory that nobody has filled."""
    flags = any_flags(dice) & ~socket.MSG_TRUNC
    return dice.pick((flags, 0, 0, 1 << 31, -(1 << 40), False, 0.0, None))


def any_rest(dice: Dice, *makers: Callable[[Dice], Any]) -> list[Any]:
    """So many of the further arguments, or one too many."""
    most = dice.integer(0, len(makers) + 1)
    return [make(dice) for make in (*makers, any_flag)[:most]]


def recvfrom(dice: Dice) -> Play:
    arguments = [any_number(dice), *any_rest(dice, any_flag)]
    return lambda side, sock: sock.recvfrom(*arguments)


def recvfrom_into(dice: Dice) -> Play:
    target, rest = any_target(dice), any_rest(dice, any_number, any_flag)
    return lambda side, sock: sock.recvfrom_into(target(side), *rest)


def recvmsg(dice: Dice) -> Play:
    arguments = [any_number(dice), *any_rest(dice, any_control_bytes, any_flag)]
    return lambda side, sock: sock.recvmsg(*arguments)


def recvmsg_into(dice: Dice) -> Play:
    targets, rest = any_of(dice, any_target), any_rest(dice, any_control_bytes, any_flag)
    return lambda side, sock: sock.recvmsg_into([target(side) for target in targets], *rest)


def any_control_bytes(dice: Dice) -> Any:
    return dice.pick(
        (any_length(dice), any_length(dice), any_length(dice), *SIZES[:3], *WILD, None)
    )


def sendto(dice: Dice) -> Play:
    data, address, flags = any_sent(dice), any_address(dice), any_rest(dice, any_flag)
    return lambda side, sock: sock.sendto(data(side), *flags, address(side))


def sendmsg(dice: Dice) -> Play:
    pieces, items, address = any_of(dice, any_sent), any_items(dice), any_address(dice)
    kinds: tuple[Callable[[Any], Any], ...] = (list, tuple, iter)
    kind, flag, count = dice.pick(kinds), any_flag(dice), dice.integer(0, 4)

    def sent(side: Side, sock: Any) -> Any:
        given = kind([piece(side) for piece in pieces]), items, flag, address(side)
        return sock.sendmsg(*given[: count or 4])

    return sent


def connect_ex(dice: Dice) -> Play:
    address = any_address(dice)
    return lambda side, sock: sock.connect_ex(address(side))


def getsockname(dice: Dice) -> Play:
    return lambda side, sock: str(type(sock.getsockname()))


_METHODS = (
    recvfrom, recvfrom_into, recvmsg, recvmsg_into, sendto, sendmsg, sendto, sendmsg, connect_ex,
    getsockname,
)  # fmt: skip
