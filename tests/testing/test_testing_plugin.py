"""The pytest plugin: markers skip with reason and hint, --fail-on-skip, alarm, descriptors."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from famsock.testing import requirements

SKIPS = """
    import pytest

    @pytest.mark.skip(reason="by mark")
    def test_mark(): pass

    @pytest.mark.skipif(True, reason="by condition")
    def test_condition(): pass

    def test_call(): pytest.skip("by call")

    def test_import(): pytest.importorskip("no_such_module")

    @pytest.fixture
    def skipping(): pytest.skip("by fixture")

    def test_fixture(skipping): pass

    @pytest.mark.parametrize("nothing", [])
    def test_no_parameters(nothing): pass

    @pytest.mark.needs_command("no-such-program", package="no-such-package")
    def test_needs(): pass

    @pytest.mark.xfail(reason="expected")
    def test_xfail(): assert False

    def test_passes(): pass
"""


@pytest.fixture(autouse=True)
def ini(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\naddopts = -p famsock.testing.plugin --strict-markers -ra"
    )


def run(pytester: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(code)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)


def test_an_installation_loads_nothing_into_pytest(pytester: pytest.Pytester) -> None:
    assert not [entry for entry in entry_points(group="pytest11") if "famsock" in entry.value]
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers")
    pytester.makepyfile("""
        import pytest
        import famsock

        def test_alarm(alarm): pass
        def test_descriptors(descriptors): pass
        def test_fine(pytestconfig):
            assert not [m for m in pytestconfig.getini("markers") if m.startswith("needs_")]
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        ["*fixture 'alarm' not found*", "*fixture 'descriptors' not found*"]
    )
    refused = pytester.runpytest_subprocess("--fail-on-skip")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    "before",
    ["", "import famsock.testing.plugin\n", "from famsock.testing import Conformance\n"],
    ids=["first", "plugin imported", "suite imported"],
)
def test_conftest_loads_the_plugin_without_a_warning(
    pytester: pytest.Pytester, before: str
) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers")
    pytester.makeconftest(f'{before}pytest_plugins = ["famsock.testing.plugin"]')
    pytester.makepyfile("def test_one(alarm, descriptors): assert alarm == 7")
    result = pytester.runpytest_subprocess("-W", "error", "--alarm-s", "7", "--fail-on-skip")
    result.assert_outcomes(passed=1)


def test_suite_says_that_it_needs_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers")
    pytester.makepyfile("""
        from famsock.testing import Conformance

        class TestUnix(Conformance):
            family = "AF_UNIX"
    """)
    result = pytester.runpytest_subprocess("-W", "error")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*add '-p famsock.testing.plugin' to addopts in pyproject.toml*"])


def test_skips_are_skips(pytester: pytest.Pytester) -> None:
    run(pytester, SKIPS).assert_outcomes(passed=1, skipped=7, xfailed=1)


def test_fail_on_skip_fails_every_kind_of_skip(pytester: pytest.Pytester) -> None:
    result = run(pytester, SKIPS, "--fail-on-skip")
    counts = result.parseoutcomes()
    assert counts["passed"] == 1
    assert counts["xfailed"] == 1
    assert counts["failed"] + counts["errors"] == 7
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*--fail-on-skip allows no skipped test: *by call*"])


@pytest.mark.parametrize(
    "line", ['pytest.importorskip("no_such_module")', 'pytest.skip("all", allow_module_level=True)']
)
def test_fail_on_skip_fails_a_skipped_module(pytester: pytest.Pytester, line: str) -> None:
    code = f"import pytest\n{line}\ndef test(): pass"
    assert run(pytester, code).ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert run(pytester, code, "--fail-on-skip").ret == pytest.ExitCode.INTERRUPTED


def test_fail_on_skip_fails_a_skipped_unittest(pytester: pytest.Pytester) -> None:
    code = """
        import unittest
        class T(unittest.TestCase):
            def test_one(self): self.skipTest("one")
            def test_two(self):
                with self.subTest(n=1): self.skipTest("two")
    """
    result = run(pytester, code, "--fail-on-skip")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "skipped" not in result.parseoutcomes()


