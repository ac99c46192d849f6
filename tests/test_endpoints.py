"""Endpoints: their text, and the sockets that they open."""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket as stdlib
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import famsock
from famsock import RawAddress, endpoints
from famsock._lazy import load
from famsock._registry import Registry
from famsock.endpoints import Endpoint
from famsock.testing.namespaces import NetworkNamespace
from tests.programs import run

INET = stdlib.AF_INET
INET6 = stdlib.AF_INET6


def there(server: Any) -> Endpoint:
    """Return the endpoint at which a socket can be reached."""
    return endpoints.of(server, server.local_address)


def test_endpoints_open_sockets() -> None:
    with endpoints.parse("tcp://127.0.0.1:0").listen() as server:
        with there(server).connect(timeout=20) as client, server.accept()[0] as accepted:
            assert client.getpeername() == server.getsockname()
            assert client.gettimeout() == 20
            assert accepted.getpeername() == client.getsockname()
        place = there(server)
    with pytest.raises(ConnectionRefusedError):
        place.connect()
    with endpoints.parse("udp://127.0.0.1:0").bind() as bound:
        assert bound.getsockname()[1] > 0


def test_functions_of_the_package() -> None:
    with famsock.listen("tcp://127.0.0.1:0") as server:
        text = str(there(server))
        with famsock.connect(text, timeout=20) as client, server.accept()[0] as accepted:
            assert type(client) is famsock.socket
            client.sendall(b"by text")
            assert accepted.recv(16) == b"by text"
        with famsock.connect(endpoints.parse(text)) as client:
            assert client.gettimeout() is None
    with (
        famsock.open_datagram("udp://127.0.0.1:0") as bound,
        famsock.connect(str(there(bound))) as client,
    ):
        client.send(b"a datagram")
        assert bound.recv(16) == b"a datagram"


def test_the_example() -> None:
    example = Path(__file__).parents[1] / "examples" / "endpoints.py"
    made = subprocess.run(
        [sys.executable, example], capture_output=True, text=True, check=True, timeout=120
    )
    assert made.stdout.splitlines()[0].startswith("tcp says 20")
    assert made.stdout.endswith("vsokc://2:1024\n  ^^^^^\n")


def test_importing_famsock_imports_no_endpoints() -> None:
    code = "import sys, famsock; print('famsock.endpoints' in sys.modules, 'attr' in sys.modules)"
    assert run(code) == "False False"
    code = "import famsock; print(famsock.connect.__module__, famsock.listen.__module__)"
    assert run(code) == "famsock.endpoints famsock.endpoints"


def test_a_stream_exchanges_no_datagrams() -> None:
    with pytest.raises(ValueError, match=r"use connect or listen; write unix\+dgram\n  unix:") as e:
        famsock.open_datagram("unix:///run/x")
    assert str(e.value).endswith("\n  ^^^^")
    with pytest.raises(ValueError, match="use connect or listen\n"):
        famsock.open_datagram("tcp://127.0.0.1:0")


@pytest.mark.parametrize("text", ["tcp://127.0.0.1", "udp6://[::1]"])
def test_text_that_lacks_a_field(text: str) -> None:
    with pytest.raises(ValueError, match="has no port: it is host:port"):
        endpoints.parse(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tcp://127.0.0.1:80", famsock.SOCK_STREAM),
        ("tcp://[::1]:80", famsock.SOCK_STREAM),
        ("udp://127.0.0.1:80", famsock.SOCK_DGRAM),
        ("udp6://[::1]:80", famsock.SOCK_DGRAM),
        ("unix:///run/x", famsock.SOCK_STREAM),
        ("unix+dgram:///run/x", famsock.SOCK_DGRAM),
        ("unix+seqpacket:///run/x", famsock.SOCK_SEQPACKET),
    ],
)
def test_text_of_endpoints(text: str, kind: int) -> None:
    endpoint = endpoints.parse(text)
    assert endpoint.type == kind
    assert str(endpoint) == text
    assert endpoints.parse(str(endpoint)) == endpoint
    with endpoint.open() as sock:
        assert (sock.family, sock.type) == (endpoint.family, kind)
        again = endpoints.parse(str(endpoints.of(sock, endpoint.address)))
        assert (again.family, again.type, again.protocol) == (
            endpoint.family,
            kind,
            endpoint.protocol,
        )


