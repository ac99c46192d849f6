"""AF_RDS by the conformance suite."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET6, inet_ntop
from typing import ClassVar

from famsock_rds.addresses import RdsInet6Address, RdsInetAddress
from hypothesis import strategies as st

from famsock.testing import BadAddress, Conformance, Example

_TEXT = (str, bytes, bytearray)


class TestRds(Conformance):
    family = "AF_RDS"
    batched = ("rds",)
    examples = (
        Example(
            protocol="rds",
            typed=RdsInetAddress("192.0.2.1", 4000),
            stdlib=("192.0.2.1", 4000),
            sockaddr=bytes.fromhex("0200 0fa0 c0000201 0000000000000000"),
            text="192.0.2.1:4000",
            also_stdlib=((b"192.0.2.1", 4000), (bytearray(b"192.0.2.1"), 4000)),
        ),
        Example(
            protocol="rds",
            typed=RdsInetAddress("", 0),
            unpacked=RdsInetAddress("0.0.0.0", 0),
            sockaddr=bytes.fromhex("0200 0000 00000000 0000000000000000"),
            text=":0",
            reason='"" is not what getsockname gives',
        ),
        Example(
            protocol="rds",
            typed=RdsInet6Address("2001:db8::1", 4000, 0, 3),
            stdlib=("2001:db8::1", 4000, 0, 3),
            sockaddr=bytes.fromhex("0a00 0fa0 00000000 20010db8000000000000000000000001 03000000"),
            text="[2001:db8::1]:4000:0:3",
        ),
        Example(
            protocol="rds",
            typed=RdsInet6Address("::1", 4000),
            stdlib=("::1", 4000, 0, 0),
            sockaddr=bytes.fromhex("0a00 0fa0 00000000 00000000000000000000000000000001 00000000"),
            text="[::1]:4000",
            also_stdlib=(("::1", 4000, 0),),
        ),
    )
    bad = (
        BadAddress(
            protocol="rds",
            form=("192.0.2.1", 65536),
            error=OverflowError,
            match="AF_RDS port must be 0-65535, not 65536",
        ),
        BadAddress(
            protocol="rds",
            form=("192.0.2.1", -1),
            error=OverflowError,
            match="AF_RDS port must be 0-65535, not -1",
        ),
        BadAddress(
            protocol="rds",
            form=("::1", 1, 2**32),
            error=(OverflowError, TypeError),  # the latter where the stdlib knows AF_RDS
            match="AF_RDS flowinfo must be 0-1048575, not 4294967296",
        ),
        BadAddress(
            protocol="rds",
            form=("::1", 1, 0, -1),
            error=(OverflowError, TypeError),
            match="AF_RDS scope_id must be 0-4294967295, not -1",
        ),
        BadAddress(protocol="rds", form=["h", 1], error=TypeError, match="tuple, not list"),
        BadAddress(protocol="rds", form=("h",), error=TypeError, match="pair .*not of 1 items"),
        BadAddress(protocol="rds", form=("h", 1, 2, 3, 4), error=TypeError, match="of 5 items"),
        BadAddress(protocol="rds", form=(1, 2), error=TypeError, match="host must be str.*int"),
        BadAddress(protocol="rds", form=("a\0", 2), error=TypeError, match="null character"),
        BadAddress(protocol="rds", form=("\u0378" * 70, 2), error=TypeError, match="encoding of"),
        BadAddress(protocol="rds", form=("192.0.2.1", "2"), error=TypeError, match="port .*str"),
        BadAddress(
            protocol="rds", form=("::1", 1), error=OSError, match="(?i)address family|not known"
        ),
    )
    strategies: ClassVar = {
        "RdsInetAddress.host": st.ip_addresses(v=4).map(str),
        "RdsInet6Address.host": st.binary(min_size=16, max_size=16).map(
            lambda raw: inet_ntop(AF_INET6, raw)
        ),
        "peer": st.builds(RdsInetAddress, st.ip_addresses(v=4).map(str), st.integers(0, 0xFFFF)),
    }
    accepts: ClassVar = {
        "RdsInetAddress.host": (*_TEXT, IPv4Address),
        "RdsInet6Address.host": (*_TEXT, IPv6Address),
    }
    unreadable_options: ClassVar = {
        "RDS_INFO_IB_CONNECTIONS": "needs a device of InfiniBand",
        "RDS6_INFO_IB_CONNECTIONS": "needs a device of InfiniBand",
    }
