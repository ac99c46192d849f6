"""Sockets of every netlink protocol: groups, messages, requests. Source: netlink(7)."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from errno import EAGAIN, EBUSY, EINTR, EINVAL, ENOBUFS, ENOPROTOOPT
from itertools import chain
from socket import MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_RAW
from threading import Condition, get_ident
from typing import Any, TypeVar

from famsock.plugin import Struct, socket
from famsock_netlink import messages
from famsock_netlink._hints import LOST, LOST_ANSWER
from famsock_netlink.addresses import NetlinkAddress
from famsock_netlink.attributes import Attribute
from famsock_netlink.constants import (
    AF_NETLINK,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_ECHO,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_NOOP,
)
from famsock_netlink.messages import Acknowledgement, NetlinkMessage
from famsock_netlink.options import (
    NETLINK_ADD_MEMBERSHIP,
    NETLINK_CAP_ACK,
    NETLINK_DROP_MEMBERSHIP,
    NETLINK_EXT_ACK,
    NETLINK_GET_STRICT_CHK,
    NETLINK_LIST_MEMBERSHIPS,
)

__all__ = [
    "KERNEL",
    "DumpInterruptedError",
    "NetlinkSocket",
]

KERNEL = NetlinkAddress(0)
"""The kernel as a destination; in bind, any free port."""

FIRST_SEQUENCE = 1 << 31
"""The first number of requests; smaller numbers are free for messages of the caller."""

_T = TypeVar("_T")
_ENDS = frozenset({NLMSG_ERROR, NLMSG_DONE})
_DUMP_ATTEMPTS = 8
_ENDED_DUMPS = 64  # that may leave EINVAL in one receiving call

_DATAGRAM_BYTES = 1 << 15
"""The most bytes that the kernel puts into a datagram of a dump, if the buffer holds them."""


_CATCH_UP_DATAGRAMS = 4096
"""The most datagrams to read before a request, so that a flood of news cannot hold it up."""


class DumpInterruptedError(InterruptedError):
    """The objects changed during each attempt at a dump: errno is EINTR.

    ``partial`` is what the last attempt gave: objects may be missing in it, or be there twice.
    """

    partial: tuple[Any, ...] = ()


class _Request:
    """A request under way: its flags, and its answers that were not looked at yet."""

    def __init__(self, flags: int, *, is_dump: bool) -> None:
        self.flags = flags
        self.is_dump = is_dump
        self.sequence = 0
        self.overruns = 0
        self.answers: list[NetlinkMessage] = []
        self.is_answered = False


class _State:
    """The state of a socket between calls: requests under way, messages put aside, losses.

    ``turn`` guards all of it. One thread at a time receives, for all of them (``receiver``).
    """

    def __init__(self) -> None:
        self.sequence = FIRST_SEQUENCE
        self.waiting: list[NetlinkMessage] = []
        self.explained = False
        self.turn = Condition()
        self.receiver: int | None = None
        self.open: dict[int, _Request] = {}
        self.overruns = 0
        self.untold_overruns = 0

    def register(self, request: _Request) -> int:
        """Begin to keep the answers to a request; return its number."""
        request.sequence = used = self.sequence
        request.overruns = self.overruns
        self.sequence = used + 1 if used < 0xFFFFFFFF else FIRST_SEQUENCE
        self.open[used] = request
        return used

    def unregister(self, request: _Request) -> None:
        """Keep no more answers to a request."""
        if self.open.get(request.sequence) is request:
            del self.open[request.sequence]

    def keep(self, received: list[NetlinkMessage], sender: NetlinkAddress) -> list[NetlinkMessage]:
        """Give answers to the requests under way; return the other messages.

        Only messages from the kernel are answers. Answers to a request that was given up are
        dropped. A group's message carries the sequence of the request that caused it.
        """
        others = []
        request, sequence, is_answer, flags = None, -1, False, 0
        for message in received:
            if message.sequence != sequence:
                sequence = message.sequence
                request = self.open.get(sequence)
                flags = 0 if request is None else request.flags
                is_answer = sender.pid == 0 and (sender.groups == 0 or bool(flags & NLM_F_ECHO))
            if is_answer and request is not None:
                request.answers.append(message)
                if message.type in _ENDS:
                    request.is_answered = True
            elif not (is_answer and FIRST_SEQUENCE <= sequence < self.sequence):
                others.append(message)
        return others


class NetlinkSocket(
    socket["NetlinkAddress", tuple[int, int]], family=AF_NETLINK, type=(SOCK_RAW, SOCK_DGRAM)
):
    """A socket of any netlink protocol: ``NetlinkSocket(proto=NETLINK_AUDIT)``.

    ``proto`` is NETLINK_*, without it NETLINK_ROUTE, as the kernel numbers that 0. The methods are
    for a blocking socket or one with a timeout. Threads may share it: one of them receives, for all
    of them, and a dump waits until the one before is complete. RuntimeError for a call from a
    signal handler that interrupted one in the same thread.
    """

    __slots__ = ()

    # Groups

    def join_group(self, group: int) -> None:
        """Receive what is sent to a multicast group (from 1 on; RTNLGRP_LINK is 1).

        Binds the socket to a free port if it has none, as the kernel gives it no group's messages
        before. OSError EINVAL for a group that the protocol does not have, EPERM for one that needs
        CAP_NET_ADMIN. Source: NETLINK_ADD_MEMBERSHIP.
        """
        if not self.getsockname()[0]:
            self.bind(KERNEL)
        self.set_option(NETLINK_ADD_MEMBERSHIP, group)

    def leave_group(self, group: int) -> None:
        """Stop receiving messages to a group. Source: NETLINK_DROP_MEMBERSHIP."""
        self.set_option(NETLINK_DROP_MEMBERSHIP, group)

    def groups(self) -> frozenset[int]:
        """Return the groups that the socket has joined. Source: NETLINK_LIST_MEMBERSHIPS."""
        return self.get_option(NETLINK_LIST_MEMBERSHIPS)

    # Messages

    def send_messages(self, *sent: NetlinkMessage, to: NetlinkAddress = KERNEL) -> None:
        """Send messages unchanged as one datagram, to the kernel or to another port."""
        self.sendto(b"".join([message.pack() for message in sent]), to)

    def recv_messages(self) -> list[NetlinkMessage]:
        """Return all messages of the next datagram, of any length, including errors.

        Messages that arrived between the answers of a `request` come first (`pending_messages`).
        OSError ENOBUFS means that the kernel had to drop messages; ValueError that a datagram holds
        none.
        """
        state = self.protocol_state(_State)

        def waiting() -> list[NetlinkMessage]:
            if state.untold_overruns:
                state.untold_overruns = 0
                raise _lost(LOST)
            found, state.waiting = state.waiting, []
            return found

        while True:
            found, received = _found_or_received(self, state, waiting, tell=True)
            if found or not received:
                return found

    @property
    def pending_messages(self) -> int:
        """The number of messages that arrived between the answers of a `request` and wait here.

        `recv_messages` gives them without a system call, so select(2), poll(2) and epoll(7) do not
        report them: while there are any, receive before you wait. A loss of messages that
        `recv_messages` will tell counts as one.
        """
        state = self.protocol_state(_State)
        return len(state.waiting) + bool(state.untold_overruns)

    # Requests

    def check_strictly(self, on: bool = True) -> None:
        """Let the kernel refuse what it does not know in a dump's request, or not (Linux 4.20).

        Without this it ignores headers and attributes that it does not understand, filters among
        them, and gives every object. With it they limit the dump; what does not is OSError EINVAL
        with the kernel's words. Source: NETLINK_GET_STRICT_CHK, netlink(7).
        """
        self.set_option(NETLINK_GET_STRICT_CHK, on)

    def request(
        self,
        type: int,
        header: Struct | bytes = b"",
        attributes: Iterable[Attribute] = (),
        flags: int = 0,
    ) -> list[NetlinkMessage]:
        """Ask the kernel, and wait for its answers and its acknowledgement.

        ``type`` is the message's; ``header`` is the subsystem's own, before the ``attributes``;
        ``flags`` are added to NLM_F_REQUEST and NLM_F_ACK. Returns the answers, none for most
        changes. OSError with the kernel's errno and message if it refuses. Messages of joined
        groups that arrive meanwhile are kept for `recv_messages`.
        """
        payload = messages.body(header, attributes)
        asked = _ask(self, type, payload, flags | NLM_F_REQUEST | NLM_F_ACK)
        return list(chain.from_iterable(asked))

    def dump(
        self,
        type: int,
        header: Struct | bytes = b"",
        attributes: Iterable[Attribute] = (),
        flags: int = 0,
    ) -> list[NetlinkMessage]:
        """Ask the kernel for all of its objects of a kind (NLM_F_DUMP).

        A dump during which the objects changed (NLM_F_DUMP_INTR) is made again, up to eight times;
        then DumpInterruptedError, with what there is. So is one whose answers were lost (ENOBUFS).
        Otherwise as `request`.
        """
        payload = messages.body(header, attributes)
        return collected(self, type, payload, lambda answers: answers, flags)

    def iter_dump(
        self,
        type: int,
        header: Struct | bytes = b"",
        attributes: Iterable[Attribute] = (),
        flags: int = 0,
    ) -> Iterator[NetlinkMessage]:
        """Return an iterator of all objects of a kind, each as soon as it is there; as `dump`.

        Only a datagram at a time is kept in memory. Nothing is asked twice: DumpInterruptedError at
        the end says that the objects changed meanwhile. Another dump, which begins before this one
        is complete, reads the rest of it into memory first.
        """
        payload = messages.body(header, attributes)
        return _one_by_one(_dumped(self, type, payload, flags))


def collected(
    sock: NetlinkSocket,
    type: int,
    payload: bytes,
    convert: Callable[[list[NetlinkMessage]], Iterable[_T]],
    flags: int = 0,
    *,
    is_limited: bool = False,
) -> list[_T]:
    """Return what ``convert`` makes of each datagram of a dump; see `NetlinkSocket.dump`.

    If it ``is_limited``, the kernel checks this one request strictly, and so applies its limits.
    """
    for attempt in range(1, _DUMP_ATTEMPTS + 1):
        found: list[_T] = []
        try:
            with closing(_dumped(sock, type, payload, flags, is_limited=is_limited)) as dumped:
                for answers in dumped:
                    found += convert(answers)
            return found
        except DumpInterruptedError:
            if attempt == _DUMP_ATTEMPTS:
                raise _interrupted(f" {attempt} times", found) from None
        except OSError as error:
            if error.errno != ENOBUFS or attempt == _DUMP_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def checks_strictly(sock: NetlinkSocket) -> bool:
    """Return whether the socket's user asked for `NetlinkSocket.check_strictly`."""
    try:
        return sock.get_option(NETLINK_GET_STRICT_CHK)
    except OSError as error:
        if error.errno != ENOPROTOOPT:  # Linux before 4.20
            raise
        return False


