"""The conformance suite passes on a right family, and each fault fails the test made for it."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from famsock import _calls
from famsock.testing import Conformance
from famsock.testing._checks.bad_input import refuses_the_type

BEFORE_POST_INIT = '    name: str = cstruct.char("kit_name", 8, default="")\n'


def method(code: str) -> tuple[str, str]:
    """A replacement that gives the address class a method."""
    return BEFORE_POST_INIT, f"{BEFORE_POST_INIT}\n{code}\n"


def port(ctype: str) -> tuple[str, str]:
    """A replacement of the port's C type."""
    return 'port: int = cstruct.u16("kit_port")', f'port: int = cstruct.field({ctype}, "kit_port")'


NEWER = '    newer = {{"{}": ("{}",)}}\n    bad = ('
ORPHAN = """class OrphanSocket(socket, family=1, type=stdlib.SOCK_DGRAM, proto=0):
    __slots__ = ()


"""
FRESH = """def __getattr__(name):
    if name != "FreshSocket":
        raise AttributeError(name)
    return type("KitSocket", (KitSocket,), {"__slots__": ()})


"""
LAZY_OF_ANOTHER = """import sys
sys.modules[f"{__name__}.other"] = sys.modules[__name__]
__getattr__, __dir__ = exports(__name__, KitAddress="other")


"""
TYPED_ONLY = """TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock.plugin import Option as Option


"""
SELFTEST = """    ends = stdlib.socketpair()
    with KitSocket(fileno=ends[0].detach()) as ours, KitSocket(fileno=ends[1].detach()) as theirs:
        def round_trip() -> None:
            ours.send(b"?")
            if theirs.recv(1) != b"?":
                raise RuntimeError("wrong answer")
        yield round_trip
"""
DATAGRAMS = ("    bad = (", '    batched = ("kit",)\n    bad = (')


def batched_by(replaced: str = "recvmmsg=receive") -> list[tuple[str, str]]:
    """Replacements for a self-test by datagrams, while methods of every socket are replaced."""
    code = f"""    from unittest import mock

    receive, receive_into = socket.recvmmsg, socket.recvmmsg_into
    with mock.patch.multiple(socket, **dict({replaced})):
        with tests.datagrams(2, 2, at=("127.0.0.1", 0)) as round_trip:
            yield round_trip
"""
    return [(SELFTEST, code)]


