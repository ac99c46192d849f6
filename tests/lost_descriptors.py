"""Interrupt each call that makes a descriptor, wherever a signal's handler may raise in it.

``python tests/lost_descriptors.py`` makes each call of `CALLS` once, and notes the places in the
code of famsock and its plugins at which the interpreter runs handlers: after a call, and where a
function or a loop's next round begins. Then it makes the call again for each place, raises there,
and compares the open descriptors with those before. A second pass lowers the limit of open files,
so that each descriptor in turn cannot be made. Prints JSON: for each call how many places there
are, and what was wrong.
"""

from __future__ import annotations

import dis
import gc
import json
import os
import resource
import socket as _stdlib
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from famsock_inet import TcpSocket
from famsock_unix import UnixDatagramSocket, UnixStreamSocket

import famsock
from famsock import _multiprocessing

RIGHTS = famsock.SOL_SOCKET, famsock.SCM_RIGHTS
CONTROL_BYTES = famsock.CMSG_SPACE(8)
Plan = tuple[Callable[[], Any], Callable[[Any], object]]
"""A call, and what closes its result."""


class InterruptError(KeyboardInterrupt):
    """The exception of a handler."""


def close(result: Any) -> None:
    """Close every socket and descriptor in a result."""
    if isinstance(result, (tuple, list)):
        for each in result:
            close(each)
    elif isinstance(result, _stdlib.socket):
        result.close()
    elif hasattr(result, "control"):
        for message in result.control:
            for number in message.value:
                os.close(number)


def close_items(result: Any) -> None:
    """Close the descriptors in the result of a call that receives messages."""
    for message in result if isinstance(result, list) else [result]:
        for _, _, data in message[1]:
            for at in range(0, len(data), 4):
                os.close(int.from_bytes(data[at : at + 4], sys.byteorder))


class Scene:
    """The sockets that a call needs: made for each attempt, and closed after it."""

    def __init__(self) -> None:
        self.sockets: list[Any] = []
        self.files: list[int] = []
        self.folder = tempfile.TemporaryDirectory()

    def keep(self, sock: Any) -> Any:
        self.sockets.append(sock)
        return sock

    def connecting(self, cls: Any = famsock.socket) -> Any:
        """A listening socket with a connection that waits."""
        server = self.keep(cls(famsock.AF_INET, famsock.SOCK_STREAM))
        server.bind(("127.0.0.1", 0))
        server.listen()
        self.keep(_stdlib.create_connection(server.getsockname()))
        return server

    def with_rights(self) -> Any:
        """A socket for which two messages wait, with two descriptors each."""
        a, b = map(self.keep, _stdlib.socketpair(famsock.AF_UNIX, famsock.SOCK_DGRAM))
        for _ in range(2):
            a.sendmsg([b"x"], [(*RIGHTS, (0).to_bytes(4, sys.byteorder) * 2)])
        return self.keep(UnixDatagramSocket.adopt(b))

    def end(self) -> None:
        for sock in self.sockets:
            sock.close()
        for number in self.files:
            os.close(number)
        self.folder.cleanup()


class OwnAccept(famsock.socket):
    """A socket with its own `_accept`."""

    def _accept(self) -> Any:
        return super()._accept()


