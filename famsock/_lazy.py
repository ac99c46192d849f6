"""Import what a string names on its first use, marked so that a fork can wait for it.

A child of fork(2) has one thread. A module that another thread was importing stays half imported
there, with its import lock held: the first import of that module in the child would never end. So
whatever famsock imports on first use is marked as a `Load`, and a fork waits for the loads of other
threads, and a thread that wants to begin one waits for a fork that has begun. No wait is longer
than `WAIT_S`, and no thread waits for itself. A load that another thread can no longer end, as the
interpreter ends, is not waited for: `Load.check` refuses the next one. What a load of a plugin
fails with is here too: `PluginError`.
"""

from __future__ import annotations

import os
import sys
from _imp import lock_held

# As functools does: threading would add a fifth to what famsock's import costs.
from _thread import get_ident
from errno import EMFILE, ENFILE, ENOMEM
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import cached_property
    from typing import Any

SHORTAGES: tuple[int, ...] = (EMFILE, ENFILE, ENOMEM)
"""The errnos of a shortage of descriptors or memory, in the process or the system."""

WAIT_S = 10.0
"""The longest wait of a fork for other threads' imports, and of an import for a fork."""

_POLL_S = 0.001
_loads: dict[int, int] = {}  # the thread of each load, by the load's id
_forks: dict[int, bool] = {}  # the threads that are forking


class PluginError(ImportError):
    """A plugin cannot serve its family: it is broken, clashes with another, or is not valid."""

    __module__ = "famsock"


def is_out_of_reach(error: BaseException | None) -> bool:
    """Whether a load failed because files, descriptors or memory are out of reach.

    So it is after chroot(2) or setuid(2), at RLIMIT_NOFILE, and as the interpreter ends. An OSError
    without an errno is none of the system's: a signal's handler raises such, as TimeoutError.
    """
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno):
            return True
        if isinstance(error, ImportError) and not isinstance(error, PluginError):
            return True
        error = error.__cause__ or error.__context__
    return False


class Load:
    """A mark that the running thread imports something, until `end` or until it is forgotten.

    It also ends when it is forgotten, because an exception may come before the call of `end`.
    ``nested`` says whether the thread was in the middle of a load already: a plugin or a signal's
    handler opens a socket there, and finds modules that are half imported.
    """

    __slots__ = ("nested",)

    def __init__(self) -> None:
        thread = get_ident()
        self.nested = thread in list(_loads.values())
        deadline = monotonic() + WAIT_S
        _loads[id(self)] = thread
        # One that is nested goes on, as a fork waits for the outer one.
        while not self.nested and _others(_forks, thread) and monotonic() < deadline:
            self.end()
            sleep(_POLL_S)
            _loads[id(self)] = thread

    def end(self) -> None:
        """Take the mark back; nothing happens the second time."""
        _loads.pop(id(self), None)

    __del__ = end

    def check(self) -> None:
        """Raise ImportError for an import that would never end.

        As the interpreter ends, the other threads stand still, with the locks of what they import.
        The import system's own lock shows an import that is no load.
        """
        if not sys.is_finalizing():
            return
        own = get_ident()
        if lock_held() or any(thread != own for thread in list(_loads.values())):
            raise ImportError("the interpreter ends, and another thread was importing")


def _others(threads: dict[int, bool], own: int) -> bool:
    return any(thread != own for thread in list(threads))


def _before_fork() -> None:
    own = get_ident()
    _forks[own] = True
    deadline = monotonic() + WAIT_S
    while any(thread != own for thread in list(_loads.values())) and monotonic() < deadline:
        sleep(_POLL_S)


def _after_fork_in_parent() -> None:
    _forks.pop(get_ident(), None)


def _after_fork_in_child() -> None:
    """Forget the other threads: they are not in the child."""
    own = get_ident()
    _forks.clear()
    for load, thread in list(_loads.items()):
        if thread != own:
            del _loads[load]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


if TYPE_CHECKING:
    kept = cached_property
else:

    class kept:  # noqa: N801
        """A property that is computed once; `functools.cached_property` without its lock.

        On Python 3.11 that lock is one for all objects and held while the value is computed, here
        while modules are imported: other threads would wait, and a forked child for ever. Two
        threads may compute the value both; each keeps an equal one.
        """

        def __init__(self, compute) -> None:
            self.compute = compute
            self.name = compute.__name__
            self.__doc__ = compute.__doc__

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            mark = Load()
            try:
                mark.check()
                value = self.compute(instance)
            finally:
                mark.end()
            return vars(instance).setdefault(self.name, value)


def exports(package: str, **modules: str) -> tuple[Any, Any]:
    """Return ``__getattr__`` and ``__dir__`` of a package, for names loaded on first use.

    Each name is that of an object; its value is the module of ``package`` that has it.
    """

    def getattribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = load(f"{package}.{modules[name]}:{name}")
        setattr(sys.modules[package], name, value)
        return value

    return getattribute, lambda: sorted({*vars(sys.modules[package]), *modules})


def load(reference: Any) -> Any:
    """Return the object that a reference names: "module", or "module:object.attribute".

    That is the object reference of an entry point, whose extras ("[cli]") are passed over. An
    object that is not a string is returned unchanged. Raises ImportError or AttributeError, or
    whatever the module raises.
    """
    if not isinstance(reference, str):
        return reference
    module, _, attributes = reference.partition("[")[0].partition(":")
    mark = Load()
    try:
        mark.check()
        name = module.strip()
        __import__(name)  # importlib's own function would add a tenth to famsock's import
        loaded: Any = sys.modules[name]
        for attribute in attributes.strip().split(".") if attributes else ():
            loaded = getattr(loaded, attribute)
        return loaded
    finally:
        mark.end()


def load_part(
    owner: object, field: str, wanted: str, reference: Any, read: Callable[[Any], Any] = load
) -> Any:
    """Return what ``read`` makes of a field of ``owner``'s description.

    PluginError if that fails, whatever the plugin's module raises, with the field, its value and
    what is ``wanted``. KeyboardInterrupt passes through, and what a signal's handler raises that is
    no Exception.
    """
    try:
        return read(reference)
    except BaseException as error:
        if is_of_the_program(error):
            raise
        raise PluginError(
            f"{owner}: {field} must name {wanted}; {reference} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error


def is_of_the_program(error: BaseException) -> bool:
    """Whether an exception from an import is meant for the program and not the module's failure.

    KeyboardInterrupt is, and so is one that is no Exception, such as SystemExit, which a signal's
    handler raised meanwhile.
    """
    if isinstance(error, Exception):
        return False
    if isinstance(error, KeyboardInterrupt):
        return True
    import signal

    codes = set()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if not isinstance(handler, int) and handler is not None:
            called = handler if hasattr(handler, "__code__") else type(handler).__call__
            codes.add(getattr(getattr(handler, "__func__", called), "__code__", None))
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False
