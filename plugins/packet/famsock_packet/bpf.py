"""Classic BPF programs as text. Source: tcpdump(1), Documentation/networking/filter.rst."""

from __future__ import annotations

from famsock.plugin import bpf
from famsock_packet.constants import BPF_K, BPF_RET

__all__ = [
    "REJECT_ALL",
    "parse_program",
]

REJECT_ALL = (bpf.Instruction(BPF_RET | BPF_K),)
"""A program that lets nothing pass."""


def parse_program(text: str) -> tuple[bpf.Instruction, ...]:
    """Return the program that ``tcpdump -ddd EXPRESSION`` prints.

    Its first line is the number of instructions, each other line one of them: code, jump if true,
    jump if false, operand, in decimal. ``-y`` must name the link type that the socket will see:
    EN10MB for SOCK_RAW on Ethernet. Raises ValueError for any other text, OverflowError for a
    number out of range.
    """
    head, *lines = text.split("\n")
    rows = [line.split() for line in lines if line.strip()]
    try:
        if int(head) != len(rows) or any(len(row) != 4 for row in rows):
            raise ValueError
        numbers = [[int(word) for word in row] for row in rows]
    except ValueError:
        raise ValueError(
            "BPF program must be as tcpdump -ddd prints it: a count, and as many lines of four "
            f"numbers; not {text[:60]!r}"
        ) from None
    return tuple(bpf.Instruction(*row) for row in numbers)