@contextmanager
def _checked_strictly(sock: NetlinkSocket) -> Iterator[None]:
    """Let the kernel check strictly what is sent meanwhile, if it can."""
    if checks_strictly(sock):
        yield
        return
    try:
        try:
            sock.set_option(NETLINK_GET_STRICT_CHK, True)
        except OSError as error:
            if error.errno != ENOPROTOOPT:
                raise
        yield
    finally:
        with suppress(OSError):  # so that no error of the request is replaced
            sock.set_option(NETLINK_GET_STRICT_CHK, False)


def _receive(sock: NetlinkSocket) -> tuple[list[NetlinkMessage], NetlinkAddress, bool]:
    """Return the messages of one datagram, who sent it, and whether others were lost.

    A look at a datagram may make the kernel continue a dump, for which there is no space before the
    datagram is read: it calls that a loss, too, and would again at the next look.
    """
    size = _past_ended_dump(sock.recv_into, bytearray(1), 0, MSG_PEEK | MSG_TRUNC)
    overrun = False
    while True:
        try:
            data, (pid, groups) = _past_ended_dump(sock.recvfrom, max(size, _DATAGRAM_BYTES))
        except OSError as error:
            if error.errno != ENOBUFS:
                raise
            overrun = True
        else:
            return messages.unpack(data), NetlinkAddress.unchecked(pid, groups), overrun


