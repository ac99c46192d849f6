"""Questions to a C compiler: the values of constants, and the sizes and offsets of structs.

Each question is an integer constant expression. The compiler only translates to assembly, which has
the answers as text (the kernel makes asm-offsets.h in the same way). Nothing is linked or run. A
question that does not compile is left out, and the compiler's message is the answer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping

from famsock.testing._header_trees import PRELUDE, HeaderTree

Answers = dict[str, int | str]
"""A number for each question, or the reason why there is none."""

_FIRST = "#define _GNU_SOURCE\n" + "".join(
    f"#include <{header}>\n"
    for header in ("stddef.h", "stdint.h", "sys/types.h", "sys/socket.h", "sys/ioctl.h")
)
_ANSWER = re.compile(r"->famsock (\d+) \D?(-?\d+) \D?(\d)")
_ERROR = re.compile(r"^<stdin>:(\d+):(?:\d+:)? error: (.*)$", re.MULTILINE)
_ERROR_ELSEWHERE = re.compile(r"^(?!<stdin>:)\S+?:\d+:(?:\d+:)? (?:fatal )?error: .*", re.MULTILINE)
_WORD = re.compile(r"\w+")
_NAME = re.compile(r"[A-Za-z_]\w*")
_FLAGS = ("-w", "-fmax-errors=0", "-ftrack-macro-expansion=0", "-fno-diagnostics-show-caret")


class HeaderError(Exception):
    """A header that is missing, or does not compile in user space."""


def compiler() -> str | None:
    """Return the C compiler: $CC, or cc; None if there is none."""
    return shutil.which(os.environ.get("CC") or "cc")


def found(tree: HeaderTree, headers: Iterable[str]) -> set[str]:
    """Return those of the headers that a tree has.

    HeaderError if there are no C headers at all.
    """
    headers = tuple(headers)
    lines = [f"#if __has_include(<{h}>)\n->famsock {n}\n#endif" for n, h in enumerate(headers)]
    numbers = re.findall(r"^->famsock (\d+)$", _preprocessed(tree, [_FIRST, *lines]), re.MULTILINE)
    return {headers[int(number)] for number in numbers}


def version(tree: HeaderTree) -> tuple[int, ...]:
    """Return the Linux version of a tree's headers, as (6, 1); () if they do not tell it."""
    try:
        code = _ask(tree, _including(["linux/version.h"]), [], {"code": "LINUX_VERSION_CODE"})
    except HeaderError:
        return ()
    number = code["code"]
    return () if isinstance(number, str) else (number >> 16, number >> 8 & 0xFF)


def ask_each(tree: HeaderTree, headers: Iterable[str], questions: Mapping[str, str]) -> Answers:
    """Return the answers of each header to questions, asked separately to avoid clashes.

    If two headers give different answers, the answer is a text with both. A header of the tree that
    does not compile in user space is distilled, together with all others of that kind.
    """
    answers: Answers = {}
    internal = []
    for header in headers:
        try:
            _merge(answers, _ask(tree, _including((header,)), [], questions))
        except HeaderError:
            internal.append(header)
    if lines := tree.distilled(internal):
        _merge(answers, _ask(tree, _FIRST + PRELUDE, lines, questions))
    return answers


def ask_together(
    tree: HeaderTree,
    headers: Iterable[str],
    questions: Mapping[str, str],
    context: Iterable[str] = (),
) -> Answers:
    """Return the answers of headers, included together in this order, to questions.

    If they do not compile in user space, they are distilled, after those of ``context``. If the
    tree does not have them, every answer says so.
    """
    headers = tuple(headers)
    try:
        return _ask(tree, _including(headers), [], questions)
    except HeaderError as error:
        if not any(map(tree.find, headers)):
            return dict.fromkeys(questions, str(error).strip())
        lines = tree.distilled(dict.fromkeys((*context, *headers)))
        return _ask(tree, _FIRST + PRELUDE, lines, questions)


def _including(headers: Iterable[str]) -> str:
    return _FIRST + "".join(f"#include <{header}>\n" for header in headers)


def _merge(answers: Answers, more: Answers) -> None:
    for key, new in more.items():
        old = answers.setdefault(key, new)
        if isinstance(old, str) and isinstance(new, int):
            answers[key] = new
        elif isinstance(old, int) and isinstance(new, int) and old != new:
            answers[key] = f"headers disagree: {old} and {new}"


def _ask(tree: HeaderTree, head: str, lines: list[str], questions: Mapping[str, str]) -> Answers:
    """Return answers from a program of ``head``, the ``lines`` that compile, and the questions."""
    program = [*head.splitlines(), *lines]
    fixed = len(head.splitlines())
    words = set(_WORD.findall(_preprocessed(tree, program)))
    answers: Answers = {}
    asked: dict[int, str] = {}
    for key, expression in questions.items():
        if unknown := set(_NAME.findall(expression)) - words - _C_WORDS:
            answers[key] = f"not declared: {', '.join(sorted(unknown))}"
        else:
            asked[len(program)] = key
            program.append(_question(len(program), expression))
    assembly, errors = _translate(tree, program)
    while errors:
        for index, message in errors.items():
            if index < fixed:
                raise HeaderError(message)
            program[index] = ""
            if index in asked:
                answers[asked[index]] = message
        assembly, errors = _translate(tree, program)
    for index, value, negative in _ANSWER.findall(assembly):
        wrapped = int(value) < 0 and negative == "0"
        answers[asked[int(index)]] = int(value) + (wrapped << 64)
    return answers


_C_WORDS = frozenset({"sizeof", "offsetof", "struct", "union"})


def _question(index: int, expression: str) -> str:
    return (
        f"void famsock_{index}(void) {{ "
        f'__asm__ volatile("\\n.ascii \\"->famsock {index} %0 %1\\"" : : '
        f'"i"((long long)({expression})), "i"(({expression}) < 0)); }}'
    )


def _preprocessed(tree: HeaderTree, program: list[str]) -> str:
    done = _call(tree, program, "-E", "-dD", "-P")
    if done.returncode:
        raise HeaderError(done.stderr)
    return done.stdout


def _translate(tree: HeaderTree, program: list[str]) -> tuple[str, dict[int, str]]:
    """Return the assembly of a program, or the errors by index of its line."""
    done = _call(tree, program, "-S", "-O1", "-fno-pie", "-o", "-")
    if done.returncode == 0:
        return done.stdout, {}
    errors = {int(line) - 1: message for line, message in _ERROR.findall(done.stderr)}
    if not errors or _ERROR_ELSEWHERE.search(done.stderr):
        raise HeaderError(done.stderr)
    return "", errors


def _call(tree: HeaderTree, program: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    folders = [f"-I{folder}" for folder in tree.folders]
    return subprocess.run(
        [str(compiler()), *_FLAGS, *options, *folders, "-x", "c", "-"],
        input="\n".join(program) + "\n",
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        timeout=600,
        check=False,
    )
