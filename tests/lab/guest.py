"""One guest: the command line that boots it, what it is told, what comes back."""

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
from .store import Kernel, LabError, cache_dir, missing_parts, say, tools_dir

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
SHARE = "/run/famsock-lab"
GUESTS_AT_ONCE = 2
MEMORY = "4G"
# What guards a machine against its users costs much under emulation, and guards nothing here.
KERNEL_PARAMETERS = (
    "console=ttyS0",
    "quiet",
    "loglevel=4",
    "panic=-1",
    "mitigations=off",
    "nokaslr",
    "init_on_alloc=0",
    "hardened_usercopy=off",
    "apparmor=0",
    "audit=0",
    "tsc=reliable",
    "no_timer_check",
    "random.trust_cpu=on",
)
PASSED_ON = (
    *("FAMSOCK_", "PYTHON", "PYTEST_", "HYPOTHESIS_", "VIRTUAL_ENV", "CI"),
    *("LANG", "LC_", "TERM", "COLUMNS", "NO_COLOR", "FORCE_COLOR"),
)
# Emulators that this process started.
running: set[subprocess.Popen[bytes]] = set()
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a guest ended.

    :ivar status: the command's exit status, None if the guest ended without telling one.
    :ivar timed_out: the guest was killed at its time limit.
    :ivar console: what the guest's kernel and set-up script printed.
    :ivar share: the folder that the guest saw as :data:`SHARE`.
    """

    status: int | None
    timed_out: bool
    console: str
    share: Path


def qemu_command(kernel: Kernel, folder: Path) -> list[str]:
    """The emulator's command line; the guest's stdout and stderr are the emulator's.

    :param folder: has ``initramfs`` and the folder ``share``; ``console`` is written there.
    """
    local = "security_model=none,multidevs=remap"
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-no-reboot", "-machine", "pc", "-accel", "tcg,tb-size=512", "-cpu", "max"),
        *("-smp", "1", "-m", MEMORY),
        *("-kernel", str(kernel.image), "-initrd", str(folder / "initramfs")),
        *("-append", " ".join(KERNEL_PARAMETERS)),
        *("-virtfs", f"local,path=/,mount_tag=root,readonly=on,{local}"),
        *("-virtfs", f"local,path={folder / 'share'},mount_tag=share,{local}"),
        *("-chardev", f"file,id=console,path={folder / 'console'}", "-serial", "chardev:console"),
        *("-device", "virtio-serial-pci"),
        *("-chardev", "file,id=stdout,path=/proc/self/fd/1"),
        *("-device", "virtserialport,chardev=stdout,name=stdout"),
        *("-chardev", "file,id=stderr,path=/proc/self/fd/2"),
        *("-device", "virtserialport,chardev=stderr,name=stderr"),
    ]


def guest_environment(kernel: Kernel, host: Mapping[str, str]) -> dict[str, str]:
    """The command's environment: what of the host's concerns Python and pytest, and the lab's."""
    passed_on = {name: value for name, value in host.items() if name.startswith(PASSED_ON)}
    return passed_on | {
        "HOME": host.get("HOME", "/"),
        "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
        "TMPDIR": "/run/tmp",
        "FAMSOCK_LAB": "1",
        "FAMSOCK_LAB_KERNEL": kernel.series,
        "FAMSOCK_LAB_MODULES": str(kernel.modules),
        "FAMSOCK_LAB_BTVIRT": str(tools_dir() / "usr" / "bin" / "btvirt"),
    }


def fill_share(share: Path, kernel: Kernel, command: Sequence[str], cwd: Path) -> None:
    share.mkdir()
    variables = guest_environment(kernel, os.environ).items()
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in variables]
    (share / "environment").write_text("".join(exports))
    (share / "command").write_text(f"cd {shlex.quote(str(cwd))} && exec {shlex.join(command)}\n")
    for name in ("guest.sh", "modules.txt"):
        shutil.copy(HERE / name, share)


def compile_all() -> None:
    """Compile what the guest will import; a guest would do that anew, and slowly, each time."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    folders |= {str(path) for path in REPOSITORY.glob("[!.]*/")}
    command = [sys.executable, "-W", "ignore", "-m", "compileall", "-qq"]
    command += ["-x", "/(idlelib|lib2to3|test)/"]
    subprocess.run([*command, *sorted(folders)], stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def slot() -> Iterator[None]:
    """Hold one of this machine's places for a running guest; wait in line while all are taken."""
    with contextlib.ExitStack() as stack:
        names = [f"guest-{number}.lock" for number in range(GUESTS_AT_ONCE)]
        places = [stack.enter_context((cache_dir() / name).open("w")) for name in names]
        with (cache_dir() / "line.lock").open("w") as line:
            if not (take(line) and any(map(take, places))):
                say(f"waiting: {GUESTS_AT_ONCE} guests are running on this machine")
                fcntl.flock(line, fcntl.LOCK_EX)
                while not any(map(take, places)):
                    time.sleep(1)
        yield


def take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def boot(
    kernel: Kernel, command: Sequence[str], cwd: Path, timeout_s: float, prefix: str = ""
) -> Iterator[Outcome]:
    """Run a command in a new guest, its output copied to ours; the share lasts as the context."""
    if parts := missing_parts():
        remedy = "run `python -m tests.lab install`"
        raise LabError(f"not installed: {', '.join(parts)}; {remedy}")
    with tempfile.TemporaryDirectory(prefix="famsock-lab-") as name:
        folder = Path(name)
        share = folder / "share"
        (folder / "initramfs").write_bytes(initramfs.build(kernel.modules))
        fill_share(share, kernel, command, cwd)
        with slot():
            timed_out = emulate(qemu_command(kernel, folder), timeout_s, prefix.encode())
        console = (folder / "console").read_text(errors="replace")
        status = share / "status"
        ended = int(status.read_text()) if status.exists() else None
        yield Outcome(ended, timed_out, console, share)


def emulate(command: list[str], timeout_s: float, prefix: bytes) -> bool:
    """Run the emulator to its end or the time limit; whether that was it."""
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
