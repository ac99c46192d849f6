"""The stdlib's functions on famsock's sockets; install and uninstall."""

from __future__ import annotations

import inspect
import os
import socket as stdlib
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock.plugin import Address
from tests.programs import run

REBOUND = sorted(
    name
    for name, value in vars(stdlib).items()
    if inspect.isfunction(value) and value.__module__ == "socket"
)


@pytest.mark.parametrize("name", REBOUND)
def test_functions_have_the_stdlib_signature(name: str) -> None:
    ours = inspect.signature(getattr(famsock, name))
    theirs = inspect.signature(getattr(stdlib, name))
    assert list(ours.parameters) == list(theirs.parameters)


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


@pytest.mark.parametrize("name", REBOUND)
def test_functions_are_the_interpreters_own(name: str) -> None:
    ours, theirs = inspect.unwrap(getattr(famsock, name)), getattr(stdlib, name)
    assert ours.__code__ is theirs.__code__
    assert (ours.__defaults__, ours.__kwdefaults__) == (theirs.__defaults__, theirs.__kwdefaults__)
    assert ours.__globals__ is vars(famsock)


PASSING = """
import os, socket as stdlib
import famsock

SIDE = os.environ["SIDE"]
if SIDE == "install":
    famsock.install()

def passed(module, kind, count, *more):
    \"\"\"What one end gets of as many descriptors as sent, with further arguments in between.\"\"\"
    a, b = module.socketpair(module.AF_UNIX, kind)
    with a, b:
        b.settimeout(5)
        try:
            sent = module.send_fds(a, [b"one", b"two"], [0] * count, *more)
            data, fds, flags, address = module.recv_fds(b, 10, 4, *more[:1])
        except OSError as error:
            return type(error), error.errno
        for fd in fds:
            os.close(fd)
        return sent, data, len(fds), flags, address

def all_of(module):
    return [
        passed(module, kind, count, *more)
        for kind in (stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM, stdlib.SOCK_SEQPACKET)
        for count in (0, 1, 2, 5)
        for more in ((), (0,), (count,), (stdlib.MSG_PEEK,), (1, "nowhere"), (1, ("a", 1)))
    ]

print(all_of(famsock if SIDE == "famsock" else stdlib))
"""


@pytest.mark.parametrize("side", ["famsock", "install"])
def test_descriptors_pass_as_with_the_stdlib(side: str) -> None:
    """Public programs pass the number of descriptors as the flags, which the stdlib ignores."""
    theirs = run(PASSING, SIDE="stdlib")
    assert theirs.count("(6, b'onetwo', 1") == 18
    assert run(PASSING, SIDE=side) == theirs


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


def test_typed_addresses_make_connections_and_servers() -> None:
    with famsock.create_server(("127.0.0.1", 0)) as first:
        address = first.local_address
    assert isinstance(address, Address)
    with (
        famsock.create_server(address) as server,
        famsock.create_connection(address, 20, source_address=("127.0.0.2", 0)) as client,
    ):
        assert client.peer_address == address == server.local_address
        assert client.getsockname()[0] == "127.0.0.2"
        assert client.gettimeout() == 20
    with pytest.raises(ConnectionRefusedError):
        famsock.create_connection(address)
    assert stdlib.getnameinfo(address.as_stdlib(), stdlib.NI_NUMERICHOST)[0] == "127.0.0.1"


def test_a_class_imported_before_install_stays_the_stdlibs() -> None:
    code = """
from socket import socket as taken
import socket, famsock
famsock.install()
print(taken is socket.socket, issubclass(socket.socket, taken), socket.socket is famsock.socket)
"""
    assert run(code) == "False True True"


def test_names_that_nobody_has_while_installed() -> None:
    code = """
import socket, famsock
famsock.install()
for name in ("AF_NO_SUCH_FAMILY", "no_such_function", "_PRIVATE"):
    try: getattr(socket, name)
    except AttributeError as error: print(error)
print(famsock.uninstall())
"""
    assert run(code).splitlines() == [
        "module 'socket' has no attribute 'AF_NO_SUCH_FAMILY'",
        "module 'socket' has no attribute 'no_such_function'",
        "module 'socket' has no attribute '_PRIVATE'",
        "None",
    ]


