"""The compiled modules of famsock. They are optional: without them ctypes makes the system calls.

Left out where there is no Cython, on PyPy, whose C interface would be slower than ctypes, and on
systems other than Linux; a failing compiler is a warning and no error.
"""

import re
import sys
from pathlib import Path

from setuptools import Extension, setup

try:
    import Cython
except ImportError:
    Cython = None


def version() -> str:
    """The version in the package, which the compiled modules are stamped with."""
    text = Path(__file__).with_name("famsock").joinpath("__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    assert found is not None
    return found[1]


def extensions() -> list[Extension]:
    """The modules to compile here."""
    served = sys.platform.startswith("linux") and sys.implementation.name == "cpython"
    if Cython is None or not served:
        return []
    slots = "famsock/_calls/slots.pxi"
    macros = [("_GNU_SOURCE", "1"), ("FAMSOCK_VERSION", f'"{version()}"')]
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


setup(ext_modules=extensions())
