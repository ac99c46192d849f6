"""Classic BPF programs, as SO_ATTACH_FILTER takes them.

A program is a sequence of `Instruction`; ``tcpdump -dd EXPRESSION`` prints the numbers of one.
Sources: linux/filter.h, Documentation/networking/filter.rst.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable

from famsock import codecs, cstruct

__all__ = [
    "INSTRUCTIONS",
    "MAX_INSTRUCTIONS",
    "PROGRAM",
    "Instruction",
]

MAX_INSTRUCTIONS = 4096
"""The kernel's BPF_MAXINSNS."""


@cstruct.struct("struct sock_filter", header="linux/filter.h")
class Instruction(cstruct.Struct):
    """An instruction: its code, how far to jump if true and if false, its operand."""

    code: int = cstruct.u16("code")
    jt: int = cstruct.u8("jt", default=0)
    jf: int = cstruct.u8("jf", default=0)
    k: int = cstruct.u32("k", default=0)


class _Program(bytes):
    """The bytes of a ``struct sock_fprog``; keeps the instructions alive that they point to."""

    instructions: array[int]


def _pack(program: Iterable[Instruction]) -> bytes:
    packed = INSTRUCTIONS.encode(tuple(program))
    instructions = array("B", packed)
    length = len(packed) // Instruction.layout.size
    made = _Program(struct.pack("@HP", length, instructions.buffer_info()[0]))
    made.instructions = instructions
    return made


def _unpack(data: bytes) -> tuple[Instruction, ...]:
    raise ValueError("struct sock_fprog holds a pointer: SO_GET_FILTER reads the program")


INSTRUCTIONS: codecs.Codec[tuple[Instruction, ...]] = codecs.array(
    codecs.struct(Instruction), MAX_INSTRUCTIONS
)
PROGRAM: codecs.Codec[tuple[Instruction, ...]] = codecs.Codec(
    c="struct sock_fprog",
    size_bytes=struct.calcsize("@HP"),
    encode=_pack,
    decode=_unpack,
    text=INSTRUCTIONS.text,
    parse=INSTRUCTIONS.parse,
)
