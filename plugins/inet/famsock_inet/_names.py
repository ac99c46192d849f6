"""Host names through getaddrinfo(3), called directly.

The stdlib's bind, connect and sendto resolve names inside C, without the audit event that
`socket.getaddrinfo` raises and without passing through a program's replacement of that function;
neither may happen here. Source: getaddrinfo(3), netdb.h, Modules/socketmodule.c (setipaddr).
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int, c_uint, c_void_p
from socket import EAI_SYSTEM, gaierror


class _AddrInfo(ctypes.Structure):
    pass


_AddrInfo._fields_ = [
    ("flags", c_int),
    ("family", c_int),
    ("type", c_int),
    ("protocol", c_int),
    ("size", c_uint),
    ("sockaddr", c_void_p),
    ("canonical_name", c_void_p),
    ("next", c_void_p),
]

_libc = ctypes.CDLL(None, use_errno=True)
_getaddrinfo = _libc.getaddrinfo
_getaddrinfo.argtypes = (c_char_p, c_char_p, c_void_p, c_void_p)
_getaddrinfo.restype = c_int
_freeaddrinfo = _libc.freeaddrinfo
_freeaddrinfo.argtypes = (c_void_p,)
_freeaddrinfo.restype = None
_gai_strerror = _libc.gai_strerror
_gai_strerror.argtypes = (c_int,)
_gai_strerror.restype = c_char_p


def resolve(host: bytes, family: int) -> bytes:
    """Return the sockaddr of the first address of ``family`` that ``host`` has.

    Raises gaierror as getaddrinfo(3) fails, and OSError with errno where the system call did.
    """
    hints = _AddrInfo(family=family)
    found = POINTER(_AddrInfo)()
    error = _getaddrinfo(host, None, byref(hints), byref(found))
    if error == EAI_SYSTEM:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if error:
        raise gaierror(error, os.fsdecode(_gai_strerror(error)))
    try:
        first = found.contents
        return ctypes.string_at(first.sockaddr, first.size)
    finally:
        _freeaddrinfo(found)
