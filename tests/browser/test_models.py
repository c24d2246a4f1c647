"""Choosing a model: what is downloaded, stored and remembered, and separation by Open-Unmix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

import py_demixer
from py_demixer.audio import decode
from py_demixer.evaluation.metrics import snr
from py_demixer.models.network import Model
from py_demixer.weights import manifest
from tests import synthetic
from tests.browser.page import (
    CHANGE_ENTRIES,
    OFFERED,
    RATE,
    SOURCES,
    START_MS,
    STARTED,
    DemixerPage,
    clear_songs,
    wav,
)
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from py_demixer.models.htdemucs import HTDemucs
    from tests.conftest import MakeSite

pytestmark = pytest.mark.browser

TITLES = {name: model.title for name, model in manifest.MODELS.items()}
LICENCES = {name: model.licence.url for name, model in manifest.MODELS.items()}
LEAST_DECIBELS = {"htdemucs": 100, "umxhq": 85}
LONG = wav(synthetic.noise(3.6))
LONGER = wav(synthetic.noise(26.0)[:1], subtype="PCM_U8")  # paces need songs of 20 s or more


@dataclass
class Site:
    """A site with two tiny models; a further possible model is missing."""

    folder: Path
    models: dict[str, Model] = field(default_factory=dict)

    def parts(self, name: str) -> set[str]:
        return {part["url"] for part in self._assets()["models"][name]["parts"]}

    def engine(self) -> set[str]:
        return {file.get("packed", file["url"]) for file in self._assets()["files"]}

    def megabytes(self, name: str) -> int:
        """Size of everything that a song by this model needs."""
        assets = self._assets()
        files = [*assets["files"], *assets["models"][name]["parts"]]
        return round(sum(file["bytes"] for file in files) / 1e6)

    def expected(self, name: str, content: bytes, folder: Path) -> py_demixer.Stems:
        """What the command line makes of a song."""
        path = folder / "song.wav"
        path.write_bytes(content)
        return py_demixer.separate(decode.load(path, RATE, warn=pytest.fail), self.models[name])

    def _assets(self) -> dict:
        return json.loads((self.folder / "assets.json").read_text())


@pytest.fixture(scope="module")
def site(
    make_site: MakeSite, tiny_weights: Path, unmix_weights: Path, tiny_model: HTDemucs
) -> Site:
    folder = make_site({"umxhq": unmix_weights, "htdemucs": tiny_weights})
    umxhq = py_demixer.load_model("umxhq", unmix_weights)
    return Site(folder, {"htdemucs": tiny_model, "umxhq": umxhq})


@pytest.fixture(scope="module")
def unmix_tab(shared_context: BrowserContext, site: Site) -> Iterator[DemixerPage]:
    """A page with Open-Unmix chosen, shared by all tests."""
    with server.serving(site.folder) as url:
        page = DemixerPage(shared_context, url).wait_started()
        choose_model(page, "umxhq")
        yield page


@pytest.fixture
def tab(shared_context: BrowserContext, stub_url: str) -> Iterator[DemixerPage]:
    """A page with a stub engine and Open-Unmix chosen."""
    page = DemixerPage(shared_context, stub_url).wait_started()
    choose_model(page, "umxhq")
    yield page
    page.page.close()
    clear_songs(shared_context, stub_url)


def choose_model(page: DemixerPage, name: str) -> None:
    page.choose_setting("model", name)
    wait_ready(page, name)


def wait_ready(page: DemixerPage, name: str) -> None:
    """Wait until a model works offline; ask for its download if it does not start by itself."""
    ready = f'#offline[data-model="{name}"]:text-is("Ready to work offline")'
    either = f"{ready}, #download:not([hidden])"
    page.page.wait_for_selector(either, timeout=START_MS, state="attached")
    if page.page.locator(ready).count() == 0:
        page.ask()
    page.page.wait_for_selector(ready, timeout=START_MS, state="attached")
    assert chosen(page) == name


def chosen(page: DemixerPage) -> str:
    return page.page.locator("#model-list input:checked").input_value()


def times(page: DemixerPage) -> list[str]:
    return page.page.locator("#model-list .model-time").all_text_contents()


def sizes(page: DemixerPage) -> list[str]:
    texts = page.page.locator("#model-list .model-size").all_text_contents()
    return [text.split(" ", 2)[2] for text in texts]


def compare(page: DemixerPage, site: Site, name: str, content: bytes, folder: Path) -> None:
    """Separate a song and compare with the command line."""
    stems = page.separate("song.wav", content)
    assert TITLES[name] not in page.element("song-facts").inner_text()  # it is the selected one
    assert TITLES[name] in page.page.locator("li[data-song]").first.inner_text()
    expected = site.expected(name, content, folder)
    assert tuple(stems) == expected.sources
    for source, stem in stems.items():
        assert stem.shape == expected[source].shape
        assert snr(stem, expected[source]) >= LEAST_DECIBELS[name]


def test_models_are_fetched_on_request_and_then_work_offline(
    stub_site: Path, launch_chromium: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    song, another = (wav(synthetic.noise(1.0, seed), subtype="FLOAT") for seed in (0, 1))
    asked: list[str] = []
    site = Site(stub_site)
    options = {"cache_control": "no-store", "on_request": asked.append}
    with server.serving(stub_site, **options) as url:
        context = launch_chromium(tmp_path / "profile")
        page = DemixerPage(context, url)
        page.page.wait_for_selector(OFFERED)
        page.choose_setting("model", "umxhq")
        expect(page.element("licence")).to_have_attribute("href", LICENCES["umxhq"])
        page.choose_setting("model", "htdemucs")
        expect(page.element("licence")).to_have_attribute("href", LICENCES["htdemucs"])
        told = f"First use downloads {site.megabytes('htdemucs')} MB"
        expect(page.element("first-download")).to_contain_text(told)
        heavy = site.engine() | site.parts("htdemucs") | site.parts("umxhq")
        assert not heavy & set(asked)
        wait_ready(page, "htdemucs")
        expect(page.element("first-download")).to_contain_text("You can go offline")
        assert site.parts("htdemucs") <= set(asked)
        assert not site.parts("umxhq") & set(asked)
        expect(page.page.locator(".model-size").first).to_contain_text("downloaded")
        assert sizes(page) == ["downloaded", "to download"]
        # Until a song has been separated, the time for one is unknown.
        assert times(page) == ["", ""]
        page.separate("song.wav", song, ())

        choose_model(page, "umxhq")
        expect(page.page.locator(".model-size").last).to_contain_text("downloaded")
        assert sizes(page) == ["downloaded", "downloaded"]
        wanted = site.parts("umxhq") | site.parts("htdemucs") | site.engine()
        # Each file crossed the network once, although the HTTP cache may keep nothing.
        assert sorted(path for path in asked if path in wanted) == sorted(wanted)
        page.separate("song.wav", song, ())
        context.close()
    # The server is stopped and the browser restarted.
    page = DemixerPage(launch_chromium(tmp_path / "profile"), url)
    wait_ready(page, "umxhq")
    for name in ("umxhq", "htdemucs"):
        choose_model(page, name)
        (drums,) = page.separate(f"{name}.wav", another, SOURCES[:1]).values()
        np.testing.assert_array_equal(drums, synthetic.noise(1.0, 1) / 2)
    facts = page.element("song-facts")
    expect(facts).not_to_contain_text(TITLES["htdemucs"])
    choose_model(page, "umxhq")
    expect(facts).to_contain_text(TITLES["htdemucs"])  # the song's model, no longer the selected


def test_nothing_is_fetched_for_files_that_are_not_songs(
    stub_site: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    asked: list[str] = []
    site = Site(stub_site)
    with server.serving(stub_site, on_request=asked.append) as url:
        page = open_page(url)
        page.page.wait_for_selector(OFFERED)
        for name, content, says in (
            ("notes.mp3", b"Dear diary, today I wrote a song.\n" * 50, "cannot read this"),
            ("empty.flac", b"", "This file is empty"),
            ("phone.wav", wav(synthetic.noise(0.1)[:1], subtype="GSM610"), "GSM"),
        ):
            page.choose(name, content)
            page.page.wait_for_selector(f"#problem-text:has-text('{says}')")
        assert not (site.engine() | site.parts("htdemucs")) & set(asked)
        page.separate("song.wav", wav(synthetic.noise(0.1)), ())


@pytest.mark.parametrize("saves_data", [False, True], ids=["", "saves data"])
def test_update_is_fetched_automatically_unless_saving_data(
    stub_site: Path, open_page: Callable[[str], DemixerPage], saves_data: bool
) -> None:
    asked: list[str] = []
    options = {"cache_control": "no-store", "on_request": asked.append}
    with server.serving(stub_site, **options) as url:
        page = open_page(url).wait_started()
        page.page.evaluate(
            "async () => { for (const name of await caches.keys()) "
            "if (name.startsWith('py-demixer-assets')) await caches.delete(name); }"
        )
        asked.clear()
        page.page.add_init_script(
            "Object.defineProperty(navigator, 'connection', "
            f"{{ value: {{ saveData: {str(saves_data).lower()} }} }})"
        )
        page.page.reload()
        if saves_data:
            page.page.wait_for_selector(OFFERED)
        else:
            page.page.wait_for_selector(STARTED, timeout=START_MS, state="attached")
    assert bool(Site(stub_site).parts("htdemucs") & set(asked)) is not saves_data


def test_weights_can_be_deleted_from_the_device(tab: DemixerPage) -> None:
    tab.separate("song.wav", wav(synthetic.song(0.7)), ())
    expect(tab.element("room")).to_have_text(re.compile(r"^Songs take 1 MB, models \d+ MB\."))
    show = "dialog => dialog.showModal()"
    tab.element("settings").evaluate(show)
    # The selected model would be downloaded again.
    expect(tab.page.get_by_role("button", name="Delete Open-Unmix (UMXHQ)")).to_be_hidden()
    delete = tab.page.get_by_role("button", name="Delete Demucs v4 (HTDemucs)")
    delete.click()
    expect(tab.element("notice")).to_have_text("Demucs v4 (HTDemucs) deleted.")
    tab.element("settings").evaluate(show)
    expect(delete).to_be_hidden()
    card = tab.page.locator('label.model:has(input[value="htdemucs"])')
    expect(card).to_contain_text("to download")
    tab.element("settings").evaluate("dialog => dialog.close()")
    tab.page.reload()
    tab.wait_started()
    choose_model(tab, "htdemucs")
    tab.separate("again.wav", wav(synthetic.song(0.8)), ())


def test_open_unmix_works_offline(site: Site, unmix_tab: DemixerPage, tmp_path: Path) -> None:
    context = unmix_tab.page.context
    context.set_offline(True)
    try:
        unmix_tab.page.reload()
        wait_ready(unmix_tab, "umxhq")
        compare(unmix_tab, site, "umxhq", wav(synthetic.song(2.0)), tmp_path)
    finally:
        context.set_offline(False)


def test_models_licences_and_settings_are_shown(tab: DemixerPage) -> None:
    cards = tab.page.locator("#model-list .model")
    assert cards.count() == 2
    titles = TITLES["htdemucs"], TITLES["umxhq"]
    for card, title in zip(cards.all_inner_texts(), titles, strict=True):
        assert title in card
        assert "MIT" in card  # licence of the tiny models
    missing = tab.element("missing-models").inner_text()
    assert "Open-Unmix (UMXL)." in missing
    assert "UMXHQ" not in missing
    more = tab.page.locator("#missing-models a").get_attribute("href")
    answer = tab.page.evaluate("async url => (await fetch(url)).text()", more)
    assert "build.py site --model htdemucs --model umxl" in answer
    assert tab.element("licence").get_attribute("href") == "https://zenodo.org/records/3370489"

    before = tab.page.viewport_size
    assert before is not None
    tab.page.set_viewport_size({"width": 360, "height": 740})  # nothing may stick out on a phone
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
    tab.page.set_viewport_size(before)
    # Quality settings are shown only for models that have them.
    show = "dialog => dialog.showModal()"
    tab.element("settings").evaluate(show)
    assert tab.element("quality").is_hidden()
    assert tab.element("workers").is_visible()
    choose_model(tab, "htdemucs")
    tab.element("settings").evaluate(show)
    assert tab.element("quality").is_visible()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(wav(synthetic.song(0.1)), id="a tenth of a second"),
        pytest.param(wav(synthetic.song(3.0)[:1]), id="mono"),
    ],
)
def test_unusual_songs(content: bytes, site: Site, unmix_tab: DemixerPage, tmp_path: Path) -> None:
    compare(unmix_tab, site, "umxhq", content, tmp_path)


def test_silence_stays_silent(unmix_tab: DemixerPage) -> None:
    for stem in unmix_tab.separate("silence.wav", wav(np.zeros((2, RATE)))).values():
        assert stem.shape == (2, RATE)
        assert np.abs(stem).max() < 1e-5


def test_song_resumes_with_the_model_it_was_started_with(tab: DemixerPage) -> None:
    tab.choose_setting("workers", "1")
    tab.choose("song.wav", LONG)
    tab.wait_result("song")
    whole = tab.digests()
    tab.remove("song")
    tab.hold(4)  # in the middle of the song
    tab.choose("song.wav", LONG)
    tab.wait_share(30)
    # The new choice is for later songs.
    tab.choose_setting("model", "htdemucs")
    assert TITLES["umxhq"] in tab.song("song").inner_text()
    tab.press("cancel", "song")
    tab.wait_state("song", "kept")
    assert TITLES["umxhq"] in tab.song("song").inner_text()
    share = tab.share("song")
    assert 30 <= share < 100
    wait_ready(tab, "htdemucs")

    # The same file with another model counts as another song.
    tab.hold(2)
    tab.choose("again.wav", LONG)
    tab.wait_state("again", "working")
    assert tab.share("again") < 30
    assert TITLES["htdemucs"] in tab.song("again").inner_text()
    tab.press("cancel", "again")
    tab.page.wait_for_selector('#queue:not(:has([data-state="working"]))')
    if tab.song("again").count():
        tab.remove("again")

    tab.hold()
    tab.press("goOn", "song")
    tab.wait_share(1)
    assert tab.share("song") >= share
    tab.wait_state("song", "finished")
    assert tab.digests() == whole
    # The user's choice applies again to the next song.
    assert chosen(tab) == "htdemucs"
    wait_ready(tab, "htdemucs")
    tab.remove("song")


def test_expected_time_is_measured_or_scaled(tab: DemixerPage) -> None:
    tab.page.evaluate("localStorage.removeItem('py-demixer paces')")
    tab.page.reload()
    wait_ready(tab, "umxhq")
    assert times(tab) == ["", ""]
    tab.choose("song.wav", LONGER)
    tab.wait_result("song")
    other, own = times(tab)
    assert own.endswith(" for this song on this device")
    assert other.startswith("about ")
    assert other.endswith(" for this song (estimate)")
    pace = json.loads(tab.page.evaluate("localStorage.getItem('py-demixer paces')"))
    assert list(pace) == ["umxhq"]
    assert pace["umxhq"] > 0
    tab.remove("song")
    assert times(tab)[1].endswith(" for a 4-minute song on this device")
    # The next song's time is shown at once, not only after its first part.
    tab.hold(0)
    tab.choose("song.wav", LONGER)
    tab.wait_share(0)
    row = tab.song("song").inner_text()
    assert "0%" in row
    assert re.search("(about .*|a few seconds) left", row)
    tab.hold()
    tab.wait_result("song")
    tab.remove("song")
    tab.page.reload()
    wait_ready(tab, "umxhq")
    assert times(tab)[1].endswith(" for a 4-minute song on this device")


_GIVE_TO = f"""async (model) => {{
  await ({CHANGE_ENTRIES})((entry) => ({{ ...entry, about: {{ ...entry.about, model }} }}));
}}"""


def test_song_of_a_missing_model_is_still_listed(tab: DemixerPage) -> None:
    tab.choose("song.wav", wav(synthetic.song(1.0)))
    tab.wait_result("song")
    url = tab.page.url
    tab.page.goto(url + "licences.txt")
    tab.page.evaluate(_GIVE_TO, "umxl")
    tab.page.goto(url)
    tab.wait_state("song", "finished")
    assert TITLES["umxl"] in tab.song("song").inner_text()
    # A finished song can be listened to all the same.
    tab.press("open", "song")
    tab.wait_shown("song")
    tab.remove("song")
