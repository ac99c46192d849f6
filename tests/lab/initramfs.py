"""The guest's first file system: busybox, ``init.sh`` and the modules that mount the real root.

Written in the cpio "newc" format (the kernel's Documentation/driver-api/early-userspace/
buffer-format.rst), uncompressed because the guest is slow at decompressing.
"""

from __future__ import annotations

import stat
from pathlib import Path

# A User-mode Linux needs only the last one.
ROOT_MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")


def entry(name: str, content: bytes, mode: int) -> bytes:
    """One file (or, without content, one directory) of the archive."""
    encoded = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(header + encoded) + padded(content)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def archive(files: dict[str, bytes]) -> bytes:
    """An archive of executable files, by path; the directories are made from the paths."""
    directories = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    parts = [entry(name, b"", stat.S_IFDIR | 0o755) for name in sorted(directories)]
    parts += [entry(name, data, stat.S_IFREG | 0o755) for name, data in files.items()]
    return b"".join(parts) + entry("TRAILER!!!", b"", 0)


def load_order(modules_dep: str, wanted: tuple[str, ...]) -> list[str]:
    """Paths of modules and of what they depend on, dependencies first; built-in ones are left out.

    :param modules_dep: depmod's file; a line lists a module's dependencies from the nearest to
        the farthest.
    """
    rows = dict(line.split(":", 1) for line in modules_dep.splitlines())
    by_name = {Path(path).name.split(".")[0].replace("-", "_"): path for path in rows}
    order: list[str] = []
    for name in wanted:
        if path := by_name.get(name):
            order += [*reversed(rows[path].split()), path]
    return list(dict.fromkeys(order))


def build(modules: Path) -> bytes:
    """The archive for the kernel whose ``lib/modules/RELEASE`` is given."""
    order = load_order((modules / "modules.dep").read_text(), ROOT_MODULES)
    files = {
        "init": (Path(__file__).parent / "init.sh").read_bytes(),
        "bin/busybox": Path("/bin/busybox").read_bytes(),
        "modules/order": "".join(f"{Path(path).name}\n" for path in order).encode(),
    }
    files |= {f"modules/{Path(path).name}": (modules / path).read_bytes() for path in order}
    return archive(files)
