"""A stem that is separated further, as a song of its own; and models used together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import py_demixer
from py_demixer.evaluation.metrics import snr
from tests import synthetic, tiny
from tests.browser.page import SOURCES, DemixerPage, wav
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.conftest import MakeSite

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {
        name: tiny.write(folder / f"{name}.safetensors", name=name, segment_length=tiny.SECOND)
        for name in ("htdemucs", "scnet")
    }


@pytest.fixture(scope="module")
def url(make_site: MakeSite, weights: dict[str, Path]) -> Iterator[str]:
    with server.serving(make_site(weights)) as address:
        yield address


def test_stem_becomes_a_song_that_survives_a_reload(
    shared_context: BrowserContext, url: str, weights: dict[str, Path]
) -> None:
    tab = DemixerPage(shared_context, url).wait_started()
    page, song = tab.page, synthetic.song(2.3)
    tab.choose("song.wav", wav(song, subtype="FLOAT"))
    tab.wait_shown("song")
    further = page.locator('#lanes [data-stem="drums"] [data-do="further"]')
    tab.wait_result("song")
    further.wait_for()
    drums = tab.download("drums", "32f")[1]

    further.click()  # and change one's mind
    page.click('#further button[value="no"]')
    page.locator("#further").wait_for(state="detached")
    assert page.locator("li[data-song]").count() == 1

    tab.hold(1)  # of its tasks, the first one is done before the page is reloaded
    tab.separate_further("drums", "scnet")
    page.wait_for_selector("#notice:has-text('song - drums')")
    tab.wait_share(1)
    page.reload()
    tab.wait_state("song - drums", "kept")
    tab.press("goOn", "song - drums")
    tab.wait_result("song - drums")
    wanted = py_demixer.separate(drums, py_demixer.load_model("scnet", weights["scnet"]))
    for source in SOURCES:
        assert snr(tab.download(source, "32f")[1], wanted[source]) >= 100

    # The first song is as it was, and no longer needed.
    tab.open_kept("song")
    assert np.array_equal(tab.download("drums", "32f")[1], drums)
    tab.remove("song")
    tab.open_kept("song - drums")
    files = page.evaluate(
        """async () => {
          const root = await navigator.storage.getDirectory();
          const folder = await root.getDirectoryHandle("downloads").catch(() => null);
          let count = 0;
          for await (const tab of folder?.values() ?? []) {
            for await (const name of tab.keys()) count += 1;
          }
          return count;
        }"""
    )
    assert files == 0
    tab.remove("song - drums")


def test_models_used_together_and_a_reload(
    shared_context: BrowserContext, url: str, weights: dict[str, Path]
) -> None:
    tab = DemixerPage(shared_context, url).wait_started()
    page, song = tab.page, synthetic.song(2.3)
    settings = tab.element("settings")
    settings.evaluate("dialog => dialog.showModal()")
    page.click("#combine summary")
    button = page.locator("#combine button")
    page.check('#combine input[value="htdemucs"]')
    assert button.is_disabled()
    page.check('#combine input[value="scnet"]')
    button.click()
    name = "own-htdemucs+scnet"
    page.wait_for_selector(f'#settings input[value="{name}"]:checked')
    settings.evaluate("dialog => dialog.close()")

    tab.hold(3)
    tab.choose("both.wav", wav(song, subtype="FLOAT"))
    tab.wait_share(1)
    page.reload()
    tab.wait_state("both", "kept")
    tab.press("goOn", "both")
    tab.wait_result("both")
    models = tuple(py_demixer.load_model(*one) for one in weights.items())
    wanted = py_demixer.separate(song, py_demixer.Ensemble(models))
    for source in SOURCES:
        assert snr(tab.download(source, "32f")[1], wanted[source]) >= 100

    settings.evaluate("dialog => dialog.showModal()")
    titles = page.locator("#settings .model-title").all_inner_texts()
    (title,) = [one for one in titles if " + " in one]
    page.get_by_role("button", name=f"Delete {title}", exact=True).click()
    page.locator("#confirm button[value=yes]").click()
    page.wait_for_selector("#notice:has-text('deleted')")
    assert page.locator(f'#settings input[value="{name}"]').count() == 0
    tab.open_kept("both")  # finished songs keep their stems
    tab.remove("both")


def test_on_a_phone_it_is_among_the_faders(shared_context: BrowserContext, url: str) -> None:
    tab = DemixerPage(shared_context, url).wait_started()
    tab.page.set_viewport_size({"width": 390, "height": 844})
    tab.choose("song.wav", wav(synthetic.song(1.1)))
    tab.wait_result("song")
    assert tab.page.locator('[data-stem="vocals"] [data-do="further"]').is_hidden()
    tab.page.click('[data-stem="vocals"] [data-do="faders"]')
    tab.separate_further("vocals", "scnet", "further-here")
    tab.wait_state("song - vocals", "finished")
