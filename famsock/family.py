"""Descriptions of what a plugin supplies: a `Family` and its `Protocol` rows.

A family is data. A string ``"package.module:attribute"`` names address classes, options, control
messages and classes of sockets. They are loaded on first use, so opening a socket of a family
imports only that family's description. The key is (family, protocol), as in the kernel.
"""

from __future__ import annotations

import socket as _stdlib
import sys
from collections.abc import Callable, Collection, Mapping

from famsock._calls.layout import SockaddrLayout
from famsock._hints import find_hint
from famsock._lazy import PluginError, kept, load, load_part
from famsock._namedtuple import NamedTuple
from famsock.address import Address, AddressCodec, NoAddressCodec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from famsock._definitions import Definitions
    from famsock._hints import AnyHint
    from famsock._resolver import Resolver
else:
    Any = AnyHint = Resolver = (
        object  # typing is not imported for them; typing.get_type_hints finds these
    )

__all__ = [
    "ANY_PROTOCOL",
    "Family",
    "Protocol",
    "Segmentation",
]

ANY_PROTOCOL = None
"""A `Protocol.number` that serves every protocol of the family that no other row names."""


class Segmentation(NamedTuple):
    """The cutting of one message into several as it is sent, and the joining of received ones.

    ``option`` is (level, number) of the option that turns joining on. ``received`` is (level, type)
    of the control message that tells the size of the joined ones in bytes, a C int; the last one
    may be shorter. ``sent`` is (level, type) of the control message that states the size to cut by,
    an integer of ``sent_bytes`` bytes. At most ``max_segments`` of at most ``max_bytes`` together
    are sent in one message.
    """

    option: tuple[int, int]
    received: tuple[int, int]
    sent: tuple[int, int]
    sent_bytes: int
    max_segments: int
    max_bytes: int

    def size(self, size_bytes: int) -> tuple[int, int, bytes]:
        """Return the control message that states the size to cut by."""
        return *self.sent, size_bytes.to_bytes(self.sent_bytes, sys.byteorder)


class Protocol(NamedTuple):
    """A protocol of a family: one address layout and one class of sockets.

    ``number`` is socket(2)'s third argument, or `ANY_PROTOCOL`. ``types`` are the socket types that
    it is opened with, the usual one first. ``address`` is the `Address` class, or its name as
    ``"module:attribute"``, or None if the protocol has no addresses: every call that takes an
    address then takes None. ``scheme`` opens the text of an endpoint ("vsock"). ``modules`` are the
    kernel modules that provide it, for ``modprobe``; ``capability`` is what opening it needs
    (capabilities(7)), or "". ``hints`` maps an errno of a failing call to what may help; its key is
    ``("bind", errno)`` where that holds only for one method ("socket" is the creation). A hint is a
    text, best a `famsock.plugin.Hint`, or a function of the socket (None at its creation) and the
    address that was passed, which looks for the cause and returns a text or None; what it raises is
    ignored. It opens no descriptor and imports nothing, as these may be what is short;
    `famsock.plugin.one_of` declares its hints.
    ``accepts_address`` is False where accept(2) must not ask for the peer's address.
    ``passes_descriptors`` is True where a message may carry descriptors (SCM_RIGHTS).
    ``reliable_datagrams`` is True where no datagram is lost: a sender waits for a receiver that has
    no space (unix(7)).
    ``fixed_send_buffer`` is True where a stream's send buffer keeps the size that SO_SNDBUF gives
    it, however fast the receiver is, and a larger one carries more at once (unix(7)). A relay then
    enlarges it.
    ``integer_bytes`` gives, by level, the size of integer options that are no C int; where it is
    given, ``setsockopt`` and ``getsockopt`` follow it and not the stdlib's own rule. ``selftest``
    names a context manager that opens two live sockets and yields a function making one verified
    round trip between them, or maps labels to several such names ("unix dgram"); ``famsock doctor``
    and the conformance suite run them. ``layout`` is the `SockaddrLayout` of an address whose
    stdlib form is its fields in order, or its name: the class is not needed to convert such forms.
    ``socket`` names the protocol's class of sockets, a subclass of `famsock.socket`, or maps each
    of ``types`` to such a name. ``probe`` is (level, option) of a getsockopt(2) that only sockets
    of this protocol answer: the protocol of an open descriptor is found by it where the kernel
    tells none (SO_PROTOCOL 0). ``max_message_bytes`` is the size of the largest message that may be
    received, or 0 if none is known; `famsock.aio` receives that much for each of many messages.
    ``segmentation`` tells how the kernel joins and cuts messages, if it can. ``resolver`` is the
    `famsock.plugin.Resolver`, or its name, of a scheme whose text may stand for several addresses,
    of this family or others: it reads the text in place of the address class.

    A protocol may have another family's addresses, options and control messages.
    ``address_family`` then names the family of the address class ("AF_INET"), whose number the
    sockaddr carries; it is "" for a class of the protocol's own family. ``options`` and ``control``
    name another family's modules or collections, in addition to those of `Family`.
    """

    name: str
    number: int | None
    types: tuple[int, ...]
    address: type[Address] | str | None
    scheme: str = ""
    modules: tuple[str, ...] = ()
    capability: str = ""
    hints: Mapping[Any, AnyHint] = {}
    accepts_address: bool = True
    passes_descriptors: bool = False
    integer_bytes: Mapping[int, int] | None = None
    selftest: str | Mapping[str, str] | None = None
    layout: SockaddrLayout | str | None = None
    socket: str | Mapping[int, str] | None = None
    address_family: str = ""
    options: str | Collection[Any] = ()
    control: str | Collection[Any] = ()
    probe: tuple[int, int] | None = None
    max_message_bytes: int = 0
    segmentation: Segmentation | None = None
    resolver: Resolver | str | None = None
    reliable_datagrams: bool = False
    fixed_send_buffer: bool = False

    @property
    def selftests(self) -> Mapping[str, str]:
        """The reference of each self-test by its label; a single one has the protocol's name."""
        if self.selftest is None or isinstance(self.selftest, str):
            return {} if self.selftest is None else {self.name: self.selftest}
        return self.selftest


