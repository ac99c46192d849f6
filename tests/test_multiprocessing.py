"""Sockets that multiprocessing carries to another process, and that no other pickler takes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import warnings
from multiprocessing import reduction
from multiprocessing.connection import Connection

import pytest

import famsock
from famsock._multiprocessing import reduce_for_multiprocessing
from tests.programs import run


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


def test_only_the_module_of_multiprocessing_is_answered() -> None:
    assert "multiprocessing.reduction" in sys.modules
    with famsock.socket() as sock, pytest.raises(TypeError, match="cannot pickle"):
        sock.__reduce_ex__(4)


def test_nothing_is_answered_before_multiprocessing_is_imported() -> None:
    code = """
import pickle, sys, famsock
with famsock.socket() as sock:
    try:
        pickle.dumps(sock)
    except TypeError:
        print("refused")
print("multiprocessing" in sys.modules, "famsock._multiprocessing" in sys.modules)
"""
    assert run(code).split() == ["refused", "False", "False"]


class Named(famsock.socket):
    """A subclass, which arrives as itself."""


@pytest.mark.usefixtures("descriptors")
def test_a_socket_arrives_with_its_class_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Duplicate:
        """A descriptor that stays in this process."""

        def __init__(self, descriptor: int) -> None:
            self.descriptor = os.dup(descriptor)

        def detach(self) -> int:
            return self.descriptor

    monkeypatch.setattr(reduction, "DupFd", Duplicate)
    with Named(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        rebuild, arguments = reduce_for_multiprocessing(sock, reduction)
        with rebuild(*arguments) as arrived:
            assert type(arrived) is Named
            assert (arrived.family, arrived.type, arrived.proto) == (
                sock.family,
                sock.type,
                sock.proto,
            )
            assert arrived.fileno() != sock.fileno()
            assert arrived.getsockname() == sock.getsockname()
