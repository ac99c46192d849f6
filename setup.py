"""The compiled modules of famsock, and the readme of its distribution.

The modules are optional: without them ctypes makes the system calls.

Left out where there is no Cython, on PyPy, whose C interface would be slower than ctypes, and on
systems other than Linux; a failing compiler is a warning and no error.
"""

import re
import sys
import tomllib
from pathlib import Path

from setuptools import Extension, setup

try:
    import Cython
except ImportError:
    Cython = None


HERE = Path(__file__).parent


def readme() -> str:
    """README.md, with the links into the repository as addresses: it is read away from there."""
    urls = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]["urls"]

    def whole(link: re.Match[str]) -> str:
        page = re.fullmatch(r"docs/(.*?)(?:\.md)?", link[1])
        return f"]({urls['Documentation']}{page[1]}/)" if page else f"]({urls['Source']}{link[1]})"

    text = (HERE / "README.md").read_text("utf-8")
    return re.sub(r"\]\((?!\w+:|#)([^)]+?)/?\)", whole, text)


def version() -> str:
    """The version in the package, which the compiled modules are stamped with."""
    text = (HERE / "famsock" / "__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    assert found is not None
    return found[1]


def extensions() -> list[Extension]:
    """The modules to compile here."""
    served = sys.platform.startswith("linux") and sys.implementation.name == "cpython"
    if Cython is None or not served:
        return []
    slots = "famsock/_calls/slots.pxi"
    macros = [
        ("_GNU_SOURCE", "1"),
        ("FAMSOCK_VERSION", f'"{version()}"'),
        ("CYTHON_COMPRESS_STRINGS", "0"),  # which costs more at import than it saves in the file
    ]
    return [
        Extension(
            "famsock._calls.native",
            ["famsock/_calls/native.pyx"],
            depends=["famsock/_calls/addresses.pxi", "famsock/_calls/calls.pxi", slots],
            define_macros=macros,
            optional=True,
        ),
        Extension(
            "famsock._cstruct",
            ["famsock/_cstruct.pyx"],
            depends=["famsock/_tlv.pxi", slots],
            define_macros=macros,
            optional=True,
        ),
        Extension(
            "famsock._records",
            ["famsock/_records.pyx"],
            depends=[slots],
            define_macros=macros,
            optional=True,
        ),
    ]


setup(
    ext_modules=extensions(),
    long_description=readme(),
    long_description_content_type="text/markdown",
)
