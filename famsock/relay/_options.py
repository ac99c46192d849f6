"""The settings of a relay and of its ends, and its counters."""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal

import attrs

from famsock import endpoints
from famsock.endpoints import Endpoint

with suppress(ImportError):  # Python can be built without OpenSSL; then there is no TLS
    import ssl

Role = Literal["listen", "connect", "bind"]
"""The part of an end: it accepts peers, connects to one, or only binds and has no peer."""

ROLES: tuple[Role, ...] = ("listen", "connect", "bind")


@attrs.frozen
class Tls:
    """TLS at one end, by the stdlib's `ssl`.

    ``context`` is an `ssl.SSLContext`. The end is the server if it listens, unless ``server_side``
    says otherwise. A client checks the certificate for ``server_hostname``, as its context asks.
    """

    context: ssl.SSLContext
    server_hostname: str | None = None
    server_side: bool | None = None


def _endpoint(value: str | Endpoint) -> Endpoint:
    return endpoints.parse(value) if isinstance(value, str) else value


def _rules(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _check_role(_: End, __: attrs.Attribute[Role | None], value: Role | None) -> None:
    if value is not None and value not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, not {value!r}")


@attrs.frozen
class End:
    """One end of a relay.

    ``endpoint`` is an `famsock.endpoints.Endpoint` or its text. ``role`` is "listen", "connect" or
    "bind"; None stands for "bind" if the socket type is SOCK_RAW, otherwise for "listen" at the
    first end and "connect" at the second. An end that listens with datagrams binds, and each
    address that sends to it is a peer. ``allow`` are the rules of which a peer must meet one;
    without any, every peer may come. What a rule is, the class of the address says:
    `famsock.Address.admits`.
    """

    endpoint: Endpoint = attrs.field(converter=_endpoint)
    role: Role | None = attrs.field(default=None, validator=_check_role)
    allow: tuple[str, ...] = attrs.field(default=(), converter=_rules)
    tls: Tls | None = None

    def with_role(self, usual: Role) -> End:
        """Return the end with its role stated: its own, or the usual one."""
        if self.role is not None:
            return self
        is_raw = self.endpoint.type == _stdlib.SOCK_RAW
        return attrs.evolve(self, role="bind" if is_raw else usual)

    @property
    def is_stream(self) -> bool:
        """True if the end has no boundaries of messages."""
        return self.endpoint.type == _stdlib.SOCK_STREAM

    @property
    def is_connected(self) -> bool:
        """True if a peer has a connection, which ends: streams and sequenced packets."""
        return self.endpoint.type in (_stdlib.SOCK_STREAM, _stdlib.SOCK_SEQPACKET)


def _at_least(low: int, optional: bool = False) -> Callable[[object, Any, Any], None]:
    """Return the check of an integer; where ``optional``, None will do too."""

    def check(_: object, attribute: Any, value: Any) -> None:
        if optional and value is None:
            return
        if type(value) is not int:
            raise TypeError(f"{attribute.name} must be an int, not {type(value).__name__}")
        if value < low:
            raise ValueError(f"{attribute.name} must be at least {low}, not {value}")

    return check


@attrs.frozen(kw_only=True)
class Options:
    """The settings of a relay.

    ``connect_timeout_ms``: how long an end may take to connect, all attempts together if
    ``retries`` is 0, and to complete TLS's handshake. ``idle_timeout_ms``: a session without
    traffic ends after it; None stands for never, and for 60,000 where a peer is one of datagrams,
    which have no end. ``retries``: further attempts to connect; None for any number. They wait
    ``retry_delay_ms``, which doubles up to ``max_retry_delay_ms``. ``max_sessions``: sessions at
    once, beyond which nobody is accepted; None for any number. ``sessions``: the relay ends after
    so many; 0 for never; None stands for 1 if no end listens, otherwise for never. ``drain_ms``:
    how long open sessions may go on after `Relay.stop`. ``backlog``: connections that may wait to
    be accepted. ``passes_descriptors``: pass on descriptors (SCM_RIGHTS) where both ends can.
    ``splices``: use splice(2) between streams.
    """

    connect_timeout_ms: int = attrs.field(default=10_000, validator=_at_least(1))
    idle_timeout_ms: int | None = attrs.field(default=None, validator=_at_least(1, optional=True))
    retries: int | None = attrs.field(default=0, validator=_at_least(0, optional=True))
    retry_delay_ms: int = attrs.field(default=100, validator=_at_least(1))
    max_retry_delay_ms: int = attrs.field(default=30_000, validator=_at_least(1))
    max_sessions: int | None = attrs.field(default=None, validator=_at_least(1, optional=True))
    sessions: int | None = attrs.field(default=None, validator=_at_least(0, optional=True))
    drain_ms: int = attrs.field(default=5_000, validator=_at_least(0))
    backlog: int = attrs.field(default=1024, validator=_at_least(1))
    passes_descriptors: bool = False
    splices: bool = True


@attrs.define
class Counters:
    """The counters of a relay.

    Sessions: ``opened``, of which ``active`` are open; ``refused`` by an allow-list; ``failed``,
    because an end could not be connected; ``broken`` by an error; ``cut``, with bytes in hand, by
    the end of the time to drain. Bytes and messages are those delivered, ``a_to_b`` and ``b_to_a``;
    ``dropped`` are messages that the other end cannot take.
    """

    opened: int = 0
    active: int = 0
    refused: int = 0
    failed: int = 0
    broken: int = 0
    cut: int = 0
    a_to_b_bytes: int = 0
    b_to_a_bytes: int = 0
    a_to_b_messages: int = 0
    b_to_a_messages: int = 0
    dropped: int = 0
