"""The socket class: what famsock adds to the stdlib's, beyond the calls of its base `Calls`.

A `socket` is a real subclass of the stdlib's. Calls without an address (send, recv, …) are
inherited untouched. A call with one is in :class:`famsock._calls.calls.Calls`: it encodes the
address by the family's plugin, makes the raw system call, and decodes what comes back. Where no
plugin serves the family the stdlib's own method runs; where the stdlib cannot either, addresses are
`RawAddress`. This module knows no family by name.
"""

from __future__ import annotations

import _socket
import socket as _stdlib
import sys
from operator import index
from sys import byteorder

from famsock import _calls
from famsock._calls import arguments
from famsock._calls.descriptors import adopted_by, is_of_same_kind, made_by
from famsock._lazy import load
from famsock._registry import plugins
from famsock.address import RAW_CODEC, Address, AddressCodec, is_of_stdlib, why_not_served

TYPE_CHECKING = False
if TYPE_CHECKING or _calls.native is None:
    from famsock._calls.calls import Calls
else:
    Calls = _calls.native.Calls
if not TYPE_CHECKING and sys.implementation.name == "pypy":
    from famsock._calls.copying import Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Self, TypeVar, overload

    from famsock._calls.calls import A, F
    from famsock._definitions import Definitions
    from famsock.control import ControlMessage, ControlType, Message, RawControl
    from famsock.family import Served
    from famsock.options import Option

    T = TypeVar("T")
    _Socket = TypeVar("_Socket", bound="socket[Any, Any]")
    _Kind = tuple[int, tuple[int, ...], int | None]

_PROBE_BYTES = 64
_AT_ONCE = int(getattr(_stdlib, "MSG_DONTWAIT", 0) | getattr(_stdlib, "MSG_ERRQUEUE", 0))
_TYPE_FLAGS = getattr(_stdlib, "SOCK_NONBLOCK", 0) | getattr(_stdlib, "SOCK_CLOEXEC", 0)
_OF_A_CLASS = {"_kind", "_protocol_class", "_redefines"}  # what each protocol's class has
_initialize = _stdlib.socket.__init__
why_not_served[:] = [plugins.why_not_served]
_family_of = _socket.socket.family.__get__
_type_of = _socket.socket.type.__get__
_proto_of = _socket.socket.proto.__get__


