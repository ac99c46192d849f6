"""The command ``famsock explain``: an errno, a constant or a family, by what the plugins state.

Lines are never broken, so that what they advise can be pasted.
"""

from __future__ import annotations

import errno
import json
import os
import socket as _stdlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click
from click.shell_completion import CompletionItem

from famsock import _index
from famsock._cli.words import examples, family_named
from famsock._hints import did_you_mean
from famsock._registry import plugins
from famsock._registry.missing import known_families, like_family, why_missing, why_no_family
from famsock.family import ANY_PROTOCOL, Family, Protocol

_ACCESS = {"rw": "read and write", "r": "read only", "w": "write only", "": ""}
_FEW_LETTERS = 3
"""So many letters the shell's user types before constants are looked for: they are thousands."""


def _completed(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the errnos, families and constants that begin so, as the shell's user types."""
    given = {word.upper() for word in ctx.params.get("words") or ()}
    typed = incomplete.upper()
    names = {*_errnos(), *known_families(plugins)}
    if len(typed) >= _FEW_LETTERS:
        names |= {each.name for each in _constants()}
    else:
        names = {name for name in names if incomplete or not name.startswith("E")}
    return [
        CompletionItem(name.lower() if incomplete[:1].islower() else name)
        for name in sorted(names - given)
        if name.upper().startswith(typed)
    ]


@click.command(
    epilog=examples("explain ENOBUFS", "explain SO_MARK RTM_GETLINK", "explain --json can")
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("words", nargs=-1, required=True, metavar="WORD...", shell_complete=_completed)
def explain(as_json: bool, words: tuple[str, ...]) -> None:
    """Explain errnos, constants and families, each a WORD: ENOBUFS or 105, SO_MARK, can or AF_CAN.

    Of an errno it tells what it can mean in each family, how to find out, and what helps. Of a
    constant it tells the value, and what an option or a control message of this name is. The exit
    status is 1 if a word is not known.
    """
    answers, unknown = [], []
    for word in dict.fromkeys(words):
        try:
            answers.append(_answer(word))
        except LookupError as error:
            unknown.append(str(error))
    if as_json:
        click.echo(json.dumps(answers, indent=2))
    else:
        click.echo("\n\n".join("\n".join(_lines(answer)) for answer in answers), nl=bool(answers))
    for told in unknown:
        click.echo(f"famsock explain: {told}", err=True)
    if unknown:
        sys.exit(1)


def _answer(word: str) -> dict[str, Any]:
    """Return what is known of a word; LookupError, with what is like it, if nothing is."""
    name = word.upper().replace("-", "_")
    number = int(word) if word.isascii() and word.isdigit() else getattr(errno, name, None)
    if isinstance(number, int) and number in errno.errorcode:
        return _of_errno(number)
    family = family_named(word)
    if family in plugins.names():
        return _of_family(family)
    found = _of_constant(name)
    if found is not None:
        return found
    raise LookupError(_why_unknown(word, name))


def _why_unknown(word: str, name: str) -> str:
    family = family_named(word)
    if why := why_no_family(plugins, family) or why_missing(plugins, name):
        return f"nothing is known of {word!r}: {why}"
    known = {*_errnos(), *(each.name for each in _constants())}
    end = like_family(plugins, word) or did_you_mean(name, sorted(known))
    return f"nothing is known of {word!r}{end}"


def _errnos() -> list[str]:
    """Return the names of errnos, EWOULDBLOCK too, which is EAGAIN's other name."""
    return [name for name, value in vars(errno).items() if isinstance(value, int)]


def _constants() -> list[_index.Constant]:
    """Return the constants of the core, of the installed families, and of the stdlib's socket."""
    found = _index.constants([*plugins.families()])
    known = {each.name for each in found}
    others = ((name, getattr(_stdlib, name)) for name in dir(_stdlib) if name.isupper())
    return found + [
        _index.Constant(name, int(value), (), "socket", "")
        for name, value in others
        if name not in known and isinstance(value, int)
    ]


def _of_errno(number: int) -> dict[str, Any]:
    found = [each for each in _index.troubles(plugins.families()) if each.errno == number]
    return {
        "errno": _index.errno_name(number),
        "number": number,
        "text": os.strerror(number),
        "causes": [_cause(each) for each in found],
    }


def _cause(trouble: _index.Trouble, family: str = "") -> dict[str, Any]:
    hint = trouble.hint
    return {
        "errno": trouble.errno_name,
        "means": hint.cause,
        "certain": trouble.certain,
        "check": hint.check,
        "cure": trouble.cure,
        "where": [place._asdict() for place in trouble.places if family in ("", place.family)],
    }


def _of_constant(name: str) -> dict[str, Any] | None:
    families = [*plugins.families()]
    values = [each for each in _constants() if each.name.upper() == name]
    rows = [each for each in _index.rows(families) if each.name == name]
    if not values and not rows:
        return None
    return {
        "constant": values[0].name if values else name,
        "values": [each._asdict() for each in values],
        "rows": [each._asdict() for each in rows],
    }


def _of_family(name: str) -> dict[str, Any]:
    """Return what a family's description states; LookupError if its plugin does not load."""
    try:
        family = plugins.family(name)
    except ImportError as error:
        raise LookupError(f"{name}: {error}") from None
    if family is None:
        raise LookupError(f"{name}: {why_no_family(plugins, name)}")
    rows = [each for each in _index.rows([family]) if each.families]
    return {
        "family": name,
        "number": family.number,
        "platforms": family.platforms,
        "protocols": [_protocol(family, row) for row in family.protocols],
        "constants": len([each for each in _index.constants([family]) if each.families]),
        "options": [each.name for each in rows if each.kind == _index.OPTION],
        "control": [each.name for each in rows if each.kind == _index.CONTROL_MESSAGE],
        "causes": [_cause(each, name) for each in _index.troubles([family])],
    }


def _protocol(family: Family, row: Protocol) -> dict[str, Any]:
    return {
        "name": row.name,
        "number": row.number,
        "types": [_type_name(kind) for kind in row.types],
        "scheme": row.scheme,
        "modules": row.modules or family.modules,
        "capability": row.capability,
    }


def _type_name(kind: int) -> str:
    try:
        return _stdlib.SocketKind(kind).name
    except ValueError:
        return str(kind)


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of an answer for a reader."""
    if "family" in answer:
        yield from _lines_of_family(answer)
    elif "errno" in answer:
        yield "{errno} ({number}): {text}".format(**answer)
        yield from _lines_of_causes(answer["causes"], lambda cause: _where(cause["where"]))
        if not answer["causes"]:
            yield "No installed family has a hint for it."
    else:
        yield from _lines_of_constant(answer)


def _lines_of_causes(
    causes: Iterable[dict[str, Any]], title: Callable[[dict[str, Any]], Iterable[str]]
) -> Iterator[str]:
    for cause in causes:
        yield ""
        yield from title(cause)
        yield f"  {'means' if cause['certain'] else 'may mean'}: {cause['means']}"
        if cause["check"]:
            yield f"  to tell: {cause['check']}"
        if cause["cure"]:
            yield f"  what helps: {cause['cure']}"


def _where(places: Iterable[dict[str, Any]]) -> Iterator[str]:
    for place in places:
        calls = ", ".join(place["calls"]) or "every call"
        yield f"{place['family']} {', '.join(place['protocols'])}: {calls}"


def _lines_of_family(answer: dict[str, Any]) -> Iterator[str]:
    platforms = ", ".join(answer["platforms"])
    yield f"{answer['family']} ({answer['number']}), on {platforms}"
    for row in answer["protocols"]:
        number = "any other" if row["number"] is ANY_PROTOCOL else row["number"]
        parts = [f"  {row['name']}: {', '.join(row['types'])}, protocol {number}"]
        parts += [f"{row['scheme']}://"] if row["scheme"] else []
        parts += [f"modules {' '.join(row['modules'])}"] if row["modules"] else []
        parts += [f"needs {row['capability']}"] if row["capability"] else []
        yield ", ".join(parts)
    yield f"  {answer['constants']} constants"
    for kind, title in ("options", "options"), ("control", "control messages"):
        if answer[kind]:
            yield f"  {title}: {', '.join(answer[kind])}"
    yield from _lines_of_causes(
        answer["causes"],
        lambda cause: [
            f"{cause['errno']}, {place.partition(' ')[2]}" for place in _where(cause["where"])
        ],
    )


def _lines_of_constant(answer: dict[str, Any]) -> Iterator[str]:
    for each in answer["values"]:
        owners = f", {' and '.join(each['families'])}" if each["families"] else ""
        value = each["value"]
        shown = f"{value} (0x{value:x})" if isinstance(value, int) and value > 9 else repr(value)
        header = f", {each['header']}" if each["header"] else ""
        yield f"{each['name']} = {shown}{owners}{header}"
    for row in answer["rows"]:
        owners = " and ".join(row["families"]) or "every family"
        yield f"  {row['kind']} of {owners}, level {row['level_name']} ({row['level']})"
        access = f", {_ACCESS[row['access']]}" if row["access"] else ""
        yield f"    value: {row['type'] or row['c_type']} ({row['c_type']} in C){access}"
        if row["since"]:
            yield f"    since Linux {row['since']}"
        if row["module"]:
            yield f"    row: {row['module']}.{row['name']}"
