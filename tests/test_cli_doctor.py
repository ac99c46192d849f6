"""``famsock doctor``: what it finds out about each protocol on this machine."""

from __future__ import annotations

import json
import os

import pytest

from famsock import _calls
from tests.programs import run


@pytest.mark.parametrize("wanted", ["", "ctypes"])
def test_doctor_says_which_and_why(wanted: str) -> None:
    code = "from famsock._cli.doctor import doctor; doctor(['--json', 'AF_UNIX'])"
    said = json.loads(run(code, FAMSOCK_SYSCALLS=wanted))
    if wanted:
        assert (said["syscalls"], said["why_ctypes"]) == ("ctypes", "FAMSOCK_SYSCALLS=ctypes")
    else:
        assert said["why_ctypes"] == _calls.why_ctypes or os.environ.get("FAMSOCK_SYSCALLS")
