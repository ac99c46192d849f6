"""The class `Calls` on each layer: its methods are ordinary ones, with the stdlib's errors."""

from __future__ import annotations

import inspect
import re
import socket as stdlib
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from famsock import _calls
from famsock._calls import calls
from famsock.control import SCM_TIMESTAMPNS
from tests.programs import run

NATIVE = _calls.native
CLASSES = [calls.Calls] if NATIVE is None else [calls.Calls, NATIVE.Calls]
METHODS = sorted(name for name, value in vars(calls.Calls).items() if inspect.isfunction(value))
OF_THE_STDLIB = [
    name for name in METHODS if hasattr(stdlib.socket, name) and name != "__init__"
]  # a second __init__ would leave the first one's descriptor open
MOST_ARGUMENTS = 7
ABOUT_A_COUNT = re.compile(r"takes|missing|expected at (least|most)")


@pytest.fixture
def udp(socket_module: Any, descriptors: None) -> Iterator[Any]:
    """A bound UDP socket."""
    with socket_module.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


# The class


def test_the_program_s_layer_has_its_class() -> None:
    code = "import famsock; print(famsock.socket.__mro__[1].__module__)"
    module = "copying" if sys.implementation.name == "pypy" else "calls"
    assert run(code, FAMSOCK_SYSCALLS="ctypes") == f"famsock._calls.{module}"
    if NATIVE is not None:
        assert run(code, FAMSOCK_SYSCALLS="native") == "famsock._calls.native"


def test_each_layer_has_the_same_methods() -> None:
    assert len(METHODS) > 15
    for cls in CLASSES:
        own = {name for name, value in vars(cls).items() if callable(value)}
        assert sorted(own) == METHODS


def test_a_method_can_be_replaced_for_a_while(socket_module: Any, udp: Any) -> None:
    address = udp.getsockname()
    with mock.patch.object(socket_module.socket, "recvfrom", return_value=(b"", None)) as recvfrom:
        assert udp.recvfrom(7) == (b"", None)
    recvfrom.assert_called_once_with(7)
    with mock.patch.object(socket_module.socket, "sendto", return_value=5) as sendto:
        assert udp.sendto(b"", address) == 5
    sendto.assert_called_once_with(b"", address)
    assert udp.sendto(b"real", address) == 4
    assert udp.recvfrom(7) == (b"real", address)


def test_a_method_can_be_spied_on(socket_module: Any, udp: Any) -> None:
    real, seen = socket_module.socket.sendto, []

    def sendto(sock: Any, *arguments: Any) -> Any:
        seen.append(arguments)
        return real(sock, *arguments)

    with mock.patch.object(socket_module.socket, "sendto", sendto):
        assert udp.sendto(b"spied", 0, udp.getsockname()) == 5
    assert seen == [(b"spied", 0, udp.getsockname())]


