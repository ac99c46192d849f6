"""User-mode Linux: a Linux kernel that runs as an ordinary process.

There are two such kernels. Debian's package ``user-mode-linux`` is a 6.1 with modules; it lacks
ISO-TP, Bluetooth, QRTR, SMC, MPTCP, XDP and MCTP. The other is a 6.12 that the lab builds from
Debian's ``linux-source-6.12`` with the options of ``uml.config``: all families, no modules.

Source: the kernel's Documentation/virt/uml/user_mode_linux_howto_v2.rst.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shlex
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from .store import (
    SYSTEM,
    Kernel,
    LabError,
    cache_dir,
    install_packages,
    new_folder,
    output,
    say,
)

CONFIG = Path(__file__).parent / "uml.config"
_MEMORY = "2G"
_SOURCE_PACKAGE = "linux-source-6.12"
_BUILD_PACKAGES = ("gcc", "libc6-dev", "make", "flex", "bison", "bc", "xz-utils")
# Nothing of these is compiled; without them the source takes half the space.
_NOT_UNPACKED = ("*/Documentation/*", "*/tools/testing/*", "*/arch/*/boot/dts/*")


@dataclasses.dataclass(frozen=True)
class UmlKernel(Kernel):
    """A kernel that runs as an ordinary process."""

    machine = "uml"

    @property
    def name(self) -> str:
        return f"uml-{self.series}"

    @property
    def packages(self) -> Sequence[str]:
        return ("util-linux",)

    @property
    def hint(self) -> str:
        return "python -m tests.lab install --uml"

    @property
    def image(self) -> Path:
        """The program that is the kernel."""
        return self.root / "usr" / "bin" / "linux.uml"

    @property
    def modules(self) -> Path:
        return next((self.root / "usr" / "lib" / "uml" / "modules").iterdir())

    def command(self, folder: Path, slot: int) -> list[str]:
        """Return the command line of a guest; see :meth:`Kernel.command`.

        The guest lives in a PID namespace, so that the processes that it makes itself end with it.
        Its memory is a file in its own tmpfs: a machine's ``/dev/shm`` may be small. It keeps
        to one processor: a system call wakes the kernel's process and then the caller's again, and
        that takes five times as long from one processor to another.
        """
        processors = sorted(os.sched_getaffinity(0))
        memory = folder / "memory"
        memory.mkdir()
        kernel = [
            str(self.image),
            f"mem={_MEMORY}",
            f"initrd={folder / 'initramfs'}",
            f"famsock_share={folder / 'share'}",
            f"umid=famsock-lab-{os.getpid()}-{folder.name}",
            f"uml_dir={folder}",
            "noreboot",
            "quiet",
            "loglevel=4",
            "panic=-1",
            "random.trust_cpu=on",
            # Built-in drivers make no interfaces that Debian's modules do not make either.
            "bonding.max_bonds=0",
            "dummy.numdummies=0",
            # Console 0 is the kernel's, 1 and 2 are the command's standard output and error.
            *("console=tty0", "con0=null,fd:1", "con1=null,fd:3", "con2=null,fd:4"),
            *("con=null", "ssl=null"),
        ]
        place = shlex.quote(str(memory))
        script = (
            f"mount -t tmpfs -o mode=700 memory {place} && "
            f"TMPDIR={place} {shlex.join(kernel)} "
            f"3>&1 4>&2 >{shlex.quote(str(folder / 'console'))} 2>&1 </dev/null; exit $?"
        )
        return [
            *("setpriv", "--pdeathsig", "KILL"),
            *("taskset", "--cpu-list", str(processors[slot % len(processors)])),
            *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
            *("sh", "-c", script),
        ]


@dataclasses.dataclass(frozen=True)
class PackagedKernel(UmlKernel):
    """The kernel of Debian's package ``user-mode-linux``."""

    @property
    def root(self) -> Path:
        return self.folder or cache_dir() / "kernels" / self.name

    def install(self) -> None:
        if not self.root.exists():
            with new_folder(self.root) as root:
                SYSTEM.unpack(["user-mode-linux"], root)


