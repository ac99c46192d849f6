"""Addresses: the base of typed ones, `RawAddress` for all others, the codec between their forms.

An address has four shapes, and one class converts between them:

* the *stdlib form*, what ``socket.bind`` takes and ``socket.getsockname`` gives (often a tuple);
* the *typed* form, an attrs object with named fields;
* the *sockaddr*, the bytes that the kernel reads and writes;
* the *text*, with ``parse(str(address)) == address``.

`Address` is the base class of the typed form. `RawAddress` holds the complete sockaddr of a family
that no plugin serves. Sockets use `AddressCodec`. This module imports no attrs, so that ``import
famsock`` stays cheap. :mod:`famsock._sockaddr` makes the attrs classes, in plugins. Sources:
socket(7), bind(2), the CPython documentation of each form.
"""

from __future__ import annotations

import os
import socket as _stdlib
import sys
from operator import index

from famsock import _calls
from famsock._lazy import PluginError, is_out_of_reach, load
from famsock._struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any, ClassVar, Self

    from famsock._calls.address_cache import AddressCache
    from famsock._calls.layout import SockaddrLayout

    StdlibSocket = _stdlib.socket
elif _calls.native is None:
    from famsock._calls.address_cache import AddressCache
else:
    AddressCache = _calls.native.AddressCache

__all__ = [
    "Address",
    "Lookup",
    "RawAddress",
    "family_head",
]

_BSD = ("darwin", "ios", "freebsd", "netbsd", "openbsd", "dragonfly")
HAS_SA_LEN = sys.platform.startswith(_BSD)
"""True if a sockaddr starts with a length byte and a family byte here, not a 16-bit family."""

_MAX_FAMILY = 0xFF if HAS_SA_LEN else 0xFFFF
_ALL_ONES = 0xFFFFFFFF
"""The value of -1 in an unsigned 32-bit field of the stdlib's form."""
_NONBLOCK = getattr(_stdlib, "SOCK_NONBLOCK", 0)  # so that the default timeout is not set

_parse_fields: Any = None  # that of `famsock._text`, once a text was parsed

why_not_served: list[Callable[[int], str]] = []
"""The registry's function of that name, which lies above this module, once it is there."""


class Lookup:
    """Look-ups in the system that an address needs while it is converted, for one operation.

    ``operation`` is the socket method at work ("bind"), which opens error messages. ``used`` says
    that the system was asked, whether by the methods here or in another way: such a result is never
    kept.
    """

    __slots__ = ("operation", "socket", "used")

    def __init__(self, operation: str, socket: StdlibSocket | None = None) -> None:
        self.operation: str = operation
        self.socket: StdlibSocket | None = socket
        self.used: bool = False

    def interface_index(self, name: str) -> int:
        """Return interface ``name``'s index in the socket's network namespace; OSError if none.

        Source: netdevice(7), SIOCGIFINDEX.
        """
        self.used = True
        if self.socket is None:
            return _stdlib.if_nametoindex(name)
        return _calls.interface_index(self.socket.fileno(), name)

    def interface_name(self, index: int) -> str:
        """Return the name of interface ``index`` in the socket's network namespace; "" if none.

        Source: netdevice(7), SIOCGIFNAME.
        """
        self.used = True
        if self.socket is None:
            try:
                return _stdlib.if_indextoname(index)
            except (OSError, OverflowError, ValueError):  # the last from Python 3.14 on
                return ""
        return _calls.interface_name(self.socket.fileno(), index)

    def local_sockaddr(self) -> bytes:
        """Return the sockaddr that the socket itself is bound to; b"" if there is none.

        Use it for parts that the kernel leaves out of a received address because bind has fixed
        them.
        """
        self.used = True
        if self.socket is None:
            return b""
        try:
            return _calls.getsockname(self.socket.fileno())
        except OSError:
            return b""