# Text that is no endpoint


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("127.0.0.1:80", "an endpoint is scheme://address, not '127.0.0.1:80'"),
        ("", "an endpoint is scheme://address, not ''"),
        ("kit://a:1", "unknown scheme 'kit'; installed: .*tcp, .*unix"),
        ("://a:1", "unknown scheme ''"),
        ("UNXI://127.0.0.1:80", "unknown scheme 'UNXI'; .*; did you mean 'unix'\\?"),
        ("tcp+dgram://127.0.0.1:80", "type must be one of stream, not 'dgram'"),
        ("unix+nothing:///run/x", "type must be one of stream, dgram, seqpacket, not 'nothing'"),
        ("unix+segpacket:///run/x", "did you mean 'seqpacket'"),
        ("tcp://127.0.0.1:port", "AF_INET address '127.0.0.1:port': must be an integer"),
    ],
)
def test_text_that_is_no_endpoint(text: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        endpoints.parse(text)


@pytest.mark.parametrize(
    ("text", "under"),
    [
        ("nothing", "nothing"),
        ("tpc://a:1", "tpc"),
        ("tcp+dgram://a:1", "dgram"),
        ("raw+x1://a:1", "x1"),
        ("tcp+17://a:1", "tcp+17"),
        ("tcp://127.0.0.1:prot", "prot"),
        ("tcp://127.0.0.1:70000", "70000"),
        ("tcp://[::1:80", ""),
        ("tcp://h:1?SO_MARKK=7", "SO_MARKK"),
        ("tcp://h:1?SO_MARK=seven", "seven"),
        ("tcp://h:1?SO_MARK=-1", "-1"),
        ("tcp://h:1?TCP_NODELAY=yes", "yes"),
        ("tcp://h:1?SO_TYPE=1", "1"),
        ("tcp://h:1?SO_MARK", "SO_MARK"),
        ("tcp://h:1?SO_MARK=1&", ""),
        ("tcp://h:1?backlog=many", "many"),
        ("tcp://h:1?backlog=1&backlog=2", "backlog"),
        ("tcp://h:1?mode=600", "mode"),
        ("tcp://h:1?unlink=1", "unlink"),
        ("unix:///x?mode=1777", "1777"),
        ("unix:///x?unlink=no", "no"),
        ("tcp://h:1?netns=a/b", "a/b"),
        ("tcp://h:1?interface=abcdefghijklmnop", "abcdefghijklmnop"),
        ("tcp://h:1?family=AF_UNIX", "family"),
        ("tcp://h:1?family=AF_NO", "AF_NO"),
        ("udp://h:1?a=1?b=2", "b=2"),
        ("tcp://h:1?SO_LINGER=1,2,3", "1,2,3"),
        ("tcp://h:1?SO_LINGER=1", "1"),
        ("tcp://h:1?SO_LINGER=", ""),
        ("tcp://h:1?SO_LINGER=1,soon", "soon"),
        ("tcp://h:1?SO_LINGER=1,99999999999", "99999999999"),
        ("tcp://h:1?SO_LINGER=hex:zz", "zz"),
        ("fd://three", "three"),
        ("fd://999999", "999999"),
        ("systemd://http", "http"),
    ],
)
def test_the_caret_is_under_the_mistake(text: str, under: str) -> None:
    with pytest.raises(ValueError, match=r"\n") as caught:
        endpoints.parse(text)
    _, shown, carets = str(caught.value).splitlines()
    assert shown == f"  {text}"
    assert carets.strip() == "^" * max(1, len(under))
    start = len(carets) - len(carets.strip())
    assert shown[start : start + len(under)] == under


def test_a_long_or_strange_text_is_shown_around_the_mistake() -> None:
    with pytest.raises(ValueError, match="no option") as caught:
        endpoints.parse(f"unix:///{'x' * 100}?NOTHING=1&{'y' * 1000}=\n")
    _, shown, carets = str(caught.value).splitlines()
    assert "NOTHING" in shown
    assert len(shown) < 90
    assert shown[carets.index("^") :].startswith("NOTHING")
    with pytest.raises(ValueError, match=r"a\\x00b\\n") as caught:
        endpoints.parse("a\0b\nscheme://\ud800")
    assert "\\ud800" in str(caught.value)


def test_what_is_no_text_is_a_type_error() -> None:
    for other in (None, 3, b"tcp://127.0.0.1:80"):
        with pytest.raises(TypeError, match="an endpoint is a str"):
            endpoints.parse(other)  # type: ignore[arg-type]


TEXTS = [
    "tcp://[fe80::1%lo]:80?SO_MARK=7&TCP_NODELAY=1&SO_LINGER=1,5",
    "tcp://localhost:http?family=AF_INET6&netns=/proc/1/ns/net",
    "udp://127.0.0.1:80?backlog=5&interface=eth0&SO_RCVBUF=0x1000",
    "unix+seqpacket://\\x41[a:b]\\?c?mode=0660&unlink=1",
    "raw+255://127.0.0.1:0?IP_LOCAL_PORT_RANGE=1000,2000",
    "packet+768://lo?PACKET_FANOUT=hex:0100000000000000",
    "netlink-route://5:1",
    "vsock+seqpacket://2:1024",
    "tipc+stream://1000:1",
    "can://vcan0?CAN_RAW_FILTER=1,2;3,4",
    "isotp://vcan0?rx_id=1&tx_id=2&SO_MARK=1",
    "j1939://vcan0?name=5",
    "l2cap://[00:11:22:33:44:55]:4097",
    "alg://hash:sha256",
    "fd://0",
    "systemd://http?backlog=4",
]


def of_every_scheme() -> Iterator[str]:
    """An endpoint of each protocol that has a scheme: an address of its class, and a query."""
    for family in famsock.plugins.families():
        for row in family.protocols:
            if not row.scheme:
                continue
            text = f"raw:{family.number}:00ff"
            with suppress(ValueError, TypeError, OverflowError, AttributeError):
                layout = load(row.address).layout
                octets = (layout.head + b"\1" * 16)[: layout.size].ljust(layout.size, b"\0")
                text = str(load(row.address).unpack(octets))
            for address in (text, f"raw:{family.number}:00ff"):
                made = f"{row.scheme}://{address}"
                with suppress(ValueError, famsock.PluginError):
                    endpoints.parse(made)
                    query = "backlog=5&SO_LINGER=1,5&SO_BINDTODEVICE=lo"
                    yield f"{made}{'&' if '?' in made else '?'}{query}"
                    break


EVERY = [*of_every_scheme()]
SCHEMES = [
    row.scheme for family in famsock.plugins.families() for row in family.protocols if row.scheme
]
"""Those of the installed families: tests register others meanwhile."""


def test_there_is_a_text_of_every_scheme() -> None:
    assert [text.partition("://")[0] for text in EVERY] == SCHEMES
    assert len([text for text in EVERY if "://raw:" not in text]) > 20


def of_quick_and_slow() -> Iterator[Any]:
    """The texts; of those of one family and form the first is quick."""
    forms = set()
    for text in [*TEXTS, *EVERY]:
        form = text if text in TEXTS else text.partition("-")[0]
        marks = pytest.mark.slow if form in forms or text.startswith(SLOW) else ()
        forms.add(form)
        yield pytest.param(text, marks=marks, id=ascii(text.partition("?")[0]))


SLOW = ("bcm:", "l2tp", "mptcp", "raw6:", "sctp", "system:", "tcp6:", "udplite", "udp6:", "icmp")


@pytest.mark.parametrize("text", [*of_quick_and_slow()])
def test_every_text_cut_at_every_character(text: str) -> None:
    for end in range(len(text) + 1):
        for part in (text[:end], text[end:], text[:end] + text[end + 1 :]):
            endpoint, refusal = None, "^"
            try:
                endpoint = endpoints.parse(part)
            except ValueError as error:
                refusal = str(error).splitlines()[-1]
            assert "^" in refusal, part
            if endpoint is not None:
                assert endpoints.parse(str(endpoint)) == endpoint, part


words = st.sampled_from(
    [*"?&=+:/[]\\,;%^", "://", "tcp", "unix", "raw", "dgram", "1", "0x7", "-1", "SO_MARK", "fd"]
)
words |= st.sampled_from(
    ["TCP_NODELAY", "backlog", "netns", "family", "AF_INET", "mode", "hex:", "localhost", "\0"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(words | st.text(max_size=3), max_size=14).map("".join))
def test_any_text_is_an_endpoint_or_a_value_error(text: str) -> None:
    for tried in (text, f"tcp://h:1?{text}", f"unix://{text}", f"{text}://h:1"):
        try:
            endpoint = endpoints.parse(tried)
        except ValueError:
            continue
        assert endpoints.parse(str(endpoint)) == endpoint


# Options and settings


def test_options_are_set() -> None:
    text = "tcp://127.0.0.1:0?TCP_NODELAY=1&SO_LINGER=1,5&SO_RCVTIMEO=2000000000&backlog=3"
    with famsock.listen(text) as server:
        assert server.get_option("TCP_NODELAY") is True
        assert server.get_option("SO_LINGER") == famsock.options.Linger(True, 5)
        assert server.get_option("SO_RCVTIMEO") == 2_000_000_000
        assert server.get_option("TCP_CONGESTION")
        with famsock.connect(f"{there(server)}?TCP_NODELAY=1&TCP_CONGESTION=reno") as client:
            assert client.get_option("TCP_NODELAY") is True
            assert client.get_option("TCP_CONGESTION") == "reno"


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("method", ["open", "bind", "listen", "connect"])
def test_an_option_that_the_kernel_refuses(method: str) -> None:
    endpoint = endpoints.parse("tcp://127.0.0.1:0?TCP_CONGESTION=none_such")
    with pytest.raises(OSError, match="No such file") as caught:
        getattr(endpoint, method)()
    assert caught.value.errno == errno.ENOENT
    assert f"the option TCP_CONGESTION of the endpoint {endpoint}" in caught.value.__notes__


def test_a_backlog_of_the_endpoint() -> None:
    endpoint = endpoints.parse("tcp://127.0.0.1:0?backlog=0")
    with endpoint.listen() as server, there(server).connect(timeout=20):
        select.select([server], [], [])  # until it has arrived there, which fills the queue
        with pytest.raises(TimeoutError):
            there(server).connect(timeout=0.2)
    with (
        endpoint.listen(backlog=5) as server,
        there(server).connect(timeout=20),
        there(server).connect(timeout=20),
    ):
        pass


def test_an_interface() -> None:
    with endpoints.parse("udp://127.0.0.1:0?interface=lo").bind() as bound:
        assert bound.get_option("SO_BINDTODEVICE") == "lo"
    with pytest.raises(OSError, match="No such device"):
        endpoints.parse("udp://127.0.0.1:0?interface=none0").bind()


def test_a_restarted_server_does_not_wait() -> None:
    with famsock.listen("tcp://127.0.0.1:0") as server:
        assert server.get_option("SO_REUSEADDR") is True
        place = there(server)
        client = place.connect(timeout=20)
        accepted, _ = server.accept()
        accepted.close()  # the server's side is in FIN_WAIT and then in TIME_WAIT
        client.close()
    with famsock.listen(place) as server:
        assert there(server) == place
    with famsock.listen("tcp://127.0.0.1:0?SO_REUSEADDR=0") as server:
        assert server.get_option("SO_REUSEADDR") is False
    with endpoints.parse("udp://127.0.0.1:0").bind() as bound:
        assert bound.get_option("SO_REUSEADDR") is False


@pytest.mark.usefixtures("descriptors")
def test_a_socket_that_fails_is_closed() -> None:
    with endpoints.parse("tcp://127.0.0.1:0").listen() as server:
        taken = there(server)
        for opening in (taken.bind, taken.listen):
            with pytest.raises(OSError, match="Address already in use"):
                opening()
    with pytest.raises(ConnectionRefusedError):
        taken.connect(timeout=20)


@pytest.mark.usefixtures("descriptors")
def test_a_connection_that_takes_too_long() -> None:
    with endpoints.parse("tcp://127.0.0.1:0").listen(backlog=0) as server:
        full = there(server)
        with full.connect(timeout=20):
            select.select([server], [], [])  # until it has arrived there, which fills the queue
            with pytest.raises(TimeoutError, match="timed out"):
                full.connect(timeout=0.2)


STEPS = {
    "socket": ("famsock.endpoints.socket", None),
    "set_option": ("famsock.socket.set_option", "SO_MARK"),
    "setsockopt": ("famsock.socket.setsockopt", None),
    "bind": ("famsock.socket.bind", None),
    "listen": ("famsock.socket.listen", None),
    "chmod": ("famsock._paths._set_mode", None),
    "unlink": ("famsock._paths._unlink_at_close", None),
}


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, "few"), KeyboardInterrupt(), MemoryError()]
)
@pytest.mark.parametrize("step", STEPS)
def test_a_fault_at_each_step_leaks_nothing(
    step: str, error: BaseException, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    text = f"unix://{tmp_path}/x?mode=0600&unlink=1&SO_RCVBUF=4096"
    famsock.listen(text).close()
    with monkeypatch.context() as patch:
        patch.setattr(STEPS[step][0], fail)
        with pytest.raises(type(error)):
            famsock.listen(text)
    assert not (tmp_path / "x").exists()
    famsock.listen(text).close()


def test_a_socket_that_no_plugin_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        address = RawAddress(2, bytes(14))
        assert endpoints.of(sock, address).scheme == "udp"
        monkeypatch.setattr(endpoints, "plugins", Registry("AF_UNIX"))
        with pytest.raises(ValueError, match="no plugin names a scheme for <famsock"):
            endpoints.of(sock, address)


# Several addresses


def test_a_name_keeps_to_a_family() -> None:
    endpoint = endpoints.parse("tcp://localhost:80?family=AF_INET6")
    assert (endpoint.family, endpoint.one_family) == (INET6, True)
    with famsock.socket(INET, stdlib.SOCK_STREAM) as sock:
        named = endpoints.of(sock, endpoints.parse("tcp://localhost:80").address)
        assert str(named) == "tcp://localhost:80?family=AF_INET"
        assert endpoints.parse(str(named)) == named


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("function", [famsock.listen, famsock.open_datagram])
def test_either_version_of_a_number(function: Any, host: str) -> None:
    scheme = "tcp" if function is famsock.listen else "udp"
    with function(f"{scheme}://{host}:0") as bound:
        assert bound.family == (INET6 if ":" in host else INET)
        with famsock.connect(f"{scheme}://{host}:{bound.getsockname()[1]}", 20) as client:
            assert client.getpeername()[:2] == bound.getsockname()[:2]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_name_of_both_versions_finds_the_one_that_answers(host: str) -> None:
    with famsock.listen(f"tcp://{host}:0") as server:
        port = server.getsockname()[1]
        addresses = {form[4][0] for form in stdlib.getaddrinfo("localhost", port)}
        if not {"127.0.0.1", "::1"} <= addresses:
            pytest.skip("localhost has not both versions here: /etc/hosts")
        with famsock.connect(f"tcp://localhost:{port}", 20) as client:
            assert client.getpeername()[0] == server.getsockname()[0]
            assert client.gettimeout() == 20
            assert client.getblocking()


def test_one_socket_for_both_versions() -> None:
    with famsock.listen("tcp://:0") as server:
        assert server.family == INET6
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "[::1]"):
            with famsock.connect(f"tcp://{host}:{port}", 20), server.accept()[0]:
                pass
    with famsock.open_datagram("udp://:0") as bound:
        port = bound.getsockname()[1]
        for host in ("127.0.0.1", "[::1]"):
            with famsock.connect(f"udp://{host}:{port}") as client:
                client.send(host.encode())
                assert bound.recv(16) == host.encode()
    with famsock.listen("tcp://:0?family=AF_INET") as server:
        assert server.getsockname()[0] == "0.0.0.0"


