"""The record of a socket's error queue: its bytes, and what the kernel writes there."""

from __future__ import annotations

import errno
import select
import socket as stdlib
import sys

import pytest

import famsock
from famsock._errqueue import SockExtendedErr

IP_RECVERR = 11
SO_EE_ORIGIN_ICMP = 2
ICMP_DEST_UNREACH, ICMP_PORT_UNREACH = 3, 3
TIMEOUT_MS = 20_000


def test_bytes() -> None:
    record = SockExtendedErr(errno.EMSGSIZE, SO_EE_ORIGIN_ICMP, 3, 4, info=1500, data=7)
    numbers = [(errno.EMSGSIZE, 4), (2, 1), (3, 1), (4, 1), (0, 1), (1500, 4), (7, 4)]
    packed = b"".join(value.to_bytes(size, sys.byteorder) for value, size in numbers)
    assert record.pack() == packed
    assert SockExtendedErr.unpack(packed + b"the offender's address") == record


def test_fields_of_a_local_error_default_to_zero() -> None:
    record = SockExtendedErr(errno.EHOSTUNREACH, 1)
    assert (record.type, record.code, record.info, record.data) == (0, 0, 0, 0)


def test_a_short_record() -> None:
    with pytest.raises(ValueError, match="needs 16 bytes of struct sock_extended_err, not 15"):
        SockExtendedErr.unpack(bytes(15))


@pytest.mark.parametrize("field", ["origin", "type", "code"])
def test_fields_of_one_byte(field: str) -> None:
    with pytest.raises(OverflowError, match=f"SockExtendedErr {field} must be 0-255, not 256"):
        SockExtendedErr(**{"errno": 0, "origin": 0, field: 256})


@pytest.mark.usefixtures("descriptors")
def test_a_port_that_refuses() -> None:
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = taken.getsockname()
        with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
            sock.setsockopt(famsock.IPPROTO_IP, IP_RECVERR, 1)
            sock.connect(nobody)
            taken.connect(nobody)  # it hears only itself, and nobody else gets its port
            sock.send(b"x")
            poll = select.poll()
            poll.register(sock, 0)
            assert poll.poll(TIMEOUT_MS) == [(sock.fileno(), select.POLLERR)]
            data, items, _, _ = sock.recvmsg(10, 200, famsock.MSG_ERRQUEUE)
    assert data == b"x"
    (record,) = [
        SockExtendedErr.unpack(payload)
        for level, kind, payload in items
        if (level, kind) == (famsock.IPPROTO_IP, IP_RECVERR)
    ]
    assert (record.errno, record.origin) == (errno.ECONNREFUSED, SO_EE_ORIGIN_ICMP)
    assert (record.type, record.code) == (ICMP_DEST_UNREACH, ICMP_PORT_UNREACH)
