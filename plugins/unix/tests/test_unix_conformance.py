"""AF_UNIX by the conformance suite."""

from __future__ import annotations

import os
import pathlib
import struct
from typing import ClassVar

from famsock_unix.addresses import UnixAddress
from hypothesis import strategies as st

from famsock.testing import BadAddress, Conformance, Example

HEAD = struct.pack("=H", 1)


class TestUnix(Conformance):
    family = "AF_UNIX"
    batched = ("unix dgram",)
    examples = (
        Example(
            protocol="unix",
            typed=UnixAddress("/run/x.sock"),
            stdlib="/run/x.sock",
            also_stdlib=(b"/run/x.sock", bytearray(b"/run/x.sock"), memoryview(b"/run/x.sock")),
            sockaddr=HEAD + b"/run/x.sock\0",
            text="/run/x.sock",
        ),
        Example(
            protocol="unix",
            typed=UnixAddress.abstract("bus"),
            stdlib=b"\0bus",
            also_stdlib=("\0bus",),
            sockaddr=HEAD + b"\0bus",
            text="@bus",
        ),
        Example(
            protocol="unix",
            typed=UnixAddress(),
            stdlib="",
            also_stdlib=(b"",),
            sockaddr=HEAD,
            text="",
        ),
        Example(
            protocol="unix",
            typed=UnixAddress("@not abstract:1"),
            stdlib="@not abstract:1",
            sockaddr=HEAD + b"@not abstract:1\0",
            text="[\\\\@not\\x20abstract:1]",
        ),
        Example(
            protocol="unix",
            typed=UnixAddress(b"/run/\xff"),
            stdlib="/run/\udcff",
            also_stdlib=(b"/run/\xff", b"/run/\xff\0rest"),
            sockaddr=HEAD + b"/run/\xff\0",
            text="/run/\\xff",
        ),
        Example(
            protocol="unix",
            typed=UnixAddress("/" + "p" * 106),
            stdlib="/" + "p" * 106,
            sockaddr=HEAD + b"/" + b"p" * 106 + b"\0",
            text="/" + "p" * 106,
        ),
        Example(
            protocol="unix",
            typed=UnixAddress.abstract(bytes(range(107))),
            stdlib=b"\0" + bytes(range(107)),
            sockaddr=HEAD + b"\0" + bytes(range(107)),
            text=str(UnixAddress.abstract(bytes(range(107)))),
        ),
    )
    strategies: ClassVar = {
        "path": st.one_of(
            st.binary(max_size=107).map(lambda name: b"\0" + name),
            st.binary(max_size=107).map(lambda path: os.fsdecode(path.replace(b"\0", b"@"))),
        )
    }
    unreadable_options: ClassVar = {
        "SO_PEERGROUPS": "needs a peer: test_unix_messages.py reads it",
        "SO_PEERPIDFD": "needs a peer: test_unix_messages.py reads it",
    }
    bad = (
        BadAddress(
            protocol="unix",
            form=5,
            error=TypeError,
            match="^a bytes-like object is required, not 'int'$",
        ),
        BadAddress(
            protocol="unix",
            form=None,
            error=TypeError,
            match="^a bytes-like object is required, not 'NoneType'$",
            operations=("bind", "connect", "connect_ex", "sendto"),
        ),
        BadAddress(
            protocol="unix",
            form=pathlib.PurePosixPath("/run/x"),
            error=TypeError,
            match="^a bytes-like object is required, not 'PurePosixPath'$",
        ),
        BadAddress(protocol="unix", form=("/run/x",), error=TypeError, match="bytes-like object"),
        BadAddress(
            protocol="unix", form="\ud800", error=UnicodeEncodeError, match="surrogates not allowed"
        ),
        BadAddress(protocol="unix", form="n" * 108, error=OSError, match="^AF_UNIX path too long$"),
        BadAddress(
            protocol="unix",
            form="/run/" + "n" * 103,
            error=OSError,
            match="^AF_UNIX path too long$",
        ),
        BadAddress(
            protocol="unix",
            form=b"/run/a\0" + b"n" * 101,
            error=OSError,
            match="^AF_UNIX path too long$",
        ),
        BadAddress(
            protocol="unix", form=b"\0" + b"n" * 108, error=OSError, match="^AF_UNIX path too long$"
        ),
        BadAddress(
            protocol="unix",
            form="/no/such/directory/" + "d/" * 50 + "x",
            error=FileNotFoundError,
            match="No such file or directory",
            operations=("connect", "connect_ex", "sendto"),
        ),
        BadAddress(
            protocol="unix",
            form="/tmp/" + "d/" * 55 + "x",
            error=OSError,
            match="^AF_UNIX path too long\n.*a shorter path",
            operations=("bind",),
        ),
    )
