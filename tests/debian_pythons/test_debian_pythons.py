"""Root folders of Debian leave nothing behind, and the closing table tells what came of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest
from rich.console import Console

from tests import matrix
from tests.debian_pythons import __main__ as command
from tests.debian_pythons import root as roots
from tests.debian_pythons.pythons import ALIKE, BUILT, PYTHONS, Python, files_of
from tests.debian_pythons.report import Result, read_junit, table
from tests.debian_pythons.root import Root, UnavailableError
from tests.debian_pythons.tree import ROOT, copy_worktree

JUNIT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure message="no"/></testcase>
<testcase classname="a" name="two"><error message="nor its teardown"/></testcase>
<testcase classname="a" name="three"><skipped message="needs
  a kernel"/></testcase>
<testcase classname="b" name="three"><skipped message="needs a kernel"/></testcase>
<testcase classname="b" name="four"><skipped message="needs root"/></testcase>
</testsuite></testsuites>"""


def mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in lines if str(folder) in line]


def processes_with(word: str) -> list[int]:
    """The processes with a word in their command line, our own apart."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:  # it has ended
            continue
        if word.encode() in line and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    """A root folder that has this machine's programs."""
    folder = tmp_path / "root"
    folder.mkdir()
    yield Root(folder)
    assert mounts_below(tmp_path) == []


def programs() -> dict[str, str]:
    """Paths of the machine that a root folder must see to run its programs."""
    names = ("/bin", "/lib", "/lib64", "/usr")
    return {name: os.path.realpath(name) for name in names if os.path.exists(name)}


needs_root = pytest.mark.needs_capability("CAP_SYS_ADMIN")


@needs_root
def test_a_program_sees_the_folder_as_its_root(root: Root) -> None:
    (root.folder / "here").mkdir()
    script = "pwd; ls /here/..; echo $WORD $$; sleep 0.01 & wait; exit 7"
    line = root.command(["sh", "-c", script], cwd="/here", env={"WORD": "word"}, seen=programs())
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False)
    printed = done.stdout.splitlines()
    assert printed[0] == "/here"
    assert {"dev", "here", "proc", "sys"} <= set(printed[1:-1])
    assert "home" not in printed
    word, number = printed[-1].split()
    assert (word, done.returncode) == ("word", 7)
    assert int(number) > 1  # process 1 is the shell that takes the orphans' status


