"""Debian's stock kernels under QEMU's software emulation.

Never under KVM: a machine may show a ``/dev/kvm`` that runs no guest.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import headers
from .store import Kernel, cache_dir, new_folder, output, say, unpack_packages

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
    """A kernel series and the Debian metapackages that lead to its newest build."""

    machine = "qemu"

    image_metapackage: str = ""
    headers_metapackage: str = ""

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

    def install(self) -> None:
        if not self.root.exists():
            with new_folder(self.root) as root:
                _unpack(dataclasses.replace(self, folder=root))

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


KERNELS = {
    "6.1": QemuKernel(
        "6.1", image_metapackage="linux-image-amd64", headers_metapackage="linux-headers-amd64"
    ),
    "6.12": QemuKernel(
        "6.12",
        image_metapackage="linux-image-6.12-amd64",
        headers_metapackage="linux-headers-6.12-amd64",
    ),
}


def _dependencies(metapackage: str, prefix: str) -> list[str]:
    """Return names of the packages with a prefix that a package depends on."""
    words = [line.split() for line in output("apt-cache", "depends", metapackage).splitlines()]
    names = [name for kind, name, *_ in (w for w in words if len(w) > 1) if kind == "Depends:"]
    return [name for name in names if name.startswith(prefix)]


def _unpack(kernel: QemuKernel) -> None:
    names = _dependencies(kernel.image_metapackage, "linux-image-")
    names += _dependencies(kernel.headers_metapackage, "linux-headers-")
    names += _dependencies(names[-1], "linux-headers-")
    say(f"kernel {kernel.name}: {', '.join(names)}")
    unpack_packages(names, kernel.root)
    _decompress(kernel.modules)
    output("depmod", "-b", kernel.root, kernel.release)
    headers.export(kernel.root / "usr" / "src", *kernel.include_dirs)
    shutil.rmtree(kernel.root / "usr")


def _decompress(modules: Path) -> None:
    """Unpack compressed modules, which newer kernels have: here it takes seconds."""
    compressed = [str(path) for path in modules.rglob("*.ko.xz")]
    for start in range(0, len(compressed), 500):
        output("xz", "-d", *compressed[start : start + 500])
