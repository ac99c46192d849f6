"""The lab's cache folder, the packages it takes from Debian, and what all of its kernels share.

Nothing goes into ``/boot`` or ``/lib/modules``: kernel packages are fetched with
``apt-get download`` and unpacked with ``dpkg -x`` below :func:`cache_dir`.
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

# What every guest needs, whatever runs it.
PACKAGES = (
    "busybox-static",
    "kmod",
    "iproute2",
    "netbase",  # /etc/protocols and /etc/services, for getprotobyname and getservbyname
    "can-utils",
    "socat",
    "tcpdump",
    "wpan-tools",
    "qrtr-tools",
    "python3",  # Debian's own knows AF_BLUETOOTH: the other end of its tests
)
_DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_APT = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=600")


class LabError(Exception):
    """The lab cannot go on; the message says why."""


class DownloadError(LabError):
    """Debian packages could not be downloaded."""


class UnavailableError(LabError):
    """A Debian suite does not have a kernel at this moment, or cannot be reached."""


def cache_dir() -> Path:
    """Return FAMSOCK_LAB_CACHE, or a folder in the XDG cache; all in it can be made again."""
    if explicit := os.environ.get("FAMSOCK_LAB_CACHE"):
        return Path(explicit).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "famsock-lab"


def tools_dir() -> Path:
    """Return the folder with the programs that are unpacked, not installed: btvirt."""
    return cache_dir() / "tools"


@dataclasses.dataclass(frozen=True)
class Kernel(abc.ABC):
    """A kernel that the lab can boot.

    :ivar series: the version's first two numbers.
    :ivar folder: where the kernel lies, if not at its place in the cache.
    :cvar machine: what the kernel runs on: the guests' FAMSOCK_LAB.
    """

    series: str
    folder: Path | None = None
    machine: ClassVar[str]

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """A name for messages and for the folder of results."""

    @property
    def full_name(self) -> str:
        """The name in ``left_out.toml``, which tells the machine too."""
        return f"{self.machine}-{self.series}"

    @property
    @abc.abstractmethod
    def root(self) -> Path:
        """The folder in the cache that has the kernel and its modules."""

    @property
    @abc.abstractmethod
    def modules(self) -> Path:
        """The folder that the guest sees as ``/lib/modules/RELEASE``."""

    @property
    def release(self) -> str:
        """The kernel's release, as ``uname -r`` prints it in the guest."""
        return self.modules.name

    @property
    @abc.abstractmethod
    def packages(self) -> Sequence[str]:
        """Names of the packages that must be installed to boot it."""

    @property
    @abc.abstractmethod
    def hint(self) -> str:
        """The command that installs it."""

    @abc.abstractmethod
    def install(self) -> None:
        """Make :attr:`root`, if it is missing or out of date."""

    @abc.abstractmethod
    def command(self, folder: Path, slot: int) -> list[str]:
        """Return the command line of a guest, which writes to the standard output and error.

        :param folder: has ``initramfs`` and the folder ``share``; the guest's console goes to the
            file ``console`` there.
        :param slot: the number of the guest's place among those that run on the machine, from 0.
        """

    def missing_parts(self) -> list[str]:
        """Return what must be installed before it boots, in words."""
        parts = [f"package {name}" for name in missing_packages((*PACKAGES, *self.packages))]
        parts += [] if tools_dir().exists() else ["btvirt"]
        return parts + ([] if self.root.exists() else [f"kernel {self.name}"])


def say(message: str) -> None:
    """Print a line about the lab's work on the standard error."""
    print(f"famsock-lab: {message}", file=sys.stderr, flush=True)


def output(*command: str | Path, cwd: Path | None = None) -> str:
    """Return a command's standard output.

    :raises LabError: the command is not there, or failed; the message has all that it printed.
    """
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


def missing_packages(names: Iterable[str]) -> list[str]:
    """Return those of the Debian packages that are not installed."""
    query = "${db:Status-Status} ${Package}\n"
    known = output("dpkg-query", "-f", query, "-W", "*").splitlines()
    return [name for name in names if f"installed {name}" not in known]


def update_package_lists() -> None:
    """Bring apt's lists up to date."""
    output(*_APT, "update")


