"""Ten questions of a newcomer, the places of the site that answer them, and words to search by."""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """A question, the section that answers it, a text of the answer, and what people type.

    :ivar place: the page and the anchor of the section, below the site's first page.
    :ivar answer: a text that the section has.
    """

    place: str
    answer: str
    words: tuple[str, ...]


QUESTIONS = {
    "how do I filter 29-bit CAN ids": Question(
        "cookbook/can-filters/#filter-29-bit-can-identifiers",
        "CanFilter",
        (
            "how do I filter 29-bit CAN ids",
            "29 bit can filter",
            "extended CAN id filter",
            "can filter mask",
        ),
    ),
    "which process sent this unix message": Question(
        "cookbook/unix-sender/#the-sender-of-a-datagram",
        "pid",
        (
            "which process sent this unix message",
            "unix socket sender pid",
            "pid of sender",
            "who sent this datagram unix",
        ),
    ),
    "list routes of another namespace": Question(
        "cookbook/routes-of-a-namespace/#list-the-routes-of-another-network-namespace",
        "routes",
        (
            "list routes of another namespace",
            "routes network namespace",
            "netns routes",
            "ip netns exec ip route",
        ),
    ),
    "my Python has no AF_BLUETOOTH": Question(
        "cookbook/bluetooth-missing/#use-bluetooth-on-a-python-without-af_bluetooth",
        "AF_BLUETOOTH",
        (
            "my Python has no AF_BLUETOOTH",
            "module 'socket' has no attribute 'AF_BLUETOOTH'",
            "no AF_BLUETOOTH",
            "bluetooth missing python",
        ),
    ),
    "why ENOBUFS on vcan": Question(
        "cookbook/can-enobufs/#send-can-frames-without-enobufs",
        "ENOBUFS",
        (
            "why ENOBUFS on vcan",
            "vcan ENOBUFS",
            "can no buffer space available",
            "OSError 105 can",
        ),
    ),
    "how many datagrams did I lose": Question(
        "cookbook/lost-datagrams/#count-the-lost-datagrams-of-a-udp-socket",
        "lost",
        (
            "how many datagrams did I lose",
            "lost datagrams",
            "udp packet loss count",
            "dropped packets udp socket",
        ),
    ),
    "receive with nanosecond time stamps": Question(
        "cookbook/timestamps/#when-it-came-so_timestampns",
        "ns",
        (
            "receive with nanosecond time stamps",
            "nanosecond timestamps",
            "receive timestamp",
            "SO_TIMESTAMPNS recvmsg",
        ),
    ),
    "serve HTTP to a VM": Question(
        "cookbook/http-over-vsock/#the-server",
        "vsock",
        (
            "serve HTTP to a VM",
            "http over vsock",
            "http server virtual machine",
            "web server vsock",
        ),
    ),
    "write a family": Question(
        "writing-a-family/#write-a-family",
        "famsock new-family",
        (
            "write a family",
            "how to write a plugin",
            "add a new address family",
            "own family plugin",
        ),
    ),
    "install without a compiler": Question(
        "installing/#in-a-container-without-a-compiler",
        "A wheel needs no compiler",
        (
            "install without a compiler",
            "no C compiler",
            "pip install without gcc",
            "compiler missing install",
        ),
    ),
}
