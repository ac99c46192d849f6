"""What the lab needs on the machine: apt packages, and kernels unpacked in a cache folder.

Nothing goes into ``/boot`` or ``/lib/modules``: kernel packages are fetched with
``apt-get download`` and unpacked with ``dpkg -x`` below :func:`cache_dir`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import headers

PACKAGES = (
    "qemu-system-x86",
    "busybox-static",
    "kmod",
    "iproute2",
    "xz-utils",
    "netbase",  # /etc/protocols and /etc/services, for getprotobyname and getservbyname
    "can-utils",
    "socat",
    "tcpdump",
    "wpan-tools",
    "qrtr-tools",
    "python3",  # Debian's own knows AF_BLUETOOTH: the other end of its tests
)
APT = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=600")


class LabError(Exception):
    """The lab cannot go on; the message says why."""


def cache_dir() -> Path:
    """Folder of everything that can be rebuilt: FAMSOCK_LAB_CACHE, or one in the XDG cache."""
    if explicit := os.environ.get("FAMSOCK_LAB_CACHE"):
        return Path(explicit).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "famsock-lab"


def tools_dir() -> Path:
    return cache_dir() / "tools"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel series and the Debian metapackages that lead to its newest build."""

    series: str
    image_metapackage: str
    headers_metapackage: str
    folder: Path | None = None

    @property
    def root(self) -> Path:
        """Where the packages are unpacked."""
        return self.folder or cache_dir() / "kernels" / self.series

    @property
    def modules(self) -> Path:
        return next((self.root / "lib" / "modules").iterdir())

    @property
    def release(self) -> str:
        """What ``uname -r`` prints in the guest."""
        return self.modules.name

    @property
    def image(self) -> Path:
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def include_dirs(self) -> tuple[Path, Path]:
        """Headers for user programs (UAPI), and those of the kernel's own; see headers.py."""
        return self.root / "include", self.root / "include-internal"


KERNELS = {
    "6.1": Kernel("6.1", "linux-image-amd64", "linux-headers-amd64"),
    "6.12": Kernel("6.12", "linux-image-6.12-amd64", "linux-headers-6.12-amd64"),
}


def say(message: str) -> None:
    print(f"famsock-lab: {message}", file=sys.stderr, flush=True)


def output(*command: str | Path, cwd: Path | None = None) -> str:
    """A command's standard output; LabError with all it printed if it fails."""
    system_dirs = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    environment = os.environ | {
        "PATH": system_dirs,
        "DEBIAN_FRONTEND": "noninteractive",
        "LC_ALL": "C.UTF-8",
    }
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise LabError(f"{error}; the lab needs a Debian machine") from error
    if done.returncode:
        line = " ".join(map(str, command))
        raise LabError(f"{line}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def missing_packages() -> list[str]:
    query = "${db:Status-Status} ${Package}\n"
    known = output("dpkg-query", "-f", query, "-W", "*").splitlines()
    return [name for name in PACKAGES if f"installed {name}" not in known]


def missing_parts() -> list[str]:
    """What ``install`` would bring, in words."""
    parts = [f"package {name}" for name in missing_packages()]
    parts += [f"kernel {name}" for name, kernel in KERNELS.items() if not kernel.root.exists()]
    return parts + ([] if tools_dir().exists() else ["btvirt"])


def install() -> None:
    """Bring what is missing; nothing is asked of the network when nothing is."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if parts := missing_parts():
            say(f"to install: {', '.join(parts)}")
            install_parts()


def install_parts() -> None:
    output(*APT, "update")
    if packages := missing_packages():
        output(*APT, "install", "-y", "--no-install-recommends", *packages)
    if not tools_dir().exists():
        # Unpacked rather than installed: btvirt needs libc alone, its package pulls in systemd.
        with new_folder(tools_dir()) as root:
            unpack_packages(["bluez-test-tools"], root)
    for kernel in KERNELS.values():
        if not kernel.root.exists():
            with new_folder(kernel.root) as root:
                unpack_kernel(dataclasses.replace(kernel, folder=root))


@contextlib.contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """A folder to fill, which gets its final name when it is whole."""
    with tempfile.TemporaryDirectory(dir=cache_dir()) as scratch:
        filled = Path(scratch) / final.name
        filled.mkdir()
        yield filled
        final.parent.mkdir(parents=True, exist_ok=True)
        filled.rename(final)


def unpack_packages(names: list[str], destination: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        output(*APT, "download", *names, cwd=Path(folder))
        for package in sorted(Path(folder).glob("*.deb")):
            output("dpkg", "-x", package, destination)


def dependencies(metapackage: str, prefix: str) -> list[str]:
    """Names of the packages with a prefix that a package depends on."""
    words = [line.split() for line in output("apt-cache", "depends", metapackage).splitlines()]
    names = [name for kind, name, *_ in (w for w in words if len(w) > 1) if kind == "Depends:"]
    return [name for name in names if name.startswith(prefix)]


def unpack_kernel(kernel: Kernel) -> None:
    names = dependencies(kernel.image_metapackage, "linux-image-")
    names += dependencies(kernel.headers_metapackage, "linux-headers-")
    names += dependencies(names[-1], "linux-headers-")
    say(f"kernel {kernel.series}: {', '.join(names)}")
    unpack_packages(names, kernel.root)
    decompress(kernel.modules)
    output("depmod", "-b", kernel.root, kernel.release)
    headers.export(kernel.root / "usr" / "src", *kernel.include_dirs)
    shutil.rmtree(kernel.root / "usr")


def decompress(modules: Path) -> None:
    """Unpack compressed modules, which newer kernels have: here it takes seconds."""
    compressed = [str(path) for path in modules.rglob("*.ko.xz")]
    for start in range(0, len(compressed), 500):
        output("xz", "-d", *compressed[start : start + 500])
