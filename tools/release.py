"""``python -m tools.release``: every distribution of the last commit, built and checked.

Usage::

    uv run --group release python -m tools.release                    # build into dist/, and check
    uv run --group release python -m tools.release --twice            # build twice and compare
    uv run --group release python -m tools.release --check dist       # check what was built before
    uv run --group release python -m tools.release -p 3.12 -t manylinux_2_17_x86_64

It builds from a copy of the commit, so that what is not committed is left out. The plugins and the
core have an sdist each, and wheels are built from the sdists. The core has a wheel for each Python
that is installed and each target. ziglang, a C compiler from the Python index, compiles for an old
glibc and for musl, for other processors too, so that no container is needed. Two builds of one
commit are equal byte for byte: times are those of the commit.

The checks are: each distribution is there, its metadata are valid and its contents complete,
compiled modules are stripped and need no newer system than the tag says, and what is installed from
the wheels only, without a compiler, passes the conformance kit.
Source: PEP 427, PEP 600, PEP 656, reproducible-builds.org (SOURCE_DATE_EPOCH).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from tests import pythons
from tools import distributions
from tools.distributions import ROOT


@dataclass(frozen=True)
class Target:
    """A platform that the core is compiled for: the tag of its wheels, and zig's name for it."""

    tag: str
    triple: str
    machine: str
    libc: str

    def suffix(self, version: str) -> str:
        """Return the suffix of a compiled module there, for CPython of a version ("3.12")."""
        return f".cpython-{version.replace('.', '')}-{self.machine}-linux-{self.libc}.so"


TARGETS = (
    Target("manylinux_2_17_x86_64", "x86_64-linux-gnu.2.17", "x86_64", "gnu"),
    Target("manylinux_2_17_aarch64", "aarch64-linux-gnu.2.17", "aarch64", "gnu"),
    Target("musllinux_1_2_x86_64", "x86_64-linux-musl", "x86_64", "musl"),
    Target("musllinux_1_2_aarch64", "aarch64-linux-musl", "aarch64", "musl"),
)
# With -O, zig compiles without its sanitizers; -g0 keeps paths of this machine out.
_CFLAGS = "-O3 -g0 -DNDEBUG -fwrapv -fno-strict-overflow"
_LDFLAGS = "-Wl,-s"


class ReleaseError(Exception):
    """A distribution that cannot be built, or that a check refuses; the text says which."""


def run(*command: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Return what a command prints; ReleaseError with it if the command fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def uv() -> list[str]:
    program = os.environ.get("UV") or shutil.which("uv")
    return [program] if program else [sys.executable, "-m", "uv"]


# Building


def export(commit: str, folder: Path) -> str:
    """Write a commit's files into a folder; returns its time, in seconds since 1970."""
    with tempfile.TemporaryFile() as archive:
        subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=archive, check=True)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as files:
            files.extractall(folder, filter="tar")
    return run("git", "log", "-1", "--format=%ct", commit).strip()


