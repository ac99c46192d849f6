"""``python -m tools.emulation dist``: run the wheels for aarch64 under qemu-user.

Needs a Debian machine, and root only where apt does. Debian's own Python for arm64, with what it
depends on, and qemu-user-static are unpacked into a folder of the user's cache; nothing is
installed. The wheel of that Python is installed from ``dist`` beside the plugins of INET and UNIX,
and a program exchanges datagrams, a connection and descriptors through the modules in C.
Source: apt-get(8), apt.conf(5), dpkg-deb(1), qemu-user documentation.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.release import ReleaseError, run, uv

_PROGRAM = """
import os
import platform
from famsock import _calls, _cstruct, _records
from famsock.options import Linger
from famsock_inet import TcpSocket, UdpSocket
from famsock_unix import UnixStreamSocket
import famsock

assert _calls.implementation() == "compiled"
with UdpSocket() as one, UdpSocket() as two:
    one.bind(("127.0.0.1", 0))
    two.bind(("127.0.0.1", 0))
    assert one.sendto(b"data", two.local_address) == 4
    message = two.recv_message()
    assert (message.data, message.address) == (b"data", one.local_address)
    assert one.sendmmsg([(b"a", two.getsockname()), (b"b", two.local_address)]) == 2
    assert [data for data, *_ in two.recvmmsg(2)] == [b"a", b"b"]
with TcpSocket() as server, TcpSocket() as client:
    server.bind(("127.0.0.1", 0))
    server.listen()
    client.set_option("SO_LINGER", Linger(True, 5))
    assert client.get_option("SO_LINGER") == Linger(True, 5)
    client.connect(server.local_address)
    accepted, address = server.accept()
    with accepted:
        assert address == client.getsockname()
one, two = famsock.socketpair()
with one, two:
    famsock.send_fds(one, [b"descriptor"], [two.fileno()])
    data, descriptors, flags, address = famsock.recv_fds(two, 99, 1)
    assert os.fstat(descriptors[0]) == os.fstat(two.fileno())
    os.close(descriptors[0])
print(platform.machine(), platform.python_version(), _cstruct.__file__, _records.__file__)
"""
_TRIPLE = "aarch64-unknown-linux-gnu"


def cache() -> Path:
    """The folder with what was unpacked; all of it can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "famsock-emulation"


def unpack(folder: Path) -> None:
    """Unpack Debian's Python for arm64 into ``folder/root``, and qemu into ``folder/qemu``."""
    state, archives = folder / "state", folder / "archives"
    for path in (state / "lists" / "partial", archives / "archives" / "partial"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    # Its own lists and an empty status, so that the machine's own apt is not touched.
    settings = {
        "Dir::State": state,
        "Dir::Cache": archives,
        "Dir::State::status": folder / "status",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "",
    }
    apt = ("apt-get", "-qq", *(f"-o{key}={value}" for key, value in settings.items()))
    run(*apt, "update")
    run(*apt, "install", "--download-only", "-y", "--no-install-recommends", "python3")
    for package in sorted((archives / "archives").glob("*.deb")):
        run("dpkg-deb", "-x", package, folder / "root")
    run("apt-get", "-qq", "download", "qemu-user-static", cwd=archives)
    (package,) = archives.glob("qemu-user-static_*.deb")
    run("dpkg-deb", "-x", package, folder / "qemu")


def emulate(dist: Path, folder: Path) -> str:
    """Install from ``dist`` for the unpacked Python, and run a program; what it prints."""
    python = (folder / "root" / "usr" / "bin" / "python3").readlink().name
    site = folder / "site"
    run("rm", "-rf", site)
    version = python.removeprefix("python")
    where = (f"--target={site}", f"--python-platform={_TRIPLE}", f"--python-version={version}")
    pip = [*uv(), "pip", "install", "-q", "--only-binary=:all:", *where]
    names = ("famsock", "famsock-inet", "famsock-unix")
    run(*pip, "--no-index", "--no-deps", f"--find-links={dist}", *names)
    run(*pip, "attrs", "pluggy")
    qemu = folder / "qemu" / "usr" / "bin" / "qemu-aarch64-static"
    program = folder / "root" / "usr" / "bin" / python
    own = {"PYTHONPATH": str(site), "FAMSOCK_SYSCALLS": "", "FAMSOCK_PLUGINS": ""}
    return run(qemu, "-L", folder / "root", program, "-c", _PROGRAM, env=own, cwd=folder)


def main(arguments: Sequence[str]) -> int:
    top = argparse.ArgumentParser(prog="python -m tools.emulation", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    top.add_argument("dist", type=Path, help="the folder with the wheels")
    options = top.parse_args(arguments)
    try:
        if not (cache() / "qemu").exists():
            unpack(cache())
        print(emulate(options.dist.absolute(), cache()).strip())
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
