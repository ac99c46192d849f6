r"""The text form of addresses: fields joined by colons, quoted so that every value survives.

The fields of the stdlib form come first, in its order; trailing fields that have their default are
left out. Fields beyond the stdlib form follow as ``?name=value&name=value``. A value that contains
a colon is in brackets, like IPv6 and Bluetooth addresses: ``[fe80::1%eth0]:80``. A backslash quotes
what would be misread. ``\xNN``, ``\uNNNN`` and ``\UNNNNNNNN`` write what does not print: a byte (of
a name that is not UTF-8, if it is over 7f), or a character by its number.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, ClassVar, Protocol, TypeGuard, TypeVar

    _T = TypeVar("_T")

    class _Fields(Protocol):
        """An address class as the text form uses it: its layout and the names of its fields."""

        layout: ClassVar[Any]
        family_name: ClassVar[str]
        stdlib_fields: ClassVar[tuple[str, ...]]


_SPECIAL = frozenset("\\[]?&=")
_ASCII_MAX = 0x7F
_ESCAPED = 0xDC00  # where surrogateescape puts a byte, see PEP 383
_OCTETS_ESCAPED = range(0x80, 0x100)
_DIGITS = {"x": 2, "u": 4, "U": 8}
_HEX = frozenset("0123456789abcdefABCDEF")


def quote(value: str) -> str:
    """Return ``value`` quoted for use between colons."""
    body = "".join(_quote_character(c) for c in value)
    return f"[{body}]" if ":" in value else body


def _quote_character(c: str) -> str:
    if c in _SPECIAL:
        return "\\" + c
    if c.isprintable() and not c.isspace():
        return c
    number = ord(c)
    if number <= _ASCII_MAX or number - _ESCAPED in _OCTETS_ESCAPED:
        return f"\\x{number & 0xFF:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def unquote(text: str) -> str:
    """Return the value that `quote` wrote; ValueError for a backslash that quotes nothing."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if "\\" not in text:
        return text
    characters = []
    position = 0
    while position < len(text):
        c = text[position]
        position += 1
        if c != "\\":
            characters.append(c)
            continue
        quoted = text[position : position + 1]
        if not quoted:
            raise ValueError(f"backslash at the end of {text!r}")
        position += 1
        if (digits := _DIGITS.get(quoted)) is None:
            characters.append(quoted)
            continue
        characters.append(_numbered(text[position : position + digits], digits, text))
        position += digits
    return "".join(characters)


def _numbered(number: str, digits: int, text: str) -> str:
    """Return the character that follows ``\\x``, ``\\u`` or ``\\U`` as a hexadecimal number."""
    if len(number) != digits or not _HEX.issuperset(number) or int(number, 16) > sys.maxunicode:
        raise ValueError(f"non-hexadecimal number {number!r} after a backslash in {text!r}")
    value = int(number, 16)
    return chr(_ESCAPED + value if digits == 2 and value in _OCTETS_ESCAPED else value)


def split(text: str, separator: str) -> list[str]:
    """Split ``text`` at each separator that is neither in brackets nor after a backslash."""
    if "\\" in text:
        return list(_pieces(text, separator))
    pieces = text.split(separator)
    if len(pieces) == 1 or ("[" not in text and "]" not in text):
        return pieces
    if text[0] == "[" and text.count("[") == text.count("]") == 1:  # as most addresses have them
        first, _, rest = text.partition("]")
        if not rest:
            return [text]
        if rest[0] == separator:
            return [first + "]", *rest[1:].split(separator)]
    whole, depth = [], 0
    for piece in pieces:
        if depth == 0:
            whole.append(piece)
        else:
            whole[-1] += separator + piece
        depth += piece.count("[") - piece.count("]")
    return whole


def _pieces(text: str, separator: str) -> Iterator[str]:
    start = position = depth = 0
    while position < len(text):
        c = text[position]
        if c == "\\":
            position += 1
        elif c in "[]":
            depth += 1 if c == "[" else -1
        elif c == separator and depth == 0:
            yield text[start:position]
            start = position + 1
        position += 1
    yield text[start:]


class _TextForm:
    """The parts of an address class's text form, worked out once for the class.

    ``types`` and ``defaults`` are by name, in the order of the fields; ``required`` are those
    without a default. ``readers`` has what reads the text of each field in the stdlib form, None
    where it is an integer; a text must have ``least`` of these fields. It is empty where they are
    not enough to make the address. So many of them as ``leading`` says are the first arguments.
    ``begins_with_a_pair`` tells that they are a text, which is its value, and an integer.
    """

    __slots__ = (
        "begins_with_a_pair", "cls", "defaults", "layout", "leading", "least", "readers",
        "required", "types",
    )  # fmt: skip

    def __init__(self, cls: type[_Fields]) -> None:
        import attrs

        from famsock.cstruct import parse_integer

        fields: tuple[Any, ...] = attrs.fields(cls)  # type: ignore[arg-type]
        members = {m.attribute: m.type for m in cls.layout.members}
        self.cls, self.layout = cls, cls.layout
        self.types = {a.name: members[a.name] for a in fields}
        self.defaults = {a.name: a.default for a in fields}
        self.required = [a.name for a in fields if a.default is attrs.NOTHING]
        names = cls.stdlib_fields
        self.leading = 0
        for name, a in zip(names, fields, strict=False):
            if name != a.name or a.kw_only:
                break
            self.leading += 1
        self.readers: list[Any] = []
        self.least = 1
        if set(self.required) <= set(names) and all(a.init and a.alias == a.name for a in fields):
            readers = [self.types[name].parse for name in names]
            self.readers = [None if read is parse_integer else read for read in readers]
            self.least = max([1, *(names.index(name) + 1 for name in self.required)])
        self.begins_with_a_pair = self.readers[:2] == [str, None]