def build(
    out: Path, requests: Sequence[str], targets: Sequence[Target], commit: str = "HEAD"
) -> list[Path]:
    """Build everything of a commit into a folder; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="famsock-release-") as name:
        source = Path(name) / "source"
        epoch = export(commit, source)
        env = {"SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"}
        run(
            *uv(), "build", "-q", "--sdist", "--all-packages", "--out-dir", out, env=env, cwd=source
        )
        (out / ".gitignore").unlink(missing_ok=True)
        sdists = {parse_sdist_filename(p.name)[0]: p for p in out.glob("*.tar.gz")}
        for path in sdists.values():
            repack(path, int(epoch))
        core = sdists.pop(canonicalize_name(distributions.CORE))
        interpreters = {request: _interpreter(request) for request in requests}
        libraries = {t.tag: _link_with(t, Path(name)) for t in targets}
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            jobs = [
                workers.submit(_wheel, path, out, sys.executable, env) for path in sdists.values()
            ]
            for target in targets:
                for request, python in interpreters.items():
                    words = (f"-C=--build-option=--plat-name={target.tag}",)
                    cross = env | _cross(target, request, libraries[target.tag])
                    jobs.append(workers.submit(_wheel, core, out, python, cross, words))
            for job in jobs:
                job.result()
    (out / ".gitignore").unlink(missing_ok=True)
    return sorted(path for path in out.iterdir() if path.is_file())


def _wheel(
    sdist: Path, out: Path, python: str, env: Mapping[str, str], words: Sequence[str] = ()
) -> None:
    own = ("--python", python, "--out-dir", out)
    run(*uv(), "build", "-q", "--wheel", *own, *words, sdist, env=env, cwd=out)


def _interpreter(request: str) -> str:
    """The path of an installed Python."""
    words = ("python", "find", "--no-python-downloads", "--system", request)
    return pythons.uv(*words, env=pythons.environment()).strip()


def _link_with(target: Target, folder: Path) -> str:
    """Options for the linker: musl's library has another name on real systems than zig gives it."""
    if target.libc != "musl":
        return ""
    name = f"libc.musl-{target.machine}.so.1"
    library = folder / target.tag / name
    library.parent.mkdir()
    empty = library.with_name("empty.c")
    empty.touch()
    words = ("-target", target.triple, "-shared", "-nostdlib", f"-Wl,-soname,{name}")
    run(sys.executable, "-m", "ziglang", "cc", *words, "-o", library, empty)
    return f" -nostdlib -Wl,--no-as-needed {library}"


def _cross(target: Target, request: str, link_with: str) -> dict[str, str]:
    """The environment in which setuptools compiles for a target.

    The headers are those of the running Python: all four targets have the same sizes of types.
    """
    major_minor = ".".join(request.split(".")[:2])
    compiler = f"{sys.executable} -m ziglang cc -target {target.triple}"
    return {
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared{link_with}",
        "CFLAGS": _CFLAGS,
        "LDFLAGS": _LDFLAGS,
        "_PYTHON_HOST_PLATFORM": f"linux-{target.machine}",
        "SETUPTOOLS_EXT_SUFFIX": target.suffix(major_minor),
    }


def repack(sdist: Path, epoch: int) -> None:
    """Write an sdist again with members in order, of one owner and one time.

    setuptools takes the time of the build, and the owners and times of the files.
    """
    content = io.BytesIO()
    with tarfile.open(sdist) as before, tarfile.open(fileobj=content, mode="w") as after:
        for member in sorted(before.getmembers(), key=lambda m: m.name):
            new = tarfile.TarInfo(member.name)
            new.size, new.type, new.mtime = member.size, member.type, epoch
            new.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            after.addfile(new, before.extractfile(member) if member.isfile() else None)
    with sdist.open("wb") as file, gzip.GzipFile("", "wb", mtime=epoch, fileobj=file) as zipped:
        zipped.write(content.getvalue())


