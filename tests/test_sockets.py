"""The socket class: typed options and messages, operations, who owns its descriptor."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import selectors
import socket as stdlib
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest

import famsock
from famsock import control, options
from tests.programs import run

Pair = tuple[famsock.socket, famsock.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two UDP sockets, each connected to the other."""
    a, b = (famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) for _ in range(2))
    with a, b:
        for sock in (a, b):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(20)
        a.connect(b.getsockname())
        b.connect(a.getsockname())
        yield a, b


def test_options_that_are_none(pair: Pair) -> None:
    sock, _ = pair
    with pytest.raises(LookupError, match="AF_INET has no option 'SO_BRODCAST'; did you mean SO_B"):
        sock.get_option("SO_BRODCAST")
    with pytest.raises(TypeError, match="a row or its name, not 6: setsockopt takes numbers"):
        sock.set_option(6, True)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="SO_BROADCAST must be True or False, not 'no'"):
        sock.set_option("SO_BROADCAST", "no")
    with pytest.raises(TypeError, match="on must be True or False, not 'no'"):
        options.Linger("no", 1)  # type: ignore[arg-type]


def test_control_messages_by_row_and_name(pair: Pair) -> None:
    a, b = pair
    b.set_option(options.SO_TIMESTAMPNS, True)
    a.send_message(b"x")
    message = b.recv_message()
    stamp_ns = message.get(control.SCM_TIMESTAMPNS)
    assert stamp_ns == message.get("SCM_TIMESTAMPNS") == copy.deepcopy(message).control[0].value  # type: ignore[union-attr]
    assert copy.deepcopy(message).get(control.SCM_TIMESTAMPNS) == stamp_ns
    assert message.get("SCM_RIGHTS") is None
    with pytest.raises(TypeError, match="a row or its name, not 35"):
        message.get(35)  # type: ignore[call-overload]


def test_control_messages_as_tuples(pair: Pair) -> None:
    a, b = pair
    tos = (stdlib.IPPROTO_IP, stdlib.IP_TOS, (8).to_bytes(4, sys.byteorder))
    b.setsockopt(stdlib.IPPROTO_IP, 13, 1)  # IP_RECVTOS
    a.send_message(b"x", control=[tos])
    assert a.sendmmsg([(b"y", None, [tos])]) == 1
    for _ in range(2):
        assert b.recv_message().get("IP_TOS") == 8


@pytest.mark.parametrize("message", [(b"x",), (b"x", None, (), 0), 5])
def test_sendmmsg_refuses_what_is_no_message(pair: Pair, message: object) -> None:
    with pytest.raises(TypeError, match=r"a message is \(data, address\) or"):
        pair[0].sendmmsg([message])  # type: ignore[list-item]


def test_what_does_not_fit_a_control_message(pair: Pair) -> None:
    with pytest.raises(OverflowError, match="SO_MARK must be 0-4294967295, not -1"):
        pair[0].send_message(b"x", control=[control.SO_MARK(-1)])


def test_operations_are_those_of_the_protocol(pair: Pair) -> None:
    with famsock.create_server(("127.0.0.1", 0)) as server:
        server.operations.tcp_info()
    with pytest.raises(AttributeError, match="'UdpSocket' object has no attribute 'tcp_info'"):
        pair[0].operations.tcp_info  # noqa: B018


def test_socket_is_a_real_subclass() -> None:
    with famsock.socket() as sock:
        assert isinstance(sock, stdlib.socket)
        assert (sock.family, sock.type, sock.proto) == (stdlib.AF_INET, stdlib.SOCK_STREAM, 0)
        assert not hasattr(sock, "__dict__")
    assert famsock.SocketType is stdlib.SocketType


def test_sockets_work_with_selectors_and_refuse_pickling() -> None:
    a, b = famsock.socketpair()
    with a, b, selectors.DefaultSelector() as selector:
        selector.register(a, selectors.EVENT_READ)
        b.send(b"!")
        assert [key.fileobj for key, _ in selector.select(5)] == [a]
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(a)


def test_a_replaced_stdlib_is_refused_in_words() -> None:
    code = (
        "import socket; socket.socket = type('Other', (), {})\n"
        "try: import famsock\n"
        "except ImportError as error: print(error)"
    )
    assert "famsock needs the stdlib's own sockets" in run(code)


def test_forgotten_socket_is_closed_at_once() -> None:
    sock = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)
    descriptor = sock.fileno()
    sock.operations.enable_packet_info()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del sock
            if sys.implementation.name == "pypy":  # which counts no references
                gc.collect()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    finally:
        gc.enable()


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


@pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="PyPy runs no finalizers at the interpreter's end"
)
def test_repr_outlives_the_modules() -> None:
    code = "import famsock; kept = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, check=True
    )
    assert "ResourceWarning: unclosed <" in done.stderr
    assert "Traceback" not in done.stderr


def test_each_class_of_operations_has_a_state_of_its_own() -> None:
    class Counter:
        count = 0

    class Other(Counter):
        pass

    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        sock.protocol_state(Counter).count += 1
        assert sock.protocol_state(Counter).count == 1
        assert sock.protocol_state(Other).count == 0
        with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as another:
            assert another.protocol_state(Counter).count == 0


def test_typed_addresses_in_many_threads() -> None:
    """Keep a bounded number of them; one thread drops an item while another looks for one."""
    code = """
import sys, threading
import famsock

sys.setswitchinterval(1e-6)
with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
    decode = sock._codec.decode_typed
    wrong = []

    def go(number):
        try:
            for low in range(6000):
                sockaddr = b"\\2\\0" + (1 + number * 6000 + low).to_bytes(2, "big") + bytes(12)
                decode(sock, sockaddr)
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong, wrong[0]
"""
    run(code)


def test_repr_where_nothing_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    with famsock.create_server(("127.0.0.1", 0)) as sock:
        usual = repr(sock)

        def fail(*_: object) -> None:
            raise ImportError("sys.meta_path is None, Python is likely shutting down")

        monkeypatch.setattr(famsock.socket, "getsockname", fail)
        shown = repr(sock)
        port = stdlib.socket.getsockname(sock)[1]
        assert shown.startswith(usual.partition(" family=")[0])
        assert shown.endswith(f"family=2, type=1, proto=0, laddr=('127.0.0.1', {port})>")
    assert repr(sock).startswith("<famsock._sockets.socket [closed] fd=-1")
