"""The commands of the pages: each names programs, modules, options and files that there are.

A page's commands are not all run: many would change the machine, or take hours. What this module
looks at is the same for all of them. A command of famsock is parsed by its own parser, one of
``python -m tests.…``, ``tools.…`` and ``benchmarks`` too, and pytest's by pytest. uv's and pip's
name groups, extras and packages of this repository. Any other program is one of `OTHERS`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^( *)```sh\b[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`((?:famsock |pip |python3? -m |uv )[^`]+)`(?!`)")
_PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]+\b|…|\[|<")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SEPARATORS = {"&&", "||", ";", "|", "&", "("}
_REDIRECTIONS = {">", ">>", "<"}
OTHERS = frozenset(
    shlex.split("""
        apk apt-get bluetoothctl btvirt candump cansend cat cd chmod cibuildwheel cp docker done
        echo eval exec export for git grep install ip kill ls man mkdir modprobe mv nsenter openssl
        rm sh sleep socat source ss sudo systemctl systemd-run systemd-socket-activate tc tcpdump
        tee test timeout touch unshare until wait
    """)
)
"""Programs that are neither of Python nor of this repository, and words of the shell."""
_UV_VALUES = {"--group", "--only-group", "--with", "--reinstall-package", "--extra"}
_UV_FLAGS = {"--reinstall", "-q", "--no-deps", "--no-sync"}
_PYTHON_VALUES = {"-W", "-X"}
_PIP_VALUES = {
    "--find-links",
    "--index-url",
    "--only-binary",
    "--platform",
    "--python-version",
    "--target",
    "-c",
    "-d",
    "-e",
    "-r",
    "-t",
    "-w",
}
_PYPROJECT: Any = tomllib.loads((ROOT / "pyproject.toml").read_text())
_GROUPS: dict[str, list[Any]] = _PYPROJECT["dependency-groups"]
_GROUPED = {
    re.split(r"\W", each.replace("-", "_"))[0]
    for group in _GROUPS.values()
    for each in group
    if isinstance(each, str)
}
_EXTRAS: dict[str, list[str]] = _PYPROJECT["project"]["optional-dependencies"]
_OWN_MODULES = {"famsock", "tests", "tools", "benchmarks"}
_OWN = {"famsock", *(f"famsock-{path.name}" for path in (ROOT / "plugins").iterdir())}


def in_blocks(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of each command of a page's blocks, and its line."""
    text = page.read_text()
    for block in _FENCE.finditer(text):
        line = text.count("\n", 0, block.start(2)) + 1
        for place, words in in_script(block[2]):
            yield line + place, words