def _past_ended_dump(receive: Callable[..., _T], *given: Any) -> _T:
    """Receive, again after EINVAL, which no receiving call with these flags has as its own error.

    The kernel continues a dump after it has taken a datagram. If another thread's request ends that
    dump at the same moment, EINVAL is left at the socket for the next call: netlink_recvmsg() and
    netlink_dump() of net/netlink/af_netlink.c.
    """
    for _ in range(_ENDED_DUMPS):
        try:
            return receive(*given)
        except OSError as error:
            if error.errno != EINVAL:
                raise
    return receive(*given)


def _lost(hint: str) -> OSError:
    error = OSError(ENOBUFS, os.strerror(ENOBUFS))
    error.add_note(f"AF_NETLINK: {hint}")
    return error


def _interrupted(times: str = "", partial: Iterable[Any] = ()) -> DumpInterruptedError:
    error = DumpInterruptedError(EINTR, f"dump changed under way{times}")
    error.partial = tuple(partial)
    return error


def _found_or_received(
    sock: NetlinkSocket,
    state: _State,
    find: Callable[[], list[Any]],
    *,
    request: _Request | None = None,
    tell: bool = False,
    wait: bool = True,
) -> tuple[list[Any], list[NetlinkMessage]]:
    """Return what ``find`` finds, else receive one datagram: for all threads, in one of them.

    ``find`` is called with ``state.turn`` held. Returns what it found, and what this thread
    received instead. With ``tell``, received messages that answer no request count as found, and an
    overrun raises ENOBUFS; without it, both are kept for `recv_messages`. After an overrun an empty
    socket has no answer to ``request`` any more: OSError ENOBUFS. Without ``wait`` nothing may come
    of it.
    """
    me = get_ident()
    if state.receiver == me:
        raise RuntimeError("AF_NETLINK: a call in this thread, below this one, receives already")
    try:
        with state.turn:
            while not (found := find()):
                if state.receiver is None:
                    state.receiver = me
                    break
                if not wait:
                    return [], []
                _wait_for_the_receiver(sock, state)
            else:
                return found, []
        if not wait and not _has_input(sock):
            return [], []
        if request is not None and request.overruns != state.overruns and not _has_input(sock):
            raise _lost(LOST_ANSWER)
        return _received(sock, state, tell=tell)
    finally:
        if state.receiver == me:
            with state.turn:
                state.receiver = None
                state.turn.notify_all()


