"""Paths that bind makes: dead ones are replaced, modes are kept, and close removes them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import famsock
from famsock import _paths, endpoints


def text_of(path: Path, query: str = "") -> str:
    return f"unix://{path}{query}"


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("kind", ["file", "directory", "link", "fifo"])
def test_what_is_no_socket_stays(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    famsock.listen(text_of(tmp_path / "dead")).close()
    match kind:
        case "file":
            path.write_text("kept")
        case "directory":
            path.mkdir()
        case "link":
            path.symlink_to(tmp_path / "dead")
        case _:
            os.mkfifo(path)
    before = path.lstat()
    with pytest.raises(OSError, match="in use") as caught:
        famsock.listen(text_of(path, "?unlink=1&mode=600"))
    assert caught.value.errno == errno.EADDRINUSE
    assert any("that is no socket" in note for note in caught.value.__notes__)
    assert path.lstat().st_ino == before.st_ino
    assert path.lstat().st_mode == before.st_mode


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("kind", ["", "+dgram", "+seqpacket"])
@pytest.mark.parametrize("other", ["", "+dgram", "+seqpacket"])
def test_a_socket_of_any_type_that_lives_stays(kind: str, other: str, tmp_path: Path) -> None:
    """One that is bound and does not listen yet lives too."""
    mine = endpoints.parse(f"unix{kind}://{tmp_path}/x")
    with endpoints.parse(f"unix{other}://{tmp_path}/x").bind() as living:
        with pytest.raises(OSError, match="in use"):
            mine.bind()
        if other != "+dgram":
            living.listen()
            living.setblocking(False)
            with pytest.raises(BlockingIOError):  # the look left no connection there
                living.accept()
        with pytest.raises(OSError, match="in use"):
            mine.bind()
    mine.bind().close()


RACER = """
import sys, famsock
from famsock_unix import _stale
_stale._PATIENCE_S = 60.0  # each waits for all others, however slow
print("ready", flush=True)
sys.stdin.readline()
try:
    server = famsock.listen(sys.argv[1])
except OSError as error:
    print("refused", error.errno, flush=True)
else:
    print("listens", flush=True)
    sys.stdin.readline()
"""


def test_one_of_many_replaces_a_dead_path(tmp_path: Path) -> None:
    text = text_of(tmp_path / "x")
    famsock.listen(text).close()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        answers = sorted(racer.stdout.readline() for racer in racers if racer.stdout)
        assert answers == ["listens\n"] + [f"refused {errno.EADDRINUSE}\n"] * 5
        with famsock.connect(text):
            pass
    finally:
        for racer in racers:
            racer.communicate("\n", timeout=60)


@pytest.mark.usefixtures("descriptors")
def test_a_lock_of_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("famsock_unix._stale._PATIENCE_S", 0.05)
    text = text_of(tmp_path / "x")
    famsock.listen(text).close()
    lock = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="in use") as caught:
            famsock.listen(text)
        assert any("it cannot be replaced: " in note for note in caught.value.__notes__)
    finally:
        os.close(lock)
    famsock.listen(text).close()


def test_the_umask_does_not_count_and_nothing_is_wider_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    set_mode = _paths._set_mode

    def look(path: str, mode: int) -> None:
        seen.append(stat.S_IMODE(Path(path).stat().st_mode))
        set_mode(path, mode)

    monkeypatch.setattr(_paths, "_set_mode", look)
    old = os.umask(0o077)
    try:
        with famsock.listen(text_of(tmp_path / "a", "?mode=666")):
            assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666
        os.umask(0)
        with famsock.listen(text_of(tmp_path / "b", "?mode=600")):
            assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    finally:
        os.umask(old)
    assert seen == [0o600, 0o600]


def test_only_its_own_path_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    server = famsock.listen(text_of(path, "?unlink=1"))
    assert isinstance(server, famsock.socket)
    path.unlink()
    with famsock.listen(text_of(path)):
        server.close()
        server.close()
        assert path.exists()


def test_a_relative_path_is_removed_from_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with famsock.listen("unix://x?unlink=1"):
        monkeypatch.chdir("/")
        assert (tmp_path / "x").exists()
    assert not (tmp_path / "x").exists()


FORKED = """
import os, sys, famsock
server = famsock.listen(sys.argv[1] + "?unlink=1")
if os.fork() == 0:
    server.close()
    os._exit(0)
os.wait()
print(os.path.exists(sys.argv[1][7:]))
server.close()
print(os.path.exists(sys.argv[1][7:]))
"""


def test_a_child_process_removes_nothing(tmp_path: Path) -> None:
    code = [sys.executable, "-c", FORKED, f"unix://{tmp_path}/x"]
    made = subprocess.run(code, capture_output=True, text=True, check=True, timeout=120)
    assert made.stdout.split() == ["True", "False"]


def test_a_socket_that_removes_its_path_has_operations(tmp_path: Path) -> None:
    with famsock.listen(text_of(tmp_path / "x", "?unlink=1")) as server:
        operations = server.operations
        assert operations is server
        with famsock.connect(text_of(tmp_path / "x")), server.accept()[0] as accepted:
            assert type(accepted) is type(server).__mro__[1]
        with server.dup() as copy:
            assert copy.fileno() >= 0
        assert (tmp_path / "x").exists()
