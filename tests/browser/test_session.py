"""Many songs: the queue, the library, and what the browser stores of them. The engine is a stub."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Error, expect

from py_demixer.speed import CEILING
from tests import synthetic
from tests.browser.page import CHANGE_ENTRIES, SOURCES, DemixerPage, wav
from tests.waiting import until
from web import server

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.browser

LONG = wav(synthetic.noise(5.0))  # seven segments


def short(seed: int = 0) -> bytes:
    return wav(synthetic.noise(0.7, seed=seed))


@pytest.fixture(scope="module")
def site_url(stub_url: str) -> str:
    return stub_url


HALVE_COPIES = f"() => ({CHANGE_ENTRIES})((entry) => ({{ ...entry, hasFile: false }}))"


def names(tab: DemixerPage, place: str) -> list[str]:
    return tab.page.locator(f"#{place} .song-name").all_text_contents()


def shown(tab: DemixerPage) -> str:
    tab.page.wait_for_selector("#studio:not([hidden])")
    return tab.element("song-name").inner_text()


def stored(tab: DemixerPage) -> list[list[str]]:
    """The file names of each song in the store."""
    found: list[list[str]] = tab.page.evaluate(
        """async () => {
          const root = await navigator.storage.getDirectory();
          const songs = await root.getDirectoryHandle("samples");
          const names = async (folder) => (await Array.fromAsync(folder.keys())).sort();
          return Promise.all((await Array.fromAsync(songs.values())).map(names));
        }"""
    )
    return found


def noted(tab: DemixerPage) -> int:
    """The number of songs in the store's catalog."""
    return len(tab.page.evaluate(f"({CHANGE_ENTRIES})(() => null)"))


def test_five_songs_by_two_models_with_a_broken_one(tab: DemixerPage) -> None:
    tab.drop(("a.wav", short(1)), ("b.wav", short(2)), ("broken.wav", b"no audio at all"))
    tab.choose_setting("model", "umxhq")
    tab.drop(("c.wav", short(3)), ("d.wav", short(4)))
    assert names(tab, "queue") + names(tab, "library")[::-1] != []
    tab.wait_state("d", "finished")
    assert names(tab, "queue") == ["broken"]
    assert names(tab, "library") == ["d", "c", "b", "a"]
    assert "cannot read this as an audio file" in tab.song("broken").inner_text()
    for name, title in (("b", "Demucs v4 (HTDemucs)"), ("c", "Open-Unmix (UMXHQ)")):
        assert title in tab.song(name).inner_text()
    tab.remove("broken")
    assert names(tab, "queue") == []
    # The song shown automatically is the first of the last drop.
    assert shown(tab) == "c"


def test_finished_song_opens_while_another_is_at_work(tab: DemixerPage) -> None:
    before = tab.separate("done.wav", short())
    tab.hold(4)
    tab.choose("long.wav", LONG)
    tab.wait_share(10)
    assert shown(tab) == "long"
    tab.press("open", "done")
    tab.wait_shown("done")
    for source in SOURCES:
        np.testing.assert_array_equal(tab.download(source, "32f")[1], before[source])
    assert tab.share("long") < 100
    tab.hold()
    tab.wait_state("long", "finished")
    assert shown(tab) == "done"


def test_queue_can_be_reordered(tab: DemixerPage) -> None:
    tab.hold(2)
    tab.drop(("long.wav", LONG), *((f"{name}.wav", short(seed)) for seed, name in enumerate("abc")))
    tab.wait_state("long", "working")
    assert names(tab, "queue") == ["long", "a", "b", "c"]
    up = tab.page.get_by_role("button", name="Move c up")
    up.focus()
    tab.page.keyboard.press("Enter")
    # The pressed button still has the focus.
    expect(up).to_be_focused()
    expect(tab.element("live")).to_contain_text("c is number 3 of 4.")
    tab.page.keyboard.press("Enter")
    assert names(tab, "queue") == ["long", "c", "a", "b"]
    tab.press("down", "a")
    tab.remove("b")
    assert names(tab, "queue") == ["long", "c", "a"]
    tab.press("cancel", "long")
    tab.hold()
    tab.wait_state("a", "finished")
    assert names(tab, "library") == ["a", "c"]


def test_pause_holds_all_songs(tab: DemixerPage) -> None:
    tab.hold(4)
    tab.drop(("long.wav", LONG), ("next.wav", short()))
    tab.wait_share(10)
    tab.page.get_by_role("button", name="Pause all").click()
    tab.wait_state("long", "paused")
    tab.press("cancel", "long")
    tab.wait_state("long", "kept")
    tab.wait_idle()
    assert tab.song("next").get_attribute("data-state") == "waiting"
    tab.hold()
    tab.page.get_by_role("button", name="Continue all").click()
    tab.wait_state("next", "finished")
    assert tab.song("long").get_attribute("data-state") == "kept"


