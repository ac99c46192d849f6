"""TLS at either end of a relay, by the stdlib's ssl on the other side."""

from __future__ import annotations

import datetime
import os
import select
import socket
import ssl
from contextlib import closing, suppress
from pathlib import Path

import pytest

from famsock.relay import End, Options, Relay, Tls
from famsock.relay._channels import Channel
from famsock.relay._loop import Loop
from famsock.relay._pipes import Pipes
from famsock.relay._session import Session
from tests.relay.peers import PATIENCE_S, echo, is_reset, receive_all, running, unix_server, until

x509 = pytest.importorskip("cryptography.x509")
NAME = "relay.test"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for NAME that signs itself, with its key, as a PEM file."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    form = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(form)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def client_context(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


class _Sender(Channel):
    """An end that has data at once."""

    is_stream = True

    def __init__(self) -> None:
        self._data = [b"data"]

    def receive(self) -> bytes:
        if not self._data:
            raise BlockingIOError
        return self._data.pop()


class _Handshaking(Channel):
    """An end that takes data once it has received the end of a handshake."""

    is_stream = True
    tells_of_data = False
    waits_for_room = False

    def __init__(self) -> None:
        self.handshakes = True
        self.taken = b""

    def receive(self) -> bytes:
        self.handshakes = False
        raise BlockingIOError

    def send(self, data: memoryview | bytes, descriptors: tuple[int, ...] = ()) -> int:
        if self.handshakes:
            raise BlockingIOError
        self.taken += data
        return len(data)


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_handshake_that_ends_as_the_session_starts_holds_nothing_up(is_turned: bool) -> None:
    sender, other = _Sender(), _Handshaking()
    channels: tuple[Channel, Channel] = (other, sender) if is_turned else (sender, other)
    with closing(Loop()) as loop:
        Session(1, channels, loop, Pipes(), lambda session: None).start()
    assert other.taken == b"data"


def test_a_server_that_speaks_tls(tmp_path: Path, certificate: Path) -> None:
    a = End("tcp://127.0.0.1:0", tls=Tls(server_context(certificate)))
    with unix_server(tmp_path / "s", echo), running(a, f"unix://{tmp_path}/s") as run:
        data = os.urandom(1_000_000)
        plain = socket.create_connection(run.a, PATIENCE_S)
        with client_context(certificate).wrap_socket(plain, server_hostname=NAME) as client:
            for start in range(0, len(data), 50_000):
                piece = data[start : start + 50_000]
                client.sendall(piece)
                got = b""
                while len(got) < len(piece):
                    got += client.recv(len(piece))
                assert got == piece
            client.unwrap().close()
        run.wait(lambda: run.counters.active == 0)
        assert run.counters.broken == 0


def have_echoed(client: ssl.SSLSocket, size_bytes: int) -> None:
    """Send so many bytes and receive as many, in one thread: an SSL object is not for two."""
    unsent, missing = memoryview(bytes(size_bytes)), size_bytes
    while True:
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while unsent:
                unsent = unsent[client.send(unsent) :]
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while missing:
                data = client.recv(missing)
                assert data, f"{missing} bytes of the echo are missing"
                missing -= len(data)
        if not missing:
            return
        ready = select.select([client], [client] if unsent else [], [], PATIENCE_S)
        assert any(ready), "the relay keeps what it has"


def test_no_record_waits_for_the_next_one(tmp_path: Path, certificate: Path) -> None:
    """The socket has nothing more to read, while OpenSSL has."""
    a = End("tcp://127.0.0.1:0", tls=Tls(server_context(certificate)))
    with unix_server(tmp_path / "s", echo), running(a, f"unix://{tmp_path}/s") as run:
        plain = socket.create_connection(run.a, PATIENCE_S)
        with client_context(certificate).wrap_socket(plain, server_hostname=NAME) as client:
            client.setblocking(False)
            for size in range(140_000, 400_000, 20_000):
                have_echoed(client, size)


