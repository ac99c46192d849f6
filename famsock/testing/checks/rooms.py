"""The other rooms: options, control messages, operations."""

from __future__ import annotations

import errno
import inspect
from typing import Any

import pytest

from famsock import constants as common
from famsock.control import ControlType
from famsock.family import constants_of
from famsock.options import Option
from famsock.testing import requirements
from famsock.testing.checks.base import Checks

TOLERATED = {
    getattr(errno, name)
    for name in "ENOPROTOOPT EOPNOTSUPP EINVAL ENOTCONN EPERM EACCES ENODEV ENODATA ENOENT "
    "EADDRNOTAVAIL EDESTADDRREQ EBADF ENOBUFS EISCONN ENOTSUP ERANGE ESRCH EFAULT EDOM ENXIO".split()
}
"""What getsockopt may answer where an option does not apply to a plain socket."""

_WRONG_VALUES = (1.5, 1j, object())


class RoomChecks(Checks):
    """Options, control messages, operations."""

    def test_option_number_is_that_of_its_constant(self, option_row: Option[Any]) -> None:
        self._number_is_known(option_row)
        assert set(option_row.access) <= {"r", "w"}
        assert option_row.access

    def test_control_number_is_that_of_its_constant(self, control_row: ControlType[Any]) -> None:
        self._number_is_known(control_row)

    def _number_is_known(self, row: Any) -> None:
        known = {**constants_of(self.subject().family)}
        for name, value in vars(common).items():
            if name.isupper():
                known.setdefault(name, value)
        assert row.name in known, f"the constants lack {row.name}"
        assert row.number == known[row.name]
        levels = {v for n, v in known.items() if n.startswith(("SOL_", "IPPROTO_", "AF_"))}
        assert row.level in levels, f"level {row.level} is no SOL_, IPPROTO_ or AF_ constant"

    def test_option_takes_any_bytes(self, option_row: Option[Any]) -> None:
        survives_any_size(option_row.decode, option_row.codec.size_bytes)

    def test_control_takes_any_bytes(self, control_row: ControlType[Any]) -> None:
        survives_any_size(control_row.codec.decode, control_row.codec.size_bytes)

    def test_option_refuses_wrong_values(self, option_row: Option[Any]) -> None:
        if option_row.codec.c == "int" and option_row.codec.decode(b"\1" * 4) is True:
            return  # every object is true or false
        expected = (TypeError, ValueError) if "w" in option_row.access else AttributeError
        for value in _WRONG_VALUES:
            with pytest.raises(expected, match=option_row.name):
                option_row.encode(value)

    def test_options_read_and_written_back_on_live_sockets(
        self, alarm: float, descriptors: None
    ) -> None:
        rows = [row for row in self.subject().rows("options") if "r" in row.access]
        rows = [row for row in rows if row.name not in self.unreadable_options]
        read: set[str] = set()
        answers: dict[str, str] = {}
        for protocol in self.subject().family.protocols:
            for kind in protocol.types:
                sock = self.subject().open(protocol, kind)
                if sock is None:
                    continue
                with sock:
                    sock.setblocking(False)
                    for row in rows:
                        try:
                            read_and_write_back(sock, row)
                        except OSError as error:
                            assert error.errno in TOLERATED, f"{row.name}: {error}"
                            answers[row.name] = str(error)
                        else:
                            read.add(row.name)
        unread = sorted(row.name for row in rows if row.name not in read)
        assert len(read) >= len(rows) / 2, f"half of the options must read; unread: {answers}"
        assert set(unread) <= set(answers)

    def test_operations_are_typed_and_documented(self, operations_class: type[Any]) -> None:
        assert (vars(operations_class).get("__doc__") or "").strip()
        parameters = list(inspect.signature(operations_class).parameters)
        assert len(parameters) == 1, f"{operations_class.__name__}(sock) takes the socket alone"
        for name, function in public_functions(operations_class):
            assert (inspect.getdoc(function) or "").strip(), f"{name} has no docstring"
            signature = inspect.signature(function)
            assert signature.return_annotation is not inspect.Signature.empty, f"{name}: no return"
            for parameter in list(signature.parameters.values())[1:]:
                assert parameter.annotation is not parameter.empty, f"{name}: {parameter.name}"

    def test_operations_show_on_the_socket(self, operations_class: type[Any]) -> None:
        subject = self.subject()
        if not subject.family.here:
            return
        with subject.adopted(subject.operations()[operations_class]) as sock:
            missing = {name for name in vars(operations_class) if name[0] != "_"} - set(dir(sock))
        assert not missing


def public_functions(cls: type[Any]) -> list[tuple[str, Any]]:
    """The public methods of a class and the getters of its properties, by name."""
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
    for size in {*range(min(size_bytes, 64) + 9), size_bytes - 1, size_bytes, size_bytes + 1}:
        for octet in (b"\0", b"\xff", b"A"):
            try:
                decode(octet * max(size, 0))
            except ValueError:
                continue


def read_and_write_back(sock: Any, row: Option[Any]) -> None:
    """Read an option; where it can be written, what was read survives encoding and can be set."""
    value = sock.get_option(row)
    if "w" not in row.access:
        return
    assert row.decode(row.encode(value)) == value, f"{row.name}: {value!r} changed in encoding"
    try:
        sock.set_option(row, value)
    except OSError as error:
        assert error.errno in {*TOLERATED, errno.EBUSY, errno.ENOMEM}, f"{row.name}: {error}"
    else:
        assert type(sock.get_option(row)) is type(value)


def reason_without(family: str, protocol: str) -> str:
    """Why the kernel opens no socket of a protocol; "" if it does."""
    return requirements.family(family, protocol=protocol)