def test_a_service_s_name() -> None:
    assert str(endpoints.parse("tcp://localhost:http")) == "tcp://localhost:80"
    assert str(endpoints.parse("udp6://localhost:domain")) == "udp6://localhost:53"


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(stdlib.gaierror):
        famsock.connect(f"tcp://{'a.' * 140}:80")  # too long: no query is sent


@pytest.mark.parametrize("scheme", ["tcp", "udp", "tcp6", "udp6"])
def test_a_raw_address_stands_for_itself(scheme: str) -> None:
    """Its bytes are no name that somebody could look up, whatever the scheme."""
    host = "[::1]" if scheme.endswith("6") else "127.0.0.1"
    typed = endpoints.parse(f"{scheme}://{host}:0").address
    raw = RawAddress(typed.family, typed.pack()[2:])
    endpoint = endpoints.parse(f"{scheme}://{raw}")
    assert endpoint.address == raw
    with endpoint.bind() as sock:
        assert sock.getsockname()[0] == host.strip("[]")
        near = RawAddress(typed.family, sock.local_address.pack()[2:])  # type: ignore[union-attr]
        if endpoint.type == stdlib.SOCK_STREAM:
            sock.listen()
        with famsock.connect(f"{scheme}://{near}", timeout=60) as client:
            assert client.getpeername() == sock.getsockname()


