"""A short path in Firefox and WebKit: open, demo song, stems, play, save, reload, offline."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect
from selenium.common.exceptions import ElementNotInteractableException
from selenium.webdriver.common.by import By

import py_demixer
from py_demixer.audio import decode
from py_demixer.evaluation.metrics import snr
from tests import firefox, sound, webkit
from tests.browser.page import RATE, SONG_MS, SOURCES, START_MS, STARTED, DemixerPage
from tests.waiting import until
from web import server
from web.assemble import SNAPSHOT

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from playwright.sync_api import BrowserContext, Playwright
    from selenium.webdriver import WebKitGTK

    from py_demixer.models.htdemucs import HTDemucs

pytestmark = pytest.mark.browser

DEMO = "Demo song"
READY = "Ready to work offline"
MODEL = "htdemucs"
LEAST_DECIBELS = 100
SAVE_MS = 60_000
CHOOSE = """const select = document.querySelector(arguments[0]);
select.value = arguments[1];
select.dispatchEvent(new Event("change", { bubbles: true }));"""
COUNT_LATENCIES = """() => {
  window.latencies = 0;
  Object.defineProperty(AudioContext.prototype, "outputLatency", { get: () => ++latencies && 0 });
}"""
PLAYED = re.compile("0:(0[1-9]|1[0-9]|2[0-9]) / 0:25")  # later times, for a slow machine


@pytest.fixture(scope="module")
def silence() -> Iterator[dict[str, str]]:
    with sound.silence() as variables:
        yield variables


@pytest.fixture(scope="module")
def expected(tiny_site: Path, tiny_model: HTDemucs) -> py_demixer.Stems:
    """What the command line makes of the demo song."""
    song = decode.load(tiny_site / "demo" / "song.flac", RATE, warn=pytest.fail)
    return py_demixer.separate(song, tiny_model)


@pytest.fixture
def launch_firefox(
    playwright: Playwright, silence: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[], BrowserContext]]:
    """A function that starts Firefox, each time with the same profile."""
    options = firefox.options(tmp_path, silence)
    contexts: list[BrowserContext] = []

    def launch() -> BrowserContext:
        profile = tmp_path / "profile"
        contexts.append(playwright.firefox.launch_persistent_context(profile, **options))
        return contexts[-1]

    yield launch
    for context in contexts:
        context.close()


def serving(site: Path, asked: list[str]) -> AbstractContextManager[str]:
    """Serve a site under a path; ``asked`` becomes the list of requests."""
    return server.serving(
        site, prefix="/some/where/", cache_control="no-store", on_request=asked.append
    )


def assert_from_snapshot(asked: list[str]) -> None:
    """Python started from its snapshot: without it, NumPy's wheel would have been fetched."""
    assert [url for url in asked if url.endswith(SNAPSHOT)]
    assert not [url for url in asked if "numpy-" in url]


def test_firefox(
    launch_firefox: Callable[[], BrowserContext],
    tiny_site: Path,
    expected: py_demixer.Stems,
) -> None:
    asked: list[str] = []
    with serving(tiny_site, asked) as url:
        context = launch_firefox()
        page = DemixerPage(context, url).wait_started()
        assert_from_snapshot(asked)
        expect(page.element("offline")).to_have_text(READY)
        expect(page.element("offline")).to_have_attribute("data-model", MODEL)
        page.element("demo").click()
        page.wait_result(DEMO)
        stems = {source: page.download(source, "32f")[1] for source in SOURCES}
        for source in SOURCES:
            assert snr(stems[source], expected[source]) >= LEAST_DECIBELS
        page.page.evaluate(COUNT_LATENCIES)
        page.element("play").click()
        expect(page.element("time")).to_have_text(PLAYED, timeout=SONG_MS)
        # On Linux, reading it locks Firefox's audio graph while PulseAudio waits for that graph.
        assert page.page.evaluate("latencies") == 0
        page.page.reload()
        page.wait_started()
        page.open_kept(DEMO)
        context.close()
    # The server is stopped, and the browser is a new one.
    again = DemixerPage(launch_firefox(), url).wait_started()
    expect(again.element("offline")).to_have_text(READY)
    expect(again.element("offline")).to_have_attribute("data-model", MODEL)
    again.open_kept(DEMO)
    np.testing.assert_array_equal(again.download("vocals", "32f")[1], stems["vocals"])


