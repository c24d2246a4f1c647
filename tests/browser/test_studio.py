"""The studio and the transport, over stems that become final on the test's command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.lanes import WORKING, StudioPage
from tests.browser.page import SOURCES
from tests.browser.tasks import LONGEST_TASK, traced

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, FloatRect, Playwright

pytestmark = pytest.mark.browser

_INK = """(canvas) => {
  const context = canvas.getContext("2d");
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: canvas.width }, (_, x) => {
    for (let y = 0; y < canvas.height; y++) if (data[4 * (y * canvas.width + x) + 3]) return 1;
    return 0;
  });
}"""
"""Which columns of pixels have something drawn in them."""


@pytest.fixture(scope="module")
def studio_page(shared_context: BrowserContext, tiny_url: str) -> StudioPage:
    return StudioPage(shared_context, tiny_url)


@pytest.fixture
def studio(studio_page: StudioPage) -> Iterator[StudioPage]:
    yield studio_page
    studio_page.page.evaluate("player.close()")
    studio_page.page.evaluate("document.querySelector('dialog[open]')?.close()")


def box(studio: StudioPage, selector: str) -> FloatRect:
    found = studio.page.locator(selector).first.bounding_box()
    assert found
    return found


def point(studio: StudioPage, selector: str, share: float) -> tuple[float, float]:
    """A point in an element: at this share of its width, at half its height."""
    area = box(studio, selector)
    return area["x"] + share * area["width"], area["y"] + area["height"] / 2


def drag(studio: StudioPage, selector: str, start: float, stop: float) -> None:
    mouse = studio.page.mouse
    mouse.move(*point(studio, selector, start))
    mouse.down()
    mouse.move(*point(studio, selector, (start + stop) / 2), steps=2)
    mouse.move(*point(studio, selector, stop), steps=2)
    mouse.up()


def position(studio: StudioPage) -> float:
    """The player's position as a share of the song."""
    share: float = studio.page.evaluate("player.position / stems.length")
    return share


def loop(studio: StudioPage) -> list[float] | None:
    shares: list[float] | None = studio.page.evaluate(
        "player.loop && player.loop.map((frame) => frame / stems.length)"
    )
    return shares


def test_lanes_fill_in(studio: StudioPage) -> None:
    studio.show(song=WORKING)
    studio.frames()
    canvas = studio.page.locator(".lane .waveform").first
    assert not any(canvas.evaluate(_INK))
    studio.finish(0, 0.25).finish(0.5, 0.75)
    studio.frames()
    ink = np.array(canvas.evaluate(_INK))
    edges = np.flatnonzero(np.diff(ink)) / len(ink)
    assert edges == pytest.approx([0.25, 0.5, 0.75], abs=0.006)
    studio.finish()
    studio.frames()
    assert all(canvas.evaluate(_INK))


def test_parts_at_work_are_marked(studio: StudioPage) -> None:
    studio.show(song=WORKING)
    studio.page.evaluate("stems.setWork([[0.25 * stems.length, 0.5 * stems.length]])")
    marks = studio.page.locator(".at-work")
    expect(marks).to_have_count(4)
    lane, mark = box(studio, ".wave"), box(studio, ".at-work")
    assert mark["x"] - lane["x"] == pytest.approx(lane["width"] / 4, abs=1)
    assert mark["width"] == pytest.approx(lane["width"] / 4, abs=1)
    studio.page.emulate_media(reduced_motion="reduce")
    assert marks.first.evaluate("mark => mark.getAnimations().length") == 0
    studio.page.emulate_media(reduced_motion="no-preference")
    assert marks.first.evaluate("mark => mark.getAnimations().length") == 1
    studio.page.evaluate("stems.setWork([])")
    expect(marks).to_have_count(0)


def test_new_parts_are_revealed_with_an_animation(studio: StudioPage) -> None:
    studio.show(song=WORKING).finish(0, 0.5)
    expect(studio.page.locator(".arrived")).to_have_count(4)
    expect(studio.page.locator(".arrived")).to_have_count(0)


def test_click_and_drag_seek(studio: StudioPage) -> None:
    studio.show().finish()
    studio.page.mouse.click(*point(studio, ".lane:nth-child(2) .wave", 0.4))
    assert position(studio) == pytest.approx(0.4, abs=0.002)
    drag(studio, ".lane:nth-child(3) .wave", 0.4, 0.7)
    assert position(studio) == pytest.approx(0.7, abs=0.002)
    line, wave = box(studio, ".timeline .playhead"), box(studio, ".wave")
    assert line["x"] - wave["x"] == pytest.approx(0.7 * wave["width"], abs=1.5)
    assert line["height"] > 300
    studio.page.mouse.click(*point(studio, "#overview", 0.2))
    assert position(studio) == pytest.approx(0.2, abs=0.002)
    expect(studio.element("time")).to_have_text("0:48 / 4:00")


