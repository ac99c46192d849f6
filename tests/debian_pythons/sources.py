"""A free-threaded Python, built from Debian's source package.

No suite of Debian has one. The interpreter is kept in the root folder by its version.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from tests.debian_pythons.root import KEYRING, Root, UnavailableError, mirror, say

_BUILD_PACKAGES = (
    *("make", "xz-utils", "libssl-dev", "zlib1g-dev", "libffi-dev", "libbz2-dev", "liblzma-dev"),
    *("libsqlite3-dev", "uuid-dev"),
)
_COMPLETE = ".complete"

_SCRIPT = """
set -e
apt-get -q update
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
apt-get -q source --download-only {source}
archive=$(echo *.orig.tar.*)
version=${{archive#*_}}
version=${{version%%.orig.*}}
prefix={place}-$version
if [ -e "$prefix/{complete}" ]; then exit; fi
tar -xf "$archive" --strip-components=1
./configure -q --disable-gil --prefix="$prefix"
make -s -j{processors}
rm -rf "$prefix"
make -s install
touch "$prefix/{complete}"
"""


def built(root: Root, name: str, source: str, suite: str, *, update: bool) -> tuple[str, str]:
    """Build an interpreter if it is not there, or newer ones with ``update``: some ten minutes.

    Returns its path in the root folder and its version.

    :param name: as uv has it, such as ``3.13t``.
    :param source: the source package.
    :param suite: the suite of Debian that has it.
    """
    place = f"/opt/python{name}"
    with root.lock(name):
        found = _complete(root, place)
        if update or not found:
            say(f"builds Python {name} from {source}")
            root.install(_BUILD_PACKAGES)
            form = "Types: deb-src\nURIs: {}\nSuites: {}\nComponents: main\nSigned-By: {}\n"
            listed = root.folder / f"etc/apt/sources.list.d/{suite}.sources"
            listed.write_text(form.format(mirror(), suite, KEYRING))
            script = _SCRIPT.format(
                source=shlex.quote(source),
                place=place,
                complete=_COMPLETE,
                processors=os.cpu_count(),
            )
            root.output(["sh", "-c", script])
            found = _complete(root, place)
    if not found:
        raise UnavailableError(f"{source} of {suite} has no archive")
    newest = max(found, key=lambda path: path.stat().st_mtime)
    version = newest.parent.name.partition("-")[2]
    return f"{place}-{version}/bin/python{name}", version


def _complete(root: Root, place: str) -> list[Path]:
    return [*root.folder.glob(f"{place.lstrip('/')}-*/{_COMPLETE}")]