FAULTS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "size of the struct": (
        "test_layouts_agree_with_headers",
        [('stdlib=("node", "port")\n', 'stdlib=("node", "port"), size=20\n')],
    ),
    "offset of a member": (
        "test_layouts_agree_with_headers",
        [('cstruct.u64("second")', 'cstruct.u64("second", offset=1)')],
    ),
    "size of a member": (
        "test_layouts_agree_with_headers",
        [('cstruct.u8("first")', 'cstruct.u16("first")')],
    ),
    "member that no header has": (
        "test_headers_declare_every_struct",
        [('cstruct.u8("first")', 'cstruct.u8("frist")')],
    ),
    "wrong constant": ("test_constants_agree_with_headers", [('"KIT_LOW": -1', '"KIT_LOW": 1')]),
    "masked constant": (
        "test_constants_agree_with_headers",
        [('"KIT_HIGH": 0xFFFFFFFF', '"KIT_HIGH": -1')],
    ),
    "constant that no header has": (
        "test_headers_declare_every_constant",
        [('"KIT_LOW": -1', '"KIT_LWO": -1')],
    ),
    "constant unlike the stdlib's": (
        "test_constants_agree_with_the_stdlib",
        [('"KIT_LOW": -1', '"KIT_LOW": -1, "SOCK_STREAM": 2')],
    ),
    "no constant of the family's name": (
        "test_constants_load_and_name_the_family",
        [('"AF_KIT": 1, ', "")],
    ),
    "headers that are not there": (
        "test_headers_declare_every_constant",
        [('"HEADERS": ("kit.h",)', '"HEADERS": ("tik.h",)')],
    ),
    "options that do not load": (
        "test_definitions_load",
        [("    options=OPTIONS,", '    options="no_such_module",')],
    ),
    "module that does not import": (
        "test_modules_import",
        [("KitAddress, scheme", '"no_such.addresses:X", scheme')],
    ),
    "range one too wide": (
        "test_integer_beyond_its_range_is_refused",
        [port('cstruct.CType(c="u", code="H", low=0, high=65535, check=lambda v: v & 0x1FFFF)')],
    ),
    "range one too narrow": (
        "test_integer_at_its_limits_is_taken",
        [
            (
                'name: str = cstruct.char("kit_name", 8, default="")',
                'name: str = cstruct.char("kit_name", 8, default="")\n\n'
                "    def __attrs_post_init__(self):\n"
                "        if self.port == 65535:\n"
                '            raise OverflowError("AF_KIT port must be 0-65534, not 65535")',
            )
        ],
    ),
    "masking": (
        "test_integer_beyond_its_range_is_refused",
        [
            port(
                'CType(c="u", code="H", low=0, high=65535, check=lambda v: v & 0xFFFF, parse=int)'
            )
        ],
    ),
    "range error that names no field": (
        "test_integer_beyond_its_range_is_refused",
        [
            method(
                "    def __attrs_post_init__(self):\n"
                "        if not 0 <= self.port < 65536:\n"
                "            raise OverflowError('port out of range')"
            )
        ],
    ),
    "swallowed type error": (
        "test_wrong_type_is_refused",
        [port('CType(c="u", code="H", low=0, high=65535, check=int, parse=int)')],
    ),
    "wrong bytes": (
        "test_typed_packs_to_sockaddr",
        [("cstruct.u32(", "cstruct.be32(")],
    ),
    "stdlib form in another order": (
        "test_typed_gives_stdlib_form",
        [('stdlib=("node", "port")\n', 'stdlib=("port", "node")\n')],
    ),
    "text that loses a field": (
        "test_any_address_survives_its_text",
        [method("    def __str__(self):\n        return f'{self.node}:{self.port}'")],
    ),
    "text that is another": (
        "test_text",
        [method("    def __str__(self):\n        return super().__str__() + ' '")],
    ),
    "sockaddr that loses a field": (
        "test_any_address_survives_its_sockaddr",
        [
            method(
                "    def pack(self, lookup=None):\n"
                "        return super().pack(lookup)[:8] + bytes(8)"
            )
        ],
    ),
    "stdlib form that is not taken back": (
        "test_any_stdlib_form_is_taken_back",
        [method("    def to_stdlib(self, lookup):\n        return [self.node, self.port]")],
    ),
    "crash on a short sockaddr": (
        "test_truncated_sockaddr_is_no_trouble",
        [
            method(
                "    @classmethod\n"
                "    def unpack(cls, data, lookup=None):\n"
                "        import struct\n"
                "        port, node, name = struct.unpack_from('=HI8s', data, 2)\n"
                "        return cls.unchecked(port, node, name.rstrip(b'\\0').decode())"
            )
        ],
    ),
    "crash on arbitrary bytes": (
        "test_any_sockaddr_is_no_trouble",
        [
            method(
                "    @classmethod\n"
                "    def unpack(cls, data, lookup=None):\n"
                "        if data[2:3] != b'\\x50':\n"
                "            raise KeyError(data)\n"
                "        return super().unpack(data, lookup)"
            )
        ],
    ),
    "mutable address": (
        "test_example_is_a_value",
        [("class KitSocket(", "KitAddress.__setattr__ = object.__setattr__\n\nclass KitSocket(")],
    ),
    "address that does not pickle": (
        "test_example_is_a_value",
        [method("    def __reduce__(self):\n        raise TypeError('no')")],
    ),
    "address with another hash each time": (
        "test_example_is_a_value",
        [method("    def __hash__(self):\n        return id(self)")],
    ),
    "repr without fields": (
        "test_example_is_a_value",
        [method("    def __repr__(self):\n        return 'KitAddress()'")],
    ),
    "repr of other values": (
        "test_example_is_a_value",
        [
            method(
                "    def __repr__(self):\n"
                "        return f'KitAddress(port={self.node}, node={self.port}, name=\\'\\')'"
            )
        ],
    ),
    "address class without docstring": (
        "test_address_class_is_documented",
        [('    """A node, a port and a name."""\n', "")],
    ),
    "address class of another family": (
        "test_address_class_is_of_the_family",
        [('family=1, family_name="AF_KIT"', 'family=1, family_name="AF_TIK"')],
    ),
    "bad address that is taken": (
        "test_bad_address_is_refused",
        [('form=("seven", 80)', "form=(7, 80)")],
    ),
    "bad address with another error": (
        "test_bad_address_is_refused",
        [('form="7:80", error=TypeError', 'form="7:80", error=ValueError')],
    ),
    "error that does not name the operation": (
        "test_bad_address_is_refused",
        [
            method(
                "    @classmethod\n"
                "    def from_stdlib(cls, form, lookup):\n"
                "        try:\n"
                "            return super().from_stdlib(form, lookup)\n"
                "        except Exception as error:\n"
                "            raise type(error)(*error.args, 'and') from None"
            )
        ],
    ),
    "descriptor leaked by a bad address": (
        "test_bad_address_is_refused",
        [
            method(
                "    @classmethod\n"
                "    def from_stdlib(cls, form, lookup):\n"
                "        os.dup(0)\n"
                "        return super().from_stdlib(form, lookup)"
            )
        ],
    ),
    "masking by a type that states no range": (
        "test_integer_that_no_field_holds_is_refused",
        [port('CType(c="u", code="H", check=lambda v: v & 0xFFFF, parse=int)')],
    ),
    "masking in the stdlib form": (
        "test_integer_that_no_field_holds_is_refused_in_the_stdlib_form",
        [
            method(
                "    @classmethod\n"
                "    def from_stdlib(cls, form, lookup):\n"
                "        node, port = form\n"
                "        return cls(port=port & 0xFFFF, node=node)"
            )
        ],
    ),
    "text whose reader stumbles": (
        "test_any_text_is_no_trouble",
        [
            method(
                "    @classmethod\n"
                "    def parse(cls, text):\n"
                "        node, port = text.split(':')[:2]\n"
                "        name = {'1': '', '80': ''}[port]\n"
                "        return cls(int(port), int(node), name)"
            )
        ],
    ),
    "float taken in the stdlib form": (
        "test_float_never_passes_for_an_integer",
        [
            method(
                "    @classmethod\n"
                "    def from_stdlib(cls, form, lookup):\n"
                "        if isinstance(form, tuple):\n"
                "            form = tuple(int(item) for item in form)\n"
                "        return super().from_stdlib(form, lookup)"
            )
        ],
    ),
    "option of another number": (
        "test_option_numbers_are_those_of_their_constants",
        [('Option("SO_KIT_TYPE", 1, 3,', 'Option("SO_KIT_TYPE", 1, 4,')],
    ),
    "option of no level": (
        "test_option_numbers_are_those_of_their_constants",
        [('Option("SO_KIT_TYPE", 1, 3,', 'Option("SO_KIT_TYPE", 98765, 3,')],
    ),
    "control message without a constant": (
        "test_control_numbers_are_those_of_their_constants",
        [('ControlType("SCM_KIT"', 'ControlType("SCM_TIK"')],
    ),
    "option that crashes on short data": (
        "test_options_take_any_bytes",
        [
            (
                "codecs.INT, \"r\"",
                'codecs.Codec(c="x", size_bytes=4, encode=bytes, decode=lambda d: d[3]), "r"',
            )
        ],
    ),
    "control message that crashes on short data": (
        "test_control_messages_take_any_bytes",
        [
            (
                "77, codecs.U32",
                '77, codecs.Codec(c="x", size_bytes=4, encode=bytes, decode=lambda d: d[3])',
            )
        ],
    ),
    "option that takes anything": (
        "test_options_refuse_wrong_values",
        [
            (
                'Option("SO_KIT_REUSE", 1, 2, codecs.INT)',
                'Option("SO_KIT_REUSE", 1, 2, codecs.Codec('
                'c="x", size_bytes=4, encode=lambda v: b"1234", decode=len))',
            )
        ],
    ),
    "options that the kernel does not know": (
        "test_options_read_and_written_back_on_live_sockets",
        [
            ('"SO_KIT_TYPE", 1, 3', '"SO_KIT_TYPE", 1, 9999'),
            ('"SO_KIT_REUSE", 1, 2', '"SO_KIT_REUSE", 1, 9998'),
        ],
    ),
    "option that changes when written back": (
        "test_options_read_and_written_back_on_live_sockets",
        [
            (
                'Option("SO_KIT_REUSE", 1, 2, codecs.INT)',
                'Option("SO_KIT_REUSE", 1, 2, codecs.Codec('
                'c="x", size_bytes=4, encode=lambda v: bytes(v), decode=lambda d: len(d) + 1))',
            )
        ],
    ),
    "class of another family": (
        "test_class_is_of_its_row",
        [("family=1, type=stdlib", "family=2, type=stdlib")],
    ),
    "class of another protocol": (
        "test_class_is_of_its_row",
        [("type=stdlib.SOCK_STREAM, proto=0)", "type=stdlib.SOCK_STREAM, proto=6)")],
    ),
    "class with a slot": (
        "test_class_has_the_layout_of_all",
        [("    __slots__ = ()\n\n    def reuse", '    __slots__ = ("kept",)\n\n    def reuse')],
    ),
    "class without slots": (
        "test_class_has_the_layout_of_all",
        [("    __slots__ = ()\n\n    def reuse", "    def reuse")],
    ),
    "method with a name of every socket": (
        "test_class_redefines_no_name",
        [("def reuse(self", "def recvmmsg(self"),
         ("STREAM, proto=0):", 'STREAM, proto=0, redefines=("recvmmsg",)):')],
    ),
    "option that is too long": (
        "test_integer_options_have_the_size_that_the_kernel_gives",
        [('Option("SO_KIT_REUSE", 1, 2, codecs.INT)', 'Option("SO_KIT_REUSE", 1, 2, codecs.U64)')],
    ),
    "option that is cut": (
        "test_integer_options_have_the_size_that_the_kernel_gives",
        [('Option("SO_KIT_REUSE", 1, 2, codecs.INT)', 'Option("SO_KIT_REUSE", 1, 2, codecs.U16)')],
    ),
    "method without annotations": (
        "test_methods_are_typed_and_documented",
        [("def reuse(self, on: bool) -> None", "def reuse(self, on) -> None")],
    ),
    "method without a return annotation": (
        "test_methods_are_typed_and_documented",
        [("def reuse(self, on: bool) -> None", "def reuse(self, on: bool)")],
    ),
    "method without docstring": (
        "test_methods_are_typed_and_documented",
        [('        """Let others reuse."""', "        return None")],
    ),
    "struct that crashes on arbitrary bytes": (
        "test_structs_survive_any_bytes",
        [
            (
                '    second: int = cstruct.u64("second")\n',
                '    second: int = cstruct.u64("second")\n\n'
                "    @classmethod\n"
                "    def unpack(cls, data, lookup=None):\n"
                "        return cls.unchecked(data[0], 1 // data[1])\n",
            )
        ],
    ),
    "struct that loses a field": (
        "test_structs_survive_their_bytes",
        [
            (
                '    second: int = cstruct.u64("second")\n',
                '    second: int = cstruct.u64("second")\n\n'
                "    @classmethod\n"
                "    def unpack(cls, data, lookup=None):\n"
                "        return cls.unchecked(data[0], 0)\n",
            )
        ],
    ),
    "self-test that answers wrong": (
        "test_selftest",
        [('ours.send(b"?")', 'ours.send(b"!")')],
    ),
    "self-test that leaks a descriptor": (
        "test_selftest",
        [("    ends = stdlib.socketpair()\n",
          "    ends = stdlib.socketpair()\n    os.dup(0)\n")],
    ),
    "protocol whose reference does not load": (
        "test_references_of_a_protocol_load",
        [(':selftest"', ':selftset"')],
    ),
    "address class without an example": (
        "test_every_address_class_has_an_example",
        [("    examples = (", "    no_examples = (")],
    ),
    "address class that names no header": (
        "test_address_class_states_its_headers",
        [('struct sockaddr_kit", header="kit.h"', 'struct sockaddr_kit", header=""')],
    ),
    "address class that names no C struct": (
        "test_address_class_states_its_headers",
        [('"struct sockaddr_kit", header="kit.h"', '"", header="kit.h"')],
    ),
    "struct that names no header": (
        "test_structs_state_their_headers",
        [('struct kit_pair", header="kit.h"', 'struct kit_pair", header=""')],
    ),
    "constants that name no header": (
        "test_constants_state_their_headers",
        [('    "HEADERS": ("kit.h",),\n', "")],
    ),
    "header that is not there": (
        "test_headers_are_there",
        [('struct kit_pair", header="kit.h"', 'struct kit_pair", header="tik.h"')],
    ),
    "struct that no header has": (
        "test_headers_declare_every_struct",
        [('"struct kit_pair"', '"struct kit_piar"')],
    ),
    "constant that is not newer": (
        "test_headers_declare_every_constant",
        [('"KIT_LOW": -1', '"KIT_LWO": -1'), ("    bad = (", f"{NEWER.format('0.1', 'KIT_LWO')}")],
    ),
    "newer constant that the family lacks": (
        "test_names_without_headers_are_stated",
        [("    bad = (", f"{NEWER.format('99.0', 'KIT_LWO')}")],
    ),
    "kernel's header that the family lacks": (
        "test_names_without_headers_are_stated",
        [("    bad = (", '    kernel_headers = {"tik.h": ("*",)}\n    bad = (')],
    ),
    "constant that a header has after all": (
        "test_constants_agree_with_headers",
        [('"HEADERS":', '"NOT_IN_HEADERS": ("KIT_LOW",), "HEADERS":'),
         ('"KIT_LOW": -1', '"KIT_LOW": 1')],
    ),
    "address of every class": (
        "test_address_of_another_class_is_refused",
        [("SOCK_STREAM,), KitAddress", 'SOCK_STREAM,), "famsock.address:Address"')],
    ),
    "some address that does not pickle": (
        "test_any_address_is_a_value",
        [
            method(
                "    def __reduce__(self):\n"
                "        if self.node > 1000:\n"
                "            raise TypeError('no')\n"
                "        return super().__reduce__()"
            )
        ],
    ),
    "sockaddr that depends on the socket": (
        "test_codec_carries_an_example",
        [
            method(
                "    def pack(self, lookup=None):\n"
                "        bound = lookup is not None and lookup.socket is not None\n"
                "        return super().pack(lookup)[:8] + (b'x' * 8 if bound else bytes(8))"
            )
        ],
    ),
    "other stdlib form of another address": (
        "test_other_stdlib_forms_make_the_same_sockaddr",
        [("also_stdlib=()", "also_stdlib=((8, 80),)")],
    ),
    "other text of another address": (
        "test_other_texts_make_the_same_sockaddr",
        [('also_text=("7:0x50",)', 'also_text=("7:0x51",)')],
    ),
    "crash on a long sockaddr": (
        "test_oversized_sockaddr_is_no_trouble",
        [
            method(
                "    @classmethod\n"
                "    def unpack(cls, data, lookup=None):\n"
                "        if len(data) > 16:\n"
                "            raise KeyError(len(data))\n"
                "        return super().unpack(data, lookup)"
            )
        ],
    ),
    "sockaddr that is read otherwise": (
        "test_sockaddr_unpacks_to_typed",
        [
            method(
                "    @classmethod\n"
                "    def unpack(cls, data, lookup=None):\n"
                "        made = super().unpack(data, lookup)\n"
                "        return cls(made.node & 0xFFFF, made.port)"
            )
        ],
    ),
    "stdlib form that is read otherwise": (
        "test_stdlib_form_makes_typed",
        [
            method(
                "    @classmethod\n"
                "    def from_stdlib(cls, form, lookup):\n"
                "        node, port = form\n"
                "        return cls(node=port, port=node & 0xFFFF)"
            )
        ],
    ),
    "text that takes no scheme": (
        "test_text_behind_a_scheme",
        [
            method(
                "    @classmethod\n"
                "    def parse(cls, text):\n"
                "        if '://' in text:\n"
                "            raise ValueError(text)\n"
                "        return super().parse(text)"
            )
        ],
    ),
    "layout with another offset": (
        "test_layout_has_the_members_of_the_class",
        [('"u32", 4)', '"u32", 8)')],
    ),
    "layout in another order": (
        "test_layout_has_the_members_of_the_class",
        [('(integer_field("node", "u32", 4), integer_field("port", "u16", 2))',
          '(integer_field("port", "u16", 2), integer_field("node", "u32", 4))')],
    ),
    "layout that reads another byte order": (
        "test_layout_reads_what_the_class_reads",
        [('"u16", 2)', '"be16", 2)')],
    ),
    "typed layout without a field of the class": (
        "test_layout_makes_the_typed_address",
        [('"u16", 2))\n)', '"u16", 2)), typed=True\n)')],
    ),
    "layout that writes what the class refuses": (
        "test_layout_writes_what_the_class_writes",
        [
            method(
                "    def __attrs_post_init__(self):\n"
                "        if self.port == 65535:\n"
                '            raise OverflowError("AF_KIT port must be 0-65534, not 65535")',
            )
        ],
    ),
    "layout that converts no address": (
        "test_layout_converts_the_addresses_of_the_class",
        [("family_head(1, 16)", "family_head(2, 16)")],
    ),
    "layout that no module has": (
        "test_references_of_a_protocol_load",
        [("layout=LAYOUT", 'layout="no_such_module:LAYOUT"')],
    ),
    "class that no module has": (
        "test_references_of_a_protocol_load",
        [(":KitSocket", ":KitSokcet")],
    ),
    "class that no row names": (
        "test_every_class_is_of_a_row",
        [("@contextlib.", f"{ORPHAN}@contextlib.")],
    ),
    "class that is another at each load": (
        "test_sockets_are_of_the_class",
        [(":KitSocket", ":FreshSocket"), ("@contextlib.", f"{FRESH}@contextlib.")],
    ),
    "class under another name": (
        "test_package_exports_the_class",
        [("@contextlib.", 'KitSocket.__name__ = "TikSocket"\n\n\n@contextlib.')],
    ),
    "address class under another name": (
        "test_package_exports_the_address_class",
        [("@contextlib.", 'KitAddress.__name__ = "TikAddress"\n\n\n@contextlib.')],
    ),
    "method that Python calls": (
        "test_class_redefines_no_name",
        [("def reuse(self", "def __enter__(self")],
    ),
    "lazy name that does not load": (
        "test_exports_load",
        [("@contextlib.", '__getattr__, __dir__ = exports(__name__, No="no")\n\n\n@contextlib.')],
    ),
    "lazy name of another module": (
        "test_exports_load",
        [("@contextlib.", f"{LAZY_OF_ANOTHER}@contextlib.")],
    ),
    "lazy name that type checkers do not see": (
        "test_type_checkers_see_the_exports",
        [("@contextlib.", '__getattr__, __dir__ = exports(__name__, No="no")\n\n\n@contextlib.')],
    ),
    "name for type checkers that is not there": (
        "test_type_checkers_see_the_exports",
        [("@contextlib.", f"{TYPED_ONLY}@contextlib.")],
    ),
    "row under another name": (
        "test_rows_have_the_names_of_their_variables",
        [("CONTROL = (", "SO_KIT_TIPE = OPTIONS[0]\nCONTROL = (")],
    ),
    **{
        f"{statement} that names nothing": (
            "test_statements_name_what_the_family_has",
            [("    bad = (", f"    {statement} = {value}\n    bad = (")],
        )
        for statement, value in {
            "batched": '("kid",)',
            "selftest_marks": '{"kid": ()}',
            "unreadable_options": '{"SO_KIT_TIPE": "why"}',
            "accepts": '{"prot": (str,)}',
            "strategies": '{"KitAddress.prot": None}',
        }.items()
    },
    "example of no protocol": (
        "test_statements_name_what_the_family_has",
        [('protocol="kit",\n            typed', 'protocol="kid",\n            typed')],
    ),
    "bad address of no protocol": (
        "test_statements_name_what_the_family_has",
        [('BadAddress(protocol="kit"', 'BadAddress(protocol="kid"')],
    ),
    **{
        f"batch: {fault}": (check, [DATAGRAMS, *batched_by(code)])
        for fault, check, code in (
            ("messages are cut", "test_batches_arrive_whole",
             "recvmmsg=lambda self, *a: [(d[1:], *rest) for d, *rest in receive(self, *a)]"),
            ("sizes are wrong", "test_batches_into_buffers",
             "recvmmsg_into=lambda self, *a: [(n - 1, *r) for n, *r in receive_into(self, *a)]"),
            ("cut without a word", "test_batches_say_what_was_cut",
             "recvmmsg=lambda self, *a: [(d, c, 0, f) for d, c, _, f in receive(self, *a)]"),
            ("no control messages", "test_batches_carry_control_messages",
             "recvmmsg=lambda self, *a: [(d, [], *r) for d, _, *r in receive(self, *a)]"),
            ("no end", "test_batches_end_in_time", "recvmmsg=lambda self, *a, **k: []"),
            ("no count", "test_batches_count_what_was_sent_before_a_failure",
             "sendmmsg=lambda self, m: len([self.sendmsg([d], c, 0, a) for d, a, c in m])"),
        )
    },
}  # fmt: skip

