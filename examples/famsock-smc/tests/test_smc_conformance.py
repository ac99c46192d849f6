"""AF_SMC by the conformance suite, with addresses of AF_INET and AF_INET6."""

from __future__ import annotations

from famsock_inet.addresses import Inet6Address, InetAddress

from famsock.testing import BadAddress, Conformance, Example


class TestSmc(Conformance):
    family = "AF_SMC"
    examples = (
        Example(
            protocol="smc",
            typed=InetAddress("127.0.0.1", 80),
            stdlib=("127.0.0.1", 80),
            sockaddr=bytes.fromhex("0200 0050 7f000001 0000000000000000"),
            text="127.0.0.1:80",
        ),
        Example(
            protocol="smc6",
            typed=Inet6Address("::1", 80),
            stdlib=("::1", 80, 0, 0),
            sockaddr=bytes.fromhex("0a00 0050 00000000 00000000000000000000000000000001 00000000"),
            text="[::1]:80",
        ),
    )
    bad = (
        BadAddress(
            protocol="smc",
            form=("127.0.0.1", 65536),
            error=OverflowError,
            match="port must be 0-65535",
        ),
        BadAddress(protocol="smc6", form="::1", error=TypeError, match="must be tuple"),
    )