class Address(Struct):
    """Base of every typed address: one frozen attrs class per sockaddr layout, made by
    `famsock.plugin.sockaddr`.

    ``family`` is the sa_family that the sockaddr carries and ``family_name`` its name, with which
    error messages begin. ``stdlib_fields`` names the fields of the stdlib tuple in its order; those
    with a default may be left out. A class whose stdlib form is no such tuple overrides
    `from_stdlib` and `to_stdlib`. A class whose sockaddr varies in length overrides `pack` and
    `unpack`. Error messages begin with the operation ("bind(): "), unless ``names_operation`` is
    False because CPython's have another wording. ``sa_families`` lists further values of sa_family
    that its ``unpack`` reads, for a family whose sockaddrs carry another's number.
    """

    __slots__ = ()
    if TYPE_CHECKING:
        family: ClassVar[int]
        family_name: ClassVar[str]
        stdlib_fields: ClassVar[tuple[str, ...]]
        names_operation: ClassVar[bool]
        sa_families: ClassVar[tuple[int, ...]]
        _required_fields: ClassVar[int]
        _unpack_as_made: ClassVar[tuple[Any]]
        _text_form: ClassVar[Any]
    names_operation = True
    sa_families = ()
    _text_form = None  # what `famsock._text` has worked out of the class

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the typed address of the stdlib's form.

        Raises what CPython raises: TypeError for a wrong shape or type, OverflowError for an
        integer out of range, OSError for a name that the system does not know.
        """
        names = cls.stdlib_fields
        shape = f"{cls.family_name} address must be a tuple ({', '.join(names)})"
        if not isinstance(form, tuple):
            raise TypeError(f"{shape}, not {type(form).__name__}")
        required = cls.required_fields()
        if not required <= len(form) <= len(names):
            counts = f"{required}" if required == len(names) else f"{required} to {len(names)}"
            raise TypeError(f"{shape} of {counts} items, not {len(form)}")
        types = {member.attribute: member.type for member in cls.layout.members}
        items = [
            _ALL_ONES
            if item.__class__ is int
            and item == -1
            and types[name].code == "I"
            and types[name].high == _ALL_ONES
            else item
            for name, item in zip(names, form, strict=False)
        ]
        return cls(**dict(zip(names, items, strict=False)))

    def to_stdlib(self, lookup: Lookup) -> Any:
        """Return the form that the stdlib's methods return."""
        return tuple([getattr(self, name) for name in self.stdlib_fields])

    def as_stdlib(self) -> Any:
        """Return the form that the stdlib takes, for code that knows no typed address."""
        return self.to_stdlib(Lookup("as_stdlib"))

    @property
    def bound_path(self) -> str | None:
        """The path in the file system that bind(2) makes for the address; None if it makes none.

        Endpoints set its mode, and remove it.
        """
        return None

    def replacing_stale(self) -> AbstractContextManager[None]:
        """Return a context that first removes what a closed socket left at the address.

        Binding an endpoint enters it where the address is in use, and binds again. Whatever a
        living socket is bound to stays. OSError if it cannot be told. By default nothing is
        removed.
        """
        from contextlib import nullcontext

        return nullcontext()

    @classmethod
    def reads(cls, sockaddr: bytes) -> bool:
        """Return whether ``sockaddr`` says that it is of this class's family."""
        family = family_of(sockaddr)
        return family == cls.family or family in cls.sa_families

    @classmethod
    def admits(cls, rule: str) -> Callable[[StdlibSocket | None, Address | None], bool]:
        """Return the function that tells whether a rule of an allow-list admits a peer.

        The function takes the connected socket (None for a peer of a datagram socket) and the
        peer's typed address (None if it has none). A rule is the text of an address, or of some of
        its fields, ``name=value`` with commas between. A class may know others, as networks or
        users. ValueError for any other text.
        """
        from famsock._text import fields_rule

        return fields_rule(cls, rule)

    @classmethod
    def required_fields(cls) -> int:
        """Return the number of ``stdlib_fields`` without a default."""
        return cls._required_fields

    def __str__(self) -> str:
        from famsock._text import join_fields

        return join_fields(self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that ``text`` stands for, in the form of ``str``, or after ``scheme://``.

        ValueError if the text does not have the form.
        """
        global _parse_fields
        if _parse_fields is None:
            from famsock._text import parse_fields as _parse_fields
        return _parse_fields(cls, text)  # type: ignore[no-any-return]


class RawAddress(Address):
    """The sockaddr of a family that no plugin serves: ``family`` and all bytes after the family.

    Every call that takes an address takes this one, for any socket: the bytes go to the kernel
    unchanged. ``data`` is never truncated. Text form: ``raw:36:00ff…`` in hexadecimal.
    """

    __slots__ = ("data", "family")
    label = family_name = "raw"
    family: int  # type: ignore[misc]
    data: bytes

    def __init__(self, family: int, data: bytes) -> None:
        if not 0 <= index(family) <= _MAX_FAMILY:
            raise OverflowError(f"RawAddress family must be 0-{_MAX_FAMILY}, not {family}")
        object.__setattr__(self, "family", int(family))
        object.__setattr__(self, "data", memoryview(data).tobytes())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"RawAddress is immutable: cannot set {name!r}")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Raise AttributeError; for a field of a typed address, with what to install for it."""
            why = "" if name.startswith("_") else _reason(self.family)
            error = f"'RawAddress' object has no attribute {name!r}{why and f': {why}'}"
            raise AttributeError(error, name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RawAddress):
            return NotImplemented
        return (self.family, self.data) == (other.family, other.data)

    def __hash__(self) -> int:
        return hash((self.family, self.data))

    def __repr__(self) -> str:
        return f"RawAddress(family={self.family}, data={self.data!r})"

    def __reduce__(self) -> tuple[type[RawAddress], tuple[int, bytes]]:
        return RawAddress, (self.family, self.data)

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the sockaddr's bytes: the family, then ``data``."""
        return family_head(self.family, 2 + len(self.data)) + self.data

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> RawAddress:
        """Return the raw address of any sockaddr; one without a complete family has family 0."""
        return cls(family_of(bytes(data[:2])), bytes(data[2:]))

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> RawAddress:
        """Raise OSError without errno, as the stdlib does: there is no stdlib form."""
        error = OSError(
            f"bad family: no plugin serves it; use RawAddress, not {type(form).__name__}"
        )
        if lookup.socket is not None and (why := _reason(lookup.socket.family)):
            error.add_note(why)
        raise error

    def to_stdlib(self, lookup: Lookup) -> RawAddress:
        """Return the address itself: the stdlib would cut it to 14 bytes."""
        return self

    def __str__(self) -> str:
        return f"raw:{self.family}:{self.data.hex()}"

    @classmethod
    def parse(cls, text: str) -> RawAddress:
        """Return the address of a text that ``str`` made; ValueError for any other text."""
        kind, _, rest = text.partition(":")
        family, colon, data = rest.partition(":")
        try:
            if kind != "raw" or not colon:
                raise ValueError
            number, octets = int(family), bytes.fromhex(data)
        except ValueError:
            form = "raw:family:hexadecimal bytes"
            raise ValueError(f"raw address must be {form}, not {text!r}") from None
        try:
            return cls(number, octets)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"raw address {text!r}: {error}") from None


