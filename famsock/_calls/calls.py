"""The calls of sockets that make one, or carry an address or several messages: in Python.

`Calls` is the base of `famsock.socket`. It exists twice: here, on the raw calls of
:mod:`famsock._calls`, and compiled (``calls.pxi``). Each method is whole: arguments, address, audit
event, system call, the address that comes back, hint. A method leaves a family that no plugin
serves to the stdlib's own. Sources: Lib/socket.py and Modules/socketmodule.c for order, messages
and audit events.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket as _stdlib
import sys
from itertools import chain, islice, repeat
from operator import index, is_
from sys import audit

from famsock import _calls
from famsock._calls import arguments as checks
from famsock._calls.arguments import Signature
from famsock._calls.descriptors import close_descriptors, keep, keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from famsock._calls.address_cache import AddressCache

_CLOEXEC = int(getattr(_stdlib, "MSG_CMSG_CLOEXEC", 0))
_NAMELESS = (errno.ENOTCONN, errno.EOPNOTSUPP, errno.EINVAL)
_NOT_GIVEN: Any = object()
_CRASHING = _socket.socket.setsockopt if sys.implementation.name == "pypy" else None
_create = _socket.socket.__init__
_family_of = _socket.socket.family.__get__
_type_of = _socket.socket.type.__get__
_proto_of = _socket.socket.proto.__get__
_accept_of_stdlib: Any = vars(_socket.socket)["_accept"]
_gettimeout = _socket.socket.gettimeout  # as in the stdlib's C code, no subclass's own


def _wrong_count(method: Any, *given: Any) -> Any:
    """Have the stdlib's method refuse a number of arguments, in the words of this Python.

    PyPy's own setsockopt crashes where arguments are missing, and is not asked.
    """
    if method is not _CRASHING:
        method(*[value for value in given if value is not _NOT_GIVEN])
    raise TypeError(f"{method.__name__}() takes another number of arguments")


def _codec_for(sock: Calls, address: Any) -> AddressCache | None:
    """The codec of an address for a socket that the stdlib serves; None for the stdlib's forms."""
    kind = type(address)
    if kind is tuple or kind is str or kind is bytes:
        return None
    return sock._codec_for(address)  # type: ignore[no-any-return]


def _getsockaddrarg(
    sock: Calls, codec: AddressCache, operation: str, event: str, address: Any
) -> bytes | None:
    """The sockaddr of an argument, after its audit event; b"" for None in sendmmsg.

    None where only the stdlib's method can convert the address: see `_have_stdlib`.
    """
    sockaddr: bytes | None = b""
    if address is not None or operation != "sendmmsg":
        sockaddr = codec.encode(sock, operation, address)
        if sockaddr is None:
            return None
    audit(event, sock, address)
    return sockaddr


def _sockaddrs(sock: Calls, codec: AddressCache, addresses: Any) -> tuple[Any, Any]:
    """The addresses of a batch, of which neighbours that are one object count once; the sockaddrs.

    Each of the former is one audit event.
    """
    if all(map(is_, addresses, islice(addresses, 1, None))):
        address = addresses[0]
        sockaddr = _getsockaddrarg(sock, codec, "sendmmsg", "socket.sendmsg", address)
        return addresses[:1], repeat(sockaddr, len(addresses))
    different, sockaddrs = [], []
    last, sockaddr = _NOT_GIVEN, None
    for address in addresses:
        if address is not last:
            last = address
            different.append(address)
            sockaddr = _getsockaddrarg(sock, codec, "sendmmsg", "socket.sendmsg", address)
        sockaddrs.append(sockaddr)
    return different, sockaddrs


def _outgoing(sock: Calls, codec: AddressCache, messages: list[Any]) -> tuple[Any, Any]:
    """The messages of a batch as the raw call takes them, and the addresses as `_sockaddrs`."""
    made, different = [], []
    last, sockaddr = _NOT_GIVEN, None
    for message in messages:
        data, address, control = sock._message(message)
        if address is not last:
            last = address
            different.append(address)
            sockaddr = _getsockaddrarg(sock, codec, "sendmmsg", "socket.sendmsg", address)
        made.append((data, control, sockaddr))
    return made, different


