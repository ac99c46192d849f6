"""``python -m tools.release``: every distribution of the last commit, built and checked.

Usage::

    uv run --group release python -m tools.release                    # build into dist/, and check
    uv run --group release python -m tools.release --twice            # build twice and compare
    uv run --group release python -m tools.release --check dist       # check what was built before
    uv run --group release python -m tools.release -p 3.12 -t manylinux_2_17_x86_64

It builds from a copy of the commit, so that what is not committed is left out. The plugins and the
core have an sdist each, and wheels are built from the sdists. The core has a wheel for each Python
and each target. Pythons are those that are installed, and those of Debian's newest suite besides,
in the root folder of `tests.debian_pythons`. ziglang, a C compiler from the Python index, compiles
for an old glibc and for musl, for other processors too, so that no container is needed. Two builds
of one commit are equal byte for byte: times are those of the commit.

The checks are: each distribution is there, its metadata are valid and its contents complete,
compiled modules are stripped and need no newer system than the tag says, and what is installed from
the wheels only, without a compiler, passes the conformance kit.
Source: PEP 427, PEP 600, PEP 656, reproducible-builds.org (SOURCE_DATE_EPOCH).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from tests import pythons
from tests.debian_pythons.pythons import PYTHONS
from tests.debian_pythons.root import Root, UnavailableError
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
_CFLAGS = "-g0 -DNDEBUG -fwrapv -fno-strict-overflow"
_LDFLAGS = "-Wl,-s"
_DEBIAN = "debian:"


class ReleaseError(Exception):
    """A distribution that cannot be built, or that a check refuses; the text says which."""


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    shown: Sequence[str] = (),
) -> str:
    """Return what a command prints; ReleaseError with it if the command fails.

    :param shown: the command for the error, if it is not all of the words.
    """
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
        raise ReleaseError(f"{' '.join(shown or words)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def uv() -> list[str]:
    program = os.environ.get("UV") or shutil.which("uv")
    return [program] if program else [sys.executable, "-m", "uv"]


def _zig() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        raise ReleaseError("ziglang is not installed: uv run --group release")
    return Path(spec.submodule_search_locations[0]) / "zig"


# Pythons


@dataclass(frozen=True)
class Interpreter:
    """A Python that the core is compiled for, and that what was built is installed for.

    :ivar path: its program.
    :ivar root: the root folder that it is in, with Debian's packages; None for one of this machine.
    """

    path: str
    root: Root | None = None

    @classmethod
    def installed(cls, request: str) -> Interpreter:
        """Return a Python of this machine, as uv takes it: "3.12", "3.13.0", a path."""
        words = ("python", "find", "--no-python-downloads", "--system", request)
        return cls(pythons.uv(*words, env=pythons.environment()).strip())

    @classmethod
    def of_debian(cls, name: str) -> Interpreter:
        """Return a Python of Debian's newest suite, which is fetched if it is not there yet.

        :param name: as `tests.debian_pythons` has it, "3.14".
        :raises UnavailableError: it cannot be had.
        """
        for python in PYTHONS:
            if python.name == name:
                root = Root.default()
                root.make()
                return cls(python.bring(root, update=False)[0], root)
        raise UnavailableError("tests.debian_pythons has no such Python")

    def run(
        self,
        *command: str | Path,
        shared: Path,
        env: Mapping[str, str] | None = None,
        seen: Sequence[Path] = (),
    ) -> str:
        """Return what a command prints where this Python is; ReleaseError with it if it fails.

        :param shared: the folder that the command runs in, and that it may write to.
        :param seen: other folders that it reads.
        """
        if self.root is None:
            return run(*command, env=env, cwd=shared)
        words = [str(word) for word in command]
        line = self.root.command_with_uv(
            words,
            cwd=str(shared),
            env=env,
            seen={str(path): str(path) for path in seen},
            shared=[shared],
        )
        return run(*line, cwd=shared, shown=words)

    def uv(
        self,
        *words: str | Path,
        shared: Path,
        env: Mapping[str, str] | None = None,
        seen: Sequence[Path] = (),
    ) -> str:
        """Return what uv prints there."""
        program = uv() if self.root is None else ["uv"]
        return self.run(*program, *words, shared=shared, env=env, seen=seen)

    def headers(self, folder: Path) -> tuple[str, Path]:
        """Return its version ("3.12") and a copy of its C headers in a folder, without Debian's.

        All targets have the same sizes of types as this machine. Debian's ``pyconfig.h`` names
        another for each processor, which is outside the folder of headers.
        """
        folder.mkdir()
        code = (
            "import json, sys, sysconfig as s; print(json.dumps(['%d.%d' % sys.version_info[:2], "
            "s.get_path('include'), s.get_config_var('MULTIARCH') or '']))"
        )
        said = self.run(self.path, "-c", code, shared=folder)
        version, path, machine = json.loads(said.splitlines()[-1])
        include = (self.root.folder if self.root else Path("/")) / path.lstrip("/")
        copy = folder / "include"
        shutil.copytree(include, copy)
        own = include.parent / machine / include.name / "pyconfig.h"
        if own.exists():
            shutil.copy(own, copy)
        return version, copy


def interpreters(requests: Sequence[str], tell: Callable[[str], None]) -> dict[str, Interpreter]:
    """Return the Pythons that are asked for, by what asks for them.

    :param requests: as uv takes them, or ``debian:3.14``. None: of each minor version that is
        installed the newest, and those that `tests.debian_pythons` has besides, if they can be had.
    :param tell: takes a line for each that cannot be had.
    :raises ReleaseError: one that was asked for cannot be had.
    """
    local = requests or pythons.installed(pythons.environment())
    found = {each: Interpreter.installed(each) for each in local if not each.startswith(_DEBIAN)}
    installed = {".".join(each.split(".")[:2]) for each in found}
    names = [python.name for python in PYTHONS if "native" in python.layers]
    wanted = [each for each in requests if each.startswith(_DEBIAN)]
    if not requests:
        wanted = [f"{_DEBIAN}{name}" for name in names if name not in installed]
    for request in wanted:
        try:
            found[request] = Interpreter.of_debian(request.removeprefix(_DEBIAN))
        except UnavailableError as reason:
            if requests:
                raise ReleaseError(f"{request}: {reason}") from reason
            tell(f"no wheels for {request}: {reason}")
    return found


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
    out: Path,
    compiled_for: Iterable[Interpreter],
    targets: Sequence[Target],
    commit: str = "HEAD",
    optimization: int = 3,
) -> list[Path]:
    """Build everything of a commit into a folder; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="famsock-release-") as name:
        folder = Path(name)
        source, made = folder / "source", folder / "made"
        made.mkdir()
        epoch = export(commit, source)
        env = {"SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"}
        words = ("build", "-q", "--sdist", "--all-packages", "--out-dir", made)
        run(*uv(), *words, env=env, cwd=source)
        sdists = {parse_sdist_filename(p.name)[0]: p for p in made.glob("*.tar.gz")}
        for path in sdists.values():
            repack(path, int(epoch))
        core = sdists.pop(canonicalize_name(distributions.CORE))
        this = Interpreter(sys.executable)
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            for job in [workers.submit(_wheel, p, folder, this, env) for p in sdists.values()]:
                job.result()
        compile_core(core, folder, compiled_for, targets, env, optimization)
        files = [path for path in made.iterdir() if path.suffix in (".whl", ".gz")]
        return sorted(Path(shutil.copy2(path, out)) for path in files)


