"""Choice of the raw layer's implementation, which a program may make."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import famsock
from famsock import _calls
from tests.programs import run

_SAY = "import famsock, sys; from famsock import _calls; print(_calls.implementation())"


def _run(code: str, wanted: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FAMSOCK_SYSCALLS": wanted}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_ctypes_by_wish() -> None:
    assert _run(_SAY, "ctypes").stdout == "ctypes\n"


def test_compiled_where_it_was_built() -> None:
    built = "import famsock._calls.native"
    if _run(built, "ctypes").returncode:
        assert "install famsock again" in _run(_SAY, "native").stderr
        assert _run(_SAY, "").stdout == "ctypes\n"
    else:
        assert _run(_SAY, "native").stdout == "compiled\n"
        assert _run(_SAY, "").stdout == "compiled\n"


def test_a_wish_that_nobody_knows() -> None:
    said = _run(_SAY, "rust").stderr
    assert "ImportError: FAMSOCK_SYSCALLS must be 'ctypes' or 'native', not 'rust'" in said


def test_no_layer_holds_a_member_of_an_enum() -> None:
    """An enum's arithmetic on a path of sending or receiving costs more than the system call."""
    code = """
import enum
from famsock._calls import (
    address_cache, ancillary, arguments, calls, converter, interfaces, layout, native, python,
)
modules = [
    address_cache, ancillary, arguments, calls, converter, interfaces, layout, python,
    *([native] if native is not None else []),
]
print(len(modules), [
    f"{module.__name__}.{name}"
    for module in modules for name, value in vars(module).items() if isinstance(value, enum.Enum)
])
"""
    done = _run(code, "")
    assert done.stdout in ("8 []\n", "9 []\n"), done.stdout + done.stderr


@pytest.mark.parametrize("wanted", ["", "ctypes"])
def test_import_loads_no_ctypes(wanted: str) -> None:
    code = "import sys, famsock; print('ctypes' in sys.modules, '_ctypes' in sys.modules)"
    assert _run(code, wanted).stdout == "False False\n"


# Without the compiled module: a tree of links to famsock, but for what is in question


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with famsock as it is here, without its compiled module; its `_calls`."""
    core = Path(famsock.__file__).parent
    calls = tmp_path / "famsock" / "_calls"
    calls.mkdir(parents=True)
    for path in core.iterdir():
        if path.name not in ("_calls", "__pycache__"):
            (calls.parent / path.name).symlink_to(path)
    for path in (core / "_calls").iterdir():
        if not path.name.startswith(("native.", "__pycache__")):
            (calls / path.name).symlink_to(path)
    return calls


_WHY = """
import famsock
from famsock import _calls
print(_calls.implementation())
print(_calls.why_ctypes)
sock = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
print(sock.local_address.host)
sock.close()
"""


def _why(tree: Path, before: str = "") -> str:
    """Return why ctypes serves a program that imports famsock from a tree; it must work."""
    lines = run(f"{before}\n{_WHY}", "-P", PYTHONPATH=str(tree.parents[1]), FAMSOCK_SYSCALLS="")
    layer, why, host = lines.splitlines()
    assert (layer, host) == ("ctypes", "127.0.0.1")
    return why


def test_without_the_compiled_module_the_reason_is_its_installation(tree: Path) -> None:
    assert _why(tree) == (
        "famsock was installed without its compiled layer; to compile it, install famsock again "
        "where there is a C compiler"
    )


def test_a_compiled_module_for_another_python(tree: Path) -> None:
    (tree / "native.cpython-399-x86_64-linux-gnu.so").write_bytes(b"")
    assert _why(tree) == (
        "the compiled layer is for another Python (native.cpython-399-x86_64-linux-gnu.so): "
        "install famsock again for this one"
    )


def test_another_implementation_of_python_is_offered_no_compiler(tree: Path) -> None:
    why = _why(tree, "import sys; sys.implementation.name = 'pypy'")
    assert why == "the compiled layer is for CPython, and this is pypy"


def test_a_compiled_module_that_does_not_load(tree: Path) -> None:
    (tree / f"native{EXTENSION_SUFFIXES[0]}").write_bytes(b"no library")
    why = _why(tree)
    assert why.startswith("the compiled layer cannot be loaded: ImportError: ")
    assert "compiler" not in why


_NAMES = "\n".join(f"def {name}(): pass" for name in (*_calls.CALLS, "Calls", "Converter"))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (f"VERSION = '0.0.9'\n{_NAMES}", "is of version 0.0.9, and famsock is"),
        (_NAMES, "is of version unknown, and famsock is"),
        (
            f"import famsock\nVERSION = famsock.__version__\n{_NAMES}",
            f"is of another {famsock.__version__}, without AddressCache, and famsock is",
        ),
        ("from famsock._calls import gone", "cannot be loaded: ImportError: cannot import name"),
        ("raise TypeError('old')", "cannot be loaded: TypeError: old"),
    ],
)
def test_a_compiled_module_that_another_version_left(tree: Path, source: str, says: str) -> None:
    (tree / "native.py").write_text(source)
    assert says in _why(tree)


def test_a_wish_for_a_compiled_module_of_another_version_is_refused(tree: Path) -> None:
    (tree / "native.py").write_text("VERSION = '0.0.9'")
    code = "try: import famsock\nexcept ImportError as error: print(error)"
    said = run(code, "-P", PYTHONPATH=str(tree.parents[1]), FAMSOCK_SYSCALLS="native")
    assert "is of version 0.0.9" in said


def test_a_subinterpreter_is_offered_no_compiler() -> None:
    """It has the compiled layer, or the reason is the interpreter's own."""
    code = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import famsock, os, sys
reading, writing = os.pipe()
inner = f'''
import os, famsock
from famsock import _calls
os.write({writing}, f"{{_calls.implementation()}}; {{_calls.why_ctypes}}".encode())
'''
interpreters.run_string(interpreters.create(), inner)
print(os.read(reading, 1000).decode())
"""
    layer, _, why = run(code, FAMSOCK_SYSCALLS="").partition("; ")
    assert (layer, why) == ("compiled", "") or "compiler" not in why


def test_the_compiled_module_is_stamped() -> None:
    if _calls.native is not None:
        assert famsock.__version__ == _calls.native.VERSION
