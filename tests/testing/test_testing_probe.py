"""The header probe: right answers, absent names, headers that are not made for user space."""

from __future__ import annotations

from pathlib import Path

import pytest

from famsock.testing import _header_trees, _probe
from famsock.testing._header_trees import SYSTEM, HeaderTree, distilled

pytestmark = pytest.mark.needs_command("cc", package="gcc")

INTERNAL = """
#include <linux/nothing_that_user_space_has.h>
/* #define COMMENTED 1 */
#define PLAIN 5 /* five */
#define CONTINUED \\
    6
#define WIDE (1ULL << 63)
#define NEGATIVE (-3)
#define STRING "text"
#define CODE(x) ((x) + 1)
#define CALLED CODE(PLAIN)
enum state { FIRST, SECOND = 4, THIRD };
struct __packed_other;
struct kernel_only { struct mutex lock; };
struct holds_kernel_only { struct kernel_only inner; };
struct tiny { __u8 a; __le16 b; } __packed;
typedef struct { u8 b[6]; } __packed address_t;
struct holder { struct tiny t; address_t at; u32 last; };
static inline int function(struct tiny *t)
{
    if (t) { return 1; }
    return 0;
}
extern int declared(void);
union both { u8 one; u64 eight; };
"""


def asked(tree: HeaderTree, *expressions: str, header: str = "internal.h") -> _probe.Answers:
    return _probe.ask_each(tree, [header], {e: e for e in expressions})


@pytest.fixture
def tree(tmp_path: Path) -> HeaderTree:
    (tmp_path / "internal.h").write_text(INTERNAL)
    (tmp_path / "plain.h").write_text("#define PLAIN 7\n#define BROKEN (no_such_name + 1)\n")
    (tmp_path / "also.h").write_text("#define PLAIN 8\n#define OTHER 9\n")
    return HeaderTree("kit", (tmp_path,))


def test_numbers_of_the_system() -> None:
    answers = asked(SYSTEM, "SOCK_DGRAM", "sizeof(struct linger)", header="sys/socket.h")
    assert answers == {"SOCK_DGRAM": 2, "sizeof(struct linger)": 8}


def test_names_that_are_not_there_are_told() -> None:
    answers = asked(SYSTEM, "SOCK_DGRAM", "SOCK_NO_SUCH", header="sys/socket.h")
    assert answers == {"SOCK_DGRAM": 2, "SOCK_NO_SUCH": "not declared: SOCK_NO_SUCH"}


def test_header_that_is_not_there_answers_nothing() -> None:
    assert asked(SYSTEM, "PLAIN", header="no/such.h") == {}
    answers = _probe.ask_together(SYSTEM, ["no/such.h"], {"x": "PLAIN"})
    assert "no/such.h" in str(answers["x"])


def test_internal_header_is_distilled(tree: HeaderTree) -> None:
    assert asked(
        tree,
        *("PLAIN", "CONTINUED", "WIDE", "NEGATIVE", "CALLED", "SECOND", "THIRD"),
        *("sizeof(struct tiny)", "offsetof(struct tiny, b)", "sizeof(address_t)"),
        *("sizeof(struct holder)", "offsetof(struct holder, last)", "sizeof(union both)"),
    ) == {
        "PLAIN": 5,
        "CONTINUED": 6,
        "WIDE": 1 << 63,
        "NEGATIVE": -3,
        "CALLED": 6,
        "SECOND": 4,
        "THIRD": 5,
        "sizeof(struct tiny)": 3,
        "offsetof(struct tiny, b)": 1,
        "sizeof(address_t)": 6,
        "sizeof(struct holder)": 16,
        "offsetof(struct holder, last)": 12,
        "sizeof(union both)": 8,
    }


def test_what_needs_more_of_the_kernel_is_left_out(tree: HeaderTree) -> None:
    answers = asked(tree, "PLAIN", "sizeof(struct holds_kernel_only)", "COMMENTED", "STRING")
    assert answers["PLAIN"] == 5
    assert all(isinstance(answers[key], str) for key in answers if key != "PLAIN")


def test_a_name_that_does_not_compile_spoils_no_other(tree: HeaderTree) -> None:
    answers = asked(tree, "PLAIN", "BROKEN", header="plain.h")
    assert answers["PLAIN"] == 7
    assert isinstance(answers["BROKEN"], str)


def test_headers_that_disagree_are_told(tree: HeaderTree) -> None:
    answers = _probe.ask_each(tree, ["plain.h", "also.h"], {"PLAIN": "PLAIN", "OTHER": "OTHER"})
    assert answers == {"PLAIN": "headers disagree: 7 and 8", "OTHER": 9}


def test_distilled_lines_hold_no_functions() -> None:
    text = "\n".join(distilled(INTERNAL))
    assert "function" not in text
    assert "declared(" not in text
    assert "struct tiny { __u8 a; __le16 b; } __packed;" in text.splitlines()


def test_trees_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_header_trees.VARIABLE, raising=False)
    assert _header_trees.header_trees() == (SYSTEM,)
    monkeypatch.setenv(_header_trees.VARIABLE, "6.1=/a:/b;6.12=/c;")
    assert _header_trees.header_trees() == (
        HeaderTree("6.1", (Path("/a"), Path("/b"))),
        HeaderTree("6.12", (Path("/c"),)),
    )
    monkeypatch.setenv(_header_trees.VARIABLE, "/usr/include")
    with pytest.raises(ValueError, match="label=dir:dir"):
        _header_trees.header_trees()
