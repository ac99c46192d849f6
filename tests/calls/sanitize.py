"""Run the tests of the compiled raw layer under AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m tests.calls.sanitize [--valgrind] [pytest's arguments]

It compiles the extension into a temporary folder with gcc and ``-fsanitize=address,undefined``, and
runs pytest (tests/calls, records, readers, and the messages of AF_INET and AF_UNIX, unless told
otherwise).
Before that it compiles a copy with an access out of bounds planted, and fails unless that is seen.
The exit status is 0 only if no report appeared and the tests passed. ``--valgrind`` runs valgrind's
memcheck on a plain debugging build instead; reports count where they go through the extension.
Source: https://clang.llvm.org/docs/AddressSanitizer.html, gcc(1), valgrind(1).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TESTS = (
    "tests/calls",
    "tests/test_records.py",
    "tests/test_control_reader.py",
    "plugins/inet/tests/test_inet_messages.py",
    "plugins/inet/tests/test_inet_transports.py",
    "plugins/unix/tests/test_unix_messages.py",
)
# Signals reach a process late under valgrind, which the tests of signals do not allow for.
MEMCHECK_TESTS = (
    "tests/calls/test_buffers.py",
    "tests/calls/test_fuzz.py",
    "-k",
    "not ctypes",
)
SANITIZERS = "-fsanitize=address,undefined -fno-omit-frame-pointer"
# A receiving call that takes its small buffer for larger than it is, and a test that fills it.
PLANTED = "if size_bytes > STACK_BYTES:", "if size_bytes > STACK_BYTES + 64:"
PLANTED_TEST = "tests/calls/test_buffers.py", "-k", "longer_datagram and native and 4097"
_SOURCE = ("famsock", "LICENSE", "README.md", "pyproject.toml", "setup.py")
_BUILT = shutil.ignore_patterns("__pycache__", "*.so", "*.c")
_EXTENSIONS = re.compile(r"/(native|_cstruct|_records)\.cpython")


def build(
    folder: Path, flags: str, compiler: str = "gcc", planted: tuple[str, str] = ("", "")
) -> Path:
    """famsock, its extension compiled with these flags, in a folder to be put on PYTHONPATH."""
    source, target = folder / "source", folder / "built"
    for name in _SOURCE:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, source / name, ignore=_BUILT)
        else:
            shutil.copy(REPOSITORY / name, source)
    pyx = source / "famsock" / "_calls" / "native.pyx"
    text = pyx.read_text()
    if planted[0] not in text:
        raise SystemExit(f"nowhere to plant {planted[1]!r}: {pyx.name} has changed")
    pyx.write_text(text.replace(*planted) if planted[0] else text)
    uv = os.environ.get("UV", "uv")  # by its path within `uv run`, which need not be on PATH
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--no-deps", "--no-cache", "--no-sources",
         "--python", sys.executable, "--target", target, source],
        env={**os.environ, "CC": compiler, "CFLAGS": f"-O1 -g {flags}", "LDFLAGS": flags},
        check=True,
    )  # fmt: skip
    built = target / "famsock"
    for name in ("_calls/native", "_cstruct", "_records"):
        if not list(built.glob(f"{name}.*.so")):
            raise SystemExit(f"the extension was not built: {name}")
    return target


def pytest(arguments: list[str], built: Path, *wrapper: str, **environment: str) -> tuple[int, str]:
    """The exit status of pytest with the famsock of ``built``, and what went to stderr.

    Not a descriptor of pytest's, which would be lost when a sanitizer ends the process. No workers
    either: they end without their exit handlers, of which one tells the leaks.
    """
    with tempfile.TemporaryFile("w+") as errors:
        status = subprocess.run(
            [*wrapper, sys.executable, "-m", "pytest", "-q", "--capture=sys", "-n0", "-p",
             "no:cacheprovider", *arguments],
            cwd=REPOSITORY,
            env={
                **os.environ,
                **environment,
                "PYTHONPATH": str(built),
                "PYTHONSAFEPATH": "1",
                "PYTHONMALLOC": "malloc",
                "FAMSOCK_SYSCALLS": "native",
            },
            stderr=errors,
            check=False,
        ).returncode  # fmt: skip
        errors.seek(0)
        return status, errors.read()


def sanitized(arguments: list[str], built: Path) -> tuple[int, str]:
    """pytest's exit status under both sanitizers, and what they reported."""
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    status, said = pytest(
        arguments,
        built,
        LD_PRELOAD=runtime,
        # Sizes beyond memory shall fail in Python, not in malloc; leaks are told apart below.
        ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=1:strict_string_checks=1",
        LSAN_OPTIONS="exitcode=0",
        UBSAN_OPTIONS="print_stacktrace=1",
    )
    found = re.findall(r"(?ms)^==\d+==ERROR: AddressSanitizer.*?(?:==ABORTING|\Z)", said)
    found += re.findall(r".*: runtime error: .*(?:\n +#.*)*", said)
    # CPython frees only part of its memory when it ends: leaks count where the extension allocated.
    leaks = re.findall(r"(?:Direct|Indirect) leak of .*(?:\n +#.*)*", said)
    return status, "\n\n".join(found + [leak for leak in leaks if _EXTENSIONS.search(leak)])


def valgrind(arguments: list[str], built: Path) -> tuple[int, str]:
    """pytest's exit status under memcheck, and the errors that go through the extension."""
    wrapper = ("valgrind", "--quiet", "--num-callers=30", "--keep-debuginfo=yes")
    status, said = pytest(arguments, built, *wrapper)
    plain = re.sub(r"(?m)^==\d+== ?", "", said)
    return status, "\n\n".join(e for e in re.split(r"\n\n+", plain) if _EXTENSIONS.search(e))


def check(arguments: list[str], *, memcheck: bool) -> bool:
    """Whether the planted error is seen, no other is, and the tests pass."""
    flags, judge = ("", valgrind) if memcheck else (SANITIZERS, sanitized)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not memcheck:
            _, report = judge([*PLANTED_TEST], build(folder / "planted", flags, planted=PLANTED))
            if "stack-buffer-overflow" not in report:
                print(f"The planted access out of bounds was not seen: {report!r}")
                return False
            print("The planted access out of bounds was seen: stack-buffer-overflow.\n", flush=True)
        status, report = judge(arguments, build(folder / "clean", flags))
    print(report or "No report.")
    print(f"pytest's exit status: {status}")
    return not report and status == 0


if __name__ == "__main__":
    given = sys.argv[1:]
    memcheck = "--valgrind" in given
    chosen = [argument for argument in given if argument != "--valgrind"]
    tests = MEMCHECK_TESTS if memcheck else TESTS
    sys.exit(not check(chosen or [*tests], memcheck=memcheck))