@pytest.fixture
def rearranged(shared_context: BrowserContext, tiny_url: str) -> Iterator[StudioPage]:
    """A page of its own, which remembers how its lanes are arranged."""
    page = StudioPage(shared_context, tiny_url)
    yield page
    page.page.evaluate("localStorage.clear()")
    page.page.close()


def names(studio: StudioPage) -> list[str]:
    """The stems in the order of their lanes."""
    lanes = studio.page.locator("#lanes [data-stem]")
    return list(lanes.evaluate_all("lanes => lanes.map(({ dataset }) => dataset.stem)"))


def test_lanes_are_moved(rearranged: StudioPage) -> None:
    rearranged.show()
    first = rearranged.page.locator('[data-stem="vocals"] .lane-name')
    colour = "element => getComputedStyle(element).color"
    before = first.evaluate(colour)
    mouse = rearranged.page.mouse
    mouse.move(*point(rearranged, '[data-stem="vocals"] .lane-name', 0.5))
    mouse.down()
    mouse.move(*point(rearranged, '[data-stem="bass"] .lane-name', 0.5), steps=5)
    mouse.up()
    assert names(rearranged) == ["drums", "vocals", "bass", "other"]
    expect(first).to_have_attribute("aria-expanded", "true")
    assert first.evaluate(colour) == before
    # The drag is over: the next one is on a waveform, and seeks.
    rearranged.page.evaluate("stems.finish(0, stems.length)")
    drag(rearranged, '[data-stem="other"] .wave', 0.2, 0.5)
    assert names(rearranged) == ["drums", "vocals", "bass", "other"]
    assert position(rearranged) == pytest.approx(0.5, abs=0.01)
    rearranged.page.keyboard.press("2")
    expect(rearranged.page.locator('[data-stem="vocals"] [data-mix="muted"]')).to_be_focused()
    rearranged.page.keyboard.press("Alt+ArrowUp")
    rearranged.page.keyboard.press("Alt+ArrowUp")
    assert names(rearranged) == ["vocals", "drums", "bass", "other"]
    expect(rearranged.element("live")).to_have_text("Vocals: track 1 of 4")
    # The order is that of all songs; stems that it does not know keep their places.
    rearranged.show(["bass", "piano", "vocals"])
    assert names(rearranged) == ["vocals", "piano", "bass"]


@pytest.mark.parametrize("stored", ["{bad", "null", '{"collapsed":5}', '{"order":"drums"}', "[1]"])
def test_arrangement_of_others_is_ignored(rearranged: StudioPage, stored: str) -> None:
    """Pages of one origin share what the browser remembers."""
    rearranged.page.evaluate("text => localStorage.setItem('py-demixer lanes', text)", stored)
    rearranged.page.reload()
    rearranged.page.wait_for_function("() => 'studio' in window")
    rearranged.show()
    assert names(rearranged) == list(SOURCES)


def test_faders_in_a_lane_keep_alt_and_arrows(rearranged: StudioPage) -> None:
    rearranged.show()
    fader = rearranged.page.locator('[data-stem="bass"] [data-mix="volume"]')
    fader.focus()
    rearranged.page.keyboard.press("Alt+ArrowUp")
    expect(fader).to_be_focused()
    assert names(rearranged) == list(SOURCES)


def test_lanes_are_collapsed(rearranged: StudioPage) -> None:
    rearranged.show()
    lane = '[data-stem="bass"]'
    others = box(rearranged, '[data-stem="drums"]')["height"]
    rearranged.page.click(f"{lane} .lane-name")
    expect(rearranged.page.locator(f"{lane} .lane-name")).to_have_attribute(
        "aria-expanded", "false"
    )
    assert box(rearranged, lane)["height"] < 50
    assert box(rearranged, '[data-stem="drums"]')["height"] > others
    rearranged.show()
    assert box(rearranged, lane)["height"] < 50
    rearranged.page.focus(f"{lane} .lane-name")
    rearranged.page.keyboard.press("Enter")
    assert box(rearranged, lane)["height"] == pytest.approx(others, abs=1)


