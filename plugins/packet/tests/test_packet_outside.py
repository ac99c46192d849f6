"""tcpdump compiles our filters and captures our frames; the stdlib's socket; the example."""

from __future__ import annotations

import socket as stdlib
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from famsock_packet import PacketSocket
from famsock_packet import constants as c
from famsock_packet.bpf import parse_program

EXAMPLE = Path(__file__).parents[3] / "examples" / "packet.py"
Opened = Callable[..., PacketSocket]
MAC0, MAC1 = bytes.fromhex("020000000010"), bytes.fromhex("020000000011")
TYPE = c.ETH_P_802_EX1
needs_namespace = pytest.mark.needs_capability("CAP_SYS_ADMIN")
needs_raw = pytest.mark.needs_capability("CAP_NET_RAW")
needs_tcpdump = pytest.mark.needs_command("tcpdump")


def frame(payload: bytes = b"", proto: int = TYPE) -> bytes:
    return MAC1 + MAC0 + proto.to_bytes(2, "big") + payload.ljust(46, b"\0")


def compiled(expression: str) -> str:
    command = ["tcpdump", "-i", "v1", "-ddd", expression]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


@needs_namespace
@needs_raw
@needs_tcpdump
def test_a_filter_that_tcpdump_compiled(wire: PacketSocket, opened: Opened) -> None:
    program = parse_program(compiled("ether proto 0x88b5 and ether[14] = 7"))
    sock = opened()
    sock.capture("v1", c.ETH_P_ALL, program)
    assert sock.filter() == program
    for sent in (frame(b"\6"), frame(b"\7", 0x88B6), frame(b"\7")):
        wire.send(sent)
    assert sock.recv_frame().data == frame(b"\7")
    assert sock.statistics().packets == 1


@needs_namespace
@needs_raw
@needs_tcpdump
def test_tcpdump_captures_what_we_send(wire: PacketSocket, alarm: float) -> None:
    command = [
        "tcpdump",
        "-i",
        "v1",
        "-U",
        "-w",
        "-",
        "-c",
        "3",
        "--immediate-mode",
        "-Q",
        "in",
        "ether",
        "proto",
        "0x88b5",
    ]
    sent = [frame(bytes([number]) * 60) for number in range(3)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tcpdump:
        assert tcpdump.stderr is not None
        try:
            while b"listening on v1" not in (line := tcpdump.stderr.readline()):
                assert line, "tcpdump does not listen"
            for one in sent:
                wire.send(one)
            captured, _ = tcpdump.communicate(timeout=alarm)
        finally:
            tcpdump.kill()
    assert [data for _, data in packets_of(captured)] == sent


def packets_of(capture: bytes) -> list[tuple[int, bytes]]:
    """The packets of a file in pcap's format: seconds and data."""
    found = []
    at = 24
    while at < len(capture):
        seconds, _, kept, _ = struct.unpack_from("=IIII", capture, at)
        found.append((seconds, capture[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return found


@needs_namespace
@needs_raw
def test_the_stdlibs_socket_at_the_other_end(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    with stdlib.socket(stdlib.AF_PACKET, stdlib.SOCK_RAW, 0) as theirs:
        theirs.settimeout(20)
        for one in (sock, theirs):
            one.bind(("v1", TYPE))
        wire.send(frame(b"to both"))
        assert sock.recvfrom(2048) == theirs.recvfrom(2048)
        assert sock.getsockname() == theirs.getsockname()


@needs_raw
def test_the_example_runs(alarm: float) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=alarm
    )
    assert done.returncode == 0, done.stderr
    assert "Statistics(packets=" in done.stdout