PICK = """() => {
  const root = () => navigator.storage.getDirectory();
  window.showDirectoryPicker = async () => {
    return (await root()).getDirectoryHandle("pick", { create: true });
  };
  window.showSaveFilePicker = () => { throw new Error("One file for all songs?"); };
  window.picked = async () => {
    const found = [];
    for await (const name of (await window.showDirectoryPicker()).keys()) found.push(name);
    return found.sort();
  };
}"""


def test_stem_files_of_further_songs_are_files_of_a_folder(tab: DemixerPage) -> None:
    tab.page.evaluate(PICK)
    tab.separate("first.wav", short(), ())
    tab.element("save").click()
    dialog = tab.element("save-dialog")
    dialog.get_by_text("All stems").click()
    dialog.get_by_label("Format").select_option("stems")
    dialog.get_by_label("Save further songs in the same way").check()
    dialog.get_by_label("Save to").select_option(label="Choose a folder")
    dialog.locator('[data-do="go"]').click()
    tab.page.wait_for_selector('#saves li[data-state="done"]')
    expect(tab.element("following")).to_contain_text("saved to “pick”")
    tab.drop(("second.wav", short(1)))
    expect(tab.page.locator('#saves li[data-state="done"]')).to_have_count(2, timeout=60_000)
    assert tab.page.evaluate("picked()") == ["first.stem.mp4", "second.stem.mp4"]
    tab.element("following").get_by_role("button", name="Stop").click()
    forget = "async () => (await navigator.storage.getDirectory()).removeEntry('pick', OPTIONS)"
    tab.page.evaluate(forget.replace("OPTIONS", "{ recursive: true }"))


def test_further_songs_are_saved_as_the_first_one_was(tab: DemixerPage) -> None:
    tab.separate("first.wav", short(), ())
    tab.element("save").click()
    dialog = tab.element("save-dialog")
    dialog.get_by_label("Format").select_option("flac16")
    box = dialog.get_by_label("Save further songs in the same way as soon as they are finished")
    dialog.get_by_text("One stem").click()
    expect(box).to_be_hidden()
    dialog.get_by_text("All stems").click()
    box.check()
    with tab.page.expect_download():
        dialog.locator('[data-do="go"]').click()
    with tab.page.expect_download() as download:
        tab.drop(("second.wav", short(1)))
    assert download.value.suggested_filename == "second - stems.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == [f"second - {source}.flac" for source in SOURCES]
    following = tab.element("following")
    expect(following).to_contain_text("saved to the downloads")
    following.get_by_role("button", name="Stop").click()
    expect(following).to_be_hidden()
    tab.drop(("third.wav", short(2)))
    tab.wait_state("third", "finished")
    tab.wait_idle()
    expect(tab.page.locator("#saves li")).to_have_count(2)


def test_songs_that_cannot_be_read_say_why_after_a_reload(tab: DemixerPage) -> None:
    unreadable = {"empty": b"", "text": b"not a song", "good": short()}
    tab.hold(0)
    tab.drop(*((f"{name}.wav", content) for name, content in unreadable.items()))
    for name in ("empty", "text"):
        tab.wait_state(name, "failed")
    tab.wait_state("good", "working")

    def reasons() -> list[str]:
        return [tab.song(name).locator(".song-error").inner_text() for name in ("empty", "text")]

    before = reasons()
    assert "This file is empty" in before[0]
    tab.page.reload()
    for name in ("empty", "text"):
        tab.wait_state(name, "failed")
    assert reasons() == before
    expect(tab.song("good")).to_contain_text("Not started")
    tab.hold()
    tab.press("retry", "text")
    tab.wait_state("text", "failed")
    assert reasons() == before


def test_queue_resumes_after_a_reload(tab: DemixerPage) -> None:
    tab.separate("done.wav", short(), ())
    tab.hold(4)
    tab.drop(("long.wav", LONG), ("waits.wav", short(1)), ("waits too.wav", short(2)))
    tab.wait_share(10)
    share = tab.share("long")
    dialogs: list[str] = []
    tab.page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    tab.page.reload()
    tab.wait_state("done", "finished")
    assert names(tab, "queue") == ["long", "waits", "waits too"]
    assert tab.share("long") >= share
    tab.wait_started()
    # The same file counts as the same song.
    tab.drop(("waits.wav", short(1)))
    tab.wait_state("waits", "finished")
    assert tab.song("waits too").get_attribute("data-state") == "kept"
    tab.page.get_by_role("button", name="Continue all").click()
    tab.wait_state("waits too", "finished")
    assert names(tab, "library") == ["waits too", "long", "waits", "done"]
    assert shown(tab) == "waits"  # nothing else was shown when it resumed
    # A song that has started needs no copy.
    assert not any("file" in files for files in stored(tab))
    # Nothing would have been lost at any time.
    assert dialogs == []


