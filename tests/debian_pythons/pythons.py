"""The Pythons, and the tests that run on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.debian_pythons.root import SUITE, Root
from tests.debian_pythons.sources import built
from tests.debian_pythons.tree import ROOT

LAYERS = ("native", "ctypes")


@dataclass(frozen=True)
class Python:
    """A Python that Debian has, and what runs there.

    :ivar packages: its packages, the interpreter's first; for a build the source package.
    :ivar program: the interpreter's path in the root folder; "" for a build.
    :ivar tests: patterns of the folders and files of tests.
    :ivar brief: patterns of those that are most likely to differ.
    :ivar suite: the suite with the source package, for a build.
    :ivar without: packages of the environment that have no wheel for it and need other compilers.
    """

    name: str
    packages: tuple[str, ...]
    program: str
    layers: tuple[str, ...]
    tests: tuple[str, ...]
    brief: tuple[str, ...]
    suite: str = ""
    without: tuple[str, ...] = ()

    def bring(self, root: Root, *, update: bool) -> tuple[str, str]:
        """Have the interpreter installed; return its path in the root folder and its version."""
        if self.suite:
            return built(root, self.name, self.packages[0], self.suite, update=update)
        root.install(self.packages, update=update)
        return self.program, root.version(self.packages[0])


# What differs by Python: calls, arguments and their errors, buffers, classes, the start and the end
# of processes. The others look at the repository, its documents, types and C headers.
_CONFORMANCE = "plugins/*/tests/test_*_conformance.py"
_DIFFERS = ("tests/calls", "tests/test_*.py", "plugins/inet", "plugins/unix", _CONFORMANCE)
ALIKE = (
    *("benchmarks", "benchmarks_lab", "cli_*", "collection", "core_headers", "dependencies"),
    *("documentation", "layout", "platforms", "public_names", "pythons", "reference_examples"),
    *("references", "rows", "type_hints", "typed_errors", "validation"),
)
# Calls, argument errors, signatures, the start, run, multiprocessing, the registry, INET and UNIX;
# Bluetooth, whose forms of addresses and errors are those of the Python.
_DIFFERS_MOST = (
    "tests/calls",
    *(
        f"tests/test_{name}.py"
        for name in (
            *("aio", "audit", "discovery", "dropin", "first_use", "imports", "init", "interface"),
            *("lazy", "multiprocessing", "registry", "run", "sitecustomize", "snapshot"),
            *("socket_classes", "sockets"),
        )
    ),
    "plugins/bluetooth/tests/test_bluetooth_conformance.py",
    *("plugins/inet", "plugins/unix"),
)


def files_of(forms: Sequence[str], top: Path = ROOT) -> list[str]:
    """Return the folders and files of tests that patterns name, without those that are alike."""
    left_out = {path for name in ALIKE for path in top.glob(f"tests/test_{name}.py")}
    found = {path: None for form in forms for path in sorted(top.glob(form))}
    return [
        str(path.relative_to(top))
        for path in found
        if path not in left_out and not any(folder in found for folder in path.parents)
    ]


def _cpython(version: str) -> Python:
    name = f"python{version}"
    packages = (name, f"{name}-venv", f"{name}-dev", f"lib{name}-testsuite")
    return Python(version, packages, f"/usr/bin/{name}", LAYERS, _DIFFERS, _DIFFERS_MOST)


# PyPy has only ctypes' layer: import, surface, registry, calls, INET and UNIX. A test takes several
# times as long there as on CPython.
_ON_PYPY = (
    "tests/test_stdlib_names.py",
    *("tests/test_init.py", "tests/test_dropin.py", "tests/test_interface.py"),
    *("tests/test_registry.py", "tests/test_discovery.py", "tests/test_sockets.py"),
    *("tests/test_socket_classes.py", "tests/calls/test_calls.py", "tests/calls/test_batches.py"),
    *("tests/calls/test_connections_and_datagrams.py", "tests/calls/test_buffers.py"),
    *("tests/calls/test_descriptors.py", "plugins/inet", "plugins/unix"),
)
_MOST_ON_PYPY = (
    "tests/test_stdlib_names.py",
    *("tests/test_init.py", "tests/test_dropin.py", "tests/test_interface.py"),
    *(
        "tests/test_registry.py",
        "tests/test_discovery.py",
        "plugins/unix/tests/test_unix_addresses.py",
    ),
    *(f"plugins/inet/tests/test_inet_{name}.py" for name in ("addresses", "sockets")),
)
_WITHOUT_WHEELS = (
    *("aioquic", "can-isotp", "cryptography", "mypy", "msgpack", "pylsqpack", "python-can"),
    *("twisted", "wrapt", "zope-interface"),
)
PYTHONS = (
    _cpython("3.14"),
    _cpython("3.15"),
    Python("pypy3.11", ("pypy3",), "/usr/bin/pypy3.11", ("ctypes",), _ON_PYPY, _MOST_ON_PYPY),
)
BUILT = (
    Python(
        "3.13t", ("python3.13",), "", LAYERS, _DIFFERS, _DIFFERS_MOST, "trixie", _WITHOUT_WHEELS
    ),
    Python("3.14t", ("python3.14",), "", LAYERS, _DIFFERS, _DIFFERS_MOST, SUITE, _WITHOUT_WHEELS),
)
"""Free-threaded ones, which only run when they are asked for."""