class Family(NamedTuple):
    """An address family: socket(2)'s first argument, and all that depends on it.

    ``name`` is the constant's name ("AF_CAN") and ``number`` its value on ``platforms`` (prefixes
    of ``sys.platform``). ``constants``, ``options`` and ``control`` name modules (or are the
    collections) of constants by name, `famsock.options.Option` rows and
    `famsock.control.ControlType` rows; a collection of rows may contain names of others.
    ``modules`` are the kernel modules of all protocols. ``api_version`` is the version of this
    interface that the plugin was written for, 2 if it says nothing: `API_VERSION` of
    `famsock.plugin` is the newest.
    """

    name: str
    number: int
    protocols: tuple[Protocol, ...]
    constants: str | Mapping[str, int | str] = {}
    options: str | Collection[Any] = ()
    control: str | Collection[Any] = ()
    platforms: tuple[str, ...] = ("linux",)
    modules: tuple[str, ...] = ()
    api_version: int = 2

    @property
    def here(self) -> bool:
        """True if this platform has the family's number."""
        return sys.platform.startswith(self.platforms)

    def protocol(self, number: int, kind: int) -> Protocol | None:
        """Return the row for a protocol number and socket type, chosen as the kernel does.

        Its own row with that type; for 0, the first row with that type; an `ANY_PROTOCOL` row with
        that type; its own row with another type; any `ANY_PROTOCOL` row.
        """

        def rank(row: Protocol) -> int:
            if row.number == number:
                return 0 if kind in row.types else 3
            if row.number is ANY_PROTOCOL:
                return 2 if kind in row.types else 4
            return 1 if number == 0 and kind in row.types else 5

        rows = [row for row in self.protocols if rank(row) < 5]
        return min(rows, key=rank, default=None)

    def probes(self, kind: int) -> list[Protocol]:
        """Return the rows of a socket type that can be told by their probe."""
        return [row for row in self.protocols if row.probe is not None and kind in row.types]


def of_another_family(family: Family, protocol: Protocol, cls: type[Address]) -> str:
    """Return what is wrong if a protocol's address class is another family's; "" if nothing is."""
    name, number = getattr(cls, "family_name", None), getattr(cls, "family", None)
    number = number if isinstance(number, int) else None
    other = protocol.address_family
    if (name == other) if other else (number == family.number):
        return ""
    wanted = other or f"{family.name} ({family.number})"
    return (
        f"address must be a class of family {wanted}, not {cls} of family {name} ({number}): "
        f"address_family names another family"
    )


