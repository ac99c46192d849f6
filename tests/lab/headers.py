"""C headers of a kernel, made from Debian's linux-headers packages.

Those packages hold the headers as they lie in the kernel's tree. :func:`export` does to the UAPI
part what the kernel's own ``make headers_install`` does (scripts/headers_install.sh), so that user
programs can be compiled against them, and keeps aside what some socket families need and UAPI
lacks: ``net/*.h`` (Bluetooth, IEEE 802.15.4) and ``linux/socket.h`` (SOL_* and AF_* numbers).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

SUBSTITUTIONS = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"([ \t(])(?:__user|__force|__iomem)[ \t]", r"\1"),
        (r"__attribute_const__([ \t]|$)", r"\1"),
        (r"^[ \t]*#[ \t]*include <linux/compiler(?:_types)?\.h>", ""),
        (r"(^|[^a-zA-Z0-9])__packed(?=[^a-zA-Z0-9_]|$)", r"\1__attribute__((packed))"),
        (r"(^|[ \t(])(inline|asm|volatile)(?=[ \t(]|$)", r"\1__\2__"),
        (r"#(ifndef|define|endif[ \t]*/[*])[ \t]*_UAPI", r"#\1 "),
        (r"^#ifndef __EXPORTED_HEADERS__$", "#if 0"),
    )
)


def exported(text: str) -> str:
    """A UAPI header's text as user programs get it."""
    for pattern, replacement in SUBSTITUTIONS:
        text = pattern.sub(replacement, text)
    return text


def export(source: Path, exported_dir: Path, internal_dir: Path) -> None:
    """Make both include directories from an unpacked ``usr/src``."""
    common = next(source.glob("linux-headers-*-common"))
    config = next(path for path in source.glob("linux-headers-*") if path != common)
    uapi_dirs = (
        common / "include" / "uapi",
        common / "arch" / "x86" / "include" / "uapi",
        config / "include" / "generated" / "uapi",
        config / "arch" / "x86" / "include" / "generated" / "uapi",
    )
    for uapi_dir in uapi_dirs:
        for header in uapi_dir.rglob("*.h"):
            target = exported_dir / header.relative_to(uapi_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(exported(header.read_text(errors="surrogateescape")))
    # asm-generic headers of the kernel proper are not for user programs: only UAPI ones went in.
    shutil.copytree(common / "include" / "net", internal_dir / "net")
    for name in libc_names(Path("/usr/include/net")):
        (internal_dir / "net" / name).unlink(missing_ok=True)
    (internal_dir / "kernel" / "linux").mkdir(parents=True)
    shutil.copy(common / "include" / "linux" / "socket.h", internal_dir / "kernel" / "linux")


def libc_names(libc_dir: Path) -> list[str]:
    """Headers that would hide the C library's own if they were on the include path."""
    return [path.name for path in libc_dir.glob("*.h")]