def test_page_asks_before_a_file_is_lost(tab: DemixerPage) -> None:
    tab.hold(4)
    tab.drop(("long.wav", LONG))
    tab.wait_share(10)
    # Keep the file from being copied.
    tab.page.evaluate("() => { Blob.prototype.arrayBuffer = () => new Promise(() => {}); }")
    tab.drop(("waits.wav", short(1)))
    # A song that is not in the catalog yet is lost with its file.
    until(lambda: noted(tab) == 2, "The notes of the second song")
    dialogs: list[str] = []
    tab.page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    tab.page.reload()
    assert dialogs == ["beforeunload"]
    tab.wait_state("waits", "failed")
    assert "Choose the file again" in tab.song("waits").inner_text()


def test_incomplete_copy_of_a_file_is_not_used(
    tab: DemixerPage, open_tab: Callable[[], DemixerPage]
) -> None:
    tab.hold(4)
    tab.drop(("long.wav", LONG), ("waits.wav", short(1)))
    tab.wait_state("long", "working")
    tab.page.close()
    again = open_tab()
    again.wait_state("waits", "kept")
    again.page.evaluate(HALVE_COPIES)
    again.page.reload()
    again.wait_state("waits", "failed")
    assert "Choose the file again" in again.song("waits").inner_text()
    again.drop(("waits.wav", short(1)))
    again.wait_state("waits", "finished")
    assert names(again, "queue") == ["long"]


@pytest.mark.parametrize("moment", ["reading", "waiting", "working"])
def test_crash_at_any_moment_loses_no_finished_song(
    tab: DemixerPage, open_tab: Callable[[], DemixerPage], moment: str
) -> None:
    tab.separate("done.wav", short(), ())
    files = [("long.wav", LONG), ("waits.wav", short(1))]
    tab.hold(4)
    tab.drop(*files)
    # Songs that are not in the catalog yet would be lost.
    until(lambda: noted(tab) == 3, "The notes of the third song")
    if moment != "waiting":
        tab.wait_state("long", moment)
    with tab.page.expect_event("crash"), pytest.raises(Error, match="ERR_ABORTED"):
        tab.page.goto("chrome://crash")
    again = open_tab()
    again.wait_state("done", "finished")
    # It depends on timing whether its file has been copied by then.
    assert again.song("waits").get_attribute("data-state") in ("kept", "failed")
    assert sorted(names(again, "queue")) == ["long", "waits"]
    again.drop(*files)
    again.wait_state("waits", "finished")
    again.wait_state("long", "finished")
    assert sorted(names(again, "library")) == ["done", "long", "waits"]
    assert names(again, "queue") == []
    stems = ["bass.f32", "drums.f32", "mixture.f32", "other.f32", "vocals.f32"]
    assert all(set(stems) <= set(files) for files in stored(again))


def test_library(tab: DemixerPage) -> None:
    tab.drop(*((f"{name}.wav", short(seed)) for seed, name in enumerate(("one", "two", "three"))))
    tab.wait_state("three", "finished")
    row = tab.song("two").inner_text()
    assert "Demucs v4 (HTDemucs) · 0:00 · 1 MB · " in row
    rename = tab.page.get_by_role("button", name="Rename two")
    rename.click()
    tab.page.keyboard.type("Evening Walk")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("button", name="Rename Evening Walk")).to_be_focused()
    tab.page.get_by_role("button", name="Rename one").click()
    tab.page.keyboard.type("never mind")
    tab.page.keyboard.press("Escape")
    wanted = ["three", "Evening Walk", "one"]
    assert names(tab, "library") == wanted
    tab.page.reload()
    tab.wait_state("one", "finished")
    assert names(tab, "library") == wanted
    # Listening does not need the engine.
    tab.press("open", "Evening Walk")
    assert shown(tab) == "Evening Walk"

    tab.page.get_by_role("button", name="Remove Evening Walk").click()
    expect(tab.element("confirm-text")).to_contain_text("Delete Evening Walk and its stems")
    tab.page.get_by_role("button", name="Keep").click()
    assert names(tab, "library") == wanted
    tab.remove("Evening Walk")
    expect(tab.element("studio")).to_be_hidden()
    assert names(tab, "library") == ["three", "one"]
    assert len(stored(tab)) == 2
    tab.page.click("#remove-all")
    tab.page.click('#confirm [value="yes"]')
    expect(tab.page.locator("#library li")).to_have_count(0)
    assert stored(tab) == []
    expect(tab.element("songs")).to_be_hidden()