class Served:
    """A protocol as sockets use it: its row, its codec, its class of sockets."""

    def __init__(
        self,
        family: Family,
        protocol: Protocol,
        other_address: Callable[[int], type[Address] | None],
    ) -> None:
        self.family: Family = family
        self.protocol: Protocol = protocol
        self.integer_bytes: Mapping[int, int] | None = protocol.integer_bytes
        self._notes: dict[tuple[str, int], AnyHint | None] = {}  # whole, or the hints that look
        self.codec: AddressCodec
        if protocol.address is None:
            self.codec = NoAddressCodec(family.name)
        else:
            self.codec = AddressCodec(self._load_address_class, other_address, self._load_layout)

    def __str__(self) -> str:
        return f"{self.family.name} {self.protocol.name}"

    def note(
        self, operation: str, number: int, sock: Any = None, address: Any = None
    ) -> str | None:
        """Return the hint for an errno of an operation ("bind"); None if there is none.

        ``sock`` and ``address`` are for hints that look; None at the creation of a socket.
        """
        try:
            try:
                note = self._notes[operation, number]
            except KeyError:
                note = self._notes[operation, number] = self._find_note(operation, number)
            if note is None or isinstance(note, str):
                return note
            text = note(sock, address)
        except Exception:  # whatever it is, it must not replace the error that asks
            return None
        return f"{self}: {text}" if text else None

    def _find_note(self, operation: str, number: int) -> AnyHint | None:
        row = self.protocol
        hint = find_hint(
            operation,
            number,
            hints=row.hints,
            modules=row.modules,
            family_modules=self.family.modules,
            capability=row.capability,
        )
        return f"{self}: {hint}" if isinstance(hint, str) else hint

    def prepare(self) -> None:
        """Load what the stdlib's forms need, of all the family's protocols.

        After that a call opens no file in its middle: it may be out of reach then, as after
        chroot(2) or at RLIMIT_NOFILE. What cannot be loaded now is tried again when it is needed.
        """
        for reference in {row.layout or row.address for row in self.family.protocols}:
            _try_to(load, reference)
        _try_to(self.codec.prepare)

    def _load_address_class(self) -> type[Address]:
        reference, family = self.protocol.address, self.family
        wanted = "an Address class"
        cls = load_part(self, "address", wanted, reference)
        if not (isinstance(cls, type) and issubclass(cls, Address)):
            raise PluginError(f"{self}: address must name {wanted}; {reference} is {cls!r}")
        if problem := of_another_family(family, self.protocol, cls):
            raise PluginError(f"{self}: {problem}")
        return cls

    def _load_layout(self) -> SockaddrLayout | None:
        reference = self.protocol.layout
        if reference is None:
            return None
        wanted = "a SockaddrLayout"
        layout = load_part(self, "layout", wanted, reference)
        if not isinstance(layout, SockaddrLayout):
            raise PluginError(f"{self}: layout must name {wanted}; {reference} is {layout!r}")
        return layout

    @kept
    def definitions(self) -> Definitions:
        """The family's typed options and control messages."""
        from famsock._definitions import Definitions

        family, protocol = self.family, self.protocol
        return Definitions(
            family.name, (protocol.options, family.options), (protocol.control, family.control)
        )

    @kept
    def message(self) -> Callable[..., Any]:
        """The function that makes a typed message of what was received."""
        return self.definitions.message

    def socket_class(self, kind: int) -> type[Any] | None:
        """Return the class of this protocol's sockets of a type; None if it has none.

        PluginError if it cannot be loaded.
        """
        reference = self.protocol.socket
        if reference is not None and not isinstance(reference, str):
            reference = reference.get(kind)
        if reference is None:
            return None
        wanted = "a subclass of famsock.socket"
        cls: type[Any] = load_part(self, "socket", wanted, reference)
        if not (isinstance(cls, type) and issubclass(cls, _stdlib.socket)):
            raise PluginError(f"{self}: socket must name {wanted}; {reference} is {cls!r}")
        return cls


def _try_to(do: Callable[..., Any], *arguments: Any) -> None:
    try:
        do(*arguments)
    except Exception:  # it is told where the result is needed
        return
