"""Rules of allow-lists: the credentials of a peer. Source: unix(7), SO_PEERCRED."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable
from typing import Any

from famsock_unix.options import SO_PEERCRED

_NAMES: dict[str, Callable[[str], int]] = {
    "uid": lambda name: pwd.getpwnam(name).pw_uid,
    "gid": lambda name: grp.getgrnam(name).gr_gid,
    "pid": int,
}


def credentials_rule(rule: str) -> Callable[[Any, object], bool] | None:
    """Return whether a peer has the credentials that ``rule`` states; None if it states none.

    ValueError for a name that the system does not know.
    """
    wanted: dict[str, int] = {}
    for part in rule.split(","):
        name, equals, value = part.partition("=")
        if not equals or name not in _NAMES:
            if not wanted:
                return None
            raise ValueError(f"rule {rule!r}: {part!r} is not uid=, gid= or pid= with a value")
        try:
            wanted[name] = int(value) if value.isdecimal() else _NAMES[name](value)
        except (KeyError, ValueError):
            raise ValueError(f"rule {rule!r}: there is no {name} {value!r}") from None

    def admits(sock: Any, _: object) -> bool:
        if sock is None:
            return False
        credentials = sock.get_option(SO_PEERCRED)
        return all(getattr(credentials, name) == value for name, value in wanted.items())

    return admits
