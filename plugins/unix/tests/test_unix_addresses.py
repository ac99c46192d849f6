"""The typed address: what it tells apart, what it refuses."""

from __future__ import annotations

import pathlib
import socket as stdlib

import pytest
from famsock_unix.addresses import UnixAddress

import famsock
from famsock.plugin import Lookup, socket


def test_three_kinds_are_told_apart() -> None:
    path, abstract, unnamed = UnixAddress("/run/x"), UnixAddress(b"\0x"), UnixAddress("")
    assert [a.is_path for a in (path, abstract, unnamed)] == [True, False, False]
    assert [a.is_abstract for a in (path, abstract, unnamed)] == [False, True, False]
    assert [a.is_unnamed for a in (path, abstract, unnamed)] == [False, False, True]
    assert [a.abstract_name for a in (path, abstract, unnamed)] == [None, b"x", None]


@pytest.mark.parametrize(
    "form", ["/run/x", b"/run/x", pathlib.Path("/run/x"), bytearray(b"/run/x")]
)
def test_every_form_of_a_path_is_one_address(form: object) -> None:
    assert UnixAddress(form) == UnixAddress("/run/x")  # type: ignore[arg-type]


def test_every_form_of_an_abstract_name_is_one_address() -> None:
    names = UnixAddress.abstract("x"), UnixAddress.abstract(b"x"), UnixAddress("\0x")
    assert set(names) == {UnixAddress(b"\0x")}


@pytest.mark.parametrize(
    ("form", "error", "match"),
    [
        ("a\0b", ValueError, "AF_UNIX path must not contain a null character"),
        (b"\0" + b"n" * 108, ValueError, "AF_UNIX path abstract name must be at most 107 bytes"),
        (7, TypeError, "AF_UNIX path a bytes-like object is required, not 'int'"),
        ("\ud800", UnicodeEncodeError, "surrogates not allowed"),
        (memoryview(b"abcd")[::2], BufferError, "not C-contiguous"),
    ],
)
def test_bad_values_are_refused(form: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        UnixAddress(form)  # type: ignore[arg-type]


def test_long_path_packs_only_for_a_call() -> None:
    with pytest.raises(OSError, match=r"^AF_UNIX path too long$"):
        UnixAddress("/run/" + "d/" * 60).pack()


@pytest.mark.parametrize("form", ["/run/x", b"/a\0b", "\0bus", b"\0" + b"n" * 107, ""])
def test_the_stdlib_sends_the_same_bytes(form: str | bytes) -> None:
    """Compare the name that the kernel gives back with the stdlib's: it shows what it was given."""
    typed = UnixAddress.from_stdlib(form, Lookup("bind"))
    packed = typed.pack()
    if typed.is_path:
        assert packed[2:-1].decode() == typed.path
        assert packed[-1:] == b"\0"
    elif typed.is_abstract:
        with stdlib.socket(stdlib.AF_UNIX) as theirs, socket(stdlib.AF_UNIX) as ours:
            theirs.bind(form)
            with pytest.raises(OSError, match="in use"):
                ours.bind(form)
            assert theirs.getsockname() == typed.to_stdlib(Lookup("decode")) == packed[2:]
    else:
        assert len(packed) == 2


def test_the_kernel_names_a_socket_bound_to_nothing() -> None:
    with socket(stdlib.AF_UNIX) as sock:
        assert sock.getsockname() == ""
        assert sock.local_address == UnixAddress()
        sock.bind("")
        address = sock.local_address
        assert isinstance(address, UnixAddress)
        assert len(address.abstract_name or b"") == 5
        assert sock.getsockname() == address.path


def test_unnamed_sender_is_no_address() -> None:
    ours, other = famsock.socketpair(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)
    with ours, other:
        other.send(b"x")
        assert ours.recvfrom(1) == (b"x", None)
        other.send(b"y")
        assert ours.recv_message().address is None