def _reason(family: int) -> str:
    """Return why no plugin serves a family, or what to install for it; "" if not known."""
    return next((why(family) for why in why_not_served), "")


def family_head(family: int, size: int) -> bytes:
    """Return the two bytes that open a sockaddr of ``size`` bytes on this platform."""
    if HAS_SA_LEN:
        return bytes((min(size, 0xFF), family))
    return family.to_bytes(2, sys.byteorder)


def family_of(sockaddr: bytes) -> int:
    """Return the sa_family of a sockaddr, 0 (AF_UNSPEC) if it is too short to have one."""
    if len(sockaddr) < 2:
        return 0
    return sockaddr[1] if HAS_SA_LEN else int.from_bytes(sockaddr[:2], sys.byteorder)


class AddressCodec(AddressCache):
    """Converts addresses for the sockets of one protocol.

    The base does so by the protocol's layout, if it has one, and keeps results; this class has what
    is left: the typed form, and by it what the layout does not cover. No name of a host or an
    interface is ever kept. ``load`` gives the address class, ``load_layout`` the `SockaddrLayout`
    or None, ``other`` the address class of another family's number, or None.
    """

    __slots__ = ("_load", "_load_layout", "_other", "_refusing")

    def __init__(
        self,
        load: Callable[[], type[Address]],
        other: Callable[[int], type[Address] | None],
        load_layout: Callable[[], SockaddrLayout | None] = lambda: None,
    ) -> None:
        super().__init__()
        self._load = load
        self._load_layout = load_layout
        self._other = other
        self._refusing: _stdlib.SocketType | None = None

    def _raise_as_stdlib(
        self, sock: StdlibSocket | None, operation: str, form: Any, ours: Exception
    ) -> None:
        """Raise what the stdlib raises for a form that it refuses too, with our text as a note.

        The words are those of the running Python. Its method is called on a socket of the same
        family that is closed, so that a form which the stdlib takes reaches no kernel.
        """
        call = _REFUSALS.get(operation)
        if call is None or sock is None or isinstance(ours, _stdlib.gaierror):
            return
        if sock.family != self.address_class.family:
            return
        try:
            refusing = self._refusing
            if refusing is None:
                refusing = self._refusing = _closed_like(sock)
            call(refusing, form)
        except (TypeError, ValueError, OverflowError, OSError) as theirs:
            has_errno = getattr(ours, "errno", None) is not None
            if (
                getattr(theirs, "errno", None) is None
                and (isinstance(theirs, TypeError) or not has_errno)
                and is_of_stdlib(self._refusing or sock)
            ):
                if str(ours) not in str(theirs):
                    theirs.add_note(str(ours))
                for note in getattr(ours, "__notes__", ()):
                    theirs.add_note(note)
                raise theirs from None
        except Warning:  # as filters ask: the stdlib takes the form, and warns
            pass
        if isinstance(ours, OSError) and ours.errno is not None:
            own_words, words = ours.strerror, os.strerror(ours.errno)
            if own_words != words:
                ours.strerror = words
                ours.add_note(str(own_words))

    def load_layout(self) -> SockaddrLayout | None:
        """Return the protocol's layout; None if it has none."""
        return self._load_layout()

    def prepare(self) -> None:
        """Load what the stdlib's forms need, so that no call opens a file in its middle."""
        if self._load_layout() is None:
            _ = self.address_class
        self.convert(None, None)

    @property
    def address_class(self) -> type[Address]:
        """The class of this protocol's addresses, imported on first use."""
        if self.loaded_class is None:
            cls = self._load()
            layout = self._load_layout()
            members = getattr(cls, "layout", None)  # none in a class of several sockaddrs
            if layout and members and {*layout.names} == {m.attribute for m in members.members}:
                self.typed_fields = layout.names
            self.loaded_class = cls
        return self.loaded_class

    def unpack_typed(self, socket: StdlibSocket, sockaddr: bytes) -> tuple[Address, bool]:
        """Return the typed address of any sockaddr, and whether it may be kept."""
        lookup = Lookup("decode", socket)
        typed = self._unpack(sockaddr, lookup)
        return typed, not lookup.used

    def decode_unusual(self, socket: StdlibSocket, sockaddr: bytes) -> tuple[Any, bool]:
        """Return the stdlib form of any sockaddr, and whether it may be kept.

        `RawAddress` where the class is out of reach: what was received is not lost.
        """
        lookup = Lookup("decode", socket)
        try:
            _ = self.address_class
        except PluginError as error:
            if not is_out_of_reach(error):
                raise
            return RawAddress.unpack(sockaddr), False
        form = self._unpack(sockaddr, lookup).to_stdlib(lookup)
        return form, not lookup.used

    def _unpack(self, sockaddr: bytes, lookup: Lookup) -> Address:
        cls = self.address_class
        known = cls if cls.reads(sockaddr) else self._other(family_of(sockaddr))
        if known is None:
            return RawAddress.unpack(sockaddr)
        if not _reads_as_made(known):
            lookup.used = True  # what somebody puts in the method's place for a while is not kept
        try:
            return known.unpack(sockaddr, lookup)
        except ValueError:
            return RawAddress.unpack(sockaddr)

    def encode_unusual(
        self, socket: StdlibSocket, operation: str, address: Any
    ) -> tuple[bytes | None, bool]:
        """Return the sockaddr of any address, and whether it may be kept.

        None for a form that the stdlib's own method must take, as what converts it here is out of
        reach. Raises what the address class does, with the operation in front, as the stdlib words
        it.
        """
        lookup = Lookup(operation, socket)
        if isinstance(address, RawAddress):
            return address.pack(lookup), True
        is_form = not isinstance(address, Address)
        layout = usual = None
        try:
            if is_form and (layout := self._load_layout()) is not None:
                usual = None if layout.usual is None else load(layout.usual)
        except Exception as error:
            if self._is_left_to_stdlib(socket, operation, error):
                return None, False
            raise
        try:
            typed = address
            if is_form:
                form = _plain(address)
                sockaddr = None if layout is None else self.convert(socket, form)
                if sockaddr is None and usual is not None:
                    resolved = usual(form, lookup)
                    sockaddr = None if resolved is None else self.convert(socket, resolved)
                if sockaddr is not None:
                    return sockaddr, not lookup.used
                try:
                    cls = self.address_class
                except Exception as error:
                    if self._is_left_to_stdlib(socket, operation, error):
                        return None, False
                    raise
                typed = cls.from_stdlib(form, lookup)
            elif not isinstance(address, self.address_class):
                raise TypeError(
                    f"{self.address_class.family_name} address must be "
                    f"{self.address_class.__name__} or RawAddress, not {type(address).__name__}"
                )
            packed: bytes = typed.pack(lookup)
        except _stdlib.gaierror:
            raise
        except _REFUSED as error:
            self._refuse(socket, operation, address, error)
            raise
        return packed, not lookup.used

    @staticmethod
    def _is_left_to_stdlib(socket: StdlibSocket, operation: str, error: Exception) -> bool:
        """Whether the stdlib's own method takes a form, as what converts it is out of reach."""
        return operation != "sendmmsg" and is_out_of_reach(error) and is_of_stdlib(socket)

    def _refuse(self, socket: StdlibSocket, operation: str, address: Any, error: Exception) -> None:
        """Word the error of an address as the stdlib does, in place or by raising its own."""
        if not isinstance(address, Address):
            self._raise_as_stdlib(socket, operation, address, error)
        try:
            names_operation = self.address_class.names_operation
        except Exception:  # out of reach: the error stands as it is
            return
        if names_operation:
            name_operation(error, operation)


