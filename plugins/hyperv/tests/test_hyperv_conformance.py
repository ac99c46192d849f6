"""AF_HYPERV by bytes: it has not run on Windows."""

from __future__ import annotations

import socket as stdlib
import uuid
from typing import ClassVar

import pytest
from famsock_hyperv import FAMILY
from famsock_hyperv import constants as c
from famsock_hyperv.addresses import HypervAddress
from famsock_hyperv.options import HVSOCKET_CONNECT_TIMEOUT
from famsock_hyperv.sockets import HypervSocket
from hypothesis import strategies as st

from famsock.address import Lookup
from famsock.testing import BadAddress, Conformance, Example

SERVICE = "00000400-FACB-11E6-BD58-64006A7986D3"
GUIDS = st.uuids().map(lambda value: str(value).upper())


class TestHyperv(Conformance):
    family = "AF_HYPERV"
    strategies: ClassVar = {"vm_id": GUIDS, "service_id": GUIDS}
    examples = (
        Example(
            protocol="hyperv",
            typed=HypervAddress(c.HV_GUID_LOOPBACK, SERVICE),
            stdlib=(c.HV_GUID_LOOPBACK, SERVICE),
            # The first three parts of a GUID are little-endian.
            sockaddr=bytes.fromhex(
                "2200 0000 9761e1e0 56dd 104a 9195 5ee7a155a83800040000 cbfa e611 bd58 64006a7986d3"
            ),
            text=f"{c.HV_GUID_LOOPBACK}:{SERVICE}",
            also_stdlib=((c.HV_GUID_LOOPBACK.lower(), SERVICE.lower()),),
        ),
    )
    bad = (
        BadAddress(
            protocol="hyperv",
            form=("not a guid", SERVICE),
            error=ValueError,
            match="AF_HYPERV vm_id is not a valid UUID string: 'not a guid'",
        ),
        BadAddress(
            protocol="hyperv",
            form=(c.HV_GUID_ZERO, "short"),
            error=ValueError,
            match="AF_HYPERV service_id is not a valid UUID string: 'short'",
        ),
        BadAddress(
            protocol="hyperv",
            form=(7, SERVICE),
            error=TypeError,
            match="AF_HYPERV vm_id must be a UUID string, not int",
        ),
        BadAddress(
            protocol="hyperv",
            form=c.HV_GUID_ZERO,
            error=TypeError,
            match=r"AF_HYPERV address must be a tuple \(vm_id, service_id\), not str",
        ),
    )


def test_class_opens_no_socket_where_the_family_is_not(descriptors: None) -> None:
    if not FAMILY.here:
        with pytest.raises((OSError, TypeError)):
            HypervSocket()


def test_class_adopts_no_socket_of_another_family(descriptors: None) -> None:
    ours, other = stdlib.socketpair()
    with ours, other:
        with pytest.raises(TypeError, match=r"^HypervSocket is of .*, not AF_UNIX SOCK_STREAM"):
            HypervSocket.adopt(ours)
        ours.send(b"still open")
        assert other.recv(64) == b"still open"


def test_uuid_objects_are_taken() -> None:
    made = HypervAddress(uuid.UUID(c.HV_GUID_PARENT), uuid.UUID(SERVICE))  # type: ignore[arg-type]
    assert made.to_stdlib(Lookup("bind")) == (c.HV_GUID_PARENT, SERVICE)


def test_connect_timeout_is_in_milliseconds() -> None:
    limit = c.HVSOCKET_CONNECT_TIMEOUT_MAX
    assert HVSOCKET_CONNECT_TIMEOUT.encode(limit) == bytes.fromhex("e0930400")
    with pytest.raises(OverflowError, match="HVSOCKET_CONNECT_TIMEOUT must be 0-4294967295"):
        HVSOCKET_CONNECT_TIMEOUT.encode(-1)
