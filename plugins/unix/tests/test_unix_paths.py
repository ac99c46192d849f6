"""Paths of more than 107 bytes, and paths that a dead server left behind."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from famsock_unix import _stale
from famsock_unix.addresses import UnixAddress
from famsock_unix.sockets import (
    UnixDatagramSocket,
    UnixSeqpacketSocket,
    UnixSocket,
    UnixStreamSocket,
)

from famsock import _calls
from famsock.testing.plugin import open_descriptors

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")

LAYERS = ["ctypes", *(["native"] if _calls.native else [])]
CLASSES = (UnixStreamSocket, UnixDatagramSocket, UnixSeqpacketSocket)


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A path of more than 300 bytes in a directory that is there."""
    directory = tmp_path.joinpath(*["d" * 60] * 5)
    directory.mkdir(parents=True)
    return directory / "x.sock"


def bind_at(sock: UnixSocket, path: Path) -> None:
    """Bind to a path that is too long for bind: to a short name of it, and rename that."""
    folder = os.open(path.parent, os.O_DIRECTORY)
    try:
        sock.bind(f"/proc/self/fd/{folder}/s")
        os.rename(path.parent / "s", path)
    finally:
        os.close(folder)


@pytest.mark.parametrize("typed", [False, True], ids=["stdlib", "typed"])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_long_path_is_connected_and_sent_to(
    deep: Path, cls: type[UnixSocket], typed: bool
) -> None:
    address = UnixAddress(deep) if typed else str(deep)
    with cls() as server, cls() as client:
        before = open_descriptors()
        bind_at(server, deep)
        if cls is not UnixDatagramSocket:
            server.listen()
        client.connect(address)
        assert open_descriptors() == before
        if cls is UnixDatagramSocket:
            client.sendto(b"x", address)
            client.sendmsg([b"y"], [], 0, address)
            assert client.sendmmsg([(b"z", address)]) == 1
            assert [server.recv(9) for _ in range(3)] == [b"x", b"y", b"z"]
        else:
            accepted, _ = server.accept()
            with accepted:
                client.sendall(b"x")
                assert accepted.recv(9) == b"x"
        assert open_descriptors().keys() == before.keys()


@pytest.mark.parametrize("shape", [str, os.fsencode, UnixAddress], ids=["str", "bytes", "typed"])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_long_path_is_not_bound(
    deep: Path, cls: type[UnixSocket], shape: Callable[[Path], Any]
) -> None:
    """Its name would be another one for each process that sees it."""
    before = open_descriptors()
    for method in ("bind", "bind_replacing_stale"):
        with cls() as sock:
            with pytest.raises(OSError, match=r"^AF_UNIX path too long\n") as refused:
                getattr(sock, method)(shape(deep))
            assert refused.value.errno is None  # as the stdlib's
            assert "a shorter path" in refused.value.__notes__[0]
            assert sock.local_address == UnixAddress("")
    assert not deep.exists()
    assert open_descriptors().keys() == before.keys()


def test_a_refused_bind_leaves_the_stale_file(deep: Path) -> None:
    with UnixStreamSocket() as left_behind:
        bind_at(left_behind, deep)
    with UnixStreamSocket() as sock, pytest.raises(OSError, match="too long"):
        sock.bind_replacing_stale(str(deep))
    assert deep.is_socket()


