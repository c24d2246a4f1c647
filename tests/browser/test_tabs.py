"""Several tabs, of which one does not know what another has done; the engine is a stub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.page import CHANGE_ENTRIES, FIVE_SEGMENTS, DemixerPage
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

OpenTab = Callable[[], DemixerPage]

# A tab can be told to hear nothing of the others, as one that was asleep.
_DEAFNESS = """
window.isDeaf = false;
const { addEventListener: listen } = BroadcastChannel.prototype;
BroadcastChannel.prototype.addEventListener = function (type, listener) {
  listen.call(this, type, (event) => isDeaf || listener(event));
};
"""


@pytest.fixture(scope="module")
def site_url(stub_url: str) -> str:
    return stub_url


@pytest.fixture(scope="module", autouse=True)
def deafness(shared_context: BrowserContext) -> None:
    shared_context.add_init_script(_DEAFNESS)


def entries(tab: DemixerPage) -> list[dict[str, object]]:
    """What is written down of songs."""
    found: list[dict[str, object]] = tab.page.evaluate(f"({CHANGE_ENTRIES})(() => null)")
    return found


def deaf(tab: DemixerPage) -> DemixerPage:
    tab.page.evaluate("isDeaf = true")
    return tab


def waiting_song(open_tab: OpenTab) -> None:
    """Leave a song that has not begun, and its copy."""
    tab = open_tab()
    tab.hold(0)
    tab.drop(("first.wav", FIVE_SEGMENTS[:-4]), ("song.wav", FIVE_SEGMENTS))
    tab.wait_state("first", "working")
    until(lambda: [song["hasFile"] for song in entries(tab)].count(True) == 1, "The copy")
    tab.page.click("#pause-all")
    tab.press("cancel", "first")
    tab.song("first").wait_for(state="detached")
    tab.page.close()


def finished_elsewhere(open_tab: OpenTab) -> DemixerPage:
    """A tab that takes a song for one that has not begun, which another tab has finished."""
    waiting_song(open_tab)
    stale = open_tab()
    stale.wait_state("song", "kept")
    deaf(stale)
    other = open_tab()
    other.go_on()
    other.page.close()
    assert stale.song("song").get_attribute("data-state") == "kept"
    return stale


@pytest.mark.parametrize("deed", ["goOn", "remove", "choose"])
def test_a_stale_tab_leaves_a_finished_song_alone(
    open_tab: OpenTab, whole: list[str], deed: str
) -> None:
    stale = finished_elsewhere(open_tab)
    if deed == "choose":
        stale.choose("song.wav", FIVE_SEGMENTS)
    else:
        stale.press(deed, "song")
    if deed == "remove":
        # It asks for what it is now.
        expect(stale.element("confirm-text")).to_contain_text("Delete song and its stems")
        stale.page.get_by_role("button", name="Keep").click()
    stale.wait_state("song", "finished")
    expect(stale.page.locator("li[data-song]")).to_have_count(1)
    assert stale.digests() == whole
    stale.open_kept("song")


@pytest.mark.parametrize("deed", ["goOn", "remove"])
def test_a_stale_tab_leaves_a_song_at_work_alone(
    open_tab: OpenTab, whole: list[str], deed: str
) -> None:
    waiting_song(open_tab)
    stale = open_tab()
    stale.wait_state("song", "kept")
    deaf(stale)
    other = open_tab()
    other.hold(4)
    other.press("goOn", "song")
    other.wait_share(20)
    stale.press(deed, "song")
    assert "in another tab" in stale.wait_problem()
    other.hold()
    other.wait_result("song")
    assert other.digests() == whole
    # It hears of the end all the same: the other one has let go of the song.
    stale.wait_state("song", "finished")


@pytest.mark.parametrize("deed", ["open", "rename", "remove"])
def test_a_stale_tab_finds_a_finished_song_deleted(open_tab: OpenTab, deed: str) -> None:
    stale, other = open_tab(), open_tab()
    other.separate("song.wav", FIVE_SEGMENTS, ())
    stale.wait_state("song", "finished")
    deaf(stale)
    other.remove("song")
    stale.press(deed, "song")
    if deed == "rename":
        stale.page.keyboard.type("Another name")
        stale.page.keyboard.press("Enter")
    else:
        assert "was deleted in another tab" in stale.wait_problem()
    expect(stale.page.locator("li[data-song]")).to_have_count(0)
    assert entries(stale) == []


@pytest.mark.parametrize("deed", ["goOn", "remove"])
def test_a_stale_tab_finds_a_song_deleted_that_has_not_begun(open_tab: OpenTab, deed: str) -> None:
    waiting_song(open_tab)
    stale = open_tab()
    stale.wait_state("song", "kept")
    deaf(stale)
    other = open_tab()
    other.remove("song")
    stale.press(deed, "song")
    assert "was deleted in another tab" in stale.wait_problem()
    assert entries(stale) == []


def test_a_stale_tab_renames_and_keeps_what_another_one_has_written(open_tab: OpenTab) -> None:
    stale, other = open_tab(), open_tab()
    other.separate("song.wav", FIVE_SEGMENTS, ())
    stale.wait_state("song", "finished")
    deaf(stale)
    other.page.get_by_role("button", name="Mute vocals").click()
    until(lambda: notes_of(other)["mixer"] is not None, "The mixer")
    stale.press("rename", "song")
    stale.page.keyboard.type("Evening")
    stale.page.keyboard.press("Enter")
    other.song("Evening").wait_for()
    assert notes_of(other)["mixer"] is not None


def notes_of(tab: DemixerPage) -> dict[str, object]:
    (song,) = entries(tab)
    notes = song["notes"]
    assert isinstance(notes, dict)
    return notes


def test_tabs_hear_of_each_other(open_tab: OpenTab) -> None:
    one, other = open_tab(), open_tab()
    one.hold(2)
    one.drop(("song.wav", FIVE_SEGMENTS))
    one.wait_share(20)
    # What a tab is at is no other one's.
    other.wait_idle()
    expect(other.page.locator("li[data-song]")).to_have_count(0)
    one.press("cancel", "song")
    one.wait_state("song", "kept")
    other.wait_state("song", "kept")
    # A tab that is closed says nothing.
    one.press("goOn", "song")
    one.wait_share(20)
    other.song("song").wait_for(state="detached")
    one.page.close()
    other.go_on()
    third = open_tab()
    third.wait_state("song", "finished")
    other.press("rename", "song")
    other.page.keyboard.type("Evening")
    other.page.keyboard.press("Enter")
    third.wait_state("Evening", "finished")
    # It is shown in the other one: nobody else may delete it.
    other.page.reload()
    other.wait_state("Evening", "finished")
    third.remove("Evening")
    other.song("Evening").wait_for(state="detached")