def install_packages(names: Iterable[str]) -> None:
    """Install those of the Debian packages that are missing."""
    if missing := missing_packages(names):
        output(*_APT, "install", "-y", "--no-install-recommends", *missing)


def install(kernels: Sequence[Kernel], *, all_or_none: bool) -> None:
    """Bring what the kernels lack; ask the network for nothing when nothing is missing.

    :param all_or_none: a kernel that a suite does not have at this moment is an error. If not, it
        is only named.
    :raises LabError: a package cannot be had or unpacked, or a kernel cannot be built.
    """
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        parts = [part for kernel in kernels for part in kernel.missing_parts()]
        if not parts:
            return
        say(f"to install: {', '.join(dict.fromkeys(parts))}")
        update_package_lists()
        install_packages(PACKAGES)
        if not tools_dir().exists():
            # Unpacked rather than installed: btvirt needs only libc, its package pulls in systemd.
            with new_folder(tools_dir()) as root:
                SYSTEM.unpack(["bluez-test-tools"], root)
        for kernel in kernels:
            install_packages(kernel.packages)
            try:
                kernel.install()
            except UnavailableError as error:
                if all_or_none:
                    raise
                say(f"kernel {kernel.name}: not installed, as it cannot be had now: {error}")


@contextlib.contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Give a folder to fill, and give it its final name when it is whole."""
    with tempfile.TemporaryDirectory(dir=cache_dir()) as scratch:
        filled = Path(scratch) / final.name
        filled.mkdir()
        yield filled
        final.parent.mkdir(parents=True, exist_ok=True)
        filled.rename(final)


@dataclasses.dataclass(frozen=True)
class Archive:
    """A place of Debian packages: all that the machine's own sources name, or one other suite.

    :ivar options: apt's options that choose the place.
    """

    options: Sequence[str] = ()

    def ask(self, *arguments: str) -> list[str]:
        """Return the lines that ``apt-cache`` prints."""
        return output("apt-cache", *self.options, *arguments).splitlines()

    def dependencies(self, package: str, prefixes: tuple[str, ...]) -> list[str]:
        """Return names of the packages with one of the prefixes that a package depends on."""
        words = [line.split() for line in self.ask("depends", package)]
        names = [name for kind, name, *_ in (w for w in words if len(w) > 1) if kind == "Depends:"]
        return [name for name in names if name.startswith(prefixes)]

    def unpack(self, names: Sequence[str], destination: Path) -> None:
        """Download packages and unpack them below a folder.

        :raises DownloadError: a package is not there, or the server does not answer.
        :raises LabError: a package cannot be unpacked.
        """
        with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
            try:
                output(*_APT, *self.options, "download", *names, cwd=Path(folder))
            except LabError as error:
                raise DownloadError(str(error)) from None
            for package in sorted(Path(folder).glob("*.deb")):
                output("dpkg", "-x", package, destination)


SYSTEM = Archive()


@contextlib.contextmanager
def suite(name: str) -> Iterator[Archive]:
    """Give the packages of another suite, from the server of the machine's own packages.

    Its package lists are in a folder that lasts as the context, so that the machine's apt never
    offers anything of that suite.

    :param name: such as ``trixie-backports``.
    :raises UnavailableError: the server does not have the suite, or does not answer.
    """
    servers = output(
        *("apt-get", "indextargets", "--format", "$(REPO_URI)"),
        *("Created-By: Packages", "Label: Debian"),
    ).split()
    if not servers:
        raise UnavailableError("no source of Debian's packages in /etc/apt")
    with tempfile.TemporaryDirectory(dir=cache_dir()) as scratch:
        folder = Path(scratch)
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        source = folder / "suite.list"
        source.write_text(f"deb [signed-by={_DEBIAN_KEYS}] {servers[0]} {name} main\n")
        options = [
            f"Dir::Etc::SourceList={source}",
            "Dir::Etc::SourceParts=-",
            "Dir::Etc::PreferencesParts=-",
            f"Dir::State::Lists={lists}",
            f"Dir::Cache={folder}",
            "Acquire::Languages=none",
            "APT::Update::Error-Mode=any",
        ]
        archive = Archive([word for option in options for word in ("-o", option)])
        try:
            output(*_APT, *archive.options, "update")
        except LabError as error:
            raise UnavailableError(str(error)) from None
        yield archive