@pytest.mark.parametrize("length", [1, 50, 107, 108, 109, 200, 300])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_name_that_a_peer_sees_means_the_same_there(
    tmp_path: Path, cls: type[UnixSocket], length: int
) -> None:
    """Of any length: either bind refuses it, or another process reaches the socket by it."""
    folder = TemporaryDirectory(dir="/tmp")
    with folder as short, cls() as sock, cls() as peer:
        directory = Path(short, *["d"] * (length // 2))
        directory.mkdir(parents=True, exist_ok=True)
        path = str(directory / "s").ljust(length, "s")
        if len(path) > 107:
            with pytest.raises(OSError, match="too long"):
                sock.bind(path)
            return
        sock.bind(path)
        peer.bind("")
        if cls is not UnixDatagramSocket:
            peer.listen()
            sock.connect(peer.getsockname())
            accepted, seen = peer.accept()
            accepted.close()
        else:
            sock.sendto(b"x", peer.getsockname())
            seen = peer.recvfrom(1)[1]
        seen_there = "import os, sys; print(os.stat(sys.argv[1]).st_ino)"
        assert isinstance(seen, str)
        command = [sys.executable, "-c", seen_there, seen]
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
        assert int(found.stdout) == os.stat(path).st_ino


@pytest.mark.parametrize("module", ["socket", "famsock"])
def test_multiprocessing_gets_no_name_of_another_process(deep: Path, module: str) -> None:
    """Its listener passes the socket's name on to other processes."""
    code = (
        "import famsock, sys\n"
        f"if {module!r} == 'famsock': famsock.install()\n"
        "from multiprocessing.connection import Listener\n"
        "try: print(Listener(sys.argv[1]).address)\n"
        "except OSError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(deep)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "AF_UNIX path too long\n"


MANAGER = """
import multiprocessing, os, sys
import famsock
side, method = sys.argv[1:]
if side == "famsock":
    famsock.install()

def see(shared, address):
    shared["is there"] = os.path.exists(address)

if __name__ == "__main__":
    context = multiprocessing.get_context(method)
    try:
        with context.Manager() as manager:
            shared = manager.dict()
            process = context.Process(target=see, args=(shared, manager.address))
            process.start()
            process.join()
            print(dict(shared))
    except (EOFError, OSError) as error:
        print(repr(error))
"""


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("length_bytes", [0, 120], ids=["short", "long"])
def test_a_manager_of_multiprocessing_gets_no_name_of_another_process(
    length_bytes: int, method: str, layer: str, tmp_path: Path
) -> None:
    """Its server binds a name in the temporary folder, and each process connects by that.

    Expect the stdlib's answer: newer Pythons have another folder where this one's path is too long.
    """
    program = tmp_path / "program.py"
    program.write_text(MANAGER)

    def said(side: str) -> tuple[str, list[str]]:
        with TemporaryDirectory(dir="/tmp") as short:
            folder = Path(short, *["d" * 60] * (length_bytes // 60))
            folder.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(
                [sys.executable, str(program), side, method],
                env={**os.environ, "TMPDIR": str(folder), "FAMSOCK_SYSCALLS": layer},
                capture_output=True,
                text=True,
                check=True,
            )
        errors = [line for line in done.stderr.splitlines() if line.startswith("OSError: ")]
        return done.stdout, errors

    theirs = said("socket")
    assert said("famsock") == theirs
    works: tuple[str, list[str]] = "{'is there': True}\n", []
    refused = "EOFError()\n", ["OSError: AF_UNIX path too long"]
    assert theirs in ([works, refused] if length_bytes else [works])


@pytest.mark.needs_capability("CAP_NET_ADMIN")
def test_bound_path_tells_the_true_one(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(deep.parent)
    with UnixStreamSocket() as sock:
        sock.bind("relative.sock")
        path = deep.parent / "relative.sock"
        assert sock.bound_path() == str(path)
        path.unlink()
        assert sock.bound_path() == f"{path} (deleted)"
    with UnixStreamSocket() as sock, pytest.raises(FileNotFoundError):
        sock.bound_path()


def test_no_descriptor_outlives_a_failing_call(deep: Path) -> None:
    with UnixStreamSocket() as sock:
        before = open_descriptors()
        with pytest.raises(FileNotFoundError):
            sock.connect(str(deep))
        gc.collect()
        assert open_descriptors() == before
        assert sock.connect_ex(str(deep)) == errno.ENOENT
        bind_at(sock, deep)
        with pytest.raises(OSError, match="AF_UNIX path too long"):
            sock.connect(str(deep.parent / ("n" * 86)))
        gc.collect()
        assert open_descriptors() == before


def test_the_last_part_may_have_85_bytes(deep: Path) -> None:
    longest = deep.parent / ("n" * 85)
    with UnixStreamSocket() as sock, UnixStreamSocket() as client:
        bind_at(sock, longest)
        sock.listen()
        client.connect(str(longest))


def test_a_long_path_is_not_cached(deep: Path) -> None:
    """A second call opens the directory again: the first descriptor is another file by then."""
    with (
        UnixDatagramSocket() as server,
        UnixDatagramSocket() as client,
    ):
        bind_at(server, deep)
        for _ in range(3):
            client.sendto(b"x", str(deep))
            with open(os.devnull, "rb"):
                client.sendto(b"y", UnixAddress(deep))
        assert [server.recv(1) for _ in range(6)] == [b"x", b"y"] * 3


@pytest.mark.parametrize("cls", CLASSES)
def test_a_stale_path_is_replaced_and_a_live_one_kept(
    tmp_path: Path, cls: type[UnixSocket]
) -> None:
    path = tmp_path / "x.sock"
    for _ in range(2):
        with cls() as server:
            server.bind_replacing_stale(str(path))
            with UnixStreamSocket() as second, pytest.raises(OSError, match="in use"):
                second.bind_replacing_stale(UnixAddress(path))
            if cls is not UnixDatagramSocket:
                server.listen()
                server.setblocking(False)
                assert not _stale.unlink_stale(str(path))
                with pytest.raises(BlockingIOError):
                    server.accept()
    assert path.is_socket()
    assert _stale.unlink_stale(str(path))
    assert not _stale.unlink_stale(str(path))


def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(file)
    with UnixStreamSocket() as sock:
        for path in (file, link, tmp_path):
            with pytest.raises(OSError, match="in use"):
                sock.bind_replacing_stale(str(path))
    assert link.read_text() == "precious"


def test_names_without_a_file_bind_as_ever() -> None:
    for address in ("", UnixAddress.abstract(f"famsock-{os.getpid()}")):
        with UnixStreamSocket() as sock:
            sock.bind_replacing_stale(address)
            assert isinstance(sock.local_address, UnixAddress)
            assert sock.local_address.is_abstract


def test_a_held_lock_ends_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stale, "_PATIENCE_S", 0.05)
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        with UnixStreamSocket() as sock, pytest.raises(BlockingIOError):
            sock.bind_replacing_stale(str(tmp_path / "x.sock"))
    finally:
        os.close(directory)


def test_of_many_that_race_for_a_stale_path_one_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_stale, "_PATIENCE_S", 60.0)  # each waits for all others, however slow
    path = str(tmp_path / "x.sock")
    with UnixStreamSocket() as left_behind:
        left_behind.bind(path)
    sockets = [UnixStreamSocket() for _ in range(8)]
    outcomes: list[int] = []

    def race(sock: UnixStreamSocket) -> None:
        try:
            sock.bind_replacing_stale(path)
            sock.listen()
            outcomes.append(0)
        except OSError as error:
            outcomes.append(error.errno or -1)

    threads = [threading.Thread(target=race, args=(sock,)) for sock in sockets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert sorted(outcomes) == [0] + [errno.EADDRINUSE] * 7
        with UnixStreamSocket() as client:
            client.connect(path)
    finally:
        for sock in sockets:
            sock.close()