# Registering by hand refuses these at once; an entry point does not import what a family names.
REFUSED_BY_HAND = {
    "address of every class",
    "class that no module has",
    "layout that no module has",
    "class of another family",
    "class of another protocol",
    "module that does not import",
    "options that do not load",
    "protocol whose reference does not load",
}


def outcomes(result: pytest.RunResult) -> set[str]:
    """The names of the tests that failed, setup and teardown included."""
    words = [line.split() for line in result.outlines if line.startswith(("FAILED", "ERROR"))]
    return {line[1].rpartition("::")[2].partition("[")[0] for line in words}


def test_a_right_family_passes(run_suite: Any) -> None:
    result = run_suite(arguments=("--fail-on-skip",))
    result.assert_outcomes(passed=result.parseoutcomes()["passed"])
    assert result.parseoutcomes()["passed"] > 40


@pytest.mark.needs_capability("CAP_SYS_ADMIN")
def test_a_family_has_its_network_namespace(run_suite: Any) -> None:
    where = 'os.readlink("/proc/thread-self/ns/net")'
    methods = f"""family = "AF_KIT"
    network_namespace = True

    def test_namespace(self):
        import os
        assert {where} != {os.readlink("/proc/thread-self/ns/net")!r}
"""
    replaced = ('family = "AF_KIT"\n', methods)
    chosen = ("-k", "test_namespace")
    run_suite(replaced, arguments=chosen).assert_outcomes(passed=1)
    without = methods.replace("network_namespace = True", "")
    both = run_suite((replaced[0], without), arguments=chosen)  # the first is there still
    both.assert_outcomes(passed=1, failed=1)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_its_test(run_suite: Any, fault: str) -> None:
    expected, replacements = FAULTS[fault]
    installed = fault in REFUSED_BY_HAND
    result = run_suite(*replacements, arguments=("-k", expected), installed=installed)
    assert expected in outcomes(result), "\n".join(result.outlines)


