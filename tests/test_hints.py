"""Notes on errors: which advice an error gets, and which gets none."""

from __future__ import annotations

import copy
import errno
from collections.abc import Callable
from pathlib import Path
from pickle import dumps, loads
from typing import Any

import pytest

import famsock
from famsock import _hints, plugins
from famsock._hints import Hint, explain, hints_of, modprobe, one_of
from famsock._registry import missing
from famsock.family import Family, Protocol, Served
from famsock.testing.hints import hints_in_code, texts_of

NUMBER = 200  # no family of this Python, and of no plugin that is installed


def _served(**protocol: Any) -> Served:
    row = Protocol("p", None, (1,), None, **protocol)
    return Served(
        Family("AF_KIT", NUMBER, (row,), modules=("kit_core", "kit")), row, lambda _: None
    )


@pytest.mark.asks_no_kernel
def test_a_word_that_is_like_a_known_one() -> None:
    known = ["AF_CAN", "AF_UNIX", "AF_VSOCK"]
    assert _hints.did_you_mean("AF_UNX", iter(known)) == "; did you mean 'AF_UNIX'?"
    assert _hints.did_you_mean("nothing", known) == ""
    assert _hints.did_you_mean("AF_UNX", known, str.lower) == "; did you mean 'af_unix'?"


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    ("number", "operation", "note"),
    [
        (errno.EINVAL, "bind", "AF_KIT p: bind to a node first"),
        (errno.EINVAL, "connect", "AF_KIT p: start the daemon"),
        (errno.EAFNOSUPPORT, "socket", "AF_KIT p: build the kernel with CONFIG_KIT"),
    ],
)
def test_the_plugins_own_advice_comes_first(number: int, operation: str, note: str) -> None:
    served = _served(
        hints={
            errno.EINVAL: "start the daemon",
            ("bind", errno.EINVAL): "bind to a node first",
            errno.EAFNOSUPPORT: "build the kernel with CONFIG_KIT",
        }
    )
    assert served.note(operation, number) == note


@pytest.mark.asks_no_kernel
def test_a_kernel_module_that_is_not_loaded() -> None:
    of_the_family = (
        "AF_KIT p: One possible cause: the kernel lacks the module kit: modprobe -a kit_core kit"
    )
    of_the_protocol = (
        "AF_KIT p: One possible cause: the kernel lacks the module kit_p: modprobe kit_p"
    )
    assert _served().note("socket", errno.EAFNOSUPPORT) == of_the_family
    for number in _hints.UNSUPPORTED:
        assert _served(modules=("kit_p",)).note("socket", number) == of_the_protocol


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("number", [errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT])
def test_a_family_that_is_there_lacks_no_module(number: int) -> None:
    assert _served().note("socket", number) is None


