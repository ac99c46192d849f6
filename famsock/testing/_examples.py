"""Statements of a family's author: addresses in all shapes, and inputs that must be refused."""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Callable
from typing import Any

import attrs

from famsock.address import Address, Lookup

OPERATIONS = ("bind", "connect", "connect_ex", "sendto", "sendmsg")


_Errors = type[BaseException] | tuple[type[BaseException], ...]


@attrs.frozen(kw_only=True)
class Shapes:
    """The shapes of an `Example` on this machine."""

    protocol: str
    typed: Address
    unpacked: Address
    stdlib: Any
    sockaddr: bytes | None
    text: str | None
    also_stdlib: tuple[Any, ...]
    also_text: tuple[str, ...]

    @property
    def packed(self) -> bytes:
        """The sockaddr, as stated or, where it is left out, as the typed address packs."""
        return self.typed.pack(Lookup("bind")) if self.sockaddr is None else self.sockaddr


@attrs.frozen(kw_only=True)
class Example:
    """An address in its four shapes, each of which must lead to the others.

    ``protocol`` is the `Protocol`'s name. ``typed`` is the typed address, ``stdlib`` what
    getsockname returns, ``sockaddr`` the bytes that the kernel reads, ``text`` what str() gives.
    ``also_stdlib`` are other stdlib forms, and ``also_text`` other texts, for the same sockaddr.
    ``unpacked`` is the unpacked sockaddr, if that differs from ``typed`` (a name became an index).

    A shape may be None, if ``reason`` says why. If an address depends on a network interface,
    ``needs_interface`` names it. Then any shape may be a function of the interface index. Without
    the interface the example is skipped::

        Example(protocol="raw", needs_interface="vcan0", typed=CanAddress("vcan0"),
                unpacked=CanAddress, stdlib=("vcan0",), text="vcan0",
                sockaddr=lambda index: struct.pack("=Hxxi16x", 29, index))
    """

    protocol: str
    typed: Address | Callable[[int], Address]
    stdlib: Any = None
    sockaddr: bytes | Callable[[int], bytes] | None = None
    text: str | Callable[[int], str] | None = None
    also_stdlib: tuple[Any, ...] = ()
    also_text: tuple[str, ...] = ()
    unpacked: Address | Callable[[int], Address] | None = None
    needs_interface: str = ""
    reason: str = ""

    def __attrs_post_init__(self) -> None:
        left_out = [n for n in ("stdlib", "sockaddr", "text") if getattr(self, n) is None]
        if left_out and not self.reason:
            raise ValueError(f"Example without {' and '.join(left_out)} needs a reason")

    def shapes(self) -> Shapes:
        """Return the shapes as values: those that are functions were called."""
        index = _stdlib.if_nametoindex(self.needs_interface) if self.needs_interface else 0
        made = {name: getattr(self, name) for name in ("typed", "stdlib", "sockaddr", "text")}
        made["unpacked"] = self.typed if self.unpacked is None else self.unpacked
        called = {n: shape(index) if callable(shape) else shape for n, shape in made.items()}
        return Shapes(
            protocol=self.protocol,
            also_stdlib=self.also_stdlib,
            also_text=self.also_text,
            **called,
        )

    def some_typed(self) -> Address:
        """Return the typed address; of interface 1 where it depends on one."""
        return self.typed if isinstance(self.typed, Address) else self.typed(1)

    def __str__(self) -> str:
        """Return the test's id."""
        if isinstance(self.text, str):
            return f"{self.protocol}-{self.text}"
        return f"{self.protocol}-{self.needs_interface or type(self.typed).__name__}"


@attrs.frozen(kw_only=True)
class BadAddress:
    """An address that must be refused by every operation that takes one.

    ``form`` is the address, in the stdlib's form or any object; ``error`` the exception type that
    it must raise, and ``match`` a regular expression that the message or a note must match, as in
    ``pytest.raises``. The message must begin with the operation ("bind(): "), unless it has an
    errno, or the words of the stdlib with ours as a note. ``operations`` are the methods tried,
    ``type`` the socket type (default: the protocol's usual one).
    """

    protocol: str
    form: Any
    error: _Errors
    match: str
    operations: tuple[str, ...] = OPERATIONS
    type: int | None = None

    def __attrs_post_init__(self) -> None:
        if unknown := set(self.operations) - set(OPERATIONS):
            raise ValueError(f"BadAddress operations are of {OPERATIONS}, not {sorted(unknown)}")

    def __str__(self) -> str:
        """Return the test's id."""
        shown = repr(self.form)
        return f"{self.protocol}-{shown if len(shown) <= 40 else shown[:37] + '...'}"