def test_datagrams_pass_in_batches(run_suite: Any) -> None:
    result = run_suite(DATAGRAMS, *batched_by(), arguments=("--fail-on-skip", "-k", "batches"))
    result.assert_outcomes(passed=6, deselected=result.parseoutcomes()["deselected"])


MISSPELT = [
    "constant that no header has",
    "header that is not there",
    "headers that are not there",
    "member that no header has",
    "struct that no header has",
]


@pytest.mark.parametrize("fault", MISSPELT)
def test_a_misspelt_name_fails_with_installed_headers(run_suite: Any, fault: str) -> None:
    expected, replacements = FAULTS[fault]
    result = run_suite(*replacements, arguments=("-k", "header"), headers="CPATH")
    assert expected in outcomes(result), "\n".join(result.outlines)
    result.stdout.fnmatch_lines(["*the system headers (Linux *) lack *"])


def test_a_right_family_passes_with_installed_headers(run_suite: Any) -> None:
    result = run_suite(arguments=("-k", "header", "--fail-on-skip"), headers="CPATH")
    assert outcomes(result) == set()


ADDED = ('"KIT_LOW": -1', '"KIT_LOW": -1, "KIT_NEXT": 5')
MEMBER = ('cstruct.u8("first")', 'cstruct.u8("frist")')


