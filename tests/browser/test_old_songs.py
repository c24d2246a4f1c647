"""Songs stored by old versions of the page, which wrote everything into files, are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.page import CHANGE_ENTRIES, FIVE_SEGMENTS, DemixerPage
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

# Turn the store back into what versions before the catalog would have written. `spoil` is the body
# of a function that may change a song's `files`, its old files by name; the first versions stored
# no peaks.
_GIVE_BACK = """async ([spoil, hasPeaks]) => {
  const spoiled = new Function("files", spoil);
  const root = await navigator.storage.getDirectory();
  const samples = await root.getDirectoryHandle("samples");
  const songs = await root.getDirectoryHandle("songs", { create: true });
  for (const entry of await (CHANGE_ENTRIES)(() => null)) {
    const [from, to] = [
      await samples.getDirectoryHandle(entry.id),
      await songs.getDirectoryHandle(entry.id, { create: true }),
    ];
    for (const name of await Array.fromAsync(from.keys())) {
      if (name.endsWith(".peaks") && !hasPeaks) continue;
      await (await from.getFileHandle(name)).move(to, name);
    }
    const lines = entry.tasks.flatMap(([start, stop]) => {
      const numbers = Array.from({ length: stop - start }, (_, i) => start + i);
      return numbers.map((task) => JSON.stringify({ task, cost: task % 2 === 0 ? 1 : 0 }));
    });
    const key = entry.about && JSON.parse(entry.about.key);
    if (key) key[4] = "wheels/0123456789abcdef/py_demixer.whl";
    const files = {
      "notes.0": JSON.stringify({ turn: 2, notes: entry.notes }),
      "notes.1": JSON.stringify({ turn: 1, notes: { ...entry.notes, name: "an older name" } }),
      ...(entry.about && {
        "about.json": JSON.stringify({ ...entry.about, key: JSON.stringify(key) }),
        journal: lines.map((line) => `${line}\\n`).join(""),
      }),
    };
    spoiled(files);
    for (const [name, text] of Object.entries(files)) {
      const writable = await (await to.getFileHandle(name, { create: true })).createWritable();
      await writable.write(text);
      await writable.close();
    }
  }
  await root.removeEntry("samples", { recursive: true });
  await new Promise((resolve) => (indexedDB.deleteDatabase("py-demixer").onsuccess = resolve));
}""".replace("CHANGE_ENTRIES", CHANGE_ENTRIES)

_FOLDERS = """async () => {
  const root = await navigator.storage.getDirectory();
  return Array.fromAsync((await root.getDirectoryHandle("songs")).keys());
}"""


@pytest.fixture(scope="module")
def site_url(stub_url: str) -> str:
    return stub_url


def give_back(tab: DemixerPage, context: BrowserContext, url: str, spoil: str = "") -> None:
    """Close a tab in an orderly way, and convert what it stored to the old format."""
    tab.page.goto("about:blank")
    tab.page.close()
    page = context.new_page()
    page.goto(url + "licences.txt")
    page.evaluate(_GIVE_BACK, [spoil, spoil != _OLDEST])
    page.close()


def copied(tab: DemixerPage) -> bool:
    """Whether the copy of the waiting song is complete."""
    found = tab.page.evaluate(f"({CHANGE_ENTRIES})(() => null)")
    return any(song["hasFile"] and song["notes"]["name"] == "song" for song in found)


def folders(tab: DemixerPage) -> list[Any]:
    return list(tab.page.evaluate(_FOLDERS))


def test_finished_song_is_converted(
    open_tab: Callable[[], DemixerPage],
    shared_context: BrowserContext,
    site_url: str,
    whole: list[str],
) -> None:
    tab = open_tab()
    tab.separate("song.wav", FIVE_SEGMENTS, ())
    give_back(tab, shared_context, site_url)
    again = open_tab()
    again.open_kept("song")
    assert again.digests() == whole
    assert folders(again) == []
    # The same file counts as the same song.
    again.choose("another.wav", FIVE_SEGMENTS)
    expect(again.element("notice")).to_contain_text("This song is already here: song.")


_OLDEST = """
for (const name of ["notes.0", "notes.1"]) delete files[name];
const { stems, tasks, ...about } = JSON.parse(files["about.json"]);
files["about.json"] = JSON.stringify(about);
"""
"""As the first versions wrote it."""


@pytest.mark.parametrize("spoil", ["", _OLDEST], ids=["0.3", "0.1"])
def test_finished_songs_of_all_versions_are_in_the_library(
    open_tab: Callable[[], DemixerPage], shared_context: BrowserContext, site_url: str, spoil: str
) -> None:
    tab = open_tab()
    tab.separate("song.wav", FIVE_SEGMENTS, ())
    give_back(tab, shared_context, site_url, spoil)
    again = open_tab()
    again.open_kept("song")
    assert sorted(again.lanes()) == ["bass", "drums", "other", "vocals"]


_SHORT_WRITE = """
const [first, ...lines] = files.journal.trimEnd().split("\\n");
files.journal = [first, lines[0].slice(0, 8) + lines.join("\\n")].join("\\n") + "\\n";
"""
"""Half a line with the later lines appended to it: only the tasks before it count."""


@pytest.mark.parametrize("spoil", ["", _SHORT_WRITE], ids=["whole", "short write"])
def test_unfinished_song_resumes(
    open_tab: Callable[[], DemixerPage],
    shared_context: BrowserContext,
    site_url: str,
    whole: list[str],
    spoil: str,
) -> None:
    tab = open_tab()
    tab.hold(6)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(60)
    give_back(tab, shared_context, site_url, spoil)
    again = open_tab()
    again.wait_state("song", "kept")
    assert again.share("song") == (60 if spoil == "" else 20)
    again.go_on()
    assert again.digests() == whole
    expect(again.element("notice")).to_be_hidden()


def test_song_that_has_not_started_is_kept(
    open_tab: Callable[[], DemixerPage],
    shared_context: BrowserContext,
    site_url: str,
) -> None:
    tab = open_tab()
    tab.hold(0)
    tab.drop(("long.wav", FIVE_SEGMENTS[:-4]), ("song.wav", FIVE_SEGMENTS))
    until(lambda: copied(tab), "The copy")
    give_back(tab, shared_context, site_url)
    again = open_tab()
    again.wait_state("song", "kept")
    assert "Not started" in again.song("song").inner_text()
    again.go_on()
    assert folders(again) == []


def test_interrupted_conversion_is_completed(
    open_tab: Callable[[], DemixerPage],
    shared_context: BrowserContext,
    site_url: str,
    whole: list[str],
) -> None:
    """Some of the samples are in their new place, and the song is not in the catalog yet."""
    tab = open_tab()
    tab.separate("song.wav", FIVE_SEGMENTS, ())
    give_back(tab, shared_context, site_url)
    page = shared_context.new_page()
    page.goto(site_url + "licences.txt")
    page.evaluate(
        """async () => {
          const root = await navigator.storage.getDirectory();
          const samples = await root.getDirectoryHandle("samples", { create: true });
          for await (const [id, folder] of (await root.getDirectoryHandle("songs")).entries()) {
            const target = await samples.getDirectoryHandle(id, { create: true });
            for (const name of ["drums.f32", "mixture.peaks"]) {
              await (await folder.getFileHandle(name)).move(target, name);
            }
          }
        }"""
    )
    # Another tab, with the older version, is using the song: nothing of it is cleaned up meanwhile.
    page.evaluate(
        """async () => {
          const root = await navigator.storage.getDirectory();
          const [id] = await Array.fromAsync((await root.getDirectoryHandle("songs")).keys());
          const held = () => new Promise(() => {});
          void navigator.locks.request(`py-demixer songs ${id}`, held);
        }"""
    )
    while_busy = open_tab()
    while_busy.wait_idle()
    assert len(folders(while_busy)) == 1
    page.close()
    again = open_tab()
    again.open_kept("song")
    assert again.digests() == whole