def test_selected_region_is_looped(studio: StudioPage) -> None:
    studio.show().finish()
    drag(studio, "#ruler", 0.2, 0.4)
    assert loop(studio) == pytest.approx([0.2, 0.4], abs=0.003)
    region, wave = box(studio, ".region"), box(studio, ".wave")
    assert region["x"] - wave["x"] == pytest.approx(0.2 * wave["width"], abs=2)
    assert region["width"] == pytest.approx(0.2 * wave["width"], abs=3)
    expect(studio.element("loop")).to_have_text("0:48–1:36")
    # One end is dragged; the other stays.
    drag(studio, "#ruler", 0.401, 0.6)
    assert loop(studio) == pytest.approx([0.2, 0.6], abs=0.003)
    studio.page.keyboard.down("Shift")
    drag(studio, ".lane:nth-child(2) .wave", 0.9, 0.8)
    studio.page.keyboard.up("Shift")
    assert loop(studio) == pytest.approx([0.8, 0.9], abs=0.003)
    studio.element("loop").click()
    assert loop(studio) is None
    expect(studio.page.locator(".region")).to_be_hidden()
    studio.element("loop").click()
    assert loop(studio) == pytest.approx([0.8, 0.9], abs=0.003)


def test_zoom(studio: StudioPage) -> None:
    studio.show().finish()
    expect(studio.element("zoom-out")).to_be_disabled()
    studio.page.mouse.click(*point(studio, ".wave", 0.5))
    studio.element("zoom-in").click()
    studio.element("zoom-in").click()
    # 1 / 1.6 ** 2 of the song is visible, around the playhead.
    span = 1 / 1.6**2
    window, overview = box(studio, ".window"), box(studio, "#overview")
    assert window["width"] / overview["width"] == pytest.approx(span, abs=0.01)
    studio.page.mouse.click(*point(studio, ".wave", 0.75))
    assert position(studio) == pytest.approx(0.5 + span / 4, abs=0.002)
    studio.page.keyboard.down("Control")
    studio.page.mouse.move(*point(studio, ".wave", 0))
    studio.page.mouse.wheel(0, -5000)
    studio.page.keyboard.up("Control")
    expect(studio.element("zoom-in")).to_be_disabled()
    # The left edge stayed where it was, and one second is visible.
    labels = studio.page.locator("#ruler span").all_inner_texts()
    assert labels[0].startswith("1:1")
    assert "." in labels[0]
    drag(studio, "#overview", 0.1, 0.25)
    studio.page.mouse.click(*point(studio, ".wave", 0.5))
    assert position(studio) == pytest.approx(0.25, abs=0.002)
    studio.page.mouse.wheel(600, 0)
    studio.page.mouse.click(*point(studio, ".wave", 0.5))
    assert 0.251 < position(studio) < 0.26
    studio.element("zoom-fit").click()
    expect(studio.element("zoom-fit")).to_be_disabled()
    assert studio.page.evaluate("stems.asked") < 4000


