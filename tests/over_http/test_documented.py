"""The programs of docs/http.md, against its own server: they print what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tests.over_http.page as page
from famsock.http.client import HTTPConnection

pytestmark = pytest.mark.slow
PATIENCE_S = 90
PROGRAMS = [each for each in page.blocks() if not each.file]
HOST_IN_TEXT = re.compile(rb"Hello, (\S+)")


@contextmanager
def running(file: str, folder: Path) -> Iterator[None]:
    """Run a server of the page in a folder, at unix://web.sock."""
    page.write_files(folder)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, file], cwd=folder, stdout=log, stderr=log)
    try:
        page.await_listener(folder / "web.sock", process, folder / "log")
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the page's http.server serves."""
    made = tmp_path_factory.mktemp("page")
    with running("web.py", made):
        yield made


def test_the_page_has_a_program_for_each_client() -> None:
    text = "\n".join(each.text for each in PROGRAMS)
    modules = {path.stem for path in Path(page.CLIENTS).glob("[!_]*.py")}
    assert set(re.findall(r"^from famsock\.http\.(\w+) import", text, re.MULTILINE)) == modules


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.section)
def test_a_client_of_the_page(program: page.Block, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", program.output)
    assert program.output


def test_the_example() -> None:
    example = page.ROOT / "examples" / "http_over_unix.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", example],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "200 Hello, you asked for /first\n"


@pytest.mark.parametrize("file", ["web.py", "aiohttp_web.py", "aiohttp_any.py"])
def test_a_server_of_the_page(file: str, tmp_path: Path) -> None:
    with running(file, tmp_path):
        connection = HTTPConnection(f"unix://{tmp_path}/web.sock", "web", timeout=PATIENCE_S)
        try:
            for _ in range(2):
                connection.request("GET", "/")
                found = HOST_IN_TEXT.fullmatch(connection.getresponse().read())
                assert found
                assert found[1] == b"web"
        finally:
            connection.close()