def test_a_subclass_calls_the_method_of_its_base(socket_module: Any, descriptors: None) -> None:
    class Shouting(socket_module.socket):  # type: ignore[misc]
        def sendto(self, data: bytes, *rest: Any) -> Any:
            return super().sendto(data.upper(), *rest)

        def recvfrom(self, *arguments: Any) -> Any:
            data, address = super().recvfrom(*arguments)
            return data + b"!", address

    with Shouting(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert sock.sendto(b"word", sock.getsockname()) == 4
        assert sock.recvfrom(9) == (b"WORD!", sock.getsockname())


def test_a_subclass_has_a_way_to_begin_of_its_own(socket_module: Any, descriptors: None) -> None:
    class Listener(socket_module.socket):  # type: ignore[misc]
        def __init__(self, host: str, *, backlog: int = 1) -> None:
            super().__init__(stdlib.AF_INET, stdlib.SOCK_STREAM)
            self.bind((host, 0))
            self.listen(backlog)

    parameters = inspect.signature(Listener).parameters
    assert [*parameters] == ["host", "backlog"]
    with Listener("127.0.0.1", backlog=2) as listener, stdlib.socket() as client:
        client.connect(listener.getsockname())
        accepted, address = listener.accept()
        with accepted:
            assert type(accepted) is socket_module.socket
            assert address == client.getsockname()


def test_accept_takes_what_the_subclass_accepts(socket_module: Any, descriptors: None) -> None:
    """As Lib/socket.py's accept does; so `mock.patch` of ``_accept`` works too."""

    class Noting(socket_module.socket):  # type: ignore[misc]
        def _accept(self) -> Any:
            descriptor, _ = super()._accept()
            return descriptor, "noted"

    with Noting(stdlib.AF_INET, stdlib.SOCK_STREAM) as listener, stdlib.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        accepted, address = listener.accept()
        accepted.close()
        assert address == "noted"


def test_no_subclass_says_how_long_a_call_waits(socket_module: Any, descriptors: None) -> None:
    """As with the stdlib's calls, which are C."""

    class Hasty(socket_module.socket):  # type: ignore[misc]
        def gettimeout(self) -> float:
            raise AssertionError

    with Hasty(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert sock.sendto(b"x", sock.getsockname()) == 1
        assert sock.recvfrom(1)[0] == b"x"
        assert sock.sendmsg([b"y"], [], 0, sock.getsockname()) == 1
        assert sock.recvmsg(1)[0] == b"y"


def test_a_kind_that_cannot_be_hashed(socket_module: Any, descriptors: None) -> None:
    class Number:
        def __hash__(self) -> int:
            raise ValueError("hashed")

        def __index__(self) -> int:
            return 2

    with socket_module.socket(Number(), Number()) as sock:
        assert (sock.family, sock.type) == (stdlib.AF_INET, stdlib.SOCK_DGRAM)


def test_a_socket_that_was_not_initialized(socket_module: Any) -> None:
    """As with the stdlib's, each call fails; and nothing worse happens."""
    sock = socket_module.socket.__new__(socket_module.socket)
    for name in ("getsockname", "getpeername", "_accept"):
        with pytest.raises((AttributeError, OSError)):
            getattr(sock, name)()
    with pytest.raises((AttributeError, OSError)):
        sock.sendto(b"", ("127.0.0.1", 9))


GIVEN: dict[str, tuple[Any, ...]] = {
    "__init__": (2, 2), "accept": (), "_accept": (), "bind": (("127.0.0.1", 0),),
    "connect": (("127.0.0.1", 9),), "connect_ex": (("127.0.0.1", 9),), "getpeername": (),
    "getsockname": (), "getsockopt": (1, 2), "protocol_state": (dict,), "recvfrom": (1,),
    "recvfrom_into": (bytearray(1),), "recv_joined": (SCM_TIMESTAMPNS,),
    "recv_message": (), "recvmmsg": (1,), "recvmmsg_into": ([bytearray(1)],), "recvmsg": (1,),
    "recvmsg_into": ([bytearray(1)],), "sendmmsg": ([],), "sendmsg": ([], (), 0, ("127.0.0.1", 9)),
    "sendto": (b"", ("127.0.0.1", 9)), "setsockopt": (1, 2, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_a_method_refuses_what_is_no_socket_of_ours(socket_module: Any, name: str) -> None:
    method = getattr(socket_module.socket, name)
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as plain:
        for other in (object(), 5, None, plain):
            with pytest.raises((TypeError, AttributeError, OSError)):
                method(other, *GIVEN[name])


# Signatures


@pytest.mark.parametrize("name", METHODS)
def test_signatures_are_equal_and_plain(name: str) -> None:
    signatures = [inspect.signature(getattr(cls, name)) for cls in CLASSES]
    assert len({str(signature) for signature in signatures}) == 1
    for signature in signatures:
        parameters = [*signature.parameters.values()]
        assert parameters[0].name == "self"
        defaults = [p.default for p in parameters if p.default is not p.empty]
        assert all(type(default) in (int, tuple, type(None)) for default in defaults)


@pytest.mark.parametrize("name", OF_THE_STDLIB)
def test_a_signature_takes_what_the_method_takes(udp: Any, name: str) -> None:
    """A count that the signature does not bind is refused, and no other is."""
    udp.setblocking(False)
    signature = inspect.signature(getattr(udp, name))
    for count in range(MOST_ARGUMENTS + 1):
        given = [object()] * count
        try:
            signature.bind(*given)
        except TypeError:
            assert ABOUT_A_COUNT.search(_refusal(getattr(udp, name), given))
        else:
            if (name, count) not in ALLOWED_BY_SIGNATURE:
                assert not ABOUT_A_COUNT.search(_refusal(getattr(udp, name), given))


ALLOWED_BY_SIGNATURE = {("setsockopt", 4), *(("sendto", count) for count in (1, *range(4, 8)))}
"""No signature says that a length goes only with None, or that an optional argument comes first."""


# Counts of arguments


def _refusal(method: Callable[..., object], arguments: list[Any]) -> str:
    """The message of a TypeError; "" where something else comes of it."""
    try:
        method(*arguments)
    except TypeError as error:
        return str(error)
    except OSError:
        pass
    return ""


@pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="PyPy's own setsockopt crashes without arguments"
)
@pytest.mark.parametrize("is_served", [True, False])
@pytest.mark.parametrize("name", OF_THE_STDLIB)
def test_counts_are_refused_in_the_words_of_the_stdlib(
    udp: Any, name: str, is_served: bool
) -> None:
    udp.setblocking(False)
    if not is_served:
        udp._codec = udp._served = None
    refused = 0
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as theirs:
        for count in range(MOST_ARGUMENTS + 1):
            arguments = [object()] * count
            wanted = _refusal(getattr(theirs, name), arguments)
            if ABOUT_A_COUNT.search(wanted):
                refused += 1
                assert _refusal(getattr(udp, name), arguments) == wanted, count
            else:
                assert not ABOUT_A_COUNT.search(_refusal(getattr(udp, name), arguments)), count
    assert refused


def test_counts_at_creation(socket_module: Any) -> None:
    for count in range(5, MOST_ARGUMENTS + 1):
        arguments = [2, 2, 0, None, *[0] * (count - 4)]
        wanted = _refusal(stdlib.socket, arguments)
        assert wanted
        assert _refusal(socket_module.socket, arguments) == wanted


def test_the_one_method_with_keywords(udp: Any) -> None:
    udp.sendto(b"ab", udp.getsockname())
    buffer = bytearray(4)
    assert udp.recvfrom_into(buffer=buffer, nbytes=1, flags=stdlib.MSG_PEEK)[0] == 1
    assert udp.recvfrom_into(nbytes=2, buffer=buffer)[0] == 2
    assert buffer == b"ab\0\0"
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as theirs:
        wanted = _refusal(lambda: theirs.recvfrom_into(nbytes=2), [])  # type: ignore[call-arg]
    assert wanted
    assert _refusal(lambda: udp.recvfrom_into(nbytes=2), []) == wanted
