"""The calls of sockets on PyPy, which counts no references: buffers are free when a call returns.

What ctypes has a pointer to stays exported until a garbage collection there, and a bytearray that
is exported cannot be resized. So the calls below work on copies. While a call lasts the buffer is
exported, as it is with the others.
"""

from __future__ import annotations

from contextlib import ExitStack

from famsock._calls import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MSG_ZEROCOPY = 0x4000000  # linux/socket.h: the kernel reads the memory after the call, too


def _is_in_place(flags: Any) -> bool:
    return isinstance(flags, int) and bool(flags & _MSG_ZEROCOPY)


def _copied(data: Any) -> Any:
    """Return a buffer as bytes; whatever is no buffer in one piece as it is."""
    if type(data) is bytes:
        return data
    try:
        with memoryview(data) as view:
            return bytes(view) if view.c_contiguous else data
    except (TypeError, ValueError, BufferError):  # the call says what is wrong
        return data


def _copied_pieces(data: Any) -> Any:
    return [*map(_copied, data)] if isinstance(data, (list, tuple)) else _copied(data)


def _copied_message(message: Any) -> Any:
    if type(message) is not tuple or not message:
        return message
    return _copied_pieces(message[0]), *message[1:]


def _received(buffers: Any, receive: Callable[[list[Any]], Any]) -> Any:
    """Receive into copies, and write what they have then into the buffers.

    If one of them is no buffer to write to, the call gets them as they are, and says so.
    """
    with ExitStack() as stack:
        try:
            views = [stack.enter_context(memoryview(buffer)) for buffer in buffers]
            if any(view.readonly or not view.c_contiguous or not view.nbytes for view in views):
                raise BufferError
        except (TypeError, ValueError, BufferError):
            return receive(buffers)
        octets = [stack.enter_context(view.cast("B")) for view in views]
        copies = [bytearray(piece) for piece in octets]
        result = receive(copies)
        for piece, copy in zip(octets, copies, strict=True):
            piece[:] = copy
        return result


class Calls(calls.Calls):
    """The calls with buffers: see `calls.Calls`."""

    __slots__ = ()

    def sendto(
        self,
        data: Any = calls._NOT_GIVEN,
        flags_or_address: Any = calls._NOT_GIVEN,
        address: Any = calls._NOT_GIVEN,
        /,
        *more: Any,
    ) -> int:
        if not _is_in_place(flags_or_address):
            data = _copied(data)
        return super().sendto(data, flags_or_address, address, *more)

    def sendmsg(
        self,
        buffers: Any = calls._NOT_GIVEN,
        ancdata: Any = (),
        flags: int = 0,
        address: Any = None,
        /,
        *more: Any,
    ) -> int:
        if isinstance(buffers, (list, tuple)) and not _is_in_place(flags):
            buffers = [*map(_copied, buffers)]
        return super().sendmsg(buffers, ancdata, flags, address, *more)

    def sendmmsg(self, messages: Any, flags: int = 0) -> int:
        if not _is_in_place(flags):
            messages = map(_copied_message, messages)
        return super().sendmmsg(messages, flags)

    def recvfrom_into(
        self, buffer: Any = calls._NOT_GIVEN, nbytes: int = 0, flags: int = 0, *more: Any
    ) -> Any:
        def receive(buffers: list[Any]) -> Any:
            return super(Calls, self).recvfrom_into(buffers[0], nbytes, flags, *more)

        return _received([buffer], receive)

    def recvmsg_into(
        self, buffers: Any = calls._NOT_GIVEN, ancbufsize: int = 0, flags: int = 0, /, *more: Any
    ) -> Any:
        def receive(buffers: Any) -> Any:
            return super(Calls, self).recvmsg_into(buffers, ancbufsize, flags, *more)

        if not isinstance(buffers, (list, tuple)):
            return receive(buffers)
        return _received(buffers, receive)

    def recvmmsg_into(self, buffers: Any, control_bytes: int = 0, flags: int = 0) -> list[Any]:
        def receive(buffers: Any) -> list[Any]:
            return super(Calls, self).recvmmsg_into(buffers, control_bytes, flags)

        if not isinstance(buffers, (list, tuple)):
            return receive(buffers)
        received: list[Any] = _received(buffers, receive)
        return received


# They take and document what those that they replace do.
for _name in ("sendto", "sendmsg", "sendmmsg", "recvfrom_into", "recvmsg_into", "recvmmsg_into"):
    _method, _replaced = vars(Calls)[_name], vars(calls.Calls)[_name]
    _method.__doc__ = _replaced.__doc__
    if hasattr(_replaced, "__signature__"):
        _method.__signature__ = _replaced.__signature__