def test_both_ends_speak_tls_with_half_close(tmp_path: Path, certificate: Path) -> None:
    """Two relays: the middle of the chain is TLS, and the end of one direction crosses it."""

    def sum_up(connection: socket.socket) -> None:
        connection.sendall(b"%d" % len(receive_all(connection)))

    inner = End(f"unix://{tmp_path}/tls", tls=Tls(server_context(certificate)))
    outer = End(f"unix://{tmp_path}/tls", tls=Tls(client_context(certificate), NAME))
    with (
        unix_server(tmp_path / "s", sum_up),
        running(inner, f"unix://{tmp_path}/s") as one,
        running("tcp://127.0.0.1:0", outer) as two,
    ):
        for size in (0, 5, 2_000_000):
            with socket.create_connection(two.a, PATIENCE_S) as client:
                client.sendall(bytes(size))
                client.shutdown(socket.SHUT_WR)
                assert receive_all(client) == b"%d" % size
        for run in (one, two):
            until(lambda relay=run.relay: relay.counters.active == 0)  # type: ignore[misc]
            assert (run.counters.opened, run.counters.broken) == (3, 0)


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, certificate: Path) -> None:
    inner = End(f"unix://{tmp_path}/tls", tls=Tls(server_context(certificate)))
    outer = End(f"unix://{tmp_path}/tls", tls=Tls(client_context(certificate), "other.test"))
    with (
        unix_server(tmp_path / "s", echo),
        running(inner, f"unix://{tmp_path}/s"),
        running("tcp://127.0.0.1:0", outer) as run,
    ):
        assert is_reset(run.a, b"secret")
        run.wait(lambda: run.counters.broken == 1)
        assert "CERTIFICATE_VERIFY_FAILED" in run.events[-1].reason
        assert run.counters.a_to_b_bytes == 0


def test_a_cut_stream_is_no_clean_end(tmp_path: Path, certificate: Path) -> None:
    """Without TLS's own end the bytes may have been cut by anybody."""
    a = End("tcp://127.0.0.1:0", tls=Tls(server_context(certificate)))
    with unix_server(tmp_path / "s", echo), running(a, f"unix://{tmp_path}/s") as run:
        with socket.create_connection(run.a, PATIENCE_S) as plain:
            client = client_context(certificate).wrap_socket(plain, server_hostname=NAME)
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            os.close(client.detach())
        run.wait(lambda: run.counters.broken == 1)


def test_a_peer_that_speaks_no_tls(tmp_path: Path, certificate: Path) -> None:
    a = End("tcp://127.0.0.1:0", tls=Tls(server_context(certificate)))
    with unix_server(tmp_path / "s", echo), running(a, f"unix://{tmp_path}/s") as run:
        with socket.create_connection(run.a, PATIENCE_S) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            run.wait(lambda: run.counters.broken == 1)
        assert run.counters.a_to_b_bytes == 0


def test_a_handshake_that_never_comes(tmp_path: Path, certificate: Path) -> None:
    a = End("tcp://127.0.0.1:0", tls=Tls(server_context(certificate)))
    options = Options(connect_timeout_ms=100, drain_ms=2000)
    with unix_server(tmp_path / "s", echo), running(a, f"unix://{tmp_path}/s", options) as run:
        assert is_reset(run.a)
        run.wait(lambda: run.counters.broken or run.counters.active == 0)
        assert run.events[-1].reason == "no TLS handshake in time"


@pytest.mark.parametrize("name", [None, "", "x\0y"])
def test_settings_with_which_no_session_begins(certificate: Path, name: str | None) -> None:
    """They are told before the first peer comes."""
    far = End("tcp://127.0.0.1:1", tls=Tls(client_context(certificate), name))
    with pytest.raises(ValueError, match="end B: TLS: "):
        Relay("tcp://127.0.0.1:0", far)
