"""Sockets of every netlink protocol: groups, messages, requests. Source: netlink(7)."""

from __future__ import annotations

import select
from collections.abc import Iterable
from errno import EBUSY, EINTR, ENOBUFS
from socket import MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_RAW

from famsock.plugin import Struct, socket
from famsock_netlink import messages
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
    "NetlinkSocket",
]

KERNEL = NetlinkAddress(0)
"""The kernel as a destination; in bind, any free port."""

FIRST_SEQUENCE = 1 << 31
"""The first number of requests; smaller numbers are free for messages of the caller."""

_DUMP_ATTEMPTS = 8

_DATAGRAM_BYTES = 1 << 15
"""The most bytes that the kernel puts into a datagram of a dump, if the buffer holds them."""


class _State:
    """The number of the next request, messages put aside, whether errors come with words."""

    def __init__(self) -> None:
        self.sequence = FIRST_SEQUENCE
        self.waiting: list[NetlinkMessage] = []
        self.explained = False

    def next_sequence(self) -> int:
        """Return the number of a new request."""
        used = self.sequence
        self.sequence = used + 1 if used < 0xFFFFFFFF else FIRST_SEQUENCE
        return used


class NetlinkSocket(
    socket["NetlinkAddress", tuple[int, int]], family=AF_NETLINK, type=(SOCK_RAW, SOCK_DGRAM)
):
    """A socket of any netlink protocol: ``NetlinkSocket(proto=NETLINK_AUDIT)``.

    ``proto`` is NETLINK_*, without it NETLINK_ROUTE, as the kernel numbers that 0. The methods are
    for a blocking socket or one with a timeout, and for one thread at a time.
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
        if waiting := state.waiting:
            state.waiting = []
            return waiting
        return _receive(self)[0]

    @property
    def pending_messages(self) -> int:
        """The number of messages that arrived between the answers of a `request` and wait here.

        `recv_messages` gives them without a system call, so select(2), poll(2) and epoll(7) do not
        report them: while there are any, receive before you wait.
        """
        return len(self.protocol_state(_State).waiting)

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
        return _ask(self, type, payload, flags | NLM_F_REQUEST | NLM_F_ACK)[0]

    def dump(
        self,
        type: int,
        header: Struct | bytes = b"",
        attributes: Iterable[Attribute] = (),
        flags: int = 0,
    ) -> list[NetlinkMessage]:
        """Ask the kernel for all of its objects of a kind (NLM_F_DUMP).

        A dump during which the objects changed (NLM_F_DUMP_INTR) is made again, up to eight times;
        then InterruptedError. So is one that the kernel refused because an earlier one was given up
        under way. Otherwise as `request`.
        """
        payload = messages.body(header, attributes)
        flags |= NLM_F_REQUEST | NLM_F_DUMP
        for attempt in range(_DUMP_ATTEMPTS):
            try:
                answers, consistent = _ask(self, type, payload, flags)
            except OSError as error:
                if error.errno != EBUSY or attempt:
                    raise
                _finish_a_dump(self)
                continue
            if consistent:
                return answers
        raise InterruptedError(EINTR, f"dump changed under way {_DUMP_ATTEMPTS} times")


def _receive(sock: NetlinkSocket) -> tuple[list[NetlinkMessage], NetlinkAddress]:
    """Return the messages of one datagram, and who sent it."""
    try:
        size = sock.recv_into(bytearray(1), 0, MSG_PEEK | MSG_TRUNC)
        data, (pid, groups) = sock.recvfrom(max(size, _DATAGRAM_BYTES))
    except OSError as error:
        if error.errno == ENOBUFS:
            error.add_note("AF_NETLINK messages were lost: read faster, or raise SO_RCVBUF")
        raise
    return messages.unpack(data), NetlinkAddress.unchecked(pid, groups)


def _ask(
    sock: NetlinkSocket, type: int, payload: bytes, flags: int
) -> tuple[list[NetlinkMessage], bool]:
    """Return the answers to one request, and whether they agree with each other."""
    _ask_for_words(sock)
    sequence = sock.protocol_state(_State).next_sequence()
    sock.send_messages(NetlinkMessage(type, payload, flags, sequence))
    answers: list[NetlinkMessage] = []
    consistent = True
    while True:
        for message in _answers(sock, sequence, flags):
            consistent = consistent and not message.flags & NLM_F_DUMP_INTR
            if message.type in (NLMSG_ERROR, NLMSG_DONE):
                Acknowledgement.unpack(message).raise_for_error()
                return answers, consistent
            if message.type != NLMSG_NOOP:
                answers.append(message)


def _answers(sock: NetlinkSocket, sequence: int, flags: int) -> list[NetlinkMessage]:
    """Return the messages of the next datagram that answer a request; put others aside.

    Only messages from the kernel are answers. Answers to an earlier request that timed out are
    dropped. A group's message carries the sequence of the request that caused it.
    """
    received, sender = _receive(sock)
    direct = sender.pid == 0 and (sender.groups == 0 or flags & NLM_F_ECHO)
    answers = []
    for message in received:
        if direct and message.sequence == sequence:
            answers.append(message)
        elif not (direct and FIRST_SEQUENCE <= message.sequence < sequence):
            sock.protocol_state(_State).waiting.append(message)
    return answers


def _finish_a_dump(sock: NetlinkSocket) -> None:
    """Read what is left of a dump that was given up: before, the kernel begins no other."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    while poll.poll(0):
        _answers(sock, sock.protocol_state(_State).sequence, 0)


def _ask_for_words(sock: NetlinkSocket) -> None:
    """Let errors come with the kernel's words, and without the request's bytes."""
    state = sock.protocol_state(_State)
    if not state.explained:
        sock.set_option(NETLINK_EXT_ACK, True)
        sock.set_option(NETLINK_CAP_ACK, True)
        state.explained = True
