"""``famsock doctor``: what it finds out about each protocol on this machine."""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
import socket as stdlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.shell_completion import CompletionItem, ShellComplete
from click.testing import CliRunner

from famsock import _calls
from famsock._cli import doctor, main
from famsock._cli.words import family_named
from famsock._registry import Registry, plugins, references
from famsock._registry.missing import known_families
from famsock.family import ANY_PROTOCOL, Family, Protocol
from famsock.plugin import selftest, socket
from tests.programs import Site, run
from tests.terminal import shown

_ = references  # before a test puts another class in the place of the sockets
NUMBER = 200  # no family of this Python, and of no plugin that is installed


def items(typed: str, *before: str) -> list[CompletionItem]:
    """Return what a shell is offered for a word of ``famsock doctor``, begun so, after others."""
    shell = ShellComplete(main, {}, "famsock", "_FAMSOCK_COMPLETE")
    return shell.get_completions(["doctor", *before], typed)


@pytest.mark.parametrize("wanted", ["", "ctypes"])
def test_doctor_says_which_and_why(wanted: str) -> None:
    code = "from famsock._cli.doctor import doctor; doctor(['--json', 'AF_UNIX'])"
    said = json.loads(run(code, FAMSOCK_SYSCALLS=wanted))
    if wanted:
        assert (said["syscalls"], said["why_ctypes"]) == ("ctypes", "FAMSOCK_SYSCALLS=ctypes")
    else:
        assert said["why_ctypes"] == _calls.why_ctypes or os.environ.get("FAMSOCK_SYSCALLS")


@contextmanager
def healthy() -> Iterator[Callable[[], None]]:
    """A self-test between sockets of the family: AF_UNIX's, with another number."""
    ends = stdlib.socketpair()
    with (
        socket(NUMBER, 1, 0, ends[0].detach()) as ours,
        socket(NUMBER, 1, 0, ends[1].detach()) as theirs,
    ):
        yield selftest.echo(ours, theirs)


@contextmanager
def idle() -> Iterator[Callable[[], None]]:
    """A self-test that does nothing, and says nothing."""
    yield lambda: None


@contextmanager
def talkative() -> Iterator[Callable[[], object]]:
    """A self-test whose round trip returns something."""
    with healthy() as round_trip:
        yield lambda: (round_trip(), False)[1]


@contextmanager
def crashing() -> Iterator[Callable[[], None]]:
    """A self-test with its own error."""
    kept: dict[str, None] = {}
    yield lambda: kept["nothing"]


@contextmanager
def sick() -> Iterator[Callable[[], None]]:
    """A self-test whose round trips fail."""

    def fail() -> None:
        error = RuntimeError("received b'x', not b'y'")
        error.add_note("restart the daemon")
        raise error

    yield fail


@contextmanager
def unsupported() -> Iterator[Callable[[], None]]:
    """A self-test that the kernel refuses."""
    raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")
    yield


@contextmanager
def silent() -> Iterator[Callable[[], None]]:
    """A self-test that never gets its answer."""

    def wait() -> None:
        signal.pause()

    yield wait


@pytest.fixture
def findings() -> Iterator[Callable[..., dict[str, doctor.Finding]]]:
    """Examine a family with the self-tests given, and return the findings by label."""

    def examine(**selftests: object) -> dict[str, doctor.Finding]:
        references = {name: f"{__name__}:{test.__name__}" for name, test in selftests.items()}  # type: ignore[attr-defined]
        row = Protocol("kit", ANY_PROTOCOL, (1,), None, selftest=references)
        plugins.register(Family("AF_KIT", NUMBER, (row,)))
        return {finding.protocol: finding for finding in doctor.examine(("AF_KIT",))}

    yield examine
    plugins.unregister("AF_KIT")


Findings = Callable[..., dict[str, doctor.Finding]]


def test_a_round_trip_is_measured(findings: Findings) -> None:
    finding = findings(well=healthy)["well"]
    assert (finding.family, finding.kernel, finding.cpython) == ("AF_KIT", True, False)
    assert finding.trouble == ""
    assert finding.round_trip_ns is not None
    assert 0 < finding.round_trip_ns < 10**9
    assert finding.round_trip == f"{finding.round_trip_ns / 1000:.0f} µs"


def test_trouble_is_told_with_its_notes(findings: Findings) -> None:
    found = findings(ill=sick, absent=unsupported)
    assert found["ill"].kernel
    assert found["ill"].trouble == "received b'x', not b'y'\nrestart the daemon"
    assert not found["absent"].kernel
    assert "Protocol not supported" in found["absent"].trouble
    assert [finding.round_trip for finding in found.values()] == ["", ""]


