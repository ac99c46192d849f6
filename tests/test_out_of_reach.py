"""Files, descriptors and imports out of reach: an error stays the one that the stdlib gives."""

from __future__ import annotations

import builtins
import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import _calls
from famsock.testing import requirements
from tests.programs import run, told_by

SCRIPT = Path(__file__).with_name("out_of_reach.py")
LAYERS = ["ctypes", *(["native"] if _calls.native else [])]
CHROOT = pytest.mark.needs_capability("CAP_SYS_CHROOT")

layers = pytest.mark.parametrize("layer", LAYERS)
# The quick suite has all but one on the compiled layer, and on ctypes that without descriptors.
SLOW = [
    ("nothing", "ctypes"),
    ("imports", "ctypes"),
    ("statements", "ctypes"),
    ("statements", "native"),
    ("files", "ctypes"),
]


def cases() -> list[Any]:
    """Each means on each layer; some are for the slow suite."""
    found = []
    for means in ("nothing", "descriptors", "imports", "statements", "files"):
        for layer in LAYERS:
            marks = [CHROOT] if means == "files" else []
            marks += [pytest.mark.slow] if (means, layer) in SLOW else []
            found.append(pytest.param(means, layer, marks=marks))
    return found


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("means", "layer"), cases())
def test_errors_are_the_stdlibs(means: str, layer: str) -> None:
    """Every failing call, on every family that is here, with something taken away."""
    told = told_by("tests.out_of_reach", means, FAMSOCK_SYSCALLS=layer)
    assert told["differing"] == []
    assert told["compared"] > 1900
    assert {*told["waiting"]} >= {errno.ECONNREFUSED, errno.EMSGSIZE}


# Each program ends with a socket of the given layer, in a folder in which there is nothing.
GONE = """
import errno, os, socket as stdlib, tempfile
import famsock
{before}
os.chroot(tempfile.mkdtemp())
os.chdir("/")
def raised(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__, getattr(error, "errno", None)
    return None
{after}
"""


@CHROOT
@layers
def test_a_loaded_family_after_chroot(layer: str) -> None:
    code = GONE.format(
        before="""
closed = famsock.socket()
closed.bind(("127.0.0.1", 0))
taken = famsock.create_server(("127.0.0.1", 0))
""",
        after="""
refused = [raised(lambda: famsock.socket().connect(closed.getsockname()))]
refused.append(raised(lambda: famsock.socket().bind(taken.getsockname())))
refused.append(raised(lambda: famsock.socket(250)))
refused.append(raised(lambda: famsock.socket().bind((1, 2, 3))))
print(refused)
names = ("PF_SYSTEM", "AF_NOTHING", "SO_PASSRIGHTS", "x")
print([hasattr(famsock, name) == hasattr(stdlib, name) for name in names])
try:
    closed.connect(taken.getsockname())
    closed.connect(taken.getsockname())
except OSError as error:
    print(error.errno == errno.EISCONN)
try:
    famsock.socket().bind(("192.0.2.1", 0))
except OSError as error:
    print([note.partition(":")[0] for note in error.__notes__])
with famsock.socket(famsock.AF_UNIX) as sock:
    sock.bind("works")
    print(sock.getsockname())
""",
    )
    assert run(code, FAMSOCK_SYSCALLS=layer).splitlines() == [
        "[('ConnectionRefusedError', 111), ('OSError', 98), ('OSError', 97), ('TypeError', None)]",
        "[True, True, True, True]",
        "True",
        "['AF_INET tcp']",
        "works",
    ]


@CHROOT
@layers
@pytest.mark.parametrize("before", ["", "famsock.install()"])
def test_the_first_socket_after_chroot(before: str, layer: str) -> None:
    code = GONE.format(
        before=before,
        after="""
sock = stdlib.socket() if stdlib.socket is famsock.socket else famsock.socket()
sock.bind(("127.0.0.1", 0))
print(isinstance(sock, famsock.socket), sock.getsockname()[0], hasattr(stdlib, "PF_SYSTEM"))
print(raised(lambda: sock.connect(("127.0.0.1", 1))), raised(lambda: famsock.socket(250)))
""",
    )
    assert run(code, FAMSOCK_SYSCALLS=layer).splitlines() == [
        "True 127.0.0.1 False",
        "('ConnectionRefusedError', 111) ('OSError', 97)",
    ]


@CHROOT
@layers
def test_famsock_run_loads_what_the_core_needs(layer: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, socket, sys, tempfile\n"
        "os.chroot(tempfile.mkdtemp())\n"
        "with socket.socket() as sock:\n"
        "    sock.bind(('127.0.0.1', 0))\n"
        "    print(type(sock).__module__, sock.getsockname()[0], hasattr(socket, 'PF_SYSTEM'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "famsock", "run", str(program)],
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "famsock._sockets 127.0.0.1 False\n"), done.stderr


HIDDEN = """
import os, socket as stdlib
import famsock
real = os.listdir, os.stat, os.path.exists, os.path.isfile, open

def hide(*names):
    def missing(path, *more, **keywords):
        raise {error}
    os.listdir = os.stat = missing
    os.path.exists = os.path.isfile = lambda path: False
    import builtins
    builtins.open = missing

def show():
    import builtins
    os.listdir, os.stat, os.path.exists, os.path.isfile, builtins.open = real
"""