@pytest.mark.parametrize(
    ("added", "name"),
    [
        (ADDED, "KIT_NEXT"),
        (MEMBER, "struct kit_pair.frist"),
        (MEMBER, "struct kit_pair"),
        (('"HEADERS": (', '"HEADERS": ("kit/next.h", '), "kit/next.h"),
    ],
    ids=["constant", "member", "struct", "header"],
)
def test_a_newer_name_passes_with_older_headers(
    run_suite: Any, added: tuple[str, str], name: str
) -> None:
    stated = ("    bad = (", NEWER.format("99.0", name))
    result = run_suite(added, stated, arguments=("-k", "header", "--fail-on-skip"))
    assert outcomes(result) == set()


REMOVED = '    removed = {{"{}": ("{}",)}}\n    bad = ('


@pytest.mark.parametrize(
    ("added", "name"),
    [
        (ADDED, "KIT_NEXT"),
        (MEMBER, "struct kit_pair.frist"),
        (('"HEADERS": (', '"HEADERS": ("kit/next.h", '), "kit/next.h"),
    ],
    ids=["constant", "member", "header"],
)
@pytest.mark.parametrize("since", ["1.0", "99.0"])
def test_a_removed_name_passes_with_later_headers_only(
    run_suite: Any, added: tuple[str, str], name: str, since: str
) -> None:
    stated = ("    bad = (", REMOVED.format(since, name))
    result = run_suite(added, stated, arguments=("-k", "header", "--fail-on-skip"))
    assert (outcomes(result) == set()) is (since == "1.0")


