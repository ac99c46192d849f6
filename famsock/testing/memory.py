"""Sockets of any family without the kernel's support for it, to test code written for them.

A `Network` connects its own sockets. Its ``socket`` is a `famsock.socket` class. The family's
plugin encodes, decodes and checks addresses and gives operations, as always. But an AF_UNIX socket
carries the data, and options beyond SOL_SOCKET are only kept, without an effect. Blocking,
timeouts, selectors and asyncio work, because the sockets are the kernel's::

    def test_echo():
        with Network() as network:
            server = network.socket(famsock.AF_VSOCK, famsock.SOCK_STREAM)
            server.bind(VsockAddress(2, 1024))
            server.listen()
            client = network.socket(famsock.AF_VSOCK, famsock.SOCK_STREAM)
            client.connect((2, 1024))

``with network.installed():`` replaces ``famsock.socket`` by that class, for code that makes its own
sockets. The family AF_MEMORY has plain names as addresses, for tests that need no particular
family.

A network does not choose a port, and does not know that two addresses mean the same socket (see
`Network.alias`). It carries only the control messages SCM_RIGHTS and SCM_CREDENTIALS. It does not
send one message to many sockets.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import socket as _stdlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

from famsock import cstruct
from famsock._lazy import PluginError
from famsock._registry import plugins
from famsock._sockaddr import sockaddr
from famsock._sockets import socket
from famsock.address import Address, AddressCodec, Lookup, family_head
from famsock.family import ANY_PROTOCOL, Family, Protocol
from famsock.options import Option
from famsock.selftest import RoundTrip, accepted, echo

__all__ = [
    "AF_MEMORY",
    "FAMILY",
    "MemoryAddress",
    "MemorySocket",
    "Network",
]

AF_MEMORY = 0xFA00 if sys.platform.startswith("linux") else 0xFA
_ABSTRACT = sys.platform.startswith("linux")
"""True if AF_UNIX has names that are no files, and end with their socket."""
_NAME_BYTES = 64
_TYPE_FLAGS = getattr(_stdlib, "SOCK_CLOEXEC", 0) | getattr(_stdlib, "SOCK_NONBLOCK", 0)
_CARRIERS: dict[int, int] = {
    _stdlib.SOCK_STREAM: _stdlib.SOCK_STREAM,
    _stdlib.SOCK_SEQPACKET: _stdlib.SOCK_SEQPACKET,
}
"""The AF_UNIX type that carries a type; messages go by datagram."""


@sockaddr("", header="", family=AF_MEMORY, family_name="AF_MEMORY", size=2 + _NAME_BYTES)
class MemoryAddress(Address):
    """A name, of at most 63 bytes in UTF-8; "" if a socket has none. The stdlib form is str."""

    name: str = cstruct.char("", _NAME_BYTES, default="")

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the address of a name; TypeError if not str, ValueError if too long."""
        return cls(form)

    def to_stdlib(self, lookup: Lookup) -> str:
        """Return the name."""
        return self.name