# Paths


def test_a_dead_path_is_replaced(tmp_path: Path) -> None:
    for text in (f"unix://{tmp_path}/s", f"unix+dgram://{tmp_path}/d"):
        endpoint = endpoints.parse(text)
        opening = endpoint.listen if endpoint.type == stdlib.SOCK_STREAM else endpoint.bind
        opening().close()
        with opening() as again:
            assert str(there(again)) == text
            with pytest.raises(OSError, match="in use"):
                opening()
            assert str(there(again)) == text
            with famsock.connect(text):
                pass


def test_the_mode_of_a_path(tmp_path: Path) -> None:
    for mode in (0o600, 0o660, 0o777, 0o000):
        with famsock.listen(f"unix://{tmp_path}/{mode}?mode={mode:o}"):
            assert stat.S_IMODE((tmp_path / str(mode)).stat().st_mode) == mode


def test_a_path_goes_when_the_socket_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with famsock.listen(f"unix://{path}?unlink=1") as server:
        assert path.exists()
        with famsock.connect(f"unix://{path}") as client, server.accept()[0] as accepted:
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"
        server.dup().close()
        assert path.exists()
    assert not path.exists()
    with famsock.open_datagram(f"unix+dgram://{path}?unlink=1"):
        assert path.exists()
    assert not path.exists()