def compile_core(
    sdist: Path,
    folder: Path,
    compiled_for: Iterable[Interpreter],
    targets: Sequence[Target],
    env: Mapping[str, str],
    optimization: int = 3,
) -> None:
    """Build the wheels of the core beside its sdist, one for each Python and target.

    :param folder: a folder above the sdist, for what is needed meanwhile.
    :param optimization: the compiler's level, 1 to 3.
    """
    libraries = {target.tag: _link_with(target, folder) for target in targets}
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        jobs = []
        for number, python in enumerate(compiled_for):
            version, headers = python.headers(folder / f"headers-{number}")
            for target in targets:
                own = (f"-C=--build-option=--plat-name={target.tag}",)
                cross = {**env, **_cross(target, version, headers, libraries[target.tag])}
                cross["CFLAGS"] += f" -O{optimization}"
                jobs.append(workers.submit(_wheel, sdist, folder, python, cross, own))
        for job in jobs:
            job.result()


def _wheel(
    sdist: Path, folder: Path, python: Interpreter, env: Mapping[str, str], own: Sequence[str] = ()
) -> None:
    """Build a wheel beside its sdist, which is below the folder."""
    words = ("build", "-q", "--wheel", "--python", python.path, "--out-dir", sdist.parent)
    python.uv(*words, *own, sdist, shared=folder, env=env, seen=[_zig().parent])


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
    run(_zig(), "cc", *words, "-o", library, empty)
    return f" -nostdlib -Wl,--no-as-needed {library}"