def _have_stdlib(sock: Calls, method: Any, *given: Any) -> Any:
    """Have the stdlib's method make a call whose address is out of reach for the plugin.

    The address is the last argument.
    """
    try:
        return method(sock, *given)
    except OSError as error:
        sock._explain(error, method.__name__, given[-1])
        raise


def _connect(sock: Calls, codec: AddressCache, sockaddr: bytes, address: Any) -> int:
    """Connect: 0, or the errno of the failure, or `_calls.TIMED_OUT`."""
    error = _calls.connect(sock, _gettimeout(sock), sockaddr)
    if error:
        codec.forget(address)
    return error


def _accept(sock: Calls, kept: list[Any]) -> Any:
    """Accept a connection: its descriptor is appended to ``kept``, and the address returned."""
    codec = sock._codec
    if codec is None:
        kept.extend(chain.from_iterable(map(_accept_of_stdlib, (sock,))))  # see `keep`
        return kept.pop()
    ask = sock._served is None or sock._served.protocol.accepts_address
    _, sockaddr = _calls.accept(sock, _gettimeout(sock), ask, kept)
    return codec.decode(sock, sockaddr)


def _receive(sock: Calls, codec: AddressCache, call: Any, *given: Any) -> Any:
    """Receive a message with its address; if that fails, close its descriptors."""
    messages: list[Any] = []
    try:
        keep(messages, call, sock, *given)
        ((data, items, message_flags, sockaddr),) = messages
        return data, items, message_flags, codec.decode(sock, sockaddr)
    except BaseException:
        for _, items, _, _ in messages:
            close_descriptors(items)
        raise


def _typed_name(sock: Calls, call: Callable[[int], bytes]) -> Any:
    """The typed address that a call tells; None where there is none."""
    try:
        return sock._typed(call(sock.fileno()))
    except OSError as error:
        if error.errno not in _NAMELESS:
            raise
        return None


