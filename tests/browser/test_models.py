"""The choice of a model: what is fetched, kept and remembered, and songs by Open-Unmix."""

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
from py_demixer import audio, catalog
from py_demixer.catalog import Model
from py_demixer.evaluation.metrics import snr
from tests import synthetic, unmix
from tests.browser.page import RATE, DemixerPage, wav
from tests.browser.test_length import choose_setting, digests, discard, wait_kept, wait_progress
from web import server
from web.assemble import assemble

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

TITLES = {name: model.title for name, model in catalog.MODELS.items()}
LEAST_DECIBELS = {"htdemucs": 100, "umxhq": 85}
LONG = wav(synthetic.song(26.0))


@dataclass
class Site:
    """Two tiny models on a site; one that it could have is not there."""

    folder: Path
    models: dict[str, Model]
    asked: list[str] = field(default_factory=list)
    """What browsers have asked for, relative to the site's folder."""

    def parts(self, name: str) -> set[str]:
        return {part["url"] for part in self._assets()["models"][name]["parts"]}

    def engine(self) -> set[str]:
        return {file["url"] for file in self._assets()["files"]}

    def expected(self, name: str, content: bytes, folder: Path) -> py_demixer.Stems:
        """What the command line makes of a song."""
        path = folder / "song.wav"
        path.write_bytes(content)
        return py_demixer.separate(audio.load(path, RATE, warn=pytest.fail), self.models[name])

    def _assets(self) -> dict:
        return json.loads((self.folder / "assets.json").read_text())


@pytest.fixture(scope="module")
def site(tmp_path_factory, tiny_weights, tiny_model, kernel_wheel, pyodide_dir, node_modules):
    folder = tmp_path_factory.mktemp("models")
    weights = unmix.write(folder / "umxhq.safetensors")
    assemble(
        folder / "site",
        wheel=kernel_wheel,
        pyodide_dir=pyodide_dir,
        node_modules=node_modules,
        models={"umxhq": weights, "htdemucs": tiny_weights},
    )
    umxhq = py_demixer.load_model("umxhq", weights)
    return Site(folder / "site", {"htdemucs": tiny_model, "umxhq": umxhq})


@pytest.fixture(scope="module")
def url(site: Site) -> Iterator[str]:
    with server.serving(site.folder) as url:
        yield url


@pytest.fixture
def tab(shared_context: BrowserContext, url: str) -> Iterator[DemixerPage]:
    """The page with Open-Unmix, in a browser that all tests share."""
    page = DemixerPage(shared_context, url).wait_started()
    choose_model(page, "umxhq")
    yield page
    page.page.close()


def choose_model(page: DemixerPage, name: str) -> None:
    page.element("models").evaluate("models => models.open = true")
    page.page.check(f'#models input[value="{name}"]')
    wait_ready(page, name)


def wait_ready(page: DemixerPage, name: str) -> None:
    page.wait_started()
    offline = f"Ready to work offline with {TITLES[name]}"
    expect(page.element("offline")).to_have_text(offline)
    assert chosen(page) == name


def chosen(page: DemixerPage) -> str:
    return page.page.locator("#models input:checked").input_value()


def times(page: DemixerPage) -> list[str]:
    return page.page.locator("#models .model-time").all_text_contents()


def sizes(page: DemixerPage) -> list[str]:
    texts = page.page.locator("#models .model-size").all_text_contents()
    return [text.split(" ", 2)[2] for text in texts]


def compare(page: DemixerPage, site: Site, name: str, content: bytes, folder: Path) -> None:
    """Separate a song, and compare with the command line."""
    stems = page.separate("song.wav", content)
    assert page.element("result-model").inner_text() == f"Stems by {TITLES[name]}"
    expected = site.expected(name, content, folder)
    assert tuple(stems) == expected.sources
    for source, stem in stems.items():
        assert stem.shape == expected[source].shape
        assert snr(stem, expected[source]) >= LEAST_DECIBELS[name]


