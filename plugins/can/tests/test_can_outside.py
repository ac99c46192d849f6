"""Programs and libraries of others on the other end: can-utils, python-can, can-isotp, the docs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from famsock_can import CanRawSocket, IsotpSocket, J1939Socket
from famsock_can import constants as c
from famsock_can.addresses import J1939Address
from famsock_can.claim import AddressClaim
from famsock_can.frames import CanFrame, parse_frame

pytestmark = [
    pytest.mark.needs_family("AF_CAN", protocol="raw"),
    pytest.mark.needs_interface("vcan0"),
]
isotp = pytest.mark.needs_family("AF_CAN", protocol="isotp")
can_utils = pytest.mark.needs_command("cansend", package="can-utils")
HERE = Path(__file__).parent
PATIENCE_S = 60.0
TEXTS = ("123#DEADBEEF", "1F334455#1122334455667788", "5AA#", "123#R3", "213##311223344")

_S = TypeVar("_S", CanRawSocket, IsotpSocket, J1939Socket)


def opened(cls: type[_S]) -> _S:
    sock = cls()
    sock.settimeout(PATIENCE_S)
    return sock


def raw_socket() -> CanRawSocket:
    sock = opened(CanRawSocket)
    sock.enable_frames(fd=True)
    sock.bind(("vcan0",))
    return sock


@contextmanager
def program(*command: Any, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended with the context."""
    process = subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {PATIENCE_S:g} s"
        time.sleep(0.05)


def receivers() -> str:
    """Return the receivers that the kernel's CAN core lists, by interface and identifier."""
    lists = ("rcvlist_all", "rcvlist_sff", "rcvlist_fil")
    return "".join((Path("/proc/net/can") / name).read_text() for name in lists)


@can_utils
def test_frames_from_cansend() -> None:
    with raw_socket() as sock:
        for text in TEXTS:
            subprocess.run(["cansend", "vcan0", text], check=True, timeout=PATIENCE_S)
            frame = sock.recv_frame().frame
            assert str(frame) == text.replace("##3", "##7")


@can_utils
def test_frames_to_candump() -> None:
    before = receivers()
    with program("candump", "-L", "-n", len(TEXTS), "vcan0") as candump, opened_raw() as sock:
        eventually(lambda: receivers() != before, "receiver of candump's")
        for text in TEXTS:
            sock.send_frame(parse_frame(text))
        shown, _ = candump.communicate(timeout=PATIENCE_S)
    # candump 2020.11 leaves the length of a remote request out.
    # The kernel marks FD frames with CANFD_FDF, the 4 of the 7.
    expected = ["123#DEADBEEF", "1F334455#1122334455667788", "5AA#", "123#R", "213##711223344"]
    assert [line.split()[2].replace("R3", "R") for line in shown.splitlines()] == expected


@contextmanager
def opened_raw() -> Iterator[CanRawSocket]:
    """A raw socket that receives nothing."""
    with opened(CanRawSocket) as sock:
        sock.set_filters([])
        sock.enable_frames(fd=True)
        sock.bind(("vcan0",))
        yield sock


@can_utils
@isotp
def test_isotpsend_and_isotprecv() -> None:
    data = bytes(range(50))
    with opened(IsotpSocket) as sock:
        sock.bind(("vcan0", 0x401, 0x402))
        command = ["isotpsend", "-s", "401", "-d", "402", "vcan0"]
        subprocess.run(command, input=data.hex(" "), text=True, check=True, timeout=PATIENCE_S)
        assert sock.recv(100) == data
        with program("isotprecv", "-s", "401", "-d", "402", "vcan0") as isotprecv:
            listed = re.compile(r" 402 .* isotp$", re.MULTILINE)
            eventually(lambda: listed.search(receivers()) is not None, "receiver of isotprecv's")
            sock.send(data)
            shown, _ = isotprecv.communicate(timeout=PATIENCE_S)
    assert bytes.fromhex(shown) == data


@can_utils
def test_testj1939() -> None:
    with opened(J1939Socket) as sock:
        sock.bind(("vcan0", 0, c.J1939_NO_PGN, 0x91))
        command = ["testj1939", "-s100", "vcan0:0x81", "vcan0:0x91,0x12300"]
        subprocess.run(command, check=True, timeout=PATIENCE_S)
        message = sock.recv_pg()
        assert len(message.data) == 100
        assert message.source == J1939Address("vcan0", 0, 0x12300, 0x81)
        with program("testj1939", "-e", "vcan0:0x92"):
            sock.settimeout(1)

            def echoed() -> bool:
                sock.sendto(b"famsock", ("vcan0", 0, 0x12300, 0x92))
                try:
                    echo = sock.recv_pg()
                except TimeoutError:
                    return False
                return (echo.data, echo.source.addr) == (b"famsock", 0x92)

            eventually(echoed, "echo")