@dataclasses.dataclass(frozen=True)
class BuiltKernel(UmlKernel):
    """A kernel built from Debian's source, again for each version of it and of our options."""

    @property
    def root(self) -> Path:
        return self.folder or built_root(self.name, source_version(), CONFIG.read_bytes())

    def install(self) -> None:
        if self.root.exists():
            return
        digest = self.root.name.rpartition("_")[2]
        older = list(self.root.parent.glob(f"{self.name}_*_{digest}"))
        install_packages(_BUILD_PACKAGES)
        say(f"kernel {self.name}: building from {_SOURCE_PACKAGE} {source_version()}")
        started = time.monotonic()
        with new_folder(self.root) as root:
            build(root)
        say(f"kernel {self.name}: built in {time.monotonic() - started:.0f} s")
        for folder in older:
            shutil.rmtree(folder)


KERNELS: dict[str, UmlKernel] = {"6.12": BuiltKernel("6.12"), "6.1": PackagedKernel("6.1")}


def built_root(name: str, version: str, options: bytes) -> Path:
    """Return the folder of a built kernel: its name tells what it was built from."""
    plain = re.sub(r"[^A-Za-z0-9.+-]", "-", version)
    return cache_dir() / "kernels" / f"{name}_{plain}_{hashlib.sha256(options).hexdigest()[:8]}"


def source_version() -> str:
    """Return the version of the source package that apt would bring; "unknown" without lists."""
    found = re.search(r"Candidate: (\S+)", output("apt-cache", "policy", _SOURCE_PACKAGE))
    return found[1] if found else "unknown"


def build(root: Path) -> None:
    """Build the kernel into a folder, laid out as Debian's package is.

    :raises LabError: the build failed, or an option of ``uml.config`` is not as it stands there.
    """
    scratch = root / "build"
    SYSTEM.unpack([_SOURCE_PACKAGE], scratch)
    archive = scratch / "usr" / "src" / f"{_SOURCE_PACKAGE}.tar.xz"
    output("tar", "xf", archive, *(f"--exclude={name}" for name in _NOT_UNPACKED), cwd=scratch)
    source = scratch / _SOURCE_PACKAGE
    # Kconfig reads this file, and there is nothing in it for us.
    (source / "Documentation").mkdir(exist_ok=True)
    (source / "Documentation" / "Kconfig").touch()
    make = ("nice", "make", "-s", "ARCH=um")
    output(*make, f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig", cwd=source)
    if refused := refused_options(CONFIG.read_text(), (source / ".config").read_text()):
        raise LabError(f"{CONFIG.name}: the kernel's build does not take {', '.join(refused)}")
    output(*make, f"-j{len(os.sched_getaffinity(0))}", "linux", cwd=source)
    release = (source / "include" / "config" / "kernel.release").read_text().strip()
    modules = root / "usr" / "lib" / "uml" / "modules" / release
    modules.mkdir(parents=True)
    for name in ("modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(source / name, modules)
    (modules / "modules.order").touch()
    image = root / "usr" / "bin" / "linux.uml"
    image.parent.mkdir()
    output("strip", "-o", image, source / "linux")
    shutil.rmtree(scratch)
    # modprobe must know what is built in; depmod finds modules only below lib/modules.
    (root / "lib").mkdir()
    (root / "lib" / "modules").symlink_to("../usr/lib/uml/modules")
    output("depmod", "-b", root, release)


def refused_options(wanted: str, config: str) -> list[str]:
    """Return the options that do not stand in a kernel's ``.config`` as they were wanted."""
    taken = set(config.splitlines())
    options = [line for line in wanted.splitlines() if line.startswith("CONFIG_")]
    return [option for option in options if option not in taken]
