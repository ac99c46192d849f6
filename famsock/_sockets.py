"""The socket class: one place for every call that carries an address.

A `socket` is a real subclass of the stdlib's. Calls without an address (send, recv, …) are
inherited untouched. A call with one encodes it by the family's plugin, makes the raw system call,
and decodes what comes back. Where no plugin serves the family the stdlib's own method runs; where
the stdlib cannot either, addresses are `RawAddress`. This module knows no family by name.
Sources: Lib/socket.py and Modules/socketmodule.c for order, messages and audit events.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket as _stdlib
import sys
from operator import index
from sys import audit, byteorder

from famsock import _calls
from famsock._errors import PluginError
from famsock._registry import plugins
from famsock.address import RAW_CODEC, Address, AddressCodec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Self, TypeVar, overload

    from famsock._definitions import Definitions
    from famsock.control import ControlMessage, ControlType, Message, RawControl
    from famsock.family import Served
    from famsock.options import Option

    T = TypeVar("T")
    _Socket = TypeVar("_Socket", bound="socket")

if not issubclass(_stdlib.socket, _socket.socket):
    raise ImportError(
        f"famsock needs the stdlib's own sockets, and socket.socket is {_stdlib.socket!r}: a "
        "library that replaces them, as gevent's monkey patch does, cannot run below famsock"
    )
_CLOEXEC = int(getattr(_stdlib, "MSG_CMSG_CLOEXEC", 0))
_AT_ONCE = int(getattr(_stdlib, "MSG_DONTWAIT", 0) | getattr(_stdlib, "MSG_ERRQUEUE", 0))
_NAMELESS = (errno.ENOTCONN, errno.EOPNOTSUPP, errno.EINVAL)
_UNKNOWN: Any = object()
_initialize = _stdlib.socket.__init__
_create = _socket.socket.__init__
_family_of = _socket.socket.family.__get__
_type_of = _socket.socket.type.__get__
_proto_of = _socket.socket.proto.__get__


class _Operation:
    """An operation's name on the socket class: looks it up on the socket's own operations.

    A ``__getattr__`` on the class would need no such names, but would slow down the look-up of
    every attribute of every socket, `send` and `recv` too.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, sock: socket | None, owner: type[socket]) -> Any:
        if sock is None:
            return self
        served = sock._served
        if served is None or self.name not in served.operation_names:
            where = "" if served is None else f": {served} has no such operation"
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}{where}")
        operations: Any = served.operations
        return getattr(operations(sock), self.name)

    def __call__(self, sock: socket, /, *arguments: Any, **keywords: Any) -> Any:
        """``famsock.socket.operation(sock, …)``, as an unbound method is called."""
        return self.__get__(sock, type(sock))(*arguments, **keywords)


def _show_operations(served: Served) -> None:
    """Give the socket class the names of the operations that a protocol has.

    One that this Python's own sockets have (sendmsg_afalg) stays theirs.
    """
    for name in served.operation_names:
        if name in vars(socket) and not isinstance(vars(socket)[name], _Operation):
            raise PluginError(
                f"{served}: every socket has a {name!r}: name the operation otherwise"
            )
        if not hasattr(socket, name):
            setattr(socket, name, _Operation(name))


