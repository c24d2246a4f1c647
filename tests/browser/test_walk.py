"""A user's whole path through the page, on a phone and on a desktop."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tests import synthetic, tiny
from tests.browser.page import SONG_MS, SOURCES, DemixerPage, wav
from tests.browser.tasks import LONGEST_TASK, traced
from tests.waiting import until
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

    from tests.conftest import MakeSite

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}

DEMO = "Demo song"
SECONDS = 25  # and a fraction
FORMATS = ("wav16", "wav24", "wav32f", "flac16", "flac24", "mp3")
LATER_SEGMENT = 24
"""The thirteenth segment among the demo song's tasks: a third of the song is final before it."""


@pytest.fixture(scope="module")
def site(make_site: MakeSite, tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Path:
    """A site with two tiny models, one with four stems and one with six."""
    six = tmp_path_factory.mktemp("walk") / "six.safetensors"
    tiny.write(six, name="htdemucs_6s", segment_length=tiny.SECOND)
    return make_site({"htdemucs": tiny_weights, "htdemucs_6s": six})


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def device(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


class Walk(DemixerPage):
    """The page, where on a phone the songs are in a drawer."""

    def open_songs(self) -> None:
        if self.element("songs-open").is_visible() and not self._has_drawer():
            self.element("songs-open").click()

    def close_songs(self) -> None:
        if self._has_drawer():
            self.page.keyboard.press("Escape")

    def _has_drawer(self) -> bool:
        return self.page.locator("#songs:popover-open").count() > 0

    def open_faders(self, stem: str) -> None:
        """On a phone they are in a sheet."""
        button = self.page.get_by_role("button", name=f"Volume and pan of {stem}")
        if button.is_visible():
            button.click()

    def close_faders(self) -> None:
        if self.page.locator(".lane-faders:popover-open").count() > 0:
            self.page.keyboard.press("Escape")

    def choose_radio(self, group: str, value: str) -> None:
        self.page.locator(f"#{group} label").filter(
            has=self.page.locator(f'input[value="{value}"]')
        ).click()

    def seconds(self) -> float:
        """The player's position in seconds."""
        return float(self.element("seek").input_value())

    def drawn(self, stem: str) -> float:
        """The share of a lane's waveform that is drawn."""
        share: float = self.page.locator(f'[data-stem="{stem}"] .waveform').evaluate(
            """(canvas) => {
              const context = canvas.getContext("2d");
              const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
              let columns = 0;
              for (let x = 0; x < canvas.width; x++) {
                let y = 0;
                while (y < canvas.height && !data[4 * (y * canvas.width + x) + 3]) y++;
                if (y < canvas.height) columns++;
              }
              return columns / canvas.width;
            }"""
        )
        return share


def decoded(content: bytes) -> np.ndarray:
    """What FFmpeg decodes from a file: ``(2, samples)``."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "-"]
    command += ["-f", "f64le", "-ac", "2", "-"]
    raw = subprocess.run(command, input=content, capture_output=True, check=True).stdout
    return np.frombuffer(raw).reshape(-1, 2).T


def test_whole_path(
    playwright: Playwright,
    chromium_options: dict[str, Any],
    device: dict[str, Any],
    site: Path,
    tmp_path: Path,
) -> None:
    def launch() -> BrowserContext:
        return playwright.chromium.launch_persistent_context(
            tmp_path / "profile", **chromium_options, **device
        )

    with server.serving(site, prefix="/some/where/", cache_control="no-store") as url:
        context = launch()
        walk = Walk(context, url)
        with traced(walk.page) as tasks:
            take_the_demo_song_and_hear_it_while_it_is_computed(walk)
        assert tasks.longest <= LONGEST_TASK
        mix_it(walk)
        save_it(walk, site)
        separate_five_with_a_broken_one_by_two_models(walk)
        cancel_and_go_on_after_a_reload(walk)
        install_it(walk)
        context.close()
    context = launch()
    go_on_without_a_network(Walk(context, url))
    context.close()


def take_the_demo_song_and_hear_it_while_it_is_computed(walk: Walk) -> None:
    # The engine is not up yet, so the song waits.
    walk.hold(LATER_SEGMENT)
    walk.element("demo").click()
    walk.wait_shown(DEMO)
    until(lambda: walk.drawn("vocals") > 0.1, "A tenth of the vocals' waveform")
    assert walk.drawn("vocals") < 0.9
    walk.element("play").click()
    expect(walk.element("play")).to_have_attribute("data-state", "playing")
    expect(walk.element("time")).to_have_text(re.compile("0:0[1-9] / 0:25"))
    # Seek to a part that is not final yet; playback waits for it.
    walk.page.locator('[data-stem="bass"] .wave').click(position={"x": 5, "y": 20})
    walk.element("seek").focus()
    for _ in range(4):
        walk.page.keyboard.press("ArrowRight")
    expect(walk.element("play")).to_have_attribute("data-state", "buffering")
    walk.hold()
    expect(walk.element("play")).to_have_attribute("data-state", "playing", timeout=SONG_MS)
    walk.element("play").click()
    walk.wait_state(DEMO, "finished")
    until(lambda: walk.drawn("vocals") > 0.95, "The vocals' waveform")


def mix_it(walk: Walk) -> None:
    page = walk.page
    solo = page.get_by_role("button", name="Solo Vocals")
    solo.click()
    expect(solo).to_have_attribute("aria-pressed", "true")
    solo.click()
    mute = page.get_by_role("button", name="Mute Drums")
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    walk.choose_radio("presets", "karaoke")
    expect(page.get_by_role("button", name="Mute Vocals")).to_have_attribute("aria-pressed", "true")
    walk.choose_radio("presets", "all")
    walk.open_faders("Bass")
    pan = page.get_by_role("slider", name="Pan of Bass")
    pan.focus()
    page.keyboard.press("ArrowLeft")
    expect(pan).to_have_attribute("aria-valuetext", re.compile(r"\d+% left"))
    walk.close_faders()
    walk.choose_radio("heard", "original")
    expect(page.locator('#heard input[value="original"]')).to_be_checked()
    walk.choose_radio("heard", "stems")
    # Loop a region of the ruler; playback stays in it.
    box = walk.element("ruler").bounding_box()
    assert box
    start, stop = (box["x"] + share * box["width"] for share in (0.5, 0.6))
    page.mouse.move(start, box["y"] + 10)
    page.mouse.down()
    page.mouse.move((start + stop) / 2, box["y"] + 10, steps=3)
    page.mouse.move(stop, box["y"] + 10, steps=3)
    page.mouse.up()
    expect(walk.element("loop")).to_have_attribute("aria-pressed", "true")
    walk.element("play").click()
    farthest = 0.0

    def has_come_back() -> bool:
        nonlocal farthest
        farthest = max(farthest, walk.seconds())
        return walk.seconds() < farthest - 1

    until(has_come_back, "The loop to begin again")
    assert farthest <= 0.6 * SECONDS + 0.5
    assert 0.5 * SECONDS - 0.5 <= walk.seconds() <= 0.6 * SECONDS + 0.5
    walk.element("play").click()
    walk.element("loop").click()
    expect(walk.element("loop")).to_have_attribute("aria-pressed", "false")


def save_it(walk: Walk, site: Path) -> None:
    length = soundfile.info(site / "demo" / "song.flac").frames
    files = {kind: walk.save("vocals", kind) for kind in FORMATS}
    sound = {kind: decoded(content) for kind, (_, content) in files.items()}
    for kind in FORMATS[:-1]:
        assert sound[kind].shape == (2, length)
    for depth in ("16", "24"):
        np.testing.assert_array_equal(sound[f"flac{depth}"], sound[f"wav{depth}"])
    assert abs(sound["mp3"].shape[1] - length) <= 1152
    assert [name for name, _ in files.values()] == [
        f"{DEMO} - vocals.{ending}" for ending in ("wav", "wav", "wav", "flac", "flac", "mp3")
    ]
    name, content = walk.save("mix", "wav32f")
    assert name.startswith(DEMO)
    assert decoded(content).shape == (2, length)
    name, content = walk.save("all", "flac16")
    assert name == f"{DEMO} - stems.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        expected = [f"{DEMO} - {source}.flac" for source in SOURCES]
        assert sorted(archive.namelist()) == sorted(expected)
        assert archive.testzip() is None


def separate_five_with_a_broken_one_by_two_models(walk: Walk) -> None:
    def song(number: int) -> bytes:
        return wav(synthetic.noise(2.0, seed=number))

    walk.drop(("one.wav", song(1)), ("two.wav", song(2)), ("take 3.wav", b"not a song"))
    walk.choose_setting("model", "htdemucs_6s")
    walk.drop(("four.wav", song(4)), ("five.wav", song(5)))
    for name in ("one", "two", "four", "five"):
        walk.wait_state(name, "finished")
    walk.wait_state("take 3", "failed")
    walk.open_songs()
    assert "cannot read this as an audio file" in walk.song("take 3").inner_text()
    walk.press("open", "two")
    walk.wait_shown("two")
    assert walk.lanes() == list(SOURCES)
    walk.open_songs()
    walk.press("open", "five")
    walk.wait_shown("five")
    assert walk.lanes() == list(tiny.SIX)
    walk.open_songs()
    walk.press("remove", "take 3")
    walk.song("take 3").wait_for(state="detached")
    walk.close_songs()
    walk.choose_setting("model", "htdemucs")


def cancel_and_go_on_after_a_reload(walk: Walk) -> None:
    walk.page.on("dialog", lambda dialog: dialog.accept())
    walk.hold(6)  # the fourth segment
    walk.drop(("Long walk.wav", wav(synthetic.song(6.0))))
    walk.wait_shown("Long walk")
    walk.wait_share(20)
    walk.element("cancel").click()
    walk.wait_state("Long walk", "kept")
    walk.page.reload()
    walk.wait_started()
    walk.wait_state("Long walk", "kept")
    walk.open_songs()
    assert walk.share("Long walk") >= 20
    walk.press("goOn", "Long walk")
    walk.close_songs()
    walk.wait_state("Long walk", "finished")


def install_it(walk: Walk) -> None:
    session = walk.page.context.new_cdp_session(walk.page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    session.detach()


def go_on_without_a_network(walk: Walk) -> None:
    walk.wait_started()
    expect(walk.element("offline")).to_contain_text("Ready to work offline")
    walk.open_songs()
    walk.press("open", DEMO)
    walk.wait_shown(DEMO)
    # The mixer is as it was left.
    walk.open_faders("Bass")
    pan = walk.page.get_by_role("slider", name="Pan of Bass")
    expect(pan).to_have_attribute("aria-valuetext", re.compile("left"))
    walk.close_faders()
    walk.separate("offline.wav", wav(synthetic.song(1.0)), sources=["vocals"])