LONGER = ("uint64_t second; };", "uint64_t second; uint64_t third; };")


@pytest.mark.parametrize(
    ("seen", "failed"), [("1.0", set()), ("99.0", {"test_layouts_agree_with_headers"})]
)
def test_a_struct_may_be_longer_in_headers_that_the_author_did_not_see(
    run_suite: Any, seen: str, failed: set[str]
) -> None:
    stated = ("    bad = (", NEWER.format(seen, "KIT_LOW"))
    result = run_suite(LONGER, stated, arguments=("-k", "header", "--fail-on-skip"))
    assert outcomes(result) == failed


OF_THE_KERNEL = [
    ('"HEADERS": ("kit.h",)', '"HEADERS": ("kit.h", "net/kit.h")'),
    ('"KIT_LOW": -1', '"KIT_LOW": -1, "KITS_NEXT": 5'),
]


def test_a_name_of_a_kernel_header_is_skipped_with_a_reason(run_suite: Any) -> None:
    stated = ("    bad = (", '    kernel_headers = {"net/kit.h": ("KITS_*",)}\n    bad = (')
    result = run_suite(*OF_THE_KERNEL, stated, arguments=("-ra", "-k", "header"), headers="CPATH")
    assert outcomes(result) == set()
    assert result.parseoutcomes()["skipped"] == 1
    result.stdout.fnmatch_lines(
        ["*KITS_NEXT cannot be checked: the system headers lack net/kit.h*"]
    )


def test_a_name_of_no_kernel_header_fails(run_suite: Any) -> None:
    stated = ("    bad = (", '    kernel_headers = {"net/kit.h": ("KID_*",)}\n    bad = (')
    result = run_suite(*OF_THE_KERNEL, stated, arguments=("-k", "header"), headers="CPATH")
    assert outcomes(result) == {"test_headers_declare_every_constant"}


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        ("no-such-compiler", "needs a C compiler: apt-get"),
        ("{path}/cc", "needs C headers: apt-get"),
    ],
    ids=["no compiler", "no headers"],
)
def test_without_a_compiler_or_headers_the_skip_says_so(
    run_suite: Any,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    compiler: str,
    reason: str,
) -> None:
    without_headers = pytester.path / "cc"
    without_headers.write_text('#!/bin/sh\nexec cc -nostdinc "$@"\n')
    without_headers.chmod(0o755)
    monkeypatch.setenv("CC", compiler.format(path=pytester.path))
    asked = ("-ra", "-k", "headers")
    result = run_suite(arguments=asked, headers="")
    assert outcomes(result) == set()
    assert result.parseoutcomes()["skipped"] == 5
    result.stdout.fnmatch_lines([f"SKIPPED*{reason}*"])
    assert len(outcomes(run_suite(arguments=(*asked, "--fail-on-skip"), headers=""))) == 5


