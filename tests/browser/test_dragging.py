"""Dragging a stem's file out of its lane: what Chromium passes to other programs."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Locator, expect

from tests import synthetic
from tests.browser.page import RATE, DemixerPage, wav
from tests.waiting import until
from web import server

pytestmark = pytest.mark.browser

SONG = synthetic.noise(3.0)

# What would be dropped elsewhere: the page must not fetch it, by its own policy.
_WATCH = """() => {
  window.files = new Map();
  const { createObjectURL } = URL;
  URL.createObjectURL = (file) => {
    const href = createObjectURL.call(URL, file);
    files.set(href, file);
    return href;
  };
  window.drags = [];
  addEventListener("dragstart", (event) => {
    const { defaultPrevented, dataTransfer } = event;
    drags.push(defaultPrevented ? null : dataTransfer.getData("DownloadURL"));
  });
  addEventListener("dragend", () => window.isOver = true);
}"""

_CONTENT = """async (href) => {
  const bytes = new Uint8Array(await files.get(href).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}"""


@pytest.fixture(scope="module")
def site_url(stub_url: str) -> str:
    return stub_url


@pytest.fixture
def watched(tab: DemixerPage) -> DemixerPage:
    tab.page.evaluate(_WATCH)
    return tab


def temporary(tab: DemixerPage) -> int:
    """The number of files made to be passed on."""
    count: int = tab.page.evaluate("""async () => {
      const root = await navigator.storage.getDirectory();
      const folders = await root.getDirectoryHandle("downloads", { create: true });
      let count = 0;
      for await (const folder of folders.values()) {
        for await (const _ of folder.keys()) count++;
      }
      return count;
    }""")
    return count


def save_button(tab: DemixerPage, stem: str) -> Locator:
    return tab.page.locator(f'#lanes [data-stem="{stem}"] [data-do="save"]')


def drag(tab: DemixerPage, stem: str) -> str | None:
    """Drag with the mouse; return what the browser would pass on, None if the page refuses."""
    mouse, button = tab.page.mouse, save_button(tab, stem)
    before = tab.page.evaluate("drags.length")
    box = button.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x, y + 20, steps=3)
    tab.page.wait_for_function("(before) => drags.length > before", arg=before)
    mouse.up()
    passed: str | None = tab.page.evaluate("drags.at(-1)")
    return passed


def dragged(tab: DemixerPage, stem: str) -> tuple[str, np.ndarray]:
    """Rest on the button, then drag: the file's name, and its samples ``(channels, frames)``."""
    before = tab.page.evaluate("files.size")
    tab.page.mouse.move(0, 0)
    save_button(tab, stem).hover()
    tab.page.wait_for_function("(before) => files.size > before", arg=before)
    passed = drag(tab, stem)
    assert passed is not None
    kind, name, href = passed.split(":", 2)
    assert kind == "audio/wav"
    content = base64.b64decode(tab.page.evaluate(_CONTENT, href))
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    assert rate == RATE
    return name, samples.T


def check_refused(tab: DemixerPage, why: str) -> None:
    """Check that the drums cannot be dragged, that the page says why, and that it makes nothing."""
    save_button(tab, "drums").hover()
    assert drag(tab, "drums") is None
    expect(tab.element("notice")).to_have_text(why)
    tab.wait_idle()
    assert temporary(tab) == 0


def test_stem_and_loop_can_be_dragged_out(watched: DemixerPage) -> None:
    tab = watched
    tab.choose("song.wav", wav(SONG))
    tab.wait_state("song", "finished")
    name, whole = dragged(tab, "bass")
    assert name == "song - bass.wav"
    # The stub's stems are the song at levels of their own; the song has 16 bits.
    np.testing.assert_allclose(whole, SONG / 3, atol=2e-5)
    assert drag(tab, "bass") == tab.page.evaluate("drags[0]"), "it is made again"
    assert temporary(tab) == 1
    assert not tab.page.locator("#save-dialog").is_visible()
    box = tab.page.locator("#ruler").bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 5)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5, steps=4)
    tab.page.mouse.up()
    name, part = dragged(tab, "bass")
    assert re.fullmatch(r"song - bass, 0m00\.7\d-0m01\.5\d\.wav", name)
    assert part.shape[1] == pytest.approx(SONG.shape[1] / 4, rel=0.05)
    (start,) = (
        frame
        for frame in np.flatnonzero(np.abs(whole[0] - part[0, 0]) < 1e-7)
        if np.array_equal(whole[:, frame : frame + part.shape[1]], part)
    )
    assert start == pytest.approx(SONG.shape[1] / 4, rel=0.05)
    # Nothing of a deleted song stays, except what another program may still be copying.
    save_button(tab, "drums").hover()
    until(lambda: temporary(tab) == 3, "the next file", page=tab.page)
    tab.remove("song")
    until(lambda: temporary(tab) == 2, "the end of the file", page=tab.page)


def test_unfinished_stem_is_not_dragged(watched: DemixerPage) -> None:
    watched.hold(1)
    watched.choose("song.wav", wav(SONG))
    watched.wait_state("song", "working")
    check_refused(watched, "Only what is finished can be dragged out.")


@pytest.fixture
def impatient(stub_site: Path, tmp_path: Path) -> Iterator[str]:
    """A site that makes small files only."""
    copy = Path(shutil.copytree(stub_site, tmp_path / "site"))
    file = copy / "ui" / "save" / "dragging.js"
    text = file.read_text(encoding="utf-8")
    assert text.count("300e6") == 1
    file.write_text(text.replace("300e6", "300e3"), encoding="utf-8")
    with server.serving(copy) as url:
        yield url


def test_long_stem_is_not_made_unasked(
    impatient: str, open_page: Callable[[str], DemixerPage]
) -> None:
    tab = open_page(impatient).wait_started()
    tab.page.evaluate(_WATCH)
    tab.choose("song.wav", wav(SONG))
    tab.wait_state("song", "finished")
    check_refused(
        tab, "This is too long to be dragged out of the track. Save it, and drag it from there."
    )
    tab.page.goto("about:blank")
