"""`build.py docs`: the documentation site, static files for any host, made from docs/."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.environment import CACHE, ROOT, run

SOURCES = ROOT / "docs"
SITE = ROOT / "dist-docs"

CONFIGURATION = "mkdocs.yml"
TABLE_PLACE = "<!-- steps.md -->"
"""In docs/tour.md: where the table of the network's steps goes."""


def make_docs(python: Path, out: Path = SITE, stage: Path = CACHE / "docs") -> Path:
    """Build the site; a warning of MkDocs, such as a dead link, is an error.

    Parameters
    ----------
    python
        The environment's Python, which has MkDocs.
    out
        The site's folder; what was there is replaced.
    stage
        A folder for the pages as MkDocs reads them: those of docs/, and what is generated.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    CannotGoOn
        A page is not in order; the message has what MkDocs said.
    """
    pages = stage / "pages"
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(SOURCES, pages, ignore=shutil.ignore_patterns(CONFIGURATION))
    shutil.copyfile(SOURCES / CONFIGURATION, stage / CONFIGURATION)
    run([python, "-m", "tools.tour", pages], "Cannot draw the network:")
    _insert(pages / "steps.md", pages / "tour.md")
    build: list[str | Path] = [python, "-m", "mkdocs", "build", "--strict", "--clean"]
    run(
        [*build, "--config-file", stage / CONFIGURATION, "--site-dir", out.absolute()],
        "Cannot build the documentation. MkDocs said:",
        environment={"NO_MKDOCS_2_WARNING": "true"},
    )
    return out


def _insert(table: Path, page: Path) -> None:
    """Put the table into the page, in its place."""
    before, after = page.read_text("utf-8").split(TABLE_PLACE)
    page.write_text(before + table.read_text("utf-8") + after, "utf-8")
    table.unlink()
