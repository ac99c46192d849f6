"""The stdlib's forms of addresses: famsock takes and refuses what this Python's own socket does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import _calls
from famsock.testing import _probe, requirements

HERE = Path(__file__).parent
EXAMPLES = 150
LAYERS = ["ctypes", *(["native"] if _calls.native else [])]
DEBIANS = "/usr/bin/python3"  # built with BlueZ's header: it knows AF_BLUETOOTH

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="loads its library as Linux does"),
    pytest.mark.skipif(_probe.compiler() is None, reason="needs a C compiler: install gcc"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that keeps what a call passes to the kernel."""
    made = tmp_path_factory.mktemp("library") / "captured_sockaddr.so"
    source = HERE / "captured_sockaddr.c"
    compiler = _probe.compiler()
    assert compiler is not None
    command = [*compiler.split(), "-shared", "-fPIC", "-O1", "-o", str(made), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return made


def compare(library: Path, python: str, layer: str, seed: int) -> dict[str, list[int]]:
    """The forms tried of each family, and those taken; no form may differ."""
    path = [str(HERE.parent), *(f for f in sys.path if not f.startswith(sys.base_prefix + "/lib"))]
    done = subprocess.run(
        [python, str(HERE / "stdlib_forms.py"), str(library), str(EXAMPLES), str(seed)],
        env={
            **os.environ,
            "LD_PRELOAD": str(library),
            "PYTHONPATH": os.pathsep.join(folder for folder in path if folder),
            "FAMSOCK_SYSCALLS": layer,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["differing"] == []
    counts: dict[str, list[int]] = told["counts"]
    assert told["replaced"] > len(counts) * 100
    assert all(taken for _, taken in counts.values()), counts
    assert sum(taken for _, taken in counts.values()) > len(counts) * EXAMPLES / 20
    return counts


@pytest.fixture
def seed() -> int:
    """The same forms in each run; others with a number in FAMSOCK_FORMS_SEED."""
    chosen = int(os.environ.get("FAMSOCK_FORMS_SEED", "13"))
    print("seed", chosen)
    return chosen


@pytest.mark.parametrize("layer", LAYERS)
def test_this_pythons_forms(library: Path, layer: str, seed: int) -> None:
    assert len(compare(library, sys.executable, layer, seed)) >= 3


@pytest.mark.sampled(3)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_forms_of_a_python_that_knows_bluetooth(library: Path, layer: str, seed: int) -> None:
    code = "import socket, sys; print(sys.version_info[:2], hasattr(socket, 'AF_BLUETOOTH'))"
    ours = f"{sys.version_info[:2]} True"
    if not shutil.which(DEBIANS) or ours != subprocess.getoutput(f'{DEBIANS} -c "{code}"'):
        pytest.skip(f"{DEBIANS} is no Python of this version that knows AF_BLUETOOTH")
    counts = compare(library, DEBIANS, layer, seed)
    assert sum(family.startswith("AF_BLUETOOTH") for family in counts) == 4


@pytest.mark.parametrize("layer", LAYERS)
def test_a_program_for_kernel_events_binds(layer: str) -> None:
    """As ten of ten public ones do: every group."""
    if reason := requirements.family("AF_NETLINK"):
        pytest.skip(reason)
    code = """
import os, famsock as socket
with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15) as sock:
    try:
        sock.bind((os.getpid(), -1))
    except PermissionError:  # the kernel's answer to other users than root
        print(-1)
    else:
        print(sock.getsockname()[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) in (0xFFFFFFFF, -1)


TEXTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "port": (lambda s: s.connect_ex(("127.0.0.1", 65536)), "connect_ex(): port must be 0-65535."),
    "shape": (lambda s: s.bind((1, 2, 3)), "AF_INET address must be a pair (host, port)"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_programs_compare(name: str) -> None:
    """Twisted's tests compare CPython's text; what famsock says more is a note."""
    call, text = TEXTS[name]
    with famsock.socket() as sock, pytest.raises((OverflowError, TypeError)) as caught:
        call(sock)
    assert str(caught.value) == text
    assert caught.value.__notes__[0].startswith("AF_INET ")
    assert caught.value.__cause__ is None
