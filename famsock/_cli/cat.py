"""The command ``famsock cat``: standard input to an endpoint, and what it sends to the output."""

from __future__ import annotations

import sys
from errno import EPIPE
from typing import TYPE_CHECKING, Any

import click

from famsock._cli.ends import BROKEN, NOT_WRITTEN, end_options, make_end
from famsock._cli.relay import fail, stopped_by_signals
from famsock._cli.words import examples

if TYPE_CHECKING:
    from famsock.relay import Role


@click.command(epilog=examples("cat vsock://3:1234", "cat --listen tcp://127.0.0.1:8080"))
@click.argument("endpoint")
@click.option("-l", "--listen", is_flag=True, help="Take one peer, in place of connecting.")
@click.option(
    "--bind", "binds", is_flag=True, help="Only bind: for frames, which need it not said."
)
@click.option(
    "--allow", multiple=True, metavar="RULE", help="With --listen: admit such peers only."
)
@click.option(
    "--connect-timeout-ms", type=click.IntRange(min=1), default=10_000, show_default=True,
    help="How long connecting may take, and TLS's handshake.",
)  # fmt: skip
@click.option("--idle-timeout-ms", type=click.IntRange(min=1), help="End without traffic.")
@end_options("b", is_relay=False)
def cat(endpoint: str, listen: bool, binds: bool, **given: Any) -> None:
    """Send standard input to ENDPOINT, and write what it sends to standard output.

    An endpoint is scheme://address, as tcp://127.0.0.1:8080, unix:///run/app or vsock://3:80.

    The end of the input is passed on; the command ends when the peer has no more to send. Each
    piece of input is a message where the endpoint has messages.

    Exit status: 0 at the end; 2 for wrong arguments; 3 if the endpoint cannot be opened; 4 if the
    connection broke; 5 if the output cannot be written.
    """
    from famsock.relay import Options
    from famsock.relay._stdio import StdioRelay

    role: Role | None = "listen" if listen else "bind" if binds else None
    end = make_end(endpoint, role, given["allow"], "b", given)
    options = Options(
        connect_timeout_ms=given["connect_timeout_ms"], idle_timeout_ms=given["idle_timeout_ms"]
    )
    reason = []
    try:
        running = StdioRelay(end, options, on_event=lambda event: reason.append(event.reason))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        fail(error)
    with running:
        try:
            with stopped_by_signals(running):
                running.run()
        except OSError as error:
            fail(error)
        written = running.output_error
        broken = running.counters.broken
    if written is not None:
        if written.errno != EPIPE:  # a reader that has enough is no fault to speak of
            click.echo(f"famsock: the output cannot be written: {written.strerror}", err=True)
        sys.exit(NOT_WRITTEN)
    if broken:
        click.echo(f"famsock: the connection broke: {reason[-1]}", err=True)
        sys.exit(BROKEN)
