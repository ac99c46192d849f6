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
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, BinaryIO

from . import initramfs
from .store import Kernel, LabError, btvirt, cache_dir, find_program, say

HERE = Path(__file__).parent
SHARE = "/run/famsock-lab"
GUESTS_AT_ONCE = 2
KERNEL_PARAMETERS = (
    "console=ttyS0",
    "quiet",
    "loglevel=4",
    "panic=-1",
    "mitigations=off",
    "nokaslr",
    "random.trust_cpu=on",
    "tsc=reliable",
    "no_timer_check",
    "apparmor=0",
    "audit=0",
    "init_on_alloc=0",
    "hardened_usercopy=off",
)
PASSED_ON = ("FAMSOCK_", "PYTEST_", "PYTHON", "HYPOTHESIS_", "LANG", "LC_", "CI", "VIRTUAL_ENV")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a guest ended.

    :ivar status: the command's exit status, None if the guest ended without telling one.
    :ivar failure: what went wrong with the guest itself, empty if nothing did.
    :ivar console: what the guest's kernel and set-up script printed.
    :ivar share: where the files of the guest's writable share are.
    """

    status: int | None
    failure: str
    console: str
    share: Path


def qemu_command(kernel: Kernel, share: Path) -> list[str]:
    """The emulator's command line; the guest's stdout and stderr are the emulator's."""
    local = "security_model=none,multidevs=remap"
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-no-reboot", "-machine", "pc", "-accel", "tcg,thread=multi,tb-size=512"),
        *("-cpu", "max", "-smp", "1", "-m", "4G"),
        *("-kernel", str(kernel.image), "-initrd", str(share.parent / "initramfs")),
        *("-append", " ".join(KERNEL_PARAMETERS)),
        *("-virtfs", f"local,path=/,mount_tag=root,readonly=on,{local}"),
        *("-virtfs", f"local,path={share},mount_tag=share,{local}"),
        *("-chardev", f"file,id=console,path={share.parent / 'console'}"),
        *("-serial", "chardev:console", "-device", "virtio-serial-pci"),
        *("-chardev", "file,id=stdout,path=/proc/self/fd/1"),
        *("-device", "virtserialport,chardev=stdout,name=stdout"),
        *("-chardev", "file,id=stderr,path=/proc/self/fd/2"),
        *("-device", "virtserialport,chardev=stderr,name=stderr"),
    ]


def guest_environment(kernel: Kernel, host: Mapping[str, str]) -> dict[str, str]:
    """The command's environment: what of the host's concerns Python and pytest, and the lab's."""
    environment = {name: value for name, value in host.items() if name.startswith(PASSED_ON)}
    path = [str(Path(sys.executable).parent), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"]
    return environment | {
        "HOME": host.get("HOME", "/root"),
        "PATH": ":".join([*path, "/sbin:/bin"]),
        "TMPDIR": "/run/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "FAMSOCK_LAB": "1",
        "FAMSOCK_LAB_KERNEL": kernel.series,
        "FAMSOCK_LAB_MODULES": str(kernel.modules),
        "FAMSOCK_LAB_BTVIRT": str(btvirt()),
    }


def fill_share(share: Path, kernel: Kernel, command: Sequence[str], cwd: Path) -> None:
    environment = guest_environment(kernel, os.environ)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    (share / "environment").write_text("".join(lines))
    (share / "command").write_text(f"cd {shlex.quote(str(cwd))} && exec {shlex.join(command)}\n")
    for name in ("guest.sh", "modules.txt"):
        shutil.copy(HERE / name, share)


@contextlib.contextmanager
def slot() -> Iterator[None]:
    """Hold one of this machine's places for a running guest; wait for one if all are taken."""
    waiting = False
    while True:
        for number in range(GUESTS_AT_ONCE):
            with open(cache_dir() / f"guest-{number}.lock", "w") as lock:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield
                    return
        if not waiting:
            say(f"waiting: {GUESTS_AT_ONCE} guests are running on this machine")
            waiting = True
        time.sleep(1)


def copy_stream(source: IO[bytes], target: BinaryIO, prefix: bytes) -> None:
    """Copy as it comes; with a prefix, line by line."""
    while chunk := source.readline() if prefix else os.read(source.fileno(), 65536):
        target.write(prefix + chunk)
        target.flush()


@contextlib.contextmanager
def boot(
    kernel: Kernel, command: Sequence[str], cwd: Path, timeout_s: float, prefix: str = ""
) -> Iterator[Outcome]:
    """Run a command in a new guest, its output copied to ours; the share lives in the context."""
    busybox = find_program("busybox")
    if busybox is None or not kernel.image.exists():
        raise LabError("not installed: run `python -m tests.lab install`")
    with slot(), tempfile.TemporaryDirectory(prefix="famsock-lab-") as folder:
        share = Path(folder) / "share"
        share.mkdir()
        (Path(folder) / "initramfs").write_bytes(initramfs.build(kernel.modules, Path(busybox)))
        fill_share(share, kernel, command, cwd)
        failure = emulate(kernel, share, timeout_s, prefix.encode())
        console = (Path(folder) / "console").read_text(errors="replace")
        status_file = share / "status"
        status = int(status_file.read_text()) if status_file.exists() else None
        if status is None and not failure:
            failure = "the guest ended before its command did"
        yield Outcome(status, failure, console, share)


def emulate(kernel: Kernel, share: Path, timeout_s: float, prefix: bytes) -> str:
    """Run the emulator to its end or the time limit; return what went wrong."""
    with subprocess.Popen(
        qemu_command(kernel, share),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        pairs = ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer))
        threads = [threading.Thread(target=copy_stream, args=(*pair, prefix)) for pair in pairs]
        for thread in threads:
            thread.start()
        failure = ""
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            failure = f"the guest was killed after {timeout_s:g} s"
        finally:
            process.kill()
            for thread in threads:
                thread.join()
    return failure
