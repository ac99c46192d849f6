"""An audit hook sees the same events with the same arguments as with the stdlib, call by call."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = r"""
import sys
module = sys.argv[1]
socket = __import__(module)
import os, tempfile, warnings
warnings.simplefilter("ignore")
events = []

def show(value):
    if isinstance(value, socket.socket):
        return f"<socket {int(value.family)} {int(value.type)}>"
    return repr(value)

def hook(name, args):
    if name.startswith("socket."):
        # __new__ fires inside __init__, when the object is not one yet: its arguments suffice.
        shown = args[1:] if name == "socket.__new__" else args
        events.append(f"{name} {[show(a) if name != 'socket.__new__' else int(a) for a in shown]}")

def step(label, call):
    events.append(f"-- {label}")
    try:
        result = call()
    except Exception as error:
        events.append(f"raises {type(error).__name__}")
        return None
    return result

sys.addaudithook(hook)
s = step("socket()", lambda: socket.socket())
s.bind(("127.0.0.1", 0)); s.listen()
real, fixed = s.getsockname(), None
step("rebind", lambda: s.bind(("127.0.0.1", 1)))
step("bind bad port", lambda: s.bind(("127.0.0.1", 70000)))
step("bind list", lambda: s.bind(["127.0.0.1", 0]))
c = step("socket 2", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
events.append("-- connect"); before = len(events)
c.connect(real)
events[before:] = [e.replace(str(real[1]), "PORT") for e in events[before:]]
events.append("-- accept")
d, peer = s.accept()
events.append("-- dup"); e = d.dup()
events.append("-- fromfd"); f = socket.fromfd(d.fileno(), socket.AF_INET, socket.SOCK_STREAM)
events.append("-- fileno"); g = socket.socket(fileno=os.dup(d.fileno()))
events.append("-- silent")
c.send(b"x"); c.sendall(b"y"); d.recv(1); d.recv(1); d.getpeername(); d.getsockname()
d.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
d.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
c.shutdown(socket.SHUT_RDWR); s.settimeout(1)
events.append("-- udp")
u, v = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
u.bind(("127.0.0.1", 0)); name = u.getsockname(); before = len(events)
v.sendto(b"1", name); v.sendto(b"2", 0, name); v.sendmsg([b"3"], [], 0, name)
step("sendto bad", lambda: v.sendto(b"1", ("127.0.0.1", "x")))
step("sendto bad data", lambda: v.sendto("text", name))
step("sendmsg bad data", lambda: v.sendmsg(["text"], [], 0, name))
step("sendmsg bad cmsg", lambda: v.sendmsg([b"x"], [(1, 2)], 0, name))
u.recvfrom(9); u.recvmsg(9); u.recvfrom_into(bytearray(9))
step("connect_ex", lambda: v.connect_ex(name))
v.sendmsg([b"4"])
step("sendmsg none", lambda: v.sendmsg([b"5"], [], 0, None))
events[before:] = [e.replace(str(name[1]), "PORT") for e in events[before:]]
events.append("-- unix")
a, b = socket.socketpair()
x = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
step("unix bind", lambda: x.bind(b"\0famsock-audit-%d" % os.getppid()))
step("unix sendto", lambda: x.sendto(b"1", "/no/such/path"))
step("unix connect", lambda: x.connect("/no/such/path"))
step("unix bad", lambda: x.connect(7))
events.append("-- module functions")
step("getaddrinfo", lambda: socket.getaddrinfo("127.0.0.1", 80))
step("gethostbyname", lambda: socket.gethostbyname("127.0.0.1"))
step("gethostname", lambda: socket.gethostname())
step("getnameinfo", lambda: socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST))
step("getservbyname", lambda: socket.getservbyname("http"))
step("getservbyport", lambda: socket.getservbyport(80))
step("create_connection", lambda: socket.create_connection(("127.0.0.1", 1), timeout=1))
step("create_server", lambda: socket.create_server(("127.0.0.1", 0)))

def veto(name, args):
    if name in ("socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg"):
        raise PermissionError("vetoed")

sys.addaudithook(veto)
w = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
step("vetoed bind", lambda: w.bind(("127.0.0.1", 0)))
step("vetoed connect", lambda: w.connect(("127.0.0.1", 9)))
step("vetoed connect_ex", lambda: w.connect_ex(("127.0.0.1", 9)))
step("vetoed sendto", lambda: w.sendto(b"", ("127.0.0.1", 9)))
step("vetoed sendmsg", lambda: w.sendmsg([b""], [], 0, ("127.0.0.1", 9)))
events.append(f"bound after veto: {w.getsockname()}")
print("\n".join(events))
"""


def events(module: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.usefixtures("descriptors")
def test_events_equal_the_stdlib() -> None:
    theirs, ours = events("socket"), events("famsock")
    assert len(theirs) > 60
    assert "socket.bind ['<socket 2 1>', \"('127.0.0.1', 1)\"]" in theirs
    assert ours == theirs