@needs_root
def test_what_is_seen_of_the_machine_is_read_only(root: Root, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    seen = programs() | {"/kept": str(kept)}
    line = root.command(["sh", "-c", "echo x >/kept/file"], seen=seen)
    done = subprocess.run(line, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode
    assert "Read-only" in done.stderr
    assert list(kept.iterdir()) == []


@needs_root
def test_a_shared_folder_is_written_to(root: Root, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    line = root.command(
        ["sh", "-c", "pwd >file"], cwd=str(folder), seen=programs(), shared=[folder]
    )
    subprocess.run(line, check=True)
    assert (folder / "file").read_text() == f"{folder}\n"


@needs_root
def test_a_mount_that_fails_is_told_and_leaves_none(root: Root, tmp_path: Path) -> None:
    line = root.command(["true"], seen={"/x": str(tmp_path / "missing")})
    done = subprocess.run(line, stderr=subprocess.PIPE, check=False)
    assert done.returncode
    assert b"missing" in done.stderr


@needs_root
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_whatever_ends_the_program_ends_all_in_the_folder(root: Root, name: str) -> None:
    """Also processes that left its group, and mounts; a signal reaches only our own process."""
    mark = f"sleeping-{os.getpid()}-{name}"
    inner = f"setsid sh -c 'echo started; exec sleep 600 # {mark}' & wait # {mark}"
    line = root.command(["sh", "-c", inner], seen=programs())
    code = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", code, *line], stdout=subprocess.PIPE) as outer:
        try:
            assert outer.stdout is not None
            assert outer.stdout.readline() == b"started\n"
            assert processes_with(mark)
            outer.send_signal(getattr(signal, name))
            outer.wait(60)
        finally:
            outer.kill()  # else Popen waits for what has not ended
    deadline = time.monotonic() + 60
    while (left := processes_with(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


def test_a_user_who_is_not_root_is_told(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="only root"):
        root.make()


def test_a_command_that_fails_or_is_not_there_says_why() -> None:
    with pytest.raises(UnavailableError, match="E: Unable to locate package x"):
        roots.output(["sh", "-c", "echo noise; echo 'E: Unable to locate package x' >&2; exit 100"])
    with pytest.raises(UnavailableError, match="no-such-program"):
        roots.output(["no-such-program"])


def test_the_mirror_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "http://one/security old-security main\nhttp://two/debian old main\n"
    monkeypatch.setattr(roots, "output", lambda _: told)
    assert roots.mirror() == "http://two/debian"
    monkeypatch.setattr(roots, "output", lambda _: "http://three/other stable contrib\n")
    with pytest.raises(UnavailableError, match="no source"):
        roots.mirror()


def test_settings_of_the_network_are_passed_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheels, bundle = tmp_path / "wheels", tmp_path / "bundle.pem"
    wheels.mkdir()
    bundle.touch()
    variables = {
        "PIP_FIND_LINKS": f"{wheels} https://example.org/wheels",
        "SSL_CERT_FILE": str(bundle),
        "https_proxy": "http://proxy:3128",
        "UV_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
        "VIRTUAL_ENV": str(tmp_path),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    env, seen = roots.settings()
    assert {name for name in variables if name in env} == {
        *("PIP_FIND_LINKS", "SSL_CERT_FILE", "https_proxy")
    }
    assert seen[str(wheels)] == str(wheels)
    assert seen[str(bundle)] == str(bundle)
    assert str(tmp_path) not in seen


def test_uv_is_the_program_and_not_a_script_that_calls_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("UV", raising=False)
    called = tmp_path / "called"
    script = tmp_path / "uv"
    script.write_text(
        f'#!/bin/sh\necho "$@" >{called}\nexport UV=/the/program\nexec "$4" "$5" "$6"'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert roots.uv() == "/the/program"
    assert called.read_text().startswith("run -q --no-project sh -c")
    monkeypatch.setenv("UV", "/stated")
    assert roots.uv() == "/stated"


def test_a_copy_follows_the_worktree(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=source, check=True)
    files = {"a/one.py": "1", "two.py": "2", ".gitignore": "ignored\n", "ignored": ""}
    for name, text in files.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)
    copy_worktree(target, source)
    (target / "made.so").touch()
    times = {name: (target / name).stat().st_mtime_ns for name in ("a/one.py", "two.py")}
    assert times == {name: (source / name).stat().st_mtime_ns for name in times}
    assert not (target / "ignored").exists()
    (source / "a/one.py").unlink()
    (source / "two.py").write_text("changed")
    (source / "new.py").touch()
    copy_worktree(target, source)
    assert not (target / "a/one.py").exists()
    assert (target / "two.py").read_text() == "changed"
    assert (target / "new.py").exists()
    assert (target / "made.so").exists()


def test_a_report_is_read(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(JUNIT)
    assert read_junit(report) == (1, 1, 3, ("2 x needs a kernel", "1 x needs root"))


def shown(*results: Result) -> str:
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        console.print(table(list(results)))
    return console.export_text()


def test_the_table_has_all_that_is_asked_of_it() -> None:
    text = shown(
        Result("3.14", "native", 0, 5, 0, 2, 61.4, ("2 x needs a kernel",)),
        Result("3.15", why=("apt-get: E: no package",)),
        Result("3.15", "ctypes", 2),
    )
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert ["3.14", "native", "5", "0", "2", "61", "2 x needs a kernel"] in lines
    assert ["3.15", "", "-", "-", "-", "-", "apt-get: E: no package"] in lines
    assert ["3.15", "ctypes", "0", "0", "0", "0", "the run ended with status 2"] in lines


@pytest.mark.parametrize(("status", "expected"), [(None, 0), (0, 0), (1, 1), (5, 1), (-9, 1)])
def test_a_test_that_fails_fails_the_run_and_a_missing_package_does_not(
    monkeypatch: pytest.MonkeyPatch, status: int | None, expected: int
) -> None:
    monkeypatch.setattr(command, "run_python", lambda *_: [Result("3.14", "native", status)])
    assert command.main(["-p", "3.14"]) == expected


def test_a_package_that_is_missing_stands_in_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Root) -> None:
        raise UnavailableError("no such package today")

    monkeypatch.setattr(Root, "make", fail)
    assert command.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.count("no such package today") == len(PYTHONS)


def test_results_are_kept_as_the_matrix_reads_them(
    root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(
        copy: command.Copy,
        venv: str,
        layer: str,
        arguments: Sequence[str],
        stdout: IO[bytes] | None = None,
    ) -> int:
        if stdout is not None:
            return subprocess.run(
                [sys.executable, *arguments], stdout=stdout, check=False
            ).returncode
        (name,) = (a.partition("=")[2] for a in arguments if a.startswith("--junitxml="))
        (copy.folder / name).write_text(JUNIT)
        return 1

    monkeypatch.setattr(command.Copy, "run", run)
    copy = command.Copy(root)
    copy.folder.mkdir(parents=True)
    result = command.run_tests(copy, "venv", "native", [], tmp_path / "3.14")
    assert (result.status, result.passed, result.failed, result.skipped) == (1, 1, 1, 3)
    assert list(copy.folder.iterdir()) == []
    read = matrix.read(tmp_path / "3.14")
    assert (read["passed"], read["failed"], read["skipped"]) == (1, 1, 3)
    assert "AF_INET" in read["families"]


def test_the_table_comes_after_ctrl_c_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(python: Python, *_: object) -> Iterator[Result]:
        yield Result(python.name, "native", 0, 12)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run_python", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.main(["-p", "3.14"])
    assert "12" in capsys.readouterr().out


def test_only_files_that_differ_run() -> None:
    files = files_of(["tests/calls", "tests/test_*.py", "tests/calls/test_calls.py"])
    assert {"tests/calls", "tests/test_run.py", "tests/test_sockets.py"} <= set(files)
    assert "tests/test_documentation.py" not in files
    assert all((ROOT / file).exists() for file in files)
    assert len(files) == len(set(files))
    assert "tests/calls/test_calls.py" not in files  # it is in a folder of them
    for name in ALIKE:
        assert list(ROOT.glob(f"tests/test_{name}.py")), name


@pytest.mark.parametrize("python", [*PYTHONS, *BUILT], ids=lambda python: python.name)
def test_the_brief_run_is_a_part_of_the_whole(python: Python) -> None:
    """Each of its patterns finds something, so that a file that is renamed is noticed."""
    assert all(files_of([form]) for form in (*python.tests, *python.brief))
    whole = [ROOT / file for file in files_of(python.tests)]
    for file in files_of(python.brief):
        assert {ROOT / file, *(ROOT / file).parents} & {*whole}, file


def test_processes_are_as_many_as_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, option in ({7}, "-n0"), ({0, 1}, "-n3"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, p=processors: p)
        assert command.of_all(PYTHONS[0], brief=True)[0] == option
