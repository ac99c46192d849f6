"""A root folder with Debian's newest packages, and commands that run in it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUITE = "sid"
PACKAGES = (
    *("gcc", "libc6-dev"),  # the compiled layer
    *("ca-certificates", "netbase"),
    *("git", "iproute2", "kmod", "mount", "procps"),  # what tests call
)
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a program needs of the machine to reach the network as the machine does, and to compile.
_NAMES_OF_HOSTS = ("/etc/resolv.conf", "/etc/hosts")
_SETTINGS = ("/etc/ssl/certs", "/etc/pip.conf", "/etc/uv", "~/.config/pip", "~/.config/uv")
_PASSED_ON = re.compile(
    r"PIP_.*|UV_(?!CACHE_DIR|PROJECT|RUN|PYTHON).*|SSL_CERT_.*|.*_CA_BUNDLE|.*_PROXY|"
    r"LANG|TERM|CFLAGS",
    re.IGNORECASE,
)


def settings() -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables by which pip and uv reach the network here, and what they read for it.

    The latter as `Root.command` takes it: bundles of certificates and folders of wheels too that a
    variable names.
    """
    env = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    paths = [os.path.expanduser(path) for path in _SETTINGS]
    for value in env.values():
        paths += [part for part in re.split(r"[\s:]+", value) if part.startswith("/")]
    return env, {path: os.path.realpath(path) for path in paths if os.path.exists(path)}


class UnavailableError(Exception):
    """Something cannot be had on this machine at the moment; the message says what and why."""


def cache_dir() -> Path:
    """Return FAMSOCK_PYTHONS_CACHE, or a folder in the XDG cache; all in it can be made again."""
    if explicit := os.environ.get("FAMSOCK_PYTHONS_CACHE"):
        return Path(explicit).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "famsock-pythons"


def say(message: str) -> None:
    """Print a line about the work on the standard error."""
    print(f"debian_pythons: {message}", file=sys.stderr, flush=True)


