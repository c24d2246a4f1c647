"""`build.py docs`: build the documentation site from docs/, as static files for any host."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.environment import CACHE, ROOT, run

SOURCES = ROOT / "docs"
SITE = ROOT / "dist-docs"

CONFIGURATION = "mkdocs.yml"
TOURS = {"steps.md": "tour.md", "steps-scnet.md": "tour-scnet.md"}
"""Tables of the steps of networks, and the pages that have a comment with the table's name."""


def make_docs(python: Path, out: Path = SITE, stage: Path = CACHE / "docs") -> Path:
    """Build the site; a warning from MkDocs, such as a dead link, is an error.

    Parameters
    ----------
    python
        The environment's Python, which has MkDocs.
    out
        The site's folder; existing content is replaced.
    stage
        A folder for the pages that MkDocs reads: those of docs/, and generated content.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    CannotGoOn
        A page has a problem; the message contains MkDocs' output.
    """
    pages = stage / "pages"
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(SOURCES, pages, ignore=shutil.ignore_patterns(CONFIGURATION))
    shutil.copyfile(SOURCES / CONFIGURATION, stage / CONFIGURATION)
    run([python, "-m", "tools.tour", pages], "Cannot draw the network:")
    for table, page in TOURS.items():
        _insert(pages / table, pages / page)
    build: list[str | Path] = [python, "-m", "mkdocs", "build", "--strict", "--clean"]
    run(
        [*build, "--config-file", stage / CONFIGURATION, "--site-dir", out.absolute()],
        "Cannot build the documentation. MkDocs said:",
        environment={"NO_MKDOCS_2_WARNING": "true"},
    )
    return out


def _insert(table: Path, page: Path) -> None:
    """Insert the table at its placeholder in the page."""
    before, after = page.read_text("utf-8").split(f"<!-- {table.name} -->")
    page.write_text(before + table.read_text("utf-8") + after, "utf-8")
    table.unlink()
