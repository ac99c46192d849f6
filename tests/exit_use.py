"""Use sockets while the interpreter ends, and print what comes of it.

``python tests/exit_use.py MODULE MOMENT LOADED [PLACE]``: MODULE is ``famsock`` or ``socket``,
whose outputs are compared. MOMENT is when:

- "now", "atexit", or "del", in an object's ``__del__`` after the modules are gone
- "daemon", in a daemon thread that a function of atexit waits for: it goes on till the last of them
- "stopped", as "del", while a daemon thread that does the same stands still for ever at the line
  PLACE of famsock, counted as lines are first run. Nobody knows in which line the end finds it.

LOADED is what is used before: "nothing", or "opened", a socket of each family without an address.
With "stopped" the number of lines that the thread ran comes first.
"""

import atexit
import builtins
import importlib
import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

warnings.simplefilter("always")
module: Any = importlib.import_module(sys.argv[1])
Socket, write = module.socket, sys.stdout.write
STREAM, DGRAM = module.SOCK_STREAM, module.SOCK_DGRAM
INET, INET6, UNIX = module.AF_INET, module.AF_INET6, module.AF_UNIX
if sys.argv[3] == "opened":
    opened = [Socket(family, kind) for family in (INET, INET6, UNIX) for kind in (STREAM, DGRAM)]
    for one in opened:
        one.close()


def make_uses(open_socket: Any, kinds: Any) -> Any:
    """The uses by name; all that they need is in their variables, as modules are emptied."""
    stream, dgram, inet, inet6, unix = kinds

    def on(kind: int, family: int, use: Callable[[Any], Any]) -> Callable[[], Any]:
        def run() -> Any:
            sock = open_socket(family, kind)
            try:
                return use(sock)
            finally:
                sock.close()

        return run

    def bound(use: Callable[[Any], Any]) -> Callable[[], Any]:
        return on(dgram, inet, lambda sock: (sock.bind(("127.0.0.1", 0)), use(sock))[1])

    def connected() -> Any:
        server, client = open_socket(inet, stream), open_socket(inet, stream)
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        accepted, address = server.accept()
        found = address[0], accepted.getpeername()[0], accepted.dup().close()
        for sock in (accepted, client, server):
            sock.close()
        return found

    def left() -> None:
        open_socket(inet, dgram).bind(("127.0.0.1", 0))

    def own(sock: Any) -> Any:
        return sock.getsockname()

    return {
        "bind": bound(lambda sock: own(sock)[0]),
        "bind, a name": on(stream, inet, lambda sock: sock.bind(("localhost", 0))),
        "bind, any": on(stream, inet, lambda sock: (sock.bind(("", 0)), own(sock)[0])),
        "bind, broadcast": on(dgram, inet, lambda sock: sock.bind(("<broadcast>", 0))),
        "bind, a port too large": on(stream, inet, lambda sock: sock.bind(("127.0.0.1", 70000))),
        "bind, a text": on(stream, inet, lambda sock: sock.bind("nonsense")),
        "bind, no port": on(stream, inet, lambda sock: sock.bind(("127.0.0.1",))),
        "bind, bytes": on(stream, inet, lambda sock: (sock.bind((b"127.0.0.1", 0)), own(sock)[0])),
        "bind, another host": on(stream, inet, lambda sock: sock.bind(("192.0.2.1", 0))),
        "sendto": bound(lambda sock: (sock.sendto(b"x", own(sock)), sock.recvfrom(9)[1][0])),
        "sendmsg": bound(
            lambda sock: (sock.sendmsg([b"x"], [], 0, own(sock)), sock.recvmsg(9)[3][0])
        ),
        "recvfrom_into": bound(
            lambda sock: (sock.sendto(b"x", own(sock)), sock.recvfrom_into(bytearray(9))[1][0])
        ),
        "sendto, too much": bound(lambda sock: sock.sendto(b"x" * 70000, own(sock))),
        "connect, refused": on(stream, inet, lambda sock: sock.connect(("127.0.0.1", 1))),
        "connect, a name": on(stream, inet, lambda sock: sock.connect(("localhost", 1))),
        "connect_ex": on(stream, inet, lambda sock: sock.connect_ex(("127.0.0.1", 1))),
        "getpeername": on(stream, inet, lambda sock: sock.getpeername()),
        "inet6": on(dgram, inet6, lambda sock: (sock.bind(("::1", 0)), own(sock)[0])),
        "inet6, a name": on(dgram, inet6, lambda sock: sock.bind(("localhost", 0))),
        "unix, no server": on(stream, unix, lambda sock: sock.connect("/nowhere/x")),
        "unix, no name": on(stream, unix, own),
        "unix, a name": on(stream, unix, lambda sock: (sock.bind(""), type(own(sock)))),
        "getsockopt": on(stream, inet, lambda sock: sock.getsockopt(1, 3)),
        "setsockopt, unknown": on(stream, inet, lambda sock: sock.setsockopt(1, 9999, 1)),
        "an unknown family": lambda: open_socket(99, 1),
        "an unknown type": lambda: open_socket(inet, 77),
        "accept": connected,
        "repr": on(stream, inet, lambda sock: repr(sock).split(", ", 1)[1]),
        "makefile": on(stream, inet, lambda sock: sock.makefile("rb").close()),
        "timeout": bound(lambda sock: (sock.settimeout(0.01), sock.recvfrom(1))),
        "no waiting": bound(lambda sock: (sock.setblocking(False), sock.recvfrom(1))),
        "left open": left,
    }