# Network namespaces


@pytest.mark.needs_capability("CAP_SYS_ADMIN")
@pytest.mark.parametrize(
    "text", ["tcp://127.0.0.1:0", "udp6://[::1]:0", "unix://@x", "packet://lo", "netlink-route://0"]
)
def test_a_socket_of_another_network_namespace(text: str) -> None:
    before = os.readlink("/proc/thread-self/ns/net")
    threads = threading.active_count()
    with closing(NetworkNamespace()) as namespace:
        path = f"/proc/self/fd/{namespace._descriptor}"
        endpoint = endpoints.parse(f"{text}?netns={path}")
        assert endpoints.parse(str(endpoint)) == endpoint
        with endpoint.bind() as there_bound, endpoints.parse(text).bind() as here:
            cookies = [s.get_option("SO_NETNS_COOKIE") for s in (there_bound, here)]
            assert cookies[0] != cookies[1]
    assert os.readlink("/proc/thread-self/ns/net") == before
    assert threading.active_count() == threads


@pytest.mark.needs_capability("CAP_SYS_ADMIN")
def test_servers_of_two_namespaces_have_one_port() -> None:
    with closing(NetworkNamespace()) as namespace:
        path = f"/proc/self/fd/{namespace._descriptor}"
        with famsock.listen("tcp://127.0.0.1:0") as here:
            place = there(here)
            here.setblocking(False)
            with (
                famsock.listen(f"{place}?netns={path}") as other,
                famsock.connect(f"{place}?netns={path}", 20),
                other.accept()[0],
                pytest.raises(BlockingIOError),
            ):
                here.accept()
            with pytest.raises(ConnectionRefusedError):
                famsock.connect(f"tcp://localhost:{here.getsockname()[1]}?netns={path}")


