"""Calls that fail, made on the stdlib's sockets and on famsock's while something is out of reach.

``python tests/out_of_reach.py MEANS`` opens sockets of each family that this machine has, takes
away descriptors, imports or files, and repeats every call of `calls` on both. So it does with each
call of `WAITING` on sockets that wait, as the first call with an address of a process and as a
later one. Prints JSON: how many calls were compared, those that differ, what was missing, and the
errnos of the sockets that wait. The means: ``nothing``, ``descriptors`` (no more can be opened),
``imports`` (of what is not imported, and open), ``statements`` (every import statement), ``files``
(chroot(2) into an empty folder).
"""

from __future__ import annotations

import builtins
import io
import json
import os
import resource
import socket as stdlib
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import product
from typing import Any

import famsock
from famsock.address import is_of_stdlib
from famsock.testing.namespaces import unshare_network

Call = Callable[[Any], Any]

# A family, type and protocol, and addresses that fail in one way or another on any machine.
KINDS: dict[str, tuple[int, int, int]] = {
    "tcp": (2, 1, 0),
    "udp": (2, 2, 0),
    "tcp6": (10, 1, 0),
    "udp6": (10, 2, 0),
    "unix": (1, 1, 0),
    "unix dgram": (1, 2, 0),
    "netlink": (16, 3, 0),
    "packet": (17, 3, 0),
    "vsock": (40, 1, 0),
    "qipcrtr": (42, 2, 0),
    "can raw": (29, 3, 1),
    "can bcm": (29, 2, 2),
    "isotp": (29, 2, 6),
    "j1939": (29, 2, 7),
    "tipc": (30, 4, 0),
    "alg": (38, 5, 0),
    "rds": (21, 5, 0),
    "hci": (31, 3, 1),
    "l2cap": (31, 5, 0),
    "rfcomm": (31, 1, 3),
    "sco": (31, 5, 2),
}

ADDRESSES: list[Any] = [
    ("127.0.0.1", 1),
    ("::1", 1),
    ("192.0.2.1", 0),
    ("2001:db8::1", 1, 0, 0),
    ("fe80::1", 1, 0, 99999),
    ("host.invalid\0", 1),
    ("127.0.0.1", 65536),
    ("127.0.0.1", -1),
    ("127.0.0.1", 1 << 70),
    ("127.0.0.1", "1"),
    ("127.0.0.1", 1.0),
    ("127.0.0.1",),
    ("::1", 1, 1 << 20),
    (b"127.0.0.1", 1),
    (bytearray(b"::1"), 1),
    ("no-such-host-%", 1),
    (None, 1),
    ["127.0.0.1", 1],
    "/nowhere/at/all",
    b"/nowhere/at/all",
    "\0nobody has this name",
    "x" * 200,
    "/" + "x" * 110,
    b"\0" + b"x" * 110,
    "surrogate \udc80",
    "a\0b",
    (1 << 31, 1 << 31),
    (0, "groups"),
    (5,),
    ("lo",),
    ("nowhere0",),
    ("nowhere0", 1, 2),
    ("x" * 16,),
    ("nowhere0", 0),
    ("lo", 70000),
    ("lo", 1, 0, 0, "text"),
    ("lo", 1, 0, 0, b"123456789"),
    (9, 9, 9, 9),
    (1, 2, 3, 4, 5),
    ("hash", "no-such-algorithm"),
    ("x" * 20, "name"),
    ("hash", "x" * 70),
    (0xFFFF,),
    ("00:00:00:00:00:00", 1),
    ("not a device", 1),
    "not a device",
    (),
    0,
    None,
    object(),
    {},
]


WITH_ADDRESS: dict[str, Callable[[Any, Any], Any]] = {
    "bind": lambda a, s: s.bind(a),
    "connect": lambda a, s: s.connect(a),
    "connect_ex": lambda a, s: s.connect_ex(a),
    "sendto": lambda a, s: s.sendto(b"x", a),
    "sendto with flags": lambda a, s: s.sendto(b"x", 0, a),
    "sendmsg": lambda a, s: s.sendmsg([b"x"], [], 0, a),
}