USES = make_uses(Socket, (STREAM, DGRAM, INET, INET6, UNIX))


def work(uses: Any = USES, write: Any = write) -> None:
    for name, use in uses.items():
        try:
            outcome = use()
        except Exception as error:
            outcome = type(error).__name__, getattr(error, "errno", None)
        write(f"{name}: {outcome}\n")


class Late:
    """Its end is that of the interpreter."""

    def __del__(self, work: Any = work) -> None:
        work()


def beside_a_thread(go_on: Callable[[threading.Event], None]) -> None:
    """Have ``go_on`` begin in a daemon thread, up to its event; the rest is of the end."""
    warnings.simplefilter("ignore")  # a thread that ends while it writes may take a file's lock
    importlib.import_module("encodings.idna")  # the stdlib itself would wait for its import
    begun = threading.Event()
    threading.Thread(target=go_on, args=(begun,), daemon=True).start()
    begun.wait()


def keep_quiet(text: str) -> None:
    """Write nothing."""


def stop_at_line(place: int, begun: threading.Event) -> None:
    """Do the work up to a line of famsock, or all of it."""
    seen = set()
    never = threading.Event()

    def trace(frame: Any, event: str, _: Any) -> Any:
        if not frame.f_globals.get("__name__", "").startswith("famsock"):
            return None
        if event == "line" and (line := (frame.f_code.co_filename, frame.f_lineno)) not in seen:
            seen.add(line)
            if len(seen) == place:
                begun.set()
                never.wait()
        return trace

    sys.settrace(trace)
    work(write=keep_quiet)
    sys.settrace(None)
    write(f"{len(seen)}\n")
    begun.set()
    never.wait()


def in_daemon(go: threading.Event, over: threading.Event) -> None:
    go.wait()
    work()
    over.set()


moment, place = sys.argv[2], int("".join(sys.argv[4:]) or 0)
if moment == "now":
    work()
elif moment == "atexit":
    atexit.register(work)
elif moment == "daemon":
    go, over = threading.Event(), threading.Event()
    threading.Thread(target=in_daemon, args=(go, over), daemon=True).start()
    atexit.register(over.wait)
    atexit.register(go.set)
else:
    vars(builtins)["late"] = Late()
if moment == "stopped":
    beside_a_thread(partial(stop_at_line, place))
