"""Addresses of AF_UNIX: a path, an abstract name, or none. Source: unix(7)."""

from __future__ import annotations

import collections.abc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from famsock.plugin import Address, CType, Lookup, cstruct, sockaddr
from famsock_unix.constants import UNIX_PATH_MAX

__all__ = [
    "UnixAddress",
]

_LONGEST_NAME_BYTES = UNIX_PATH_MAX - len("/proc/self/fd/1234567/") - 1
_TOO_LONG = "AF_UNIX path too long"
_BIND_NOTE = (
    "a name of more than 107 bytes cannot be bound: peers would see another one, which means "
    "something else to each of them; bind a shorter path, or an abstract name"
)
_O_PATH = getattr(os, "O_PATH", 0o10000000)  # asm-generic/fcntl.h; PyPy has no name for it
_AT_SIGN = re.compile(r"\\*@")


def _checked(value: object) -> str | bytes:
    if type(value) is str and value.isascii() and "\0" not in value:
        return value
    name = os.fsencode(value) if isinstance(value, str | os.PathLike) else _octets(value)
    if name[:1] == b"\0":
        if len(name) > UNIX_PATH_MAX:
            raise ValueError(
                f"abstract name must be at most {UNIX_PATH_MAX - 1} bytes after its null byte, "
                f"not {len(name) - 1}"
            )
        return name
    if b"\0" in name:
        raise ValueError("must not contain a null character, except in front of an abstract name")
    return os.fsdecode(name)


def _octets(value: Any) -> bytes:
    try:
        view = memoryview(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"a bytes-like object is required, not {kind!r}") from None
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return view.tobytes()


def _text(path: str | bytes) -> str:
    if isinstance(path, bytes):
        return "@" + os.fsdecode(path[1:])
    return "\\" + path if _AT_SIGN.match(path) else path


def _parsed(text: str) -> str | bytes:
    if text.startswith("@"):
        return b"\0" + os.fsencode(text[1:])
    return text[1:] if _AT_SIGN.match(text) else text


_PATH = CType(c="char", code=f"{UNIX_PATH_MAX}s", check=_checked, text=_text, parse=_parsed)


