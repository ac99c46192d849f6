"""The comparison of C headers with what famsock has."""

from __future__ import annotations

from pathlib import Path

import pytest

from famsock import cstruct
from famsock.testing import _probe
from famsock.testing._header_trees import HeaderTree

from . import uapi

HEADER = """
#ifndef KIT_H
#define KIT_H
#define KIT_LOW 1 /* , KIT_COMMENT = 2 */
#  define KIT_SUM (KIT_LOW + KIT_BASE)
#define KIT_OF(x) ((x) + 1)
#define KIT_NAME "kit"
#define __KIT_OWN 9
enum { KIT_BASE = 7, KIT_NEXT,
       KIT_CALLED = KIT_OF(KIT_NEXT), __KIT_MAX };
enum kit_kind { KIT_ONE = (1 << 0), KIT_TWO = (1 << 1) };
typedef enum { KIT_RED, } kit_colour;
struct kit { int first; int second; };
#endif
"""
CONSTANTS = {
    "KIT_LOW": 1,
    "KIT_SUM": 8,
    "KIT_BASE": 7,
    "KIT_NEXT": 8,
    "KIT_CALLED": 9,
    "KIT_ONE": 1,
    "KIT_TWO": 2,
    "KIT_RED": 0,
}

needs_compiler = pytest.mark.skipif(
    _probe.compiler() is None, reason="needs a C compiler: install gcc, or set CC"
)


def tree(folder: Path, **headers: str) -> HeaderTree:
    """Return a tree with these headers, whose names lack the suffix."""
    for name, text in headers.items():
        path = folder / f"{name.replace('__', '/')}.h"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return HeaderTree(folder.name, (folder,))


def test_names_of_macros_and_enumerators() -> None:
    names = uapi.names_in(HEADER)
    assert sorted(names) == sorted([*CONSTANTS, "KIT_H", "KIT_NAME"])


@needs_compiler
def test_constants_that_a_header_declares_have_values(tmp_path: Path) -> None:
    newest = tree(tmp_path, kit=HEADER, other='#include "kit.h"\n#define OTHER KIT_LOW\n')
    assert uapi.declared(newest, ["kit.h", "other.h", "absent.h"]) == {
        "kit.h": CONSTANTS,
        "other.h": {"OTHER": 1},
    }


@needs_compiler
def test_a_header_of_a_machine_has_what_is_generic(tmp_path: Path) -> None:
    newest = tree(
        tmp_path,
        asm__kit="#include <asm-generic/kit.h>\n",
        **{"asm-generic__kit": "#define KIT_GENERIC 5\n"},
    )
    assert uapi.declared(newest, ["asm/kit.h"]) == {"asm/kit.h": {"KIT_GENERIC": 5}}


def test_what_is_lacking_is_named_once() -> None:
    newest = {"a.h": {"KNOWN": 1, "OLD": 2, "NEW": 3}, "b.h": {"NEW": 3, "NEWER": 4}}
    assert list(uapi.lacking({"KNOWN"}, newest, {"OLD"})) == [
        ("a.h", "NEW", 3),
        ("b.h", "NEWER", 4),
    ]


@needs_compiler
def test_structs_that_are_longer(tmp_path: Path) -> None:
    @cstruct.struct("struct kit", header="kit.h")
    class Kit(cstruct.Struct):
        first: int = cstruct.i32("first")

    @cstruct.struct("struct none", header="kit.h")
    class NotThere(cstruct.Struct):
        first: int = cstruct.i32("first")

    newest = tree(tmp_path, kit=HEADER)
    assert list(uapi.longer(newest, [Kit, NotThere])) == [("kit.h", "struct kit", 8, 4)]


@needs_compiler
def test_the_command_shows_what_a_family_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = "#include <sys/un.h>\n#define UNIX_PATH_MAX 108\n#define UNIX_EARLIER 6\n"
    tree(tmp_path / "old", linux__un=begin)
    tree(tmp_path / "new", linux__un=f"{begin}#define UNIX_LATER 0x10\n")
    folders = [f"{name}={tmp_path / name}" for name in ("old", "new")]
    monkeypatch.setenv("FAMSOCK_HEADERS", ";".join(folders))
    assert uapi.main(["AF_UNIX"]) == 0
    lines = ["linux/un.h\tUNIX_EARLIER\t6", "linux/un.h\tUNIX_LATER\t16"]
    assert capsys.readouterr().out.splitlines() == lines
    assert uapi.main(["AF_UNIX", "--since", "old"]) == 0
    assert capsys.readouterr().out.splitlines() == lines[1:]
    assert uapi.main(["AF_UNIX", "--kernel", "old"]) == 0
    assert capsys.readouterr().out.splitlines() == lines[:1]


def test_a_family_without_a_plugin_is_an_error() -> None:
    with pytest.raises(LookupError, match="no plugin supplies AF_NONE"):
        uapi.subjects(["AF_NONE"])
