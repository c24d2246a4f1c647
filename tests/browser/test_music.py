"""Beats and key on the page: the click, loops on beats, corrections, and what is saved of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mido
import mir_eval
import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tests import musicians, synthetic
from tests.browser.page import CHANGE_ENTRIES, RATE, DemixerPage, wav

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

BEATS = """(await import(base + "engine/beats.js")).Beats"""
CLICKS = """
  /** The frames at which clicks begin: each lasts 30 ms. */
  const clicksIn = ([plane]) => {
    const found = [];
    for (let i = 0; i < plane.length; i++) {
      if (Math.abs(plane[i]) > 0.25 && i > (found.at(-1) ?? -Infinity) + 0.04 * RATE) found.push(i);
    }
    return found;
  };
  const { Beats } = await import(base + "engine/beats.js");
  const uncorrected = { times: 1, isShifted: false };
"""


def run(bare: Page, base: str, script: str, argument: object = None) -> Any:
    """What a script returns that knows the page's address as `base` and its `argument`."""
    return bare.evaluate(f"async ([base, argument]) => {{ {CLICKS} {script} }}", [base, argument])


def test_corrections(bare: Page, tiny_url: str) -> None:
    found = [1000, 1100, 1210, 1300]
    corrected = [
        run(bare, tiny_url, "return new Beats(...argument).frames;", [found, correction])
        for correction in (
            {"times": 1, "isShifted": False},
            {"times": 2, "isShifted": False},
            {"times": 0.5, "isShifted": False},
            {"times": 1, "isShifted": True},
            {"times": 0.5, "isShifted": True},
        )
    ]
    assert corrected == [
        found,
        [1000, 1050, 1100, 1155, 1210, 1255, 1300],
        [1000, 1210],
        [1050, 1155, 1255],
        [1100, 1300],
    ]


@pytest.mark.parametrize("speed", [1, 0.5, 0.83, 1.5])
def test_clicks_are_on_the_beats_at_every_speed(bare: Page, tiny_url: str, speed: float) -> None:
    """Beats of 0.4 to 0.6 s: the song is silent, but for an impulse on each beat."""
    beats = np.cumsum(np.random.default_rng(3).integers(17_000, 27_000, size=14)).tolist()
    clicks, length = run(
        bare,
        tiny_url,
        """
        const { beats, speed } = argument;
        const stems = new FakeStems(["drums"], 9 * RATE, () => 0).finish(0, 9 * RATE);
        const { heard } = await render(stems, 14, {
          0: async (player) => {
            player.beats = new Beats(beats, uncorrected);
            player.clicks = "beats";
            await player.setTempo({ speed });
            player.play();
          },
        });
        return [clicksIn(heard), stems.length];""",
        {"beats": beats, "speed": speed},
    )
    # A stretched song begins after some preparation.
    expected = np.asarray(beats)[: len(clicks)] / speed
    assert np.ptp(np.asarray(clicks) - expected) <= 1 + 1e-6
    assert speed != 1 or clicks == beats
    assert len(clicks) == len([beat for beat in beats if beat < min(length, 14 * RATE * speed)])


def test_clicks_follow_a_change_of_speed(bare: Page, tiny_url: str) -> None:
    """Clicks that were scheduled at the old speed move."""
    intervals = run(
        bare,
        tiny_url,
        """
        const stems = new FakeStems(["drums"], 20 * RATE, () => 0).finish(0, 20 * RATE);
        const beats = Array.from({ length: 40 }, (_, beat) => beat * RATE / 2);
        const { heard } = await render(stems, 10, {
          0: async (player) => {
            player.beats = new Beats(beats, uncorrected);
            player.clicks = "beats";
            await player.setTempo({ speed: 0.8 });
            player.play();
          },
          4: (player) => player.setTempo({ speed: 1.25 }),
        });
        const clicks = clicksIn(heard);
        return clicks.slice(1).map((click, index) => click - clicks[index]);""",
    )
    slow, fast = RATE / 2 / 0.8, RATE / 2 / 1.25
    between = [each for each in intervals if min(abs(each - slow), abs(each - fast)) > 1]
    assert len(between) <= 1
    assert abs(intervals[0] - slow) <= 1
    assert abs(intervals[-1] - fast) <= 1


