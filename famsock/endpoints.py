"""Endpoints as text: ``vsock://2:1024`` names a family, a socket type, a protocol and an address.

``scheme[+type][+protocol]://address[?name=value&name=value]``. The scheme belongs to a
`famsock.family.Protocol`; the address is the text of its address class. A socket type other than
the protocol's usual one follows a plus sign, and so does a protocol's number where the scheme
stands for any: ``unix+dgram:///run/x``, ``raw+1://127.0.0.1:0``. Schemes and types may be in upper
case. A name of the query is one of the address's fields, a setting of `Endpoint`, or an option.
"""

from __future__ import annotations

import errno
import os
import socket as _stdlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

import attrs

from famsock import _endpoint_text as _text
from famsock._activation import PassedDescriptor, listen_fds, taken
from famsock._calls.descriptors import keep, keeping
from famsock._connecting import connect_first, first_of, interleaved
from famsock._endpoint_query import SETTINGS, read_option, read_query
from famsock._endpoint_scheme import (
    name_of,
    protocol_of,
    read_address,
    read_scheme,
    resolver_of,
    scheme_text,
    split_query,
)
from famsock._endpoint_text import Part
from famsock._hints import did_you_mean
from famsock._netns import run_in
from famsock._registry import plugins
from famsock._registry.validation import RESERVED_SCHEMES
from famsock._resolver import Candidate
from famsock._sockets import socket
from famsock._text import quote
from famsock.address import Address, RawAddress
from famsock.family import ANY_PROTOCOL, Family, Protocol, Served

__all__ = [
    "DescriptorEndpoint",
    "Endpoint",
    "PassedDescriptor",
    "connect",
    "listen",
    "listen_fds",
    "of",
    "open_datagram",
    "parse",
]

_BACKLOG = 128
_DESCRIPTOR, _SERVICE_MANAGER = RESERVED_SCHEMES