def calls() -> dict[str, Call]:
    """Calls by name; each is for any socket, and is to be made on a new one."""
    made: dict[str, Call] = {}
    for number, address in enumerate(ADDRESSES):
        for name, call in WITH_ADDRESS.items():
            made[f"{name} {number}"] = partial(call, address)
    made["sendto of too much"] = lambda s: s.sendto(bytes(70000), ("127.0.0.1", 1))
    made["sendmsg of too much"] = lambda s: s.sendmsg([bytes(70000)], [], 0, ("127.0.0.1", 1))
    made["bind to one in use"] = lambda s: s.bind(("127.0.0.1", taken_port))
    made["listen"] = lambda s: s.listen()
    made["accept"] = lambda s: s.accept()
    made["getsockname"] = lambda s: s.getsockname() and None
    made["getpeername"] = lambda s: s.getpeername()
    made["recvfrom"] = lambda s: s.recvfrom(10)
    made["recvfrom of less than nothing"] = lambda s: s.recvfrom(-1)
    made["recvfrom_into"] = lambda s: s.recvfrom_into(bytearray(10))
    made["recvfrom_into bytes"] = lambda s: s.recvfrom_into(b"")
    made["recvmsg"] = lambda s: s.recvmsg(10)
    made["recvmsg with less control"] = lambda s: s.recvmsg(10, -1)
    made["recvmsg_into"] = lambda s: s.recvmsg_into([bytearray(10)])
    made["recvmsg_into None"] = lambda s: s.recvmsg_into(None)
    made["getsockopt"] = lambda s: s.getsockopt(1, 9999)
    made["setsockopt"] = lambda s: s.setsockopt(1, 9999, 1)
    made["setsockopt of a text"] = lambda s: s.setsockopt(1, 9, "1")
    made["sendmsg with bad control"] = lambda s: s.sendmsg([b"x"], [(1, 2)], 0, ("127.0.0.1", 1))
    made["a socket of a type that is none"] = lambda s: new(s, type=77)
    made["a socket of a protocol that is none"] = lambda s: new(s, proto=250)
    made["a socket of a family that is none"] = lambda s: new(s, family=250)
    made["a socket of no descriptor"] = lambda s: new(s, fileno=1 << 20)
    return made


def new(sock: Any, **given: int) -> None:
    kind = {"family": sock.family, "type": sock.type, "proto": sock.proto, **given}
    module(sock).socket(**kind).close()


def module(sock: Any) -> Any:
    return famsock if isinstance(sock, famsock.socket) else stdlib


def outcome(sock: Any, call: Call) -> Any:
    """Return what a call raises: its type and errno; "done" where it raises nothing."""
    try:
        result = call(sock)
    except Exception as error:
        known = next(cls for cls in type(error).__mro__ if cls.__module__ in ("builtins", "socket"))
        return known.__name__, getattr(error, "errno", None)
    return "done" if not isinstance(result, int) else result


