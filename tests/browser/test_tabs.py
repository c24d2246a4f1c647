"""Several tabs, one of which does not know what another has done; the engine is a stub."""

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

# A tab can be made deaf to the others' messages, as if it had been asleep.
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
    """The catalog entries of all songs."""
    found: list[dict[str, object]] = tab.page.evaluate(f"({CHANGE_ENTRIES})(() => null)")
    return found


def deaf(tab: DemixerPage) -> DemixerPage:
    tab.page.evaluate("isDeaf = true")
    return tab


def waiting_song(open_tab: OpenTab) -> None:
    """Leave behind a song that has not started, with its copy."""
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
    """A tab that takes a song to be unstarted although another tab has finished it."""
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
def test_stale_tab_leaves_a_finished_song_alone(
    open_tab: OpenTab, whole: list[str], deed: str
) -> None:
    stale = finished_elsewhere(open_tab)
    if deed == "choose":
        stale.choose("song.wav", FIVE_SEGMENTS)
    else:
        stale.press(deed, "song")
    if deed == "remove":
        # It asks about the song as it is now.
        expect(stale.element("confirm-text")).to_contain_text("Delete song and its stems")
        stale.page.get_by_role("button", name="Keep").click()
    stale.wait_state("song", "finished")
    expect(stale.page.locator("li[data-song]")).to_have_count(1)
    assert stale.digests() == whole
    stale.open_kept("song")


@pytest.mark.parametrize("deed", ["goOn", "remove"])
def test_stale_tab_leaves_a_song_at_work_alone(
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
    # It learns of the end all the same, because the other tab has released the song.
    stale.wait_state("song", "finished")


@pytest.mark.parametrize("deed", ["open", "rename", "remove"])
def test_stale_tab_notices_a_deleted_finished_song(open_tab: OpenTab, deed: str) -> None:
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
def test_stale_tab_notices_a_deleted_unstarted_song(open_tab: OpenTab, deed: str) -> None:
    waiting_song(open_tab)
    stale = open_tab()
    stale.wait_state("song", "kept")
    deaf(stale)
    other = open_tab()
    other.remove("song")
    stale.press(deed, "song")
    assert "was deleted in another tab" in stale.wait_problem()
    assert entries(stale) == []


def test_rename_in_a_stale_tab_keeps_changes_of_another_tab(open_tab: OpenTab) -> None:
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


def test_tabs_notify_each_other(open_tab: OpenTab) -> None:
    one, other = open_tab(), open_tab()
    one.hold(2)
    one.drop(("song.wav", FIVE_SEGMENTS))
    one.wait_share(20)
    # A song at work in one tab is not listed in another.
    other.wait_idle()
    expect(other.page.locator("li[data-song]")).to_have_count(0)
    one.press("cancel", "song")
    one.wait_state("song", "kept")
    other.wait_state("song", "kept")
    # A tab that is closed sends no message.
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
    # The song is shown in the other tab, so no third tab may delete it.
    other.page.reload()
    other.wait_state("Evening", "finished")
    third.remove("Evening")
    other.song("Evening").wait_for(state="detached")
