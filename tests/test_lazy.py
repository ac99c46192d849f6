"""Objects that a string names, imported on first use; forks and imports wait for each other."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from famsock._lazy import PluginError, load, load_part
from tests.test_first_use import run, site, write

pytestmark = pytest.mark.asks_no_kernel

__all__ = ["site"]  # the fixture


def test_a_module_and_an_attribute() -> None:
    assert load("json") is json
    assert load("json:loads") is json.loads
    assert load("json.decoder:JSONDecoder") is json.JSONDecoder
    assert load("json:decoder.JSONDecoder.decode") is json.JSONDecoder.decode
    assert load("json : loads [extra]") is json.loads
    assert load("json[extra]") is json


@pytest.mark.parametrize("given", [json, str, None, 5, ("json:loads",), b"json"])
def test_any_other_object_is_returned_as_it_is(given: object) -> None:
    assert load(given) is given


@pytest.mark.parametrize(
    ("reference", "error", "match"),
    [
        ("no_such_module_kit", ModuleNotFoundError, "no_such_module_kit"),
        ("json.no_such_part:loads", ModuleNotFoundError, "json.no_such_part"),
        ("json:no_such_name", AttributeError, "no_such_name"),
        ("json:JSONDecoder.no_such_name", AttributeError, "no_such_name"),
        ("json:loads..x", AttributeError, "no attribute"),
        ("", ValueError, "[Ee]mpty module name"),
    ],
)
def test_a_reference_to_nothing(reference: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        load(reference)


def test_an_error_of_the_module_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kit_half_built.py").write_text("raise ZeroDivisionError('half built')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError, match="half built"):
        load("kit_half_built:Kit")
    assert "kit_half_built" not in sys.modules


class OddError(BaseException):
    """An exception that a module may raise and that is no Exception."""


def _raising(error: BaseException) -> Callable[[Any], NoReturn]:
    def read(reference: object) -> NoReturn:
        raise error

    return read


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("x"), SystemExit(3), GeneratorExit("x"), OddError("x")]
)
def test_whatever_a_part_raises_is_a_plugin_error(error: BaseException) -> None:
    with pytest.raises(PluginError) as caught:
        load_part("AF_KIT p", "address", "an Address class", "kit:X", _raising(error))
    assert str(caught.value) == (
        f"AF_KIT p: address must name an Address class; kit:X cannot be loaded: "
        f"{type(error).__name__}: {error}"
    )
    assert caught.value.__cause__ is error


def test_an_interrupt_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        load_part("AF_KIT p", "address", "an Address class", "kit:X", _raising(KeyboardInterrupt()))


def _function(number: int, frame: object) -> None:
    raise SystemExit(5)


class Handler:
    """A handler that is an object, or a method of one."""

    def __call__(self, number: int, frame: object) -> None:
        raise SystemExit(5)

    def method(self, number: int, frame: object) -> None:
        sys.exit(5)


@pytest.mark.parametrize(
    "handler", [_function, Handler(), Handler().method], ids=["function", "object", "method"]
)
def test_what_a_signals_handler_raises_passes_through(handler: Any) -> None:
    def read(reference: object) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        while True:
            os.getpid()

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(SystemExit) as caught:
            load_part("AF_KIT p", "address", "an Address class", "kit:X", read)
        assert caught.value.code == 5
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_fork_waits_for_an_import_that_another_thread_does(site: Path) -> None:
    write(site, "import builtins; builtins.begun.set(); builtins.go_on.wait(60)")
    code = """
    import builtins, os, signal, threading, warnings
    import famsock
    builtins.begun, builtins.go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=famsock.plugins.family, args=("AF_ONE",))
    thread.start()
    builtins.begun.wait(60)
    threading.Timer(0.2, builtins.go_on.set).start()
    child = os.fork()
    if not child:
        signal.alarm(60)
        os._exit(famsock.plugins.family("AF_ONE") is None)
    assert builtins.go_on.is_set(), "the fork did not wait"
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """
    run(code, PYTHONPATH=str(site))


def test_a_fork_does_not_wait_for_its_own_import_or_for_ever(site: Path) -> None:
    write(
        site,
        """
        import builtins, os
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0
        else:
            os._exit(0)
        builtins.begun.set()
        builtins.go_on.wait(60)
        """,
    )
    code = """
    import builtins, os, threading, time
    import famsock, famsock._lazy
    famsock._lazy.WAIT_S = 0.1
    builtins.begun, builtins.go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=famsock.plugins.family, args=("AF_ONE",))
    thread.start()
    assert builtins.begun.wait(60)
    child = os.fork()
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not builtins.go_on.is_set()
    builtins.go_on.set()
    thread.join()
    assert famsock.plugins.family("AF_ONE")
    """
    run(code, PYTHONPATH=str(site))


def test_a_load_waits_for_a_fork_that_has_begun() -> None:
    code = """
    import os, threading, time
    opened, forked, order = threading.Event(), threading.Event(), []

    def before():  # runs after famsock's, which is registered later
        thread.start()
        opened.wait(0.2)
        order.append("fork")

    os.register_at_fork(before=before)
    import famsock

    def open_first():
        famsock.socket().close()
        order.append("open")
        opened.set()

    thread = threading.Thread(target=open_first)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    thread.join()
    assert order == ["fork", "open"], order
    """
    run(code)
