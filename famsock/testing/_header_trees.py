"""C headers to compare definitions with: the system's, and trees of other kernels.

``FAMSOCK_HEADERS="6.1=DIR:DIR;6.12=DIR:DIR"`` names trees by a label, oldest first; in this project
``python -m tests.lab headers`` prints them. Some of a kernel's headers (``net/bluetooth/*.h``) are
not made for user space and do not compile there. `distilled` takes the macros, enums and type
definitions from their text, one to a line. So a definition that needs more of the kernel than
`PRELUDE` gives can be left out without the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

VARIABLE = "FAMSOCK_HEADERS"
_BEHIND_EVERY_INTERNAL_HEADER = "kernel/linux/socket.h"

PRELUDE = """
#include <stdbool.h>
#include <linux/types.h>
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
typedef sa_family_t __kernel_sa_family_t;
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __counted_by(member)
#define __user
#define DECLARE_FLEX_ARRAY(type, name) struct { struct {} empty_##name; type name[]; }
#define BIT(n) (1UL << (n))
#define GENMASK(high, low) ((~0UL << (low)) & (~0UL >> (63 - (high))))
"""
"""Replacements of kernel headers for a distilled tree (linux/types.h, bits.h)."""


@attrs.frozen
class HeaderTree:
    """Include directories that are searched before the system's; none for the system's only."""

    label: str
    folders: tuple[Path, ...] = ()

    def find(self, header: str) -> Path | None:
        """Return the path of a header in one of this tree's folders."""
        return next((f / header for f in self.folders if (f / header).is_file()), None)

    def distilled(self, headers: Iterable[str]) -> list[str]:
        """Return macros, enums and types of this tree's kernel-internal headers, in lines."""
        found = [path for header in headers if (path := self.find(header)) is not None]
        if found and (behind := self.find(_BEHIND_EVERY_INTERNAL_HEADER)) is not None:
            found.append(behind)
        return [line for path in found for line in distilled(path.read_text(errors="replace"))]


SYSTEM = HeaderTree("system")


def header_trees() -> tuple[HeaderTree, ...]:
    """Return the trees that the environment names, oldest first; by default the system's headers.

    ValueError if the variable is not of the form ``label=dir:dir;label=dir``.
    """
    trees = []
    for item in filter(None, os.environ.get(VARIABLE, "").split(";")):
        label, equals, folders = item.partition("=")
        if not equals:
            raise ValueError(f"{VARIABLE} must be label=dir:dir;label=dir, not {item!r}")
        trees.append(HeaderTree(label.strip(), tuple(map(Path, folders.split(":")))))
    return tuple(trees) or (SYSTEM,)


_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+\w.*$", re.MULTILINE)
_DECLARES_TYPE = re.compile(r"^\s*(?:typedef\s+)?(?:enum|struct|union)\b[^;{]*$")


def distilled(text: str) -> list[str]:
    """Return the definitions in a header's text that can be asked about, one to a line."""
    plain = _COMMENT.sub(" ", text).replace("\\\n", " ")
    defines = [line.strip() for line in _DEFINE.findall(plain)]
    code = "\n".join(line for line in plain.splitlines() if not line.lstrip().startswith("#"))
    return [*defines, *_types(code)]


def _types(code: str) -> Iterator[str]:
    """Yield the type definitions at the top level of preprocessor-free code."""
    start = position = 0
    while (brace := code.find("{", position)) >= 0:
        head = code[start:brace].rpartition(";")[2]
        end = _closing(code, brace)
        semicolon = code.find(";", end)
        if _DECLARES_TYPE.match(head) and semicolon >= 0:
            yield " ".join((head + code[brace : semicolon + 1]).split())
            end = semicolon + 1
        start = position = end


def _closing(code: str, brace: int) -> int:
    depth = 0
    for at in range(brace, len(code)):
        depth += (code[at] == "{") - (code[at] == "}")
        if depth == 0:
            return at + 1
    return len(code)
