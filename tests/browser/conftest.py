"""A started page that tests of one file share: starting Pyodide is what takes the time."""

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

# What is expected comes as soon as the machine gets round to it: it has other tests to run, too.
expect.set_options(timeout=ANSWER_MS)


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """What pages have done that they should not."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield watching(monkeypatch)


@pytest.fixture(autouse=True)
def nothing_that_no_page_may_do(watch: Watch) -> Iterator[None]:
    """Nothing uncaught, and no request to another host, in any test of the page."""
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
    """A copy of the tiny site, to be broken."""
    return Path(shutil.copytree(tiny_site, tmp_path / "site"))


@pytest.fixture
def own_stub(stub_site: Path, tmp_path: Path) -> Path:
    """A copy of the stub's site, to be broken."""
    return Path(shutil.copytree(stub_site, tmp_path / "stub"))


@pytest.fixture
def open_tab(shared_context: BrowserContext, site_url: str) -> Iterator[Callable[[], DemixerPage]]:
    """A function that opens a tab of the site that a file names; its songs and settings go."""
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
    """One such tab."""
    return open_tab()


@pytest.fixture(scope="module")
def whole(shared_context: BrowserContext, site_url: str) -> list[str]:
    """The stems of `FIVE_SEGMENTS` by one worker, without interruption."""
    page = DemixerPage(shared_context, site_url).wait_started()
    page.choose("song.wav", FIVE_SEGMENTS)
    page.wait_result("song")
    stems = page.digests()
    page.remove("song")
    page.page.close()
    return stems


@pytest.fixture(scope="module")
def bare(shared_context: BrowserContext, tiny_url: str) -> Iterator[Page]:
    """A page of the site without the engine, with the helpers to render a player."""
    page = shared_context.new_page()
    page.goto(tiny_url + "licences.txt")
    page.evaluate(HELPERS, tiny_url)
    yield page
    page.close()
