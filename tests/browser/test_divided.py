"""Stems that were separated further, as lanes below theirs."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tests import synthetic
from tests.browser.page import SOURCES, DemixerPage, wav

pytestmark = pytest.mark.browser

SONG = synthetic.song(2.3)
DIVIDED = ["drums", *(f"drums/{source}" for source in SOURCES), *SOURCES[1:]]


@pytest.fixture(scope="module")
def site_url(stub_url: str) -> str:
    return stub_url


@pytest.fixture
def divided(tab: DemixerPage) -> DemixerPage:
    """A song whose drums have been separated further."""
    tab.choose("song.wav", wav(SONG, subtype="FLOAT"))
    tab.wait_result("song")
    tab.separate_further("drums", "umxhq")
    tab.page.wait_for_selector('#lanes [data-stem="drums/vocals"]')
    return tab


def muted(tab: DemixerPage) -> list[str | None]:
    """The stems that are muted, in the order of their lanes."""
    lanes = tab.page.locator('#lanes li:has([data-mix="muted"][aria-pressed="true"])')
    return [lane.get_attribute("data-stem") for lane in lanes.all()]


def test_parts_are_lanes_below_their_stem(divided: DemixerPage) -> None:
    tab = divided
    assert tab.element("song-name").inner_text() == "song"
    assert tab.lanes() == DIVIDED
    expect(tab.element("notice")).to_be_hidden()
    names = tab.page.locator("#lanes .lane-name").all_inner_texts()
    assert names == ["Drums", "Drums", "Bass", "Other", "Vocals", "Bass", "Other", "Vocals"]
    for lane in tab.page.locator("#lanes li").all():
        expect(lane.locator(".waveform")).to_be_visible()
    # They are heard instead of the drums, so that nothing is heard twice.
    assert muted(tab) == ["drums"]
    drums = tab.download("drums", "32f")[1]
    name, part = tab.download("drums/bass", "32f")
    assert name == "song - drums bass.wav"
    np.testing.assert_array_equal(part, drums / np.float32(3))
    # All stems are those of the song; its parts are in a song of their own.
    _, archive = tab.save("all", "wav32f")
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.namelist() == [f"song - {source}.wav" for source in SOURCES]


def test_mix_is_made_of_the_parts(divided: DemixerPage) -> None:
    tab = divided
    stems = {source: tab.download(source, "32f")[1] for source in tab.lanes() if source}
    _, content = tab.save("mix", "wav32f")
    mix = soundfile.read(io.BytesIO(content), dtype="float32")[0].T
    heard = sum(stems[source] for source in DIVIDED if source != "drums")
    np.testing.assert_allclose(mix, heard, atol=1e-6)
    tab.page.locator("#presets label", has_text="Karaoke").click()
    assert muted(tab) == ["drums", "vocals"]
    # It is restored as it was left.
    tab.page.reload()
    tab.open_kept("song")
    assert tab.lanes() == DIVIDED
    assert muted(tab) == ["drums", "vocals"]


def test_parts_move_with_their_stem(divided: DemixerPage) -> None:
    tab = divided
    tab.page.locator('#lanes [data-stem="drums"] .lane-name').press("Alt+ArrowDown")
    assert tab.lanes() == ["bass", *DIVIDED[:5], "other", "vocals"]
    part = tab.page.locator('#lanes [data-stem="drums/bass"]')
    part.locator(".lane-name").press("Alt+ArrowDown")
    assert tab.lanes() == ["bass", *DIVIDED[:5], "other", "vocals"]
    part.locator(".lane-name").click()
    expect(part).to_have_class("lane part collapsed")
    tab.page.locator('#lanes [data-stem="drums"] .lane-name').press("Alt+ArrowUp")
    assert tab.lanes() == DIVIDED


def test_part_is_separated_further(divided: DemixerPage) -> None:
    tab = divided
    tab.separate_further("drums/bass", "umxhq")
    tab.page.wait_for_selector('#lanes [data-stem="drums/bass/vocals"]')
    below = [f"drums/bass/{source}" for source in SOURCES]
    assert tab.lanes() == ["drums", "drums/drums", "drums/bass", *below, *DIVIDED[3:]]
    assert muted(tab) == ["drums", "drums/bass"]
    drums = tab.download("drums", "32f")[1]
    deep = tab.download("drums/bass/other", "32f")[1]
    np.testing.assert_allclose(deep, drums / 12, atol=1e-7)
    assert tab.page.locator("#library .song-name").all_inner_texts() == [
        "song - drums - bass",
        "song - drums",
        "song",
    ]


def test_parts_come_back_and_go(divided: DemixerPage) -> None:
    tab = divided
    # Deleted, they leave the song as it was, with the drums heard again.
    tab.remove("song - drums")
    tab.page.wait_for_function("() => document.querySelectorAll('#lanes li').length === 4")
    assert tab.element("song-name").inner_text() == "song"
    assert muted(tab) == []
    # Another model's parts take the place of earlier ones.
    tab.separate_further("vocals", "umxhq")
    tab.page.wait_for_selector('#lanes [data-stem="vocals/vocals"]')
    first = tab.download("vocals/drums", "32f")[1]
    tab.separate_further("vocals", "htdemucs")
    tab.page.wait_for_function("() => document.querySelectorAll('#library li').length === 3")
    tab.page.wait_for_function("() => document.querySelectorAll('#lanes li').length === 8")
    np.testing.assert_array_equal(tab.download("vocals/drums", "32f")[1], first)
    # The song is deleted: its parts remain, as songs.
    tab.remove("song")
    tab.page.wait_for_selector("#start:not([hidden])")
    names = tab.page.locator("#library .song-name").all_inner_texts()
    assert names == ["song - vocals", "song - vocals"]
    tab.page.reload()
    tab.page.locator("#library li").first.wait_for()
    assert tab.page.locator("#library li").count() == 2
