"""Two simulated radios in one PAN, for the tests that talk."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PAN_ID = 0xBEEF
INTERFACES = ("wpan0", "wpan1")


@pytest.fixture(scope="session", autouse=True)
def radios() -> None:
    """wpan0 and wpan1 up in one PAN, by the short addresses 1 and 2, where there are any."""
    if shutil.which("iwpan") is None or not Path("/sys/class/net/wpan1").exists():
        return  # the markers of the tests that need them say so
    for short_addr, name in enumerate(INTERFACES, 1):
        for command in (
            f"ip link set {name} down",
            f"iwpan dev {name} set pan_id {PAN_ID:#06x}",
            f"iwpan dev {name} set short_addr {short_addr:#06x}",
            f"ip link set {name} up",
        ):
            subprocess.run(command.split(), check=True, timeout=60)
