"""Every cause of an error of AF_UNIX, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from famsock_unix import UnixAddress, UnixDatagramSocket, UnixSeqpacketSocket, UnixStreamSocket

from famsock.testing.hints import Cause, check_cause, unprovoked

STALE, NO_SOCKET, ABSTRACT = "bind_replacing_stale", "that is no socket", "another socket has this"
NOBODY, NO_DATAGRAMS = "nobody listens at this name", "no datagram socket that is open"
NO_DIRECTORY, NOT_YET = "a directory of the path is missing", "no server has bound the path yet"
Call = Callable[[ExitStack], object]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each cause have its own folder."""
    monkeypatch.chdir(tmp_path)


def _abstract() -> bytes:
    return b"\0famsock-hints-%d" % os.getpid()


def _bound(stack: ExitStack, cls: Callable[..., Any], address: Any) -> Any:
    sock = stack.enter_context(cls())
    sock.bind(address)
    return sock


def _file(stack: ExitStack) -> str:
    Path("file").write_text("precious")
    return "file"


def _stale(stack: ExitStack) -> str:
    _bound(stack, UnixStreamSocket, "dead").close()
    return "dead"


def _stale_datagrams(stack: ExitStack) -> str:
    _bound(stack, UnixDatagramSocket, "dead").close()
    return "dead"


def _live(stack: ExitStack) -> str:
    _bound(stack, UnixStreamSocket, "live").listen()
    return "live"


def _full(cls: Callable[..., Any], *, timeout: float | None) -> Call:
    """Connect to a listener whose queue of connections is full."""

    def provoke(stack: ExitStack) -> None:
        _bound(stack, cls, "full").listen(0)
        with suppress(BlockingIOError):
            while True:  # one connection, or two with PyPy, whose least backlog is 1
                earlier = stack.enter_context(cls())
                earlier.setblocking(False)
                earlier.connect("full")
        late = stack.enter_context(cls())
        late.settimeout(timeout)
        late.set_option("SO_SNDTIMEO", 10_000_000)
        late.connect("full")

    return provoke


def _not_listening(stack: ExitStack) -> str:
    _bound(stack, UnixStreamSocket, "quiet")
    return "quiet"


def _dangling(stack: ExitStack) -> str:
    Path("link").symlink_to("nowhere")
    return "link"


def _taken_abstract(stack: ExitStack) -> bytes:
    _bound(stack, UnixStreamSocket, _abstract())
    return _abstract()


def _at(text: Any) -> Callable[[ExitStack], Any]:
    return lambda _stack: text


def _call(
    method: str, address: Callable[[ExitStack], Any], cls: Callable[..., Any] = UnixStreamSocket
) -> Call:
    """Call a method with the address that a function prepares."""

    def provoke(stack: ExitStack) -> None:
        where = address(stack)
        sock = stack.enter_context(cls())
        if method == "sendto":
            sock.sendto(b"x", where)
        elif method == "sendmsg":
            sock.sendmsg([b"x"], (), 0, where)
        elif method == "sendmmsg":
            sock.sendmmsg([(b"x", where)])
        else:
            getattr(sock, method)(where)

    return provoke


def _typed(address: Callable[[ExitStack], Any]) -> Callable[[ExitStack], UnixAddress]:
    return lambda stack: UnixAddress(address(stack))


FULL = "the listener's queue of connections is full"
TAKEN, REFUSED, ABSENT = errno.EADDRINUSE, errno.ECONNREFUSED, errno.ENOENT
D = UnixDatagramSocket
CAUSES = (
    Cause(
        "a live server's", _call("bind", _live), TAKEN, "if the server that left it", (NO_SOCKET,)
    ),
    Cause("a dead server's", _call("bind", _stale), TAKEN, STALE, (NO_SOCKET,)),
    Cause("typed", _call("bind", _typed(_stale)), TAKEN, STALE, (NO_SOCKET,)),
    Cause("bind at a file", _call("bind", _file), TAKEN, NO_SOCKET, (STALE,)),
    Cause("bind at a folder", _call("bind", _at(".")), TAKEN, NO_SOCKET, (STALE,)),
    Cause("bind at a link", _call("bind", _dangling), TAKEN, NO_SOCKET, (STALE,)),
    Cause("abstract", _call("bind", _taken_abstract), TAKEN, ABSTRACT, (STALE, NO_SOCKET)),
    Cause("typed abstract", _call("bind", _typed(_taken_abstract)), TAKEN, ABSTRACT, (STALE,)),
    Cause("bind, no folder", _call("bind", _at("gone/x")), ABSENT, NO_DIRECTORY, (NOT_YET,)),
    Cause("no server", _call("connect", _at("none")), ABSENT, NOT_YET),
    Cause("connect, no folder", _call("connect", _at("gone/x")), ABSENT, NOT_YET),
    Cause("connect to a dead link", _call("connect", _dangling), ABSENT, NOT_YET),
    Cause("a dead server", _call("connect", _stale), REFUSED, NOBODY, (STALE,)),
    Cause("does not listen", _call("connect", _not_listening), REFUSED, NOBODY, (STALE,)),
    Cause("connect to a file", _call("connect", _file), REFUSED, NO_SOCKET, (STALE,)),
    Cause("no abstract name", _call("connect", _at(b"\0famsock-none")), REFUSED, NOBODY),
    Cause("another type", _call("connect", _live, UnixSeqpacketSocket), errno.EPROTOTYPE),
    *(
        Cause(f"full {cls.__name__} {timeout}", _full(cls, timeout=timeout), errno.EAGAIN, FULL)
        for cls in (UnixStreamSocket, UnixSeqpacketSocket)
        for timeout in (5.0, 0.0, None)
    ),
    *(
        cause
        for method in ("sendto", "sendmsg", "sendmmsg")
        for cause in (
            Cause(f"{method} nobody", _call(method, _at("none"), D), ABSENT, NOT_YET),
            Cause(f"{method} dead", _call(method, _stale_datagrams, D), REFUSED, NO_DATAGRAMS),
            Cause(f"{method} file", _call(method, _file, D), REFUSED, NO_SOCKET, (STALE,)),
            Cause(f"{method} abstract", _call(method, _at(b"\0none"), D), REFUSED, NO_DATAGRAMS),
            Cause(f"{method} another type", _call(method, _live, D), errno.EPROTOTYPE),
        )
    ),
)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


def test_a_path_that_is_too_long_for_a_name(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    with UnixStreamSocket() as sock, pytest.raises(OSError, match="too long") as caught:
        sock.bind(str(folder / "name"))
    assert "bind a shorter path" in caught.value.__notes__[0]


def test_every_hint_is_provoked() -> None:
    assert unprovoked("famsock_unix", (*CAUSES, "bind a shorter path")) == []
