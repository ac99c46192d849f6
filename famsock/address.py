"""Addresses: the base of every typed address, the raw escape, and the codec between their forms.

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

import socket as _stdlib
import sys

from famsock import _calls
from famsock._struct import Struct
from famsock._text import join_fields, split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, ClassVar, Self

    StdlibSocket = _stdlib.socket
    Asked = tuple[Callable[[int, Any], Any], Any, Any]
    """A question to the system about a descriptor, its argument, and the answer."""

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
_CACHED_ADDRESSES = 1024
_PLAIN_TYPES = frozenset({str, int, bytes, bool, type(None)})


class Lookup:
    """Questions of an address to the system while it is converted, for one operation.

    ``operation`` is the socket method in progress ("bind"), with which error messages begin.
    ``asked`` keeps the questions with their answers: the result is valid as long as the system
    gives the same answers again. A class that asks the system by other means sets ``used``: such a
    result is never kept.
    """

    __slots__ = ("_used", "asked", "operation", "socket")

    def __init__(self, operation: str, socket: StdlibSocket | None = None) -> None:
        self.operation: str = operation
        self.socket: StdlibSocket | None = socket
        self.asked: list[Asked] = []
        self._used = False

    @property
    def used(self) -> bool:
        """True if the system was asked."""
        return self._used or bool(self.asked)

    @used.setter
    def used(self, used: bool) -> None:
        self._used = used

    @property
    def repeatable(self) -> bool:
        """True if ``asked`` is everything that the system was asked."""
        return not self._used

    def interface_index(self, name: str) -> int:
        """Return interface ``name``'s index in the socket's network namespace; OSError if none.

        Source: netdevice(7), SIOCGIFINDEX.
        """
        if self.socket is None:
            self.used = True
            return _stdlib.if_nametoindex(name)
        return self._ask(_calls.interface_index, name)  # type: ignore[no-any-return]

    def interface_name(self, index: int) -> str:
        """Return the name of interface ``index`` in the socket's network namespace; "" if none.

        Source: netdevice(7), SIOCGIFNAME.
        """
        if self.socket is None:
            self.used = True
            try:
                return _stdlib.if_indextoname(index)
            except (OSError, OverflowError):
                return ""
        return self._ask(_calls.interface_name, index)  # type: ignore[no-any-return]

    def local_sockaddr(self) -> bytes:
        """Return the sockaddr that the socket itself is bound to; b"" if there is none.

        Use it for parts that the kernel leaves out of a received address because bind has fixed
        them.
        """
        if self.socket is None:
            self.used = True
            return b""
        return self._ask(_own_sockaddr, None)  # type: ignore[no-any-return]

    def _ask(self, question: Callable[[int, Any], Any], argument: Any) -> Any:
        assert self.socket is not None
        answer = question(self.socket.fileno(), argument)
        self.asked.append((question, argument, answer))
        return answer


def _own_sockaddr(descriptor: int, _: None) -> bytes:
    try:
        return _calls.getsockname(descriptor)
    except OSError:
        return b""


def _answers_again(socket: StdlibSocket, asked: Iterable[Asked]) -> bool:
    """Return whether the system, asked again, gives the same answers."""
    descriptor = socket.fileno()
    try:
        return all(question(descriptor, argument) == answer for question, argument, answer in asked)
    except OSError:
        return False


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
    family: ClassVar[int]
    family_name: ClassVar[str]
    stdlib_fields: ClassVar[tuple[str, ...]]
    names_operation: ClassVar[bool] = True
    sa_families: ClassVar[tuple[int, ...]] = ()

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
        return cls(**dict(zip(names, form, strict=False)))

    def to_stdlib(self, lookup: Lookup) -> Any:
        """Return the form that the stdlib's methods return."""
        return tuple([getattr(self, name) for name in self.stdlib_fields])

    def as_stdlib(self) -> Any:
        """Return the form that the stdlib takes, for code that knows no typed address."""
        return self.to_stdlib(Lookup("as_stdlib"))

    @classmethod
    def stdlib_of(cls, sockaddr: bytes) -> Any:
        """Return the stdlib form of a usual sockaddr in one step; None for any other.

        The result is that of `unpack` and `to_stdlib`, without a question to the system. A class
        may override this for speed, if every peer has another address.
        """
        return None

    @classmethod
    def reads(cls, sockaddr: bytes) -> bool:
        """Return whether ``sockaddr`` says that it is of this class's family."""
        family = family_of(sockaddr)
        return family == cls.family or family in cls.sa_families

    @classmethod
    def required_fields(cls) -> int:
        """Return the number of ``stdlib_fields`` without a default."""
        import attrs

        defaults = {a.name: a.default for a in attrs.fields(cls)}  # type: ignore[arg-type]
        return sum(defaults[name] is attrs.NOTHING for name in cls.stdlib_fields)

    def __str__(self) -> str:
        return join_fields(self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that ``text`` writes, in the form of ``str``, or after ``scheme://``.

        ValueError if the text does not have the form.
        """
        fields = split_fields(cls, text)
        try:
            return cls(**fields)
        except TypeError as error:  # messages of checks for a host that cannot be a name
            raise ValueError(str(error)) from None


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
        if not 0 <= int(family) <= _MAX_FAMILY:
            raise OverflowError(f"RawAddress family must be 0-{_MAX_FAMILY}, not {family}")
        object.__setattr__(self, "family", int(family))
        object.__setattr__(self, "data", bytes(data))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"RawAddress is immutable: cannot set {name!r}")

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
        raise OSError(f"bad family: no plugin serves it; use RawAddress, not {type(form).__name__}")

    def to_stdlib(self, lookup: Lookup) -> RawAddress:
        """Return the address itself: the stdlib would cut it to 14 bytes."""
        return self

    def __str__(self) -> str:
        return f"raw:{self.family}:{self.data.hex()}"

    @classmethod
    def parse(cls, text: str) -> RawAddress:
        """Return the address that ``str`` wrote; ValueError if the text does not have that form."""
        kind, family, data = text.split(":")
        if kind != "raw":
            raise ValueError(f"raw address must start with 'raw:', not {text!r}")
        return cls(int(family), bytes.fromhex(data))


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


class AddressCodec:
    """Converter of addresses for the sockets of one protocol, which keeps the results.

    A result that depends on the system is kept with the questions to the system and their answers.
    Every call asks again, and uses the result only if the answers are the same. So no name of a
    host or an interface ever comes from the cache. A hit needs the same value *and* the same types,
    so ``("127.0.0.1", 80.0)`` never gets the result of ``("127.0.0.1", 80)``. The caches are
    bounded. They are plain dicts whose single operations are atomic, so threads may share them.
    ``encoded`` maps an address to itself, its sockaddr and what was asked; ``decoded`` and
    ``typed`` map a sockaddr to its form and what was asked. The compiled raw layer reads them too.
    """

    __slots__ = ("_address_class", "_load", "_other", "decoded", "encoded", "typed")

    def __init__(
        self, load: Callable[[], type[Address]], other: Callable[[int], type[Address] | None]
    ) -> None:
        self._load = load
        self._other = other
        self._address_class: type[Address] | None = None
        self.encoded: dict[Any, tuple[Any, bytes, tuple[Asked, ...]]] = {}
        self.decoded: dict[bytes, tuple[Any, tuple[Asked, ...]]] = {}
        self.typed: dict[bytes, tuple[Address, tuple[Asked, ...]]] = {}

    @property
    def address_class(self) -> type[Address]:
        """The class of this protocol's addresses, imported on first use."""
        if self._address_class is None:
            self._address_class = self._load()
        return self._address_class

    def encode(self, socket: StdlibSocket, operation: str, address: Any) -> bytes:
        """Return the sockaddr of ``address``, in any shape, for ``operation`` on ``socket``."""
        try:
            hit = self.encoded.get(address)
        except TypeError:
            hit = None
        if (
            hit is not None
            and (hit[0] is address or _same_types(hit[0], address))
            and (not hit[2] or _answers_again(socket, hit[2]))
        ):
            return hit[1]
        return self._encode_anew(socket, operation, address)

    def decode(self, socket: StdlibSocket, sockaddr: bytes) -> Any:
        """Return the stdlib form of a sockaddr from the kernel; None for none. Never raise."""
        hit = self.decoded.get(sockaddr)
        if hit is not None and (not hit[1] or _answers_again(socket, hit[1])):
            return hit[0]
        if not sockaddr:
            return None
        form = self.address_class.stdlib_of(sockaddr)
        if form is not None:
            _remember(self.decoded, sockaddr, (form, ()))
            return form
        lookup = Lookup("decode", socket)
        form = self._unpack(sockaddr, lookup).to_stdlib(lookup)
        if lookup.repeatable:
            _remember(self.decoded, sockaddr, (form, tuple(lookup.asked)))
        return form

    def decode_peer(self, socket: StdlibSocket, sockaddr: bytes) -> Any:
        """Decode the peer of a new connection, without keeping the result: it seldom repeats."""
        form = self.address_class.stdlib_of(sockaddr)
        return self.decode(socket, sockaddr) if form is None else form

    def decode_typed(self, socket: StdlibSocket, sockaddr: bytes) -> Address:
        """Return the typed address of what the kernel gave; `RawAddress` where no class fits it."""
        hit = self.typed.get(sockaddr)
        if hit is not None and (not hit[1] or _answers_again(socket, hit[1])):
            return hit[0]
        lookup = Lookup("decode", socket)
        typed = self._unpack(sockaddr, lookup)
        if lookup.repeatable:
            _remember(self.typed, sockaddr, (typed, tuple(lookup.asked)))
        return typed

    def _unpack(self, sockaddr: bytes, lookup: Lookup) -> Address:
        cls = self.address_class
        known = cls if cls.reads(sockaddr) else self._other(family_of(sockaddr))
        if known is None:
            return RawAddress.unpack(sockaddr)
        try:
            return known.unpack(sockaddr, lookup)
        except ValueError:
            return RawAddress.unpack(sockaddr)

    def _encode_anew(self, socket: StdlibSocket, operation: str, address: Any) -> bytes:
        lookup = Lookup(operation, socket)
        try:
            typed = address
            if not isinstance(address, Address):
                typed = self.address_class.from_stdlib(address, lookup)
            elif not isinstance(address, (self.address_class, RawAddress)):
                raise TypeError(
                    f"{self.address_class.family_name} address must be "
                    f"{self.address_class.__name__} or RawAddress, not {type(address).__name__}"
                )
            packed: bytes = typed.pack(lookup)
        except (TypeError, ValueError, OverflowError, OSError) as error:
            if self.address_class.names_operation:
                name_operation(error, operation)
            raise
        if lookup.repeatable and _is_plain(address):
            _remember(self.encoded, address, (address, packed, tuple(lookup.asked)))
        return packed


def name_operation(error: Exception, operation: str) -> None:
    """Put "bind(): " in front of an error's message, in place, as the stdlib words it."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{operation}(): {error.args[0]}",)


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _CACHED_ADDRESSES:
        cache.clear()
    cache[key] = value


def _is_plain(address: Any) -> bool:
    """Return whether ``address`` consists of immutable values whose equality can be trusted."""
    if type(address) is tuple:
        return all(type(item) in _PLAIN_TYPES for item in address)
    return type(address) in _PLAIN_TYPES or isinstance(address, Address)


def _same_types(cached: Any, address: Any) -> bool:
    if type(cached) is not type(address):
        return False
    return type(cached) is not tuple or [*map(type, cached)] == [*map(type, address)]


RAW_CODEC = AddressCodec(lambda: RawAddress, lambda family: None)
"""The codec of a family that neither a plugin nor the stdlib serves."""
