"""CAN controllers, as opposed to virtual interfaces: the lab's machine has two on one bus."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from famsock_can import CanRawSocket
from famsock_can import constants as c
from famsock_can.frames import CanFrame

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("FAMSOCK_LAB"),
        reason="sets the bit rate of can0 and can1, which may be in use: only in the kernel lab",
    ),
    pytest.mark.needs_family("AF_CAN", protocol="raw"),
    pytest.mark.needs_interface("can0"),
    pytest.mark.needs_interface("can1"),
    pytest.mark.needs_command("ip", package="iproute2"),
]
_BITRATE_BPS = 250_000
_NAMES = ("can0", "can1")


@pytest.fixture(autouse=True)
def _own_interfaces() -> None:
    """Stay in the network namespace that has the controllers."""


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.fixture
def controllers() -> Iterator[None]:
    """Bring both controllers up on one bit rate, and down again."""
    with ExitStack() as stack:
        for name in _NAMES:
            _ip("link", "set", name, "type", "can", "bitrate", str(_BITRATE_BPS))
            stack.callback(_ip, "link", "set", name, "down")
            _ip("link", "set", name, "up")
        yield


def _raw_socket(name: str) -> CanRawSocket:
    sock = CanRawSocket()
    sock.settimeout(60)
    sock.bind((name,))
    return sock


@pytest.mark.parametrize(("sender", "receiver"), [_NAMES, _NAMES[::-1]])
def test_a_frame_goes_from_one_controller_to_the_other(
    controllers: None, sender: str, receiver: str
) -> None:
    for name in _NAMES:
        [link] = json.loads(_ip("-json", "-details", "link", "show", name))
        assert link["linkinfo"]["info_data"]["bittiming"]["bitrate"] == _BITRATE_BPS
    frames = [CanFrame(0x123, b"famsock"), CanFrame(0x1F334455 | c.CAN_EFF_FLAG, bytes(8))]
    with _raw_socket(sender) as one, _raw_socket(receiver) as other:
        for frame in frames:
            one.send_frame(frame)
        assert [other.recv_frame().frame for _ in frames] == frames


def test_a_controller_that_is_down_takes_no_frame() -> None:
    with _raw_socket("can0") as sock, pytest.raises(OSError, match="down") as caught:
        sock.send_frame(CanFrame(0x123, b"famsock"))
    assert caught.value.errno == errno.ENETDOWN