class socket(_stdlib.socket):  # noqa: N801
    """The stdlib's socket, with its address family as a plugin.

    Besides the stdlib's interface: typed addresses (`local_address`, `peer_address`; any call that
    takes an address takes a typed one), typed options (`get_option`, `set_option`), typed messages
    (`recv_message`, `send_message`) and the operations of the family, which are attributes of the
    socket and of `operations`.
    """

    __slots__ = ("_codec", "_served", "_states")
    _states: dict[Callable[[], Any], Any]

    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        try:
            served = plugins._snapshot.served.get((family, type, proto), _UNKNOWN)
        except TypeError:
            served = _UNKNOWN
        if served is _UNKNOWN or (proto == -1 and fileno is not None):
            served = self._create_anew(family, type, proto, fileno)
        else:
            try:
                _create(self, family, type, 0 if proto == -1 else proto, fileno)
            except OSError as error:
                _explain(error, family, type, proto)
                raise
            # What Lib/socket.py's own __init__ adds; calling it would cost half as much again.
            self._io_refs = 0
            self._closed = False
        self._served: Served | None = served
        self._codec: AddressCodec | None = self._plain_codec() if served is None else served.codec

    def _create_anew(self, family: int, type: int, proto: int, fileno: int | None) -> Served | None:
        """Make a socket of a kind that was not made before, or not told; who serves it."""
        try:
            _initialize(self, family, type, proto, fileno)
        except OSError as error:
            _explain(error, family, type, proto)
            raise
        told = family != -1 and type != -1 and (fileno is None or proto != -1)
        return self._find_served(fileno, (family, type, proto) if told else None)

    def _find_served(self, fileno: int | None, asked: tuple[int, int, int] | None) -> Served | None:
        try:
            return plugins.find(_family_of(self), _type_of(self), _proto_of(self), asked)
        except BaseException:
            if fileno is None:
                self.close()
            else:
                self.detach()
            raise

    def _plain_codec(self) -> AddressCodec | None:
        """None where the stdlib serves this family, `RAW_CODEC` where nobody does.

        The stdlib refuses a family that it does not know before it makes any system call, with an
        OSError that has no errno.
        """
        try:
            super().getsockname()
        except OSError as error:
            return RAW_CODEC if error.errno is None else None
        return None

    # Calls that take an address

    def bind(self, address: Any, /) -> None:
        codec = self._codec
        if codec is None and not isinstance(address, Address):
            super().bind(address)
            return
        sockaddr = (codec or RAW_CODEC).encode(self, "bind", address)
        audit("socket.bind", self, address)
        try:
            _calls.bind(self.fileno(), sockaddr)
        except OSError as error:
            self._explain(error, "bind")
            raise

    def connect(self, address: Any, /) -> None:
        codec = self._codec
        if codec is None and not isinstance(address, Address):
            super().connect(address)
            return
        if error := self._connect(codec or RAW_CODEC, "connect", address):
            self._refuse_connection(error)

    def connect_ex(self, address: Any, /) -> int:
        codec = self._codec
        if codec is None and not isinstance(address, Address):
            return super().connect_ex(address)
        error = self._connect(codec or RAW_CODEC, "connect_ex", address)
        return errno.EWOULDBLOCK if error == _calls.TIMED_OUT else error

    def _connect(self, codec: AddressCodec, operation: str, address: Any) -> int:
        sockaddr = codec.encode(self, operation, address)
        audit("socket.connect", self, address)
        return _calls.connect(self, self.gettimeout(), sockaddr)

    def _refuse_connection(self, error: int) -> None:
        if error == _calls.TIMED_OUT:
            raise TimeoutError("timed out")
        # No name may hold the exception here: its traceback would keep this frame alive.
        raise self._explained(OSError(error, os.strerror(error)), "connect")

    def sendto(self, data: Any, /, *arguments: Any) -> int:
        codec = self._codec
        if len(arguments) == 1:
            flags, address = 0, arguments[0]
        elif len(arguments) == 2:
            flags, address = _c_int(arguments[0]), arguments[1]
        else:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({1 + len(arguments)} given)")
        if codec is None and not isinstance(address, Address):
            return super().sendto(data, flags, address)
        if type(data) is not bytes:
            data = _view(data)
        sockaddr = (codec or RAW_CODEC).encode(self, "sendto", address)
        audit("socket.sendto", self, address)
        try:
            return _calls.sendto(self, self.gettimeout(), data, flags, sockaddr)
        except OSError as error:
            self._explain(error, "sendto")
            raise

    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[tuple[int, int, Any]] = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        codec = self._codec
        if address is None or (codec is None and not isinstance(address, Address)):
            return super().sendmsg(buffers, ancdata, flags, address)
        flags = _c_int(flags)
        sockaddr = (codec or RAW_CODEC).encode(self, "sendmsg", address)
        audit("socket.sendmsg", self, address)
        views = _views(buffers, "sendmsg() argument 1 must be an iterable")
        items = _items(ancdata)
        try:
            return _calls.sendmsg(self, self.gettimeout(), views, items, flags, sockaddr)
        except OSError as error:
            self._explain(error, "sendmsg")
            raise

    # Calls that give an address

    def _accept(self) -> tuple[int, Any]:
        codec = self._codec
        if codec is None:
            return super()._accept()  # type: ignore[misc,no-any-return]
        ask = self._served is None or self._served.protocol.accepts_address
        descriptor, sockaddr = _calls.accept(self, self.gettimeout(), ask)
        try:
            return descriptor, codec.decode_peer(self, sockaddr)
        except BaseException:
            os.close(descriptor)
            raise

    def accept(self) -> tuple[socket, Any]:
        descriptor, address = self._accept()
        accepted = self._adopt(socket, descriptor)
        if _stdlib.getdefaulttimeout() is None and self.gettimeout():
            accepted.setblocking(True)
        return accepted, address

    def dup(self) -> Self:
        copy = self._adopt(type(self), _socket.dup(self.fileno()))
        copy.settimeout(self.gettimeout())
        return copy

    def _adopt(self, cls: type[_Socket], descriptor: int) -> _Socket:
        """A socket of a descriptor that belongs to nobody yet; closed if there will be none."""
        kind = _family_of(self), _type_of(self), _proto_of(self)
        adopted: Any = None
        try:
            adopted = cls.__new__(cls, *kind, fileno=descriptor)  # type: ignore[call-arg]
            adopted.__init__(*kind, fileno=descriptor)
        except BaseException:
            if adopted is not None and adopted.fileno() == descriptor:
                adopted.detach()  # a subclass failed after it was taken
            os.close(descriptor)
            raise
        return adopted  # type: ignore[no-any-return]

    def getsockname(self) -> Any:
        codec = self._codec
        if codec is None:
            return super().getsockname()
        return codec.decode(self, _calls.getsockname(self.fileno()))

    def getpeername(self) -> Any:
        codec = self._codec
        if codec is None:
            return super().getpeername()
        return codec.decode(self, _calls.getpeername(self.fileno()))

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        codec = self._codec
        if codec is None:
            return super().recvfrom(bufsize, flags)
        if (bufsize := index(bufsize)) < 0:
            raise ValueError("negative buffersize in recvfrom")
        data, sockaddr = _calls.recvfrom(self, self.gettimeout(), bufsize, _c_int(flags))
        return data, codec.decode(self, sockaddr)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        codec = self._codec
        if codec is None:
            return super().recvfrom_into(buffer, nbytes, flags)
        view = _writable(
            buffer, "recvfrom_into() argument 1 must be read-write bytes-like object, not {}"
        )
        if (size := index(nbytes)) < 0:
            raise ValueError("negative buffersize in recvfrom_into")
        if size > view.nbytes:
            raise ValueError("nbytes is greater than the length of the buffer")
        received, sockaddr = _calls.recvfrom_into(
            self, self.gettimeout(), view, size or view.nbytes, _c_int(flags)
        )
        return received, codec.decode(self, sockaddr)

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        codec = self._codec
        if codec is None:
            return super().recvmsg(bufsize, ancbufsize, flags)
        if (bufsize := index(bufsize)) < 0:
            raise ValueError("negative buffer size in recvmsg()")
        data, items, message_flags, sockaddr = _calls.recvmsg(
            self, self.gettimeout(), bufsize, _control_bytes(ancbufsize), _c_int(flags)
        )
        return data, items, message_flags, self._decode_received(codec, sockaddr, items)

    def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[tuple[int, int, bytes]], int, Any]:
        codec = self._codec
        if codec is None:
            return super().recvmsg_into(buffers, ancbufsize, flags)
        views = [
            _writable(b, "recvmsg_into() argument 1 must be an iterable of single-segment "
                         "read-write buffers")
            for b in _iterable(buffers, "recvmsg_into() argument 1 must be an iterable")
        ]  # fmt: skip
        received, items, message_flags, sockaddr = _calls.recvmsg_into(
            self, self.gettimeout(), views, _control_bytes(ancbufsize), _c_int(flags)
        )
        return received, items, message_flags, self._decode_received(codec, sockaddr, items)

    def _decode_received(
        self, codec: AddressCodec, sockaddr: bytes, items: list[tuple[int, int, bytes]]
    ) -> Any:
        try:
            return codec.decode(self, sockaddr)
        except BaseException:
            from famsock._calls.ancillary import close_descriptors

            close_descriptors(items)
            raise

    # Options, where the size of an integer depends on the level

    def setsockopt(self, level: int, option: int, value: Any, *optlen: int) -> None:
        sizes = self._served.integer_bytes if self._served is not None else None
        if sizes is None or value is None:
            super().setsockopt(level, option, value, *optlen)
            return
        if isinstance(value, int):
            data = value.to_bytes(sizes.get(level, 4), byteorder, signed=value < 0)
        else:
            data = bytes(_view(value))
        _calls.setsockopt(self.fileno(), level, option, data)

    def getsockopt(self, level: int, option: int, *buflen: int) -> Any:
        sizes = self._served.integer_bytes if self._served is not None else None
        if sizes is None:
            return super().getsockopt(level, option, *buflen)
        size = buflen[0] if buflen else 0
        if not 0 <= size <= 1024:
            raise OSError("getsockopt buflen out of range")
        data = _calls.getsockopt(self.fileno(), level, option, size or sizes.get(level, 4))
        return data if size else int.from_bytes(data, byteorder, signed=len(data) == 4)

    # Typed addresses, options and messages

    @property
    def local_address(self) -> Address | None:
        """The typed address that the socket is bound to; None where the kernel names none.

        OSError as getsockname(2) fails on a closed socket.
        """
        return self._named(_calls.getsockname)

    @property
    def peer_address(self) -> Address | None:
        """The typed address of the peer; None if there is no peer.

        OSError as getpeername(2) fails on a closed socket.
        """
        return self._named(_calls.getpeername)

    def _named(self, call: Callable[[int], bytes]) -> Address | None:
        try:
            return self._typed(call(self.fileno()))
        except OSError as error:
            if error.errno not in _NAMELESS:
                raise
            return None

    def _typed(self, sockaddr: bytes) -> Address | None:
        if not sockaddr:
            return None
        return (self._codec or RAW_CODEC).decode_typed(self, sockaddr)

    if TYPE_CHECKING:

        @overload
        def get_option(self, option: Option[T], request: Any = None) -> T: ...
        @overload
        def get_option(self, option: str, request: Any = None) -> Any: ...

    def get_option(self, option: Option[Any] | str, request: Any = None) -> Any:
        """The value of a socket option, typed.

        ``option`` is a row, or the name of one that the family or SOL_SOCKET has; ``request`` is
        what an option with a request codec is asked. Raises OSError as getsockopt(2) fails,
        LookupError for a name that no row has, ValueError for a short answer.
        """
        row = self._option(option)
        asked = row.encode_request(request)
        size, unit = max(row.codec.size_bytes, len(asked)), row.length_unit_bytes
        try:
            data = _calls.getsockopt(self.fileno(), row.level, row.number, size, asked, unit)
        except OSError as error:
            self._explain(error, "get_option")
            raise
        return row.decode(data)

    if TYPE_CHECKING:

        @overload
        def set_option(self, option: Option[T], value: T) -> None: ...
        @overload
        def set_option(self, option: str, value: Any) -> None: ...

    def set_option(self, option: Option[Any] | str, value: Any) -> None:
        """Set a socket option from a typed value.

        Raises OSError as setsockopt(2) fails, LookupError for a name that no row has, and
        TypeError, ValueError or OverflowError for a value that the row refuses.
        """
        row = self._option(option)
        data = row.encode(value)
        try:
            _calls.setsockopt(self.fileno(), row.level, row.number, data)
        except OSError as error:
            self._explain(error, "set_option")
            raise

    def _option(self, option: Option[Any] | str | int) -> Option[Any]:
        if not isinstance(option, (str, int)):
            return option
        return self._rooms.option(option)

    def recv_message(
        self, bufsize_bytes: int = 65536, control_bytes: int = 1024, flags: int = 0
    ) -> Message:
        """Receive one message with typed address and control messages.

        At most ``bufsize_bytes`` of data and ``control_bytes`` of ancillary data; what did not fit
        shows in ``Message.flags`` (MSG_TRUNC, MSG_CTRUNC). Received descriptors are close-on-exec.
        Errors are those of recvmsg(2).
        """
        flags = _c_int(flags) | (_CLOEXEC if self._passes_descriptors else 0)
        data, items, message_flags, sockaddr = _calls.recvmsg(
            self,
            None if flags & _AT_ONCE else self.gettimeout(),
            bufsize_bytes,
            _control_bytes(control_bytes),
            flags,
        )
        return self._rooms.message(data, self._typed(sockaddr), items, message_flags & ~_CLOEXEC)

    def send_message(
        self,
        data: Any,
        address: Any = None,
        control: Iterable[ControlMessage[Any] | RawControl | tuple[int, int, bytes]] = (),
        flags: int = 0,
    ) -> int:
        """Send one message: bytes (or a sequence of buffers), an address in any shape, control.

        Control messages are objects or (level, type, data). The number of bytes sent. Errors are
        those of sendmsg(2) and of the address.
        """
        buffers = data if isinstance(data, (list, tuple)) else [data]
        return self.sendmsg(buffers, _packed(control), flags, address)

    # Many messages in one system call

    def recvmmsg(
        self, count: int, bufsize_bytes: int = 2048, control_bytes: int = 0, flags: int = 0
    ) -> list[tuple[bytes, list[tuple[int, int, bytes]], int, Any]]:
        """Receive the messages that are there, at most ``count`` (1-1024), each as `recvmsg` does.

        Waits for the first one alone, no longer than the socket's timeout. A message has room for
        ``bufsize_bytes`` of data and ``control_bytes`` of ancillary data; what did not fit shows in
        its flags (MSG_TRUNC, MSG_CTRUNC). Errors are those of recvmmsg(2), and TimeoutError.
        """
        if index(count) < 1:
            raise ValueError(f"recvmmsg(): count must be at least 1, not {count}")
        if index(bufsize_bytes) < 0:
            raise ValueError("negative buffer size in recvmmsg()")
        flags, control_bytes = _c_int(flags), _control_bytes(control_bytes)
        timeout = None if flags & _AT_ONCE else self.gettimeout()
        known, decode = self._decoding()
        return _calls.recvmmsg(
            self, timeout, count, bufsize_bytes, control_bytes, flags, known, decode
        )

    def recvmmsg_into(
        self, buffers: Iterable[Any], control_bytes: int = 0, flags: int = 0
    ) -> list[tuple[int, list[tuple[int, int, bytes]], int, Any]]:
        """As `recvmmsg`, each message into a writable buffer of its own, and its length instead."""
        wanted = "recvmmsg_into() argument 1 must be an iterable of read-write buffers, not {}"
        given = _iterable(buffers, wanted.format(type(buffers).__name__))
        views = [_writable(buffer, wanted) for buffer in given]
        if not views:
            raise ValueError("recvmmsg_into(): there must be at least 1 buffer")
        flags, control_bytes = _c_int(flags), _control_bytes(control_bytes)
        timeout = None if flags & _AT_ONCE else self.gettimeout()
        known, decode = self._decoding()
        return _calls.recvmmsg_into(self, timeout, views, control_bytes, flags, known, decode)

    def _decoding(self) -> tuple[dict[bytes, Any], Callable[[bytes], Any]]:
        """The addresses that are known by their sockaddr, and how to decode any other."""
        codec = self._codec or RAW_CODEC
        return codec.decoded, lambda sockaddr: codec.decode(self, sockaddr)

    def sendmmsg(self, messages: Iterable[Sequence[Any]], flags: int = 0) -> int:
        """Send messages, any number of them: how many were sent.

        A message is (data, address) or (data, address, control): bytes or a list of buffers, an
        address in any shape or None, control messages as objects or (level, type, data). All are
        checked before one is sent. What fails after others were sent shows as their number, and
        raises when the rest is sent anew. What a signal's handler raises goes out with the number
        of messages sent as its ``messages_sent``. Errors are those of sendmmsg(2) and of the
        addresses.
        """
        codec = self._codec or RAW_CODEC
        flags = _c_int(flags)

        def encode(address: Any) -> bytes:
            sockaddr = b"" if address is None else codec.encode(self, "sendmmsg", address)
            audit("socket.sendmsg", self, address)
            return sockaddr

        given = _calls.gather(self, messages, encode, _message)
        timeout = None if flags & _AT_ONCE else self.gettimeout()
        try:
            return _calls.sendmmsg(self, timeout, given, flags)
        except OSError as error:
            self._explain(error, "sendmmsg")
            raise

    def recv_joined(
        self, size: ControlType[int], bufsize_bytes: int = 65535, flags: int = 0
    ) -> tuple[list[bytes], int, Address | None]:
        """Receive messages of one sender that the kernel has joined: apart again, flags, sender.

        ``size`` is the kind of control message that tells the length of each (of all but the last,
        which may be shorter); without it there is one message. What does not fit into
        ``bufsize_bytes`` together shows as MSG_TRUNC in the flags. Other control messages are
        dropped: `recv_message` has them all. Errors are those of recvmsg(2).
        """
        if index(bufsize_bytes) < 0:
            raise ValueError("negative buffer size in recv_joined()")
        served = self._served
        if served is None or served.protocol.passes_descriptors:
            flags |= _CLOEXEC
        timeout = None if flags & _AT_ONCE else self.gettimeout()
        messages, message_flags, sockaddr = _calls.recv_joined(
            self, timeout, bufsize_bytes, flags, size.level, size.number
        )
        hit = None if self._codec is None else self._codec.typed.get(sockaddr)
        sender = hit[0] if hit is not None and not hit[1] else self._typed(sockaddr)
        return messages, message_flags & ~_CLOEXEC, sender

    # What every object has

    def __repr__(self) -> str:
        try:
            return super().__repr__()
        except Exception:  # at the interpreter's exit nothing more can be imported
            kind = type(self)
            return f"<{kind.__module__}.{kind.__qualname__} fd={self.fileno()}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        from famsock._multiprocessing import reduce_for_multiprocessing

        reduced = reduce_for_multiprocessing(self, sys._getframe(1))
        return super().__reduce_ex__(protocol) if reduced is None else reduced

    # Operations of the family

    @property
    def operations(self) -> Any:
        """The operations of the socket's protocol; AttributeError where it has none.

        Made anew each time: a socket that kept them would be part of a cycle, and not be closed
        when its last user forgets it.
        """
        cls = None if self._served is None else self._served.operations
        if cls is None:
            raise AttributeError(f"no plugin gives operations to {self!r}")
        return cls(self)

    def operations_state(self, make: Callable[[], T]) -> T:
        """What the operations of this socket remember between calls; ``make`` gives it at first.

        For plugins: each class of operations has its own, by ``make``. It must not refer to the
        socket, which keeps it.
        """
        try:
            states = self._states
        except AttributeError:
            states = self._states = {}
        if make not in states:
            states[make] = make()
        return states[make]  # type: ignore[no-any-return]

    @property
    def _passes_descriptors(self) -> bool:
        return self._served is None or self._served.protocol.passes_descriptors

    @property
    def _rooms(self) -> Definitions:
        served = self._served
        return _common_rooms() if served is None else served.definitions

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __dir__(self) -> list[str]:
        others = {n for n, value in vars(socket).items() if isinstance(value, _Operation)}
        own = () if self._served is None else self._served.operation_names
        return sorted(({*super().__dir__()} - others) | {*own})

    def _explained(self, error: OSError, operation: str) -> OSError:
        self._explain(error, operation)
        return error

    def _explain(self, error: OSError, operation: str) -> None:
        """Note on an error what would cure it, where the plugin knows."""
        if self._served is not None:
            from famsock._hints import add_hint

            add_hint(error, self._served, operation)


