"""Checks of a family's options and control messages."""

from __future__ import annotations

import errno
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from famsock import codecs
from famsock import constants as common
from famsock._sockets import socket
from famsock.control import ControlType
from famsock.options import Option
from famsock.testing import requirements
from famsock.testing._checks.base import Checks, asks_no_kernel, for_each

TOLERATED = frozenset(
    {
        errno.EACCES,
        errno.EADDRNOTAVAIL,
        errno.EBADF,
        getattr(errno, "EBADFD", errno.EBADF),  # only Linux has it, and there is no device for it
        errno.EBUSY,
        errno.EDESTADDRREQ,
        errno.EDOM,
        errno.EFAULT,
        errno.EINVAL,
        errno.EISCONN,
        errno.ENOBUFS,
        errno.ENODATA,
        errno.ENODEV,
        errno.ENOENT,
        errno.ENOMEM,
        errno.ENOPROTOOPT,
        errno.ENOTCONN,
        errno.ENXIO,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.ERANGE,
        errno.ESRCH,
    }
)
"""Errors of getsockopt and setsockopt for an option that does not suit a plain socket."""

_LARGE_BYTES = 4096
_ROOM_BYTES = 64
_INTEGER_SIZES = (1, 2, 4, 8)
_WRONG_VALUES = (1.5, 1j, object())


class DefinitionChecks(Checks):
    """Options and control messages."""

    @asks_no_kernel
    def test_option_numbers_are_those_of_their_constants(
        self, option_rows: tuple[Option[Any], ...]
    ) -> None:
        def check(row: Option[Any]) -> None:
            self._number_is_known(row)
            assert row.access in ("r", "w", "rw")

        for_each(option_rows, check)

    @asks_no_kernel
    def test_control_numbers_are_those_of_their_constants(
        self, control_rows: tuple[ControlType[Any], ...]
    ) -> None:
        for_each(control_rows, self._number_is_known)

    def _number_is_known(self, row: Any) -> None:
        known = {**vars(common), **self.subject().integers()}
        assert row.name in known, "the constants lack it"
        assert row.number == known[row.name]
        levels = [v for n, v in known.items() if n.startswith(("SOL_", "IPPROTO_", "AF_"))]
        assert row.level in levels, f"level {row.level} is no SOL_, IPPROTO_ or AF_ constant"

    @asks_no_kernel
    def test_rows_have_the_names_of_their_variables(self, subject_here: None) -> None:
        for module in self.subject().modules():
            for name, row in vars(module).items():
                if isinstance(row, Option | ControlType) and not name.startswith("_"):
                    assert row.name == name, f"{module.__name__}.{name} is the row {row.name}"

    @asks_no_kernel
    def test_options_take_any_bytes(self, option_rows: tuple[Option[Any], ...]) -> None:
        for_each(option_rows, lambda row: survives_any_size(row.decode, row.codec.size_bytes))

    @asks_no_kernel
    def test_control_messages_take_any_bytes(
        self, control_rows: tuple[ControlType[Any], ...]
    ) -> None:
        for_each(
            control_rows, lambda row: survives_any_size(row.codec.decode, row.codec.size_bytes)
        )

    @asks_no_kernel
    def test_options_refuse_wrong_values(self, option_rows: tuple[Option[Any], ...]) -> None:
        def check(row: Option[Any]) -> None:
            if row.codec is codecs.BOOL:
                return  # every object is true or false
            expected = (TypeError, ValueError) if "w" in row.access else AttributeError
            for value in _WRONG_VALUES:
                with pytest.raises(expected, match=row.name):
                    row.encode(value)

        for_each(option_rows, check)

    def test_options_read_and_written_back_on_live_sockets(
        self, readable_options: tuple[Option[Any], ...], alarm: float, descriptors: None
    ) -> None:
        rows = [row for row in readable_options if row.name not in self.unreadable_options]
        trouble: dict[str, str] = {}
        read: set[str] = set()

        def check(sock: socket) -> None:
            for row in rows:
                error = read_and_write_back(sock, row)
                if error is None:
                    read.add(row.name)
                else:
                    trouble[row.name] = error

        self._on_each_socket(check)
        unread = {name: why for name, why in trouble.items() if name not in read}
        assert len(read) >= len(rows) / 2, f"at least half of the options must read: {unread}"

    def test_integer_options_have_the_size_that_the_kernel_gives(
        self, readable_options: tuple[Option[Any], ...], alarm: float, descriptors: None
    ) -> None:
        def check(sock: socket) -> None:
            for_each(readable_options, partial(has_the_kernels_size, sock))

        self._on_each_socket(check)

    def _on_each_socket(self, check: Callable[[socket], None]) -> None:
        """Check a non-blocking socket of each protocol and type that the kernel opens."""
        subject = self.subject()
        opened = 0
        for protocol in subject.family.protocols:
            for kind in protocol.types:
                if (sock := subject.open(protocol, kind)) is not None:
                    with sock:
                        sock.setblocking(False)
                        check(sock)
                        opened += 1
        if not opened:
            pytest.skip(requirements.family(self.family))


def public_functions(cls: type[Any]) -> list[tuple[str, Any]]:
    """Return the public methods of a class and the getters of its properties, by name."""
    found = []
    for name, value in inspect.getmembers(cls):
        if name.startswith("_"):
            continue
        function = value.fget if isinstance(value, property) else value
        if inspect.isfunction(function):
            found.append((name, function))
    return found


def survives_any_size(decode: Any, size_bytes: int) -> None:
    """Assert that bytes of any size, right or wrong, decode or raise ValueError."""
    around = {size_bytes - 1, size_bytes, size_bytes + 1} if 0 < size_bytes <= _LARGE_BYTES else {}
    for size in {*range(min(size_bytes, 64) + 9), *around}:
        for octet in (b"\0", b"\xff"):
            try:
                decode(octet * size)
            except ValueError:
                continue


def has_the_kernels_size(sock: socket, row: Option[Any]) -> None:
    """Assert that an integer option, given a longer buffer, is as long as its codec says."""
    if row.codec.size_bytes not in _INTEGER_SIZES:
        return
    try:
        data = sock.getsockopt(row.level, row.number, _ROOM_BYTES)
    except OSError:
        return  # read_and_write_back lists the errors that the kernel may give
    told = len(data) < _ROOM_BYTES  # some options of the kernel leave the length as it was
    if told and isinstance(row.decode(data), int):
        assert len(data) == row.codec.size_bytes, (
            f"the kernel's value has {len(data)} bytes, the codec's {row.codec.size_bytes}"
        )


def read_and_write_back(sock: socket, row: Option[Any]) -> str | None:
    """Read an option, encode what was read, set it; the error where this socket has no such option.

    Any other errno is raised.
    """
    try:
        value = sock.get_option(row)
        if "w" in row.access:
            again = row.decode(row.encode(value))
            assert again == value, f"{row.name}: {value!r} becomes {again!r} in encoding"
            sock.set_option(row, value)
            assert type(sock.get_option(row)) is type(value)
    except OSError as error:
        if error.errno not in TOLERATED:
            error.add_note(f"at {row.name} of {sock!r}")
            raise
        return str(error)
    return None