def _cross(target: Target, version: str, headers: Path, link_with: str) -> dict[str, str]:
    """The environment in which setuptools compiles for a target and a version of Python."""
    compiler = f"{_zig()} cc -target {target.triple}"
    return {
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared{link_with}",
        "CFLAGS": f"{_CFLAGS} -I{headers}",
        "LDFLAGS": _LDFLAGS,
        "_PYTHON_HOST_PLATFORM": f"linux-{target.machine}",
        "SETUPTOOLS_EXT_SUFFIX": target.suffix(version),
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


def install(files: Sequence[Path], interpreter: Interpreter, folder: Path) -> Path:
    """Install all wheels into a clean environment; returns its Python.

    Ours come from the files, never from an index, where the names may be anybody's.
    """
    wheels = folder / "wheels"
    wheels.mkdir()
    for path in files:
        if path.suffix == ".whl":
            shutil.copy(path, wheels)
    environment = folder / "environment"
    interpreter.uv("venv", "-q", "--python", interpreter.path, environment, shared=folder)
    python = environment / "bin" / "python"
    pip = ("pip", "install", "-q", f"--python={python}", "--only-binary=:all:")
    names = [d.name for d in distributions.all_of()]
    ours = ("--no-index", "--no-deps", f"--find-links={wheels}")
    interpreter.uv(*pip, *ours, *names, shared=folder)
    interpreter.uv(*pip, *others(), shared=folder)
    interpreter.uv("pip", "check", "--python", python, shared=folder)
    return python


def others() -> list[str]:
    """Return the core's requirements, with the extras of the command line and of testing."""
    project = distributions.core().project
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *extras["cli"], *extras["testing"]]


def conform(interpreter: Interpreter, python: Path, sdists: Iterable[Path], folder: Path) -> str:
    """Run the conformance tests of the sdists against what is installed; pytest's last line."""
    if interpreter.run(python, "-c", _HERE, shared=folder, env=_CLEAN).strip() != "compiled":
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
    pytest = (python, "-m", "pytest", *options)
    said = interpreter.run(*pytest, *own, *tests, shared=folder, env=_CLEAN)
    return said.splitlines()[-1].strip("= ")


_CLEAN = {"PYTHONPATH": "", "FAMSOCK_PLUGINS": "", "FAMSOCK_SYSCALLS": ""}


def check_installed(files: Sequence[Path], found: Mapping[str, Interpreter]) -> Iterator[str]:
    sdists = [p for p in files if p.suffix == ".gz"]
    for request, interpreter in found.items():
        with tempfile.TemporaryDirectory(prefix="famsock-installed-") as name:
            python = install(files, interpreter, Path(name))
            said = conform(interpreter, python, sdists, Path(name))
            yield f"Python {request}, from wheels only: {said}"


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
        help="3.12, 3.13.0, a path, debian:3.14; default: of each minor version installed the "
        "newest, and Debian's besides",
    )
    top.add_argument("--target", "-t", action="append", choices=names, help="default: all")
    top.add_argument("--check", type=Path, metavar="FOLDER", help="build nothing")
    top.add_argument("--twice", action="store_true", help="build again, and compare")
    top.add_argument(
        "--optimization",
        type=int,
        choices=(1, 2, 3),
        default=3,
        help="the compiler's level; 1 for a trial, which ends sooner; default: 3",
    )
    top.add_argument("--no-install", action="store_true", help="leave out the clean environments")
    return top


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    started = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {line}", flush=True)

    targets = [t for t in TARGETS if not options.target or t.tag in options.target]
    try:
        found = interpreters(options.python or (), tell)
        if options.check:
            files = sorted(p for p in options.check.iterdir() if p.suffix in (".whl", ".gz"))
        else:
            if changed := run("git", "status", "--porcelain").strip():
                tell(f"not committed, and so left out:\n{changed}")
            shutil.rmtree(options.out, ignore_errors=True)
            files = build(options.out, found.values(), targets, optimization=options.optimization)
            tell(f"{len(files)} files in {options.out}")
        if options.twice:
            with tempfile.TemporaryDirectory(prefix="famsock-again-") as name:
                again = build(
                    Path(name), found.values(), targets, optimization=options.optimization
                )
                compare(digests(files), digests(again))
            tell("a second build is equal, byte for byte")
        for line in check(files):
            tell(line)
        if not options.no_install:
            for line in check_installed(files, found):
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