def test_clicks_in_a_loop_and_after_a_pause(bare: Page, tiny_url: str) -> None:
    clicks = run(
        bare,
        tiny_url,
        """
        const stems = new FakeStems(["drums"], 9 * RATE, () => 0).finish(0, 9 * RATE);
        const beats = Array.from({ length: 16 }, (_, beat) => (beat + 0.5) * RATE / 2);
        const { heard } = await render(stems, 8, {
          0: (player) => {
            player.beats = new Beats(beats, uncorrected);
            player.clicks = "beats";
            player.loop = [RATE, 2 * RATE];
            player.play();
          },
          3: (player) => player.pause(),
          4: (player) => player.play(),
          6: (player) => { player.clicks = "off"; },
        });
        return clicksIn(heard);""",
    )
    times = np.asarray(clicks) / RATE
    assert len(times) == 10
    # Two beats in every second of the loop.
    np.testing.assert_allclose(times[:6], 0.25 + np.arange(6) / 2, atol=1 / RATE)
    np.testing.assert_allclose(np.diff(times[6:]), 0.5, atol=1 / RATE)


@pytest.mark.parametrize("speed", [1, 0.8])
def test_count_in(bare: Page, tiny_url: str, speed: float) -> None:
    """Four beats are counted, up to the first one; the song begins where it stands."""
    clicks, first, position = run(
        bare,
        tiny_url,
        """
        const noisy = (source, frame, channel) => 0.2 * noise(source, frame, channel);
        const stems = new FakeStems(["drums"], 9 * RATE, noisy).finish(0, 9 * RATE);
        const beats = Array.from({ length: 16 }, (_, beat) => beat * RATE / 2);
        let position = null;
        const { heard } = await render(stems, 6, {
          0: async (player) => {
            player.beats = new Beats(beats, uncorrected);
            player.clicks = "countIn";
            await player.setTempo({ speed: argument });
            player.seek(0.9 * RATE);
            player.play();
          },
          1: (player) => { position = player.position; },
        });
        const quiet = heard[0].map((value, index) => {
          return heard[0].subarray(index, index + 20).every((value) => value !== 0) ? 1 : 0;
        });
        // The song itself is heard where nothing clicks.
        const clicks = clicksIn(heard);
        const isSong = (index) =>
          clicks.every((click) => index < click || index > click + 0.04 * RATE);
        return [clicks, quiet.findIndex((value, index) => value && isSong(index)), position];""",
        speed,
    )
    apart = RATE / 2 / speed
    assert position == round(0.9 * RATE)
    np.testing.assert_allclose(np.diff(clicks), apart, atol=1)
    # The next beat after 0.9 s is at 1 s, the fifth click.
    assert first == pytest.approx(clicks[4] - 0.1 * RATE / speed, abs=64 if speed == 1 else 3000)


def test_seek_in_the_count_in_counts_anew(bare: Page, tiny_url: str) -> None:
    clicks, first = run(
        bare,
        tiny_url,
        """
        const noisy = (source, frame, channel) => 0.1 * noise(source, frame, channel);
        const stems = new FakeStems(["drums"], 20 * RATE, noisy).finish(0, 20 * RATE);
        const beats = Array.from({ length: 40 }, (_, beat) => beat * RATE / 2);
        const { heard } = await render(stems, 5, {
          0: (player) => {
            player.beats = new Beats(beats, uncorrected);
            player.clicks = "countIn";
            player.play();
          },
          1: (player) => player.seek(8 * RATE),
        });
        const first = heard[0].findIndex((_, index) =>
          heard[0].subarray(index, index + 4000).every((value) => value !== 0));
        return [clicksIn(heard), first];""",
    )
    times = np.asarray(clicks) / RATE
    after = times[times > 1.05]
    # Four beats, and then the song, whose first frame is a beat.
    assert first / RATE == pytest.approx(after[4], abs=0.05)
    np.testing.assert_allclose(np.diff(after[:5]), 0.5, atol=1 / RATE)