class WebKitPage:
    """The page in WebKit, with the functions of `DemixerPage` that the short path needs."""

    def __init__(self, driver: WebKitGTK, home: Path, downloads: Path) -> None:
        self.driver = driver
        self._console = home / webkit.CONSOLE
        self._downloads = downloads

    def text(self, name: str) -> str:
        """The text of the element with this id."""
        return self.driver.find_element(By.ID, name).get_property("textContent").strip()

    def click(self, selector: str) -> None:
        """Click an element as soon as it can be clicked."""

        def clicks() -> bool:
            try:
                self.driver.find_element(By.CSS_SELECTOR, selector).click()
            except ElementNotInteractableException:
                return False
            return True

        until(clicks, f"A moment to click {selector}", seconds=30)

    def wait(self, selector: str, timeout: float) -> None:
        """Wait for an element, and fail if the page shows an error."""
        problem = "#problem:not([hidden])"
        until(lambda: self._find(f"{selector}, {problem}"), selector, seconds=timeout / 1000)
        said = self.text("problem-text") + "\n" + self._console.read_text()
        assert not self._find(problem), said

    def _find(self, selector: str) -> bool:
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def wait_started(self) -> None:
        """Wait until the engine runs; where nothing is stored, ask for the download every time."""
        self.wait(f"{STARTED}, #download:not([hidden])", START_MS)
        if not self._find(STARTED):
            self.click("#download")
        self.wait(STARTED, START_MS)

    def wait_ready(self) -> None:
        until(lambda: self.text("offline") == READY, READY, seconds=30)
        assert self.driver.find_element(By.ID, "offline").get_attribute("data-model") == MODEL

    def take_demo(self, *sources: str) -> dict[str, np.ndarray]:
        """Separate the demo song and save stems as 32-bit float: ``(2, samples)`` each."""
        self.click("#demo")
        self.wait('#library li[data-state="finished"]', SONG_MS)
        self.wait("#studio:not([hidden])", SONG_MS)
        return {source: self.download(source) for source in sources}

    def download(self, source: str) -> np.ndarray:
        path = self._downloads / f"{DEMO} - {source}.wav"
        path.unlink(missing_ok=True)
        self.click(f'[data-stem="{source}"] [data-do="save"]')
        # A click opens a native list that is not part of the page and may stay open.
        self.driver.execute_script(CHOOSE, '#save-dialog select:has([value="wav32f"])', "wav32f")
        self.click('#save-dialog [data-do="go"]')
        self.wait('#saves li[data-state="done"]', SAVE_MS)
        until(lambda: is_whole(path), path.name, seconds=SAVE_MS / 1000)
        # The finished entry covers what is to be clicked next.
        self.click('#saves li[data-state="done"] .icon-button')
        return soundfile.read(path, dtype="float32")[0].T


def is_whole(path: Path) -> bool:
    """Whether a WAV file exists with its stated length: browsers write it piece by piece."""
    if not path.exists():
        return False
    content = path.read_bytes()
    return len(content) == 8 + int.from_bytes(content[4:8], "little")


def test_webkit(
    silence: dict[str, str],
    tiny_site: Path,
    expected: py_demixer.Stems,
    tmp_path: Path,
) -> None:
    """As in a private window, the page works offline but cannot keep songs, and says so."""
    home, downloads = tmp_path / "home", tmp_path / "downloads"
    home.mkdir()
    downloads.mkdir()
    asked: list[str] = []
    with webkit.browser(home, downloads, silence) as driver:
        with serving(tiny_site, asked) as url:
            driver.get(url)
            page = WebKitPage(driver, home, downloads)
            page.wait_started()
            assert_from_snapshot(asked)
            page.wait_ready()
            assert "up to 20 minutes" in page.text("formats")
            stems = page.take_demo("drums", "vocals")
            for source, stem in stems.items():
                assert snr(stem, expected[source]) >= LEAST_DECIBELS
            page.click("#play")
            until(lambda: PLAYED.fullmatch(page.text("time")), "The second second", seconds=60)
        driver.refresh()
        page.wait_started()
        page.wait_ready()
        again = page.take_demo("vocals")
        np.testing.assert_array_equal(again["vocals"], stems["vocals"])