def test_models_are_fetched_when_they_are_chosen_and_then_work_offline(
    site: Site, launch_chromium: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    song, asked = wav(synthetic.song(5.0)), site.asked
    options = {"cache_control": "no-store", "on_request": asked.append}
    with server.serving(site.folder, **options) as url:
        context = launch_chromium(tmp_path / "profile")
        page = DemixerPage(context, url)
        wait_ready(page, "htdemucs")
        assert site.parts("htdemucs") <= set(asked)
        assert not site.parts("umxhq") & set(asked)
        expect(page.page.locator(".model-size").first).to_contain_text("kept here")
        assert sizes(page) == ["kept here", "to fetch"]
        # Until a song was separated, nothing is known of how long one takes.
        assert times(page) == ["", ""]
        compare(page, site, "htdemucs", song, tmp_path)

        choose_model(page, "umxhq")
        expect(page.page.locator(".model-size").last).to_contain_text("kept here")
        assert sizes(page) == ["kept here", "kept here"]
        wanted = site.parts("umxhq") | site.parts("htdemucs") | site.engine()
        # Each file crossed the network once, though nothing may be kept in the HTTP cache.
        assert sorted(path for path in asked if path in wanted) == sorted(wanted)
        compare(page, site, "umxhq", song, tmp_path)
        context.close()
    # The server is gone, the browser is started again.
    page = DemixerPage(launch_chromium(tmp_path / "profile"), url)
    wait_ready(page, "umxhq")
    compare(page, site, "umxhq", song, tmp_path)
    choose_model(page, "htdemucs")
    compare(page, site, "htdemucs", song, tmp_path)


def test_what_is_told_and_offered(tab: DemixerPage) -> None:
    cards = tab.page.locator("#models .model")
    assert cards.count() == 2
    titles = TITLES["htdemucs"], TITLES["umxhq"]
    for card, title in zip(cards.all_inner_texts(), titles, strict=True):
        assert title in card
        assert "MIT" in card  # the tiny models' licence
    missing = tab.element("missing-models").inner_text()
    assert "Open-Unmix (UMXL)." in missing
    assert "--with umxl" in missing
    assert "UMXHQ" not in missing
    more = tab.page.locator("#missing-models a").get_attribute("href")
    answer = tab.page.evaluate("async url => (await fetch(url)).text()", more)
    assert "build.py site --with umxl" in answer
    assert tab.element("model-used").inner_text() == TITLES["umxhq"]
    assert tab.element("licence").get_attribute("href") == "https://zenodo.org/records/3370489"

    before = tab.page.viewport_size
    assert before is not None
    tab.page.set_viewport_size({"width": 360, "height": 740})  # nothing sticks out on a phone
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
    tab.page.set_viewport_size(before)
    # Qualities are offered for the model that has them.
    tab.element("settings").evaluate("settings => settings.open = true")
    assert tab.element("quality").is_hidden()
    assert tab.element("workers").is_visible()
    choose_model(tab, "htdemucs")
    assert tab.element("quality").is_visible()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(wav(synthetic.song(0.1)), id="a tenth of a second"),
        pytest.param(wav(synthetic.song(3.0)[:1]), id="mono"),
    ],
)
def test_unusual_songs(content: bytes, site: Site, tab: DemixerPage, tmp_path: Path) -> None:
    compare(tab, site, "umxhq", content, tmp_path)


def test_silence_stays_silent(tab: DemixerPage) -> None:
    for stem in tab.separate("silence.wav", wav(np.zeros((2, RATE)))).values():
        assert stem.shape == (2, RATE)
        assert np.abs(stem).max() < 1e-5