class Calls(_stdlib.socket):
    """The calls of sockets that make one, or carry an address or several messages.

    ``_codec`` converts the socket's addresses, and is None where the stdlib serves its family;
    ``_served`` is the protocol that a plugin serves, or None. A subclass has ``_registry``, whose
    ``served`` has the latter by (family, type, protocol), and the methods ``_open``,
    ``_codec_for``, ``_typed``, ``_accepted_class``, ``_adopt``, ``_message``, ``_timeout_of``,
    ``_explain``, ``_explain_creation``, ``_get_sized`` and ``_set_sized``, and the property
    ``_passes_descriptors``.
    """

    __slots__ = ("_codec", "_served", "_states")

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        """Return the class itself: the parameters are for type checkers."""
        return cls

    if TYPE_CHECKING:
        _codec: Any
        _served: Any
        _states: dict[Callable[[], Any], Any]
        _registry: Any

        def __getattr__(self, name: str) -> Any: ...

    def __init__(
        self,
        family: int = -1,
        type: int = -1,
        proto: int = -1,
        fileno: int | None = None,
        *more: Any,
    ) -> None:
        if more:
            _wrong_count(_stdlib.socket.__init__, self, family, type, proto, fileno, *more)
        served: Any = None
        kind = self._kind
        if fileno is None:
            given: Any = (family, type, proto)
            if kind is not None:
                given = (self._protocol_class, family, type, proto)
            try:
                served = self._registry._snapshot.served.get(given)
            except Exception:  # of no hash: the stdlib says what is wrong
                served = None
        if served is None:
            self._open(family, type, proto, fileno)
            return
        if kind is not None:  # a protocol's class knows what is not given
            family = kind[0] if family == -1 else family
            type = kind[1][0] if type == -1 else type
            proto = (kind[2] or 0) if proto <= 0 else proto
        try:
            _create(self, family, type, 0 if proto == -1 else proto, None)
        except OSError as error:
            self._explain_creation(error, family, type, proto)
            raise
        # What Lib/socket.py's own __init__ adds; calling it would cost half as much again.
        self._io_refs = 0
        self._closed = False
        self._served = served
        self._codec = served.codec

    def accept(self, *more: Any) -> tuple[Any, Any]:
        if more:
            _wrong_count(_stdlib.socket.accept, self, *more)
        kept, close = keeping()
        try:
            if type(self)._accept is _own_accept:
                address = _accept(self, kept)
            else:  # a subclass may have its own
                descriptor, address = self._accept()
                kept.append(descriptor)
            accepted = self._adopt(self._accepted_class(), kept)
        except BaseException:
            close()
            raise
        if self.gettimeout() and _stdlib.getdefaulttimeout() is None:
            accepted.setblocking(True)
        return accepted, address

    def _accept(self, *more: Any) -> tuple[int, Any]:
        if more:
            _wrong_count(_socket.socket._accept, self, *more)  # type: ignore[attr-defined]
        kept, close = keeping()
        try:
            address = _accept(self, kept)
            return kept[0], address
        except BaseException:
            close()
            raise

    # Calls that take an address

    def bind(self, address: Any = _NOT_GIVEN, /, *more: Any) -> None:
        if address is _NOT_GIVEN or more:
            _wrong_count(_socket.socket.bind, self, address, *more)
        codec = self._codec or _codec_for(self, address)
        if codec is None:
            super().bind(address)
            return
        sockaddr = _getsockaddrarg(self, codec, "bind", "socket.bind", address)
        if sockaddr is None:
            _have_stdlib(self, _socket.socket.bind, address)
            return
        try:
            _calls.bind(self.fileno(), sockaddr)
        except OSError as error:
            codec.forget(address)
            self._explain(error, "bind", address)
            raise

    def connect(self, address: Any = _NOT_GIVEN, /, *more: Any) -> None:
        if address is _NOT_GIVEN or more:
            _wrong_count(_socket.socket.connect, self, address, *more)
        codec = self._codec or _codec_for(self, address)
        if codec is None:
            super().connect(address)
            return
        sockaddr = _getsockaddrarg(self, codec, "connect", "socket.connect", address)
        if sockaddr is None:
            _have_stdlib(self, _socket.socket.connect, address)
            return
        number = _connect(self, codec, sockaddr, address)
        if number == _calls.TIMED_OUT:
            raise TimeoutError("timed out")
        if number:
            error = OSError(number, os.strerror(number))
            self._explain(error, "connect", address)
            try:
                raise error
            finally:
                del error  # its traceback keeps this frame alive, and so the socket

    def connect_ex(self, address: Any = _NOT_GIVEN, /, *more: Any) -> int:
        if address is _NOT_GIVEN or more:
            _wrong_count(_socket.socket.connect_ex, self, address, *more)
        codec = self._codec or _codec_for(self, address)
        if codec is None:
            return super().connect_ex(address)
        sockaddr = _getsockaddrarg(self, codec, "connect_ex", "socket.connect", address)
        if sockaddr is None:
            return super().connect_ex(address)
        error = _connect(self, codec, sockaddr, address)
        return errno.EWOULDBLOCK if error == _calls.TIMED_OUT else error

    def sendto(
        self,
        data: Any = _NOT_GIVEN,
        flags_or_address: Any = _NOT_GIVEN,
        address: Any = _NOT_GIVEN,
        /,
        *more: Any,
    ) -> int:
        flags = 0
        if flags_or_address is _NOT_GIVEN or more:
            _wrong_count(_socket.socket.sendto, self, data, flags_or_address, address, *more)
        if address is _NOT_GIVEN:
            address = flags_or_address
        elif type(flags_or_address) is not int or flags_or_address:
            given = _socket.socket.sendto, data, flags_or_address, address
            flags = checks.converted(checks.c_int, flags_or_address, self, *given)
        codec = self._codec or _codec_for(self, address)
        if codec is None:
            return super().sendto(data, flags, address)
        if type(data) is not bytes:
            given = _socket.socket.sendto, data, flags, address
            data = checks.converted(checks.view, data, self, *given)
        sockaddr = _getsockaddrarg(self, codec, "sendto", "socket.sendto", address)
        if sockaddr is None:
            return _have_stdlib(self, _socket.socket.sendto, data, flags, address)  # type: ignore[no-any-return]
        try:
            return _calls.sendto(self, _gettimeout(self), data, flags, sockaddr)
        except OSError as error:
            codec.forget(address)
            self._explain(error, "sendto", address)
            raise

    def sendmsg(
        self,
        buffers: Any = _NOT_GIVEN,
        ancdata: Any = (),
        flags: int = 0,
        address: Any = None,
        /,
        *more: Any,
    ) -> int:
        if buffers is _NOT_GIVEN or more:
            given = (buffers, ancdata, flags, address, *more) if more else ()
            _wrong_count(_socket.socket.sendmsg, self, *given)
        codec = None if address is None else self._codec or _codec_for(self, address)
        if codec is None:
            return super().sendmsg(buffers, ancdata, flags, address)
        given = buffers, ancdata, flags, address
        flags = checks.converted(checks.c_int, flags, self, _socket.socket.sendmsg, *given)
        sockaddr = _getsockaddrarg(self, codec, "sendmsg", "socket.sendmsg", address)
        if sockaddr is None:
            return _have_stdlib(self, _socket.socket.sendmsg, *given)  # type: ignore[no-any-return]
        views = checks.views(buffers, "sendmsg() argument 1 must be an iterable")
        items = checks.items(ancdata)
        try:
            return _calls.sendmsg(self, _gettimeout(self), views, items, flags, sockaddr)
        except OSError as error:
            codec.forget(address)
            self._explain(error, "sendmsg", address)
            raise

    def sendmmsg(self, messages: Any, flags: int = 0) -> int:
        """Send messages, any number of them: how many were sent.

        A message is (data, address) or (data, address, control): bytes or a list of buffers, an
        address in any shape or None, control messages as objects or (level, type, data). All are
        checked before one is sent. What fails after others were sent shows as their number, and
        raises when the rest is sent again. What a signal's handler raises goes out with the number
        of messages sent as its ``messages_sent``. Errors are those of sendmmsg(2) and of the
        addresses.
        """
        codec = self._codec or self._codec_for(None)
        flags = checks.c_int(flags)
        given = [*messages]
        if {*map(type, given)} == {tuple} and {*map(len, given)} == {2}:
            datas, addresses = zip(*given, strict=True)
            addresses, sockaddrs = _sockaddrs(self, codec, addresses)
            given = [*zip(datas, repeat(()), sockaddrs)]
        else:
            given, addresses = _outgoing(self, codec, given)
        try:
            return _calls.sendmmsg(self, self._timeout_of(flags), given, flags)
        except OSError as error:
            for address in addresses:
                codec.forget(address)
            self._explain(error, "sendmmsg", addresses[0] if addresses else None)
            raise

    # Calls that give an address

    def getsockname(self, *more: Any) -> Any:
        if more:
            _wrong_count(_socket.socket.getsockname, self, *more)
        codec = self._codec
        if codec is None:
            return super().getsockname()
        return codec.decode(self, _calls.getsockname(self.fileno()))

    def getpeername(self, *more: Any) -> Any:
        if more:
            _wrong_count(_socket.socket.getpeername, self, *more)
        codec = self._codec
        if codec is None:
            return super().getpeername()
        return codec.decode(self, _calls.getpeername(self.fileno()))

    @property
    def local_address(self) -> Any:
        """The typed address that the socket is bound to; None where the kernel names none.

        OSError as getsockname(2) fails on a closed socket.
        """
        return _typed_name(self, _calls.getsockname)

    @property
    def peer_address(self) -> Any:
        """The typed address of the peer; None if there is no peer.

        OSError as getpeername(2) fails on a closed socket.
        """
        return _typed_name(self, _calls.getpeername)

    def recvfrom(self, bufsize: Any = _NOT_GIVEN, flags: int = 0, /, *more: Any) -> Any:
        if bufsize is _NOT_GIVEN or more:
            given = (bufsize, flags, *more) if more else ()
            _wrong_count(_socket.socket.recvfrom, self, *given)
        codec = self._codec
        if codec is None:
            return super().recvfrom(bufsize, flags)
        if type(bufsize) is not int or type(flags) is not int or flags or bufsize < 0:
            bufsize, flags = checks.recvfrom(self, bufsize, flags)
        data, sockaddr = _calls.recvfrom(self, _gettimeout(self), bufsize, flags)
        return data, codec.decode(self, sockaddr)

    def recvfrom_into(
        self, buffer: Any = _NOT_GIVEN, nbytes: int = 0, flags: int = 0, *more: Any
    ) -> Any:
        if buffer is _NOT_GIVEN or more:
            given = (buffer, nbytes, flags, *more) if more else ()
            _wrong_count(_socket.socket.recvfrom_into, self, *given)
        codec = self._codec
        if codec is None:
            return super().recvfrom_into(buffer, nbytes, flags)
        view, size, flags = checks.recvfrom_into(self, buffer, nbytes, flags)
        received, sockaddr = _calls.recvfrom_into(
            self, _gettimeout(self), view, size or view.nbytes, flags
        )
        return received, codec.decode(self, sockaddr)

    def recvmsg(
        self, bufsize: Any = _NOT_GIVEN, ancbufsize: int = 0, flags: int = 0, /, *more: Any
    ) -> Any:
        if bufsize is _NOT_GIVEN or more:
            given = (bufsize, ancbufsize, flags, *more) if more else ()
            _wrong_count(_socket.socket.recvmsg, self, *given)
        codec = self._codec
        if codec is None:
            return super().recvmsg(bufsize, ancbufsize, flags)
        given = checks.recvmsg(self, bufsize, ancbufsize, flags)
        given = _gettimeout(self), *given
        return _receive(self, codec, _calls.recvmsg, *given)

    def recv_message(
        self, bufsize_bytes: int = 65536, control_bytes: int = 1024, flags: int = 0
    ) -> Any:
        """Receive one message with typed address and control messages.

        At most ``bufsize_bytes`` of data and ``control_bytes`` of ancillary data; what did not fit
        shows in ``Message.flags`` (MSG_TRUNC, MSG_CTRUNC). Received descriptors are close-on-exec.
        Errors are those of recvmsg(2).
        """
        served = self._served
        flags = checks.c_int(flags)
        if self._passes_descriptors:
            flags |= _CLOEXEC
        message = self._definitions.message if served is None else served.message
        timeout = self._timeout_of(flags)
        control_bytes = checks.control_bytes(control_bytes)
        kept: list[Any] = []
        try:
            keep(kept, _calls.recvmsg, self, timeout, bufsize_bytes, control_bytes, flags)
            data, items, message_flags, sockaddr = kept[0]
            return message(data, self._typed(sockaddr), items, message_flags & ~_CLOEXEC)
        except BaseException:
            for _, items, _, _ in kept:
                close_descriptors(items)
            raise

    def recvmsg_into(
        self, buffers: Any = _NOT_GIVEN, ancbufsize: int = 0, flags: int = 0, /, *more: Any
    ) -> Any:
        if buffers is _NOT_GIVEN or more:
            given = (buffers, ancbufsize, flags, *more) if more else ()
            _wrong_count(_socket.socket.recvmsg_into, self, *given)
        codec = self._codec
        if codec is None:
            return super().recvmsg_into(buffers, ancbufsize, flags)
        given = checks.recvmsg_into(self, buffers, ancbufsize, flags)
        given = _gettimeout(self), *given
        return _receive(self, codec, _calls.recvmsg_into, *given)

    def recvmmsg(
        self, count: int, bufsize_bytes: int = 2048, control_bytes: int = 0, flags: int = 0
    ) -> list[Any]:
        """Receive the messages that are there, at most ``count`` (1-1024), each as `recvmsg` does.

        Waits only for the first one, no longer than the socket's timeout. Of each message
        at most ``bufsize_bytes`` of data and ``control_bytes`` of ancillary data are received; what
        did not fit shows in its flags (MSG_TRUNC, MSG_CTRUNC). Errors are those of recvmmsg(2), and
        TimeoutError.
        """
        flags = checks.c_int(flags)
        count, bufsize_bytes = checks.batch_sizes(count, bufsize_bytes)
        control_bytes = checks.control_bytes(control_bytes)
        codec = self._codec or self._codec_for(None)
        timeout = self._timeout_of(flags)
        return _calls.recvmmsg(self, timeout, count, bufsize_bytes, control_bytes, flags, codec)

    def recvmmsg_into(self, buffers: Any, control_bytes: int = 0, flags: int = 0) -> list[Any]:
        """Receive as `recvmmsg`, each message into a writable buffer; its length comes instead."""
        flags = checks.c_int(flags)
        given = checks.unchecked_buffers(buffers)
        control_bytes = checks.control_bytes(control_bytes)
        codec = self._codec or self._codec_for(None)
        timeout = self._timeout_of(flags)
        try:
            return _calls.recvmmsg_into(self, timeout, given, control_bytes, flags, codec)
        except (BufferError, TypeError, ValueError):
            checks.batch_buffers(given)
            raise

    def recv_joined(
        self, size: Any, bufsize_bytes: int = 65535, flags: int = 0
    ) -> tuple[list[bytes], int, Any]:
        """Receive messages of one sender that the kernel has joined: apart again, flags, sender.

        ``size`` is the kind of control message that tells the length of each (of all but the last,
        which may be shorter); without it there is one message. What does not fit into
        ``bufsize_bytes`` together shows as MSG_TRUNC in the flags. Other control messages are
        dropped: `recv_message` has them all. Errors are those of recvmsg(2).
        """
        flags = checks.c_int(flags)
        if index(bufsize_bytes) < 0:
            raise ValueError("negative buffer size in recv_joined()")
        if self._passes_descriptors:
            flags |= _CLOEXEC
        messages, message_flags, sockaddr = _calls.recv_joined(
            self, self._timeout_of(flags), bufsize_bytes, flags, size.level, size.number
        )
        return messages, message_flags & ~_CLOEXEC, self._typed(sockaddr)

    def protocol_state(self, make: Callable[[], Any]) -> Any:
        """Return the state of a protocol's class between calls; ``make`` gives it at first.

        For plugins, whose classes have no slots: each has its own state, by ``make``. It must not
        refer to the socket, which keeps it. A copy of the socket begins with none.
        """
        try:
            states = self._states
        except AttributeError:
            states = self._states = {}
        if make not in states:
            states[make] = make()
        return states[make]

    # Options, where the size of an integer depends on the level

    def getsockopt(self, level: Any = _NOT_GIVEN, option: Any = _NOT_GIVEN, /, *buflen: int) -> Any:
        sizes = None if self._served is None else self._served.integer_bytes
        if option is _NOT_GIVEN:
            return _wrong_count(_socket.socket.getsockopt, self, level, option, *buflen)
        if sizes is None or len(buflen) > 1:
            return super().getsockopt(level, option, *buflen)
        return self._get_sized(sizes, level, option, *buflen)

    def setsockopt(
        self,
        level: Any = _NOT_GIVEN,
        option: Any = _NOT_GIVEN,
        value: Any = _NOT_GIVEN,
        /,
        *optlen: int,
    ) -> None:
        sizes = None if self._served is None else self._served.integer_bytes
        if value is _NOT_GIVEN or len(optlen) > 1:
            _wrong_count(_socket.socket.setsockopt, self, level, option, value, *optlen)
        if sizes is None or value is None or optlen:
            super().setsockopt(level, option, value, *optlen)
        else:
            self._set_sized(sizes, level, option, value)

    for _method, _parameters in {
        __init__: "self, family=-1, type=-1, proto=-1, fileno=None",
        accept: "self",
        _accept: "self",
        bind: "self, address, /",
        connect: "self, address, /",
        connect_ex: "self, address, /",
        sendto: "self, data, *flags_and_address",
        sendmsg: "self, buffers, ancdata=(), flags=0, address=None, /",
        sendmmsg: "self, messages, flags=0",
        getsockname: "self",
        getpeername: "self",
        recvfrom: "self, bufsize, flags=0, /",
        recvfrom_into: "self, buffer, nbytes=0, flags=0",
        recvmsg: "self, bufsize, ancbufsize=0, flags=0, /",
        recv_message: "self, bufsize_bytes=65536, control_bytes=1024, flags=0",
        recvmsg_into: "self, buffers, ancbufsize=0, flags=0, /",
        recvmmsg: "self, count, bufsize_bytes=2048, control_bytes=0, flags=0",
        recvmmsg_into: "self, buffers, control_bytes=0, flags=0",
        recv_joined: "self, size, bufsize_bytes=65535, flags=0",
        protocol_state: "self, make",
        getsockopt: "self, level, option, buflen=0, /",
        setsockopt: "self, level, option, value, optlen=None, /",
    }.items():
        _method.__signature__ = Signature(_parameters)  # type: ignore[attr-defined]
    del _method, _parameters


_own_accept = Calls._accept