def _received(
    sock: NetlinkSocket, state: _State, *, tell: bool = False
) -> tuple[list[NetlinkMessage], list[NetlinkMessage]]:
    """Receive one datagram, in the thread whose turn it is; see `_found_or_received`."""
    received: list[NetlinkMessage] = []
    others: list[NetlinkMessage] = []
    try:
        received, sender, overrun = _receive(sock)
    except OSError as error:
        if error.errno != ENOBUFS:
            raise
        overrun = True
    else:
        with state.turn:
            others = state.keep(received, sender)
            if not tell or overrun:
                state.waiting += others
    if overrun:
        state.overruns += 1
        if tell:
            raise _lost(LOST)
        state.untold_overruns += 1
    return others if tell else [], received


def _wait_for_the_receiver(sock: NetlinkSocket, state: _State) -> None:
    """Wait until another thread has received a datagram, as long as the socket's timeout allows."""
    timeout = sock.gettimeout()
    if timeout == 0:
        raise BlockingIOError(EAGAIN, os.strerror(EAGAIN))
    if not state.turn.wait(timeout):
        raise TimeoutError("timed out")


def _has_input(sock: NetlinkSocket) -> bool:
    """Return whether a datagram or an error waits in the kernel."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _catch_up(sock: NetlinkSocket, state: _State) -> None:
    """Read what waits, in front of a request.

    A full buffer has no space for its answer, and no dump begins before another is read completely.
    """
    for _ in range(_CATCH_UP_DATAGRAMS):
        if state.receiver is not None or not _has_input(sock):
            return
        _found_or_received(sock, state, list, wait=False)


def _ask(
    sock: NetlinkSocket,
    type: int,
    payload: bytes,
    flags: int,
    *,
    is_dump: bool = False,
    is_limited: bool = False,
) -> Generator[list[NetlinkMessage], None, None]:
    """Make one request, and give its answers, several at a time; raise what the kernel says.

    A dump begins once the one before is complete, as the kernel makes one at a time.
    """
    _ask_for_words(sock)
    state = sock.protocol_state(_State)
    _catch_up(sock, state)
    request = _Request(flags, is_dump=is_dump)

    def sent() -> list[_Request]:
        if is_dump and any(r.is_dump and not r.is_answered for r in state.open.values()):
            return []
        message = NetlinkMessage(type, payload, flags, state.register(request))
        with _checked_strictly(sock) if is_limited else nullcontext():
            sock.send_messages(message)
        return [request]

    def answers() -> list[NetlinkMessage]:
        found, request.answers = request.answers, []
        return found

    is_consistent = True
    try:
        while not _found_or_received(sock, state, sent)[0]:
            pass
        while True:
            found: list[NetlinkMessage] = []
            for message in _found_or_received(sock, state, answers, request=request)[0]:
                is_consistent = is_consistent and not message.flags & NLM_F_DUMP_INTR
                if message.type in _ENDS:
                    if found:
                        yield found
                    Acknowledgement.unpack(message).raise_for_error()
                    if is_dump and not is_consistent:
                        raise _interrupted()
                    return
                if message.type != NLMSG_NOOP:
                    found.append(message)
            if found:
                yield found
    finally:
        with state.turn:
            state.unregister(request)
            state.turn.notify_all()


def _dumped(
    sock: NetlinkSocket, type: int, payload: bytes, flags: int, *, is_limited: bool = False
) -> Generator[list[NetlinkMessage], None, None]:
    """Make one dump; again if the kernel is still busy with one that was given up under way."""
    flags |= NLM_F_REQUEST | NLM_F_DUMP
    begun = False
    try:
        for answers in _ask(sock, type, payload, flags, is_dump=True, is_limited=is_limited):
            begun = True
            yield answers
    except OSError as error:
        if error.errno != EBUSY or begun:
            raise
    else:
        return
    yield from _ask(sock, type, payload, flags, is_dump=True, is_limited=is_limited)


def _one_by_one(
    batches: Generator[list[NetlinkMessage], None, None],
) -> Iterator[NetlinkMessage]:
    with closing(batches):
        for batch in batches:
            yield from batch


def _ask_for_words(sock: NetlinkSocket) -> None:
    """Let errors come with the kernel's words, and without the request's bytes."""
    state = sock.protocol_state(_State)
    if not state.explained:
        sock.set_option(NETLINK_EXT_ACK, True)
        sock.set_option(NETLINK_CAP_ACK, True)
        state.explained = True
