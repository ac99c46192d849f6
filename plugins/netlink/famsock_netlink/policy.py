"""Limits of the kernel for attributes, from its extended acknowledgements.

Source: linux/netlink.h (enum netlink_attribute_type, enum netlink_policy_type_attr).
"""

from __future__ import annotations

import attrs

from famsock_netlink.attributes import Attributes
from famsock_netlink.constants import (
    NL_ATTR_TYPE_BINARY,
    NL_ATTR_TYPE_BITFIELD32,
    NL_ATTR_TYPE_FLAG,
    NL_ATTR_TYPE_NESTED,
    NL_ATTR_TYPE_NESTED_ARRAY,
    NL_ATTR_TYPE_NUL_STRING,
    NL_ATTR_TYPE_S8,
    NL_ATTR_TYPE_S16,
    NL_ATTR_TYPE_S32,
    NL_ATTR_TYPE_S64,
    NL_ATTR_TYPE_SINT,
    NL_ATTR_TYPE_STRING,
    NL_ATTR_TYPE_U8,
    NL_ATTR_TYPE_U16,
    NL_ATTR_TYPE_U32,
    NL_ATTR_TYPE_U64,
    NL_ATTR_TYPE_UINT,
    NL_POLICY_TYPE_ATTR_BITFIELD32_MASK,
    NL_POLICY_TYPE_ATTR_MASK,
    NL_POLICY_TYPE_ATTR_MAX_LENGTH,
    NL_POLICY_TYPE_ATTR_MAX_VALUE_S,
    NL_POLICY_TYPE_ATTR_MAX_VALUE_U,
    NL_POLICY_TYPE_ATTR_MIN_LENGTH,
    NL_POLICY_TYPE_ATTR_MIN_VALUE_S,
    NL_POLICY_TYPE_ATTR_MIN_VALUE_U,
    NL_POLICY_TYPE_ATTR_TYPE,
)

__all__ = [
    "Policy",
]

_TYPE_NAMES = {
    NL_ATTR_TYPE_FLAG: "flag",
    NL_ATTR_TYPE_U8: "u8",
    NL_ATTR_TYPE_U16: "u16",
    NL_ATTR_TYPE_U32: "u32",
    NL_ATTR_TYPE_U64: "u64",
    NL_ATTR_TYPE_S8: "s8",
    NL_ATTR_TYPE_S16: "s16",
    NL_ATTR_TYPE_S32: "s32",
    NL_ATTR_TYPE_S64: "s64",
    NL_ATTR_TYPE_BINARY: "bytes",
    NL_ATTR_TYPE_STRING: "text",
    NL_ATTR_TYPE_NUL_STRING: "text with its NUL",
    NL_ATTR_TYPE_NESTED: "nested attributes",
    NL_ATTR_TYPE_NESTED_ARRAY: "an array of nested attributes",
    NL_ATTR_TYPE_BITFIELD32: "bitfield32",
    NL_ATTR_TYPE_SINT: "sint",
    NL_ATTR_TYPE_UINT: "uint",
}


@attrs.frozen
class Policy:
    """The kernel's limits for an attribute (Linux 5.10); None if it has no limit.

    ``type`` is NL_ATTR_TYPE_*; ``value_min`` to ``value_max`` and ``mask``, the bits that may be
    set, are of an integer, ``length_min`` to ``length_max`` are bytes.
    """

    type: int
    value_min: int | None = None
    value_max: int | None = None
    length_min: int | None = None
    length_max: int | None = None
    mask: int | None = None

    @classmethod
    def unpack(cls, found: Attributes) -> Policy:
        """Return the policy that attributes (NL_POLICY_TYPE_ATTR_*) describe."""

        def number(*kinds: int) -> int | None:
            return next((found.unsigned(kind) for kind in kinds if kind in found), None)

        def signed(kind: int) -> int | None:
            return found.signed(kind) if kind in found else None

        low = signed(NL_POLICY_TYPE_ATTR_MIN_VALUE_S)
        high = signed(NL_POLICY_TYPE_ATTR_MAX_VALUE_S)
        return cls(
            type=found.unsigned(NL_POLICY_TYPE_ATTR_TYPE, 0),
            value_min=number(NL_POLICY_TYPE_ATTR_MIN_VALUE_U) if low is None else low,
            value_max=number(NL_POLICY_TYPE_ATTR_MAX_VALUE_U) if high is None else high,
            length_min=number(NL_POLICY_TYPE_ATTR_MIN_LENGTH),
            length_max=number(NL_POLICY_TYPE_ATTR_MAX_LENGTH),
            mask=number(NL_POLICY_TYPE_ATTR_MASK, NL_POLICY_TYPE_ATTR_BITFIELD32_MASK),
        )

    def __str__(self) -> str:
        told = [_TYPE_NAMES.get(self.type, f"of type {self.type}")]
        if self.value_min is not None or self.value_max is not None:
            told.append(_range(self.value_min, self.value_max))
        if self.length_min is not None or self.length_max is not None:
            told.append(_range(self.length_min, self.length_max) + " bytes")
        if self.mask is not None:
            told.append(f"bits {self.mask:#x}")
        return ", ".join(told)


def _range(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"{low} to {high}" if low < 0 else f"{low}-{high}"
