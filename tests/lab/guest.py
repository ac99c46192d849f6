"""One guest: what it is told, and what comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, BinaryIO

from . import initramfs
from .store import Kernel, LabError, cache_dir, say, tools_dir

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
SHARE = "/run/famsock-lab"
GUESTS_AT_ONCE = 2
WAITING_IS_TOLD_EACH_S = 60
PASSED_ON = (
    *("FAMSOCK_", "PYTHON", "PYTEST_", "HYPOTHESIS_", "VIRTUAL_ENV", "CI"),
    *("LANG", "LC_", "TERM", "COLUMNS", "NO_COLOR", "FORCE_COLOR"),
)
# Guests that this process started.
running: set[subprocess.Popen[bytes]] = set()
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The end of a guest.

    :ivar status: the command's exit status, None if the guest ended without telling one.
    :ivar timed_out: the guest was killed at its time limit.
    :ivar console: what the guest's kernel and set-up script printed.
    :ivar share: the folder that the guest saw as :data:`SHARE`.
    """

    status: int | None
    timed_out: bool
    console: str
    share: Path


def guest_environment(
    kernel: Kernel, host: Mapping[str, str], syscalls: str | None = None
) -> dict[str, str]:
    """Return the command's environment: the host's variables for Python and pytest, and ours.

    :param syscalls: the raw layer, as FAMSOCK_SYSCALLS has it; None leaves it to the host's.
    """
    passed_on = {name: value for name, value in host.items() if name.startswith(PASSED_ON)}
    if syscalls:
        passed_on["FAMSOCK_SYSCALLS"] = syscalls
    return passed_on | {
        "HOME": host.get("HOME", "/"),
        "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
        "TMPDIR": "/run/tmp",
        "FAMSOCK_LAB": kernel.machine,
        "FAMSOCK_LAB_KERNEL": kernel.series,
        "FAMSOCK_LAB_MODULES": str(kernel.modules),
        "FAMSOCK_LAB_BTVIRT": str(tools_dir() / "usr" / "bin" / "btvirt"),
        "FAMSOCK_LAB_BTVIRT_ENDS": "/run/btvirt-ends",
    }


def fill_share(
    share: Path, environment: Mapping[str, str], command: Sequence[str], cwd: Path
) -> None:
    """Make the folder that the guest shares with us: the command and what sets the guest up."""
    share.mkdir()
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    (share / "environment").write_text("".join(exports))
    (share / "command").write_text(f"cd {shlex.quote(str(cwd))} && exec {shlex.join(command)}\n")
    for name in ("guest.sh", "modules.txt"):
        shutil.copy(HERE / name, share)


def compile_all() -> None:
    """Compile what the guests will import; each would do that again, and slowly."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    folders |= {str(path) for path in REPOSITORY.glob("[!.]*/")}
    command = [sys.executable, "-W", "ignore", "-m", "compileall", "-qq"]
    command += ["-x", "/(idlelib|lib2to3|test)/"]
    subprocess.run([*command, *sorted(folders)], stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def slot() -> Iterator[int]:
    """Hold one of this machine's places for a guest, and give its number.

    Wait while all are taken.
    """
    with contextlib.ExitStack() as stack:
        names = [f"guest-{number}.lock" for number in range(GUESTS_AT_ONCE)]
        places = [stack.enter_context((cache_dir() / name).open("w")) for name in names]
        number = None
        with (cache_dir() / "line.lock").open("w") as line:
            if take(line):
                number = first_free(places)
            if number is None:
                say(f"waiting: {GUESTS_AT_ONCE} guests are running on this machine")
                fcntl.flock(line, fcntl.LOCK_EX)
                since = time.monotonic()
                while (number := first_free(places)) is None:
                    time.sleep(1)
                    if time.monotonic() - since > WAITING_IS_TOLD_EACH_S:
                        since = time.monotonic()
                        say("still waiting")
        yield number


def first_free(locks: Sequence[IO[str]]) -> int | None:
    """Take the first lock that is free; return its number, or None if none is."""
    return next((number for number, lock in enumerate(locks) if take(lock)), None)


def take(lock: IO[str]) -> bool:
    """Lock a file if nobody else has; return whether that was so."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def boot(
    kernel: Kernel,
    command: Sequence[str],
    cwd: Path,
    timeout_s: float,
    prefix: str = "",
    syscalls: str | None = None,
) -> Iterator[Outcome]:
    """Run a command in a new guest, its output copied to ours; the share lasts as the context."""
    if parts := kernel.missing_parts():
        raise LabError(f"not installed: {', '.join(parts)}; run `{kernel.hint}`")
    with tempfile.TemporaryDirectory(prefix="famsock-lab-") as name:
        folder = Path(name)
        share = folder / "share"
        (folder / "initramfs").write_bytes(initramfs.build(kernel.modules))
        fill_share(share, guest_environment(kernel, os.environ, syscalls), command, cwd)
        with slot() as number:
            guest = kernel.command(folder, number)
            timed_out = run_to_its_end(guest, timeout_s, prefix.encode())
        console_file = folder / "console"
        console = console_file.read_text(errors="replace") if console_file.exists() else ""
        status = share / "status"
        ended = int(status.read_text()) if status.exists() else None
        yield Outcome(ended, timed_out, console, share)


def run_to_its_end(command: list[str], timeout_s: float, prefix: bytes) -> bool:
    """Run a guest and copy its output; return whether the time limit ended it."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        pairs = ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer))
        threads = [threading.Thread(target=copy, args=(*pair, prefix)) for pair in pairs]
        for thread in threads:
            thread.start()
        running.add(process)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return True
        finally:
            running.discard(process)
            process.kill()
            for thread in threads:
                thread.join()
    return False


def kill_all() -> None:
    """End this process's guests."""
    for process in running.copy():
        process.kill()


def copy(source: IO[bytes], target: BinaryIO, prefix: bytes) -> None:
    """Copy as it comes; with a prefix, line by line."""
    while chunk := source.readline() if prefix else os.read(source.fileno(), 65536):
        target.write(prefix + chunk)
        target.flush()
