"""The conformance suite passes on a right family, and each fault fails the test made for it."""

from __future__ import annotations

import os
from typing import Any

import pytest

BEFORE_POST_INIT = '    name: str = cstruct.char("kit_name", 8, default="")\n'


def method(code: str) -> tuple[str, str]:
    """A replacement that gives the address class a method."""
    return BEFORE_POST_INIT, f"{BEFORE_POST_INIT}\n{code}\n"


def port(ctype: str) -> tuple[str, str]:
    """A replacement of the port's C type."""
    return 'port: int = cstruct.u16("kit_port")', f'port: int = cstruct.field({ctype}, "kit_port")'


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
        [("form=(2**32, 1)", "form=(2**31, 1)")],
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
        [("def reuse(self", "def recvmmsg(self")],
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
}  # fmt: skip

# Registering by hand refuses these at once; an entry point does not import what a family names.
REFUSED_BY_HAND = {
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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_its_test(run_suite: Any, fault: str) -> None:
    expected, replacements = FAULTS[fault]
    installed = fault in REFUSED_BY_HAND
    result = run_suite(*replacements, arguments=("-k", expected), installed=installed)
    assert expected in outcomes(result), "\n".join(result.outlines)


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


def test_every_check_may_be_named(run_suite: Any) -> None:
    lines = run_suite(arguments=("--collect-only",)).outlines
    checks = [line.partition("::TestKit::")[2] for line in lines if "::TestKit::" in line]
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


def test_a_module_that_is_imported_early_is_found(run_suite: Any) -> None:
    named = ("KitAddress, scheme", '"early.definitions:KitAddress", scheme')
    early = ("import contextlib\n", "import contextlib\nimport early.definitions\n")
    result = run_suite(
        *NUMBER_OF_ITS_OWN, named, early, arguments=("-k", "imports_no_module"), installed=True
    )
    assert outcomes(result) == {"test_opening_a_socket_imports_no_module"}
    result.stdout.fnmatch_lines(["*let nothing else import it*"])


def test_a_plugin_that_imports_another_is_found(run_suite: Any) -> None:
    imports = ("import contextlib\n", "import contextlib\nimport famsock_unix\n")
    result = run_suite(*NUMBER_OF_ITS_OWN, imports, arguments=("-k", "import"), installed=True)
    assert outcomes(result) == {"test_opening_this_family_imports_no_other"}
