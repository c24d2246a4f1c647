"""The short way in Firefox and in WebKit: open, a song, stems, play, save, reload, offline."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect
from selenium.webdriver.common.by import By

import py_demixer
from py_demixer import audio
from py_demixer.evaluation.metrics import snr
from tests import firefox, sound, synthetic, webkit
from tests.browser.page import RATE, SONG_MS, SOURCES, START_MS, DemixerPage, wav
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright
    from selenium.webdriver import WebKitGTK

    from py_demixer.models.htdemucs import HTDemucs

pytestmark = pytest.mark.browser

SECONDS = 8.5
READY = "Ready to work offline with Demucs v4 (HTDemucs)"
LEAST_DECIBELS = 100
PLAYED = re.compile("0:0[1-8] / 0:08")


@pytest.fixture(scope="module")
def silence() -> Iterator[dict[str, str]]:
    with sound.silence() as variables:
        yield variables


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.wav"
    path.write_bytes(wav(synthetic.song(SECONDS)))
    return path


@pytest.fixture(scope="module")
def expected(song: Path, tiny_model: HTDemucs) -> py_demixer.Stems:
    """What the command line makes of the song."""
    return py_demixer.separate(audio.load(song, RATE, warn=pytest.fail), tiny_model)


@pytest.fixture
def launch_firefox(
    playwright: Playwright, silence: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[], BrowserContext]]:
    """A function that starts a Firefox, each time with the same profile."""
    options = firefox.options(tmp_path, silence)
    contexts: list[BrowserContext] = []

    def launch() -> BrowserContext:
        profile = tmp_path / "profile"
        contexts.append(playwright.firefox.launch_persistent_context(profile, **options))
        return contexts[-1]

    yield launch
    for context in contexts:
        context.close()


def test_firefox(
    launch_firefox: Callable[[], BrowserContext],
    tiny_site: Path,
    song: Path,
    expected: py_demixer.Stems,
) -> None:
    with server.serving(tiny_site, prefix="/some/where/", cache_control="no-store") as url:
        context = launch_firefox()
        page = DemixerPage(context, url).wait_started()
        assert page.element("offline").inner_text() == READY
        stems = page.separate(song.name, song.read_bytes())
        for source in SOURCES:
            assert snr(stems[source], expected[source]) >= LEAST_DECIBELS
        page.element("play").click()
        expect(page.element("time")).to_have_text(PLAYED)
        page.page.reload()
        page.wait_started()
        page.open_kept(song.stem)
        context.close()
    # The server is gone, and the browser is another one.
    again = DemixerPage(launch_firefox(), url).wait_started()
    assert again.element("offline").inner_text() == READY
    again.open_kept(song.stem)
    for source in SOURCES:
        np.testing.assert_array_equal(again.download(source, "32f")[1], stems[source])


class WebKitPage:
    """The page in WebKit: those functions of DemixerPage that the short way takes."""

    def __init__(self, driver: WebKitGTK, downloads: Path) -> None:
        self.driver = driver
        self._downloads = downloads

    def text(self, name: str) -> str:
        """The text of the element with an id."""
        return self.driver.find_element(By.ID, name).get_property("textContent").strip()

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def wait(self, selector: str, timeout: float) -> None:
        """Wait for an element, but not past an error that the page shows."""
        problem = "#problem:not([hidden])"
        until(lambda: self._find(f"{selector}, {problem}"), timeout / 1000, selector)
        assert not self._find(problem), self.text("problem-text")

    def _find(self, selector: str) -> bool:
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def wait_started(self) -> None:
        self.wait("#versions:not(:empty)", START_MS)

    def separate(self, song: Path) -> dict[str, np.ndarray]:
        self.driver.find_element(By.ID, "file").send_keys(str(song))
        self.wait("#result:not([hidden])", SONG_MS)
        self.wait("#job[hidden]", SONG_MS)
        return {source: self.download(song.stem, source) for source in SOURCES}

    def download(self, song: str, source: str) -> np.ndarray:
        """Save a stem as 32-bit float and read it: ``(2, samples)``."""
        path = self._downloads / f"{song} - {source}.wav"
        self.click(f'[data-stem="{source}"] [data-do="save"]')
        self.click('#save-dialog option[value="wav32f"]')
        self.click('#save-dialog [data-do="go"]')
        until(path.exists, 60, path.name)
        return soundfile.read(path, dtype="float32")[0].T


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.1)


def test_webkit(
    silence: dict[str, str],
    tiny_site: Path,
    song: Path,
    expected: py_demixer.Stems,
    tmp_path: Path,
) -> None:
    """As in a private window: the page keeps itself, but no songs, and says so."""
    home, downloads = tmp_path / "home", tmp_path / "downloads"
    home.mkdir()
    downloads.mkdir()
    with webkit.browser(home, downloads, silence) as driver:
        with server.serving(tiny_site, prefix="/some/where/", cache_control="no-store") as url:
            driver.get(url)
            page = WebKitPage(driver, downloads)
            page.wait_started()
            assert page.text("offline") == READY
            assert "up to 20 minutes" in page.text("formats")
            stems = page.separate(song)
            for source in SOURCES:
                assert snr(stems[source], expected[source]) >= LEAST_DECIBELS
            page.click("#play")
            until(lambda: bool(PLAYED.fullmatch(page.text("time"))), 10, "The second second")
        driver.refresh()
        page.wait_started()
        assert page.text("offline") == READY
        page.separate(song)
