"""Run every code block of every page, in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import blocks
from tools.docs import SOURCES
from tools.environment import ROOT

IN_JUPYTERLITE = SOURCES / "jupyterlite.md"
"""Its blocks are run in JupyterLite, by tests/lite."""

PAGES = sorted({*ROOT.glob("*.md"), *SOURCES.rglob("*.md")} - {IN_JUPYTERLITE})


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks.of(page)], ids=lambda page: page.name
)
def test_examples_of_the_page_work(page, reader):
    for block in blocks.of(page):
        reader.do(block)


@pytest.mark.parametrize("page", [*PAGES, IN_JUPYTERLITE], ids=lambda page: page.name)
def test_every_block_is_found(page):
    """Indented or longer fences would not be found."""
    fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks.of(page))
    if page == IN_JUPYTERLITE:
        assert {block.language for block in blocks.of(page)} == {"python"}


def written(tmp_path: Path, language: str, code: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n```{language}\n{code}\n```\n")
    return page


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("sh", "py-demixer separate song.wav --no-such-option"),
        ("sh", "py-demixer separate nothing.wav"),
        ("", "pip install '.[no-such-extra]'"),
        ("sh", "pip install demucs==4.0.0"),
        ("sh", "python build.py no-such-command"),
        ("sh", ".venv/bin/python -m pytest tests/no-such-folder"),
        ("sh", ".venv/bin/python -m pytest -m no_such_marker"),
        ("sh", "python -m tests.no_such_module"),
        ("sh", "no-such-program | cat"),
        ("python", "assert False"),
        ("json", "{"),
        ("yaml", "jobs: {a: {steps: [{run: python build.py no-such-command}]}}"),
        ("rust", "fn main() {}"),
    ],
)
def test_bad_examples_are_rejected(language, code, reader, tmp_path):
    (block,) = blocks.of(written(tmp_path, language, code))
    assert block.line == 4
    with pytest.raises((AssertionError, ValueError)):
        reader.do(block)


def test_blocks_of_a_page_share_names_and_files(reader, tmp_path):
    for language, code in [
        ("python", "name = 'a file'"),
        ("python", "open('written', 'w').write(name)"),
        ("sh", "test \"$(cat written)\" = 'a file'"),
    ]:
        (block,) = blocks.of(written(tmp_path, language, code))
        reader.do(block)
