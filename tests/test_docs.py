"""What README and docs show is what happens: every code block runs, every link leads somewhere.

In a Markdown file, a fenced block marked `python` is run, in order, in one namespace for each page; a block marked
`text` right after it is what it prints. A block marked `sh` is run as one script. `sh no-test` and `python no-test`
are for commands that need more than the checkout (another machine, a cluster, a data set of the user's); the two
commands of the README are run by `.ci/run`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


@dataclass
class Block:
    info: str
    body: str
    line: int


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [Block(m["info"].strip(), m["body"], text.count("\n", 0, m.start()) + 1) for m in FENCE.finditer(text)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in: fixtures at hand, the command line on the path."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_blocks_run_and_print_what_the_page_says(page: Path, desk: Path) -> None:
    found = blocks(page)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block, following in pairwise([*found, Block("", "", 0)]):
        if block.info != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.body, f"{page.name}:{block.line}", "exec"), namespace)
        if following.info == "text":
            assert printed.getvalue().split() == following.body.split(), f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_shell_blocks_run(page: Path, desk: Path) -> None:
    for block in blocks(page):
        if block.info == "sh":
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block.body], capture_output=True, text=True)
            assert done.returncode == 0, f"{page.name}:{block.line}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    known = {"python", "python no-test", "sh", "sh no-test", "text", "json", "sql", "html", "toml", "csv"}
    for block in blocks(page):
        assert block.info in known, f"{page.name}:{block.line}: {block.info!r} is none of {sorted(known)}"
