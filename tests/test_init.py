"""The drop-in surface: every public name of this interpreter's `socket`, behaving the same."""

from __future__ import annotations

import inspect
import pickle
import selectors
import socket as stdlib
import subprocess
import sys
from pathlib import Path

import pytest

import famsock

PUBLIC = sorted(name for name in vars(stdlib) if not name.startswith("_"))
REBOUND = sorted(
    name
    for name, value in vars(stdlib).items()
    if inspect.isfunction(value) and value.__module__ == "socket"
)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    ours, theirs = getattr(famsock, name), getattr(stdlib, name)
    if name == "socket" or inspect.isfunction(theirs):
        assert callable(ours)
    else:
        assert ours is theirs


def test_all_is_a_superset() -> None:
    assert set(stdlib.__all__) <= set(famsock.__all__)
    assert set(PUBLIC) <= set(dir(famsock))


@pytest.mark.parametrize("name", REBOUND)
def test_functions_have_the_stdlib_signature(name: str) -> None:
    ours = inspect.signature(getattr(famsock, name))
    theirs = inspect.signature(getattr(stdlib, name))
    assert list(ours.parameters) == list(theirs.parameters)


def test_socket_is_a_real_subclass() -> None:
    with famsock.socket() as sock:
        assert isinstance(sock, stdlib.socket)
        assert (sock.family, sock.type, sock.proto) == (stdlib.AF_INET, stdlib.SOCK_STREAM, 0)
        assert not hasattr(sock, "__dict__")
    assert famsock.SocketType is stdlib.SocketType


def test_functions_make_our_sockets() -> None:
    made = [*famsock.socketpair(), famsock.create_server(("127.0.0.1", 0))]
    made.append(famsock.create_connection(made[2].getsockname()))
    accepted, _ = made[2].accept()
    made += [accepted, accepted.dup(), famsock.fromfd(made[0].fileno(), made[0].family, 1)]
    assert {type(sock) for sock in made} == {famsock.socket}
    assert not any(sock.get_inheritable() for sock in made)
    for sock in made:
        sock.close()


def test_functions_see_a_replaced_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ours(famsock.socket):
        pass

    monkeypatch.setattr(famsock, "socket", Ours)
    with famsock.create_server(("127.0.0.1", 0)) as server:
        assert type(server) is Ours


@pytest.mark.parametrize("flags", [0, getattr(stdlib, "MSG_DONTWAIT", 0)])
def test_descriptors_pass_with_flags_and_address(flags: int, tmp_path: Path) -> None:
    receiver = famsock.socket(famsock.AF_UNIX, famsock.SOCK_DGRAM)
    sender = famsock.socket(famsock.AF_UNIX, famsock.SOCK_DGRAM)
    with receiver, sender, open(tmp_path / "file", "w+") as file:
        receiver.bind(str(tmp_path / "receiver"))
        sender.bind(str(tmp_path / "sender"))
        famsock.send_fds(sender, [b"x"], [file.fileno()], flags, str(tmp_path / "receiver"))
        data, descriptors, _, address = famsock.recv_fds(receiver, 10, 4, flags)
        assert (data, address) == (b"x", str(tmp_path / "sender"))
        with open(descriptors[0], "w") as received:
            received.write("through")
        assert Path(file.name).read_text() == "through"


def test_sockets_work_with_selectors_and_refuse_pickling() -> None:
    a, b = famsock.socketpair()
    with a, b, selectors.DefaultSelector() as selector:
        selector.register(a, selectors.EVENT_READ)
        b.send(b"!")
        assert [key.fileobj for key, _ in selector.select(5)] == [a]
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(a)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'AF_NO_SUCH_FAMILY'"):
        famsock.AF_NO_SUCH_FAMILY  # noqa: B018
    with pytest.raises(AttributeError):
        famsock.no_such_function  # noqa: B018
    with famsock.socket() as sock, pytest.raises(AttributeError):
        sock.no_such_operation  # noqa: B018


def run(code: str, *arguments: str) -> str:
    """What a program prints in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, *arguments, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_loads_no_plugin_and_nothing_heavy() -> None:
    heavy = "attr attrs pluggy typing inspect ctypes importlib.metadata"
    code = f"import sys, famsock; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert run(code) == "[]"
    code = "import sys, famsock; print([m for m in sys.modules if m.startswith('famsock_')])"
    assert run(code) == "[]"


def test_opening_a_family_loads_its_plugin_alone() -> None:
    code = (
        "import sys, famsock; famsock.socket(famsock.AF_UNIX).close();"
        "print({m.split('.')[0] for m in sys.modules if m.startswith(('famsock_', 'attr'))})"
    )
    assert run(code) == "{'famsock_unix'}"


def test_install_and_uninstall() -> None:
    code = """
import socket, famsock
before = dict(vars(socket))
famsock.install(); famsock.install()
a, b = socket.socketpair()
assert type(a) is famsock.socket, type(a)
assert socket.AF_BLUETOOTH == 31 and socket.SOL_NETLINK == 270
famsock.uninstall()
assert dict(vars(socket)) == before
c, d = socket.socketpair()
assert type(c) is socket.socket
a.send(b"still works"); print(b.recv(99).decode())
for s in (a, b, c, d): s.close()
"""
    assert run(code) == "still works"


def test_a_replaced_stdlib_is_refused_in_words() -> None:
    code = (
        "import socket; socket.socket = type('Other', (), {})\n"
        "try: import famsock\n"
        "except ImportError as error: print(error)"
    )
    assert "famsock needs the stdlib's own sockets" in run(code)
