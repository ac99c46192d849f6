"""famsock's own exceptions, each one also of the kind that the stdlib's callers expect."""

from errno import EMFILE, ENFILE, ENOMEM

SHORTAGES: tuple[int, ...] = (EMFILE, ENFILE, ENOMEM)
"""The errnos of a shortage of descriptors or memory, in the process or the system."""


class PluginError(ImportError):
    """A plugin cannot serve its family: it is broken, clashes with another, or is not valid."""


class AddressRangeError(OSError, OverflowError):
    """A field out of range, where the stdlib's callers expect an OSError.

    For the ``range_error`` of an address whose integers CPython masks, so that its own tests and
    programs wait for the kernel's refusal.
    """


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
