"""How songs get to the page: dropped, picked, pasted, opened with it, shared with it.

Most tests replace `main.js` by a script that only records the files, so that no engine starts.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.page import DemixerPage, wav
from web.assemble import WEB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

_MAIN = """
import { Start } from "./start/start.js";
import { startSpeaking } from "./words.js";

startSpeaking();
Object.assign(window, { taken: [], problems: [] });
const base = new URL("./", document.baseURI).href;
window.start = new Start({
  base,
  onFiles: (files) => taken.push(files.map(({ name }) => name)),
  onProblem: (error) => problems.push(error.code ?? String(error)),
});
"""
_LAUNCH_QUEUE = """
Object.defineProperty(window, "launchQueue", {
  value: { setConsumer: (consumer) => { window.launch = consumer; } },
});
"""
_SONG = wav(np.zeros((2, 4410), np.float32))


@pytest.fixture
def start(shared_context: BrowserContext, tiny_url: str) -> Iterator[Page]:
    """The page without an engine; `taken` lists the files handed to the session, in order."""
    page = shared_context.new_page()
    page.add_init_script(_LAUNCH_QUEUE)
    answer = {"content_type": "text/javascript", "body": _MAIN}
    page.route("**/ui/main.js", lambda route: route.fulfill(**answer))
    page.goto(tiny_url)
    page.wait_for_function("() => window.start !== undefined")
    yield page
    page.close()


def taken(page: Page) -> list[list[str]]:
    page.wait_for_function("() => taken.length + problems.length > 0")
    assert page.evaluate("problems.splice(0)") == []
    return page.evaluate("taken.splice(0)")


def problems(page: Page) -> list[str]:
    page.wait_for_function("() => taken.length + problems.length > 0")
    assert page.evaluate("taken.splice(0)") == []
    return page.evaluate("problems.splice(0)")


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(_SONG)


def drop(page: Page, *paths: Path, onto: str = "#drop") -> None:
    """Drop files and folders from the disk, as the operating system does."""
    box = page.locator(onto).bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})


def test_folder_can_be_dropped_with_its_subfolders(start: Page, tmp_path: Path) -> None:
    songs = ("album/10 last.flac", "album/2 second.wav", "album/disc 2/1.mp3", "album/film.MKV")
    others = ("album/cover.jpg", "album/list.m3u", "album/.hidden.wav", "album/.git/a.wav")
    write(tmp_path, *songs, *others, "album/__MACOSX/2.wav", "beside.aiff", "notes.txt")
    drop(start, tmp_path / "album", tmp_path / "beside.aiff", tmp_path / "notes.txt")
    expected = ["beside.aiff", "2 second.wav", "10 last.flac", "1.mp3", "film.MKV"]
    assert taken(start) == [expected]


def test_folder_with_hundreds_of_songs(start: Page, tmp_path: Path) -> None:
    # Browsers list a folder a hundred entries at a time.
    names = [f"{number}.wav" for number in range(1, 251)]
    write(tmp_path / "many", *names)
    drop(start, tmp_path / "many")
    assert taken(start) == [names]


def test_folder_without_songs_is_reported(start: Page, tmp_path: Path) -> None:
    write(tmp_path, "pictures/a.jpg")
    (tmp_path / "empty").mkdir()
    drop(start, tmp_path / "pictures", tmp_path / "empty")
    assert problems(start) == ["noSongs"]


def test_files_can_be_dropped_anywhere(start: Page, tmp_path: Path) -> None:
    write(tmp_path, "b.wav", "a.wav", "cover.png")
    drop(start, tmp_path / "b.wav", tmp_path / "a.wav", tmp_path / "cover.png", onto="#top")
    assert taken(start) == [["b.wav", "a.wav"]]


def test_files_with_unknown_endings_are_accepted_on_their_own(start: Page, tmp_path: Path) -> None:
    write(tmp_path, "no ending", "a.xyz", "b.xyz")
    drop(start, tmp_path / "no ending")
    assert taken(start) == [["no ending"]]
    drop(start, tmp_path / "a.xyz", tmp_path / "b.xyz")
    assert taken(start) == [["a.xyz", "b.xyz"]]


def test_dropping_text_is_reported(start: Page) -> None:
    transfer = start.evaluate_handle(
        """() => {
          const transfer = new DataTransfer();
          transfer.setData("text/plain", "a song");
          return transfer;
        }"""
    )
    start.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    assert problems(start) == ["noFile"]


def test_drop_zone_is_highlighted_during_a_drag(start: Page, tmp_path: Path) -> None:
    write(tmp_path, "a.wav")
    session = start.context.new_cdp_session(start)
    data = {"items": [], "files": [str(tmp_path / "a.wav")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, "x": 200, "y": 200})
    start.wait_for_selector("body.dropping #drop.over")
    start.dispatch_event("body", "dragleave")
    start.wait_for_selector("body:not(.dropping) #drop:not(.over)")


def test_files_dragged_out_of_the_page_are_not_taken_back(start: Page) -> None:
    start.evaluate(
        """() => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(["stem"], "stem.wav"));
          const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
          const lane = document.querySelector("h1");
          for (const kind of ["dragstart", "dragover", "drop", "dragend"]) {
            lane.dispatchEvent(new DragEvent(kind, options));
          }
          lane.dispatchEvent(new DragEvent("drop", options));
        }"""
    )
    # The second drop comes after the end of the drag, so it is from elsewhere.
    assert taken(start) == [["stem.wav"]]


def test_files_and_folders_can_be_picked(start: Page, tmp_path: Path) -> None:
    write(tmp_path, "a.wav", "b.ogg", "album/2.wav", "album/1.wav", "album/more/3.wav")
    write(tmp_path, "album/.hidden/4.wav", "album/cover.jpg")
    start.set_input_files("#file", [tmp_path / "a.wav", tmp_path / "b.ogg"])
    assert taken(start) == [["a.wav", "b.ogg"]]
    # Choosing the same file again counts, too.
    start.set_input_files("#file", tmp_path / "a.wav")
    assert taken(start) == [["a.wav"]]
    with start.expect_file_chooser() as chooser:
        start.click("#folder")
    chooser.value.set_files(tmp_path / "album")
    assert taken(start) == [["1.wav", "2.wav", "3.wav"]]


def paste(page: Page, target: str, name: str) -> bool:
    """Paste a file; returns whether the page prevented the browser's own paste."""
    return page.evaluate(
        """([target, name]) => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File(["x"], name));
          const options = { bubbles: true, cancelable: true, clipboardData };
          const event = new ClipboardEvent("paste", options);
          return !document.querySelector(target).dispatchEvent(event);
        }""",
        [target, name],
    )


