"""The replacement of the stdlib's `socket`: its functions on our class, install, uninstall.

The running interpreter's functions (create_connection, socketpair, …) are bound to other globals.
So they make famsock's sockets and behave exactly as in that version, also where that is a fault:
send_fds ignores ``flags`` and ``address``, and public programs pass the number of descriptors as
``flags``. What famsock does better has its own name: ``send_message``, ``recv_message``.
"""

from __future__ import annotations

import _socket
import socket as _stdlib
from functools import wraps
from itertools import chain
from types import FunctionType

from famsock._calls.descriptors import keep, made_by
from famsock.address import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_replaced: dict[str, Any] = {}
_MISSING = object()
_NO_TIMEOUT_GIVEN = vars(_stdlib)["_GLOBAL_DEFAULT_TIMEOUT"]


def functions(namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the stdlib module's Python functions, bound to ``namespace``, except our own."""
    found: dict[str, Any] = {
        name: _rebound(value, namespace)
        for name, value in vars(_stdlib).items()
        if type(value) is FunctionType and value.__module__ == "socket" and name != "__getattr__"
    }
    return found | _bettered(found)


def _bettered(originals: dict[str, Any]) -> dict[str, Any]:
    """Return functions that do what those of ``originals`` do, and more.

    Some take typed addresses besides their own. The others close the descriptors that they made if
    the class refuses them, as it does for a family that is blocked.
    """
    bettered: dict[str, Any] = {
        name: _or_typed(originals[name], typed)
        for name, typed in (("create_connection", _connect_typed), ("create_server", _serve_typed))
    }
    bettered["fromfd"] = _closing_fromfd(originals["fromfd"])
    if hasattr(_socket, "socketpair"):
        bettered["socketpair"] = _closing_socketpair(originals["socketpair"])
    return bettered


def _rebound(function: FunctionType, namespace: dict[str, Any]) -> FunctionType:
    copy = FunctionType(
        function.__code__,
        namespace,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__doc__ = function.__doc__
    return copy


def _or_typed(original: FunctionType, typed: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls ``typed`` for a typed address, ``original`` for any other."""

    @wraps(original)
    def function(address: Any, *arguments: Any, **keywords: Any) -> Any:
        if isinstance(address, Address):
            return typed(original, address, *arguments, **keywords)
        return original(address, *arguments, **keywords)

    return function


def _connect_typed(
    original: Any,
    address: Address,
    timeout: Any = _NO_TIMEOUT_GIVEN,
    source_address: Any = None,
    **_: Any,
) -> _stdlib.socket:
    """Connect to one address, of any family that has streams, without a look-up."""
    sock = original.__globals__["socket"](address.family, _stdlib.SOCK_STREAM)
    try:
        if timeout is not _NO_TIMEOUT_GIVEN:
            sock.settimeout(timeout)
        if source_address:
            sock.bind(source_address)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock  # type: ignore[no-any-return]


def _serve_typed(original: Any, address: Address, **keywords: Any) -> _stdlib.socket:
    """Create a server; without a family, take that of the address."""
    return original(address, **{"family": address.family, **keywords})  # type: ignore[no-any-return]


def _is_socket_class(found: Any) -> bool:
    """Whether it is one, and not what a program put in its place, such as a mock."""
    return isinstance(found, type) and issubclass(found, _socket.socket)


def _closing_fromfd(original: FunctionType) -> Callable[..., Any]:
    names = original.__globals__

    @wraps(original)
    def fromfd(fd: Any, family: int, type: int, proto: int = 0) -> Any:
        if not _is_socket_class(names["socket"]):
            return original(fd, family, type, proto)
        return made_by(names["socket"], (family, type, proto), names["dup"], fd)

    return fromfd


def _closing_socketpair(original: FunctionType) -> Callable[..., Any]:
    names = original.__globals__

    @wraps(original)
    def socketpair(
        family: int | None = None, type: int = _stdlib.SOCK_STREAM, proto: int = 0
    ) -> tuple[Any, Any]:
        if not _is_socket_class(names["socket"]):
            return original(family, type, proto)  # type: ignore[no-any-return]
        if family is None:
            family = names.get("AF_UNIX", names["AF_INET"])
        kind = family, type, proto
        made: list[Any] = []
        ends: list[Any] = []
        try:
            keep(ends, _socket.socketpair, *kind)
            for end in ends[0]:
                made.append(made_by(names["socket"], kind, _socket.socket.detach, end))
            return made[0], made[1]
        except BaseException:
            for sock in chain(made, *ends):
                sock.close()
            raise

    return socketpair


def _constant(name: str) -> Any:
    """Return what the stdlib's module lacks: its ``__getattr__`` while famsock is installed."""
    from famsock._registry import plugins

    if name.isupper() and not name.startswith("_"):
        value = vars(_stdlib)[name] = plugins.constant(name, "socket")
        _replaced[name] = _MISSING
        return value
    raise AttributeError(f"module 'socket' has no attribute {name!r}")


def install() -> None:
    """Put famsock under the stdlib's module: every later use of `socket` gets famsock's sockets.

    Its `create_connection` and `create_server` then take typed addresses, and the constants that
    this Python lacks appear in it. Modules that already imported the class (``from socket import
    socket``) keep the stdlib's. What the core needs is loaded, as its files may be out of reach
    when the first socket is opened. Calling it twice changes nothing.
    """
    import famsock
    from famsock._registry import prepare_core

    namespace = vars(_stdlib)
    if namespace.get("__getattr__") is _constant:
        return
    prepare_core()
    ours = {
        "socket": famsock.socket,
        "__getattr__": _constant,
        **_bettered(namespace),
    }
    before = {name: namespace.get(name, _MISSING) for name in ours}
    if before["__getattr__"] is _gone:  # `uninstall` was interrupted
        before["__getattr__"] = _MISSING
    _replaced.update(before)
    namespace.update(ours)  # all at once, whatever a signal's handler raises


def uninstall() -> None:
    """Give the stdlib's module back what `install` replaced; sockets made since keep working."""
    namespace = vars(_stdlib)
    if not _replaced:
        return
    there = {name: value for name, value in _replaced.items() if value is not _MISSING}
    namespace.update({"__getattr__": _gone, **there})  # all at once, as in `install`
    for name in _replaced.keys() - there.keys():
        namespace.pop(name, None)
    _replaced.clear()


def _gone(name: str) -> Any:
    """Be the ``__getattr__`` of the stdlib's module for a moment."""
    raise AttributeError(f"module 'socket' has no attribute {name!r}")
