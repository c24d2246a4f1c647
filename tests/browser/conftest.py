"""Fixtures of the page tests: started pages are shared per file, for starting Pyodide is slow."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import py_demixer
from py_demixer.models.htdemucs import HTDemucs
from tests.browser.page import ANSWER_MS, FIVE_SEGMENTS, DemixerPage, clear_songs
from tests.browser.rendering import HELPERS
from tests.browser.watch import Watch, watching

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

# Results appear as soon as the machine gets round to them: it runs other tests at the same time.
expect.set_options(timeout=ANSWER_MS)


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """A record of forbidden things that pages do."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield watching(monkeypatch)


@pytest.fixture(autouse=True)
def nothing_that_no_page_may_do(watch: Watch) -> Iterator[None]:
    """Fail any page test with an uncaught error or a request to another host."""
    yield
    faults, watch.faults = watch.faults, []
    assert faults == []


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


@pytest.fixture
def own_site(tiny_site: Path, tmp_path: Path) -> Path:
    """A copy of the tiny site, for a test to break."""
    return Path(shutil.copytree(tiny_site, tmp_path / "site"))


@pytest.fixture
def own_stub(stub_site: Path, tmp_path: Path) -> Path:
    """A copy of the stub site, for a test to break."""
    return Path(shutil.copytree(stub_site, tmp_path / "stub"))


@pytest.fixture
def open_tab(shared_context: BrowserContext, site_url: str) -> Iterator[Callable[[], DemixerPage]]:
    """A function that opens a tab of `site_url`; songs and settings are deleted afterwards."""
    pages: list[DemixerPage] = []

    def opened() -> DemixerPage:
        pages.append(DemixerPage(shared_context, site_url))
        return pages[-1].wait_started()

    yield opened
    for page in pages:
        page.page.close()
    clear_songs(shared_context, site_url)


@pytest.fixture
def tab(open_tab: Callable[[], DemixerPage]) -> DemixerPage:
    """One tab from `open_tab`."""
    return open_tab()


@pytest.fixture(scope="module")
def whole(shared_context: BrowserContext, site_url: str) -> list[str]:
    """Digests of the stems of `FIVE_SEGMENTS`, by one worker and without interruption."""
    page = DemixerPage(shared_context, site_url).wait_started()
    page.choose("song.wav", FIVE_SEGMENTS)
    page.wait_result("song")
    stems = page.digests()
    page.remove("song")
    page.page.close()
    return stems


@pytest.fixture(scope="module")
def bare(shared_context: BrowserContext, tiny_url: str) -> Iterator[Page]:
    """A page of the site without the engine, with the helpers that render a player."""
    page = shared_context.new_page()
    page.goto(tiny_url + "licences.txt")
    page.evaluate(HELPERS, tiny_url)
    yield page
    page.close()