def test_files_can_be_pasted(start: Page) -> None:
    assert paste(start, "body", "pasted.flac")
    assert taken(start) == [["pasted.flac"]]
    # In a text field, the browser itself pastes.
    assert not paste(start, "#file", "into a field.flac")
    assert start.evaluate("taken.length") == 0


def test_files_can_be_opened_with_the_installed_page(start: Page) -> None:
    start.evaluate(
        """() => launch({
          files: ["a.wav", "b.m4a"].map((name) => ({ getFile: async () => new File([], name) })),
        })"""
    )
    assert taken(start) == [["a.wav", "b.m4a"]]
    # A launch without files has no effect: the next files are those of the next launch.
    start.evaluate("launch({ files: [] })")
    start.evaluate("launch({ files: [{ getFile: async () => new File([], 'c.wav') }] })")
    assert taken(start) == [["c.wav"]]


def test_demo_song_is_taken_or_its_absence_reported(start: Page) -> None:
    start.click("#demo")
    assert taken(start) == [["Demo song.flac"]]
    start.route("**/demo/song.flac", lambda route: route.abort())
    start.click("#demo")
    assert problems(start) == ["noNetwork"]
    assert start.locator("#demo").is_enabled()


def test_demo_song_is_separated_offline(
    open_page: Callable[[str], DemixerPage], stub_url: str
) -> None:
    page = open_page(stub_url).wait_started()
    expect(page.element("offline")).to_contain_text("Ready to work offline")
    page.page.context.set_offline(True)
    page.element("demo").click()
    page.wait_state("Demo song", "finished")
    assert "py-demixer" in page.element("song-facts").inner_text()
    page.page.context.set_offline(False)


def test_start_screen_texts(start: Page) -> None:
    start.evaluate(
        "Object.assign(start, { longest: 180, download: { bytes: 95e6, isUnderWay: false } })"
    )
    assert start.locator("#formats").inner_text().endswith("up to 3 hours")
    assert "95 MB" in start.locator("#first-download").inner_text()
    expect(start.locator("#download")).to_be_visible()
    start.evaluate("start.download = { bytes: 95e6, isUnderWay: true }")
    expect(start.locator("#download")).to_be_hidden()
    start.evaluate("start.download = { bytes: 0, isUnderWay: false }")
    expect(start.locator("#download")).to_be_hidden()
    assert "MB" not in start.locator("#first-download").inner_text()
    start.evaluate("start.longest = 20")
    assert start.locator("#formats").inner_text().endswith("up to 20 minutes")