class Refused(famsock.socket):
    """A socket that its own constructor refuses, after it has the descriptor."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        raise ValueError("refused")


class Refusing(famsock.socket):
    """A socket whose accepted ones are refused."""

    def _accepted_class(self) -> Any:
        return Refused


class Duplicate:
    """The stand-in that multiprocessing sends for a descriptor."""

    def __init__(self, number: int) -> None:
        self.number = number

    def detach(self) -> int:
        return os.dup(self.number)


def opened(scene: Scene) -> Plan:
    return lambda: famsock.socket(famsock.AF_INET, famsock.SOCK_STREAM), close


def opened_by_class(scene: Scene) -> Plan:
    return TcpSocket, close


def opened_of_descriptor(scene: Scene) -> Plan:
    sock = scene.keep(_stdlib.socket())
    return lambda: famsock.socket(fileno=sock.fileno()), famsock.socket.detach


def accepted(scene: Scene) -> Plan:
    return scene.connecting().accept, close


def accepted_with_timeout(scene: Scene) -> Plan:
    server = scene.connecting()
    server.settimeout(10)
    return server.accept, close


def accepted_by_class(scene: Scene) -> Plan:
    return scene.connecting(TcpSocket).accept, close


def accepted_by_own_method(scene: Scene) -> Plan:
    return scene.connecting(OwnAccept).accept, close


def accepted_where_the_stdlib_serves(scene: Scene) -> Plan:
    famsock.plugins.choose("AF_UNIX")
    server = scene.connecting()
    famsock.plugins.choose()
    assert server._served is None
    return server.accept, close


def accepted_by_a_class_that_refuses(scene: Scene) -> Plan:
    return partial(refusing, scene.connecting(Refusing).accept), close


def refusing(call: Callable[[], Any]) -> Any:
    with suppress(ValueError, OSError):
        return call()


def duplicated(scene: Scene) -> Plan:
    return scene.keep(famsock.socket()).dup, close


def adopted(scene: Scene) -> Plan:
    sock = scene.keep(famsock.socket())
    return lambda: TcpSocket.adopt(sock), close


def from_descriptor(scene: Scene) -> Plan:
    sock = scene.keep(famsock.socket())
    return partial(famsock.fromfd, sock.fileno(), sock.family, sock.type), close


def from_no_socket(scene: Scene) -> Plan:
    with Path(os.devnull).open() as file:
        number = os.dup(file.fileno())
    scene.files.append(number)
    return partial(refusing, partial(famsock.fromfd, number, famsock.AF_INET, 1)), close


def pair(scene: Scene) -> Plan:
    return famsock.socketpair, close


def blocked(call: Callable[[], Any]) -> Any:
    famsock.plugins.block("AF_UNIX")
    try:
        return refusing(call)
    finally:
        famsock.plugins.unblock("AF_UNIX")


def pair_of_a_blocked_family(scene: Scene) -> Plan:
    return partial(blocked, famsock.socketpair), close


def descriptor_of_a_blocked_family(scene: Scene) -> Plan:
    sock = scene.keep(_stdlib.socket(famsock.AF_UNIX))
    return partial(blocked, partial(famsock.fromfd, sock.fileno(), famsock.AF_UNIX, 1)), close


def server(scene: Scene) -> Plan:
    return partial(famsock.create_server, ("127.0.0.1", 0)), close


def connection(scene: Scene) -> Plan:
    listening = scene.connecting()
    return partial(famsock.create_connection, listening.getsockname()), close


def typed_connection(scene: Scene) -> Plan:
    listening = scene.connecting()
    return partial(famsock.create_connection, listening.local_address), close


def rebuilt(scene: Scene) -> Plan:
    sock = scene.keep(famsock.socket())
    kind = int(sock.family), int(sock.type), sock.proto
    return partial(
        _multiprocessing._rebuild, famsock.socket, Duplicate(sock.fileno()), *kind
    ), close


def receiving(name: str, *given: Any) -> Callable[[Scene], Plan]:
    def plan(scene: Scene) -> Plan:
        return partial(getattr(scene.with_rights(), name), *given), close_items

    return plan


def received_typed(scene: Scene) -> Plan:
    return scene.with_rights().recv_message, close


def received_descriptors(scene: Scene) -> Plan:
    sock = scene.with_rights()
    return sock.recv_descriptors, lambda result: list(map(os.close, result[0]))


def received_joined(scene: Scene) -> Plan:
    from famsock.control import SCM_TIMESTAMP

    return partial(scene.with_rights().recv_joined, SCM_TIMESTAMP), lambda result: None


def long_path(scene: Scene) -> Plan:
    folder = Path(scene.folder.name, "d" * 100)
    folder.mkdir()
    listening = scene.keep(UnixStreamSocket())
    listening.bind(scene.folder.name + "/s")
    listening.listen()
    os.rename(scene.folder.name + "/s", folder / "s")
    client = scene.keep(UnixStreamSocket())
    return partial(client.connect, str(folder / "s")), lambda result: None


def stale_path(scene: Scene) -> Plan:
    sock = scene.keep(UnixStreamSocket())
    left_behind = UnixStreamSocket()
    left_behind.bind(scene.folder.name + "/s")
    left_behind.close()
    return partial(sock.bind_replacing_stale, scene.folder.name + "/s"), lambda result: None


def bound_path(scene: Scene) -> Plan:
    sock = scene.keep(UnixStreamSocket())
    sock.bind(scene.folder.name + "/s")
    return partial(refusing, sock.bound_path), lambda result: None


CALLS: dict[str, Callable[[Scene], Plan]] = {
    plan.__name__: plan
    for plan in (
        opened, opened_by_class, opened_of_descriptor, accepted, accepted_with_timeout,
        accepted_by_class, accepted_by_own_method, accepted_where_the_stdlib_serves,
        accepted_by_a_class_that_refuses, duplicated, adopted, from_descriptor, from_no_socket,
        pair, pair_of_a_blocked_family, descriptor_of_a_blocked_family, server, connection,
        typed_connection, rebuilt, received_typed, received_descriptors, received_joined,
        long_path, stale_path, bound_path,
    )
}  # fmt: skip
CALLS |= {
    "recvmsg": receiving("recvmsg", 8, CONTROL_BYTES),
    "recvmsg_into": receiving("recvmsg_into", [bytearray(8)], CONTROL_BYTES),
    "recvmmsg": receiving("recvmmsg", 2, 8, CONTROL_BYTES),
    "recvmmsg_into": receiving("recvmmsg_into", [bytearray(8), bytearray(8)], CONTROL_BYTES),
}


def traced(call: Callable[[], Any], at_place: Callable[[str], None]) -> Any:
    """Return the result of a call; ``at_place`` is called wherever a handler may run."""
    before: dict[Any, str] = {}  # of each frame, the name of the instruction that was run last

    def trace(frame: Any, event: str, _: Any) -> Any:
        if event == "call":
            # A function of Python that returns is no place: the interpreter looks for no signal.
            before.pop(frame.f_back, None)
            module = frame.f_globals.get("__name__", "")
            if not module.startswith(("famsock", "socket")):
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            instruction = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if before.get(frame, "").startswith(("CALL", "RESUME", "JUMP_BACKWARD")):
                at_place(f"{frame.f_code.co_qualname}:{frame.f_lineno}:{instruction}")
            before[frame] = instruction
        return trace

    sys.settrace(trace)
    try:
        return call()
    finally:
        sys.settrace(None)


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def attempt(plan: Callable[[Scene], Plan], run: Callable[[Callable[[], Any]], Any]) -> str:
    """Make a call by way of ``run``, and return what is wrong with the descriptors after it."""
    before = descriptors()
    scene = Scene()
    call, put_away = plan(scene)
    there = descriptors()
    try:
        put_away(run(call))
    except (InterruptError, OSError) as error:
        error.__traceback__ = error.__context__ = None
    del call
    if descriptors() != there:
        gc.collect()
    # Of those that were there a call may close some, as `adopt` does; it must say so.
    gone = there - descriptors() - {str(number) for number in _closed(scene, there)}
    scene.end()
    if descriptors() != before:
        gc.collect()
    left = descriptors() - before
    said = [f"{len(left)} left"] * bool(left) + [f"{len(gone)} closed"] * bool(gone)
    return ", ".join(said)


def _closed(scene: Scene, there: set[str]) -> set[str]:
    """The descriptors of sockets in the scene that know that they were closed."""
    known = {str(sock.fileno()) for sock in scene.sockets if sock.fileno() >= 0}
    known |= set(map(str, scene.files))
    return there - known


def interrupted(plan: Callable[[Scene], Plan]) -> tuple[int, list[str]]:
    """Return how many places a call has at which a handler may raise, and at which it leaks."""
    places: list[str] = []
    # The first time imports what is used; from 3.12 on, it is also when the interpreter learns
    # that the instructions of this code are to be traced, which holds from the next time on.
    attempt(plan, lambda call: traced(call, lambda _: None))
    if wrong := attempt(plan, lambda call: traced(call, places.append)):
        return len(places), [f"uninterrupted: {wrong}"]
    found = []
    for number, place in enumerate(places):
        left = number

        def at_place(_: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                sys.settrace(None)
                raise InterruptError

        if wrong := attempt(plan, partial(_traced_at, at_place)):
            found.append(f"{place}: {wrong}")
    return len(places), found


def _traced_at(at_place: Callable[[str], None], call: Callable[[], Any]) -> Any:
    return traced(call, at_place)


def limited(plan: Callable[[Scene], Plan]) -> list[str]:
    """Return what is wrong where so many more descriptors can be made, and no more."""
    found = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for more in range(5):

        def short(call: Callable[[], Any], more: int = more) -> Any:
            last = max(map(int, descriptors()))
            resource.setrlimit(resource.RLIMIT_NOFILE, (last + more, hard))
            try:
                return call()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        if wrong := attempt(plan, short):
            found.append(f"with {more} more descriptors: {wrong}")
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None
    told = {}
    for name, plan in CALLS.items():
        places, wrong = interrupted(plan)
        told[name] = {"places": places, "wrong": [*wrong, *limited(plan)]}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
