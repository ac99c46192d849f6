"""Descriptors of a service manager: systemd's variables, as sd_listen_fds(3) reads them."""

from __future__ import annotations

import os

import pytest

from famsock.endpoints import listen_fds

pytestmark = pytest.mark.asks_no_kernel

VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def passed(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in {"PID": str(os.getpid()), **values}.items():
        monkeypatch.setenv(f"LISTEN_{name}", value)


def test_none_were_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert listen_fds() == ()
    passed(monkeypatch)
    assert listen_fds() == ()
    passed(monkeypatch, FDS="0", FDNAMES="")
    assert listen_fds() == ()
    passed(monkeypatch, FDS="3", PID=str(os.getppid()))
    assert listen_fds() == ()


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"FDS": "x"}, "LISTEN_FDS must be 0-2147483644, not 'x'"),
        ({"FDS": "-1"}, "LISTEN_FDS must be"),
        ({"FDS": ""}, "LISTEN_FDS must be"),
        ({"FDS": "9" * 30}, "LISTEN_FDS must be"),
        ({"FDS": "2147483645"}, "LISTEN_FDS must be"),
        ({"FDS": "1", "PID": "me"}, "LISTEN_PID must be 1-2147483644, not 'me'"),
        ({"FDS": "1", "PID": "0"}, "LISTEN_PID must be"),
        ({"FDS": "2", "FDNAMES": "one"}, "LISTEN_FDNAMES has 1 names for 2 descriptors"),
        ({"FDS": "1", "FDNAMES": "a:b"}, "LISTEN_FDNAMES has 2 names for 1 descriptors"),
    ],
)
def test_variables_that_are_wrong(
    values: dict[str, str], match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed(monkeypatch, **values)
    with pytest.raises(ValueError, match=match):
        listen_fds(unset_environment=True)
    assert not set(VARIABLES) & set(os.environ)


def test_a_descriptor_that_is_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    passed(monkeypatch, FDS=str(1 << 20))
    with pytest.raises(OSError, match="Bad file descriptor"):
        listen_fds()


def test_variables_that_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    passed(monkeypatch, FDS="0", FDNAMES="x")
    assert listen_fds() == ()
    assert set(VARIABLES) <= set(os.environ)
    assert listen_fds(unset_environment=True) == ()
    assert not set(VARIABLES) & set(os.environ)