def test_uninstall_without_install_changes_nothing() -> None:
    before = dict(vars(stdlib))
    famsock.uninstall()
    assert dict(vars(stdlib)) == before


@pytest.mark.usefixtures("descriptors")
def test_a_typed_connection_that_fails_leaves_no_descriptor() -> None:
    with famsock.create_server(("127.0.0.1", 0)) as server:
        address = server.local_address
    assert isinstance(address, Address)
    for source in (None, ("192.0.2.1", 0)):
        with pytest.raises(OSError, match=r"Connection refused|Cannot assign requested address"):
            famsock.create_connection(address, 20, source_address=source)


@pytest.mark.usefixtures("descriptors")
def test_more_descriptors_than_asked_for_are_dropped() -> None:
    a, b = famsock.socketpair()
    with a, b:
        assert famsock.send_fds(a, [b"x"], [0, 1, 2]) == 1
        data, received, flags, _ = famsock.recv_fds(b, 10, 2)
        for descriptor in received:
            os.close(descriptor)
    assert (data, len(received)) == (b"x", 2)
    assert flags & stdlib.MSG_CTRUNC


def test_rebound_functions_keep_their_documentation_and_defaults() -> None:
    ours, theirs = famsock.getfqdn, stdlib.getfqdn
    assert ours is not theirs
    assert (ours.__name__, ours.__doc__) == (theirs.__name__, theirs.__doc__)
    assert ours.__defaults__ == theirs.__defaults__
    unwrapped: Any = inspect.unwrap(famsock.create_server)
    assert unwrapped.__kwdefaults__ == stdlib.create_server.__kwdefaults__


def test_typed_addresses_under_install(tmp_path: Path) -> None:
    code = f"""
import inspect, socket, famsock
from famsock_inet import InetAddress
from famsock_unix import UnixAddress
before = socket.create_connection, socket.create_server
signatures = [inspect.signature(function) for function in before]
famsock.install()
path = {str(tmp_path / "server")!r}
for address in (UnixAddress(path), InetAddress("127.0.0.1", 0)):
    with socket.create_server(address=address, backlog=1) as server:
        with socket.create_connection(server.local_address, 20) as client:
            print(server.family.name, type(server) is type(client) is famsock.socket)
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.getaddrinfo = lambda *_: [(2, 1, 0, "", server.getsockname())]
    with socket.create_connection(("patched.invalid", 1)) as client:
        print(type(server) is type(client) is famsock.socket, socket.create_server.__module__)
after = socket.create_connection, socket.create_server
print([inspect.signature(function) for function in after] == signatures)
famsock.uninstall()
print((socket.create_connection, socket.create_server) == before)
"""
    assert run(code).splitlines() == ["AF_UNIX True", "AF_INET True", "True socket", "True", "True"]


@pytest.mark.parametrize("function", ["install", "uninstall"])
def test_interrupted_at_any_line_it_is_done_or_not(function: str) -> None:
    """And another call completes it."""
    code = f"""
import socket, sys
import famsock

class InterruptError(KeyboardInterrupt):
    pass

def interrupted(call, at):
    left = at
    def trace(frame, event, _):
        nonlocal left
        if frame.f_globals.get("__name__") != "famsock._dropin":
            return None
        if event == "line":
            left -= 1
            if left < 0:
                sys.settrace(None)
                raise InterruptError
        return trace
    sys.settrace(trace)
    try:
        call()
    except InterruptError:
        return True
    finally:
        sys.settrace(None)
    return False

plain = dict(vars(socket))
ours = lambda: {{name for name, value in vars(socket).items() if plain.get(name) is not value}}
famsock.install()
installed = ours()
assert "socket" in installed and len(installed) >= 4
famsock.uninstall()
lines = 0
while True:
    if {function!r} == "uninstall":
        famsock.install()
        socket.SOL_PACKET_OF_NOBODY = 1  # what others put there stays
        del socket.SOL_PACKET_OF_NOBODY
    if not interrupted(famsock.{function}, lines):
        break
    assert ours() in (installed, set(), {{"__getattr__"}}), ours()
    famsock.install()
    assert ours() == installed, ours()
    assert socket.socket is famsock.socket
    famsock.uninstall()
    assert ours() == set() and vars(socket) == plain, ours()
    lines += 1
print(lines)
"""
    assert int(run(code)) > 8
