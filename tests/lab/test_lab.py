"""The parts of the lab that need no guest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from . import guest, headers, initramfs
from .__main__ import TEST_HANGS_AFTER_S, parser, pytest_command
from .store import Kernel

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


def test_pytest_arguments_come_after_the_dashes() -> None:
    options = parser().parse_args(["run", "--kernel", "6.1", "--", "-k", "isotp", "--pdb"])
    assert options.kernel == ["6.1"]
    assert pytest_command(options.rest, allow_skips=False)[-4:] == [
        "--fail-on-skip",
        "-k",
        "isotp",
        "--pdb",
    ]
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


def test_a_guest_gets_what_concerns_python_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "lib" / "modules" / "9.9-amd64").mkdir(parents=True)
    kernel = Kernel("9.9", "image", "headers", folder=tmp_path)
    host = {"PYTHONHASHSEED": "1", "AWS_SECRET": "x", "PATH": "/odd", "FAMSOCK_PLUGINS": "can"}
    environment = guest.guest_environment(kernel, host)
    assert environment["PYTHONHASHSEED"] == "1"
    assert environment["FAMSOCK_PLUGINS"] == "can"
    assert environment["FAMSOCK_LAB_KERNEL"] == "9.9"
    assert environment["FAMSOCK_LAB_MODULES"].endswith("9.9-amd64")
    assert "AWS_SECRET" not in environment
    assert "/odd" not in environment["PATH"]


def test_an_emulator_over_its_time_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    assert guest.emulate(["sh", "-c", "echo one; exec sleep 60"], 0.5, b"") is True
    assert guest.emulate(["sh", "-c", "printf 'two\\nthree'"], 60, b"[x] ") is False
    assert capfd.readouterr().out == "one\n[x] two\n[x] three"
    assert not guest.running