def _form_of(cls: Any) -> _TextForm:
    form: _TextForm | None = cls._text_form
    if form is None or form.cls is not cls or form.layout is not cls.layout:
        form = cls._text_form = _TextForm(cls)
    return form


def fields_rule(cls: Any, rule: str) -> Callable[[object, object], bool]:
    """Return the function that tells whether a peer has what ``rule`` writes.

    That is an address, or values of some of its fields. ValueError for any other text.
    """
    if "=" not in rule or "?" in rule:
        wanted = cls.parse(rule)
        return lambda _, address: address == wanted
    types = _form_of(cls).types if hasattr(cls, "layout") else {}
    values: dict[str, Any] = {}
    for part in split(rule, ","):
        name, equals, value = part.partition("=")
        if not equals or name not in types:
            known = f"a field of {cls.__name__} ({', '.join(types)})" if types else "an address"
            raise ValueError(f"rule {rule!r}: {name!r} is not {known}")
        try:
            values[name] = types[name].check(types[name].parse(unquote(value)))
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"rule {rule!r}: {error}") from None
    return lambda _, address: all(
        getattr(address, name, None) == value for name, value in values.items()
    )


def join_fields(address: _Fields) -> str:
    """Return the text of a typed address, from its fields."""
    form = _form_of(type(address))
    values = {n: getattr(address, n) for n in form.types}
    texts = {n: quote(ctype.text(values[n])) for n, ctype in form.types.items()}
    changed = {n for n, default in form.defaults.items() if values[n] != default}
    listed = list(address.stdlib_fields)
    while listed and listed[-1] not in changed:
        listed.pop()
    extra = [f"{n}={texts[n]}" for n in texts if n in changed and n not in address.stdlib_fields]
    return ":".join(texts[n] for n in listed) + ("?" + "&".join(extra) if extra else "")


def split_fields(cls: type[_Fields], text: str) -> dict[str, Any]:
    """Return the constructor's keyword arguments in ``text``, for an address class."""
    form = _form_of(cls)
    positional, *query = split(without_scheme(text), "?")
    if len(query) > 1:
        raise ValueError(f"{cls.family_name} address has more than one '?': {text!r}")
    values = split(positional, ":") if positional else []
    if len(values) > len(cls.stdlib_fields):
        raise ValueError(
            f"{cls.family_name} address is {':'.join(cls.stdlib_fields)}, not {text!r}"
        )
    found = dict(zip(cls.stdlib_fields, values, strict=False))
    for pair in split(query[0], "&") if query else []:
        name, _, value = pair.partition("=")
        if name not in form.types or name in found:
            raise ValueError(f"{cls.family_name} address has no field {name!r} here: {text!r}")
        found[name] = value
    for name in form.required:
        if name not in found:
            shape = ":".join(cls.stdlib_fields)
            raise ValueError(f"{cls.family_name} address {text!r} has no {name}: it is {shape}")
    try:
        return {name: form.types[name].parse(unquote(value)) for name, value in found.items()}
    except ValueError as error:
        raise ValueError(f"{cls.family_name} address {text!r}: {error}") from None


def _values(text: str) -> list[str]:
    """Return the values between the colons of a text without a backslash, out of their brackets."""
    first, closed, rest = text.partition("]")
    if not closed and "[" not in first:
        return text.split(":")
    if closed and first[:1] == "[" and "[" not in rest and "]" not in rest:
        # as most addresses have them
        values, host = rest.split(":"), first[1:]
        if not values[0] and "[" not in host:
            values[0] = host
            return values
    return [unquote(value) for value in split(text, ":")]


def parse_fields(cls: type[_T], text: str) -> _T:
    """Return the address of class ``cls`` that ``text`` names; ValueError for any other text.

    That holds whatever is wrong: what construction raises for a number out of range or a name that
    is too long is a ValueError here. A usual text is read here in few steps, and any other, or one
    of another number of values, by `split_fields`; both give the same.
    """
    made: Any = cls
    form: _TextForm = made._text_form
    if form is None or form.cls is not made or form.layout is not made.layout:
        form = _form_of(made)
    try:
        if not text or "\\" in text or "?" in text or "://" in text:
            return made(**split_fields(made, text))  # type: ignore[no-any-return]
        given: list[Any] = _values(text)
        count = len(given)
        if not form.least <= count <= len(form.readers):
            return made(**split_fields(made, text))  # type: ignore[no-any-return]
        try:
            if count == 2 and form.begins_with_a_pair:
                given[1] = int(given[1], 0)
            else:
                for index, read in enumerate(form.readers[:count]):
                    given[index] = int(given[index], 0) if read is None else read(given[index])
        except ValueError:
            return made(**split_fields(made, text))  # type: ignore[no-any-return]
        if count <= form.leading:
            return made(*given)  # type: ignore[no-any-return]
        return made(**dict(zip(made.stdlib_fields, given)))  # type: ignore[no-any-return] # noqa: B905
    except (TypeError, OverflowError, OSError) as error:
        raise ValueError(error.strerror if _has_number(error) else str(error)) from None


def _has_number(error: Exception) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and error.errno is not None


def without_scheme(text: str) -> str:
    """Return ``text`` after ``scheme://``, or all of it if it has no scheme."""
    if "://" not in text:
        return text
    scheme, found, rest = text.partition("://")
    return rest if found and scheme.replace("-", "").replace("+", "").isalnum() else text
