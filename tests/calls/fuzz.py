"""Fuzz the entry points of the compiled raw layer, guided by its coverage.

    python -m tests.calls.fuzz [--seconds N] [--replay FILE] [--planted]

It compiles the extension into a temporary folder with clang, AddressSanitizer and libFuzzer's
instrumentation, and lets libFuzzer (of atheris) make up inputs that reach new code in it. An input
is a sequence of calls, made by both implementations, or by the stdlib's sockets and ours: see
`differential` and `differential_methods`. A report of the sanitizer, a
crash, a hang or a difference ends it with an exit status other than 0; the input is kept, and
``--replay`` runs it again. ``--planted`` plants an error like that of `sanitize`, and fails unless
that is found in the time given.
Needs clang with its runtime (``apt install clang libclang-rt-dev``) and atheris
(``uv sync --group fuzz``).
Source: https://llvm.org/docs/LibFuzzer.html, atheris's native_extension_fuzzing.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from tests.calls.sanitize import PLANTED, REPOSITORY, build

T = TypeVar("T")
# As in `sanitize`, but for more sizes: chance must meet it soon. Where the kernel overwrites what
# it reads afterwards, the call fails, and that differs between both layers.
REACHABLE = PLANTED[0], "if size_bytes > (1 << 17):"
SEEN = "ERROR: AddressSanitizer: stack-buffer-overflow", "AssertionError: recv"
FLAGS = "-fsanitize=address,fuzzer-no-link"
_MOST_BYTES = 2048
_HANG_S = 300  # of the clock, which goes on while a busy machine runs others


class Input:
    """Chance from the bytes that libFuzzer makes up; all zeros when they have run out."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    def integer(self, low: int, high: int) -> int:
        return self._provider.ConsumeIntInRange(low, high)  # type: ignore[no-any-return]

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def data(self, most: int) -> bytes:
        return self._provider.ConsumeBytes(self.integer(0, most))  # type: ignore[no-any-return]


def fuzz(arguments: list[str]) -> None:
    """Inside the instrumented process: run until libFuzzer ends it."""
    from famsock import _calls
    from tests.calls import differential, differential_methods

    atheris: Any = import_module("atheris")
    native = _calls.native
    assert native is not None

    def one_input(data: bytes) -> None:
        dice = Input(atheris.FuzzedDataProvider(data))
        if dice.integer(0, 1):
            differential.play(native, dice, steps=dice.integer(1, 12))
        else:
            differential_methods.play(dice, steps=dice.integer(1, 12))

    atheris.Setup([sys.argv[0], *arguments], one_input)
    atheris.Fuzz()


def start(seconds: int, replay: str | None, planted: tuple[str, str]) -> tuple[int, bool]:
    """Build, and run the instrumented process: its exit status, and whether it reported."""
    if shutil.which("clang") is None or (found := find_spec("atheris")) is None:
        raise SystemExit("needs clang (apt install clang libclang-rt-dev), uv sync --group fuzz")
    runtime = Path(str(found.origin)).parents[1] / "asan_with_fuzzer.so"
    reported = False
    with tempfile.TemporaryDirectory() as temporary:
        crashes = Path(temporary if planted[0] else tempfile.gettempdir()) / "famsock-fuzz"
        crashes.mkdir(exist_ok=True)
        built = build(Path(temporary), FLAGS, compiler="clang", planted=planted)
        corpus = Path(temporary) / "corpus"
        corpus.mkdir()
        wanted = [replay] if replay else [str(corpus), f"-max_total_time={seconds}"]
        with subprocess.Popen(
            [sys.executable, "-m", "tests.calls.fuzz", "--inside", *wanted,
             f"-artifact_prefix={crashes}/", f"-max_len={_MOST_BYTES}", f"-timeout={_HANG_S}",
             "-print_final_stats=1", "-rss_limit_mb=0", "-len_control=0"],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "LD_PRELOAD": str(runtime),
                "PYTHONPATH": os.pathsep.join([str(built), str(REPOSITORY)]),
                "PYTHONSAFEPATH": "1",
                "PYTHONMALLOC": "malloc",
                "FAMSOCK_SYSCALLS": "native",
                "ASAN_OPTIONS": "allocator_may_return_null=1:detect_leaks=0:handle_segv=1",
            },
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:  # fmt: skip
            for line in process.stderr or ():
                reported = reported or any(sign in line for sign in SEEN)
                if "failed to allocate" not in line:  # sizes beyond memory are among the inputs
                    print(line, end="", flush=True)
        return process.returncode, reported


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--replay", metavar="FILE", help="run one input that was kept")
    parser.add_argument("--planted", action="store_true", help="plant an error that must be found")
    chosen = parser.parse_args()
    if not chosen.planted:
        return start(chosen.seconds, chosen.replay, ("", ""))[0]
    _, found = start(chosen.seconds, None, REACHABLE)
    print(f"The planted access out of bounds was {'' if found else 'not '}found.")
    return 0 if found else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        fuzz(sys.argv[2:])
    else:
        sys.exit(main())
