"""Raw system calls: the bytes of a sockaddr go in, bytes come out.

One interface, whose functions :mod:`famsock._calls.python` describes, and two implementations:
``native``, compiled, used where it was built, and ``python`` (ctypes), loaded on the first call.
The environment variable ``FAMSOCK_SYSCALLS`` asks for one of them: ``native`` or ``ctypes``. Only
this layer owns timeouts, EINTR (PEP 475), connect's SO_ERROR, close-on-exec, and the closing of
received descriptors when something fails after they arrived.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
import sys

from famsock._lazy import Load

if not issubclass(socket.socket, _socket.socket):  # before the compiled layer uses it
    raise ImportError(
        f"famsock needs the stdlib's own sockets, and socket.socket is {socket.socket!r}: a "
        "library that replaces them, as gevent's monkey patch does, cannot run below famsock"
    )

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from famsock._calls.python import *  # noqa: F403

HERE: bool = hasattr(socket, "CMSG_LEN")
"""Whether this platform has these calls: where not (Windows), every family is the stdlib's."""

TIMED_OUT = -1
"""The result of `connect` in the place of an errno when the time ran out."""

CALLS = (
    "accept",
    "bind",
    "closed_like",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "getsockopt_int",
    "interface_index",
    "interface_name",
    "pack_control",
    "parse_item",
    "recv_joined",
    "recvfrom",
    "recvfrom_into",
    "recvmmsg",
    "recvmmsg_into",
    "recvmsg",
    "recvmsg_into",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "setsockopt_int",
    "unpack_control",
)
"""The functions that an implementation provides, each described in `python`."""

_CLASSES = ("AddressCache", "Calls", "Converter")


_COMPILED = "famsock._calls.native"


def variable(name: str) -> str:
    """Return a variable of the environment; "" under -E and -I, which ignore Python's own too."""
    return "" if sys.flags.ignore_environment else os.environ.get(name, "")


def _choose(wanted: str) -> tuple[ModuleType | None, str]:
    """The compiled module, or None and the reason why ctypes makes the calls."""
    if wanted not in ("", "ctypes", "native"):
        raise ImportError(f"FAMSOCK_SYSCALLS must be 'ctypes' or 'native', not {wanted!r}")
    if wanted == "ctypes":
        return None, "FAMSOCK_SYSCALLS=ctypes"
    try:
        compiled = _load_compiled()
    except Exception as error:
        failure, why = error, _why_not_loaded(error)
    else:
        why = _why_not_used(compiled)
        if not why:
            return compiled, ""
        failure = ImportError(why, name=_COMPILED)
    if wanted:
        raise ImportError(why, name=_COMPILED) from failure
    return None, why


def _load_compiled() -> ModuleType:
    """Import the compiled module, in an interpreter after the first from a copy of its file.

    Its variables are those of the shared library, of which a process has one for each file. So an
    interpreter with its own GIL must not use another one's. The copy stays in memory until the
    process ends.
    """
    try:
        import famsock._calls.native as compiled
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError):
            raise
        try:
            return _load_copy_of_compiled()
        except Exception as second:
            raise error from second
    return compiled


def _load_copy_of_compiled() -> ModuleType:
    import importlib.machinery
    import importlib.util
    import shutil
    import tempfile

    spec = importlib.util.find_spec(_COMPILED)
    if spec is None or spec.origin is None:
        raise ImportError(f"{_COMPILED} has no file", name=_COMPILED)
    with tempfile.TemporaryDirectory(prefix="famsock-") as folder:
        path = shutil.copy(spec.origin, folder)
        loader = importlib.machinery.ExtensionFileLoader(_COMPILED, path)
        copied = importlib.util.spec_from_file_location(_COMPILED, path, loader=loader)
        assert copied is not None
        module = importlib.util.module_from_spec(copied)
        sys.modules[_COMPILED] = module
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[_COMPILED]
            raise
    copied.origin = module.__file__ = spec.origin
    return module


def _why_not_loaded(error: Exception) -> str:
    """Return why the compiled module did not load, and what to do if that is certain."""
    if not isinstance(error, ModuleNotFoundError) or error.name != _COMPILED:
        return f"the compiled layer cannot be loaded: {type(error).__name__}: {error}"
    if sys.implementation.name != "cpython":
        return f"the compiled layer is for CPython, and this is {sys.implementation.name}"
    if not sys.platform.startswith("linux"):
        return f"the compiled layer is for Linux, and this is {sys.platform}"
    try:
        others = [name for name in os.listdir(os.path.dirname(__file__)) if _is_compiled(name)]
    except OSError:
        return "famsock is in an archive, from which Python loads no compiled module"
    if others:
        return (
            f"the compiled layer is for another Python ({', '.join(sorted(others))}): install "
            "famsock again for this one"
        )
    return (
        "famsock was installed without its compiled layer; to compile it, install famsock again "
        "where there is a C compiler"
    )


def _is_compiled(name: str) -> bool:
    return name.startswith("native.") and name.endswith((".so", ".pyd"))


def _why_not_used(compiled: ModuleType) -> str:
    """Return why a compiled module must not be used: it was left behind by another version."""
    ours = sys.modules["famsock"].__version__
    theirs = getattr(compiled, "VERSION", "unknown")
    lacks = [name for name in (*CALLS, *_CLASSES) if not hasattr(compiled, name)]
    if theirs == ours and not lacks:
        return ""
    of = f"version {theirs}" if theirs != ours else f"another {ours}, without {', '.join(lacks)}"
    return f"the compiled layer is of {of}, and famsock is {ours}: install famsock again"


native: ModuleType | None
why_ctypes: str
native, why_ctypes = _choose(variable("FAMSOCK_SYSCALLS"))


def companion(name: str) -> ModuleType | None:
    """Return another compiled module; None if `native` is not used, or it was not built with it."""
    if native is None:
        return None
    try:
        __import__(name)
    except ImportError:
        return None
    found = sys.modules[name]
    return found if getattr(found, "VERSION", None) == native.VERSION else None


def implementation() -> str:
    """The implementation that makes the calls: "compiled" or "ctypes"."""
    return "ctypes" if native is None else "compiled"


def prepare() -> None:
    """Load the implementation, which is otherwise loaded on the first call."""
    if HERE and "bind" not in globals():
        __getattr__("bind")


def __getattr__(name: str) -> object:
    if name not in CALLS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not HERE:
        raise OSError(
            errno.ENOSYS,
            f"famsock makes no system calls of its own on {sys.platform}: typed addresses and "
            f"messages need them, the stdlib's forms and calls do not",
        )
    chosen = native
    if chosen is None:
        mark = Load()  # so that a fork of another thread waits
        try:
            mark.check()
            from famsock._calls import python as chosen
        finally:
            mark.end()
    globals().update({call: getattr(chosen, call) for call in CALLS})
    return globals()[name]
