"""The one compiled module of famsock, which is optional: without it ctypes makes the system calls.

Left out where there is no Cython, on PyPy, whose C interface would be slower than ctypes, and on
systems other than Linux; a failing compiler is a warning and no error.
"""

import sys

from setuptools import Extension, setup

try:
    import Cython
except ImportError:
    Cython = None


def extensions() -> list[Extension]:
    """The modules to compile here."""
    served = sys.platform.startswith("linux") and sys.implementation.name == "cpython"
    if Cython is None or not served:
        return []
    return [
        Extension(
            "famsock._calls.native",
            ["famsock/_calls/native.pyx"],
            depends=["famsock/_calls/addresses.pxi", "famsock/_calls/calls.pxi"],
            define_macros=[("_GNU_SOURCE", "1")],
            optional=True,
        )
    ]


setup(ext_modules=extensions())
