"""The first sockets of a process: from many threads, across a fork, interrupted at any line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import pytest

from famsock import _calls

SCRIPT = Path(__file__).with_name("first_use.py")
PARTS = 4
FEW = 200  # lines, in the quick suite
LAYERS = ["ctypes", *(["native"] if _calls.native else [])]


def run(code: str, *arguments: str, **environment: str) -> str:
    """Return what a program prints in its own interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def disturb(count: int, part: int, layer: str, modules: str = "", parts: int = PARTS) -> int:
    """Disturb the first use at some of its lines, and return the number of all."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(count), str(part), str(parts), modules],
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["tried"] >= (count or told["lines"]) // parts
    lines: int = told["lines"]
    return lines


@pytest.mark.parametrize("part", range(PARTS))
def test_what_happens_at_a_line_of_the_first_use_spoils_no_other(part: int) -> None:
    assert disturb(FEW, part, "") > 1000


if not os.environ.get("FAMSOCK_LAB"):  # thousands of forks, in which no kernel differs

    @pytest.mark.slow
    @pytest.mark.parametrize("part", range(PARTS))
    def test_what_happens_at_any_line_of_the_first_use_spoils_no_other(part: int) -> None:
        assert disturb(0, part, "") > 1000

    @pytest.mark.slow
    @pytest.mark.skipif(not _calls.native, reason="the test above is of this layer")
    def test_what_happens_at_any_line_of_the_calls_through_ctypes_spoils_no_other() -> None:
        """All other lines are those of the compiled layer too."""
        assert disturb(0, 0, "ctypes", "famsock._calls.", parts=1) > 100


@pytest.mark.parametrize("layer", LAYERS)
def test_many_threads_open_the_first_sockets(layer: str) -> None:
    code = """
    import famsock as socket, threading
    kinds = [(2, 2), (2, 1), (10, 2), (1, 2), (16, 3), (1, 1)]
    barrier, wrong = threading.Barrier(64), []

    def go(number):
        barrier.wait()
        try:
            with socket.socket(*kinds[number % len(kinds)]) as sock:
                if sock._served is None or sock.local_address is None and sock.family != 1:
                    wrong.append(repr(sock))
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(64)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong, wrong
    """
    for _ in range(5):
        run(code, FAMSOCK_SYSCALLS=layer)


FORK = """
import os, signal, sys, threading, time
import famsock as socket

def use():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return type(sock.local_address).__name__ == "InetAddress"

threading.Thread(target=use).start()
time.sleep(float(sys.argv[1]))
if not os.fork():
    signal.alarm(60)
    os._exit(0 if use() else 3)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]) != 0)
"""


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("delay_s", [0, 0.002, 0.005, 0.01, 0.015, 0.03, 0.06])
def test_fork_while_another_thread_opens_its_first_socket(delay_s: float, layer: str) -> None:
    run(FORK, str(delay_s), FAMSOCK_SYSCALLS=layer)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for the path, with a distribution whose plugin serves AF_ONE (200)."""
    info = tmp_path / "one-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[famsock]\nAF_ONE = one:FAMILY\n")
    return tmp_path


ONE = """
from famsock.plugin import Family, Protocol
FAMILY = Family("AF_ONE", 200, (Protocol("one", None, (1, 2), None),))
"""


def write(site: Path, before: str) -> None:
    (site / "one.py").write_text(textwrap.dedent(before) + ONE)


def test_a_slow_plugin_makes_no_other_family_wait(site: Path) -> None:
    write(site, "import builtins; builtins.begun.set(); assert builtins.go_on.wait(60)")
    code = """
    import builtins, threading
    import famsock
    builtins.begun, builtins.go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=famsock.plugins.family, args=("AF_ONE",))
    thread.start()
    assert builtins.begun.wait(60)
    for kind in (famsock.AF_INET, famsock.AF_UNIX):
        with famsock.socket(kind, famsock.SOCK_DGRAM) as sock:
            assert sock._served is not None
    famsock.plugins.block("AF_CAN")
    assert "AF_ONE" in famsock.plugins.names()
    builtins.go_on.set()
    thread.join()
    assert famsock.plugins.family("AF_ONE")
    """
    run(code, PYTHONPATH=str(site))


def test_a_plugin_that_opens_a_socket_while_it_is_imported(site: Path) -> None:
    write(
        site,
        """
        import builtins, famsock
        builtins.begun.set()
        assert builtins.go_on.wait(60)
        famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM).close()
        """,
    )
    code = """
    import builtins, importlib, threading, time
    import famsock
    builtins.begun, builtins.go_on = threading.Event(), threading.Event()
    importer = threading.Thread(target=importlib.import_module, args=("one",))
    importer.start()
    assert builtins.begun.wait(60)
    opener = threading.Thread(target=famsock.plugins.family, args=("AF_ONE",))
    opener.start()
    time.sleep(0.05)
    builtins.go_on.set()
    importer.join(60)
    opener.join(60)
    assert not importer.is_alive() and not opener.is_alive()
    assert famsock.plugins.family("AF_ONE")
    """
    run(code, PYTHONPATH=str(site))


