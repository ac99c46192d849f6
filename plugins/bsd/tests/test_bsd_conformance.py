"""AF_SYSTEM, AF_LINK and AF_DIVERT by bytes: they have not run on macOS or a BSD."""

from __future__ import annotations

import socket as stdlib
from typing import ClassVar

import famsock_bsd
import pytest
from famsock_bsd.addresses import ControlAddress, DivertAddress, LinkAddress
from famsock_bsd.sockets import DivertSocket, LinkSocket, SystemControlSocket
from hypothesis import strategies as st

from famsock.address import Lookup
from famsock.plugin import Family, socket
from famsock.testing import BadAddress, Conformance, Example

CLASSES: dict[type[socket], Family] = {
    SystemControlSocket: famsock_bsd.SYSTEM,
    LinkSocket: famsock_bsd.LINK,
    DivertSocket: famsock_bsd.DIVERT,
}
NAMES = st.text(st.characters(codec="ascii"), max_size=30)


class TestSystem(Conformance):
    family = "AF_SYSTEM"
    strategies: ClassVar = {"ControlAddress.sysaddr": st.just(2)}
    examples = (
        Example(
            protocol="system",
            typed=ControlAddress(5, 1),
            stdlib=(5, 1),
            sockaddr=bytes.fromhex("2020 0200 05000000 01000000") + bytes(20),
            text="5:1",
        ),
    )
    bad = (
        BadAddress(
            protocol="system",
            form=7,
            error=TypeError,
            match=r"PF_SYSTEM address must be a str or a pair \(id, unit\)",
        ),
        BadAddress(
            protocol="system",
            form=(1, 2, 3),
            error=TypeError,
            match=r"PF_SYSTEM address must be a str or a pair \(id, unit\)",
        ),
        BadAddress(
            protocol="system",
            form="x" * 97,
            error=ValueError,
            match="provided string is too long",
        ),
        BadAddress(
            protocol="system",
            form="com.apple.net.utun_control",
            error=OSError,
            match="cannot find kernel control with provided name",
        ),
    )


class TestLink(Conformance):
    family = "AF_LINK"
    strategies: ClassVar = {"name": NAMES, "address": st.binary(max_size=20)}
    examples = (
        Example(
            protocol="link",
            typed=LinkAddress(4, 6, "en0", bytes.fromhex("a45e60c2d3f4")),
            stdlib=(4, 6, "en0", bytes.fromhex("a45e60c2d3f4")),
            sockaddr=bytes.fromhex("1412 0400 06 03 06 00 656e30 a45e60c2d3f4 000000"),
            text="4:6:en0:a45e60c2d3f4",
            also_stdlib=(),
        ),
        Example(
            protocol="link",
            typed=LinkAddress(1, 24, "a-long-interface", b"\x01\x02"),
            stdlib=(1, 24, "a-long-interface", b"\x01\x02"),
            sockaddr=bytes.fromhex("1a12 0100 18 10 02 00") + b"a-long-interface\x01\x02",
            text="1:24:a-long-interface:0102",
        ),
    )
    bad = (
        BadAddress(
            protocol="link",
            form=(65536,),
            error=OverflowError,
            match="AF_LINK index must be 0-65535, not 65536",
        ),
        BadAddress(
            protocol="link",
            form=(1, 6, "x" * 248),
            error=ValueError,
            match="AF_LINK name and address: at most 247 bytes, not 248",
        ),
    )


class TestDivert(Conformance):
    family = "AF_DIVERT"
    strategies: ClassVar = {"host": st.ip_addresses(v=4).map(str)}
    examples = (
        Example(
            protocol="divert",
            typed=DivertAddress("10.0.0.1", 8668),
            stdlib=("10.0.0.1", 8668),
            sockaddr=bytes.fromhex("1002 21dc 0a000001") + bytes(8),
            text="10.0.0.1:8668",
        ),
    )
    bad = (
        BadAddress(
            protocol="divert",
            form=("10.0.0.1", 65536),
            error=OverflowError,
            match="AF_DIVERT port must be 0-65535, not 65536",
        ),
        BadAddress(
            protocol="divert",
            form=("not numeric", 1),
            error=ValueError,
            match="AF_DIVERT host must be a numeric IPv4 address",
        ),
    )


@pytest.mark.parametrize(("cls", "family"), CLASSES.items())
def test_class_opens_no_socket_of_another_systems_family(
    cls: type[socket], family: Family, descriptors: None
) -> None:
    """The number is no family here, or another one, which the class refuses."""
    if not family.here:
        with pytest.raises((OSError, TypeError)):
            cls()


@pytest.mark.parametrize("cls", CLASSES)
def test_class_adopts_no_socket_of_another_family(cls: type[socket], descriptors: None) -> None:
    ours, other = stdlib.socketpair()
    with ours, other:
        with pytest.raises(TypeError, match=rf"^{cls.__name__} is of .*, not AF_UNIX SOCK_STREAM"):
            cls.adopt(ours)
        ours.send(b"still open")
        assert other.recv(64) == b"still open"


def test_a_name_is_resolved_only_on_the_socket() -> None:
    lookup = Lookup("connect")
    with pytest.raises(OSError, match="cannot find kernel control"):
        ControlAddress.from_stdlib("com.apple.control", lookup)
    assert lookup.used


def test_lengths_past_the_end_are_refused() -> None:
    with pytest.raises(ValueError, match="end at byte 40 of 20"):
        LinkAddress.unpack(bytes.fromhex("1412 0400 06 10 10 00") + bytes(12))
