"""The module of asyncio's side as a whole."""

from __future__ import annotations

import subprocess
import sys


def test_it_is_imported_on_demand() -> None:
    program = (
        "import sys, famsock; assert 'asyncio' not in sys.modules; "
        "assert famsock.aio is sys.modules['famsock.aio']; assert 'asyncio' in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