def test_two_fingers_zoom_and_one_scrolls(studio: StudioPage) -> None:
    studio.show().finish()
    session = studio.page.context.new_cdp_session(studio.page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    studio.frames()  # touch input has another layout
    wave, overview = box(studio, ".wave"), box(studio, "#overview")
    y = wave["y"] + wave["height"] / 2

    def touch(kind: str, *shares: float) -> None:
        points = [
            {"x": wave["x"] + share * wave["width"], "y": y, "id": number}
            for number, share in enumerate(shares)
        ]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    def seen() -> tuple[float, float]:
        studio.frames()
        window, whole = box(studio, ".window"), overview["width"]
        return (window["x"] - overview["x"]) / whole, window["width"] / whole

    touch("Start", 0.4, 0.6)
    for step in range(1, 11):
        touch("Move", 0.4 - 0.02 * step, 0.6 + 0.02 * step)
    touch("End")
    # The fingers are three times as far apart, and the point between them has not moved.
    assert seen() == (pytest.approx(1 / 3, abs=0.01), pytest.approx(1 / 3, abs=0.01))
    assert position(studio) == 0
    touch("Start", 0.8)
    for step in range(1, 11):
        touch("Move", 0.8 - 0.06 * step)
    touch("End")
    assert seen() == (pytest.approx(1 / 3 + 0.6 / 3, abs=0.01), pytest.approx(1 / 3, abs=0.01))
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_view_follows_the_playhead(studio: StudioPage) -> None:
    studio.show().finish()
    for _ in range(4):
        studio.element("zoom-in").click()
    studio.page.keyboard.press("End")
    studio.frames()
    line, wave = box(studio, ".timeline .playhead"), box(studio, ".wave")
    assert wave["x"] - 2 <= line["x"] <= wave["x"] + wave["width"]
    studio.page.keyboard.press("Home")
    studio.frames()
    assert box(studio, ".timeline .playhead")["x"] - wave["x"] == pytest.approx(0, abs=1)


def test_view_stays_where_the_user_scrolled(studio: StudioPage) -> None:
    studio.show().finish()
    for _ in range(6):
        studio.element("zoom-in").click()
    studio.element("play").click()
    expect(studio.element("time")).to_have_text("0:01 / 4:00")
    studio.page.mouse.click(*point(studio, "#overview", 0.7))
    studio.frames()
    window, overview = box(studio, ".window"), box(studio, "#overview")
    middle = window["x"] + window["width"] / 2 - overview["x"]
    assert middle / overview["width"] == pytest.approx(0.7, abs=0.01)
    studio.element("play").click()


def test_spectrogram_shows_a_tone_at_its_frequency(studio: StudioPage) -> None:
    tone = "(_, frame) => 0.5 * Math.sin((2 * Math.PI * 1000 * frame) / RATE)"
    studio.show(at=tone).finish(0, 0.5)
    studio.page.locator('.lane:nth-child(2) [data-do="spectrum"]').click()
    canvas = studio.page.locator(".lane:nth-child(2) .spectrogram")
    columns = """(canvas) => {
      const context = canvas.getContext("2d");
      return [0.1, 0.4, 0.6].map((share) => {
        const x = Math.round(share * canvas.width);
        const { data } = context.getImageData(x, 0, 1, canvas.height);
        return Array.from({ length: canvas.height }, (_, y) => [...data.slice(4 * y, 4 * y + 4)]);
      });
    }"""
    studio.page.wait_for_function(
        """() => {
          const canvas = document.querySelector(".lane:nth-child(2) .spectrogram");
          const x = Math.round(0.45 * canvas.width);
          return canvas.getContext("2d").getImageData(x, 5, 1, 1).data[3] === 255;
        }"""
    )
    early, late, missing = np.array(canvas.evaluate(columns), float)
    height = len(early)
    # The frequency axis is logarithmic, from 40 Hz at the bottom to 16 kHz at the top.
    expected = height * (1 - np.log(1000 / 40) / np.log(16000 / 40))
    for pixels in (early, late):
        darkness = (255 - pixels[:, :3]).sum(1)
        loud = np.flatnonzero(darkness > 0.6 * darkness.max())
        assert loud.mean() == pytest.approx(expected, abs=3)
        assert len(loud) < height / 8
    assert not missing[:, 3].any()
    expect(studio.page.locator(".lane:nth-child(2) .waveform")).to_be_hidden()
    studio.page.locator('.lane:nth-child(2) [data-do="spectrum"]').click()
    expect(studio.page.locator(".lane:nth-child(2) .waveform")).to_be_visible()


def test_keys(studio: StudioPage) -> None:
    studio.show().finish()
    page = studio.page
    body = page.locator("body")
    body.press("ArrowRight")
    body.press("PageUp")
    expect(studio.element("time")).to_have_text("0:35 / 4:00")
    body.press("[")
    body.press("PageUp")
    body.press("]")
    assert loop(studio) == pytest.approx([35 / 240, 65 / 240], abs=1e-4)
    body.press("l")
    assert loop(studio) is None
    body.press("3")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Mute Other")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Solo Other")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("f")
    expect(page.locator(".lane:nth-child(3) .spectrogram")).to_be_visible()
    page.keyboard.press("o")
    expect(page.get_by_role("radio", name="Original")).to_be_checked()
    page.keyboard.press("+")
    expect(studio.element("zoom-out")).to_be_enabled()
    page.keyboard.press("0")
    expect(studio.element("zoom-out")).to_be_disabled()
    page.locator("h2#song-name").click()
    page.evaluate("document.activeElement.blur()")
    body.press("Space")
    expect(studio.element("play")).to_have_attribute("aria-label", "Pause")
    body.press("Space")
    body.press("?")
    dialog = studio.element("keys")
    expect(dialog).to_be_visible()
    expect(dialog.locator("dt")).to_have_count(16)
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    body.press("l")
    assert loop(studio) is None
    body.press("ArrowLeft")
    expect(studio.element("time")).not_to_have_text("1:05 / 4:00")
    page.evaluate("document.getElementById('letters').click()")


