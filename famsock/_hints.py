"""Hints: what may help after a failed call, from the plugin's data about its family.

A hint is true: it holds for every cause of the errno in that call, or it looks at what the cause
would have left behind, or it says that it is one possible cause.
"""

from __future__ import annotations

import os
from errno import EACCES, EAFNOSUPPORT, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, TypeVar

    AnyHint = str | Callable[[Any, Any], str | None]
    _Chooser = TypeVar("_Chooser", bound=Callable[[Any, Any], str | None])

UNSUPPORTED = (EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT)
_DENIED = (EPERM, EACCES)
_MODULES = "/sys/module"
_POSSIBLE = "One possible cause: "
_ANOTHER = "; another: "
_CAPABILITIES = "capsh --decode=$(grep CapEff /proc/PID/status | cut -f2)"


class Hint(str):
    """A hint in its parts; as a text it is what an error's note says.

    ``cause`` is what the error means, ``cure`` what helps, ``check`` how to find out whether it is
    so: a command, a method or a file; where the cause is a missing capability, that is known. The
    text has the cause and the cure; `famsock explain` and the documentation show all parts.
    ``possible`` is True if the errno has other causes in that call; then ``check`` is needed.
    ``another`` is a second possible cause, with its own parts. ValueError for a possible cause
    without a check.
    """

    __slots__ = ("another", "cause", "check", "cure", "possible")
    if TYPE_CHECKING:
        cause: str
        cure: str
        check: str
        possible: bool
        another: Hint | None

    def __new__(
        cls,
        cause: str,
        cure: str = "",
        *,
        check: str = "",
        possible: bool = False,
        another: Hint | None = None,
    ) -> Hint:
        if not check and "CAP_" in cause:
            check = _CAPABILITIES
        if possible and not check:
            raise ValueError(f"a possible cause needs a check: {cause!r}")
        text = (_POSSIBLE if possible else "") + cause + (f": {cure}" if cure else "")
        if another is not None:
            text += _ANOTHER + another.removeprefix(_POSSIBLE)
        made = super().__new__(cls, text)
        made.cause, made.cure, made.check, made.possible = cause, cure, check, possible
        made.another = another
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # The note of an error, which is pickled with it, needs the text only.
        return str, (str(self),)


def one_of(*hints: Hint) -> Callable[[_Chooser], _Chooser]:
    """Return a decorator for a function that looks which of ``hints`` is true, or that none is."""

    def declare(choose: _Chooser) -> _Chooser:
        vars(choose)["hints"] = hints
        return choose

    return declare


def hints_of(hint: object) -> Iterator[Hint]:
    """Yield the hints that ``hint`` may give, each cause by itself; of a plain text its cause."""
    if isinstance(hint, Hint):
        yield hint
        if hint.another is not None:
            yield from hints_of(hint.another)
    elif isinstance(hint, str):
        plain = Hint(hint)
        if hint.lower().startswith(_POSSIBLE.lower()):
            plain.cause, plain.possible = hint[len(_POSSIBLE) :], True
        yield plain
    else:
        for each in getattr(hint, "hints", ()):
            yield from hints_of(each)


def did_you_mean(word: str, known: Iterable[str], shown: Callable[[str], str] = str) -> str:
    """Return the end of a message about an unknown word: the known one that is like it, or "".

    ``shown`` returns the form in which a known word is shown.
    """
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), n=1)
    return f"; did you mean {shown(found[0])!r}?" if found else ""


def find_hint(
    operation: str,
    number: int,
    *,
    hints: Mapping[Any, AnyHint],
    modules: tuple[str, ...] = (),
    family_modules: tuple[str, ...] = (),
    capability: str = "",
) -> AnyHint | None:
    """Return the hint for an errno of ``operation`` ("bind"); None if nothing is known.

    It is the plugin's in ``hints``. For a creation ("socket") without one, it is about the kernel
    ``modules`` of the protocol, or of the family if that is what the kernel lacks, or about the
    ``capability`` that opening needs.
    """
    found = hints.get((operation, number)) or hints.get(number)
    if found:
        return found
    if operation != "socket":
        return None
    if number in UNSUPPORTED:
        needed = (modules or family_modules) if number == EAFNOSUPPORT else modules
        return _missing_modules(needed) if needed else None
    if number in _DENIED and capability:
        return Hint(f"this process lacks {capability}", possible=True)
    return None


def creation_errnos(
    modules: tuple[str, ...], family_modules: tuple[str, ...], capability: str
) -> tuple[int, ...]:
    """Return the errnos of a creation for which `find_hint` needs no row in ``hints``."""
    of_modules = UNSUPPORTED if modules else ((EAFNOSUPPORT,) if family_modules else ())
    return (*of_modules, *(_DENIED if capability else ()))


def _missing_modules(modules: tuple[str, ...]) -> AnyHint:
    """Return the hint how to load kernel modules; it is none if the kernel has them all."""
    folders = [f"{_MODULES}/{name.replace('-', '_')}" for name in modules]
    missing = Hint(
        f"the kernel lacks the module {modules[-1]}",
        modprobe(modules),
        check=f"ls -d {' '.join(folders)}",
        possible=True,
    )

    @one_of(missing)
    def look(_sock: Any, _address: Any) -> str | None:
        return None if all(map(os.path.isdir, folders)) else missing

    return look


def modprobe(modules: tuple[str, ...]) -> str:
    """Return the command that loads kernel modules."""
    return " ".join(("modprobe", *(("-a",) if len(modules) > 1 else ()), *modules))


def explain(sock: Any, error: OSError, operation: str, address: Any = None) -> None:
    """Add the hint for a failed operation to its error, if the plugin of ``sock`` has one.

    For methods of a protocol's class that fail in a call without an address; the calls that carry
    one do so themselves. ``operation`` and ``address`` are what the hints of the `Protocol` are
    told. Whatever fails here leaves the error as it is.
    """
    sock._explain(error, operation, address)