def test_count_in_is_whole_on_a_real_device(bare: Page, tiny_url: str) -> None:
    """Its clock goes on while the page schedules."""
    counted = run(
        bare,
        tiny_url,
        """
        const { Player } = await import(base + "engine/player.js");
        const stems = new FakeStems(["drums"], 9 * RATE, tone).finish(0, 9 * RATE);
        const beats = Array.from({ length: 16 }, (_, beat) => beat * RATE / 2);
        const begun = [];
        const { start } = AudioBufferSourceNode.prototype;
        AudioBufferSourceNode.prototype.start = function (time) {
          begun.push([this.buffer.duration < 0.1, time]);
          return start.call(this, time);
        };
        const counted = [];
        for (let tries = 0; tries < 5; tries++) {
          const player = new Player(stems, new AudioContext({ sampleRate: RATE }));
          player.beats = new Beats(beats, uncorrected);
          player.clicks = "countIn";
          begun.length = 0;
          player.play();
          await player.fill();
          await player.close();
          const song = Math.min(...begun.filter(([isClick]) => !isClick).map(([, time]) => time));
          const times = begun.filter(([isClick, time]) => isClick && time < song - 0.001);
          counted.push(new Set(times.map(([, time]) => time.toFixed(3))).size);
        }
        AudioBufferSourceNode.prototype.start = start;
        return counted;""",
    )
    assert counted == [4, 4, 4, 4, 4]


def test_snapping(bare: Page, tiny_url: str) -> None:
    """Not to beats that are far away: intros and ends have none."""
    script = "const beats = new Beats(argument, uncorrected); const near = (f) => beats.nearest(f);"
    script += "return [near(0), near(960), near(1040), near(1951), near(2100), beats.before(1040),"
    script += " beats.before(2500)];"
    found = run(bare, tiny_url, script, list(range(1000, 2001, 100)))
    assert found == [0, 1000, 1000, 2000, 2100, 1000, 2500]


@pytest.mark.parametrize("speed", [1, 0.8])
def test_pause_in_the_count_in(bare: Page, tiny_url: str, speed: float) -> None:
    loud, position, clicks = run(
        bare,
        tiny_url,
        """
        const stems = new FakeStems(["drums"], 9 * RATE, noise).finish(0, 9 * RATE);
        const beats = Array.from({ length: 16 }, (_, beat) => beat * RATE / 2);
        let position = null;
        const { heard } = await render(stems, 8, {
          0: async (player) => {
            player.beats = new Beats(beats, uncorrected);
            player.clicks = "countIn";
            await player.setTempo({ speed: argument });
            player.seek(RATE);
            player.play();
          },
          1: (player) => player.pause(),
          3.5: (player) => { position = player.position; },
          4: (player) => { player.clicks = "off"; player.play(); },
        });
        const loud = (from, to) => heard[0].subarray(from * RATE, to * RATE).some((x) => x !== 0);
        return [[loud(1.5, 4), loud(4.5, 8)], position, clicksIn([heard[0].subarray(0, RATE)])];""",
        speed,
    )
    assert loud == [False, True]
    assert position == RATE
    assert len(clicks) == 2


def test_stem_of_clicks(bare: Page, tiny_url: str) -> None:
    """Read block by block it is the same, and each click begins on its beat."""
    whole, pieces = run(
        bare,
        tiny_url,
        """
        const { withClick } = await import(base + "engine/save/with-click.js");
        const stems = new FakeStems(["drums"], 3 * RATE, () => 0).finish(0, 3 * RATE);
        const clicked = withClick(stems, new Beats([100, 20_000, 40_000, 130_000], uncorrected));
        const whole = await clicked.read("click", 0, 3 * RATE);
        const pieces = [];
        for (let start = 0; start < 3 * RATE; start += 7001) {
          const length = Math.min(7001, 3 * RATE - start);
          pieces.push(...(await clicked.read("click", start, length)));
        }
        return [[...whole], pieces];""",
    )
    assert whole == pieces
    left = np.asarray(whole)[::2]
    np.testing.assert_array_equal(left, np.asarray(whole)[1::2])
    loud = np.flatnonzero(left)
    starts = [frame for frame in loud if not left[max(0, frame - 500) : frame].any()]
    assert starts == [100, 20_000, 40_000, 130_000]