class _NoImports:
    """A finder that refuses what is not imported yet, as a broken disk would."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        raise ImportError(f"blocked: {name}")


def refuse(*arguments: Any, **keywords: Any) -> Any:
    raise PermissionError(13, "blocked")


@contextmanager
def without(means: str) -> Iterator[None]:
    if means == "descriptors":
        last = os.dup(0)
        os.close(last)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (last, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    elif means == "imports":
        kept = sys.meta_path[:], builtins.open, io.open
        sys.meta_path[:] = [_NoImports()]
        builtins.open = io.open = refuse
        try:
            yield
        finally:
            sys.meta_path[:], builtins.open, io.open = kept
    elif means == "statements":
        kept_import = builtins.__import__
        builtins.__import__ = refuse
        try:
            yield
        finally:
            builtins.__import__ = kept_import
    elif means == "files":  # for good, as chroot(2) is
        os.chroot(tempfile.mkdtemp())
        os.chdir("/")
        yield
    else:
        yield


def opened(kind: tuple[int, int, int], count: int) -> tuple[list[Any], list[Any]]:
    """Sockets of each module that wait for nothing; none where this machine has no such."""
    made: tuple[list[Any], list[Any]] = [], []
    for each, into in zip((stdlib, famsock), made, strict=True):
        for _ in range(count):
            sock = each.socket(*kind)
            sock.setblocking(False)
            into.append(sock)
    return made


def close(sock: Any, filling: int) -> None:
    """Close a socket and leave its descriptor in use, so that none becomes free.

    Also remove what it bound in the file system.
    """
    with suppress(OSError, TypeError, ValueError):
        os.unlink(stdlib.SocketType.getsockname(sock))
    os.dup2(filling, sock.detach())


def is_documented(name: str, called: str) -> bool:
    """Whether famsock differs here for a reason that tests/stdlib_forms.py states.

    RDS takes IPv6 addresses, which no CPython has. J1939 refuses an address that CPython masks.
    """
    number = called.rpartition(" ")[2]
    form = ADDRESSES[int(number)] if number.isdecimal() else None
    longer = isinstance(form, tuple) and len(form) in (3, 4)
    return longer and (name == "rds" or (name == "j1939" and form == ("fe80::1", 1, 0, 99999)))


CONNECT: dict[str, Callable[[Any, Any], Any]] = {
    "connect": lambda name, s: s.connect(name),
    "connect_ex": lambda name, s: s.connect_ex(name),
}
SEND_TOO_MUCH: dict[str, Callable[[Any, Any], Any]] = {
    "sendto of 70,000 bytes": lambda name, s: s.sendto(bytes(70000), name),
    "sendmsg of 70,000 bytes": lambda name, s: s.sendmsg([bytes(70000)], [], 0, name),
}
WAITING: dict[str, tuple[Any, dict[str, Callable[[Any, Any], Any]]]] = {
    "tcp": (("127.0.0.1", 0), CONNECT),
    "tcp6": (("::1", 0), CONNECT),
    "unix": ("", CONNECT),
    "udp": (("127.0.0.1", 0), SEND_TOO_MUCH),
    "udp6": (("::1", 0), SEND_TOO_MUCH),
}
"""Kinds of sockets that wait: what to bind one to that takes no connection, and calls to it."""


def in_child(work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns in a forked child, in which nothing was used before."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(writer, json.dumps(work()).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        os._exit(status)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read()
    assert not os.waitpid(child, 0)[1], "a child failed"
    return json.loads(said)


def waiting_outcomes(means: str, kind: str, called: str, seconds: int | None, later: bool) -> Any:
    """Return the outcomes of a call on the stdlib's socket and on famsock's, which wait so long.

    With ``later`` both have made the call, and asked for their names, before something is taken
    away. Each makes it twice then.
    """
    name, named_calls = WAITING[kind]
    with stdlib.socket(*KINDS[kind]) as refusing:
        refusing.bind(name)
        call = partial(named_calls[called], refusing.getsockname())
        both = [each.socket(*KINDS[kind]) for each in (stdlib, famsock)]
        for sock in both:
            sock.settimeout(seconds)
            if later:
                sock.getsockname()
                outcome(sock, call)
        with without(means):
            return [[outcome(sock, call) for _ in range(2)] for sock in both]


def compare_waiting(means: str) -> tuple[int, list[str], set[int]]:
    """Return the number of calls compared on sockets that wait, those that differ, the errnos."""
    compared, differing, errnos = 0, [], set()
    for kind, (name, named_calls) in WAITING.items():
        try:
            with stdlib.socket(*KINDS[kind]) as sock:
                sock.bind(name)
        except OSError:
            continue
        for called, seconds, later in product(named_calls, (None, 60), (False, True)):
            case = means, kind, called, seconds, later
            theirs, ours = in_child(partial(waiting_outcomes, *case))
            compared += 1
            errnos |= {each[1] for each in theirs if isinstance(each, list)}
            if ours != theirs:
                differing.append(f"waiting: {case}: {ours}, not {theirs}")
    return compared, differing, errnos


def main(means: str) -> None:
    global taken_port
    resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 14, 1 << 14))
    with suppress(OSError):  # where it may: no name server answers in it, or keeps a call waiting
        unshare_network()
    compared, differing, errnos = compare_waiting(means)
    listening = stdlib.create_server(("127.0.0.1", 0))
    taken_port = listening.getsockname()[1]
    os.chdir(tempfile.mkdtemp())
    wanted, missing = calls(), []
    sockets: dict[str, tuple[list[Any], list[Any]]] = {}
    for name, kind in KINDS.items():
        try:
            made = opened(kind, len(wanted))
        except OSError:
            missing.append(name)
            continue
        if is_of_stdlib(made[0][0]):
            sockets[name] = made
        else:
            missing.append(name)  # of this Python
            for sock in (*made[0], *made[1]):
                sock.close()
    with without(means):
        for name, (theirs, ours) in sockets.items():
            for (called, call), one, other in zip(wanted.items(), theirs, ours, strict=True):
                compared += 1
                expected = outcome(one, call)
                close(one, listening.fileno())
                found = outcome(other, call)
                close(other, listening.fileno())
                if found != expected and not is_documented(name, called):
                    differing.append(f"{name}: {called}: {found}, not {expected}")
    told = {"compared": compared, "differing": differing, "missing": missing}
    print(json.dumps({**told, "waiting": [*errnos]}))


taken_port = 0
if __name__ == "__main__":
    main(sys.argv[1])