@attrs.frozen
class Endpoint:
    """An endpoint: the arguments of ``socket()``, and an address to bind or connect to.

    The rest is what the query of its text states. ``options`` are pairs of an option's name and its
    typed value, set on each socket before it is bound or connected. ``backlog`` is the number of
    connections that `listen` lets wait. ``interface`` is the name of the interface that the socket
    is bound to (SO_BINDTODEVICE). ``netns`` is the network namespace in which it is opened: a name
    of ip-netns(8), or the path of its file. ``mode`` are the permissions (0-0o777) of a path that
    binding makes, and with ``unlink`` closing the bound socket removes the path. ``one_family``
    keeps an endpoint whose scheme stands for several families to ``family``.
    """

    family: int
    type: int
    protocol: int
    address: Address
    scheme: str
    options: tuple[tuple[str, Any], ...] = attrs.field(default=(), kw_only=True)
    backlog: int | None = attrs.field(default=None, kw_only=True)
    interface: str = attrs.field(default="", kw_only=True)
    netns: str = attrs.field(default="", kw_only=True)
    mode: int | None = attrs.field(default=None, kw_only=True)
    unlink: bool = attrs.field(default=False, kw_only=True)
    one_family: bool = attrs.field(default=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.scheme}://{_text.joined(str(self.address), self._query())}"

    def _query(self) -> list[tuple[str, str]]:
        stated = [
            ("family", _row_of(self).family.name if self.one_family else ""),
            ("netns", self.netns),
            ("interface", self.interface),
            ("backlog", "" if self.backlog is None else str(self.backlog)),
            ("mode", "" if self.mode is None else f"{self.mode:04o}"),
            ("unlink", "1" if self.unlink else ""),
        ]
        items = [(name, value) for name, value in stated if value]
        if self.options:
            rows = _row_of(self).definitions.option
            items += [(name, _text.write_value(rows(name), v)) for name, v in self.options]
        return items

    def open(self) -> socket:
        """Return an unbound socket of family, type and protocol, with the options set.

        OSError as socket(2) and setsockopt(2), or if the network namespace cannot be entered.
        """
        return self._made(Candidate(self.address), lambda sock, address: None)

    def bind(self) -> socket:
        """Return a socket that is bound to the address. OSError as bind(2).

        The path of a socket that is gone is replaced.
        """
        return first_of(self._candidates(True), lambda each: self._made(each, self._bind))

    def listen(self, backlog: int | None = None) -> socket:
        """Return a bound socket that listens for ``backlog`` connections. OSError as listen(2).

        The endpoint's own backlog is the default, or 128. A stream socket gets SO_REUSEADDR, as by
        `socket.create_server`. The path of a socket that is gone is replaced.
        """
        waiting = self.backlog if backlog is None else backlog

        def listen(sock: socket, address: Address) -> None:
            if self._reuses_addresses:
                sock.setsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_REUSEADDR, 1)
            self._bind(sock, address)
            sock.listen(_BACKLOG if waiting is None else waiting)

        return first_of(self._candidates(True), lambda each: self._made(each, listen))

    def connect(self, timeout: float | None = None) -> socket:
        """Return a socket that is connected, within ``timeout`` seconds, which it keeps.

        Where the address is a name that stands for several addresses they are tried as RFC 8305
        has it: the families by turns, a new attempt every 250 ms or when one fails, and the first
        that is connected counts. OSError as connect(2), TimeoutError.
        """
        candidates = interleaved(self._candidates(False))
        if len(candidates) != 1:
            unconnected = partial(self._made, ready=lambda sock, address: None)
            return connect_first(candidates, unconnected, timeout)

        def connect(sock: socket, address: Address) -> None:
            sock.settimeout(timeout)
            sock.connect(address)

        return self._made(candidates[0], connect)

    @property
    def _reuses_addresses(self) -> bool:
        """As `socket.create_server` has it: on Windows SO_REUSEADDR means something else."""
        if self.type != _stdlib.SOCK_STREAM or os.name != "posix":
            return False
        return all(name != "SO_REUSEADDR" for name, _ in self.options)

    def _bind(self, sock: socket, address: Address) -> None:
        path = address.bound_path
        if path is None:
            sock.bind(address)
            return
        from famsock._paths import bind_path

        bind_path(sock, address, path, self.mode, self.unlink)

    def _candidates(self, passive: bool) -> list[Candidate]:
        """The addresses to bind or to connect to; those of one family if the endpoint says so."""
        found = self._resolved(passive)
        if found is None:
            return [Candidate(self.address)]
        candidates = run_in(self.netns, partial(list, found)) if self.netns else list(found)
        fitting = [each for each in candidates if self._fits(each)]
        if not fitting:
            raise OSError(errno.EADDRNOTAVAIL, f"{self} stands for no address that has its options")
        return fitting

    def _resolved(self, passive: bool) -> Iterable[Candidate] | None:
        """Return what the address stands for, not looked up yet; None if it is only itself."""
        resolver = resolver_of(protocol_of(Part(self.scheme.partition("+")[0]))[1])
        if resolver is None or isinstance(self.address, RawAddress):
            return None
        return resolver.resolve(self.address, self.type, passive)

    def _fits(self, candidate: Candidate) -> bool:
        """Whether a candidate is of the endpoint's family, or of another that has its options."""
        family = candidate.address.family
        if family == self.family:
            return True
        if self.one_family:
            return False
        served = plugins.find(family, self.type, self.protocol)
        return served is not None and all(
            name in served.definitions.options for name, _ in self.options
        )

    def _made(self, candidate: Candidate, ready: Callable[[socket, Address], None]) -> socket:
        address = candidate.address
        is_own = address is self.address
        sock = self._socket(self.family if is_own else address.family)
        try:
            if self.interface:
                sock.set_option("SO_BINDTODEVICE", self.interface)
            given = {name for name, _ in self.options}
            usual = [pair for pair in candidate.options if pair[0] not in given]
            for name, value in (*usual, *self.options):
                try:
                    sock.set_option(name, value)
                except OSError as error:
                    error.add_note(f"the option {name} of the endpoint {self}")
                    raise
            ready(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    def _socket(self, family: int) -> socket:
        def make() -> socket:
            return socket(family, self.type, self.protocol)

        try:
            return run_in(self.netns, make) if self.netns else make()
        except OSError as error:
            served = plugins.find(family, self.type, self.protocol)
            if served is not None and served.protocol.number is ANY_PROTOCOL and not self.protocol:
                scheme = served.protocol.scheme
                error.add_note(f"no protocol is given: {scheme}+NUMBER://, as in {scheme}+1://")
            raise


@attrs.frozen
class DescriptorEndpoint(Endpoint):
    """An open descriptor as an endpoint: ``fd://3``, or ``systemd://http``.

    What it opens takes the descriptor over. It is closed on exec(2) from then on. Family, type,
    protocol and the local address are those that the kernel tells.
    """

    descriptor: int = attrs.field(default=-1, kw_only=True)

    def __str__(self) -> str:
        return f"{self.scheme}://{_text.joined(self._host, self._query())}"

    @property
    def _host(self) -> str:
        if self.scheme == _DESCRIPTOR:
            return str(self.descriptor)
        names = [passed.name for passed in listen_fds() if passed.descriptor == self.descriptor]
        return quote(names[0]) if names else ""

    def open(self) -> socket:
        """Return the socket of the descriptor, with the options set.

        OSError EBADF or ENOTSOCK if it is none any more, or for a descriptor of a service manager
        that was taken over before.
        """
        return self._taken(lambda sock: None)

    def bind(self) -> socket:
        """Return the socket of the descriptor as it is."""
        return self.open()

    def listen(self, backlog: int | None = None) -> socket:
        """Return the socket; make it listen if it does not yet."""
        waiting = self.backlog if backlog is None else backlog

        def listen(sock: socket) -> None:
            if waiting is not None or not sock.get_option("SO_ACCEPTCONN"):
                sock.listen(_BACKLOG if waiting is None else waiting)

        return self._taken(listen)

    def connect(self, timeout: float | None = None) -> socket:
        """Return the socket, which is connected, with the timeout in seconds.

        OSError ENOTCONN if it is not.
        """

        def check(sock: socket) -> None:
            sock.getpeername()
            sock.settimeout(timeout)

        return self._taken(check)

    def _taken(self, ready: Callable[[socket], None]) -> socket:
        is_passed = self.scheme == _SERVICE_MANAGER
        if is_passed and self.descriptor in taken:
            raise OSError(errno.EBADF, f"{self} was taken over before")
        sock = socket(fileno=self.descriptor)
        try:
            sock.set_inheritable(False)
            for name, value in self.options:
                sock.set_option(name, value)
            ready(sock)
        except BaseException:
            sock.detach()
            raise
        if is_passed:
            taken.add(self.descriptor)
        return sock


def connect(endpoint: str | Endpoint, timeout: float | None = None) -> socket:
    """Return a socket that is connected to an endpoint, within ``timeout`` seconds.

    ``endpoint`` is its text or what `parse` makes of it; the socket keeps the timeout. ValueError
    for a text that is no endpoint, otherwise as `Endpoint.connect`.
    """
    return _endpoint(endpoint).connect(timeout)


def listen(endpoint: str | Endpoint, backlog: int | None = None) -> socket:
    """Return a socket that listens at an endpoint.

    ``endpoint`` is its text or what `parse` makes of it; ``backlog`` is how many connections may
    wait, by default what the endpoint states, or 128. ValueError for a text that is no endpoint,
    otherwise as `Endpoint.listen`.
    """
    return _endpoint(endpoint).listen(backlog)


def open_datagram(endpoint: str | Endpoint) -> socket:
    """Return a socket for messages that is bound to an endpoint, of any type but SOCK_STREAM.

    ``endpoint`` is its text or what `parse` makes of it. ValueError for a stream endpoint or a text
    that is no endpoint, otherwise as `Endpoint.bind`.
    """
    found = _endpoint(endpoint)
    if found.type == _stdlib.SOCK_STREAM:
        scheme, _ = Part(str(endpoint)).divided("://")
        row = _row_of(found).protocol
        others = [name_of(kind) for kind in row.types if kind != _stdlib.SOCK_STREAM]
        instead = f"; write {row.scheme}+{others[0]}" if others and row.scheme else ""
        raise scheme.mistake(f"a stream has no messages: use connect or listen{instead}")
    return found.bind()


def _endpoint(given: str | Endpoint) -> Endpoint:
    return given if isinstance(given, Endpoint) else parse(given)


def parse(text: str) -> Endpoint:
    """Return the endpoint that ``text`` stands for.

    ValueError for any other text, with carets under the mistake. For an unknown scheme it has those
    that are known, or the distribution to install.
    """
    if not isinstance(text, str):
        raise TypeError(f"an endpoint is a str, not {type(text).__name__}")
    scheme, rest = Part(text).divided("://")
    if rest is None:
        raise scheme.mistake(f"an endpoint is scheme://address, not {text!r}")
    if scheme.lower() in (_DESCRIPTOR, _SERVICE_MANAGER):
        return _descriptor(scheme.lower(), rest)
    named = read_scheme(scheme)
    written, place, query = split_query(named, rest)
    settings, options = read_query(query, SETTINGS)
    values = {name: value for name, (_, value) in settings.items()}
    pinned = values.pop("family", None)
    address, family = read_address(named, written, place, pinned)
    if pinned is not None:
        if family != pinned.number:
            raise settings["family"][0].mistake(f"{address} is no address of {pinned.name}")
        values["one_family"] = True
    for name in ("mode", "unlink"):
        if name in settings and address.bound_path is None:
            raise settings[name][0].mistake(f"{name} is for an address that is a path")
    if family == named.family.number:
        served = _unplugged(named.family, named.protocol)
    else:
        served = _served(family, named.type, named.number)
    pairs = tuple(read_option(served.definitions, name, value) for name, value in options)
    return Endpoint(family, named.type, named.number, address, named.text, options=pairs, **values)


def _descriptor(scheme: str, rest: Part) -> DescriptorEndpoint:
    """Return the endpoint of a descriptor that is open, by its number or its name."""
    host, *queries = rest.pieces("?")
    if len(queries) > 1:
        raise queries[1].mistake("an endpoint has one '?' that is not quoted")
    number = _by_number(host) if scheme == _DESCRIPTOR else _by_name(host)
    try:
        with _copy_of(number) as sock:
            kind = int(sock.family), int(sock.type), sock.proto
            address = sock.local_address or RawAddress(kind[0], b"")
            definitions = sock._definitions
    except OSError as error:
        raise host.mistake(f"descriptor {number} is no open socket: {error.strerror}") from None
    items = list(_text.query_items(queries[0])) if queries else []
    settings, stated = read_query(items, {"backlog": SETTINGS["backlog"]})
    options = tuple(read_option(definitions, name, value) for name, value in stated)
    values = {name: value for name, (_, value) in settings.items()}
    return DescriptorEndpoint(*kind, address, scheme, options=options, descriptor=number, **values)


def _copy_of(descriptor: int) -> socket:
    kept, close = keeping()
    try:
        keep(kept, os.dup, descriptor)
        return socket(fileno=kept[0])
    except BaseException:
        close()
        raise


def _by_number(host: Part) -> int:
    if not (host.isascii() and host.isdigit() and len(host) < 10):
        raise host.mistake(f"fd://NUMBER has the number of a descriptor, not {str(host)!r}")
    return int(host)


def _by_name(host: Part) -> int:
    try:
        passed = listen_fds()
    except (OSError, ValueError) as error:
        raise host.mistake(f"no descriptors of a service manager: {error}") from None
    wanted = _text.unquoted(host)
    found = [each for each in passed if wanted in ("", each.name)]
    if len(found) == 1:
        if found[0].descriptor in taken:
            raise host.mistake("this descriptor was taken over before")
        return found[0].descriptor
    names = [each.name for each in passed]
    if found:
        numbers = ", ".join(f"fd://{each.descriptor}" for each in found)
        raise host.mistake(f"{len(found)} descriptors have this name: take one of {numbers}")
    why = f"were passed: {', '.join(names)}" if names else "were passed: none (LISTEN_FDS)"
    raise host.mistake(f"descriptors that {why}" + did_you_mean(wanted, names))


def _row_of(endpoint: Endpoint) -> Served:
    """Return what serves an endpoint's sockets; without the family here, its scheme's row."""
    served = plugins.find(endpoint.family, endpoint.type, endpoint.protocol)
    return served or _unplugged(*protocol_of(Part(endpoint.scheme).pieces("+")[0]))


def _unplugged(family: Family, protocol: Protocol) -> Served:
    return Served(family, protocol, lambda _: None)


def _served(family: int, type: int, number: int) -> Served:
    served = plugins.find(family, type, number)
    if served is None:
        raise ValueError(f"no plugin serves family {family}, type {type}, protocol {number}")
    return served


def of(sock: Any, address: Address) -> Endpoint:
    """Return the endpoint of an address on a socket, which opens the same kind of socket again.

    ValueError if its protocol has no scheme, or for a `RawAddress` that no text of the scheme
    writes.
    """
    served = plugins.find(int(sock.family), int(sock.type), sock.proto)
    if served is not None and isinstance(sock, socket) and sock._served is not None:
        served = sock._served
    if served is None or not served.protocol.scheme:
        raise ValueError(f"no plugin names a scheme for {sock!r}")
    row, kind = served.protocol, int(sock.type)
    number = sock.proto if row.number is ANY_PROTOCOL else row.number
    if isinstance(address, RawAddress):
        typed = served.codec.address_class
        if typed.reads(address.pack()):
            with suppress(ValueError):  # a sockaddr of another length
                address = typed.unpack(address.pack())
    resolver = resolver_of(row)
    stands_for_others = (
        resolver is not None
        and not isinstance(address, RawAddress)
        and resolver.resolve(address, kind, False) is not None
    )
    endpoint = Endpoint(
        int(sock.family),
        kind,
        number,
        address,
        scheme_text(row, kind, number),
        one_family=stands_for_others,
    )
    if isinstance(address, RawAddress) and _reads_otherwise(endpoint):
        raise ValueError(f"{address} is no address of {row.scheme}")
    return endpoint


def _reads_otherwise(endpoint: Endpoint) -> bool:
    try:
        return parse(str(endpoint)) != endpoint
    except ValueError:
        return True
