"""Paths of more than 107 bytes, and paths that a dead server left behind."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import threading
from pathlib import Path

import pytest
from famsock_unix import _stale
from famsock_unix.addresses import UnixAddress
from famsock_unix.sockets import (
    UnixDatagramSocket,
    UnixSeqpacketSocket,
    UnixSocket,
    UnixStreamSocket,
)

from famsock.testing.plugin import open_descriptors

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")

CLASSES = (UnixStreamSocket, UnixDatagramSocket, UnixSeqpacketSocket)


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A path of more than 300 bytes in a directory that is there."""
    directory = tmp_path.joinpath(*["d" * 60] * 5)
    directory.mkdir(parents=True)
    return directory / "x.sock"


@pytest.mark.parametrize("typed", [False, True], ids=["stdlib", "typed"])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_long_path_binds_connects_and_is_sent_to(
    deep: Path, cls: type[UnixSocket], typed: bool
) -> None:
    address = UnixAddress(deep) if typed else str(deep)
    with cls() as server, cls() as client:
        before = open_descriptors()
        server.bind(address)
        if cls is not UnixDatagramSocket:
            server.listen()
        client.connect(address)
        assert open_descriptors() == before
        assert deep.is_socket()
        if cls is UnixDatagramSocket:
            client.sendto(b"x", address)
            client.sendmsg([b"y"], [], 0, address)
            assert (server.recv(9), server.recv(9)) == (b"x", b"y")
        else:
            accepted, _ = server.accept()
            with accepted:
                client.sendall(b"x")
                assert accepted.recv(9) == b"x"
        assert open_descriptors().keys() == before.keys()


def test_a_long_path_shows_the_descriptor_it_went_through(deep: Path) -> None:
    with UnixStreamSocket() as sock:
        sock.bind(str(deep))
        shown = sock.getsockname()
        assert isinstance(shown, str)
        assert shown.startswith("/proc/self/fd/")
        assert shown.endswith("/x.sock")
        assert sock.local_address == UnixAddress(shown)


@pytest.mark.needs_capability("CAP_NET_ADMIN")
def test_bound_path_tells_the_true_one(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(deep.parent)
    for address in (str(deep), "relative.sock"):
        with UnixStreamSocket() as sock:
            sock.bind(address)
            assert sock.bound_path() == str(deep.parent / address)
            Path(address).unlink()
            assert sock.bound_path() == f"{deep.parent / address} (deleted)"
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
        sock.bind(str(deep))
        with UnixStreamSocket() as second, pytest.raises(OSError, match="in use"):
            second.bind(str(deep))
        with pytest.raises(OSError, match="AF_UNIX path too long"):
            sock.connect(str(deep.parent / ("n" * 86)))
        gc.collect()
        assert open_descriptors() == before


def test_the_last_part_may_have_85_bytes(deep: Path) -> None:
    longest = deep.parent / ("n" * 85)
    with UnixStreamSocket() as sock:
        sock.bind(str(longest))
        assert longest.is_socket()


def test_a_long_path_is_not_cached(deep: Path) -> None:
    """A second call opens the directory anew: the first descriptor is another file by then."""
    with (
        UnixDatagramSocket() as server,
        UnixDatagramSocket() as client,
    ):
        server.bind(str(deep))
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


def test_errors_tell_what_cures_them(tmp_path: Path) -> None:
    path = str(tmp_path / "x.sock")
    with UnixStreamSocket() as first, UnixStreamSocket() as second:
        with pytest.raises(FileNotFoundError) as missing:
            second.connect(path)
        first.bind(path)
        with pytest.raises(ConnectionRefusedError) as refused:
            second.connect(path)
        with pytest.raises(OSError, match="in use") as taken:
            second.bind(path)
    assert "no server has bound" in missing.value.__notes__[0]
    assert "nobody listens" in refused.value.__notes__[0]
    assert "bind_replacing_stale" in taken.value.__notes__[0]


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
