"""The command ``famsock run``: start a program whose `socket` is famsock's.

The command becomes the program: it executes Python itself, or any other program, with the folder
``startup`` in front of PYTHONPATH. Every Python that starts with that variable runs the file
``sitecustomize.py`` there, which installs famsock when the program first imports `socket`. So
everything else about the program is Python's own doing. It needs no click.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

DESCRIPTION = """\
Run a program with famsock in place of the stdlib's socket.

PROGRAM is FILE, -m MODULE, -c CODE or -, and OPTION is an
option, as for python. A name with a slash, or that ends in
.py, .pyw, .pyc, .pyz or .zip, is a FILE, as are folders
(./folder). Any other name is a COMMAND, looked up on PATH.

All Pythons that the program starts have famsock too, but
for those started with -E, -I or -S, in an environment
without famsock, or with a changed PYTHONPATH."""
EXAMPLES = (
    "run server.py --port 8080",
    "run -m http.server",
    "run uvicorn app:app --workers 2",
)
USAGE = "\n".join(
    (
        "usage: famsock run [OPTION]... PROGRAM [ARGUMENT]...",
        "       famsock run COMMAND [ARGUMENT]...",
        f"\n{DESCRIPTION}\n\nExamples:",
        *(f"  famsock {call}" for call in EXAMPLES),
        "",
    )
)
_STARTUP = str(Path(__file__).with_name("startup"))
_SUFFIXES = ".py", ".pyw", ".pyc", ".pyz", ".zip"
_WITHOUT_STARTUP = "EIS"
"""The options with which Python ignores PYTHONPATH or sitecustomize: python(1)."""
_WRONG_USAGE, _NOT_EXECUTABLE, _NOT_FOUND = 2, 126, 127


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the program that the arguments name; exit if there is none.

    The exit status is 2 for a wrong usage, 126 for a program that cannot be executed, and 127 for
    one that is not found, as a shell's.
    """
    if not arguments:
        _exit(_WRONG_USAGE, USAGE)
    first = arguments[0]
    if first in ("-h", "--help"):
        print(USAGE, end="")
        sys.exit()
    if letter := _option_without_startup(arguments):
        _exit(
            _WRONG_USAGE,
            f"famsock run: with -{letter} Python does not run the file that installs famsock\n",
        )
    if os.pathsep in _STARTUP:
        _exit(_WRONG_USAGE, f"famsock run: PYTHONPATH cannot name {_STARTUP}\n")
    _restore_signals()
    variables = environment(os.environ)
    if first.startswith("-") or os.sep in first or first.endswith(_SUFFIXES):
        os.execve(sys.executable, [sys.executable, *arguments], variables)
    try:
        os.execvpe(first, list(arguments), variables)
    except OSError as error:
        _exit(*_why_not_executed(first, error))


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables with which each Python installs famsock.

    :param variables: those to add to, for example ``os.environ``.
    """
    given = variables.get("PYTHONPATH", "")
    folders = given.split(os.pathsep) if given else []
    if folders[:1] != [_STARTUP]:
        folders.insert(0, _STARTUP)
    return {**variables, "PYTHONPATH": os.pathsep.join(folders)}


def _option_without_startup(arguments: Sequence[str]) -> str:
    """Return the letter of an option for python with which it does not install famsock, or ""."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-") or word in ("-", "--"):
            break
        if word == "--check-hash-based-pycs":
            next(words, None)
        for letter in "" if word.startswith("--") else word[1:]:
            if letter in "cm":
                return ""
            if letter in _WITHOUT_STARTUP:
                return letter
            if letter in "WX":  # what follows is its value
                if word.endswith(letter):
                    next(words, None)
                break
    return ""


def _restore_signals() -> None:
    """Give the program the signals that Python ignores, as `subprocess.Popen` does."""
    for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ"):
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_DFL)


def _why_not_executed(name: str, error: OSError) -> tuple[int, str]:
    """Return the exit status and the message for a command that could not be executed."""
    import shutil

    if found := shutil.which(name):  # its interpreter may be missing, or it is no program
        return _NOT_EXECUTABLE, f"famsock run: {found} cannot be executed: {error.strerror}\n"
    as_file = f"{os.curdir}{os.sep}{name}"
    there = ", which is there" if os.path.lexists(name) else ""
    return (
        _NOT_FOUND,
        f"famsock run: no command {name!r} on PATH; for a file or folder of this name say "
        f"{as_file}{there}\n",
    )


def _exit(status: int, message: str) -> NoReturn:
    sys.stderr.write(message)
    sys.exit(status)