@pytest.mark.usefixtures("descriptors")
def test_a_namespace_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        famsock.connect("udp://127.0.0.1:9?netns=none-such")
    assert caught.value.filename == "/run/netns/none-such"


# Descriptors


def test_a_descriptor_is_taken_over() -> None:
    a, b = stdlib.socketpair()
    with b:
        text = f"fd://{a.fileno()}"
        endpoint = endpoints.parse(f"{text}?SO_RCVBUF=8192")
        assert (endpoint.family, endpoint.type) == (stdlib.AF_UNIX, stdlib.SOCK_STREAM)
        assert endpoints.parse(str(endpoint)) == endpoint
        with endpoint.connect(timeout=20) as sock:
            assert sock.fileno() == a.detach()
            sock.sendall(b"x")
            assert b.recv(1) == b"x"
            assert sock.gettimeout() == 20


def test_a_descriptor_that_listens() -> None:
    with stdlib.create_server(("127.0.0.1", 0)) as server:
        text = f"fd://{server.fileno()}"
        with pytest.raises(OSError, match="not connected"):
            famsock.connect(text)
        with famsock.listen(text) as ours:
            server.detach()
            with famsock.connect(str(there(ours)), 20), ours.accept()[0] as accepted:
                assert accepted.family == INET


@pytest.mark.usefixtures("descriptors")
def test_a_descriptor_that_is_refused_stays_the_caller_s(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        with pytest.raises(ValueError, match="is no open socket"):
            endpoints.parse(f"fd://{file.fileno()}")
        file.write("still open")
    with stdlib.socket() as sock:
        with pytest.raises(OSError, match="not connected"):
            famsock.connect(f"fd://{sock.fileno()}")
        sock.getsockname()


ACTIVATED = """
import os, famsock
from famsock import endpoints
os.environ["LISTEN_PID"] = str(os.getpid())
print([tuple(each) for each in endpoints.listen_fds()])
endpoint = endpoints.parse("systemd://web?backlog=9")
print(endpoint, endpoints.parse(str(endpoint)) == endpoint)
with famsock.listen(endpoint) as server:
    print(server.get_option("SO_ACCEPTCONN"), server.get_inheritable(), server.fileno())
for text in ("systemd://web", "systemd://wbe", "systemd://both"):
    try:
        famsock.listen(text)
    except (OSError, ValueError) as error:
        print(str(error).splitlines()[0])
with famsock.open_datagram("fd://4") as bound:
    print(bound.type == famsock.SOCK_DGRAM)
"""


def test_descriptors_of_a_service_manager() -> None:
    with stdlib.create_server(("127.0.0.1", 0)) as server, stdlib.socket(INET, 2) as datagrams:
        third = server.dup()
        with third:
            given = [server.fileno(), datagrams.fileno(), third.fileno(), datagrams.fileno()]
            pairs = "".join(f"{n} " for n in given)
            code = (
                "import fcntl, os, sys;"
                "names = [fcntl.fcntl(int(n), fcntl.F_DUPFD_CLOEXEC, 50) for n in sys.argv[2:]];"
                "[os.dup2(n, at, inheritable=True) for at, n in enumerate(names, 3)];"
                "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
            )
            made = subprocess.run(
                [sys.executable, "-c", code, ACTIVATED, *pairs.split()],
                pass_fds=given,
                env={**os.environ, "LISTEN_FDS": "4", "LISTEN_FDNAMES": "web:dns:both:both"},
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
    assert made.stderr == ""
    assert made.stdout.splitlines() == [
        "[(3, 'web'), (4, 'dns'), (5, 'both'), (6, 'both')]",
        "systemd://web?backlog=9 True",
        "True False 3",
        "this descriptor was taken over before",
        "descriptors that were passed: web, dns, both, both; did you mean 'web'?",
        "2 descriptors have this name: take one of fd://5, fd://6",
        "True",
    ]


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_signal_s_handler_that_raises_leaks_nothing(tmp_path: Path) -> None:
    """An exception at any moment of listening leaves no descriptor open."""

    class Stop(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stop

    text = f"unix://{tmp_path}/x?mode=0600&SO_RCVBUF=4096"
    famsock.listen(text).close()
    before = len(os.listdir("/proc/self/fd"))
    old = signal.signal(signal.SIGALRM, stop)
    try:
        for delay in range(1, 60):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay * 2e-5)
                famsock.listen(text).close()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    except Stop:
        pass
    finally:
        signal.signal(signal.SIGALRM, old)
    gc.collect()  # an exception within ExitStack.__exit__ refers to itself by that frame
    assert len(os.listdir("/proc/self/fd")) == before
