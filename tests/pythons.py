"""``python -m tests.pythons``: the test suite on every installed Python, on both raw layers.

Usage::

    python -m tests.pythons                                   # all of it, on all of them
    python -m tests.pythons --newest --syscalls ctypes        # the newest one
    python -m tests.pythons --newest --brief                  # what differs most by Python
    python -m tests.pythons --python 3.12 --syscalls native -- plugins/unix -k bind
    python -m tests.pythons --program -- -m tests.upstream test_ssl
    python -m tests.pythons --resolution lowest-direct --newest    # the oldest dependencies allowed

uv finds the interpreters, pyenv's too, and makes each a virtual environment below ``.venvs``, which
may be deleted at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = (3, 11)
LAYERS = ("native", "ctypes")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tests.pythons",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        *("--python", "-p"),
        action="append",
        metavar="REQUEST",
        help="as uv takes it: 3.12, 3.13.0, 3.13t, a path; default: of each minor version that is "
        "installed the newest release",
    )
    top.add_argument("--newest", action="store_true", help="of those, only the last")
    top.add_argument(
        "--resolution",
        choices=("highest", "lowest-direct"),
        help="which versions of the dependencies, as uv takes it: the lowest that each "
        "pyproject.toml allows, or the newest there are; default: those of uv.lock",
    )
    top.add_argument("--syscalls", action="append", choices=LAYERS, help="default: both")
    top.add_argument("--brief", action="store_true", help="what differs most, for CI")
    top.add_argument("--program", action="store_true", help="ARGs are for python, not for pytest")
    top.add_argument("rest", nargs="*", metavar="ARG", help="after --; default: the whole suite")
    return top


def uv(*arguments: str, env: Mapping[str, str]) -> str:
    """Return what uv prints; its complaints go to stderr."""
    program = os.environ.get("UV") or shutil.which("uv")
    command = [program] if program else [sys.executable, "-m", "uv"]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def environment() -> dict[str, str]:
    """The environment in which uv finds everything: pyenv hides what is not asked for."""
    found = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if pyenv := shutil.which("pyenv"):
        command = [pyenv, "versions", "--bare"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found["PYENV_VERSION"] = ":".join(done.stdout.split())
    return found


def newest_of_each(listing: str) -> list[str]:
    """Of each minor version in uv's JSON the newest release that the suite is for, oldest first."""
    versions = {
        tuple(row["version_parts"].values())
        for row in json.loads(listing)
        if (row["implementation"], row["variant"]) == ("cpython", "default")
    }
    newest = {version[:2]: version for version in sorted(versions) if version[:2] >= OLDEST}
    return [".".join(map(str, version)) for version in newest.values()]


def installed(env: Mapping[str, str]) -> list[str]:
    listing = ("python", "list", "--only-installed", "--output-format", "json")
    return newest_of_each(uv(*listing, env=env))


def make(request: str, env: Mapping[str, str], *options: str, name: str = "") -> Path:
    """The interpreter of the virtual environment of a Python, brought up to date.

    ``options`` are more of ``uv sync``'s. ``name`` is the environment's, the request by default.
    """
    place = ROOT / ".venvs" / (name or re.sub(r"[^\w.]+", "-", request).strip("-"))
    env = {**env, "UV_PROJECT_ENVIRONMENT": str(place)}
    uv("sync", "-q", "--python", request, *options, env=env)
    return place / "bin" / "python"


def make_resolved(request: str, env: Mapping[str, str], resolution: str) -> Path:
    """The same with other versions of the dependencies; ``uv.lock`` stays as it is."""
    lock = ROOT / "uv.lock"
    before = lock.read_bytes() if lock.exists() else None
    options = ("--resolution", resolution, "--upgrade")
    try:
        return make(request, env, *options, name=f"{request}-{resolution}")
    finally:
        if before is None:
            lock.unlink(missing_ok=True)
        else:
            lock.write_bytes(before)


def run(python: Path, layer: str, arguments: Sequence[str]) -> int:
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    path = f"{python.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    env |= {"FAMSOCK_SYSCALLS": layer, "PATH": path}
    return subprocess.run([python, *arguments], cwd=ROOT, env=env, check=False).returncode


def brief() -> list[str]:
    """Return pytest's arguments for the tests that `tests.debian_pythons --brief` runs."""
    from tests.debian_pythons.__main__ import of_all
    from tests.debian_pythons.pythons import PYTHONS

    return of_all(PYTHONS[0], brief=True)


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    rest = ["-q", *brief()] if options.brief else options.rest
    command = [*([] if options.program else ["-m", "pytest"]), *rest]
    env = environment()
    results = {}
    requests = options.python or installed(env)
    for request in requests[-1:] if options.newest else requests:
        python = (
            make_resolved(request, env, options.resolution)
            if options.resolution
            else make(request, env)
        )
        for layer in options.syscalls or LAYERS:
            print(f"== Python {request}, {layer}: python {' '.join(command)}", flush=True)
            started = time.monotonic()
            status = run(python, layer, command)
            word = f"FAILED ({status})" if status else "passed"
            results[f"Python {request}, {layer}"] = f"{word}, {time.monotonic() - started:.0f} s"
    for name, result in results.items():
        print(f"== {name}: {result}")
    return int(any("FAILED" in result for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