def output(command: Sequence[str | Path]) -> str:
    """Return a command's standard output; `UnavailableError` with its last lines if it fails."""
    system = f"{os.environ.get('PATH', os.defpath)}:{_PATH}"
    env = os.environ | {"PATH": system, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise UnavailableError(f"{error}; it needs a Debian machine") from error
    if done.returncode:
        printed = (done.stderr.strip() or done.stdout.strip()).splitlines()
        reason = [line for line in printed if line.startswith("E:")] or printed
        raise UnavailableError(f"{Path(command[0]).name}: " + " ".join(reason[-3:]))
    return done.stdout


def uv() -> str:
    """Return the path of uv's program on the machine, and not of a script that calls it.

    :raises UnavailableError: uv is not installed.
    """
    if program := os.environ.get("UV"):
        return program
    found = shutil.which("uv")
    command = [found] if found else [sys.executable, "-m", "uv"]
    try:
        return output([*command, "run", "-q", "--no-project", "sh", "-c", 'echo "$UV"']).strip()
    except UnavailableError as error:
        raise UnavailableError("uv is not installed: python3 -m pip install uv") from error


def mirror() -> str:
    """Return the URI from which the machine's own apt takes Debian's archive."""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = output(["apt-get", "indextargets", "--format", form, "Identifier: Packages"])
    for line in targets.splitlines():
        uri, release, component = line.split()
        if component == "main" and not release.endswith("-security"):
            return uri
    raise UnavailableError("apt has no source of Debian's packages")


def apt_settings() -> str:
    """Return how the machine's own apt reaches its mirrors: proxies, checks, retries."""
    lines = output(["apt-config", "dump", "Acquire"]).splitlines()
    left_out = ("Acquire::IndexTargets", "Acquire::Languages", "Acquire::cdrom", 'Acquire "')
    kept = [line for line in lines if not line.startswith(left_out)]
    return "\n".join([*kept, 'Acquire::Languages "none";', 'APT::Install-Recommends "false";', ""])


@dataclass(frozen=True)
class Root:
    """A folder with a Debian system.

    :ivar folder: its place on the machine.
    """

    folder: Path

    @classmethod
    def default(cls) -> Root:
        """Return the one in the cache, which another list of packages makes another one."""
        recipe = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
        return cls(cache_dir() / f"{SUITE}-{platform.machine()}-{recipe}")

    def make(self) -> None:
        """Make the folder if it is not there: some minutes, and about 150 MB from the mirror.

        :raises UnavailableError: the user is not root, or something cannot be had.
        """
        if os.geteuid():
            raise UnavailableError("only root may make and enter a root folder")
        if self.folder.exists():
            return
        if not shutil.which("mmdebstrap"):
            output(["apt-get", "-q", "update"])
            output(["apt-get", "-q", "install", "-y", "--no-install-recommends", "mmdebstrap"])
        say(f"makes {self.folder}")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as scratch:
            conf, made = Path(scratch, "apt.conf"), Path(scratch, "root")
            conf.write_text(apt_settings())
            command = ["mmdebstrap", "--mode=root", "--variant=apt", f"--keyring={KEYRING}"]
            command += [f"--aptopt={conf}", f"--include={','.join(PACKAGES)}"]
            output([*command, SUITE, str(made), mirror()])
            made.rename(self.folder)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep a part of the folder from other processes meanwhile."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f"{self.folder.name}.{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def command(
        self,
        arguments: Sequence[str],
        *,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        seen: Mapping[str, str] | None = None,
        shared: Sequence[str | Path] = (),
    ) -> list[str]:
        """Return the command line that runs a program in the folder.

        Its mounts are in its own namespace, so there is nothing to be undone. Its processes
        are too, and end with it. It ends with the process that started it.

        :param env: all its variables besides HOME and PATH.
        :param seen: files and folders of the machine that it may read, by their paths in the
            folder; besides those that tell the addresses of hosts.
        :param shared: folders of the machine that it may write to, under the same paths.
        """
        places = {path: os.path.realpath(path) for path in _NAMES_OF_HOSTS if os.path.exists(path)}
        places |= seen or {}
        root = shlex.quote(str(self.folder))
        # The first makes the folder a mount point, as programs inside that change mounts need it.
        steps = ["set -e", f"mkdir -p {root}/proc {root}/dev {root}/sys"]
        steps += [f"mount --rbind {root} {root}", f"mount -t proc proc {root}/proc"]
        steps += [f"mount --rbind {place} {root}{place}" for place in ("/dev", "/sys")]
        for target, source in places.items():
            inside = shlex.quote(f"{self.folder}{target}")
            if os.path.isdir(source):
                steps.append(f"mkdir -p {inside}")
            else:
                # A link would lead out of the folder.
                steps.append(f"mkdir -p {shlex.quote(f'{self.folder}{os.path.dirname(target)}')}")
                steps.append(f"[ ! -L {inside} ] || rm {inside}")
                steps.append(f"[ -e {inside} ] || : >{inside}")
            steps.append(f"mount --bind {shlex.quote(source)} {inside}")
            steps.append(f"mount -o remount,bind,ro {inside}")
        for path in shared:
            inside = shlex.quote(f"{self.folder}{path}")
            steps += [f"mkdir -p {inside}", f"mount --bind {shlex.quote(str(path))} {inside}"]
        variables = {"HOME": str(Path.home()), "PATH": _PATH} | dict(env or {})
        inner = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
        inner += ["sh", "-c", 'cd "$0" && exec "$@"', cwd, *arguments]
        # No exec: the shell stays process 1 and takes the orphans' status.
        steps.append(f"set +e; chroot {root} {shlex.join(inner)}; exit $?")
        return [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
            *("--propagation", "private", "sh", "-c", "\n".join(steps)),
        ]

    def command_with_uv(
        self,
        arguments: Sequence[str],
        *,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        seen: Mapping[str, str] | None = None,
        shared: Sequence[str | Path] = (),
    ) -> list[str]:
        """Return a command line as `command` does, for a program that uses ``uv`` or the network.

        :raises UnavailableError: uv is not installed.
        """
        variables, files = settings()
        files["/usr/local/bin/uv"] = uv()
        return self.command(
            arguments,
            cwd=cwd,
            env={**variables, **(env or {})},
            seen={**files, **(seen or {})},
            shared=shared,
        )

    def output(self, arguments: Sequence[str], *, cwd: str = "/") -> str:
        """Return the standard output of a program in the folder; `UnavailableError` if it fails."""
        env = {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return output(self.command(arguments, cwd=cwd, env=env))

    def version(self, package: str) -> str:
        """Return the version of an installed package; "" where it is not installed whole."""
        query = ["dpkg-query", f"--admindir={self.folder}/var/lib/dpkg", "-W", "-f"]
        with contextlib.suppress(UnavailableError):
            told = output([*query, "${db:Status-Status} ${Version}", package])
            status, _, version = told.partition(" ")
            return version if status == "installed" else ""
        return ""

    def install(self, packages: Sequence[str], *, update: bool = False) -> None:
        """Install packages that are missing, or newer ones with ``update``.

        :raises UnavailableError: the suite has not all of them at the moment.
        """
        with self.lock("packages"):
            if not update and all(map(self.version, packages)):
                return
            say(f"installs {' '.join(packages)}")
            self.output(["dpkg", "--configure", "-a"])  # after a run that was interrupted
            self.output(["apt-get", "-q", "update"])
            self.output(["apt-get", "-q", "install", "-y", *packages])