def test_mixer_controls_have_names_states_and_resets(studio: StudioPage) -> None:
    studio.show().finish()
    page = studio.page
    page.get_by_role("button", name="Solo Drums").click()
    silent = "lanes => lanes.map((lane) => lane.classList.contains('silent'))"
    assert page.locator(".lane").evaluate_all(silent) == [False, True, True, True]
    volume = page.get_by_role("slider", name="Volume of Vocals")
    volume.press("Home")
    expect(volume).to_have_attribute("aria-valuetext", "0%")
    volume.dblclick()
    expect(volume).to_have_attribute("aria-valuetext", "100%")
    pan = page.get_by_role("slider", name="Pan of Bass")
    pan.press("Home")
    expect(pan).to_have_attribute("aria-valuetext", "100% left")
    assert page.evaluate("player.channel('bass').pan") == -1
    pan.dblclick()
    expect(pan).to_have_attribute("aria-valuetext", "Centre")
    page.get_by_role("radio", name="Karaoke").check(force=True)
    expect(page.get_by_role("button", name="Mute Vocals")).to_have_attribute("aria-pressed", "true")
    page.locator('.lane[data-stem="bass"] [data-do="save"]').click()
    studio.element("save").click()
    assert page.evaluate("saved") == ["bass", None]


def test_speed_and_key(studio: StudioPage) -> None:
    studio.show().finish()
    studio.element("tempo-open").click()
    studio.element("speed").press("ArrowLeft")
    studio.element("semitones").press("ArrowRight")
    expect(studio.element("tempo-text")).to_have_text("99% · +1")
    expect(studio.element("semitones-text")).to_have_text("+1 semitone")
    assert studio.page.evaluate("[player.speed, player.semitones]") == [0.99, 1]
    studio.element("tempo-reset").click()
    expect(studio.element("tempo-text")).to_have_text("Speed and key")


def test_levels_are_shown_during_playback(studio: StudioPage) -> None:
    studio.show().finish()
    level = "meter => Number(getComputedStyle(meter).getPropertyValue('--level'))"
    meters = [
        studio.page.locator(".lane .meter span").first,
        studio.page.locator(".master .meter span"),
    ]
    studio.element("play").click()
    for meter in meters:
        studio.page.wait_for_function(
            f"meter => ({level})(meter) > 0.5", arg=meter.element_handle()
        )
    studio.element("play").click()
    for meter in meters:
        studio.page.wait_for_function(
            f"meter => ({level})(meter) === 0", arg=meter.element_handle()
        )


@pytest.mark.parametrize(
    "sources", [["vocals", "instrumental"], ["drums", "bass", "other", "vocals", "guitar", "piano"]]
)
def test_any_number_of_stems(studio: StudioPage, sources: list[str]) -> None:
    studio.show(sources).finish()
    names = studio.page.locator(".lane h3").all_inner_texts()
    assert [name.lower() for name in names] == sources
    colours = studio.page.locator(".lane h3").evaluate_all(
        "names => names.map((name) => getComputedStyle(name).color)"
    )
    assert len(set(colours)) == len(sources)
    studio.show().finish()
    expect(studio.page.locator(".lane")).to_have_count(4)


def test_page_stays_responsive_with_an_hour_long_song(studio: StudioPage) -> None:
    """While the song grows, is zoomed and is played."""
    with traced(studio.page) as tasks:
        studio.show(seconds=3600, song=WORKING)
        # Leave out computations of the fake stems that a store in a worker takes off the main
        # thread.
        studio.page.evaluate(
            """() => {
              stems.read = async (source, start, length) => new Float32Array(2 * length).fill(0.1);
              stems.peaks = async (source, start, length, columns) => {
                const peak = (_, i) => (i & 1 ? 1 : -1) * Math.sin(i) ** 2;
                return new Float32Array(2 * columns).map(peak);
              };
            }"""
        )
        for part in range(20):
            studio.finish(part / 20, (part + 1) / 20)
        studio.element("play").click()
        for _ in range(9):
            studio.element("zoom-in").click()
        expect(studio.element("time")).to_have_text(re.compile("^0:0[1-9] / "))
        studio.element("zoom-fit").click()
        studio.frames()
    assert len(tasks.milliseconds) > 100
    assert tasks.longest <= LONGEST_TASK


