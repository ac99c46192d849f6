"""The command ``famsock explain``: errnos, constants and families, from the plugins' rows."""

from __future__ import annotations

import errno
import json
import os
import socket
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from famsock import _index
from famsock._cli import explain, main
from famsock._registry import Registry, plugins
from famsock._registry.missing import known_families


def told(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words])


def answers(*words: str) -> list[dict[str, Any]]:
    done = told("--json", *words)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("word", ["ENOBUFS", "enobufs", str(errno.ENOBUFS)])
def test_an_errno_by_its_name_or_number(word: str) -> None:
    lines = told(word).stdout.splitlines()
    assert lines[0] == f"ENOBUFS ({errno.ENOBUFS}): {os.strerror(errno.ENOBUFS)}"
    place = lines.index("AF_CAN raw, bcm, isotp, j1939: send, sendto, sendmsg, sendmmsg")
    assert lines[place + 1] == (
        "  may mean: the interface's queue is full, which poll() does not tell"
    )
    assert lines[place + 2].startswith("  to tell: tc -s qdisc show dev can0 ")
    assert lines[place + 3].endswith("ip link set can0 txqueuelen 1000")


def test_every_errno_with_a_hint_is_explained() -> None:
    troubles = _index.troubles(plugins.families())
    numbers = {each.errno: None for each in troubles}
    found = answers(*map(str, numbers))
    assert len(found) == len(numbers) > 30
    for number, answer in zip(numbers, found, strict=True):
        assert errno.errorcode[number] in answer["errno"].split(", ")
        means = [cause["means"] for cause in answer["causes"]]
        assert means == [each.hint.cause for each in troubles if each.errno == number]


def test_an_errno_without_a_hint() -> None:
    assert told("ENOTTY").stdout.splitlines()[1] == "No installed family has a hint for it."


def test_both_names_of_an_errno() -> None:
    assert answers("EAGAIN") == answers("EWOULDBLOCK")
    assert answers("EAGAIN")[0]["errno"] == "EAGAIN, EWOULDBLOCK"


def test_an_option() -> None:
    assert told("SO_BINDTODEVICE").stdout.splitlines() == [
        "SO_BINDTODEVICE = 25 (0x19), asm/socket.h",
        "  option of every family, level SOL_SOCKET (1)",
        "    value: str (char[16] in C), read and write",
        "    row: famsock.options.SO_BINDTODEVICE",
    ]


def test_an_option_of_a_newer_kernel() -> None:
    assert "    since Linux 6.9" in told("CAN_RAW_XL_VCID_OPTS").stdout.splitlines()


def test_one_name_at_two_levels() -> None:
    (answer,) = answers("MCAST_JOIN_GROUP")
    assert [(row["families"], row["level_name"]) for row in answer["rows"]] == [
        (["AF_INET"], "SOL_IP"),
        (["AF_INET6"], "SOL_IPV6"),
    ]


def test_constants_of_the_core_a_plugin_and_the_stdlib() -> None:
    found = {each["constant"]: each["values"] for each in answers("SOL_KCM", "rtm_getlink")}
    assert found["SOL_KCM"][0]["families"] == []
    assert (found["RTM_GETLINK"][0]["value"], found["RTM_GETLINK"][0]["header"]) == (
        18,
        "linux/rtnetlink.h",
    )
    assert answers("TCP_CA_Open") == answers("tcp_ca_open")
    (answer,) = answers("AI_PASSIVE")
    assert answer["values"][0]["value"] == int(socket.AI_PASSIVE)


@pytest.mark.parametrize("word", ["can", "AF_CAN", "Can"])
def test_a_family(word: str) -> None:
    (answer,) = answers(word)
    family = plugins.family("AF_CAN")
    assert family is not None
    assert (answer["family"], answer["number"]) == (family.name, family.number)
    assert [row["name"] for row in answer["protocols"]] == [row.name for row in family.protocols]
    assert {"CAN_RAW_FILTER", "SO_J1939_PROMISC"} < {*answer["options"]}
    assert {place["family"] for cause in answer["causes"] for place in cause["where"]} == {"AF_CAN"}


@pytest.mark.parametrize("name", plugins.names())
def test_every_family_is_told_as_text(name: str) -> None:
    family = plugins.family(name)
    assert family is not None
    text = told(name).stdout
    assert text.startswith(f"{name} ({family.number}), on {', '.join(family.platforms)}\n")
    for row in family.protocols:
        assert f"\n  {row.name}: " in text


def test_several_words_each_once() -> None:
    assert told("ENOTTY", "SOL_KCM", "ENOTTY").stdout.split("\n\n") == [
        told("ENOTTY").stdout.rstrip("\n"),
        told("SOL_KCM").stdout,
    ]


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("ENOBUF", "; did you mean 'ENOBUFS'?"),
        ("SO_REUSEPROT", "; did you mean 'SO_REUSEPORT'?"),
        ("blutooth", "; did you mean 'AF_BLUETOOTH'?"),
        ("0", ""),
        ("999", ""),
        ("\N{SUPERSCRIPT TWO}", ""),
        ("", ""),
    ],
)
def test_an_unknown_word(word: str, end: str) -> None:
    done = told(word)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == f"famsock explain: nothing is known of {word!r}{end}\n"


def test_what_is_known_is_told_beside_an_unknown_word() -> None:
    done = told("nonsense", "ENOTTY")
    assert done.exit_code == 1
    assert done.stdout == told("ENOTTY").stdout
    assert "'nonsense'" in done.stderr
    done = told("--json", "nonsense", "ENOTTY")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == answers("ENOTTY")


def test_no_word_is_a_wrong_usage() -> None:
    assert told().exit_code == 2


def test_a_family_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("famsock._registry._entry_points", dict)
    monkeypatch.setattr(explain, "plugins", Registry())
    assert told("can").stderr == (
        "famsock explain: nothing is known of 'can': pip install famsock-can\n"
    )
    assert told("RTM_GETLINK").stderr.endswith("pip install famsock-netlink\n")


def test_a_family_that_the_selection_excludes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "plugins", Registry("AF_UNIX"))
    done = told("can")
    assert done.exit_code == 1
    assert "is not among those that FAMSOCK_PLUGINS" in done.stderr


def completed(typed: str, *given: str) -> list[str]:
    context = click.Context(explain.explain)
    context.params["words"] = given
    parameter = explain.explain.params[-1]
    return [item.value for item in explain._completed(context, parameter, typed)]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ENOBU", ["ENOBUFS"]),
        ("enobu", ["enobufs"]),
        ("SO_BIND", ["SO_BINDTODEVICE", "SO_BINDTOIFINDEX"]),
        ("AF_VSOCK_TRANSPORT_V", ["AF_VSOCK_TRANSPORT_VIRTIO"]),
        ("VMADDR_CID_HO", ["VMADDR_CID_HOST"]),
        ("nothing", []),
    ],
)
def test_words_are_completed_as_they_are_begun(typed: str, found: list[str]) -> None:
    assert completed(typed) == found


def test_families_are_completed() -> None:
    assert completed("AF") == [*known_families(plugins)]  # as other tests have registered them


def test_an_empty_word_is_completed_with_families() -> None:
    assert completed("") == known_families(plugins)


def test_words_that_were_given_are_not_completed_again() -> None:
    assert completed("SO_BIND", "SO_BINDTODEVICE") == ["SO_BINDTOIFINDEX"]