@pytest.mark.parametrize("raised", ["TimeoutError()", "KeyboardInterrupt()", "ValueError('x')"])
def test_an_interrupted_import_is_done_again(site: Path, raised: str) -> None:
    write(site, f"import builtins\nif builtins.__dict__.setdefault('n', []).append(1) or "
                f"len(builtins.n) == 1:\n    raise {raised}\n")  # fmt: skip
    code = """
    import famsock
    try:
        famsock.plugins.find(200, 1, 0)
    except (famsock.PluginError, KeyboardInterrupt):
        pass
    assert str(famsock.plugins.find(200, 1, 0)) == "AF_ONE one"
    """
    run(code, PYTHONPATH=str(site))


def test_distributions_that_cannot_be_read_hide_no_other(site: Path) -> None:
    import zipfile

    bad = site / "bad-1.0.dist-info"
    bad.mkdir()
    (bad / "entry_points.txt").write_bytes(b"[famsock]\nAF_BAD = \xff\xfe\n")
    with zipfile.ZipFile(site / "lacking.zip", "w") as archive:
        archive.writestr("lacking-1.0.dist-info/RECORD", "")
    (site / "broken.zip").write_bytes(b"PK no archive")
    write(site, "")
    code = """
    import famsock
    assert famsock.socket()._served is not None
    assert famsock.plugins.find(200, 1, 0) is not None
    """
    path = os.pathsep.join(map(str, (site, site / "lacking.zip", site / "broken.zip")))
    run(code, PYTHONPATH=path)


def test_a_path_that_cannot_be_read_is_not_remembered() -> None:
    code = """
    import os, resource
    import famsock
    import famsock.family, famsock._registry.discovery
    real = os.listdir

    def hidden(folder):
        raise FileNotFoundError(2, "hidden", folder)

    os.listdir = hidden
    with famsock.socket() as sock:
        assert sock._served is None
        sock.bind(("127.0.0.1", 0))
    os.listdir = real
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = os.dup(0)
    os.close(last)
    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1, hard))
    with famsock.socket() as sock:
        assert sock._served is None
        sock.bind(("127.0.0.1", 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert famsock.socket()._served is not None
    """
    run(code)


def end(*arguments: str, layer: str) -> tuple[str, str]:
    """Return what a program prints that uses sockets while its interpreter ends, and its errors."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT.with_name("exit_use.py")), *arguments],
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def at_exit(module: str, moment: str, loaded: str, layer: str) -> tuple[list[str], list[str]]:
    """Return the results of a module's uses, and the warnings of open sockets, without numbers."""
    output, errors = end(module, moment, loaded, layer=layer)
    warned = [
        re.sub(r"<[a-z_.]+socket fd=\d+(.*), \d+\)>", r"\1", line.partition("unclosed ")[2])
        for line in errors.splitlines()
        if "ResourceWarning: unclosed" in line
    ]
    return output.splitlines(), warned


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("loaded", ["nothing", "opened"])
@pytest.mark.parametrize("moment", ["now", "atexit", "daemon", "del"])
def test_sockets_at_the_interpreters_end_do_what_the_stdlibs_do(
    moment: str, loaded: str, layer: str
) -> None:
    stdlib, warned = at_exit("socket", moment, loaded, layer)
    assert len(stdlib) > 30
    assert warned == [", family=2, type=2, proto=0, laddr=('127.0.0.1'"]
    assert at_exit("famsock", moment, loaded, layer) == (stdlib, warned)


def beside_a_thread(moment: str, places: Iterable[int], layer: str) -> None:
    """The end's own sockets work, whatever a daemon thread was doing, and nobody says a word."""
    stdlib, _ = end("socket", "del", "nothing", layer=layer)
    for place in places:
        found = end("famsock", moment, "nothing", str(place), layer=layer)
        assert found == (stdlib, ""), f"{moment} at {place}"


beside_daemons = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="no object ends with this Python beside a daemon thread"
)


@beside_daemons
@pytest.mark.parametrize("layer", LAYERS)
def test_a_daemon_thread_was_at_a_line_of_the_first_use_at_the_end(layer: str) -> None:
    """Four lines of the import of what serves the first socket, and one far behind it."""
    beside_a_thread("stopped", [40, 80, 120, 160, 800], layer)


@beside_daemons
@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_a_daemon_thread_was_at_any_line_at_the_end(layer: str) -> None:
    lines = int(end("famsock", "stopped", "nothing", "0", layer=layer)[0].partition("\n")[0])
    assert lines > 1000
    beside_a_thread("stopped", range(1, lines, lines // 50), layer)


def test_first_socket_at_the_interpreters_end() -> None:
    code = """
    import atexit, famsock

    class Late:
        def __del__(self):
            with famsock.socket() as sock:
                print(sock.family.name, sock.getsockname())

    late = Late()
    import builtins
    builtins.late = late
    """
    assert run(code) == "AF_INET ('0.0.0.0', 0)"


def test_opening_and_using_a_socket_imports_no_pluggy() -> None:
    code = """
    import sys, famsock
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.sendto(b"x", sock.getsockname())
        sock.recvfrom(9)
    print("pluggy" in sys.modules)
    """
    assert run(code) == "False"