class NoAddressCodec(AddressCodec):
    """The codec of a protocol without addresses, of the family ``family_name``.

    None goes to the kernel as no sockaddr, and comes back where the kernel gives none. A sockaddr
    that it gives all the same is a `RawAddress`, which is also taken.
    """

    __slots__ = ("_family_name",)

    def __init__(self, family_name: str) -> None:
        super().__init__(lambda: RawAddress, lambda family: None)
        self._family_name = family_name

    def encode_unusual(
        self, socket: StdlibSocket, operation: str, address: Any
    ) -> tuple[bytes, bool]:
        """Return no bytes for None; OSError without errno for an address, as the stdlib has it."""
        if address is None:
            return b"", False
        if isinstance(address, RawAddress):
            return address.pack(), False
        raise OSError(
            f"{operation}(): bad family: {self._family_name} has no addresses, pass None, not "
            f"{type(address).__name__}"
        )


_REFUSED = (TypeError, ValueError, OverflowError, OSError)

_REFUSALS: dict[str, Callable[[Any, Any], object]] = {
    "bind": lambda sock, form: sock.bind(form),
    "connect": lambda sock, form: sock.connect(form),
    "connect_ex": lambda sock, form: sock.connect_ex(form),
    "sendto": lambda sock, form: sock.sendto(b"", form),
    "sendmsg": lambda sock, form: sock.sendmsg((), (), 0, form),
}


