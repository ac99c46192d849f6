"""The eBPF program that finds messages in a TCP stream. Source: bpf(2), linux/bpf.h."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_BPF_PROG_LOAD = 5
_BPF_PROG_TYPE_SOCKET_FILTER = 1
_SIZES = {1: 0x30, 2: 0x28, 4: 0x20}  # BPF_LD | BPF_ABS | BPF_B, BPF_H and BPF_W


def length_program(offset: int = 0, size_bytes: int = 2, added_bytes: int = 2) -> int:
    """Load a program for messages with a length in big-endian; the descriptor is the caller's.

    The length stands ``offset`` bytes (0-65535) after the message's start and has ``size_bytes``
    (1, 2 or 4). The message is ``added_bytes`` (0-65535) longer than it says, the length itself
    for example. ValueError for other numbers, OSError as bpf(2) fails (EPERM without CAP_BPF), and
    NotImplementedError for a processor whose number of that system call is not known here.
    """
    if size_bytes not in _SIZES or not 0 <= offset <= 0xFFFF or not 0 <= added_bytes <= 0xFFFF:
        raise ValueError(
            f"AF_KCM length must have 1, 2 or 4 bytes at 0-65535, and 0-65535 bytes added, not "
            f"{size_bytes} at {offset} and {added_bytes}"
        )
    if platform.machine() not in _BPF:
        raise NotImplementedError(f"bpf(2) has no number here for {platform.machine()}")
    code = b"".join(
        struct.pack("=BBhi", *instruction)
        for instruction in (
            (0xBF, 0x16 if struct.pack("=H", 1)[0] else 0x61, 0, 0),  # r6 = r1, the message
            (_SIZES[size_bytes], 0, 0, offset),  # r0 = the length
            (0x07, 0, 0, added_bytes),  # r0 += the rest
            (0x95, 0, 0, 0),  # return r0
        )
    )
    instructions = ctypes.create_string_buffer(code, len(code))
    license_name = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "=IIQQ",
        _BPF_PROG_TYPE_SOCKET_FILTER,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(license_name),
    ).ljust(128, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = ctypes.c_long(_BPF_PROG_LOAD), attributes, ctypes.c_long(len(attributes))
    descriptor: int = libc.syscall(ctypes.c_long(_BPF[platform.machine()]), *arguments)
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return descriptor