@can_utils
def test_address_contended_with_j1939acd(tmp_path: Path) -> None:
    command = ("j1939acd", "-r", "100-101", "-c", tmp_path / "cache", "00000000000fffff", "vcan0")
    with AddressClaim("vcan0", 0x1234, [100]) as ours, program(*command):
        eventually(lambda: ours.serve(0.1) is None and 0xFFFFF in ours.holders.values(), "claim")
        first = next(address for address, name in ours.holders.items() if name == 0xFFFFF)
        with AddressClaim("vcan0", 0x1235, [first]) as winner:
            assert winner.acquire() == first

            def moved() -> bool:
                winner.serve(0.1)
                return 0xFFFFF in [name for a, name in winner.holders.items() if a != first]

            eventually(moved, "move of j1939acd to its other address")
            assert winner.address == first


def run_on_famsock(source: str, folder: Path) -> str:
    """Run a program that knows only `socket` under ``python -m famsock run``; its output."""
    script = folder / "program.py"
    script.write_text(source)
    command = [sys.executable, "-m", "famsock", "run", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S * 4)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


PYTHON_CAN = """
import can
with can.Bus(interface="socketcan", channel="vcan0", fd=True) as one, \\
     can.Bus(interface="socketcan", channel="vcan0", fd=True, receive_own_messages=True) as two:
    print(type(one.socket).__module__)
    two.set_filters([{"can_id": 0x321, "can_mask": 0x7FF, "extended": False}])
    one.send(can.Message(arbitration_id=0x320, data=b"no", is_extended_id=False))
    one.send(can.Message(arbitration_id=0x321, data=b"classic", is_extended_id=False))
    print(two.recv(60).data.decode())
    one.send(can.Message(arbitration_id=0x321, data=bytes(32), is_fd=True, bitrate_switch=True,
                         is_extended_id=False))
    received = two.recv(60)
    print(received.is_fd, received.bitrate_switch, len(received.data), received.channel)
    two.send(can.Message(arbitration_id=0x321, data=b"own", is_extended_id=False))
    print(two.recv(60).is_rx, one.recv(60).is_rx)
    task = one.send_periodic(can.Message(arbitration_id=0x321, data=b"cyclic",
                                         is_extended_id=False), 0.02)
    print(two.recv(60).data.decode(), two.recv(60).data.decode(), type(task).__name__)
    task.modify_data(can.Message(arbitration_id=0x321, data=b"change", is_extended_id=False))
    while two.recv(60).data != b"change":
        pass
    task.stop()
"""


def test_python_can_runs_unmodified(tmp_path: Path) -> None:
    assert run_on_famsock(PYTHON_CAN, tmp_path).splitlines() == [
        "famsock._sockets",
        "classic",
        "True True 32 vcan0",
        "False False",
        "cyclic cyclic CyclicSendTask",
    ]


CAN_ISOTP = """
import isotp
one, two = isotp.socket(timeout=60), isotp.socket(timeout=60)
print(type(one._socket).__module__)
one.set_opts(txpad=0xAA, rxpad=0xAA, frame_txtime=1000)
one.set_fc_opts(stmin=0, bs=4)
two.set_ll_opts(mtu=16, tx_dl=8)
print(one.get_opts().txpad, one.get_fc_opts().bs, one.get_ll_opts().tx_dl)
one.bind("vcan0", isotp.Address(isotp.AddressingMode.Normal_29bits, rxid=0x18DA10F1,
                                txid=0x18DAF110))
two.bind("vcan0", isotp.Address(isotp.AddressingMode.Normal_29bits, rxid=0x18DAF110,
                                txid=0x18DA10F1))
one.send(bytes(range(200)))
print(two.recv() == bytes(range(200)))
two.send(b"short")
print(one.recv().decode())
one.close(), two.close()
"""


@isotp
def test_can_isotp_runs_unmodified(tmp_path: Path) -> None:
    assert run_on_famsock(CAN_ISOTP, tmp_path).splitlines() == [
        "famsock._sockets",
        "170 4 8",
        "True",
        "short",
    ]


def test_example_of_the_python_documentation() -> None:
    text = (HERE / "reference_examples" / "can_raw.py.txt").read_text()
    before = receivers()
    source = text.replace("import socket\n", "import famsock as socket\n")
    with (
        program(sys.executable, "-u", "-c", source) as example,
        opened(CanRawSocket) as sock,
    ):
        eventually(lambda: receivers() != before, "receiver of the example's")
        sock.bind(("vcan0",))
        sock.send_frame(CanFrame(0x7B, b"famsock"))
        assert [sock.recv_frame().frame for _ in range(2)] == [
            CanFrame(0x7B, b"famsock"),
            CanFrame(0x01, b"\x01\x02\x03"),
        ]
        assert example.stdout is not None
        shown = example.stdout.readline()
    assert shown == "Received: can_id=7b, can_dlc=7, data=b'famsock'\n"


@pytest.mark.parametrize(
    ("example", "lines"),
    [("can", 5), pytest.param("can_isotp", 2, marks=isotp), ("can_j1939", 2)],
)
def test_examples_of_the_documentation_run(example: str, lines: int) -> None:
    path = HERE.parents[2] / "examples" / f"{example}.py"
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=PATIENCE_S * 2
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == lines
