"""Network namespaces for tests: the fixtures, and the functions that they are made of."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from famsock.testing import requirements
from famsock.testing.namespaces import NetworkNamespace, new_network, unshare_network

needs_privilege = pytest.mark.needs_capability("CAP_SYS_ADMIN")
FIXTURES = """
    import os, socket

    def here():
        return os.readlink("/proc/thread-self/ns/net")

    OUTSIDE = here()
    seen = []

    def test_first(network_namespace):
        seen.append(here())
        assert here() != OUTSIDE

    def test_second(network_namespace):
        assert [here()] == seen

    def test_new(new_network_namespace):
        seen.append(here())
        assert here() not in (OUTSIDE, seen[0])

    def test_newer(new_network_namespace):
        assert here() not in (OUTSIDE, *seen)

    def test_outside():
        assert here() == OUTSIDE
"""


def _here() -> str:
    return os.readlink("/proc/thread-self/ns/net")


def _run(pytester: pytest.Pytester) -> pytest.RunResult:
    pytester.makepyfile(FIXTURES)
    return pytester.runpytest_inprocess(
        "-ra", "-p", "famsock.testing.plugin", "-p", "no:cacheprovider"
    )


@needs_privilege
def test_fixtures_move_a_test_and_bring_it_back(pytester: pytest.Pytester) -> None:
    outside = _here()
    _run(pytester).assert_outcomes(passed=5)
    assert _here() == outside


def test_fixtures_skip_without_privilege(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "capability", lambda name: f"needs {name}")
    result = _run(pytester)
    result.assert_outcomes(passed=1, skipped=4)
    result.stdout.fnmatch_lines(["*needs CAP_SYS_ADMIN*"])


@needs_privilege
@pytest.mark.usefixtures("descriptors")
def test_only_lo_is_there_and_it_is_up() -> None:
    with new_network():
        assert [name for _, name in socket.if_nameindex()] == ["lo"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(20)
            sock.sendto(b"to itself", sock.getsockname())
            assert sock.recv(100) == b"to itself"
        allowed = Path("/proc/sys/net/ipv4/ping_group_range").read_text().split()
        assert allowed == ["0", "2147483647"]


@needs_privilege
@pytest.mark.usefixtures("descriptors")
def test_two_namespaces_have_the_same_port_twice() -> None:
    outside = _here()
    one, other = NetworkNamespace(), NetworkNamespace()
    try:
        with one.entered():
            first = socket.create_server(("127.0.0.1", 0))
        with first, other.entered(), socket.create_server(first.getsockname()) as second:
            assert first.getsockname() == second.getsockname()
    finally:
        one.close()
        other.close()
    assert _here() == outside


@needs_privilege
@pytest.mark.usefixtures("descriptors")
def test_an_error_brings_back_too() -> None:
    outside = _here()
    namespace = NetworkNamespace()
    with pytest.raises(LookupError, match="net:"), namespace.entered():
        raise LookupError(_here())
    assert _here() == outside
    namespace.close()
    with pytest.raises(OSError, match="setns: Bad file descriptor"), namespace.entered():
        pass
    assert _here() == outside


@needs_privilege
def test_threads_follow_the_one_that_started_them() -> None:
    seen: list[str] = []

    def work() -> None:
        unshare_network()
        seen.append(_here())
        follower = threading.Thread(target=lambda: seen.append(_here()))
        follower.start()
        follower.join()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen[0] == seen[1] != _here()


def test_the_kernels_refusal_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *arguments: int) -> None:
        raise PermissionError(errno.EPERM, f"{name}: {os.strerror(errno.EPERM)}")

    monkeypatch.setattr("famsock.testing.namespaces.call", refuse)
    with pytest.raises(PermissionError, match="unshare: Operation not permitted"):
        NetworkNamespace()