@pytest.mark.sampled(3)
@pytest.mark.compiled_layer
@pytest.mark.parametrize("method", ["encode", "decode"])
def test_a_fault_of_the_compiled_layout_is_found(
    run_suite: Any, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    right: Any = _calls.native

    class Converter:
        """A compiled converter, wrong for addresses of high nodes."""

        def __init__(self, layout: Any) -> None:
            self.right = right.Converter(layout)

        def encode(self, sock: Any, form: Any) -> Any:
            made = self.right.encode(sock, form)
            wrong = method == "encode" and made is not None and form[0] > 1 << 30
            return made[:-1] + b"!" if wrong else made

        def decode(self, sock: Any, data: bytes) -> Any:
            form = self.right.decode(sock, data)
            wrong = method == "decode" and form is not None and form[0] > 1 << 30
            return (form[0], form[1] ^ 1) if wrong else form

    monkeypatch.setattr(
        _calls, "native", SimpleNamespace(**{**vars(right), "Converter": Converter})
    )
    result = run_suite(arguments=("-k", "layout_converts"))
    assert outcomes(result) == {"test_layout_converts_the_addresses_of_the_class"}


def test_every_check_has_a_fault() -> None:
    checks = {name for name in dir(Conformance) if name.startswith("test_")}
    tried = {expected for expected, _ in FAULTS.values()} | IMPORT_FAULTS.keys()
    # Separate tests, below, are about these two.
    by_hand = {"test_exceptions_are_checks_with_reasons", "test_the_family_loads"}
    assert checks == tried | by_hand


def test_a_selftest_that_hangs_is_ended(run_suite: Any) -> None:
    hangs = ('ours.send(b"?")', "signal.pause()")
    result = run_suite(hangs, arguments=("-k", "selftest", "--alarm-s", "0.2"))
    result.stdout.fnmatch_lines(["*no end within * s (--alarm-s)*"])
    assert outcomes(result) == {"test_selftest"}


def test_what_a_family_lacks_is_not_collected(run_suite: Any) -> None:
    nothing = [
        ("    options=OPTIONS,\n    control=CONTROL,\n", ""),
        (', scheme="kit"', ""),
        ('socket=f"{__name__}:KitSocket", ', ""),
        ('selftest=f"{__name__}:selftest"', "selftest=None"),
        ("    bad = (", "    no_bad = ("),
    ]
    result = run_suite(*nothing, arguments=("--fail-on-skip", "--collect-only"))
    listing = result.stdout.str()
    for absent in ("option", "control", "class", "selftest", "bad_address"):
        assert f"::test_{absent}" not in listing
    assert "::test_text" in listing


ONLY_DATA = [
    ("    options=OPTIONS,\n    control=CONTROL,\n", ""),
    ('KitAddress, scheme="kit", layout=LAYOUT', "None"),
    ('socket=f"{__name__}:KitSocket", selftest=f"{__name__}:selftest"', "selftest=None"),
    ("    examples = (", "    no_examples = ("),
    ("    bad = (", "    no_bad = ("),
]


def test_a_family_that_is_all_data_passes(run_suite: Any) -> None:
    result = run_suite(*ONLY_DATA, arguments=("--fail-on-skip",))
    assert outcomes(result) == set()
    assert result.parseoutcomes()["passed"] >= 10


def test_a_family_that_is_not_installed_says_how_to_install_it(run_suite: Any) -> None:
    result = run_suite(('family = "AF_KIT"', 'family = "AF_NONE"'))
    result.stdout.fnmatch_lines(["*no plugin supplies AF_NONE: install its distribution*"])
    assert "test_the_family_loads" in outcomes(result)


def test_a_family_that_is_refused_is_told_of_by_the_description_alone(run_suite: Any) -> None:
    result = run_suite(('family = "AF_KIT"', 'family = "AF_NONE"'))
    failed = outcomes(result)
    assert {"test_the_family_loads", "test_definitions_load"} <= failed
    assert not {name for name in failed if "address" in name or "sockaddr" in name} - {
        "test_every_address_class_has_an_example"
    }


def test_an_example_that_leaves_a_shape_out_states_a_reason(run_suite: Any) -> None:
    result = run_suite(('reason="the stdlib form has no name"', 'reason=""'))
    result.stdout.fnmatch_lines(["*Example without stdlib needs a reason*"])


def test_accepts_excuses_a_type(run_suite: Any) -> None:
    takes_float = port("CType(c='u', code='H', low=0, high=65535, check=int, parse=int)")
    excused = ("    bad = (", '    accepts = {"port": (float, str, bytes)}\n    bad = (')
    result = run_suite(takes_float, excused, arguments=("-k", "wrong_type and port"))
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])


def excepted(*stated: str) -> tuple[str, str]:
    """A replacement that states exceptions, each as ``"check": "reason"``."""
    return "    bad = (", f"    exceptions = {{{', '.join(stated)}}}\n    bad = ("


BROKEN_SELFTEST = ('ours.send(b"?")', 'ours.send(b"!")')


@pytest.mark.parametrize("check", ["test_selftest", "test_selftest[kit]"])
def test_an_exception_excuses_its_check(run_suite: Any, check: str) -> None:
    stated = excepted(f'"{check}": "the kernel turns ? into !"')
    chosen = ("-ra", "--fail-on-skip", "-k", "selftest or exceptions or test_text")
    result = run_suite(BROKEN_SELFTEST, stated, arguments=chosen)
    assert outcomes(result) == set()
    assert result.parseoutcomes()["xfailed"] == 1
    result.stdout.fnmatch_lines(["XFAIL*test_selftest*the kernel turns ? into !*"])


