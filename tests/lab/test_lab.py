"""The parts of the lab that need no guest."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from . import guest, headers, initramfs, leave_out, qemu, store, uml
from .__main__ import (
    EXIT_LAB_FAILED,
    TEST_HANGS_AFTER_S,
    after_doctor,
    chosen_kernels,
    keep_results,
    main,
    parser,
    pytest_command,
)
from .store import Kernel, LabError

MODULES_DEP = """\
kernel/fs/9p/9p.ko: kernel/fs/netfs.ko kernel/net/9pnet.ko
kernel/net/9pnet-virtio.ko: kernel/net/9pnet.ko kernel/drivers/virtio.ko
kernel/net/9pnet.ko:
kernel/drivers/virtio.ko:
kernel/fs/netfs.ko:
"""


def test_modules_are_loaded_after_what_they_depend_on() -> None:
    order = initramfs.load_order(MODULES_DEP, ("9pnet_virtio", "built_in", "9p"))
    assert [Path(path).stem for path in order] == [
        "virtio",
        "9pnet",
        "9pnet-virtio",
        "netfs",
        "9p",
    ]


def test_an_archive_is_a_cpio_archive(tmp_path: Path) -> None:
    busybox = Path("/bin/busybox")
    if not busybox.exists():
        pytest.skip("no busybox here; `python -m tests.lab install` brings it")
    files = {"init": b"first", "deep/down/odd": b"12345"}
    subprocess.run(
        [busybox, "cpio", "-id"], input=initramfs.archive(files), cwd=tmp_path, check=True
    )
    assert {name: (tmp_path / name).read_bytes() for name in files} == files


def test_a_header_loses_what_only_the_kernel_understands() -> None:
    kernels = (
        "#ifndef _UAPI_LINUX_X_H\n#define _UAPI_LINUX_X_H\n"
        "# include <linux/compiler.h>\t/* annotations */\n#include <linux/types.h>\n"
        "struct x { void __user *p; } __packed;\n"
    )
    assert headers.exported(kernels) == (
        "#ifndef _LINUX_X_H\n#define _LINUX_X_H\n"
        "\t/* annotations */\n#include <linux/types.h>\n"
        "struct x { void *p; } __attribute__((packed));\n"
    )


def chosen(*arguments: str) -> list[Kernel]:
    return chosen_kernels(parser().parse_args(arguments))


def test_uml_changes_what_runs_the_kernels() -> None:
    assert [kernel.name for kernel in chosen("run")] == ["6.1", "6.12"]
    assert [kernel.name for kernel in chosen("run", "--kernel", "6.12")] == ["6.12"]
    assert [kernel.name for kernel in chosen("run", "--uml")] == ["uml-6.12"]
    assert [kernel.name for kernel in chosen("run", "--uml", "--kernel", "6.1")] == ["uml-6.1"]
    assert [kernel.name for kernel in chosen("exec", "--uml", "--", "true")] == ["uml-6.12"]
    assert [kernel.name for kernel in chosen("install", "--uml")] == ["uml-6.12", "uml-6.1"]


def test_the_newest_kernel_runs_only_where_it_is_asked_for() -> None:
    assert [kernel.name for kernel in chosen("run", "--kernel", "7")] == ["7"]
    assert [kernel.name for kernel in chosen("exec", "--kernel", "7", "--", "true")] == ["7"]
    assert [kernel.name for kernel in chosen("install")] == ["6.1", "6.12", "7"]
    with pytest.raises(LabError, match="no kernel 7 for User-mode Linux"):
        chosen("run", "--uml", "--kernel", "7")


@dataclasses.dataclass(frozen=True)
class FakeArchive(store.Archive):
    """Answers of ``apt-cache``."""

    names: Sequence[str] = ()

    def ask(self, *arguments: str) -> list[str]:
        command, *_, asked = arguments
        if command == "search":
            return [f"{name} - Linux" for name in self.names if re.search(asked, name)]
        release = asked.removeprefix("linux-image-").removeprefix("linux-headers-")
        parts = ["linux-base", f"linux-base-{release}", f"linux-binary-{release}", "kmod"]
        if asked.startswith("linux-headers-"):
            parts = ["linux-headers-common", "linux-kbuild"]
        return [asked, "  PreDepends: x", *(f"  Depends: {part}" for part in parts)]


RELEASES = ("6.18.9", "7.0.13", "7.3.4", "7.10.1", "7.9.20", "8.0.1")


@pytest.mark.parametrize(("series", "found"), [("7", "7.10.1"), ("6.18", "6.18.9"), ("9", None)])
def test_the_newest_package_of_a_series(series: str, found: str | None) -> None:
    flavours = ("amd64", "rt-amd64", "cloud-amd64", "amd64-dbg")
    names = [f"linux-image-{r}+deb13-{flavour}" for r in RELEASES for flavour in flavours]
    packages = qemu.newest_packages(series, FakeArchive(names=names))
    release = f"{found}+deb13-amd64"
    assert packages == (
        [
            f"linux-image-{release}",
            f"linux-base-{release}",
            f"linux-binary-{release}",
            f"linux-headers-{release}",
            "linux-headers-common",
        ]
        if found
        else []
    )


def test_a_new_layout_becomes_the_old_one(tmp_path: Path) -> None:
    modules = tmp_path / "usr" / "lib" / "modules" / "9.9-amd64"
    (modules / "kernel").mkdir(parents=True)
    (modules / "vmlinuz").write_text("kernel")
    (modules / "kernel" / "x.ko").write_text("module")
    qemu.as_laid_out_before(tmp_path)
    kernel = qemu.ReleasedKernel("9.9", folder=tmp_path)
    assert kernel.release == "9.9-amd64"
    assert kernel.image.read_text() == "kernel"
    assert (kernel.modules / "kernel" / "x.ko").read_text() == "module"
    qemu.as_laid_out_before(tmp_path)
    assert kernel.image.read_text() == "kernel"


def test_a_kernel_that_cannot_be_had_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB_CACHE", str(tmp_path))
    (tmp_path / "tools").mkdir()
    monkeypatch.setattr(store, "missing_packages", lambda names: [])
    monkeypatch.setattr(store, "update_package_lists", lambda: None)

    @contextlib.contextmanager
    def no_suite(name: str) -> Iterator[store.Archive]:
        yield FakeArchive()

    monkeypatch.setattr(qemu, "suite", no_suite)
    kernel = qemu.KERNELS["7"]
    store.install([kernel], all_or_none=False)
    told = "kernel 7: not installed, as it cannot be had now: trixie-backports has no kernel 7"
    assert told in capfd.readouterr().err
    with pytest.raises(store.UnavailableError, match="trixie-backports has no kernel 7"):
        store.install([kernel], all_or_none=True)
    assert main(["install", "--kernel", "7"]) == EXIT_LAB_FAILED
    assert not kernel.root.exists()


@pytest.mark.parametrize("failing", ["indextargets", "update"])
def test_a_suite_that_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB_CACHE", str(tmp_path))

    def output(*command: str | Path, cwd: Path | None = None) -> str:
        if failing == "update" and "update" in command:
            raise LabError("no route to host")
        return "" if failing == "indextargets" else "file:/nowhere\n"

    monkeypatch.setattr(store, "output", output)
    with pytest.raises(store.UnavailableError), store.suite("trixie-backports"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_headers_of_the_kernels_that_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB_CACHE", str(tmp_path))
    for series in qemu.RELEASED:
        (tmp_path / "kernels" / series).mkdir(parents=True)
    assert main(["headers"]) == 0
    printed = capfd.readouterr()
    assert [line.partition("\t")[0] for line in printed.out.splitlines()] == ["6.1", "6.12"]
    assert "kernel 7: no headers, as it is not installed" in printed.err
    (tmp_path / "kernels" / "6.12").rmdir()
    assert main(["headers"]) == EXIT_LAB_FAILED
    assert "not installed: kernel 6.12" in capfd.readouterr().err


def test_one_kernel_that_is_missing_is_named_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB_CACHE", str(tmp_path))
    (tmp_path / "kernels" / "6.1").mkdir(parents=True)
    missing = {kernel.name: kernel.missing_parts() for kernel in qemu.KERNELS.values()}
    assert "kernel 6.1" not in missing["6.1"]
    assert "kernel 6.12" in missing["6.12"]
    with (
        pytest.raises(LabError, match=r"kernel uml-6\.1;? .*run .*install --uml"),
        guest.boot(uml.KERNELS["6.1"], ["true"], tmp_path, 1),
    ):
        pass


def test_qemu_has_two_can_controllers_on_one_bus(tmp_path: Path) -> None:
    (tmp_path / "lib" / "modules" / "9.9").mkdir(parents=True)
    command = qemu.ReleasedKernel("9.9", folder=tmp_path).command(tmp_path, 0)
    assert command.count("kvaser_pci,canbus=canbus0") == 2
    assert command.count("can-bus,id=canbus0") == 1


def test_a_user_mode_kernel_has_memory_and_name_of_its_own(tmp_path: Path) -> None:
    kernel = uml.PackagedKernel("9.9", folder=tmp_path / "kernel")
    scripts = []
    for number, name in enumerate(("first", "second")):
        folder = tmp_path / name
        folder.mkdir()
        command = kernel.command(folder, number)
        assert "--kill-child" in command
        assert "--pid" in command
        scripts.append(command[-1])
        assert f"initrd={folder}/initramfs" in scripts[-1]
        assert f"TMPDIR={folder}/memory" in scripts[-1]
    names = {next(word for word in script.split() if "umid=" in word) for script in scripts}
    assert len(names) == 2


def test_a_built_kernel_is_another_for_another_version_or_other_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB_CACHE", str(tmp_path))
    root = uml.built_root("uml-6.12", "6.12.117-1~deb12u1", b"CONFIG_CAN=y")
    assert root.parent == tmp_path / "kernels"
    assert root.name.startswith("uml-6.12_6.12.117-1-deb12u1_")
    assert root != uml.built_root("uml-6.12", "6.12.117-1~deb12u1", b"CONFIG_CAN=n")
    assert root != uml.built_root("uml-6.12", "6.12.118-1~deb12u1", b"CONFIG_CAN=y")


def test_options_that_the_build_did_not_take_are_named() -> None:
    wanted = "# CAN\nCONFIG_CAN=y\nCONFIG_CAN_RAW=y\nCONFIG_NET=y\n"
    config = "CONFIG_NET=y\n# CONFIG_CAN is not set\nCONFIG_CAN_RAW=m\n"
    assert uml.refused_options(wanted, config) == ["CONFIG_CAN=y", "CONFIG_CAN_RAW=y"]


def test_every_option_of_the_built_kernel_is_named_once() -> None:
    lines = [line for line in uml.CONFIG.read_text().splitlines() if line[:1] not in ("", "#")]
    assert all(line.startswith("CONFIG_") and line.endswith("=y") for line in lines)
    assert len(set(lines)) == len(lines)


def test_tests_that_are_left_out_exist_and_have_a_reason() -> None:
    entries = leave_out.read(leave_out.LISTING.read_text())
    assert entries
    known = {kernel.name for kernel in uml.KERNELS.values()}
    known |= {f"qemu-{kernel.name}" for kernel in qemu.KERNELS.values()}
    for entry in entries:
        assert len(entry.reason) > 10
        assert entry.tests
        assert entry.kernels
        assert known.issuperset(entry.kernels)
    for test in (test for entry in entries for test in entry.tests):
        path, *names = test.partition("[")[0].split("::")
        assert [*guest.REPOSITORY.glob(path)], test
        text = (guest.REPOSITORY / path).read_text() if names else ""
        assert all(re.search(rf"\b(def|class) {name}\b", text) for name in names[:1]), test


def test_tests_are_left_out_on_the_kernels_of_their_entry(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(guest.REPOSITORY))
    pytester.makepyfile(
        test_one="""
        import pytest
        def test_a(): ...
        @pytest.mark.parametrize("family", ["inet", "smc"])
        def test_b(family): assert family == "inet"
        """
    )
    pytester.makepyfile(test_two="1 / 0  # is not imported")
    pytester.makepyfile(
        plugin="""
        from tests.lab import leave_out
        entries = [
            leave_out.LeftOut(["uml-9.9"], "no bus", ["test_two.py"]),
            leave_out.LeftOut(["uml-9.9", "uml-8"], "no SMC", ["test_one.py::*[smc]"]),
            leave_out.LeftOut(["uml-8"], "nothing works", ["test_one.py"]),
        ]
        def pytest_configure(config):
            config.pluginmanager.register(leave_out.LeaveOut(entries, "uml-9.9"))
        """
    )
    result = pytester.runpytest_subprocess("-p", "plugin", timeout=60)
    result.assert_outcomes(passed=2, deselected=1)
    result.stdout.fnmatch_lines(
        ["left out by left_out.toml: no bus", "left out by left_out.toml: no SMC"]
    )
    result.stdout.no_fnmatch_line("*nothing works*")


def runs(
    names: Sequence[str], entries: Sequence[leave_out.LeftOut], kernels: Sequence[str]
) -> dict[str, set[str]]:
    """Return the names of the tests that are run on each kernel."""
    return {
        kernel: {name for name in names if not leave_out.is_left_out(name, kernel, entries)}
        for kernel in kernels
    }


def test_a_test_that_is_spread_runs_on_one_of_the_kernels() -> None:
    kernels = ["qemu-8", "qemu-9"]
    entry = leave_out.LeftOut(kernels, "half of them each", ["one/"], spread=True)
    names = [f"one/test_{file}.py::test_{number}" for file in range(50) for number in "ab"]
    run = runs(names, [entry], [*kernels, "uml-9"])
    assert run["qemu-8"] | run["qemu-9"] == {*names} == run["uml-9"]
    assert not run["qemu-8"] & run["qemu-9"]
    assert all(len(found) > 20 for found in run.values())
    for kernel in kernels:
        assert not leave_out.is_left_out("test_two.py::test_0", kernel, [entry])
        files = {name.partition("::")[0] for name in names}
        ignored = {file for file in files if leave_out.runs_none_of(file, kernel, [entry])}
        assert ignored == files - {name.partition("::")[0] for name in run[kernel]}


def test_a_test_that_is_spread_runs_where_nothing_else_leaves_it_out() -> None:
    kernels = ["qemu-7", "qemu-8", "qemu-9"]
    entries = [
        leave_out.LeftOut(kernels, "a third of them each", ["one/"], spread=True),
        leave_out.LeftOut(["qemu-8"], "no bus", ["one/test_bus_"]),
        leave_out.LeftOut(["qemu-7"], "no clock", ["one/test_3.py::test_clock"]),
        leave_out.LeftOut(kernels, "no memory", ["one/test_memory_"]),
    ]
    files = [f"one/test_{what}{n}.py" for what in ("", "bus_", "memory_") for n in range(50)]
    names = [f"{file}::test_{what}" for file in files for what in ("clock", "other")]
    run = runs(names, entries, kernels)
    assert not any("_bus_" in name for name in run["qemu-8"])
    expected = [name for name in names if "_memory_" not in name]
    assert sorted(name for found in run.values() for name in found) == sorted(expected)
    for kernel in kernels:
        for name in run[kernel]:
            assert not leave_out.runs_none_of(name.partition("::")[0], kernel, entries)
    assert "one/test_3.py::test_clock" not in run["qemu-7"]


def test_all_tests_can_be_spread() -> None:
    kernels = ["qemu-8", "qemu-9"]
    entries = [
        leave_out.LeftOut(["qemu-8"], "no bus", ["one/test_bus_"]),
        leave_out.LeftOut(["qemu-7", "qemu-8"], "half each", ["one/"], spread=True),
    ]
    names = [f"{folder}/test_{n}.py::test" for folder in ("one", "two") for n in range(50)]
    names += [f"one/test_bus_{n}.py::test" for n in range(50)]
    run = runs(names, leave_out.spread_all(entries, kernels), kernels)
    assert sorted([*run["qemu-8"], *run["qemu-9"]]) == sorted(names)
    assert not any("_bus_" in name for name in run["qemu-8"])
    assert all(len([n for n in found if "_bus_" not in n]) > 30 for found in run.values())


def test_each_file_of_this_repository_runs_somewhere() -> None:
    """With the tests spread, a file that no kernel imports is one that is left out on all."""
    kernels = [kernel.full_name for kernel in chosen_kernels(parser().parse_args(["run"]))]
    entries = leave_out.read(leave_out.LISTING.read_text())
    spread = leave_out.spread_all(entries, kernels)
    root = guest.REPOSITORY
    found = [*root.glob("tests/**/test_*.py"), *root.glob("plugins/*/tests/test_*.py")]
    files = [path.relative_to(root).as_posix() for path in found]
    imported = {
        kernel: {file for file in files if not leave_out.runs_none_of(file, kernel, spread)}
        for kernel in kernels
    }
    assert all(len(some) > 100 for some in imported.values())
    for file in set(files).difference(*imported.values()):
        assert all(leave_out.is_left_out(file, kernel, entries) for kernel in kernels), file


USUAL_FAMILIES = r"test_arguments\.py::.*AF_(INET|NETLINK|VSOCK)\b"  # nearly every kernel has them


@pytest.mark.slow
def test_what_is_left_to_the_host_needs_nothing_that_it_may_lack() -> None:
    """A test that no guest runs and that the host skips would be run by nobody."""
    needs = "needs_family or needs_interface or needs_module"
    for entry in leave_out.read(leave_out.LISTING.read_text()):
        if entry.spread or not re.search(r"\bhost\b", entry.reason):
            continue
        files = {test.partition("::")[0] for test in entry.tests}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--co", "-q", "-n0", "-m", needs, *sorted(files)],
            cwd=guest.REPOSITORY, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        names = [line for line in done.stdout.splitlines() if "::" in line]
        lacking = [name for name in names if not re.search(USUAL_FAMILIES, name)]
        kernel = entry.kernels[0]
        assert [name for name in lacking if entry.names(name, kernel)] == [], entry.reason


def test_the_kernels_of_a_run_share_the_tests_out() -> None:
    command = pytest_command([], allow_skips=False, spread_over=["qemu-6.1", "qemu-6.12"])
    assert "--spread-over=qemu-6.1,qemu-6.12" in command
    options = parser().parse_args(["run", "--spread"])
    assert [kernel.full_name for kernel in chosen_kernels(options)] == ["qemu-6.1", "qemu-6.12"]


def test_only_what_failed_while_the_emulator_ended_runs_again(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(guest.REPOSITORY))
    monkeypatch.setenv("FAMSOCK_LAB_BTVIRT_ENDS", str(pytester.path / "ends"))
    for name in ("hci0", "hci1"):
        (pytester.path / name).mkdir()
        (pytester.path / name / "features").touch()
    pytester.makeconftest(
        """
        from pathlib import Path
        from tests.lab import run_again
        run_again.CONTROLLERS = Path(__file__).parent
        """
    )
    pytester.makepyfile(
        """
        from pathlib import Path
        import pytest
        runs = {}
        @pytest.fixture
        def end():
            with Path("ends").open("a") as file:
                print("ended with 139", file=file)
        @pytest.fixture
        def count(request):
            name = request.node.name
            runs[name] = runs.get(name, 0) + 1
            return runs[name]
        def test_fails_once(end, count): assert count == 2
        def test_fails_twice(end, count): assert count == 3
        def test_passes(end, count): assert count == 1
        def test_fails_without_a_crash(count): assert count == 2
        def test_number_of_runs():
            assert [*runs.values()] == [2, 2, 1, 1]
        """
    )
    result = pytester.runpytest_subprocess("-p", "tests.lab.run_again", "-rf", timeout=60)
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*test_fails_once: btvirt ended during this test*"])
    result.stdout.fnmatch_lines(
        ["FAILED *test_fails_twice*", "FAILED *test_fails_without_a_crash*"]
    )


def test_a_guest_tells_the_plugin_its_kernel(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pytester.path / "usr" / "lib" / "uml" / "modules" / "6.1.9").mkdir(parents=True)
    kernel = uml.PackagedKernel("6.1", folder=pytester.path)
    for name, value in guest.guest_environment(kernel, {}).items():
        if name in ("FAMSOCK_LAB", "FAMSOCK_LAB_KERNEL"):
            monkeypatch.setenv(name, value)
    config = pytester.parseconfigure("-p", "tests.lab.leave_out")
    [plugin] = [p for p in config.pluginmanager.get_plugins() if isinstance(p, leave_out.LeaveOut)]
    assert plugin.entries
    assert all("uml-6.1" in entry.kernels for entry in plugin.entries)


def test_pytest_arguments_come_after_the_dashes() -> None:
    options = parser().parse_args(["run", "--kernel", "6.1", "--", "-k", "isotp", "--pdb"])
    assert options.kernel == ["6.1"]
    assert pytest_command(options.rest, allow_skips=False)[-4:] == [
        "--fail-on-skip",
        "-k",
        "isotp",
        "--pdb",
    ]
    assert "tests.lab.leave_out" in pytest_command([], allow_skips=False)
    assert "--fail-on-skip" not in pytest_command([], allow_skips=True)


def test_a_test_that_hangs_ends_the_run_and_failures_before_it_are_told(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(guest.REPOSITORY))
    pytester.makepyfile(
        """
        import threading
        def test_first(): assert 1 == 2
        def test_second(): threading.Event().wait()
        """
    )
    command = pytest_command([], allow_skips=True)[3:]
    command = [arg for arg in command if not arg.startswith(("--junitxml", "--ignore"))]
    timeout = f"faulthandler_timeout={TEST_HANGS_AFTER_S}"
    command[command.index(timeout)] = "faulthandler_timeout=0.5"
    result = pytester.runpytest_subprocess(*command, timeout=60)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*test_first (call) failed:", "*assert 1 == 2*"])
    result.stderr.fnmatch_lines(["Timeout*", "*in test_second"])


@pytest.mark.parametrize(
    ("doctor", "told"),
    [('echo "{$*}"', "{-m famsock doctor --json}\n"), ("echo half; false", None)],
)
def test_what_doctor_says_is_kept_and_the_status_is_that_of_the_tests(
    doctor: str, told: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python, share, place = tmp_path / "python", tmp_path / "share", tmp_path / "6.12"
    python.write_text(f"#!/bin/sh\n{doctor}\n")
    python.chmod(0o755)
    share.mkdir()
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(guest, "SHARE", str(share))
    tests = ["sh", "-c", 'echo "$1" >"$2"; exit 3', "sh", "two words", str(share / "junit.xml")]
    status = subprocess.run(after_doctor(tests), check=False).returncode
    assert status == 3
    keep_results(guest.Outcome(status, False, "", share), place)
    assert (place / "junit.xml").read_text() == "two words\n"
    kept = place / "doctor.json"
    assert (kept.read_text() if kept.exists() else None) == told


def test_a_guest_gets_what_concerns_python_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "lib" / "modules" / "9.9-amd64").mkdir(parents=True)
    kernel = qemu.ReleasedKernel("9.9", folder=tmp_path)
    host = {"PYTHONHASHSEED": "1", "AWS_SECRET": "x", "PATH": "/odd", "FAMSOCK_PLUGINS": "can"}
    environment = guest.guest_environment(kernel, host)
    assert environment["PYTHONHASHSEED"] == "1"
    assert environment["FAMSOCK_PLUGINS"] == "can"
    assert environment["FAMSOCK_LAB"] == "qemu"
    assert environment["FAMSOCK_LAB_KERNEL"] == "9.9"
    assert environment["FAMSOCK_LAB_MODULES"].endswith("9.9-amd64")
    assert "AWS_SECRET" not in environment
    assert "/odd" not in environment["PATH"]


def test_a_guest_over_its_time_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    assert guest.run_to_its_end(["sh", "-c", "echo one; exec sleep 60"], 0.5, b"") is True
    assert guest.run_to_its_end(["sh", "-c", "printf 'two\\nthree'"], 60, b"[x] ") is False
    assert capfd.readouterr().out == "one\n[x] two\n[x] three"
    assert not guest.running


@pytest.mark.parametrize(
    ("arguments", "host", "layer", "folder"),
    [
        ([], {}, None, "uml-6.12"),
        (["--syscalls", "ctypes"], {}, "ctypes", "uml-6.12-ctypes"),
        ([], {"FAMSOCK_SYSCALLS": "ctypes"}, "ctypes", "uml-6.12-ctypes"),
        (["--syscalls", "native"], {"FAMSOCK_SYSCALLS": "ctypes"}, "native", "uml-6.12"),
    ],
)
def test_a_run_has_the_layer_that_was_asked_for(
    arguments: list[str],
    host: dict[str, str],
    layer: str | None,
    folder: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    seen = []

    @contextlib.contextmanager
    def boot(kernel: Kernel, *_: Any, syscalls: str | None) -> Iterator[guest.Outcome]:
        seen.append(guest.guest_environment(kernel, os.environ, syscalls))
        yield guest.Outcome(0, False, "", tmp_path)

    monkeypatch.delenv("FAMSOCK_SYSCALLS", raising=False)
    for name, value in host.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(guest, "boot", boot)
    monkeypatch.setattr(guest, "compile_all", lambda: None)
    monkeypatch.setattr(uml.UmlKernel, "release", "6.12.1")
    monkeypatch.setattr(uml.UmlKernel, "modules", tmp_path)  # UML need not be installed
    results = tmp_path / "results"
    assert main(["run", "--uml", *arguments, "--results", str(results)]) == 0
    assert [environment.get("FAMSOCK_SYSCALLS") for environment in seen] == [layer]
    assert [path.name for path in results.iterdir()] == [folder]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["run", "--kernel", "7", "--if-installed"], 0),
        (["exec", "--kernel", "7", "--if-installed", "--", "false"], 0),
        (["run", "--kernel", "7"], EXIT_LAB_FAILED),
        (["run", "--kernel", "6.12", "--if-installed"], EXIT_LAB_FAILED),
    ],
)
def test_only_a_newest_kernel_may_be_missing(
    arguments: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr(store, "missing_packages", lambda names: [])
    monkeypatch.setattr(guest, "compile_all", lambda: None)
    assert main(arguments) == status
    said = "left out, as it is not installed" if status == 0 else "not installed: btvirt, kernel"
    assert said in capsys.readouterr().err
