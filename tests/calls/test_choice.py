"""Which implementation of the raw layer is used, and that a program may say so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_SAY = "import famsock, sys; from famsock import _calls; print(_calls.implementation())"


def _run(code: str, wanted: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FAMSOCK_SYSCALLS": wanted}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_ctypes_by_wish() -> None:
    assert _run(_SAY, "ctypes").stdout == "ctypes\n"


def test_compiled_where_it_was_built() -> None:
    built = "import famsock._calls.native"
    if _run(built, "ctypes").returncode:
        assert "No module named" in _run(_SAY, "native").stderr
        assert _run(_SAY, "").stdout == "ctypes\n"
    else:
        assert _run(_SAY, "native").stdout == "compiled\n"
        assert _run(_SAY, "").stdout == "compiled\n"


def test_a_wish_that_nobody_knows() -> None:
    said = _run(_SAY, "rust").stderr
    assert "ImportError: FAMSOCK_SYSCALLS must be 'ctypes' or 'native', not 'rust'" in said


@pytest.mark.parametrize("wanted", ["", "ctypes"])
def test_import_loads_no_ctypes(wanted: str) -> None:
    code = "import sys, famsock; print('ctypes' in sys.modules, '_ctypes' in sys.modules)"
    assert _run(code, wanted).stdout == "False False\n"