def _common_rooms() -> Definitions:
    from famsock._definitions import COMMON

    return COMMON


def _explain(error: OSError, family: int, kind: int, proto: int) -> None:
    """Add to a failed socket(2) what would cure it, where a plugin knows."""
    if error.errno is not None:
        from famsock._hints import add_creation_hint

        add_creation_hint(error, family, kind, proto)


def _c_int(flags: Any) -> int:
    if not -(1 << 31) <= (number := index(flags)) < 1 << 31:
        raise OverflowError("signed integer is greater than maximum" if number > 0 else
                            "signed integer is less than minimum")  # fmt: skip
    return number


def _control_bytes(size: Any) -> int:
    if not 0 <= (number := index(size)) < 1 << 31:
        raise ValueError("invalid ancillary data buffer length")
    return number


def _packed(control: Iterable[Any]) -> list[tuple[int, int, bytes]]:
    if not control:
        return []
    from famsock.control import _packed_item

    return [_packed_item(message) for message in control]


def _message(given: Any) -> tuple[Any, Any, Sequence[tuple[int, int, bytes]]]:
    """The data, the address and the control messages of one message for sendmmsg."""
    if not isinstance(given, (tuple, list)) or not 2 <= len(given) <= 3:
        raise TypeError(
            f"sendmmsg(): a message is (data, address) or (data, address, control), not {given!r}"
        )
    return given[0], given[1], _items(_packed(given[2])) if len(given) == 3 else ()