@pytest.mark.parametrize(
    ("test", "trouble"),
    [
        (idle, "the round trip received no bytes by famsock's sockets of the family"),
        (talkative, "the round trip returned False: it must return None"),
        (crashing, "KeyError: 'nothing'"),
    ],
)
def test_what_is_not_verified_has_no_time(
    findings: Findings, test: Callable[[], object], trouble: str
) -> None:
    found = findings(doubtful=test)["doubtful"]
    assert found.trouble.startswith(trouble)
    assert (found.round_trip_ns, found.round_trip) == (None, "")


def test_a_self_test_that_hangs_is_ended(
    findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_PATIENCE_S", 1)
    before = signal.getsignal(signal.SIGALRM)
    assert findings(quiet=silent)["quiet"].trouble == "no answer within 1 s"
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_family_of_another_platform() -> None:
    plugins.register(Family("AF_KIT", 200, (Protocol("kit", None, (1,), None),), platforms=("no",)))
    try:
        (finding,) = doctor.examine(("AF_KIT",))
    finally:
        plugins.unregister("AF_KIT")
    assert finding.trouble == f"is for no, not {sys.platform}"


def test_a_family_that_is_not_installed() -> None:
    (finding,) = doctor.examine(("AF_NOTHING",))
    assert finding == doctor.Finding(
        "AF_NOTHING", "", None, False, None, "no such plugin is installed"
    )


def test_kernel_and_cpython_are_told_without_the_plugin(site: Site) -> None:
    code = (
        "from famsock._cli import main\n"
        "try: main(['doctor', '--json', 'AF_INET', 'AF_ASH'])\n"
        "except SystemExit as end: assert end.code"
    )
    rows = json.loads(site.run(code, FAMSOCK_PLUGINS="AF_UNIX"))["protocols"]
    assert [(row["kernel"], row["cpython"]) for row in rows] == [(True, True), (False, False)]


def test_a_blocked_family_is_no_lack_of_the_kernel(site: Site) -> None:
    code = (
        "from famsock._cli import main\n"
        "try: main(['doctor', '--json', 'AF_INET'])\nexcept SystemExit as end: assert end.code"
    )
    (row,) = json.loads(site.run(code, FAMSOCK_PLUGINS="-AF_INET"))["protocols"]
    assert (row["kernel"], row["cpython"]) == (True, True)
    assert "is blocked" in row["trouble"]


@pytest.mark.parametrize(
    ("number", "kernel"),
    [
        (errno.EPERM, True),
        (errno.EACCES, True),
        (errno.ENOPROTOOPT, True),
        (errno.EMFILE, None),
        (errno.EAFNOSUPPORT, False),
        (errno.EPROTONOSUPPORT, False),
    ],
)
def test_only_some_errors_tell_that_the_kernel_lacks_a_protocol(
    number: int, kernel: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("famsock._sockets.socket", refuse)
    row = Protocol("kit", 0, (1,), None)
    plugins.register(Family("AF_KIT", 200, (row,)))
    try:
        (finding,) = doctor.examine(("AF_KIT",))
    finally:
        plugins.unregister("AF_KIT")
    assert finding.kernel is kernel


def test_a_plugin_that_is_broken(site: Site) -> None:
    site.install("my-kit", "AF_KIT", "broken", "raise ZeroDivisionError('half built')")
    code = (
        "from famsock._cli import main\n"
        "try: main(['doctor', '--json', 'AF_KIT'])\nexcept SystemExit as end: assert end.code"
    )
    (row,) = json.loads(site.run(code))["protocols"]
    assert (row["kernel"], row["round_trip_ns"]) == (None, None)
    assert row["trouble"].endswith("cannot be loaded: ZeroDivisionError: half built")


def test_the_table() -> None:
    done = CliRunner().invoke(doctor.doctor, ["AF_UNIX", "AF_NOTHING"])
    assert done.exit_code == 1
    machine, *lines = done.output.splitlines()
    assert f"{platform.python_version()} on {platform.system()} {platform.release()}" in machine
    assert machine.endswith(f"system calls: {_calls.implementation()}")
    assert any(line.startswith("AF_UNIX") and " yes" in line and " µs" in line for line in lines)
    assert lines[-1] == "AF_NOTHING: no such plugin is installed"


@pytest.mark.parametrize(
    ("words", "status"),
    [(["unix"], 0), (["Unix", "AF_UNIX"], 0), (["unix", "nothing"], 1), (["system"], 1)],
)
def test_the_exit_status_tells_whether_the_families_work(words: list[str], status: int) -> None:
    done = CliRunner().invoke(doctor.doctor, ["--json", *words])
    assert done.exit_code == status
    rows = json.loads(done.output)["protocols"]
    assert all(row["family"] in ("AF_UNIX", "AF_NOTHING", "AF_SYSTEM") for row in rows)


def test_a_family_that_is_like_a_known_one() -> None:
    done = CliRunner().invoke(doctor.doctor, ["unx"])
    assert done.output.splitlines()[-1] == (
        "AF_UNX: no such plugin is installed; did you mean 'AF_UNIX'?"
    )


def test_what_the_compiled_layer_would_bring() -> None:
    code = "from famsock._cli.doctor import doctor; doctor(['AF_UNIX'])"
    lines = run(code, FAMSOCK_SYSCALLS="ctypes").splitlines()
    assert lines[1] == "Why ctypes: FAMSOCK_SYSCALLS=ctypes"
    assert lines[2].startswith("The compiled layer would make calls with an address")
    assert [line for line in lines if "compiled layer would" in line] == lines[2:3]
    if _calls.native is not None:
        assert "compiled layer would" not in run(code, FAMSOCK_SYSCALLS="")


UNTIL_A_SOCKET = """
import sys

def hook(event, _):
    if event == "socket.__new__" and not seen:
        seen.extend(sys.modules)

seen = []
sys.addaudithook(hook)
from famsock._cli import main
try:
    main(["doctor", "--json", "AF_INET"])
except SystemExit:
    print(*seen, file=sys.stderr)
"""


def test_the_first_check_comes_before_what_it_does_not_need() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_A_SOCKET], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["protocols"]
    loaded = {*done.stderr.split()}
    assert {"click", "famsock._cli.doctor", "famsock_inet"} <= loaded
    assert not {"rich", "attrs", "famsock.options", "famsock_inet.selftest"} & loaded


def test_json_draws_no_table() -> None:
    code = (
        "import sys\nfrom famsock._cli.doctor import doctor\n"
        "try:\n    doctor(['--json', 'AF_UNIX'])\nfinally:\n    assert 'rich' not in sys.modules"
    )
    assert json.loads(run(code))["protocols"]


LONG = "sysctl -w net.kit.first_long_name=1 net.kit.second_long_name=2 && modprobe -a kit_core kit"


def test_what_a_hint_advises_can_be_pasted_from_a_narrow_terminal() -> None:
    """A terminal of 80 columns, by a pseudo-terminal, gets each hint as one unbroken line."""
    code = f"""
from famsock._cli import doctor
from famsock._cli.doctor import Finding
doctor.examine = lambda names: [Finding("AF_KIT", "kit", False, False, None, "refused\\n{LONG}")]
doctor.doctor([], prog_name="famsock")
"""
    status, text = shown(["-c", code], 80)
    assert status == 0
    assert LONG in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("AF_BL", ["AF_BLUETOOTH"]),
        ("BL", ["BLUETOOTH"]),
        ("bl", ["bluetooth"]),
        ("af_i", ["af_inet", "af_inet6"]),
        ("can", ["can"]),
        ("system", ["system"]),
        ("nothing", []),
    ],
)
def test_families_are_completed_as_they_are_begun(typed: str, completed: list[str]) -> None:
    assert [item.value for item in items(typed)] == completed


def test_each_completion_names_a_family() -> None:
    assert [item.value for item in items("")] == known_families(plugins)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        for typed in (letter, letter.upper()):
            for item in items(typed):
                assert item.value.startswith(typed)
                assert family_named(item.value) in known_families(plugins)


def test_families_that_were_given_are_not_completed_again() -> None:
    assert [item.value for item in items("AF_IN", "inet", "--json")] == ["AF_INET6"]


def test_a_completion_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "plugins", Registry("AF_UNIX"))
    told = {item.value: item.help for item in items("")}
    assert told["AF_UNIX"] is None
    assert "is not among those that FAMSOCK_PLUGINS" in (told["AF_CAN"] or "")
    monkeypatch.setattr("famsock._registry._entry_points", dict)
    monkeypatch.setattr(doctor, "plugins", Registry())
    assert {item.help for item in items("AF_INET")} == {"pip install famsock-inet"}


def test_whether_this_python_knows_the_addresses() -> None:
    row = Protocol("kit", None, (1,), None)
    unix = Family("AF_UNIX", stdlib.AF_UNIX, (row,))
    assert doctor._cpython_alone(unix, row)
    assert not doctor._cpython_alone(Family("AF_KIT", 200, (row,)), row)