@pytest.mark.parametrize("first", [0, 9_000, 21_000, 200_000])
def test_tempo_as_midi(bare: Page, tiny_url: str, first: int) -> None:
    beats = (first + np.cumsum([0, *[22_050] * 5, 23_000, 21_000, *[22_000] * 4])).tolist()
    script = "return [...(await import(base + 'engine/save/midi.js')).tempoFile(argument, RATE)];"
    content = bytes(run(bare, tiny_url, script, beats))
    midi = mido.MidiFile(file=io.BytesIO(content))
    tempi = {}
    tick = 0
    for message in midi.tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            tempi[tick // midi.ticks_per_beat] = message.tempo
    lines, seconds, tempo = [0.0], 0.0, 0
    for beat in range(tick // midi.ticks_per_beat):
        tempo = tempi.get(beat, tempo)
        seconds += tempo / 1e6
        lines.append(seconds)
    # All beats but one that comes less than half a beat after the start are on the grid.
    on_grid = beats[1:] if 0 < first < 11_025 else beats
    np.testing.assert_allclose(lines[-len(on_grid) :], np.asarray(on_grid) / RATE, atol=2e-6)
    assert midi.type == 0
    assert all(250_000 < tempo < 800_000 for tempo in tempi.values())


ANALYSIS = {
    "beats": [22_050 + 22_050 * beat for beat in range(7)],
    "bpm": 120.0,
    "key": {"tonic": 9, "mode": "minor"},
}


@pytest.fixture(scope="module")
def analysed(shared_context: BrowserContext, stub_url: str) -> DemixerPage:
    """A page with a finished song whose analysis is in the store."""
    page = DemixerPage(shared_context, stub_url).wait_started()
    page.choose("song.wav", wav(synthetic.song(3.7)))
    page.wait_result("song")
    page.page.wait_for_selector("#music-open:not([hidden])")
    return page


@pytest.fixture
def musical(analysed: DemixerPage) -> DemixerPage:
    """That page, opened anew, with nothing corrected."""
    analysis = json.dumps(ANALYSIS)
    change = f"({{ notes, ...entry }}) => ({{ ...entry, notes: {{ ...notes, analysis: {analysis},"
    change += " correction: undefined, mixer: null } })"
    analysed.page.evaluate(f"({CHANGE_ENTRIES})({change})")
    return opened(analysed)


def opened(page: DemixerPage) -> DemixerPage:
    page.page.reload()
    page.wait_started()
    page.open_kept("song")
    return page


def loop_of(page: DemixerPage) -> list[int]:
    """The loop as it is stored with the song, in frames."""
    page.wait_idle()
    entries = page.page.evaluate(f"({CHANGE_ENTRIES})(() => undefined)")
    return list(entries[0]["notes"]["mixer"]["loop"])


def drag_on_ruler(page: DemixerPage, start: float, stop: float) -> None:
    """Select a region from one share of the song to another."""
    box = page.element("ruler").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + start * box["width"], y)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + stop * box["width"], y, steps=4)
    page.page.mouse.up()


def test_what_was_found_is_shown(musical: DemixerPage) -> None:
    expect(musical.element("music-text")).to_have_text("120 BPM · A minor")
    path = musical.page.locator("#ruler .beats path").get_attribute("d") or ""
    assert path.count("M") == len(ANALYSIS["beats"])  # type: ignore[arg-type]
    musical.page.select_option("#language", "de")
    expect(musical.element("music-text")).to_have_text("120 BPM · a-Moll")
    musical.page.select_option("#language", "en")
    musical.element("tempo-open").click()
    musical.element("speed").fill("50")
    musical.element("semitones").fill("-2")
    expect(musical.element("music-text")).to_have_text("60 BPM · G minor")


def test_nothing_certain_is_not_shown_as_a_fact(musical: DemixerPage) -> None:
    change = "({ notes, ...entry }) => ({ ...entry, notes: { ...notes, analysis: "
    change += "{ beats: null, bpm: null, key: null } } })"
    musical.page.evaluate(f"({CHANGE_ENTRIES})({change})")
    page = opened(musical)
    expect(page.element("music-text")).to_have_text("Beats and key")
    page.element("music-open").click()
    expect(page.element("no-beats")).to_be_visible()
    expect(page.element("beats")).to_be_hidden()
    page.page.select_option("#key", label="C♯ minor")
    expect(page.element("music-text")).to_have_text("C♯ minor")


