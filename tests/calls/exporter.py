"""A buffer that has another size at each export, as one may that another thread resizes.

`bytearray` can only do so without the GIL. A class of Python may export buffers from Python 3.12
on. This one is made by the C API, on every CPython.
"""

from __future__ import annotations

import ctypes
from typing import Any

_TAKES_BUFFER = 1  # Py_bf_getbuffer, typeslots.h
_GET_BUFFER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)


class _Slot(ctypes.Structure):
    """``PyType_Slot``."""

    _fields_ = (("slot", ctypes.c_int), ("function", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    """``PyType_Spec``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    )


class Exporter:
    """Makes `buffer`, whose n-th export has the n-th of some sizes, and the last one from then on.

    :ivar memory: where all exports lie.
    :ivar exports: the sizes of the exports so far, in bytes.
    """

    def __init__(self, *sizes: int) -> None:
        self.memory = ctypes.create_string_buffer(max(sizes))
        self.exports: list[int] = []
        api = ctypes.pythonapi
        api.PyType_FromSpec.restype = ctypes.py_object
        fill: Any = api.PyBuffer_FillInfo
        start = ctypes.addressof(self.memory)

        def export(owner: Any, view: int, flags: int) -> int:
            size = sizes[min(len(self.exports), len(sizes) - 1)]
            self.exports.append(size)
            where = ctypes.c_void_p(view), ctypes.py_object(owner), ctypes.c_void_p(start)
            return int(fill(*where, ctypes.c_ssize_t(size), 0, flags))

        # The type keeps neither of these alive.
        self._export = _GET_BUFFER(export)
        function = ctypes.cast(self._export, ctypes.c_void_p)
        self._slots = (_Slot * 2)(_Slot(_TAKES_BUFFER, function))
        spec = _Spec(b"tests.Exported", object.__basicsize__, 0, 0, self._slots)
        self.buffer: Any = api.PyType_FromSpec(ctypes.byref(spec))()
