"""The search for entry points, without importlib.metadata: its import costs more than the search.

Reads ``entry_points.txt`` of the distributions on ``sys.path``, in folders and in archives, and
imports nothing of theirs. A distribution that cannot be read is passed over.
Source: the entry points specification and the core metadata specifications of packaging.python.org.
"""

from __future__ import annotations

import os
import stat
import sys
from errno import EACCES, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import NamedTuple

    class EntryPoint(NamedTuple):
        """One entry point: its name, what it refers to, and who declares it."""

        name: str
        value: str
        distribution: str
        version: str

else:  # typing is not imported for one class
    from collections import namedtuple

    class EntryPoint(namedtuple("EntryPoint", "name value distribution version")):
        """One entry point: its name, what it refers to ("module:attribute"), who declares it."""

        __slots__ = ()

        def __str__(self) -> str:
            return f"{self.distribution} {self.version}".rstrip()


_ABSENT = (EACCES, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM)
"""The errnos of a file that is not there for this process, and will not be a moment later."""
_FOLDERS = (".dist-info", ".egg-info")
"""The endings of the names of folders that describe distributions."""
# A FIFO, for which nobody writes, must not hold the process up.
_READ_WITHOUT_WAITING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_PART_BYTES = 1 << 16
_READERS = ("zipfile", "bz2", "lzma", "_compression", "compression", "struct")
"""The modules that read archives."""


def entry_points(group: str, path: Iterable[str] | None = None) -> list[EntryPoint]:
    """Return the entry points of ``group``; the first distribution of a name on the path counts.

    OSError where the answer would be wrong later: if descriptors or memory are short, if nothing
    on the path can be read, as while a program hides the file system, or if there is no entry point
    and a part of the path is denied, as after setuid(2).
    """
    found: dict[str, list[EntryPoint]] = {}
    readable = denied = False
    for folder in sys.path if path is None else path:
        if not isinstance(folder, (str, os.PathLike)):
            continue  # what is no path Python itself passes over
        declarations = _declarations(folder or os.curdir)
        if declarations is None:
            denied = denied or _is_denied(folder)
            continue
        readable = True
        for name, version, text in declarations:
            normal = name.lower().replace("_", "-").replace(".", "-")
            if normal not in found:
                found[normal] = [
                    EntryPoint(key, value, normal, version) for key, value in _group(text, group)
                ]
    if not readable:
        raise OSError(ENOENT, "nothing on sys.path can be read")
    entries = [entry for of_one in found.values() for entry in of_one]
    if denied and not entries:
        raise OSError(EACCES, "a part of sys.path may not be read")
    return entries


def _is_denied(folder: str) -> bool:
    """Whether a folder is there, and this user may not list it."""
    try:
        os.listdir(folder or os.curdir)
    except (OSError, ValueError) as error:
        return getattr(error, "errno", None) in (EACCES, EPERM)
    return False


def _declarations(folder: str) -> Iterable[tuple[str, str, str]] | None:
    """Yield (name, version, entry_points.txt) of each distribution in a folder or archive.

    None if there is no such folder or archive.
    """
    try:
        names = os.listdir(folder)
    except ValueError as error:  # no path at all, as one with a null character
        if _is_of_a_handler(error):
            raise
        return None
    except OSError as error:
        _raise_unless_absent(error)
        return _archived(folder) if os.path.isfile(folder) else None
    return _in_folder(folder, sorted([name for name in names if name.endswith(_FOLDERS)]))


def _in_folder(folder: str, names: list[str]) -> Iterator[tuple[str, str, str]]:
    start = os.path.join(folder, "")
    for name in names:
        stem = name.rpartition(".")[0]
        if not stem.strip("."):
            continue
        try:
            data = _contents(f"{start}{name}/entry_points.txt")
        except OSError as error:
            _raise_unless_absent(error)
            continue
        if data is None:
            continue
        distribution, _, version = stem.partition("-")
        yield distribution, version, data.decode("utf-8", "replace")


def _contents(path: str) -> bytes | None:
    """Return what a regular file holds; None for another one.

    What `open` does beside it would cost as much again, for each distribution. All functions are
    ``os``'s: where a program replaces that module (pyfakefs), a number of its means another file to
    `io`. The number is never only a local variable: a signal's handler that raises would lose it.
    """
    numbers: list[int] = []
    try:
        numbers.extend(map(os.open, (path,), (_READ_WITHOUT_WAITING,)))
        found = os.fstat(numbers[0])
        return _whole(numbers[0], found.st_size) if stat.S_ISREG(found.st_mode) else None
    finally:
        for number in numbers:
            os.close(number)


def _whole(number: int, size_bytes: int) -> bytes:
    """Return what a file of this size holds, or holds by now."""
    data = part = os.read(number, size_bytes + 1)
    while part and len(data) != size_bytes:
        part = os.read(number, _PART_BYTES)
        data += part
    return data


def _archived(path: str) -> Iterator[tuple[str, str, str]]:
    from zipfile import ZipFile

    try:
        with ZipFile(path) as archive:
            for name in archive.namelist():
                folder, _, file = name.partition("/")
                stem, extension = os.path.splitext(folder)
                if folder == "EGG-INFO":  # an egg: the archive itself has the distribution's name
                    stem, extension = os.path.splitext(os.path.basename(path))
                if file == "entry_points.txt" and extension in (*_FOLDERS, ".egg"):
                    distribution, _, version = stem.partition("-")
                    text = archive.read(name).decode("utf-8", "replace")
                    yield distribution, version.partition("-py")[0], text
    except Exception as error:  # of zipfile, or of a module that decompresses, all their own kinds
        if isinstance(error, OSError) and error.errno is not None:
            _raise_unless_absent(error)
        elif isinstance(error, MemoryError) or _is_of_a_handler(error):
            raise


def _is_of_a_handler(error: Exception) -> bool:
    """Whether a signal's handler raised it: it is not what it was that could not be read."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else trace.tb_frame.f_globals.get("__name__", "")
    return module != __name__ and module.partition(".")[0] not in _READERS


def _raise_unless_absent(error: OSError) -> None:
    """Raise any other error: a shortage passes, and a signal's handler may raise a TimeoutError."""
    if error.errno not in _ABSENT:
        raise error


def _group(text: str, group: str) -> Iterator[tuple[str, str]]:
    if f"[{group}]" not in text:
        return
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield name.strip(), value.split("[")[0].strip()
