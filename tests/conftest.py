"""Fixtures that the tests below share, and the files that the lab leaves out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.programs import Site, link_distribution, link_package

pytest_plugins = ["pytester"]

# In emulation a compiler and new interpreters take long. The headers are the same outside, and what
# another platform lacks no kernel of ours brings. A relay's tests take long and ask for few
# families, but for its pairs. The others ask nothing that the host's kernel lacks: descriptions,
# names, types, text and values of Python, sockaddrs that a library captures, the registry, the
# command line, endpoints of AF_INET and AF_UNIX, templates, benchmarks, the start of Python,
# distributions, HTTP over unix sockets.
_LEFT_OUT = [
    "calls/test_address_cache.py",
    "calls/test_arguments.py",
    "calls/test_choice.py",
    "calls/test_subinterpreters.py",
    "debian_pythons",
    "over_http/test_clients.py",
    "over_http/test_documented.py",
    "over_http/test_libraries.py",
    "relay/test_faults.py",
    "relay/test_loop.py",
    "relay/test_messages.py",
    "relay/test_relay.py",
    "relay/test_streams.py",
    "relay/test_tls.py",
    "test_addressing.py",
    "test_benchmarks.py",
    "test_cli.py",
    "test_cli_cat.py",
    "test_cli_ends.py",
    "test_cli_explain.py",
    "test_cli_new_family.py",
    "test_cli_relay.py",
    "test_cli_reports.py",
    "test_cli_templates.py",
    "test_cli_words.py",
    "test_collection.py",
    "test_core_headers.py",
    "test_cstruct_compiled.py",
    "test_dependencies.py",
    "test_distributions.py",
    "test_docstrings.py",
    "test_endpoint_query.py",
    "test_endpoint_text.py",
    "test_endpoints.py",
    "test_glossary.py",
    "test_index.py",
    "test_init.py",
    "test_main.py",
    "test_man_pages.py",
    "test_matrix.py",
    "test_missing.py",
    "test_pages.py",
    "test_platforms.py",
    "test_prose.py",
    "test_public_names.py",
    "test_records.py",
    "test_references.py",
    "test_registry.py",
    "test_release.py",
    "test_run.py",
    "test_site_pages.py",
    "test_sitecustomize.py",
    "test_stdlib_forms.py",
    "test_text.py",
    "test_tlv.py",
    "test_type_hints.py",
    "test_typed_values.py",
    "test_uapi.py",
    "test_validation.py",
]
collect_ignore = _LEFT_OUT if os.environ.get("FAMSOCK_LAB") else []


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Distributions that only the programs run by this object see."""
    return Site(tmp_path)


@pytest.fixture
def core_alone(tmp_path: Path) -> Path:
    """A folder with the core, what it needs, and no plugin."""
    link_distribution(tmp_path, "famsock")
    for name in ("attr", "attrs", "pluggy"):
        link_package(tmp_path, name)
    return tmp_path
