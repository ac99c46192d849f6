"""Forks and imports wait for each other."""

from __future__ import annotations

from pathlib import Path

from tests.test_first_use import run, site, write

__all__ = ["site"]  # the fixture


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
    import famsock, famsock._loading
    famsock._loading.WAIT_S = 0.1
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
