"""Requirements of tests: each function returns "", or why one is not met and how to meet it.

The markers of :mod:`famsock.testing.plugin` are ``needs_`` and these functions' names. Sources:
capabilities(7), proc(5), modprobe(8).
"""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import socket as _stdlib
import sys
from functools import cache
from pathlib import Path

__all__ = [
    "capability",
    "command",
    "family",
    "interface",
    "kernel",
    "module",
]

_CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]

_VIRTUAL = ("bond", "bridge", "dummy", "ifb", "nlmon", "vcan", "veth", "vsockmon", "vxcan")
"""Interfaces that ip-link(8) makes from nothing."""


@cache
def family(name: str, protocol: int | str | None = None, type: int | None = None) -> str:
    """Check that the kernel opens sockets of a family, protocol (number or name) and type.

    LookupError for a protocol's name that the family's plugin does not have.
    """
    from famsock._registry import plugins
    from famsock._sockets import socket

    known = plugins.family(name)
    if known is None:
        number = getattr(_stdlib, name, None)
        if number is None:
            return f"{name}: no installed plugin serves it, and this Python does not know it"
        row = None
    elif not known.here:
        return f"{name} is for {', '.join(known.platforms)}, this is {sys.platform}"
    else:
        number = known.number
        rows = [p for p in known.protocols if protocol in (None, p.name, p.number)]
        row = next((p for p in rows if type in (None, *p.types)), None)
    if isinstance(protocol, str):
        if known is None:
            return f"{name}: no installed plugin serves it and knows protocol {protocol!r}"
        if row is None:
            there = ", ".join(f"{p.name} of {sorted(map(int, p.types))}" for p in known.protocols)
            of_type = "" if type is None else f" of socket type {int(type)}"
            raise LookupError(f"{name} has no protocol {protocol!r}{of_type}, only {there}")
        protocol = row.number
    kind = type or (row.types[0] if row else _stdlib.SOCK_STREAM)
    if protocol is None:
        protocol = (row and row.number) or 0
    try:
        socket(number, kind, protocol).close()
    except OSError as error:
        return f"{name}: this kernel opens no such socket: {words(error)}"
    return ""


def words(error: OSError) -> str:
    """Return the text of an error with its notes."""
    notes = getattr(error, "__notes__", [])
    if not notes and error.errno in (errno.EPERM, errno.EACCES):
        notes = ["needs a privilege; run as root"]
    return "; ".join([str(error), *notes])


def capability(name: str) -> str:
    """Check that this process has a capability ("CAP_NET_RAW") in its effective set."""
    try:
        number = _CAPABILITIES.index(name.removeprefix("CAP_"))
    except ValueError:
        raise LookupError(f"no capability is called {name!r}; see capabilities(7)") from None
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return "" if os.geteuid() == 0 else f"needs {name}: run as root"
    held = int(re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)[1], 16)  # type: ignore[index]
    if held >> number & 1:
        return ""
    return f"needs {name}: run as root, or with: capsh --caps={name.lower()}+eip"


def kernel(version: str) -> str:
    """Check that the running Linux kernel has ``version`` ("5.19") or later.

    ValueError if ``version`` is not a version.
    """
    if re.fullmatch(r"\d+(\.\d+)*", version) is None:
        raise ValueError(f"a kernel's version is numbers with dots between, not {version!r}")
    if not sys.platform.startswith("linux"):
        return f"needs Linux {version}, this is {sys.platform}"
    if _numbers(platform.release()) >= _numbers(version):
        return ""
    return f"needs Linux {version} or later, this is {platform.release()}: boot a newer kernel"


def _numbers(version: str) -> tuple[int, ...]:
    leading = re.match(r"[\d.]+", version)
    return tuple(int(part) for part in leading[0].split(".") if part) if leading else ()


def command(name: str, package: str | None = None) -> str:
    """Check that a program is on PATH; ``package`` is the distribution's package that has it."""
    if shutil.which(name):
        return ""
    return f"needs the program {name}: apt-get install {package or name}"


def interface(name: str) -> str:
    """Check that there is a network interface, or a device of another class, of this name."""
    try:
        _stdlib.if_nametoindex(name)
    except OSError:
        if any(Path("/sys/class").glob(f"*/{name}")):
            return ""
        kind = name.rstrip("0123456789")
        if kind not in _VIRTUAL:
            return f"needs the interface {name}: attach such a device"
        return (
            f"needs the interface {name}: ip link add {name} type {kind} && ip link set {name} up"
        )
    return ""


def module(name: str) -> str:
    """Check that a kernel module is loaded or built in."""
    plain = name.replace("-", "_")
    if Path("/sys/module", plain).exists():
        return ""
    listing = Path("/lib/modules", platform.release(), "modules.builtin")
    try:
        built_in = {Path(line).stem.replace("-", "_") for line in listing.read_text().split()}
    except OSError:
        built_in = set()
    return "" if plain in built_in else f"needs the kernel module {name}: modprobe {name}"