def test_corrections_are_kept_with_the_song(musical: DemixerPage) -> None:
    musical.element("music-open").click()
    musical.element("beats-double").click()
    musical.element("beats-shift").click()
    musical.page.select_option("#key", label="C major")
    expect(musical.element("beats-double")).to_be_disabled()
    expect(musical.element("music-text")).to_have_text("240 BPM · C major")
    musical.wait_idle()
    page = opened(musical)
    expect(page.element("music-text")).to_have_text("240 BPM · C major")
    page.element("music-open").click()
    expect(page.element("beats-shift")).to_have_attribute("aria-pressed", "true")
    page.element("beats-half").click()
    expect(page.element("bpm")).to_have_text("120.0 BPM")
    page.page.select_option("#key", value="")
    expect(page.element("music-text")).to_have_text("120 BPM · A minor")


def test_loops_snap_to_beats(musical: DemixerPage) -> None:
    length = 3.7 * RATE
    drag_on_ruler(musical, 0.2, 0.5)
    beats = np.asarray(ANALYSIS["beats"])
    expected = [int(beats[np.abs(beats - share * length).argmin()]) for share in (0.2, 0.5)]
    assert loop_of(musical) == expected
    musical.page.keyboard.down("Alt")
    drag_on_ruler(musical, 0.27, 0.55)
    musical.page.keyboard.up("Alt")
    assert loop_of(musical) == pytest.approx([0.27 * length, 0.55 * length], abs=600)


def test_corrections_in_another_tab_are_shown(
    musical: DemixerPage, shared_context: BrowserContext, stub_url: str
) -> None:
    other = DemixerPage(shared_context, stub_url).wait_started()
    other.open_kept("song")
    expect(other.element("music-text")).to_have_text("120 BPM · A minor")
    musical.element("music-open").click()
    musical.element("beats-double").click()
    expect(other.element("music-text")).to_have_text("240 BPM · A minor")
    other.page.close()


def test_click_and_tempo_are_saved(musical: DemixerPage, tmp_path: Path) -> None:
    dialog = musical.element("save-dialog")
    musical.element("save").click()
    dialog.locator('input[value="stem"]').check(force=True)
    dialog.locator('select:has(> [value="click"])').select_option("click")
    dialog.locator('select:has(> [value="wav32f"])').select_option("wav32f")
    with musical.page.expect_download() as downloading:
        dialog.locator('[data-do="go"]').click()
    assert downloading.value.suggested_filename == "song - click.wav"
    clicks = soundfile.read(downloading.value.path(), dtype="float32")[0].T
    musical.page.locator('#saves li[data-state="done"] .icon-button').last.click()
    first = ANALYSIS["beats"][0]  # type: ignore[index]
    assert np.flatnonzero(clicks[0])[0] == first
    musical.element("music-open").click()
    with musical.page.expect_download() as downloading:
        musical.element("midi").click()
    assert downloading.value.suggested_filename == "song - tempo.mid"
    path = tmp_path / "tempo.mid"
    downloading.value.save_as(path)
    assert mido.MidiFile(path).tracks[0][0].tempo == 500_000


def test_click_is_a_setting_of_the_song(musical: DemixerPage) -> None:
    musical.element("music-open").click()
    musical.page.select_option("#clicks", "countIn")
    musical.wait_idle()
    page = opened(musical)
    page.element("music-open").click()
    expect(page.element("clicks")).to_have_value("countIn")


def test_engine_finds_the_beats(tiny_url: str, open_page: Callable[[str], DemixerPage]) -> None:
    take = musicians.drums(100, bars=6)
    page = open_page(tiny_url).wait_started()
    page.choose("song.wav", wav(0.5 * take.audio))
    page.wait_result("song")
    expect(page.element("music-text")).to_have_text("100 BPM")
    page.wait_idle()
    entries = page.page.evaluate(f"({CHANGE_ENTRIES})(() => undefined)")
    found = np.asarray(entries[0]["notes"]["analysis"]["beats"]) / RATE
    assert mir_eval.beat.f_measure(take.beats, found) >= 0.95
