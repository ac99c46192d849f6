"""Options of the command line for the ends of a relay: roles, allow-lists, TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from famsock.relay import End, Role, Tls

_F = TypeVar("_F", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False)

ENDS = "a", "b"

REFUSED, BROKEN, NOT_WRITTEN, CUT = 3, 4, 5, 6
"""Exit statuses: an end cannot be opened; a session broke; no output; a stop that lost bytes."""


def end_options(end: str, is_relay: bool = True) -> Callable[[_F], _F]:
    """Add the options of an end ("a", "b"), or without its letter where there is only one."""
    suffix = f"-{end}" if is_relay else ""
    name = f"_{end}"
    title = f"{end.upper()}: " if is_relay else ""
    of_tls = [
        click.option(f"--tls{suffix}", f"tls{name}", is_flag=True, help=f"{title}Use TLS."),
        click.option(
            f"--certificate{suffix}", f"certificate{name}", type=_FILE,
            help=f"{title}TLS: own certificates, and the key if there is no file for it (PEM).",
        ),
        click.option(
            f"--key{suffix}", f"key{name}", type=_FILE, help=f"{title}TLS: own private key (PEM)."
        ),
        click.option(
            f"--ca{suffix}", f"ca{name}", type=_FILE,
            help=f"{title}TLS: authorities that the peer's certificate must be of (PEM).",
        ),
        click.option(
            f"--server-name{suffix}", f"server_name{name}", metavar="NAME",
            help=f"{title}TLS: the name that the server's certificate must have.",
        ),
        click.option(
            f"--no-verify{suffix}", f"no_verify{name}", is_flag=True,
            help=f"{title}TLS: take any certificate.",
        ),
    ]  # fmt: skip

    def add(function: _F) -> _F:
        for option in reversed(of_tls):
            function = option(function)
        return function

    return add


def make_end(text: str, role: Role | None, allow: tuple[str, ...], name: str, given: Any) -> End:
    """Return an end of the options' values; a click.UsageError for what does not fit."""
    from famsock.relay import End

    try:
        end = End(text, role, allow)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    usual: Role = "listen" if name == "a" else "connect"
    is_server = end.with_role(usual).role == "listen"
    return End(end.endpoint, role, allow, _tls(name, given, is_server))


def _tls(name: str, given: Any, is_server: bool) -> Tls | None:
    wanted = {
        key: given[f"{key}_{name}"]
        for key in ("tls", "certificate", "key", "ca", "server_name", "no_verify")
    }
    if not wanted["tls"]:
        for key, value in wanted.items():
            if value:
                raise click.UsageError(f"--{key.replace('_', '-')} needs --tls at the same end")
        return None
    import ssl

    from famsock.relay import Tls

    purpose = ssl.Purpose.CLIENT_AUTH if is_server else ssl.Purpose.SERVER_AUTH
    try:
        context = ssl.create_default_context(purpose, cafile=wanted["ca"])
        if wanted["certificate"]:
            context.load_cert_chain(wanted["certificate"], wanted["key"])
    except (OSError, ValueError) as error:
        raise click.UsageError(f"TLS: {error}") from None
    if is_server:
        if not wanted["certificate"]:
            raise click.UsageError("a TLS server needs --certificate")
        if wanted["ca"]:
            context.verify_mode = ssl.CERT_REQUIRED
    elif wanted["no_verify"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not wanted["server_name"]:
        raise click.UsageError("a TLS client needs --server-name, or --no-verify")
    return Tls(context, wanted["server_name"])
