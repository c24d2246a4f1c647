"""A JupyterLite beside a py-demixer site, and a Chromium that can reach nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.lite.lab import Lab
from tools.lite import make_lite
from web.server import SHARING_HEADERS, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

SITE_PORT = 8000
"""Port of the site that the notebook names, which is that of `build.py serve`."""


@pytest.fixture(scope="session")
def lite_url(tmp_path_factory: pytest.TempPathFactory, pyodide_dir: Path) -> Iterator[str]:
    """The address of a JupyterLite."""
    out = tmp_path_factory.mktemp("lite") / "lite"
    with serving(make_lite(Path(sys.executable), pyodide_dir, out)) as url:
        yield url


@pytest.fixture(scope="session")
def lite_browser(
    playwright: Playwright, chromium_options: dict, tiny_site: Path
) -> Iterator[Browser]:
    """A Chromium for which the tiny site is at the address that the notebook names.

    Only localhost resolves, so that no other host is contacted even on a machine with internet
    access.
    """
    with serving(tiny_site, headers=SHARING_HEADERS) as site:
        rules = (
            f"MAP localhost:{SITE_PORT} 127.0.0.1:{urlsplit(site).port}",
            "MAP localhost 127.0.0.1",
            "MAP * ~NOTFOUND",
        )
        flags = [*chromium_options["args"], f"--host-resolver-rules={','.join(rules)}"]
        browser = playwright.chromium.launch(**{**chromium_options, "args": flags})
        yield browser
        browser.close()


@pytest.fixture
def lab(lite_browser: Browser, lite_url: str) -> Iterator[Lab]:
    """A fresh JupyterLab: a used one would reopen earlier notebooks."""
    # As high as the whole notebook, because JupyterLab draws only what is visible.
    context = lite_browser.new_context(viewport={"width": 1280, "height": 4000})
    yield Lab(context, lite_url)
    context.close()
