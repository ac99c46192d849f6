"""Sockets that multiprocessing carries to another process, and that no other pickler takes."""

from __future__ import annotations

import multiprocessing
import pickle
import warnings
from multiprocessing.connection import Connection

import pytest

import famsock


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