def in_sentences(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of each command that the text of a page names, and its line."""
    text = page.read_text()
    for shown in _INLINE.finditer(text):
        if not _PLACEHOLDER.search(shown[1]):
            line = text.count("\n", 0, shown.start()) + 1
            for _, words in in_script(" ".join(shown[1].split())):
                yield line, words


def in_script(script: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of each simple command of a script, and the number of lines before it."""
    lines, begun, place = script.splitlines(), "", 0
    for at, line in enumerate(lines):
        if not begun:
            place = at
        begun += line
        if begun.endswith("\\"):
            begun = begun[:-1] + " "
            continue
        try:
            words = _words(begun)
        except ValueError:  # a quotation goes on
            begun += "\n"
            continue
        begun = ""
        yield from ((place, command) for command in _simple(words))


def _words(line: str) -> list[str]:
    splitter = shlex.shlex(line, posix=True, punctuation_chars=True)
    splitter.whitespace_split = True
    return list(splitter)


def _simple(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield simple commands without redirections and variables that are set for them."""
    command: list[str] = []
    rest = iter([*words, ";"])
    for word in rest:
        if word in _SEPARATORS:
            if command:
                yield command
            command = []
        elif word in _REDIRECTIONS:
            next(rest)
        elif command or not (_ASSIGNMENT.match(word) or word in {")", "do", "then"}):
            command.append(word)


def faults(words: Sequence[str], parsed: Callable[[str, Sequence[str]], str]) -> Iterator[str]:
    """Yield what is wrong with a command.

    ``parsed`` returns what the parser of a module, or "famsock" or "pytest", says to arguments.
    """
    program, *arguments = words
    name = Path(program).name
    if name in {"python", "python3"}:
        yield from _python(arguments, parsed)
    elif name in {"famsock", "pytest"}:
        yield parsed(name, arguments)
    elif name in {"uv", "pip", "uvx"}:
        yield from {"uv": _uv, "pip": _pip, "uvx": _third_party}[name](arguments, parsed)
    elif name == "env":
        found = [*_simple(arguments)]
        yield from (fault for each in found for fault in faults(each, parsed))
    elif name == "sh" and "-c" in arguments:
        script = arguments[arguments.index("-c") + 1]
        for _, each in in_script(script):
            yield from faults(each, parsed)
    elif name not in OTHERS:
        yield from _third_party([name], parsed)


def _python(arguments: Sequence[str], parsed: Callable[..., str]) -> Iterator[str]:
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] not in {"-m", "-c"}:
        del rest[: 2 if rest[0] in _PYTHON_VALUES else 1]
    if rest[:1] != ["-m"]:
        return  # a file, or a program in the command itself
    _, module, *given = rest
    if module in {"uv", "pip", "pytest", "famsock"}:
        yield from faults([module, *given], parsed)
    elif module.partition(".")[0] in _OWN_MODULES:
        yield from _of_repository(module, given, parsed)
    elif module.partition(".")[0] not in {*sys.stdlib_module_names, "package", "test"}:
        yield from _third_party([module], parsed)


def _of_repository(
    module: str, arguments: Sequence[str], parsed: Callable[..., str]
) -> Iterator[str]:
    sources = _sources(module)
    if not sources:
        yield f"there is no module {module}"
    elif "ArgumentParser" not in sources:
        own, command = arguments, []
        if module == "tests.platforms":
            own, command = arguments[:1], ["-m", *arguments[1:]]
        yield from (f"{module} knows no {each}" for each in own if f'"{each}"' not in sources)
        yield from _python(command, parsed)
    if "ArgumentParser" not in sources:
        return
    yield parsed(module, arguments)
    if "--" in arguments:
        rest = arguments[arguments.index("--") + 1 :]
        if module == "tests.lab" and arguments[0] == "exec":
            yield from faults(rest, parsed)
        elif "--program" in arguments:
            yield from _python(rest, parsed)
        else:
            yield parsed("pytest", rest)


def _sources(module: str) -> str:
    """The text of a module that can be run, with that of its package; "" without such a module."""
    place = ROOT.joinpath(*module.split("."))
    if (place / "__main__.py").exists():
        return "".join(path.read_text() for path in place.glob("*.py"))
    file = place.with_suffix(".py")
    return file.read_text() if file.exists() else ""


def _uv(arguments: Sequence[str], parsed: Callable[..., str]) -> Iterator[str]:
    action, *rest = arguments
    if action == "pip":
        yield from _pip(rest, parsed)
        return
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in _UV_VALUES:
            value = rest.pop(0)
            if option.endswith("group") and value not in _GROUPS:
                yield f"pyproject.toml has no group {value}"
            if option == "--reinstall-package" and value not in _OWN:
                yield f"there is no package {value}"
        elif option not in _UV_FLAGS:
            yield f"uv {action} {option}: add it to the options of uv if it exists"
    if action == "run" and rest:
        yield from faults(rest, parsed)
    elif action not in {"python", "run", "sync"}:
        yield f"uv {action}"


def _pip(arguments: Sequence[str], _parsed: object) -> Iterator[str]:
    rest = list(arguments[1:])
    while rest:
        word = rest.pop(0)
        if word in _PIP_VALUES:
            del rest[:1]
        named = re.fullmatch(r"(famsock[\w-]*)(?:\[([\w,-]+)\])?", word)
        if named and named[1] not in _OWN and not named[1].endswith(("-guide", "-more")):
            yield f"there is no package {named[1]}"
        if named and named[1] == "famsock" and named[2]:
            yield from (
                f"there is no extra {each}" for each in named[2].split(",") if each not in _EXTRAS
            )


def _third_party(arguments: Sequence[str], _parsed: object) -> Iterator[str]:
    """A program of a package that a group of pyproject.toml has, or that pages only mention."""
    if arguments[0] not in OTHERS and arguments[0].replace("-", "_") not in _GROUPED:
        yield f"no group of pyproject.toml has {arguments[0]}"


# The parsers, which run in another interpreter


class _ParsedError(Exception):
    """Raised in place of what would follow on parsing."""


def _parse_module(module: str, arguments: Sequence[str]) -> None:
    """Run a module up to its parsing of arguments."""
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    raise SystemExit(f"{module} parses nothing")


def _parse_famsock(arguments: Sequence[str]) -> None:
    import click

    from famsock._cli import main as group

    if arguments:
        name, command, rest = group.resolve_command(click.Context(group), list(arguments))
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):
                parameter.type.exists = False  # a file of the reader's
        command.make_context(name, rest)
    raise _ParsedError


def _parse_pytest(arguments: Sequence[str]) -> None:
    from _pytest.config import _prepareconfig

    config = _prepareconfig(list(arguments))
    for each in config.known_args_namespace.file_or_dir:
        if not each.startswith("..") and not [*ROOT.glob(each.partition("::")[0])]:
            raise SystemExit(f"there is no {each}")
    raise _ParsedError


def _answer(name: str, arguments: Sequence[str]) -> str:
    """Return what a parser says to arguments; "" if it takes them."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            if name == "famsock":
                _parse_famsock(arguments)
            elif name == "pytest":
                _parse_pytest(arguments)
            else:
                _parse_module(name, arguments)
    except _ParsedError:
        return ""
    except ModuleNotFoundError as error:
        # Of a group of pyproject.toml that is not installed here.
        own = (error.name or "").partition(".")[0] in _OWN_MODULES
        return f"{name}: {error}" if own else ""
    except (Exception, SystemExit) as error:
        said = told.getvalue().strip().splitlines()[-1:]
        return f"{shlex.join([name, *arguments])}: {' '.join(said) or repr(error)}"
    raise AssertionError(name)


def main() -> None:
    """Parse the arguments in a JSON list, and write what the parsers say."""
    original = argparse.ArgumentParser.parse_args

    def parse_only(parser: Any, *given: Any) -> NoReturn:
        original(parser, *given)
        raise _ParsedError

    argparse.ArgumentParser.parse_args = parse_only  # type: ignore[method-assign,assignment]
    json.dump([_answer(*each) for each in json.load(sys.stdin)], sys.stdout)


def answers(asked: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Return what each parser says to its arguments; "" if it takes them."""
    different = dict.fromkeys((name, tuple(arguments)) for name, arguments in asked)
    done = subprocess.run(
        [sys.executable, "-m", "tests.commands"],
        input=json.dumps([*different]),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    told = dict(zip(different, json.loads(done.stdout), strict=True))
    return [told[name, tuple(arguments)] for name, arguments in asked]


if __name__ == "__main__":
    main()
