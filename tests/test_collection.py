"""The same tests under the same names in every process, as pytest-xdist's workers need; markers.

And the same signals for the programs that tests start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _collected(*arguments: str, **environment: str) -> list[str]:
    """The names of the tests that another pytest collects."""
    own = ("-q", "--collect-only", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *own, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_no_name_has_a_memory_address(request: pytest.FixtureRequest) -> None:
    """It would differ in every process."""
    names = [item.nodeid for item in request.session.items]
    assert [name for name in names if " at 0x" in name] == []
    assert len(set(names)) == len(names)


@pytest.mark.slow
def test_names_and_their_order_depend_on_no_hash() -> None:
    """A set's order differs with PYTHONHASHSEED; names may not tell the time or a free port."""
    everything = ("-m", "slow or not slow")
    first, second = (_collected(*everything, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert len(first) > 1000
    assert first == second


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the lab, which runs the slow tests too."""
    monkeypatch.delenv("FAMSOCK_LAB", raising=False)


def test_a_program_that_a_test_starts_hears_ctrl_c() -> None:
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    printed = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert printed == "True\n"


def test_ctrl_c_is_heard_by_tests_in_the_background() -> None:
    """A shell without job control starts what is in the background with SIGINT ignored."""
    name = f"{__file__}::{test_a_program_that_a_test_starts_hears_ctrl_c.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", name]
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


SLOW = "tests/upstream/test_suites.py"


@pytest.mark.slow
@pytest.mark.usefixtures("outside")
def test_slow_tests_run_where_they_are_asked_for() -> None:
    folder = str(Path(SLOW).parent)
    quick = _collected(folder)
    everything = _collected(folder, "-m", "slow or not slow")
    assert _collected(SLOW) == everything
    assert sorted(quick + _collected(folder, "-m", "slow")) == sorted(everything)
    assert quick
    assert len(quick) < len(everything)


@pytest.mark.slow
def test_slow_tests_run_in_the_lab() -> None:
    folder = str(Path(SLOW).parent)
    everything = _collected(folder, "-m", "slow or not slow", FAMSOCK_LAB="1")
    assert _collected(folder, FAMSOCK_LAB="1") == everything


# Tests that ask no kernel


@pytest.fixture
def own_rules(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Tests of another folder under the rules of this repository's conftest.py."""
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    pytester.makepyfile(
        test_some="""
        import socket
        import pytest

        @pytest.mark.asks_no_kernel
        def test_true(): ...

        @pytest.mark.asks_no_kernel
        @pytest.mark.needs_interface("lo")
        def test_needs(): socket.socket().close()

        def test_unmarked(): socket.socket().close()
        """,
        test_whole="""
        import pytest
        pytestmark = pytest.mark.asks_no_kernel
        def test_a(): ...
        def test_b(): ...
        """,
    )
    monkeypatch.delenv("FAMSOCK_LAB", raising=False)
    monkeypatch.delenv("FAMSOCK_SYSCALLS", raising=False)
    return pytester


@pytest.mark.parametrize(
    ("arguments", "passed"), [((), 4), (("-m", "slow"), 4), (("-m", "slow or not slow"), 8)]
)
def test_a_sample_of_the_cases_is_quick(
    pytester: pytest.Pytester, arguments: tuple[str, ...], passed: int, outside: None
) -> None:
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.sampled(3)
        @pytest.mark.parametrize("number", range(7))
        def test_sampled(number): ...

        @pytest.mark.sampled(5)
        def test_only(): ...
        """
    )
    folder = str(pytester.path)  # a named file runs whole
    result = pytester.runpytest_subprocess("-n0", *arguments, folder)
    result.assert_outcomes(passed=passed)


def test_what_asks_no_kernel_may_open_no_socket(own_rules: pytest.Pytester) -> None:
    own_rules.makepyfile(
        test_false="""
        import socket
        import famsock
        import pytest
        pytestmark = pytest.mark.asks_no_kernel
        def test_stdlib(): socket.socket().close()
        def test_own(): famsock.socket().close()
        """
    )
    result = own_rules.runpytest_subprocess("-p", "famsock.testing.plugin")
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines(["*Failed: marked asks_no_kernel, but opens sockets of the f*"] * 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("lab", "run", "left_out"), [("", 5, 0), ("uml", 5, 0), ("qemu", 2, 1)])
def test_what_asks_no_kernel_is_left_out_in_emulation(
    own_rules: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    lab: str,
    run: int,
    left_out: int,
) -> None:
    monkeypatch.setenv("FAMSOCK_LAB", lab)
    own = ("-p", "famsock.testing.plugin")
    own_rules.runpytest_subprocess(*own).assert_outcomes(passed=run, deselected=left_out)
    named = own_rules.runpytest_subprocess(*own, "test_whole.py")
    named.assert_outcomes(passed=2)


def test_no_file_that_asks_no_kernel_has_a_test_that_needs_something_of_it() -> None:
    """Such a file is not even read in emulation."""
    mark = "\npytestmark = pytest.mark.asks_no_kernel\n"
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/test_*.py")]
    declared = {path: text for path in files if mark in (text := path.read_text())}
    assert len(declared) > 10
    needing = [path for path, text in declared.items() if "mark.needs_" in text]
    assert needing == []