def test_an_exception_that_is_none_fails(run_suite: Any) -> None:
    stated = excepted('"test_selftest": "it is slow"')
    assert outcomes(run_suite(stated, arguments=("-k", "selftest"))) == {"test_selftest"}


def test_an_exception_excuses_no_other_check(run_suite: Any) -> None:
    stated = excepted('"test_text": "it has none"')
    result = run_suite(BROKEN_SELFTEST, stated, arguments=("-k", "selftest"))
    assert outcomes(result) == {"test_selftest"}


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ('"test_selftset": "it hangs"', "no check is called test_selftset"),
        ('"family": "it hangs"', "no check is called family"),
        (
            '"test_selftest[kid]": "it hangs"',
            "test_selftest[[]kid[]] is none of *selftest[[]kit[]]",
        ),
        (
            '"test_text[7:80]": "it hangs"',
            "test_text[[]7:80[]] is none of *test_text[[]kit-7:80[]]",
        ),
        ('"test_selftest": ""', "test_selftest: state why it cannot pass"),
        ('"test_selftest": True', "test_selftest: the reason must be a text, not True"),
    ],
)
def test_an_exception_names_a_check_and_a_reason(run_suite: Any, stated: str, told: str) -> None:
    result = run_suite(excepted(stated), arguments=("-k", "exceptions"))
    assert outcomes(result) == {"test_exceptions_are_checks_with_reasons"}
    result.stdout.fnmatch_lines([f"*{told}*"])


@pytest.mark.parametrize(
    "code",
    ["def test_selftest(self): pass", "test_selftest = None", "test_text = test_selftest = 1"],
)
def test_a_check_is_not_replaced(run_suite: Any, code: str) -> None:
    result = run_suite(("    bad = (", f"    {code}\n    bad = ("))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*TestKit replaces the check test_*: state it in exceptions*"])


def test_every_check_may_be_named(run_suite: Any) -> None:
    lines = run_suite(arguments=("--collect-only",)).outlines
    named = [line.partition("::TestKit::")[2] for line in lines if "::TestKit::" in line]
    checks = [
        name for name in named if "[kit_family_" not in name
    ]  # each run's package has its own
    assert len(checks) > 40
    stated = excepted(*(f'{check!r}: "why"' for check in checks))
    assert outcomes(run_suite(stated, arguments=("-k", "exceptions", "--runxfail"))) == set()


NUMBER_OF_ITS_OWN = (
    ("#define AF_KIT 1", "#define AF_KIT 4711"),
    ('"AF_KIT": 1,', '"AF_KIT": 4711,'),
    ('    "AF_KIT",\n    1,', '    "AF_KIT",\n    4711,'),
    ('family=1, family_name="AF_KIT"', 'family=4711, family_name="AF_KIT"'),
)


def test_an_installed_family_is_imported_alone(run_suite: Any) -> None:
    result = run_suite(*NUMBER_OF_ITS_OWN, arguments=("-k", "import"), installed=True)
    assert outcomes(result) == set()
    assert result.parseoutcomes()["passed"] >= 4


def test_a_number_that_another_family_has_is_found(run_suite: Any) -> None:
    result = run_suite(arguments=("-k", "imports_no_other"), installed=True)
    assert outcomes(result) == {"test_opening_this_family_imports_no_other"}
    result.stdout.fnmatch_lines(["*1 is the number of AF_UNIX, whose plugin serves such sockets*"])


IMPORT_FAULTS: dict[str, list[tuple[str, str]]] = {
    "test_opening_a_socket_imports_no_module": [
        ("KitAddress, scheme", '"early.definitions:KitAddress", scheme'),
        ("import contextlib\n", "import contextlib\nimport early.definitions\n"),
    ],
    "test_opening_this_family_imports_no_other": [
        ("import contextlib\n", "import contextlib\nimport famsock_unix\n")
    ],
    "test_importing_famsock_imports_no_plugin": [],
    "test_opening_another_family_does_not_import_this_one": [],
}
"""Faults of an installed family; for the last two, every program imports it when it starts."""

IMPORTS_THE_FAMILY = """
import pathlib
for found in pathlib.Path(__file__).parent.glob("kit_family_*.py"):
    __import__(found.stem)
"""


@pytest.mark.parametrize("check", IMPORT_FAULTS)
def test_an_early_import_is_found(run_suite: Any, pytester: pytest.Pytester, check: str) -> None:
    if not IMPORT_FAULTS[check]:
        pytester.makepyfile(sitecustomize=IMPORTS_THE_FAMILY)
    result = run_suite(
        *NUMBER_OF_ITS_OWN, *IMPORT_FAULTS[check], arguments=("-k", "import"), installed=True
    )
    assert check in outcomes(result)


def _raise(error: Exception, *notes: str) -> None:
    for note in notes:
        error.add_note(note)
    raise error


def test_a_wrong_type_is_refused_as_the_stdlib_does() -> None:
    """A Python that knows AF_BLUETOOTH raises OSError for it, and ours are a note."""
    refuses_the_type(lambda: _raise(TypeError("psm must be an integer, not float")))
    refuses_the_type(lambda: _raise(OSError("bind(): wrong format"), "psm must be an integer"))
    for wrong in (
        lambda: None,
        lambda: _raise(OSError("bind(): wrong format")),
        lambda: _raise(OSError(22, "Invalid argument"), "psm must be an integer"),
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            refuses_the_type(wrong)
    with pytest.raises(ValueError, match="other"):
        refuses_the_type(lambda: _raise(ValueError("other")))
