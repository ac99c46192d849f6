"""``famsock run``: a program runs as Python itself would run it, on famsock's sockets.

`PROGRAMS` are run by ``python`` and by ``famsock run``, in one folder that is made again for each
run. Output, exit status and files must be equal, but for what `without_exceptions` names. Other
exceptions, which the programs do not look at: the variable PYTHONPATH; a finder for `socket` in
``sys.meta_path`` until it is imported; the modules and folders that famsock loads then; the notes
and frames of the errors of sockets.
"""

from __future__ import annotations

import os
import py_compile
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from famsock import _run

# -I, as the command is another Python, which would run a `sitecustomize` too.
FAMSOCK = (sys.executable, "-I", "-m", "famsock", "run")
PATIENCE_S = 120
CORE = Path(_run.__file__).parents[1]

STATE = """
import sys
spec = __spec__
print(__name__, __file__, __package__, __cached__, type(__loader__).__name__)
print(spec and (spec.name, spec.origin, spec.parent, spec.loader is __loader__))
print(sys.argv, sys.orig_argv[1:], sys.path, sorted(globals()))
"""
FOUND = "\nimport socket\nprint(socket.__file__, socket.__loader__ is socket.__spec__.loader)\n"
IMPORTS = "import socket\n"


@dataclass(frozen=True)
class Program:
    """A program: its arguments, its files by name, its standard input, and its variables."""

    arguments: tuple[str | bytes, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    input: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def code(text: str, *arguments: str, **more: str) -> Program:
    """A program in a file, with further files by the name of their module."""
    files = {"program.py": text, **{f"{name}.py": body for name, body in more.items()}}
    return Program(("program.py", *arguments), files)


INTERRUPTED = """
import atexit, os, signal, socket, sys, tempfile, time
folder = tempfile.TemporaryDirectory(dir=".", prefix="folder-")
out = open("buffered", "w")
out.write("buffered")
atexit.register(print, "atexit", flush=True)
try:
    os.kill(os.getpid(), signal.{name})
    time.sleep(60)
finally:
    print("finally", flush=True)
"""
IN_CHILDREN = """
import multiprocessing, socket, sys

def told(number):
    return number, sys.argv, __name__, socket.socket(socket.AF_UNIX).family

if __name__ == "__main__":
    with multiprocessing.get_context("{method}").Pool(1) as pool:
        print(pool.map(told, [1, 2]))
"""
POOL = """
import concurrent.futures, multiprocessing, pickle, socket

class Mine(Exception):
    pass

def fail(text):
    raise Mine(text)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            pool.submit(fail, "why").result()
        except Mine as error:
            print(repr(error))
"""
DAEMONIC = """
import multiprocessing, os, socket, sys, time

def child(ready):
    ready.set()
    time.sleep(60)

if __name__ == "__main__":
    ready = multiprocessing.Event()
    process = multiprocessing.Process(target=child, args=(ready,), daemon=True)
    process.start()
    ready.wait()
    with open("pid", "w") as file:
        file.write("written")
    sys.exit(3)
"""
ASYNCIO = """
import asyncio, os

async def serve(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\\n")
    print(await reader.read())
    writer.close()
    server.close()

asyncio.run(main())
"""
LATE = """
import atexit, pickle, socket, threading, time

class Mine:
    pass

def late():
    print(type(pickle.loads(pickle.dumps(Mine()))) is Mine, flush=True)

thread = threading.Thread(target=lambda: (time.sleep(0.1), late()))
thread.start()
atexit.register(late)
"""
SYSTEM = """
import gc, locale, os, signal, socket, sys, threading, warnings
print(sys.flags, sys.executable, sys.prefix, sys.getrecursionlimit(), sys.dont_write_bytecode)
print(sys.warnoptions, sys._xoptions, sys.stdout.encoding, sys.stdout.errors)
print(sys.stdout.line_buffering, sys.stderr.line_buffering, sys.stdin.encoding)
print({number: str(signal.getsignal(number)) for number in signal.valid_signals()})
print(gc.get_threshold(), gc.isenabled(), threading.active_count(), locale.getlocale())
for number in range(256):  # libffi, of ctypes, may keep its own file open
    try:
        if "libffi" not in os.readlink(f"/proc/self/fd/{number}"):
            print(os.fstat(number).st_mode, os.get_inheritable(number))
    except OSError:
        pass
print(os.getcwd(), sys.gettrace(), sys.excepthook.__module__)
print(sys.path_hooks, warnings.filters)
"""
NO_SOCKET = """
import sys
print(sorted(sys.modules), sys.path_hooks, sorted(sys.path_importer_cache))
"""
OWN_CLICK = "import socket, click\nprint(click.mine)\n"
UNRAISABLE = """
import socket, threading

class Loud:
    def __del__(self):
        raise ValueError("in __del__")

def fail():
    raise KeyError("in a thread")

thread = threading.Thread(target=fail, name="failing")
thread.start()
thread.join()
kept = Loud()
del kept
last = Loud()
"""
NESTED = """
import socket, subprocess, sys
child = "import sys, socket; print(sys.argv, sys.path, __name__)"
for options in [], ["-I"], ["-S"]:
    subprocess.run([sys.executable, *options, "-c", child, "argument"], check=True)
subprocess.run([sys.executable, "-c", child], env={}, check=True)
"""
BROKEN_PIPE = """
import os, socket, sys
read, write = os.pipe()
os.dup2(write, 1)
os.close(read)
os.close(write)
print("nobody reads")
"""
ENVIRON = """
import os, socket
os.environ["PYTHONPATH"] = "other"
print(sorted(set(os.environ) - {"PYTHONPATH"}))
os.execvp("sh", ["sh", "-c", "echo $PYTHONPATH $ITS_OWN"])
"""

PROGRAMS: dict[str, Program] = {
    "file": code(STATE + FOUND, "--flag", "-m", "x", ""),
    "file, socket not imported": code(NO_SOCKET),
    "module": Program(("-m", "program", "-c", "x"), {"program.py": STATE + FOUND}),
    "package": Program(
        ("-m", "package", "x"), {"package/__init__.py": "", "package/__main__.py": STATE + FOUND}
    ),
    "module in a package": Program(
        ("-m", "package.part"),
        {"package/__init__.py": IMPORTS, "package/part.py": STATE},
    ),
    "folder": Program(("./folder", "x"), {"folder/__main__.py": STATE + FOUND}),
    "zip file": Program(("archive.zip", "x"), {"archive.zip!__main__.py": STATE + FOUND}),
    "pyz file": Program(("archive.pyz",), {"archive.pyz!__main__.py": STATE + FOUND}),
    "byte code": Program(("compiled.pyc",), {"compiled.pyc!": STATE + FOUND}),
    "command": Program(("-c", STATE.replace("__file__, ", "") .replace("__cached__, ", ""), "x")),
    "standard input": Program(("-", "x"), input="import socket, sys; print(sys.argv, sys.path)"),
    "no socket": Program(("-c", "print(1)")),
    "file in a folder": Program(
        ("folder/program.py",),
        {"folder/program.py": STATE + "import beside", "folder/beside.py": "print('beside')"},
    ),
    "other folder": code(
        "import os, socket, sys\nos.chdir('/')\nprint(open(__file__).read(), sys.path[0])"
    ),
    "module after another folder": Program(
        ("archive.zip",),
        {
            "archive.zip!__main__.py": "import os, socket\nos.chdir('/')\nimport part",
            "archive.zip!part.py": "print(__file__)",
        },
    ),
    "reads its input": Program(
        ("program.py",), {"program.py": "import socket\nprint(input(), input())"}, "one\ntwo\n"
    ),
    "exits": code("import socket, sys\nsys.exit(7)"),
    "exits with a text": code("import socket, sys\nsys.exit('why')"),
    "traceback": code("import socket\ndef f():\n    raise KeyError('mine')\nf()"),
    "traceback with a cause": code(
        "import socket\ntry:\n    1 / 0\nexcept Exception as e:\n    raise OSError(1, 'x') from e"
    ),
    "error of a socket": code(
        "import socket\ntry:\n    socket.socket(socket.AF_UNIX).connect('./not-there')\n"
        "except OSError as error:\n    print(type(error), error.args, error)"
    ),
    "syntax error": code("import socket\nprint('a' 1)\n"),
    "syntax error in a module": code("import socket, part\n", part="def f(:\n"),
    "wrong encoding": Program(("program.py",), {"program.py": "# coding: nothing\n"}),
    "no such file": Program(("nothing.py",)),
    "no such module": Program(("-m", "nothing.at.all")),
    "package without main": Program(("-m", "package"), {"package/__init__.py": IMPORTS}),
    "no such option": Program(("-y",)),
    "interrupted": code(INTERRUPTED.format(name="SIGINT")),
    "terminated": code(INTERRUPTED.format(name="SIGTERM")),
    "killed": code(INTERRUPTED.format(name="SIGKILL")),
    "KeyboardInterrupt": code("import socket\nraise KeyboardInterrupt"),
    "hook for exceptions": code(
        "import socket, sys\nsys.excepthook = lambda *e: print(e)\nraise ValueError"
    ),
    "main outlasts the program": code(LATE),
    "unraisable": code(UNRAISABLE),
    "fork": code(IN_CHILDREN.format(method="fork")),
    "spawn": code(IN_CHILDREN.format(method="spawn"), "argument"),
    "forkserver": code(IN_CHILDREN.format(method="forkserver")),
    "spawn of a module": Program(
        ("-m", "package.part"),
        {"package/__init__.py": "", "package/part.py": IN_CHILDREN.format(method="spawn")},
    ),
    "process pool": code(POOL),
    "daemonic child": code(DAEMONIC),
    "children": code(NESTED),
    "broken pipe": code(BROKEN_PIPE),
    "own click": code(OWN_CLICK, click="mine = 'mine'"),
    "own attr and pluggy": code(
        "import socket, attr, pluggy\nprint(attr, pluggy)", attr="x = 1", pluggy="x = 1"
    ),
    "own sitecustomize": Program(
        ("program.py",),
        {
            "own/sitecustomize.py": "import sys\nprint('mine', __name__, __file__, sys.path)",
            "program.py": "import socket, sitecustomize\nprint(sitecustomize.__spec__)",
        },
        variables={"PYTHONPATH": "own"},
    ),
    "own sitecustomize imports socket": Program(
        ("-c", "import socket; print(socket.SOCK_STREAM)"),
        {"own/sitecustomize.py": "import socket\nprint(socket.AF_INET)"},
        variables={"PYTHONPATH": "own"},
    ),
    "own sitecustomize fails": Program(
        ("-c", "import socket, sys; print('sitecustomize' in sys.modules)"),
        {"own/sitecustomize.py": "import socket\nraise ValueError('mine')"},
        variables={"PYTHONPATH": "own"},
    ),
    "own sitecustomize lacks a module": Program(
        ("-c", "print(1)"),
        {"own/sitecustomize.py": "import nothing_here"},
        variables={"PYTHONPATH": "own"},
    ),
    "own usercustomize": Program(
        ("-c", "import socket"),
        {"own/usercustomize.py": "print('mine')"},
        variables={"PYTHONPATH": "own"},
    ),
    "several folders": Program(
        ("-c", "import socket, part, sys; print(part.__file__, sys.path)"),
        {"two/part.py": ""},
        variables={"PYTHONPATH": "one:two:"},
    ),
    "system": code(SYSTEM),
    "options": Program(
        ("-W", "error", "-X", "utf8=1", "-OBu", "program.py"), {"program.py": SYSTEM}
    ),
    "warning": Program(("-Walways", "program.py"), {"program.py": "import socket, warnings\n"
                       "warnings.warn('mine', DeprecationWarning)"}),
    "unclosed socket": Program(
        ("-Walways", "-c", "import socket; sock = socket.socket(socket.AF_UNIX); sock.close()")
    ),
    "interactive": Program(
        ("-i", "-q", "program.py"),
        {"program.py": "import socket\nraise KeyError('mine')"},
        "import sys\nprint(repr(sys.last_value), __name__)\n",
    ),
    "not text": Program(("-c", "import socket, sys; print(ascii(sys.argv))", b"\xff\xfe\n")),
    "module of the stdlib": Program(("-m", "json.tool", "--sort-keys"), input='{"b": 1, "a": 2}'),
    "unittest": Program(
        ("-m", "unittest", "-q", "tests.py"),
        {"tests.py": "import socket, unittest\nclass T(unittest.TestCase):\n"
         "    def test(self): self.assertEqual(socket.socket, 1)"},
    ),
    "link": Program(("link.py",), {"folder/program.py": STATE, "link.py@": "folder/program.py"}),
    "asyncio": code(ASYNCIO),
    "environment": Program(
        ("program.py",), {"program.py": ENVIRON}, variables={"ITS_OWN": "variable"}
    ),
    "PYTHONSAFEPATH": Program(
        ("program.py",),
        {"program.py": STATE + FOUND},
        variables={"PYTHONSAFEPATH": "1"},
    ),
}  # fmt: skip


def write(program: Program, folder: Path) -> None:
    for name, text in program.files.items():
        path, archive, member = name.partition("!")
        place = folder / path.removesuffix("@")
        place.parent.mkdir(parents=True, exist_ok=True)
        if member:
            with zipfile.ZipFile(place, "a") as file:
                file.writestr(zipfile.ZipInfo(member), text)
        elif archive:
            source = folder / "source.py"
            source.write_text(text)
            py_compile.compile(str(source), str(place), "source.py", doraise=True)
            source.unlink()
        elif path.endswith("@"):
            place.symlink_to(text)
        else:
            place.write_text(text)


@dataclass(frozen=True)
class Outcome:
    """All of a program that can be seen from outside."""

    status: int
    output: str
    errors: str
    files: tuple[str, ...]


def outcome(command: tuple[str | bytes, ...], program: Program, folder: Path) -> Outcome:
    """Run the command with the program's arguments in its folder, made for this run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write(program, folder)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *program.arguments],
        cwd=folder,
        env={**variables, **program.variables},
        input=program.input.encode(),
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    files = tuple(
        f"{str(path.relative_to(folder)).partition('-')[0]} {path.stat().st_size}"
        for path in sorted(folder.rglob("*"))
    )
    return Outcome(
        done.returncode,
        without_exceptions(done.stdout.decode(errors="replace")),
        without_exceptions(done.stderr.decode(errors="replace")),
        files,
    )


def without_exceptions(text: str) -> str:
    """Return an output without what may differ: famsock's class and folders, addresses, times."""
    text = re.sub(r"famsock\._sockets\.socket|socket\.socket", "socket", text)
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    text = re.sub(r"in [0-9.]+s\b", "in s", text)
    return re.sub(rf", '{re.escape(str(CORE))}[^']*'", "", text)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_runs_as_under_python(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    expected = outcome((sys.executable,), program, folder)
    assert outcome(FAMSOCK, program, folder) == expected


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FAMSOCK, *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


CLASS = "import socket, sys; print(socket.socket.__module__, flush=True)"
OF_CHILDREN = """
import concurrent.futures, multiprocessing, os, socket, subprocess, sys

def told(_):
    return socket.socket.__module__

if __name__ == "__main__":
    print(told(0), flush=True)
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(*pool.map(told, [0]), flush=True)
        with concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context(method)
        ) as pool:
            print(*pool.map(told, [0]), flush=True)
    for options in [], ["-W", "error"], ["-P"]:
        subprocess.run([sys.executable, *options, "-c", {child!r}], check=True)
    if os.fork():
        os.wait()
    else:
        os.execv(sys.executable, [sys.executable, "-c", {child!r}])
""".replace("{child!r}", repr(CLASS))


def test_every_child_has_famsock(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(OF_CHILDREN)
    done = run(tmp_path, "program.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["famsock._sockets"] * (1 + 2 * 3 + 4)


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_children_that_are_the_stdlibs(option: str, tmp_path: Path) -> None:
    """The options that docs/frameworks.md names."""
    child = f"import subprocess, sys; subprocess.run([sys.executable, {option!r}, '-c', {CLASS!r}])"
    assert run(tmp_path, "-c", child).stdout == "socket\n"


@pytest.mark.parametrize(
    "options", [("-I",), ("-E",), ("-S",), ("-uS",), ("-W", "error", "-BI"), ("-Werror", "-E")],
    ids=" ".join,
)  # fmt: skip
def test_options_without_the_startup_file_are_refused(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(tmp_path, *options, "-c", CLASS)
    assert done.returncode == 2
    assert done.stderr.startswith("famsock run: with -")
    assert done.stdout == ""


@pytest.mark.parametrize(
    "options",
    [("-WI",), ("-W", "ignore::ImportWarning:S"), ("-X", "dev"), ("-u", "-cI = 1")],
    ids=" ".join,
)
def test_values_of_options_are_not_taken_for_options(options: tuple[str, ...]) -> None:
    assert _run._option_without_startup([*options, "-c", "-I"]) == ""


def test_commands_are_looked_up_on_path(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "program"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{CLASS}; print(sys.argv)")
    program.chmod(0o755)
    done = run(tmp_path, "program", "-m", "x", PATH=f"{program.parent}:/usr/bin:/bin")
    assert done.stdout == f"famsock._sockets\n['{program}', '-m', 'x']\n", done.stderr
    done = run(tmp_path, "sh", "-c", f"{sys.executable} -c '{CLASS}'; exit 5")
    assert (done.returncode, done.stdout) == (5, "famsock._sockets\n")


def test_a_command_that_is_not_there_names_both_readings(tmp_path: Path) -> None:
    done = run(tmp_path, "no-program")
    assert done.returncode == 127
    assert done.stderr == (
        "famsock run: no command 'no-program' on PATH; for a file or folder of this name say "
        "./no-program\n"
    )
    (tmp_path / "no-program").mkdir()
    assert "./no-program, which is there\n" in run(tmp_path, "no-program").stderr


@pytest.mark.parametrize("text", ["#!/no/interpreter\n", "no program\n"], ids=["missing", "text"])
def test_a_command_that_cannot_be_executed(text: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(text)
    program.chmod(0o755)
    done = run(tmp_path, "program", PATH=str(tmp_path))
    assert done.returncode == 126
    assert f"{program} cannot be executed: " in done.stderr


def test_signals_that_python_ignores_are_the_programs_own(tmp_path: Path) -> None:
    """A program that is killed by SIGPIPE under a shell is killed here."""
    done = run(tmp_path, "sh", "-c", "exec 3>&1; { kill -PIPE $$; echo alive; } 2>&1")
    assert done.returncode == -signal.SIGPIPE
    assert done.stdout == ""


def test_a_usage(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert (done.returncode, done.stdout) == (0, _run.USAGE)
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (2, _run.USAGE)


def test_it_needs_no_click(tmp_path: Path) -> None:
    for name in ("click", "rich"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')")
    command = [sys.executable, "-m", "famsock", "run", "-c", CLASS]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.stdout == "famsock._sockets\n", done.stderr


@pytest.mark.parametrize(
    ("given", "added"),
    [({}, ""), ({"PYTHONPATH": ""}, ""), ({"PYTHONPATH": "one:two:"}, ":one:two:")],
)
def test_the_folder_is_put_in_front_of_pythonpath(given: dict[str, str], added: str) -> None:
    variables = _run.environment({"OTHER": "1", **given})
    assert variables == {"OTHER": "1", "PYTHONPATH": f"{CORE / '_run' / 'startup'}{added}"}
    assert _run.environment(variables) == variables