@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        ('needs_family("AF_NONE")', "*no installed plugin serves it*"),
        ('needs_family("AF_NETBEUI", protocol="no")', "*no installed plugin serves it and knows*"),
        ('needs_family("AF_UNIX", protocol=77)', "*opens no such socket: *not supported*"),
        ('needs_family("AF_INET", protocol=6, type=77)', "*opens no such socket: *"),
        ('needs_kernel("999.1")', "*needs Linux 999.1 or later*boot a newer kernel*"),
        ('needs_command("no-such")', "*needs the program no-such: apt-get install no-such*"),
        ('needs_command("no-such", package="p")', "*program no-such: apt-get install p*"),
        ('needs_interface("vcan77")', "*ip link add vcan77 type vcan && *"),
        ('needs_interface("hci77")', "*needs the interface hci77: attach such a device*"),
        ('needs_module("no-such")', "*needs the kernel module no-such: modprobe no-such*"),
    ],
)
def test_unmet_need_skips_with_its_remedy(
    pytester: pytest.Pytester, marker: str, reason: str
) -> None:
    result = run(pytester, f"import pytest\n@pytest.mark.{marker}\ndef test(): assert False")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED {reason}"])


@pytest.mark.parametrize(
    "marker",
    [
        'needs_family("AF_UNIX")',
        'needs_family("AF_INET", protocol=6)',
        'needs_family("AF_INET", protocol="tcp", type=1)',
        'needs_kernel("2.6")',
        'needs_command("sh")',
        'needs_interface("lo")',
    ],
)
def test_met_need_runs(pytester: pytest.Pytester, marker: str) -> None:
    code = f"import pytest\n@pytest.mark.{marker}\ndef test(): pass"
    run(pytester, code).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "error"),
    [
        ('needs_family("AF_UNIX", protocol="no")', "*AF_UNIX has no protocol 'no', only *"),
        (
            'needs_family("AF_INET", protocol="tcp", type=2)',
            "*AF_INET has no protocol 'tcp' of socket type 2, only tcp of [[]1], *",
        ),
        ('needs_kernel("linux-5.19")', "*numbers with dots between, not 'linux-5.19'*"),
        ('needs_kernel("5.19+")', "*numbers with dots between, not '5.19+'*"),
        ('needs_capability("NET_ROOT")', "*no capability is called 'NET_ROOT'*"),
    ],
)
def test_a_need_that_cannot_be_is_an_error_and_no_skip(
    pytester: pytest.Pytester, marker: str, error: str
) -> None:
    result = run(pytester, f"import pytest\n@pytest.mark.{marker}\ndef test(): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([error])


def test_capabilities_are_those_of_the_process() -> None:
    held = subprocess.run(
        [sys.executable, "-c", "print(open('/proc/self/status').read())"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    effective = next(line.split()[1] for line in held.splitlines() if line.startswith("CapEff"))
    net_raw = int(effective, 16) >> 13 & 1
    assert bool(requirements.capability("CAP_NET_RAW")) is not bool(net_raw)
    with pytest.raises(LookupError, match="CAP_NO_SUCH"):
        requirements.capability("CAP_NO_SUCH")


def test_alarm_ends_a_marked_test(pytester: pytest.Pytester) -> None:
    code = """
        import pytest, signal
        @pytest.mark.needs_kernel("2.6")
        def test_marked(): signal.pause()
        def test_fixture(alarm): signal.pause()
        @pytest.fixture
        def waiting(): signal.pause()
        def test_setup(alarm, waiting): pass
        def test_swallowing(alarm):
            try:
                signal.pause()
            except Exception:
                pass
    """
    result = run(pytester, code, "--alarm-s", "0.2")
    result.assert_outcomes(failed=3, errors=1)
    result.stdout.fnmatch_lines(["*no end within 0.2 s (--alarm-s)*"])


def test_alarm_does_not_ring_for_a_quick_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_quick(alarm): assert alarm == 30", "--alarm-s", "30")
    result.assert_outcomes(passed=1)


def test_alarm_leaves_the_signal_as_it_was(pytester: pytest.Pytester) -> None:
    code = """
        import signal
        def test_first(alarm): pass
        def test_second():
            assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    """
    run(pytester, code).assert_outcomes(passed=2)


def test_alarm_is_longer_in_the_lab(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB", "1")
    run(pytester, "def test(alarm): assert alarm == 180").assert_outcomes(passed=1)


def test_descriptors_finds_a_leak(pytester: pytest.Pytester) -> None:
    code = """
        import os, socket, pytest
        def test_leak(descriptors):
            test_leak.kept = os.open(os.devnull, os.O_RDONLY)
        def test_none(descriptors):
            socket.socketpair()[0].close()
    """
    result = run(pytester, code, "-W", "default::ResourceWarning")
    counts = result.parseoutcomes()
    assert counts["errors"] == 1
    result.stdout.fnmatch_lines(["*file descriptors leaked*/dev/null*"])


def test_the_plugin_costs_a_pytest_run_no_library() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import famsock.testing.plugin;"
        "print(*sorted({n.partition('.')[0] for n in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert "famsock" in done.stdout.split()
    assert not {"attr", "attrs", "hypothesis", "pluggy"} & set(done.stdout.split())
