"""``python -m tests.uapi``: constants and members of the C headers that famsock does not have.

The headers are those that the families state in HEADERS and in their structs, of the newest tree in
FAMSOCK_HEADERS, or of the newest kernel of the lab; without both, the system's. So what a new
kernel brings is one command::

    python -m tests.lab install --kernel 7
    python -m tests.uapi --since 6.12

A line of a constant is the header, the name and its value. A line of a struct is its header, its
name, its size there and its size in famsock: newer kernels only append to a struct.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from famsock import constants, plugins
from famsock._struct import Struct
from famsock.testing import _probe
from famsock.testing._header_trees import SYSTEM, HeaderTree, distilled, header_trees
from famsock.testing._subject import Subject

from .lab import qemu

_DEFINED = re.compile(r"#\s*define\s+(\w+)(?!\w|\()")
_ENUM = re.compile(r"\benum\b[^{;]*\{([^}]*)\}")
_ENUMERATOR = re.compile(r"(?:^|,)\s*(\w+)")
_IN_PARENTHESES = re.compile(r"\([^()]*\)")
_GENERIC = re.compile(r"^\s*#\s*include\s*<(asm-generic/\S+)>", re.MULTILINE)
_SYSTEM_FOLDER = Path("/usr/include")


def names_in(header: str) -> list[str]:
    """Return the names of macros without parameters and of enumerators in a header's text.

    Names that begin with an underscore are the header's own, and left out.
    """
    found: dict[str, None] = {}
    for line in distilled(header):
        if name := _DEFINED.match(line):
            found[name[1]] = None
        for enum in _ENUM.findall(line):
            body = enum
            while body != (body := _IN_PARENTHESES.sub("", body)):
                pass
            found |= dict.fromkeys(_ENUMERATOR.findall(body))
    return [name for name in found if not name.startswith("_")]


def text_of(tree: HeaderTree, header: str) -> str:
    """Return the text of a header, and of what its asm-generic namesake has; "" without it."""
    path = tree.find(header) or (None if tree.folders else _SYSTEM_FOLDER / header)
    if path is None or not path.is_file():
        return ""
    text = path.read_text(errors="replace")
    generic = "".join(text_of(tree, name) for name in _GENERIC.findall(text))
    return f"{text}\n{generic}"


def declared(tree: HeaderTree, headers: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the integer constants that each header of a tree declares by itself, with values."""
    found: dict[str, dict[str, int]] = {}
    for header in headers:
        if names := names_in(text_of(tree, header)):
            answers = _probe.ask_each(tree, [header], {name: name for name in names})
            found[header] = {n: v for n in names if isinstance(v := answers.get(n), int)}
    return found


def lacking(
    known: Iterable[str], newest: Mapping[str, Mapping[str, int]], older: Iterable[str] = ()
) -> Iterator[tuple[str, str, int]]:
    """Yield header, name and value of the constants that are not known, each name once.

    :param known: the names that famsock has.
    :param newest: what :func:`declared` gives of the newest tree.
    :param older: names that are left out, as an older tree has them.
    """
    seen = {*known, *older}
    for header, names in newest.items():
        for name, value in names.items():
            if name not in seen:
                seen.add(name)
                yield header, name, value


def longer(
    tree: HeaderTree, structs: Iterable[type[Struct]]
) -> Iterator[tuple[str, str, int, int]]:
    """Yield header, name, size there and size in famsock of the structs that are longer there."""
    for cls in structs:
        question = f"sizeof({cls.layout.c_name})"
        size = _probe.ask_together(tree, cls.layout.headers, {question: question})[question]
        if isinstance(size, int) and size > cls.layout.size:
            yield cls.layout.headers[-1], cls.layout.c_name, size, cls.layout.size


def trees() -> tuple[HeaderTree, ...]:
    """Return the trees to compare, oldest first: FAMSOCK_HEADERS', the lab's, or the system's."""
    named = header_trees()
    if named != (SYSTEM,):
        return named
    installed = [kernel for kernel in qemu.KERNELS.values() if kernel.root.exists()]
    return tuple(HeaderTree(k.series, k.include_dirs) for k in installed) or named


def subjects(families: Sequence[str]) -> list[Subject]:
    """Return the families of these names; of the distributions here, if no name is given.

    :raises LookupError: no plugin supplies a family.
    """
    names = families or [family.name for family in plugins.families()]
    chosen = [Subject.named(name) for name in names]
    return [subject for subject in chosen if subject.family.here]


def main(arguments: Sequence[str]) -> int:
    available = {tree.label: tree for tree in trees()}
    *_, newest = available
    top = argparse.ArgumentParser(prog="python -m tests.uapi", description=__doc__)
    top.add_argument("families", nargs="*", metavar="FAMILY", help="as AF_INET; default: all")
    top.add_argument("--kernel", choices=available, default=newest, help="default: %(default)s")
    top.add_argument("--since", choices=available, help="leave out what these headers have too")
    options = top.parse_args(arguments)
    tree = available[options.kernel]
    everything = subjects([])
    chosen = subjects(options.families)
    headers = [header for subject in chosen for header in subject.headers()]
    if not options.families:
        headers += constants.HEADERS
    headers = list(dict.fromkeys(headers))
    known = {*vars(constants)}.union(*(subject.constants_module() for subject in everything))
    older = declared(available[options.since], headers) if options.since else {}
    rows = lacking(known, declared(tree, headers), (name for d in older.values() for name in d))
    for header, name, value in rows:
        print(header, name, value, sep="\t")
    structs = [cls for subject in chosen for cls in subject.layouts()]
    for header, name, size, ours in longer(tree, dict.fromkeys(structs)):
        print(header, name, f"{size} bytes, not {ours}", sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