@sockaddr("struct sockaddr_un", header="sys/un.h", family=1, family_name="AF_UNIX", size=110)
class UnixAddress(Address):
    r"""An address of an AF_UNIX socket: a path, an abstract name, or none (unnamed).

    ``path`` is a str for a path in the file system, bytes that begin with a null byte for a name in
    Linux's abstract namespace, and "" for an unnamed socket; to bind to "" asks the kernel for an
    abstract name of its choice. It is made from str, bytes, any bytes-like object or `os.PathLike`.
    A path of more than 107 bytes can be connected and sent to, through a descriptor of its
    directory, and not be bound. Text: the path; ``@name`` for an abstract name; a path that starts
    with an at sign is written after a backslash.

    Wire layout: the family (u16), then ``sun_path``: a path with its null byte, an abstract name
    unchanged, nothing for an unnamed socket. Raises TypeError for any other type, ValueError for a
    null byte inside a path or an abstract name of more than 107 bytes, UnicodeEncodeError for a str
    that the file system encoding lacks. Source: unix(7).
    """

    path: str | bytes = cstruct.field(_PATH, "sun_path", default="")
    names_operation: ClassVar[bool] = False

    if TYPE_CHECKING:

        def __init__(
            self, path: str | bytes | bytearray | memoryview | os.PathLike[str] = ""
        ) -> None: ...

    @classmethod
    def abstract(cls, name: str | bytes) -> UnixAddress:
        """Return the address of ``name`` (at most 107 bytes) in the abstract namespace."""
        return cls(b"\0" + (os.fsencode(name) if isinstance(name, str) else _octets(name)))

    @property
    def is_unnamed(self) -> bool:
        """True if the socket has no name."""
        return not self.path

    @property
    def is_abstract(self) -> bool:
        """True if the name is one of the abstract namespace."""
        return isinstance(self.path, bytes)

    @property
    def is_path(self) -> bool:
        """True if the name is a path in the file system."""
        return bool(self.path) and isinstance(self.path, str)

    @property
    def bound_path(self) -> str | None:
        """The path, if the name is one in the file system."""
        return self.path if isinstance(self.path, str) and self.path else None

    @contextmanager
    def replacing_stale(self) -> Iterator[None]:
        """Remove the socket at the path if no process has it open, and lock the directory.

        OSError BlockingIOError if another process held the directory's lock for a second.
        """
        if self.bound_path is None:
            yield
            return
        from famsock_unix import _stale

        with _stale.locked_directory(self.bound_path):
            _stale.unlink_stale(self.bound_path)
            yield

    @property
    def abstract_name(self) -> bytes | None:
        """The abstract name without its null byte; None for any other address."""
        return self.path[1:] if isinstance(self.path, bytes) else None

    @classmethod
    def admits(cls, rule: str) -> collections.abc.Callable[[Any, Address | None], bool]:
        """Return whether a peer is of the user, group or process that ``rule`` states.

        ``uid=1000``, ``uid=NAME``, ``gid=100``, ``gid=NAME`` or ``pid=17``; several with commas
        between must all hold. They are those of the peer when it connected (SO_PEERCRED), so a peer
        of a datagram socket has none. A text without them is an address. ValueError for any other.
        """
        from famsock_unix._peers import credentials_rule

        return credentials_rule(rule) or super().admits(rule)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> UnixAddress:
        """Return the address of a str or bytes-like object, as CPython takes it.

        A path ends at a null byte, as for the kernel. OSError if it is too long for sun_path and
        cannot be shortened either.
        """
        name = os.fsencode(form) if isinstance(form, str) else _octets(form)
        abstract = name[:1] == b"\0"
        if len(name) > UNIX_PATH_MAX - (not abstract) and (abstract or b"\0" in name):
            raise OSError(_TOO_LONG)
        return cls.unchecked(name if abstract else os.fsdecode(name.partition(b"\0")[0]))

    def to_stdlib(self, lookup: Lookup) -> str | bytes:
        """Return bytes for an abstract name, str for a path, '' for an unnamed socket."""
        return self.path

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the sockaddr, as long as its name; OSError for a path that is too long for it."""
        name = os.fsencode(self.path)
        if not self.is_path:
            return self.layout.head + name
        if len(name) < UNIX_PATH_MAX:
            return self.layout.head + name + b"\0"
        return _ThroughDirectory.of(name, self.layout.head, lookup)

    @classmethod
    def unpack(
        cls, data: bytes | bytearray | memoryview, lookup: Lookup | None = None
    ) -> UnixAddress:
        """Return the address of a sockaddr of any length."""
        name = bytes(data[2:])
        if name[:1] == b"\0":
            return cls.unchecked(name)
        return cls.unchecked(os.fsdecode(name.partition(b"\0")[0]))


class _ThroughDirectory(bytes):
    """A sockaddr whose path goes through a descriptor of the directory, open as long as it lives.

    Not for bind(2), which makes it the socket's name: peers look ``/proc/self`` up as their own.
    Source: proc(5), /proc/PID/fd; open(2), O_PATH; unix(7), getsockname.
    """

    _opened: _Opened | None = None

    @classmethod
    def of(cls, path: bytes, head: bytes, lookup: Lookup | None) -> _ThroughDirectory:
        """Return the sockaddr for a path that is too long.

        OSError if its last part is too long, too, or if it is to be bound.
        """
        directory, slash, name = path.rpartition(b"/")
        if not slash or len(name) > _LONGEST_NAME_BYTES or lookup is None:
            raise OSError(_TOO_LONG)
        if lookup.operation == "bind":
            error = OSError(_TOO_LONG)
            error.add_note(_BIND_NOTE)
            raise error
        lookup.used = True
        opened = _Opened(directory)
        made = cls(b"%s/proc/self/fd/%d/%s\0" % (head, opened.numbers[0], name))
        made._opened = opened
        return made


class _Opened:
    """A descriptor of a directory, closed when the object is forgotten.

    It is never only a local variable: an exception of a signal's handler would lose it there.
    """

    def __init__(self, directory: bytes) -> None:
        self.numbers: list[int] = []
        flags = _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        self.numbers.extend(map(os.open, (directory,), (flags,)))

    def __del__(self) -> None:
        for number in self.numbers:
            os.close(number)