def _reads_as_made(cls: type[Address]) -> bool:
    """Whether a class reads sockaddrs by the method that it was made with."""
    made = getattr(cls, "_unpack_as_made", None)
    return made is None or getattr(cls.unpack, "__func__", None) is made[0].__func__


def _closed_like(sock: StdlibSocket) -> _stdlib.SocketType:
    """A closed socket of the stdlib with the family and protocol of another.

    With the raw layer this is no audit event. Without it, OSError where no descriptor is left.
    """
    if _calls.HERE and (made := _calls.closed_like(sock)) is not None:
        return made
    kind = int(sock.family), int(sock.type) | _NONBLOCK, sock.proto
    number = os.dup(sock.fileno())
    try:
        closed = _stdlib.SocketType(*kind, number)
        closed.detach()
    finally:
        os.close(number)
    return closed


def _plain(form: Any) -> Any:
    """A tuple with the numbers and texts that C code reads from its items, whatever these say of
    themselves; a form that is no tuple as it is."""
    if not isinstance(form, tuple):
        return form
    items: list[Any] = []
    for item in form:
        if isinstance(item, str):
            items.append(str.__str__(item))
        elif isinstance(item, bytes):
            items.append(bytes(item))
        else:
            items.append(index(item) if hasattr(type(item), "__index__") else item)
    return tuple(items)


def is_of_stdlib(sock: _stdlib.SocketType) -> bool:
    """Return whether the stdlib converts the addresses of a socket's family.

    It refuses a family that it does not know before it makes any system call, with an OSError that
    has no errno.
    """
    try:
        _stdlib.SocketType.getsockname(sock)
    except OSError as error:
        return error.errno is not None
    return True


def name_operation(error: Exception, operation: str) -> None:
    """Put "bind(): " in front of an error's message, in place, as the stdlib words it."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{operation}(): {error.args[0]}",)


RAW_CODEC = AddressCodec(lambda: RawAddress, lambda family: None)
"""The codec of a family that neither a plugin nor the stdlib serves."""