class socket(Calls["A", "F"]):  # noqa: N801
    """The stdlib's socket, with its address family as a plugin.

    Besides the stdlib's interface: typed addresses (`local_address`, `peer_address`; any call that
    takes an address takes a typed one), typed options (`get_option`, `set_option`), typed messages
    (`recv_message`, `send_message`) and `operations`, the same socket as its protocol's class.
    """

    __slots__ = ()
    _registry = plugins
    if TYPE_CHECKING:  # so that typing.get_type_hints, which looks for names here, finds none
        _kind: _Kind | None
        """Of a protocol's class: its family, its types, the usual one first, and its protocol."""
        _protocol_class: type[socket] | None
        """The protocol's class that this one is or inherits from."""
        _redefines: frozenset[str]
        """The names of every socket that this class itself redefines on purpose."""
    else:
        _kind = _protocol_class = None
        _redefines = frozenset()
    if TYPE_CHECKING:
        _codec: AddressCodec | None
        _served: Served | None

        def accept(self) -> tuple[socket[A, F], F]: ...

    def __init_subclass__(
        cls,
        *,
        family: int | None = None,
        type: int | tuple[int, ...] = (),
        proto: int | None = None,
        abstract: bool = False,
        redefines: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        """Make a protocol's class of a subclass that states ``family``, ``type`` and ``proto``.

        ``type`` is one socket type or several, the usual one first; without ``proto`` the class is
        for any protocol. Such a class has empty ``__slots__``: all protocols' classes have one
        layout, so that `operations` can convert a socket in place. A class that several protocols'
        classes inherit from is ``abstract``: it opens no socket itself. ``redefines`` are the names
        that every socket has and this class redefines on purpose; TypeError for any other such
        name, as a socket that is converted would change its meaning. For plugins.
        """
        super().__init_subclass__(**more)
        if redefines:
            cls._redefines = frozenset(redefines)
        if family is not None:
            types = (type,) if isinstance(type, int) else tuple(type)
            cls._kind = (int(family), tuple(int(kind) for kind in types), proto)
            cls._protocol_class = cls
            _refuse_redefined(cls)
        elif abstract:
            cls._kind = (-1, (), None)

    @classmethod
    def adopt(cls, sock: _stdlib.socket) -> Self:
        """Take over the descriptor of an open socket, as a socket of this class.

        ``sock`` is left closed. Its timeout is kept. Family and type must be this class's; where
        the kernel tells no protocol, the caller is believed. TypeError if they are not; ``sock`` is
        then left as it was.
        """
        kind = _family_of(sock), _type_of(sock), _proto_of(sock)
        if cls._kind is not None:
            kind = cls._kind_of_open(kind, sock.fileno())
            kind = kind[0], kind[1], kind[2] or cls._kind[2] or 0
        timeout = sock.gettimeout()
        adopted: Self = made_by(cls, kind, _socket.dup, sock.fileno())
        sock.close()
        adopted.settimeout(timeout)
        return adopted

    # What the methods of `Calls` leave to this class

    def _open(self, family: int, type: int, proto: int, fileno: int | None) -> None:
        """Make a socket of a kind that was not made before, or that is not told."""
        given = family, type, proto
        if self._kind is not None:
            family, type, proto = self._kind_to_open(family, type, proto, fileno)
        try:
            try:
                _initialize(self, family, type, proto, fileno)
            except OSError as error:
                self._explain_creation(error, family, type, proto)
                raise
            self._find_served(given, family, type, proto, fileno)
        except BaseException:
            self._closed = True
            if fileno is None:
                _socket.socket.close(self)
            else:  # it stays the caller's
                _socket.socket.detach(self)
            raise

    def _find_served(
        self, given: tuple[int, int, int], family: int, type: int, proto: int, fileno: int | None
    ) -> None:
        """Find what serves this socket, which was just made."""
        told = family != -1 and type != -1 and (fileno is None or proto != -1)
        asked = (index(family), index(type), index(proto)) if told else None
        kind = _family_of(self), _type_of(self), _proto_of(self)
        if fileno is None or kind[2]:
            served = plugins.find(*kind, asked)
        else:
            told_by_probe = _probed(kind, fileno)
            served = None if told_by_probe is None else plugins.find(*kind[:2], told_by_probe)
        self._served = served
        self._codec = self._plain_codec() if served is None else served.codec
        cls = self.__class__
        if cls is socket or cls is _UnservedSocket:
            # Installed, it is what others compare a socket's type with: trio takes no subclass.
            tells = served is None and _stdlib.socket is not socket
            if tells is (cls is socket):
                self.__class__ = _UnservedSocket if tells else socket
        if self._kind is not None:
            self._check_served()
            if fileno is None and asked is not None:  # the next one is opened without these checks
                opened = index(given[0]), index(given[1]), index(given[2])
                plugins.find(*asked, (self._protocol_class, *opened))

    def _kind_to_open(
        self, family: int, type: int, proto: int, fileno: int | None
    ) -> tuple[int, int, int]:
        """The kind of a socket of a protocol's class; TypeError if what is given is another."""
        assert self._kind is not None
        own_family, own_types, own_proto = self._kind
        self._check_not_abstract()
        if fileno is not None and not is_of_same_kind(self):  # what is given is not believed
            family, type, told = self._kind_of_open(_kind_of(fileno), fileno)
            proto = told or (0 if proto == -1 else proto)
        family = own_family if family == -1 else family
        kind = own_types[0] if type == -1 else type & ~_TYPE_FLAGS
        proto = max(proto, 0)
        if (
            family != own_family
            or kind not in own_types
            or own_proto not in (None, proto or own_proto)
        ):
            raise TypeError(
                f"{self.__class__.__name__} is of {_text_of(self._kind)}, "
                f"not {_text_of((family, kind, proto))}"
            )
        return family, kind if type == -1 else type, proto or own_proto or 0

    @classmethod
    def _kind_of_open(cls, kind: tuple[int, int, int], descriptor: int) -> tuple[int, int, int]:
        """The kind of an open socket, with what the probes tell; TypeError if it is not this one's.

        A probe of this class's own that is not answered tells that it is another's.
        """
        family, type, proto = kind
        if not proto:
            found = _probed(kind, descriptor)
            if found is None and cls._kind is not None and cls._kind[0] == family:
                own = plugins.find(family, type, cls._kind[2] or 0)
                if own is not None and own.protocol.probe is not None:
                    raise TypeError(
                        f"{cls.__name__} is of {_text_of(cls._kind)}, not a socket of "
                        f"{_text_of((family, type, None))} without its options"
                    )
            kind = family, type, found or 0
        cls._check_open(kind)
        return kind

    @classmethod
    def _check_open(cls, found: tuple[int, int, int]) -> None:
        """Refuse an open socket's kind if it is no kind of this class.

        The kernel's protocol 0 may mean that it tells none, but not if a row has the number 0.
        """
        assert cls._kind is not None
        family, types, proto = cls._kind
        cls._check_not_abstract()
        if found[0] == family and found[1] in types:
            if proto is None or proto == found[2]:
                return
            served = None if found[2] else plugins.find(*found)
            if not found[2] and (served is None or served.protocol.number != 0):
                return
        raise TypeError(f"{cls.__name__} is of {_text_of(cls._kind)}, not {_text_of(found)}")

    @classmethod
    def _check_not_abstract(cls) -> None:
        if cls._kind is not None and not cls._kind[1]:
            raise TypeError(
                f"{cls.__name__} is of several protocols and opens no socket: "
                "open or inherit from the class of one of them"
            )

    def _check_served(self) -> None:
        """Refuse a socket of a protocol's class that its own plugin does not serve."""
        served = self._served
        served_class = None if served is None else served.socket_class(_type_of(self))
        if served_class is not None and issubclass(served_class, self._protocol_class or socket):
            return  # a class for any protocol, where this one has its own class beneath it
        who = "no plugin" if served is None else f"the plugin of {served}, which has another class"
        raise TypeError(f"{self.__class__.__name__}: its sockets are served by {who}")

    def _plain_codec(self) -> AddressCodec | None:
        """None where the stdlib serves this family, `RAW_CODEC` where nobody does."""
        return None if is_of_stdlib(self) else RAW_CODEC

    def _codec_for(self, address: Any) -> AddressCodec | None:
        """The codec of an address for a socket that the stdlib serves; None by default."""
        return RAW_CODEC if address is None or isinstance(address, Address) else None

    def _accepted_class(self) -> type[socket]:
        return self._protocol_class or socket

    def _timeout_of(self, flags: int) -> float | None:
        return None if flags & _AT_ONCE else self.gettimeout()

    @staticmethod
    def _message(given: Any) -> tuple[Any, Any, Sequence[tuple[int, int, bytes]]]:
        """The data, the address and the control messages of one message for sendmmsg."""
        if not isinstance(given, (tuple, list)) or not 2 <= len(given) <= 3:
            raise TypeError(
                "sendmmsg(): a message is (data, address) or (data, address, control), "
                f"not {given!r}"
            )
        control = arguments.items(_packed(given[2])) if len(given) == 3 else ()
        return given[0], given[1], control

    def _set_sized(self, sizes: Mapping[int, int], level: int, option: int, value: Any) -> None:
        def converted(value: Any) -> tuple[int, int, bytes]:
            numbers = arguments.c_int(level), arguments.c_int(option)
            if hasattr(type(value), "__index__"):
                number, size_bytes = index(value), sizes.get(numbers[0], 4)
                return *numbers, number.to_bytes(size_bytes, byteorder, signed=number < 0)
            return *numbers, bytes(arguments.view(value))

        given = _socket.socket.setsockopt, level, option, value
        _calls.setsockopt(self.fileno(), *arguments.converted(converted, value, self, *given))

    def _get_sized(self, sizes: Mapping[int, int], level: int, option: int, buflen: int = 0) -> Any:
        def converted(value: Any) -> tuple[int, int, int]:
            return arguments.c_int(level), arguments.c_int(option), arguments.c_int(value)

        given = _socket.socket.getsockopt, level, option, buflen
        level, option, size = arguments.converted(converted, buflen, self, *given)
        if not 0 <= size <= 1024:
            raise OSError("getsockopt buflen out of range")
        data = _calls.getsockopt(self.fileno(), level, option, size or sizes.get(level, 4))
        return data if size else int.from_bytes(data, byteorder, signed=len(data) == 4)

    # Copies

    def dup(self) -> Self:
        kind = _family_of(self), _type_of(self), _proto_of(self)
        copy: Self = made_by(type(self), kind, _socket.dup, self.fileno(), of_same_kind=True)
        copy.settimeout(self.gettimeout())
        return copy

    def _adopt(self, cls: type[_Socket], kept: list[int]) -> _Socket:
        """A socket of this one's kind, of the descriptor in a list, which it is taken from."""
        kind = _family_of(self), _type_of(self), _proto_of(self)
        adopted: _Socket = adopted_by(cls, kind, kept, of_same_kind=True)
        return adopted

    # Typed addresses, options and messages

    if TYPE_CHECKING:  # `Calls` has them

        @property
        def local_address(self) -> A | None: ...
        @property
        def peer_address(self) -> A | None: ...
        def recv_message(
            self, bufsize_bytes: int = 65536, control_bytes: int = 1024, flags: int = 0
        ) -> Message[A]: ...
        def recv_joined(
            self, size: ControlType[int], bufsize_bytes: int = 65535, flags: int = 0
        ) -> tuple[list[bytes], int, A | None]: ...
        def protocol_state(self, make: Callable[[], T]) -> T: ...

    def _typed(self, sockaddr: bytes) -> A | None:
        if not sockaddr:
            return None
        typed: Any = (self._codec or RAW_CODEC).decode_typed(self, sockaddr)
        return typed  # type: ignore[no-any-return]

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
        row: Any = option
        if not hasattr(row, "codec"):  # isinstance costs three times as much if it is no str
            row = self._option(row)
        try:
            if row._is_integer and request is None:
                value = _calls.getsockopt_int(self, row.level, row.number)
                return value != 0 if row._is_flag else value
            size, asked = row.codec.size_bytes, b""
            if request is not None:
                asked = row.encode_request(request)
                size = max(size, len(asked))
            unit = row.length_unit_bytes
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
        row: Any = option
        if not hasattr(row, "codec"):
            row = self._option(row)
        try:
            if not (
                row._is_settable_integer
                and _calls.setsockopt_int(self, row.level, row.number, value, row._is_flag)
            ):
                _calls.setsockopt(self.fileno(), row.level, row.number, row.encode(value))
        except OSError as error:
            self._explain(error, "set_option")
            raise

    def _option(self, option: Option[Any] | str | int) -> Option[Any]:
        """Return the row of an option's name; a row as it is."""
        if not isinstance(option, (str, int)):
            return option
        try:
            return self._definitions.option(option)
        except LookupError as error:
            if why := self._why_not_served():
                raise LookupError(f"{error}{why}") from None
            raise

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

    # Many messages in one system call (sendmmsg, recvmmsg …, recv_joined) are in `Calls`

    # What every object has

    def __repr__(self) -> str:
        try:
            return super().__repr__()
        except Exception:  # at the interpreter's exit nothing more can be imported
            return _plain_repr(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # multiprocessing knows only the stdlib's class, by exact type, and every hook would import
        # multiprocessing. Its pickler is written in C, so the calling frame is one of its module.
        reduction = sys.modules.get("multiprocessing.reduction")
        if reduction is None or sys._getframe(1).f_globals is not vars(reduction):
            return super().__reduce_ex__(protocol)
        from famsock._multiprocessing import reduce_for_multiprocessing

        return reduce_for_multiprocessing(self, reduction)

    # Operations of the family

    @property
    def operations(self) -> Any:
        """The socket with its protocol's operations; AttributeError if there are none.

        A plain `famsock.socket` is converted in place: it is the same object, and its type is its
        protocol's class from then on. A socket of such a class is returned as it is. TypeError for
        a subclass of your own, which must inherit from the protocol's class.
        """
        if self._protocol_class is not None:
            return self
        served = self._served
        protocol_class = None if served is None else served.socket_class(_type_of(self))
        if protocol_class is not None:
            if type(self) is not socket:
                raise TypeError(
                    f"{type(self).__name__} has no operations: inherit from "
                    f"{protocol_class.__name__} in place of famsock.socket"
                )
            self.__class__ = protocol_class
            return self
        raise AttributeError(f"no plugin gives operations to {self!r}{self._why_not_served()}")

    def _why_not_served(self) -> str:
        """Return why no plugin serves this socket, or what to install, to end a message with."""
        why = plugins.why_not_served(_family_of(self)) if self._served is None else ""
        return why and f": {why}"

    @property
    def _passes_descriptors(self) -> bool:
        return self._served is None or self._served.protocol.passes_descriptors

    @property
    def _definitions(self) -> Definitions:
        served = self._served
        return _common_definitions() if served is None else served.definitions

    @staticmethod
    def _explain_creation(error: OSError, family: int, kind: int, proto: int) -> None:
        """Note on a failed socket(2) what would help, where a plugin knows."""
        if error.errno is None:
            return
        try:
            load("famsock._registry.creation_hints:add_creation_hint")(error, family, kind, proto)
        except Exception:  # whatever it is, it must not replace the error
            return

    def _explain(self, error: OSError, operation: str, address: Any = None) -> None:
        """Note on an error what would help, where the plugin knows."""
        if self._served is not None and error.errno is not None:
            note = self._served.note(operation, error.errno, self, address)
            if note:
                error.add_note(note)


class _UnservedSocket(socket["A", "F"]):
    """A plain socket that no plugin serves: it says so where an operation of a plugin is missing.

    The lookup is not in `socket` itself: CPython then finds every attribute more slowly, by 7 ns on
    3.11 and by 15 ns on 3.13.
    """

    __slots__ = ()
    _pickled_class = socket
    if not TYPE_CHECKING:  # a wrong name is an error for type checkers

        def __getattr__(self, name: str) -> Any:
            try:
                # A property that failed ends here too, and raises its own error again.
                return object.__getattribute__(self, name)
            except AttributeError as error:
                if name.startswith("_") or hasattr(type(self), name):
                    raise
                try:
                    why_not = load("famsock._registry.missing:why_no_operation")
                    why = why_not(plugins, _family_of(self), name)
                except Exception:  # whatever it is, it must not replace the error
                    raise error from None
                if not why:
                    raise
                text = f"{error}: operations.{name} is of a plugin, and {why}"
                raise AttributeError(text, name=name, obj=self) from None


_UnservedSocket.__name__, _UnservedSocket.__qualname__ = socket.__name__, socket.__qualname__


def _refuse_redefined(cls: type[socket[Any, Any]]) -> None:
    """Raise TypeError for a name of every socket that a class or a base defines and not states."""
    common = {name for name in dir(socket) if not name.startswith("__")} - _OF_A_CLASS
    for base in cls.__mro__:
        own = vars(base)
        found = sorted((common & own.keys()) - own.get("_redefines", frozenset()))
        if found and not issubclass(socket, base):
            raise TypeError(
                f"{cls.__name__}: {base.__name__} redefines {', '.join(found)}, which every "
                f"socket has: give it another name, or state redefines={(*found,)!r}"
            )


def _plain_repr(sock: socket) -> str:
    """As Lib/socket.py has it, with what the stdlib knows of the addresses."""
    cls, descriptor = sock.__class__, sock.fileno()
    closed = " [closed]" if getattr(sock, "_closed", False) else ""
    shown = [
        f"<{cls.__module__}.{cls.__qualname__}{closed} fd={descriptor}",
        f"family={_family_of(sock)}",
        f"type={_type_of(sock)}",
        f"proto={_proto_of(sock)}",
    ]
    calls = (("laddr", _socket.socket.getsockname), ("raddr", _socket.socket.getpeername))
    for name, call in calls if descriptor >= 0 else ():
        try:
            address = call(sock)
        except OSError:
            continue
        if address:
            shown.append(f"{name}={address}")
    return ", ".join(shown) + ">"


def _common_definitions() -> Definitions:
    from famsock._definitions import COMMON

    return COMMON


def _packed(control: Iterable[Any]) -> list[tuple[int, int, bytes]]:
    if not control:
        return []
    from famsock.control import _packed_item

    return [_packed_item(message) for message in control]


def _kind_of(descriptor: int) -> tuple[int, int, int]:
    """The family, the type and the protocol (0 if not told) that the kernel has of a descriptor."""
    if not hasattr(_stdlib, "SO_DOMAIN"):
        found = _stdlib.socket(fileno=descriptor)
        try:
            return _family_of(found), _type_of(found), _proto_of(found)
        finally:
            found.detach()
    numbers = [
        int.from_bytes(_calls.getsockopt(descriptor, _stdlib.SOL_SOCKET, option, 4), byteorder)
        for option in (_stdlib.SO_DOMAIN, _stdlib.SO_TYPE, _stdlib.SO_PROTOCOL)
    ]
    return numbers[0], numbers[1], numbers[2]


def _probed(kind: tuple[int, int, int], descriptor: int) -> int | None:
    """The protocol of an open socket for which the kernel tells 0, by the family's probes.

    0 if the family has none for this type, None if none of its probes is answered.
    """
    served = plugins.find(*kind)
    probes = [] if served is None else served.family.probes(kind[1])
    for row in probes:
        assert row.probe is not None
        try:
            _calls.getsockopt(descriptor, *row.probe, _PROBE_BYTES)
        except OSError:
            continue
        return row.number
    return None if probes else 0


def _text_of(kind: tuple[int, int | tuple[int, ...], int | None]) -> str:
    """A family, socket types and a protocol as an error shows them."""
    family, types, proto = kind
    families = {int(known): known.name for known in _stdlib.AddressFamily}
    names = {int(known): known.name for known in _stdlib.SocketKind}
    shown = "/".join(names.get(t, str(t)) for t in ((types,) if isinstance(types, int) else types))
    with_proto = "" if proto is None else f" protocol {proto}"
    return f"{families.get(family, family)} {shown}{with_proto}"
