"""``python -m tests.platforms WHERE MODULE ARGS``: runs a module as on a machine of another kind.

``headers``: a Python that was built without the headers of any family but INET, INET6 and UNIX, as
builds are made in containers and by pyenv. ``win32`` and ``darwin``: a platform that lacks Linux's
families, calls and modules, as far as ``sys.platform`` and missing names can show it.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from typing import Any

_KEPT = {
    *("AF_UNSPEC", "AF_INET", "AF_INET6", "AF_UNIX"),
    *("SOL_SOCKET", "SOL_IP", "SOL_TCP", "SOL_UDP"),
}
_OF_HEADERS = (
    *("AF_", "PF_", "SOL_", "ALG_", "BDADDR_", "BT", "CAN_", "HCI_", "J1939_", "NETLINK_"),
    *("PACKET_", "RDS_", "SCM_J1939_", "SO_J1939_", "SO_VM_SOCKETS_", "TIPC_", "VMADDR_"),
    *("VM_SOCKETS_", "IOCTL_VM_SOCKETS_", "UDPLITE_", "SO_RDS_", "IPPROTO_MPTCP"),
    "IPPROTO_UDPLITE",
)
_OF_LINUX = (
    *_OF_HEADERS,
    *("MSG_CMSG_CLOEXEC", "MSG_CONFIRM", "MSG_ERRQUEUE", "MSG_FASTOPEN", "MSG_MORE", "SCM_CRED"),
    *("SO_BINDTODEVICE", "SO_DOMAIN", "SO_INCOMING_CPU", "SO_MARK", "SO_PASS", "SO_PEER"),
    *("SO_PRIORITY", "SO_PROTOCOL", "SOCK_CLOEXEC", "SOCK_NONBLOCK", "TCP_INFO", "TCP_CORK"),
)
_OF_POSIX = (
    *_OF_LINUX,
    *("AF_UNIX", "CMSG_", "MSG_CTRUNC", "MSG_DONTWAIT", "MSG_EOR", "MSG_TRUNC", "MSG_WAITALL"),
    *("SCM_", "SO_REUSEPORT", "sethostname", "socketpair"),
)
_LACKING = {"headers": _OF_HEADERS, "darwin": _OF_LINUX, "win32": _OF_POSIX}
# These choose their own modules by the platform, and must have chosen those that are here.
_ASKING_FOR_THE_PLATFORM = (
    *("asyncio", "ctypes.util", "multiprocessing.reduction", "ssl", "subprocess", "uuid"),
    *("attrs", "click", "hypothesis", "pluggy", "pytest", "rich.table"),
)
_POSIX_MODULES = ("fcntl", "grp", "posix", "pwd", "resource", "termios")
_POSIX_CALLS = ("fork", "getgid", "getuid", "register_at_fork", "sendfile", "setns", "uname")


def pretend(where: str) -> None:
    """Take from this process what is not there ``where``, before `socket` is imported."""
    import _socket

    if "socket" in sys.modules:
        raise RuntimeError("socket is imported already, with all its constants")
    kept = _KEPT - {"AF_UNIX"} if where == "win32" else _KEPT
    for name in [n for n in vars(_socket) if n.startswith(_LACKING[where]) and n not in kept]:
        delattr(_socket, name)
    if where == "headers":
        return
    os.environ.pop("FAMSOCK_SYSCALLS", None)  # the compiled calls, which may be asked for here
    for used in _ASKING_FOR_THE_PLATFORM:
        importlib.import_module(used)
    sys.platform = where
    sys.modules["famsock._calls.native"] = None  # type: ignore[assignment]  # only built on Linux
    if where == "win32":
        _pretend_windows()


def _pretend_windows() -> None:
    here: dict[str, Any] = vars(os)
    for name in _POSIX_CALLS:
        here.pop(name, None)
    for name in _POSIX_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]


if __name__ == "__main__":
    pretend(sys.argv[1])
    os.environ["PYTEST_XDIST_AUTO_NUM_WORKERS"] = "0"  # a worker would lack nothing
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