class MemorySocket(socket):
    """A socket of a `Network`, which makes the class that has ``network``."""

    __slots__ = ("_options",)
    network: ClassVar[Network]

    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        family = _stdlib.AF_INET if family == -1 else family
        type = _stdlib.SOCK_STREAM if type == -1 else type
        proto = 0 if proto == -1 else proto
        kind = type & ~_TYPE_FLAGS
        if plugins.find(int(family), kind, proto) is None:
            raise OSError(errno.EAFNOSUPPORT, f"no plugin serves family {int(family)}")
        carrier = None
        if fileno is None:
            carrier = _stdlib.socket(_stdlib.AF_UNIX, _CARRIERS.get(kind, _stdlib.SOCK_DGRAM))
            fileno = carrier.fileno()
        super().__init__(family, kind, proto, fileno)
        if carrier is not None:
            carrier.detach()
            if type & getattr(_stdlib, "SOCK_NONBLOCK", 0):
                self.setblocking(False)
        assert self._codec is not None
        self._codec = _Translated(self._codec, self.network)
        self._options: dict[tuple[int, int], bytes] = dict(self.network.options)

    def accept(self) -> tuple[socket, Any]:
        descriptor, address = self._accept()
        accepted = type(self)(self.family, self.type, self.proto, descriptor)
        if _stdlib.getdefaulttimeout() is None and self.gettimeout():
            accepted.setblocking(True)
        return accepted, address

    @property
    def operations(self) -> Any:
        """The socket with its protocol's operations, converted in place as `famsock.socket` is."""
        if self._protocol_class is None:
            cls = None if self._served is None else self._served.socket_class(int(self.type))
            if cls is None:
                raise AttributeError(f"no plugin gives operations to {self!r}")
            self.__class__ = self.network.class_with(cls)
        return self

    def setsockopt(self, level: int, option: int, value: Any, *optlen: int) -> None:
        if level == _stdlib.SOL_SOCKET:
            super().setsockopt(level, option, value, *optlen)
        elif isinstance(value, int):
            sizes = (self._served and self._served.protocol.integer_bytes) or {}
            size = sizes.get(level, 4)
            self._options[level, option] = value.to_bytes(size, sys.byteorder, signed=value < 0)
        else:
            self._options[level, option] = bytes(value or b"")

    def getsockopt(self, level: int, option: int, *buflen: int) -> Any:
        if level == _stdlib.SOL_SOCKET:
            return super().getsockopt(level, option, *buflen)
        data = self._stored(level, option)
        return data[: buflen[0]] if buflen else int.from_bytes(data, sys.byteorder, signed=True)

    def set_option(self, option: Option[Any] | str, value: Any) -> None:
        row = self._option(option)
        if row.level == _stdlib.SOL_SOCKET:
            super().set_option(row, value)
        else:
            self._options[row.level, row.number] = row.encode(value)

    def get_option(self, option: Option[Any] | str, request: Any = None) -> Any:
        row = self._option(option)
        if row.level == _stdlib.SOL_SOCKET:
            return super().get_option(row, request)
        row.encode_request(request)
        return row.decode(self._stored(row.level, row.number))

    def _stored(self, level: int, number: int) -> bytes:
        try:
            return self._options[level, number]
        except KeyError:
            error = OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
            error.add_note("nothing has set it; Network(options={OPTION: value}) gives a default")
            raise error from None


class Network:
    """A network of in-memory sockets, separate from all others.

    ``socket`` is its class of sockets, made with the same arguments as `famsock.socket`; OSError
    (EAFNOSUPPORT) for a family that no plugin serves. ``options`` are initial values of options, by
    `Option` row. ``close``, or leaving ``with``, closes no socket.
    """

    def __init__(self, options: Mapping[Option[Any], Any] | None = None) -> None:
        if plugins.family(FAMILY.name) is None:
            plugins.register(FAMILY)
        self.options: dict[tuple[int, int], bytes] = {
            (row.level, row.number): row.codec.encode(value)
            for row, value in (options or {}).items()
        }
        self.socket: type[MemorySocket] = type(
            "socket", (MemorySocket,), {"network": self, "__slots__": ()}
        )
        self._classes: dict[type[Any], type[Any]] = {}
        self._folder = "" if _ABSTRACT else tempfile.mkdtemp(prefix="famsock-")
        self._numbers = itertools.count()
        self._places: dict[bytes, bytes] = {}
        self._addresses: dict[bytes, bytes] = {}
        self._owners: WeakValueDictionary[bytes, _stdlib.socket] = WeakValueDictionary()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget all names. Sockets that are connected stay so."""
        self._places.clear()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def class_with(self, cls: type[Any]) -> type[Any]:
        """Return the class of this network's sockets that has the operations of ``cls`` too."""
        if cls not in self._classes:
            # Its sockets are of AF_UNIX in truth, so the kernel's word on their kind is not asked.
            changes = {"__slots__": (), "_kind": None}
            self._classes[cls] = type(cls.__name__, (self.socket, cls), changes)
        return self._classes[cls]

    def alias(self, address: Address, bound: Address) -> None:
        """Let ``address`` reach what is bound to ``bound``.

        In the same way, an address of a host reaches a socket bound to all addresses of the host.
        """
        self._places[address.pack()] = self.place(bound.pack())

    def socketpair(
        self, family: int = AF_MEMORY, type: int = _stdlib.SOCK_STREAM, proto: int = 0
    ) -> tuple[MemorySocket, MemorySocket]:
        """Return two connected sockets without names."""
        carrier = _CARRIERS.get(type, _stdlib.SOCK_DGRAM)
        ours, theirs = _stdlib.socketpair(_stdlib.AF_UNIX, carrier)
        with ours, theirs:
            return (
                self.socket(family, type, proto, ours.detach()),
                self.socket(family, type, proto, theirs.detach()),
            )

    @contextmanager
    def installed(self) -> Iterator[Self]:
        """Replace ``famsock.socket`` in the context, also for famsock's functions."""
        import famsock

        before = famsock.socket
        vars(famsock)["socket"] = self.socket
        try:
            yield self
        finally:
            vars(famsock)["socket"] = before

    def place(self, packed: bytes, binder: _stdlib.socket | None = None) -> bytes:
        """Return the sockaddr_un that replaces a family's sockaddr, to be bound by ``binder``."""
        place = self._places.get(packed)
        if place is None:
            place = self._places[packed] = _sockaddr_un(self._path(next(self._numbers)))
            self._addresses[place.rstrip(b"\0")] = packed
        if self._folder:
            self._tend(place, binder)
        return place

    def _path(self, number: int) -> str:
        if _ABSTRACT:
            return f"\0famsock-{os.getpid()}-{id(self)}-{number}"
        return os.path.join(self._folder, str(number))

    def _tend(self, place: bytes, binder: _stdlib.socket | None) -> None:
        """Let a name that is a file be free once its socket is closed, and refuse connections.

        The name of a closed socket must refuse connections. A missing file would give ENOENT.
        """
        path = place[2:].rstrip(b"\0")
        owner = self._owners.get(place)
        if owner is not None and owner.fileno() >= 0:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if binder is not None:
            self._owners[place] = binder
        else:
            with _stdlib.socket(_stdlib.AF_UNIX) as mark:
                mark.bind(path)

    def address(self, place: bytes) -> bytes | None:
        """Return the family's sockaddr for a sockaddr_un; None if that has no name."""
        return self._addresses.get(place.rstrip(b"\0"))