def digests(files: Iterable[Path]) -> dict[str, str]:
    """The SHA-256 of files, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# Checking


def check(files: Sequence[Path]) -> Iterator[str]:
    """Check what was built, but for installing it; what was checked, as lines."""
    wheels = [path for path in files if path.suffix == ".whl"]
    yield f"{check_completeness(files)} distributions, each of version {distributions.version()}"
    run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files)
    yield "twine check: metadata and readmes are valid"
    run(sys.executable, "-m", "check_wheel_contents", *wheels)
    yield "check-wheel-contents: no complaint"
    compiled = [wheel for wheel in wheels if not wheel.name.endswith("-any.whl")]
    for wheel in compiled:
        check_modules(wheel)
        check_platform(wheel)
    yield f"{len(compiled)} compiled wheels: complete, stripped, and of the platform they state"
    yield "abi3audit: not asked, as no wheel states the stable ABI"


def check_completeness(files: Iterable[Path]) -> int:
    """See that each distribution has an sdist and a wheel, of one version; returns their number."""
    wanted = {canonicalize_name(d.name) for d in distributions.all_of()}
    sdists, wheels = set(), set()
    for path in files:
        if path.suffix == ".whl":
            name, version, _, tags = parse_wheel_filename(path.name)
            wheels.add(name)
            if any(tag.abi == "abi3" for tag in tags):
                raise ReleaseError(f"{path.name}: abi3 needs a check by abi3audit")
        else:
            name, version = parse_sdist_filename(path.name)
            sdists.add(name)
        if str(version) != distributions.version():
            raise ReleaseError(f"{path.name}: the version is {distributions.version()}")
    for kind, found in (("sdist", sdists), ("wheel", wheels)):
        if found != wanted:
            names = ", ".join(sorted(found ^ wanted))
            raise ReleaseError(f"{kind}: not one of each distribution: {names}")
    return len(wanted)


_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}


def check_modules(wheel: Path) -> None:
    """See that every module that can be compiled is, for the wheel's machine, and stripped.

    The build goes on without a module that does not compile, as it must on a user's machine.
    """
    from elftools.elf.elffile import ELFFile

    tag = _tag(wheel)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".so")]
        wanted = {str(p.relative_to(ROOT).with_suffix("")) for p in ROOT.glob("famsock/**/*.pyx")}
        if {name.partition(".")[0] for name in names} != wanted:
            raise ReleaseError(f"{wheel.name}: has {names}, not {sorted(wanted)}, compiled")
        for name in names:
            elf = ELFFile(io.BytesIO(archive.read(name)))
            sections = [section.name for section in elf.iter_sections()]
            machine = _MACHINES.get(elf["e_machine"], elf["e_machine"])
            if not tag.platform.endswith(machine):
                raise ReleaseError(f"{wheel.name}: {name} is for {machine}")
            if ".symtab" in sections or any(s.startswith(".debug") for s in sections):
                raise ReleaseError(f"{wheel.name}: {name} is not stripped")
            dynamic = elf.get_section_by_name(".dynamic")
            paths = [t for t in dynamic.iter_tags() if t.entry.d_tag in ("DT_RPATH", "DT_RUNPATH")]
            if paths:
                raise ReleaseError(f"{wheel.name}: {name} looks for libraries in a folder")


def check_platform(wheel: Path) -> None:
    """See by auditwheel that a wheel runs on every system that its tag names."""
    said = " ".join(run(sys.executable, "-m", "auditwheel", "show", wheel).split())
    found = re.search(r'following platform tag: "(\w+)"', said)
    if found is None or not _covers(found[1], _tag(wheel).platform):
        raise ReleaseError(f"{wheel.name}: auditwheel says: {said}")


def _covers(needed: str, stated: str) -> bool:
    """Whether what a wheel needs ("manylinux_2_5_x86_64") is in what its name states."""
    form = re.compile(r"(many|musl)linux_(\d+)_(\d+)_(\w+)")
    one, other = form.fullmatch(needed), form.fullmatch(stated)
    if one is None or other is None or (one[1], one[4]) != (other[1], other[4]):
        return False
    return (int(one[2]), int(one[3])) <= (int(other[2]), int(other[3]))


def _tag(wheel: Path) -> Tag:
    (tag,) = parse_wheel_filename(wheel.name)[3]
    return tag


# Installing

_HERE = """
from famsock import _calls
print(_calls.implementation())
"""


def install(files: Sequence[Path], request: str, folder: Path) -> Path:
    """Install all wheels into a clean environment; returns its Python.

    Ours come from the files, never from an index, where the names may be anybody's.
    """
    wheels = folder / "wheels"
    wheels.mkdir()
    for path in files:
        if path.suffix == ".whl":
            shutil.copy(path, wheels)
    environment = folder / "environment"
    run(*uv(), "venv", "-q", "--python", _interpreter(request), environment)
    python = environment / "bin" / "python"
    pip = [*uv(), "pip", "install", "-q", f"--python={python}", "--only-binary=:all:"]
    names = [d.name for d in distributions.all_of()]
    run(*pip, "--no-index", "--no-deps", f"--find-links={wheels}", *names)
    run(*pip, *others())
    run(*uv(), "pip", "check", "--python", python)
    return python


def others() -> list[str]:
    """Return the core's requirements, with the extras of the command line and of testing."""
    project = distributions.core().project
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *extras["cli"], *extras["testing"]]


