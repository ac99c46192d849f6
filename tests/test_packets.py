"""Packets of a connection, one by one: their ends, their limit, one buffer for all."""

from __future__ import annotations

import errno
import socket as stdlib

import pytest

import famsock
from famsock._packets import PACKET_BYTES, PacketReceiver, batch_limits, check_limit

pytestmark = pytest.mark.usefixtures("descriptors", "alarm")


def test_packets_until_the_end() -> None:
    one, other = famsock.socketpair(famsock.AF_UNIX, stdlib.SOCK_SEQPACKET)
    with one, other:
        received = PacketReceiver(other)
        one.send(b"first")
        one.send(bytes(1000))
        assert received.receive(100) == b"first"
        with pytest.raises(OSError, match="more than 100 bytes") as caught:
            received.receive(100)
        assert caught.value.errno == errno.EMSGSIZE
        one.send(bytes(1000))
        assert received.receive(1000) == bytes(1000)
        one.close()
        assert received.receive(1000) is None
        assert received.receive(1000) is None


def test_a_packet_is_not_changed_by_the_next() -> None:
    one, other = famsock.socketpair(famsock.AF_UNIX, stdlib.SOCK_SEQPACKET)
    with one, other:
        received = PacketReceiver(other)
        one.send(b"first")
        first = received.receive(100)
        one.send(b"other")
        assert (first, received.receive(100)) == (b"first", b"other")


def test_nothing_to_receive_is_told() -> None:
    one, other = famsock.socketpair(famsock.AF_UNIX, stdlib.SOCK_SEQPACKET)
    with one, other:
        other.setblocking(False)
        received = PacketReceiver(other)
        with pytest.raises(BlockingIOError):
            received.receive(100)
        one.send(b"later")
        assert received.receive(100) == b"later"


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_lets_nothing_through(limit: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {limit}"):
        check_limit(limit)


def test_limits_of_a_batch() -> None:
    with famsock.socket(famsock.AF_INET, stdlib.SOCK_DGRAM) as sock:
        assert batch_limits(sock) == (16, 65535)  # as the protocol states; 1 MiB together
    with famsock.socket(famsock.AF_UNIX, stdlib.SOCK_DGRAM) as sock:
        assert batch_limits(sock) == (4, PACKET_BYTES)
