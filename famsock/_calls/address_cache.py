"""The conversion of a socket's addresses, and the results that are kept: in Python."""

from __future__ import annotations

from struct import error as struct_error

from famsock._calls.converter import Converter, no_members
from famsock._calls.layout import SOCKADDR_BYTES, SockaddrLayout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from typing import Any

    Kept = list[tuple[Any, Any] | None]

SLOTS = 1024
"""The most results that are kept in each direction."""


class AddressCache:
    """Converts addresses for the sockets of one protocol, and keeps results.

    By the layout, if there is one; what it leaves goes to `encode_unusual` and `decode_unusual`,
    which a subclass has, and what shall be typed to `unpack_typed`. A result is kept in the slot
    that its key's hash names, where it replaces another one; what the system had a part in is not
    kept, nor anything longer than `SOCKADDR_BYTES`. Of what the layout decodes only the last result
    is kept: to decode costs little more than to look into a slot. Only exact tuples of str and int
    are looked up by equality, so that no object's own ``__hash__`` or ``__eq__`` runs, and 80.0 and
    True never count as a port; a typed address is known again by identity. Slots are read and
    written whole, so threads may share them.
    """

    __slots__ = (
        "_converter",
        "_decode_whole",
        "_decoded",
        "_encoded",
        "_is_kept",
        "_is_ready",
        "_last",
        "_last_decoded",
        "_typed",
        "loaded_class",
        "typed_fields",
    )

    def __init__(self) -> None:
        self._converter: Converter | None = None
        self._decode_whole: Any = no_members
        self._is_kept = False
        self._is_ready = False
        self._encoded: Kept = [None] * SLOTS
        self._decoded: Kept = [None] * SLOTS
        self._typed: Kept = [None] * SLOTS
        self._last: tuple[Any, bytes] = (object(), b"")  # what was encoded last
        self._last_decoded: tuple[bytes, Any] = (b"", None)
        self.loaded_class: type | None = None
        """The class of typed addresses, once it was loaded."""
        self.typed_fields: tuple[str, ...] | None = None
        """Its fields, where these are exactly the layout's."""

    def load_layout(self) -> SockaddrLayout | None:
        """Return the layout; None where there is none."""
        raise NotImplementedError

    def encode_unusual(self, sock: Any, operation: str, address: Any) -> tuple[bytes | None, bool]:
        """Return the sockaddr of any address, and whether it may be kept.

        None where the stdlib's own method must convert the address.
        """
        raise NotImplementedError

    def decode_unusual(self, sock: Any, sockaddr: bytes) -> tuple[Any, bool]:
        """Return the stdlib's form of any sockaddr, and whether it may be kept."""
        raise NotImplementedError

    def unpack_typed(self, sock: Any, sockaddr: bytes) -> tuple[Any, bool]:
        """Return the typed address of any sockaddr, and whether it may be kept."""
        raise NotImplementedError

    def _prepare(self) -> Converter | None:
        if not self._is_ready:
            layout = self.load_layout()
            if layout is not None:
                self._converter = converter = Converter(layout)
                self._is_kept = converter.is_kept
                self._decode_whole = converter.decode_whole
            self._is_ready = True
        return self._converter

    def _decode_other(self, sock: Any, sockaddr: bytes) -> Any:
        converter = self._prepare()
        return None if converter is None else converter.decode(sock, sockaddr)

    def encode(self, sock: socket, operation: str, address: Any) -> bytes | None:
        """Return the sockaddr of an address in any of its shapes, for ``operation`` on ``sock``.

        None where the stdlib's own method must convert the address.
        """
        last = self._last
        if last[0] is address:
            return last[1]
        slot = _slot(address)
        if slot < 0 and type(address) is self.loaded_class:
            slot = id(address) // 16 % SLOTS
        kept = self._encoded[slot] if slot >= 0 else None
        if kept is not None and (
            kept[0] is address or (type(address) in (tuple, str) and kept[0] == address)
        ):
            self._last = kept
            return kept[1]  # type: ignore[no-any-return]
        converter = self._prepare()
        sockaddr = None
        if converter is not None:
            form = address
            if self.typed_fields is not None and type(address) is self.loaded_class:
                form = tuple([getattr(address, name) for name in self.typed_fields])
                if converter.is_path:
                    form = form[0]
            sockaddr, keep = converter.encode(sock, form), converter.is_kept
        if sockaddr is None:
            sockaddr, keep = self.encode_unusual(sock, operation, address)
        if keep and sockaddr is not None and slot >= 0 and len(sockaddr) <= SOCKADDR_BYTES:
            self._encoded[slot] = self._last = address, sockaddr
        return sockaddr

    def convert(self, sock: Any, form: Any) -> bytes | None:
        """Return the sockaddr of a form that the layout covers; None for any other."""
        converter = self._prepare()
        return None if converter is None else converter.encode(sock, form)

    def forget(self, address: Any) -> None:
        """Keep no result of an address that the kernel refused."""
        self._last = object(), b""
        slot = _slot(address)
        if slot < 0 and type(address) is self.loaded_class:
            slot = id(address) // 16 % SLOTS
        if slot >= 0:
            self._encoded[slot] = None

    def decode(self, sock: socket, sockaddr: bytes) -> Any:
        """Return the stdlib's form of what the kernel gave: None for no address; never cut."""
        last = self._last_decoded
        if sockaddr == last[0]:
            return last[1]
        if not sockaddr:
            return None
        decode = self._decode_whole
        try:
            form = decode(sock, sockaddr)
        except struct_error:  # longer or shorter than the layout
            form = self._decode_other(sock, sockaddr)
        if form is not None:
            if self._is_kept:
                self._last_decoded = sockaddr, form
            return form
        return _kept(self._decoded, self.decode_unusual, sock, sockaddr)

    def decode_typed(self, sock: socket, sockaddr: bytes) -> Any:
        """Return the typed address of what the kernel gave; `RawAddress` where no class fits."""
        return _kept(self._typed, self.unpack_typed, sock, sockaddr)


def _kept(
    results: Kept, convert: Callable[[Any, bytes], tuple[Any, bool]], sock: Any, sockaddr: bytes
) -> Any:
    """Return the result of a sockaddr that is kept, or convert and keep it."""
    slot = hash(sockaddr) % SLOTS
    if (kept := results[slot]) is not None and kept[0] == sockaddr:
        return kept[1]
    result, keep = convert(sock, sockaddr)
    if keep and len(sockaddr) <= SOCKADDR_BYTES:
        results[slot] = sockaddr, result
    return result


def _slot(address: Any) -> int:
    """Return the slot of a plain address; -1 for one that is not plain, or too long."""
    if type(address) is str:
        return hash(address) % SLOTS if len(address) <= SOCKADDR_BYTES else -1
    if type(address) is not tuple or len(address) > 8:
        return -1
    for item in address:
        if type(item) is str:
            if len(item) > SOCKADDR_BYTES:
                return -1
        elif type(item) is not int or not -(1 << 63) <= item < 1 << 63:  # keys are bounded in bytes
            return -1
    return hash(address) % SLOTS
