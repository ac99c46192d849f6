"""Who owns a socket's descriptor, through operations, refusals, forks and other processes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import warnings
from multiprocessing.connection import Connection

import pytest

import famsock
from famsock._errors import PluginError


def test_forgotten_socket_is_closed_at_once() -> None:
    sock = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)
    descriptor = sock.fileno()
    sock.enable_packet_info()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del sock
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    finally:
        gc.enable()


def test_operations_of_a_temporary_socket() -> None:
    with famsock.create_server(("127.0.0.1", 0)) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        assert famsock.create_connection(server.getsockname()).tcp_info().state == 1


def test_accepted_descriptor_of_a_refused_family_is_closed(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "listening")
    with famsock.socket(famsock.AF_UNIX) as server, famsock.socket(famsock.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        free = os.dup(0)
        os.close(free)
        famsock.plugins.block("AF_UNIX")
        try:
            with pytest.raises(OSError, match="AF_UNIX is blocked"):
                server.accept()
            with pytest.raises(OSError, match="AF_UNIX is blocked"):
                client.dup()
        finally:
            famsock.plugins.unblock("AF_UNIX")
        again = os.dup(0)
        os.close(again)
        assert again == free


def test_descriptor_of_a_subclass_that_fails_is_closed_once() -> None:
    class Fails(famsock.socket):
        def __init__(
            self, family: int, type: int, proto: int = 0, fileno: int | None = None
        ) -> None:
            super().__init__(family, type, proto, fileno)
            if fileno is not None:
                raise RuntimeError("no copies")

    free = os.dup(0)
    os.close(free)
    with Fails(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        with pytest.raises(RuntimeError, match="no copies") as caught:
            sock.dup()
        mine = os.dup(0)
        del caught
        gc.collect()
        os.close(mine)
    again = os.dup(0)
    os.close(again)
    assert again == free


def test_repr_outlives_the_modules() -> None:
    code = "import famsock; kept = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, check=True
    )
    assert "ResourceWarning: unclosed <" in done.stderr
    assert "Traceback" not in done.stderr


def answer(channel: Connection) -> None:
    with channel.recv() as sock:
        sock.sendall(f"{type(sock).__module__} {sock.local_address is not None}".encode())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_carries_a_socket(method: str) -> None:
    context = multiprocessing.get_context(method)
    near, far = context.Pipe()
    ours, theirs = famsock.socketpair()
    with near, far, ours, theirs, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process = context.Process(target=answer, args=(far,))  # type: ignore[attr-defined]
        process.start()
        near.send(theirs)
        ours.settimeout(60)
        assert ours.recv(99) == b"famsock._sockets True"
        process.join(60)
        assert process.exitcode == 0


def test_no_other_pickle_carries_a_socket() -> None:
    with famsock.socket() as sock, pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(sock)


def test_operation_with_a_name_of_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    served = famsock.plugins.find(famsock.AF_INET, famsock.SOCK_DGRAM, 0)
    assert served is not None
    monkeypatch.setattr(served, "operation_names", ("recvmmsg",))
    with pytest.raises(PluginError, match="every socket has a 'recvmmsg'"):
        famsock.plugins.on_served(served)
