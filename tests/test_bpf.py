"""Classic BPF programs: their bytes, their limits, and the kernel that runs them."""

from __future__ import annotations

import ctypes
import struct
import sys

import pytest

import famsock
from famsock import options
from famsock.bpf import INSTRUCTIONS, MAX_INSTRUCTIONS, PROGRAM, Instruction

RETURN = 0x06  # BPF_RET | BPF_K: accept k bytes of the message
FIRST_BYTE = Instruction(code=0x30, k=0)  # BPF_LD | BPF_B | BPF_ABS


def test_bytes_of_an_instruction() -> None:
    jump = Instruction(code=0x15, jt=1, jf=2, k=0x0800)
    packed = (0x15).to_bytes(2, sys.byteorder) + b"\1\2" + (0x0800).to_bytes(4, sys.byteorder)
    assert jump.pack() == packed
    assert INSTRUCTIONS.decode(packed * 2) == (jump, jump)
    assert Instruction(RETURN) == Instruction(RETURN, 0, 0, 0)


def test_a_program_points_to_its_instructions() -> None:
    instructions = (FIRST_BYTE, Instruction(RETURN, k=2))
    encoded = PROGRAM.encode(instructions)
    length, pointer = struct.unpack("@HP", encoded)
    assert length == 2
    assert ctypes.string_at(pointer, 16) == INSTRUCTIONS.encode(instructions)
    assert len(encoded) == PROGRAM.size_bytes


@pytest.mark.parametrize(
    ("code", "error", "match"),
    [
        (Instruction(RETURN).pack(), TypeError, "must be Instruction, not bytes"),
        (RETURN, TypeError, "must be Instruction, not int"),
    ],
)
def test_values_that_are_no_instruction(code: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        PROGRAM.encode((code,))  # type: ignore[arg-type]


def test_the_longest_program() -> None:
    assert len(INSTRUCTIONS.encode((FIRST_BYTE,) * MAX_INSTRUCTIONS)) == 8 * MAX_INSTRUCTIONS
    with pytest.raises(ValueError, match="must be at most 4096 elements, not 4097"):
        PROGRAM.encode((FIRST_BYTE,) * (MAX_INSTRUCTIONS + 1))


def test_a_pointer_is_not_read_back() -> None:
    with pytest.raises(ValueError, match="SO_GET_FILTER reads the program"):
        PROGRAM.decode(bytes(PROGRAM.size_bytes))


@pytest.mark.usefixtures("descriptors")
def test_the_kernel_runs_a_program() -> None:
    only_x = (
        FIRST_BYTE,
        Instruction(code=0x15, jt=0, jf=1, k=ord("x")),  # BPF_JMP | BPF_JEQ | BPF_K
        Instruction(RETURN, k=3),
        Instruction(RETURN, k=0),
    )
    a, b = famsock.socketpair(famsock.AF_UNIX, famsock.SOCK_DGRAM)
    with a, b:
        b.set_option(options.SO_ATTACH_FILTER, only_x)
        assert b.get_option(options.SO_GET_FILTER) == only_x
        a.send(b"dropped")
        a.send(b"xyz and more")
        b.settimeout(20)
        assert b.recv(99) == b"xyz"
        b.set_option(options.SO_DETACH_FILTER, 0)
        a.send(b"whole")
        assert b.recv(99) == b"whole"


def test_the_kernel_refuses_a_program_without_an_end() -> None:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        with pytest.raises(OSError, match="Invalid argument"):
            sock.set_option(options.SO_ATTACH_FILTER, (FIRST_BYTE,))
        assert sock.get_option(options.SO_GET_FILTER) == ()
