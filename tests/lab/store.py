"""What the lab needs on the machine: apt packages, and kernels unpacked in a cache folder.

Nothing is installed into ``/boot`` or ``/lib/modules``: kernel packages are fetched with
``apt-get download`` and unpacked with ``dpkg -x`` below :func:`cache_dir`.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import headers

PACKAGES = (
    "qemu-system-x86",
    "busybox-static",
    "kmod",
    "iproute2",
    "zstd",
    "xz-utils",
    "can-utils",
    "tcpdump",
    "socat",
    "wpan-tools",
)
PROGRAMS = {
    "qemu-system-x86": "qemu-system-x86_64",
    "busybox-static": "busybox",
    "kmod": "depmod",
    "iproute2": "ip",
    "zstd": "zstd",
    "xz-utils": "xz",
    "can-utils": "candump",
    "tcpdump": "tcpdump",
    "socat": "socat",
    "wpan-tools": "iwpan",
}


class LabError(Exception):
    """The lab cannot go on; the message says why."""


def cache_dir() -> Path:
    """Folder of everything that can be rebuilt: FAMSOCK_LAB_CACHE, or one below the XDG cache."""
    if explicit := os.environ.get("FAMSOCK_LAB_CACHE"):
        return Path(explicit).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "famsock-lab"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel series and the Debian metapackages that lead to its newest build."""

    series: str
    image_metapackage: str
    headers_metapackage: str

    @property
    def root(self) -> Path:
        return cache_dir() / "kernels" / self.series

    @property
    def release(self) -> str:
        """What ``uname -r`` prints in the guest."""
        return next((self.root / "lib" / "modules").iterdir()).name

    @property
    def modules(self) -> Path:
        return self.root / "lib" / "modules" / self.release

    @property
    def image(self) -> Path:
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def include_dirs(self) -> tuple[Path, Path]:
        """The exported (UAPI) headers, and the kernel's own ``net/*.h``."""
        return self.root / "include", self.root / "include-internal"


KERNELS = {
    "6.1": Kernel("6.1", "linux-image-amd64", "linux-headers-amd64"),
    "6.12": Kernel("6.12", "linux-image-6.12-amd64", "linux-headers-6.12-amd64"),
}


def btvirt() -> Path:
    """The emulator of Bluetooth controllers, from bluez-test-tools."""
    return cache_dir() / "tools" / "usr" / "bin" / "btvirt"


def run_quietly(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command, return its standard output, raise LabError with its output if it fails."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        line = " ".join(map(str, command))
        raise LabError(f"{line}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def say(message: str) -> None:
    print(f"famsock-lab: {message}", file=sys.stderr, flush=True)


def find_program(name: str) -> str | None:
    search = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return shutil.which(name, path=search)


def is_complete(root: Path) -> bool:
    return (root / "complete").exists()


def is_installed() -> bool:
    roots = [kernel.root for kernel in KERNELS.values()] + [cache_dir() / "tools"]
    return all(map(find_program, PROGRAMS.values())) and all(map(is_complete, roots))


def install() -> None:
    """Bring what is missing; nothing is asked of the network when nothing is."""
    if is_installed():
        return
    say("apt-get update")
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=600")
    run_quietly(*apt, "update")
    if missing := [name for name in PACKAGES if not find_program(PROGRAMS[name])]:
        say(f"apt-get install {' '.join(missing)}")
        run_quietly(*apt, "install", "-y", "--no-install-recommends", *missing)
    unpack_tools(cache_dir() / "tools")
    for kernel in KERNELS.values():
        unpack_kernel(kernel)


def unpack_packages(names: list[str], destination: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        run_quietly("apt-get", "-q", "download", *names, cwd=Path(folder))
        for package in sorted(Path(folder).glob("*.deb")):
            run_quietly("dpkg", "-x", package, destination)


def start_over(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)


def unpack_tools(root: Path) -> None:
    if is_complete(root):
        return
    start_over(root)
    unpack_packages(["bluez-test-tools"], root)
    (root / "complete").touch()


def dependencies(metapackage: str, prefix: str) -> list[str]:
    """Names of the packages with a prefix that a package depends on."""
    lines = run_quietly("apt-cache", "depends", metapackage).splitlines()
    names = [line.split()[-1] for line in lines if line.lstrip().startswith("Depends:")]
    return [name for name in names if name.startswith(prefix)]


def unpack_kernel(kernel: Kernel) -> None:
    if is_complete(kernel.root):
        return
    start_over(kernel.root)
    image = dependencies(kernel.image_metapackage, "linux-image-")
    config = dependencies(kernel.headers_metapackage, "linux-headers-")
    common = dependencies(config[0], "linux-headers-")
    say(f"kernel {kernel.series}: {', '.join(image + config + common)}")
    unpack_packages(image + config + common, kernel.root)
    # The guest is slow: what can be decompressed here is not decompressed there.
    compressed = [str(path) for path in kernel.modules.rglob("*.ko.xz")]
    for start in range(0, len(compressed), 500):
        run_quietly("xz", "-d", *compressed[start : start + 500])
    run_quietly(find_program("depmod") or "depmod", "-b", kernel.root, kernel.release)
    headers.export(kernel.root / "usr" / "src", *kernel.include_dirs)
    shutil.rmtree(kernel.root / "usr" / "src")
    (kernel.root / "complete").touch()
