"""The text of endpoints: its parts with their places, its errors, and the values of its query.

``scheme[+type][+protocol]://address[?name=value&name=value]``. An error shows the text with a caret
under the mistake. Quoting is that of addresses, see :mod:`famsock._text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from famsock._lazy import PluginError
from famsock._text import quote, split, unquote
from famsock.codecs import REFUSALS, Codec, refusal_of_text
from famsock.cstruct import parse_bytes
from famsock.options import Option

_SHOWN = 72
_HEX = "hex:"
_SEPARATORS = re.compile("([,;:])")
_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"|(?<=not )([^\s'\",]+)")


class Part(str):
    """A part of an endpoint's text, with its place there."""

    start: int
    whole: str

    def __new__(cls, whole: str, start: int = 0, end: int | None = None) -> Part:
        part = super().__new__(cls, whole[start:end])
        part.start, part.whole = start, whole
        return part

    def pieces(self, separator: str) -> list[Part]:
        """Return the parts between separators that are neither quoted nor in brackets."""
        found, at = [], self.start
        for piece in split(str(self), separator) if self else [""]:
            found.append(Part(self.whole, at, at + len(piece)))
            at += len(piece) + len(separator)
        return found

    def divided(self, separator: str) -> tuple[Part, Part | None]:
        """Return the parts before and after the first separator; None where there is none."""
        before, found, _ = self.partition(separator)
        middle = self.start + len(before)
        end = self.start + len(self)
        first = Part(self.whole, self.start, middle)
        return first, Part(self.whole, middle + len(separator), end) if found else None

    def mistake(self, message: str) -> ValueError:
        """Return the error about this part: the message, the whole text, carets under the part."""
        shown = [_shown(character) for character in self.whole]
        end = self.start + len(self)
        first = max(0, self.start - _SHOWN // 2)
        last = min(len(shown), max(first + _SHOWN, min(end, self.start + _SHOWN // 2)))
        before = ("…" if first else "") + "".join(shown[first : self.start])
        under = "".join(shown[self.start : min(end, last)])
        after = "".join(shown[min(end, last) : last]) + ("…" if last < len(shown) else "")
        carets = "^" * max(1, len(under))
        return ValueError(f"{message}\n  {before}{under}{after}\n  {' ' * len(before)}{carets}")

    def mistake_in(self, error: Exception) -> ValueError:
        """Return the error about this part, with the carets under what ``error`` quotes of it."""
        message = str(error)
        part, shortest = self, len(self) + 1
        for match in _QUOTED.finditer(message):
            word = next(group for group in match.groups() if group)
            at = self.rfind(word)
            if at >= 0 and len(word) < shortest:
                start = self.start + at
                part, shortest = Part(self.whole, start, start + len(word)), len(word)
        if " has no " in message and shortest >= len(self):
            part = Part(self.whole, self.start + len(self), self.start + len(self))
        return part.mistake(message)

    def mistake_at_end(self, error: Exception) -> ValueError:
        """Return the error about this part, carets under the piece that ends ``error``.

        Pieces are between commas, semicolons and colons.
        """
        message = str(error)
        word = message.rpartition("not ")[2].strip("'\"")
        at = self.start
        for piece in _SEPARATORS.split(self):
            if piece and piece == word:
                return Part(self.whole, at, at + len(piece)).mistake(message)
            at += len(piece)
        return self.mistake(message)


def _shown(character: str) -> str:
    """The character as an error shows it, on one line."""
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def query_items(query: Part | None) -> Iterator[tuple[Part, Part]]:
    """Yield the names and values of a query; ValueError for an item without ``=``."""
    for item in query.pieces("&") if query is not None else ():
        name, value = item.divided("=")
        if value is None or not name:
            raise item.mistake(f"the query is name=value&name=value, not {str(item)!r}")
        yield name, value


def unquoted(value: Part) -> str:
    """Return the value that a part writes; ValueError for a backslash that quotes nothing."""
    try:
        return unquote(str(value))
    except ValueError as error:
        raise value.mistake(str(error)) from None


def joined(address: str, items: Iterable[tuple[str, str]]) -> str:
    """Return the text of an address with the items of a query behind it."""
    query = "&".join(f"{name}={quote(value)}" for name, value in items)
    if not query:
        return address
    return f"{address}{'&' if len(split(address, '?')) > 1 else '?'}{query}"


# Values of options


def read_value(row: Option[Any], text: str) -> Any:
    """Return the value of an option that ``text`` stands for; ValueError if there is none.

    An integer is decimal or begins with 0x, a flag is 0 or 1, the fields of a struct are separated
    by commas, the elements of an array by semicolons, bytes are hexadecimal. ``hex:`` opens the
    bytes of any value, as setsockopt(2) takes them.
    """
    if "w" not in row.access:
        raise ValueError(f"option {row.name} is read-only")
    value: Any = None
    try:
        if text.startswith(_HEX):
            value = row.codec.decode(parse_bytes(text.removeprefix(_HEX)))
        elif row.codec.parse is not None:
            value = row.codec.parse(text)
        else:
            return _first_that_fits(row, text)
        row.encode(value)
    except PluginError:
        raise
    except (*REFUSALS, AttributeError, BufferError, LookupError, OSError) as error:
        words = refusal_of_text(error, text)
        words = words.removeprefix("set_option(): ").removeprefix(f"{row.name} ")
        if row.codec.parse is None and not text.startswith(_HEX):
            words += "; hex: and hexadecimal digits write its bytes"
        raise ValueError(f"option {row.name}: {words}") from None
    return value


def _first_that_fits(row: Option[Any], text: str) -> Any:
    """The value for a codec that says nothing of its text: the first form that it takes."""
    refusal: Exception = ValueError("has no such value")
    for form in (_integer, _integers, str, bytes.fromhex):
        try:
            value = form(text)
        except ValueError:
            continue
        try:
            row.encode(value)
        except (*REFUSALS, AttributeError, LookupError, OSError) as error:
            refusal = error
            continue
        return value
    raise refusal


def _integer(text: str) -> int:
    return int(text, 0)


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(piece, 0) for piece in text.split(","))


def write_value(row: Option[Any], value: Any) -> str:
    """Return the text of an option's value, which `read_value` reads.

    ValueError if the codec refuses the value, or if no text writes it.
    """
    try:
        data = row.encode(value)
    except REFUSALS as error:
        raise ValueError(str(error)) from None
    for text in (_natural(row.codec, value), _HEX + data.hex()):
        if text is None:
            continue
        try:
            again = read_value(row, text)
        except ValueError:
            continue
        if again == value or row.encode(again) == data:
            return text
    raise ValueError(f"option {row.name}: no text writes {value!r}")


def _natural(codec: Codec[Any], value: Any) -> str | None:
    if codec.text is not None:
        return codec.text(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple) and all(type(item) is int for item in value):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, int | str) else None