def conform(python: Path, sdists: Iterable[Path], folder: Path) -> str:
    """Run the conformance tests of the sdists against what is installed; pytest's last line."""
    if run(python, "-c", _HERE, cwd=folder, env=_CLEAN).strip() != "compiled":
        raise ReleaseError(f"{python}: calls are not compiled")
    for sdist in sdists:
        with tarfile.open(sdist) as archive:
            members = [m for m in archive.getmembers() if "/tests/" in m.name and m.isfile()]
            archive.extractall(folder / "tests", members, filter="data")
    tests = sorted(folder.glob("tests/*/tests/test_*_conformance.py"))
    if len(tests) != len(distributions.plugins()):
        raise ReleaseError(f"conformance tests of {len(tests)} plugins only")
    options = ("-q", "-p", "no:cacheprovider", "-p", "famsock.testing.plugin")
    own = ("--import-mode=importlib", "-c", os.devnull, "--rootdir", folder)
    said = run(python, "-m", "pytest", *options, *own, *tests, cwd=folder, env=_CLEAN)
    return said.splitlines()[-1].strip("= ")


_CLEAN = {"PYTHONPATH": "", "FAMSOCK_PLUGINS": "", "FAMSOCK_SYSCALLS": ""}


def check_installed(files: Sequence[Path], requests: Iterable[str]) -> Iterator[str]:
    sdists = [p for p in files if p.suffix == ".gz"]
    for request in requests:
        with tempfile.TemporaryDirectory(prefix="famsock-installed-") as name:
            python = install(files, request, Path(name))
            yield f"Python {request}, from wheels only: {conform(python, sdists, Path(name))}"


# The command


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tools.release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [target.tag for target in TARGETS]
    top.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist/")
    top.add_argument(
        *("--python", "-p"),
        action="append",
        metavar="REQUEST",
        help="3.12, 3.13.0, a path; default: of each minor version installed the newest",
    )
    top.add_argument("--target", "-t", action="append", choices=names, help="default: all")
    top.add_argument("--check", type=Path, metavar="FOLDER", help="build nothing")
    top.add_argument("--twice", action="store_true", help="build again, and compare")
    top.add_argument("--no-install", action="store_true", help="leave out the clean environments")
    return top


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    started = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {line}", flush=True)

    requests = options.python or pythons.installed(pythons.environment())
    targets = [t for t in TARGETS if not options.target or t.tag in options.target]
    try:
        if options.check:
            files = sorted(p for p in options.check.iterdir() if p.suffix in (".whl", ".gz"))
        else:
            if changed := run("git", "status", "--porcelain").strip():
                tell(f"not committed, and so left out:\n{changed}")
            shutil.rmtree(options.out, ignore_errors=True)
            files = build(options.out, requests, targets)
            tell(f"{len(files)} files in {options.out}")
        if options.twice:
            with tempfile.TemporaryDirectory(prefix="famsock-again-") as name:
                compare(digests(files), digests(build(Path(name), requests, targets)))
            tell("a second build is equal, byte for byte")
        for line in check(files):
            tell(line)
        if not options.no_install:
            for line in check_installed(files, requests):
                tell(line)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    for name, digest in digests(files).items():
        print(f"{digest}  {name}")
    return 0


def compare(one: Mapping[str, str], other: Mapping[str, str]) -> None:
    """See that two builds have the same files."""
    differing = sorted(n for n in {*one, *other} if one.get(n) != other.get(n))
    if differing:
        raise ReleaseError(f"two builds differ: {', '.join(differing)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
