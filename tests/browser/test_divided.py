"""Stems that were separated further, as lanes below theirs."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tests import synthetic
from tests.browser.page import CHANGE_ENTRIES, SOURCES, DemixerPage, wav

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
    divide(tab, "drums")
    return tab


def divide(tab: DemixerPage, stem: str) -> None:
    """Separate a stem further and wait for its parts."""
    tab.separate_further(stem, "umxhq")
    tab.page.wait_for_selector(f'#lanes [data-stem="{stem}/vocals"]')
    # The lanes are all there when the player is.
    tab.page.wait_for_function(_ARE_READY)


_ARE_READY = """() => document.querySelectorAll("#lanes li").length > 4
  && !document.querySelector("#transport[hidden]")"""


def wait_whole(tab: DemixerPage) -> None:
    """Wait until the song is shown without parts."""
    tab.page.wait_for_function("""() => document.querySelectorAll("#lanes li").length === 4
      && !document.querySelector("#studio[hidden]")""")


def heard(tab: DemixerPage) -> list[str | None]:
    """The stems that are heard, in the order of their lanes."""
    lanes = tab.page.locator("#lanes li:not(.silent)")
    return [lane.get_attribute("data-stem") for lane in lanes.all()]


def press(tab: DemixerPage, stem: str, button: str) -> None:
    tab.page.click(f'#lanes [data-stem="{stem}"] [data-mix="{button}"]')


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
    name, content = tab.save("mix", "wav32f")
    assert name == "song - mix.wav"
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
    wait_whole(tab)
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


PARTS = [f"drums/{source}" for source in SOURCES]


@pytest.fixture
def whole(tab: DemixerPage) -> DemixerPage:
    """A song whose stems have not been separated further."""
    tab.choose("song.wav", wav(SONG, subtype="FLOAT"))
    tab.wait_result("song")
    return tab


def test_what_was_heard_stays_what_is_heard(whole: DemixerPage) -> None:
    tab = whole
    press(tab, "drums", "solo")
    tab.page.locator('#lanes [data-stem="drums"] [data-mix="volume"]').fill("30")
    divide(tab, "drums")
    assert heard(tab) == PARTS
    assert (
        tab.page.locator('#lanes [data-stem="drums/bass"] [data-mix="volume"]').input_value()
        == "30"
    )
    press(tab, "drums/vocals", "muted")
    divide(tab, "drums/bass")
    below = [f"drums/bass/{source}" for source in SOURCES]
    assert heard(tab) == ["drums/drums", *below, "drums/other"]
    tab.remove("song - drums - bass")
    tab.page.wait_for_function("() => document.querySelectorAll('#lanes li').length === 8")
    assert heard(tab) == ["drums/drums", "drums/bass", "drums/other"]
    tab.remove("song - drums")
    wait_whole(tab)
    assert heard(tab) == ["drums"]
    press(tab, "drums", "solo")
    press(tab, "drums", "muted")
    divide(tab, "drums")
    assert heard(tab) == ["bass", "other", "vocals"]


def test_presets_hold_for_parts(whole: DemixerPage) -> None:
    tab = whole
    tab.page.locator("#presets label", has_text="Karaoke").click()
    divide(tab, "vocals")
    assert heard(tab) == ["drums", "bass", "other"]
    expect(tab.page.get_by_role("radio", name="Karaoke")).to_be_checked()
    tab.page.locator("#presets label", has_text="Acapella").click()
    assert heard(tab) == [f"vocals/{source}" for source in SOURCES]
    tab.remove("song - vocals")
    wait_whole(tab)
    assert heard(tab) == ["vocals"]


def test_view_stays_when_parts_come_and_go(whole: DemixerPage) -> None:
    tab = whole
    tab.page.click("#zoom-in")
    tab.page.click('#lanes [data-stem="bass"] [data-do="spectrum"]')
    tab.page.locator("#heard label", has_text="Original").click()
    tab.page.locator("#seek").fill("1.5")
    tab.separate_further("drums", "umxhq")
    tab.page.locator('#lanes [data-stem="vocals"] [data-mix="solo"]').focus()
    tab.page.wait_for_selector('#lanes [data-stem="drums/vocals"]')
    place = _PLACE
    before = tab.page.evaluate(place)
    assert before == {
        "seek": "1.5",
        "isWhole": False,
        "spectrograms": ["bass"],
        "heard": "original",
        "focus": "vocals solo",
    }
    tab.remove("song - drums")
    wait_whole(tab)
    assert tab.page.evaluate(place) | {"focus": None} == before | {"focus": None}


_PLACE = """() => ({
  seek: document.querySelector("#seek").value,
  isWhole: document.querySelector("#zoom-out").disabled,
  spectrograms: [...document.querySelectorAll("#lanes .spectrogram:not([hidden])")]
    .map((canvas) => canvas.closest("li").dataset.stem),
  heard: document.querySelector("#heard input:checked").value,
  focus: document.activeElement.closest("li[data-stem]")
    && `${document.activeElement.closest("li").dataset.stem} ${document.activeElement.dataset.mix}`,
})"""


def test_lanes_do_not_change_in_the_users_hand(whole: DemixerPage) -> None:
    tab = whole
    tab.hold(1)
    tab.separate_further("drums", "umxhq")
    tab.wait_share(10)
    slider = tab.page.locator('#lanes [data-stem="bass"] [data-mix="volume"]')
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    tab.page.mouse.move(box["x"] + box["width"] / 2, y)
    tab.page.mouse.down()
    tab.hold()
    tab.wait_state("song - drums", "finished")
    tab.wait_idle()
    assert tab.lanes() == list(SOURCES)
    tab.page.mouse.move(box["x"] + 1, y, steps=5)
    tab.page.mouse.up()
    tab.page.wait_for_selector('#lanes [data-stem="drums/vocals"]')
    assert int(slider.input_value()) < 10


def test_parts_of_a_deleted_song_are_found_again(divided: DemixerPage) -> None:
    tab = divided
    tab.remove("song")
    tab.choose("song.wav", wav(SONG, subtype="FLOAT"))
    tab.wait_result("song")
    assert tab.lanes() == list(SOURCES)
    tab.separate_further("drums", "umxhq")
    tab.page.wait_for_selector('#lanes [data-stem="drums/vocals"]')
    assert tab.page.locator("#library li").count() == 2


def test_circle_of_parts_is_left_out(divided: DemixerPage) -> None:
    """Notes are whatever is in the database."""
    tab = divided
    tab.page.evaluate(
        f"""() => ({CHANGE_ENTRIES})((entry, _, entries) => {{
          const other = entries.find(({{ id }}) => id !== entry.id);
          const part = {{ song: other.id, source: "drums" }};
          return {{ ...entry, notes: {{ ...entry.notes, part }} }};
        }})"""
    )
    tab.page.reload()
    tab.open_kept("song")
    assert tab.lanes() == DIVIDED
    tab.open_kept("song - drums")
    assert len(tab.lanes()) == 8


def test_deleting_a_part_asks_about_the_saves_that_read_it(tab: DemixerPage) -> None:
    tab.choose("song.wav", wav(synthetic.noise(60.0), subtype="FLOAT"))
    tab.wait_result("song")
    divide(tab, "drums")
    dialog = tab.element("save-dialog")
    with tab.page.expect_download() as download:
        tab.page.click('#lanes [data-stem="vocals"] [data-do="save"]')
        dialog.locator('[data-do="go"]').click()
        tab.page.click('#lanes [data-stem="drums/bass"] [data-do="save"]')
        dialog.locator('[data-do="go"]').click()
        tab.press("remove", "song - drums")
        expect(tab.page.locator("#confirm")).to_contain_text("being saved")
        tab.page.click('#confirm button[value="yes"]')
        wait_whole(tab)
    # The one that does not read it is made all the same.
    assert download.value.suggested_filename == "song - vocals.wav"
    expect(tab.page.locator("#saves li")).to_have_count(1)


def test_second_pass_goes_on_while_another_song_is_opened(tab: DemixerPage) -> None:
    tab.choose("other.wav", wav(SONG, subtype="FLOAT"))
    tab.wait_result("other")
    tab.choose("song.wav", wav(synthetic.noise(60.0), subtype="FLOAT"))
    tab.wait_result("song")
    tab.separate_further("drums", "umxhq")
    tab.open_kept("other")
    tab.wait_state("song - drums", "finished")
    assert tab.element("problem").is_hidden()