def test_a_song_goes_on_with_the_model_it_was_begun_with(tab: DemixerPage) -> None:
    choose_setting(tab, "workers", "1")
    tab.choose("song.wav", LONG)
    tab.wait_result("song")
    whole = digests(tab)
    discard(tab)
    tab.hold(50)  # in the middle of it
    tab.choose("song.wav", LONG)
    wait_progress(tab, 30)
    # The other model cannot be chosen now.
    assert tab.page.locator('#models input[value="htdemucs"]').is_disabled()
    tab.page.click("#cancel")
    wait_kept(tab, f"% done by {TITLES['umxhq']}")
    share = int(tab.element("kept").inner_text().split(" %")[0].split()[-1])
    assert 30 <= share < 100

    # The same song by the other model is another one.
    choose_model(tab, "htdemucs")
    tab.hold(2)
    tab.choose("song.wav", LONG)
    tab.page.wait_for_selector("#job-number:has-text('%')")
    assert int(tab.element("job-number").inner_text().split()[0]) < 30
    tab.page.click("#cancel")
    tab.page.wait_for_selector("#job[hidden]", state="attached")

    tab.hold()
    mine = tab.page.locator("#kept li", has_text=TITLES["umxhq"])
    mine.locator('[data-do="open"]').click()
    wait_progress(tab, 1)
    assert int(tab.element("job-number").inner_text().split()[0]) >= share
    tab.wait_result("song")
    assert chosen(tab) == "umxhq"
    for other in tab.page.locator("#kept li", has_text=TITLES["htdemucs"]).all():
        other.locator('[data-do="discard"]').click()
    expect(tab.page.locator("#kept li")).to_have_count(1)
    assert digests(tab) == whole
    # Only what the person chooses is remembered.
    tab.page.reload()
    wait_ready(tab, "htdemucs")
    discard(tab)


def test_the_time_to_expect_is_measured_or_scaled(tab: DemixerPage) -> None:
    tab.page.evaluate("localStorage.removeItem('py-demixer paces')")
    tab.page.reload()
    wait_ready(tab, "umxhq")
    assert times(tab) == ["", ""]
    tab.choose("song.wav", LONG)
    tab.wait_result("song")
    other, own = times(tab)
    assert own.startswith("Takes ")
    assert own.endswith(" for this song on this machine.")
    assert other.startswith("Takes about ")
    assert other.endswith(" for this song: it has not run on this machine yet.")
    pace = json.loads(tab.page.evaluate("localStorage.getItem('py-demixer paces')"))
    assert list(pace) == ["umxhq"]
    assert pace["umxhq"] > 0
    discard(tab)
    assert times(tab)[1].endswith(" for a song of 4 minutes on this machine.")
    # Of the next song the time is told at once, not after its first part.
    tab.hold(0)
    tab.choose("song.wav", LONG)
    wait_progress(tab, 0)
    assert tab.element("job-number").inner_text() == "0 %"
    assert re.search("(about .*|a few seconds) left", tab.element("job-time").inner_text())
    tab.hold()
    tab.wait_result("song")
    discard(tab)
    tab.page.reload()
    wait_ready(tab, "umxhq")
    assert times(tab)[1].endswith(" for a song of 4 minutes on this machine.")


_GIVE_TO = """async (model) => {
  const root = await navigator.storage.getDirectory();
  for await (const folder of (await root.getDirectoryHandle("songs")).values()) {
    const file = await folder.getFileHandle("about.json");
    const about = JSON.parse(await (await file.getFile()).text());
    const stream = await file.createWritable();
    await stream.write(JSON.stringify({ ...about, model }));
    await stream.close();
  }
}"""


def test_a_song_of_a_model_that_is_gone_is_told_of(tab: DemixerPage) -> None:
    tab.choose("song.wav", wav(synthetic.song(1.0)))
    tab.wait_result("song")
    url = tab.page.url
    tab.page.goto(url + "licences.txt")
    tab.page.evaluate(_GIVE_TO, "umxl")
    tab.page.goto(url)
    wait_kept(tab, "separated by Open-Unmix (UMXL)")
    text = tab.element("kept").inner_text()
    assert "That model is not on this site any more: drop the song again" in text
    assert tab.page.locator('#kept [data-do="open"]').is_hidden()
    discard(tab)