def chosen_by_link(page: Page, model: str) -> list[str]:
    """The model that a link chooses on a site with two, and the missing one that it asked for."""
    page.goto(f"{page.url.partition('?')[0]}?model={model}")
    return page.evaluate(
        """async () => {
          const { Choices } = await import(new URL("ui/settings/choices.js", document.baseURI));
          const choices = new Choices();
          choices.assets = { models: { htdemucs: {}, umxhq: {} } };
          return [choices.get("model"), choices.lacking];
        }"""
    )


def test_links_choose_a_model(start: Page) -> None:
    assert chosen_by_link(start, "umxhq") == ["umxhq", None]
    assert chosen_by_link(start, "htdemucs_6s") == ["htdemucs", "htdemucs_6s"]
    assert chosen_by_link(start, "toString") == ["htdemucs", "toString"]


def test_link_to_a_model_missing_from_the_site(
    open_page: Callable[[str], DemixerPage], stub_url: str
) -> None:
    for name, title in (("htdemucs_6s", "Demucs v4, six stems"), ("<b>x</b>", "<b>x</b>")):
        notice = open_page(f"{stub_url}?model={name}").element("notice")
        notice.wait_for()
        assert f"({title}" in notice.inner_text()


_OTHER_PROGRAM = """<!doctype html><meta charset="utf-8">
<form action="shared/" method="post" enctype="multipart/form-data">
  <input type="file" name="songs" multiple>
  <input name="songs" value="no file">
  <button>Share</button>
</form>"""


def share(page: Page, *names: str) -> None:
    """Share files as the system does: with a form post that the service worker intercepts."""
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    # The page's own policy forbids forms.
    address = f"{page.url}another-program"
    page.route(address, lambda route: route.fulfill(content_type="text/html", body=_OTHER_PROGRAM))
    page.goto(address)
    files = [{"name": name, "mimeType": "", "buffer": b"no audio"} for name in names]
    page.set_input_files("[type=file]", files)  # type: ignore[arg-type]
    page.click("button")


def test_files_can_be_shared_with_the_page(
    open_page: Callable[[str], DemixerPage], stub_url: str
) -> None:
    page = open_page(stub_url).page
    names = ["Übung 1.wav", "<img src=x onerror='window.hacked=1'>.wav"]
    share(page, *names)
    rows = page.locator("#queue .song-name")
    rows.nth(1).wait_for(state="attached")
    assert rows.all_text_contents() == [name.removesuffix(".wav") for name in names]
    assert page.evaluate("window.hacked") is None
    assert page.locator("#songs img").count() == 0
    # They are taken only once: they are gone from the address and from the cache.
    assert page.url == stub_url
    kept = "caches.open(`py-demixer-shared ${location.href}`).then((cache) => cache.keys())"
    assert page.evaluate(f"{kept}.then((keys) => keys.length)") == 0


def test_missing_shared_files_are_reported(
    open_page: Callable[[str], DemixerPage], stub_url: str
) -> None:
    page = open_page(f"{stub_url}?shared")
    assert "did not arrive" in page.wait_problem()


def test_page_can_be_installed(open_page: Callable[[str], DemixerPage], stub_url: str) -> None:
    page = open_page(stub_url)
    page.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    session = page.page.context.new_cdp_session(page.page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []


def test_manifest_matches_icons_and_accepted_files(start: Page) -> None:
    manifest = json.loads((WEB / "site.webmanifest").read_text())
    pictures = [icon for icon in manifest["icons"] if icon["type"] == "image/png"]
    assert {icon.get("purpose", "any") for icon in pictures} == {"any", "maskable"}
    for icon in pictures:
        head = (WEB / icon["src"]).read_bytes()[:24]
        width, height = struct.unpack(">II", head[16:24])
        assert f"{width}x{height}" == icon["sizes"]
    (handler,) = manifest["file_handlers"]
    endings = [ending for group in handler["accept"].values() for ending in group]
    refused = start.evaluate(
        """async (endings) => {
          const { isSong } = await import(new URL("ui/start/files.js", document.baseURI));
          return endings.filter((ending) => !isSong(new File([], `song${ending}`)));
        }""",
        endings,
    )
    assert refused == []
