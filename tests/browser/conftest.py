"""A started page that tests of one file share: starting Pyodide is what takes the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import py_demixer
from py_demixer.models.htdemucs import HTDemucs
from tests.browser.page import DemixerPage

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

# What is expected comes as soon as the machine gets round to it: it has other tests to run, too.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def shared_context(
    playwright: Playwright,
    chromium_options: dict[str, object],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserContext]:
    profile = tmp_path_factory.mktemp("profile")
    context = playwright.chromium.launch_persistent_context(profile, **chromium_options)  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture(scope="module")
def started(shared_context: BrowserContext, tiny_url: str) -> DemixerPage:
    """The tiny site, ready for a song."""
    return DemixerPage(shared_context, tiny_url).wait_started()


@pytest.fixture(scope="session")
def tiny_model(tiny_weights: Path) -> HTDemucs:
    """The model of the tiny site, as the command line runs it."""
    return py_demixer.load_model("htdemucs", weights=tiny_weights)


@pytest.fixture
def open_page(context: BrowserContext) -> Callable[[str], DemixerPage]:
    """A function that opens a URL in a browser that has nothing stored."""
    return lambda url: DemixerPage(context, url)