def _sockaddr_un(path: str) -> bytes:
    name = os.fsencode(path) + (b"" if _ABSTRACT else b"\0")
    return family_head(_stdlib.AF_UNIX, 2 + len(name)) + name


class _Translated(AddressCodec):
    """A family's codec that maps addresses to places of a network instead of the kernel's."""

    __slots__ = ("_codec", "_network")

    def __init__(self, codec: AddressCodec, network: Network) -> None:
        super().__init__(lambda: codec.address_class, lambda family: None)
        self._codec = codec
        self._network = network

    def encode_unusual(
        self, socket: _stdlib.socket, operation: str, address: Any
    ) -> tuple[bytes, bool]:
        packed = self._codec.encode(socket, operation, address)
        if packed is None:
            raise PluginError(f"{operation}(): the class of addresses is out of reach")
        return self._network.place(packed, socket if operation == "bind" else None), False

    def decode_unusual(self, socket: _stdlib.socket, sockaddr: bytes) -> tuple[Any, bool]:
        return self._codec.decode(socket, self._original(sockaddr)), False

    def unpack_typed(self, socket: _stdlib.socket, sockaddr: bytes) -> tuple[Address, bool]:
        return self._codec.decode_typed(socket, self._original(sockaddr)), False

    def _original(self, sockaddr: bytes) -> bytes:
        """Return the family's sockaddr; without a name, its shortest sockaddr or one of zeros."""
        packed = self._network.address(sockaddr)
        if packed is not None:
            return packed
        cls = self.address_class
        shortest = family_head(cls.family, 2)
        try:
            cls.unpack(shortest)
        except ValueError:
            layout = getattr(cls, "layout", None)
            return shortest if layout is None else shortest + bytes(layout.size - len(shortest))
        return shortest


@contextmanager
def selftest() -> Iterator[RoundTrip]:
    """Yield a client and a server of AF_MEMORY; see `famsock.family.Protocol.selftest`."""
    network = Network()
    with network, network.socket(AF_MEMORY) as server, network.socket(AF_MEMORY) as client:
        server.bind("server")
        server.listen()
        client.connect("server")
        with accepted(server) as connection:
            yield echo(client, connection)


FAMILY = Family(
    "AF_MEMORY",
    AF_MEMORY,
    (
        Protocol(
            "memory",
            ANY_PROTOCOL,
            (_stdlib.SOCK_STREAM, _stdlib.SOCK_DGRAM, _stdlib.SOCK_SEQPACKET),
            MemoryAddress,
            scheme="memory",
            passes_descriptors=True,
            selftest=f"{__name__}:selftest",
            hints={errno.EAFNOSUPPORT: "famsock.testing.memory.Network().socket makes them"},
        ),
    ),
    constants={"AF_MEMORY": AF_MEMORY},
    platforms=("",),
)
"""The family of addresses that are names; a `Network` registers it."""