def _view(data: Any) -> memoryview:
    try:
        return memoryview(data)
    except TypeError:
        kind = type(data).__name__
        raise TypeError(f"a bytes-like object is required, not {kind!r}") from None


def _writable(buffer: Any, refusal: str) -> memoryview:
    try:
        view = memoryview(buffer)
    except (TypeError, ValueError, BufferError):  # a released one is no buffer either
        view = memoryview(b"")
    if view.readonly or not view.c_contiguous:
        raise TypeError(refusal.format(type(buffer).__name__))
    return view.cast("B")


def _iterable(value: Any, message: str) -> Sequence[Any]:
    try:
        return tuple(value)
    except TypeError:
        raise TypeError(message) from None


def _views(buffers: Any, message: str) -> list[Any]:
    pieces = _iterable(buffers, message)
    return [piece if type(piece) is bytes else _view(piece) for piece in pieces]


_ITEMS = "[sendmsg() ancillary data items]()"  # as the stdlib words it


def _items(ancdata: Any) -> list[tuple[int, int, bytes]]:
    items = []
    for item in _iterable(ancdata, "sendmsg() argument 2 must be an iterable"):
        if not hasattr(type(item), "__getitem__") or isinstance(item, (bytes, dict)):
            given = "None" if item is None else type(item).__name__
            raise TypeError(f"{_ITEMS} argument must be 3-item sequence, not {given}")
        if len(item) != 3:
            raise TypeError(f"{_ITEMS} argument must be sequence of length 3, not {len(item)}")
        level, kind, data = item
        level, kind = _c_int(level), _c_int(kind)
        items.append((level, kind, data if type(data) is bytes else bytes(_view(data))))
    return items


plugins.on_served = _show_operations
_calls.install_fast_methods(socket, AddressCodec, plugins, _explain)
