"""Words that several commands read or show."""

from __future__ import annotations


def examples(*calls: str) -> str:
    """Return the end of a command's help: calls of it, by their arguments ("doctor can")."""
    return "\n".join(("\b", "Examples:", *(f"  famsock {call}" for call in calls)))


def family_named(word: str) -> str:
    """Return the name of the family that ``word`` means: AF_CAN for can, Can and AF_CAN."""
    name = word.upper().replace("-", "_")
    return name if name.startswith("AF_") else f"AF_{name}"