def zip_names(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_songs_are_saved_from_the_library(tab: DemixerPage) -> None:
    """Without showing them: one song as chosen, or all of them, one after the other."""
    tab.drop(("one.wav", short(1)), ("two.wav", short(2)))
    tab.wait_result("one")
    tab.wait_state("two", "finished")
    tab.press("open", "one")
    dialog = tab.element("save-dialog")
    tab.press("save", "two")
    assert shown(tab) == "one"
    # Nothing of it is heard.
    expect(dialog).to_contain_text("two")
    expect(dialog.get_by_text("What you hear")).to_be_hidden()
    dialog.get_by_label("Format").select_option("flac16")
    with tab.page.expect_download() as download:
        dialog.locator("[data-do=go]").click()
    assert download.value.suggested_filename == "two - stems.zip"
    made = zip_names(Path(download.value.path()).read_bytes())
    assert made == [f"two - {stem}.flac" for stem in SOURCES]

    # Of the song that is shown, the mix can be saved, too.
    tab.press("save", "one")
    expect(dialog.get_by_text("What you hear")).to_be_visible()
    tab.page.keyboard.press("Escape")

    tab.page.click("#save-all")
    expect(dialog).to_contain_text("All stems of 2 songs")
    with (
        tab.page.expect_download(lambda file: file.suggested_filename == "one - stems.zip"),
        tab.page.expect_download(lambda file: file.suggested_filename == "two - stems.zip"),
    ):
        dialog.locator("[data-do=go]").click()
    # Songs are closed again: they can be deleted.
    tab.remove("two")
    assert names(tab, "library") == ["one"]
    expect(tab.element("save-all")).to_be_hidden()


def test_library_is_saved_to_a_folder(tab: DemixerPage) -> None:
    tab.page.evaluate(
        """window.showDirectoryPicker = async () =>
          (await navigator.storage.getDirectory()).getDirectoryHandle("picked", { create: true })"""
    )
    tab.drop(("one.wav", short(1)), ("two.wav", short(2)))
    tab.wait_result("one")
    tab.wait_state("two", "finished")
    tab.page.click("#save-all")
    dialog = tab.element("save-dialog")
    dialog.get_by_label("Save to").select_option("place")
    dialog.locator("[data-do=go]").click()
    wanted = sorted(f"{song} - {stem}.wav" for song in ("one", "two") for stem in SOURCES)
    until(lambda: picked(tab) == wanted, "All stems in the folder")
    expect(tab.page.locator("#saves")).to_contain_text("2 saved")


def picked(tab: DemixerPage) -> list[str]:
    """The files in the folder that the user has picked."""
    found: list[str] = tab.page.evaluate(
        """async () => {
          const root = await navigator.storage.getDirectory();
          const folder = await root.getDirectoryHandle("picked", { create: true });
          return (await Array.fromAsync(folder.keys())).sort();
        }"""
    )
    return found


def test_library_can_be_searched_and_sorted(tab: DemixerPage) -> None:
    search = tab.page.get_by_role("searchbox", name="Search the library")
    order = tab.page.locator(".library-order")
    songs = ["Song 10", "Été", "song 9", "Álbum", "other", "last"]
    for number, name in enumerate(songs):
        tab.drop((f"{name}.wav", short(number)))
        tab.wait_state(name, "finished")
        expect(search).to_be_visible(visible=number == len(songs) - 1)
    assert names(tab, "library") == songs[::-1]
    order.select_option("name")
    by_name = ["Álbum", "Été", "last", "other", "song 9", "Song 10"]
    assert names(tab, "library") == by_name
    search.fill("SONG")
    assert names(tab, "library") == ["song 9", "Song 10"]
    search.fill("ete")
    assert names(tab, "library") == ["Été"]
    expect(tab.element("save-all")).to_be_hidden()
    search.fill("none of them")
    expect(tab.page.get_by_text("No song matches.")).to_be_visible()
    # What is listed is saved, and deleted.
    search.fill("s")
    expect(tab.page.locator("#library li")).to_have_count(3)
    tab.page.click("#save-all")
    expect(tab.element("save-dialog")).to_contain_text("All stems of 3 songs")
    tab.page.keyboard.press("Escape")
    tab.page.click("#remove-all")
    expect(tab.element("confirm-text")).to_contain_text("Delete 3 songs")
    tab.page.click('#confirm [value="yes"]')
    expect(tab.page.locator("#library li")).to_have_count(0)
    # With few songs there is nothing to search, and the newest is first. The order is kept.
    search.fill("")
    expect(search).to_be_hidden()
    assert names(tab, "library") == ["other", "Álbum", "Été"]
    tab.page.reload()
    tab.wait_state("other", "finished")
    assert names(tab, "library") == ["other", "Álbum", "Été"]
    assert order.input_value() == "name"


def test_queue_can_be_cleared(tab: DemixerPage) -> None:
    """The song at work continues; the page asks about the song that has started."""
    tab.hold(4)
    tab.drop(("song 1.wav", LONG), *((f"song {n}.wav", short(n)) for n in range(2, 6)))
    tab.wait_state("song 1", "working")
    tab.page.click("#clear-queue")
    expect(tab.element("confirm-text")).to_have_text("Remove 4 songs from the queue?")
    tab.page.click('#confirm [value="yes"]')
    expect(tab.page.locator("#queue li")).to_have_count(1)
    expect(tab.element("clear-queue")).to_be_hidden()
    tab.hold()
    tab.wait_state("song 1", "finished")
    assert noted(tab) == 1


def test_unwanted_stems_are_not_stored(tab: DemixerPage) -> None:
    whole = tab.separate("all.wav", short())
    for source in ("drums", "bass", "other"):
        tab.page.evaluate("document.querySelector('#settings').showModal()")
        tab.page.uncheck(f'#settings input[name="stem"][value="{source}"]')
        tab.page.evaluate("document.querySelector('#settings').close()")
    assert tab.page.locator('#settings input[value="vocals"]').is_disabled()
    # The same song with other stems counts as another song.
    vocals = tab.separate("voice.wav", short(), ["vocals"])
    np.testing.assert_array_equal(vocals["vocals"], whole["vocals"])
    assert tab.lanes() == ["vocals"]
    files = sorted(stored(tab), key=len)
    assert [name for name in files[0] if name.endswith(".f32")] == ["mixture.f32", "vocals.f32"]
    assert {f"{source}.f32" for source in SOURCES} <= set(files[1])
    tab.page.reload()
    tab.press("open", "voice")
    assert shown(tab) == "voice"
    assert tab.lanes() == ["vocals"]


def test_same_song_again_opens_the_existing_one(tab: DemixerPage) -> None:
    tab.separate("first.wav", short(), ())
    tab.choose("second.wav", short())
    tab.page.wait_for_selector("#queue:not(:has(li))", state="attached")
    expect(tab.element("notice")).to_contain_text("This song is already here: first.")
    assert names(tab, "library") == ["first"]
    assert shown(tab) == "first"


def test_settings_are_stored_and_corrupt_ones_ignored(tab: DemixerPage) -> None:
    tab.choose_setting("quality", "best")
    tab.choose_setting("model", "umxhq")
    tab.choose_setting("computer", "processor")
    tab.page.reload()
    tab.wait_started()
    for name, value in (("model", "umxhq"), ("quality", "best")):
        assert tab.page.locator(f'input[name="{name}"]:checked').input_value() == value
    assert tab.element("computer").input_value() == "processor"
    expect(tab.element("offline")).to_have_attribute("data-model", "umxhq")

    names = tab.page.evaluate("Object.keys(localStorage)")
    assert len(names) >= 3
    known = ("model", "quality", "unwanted", "computer", "workers", "awake", "notify", "language")
    for value in ("", "null", "{", '{"htdemucs": "x"}', "17", "__proto__"):
        for name in {*names, "py-demixer paces", *(f"py-demixer {name}" for name in known)}:
            tab.page.evaluate("([name, value]) => localStorage.setItem(name, value)", [name, value])
        tab.page.reload()
        tab.wait_started()
    tab.separate("song.wav", short(), ())
    assert tab.page.locator('input[name="model"]:checked').input_value() == "htdemucs"


def test_two_tabs_can_play_the_same_song(open_tab: Callable[[], DemixerPage]) -> None:
    first, second = open_tab(), open_tab()
    before = first.separate("song.wav", short())
    # The other tab has heard of it.
    second.open_kept("song")
    first.wait_shown("song")
    for source in SOURCES:
        np.testing.assert_array_equal(second.download(source, "32f")[1], before[source])
    second.press("remove", "song")
    second.page.click('#confirm [value="yes"]')
    assert "in another tab" in second.wait_problem()
    assert names(second, "library") == ["song"]
    first.page.close()
    second.remove("song")
    assert stored(second) == []


_NEVER_SAVED = """() => {
  window.Worker = class extends Worker {
    postMessage() {}
  };
}"""
"""Makes every worker started from now on ignore its messages."""


def start_to_save(tab: DemixerPage) -> None:
    """Start a save that does not finish while the test looks at it."""
    tab.page.evaluate(_NEVER_SAVED)
    tab.element("save").click()
    tab.element("save-dialog").locator('[data-do="go"]').click()
    tab.page.wait_for_selector('#saves li[data-state="working"]')


def test_page_asks_before_a_save_is_lost(tab: DemixerPage) -> None:
    tab.separate("song.wav", short(), ())
    start_to_save(tab)
    expect(tab.element("update-button")).to_be_disabled()
    dialogs: list[str] = []
    tab.page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    tab.page.reload()
    assert dialogs == ["beforeunload"]


def test_page_asks_before_removing_a_song_that_is_being_saved(tab: DemixerPage) -> None:
    tab.separate("song.wav", short(), ())
    start_to_save(tab)
    tab.press("remove", "song")
    expect(tab.element("confirm-text")).to_contain_text("song is still being saved")
    tab.page.get_by_role("button", name="Keep").click()
    expect(tab.page.locator('#saves li[data-state="working"]')).to_have_count(1)
    tab.remove("song")
    expect(tab.page.locator("#saves li")).to_have_count(0)


_NO_CLOSE = """() => {
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (message, transfer) {
    const given = message?.method === "close" ? { ...message, method: "no such" } : message;
    postMessage.call(this, given, transfer);
  };
}"""


def test_song_that_cannot_be_closed_does_not_block_others(tab: DemixerPage) -> None:
    tab.separate("one.wav", short(1), ())
    tab.separate("other.wav", short(2), ())
    tab.open_kept("one")
    tab.page.evaluate(_NO_CLOSE)
    tab.press("open", "other")
    tab.wait_shown("other")
    tab.press("open", "one")
    tab.wait_shown("one")


_MANY = """async (count) => {
  const [entry] = await (CHANGE_ENTRIES)(() => null);
  const opened = indexedDB.open("py-demixer");
  await new Promise((resolve) => (opened.onsuccess = resolve));
  const transaction = opened.result.transaction("songs", "readwrite");
  for (let i = 1; i < count; i++) {
    const notes = { ...entry.notes, name: `song ${i}`, added: i };
    transaction.objectStore("songs").put({ ...entry, id: `song ${i}`, notes });
  }
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  opened.result.close();
}""".replace("CHANGE_ENTRIES", CHANGE_ENTRIES)

_WATCHED = """
const looked = [];
for (const kind of [FileSystemDirectoryHandle, FileSystemFileHandle, IDBObjectStore]) {
  for (const name of Object.getOwnPropertyNames(kind.prototype)) {
    const { value } = Object.getOwnPropertyDescriptor(kind.prototype, name);
    if (typeof value !== "function" || name === "constructor") continue;
    kind.prototype[name] = function (...given) {
      looked.push(name);
      return value.apply(this, given);
    };
  }
}
addEventListener("message", (event) => {
  if (event.data?.method !== "looked") return;
  event.stopImmediatePropagation();
  postMessage(looked.splice(0));
});
await import("./store-worker.js");
postMessage("ready");
"""

_LOOKS = """async (engine) => {
  const worker = new Worker(`${engine}watched.js`, { type: "module" });
  const next = () => new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
  await next();
  const ask = (method) => {
    worker.postMessage({ id: 1, method, argument: [] });
    return next();
  };
  await ask("list"); // The first one opens the store.
  await ask("looked");
  const { value } = await ask("list");
  const looks = await ask("looked");
  worker.terminate();
  return [value.length, looks];
}"""


def test_library_is_listed_with_one_read_of_the_catalog(
    own_stub: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    """However many songs there are."""
    (own_stub / "engine" / "watched.js").write_text(_WATCHED, encoding="utf-8")
    with server.serving(own_stub) as url:
        tab = open_page(url).wait_started()
        tab.separate("song.wav", short(), ())
        tab.page.evaluate(_MANY, 300)
        tab.page.reload()
        expect(tab.page.locator("#library li")).to_have_count(300)
        assert tab.page.evaluate(_LOOKS, url + "engine/") == [300, ["getAll"]]


def test_songs_fit_on_a_phone(tab: DemixerPage) -> None:
    tab.separate("A rather long name of a song - by somebody (live at some place).wav", short(), ())
    tab.choose("take 3.wav", b"nothing")
    tab.wait_state("take 3", "failed")
    tab.page.set_viewport_size({"width": 360, "height": 740})
    tab.page.click("#songs-open")
    side = tab.element("songs")
    assert side.evaluate("side => side.scrollWidth <= side.clientWidth")
    # Opening a song from the drawer closes the drawer.
    tab.page.locator("#library .song-name").click()
    expect(side).to_be_hidden()
    # The narrowest width that WCAG asks for (1.4.10).
    tab.page.set_viewport_size({"width": 320, "height": 640})
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 320


def test_mixer_is_stored_with_the_song(tab: DemixerPage) -> None:
    tab.separate("song.wav", short(), ())
    tab.page.get_by_role("button", name="Mute vocals").click()
    tab.page.reload()
    tab.wait_state("song", "finished")
    tab.press("open", "song")
    tab.wait_shown("song")
    for stem, pressed in (("vocals", "true"), ("drums", "false")):
        mute = tab.page.get_by_role("button", name=f"Mute {stem}")
        expect(mute).to_have_attribute("aria-pressed", pressed)


def test_diagnostics_are_shown_and_can_be_copied(started: DemixerPage) -> None:
    tab = started
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.separate("song.wav", short(), ())
    tab.page.click("#settings-open")
    tab.page.get_by_role("button", name="Diagnostics").click()
    facts = tab.element("facts")
    expect(facts.locator('[data-fact="speed"]')).to_contain_text("GFLOP/s")
    heap = facts.locator('[data-fact="heap"]').inner_text()
    assert 20 < int(heap.split(" MB")[0]) < 500
    assert "one worker" in heap
    assert "kernels" in facts.locator('[data-fact="backend"]').inner_text()
    assert float(facts.locator('[data-fact="pace"]').inner_text()) > 0
    tab.page.click("#trace")
    expect(tab.element("report")).to_contain_text("encoder.0", timeout=60_000)
    tab.page.click("#copy-report")
    expect(tab.element("trace-note")).to_have_text("Copied.")
    head, *lines = tab.page.evaluate("navigator.clipboard.readText()").split("\n")
    assert head.startswith("Running on: ")
    table = lines[lines.index("") + 1 :]
    assert table[0].split() == ["Step", "Shape", "Min", "Max", "Mean", "Std"]
    assert len(table) > 50
    # No number is missing or NaN.
    assert all("NaN" not in line and "undefined" not in line for line in table)


def test_speed_is_measured_and_can_be_copied(tab: DemixerPage) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.choose_setting("workers", "2")
    tab.page.click("#settings-open")
    tab.page.get_by_role("button", name="Diagnostics").click()
    tab.page.click("#benchmark")
    report = tab.element("report")
    expect(report).to_contain_text("2 workers at once")
    assert report.inner_text().split("\n")[0].split("  ")[0] == "Segment by"
    expect(tab.element("benchmark")).to_be_enabled()
    tab.page.click("#copy-report")
    expect(tab.element("trace-note")).to_have_text("Copied.")
    copied = tab.page.evaluate("navigator.clipboard.readText()").split("\n")
    facts = json.loads(next(line for line in copied if line.startswith("{")))
    assert facts["model"] == "htdemucs"
    assert facts["backend"] == "kernels"
    assert [row["workers"] for row in facts["measured"]] == [1, 2]
    assert [speed["operation"] for speed in facts["operations"]["processor"]] == [CEILING, "linear"]
    table = [line.split("  ") for line in copied if line.startswith(("Operation", "linear"))]
    assert [[cell.strip() for cell in line if cell] for line in table] == [
        ["Operation", "Processor, GFLOP/s", "Of its limit"],
        ["linear", "25.0", "50%"],
    ]
    for row in facts["measured"]:
        assert (row["by"], row["frames"], row["heap"]) == ("processor", 33075, 64e6)
        assert len(row["seconds"]) == 3
        assert all(seconds > 0 for seconds in row["seconds"])
    # Songs come first.
    tab.page.keyboard.press("Escape")
    tab.hold(0)
    tab.choose("song.wav", short())
    tab.wait_state("song", "working")
    tab.element("happening").evaluate("dialog => dialog.showModal()")
    tab.page.click("#benchmark")
    expect(tab.element("trace-note")).to_have_text("Wait until no song is being computed.")


def test_figures_can_be_sent_to_the_repository(
    make_stub: Callable[..., Path],
    tiny_weights: Path,
    open_page: Callable[[str], DemixerPage],
) -> None:
    repository = "https://example.org/someone/demixer"
    site = make_stub({"htdemucs": tiny_weights}, repository=f"{repository}.git/")
    with server.serving(site) as url:
        tab = open_page(url).wait_started()
        tab.element("happening").evaluate("dialog => dialog.showModal()")
        expect(tab.page.get_by_role("link", name="Send these figures")).to_have_count(0)
        tab.page.click("#benchmark")
        link = tab.page.get_by_role("link", name="Send these figures")
        expect(link).to_be_visible()
        address = urlsplit(link.get_attribute("href") or "")
        assert address._replace(query="").geturl() == f"{repository}/issues/new"
        text = parse_qs(address.query)["body"][0]
        assert "Processor, GFLOP/s" in text
        facts = json.loads(text.split("```")[-2])
        assert [row["workers"] for row in facts["measured"]] == [1]
        tab.page.goto("about:blank")


_WATCH = """() => {
  window.said = [];
  window.locks = 0;
  window.Notification = class {
    static permission = "default";
    static async requestPermission() { return (this.permission = "granted"); }
    constructor(title, { body }) { said.push(body); }
  };
  navigator.wakeLock.request = async () => {
    locks++;
    const lock = new EventTarget();
    lock.release = async () => { locks--; };
    return lock;
  };
}"""


def test_wake_lock_and_notification_when_enabled(tab: DemixerPage) -> None:
    tab.page.evaluate(_WATCH)
    tab.choose_setting("awake", "yes")
    tab.choose_setting("notify", "yes")
    tab.hold(4)
    tab.drop(("a.wav", LONG), ("b.wav", short(1)))
    tab.wait_share(10)
    assert tab.page.evaluate("locks") == 1
    assert tab.page.title().endswith("% · a")
    tab.hold()
    tab.page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    tab.wait_state("b", "finished")
    expect(tab.page.locator("#queue li")).to_have_count(0)
    tab.page.wait_for_function("() => said.length > 0 && locks === 0")
    assert tab.page.evaluate("said") == ["Your 2 songs are done."]
    assert tab.page.title() == "py-demixer"


def test_waiting_song_can_be_dragged(tab: DemixerPage) -> None:
    tab.hold(2)
    tab.drop(("long.wav", LONG), *((f"{name}.wav", short(seed)) for seed, name in enumerate("abc")))
    tab.song("c").drag_to(tab.song("a"))
    assert names(tab, "queue") == ["long", "c", "a", "b"]


def test_playing_song_stays_open_when_others_finish(tab: DemixerPage) -> None:
    """Even when other songs are queued and start."""
    tab.choose("first.wav", LONG)
    tab.wait_result("first")
    # In a loop, so that playback does not end before the others are done.
    ruler = tab.element("ruler")
    ruler.drag_to(ruler, source_position={"x": 20, "y": 5}, target_position={"x": 200, "y": 5})
    expect(tab.page.locator(".region")).to_be_visible()
    tab.element("play").click()
    expect(tab.element("play")).to_have_attribute("data-state", "playing")
    tab.drop(("second.wav", short(1)), ("third.wav", short(2)))
    for name in ("second", "third"):
        tab.wait_state(name, "finished")
    assert shown(tab) == "first"
    expect(tab.element("play")).to_have_attribute("data-state", "playing")
    tab.element("play").click()
    tab.drop(("fourth.wav", short(3)))
    expect(tab.element("song-name")).to_have_text("fourth")


def test_problem_can_be_closed(tab: DemixerPage) -> None:
    tab.choose("broken.wav", b"no song")
    tab.wait_problem()
    tab.page.get_by_role("alert").get_by_role("button", name="Close").click()
    expect(tab.element("problem")).to_be_hidden()
    tab.wait_state("broken", "failed")


def test_names_have_a_maximum_length(tab: DemixerPage) -> None:
    tab.choose("song.wav", short())
    tab.wait_result("song")
    tab.press("rename", "song")
    tab.page.keyboard.insert_text("x" * 500)
    tab.page.keyboard.press("Enter")
    assert len(shown(tab)) == 120


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("width", [320, 390, 720, 900, 1024, 1280, 1440])
def test_header_elements_do_not_overlap(tab: DemixerPage, language: str, width: int) -> None:
    tab.page.select_option("#language", language)
    tab.page.set_viewport_size({"width": width, "height": 800})
    tab.page.evaluate("document.querySelector('#pace').textContent = 'x'.repeat(42)")
    boxes = tab.page.evaluate(
        """() => [...document.querySelector("#top").children]
          .map((child) => child.getBoundingClientRect())
          .filter(({ width }) => width > 0)
          .map(({ left, right }) => [left, right])"""
    )
    ends = [0.0, *(right for _, right in boxes)]
    assert all(left >= end - 0.5 for (left, _), end in zip(boxes, ends, strict=False))
    assert ends[-1] <= width