def luminance(colour: str) -> float:
    values = np.array([int(part) for part in colour[4:-1].split(",")[:3]]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(studio: StudioPage, scheme: Any) -> None:
    """Colour tokens: text on any background at least 4.5:1, borders of controls at least 3:1."""
    studio.show().finish()
    studio.page.emulate_media(color_scheme=scheme)
    names = ("text", "quiet", "accent", "problem", "good", "edge", "page", "card", "well")
    stems = ("drums", "bass", "other", "vocals", "guitar", "piano")
    found: dict[str, str] = studio.page.evaluate(
        """(names) => {
          const probe = document.body.appendChild(document.createElement("i"));
          const colours = names.map((name) => {
            probe.style.color = `var(--${name})`;
            return [name, getComputedStyle(probe).color];
          });
          probe.remove();
          return Object.fromEntries(colours);
        }""",
        [*names, *stems],
    )
    studio.page.emulate_media(color_scheme="light")
    light = {name: luminance(colour) for name, colour in found.items()}

    def contrast(one: str, other: str) -> float:
        low, high = sorted((light[one], light[other]))
        return (high + 0.05) / (low + 0.05)

    for ground in ("page", "card", "well"):
        for text in ("text", "quiet", "accent", "good", *stems):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for ground in ("page", "card"):
        assert contrast("edge", ground) >= 3, ground


@pytest.fixture
def small(
    playwright: Playwright, chromium_options: dict[str, Any], tmp_path: Path
) -> Iterator[BrowserContext]:
    """The smallest phone: 320 pixels wide, with touch input."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "phone",
        **chromium_options,
        viewport={"width": 320, "height": 640},
        has_touch=True,
        is_mobile=True,
    )
    yield context
    context.close()


def test_studio_fits_on_a_phone_with_large_enough_touch_targets(
    small: BrowserContext, tiny_url: str
) -> None:
    studio = StudioPage(small, tiny_url).show(song=WORKING).finish(0, 0.5)
    page = studio.page
    page.evaluate("document.getElementById('model-chosen').textContent = 'Demucs v4 (HTDemucs)'")
    page.evaluate("player.loop = [0, 10 * RATE]")
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [320, 320]
    assert page.evaluate("document.getElementById('main').scrollWidth") <= 320
    targets = page.locator(
        "#studio button:visible, #studio input:visible, #transport button:visible, "
        "#transport .segmented label, #transport input[type=range]:visible, #top button:visible"
    )
    boxes = [found for target in targets.all() if (found := target.bounding_box())]
    assert len(boxes) >= 40
    assert min(found["height"] for found in boxes) >= 43.9
    small_ones = [
        t.evaluate("e => e.outerHTML")
        for t in targets.all()
        if (b := t.bounding_box()) and b["width"] < 43.9
    ]
    assert small_ones == []
    # A tap seeks.
    page.locator(".wave").first.scroll_into_view_if_needed()
    page.touchscreen.tap(*point(studio, ".wave", 0.5))
    assert position(studio) == pytest.approx(0.5, abs=0.01)
    # Waveforms are below the names, as wide as the page.
    assert box(studio, ".wave")["width"] == 320


def test_four_lanes_fit_on_a_phone_and_faders_open_in_a_sheet(
    small: BrowserContext, tiny_url: str
) -> None:
    studio = StudioPage(small, tiny_url)
    page = studio.page
    page.set_viewport_size({"width": 390, "height": 844})
    studio.show().finish()
    last, transport = box(studio, ".lane:last-child"), box(studio, "#transport")
    assert last["y"] + last["height"] <= transport["y"]
    sheet = page.locator('[data-stem="bass"] .lane-faders')
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Volume and pan of Bass").click()
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("Bass")
    for name in ("Volume of Bass", "Pan of Bass"):
        slider = page.get_by_role("slider", name=name)
        slider.press("Home")
        found = slider.bounding_box()
        assert found
        assert found["height"] >= 43.9
        assert found["y"] + found["height"] <= 844
    assert page.evaluate("player.channel('bass')") == {
        **{"volume": 0, "pan": -1},
        **{"muted": False, "solo": False},
    }
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_lanes_fill_a_large_window(studio: StudioPage) -> None:
    page = studio.page
    before = page.viewport_size
    page.set_viewport_size({"width": 1440, "height": 900})
    studio.show().finish()
    last, transport = box(studio, ".lane:last-child"), box(studio, "#transport")
    assert last["y"] + last["height"] >= transport["y"] - 40
    expect(page.get_by_role("slider", name="Volume of Bass")).to_be_visible()
    expect(page.locator('[data-do="faders"]').first).to_be_hidden()
    page.set_viewport_size(before)  # type: ignore[arg-type]