@pytest.mark.parametrize("error", ["FileNotFoundError(2, 'x')", "PermissionError(13, 'x')"])
def test_no_plugins_is_not_remembered_of_a_file_system_that_is_not_there(error: str) -> None:
    """As pyfakefs does to the functions that read files; a folder named "" or "." stays there."""
    code = (
        HIDDEN.format(error=error)
        + """
hide()
os.listdir = lambda path: [] if path in (".", "") else missing(path)
import sys; sys.path.insert(0, "")
with famsock.socket() as sock:
    print(sock._served)
    sock.bind(("127.0.0.1", 0))
show()
with famsock.socket() as sock:
    print(sock._served)
"""
    )
    code = code.replace("missing(path)", "open(path)")
    assert run(code).splitlines() == ["None", "AF_INET tcp"]


FAKED = """
import errno, os, sys
import famsock
{before}
from pyfakefs.fake_filesystem_unittest import Patcher

reading, writing = os.pipe()
os.set_blocking(reading, False)
os.write(writing, b"ours")
real = {real}
with Patcher() as patcher:
    for folder in real:
        patcher.fs.add_real_directory(folder)
    with famsock.socket() as sock:
        print(sock._served)
        sock.bind(("127.0.0.1", 0))
        print(sock.connect_ex(("127.0.0.1", 0)) == errno.ECONNREFUSED)
with famsock.socket() as sock:
    print(sock._served)
print(os.read(reading, 9))
"""
# Of folders in each other the inner one is there with the outer one.
ON_THE_PATH = """[
    one for one in sys.path if os.path.isdir(one)
    and not any(one.startswith(os.path.join(other, "")) for other in sys.path if other)
]"""


@layers
@pytest.mark.parametrize("before", ["", "famsock.install()"], ids=["imported", "installed"])
@pytest.mark.parametrize(
    ("real", "served"), [("()", "None"), (ON_THE_PATH, "AF_INET tcp")], ids=["empty", "real"]
)
def test_a_first_socket_while_pyfakefs_fakes_the_files(
    real: str, served: str, before: str, layer: str
) -> None:
    """Without files, no answer is remembered; with real folders in it, the plugins are found.

    There a number that the false `os` gives is that of another file outside: the pipe's.
    """
    pytest.importorskip("pyfakefs", reason="pip install pyfakefs")
    code = FAKED.format(before=before, real=real)
    told = run(code, "-P", FAMSOCK_SYSCALLS=layer, PYTHONPATH=str(SCRIPT.parents[1])).splitlines()
    assert told == [served, "True", "AF_INET tcp", "b'ours'"]


def test_what_a_user_may_not_read_is_not_no_plugins(tmp_path: Path) -> None:
    """After setuid(2): the path is readable in part, and has no plugin there."""
    code = """
import os, sys
import famsock
real = os.listdir

def denied(folder):
    if folder in hidden:
        raise PermissionError(13, "denied", folder)
    return real(folder)

hidden = [f for f in sys.path if f and os.path.isdir(f)
          and any(n.endswith(".dist-info") for n in os.listdir(f))]
os.listdir = denied
print(len(hidden) > 0, famsock.socket()._served)
os.listdir = real
print(famsock.socket()._served)
"""
    assert run(code).splitlines() == ["True None", "AF_INET tcp"]


@pytest.mark.needs_capability("CAP_SETUID")
@layers
def test_setuid_to_a_user_who_may_not_read_the_installation(layer: str) -> None:
    code = """
import os
import famsock
famsock.install()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
def refused(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__, getattr(error, "errno", None)
print(refused(lambda: famsock.socket().connect(("127.0.0.1", 1))))
print(refused(lambda: famsock.socket().bind(("127.0.0.1", 80, 1))))
print(refused(lambda: famsock.socket(250)), hasattr(famsock, "PF_SYSTEM"))
"""
    assert run(code, FAMSOCK_SYSCALLS=layer).splitlines() == [
        "('ConnectionRefusedError', 111)",
        "('TypeError', None)",
        "('OSError', 97) False",
    ]


@pytest.mark.parametrize("raised", ["ValueError", "OSError", "MemoryError", "ImportError"])
def test_a_missing_constant_is_an_attribute_error(
    raised: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise getattr(builtins, raised)

    monkeypatch.setattr(type(famsock.plugins), "_find_constant", fail)
    with pytest.raises(AttributeError, match="AF_NOTHING_AT_ALL"):
        _ = famsock.AF_NOTHING_AT_ALL


NAMED = {"AF_INET": ("127.0.0.1", 0), "AF_INET6": ("::1", 0), "AF_UNIX": "", "AF_NETLINK": (0, 0)}


@layers
@pytest.mark.parametrize("name", NAMED)
def test_calls_after_the_first_socket_open_no_file(name: str, layer: str) -> None:
    code = f"""
import sys
import famsock
sock = famsock.socket(famsock.{name}, famsock.SOCK_DGRAM)
opened = []
sys.addaudithook(lambda event, given: opened.append(given[0]) if event in ("open", "import") else 0)
sock.bind({NAMED[name]!r})
sock.sendto(b"x", sock.getsockname())
sock.recvfrom(1)
other = sock.dup()
for call in (sock.listen, lambda: sock.bind({NAMED[name]!r})):
    try:
        call()
    except (OSError, TypeError):
        continue
print(opened[:1])
"""
    if reason := requirements.family(name):
        pytest.skip(reason)
    assert run(code, FAMSOCK_SYSCALLS=layer) == "[]"
