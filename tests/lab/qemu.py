"""Debian's stock kernels under QEMU's software emulation.

Never under KVM: a machine may show a ``/dev/kvm`` that runs no guest.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import headers
from .store import (
    SYSTEM,
    Archive,
    DownloadError,
    Kernel,
    UnavailableError,
    cache_dir,
    new_folder,
    output,
    say,
    suite,
)

_MEMORY = "4G"
# What guards a machine against its users costs much under emulation, and guards nothing here.
_KERNEL_PARAMETERS = (
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


@dataclasses.dataclass(frozen=True)
class QemuKernel(Kernel):
    """A kernel of Debian, as its packages have it."""

    machine = "qemu"

    @property
    def name(self) -> str:
        return self.series

    @property
    def root(self) -> Path:
        return self.folder or cache_dir() / "kernels" / self.series

    @property
    def modules(self) -> Path:
        return next((self.root / "lib" / "modules").iterdir())

    @property
    def packages(self) -> Sequence[str]:
        return ("qemu-system-x86", "xz-utils")

    @property
    def hint(self) -> str:
        return "python -m tests.lab install"

    @property
    def image(self) -> Path:
        """The compressed kernel that the emulator starts."""
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def include_dirs(self) -> tuple[Path, Path]:
        """Headers for user programs (UAPI), and those of the kernel's own; see headers.py."""
        return self.root / "include", self.root / "include-internal"

    def command(self, folder: Path, slot: int) -> list[str]:
        local = "security_model=none,multidevs=remap"
        return [
            *("setpriv", "--pdeathsig", "KILL"),
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
            *("-no-reboot", "-machine", "pc", "-accel", "tcg,tb-size=512", "-cpu", "max"),
            *("-smp", "1", "-m", _MEMORY),
            *("-kernel", str(self.image), "-initrd", str(folder / "initramfs")),
            *("-append", " ".join(_KERNEL_PARAMETERS)),
            *("-virtfs", f"local,path=/,mount_tag=root,readonly=on,{local}"),
            *("-virtfs", f"local,path={folder / 'share'},mount_tag=share,{local}"),
            *("-chardev", f"file,id=console,path={folder / 'console'}"),
            *("-serial", "chardev:console"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", "file,id=stdout,path=/proc/self/fd/1"),
            *("-device", "virtserialport,chardev=stdout,nr=1"),
            *("-chardev", "file,id=stderr,path=/proc/self/fd/2"),
            *("-device", "virtserialport,chardev=stderr,nr=2"),
            # Two CAN controllers on one bus.
            *("-object", "can-bus,id=canbus0"),
            *("-device", "kvaser_pci,canbus=canbus0"),
            *("-device", "kvaser_pci,canbus=canbus0"),
        ]


@dataclasses.dataclass(frozen=True)
class ReleasedKernel(QemuKernel):
    """A kernel series of the machine's own Debian, and the metapackages that lead to its newest."""

    image_metapackage: str = ""
    headers_metapackage: str = ""

    def install(self) -> None:
        if not self.root.exists():
            names = SYSTEM.dependencies(self.image_metapackage, ("linux-image-",))
            names += SYSTEM.dependencies(self.headers_metapackage, ("linux-headers-",))
            names += SYSTEM.dependencies(names[-1], ("linux-headers-",))
            _unpack(self, names, SYSTEM)


@dataclasses.dataclass(frozen=True)
class NewestKernel(QemuKernel):
    """The newest kernel of another suite whose version begins with the series' number."""

    suite: str = ""

    def install(self) -> None:
        if self.root.exists():
            return
        with suite(self.suite) as archive:
            names = newest_packages(self.series, archive)
            if not names:
                raise UnavailableError(f"{self.suite} has no kernel {self.series}")
            try:
                _unpack(self, names, archive)
            except DownloadError as error:
                raise UnavailableError(str(error)) from None


KERNELS: dict[str, QemuKernel] = {
    "6.1": ReleasedKernel(
        "6.1", image_metapackage="linux-image-amd64", headers_metapackage="linux-headers-amd64"
    ),
    "6.12": ReleasedKernel(
        "6.12",
        image_metapackage="linux-image-6.12-amd64",
        headers_metapackage="linux-headers-6.12-amd64",
    ),
    "7": NewestKernel("7", suite="trixie-backports"),
}

# Those of the machine's own Debian: what its users have.
RELEASED = tuple(series for series, kernel in KERNELS.items() if isinstance(kernel, ReleasedKernel))


def newest_packages(series: str, archive: Archive) -> list[str]:
    """Return names of the packages with the newest kernel of a series; none if there is none.

    Since 7.0 the package ``linux-image-RELEASE`` is empty, and depends on others with the parts.

    :param series: one or more numbers of the version, such as "7" or "6.18".
    """
    pattern = rf"^linux-image-{re.escape(series)}(\.[0-9]+)*\+deb[0-9]+-amd64$"
    found = [line.split()[0] for line in archive.ask("search", "--names-only", pattern)]
    if not found:
        return []
    image = max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
    release = image.removeprefix("linux-image-")
    parts = archive.dependencies(image, ("linux-",))
    names = [image, *(name for name in parts if name.endswith(release))]
    names.append(f"linux-headers-{release}")
    return names + archive.dependencies(names[-1], ("linux-headers-",))


def _unpack(kernel: QemuKernel, names: Sequence[str], archive: Archive) -> None:
    """Unpack packages into a kernel's folder, and make the folder whole."""
    say(f"kernel {kernel.name}: {', '.join(names)}")
    with new_folder(kernel.root) as root:
        archive.unpack(names, root)
        as_laid_out_before(root)
        filled = dataclasses.replace(kernel, folder=root)
        _decompress(filled.modules)
        output("depmod", "-b", root, filled.release)
        headers.export(root / "usr" / "src", *filled.include_dirs)
        shutil.rmtree(root / "usr")


def as_laid_out_before(root: Path) -> None:
    """Lay an unpacked kernel out as packages did before 7.0: ``boot`` and ``lib/modules``."""
    for modules in root.glob("usr/lib/modules/*"):
        boot, place = root / "boot", root / "lib" / "modules"
        boot.mkdir(exist_ok=True)
        place.mkdir(parents=True, exist_ok=True)
        (modules / "vmlinuz").rename(boot / f"vmlinuz-{modules.name}")
        modules.rename(place / modules.name)


def _decompress(modules: Path) -> None:
    """Unpack compressed modules, which newer kernels have: here it takes seconds."""
    compressed = [str(path) for path in modules.rglob("*.ko.xz")]
    for start in range(0, len(compressed), 500):
        output("xz", "-d", *compressed[start : start + 500])