@pytest.mark.asks_no_kernel
def test_a_kernel_module_that_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seccomp filter or a network namespace refuses the family then."""
    monkeypatch.setattr(_hints, "_MODULES", str(tmp_path))
    (tmp_path / "kit_p").mkdir()
    assert _served(modules=("kit-p",)).note("socket", errno.EAFNOSUPPORT) is None
    found = _served(modules=("kit-p", "kit-q")).note("socket", errno.EAFNOSUPPORT)
    assert found is not None
    assert "modprobe -a kit-p kit-q" in found


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_missing_capability(number: int) -> None:
    found = _served(capability="CAP_NET_RAW").note("socket", number)
    assert found == "AF_KIT p: One possible cause: this process lacks CAP_NET_RAW"


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("operation", ["bind", "connect", "sendto", "set_option"])
@pytest.mark.parametrize("number", [*_hints.UNSUPPORTED, errno.EPERM, errno.EACCES])
def test_only_the_creation_fails_for_modules_and_capabilities(operation: str, number: int) -> None:
    """The family is there, or there would be no socket."""
    served = _served(modules=("kit_p",), capability="CAP_NET_RAW")
    assert served.note(operation, number) is None


@pytest.mark.asks_no_kernel
def test_a_hint_that_looks_is_told_the_socket_and_the_address() -> None:
    told: list[Any] = []

    def look(sock: Any, address: Any) -> str | None:
        told.append((sock, address))
        return "the node is asleep" if len(told) > 1 else None

    served = _served(hints={("bind", errno.EINVAL): look})
    assert served.note("bind", errno.EINVAL, "socket", "node 1") is None
    assert served.note("bind", errno.EINVAL, "socket", "node 2") == "AF_KIT p: the node is asleep"
    assert told == [("socket", "node 1"), ("socket", "node 2")]


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("failure", [OSError(errno.EMFILE, ""), ImportError(), ZeroDivisionError()])
def test_a_hint_that_fails_says_nothing(failure: Exception) -> None:
    def look(sock: Any, address: Any) -> str | None:
        raise failure

    assert _served(hints={errno.EINVAL: look}).note("bind", errno.EINVAL) is None


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EPERM, 0])
def test_an_error_that_no_advice_fits(number: int) -> None:
    assert _served().note("connect", number) is None


@pytest.mark.asks_no_kernel
def test_the_parts_of_a_hint_make_its_text() -> None:
    asleep = Hint("the node sleeps", "wake it", check="the lamp is dark", possible=True)
    assert asleep == "One possible cause: the node sleeps: wake it"
    both = Hint("it is off", check="the lamp is dark", possible=True, another=asleep)
    assert both == "One possible cause: it is off; another: the node sleeps: wake it"
    assert [*hints_of(both)] == [both, asleep]
    assert Hint("bind to a node first") == "bind to a node first"


@pytest.mark.asks_no_kernel
def test_a_possible_cause_needs_a_check() -> None:
    with pytest.raises(ValueError, match="a possible cause needs a check: 'it is off'"):
        Hint("it is off", possible=True)
    assert "capsh" in Hint("it needs CAP_NET_ADMIN", possible=True).check


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: loads(dumps(e))])
def test_an_error_with_a_hint_as_its_note_is_copied(again: Callable[[OSError], OSError]) -> None:
    error = OSError(errno.EIO, "broken")
    error.add_note(Hint("it is off", "switch it on"))
    assert again(error).__notes__ == ["it is off: switch it on"]


@pytest.mark.asks_no_kernel
def test_a_hint_may_come_from_a_declared_function() -> None:
    off, asleep = Hint("it is off"), Hint("it sleeps")

    @one_of(off, asleep)
    def look(_sock: object, address: object) -> str | None:
        return asleep if address else None

    assert [*hints_of(look)] == [off, asleep]
    served = _served(hints={("bind", errno.EIO): look})
    assert served.note("bind", errno.EIO, None, 7) == "AF_KIT p: it sleeps"
    assert served.note("bind", errno.EIO) is None
    assert [*hints_of(lambda _sock, _address: None)] == []


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    ("modules", "family_modules", "capability", "numbers"),
    [
        ((), (), "", []),
        (("kit_p",), (), "", [*_hints.UNSUPPORTED]),
        ((), ("kit",), "", [errno.EAFNOSUPPORT]),
        ((), (), "CAP_KIT", [errno.EPERM, errno.EACCES]),
    ],
)
def test_creations_that_have_a_hint_without_a_row(
    modules: tuple[str, ...], family_modules: tuple[str, ...], capability: str, numbers: list[int]
) -> None:
    stated = _hints.creation_errnos(modules, family_modules, capability)
    parts: dict[str, Any] = {"modules": modules, "capability": capability}
    found = [
        number
        for number in errno.errorcode
        if _hints.find_hint("socket", number, hints={}, family_modules=family_modules, **parts)
    ]
    assert sorted(stated) == sorted(numbers) == sorted(found)


@pytest.mark.asks_no_kernel
def test_modprobe() -> None:
    assert modprobe(("can",)) == "modprobe can"
    assert modprobe(("can", "can-raw")) == "modprobe -a can can-raw"


def test_explain_adds_the_hint_of_the_sockets_plugin() -> None:
    error, other, plain = (
        OSError(number, "") for number in (errno.EINVAL, errno.EIO, errno.EINVAL)
    )
    with famsock.socket() as sock:
        sock._served = _served(
            hints={("send", errno.EINVAL): lambda sock, address: f"at {address}"}
        )
        explain(sock, error, "send", "node 7")
        explain(sock, other, "send")
        explain(sock, OSError("without an errno"), "send")
        sock._served = None
        explain(sock, plain, "send")
    assert error.__notes__ == ["AF_KIT p: at node 7"]
    assert not hasattr(other, "__notes__")
    assert not hasattr(plain, "__notes__")


# Every hint is provoked: those of the core here, those of a plugin in its own table

PROVOKED = {
    "lacks the module": "test_a_kernel_module_that_is_not_loaded",
    "this process lacks": "test_a_missing_capability",
    "is opened with the type": "test_creation_with_another_type_names_those_that_there_are",
    "pip install": "test_a_missing_plugin_says_what_to_install",
    "is not installed": "test_a_missing_plugin_says_what_to_install",
    "no plugin serves": "test_a_missing_plugin_says_what_to_install",
    "is blocked": "test_a_family_that_the_selection_excludes",
    "is not among those": "test_a_family_that_the_selection_excludes",
    "is for": "test_a_family_of_another_platform",
    "no protocol is given": "test_a_raw_socket_s_text_has_its_protocol",
    "the option": "test_an_option_that_the_kernel_refuses",
    "{}: {}": "test_the_first_that_can_be_bound",
    "no such network namespace": "test_a_name_that_is_like_one",
    "needs CAP_SYS_ADMIN": "test_a_namespace_without_the_capability",
    "it cannot be replaced": "test_a_lock_of_another_process",
    "is closed": "test_status_of_an_input_or_output_that_is_closed",
}
"""Parts of the core's hints, and the tests that provoke them."""


@pytest.mark.asks_no_kernel
def test_every_hint_of_the_core_is_provoked() -> None:
    functions = (
        _hints.find_hint,
        _hints._missing_modules,
        missing.why_missing,
        missing.why_no_family,
        missing.why_not_served,
    )
    found = {text for function in functions for text in texts_of(function)}
    found.update(text for text in hints_in_code("famsock", leave_out="testing"))
    assert len(found) >= len(PROVOKED)
    assert [text for text in found if not any(part in text for part in PROVOKED)] == []
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in PROVOKED.values() if f"def {name}(" not in sources] == []


@pytest.mark.asks_no_kernel
def test_every_plugin_with_hints_has_a_table_of_causes() -> None:
    packages = {str(row["plugin"]).partition(":")[0] for row in plugins.describe()}
    packages -= {"registered by hand"}  # by another test
    folder = Path(__file__).parents[1] / "plugins"
    without = []
    for package in sorted(packages):
        name = package.removeprefix("famsock_")
        table = folder / name / "tests" / f"test_{name}_hints.py"
        if hints_in_code(package) and not table.is_file():
            without.append(package)
        elif table.is_file():
            assert f'unprovoked("{package}"' in table.read_text()
    assert without == []
