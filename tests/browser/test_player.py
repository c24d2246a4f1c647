"""The player and the downloads, over stems that become final while the test says so.

What is scheduled is rendered by an OfflineAudioContext, to be compared sample by sample. It is
stopped every half second of its own time for what happens on the page meanwhile.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tests import synthetic
from tests.browser.page import RATE, SONG_MS, SOURCES, DemixerPage, wav
from tests.browser.test_length import choose_setting

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

pytestmark = pytest.mark.browser

_HELPERS = """(base) => {
  const RATE = 44100;

  /** Stems of which `at(source, frame, channel)` gives the samples. */
  class FakeStems extends EventTarget {
    rate = RATE;
    playhead = 0;
    read = 0;
    ranges = [];
    constructor(sources, length, at) {
      super();
      Object.assign(this, { sources, length, at });
      this.read = async (source, start, length) => {
        if (!this.isFinal(start, length)) throw new Error(`not final: ${start} + ${length}`);
        this.farthest = Math.max(this.farthest ?? 0, start + length);
        return this.range(source, start, length);
      };
    }
    range(source, start, length) {
      const part = new Float32Array(2 * length);
      for (let i = 0; i < part.length; i++) part[i] = this.at(source, start + (i >> 1), i & 1);
      return part;
    }
    finish(start, stop) {
      const ranges = [...this.ranges, [start, stop]].sort(([a], [b]) => a - b);
      this.ranges = [];
      for (const [from, to] of ranges) {
        const last = this.ranges.at(-1);
        if (last && from <= last[1]) last[1] = Math.max(last[1], to);
        else this.ranges.push([from, to]);
      }
      this.dispatchEvent(new Event("final"));
      return this;
    }
    finalRanges() {
      return this.ranges.map((range) => [...range]);
    }
    isFinal(start, length) {
      return this.ranges.some(([from, to]) => from <= start && start + length <= to);
    }
    async close() {}
  }

  /** The same noise for the same place. */
  const noise = (source, frame, channel) => {
    let x = Math.imul(frame * 2 + channel + 1, 0x9e3779b1) ^ (source.length * 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
    return Math.fround(((x ^ (x >>> 15)) | 0) / 2 ** 32);
  };
  const tone = (source, frame) => 0.5 * Math.sin((2 * Math.PI * 220 * frame) / RATE);

  /** Render `seconds`, with `acts[time]` done to the player when that time has come. */
  const render = async (stems, seconds, acts) => {
    const { Player } = await import(base + "engine/player.js");
    const context = new OfflineAudioContext(2, seconds * RATE, RATE);
    const player = new Player(stems, context);
    const act = async (time) => {
      // The ends of the pieces so far are told to the page in tasks of their own.
      await new Promise((resolve) => setTimeout(resolve));
      await acts[time]?.(player);
      await player.fill();
    };
    await act(0);
    for (let time = 0.5; time < seconds; time += 0.5) {
      void context.suspend(time).then(async () => {
        await act(time);
        void context.resume();
      });
    }
    const audio = await context.startRendering();
    return { heard: [audio.getChannelData(0), audio.getChannelData(1)], player };
  };

  /** Where `heard` is not, in a range, what the stems have from `frame` on; null: nowhere. */
  const difference = (heard, stems, frame, start, stop) => {
    for (let i = start; i < stop; i++) {
      for (const channel of [0, 1]) {
        const wanted = stems.at(stems.sources[0], frame + i - start, channel);
        if (heard[channel][i] !== wanted) return { at: i, heard: heard[channel][i], wanted };
      }
    }
    return null;
  };

  /** How many frames, fewer than a hundred, `heard` comes later; null: it does not come. */
  const delay = (heard, stems, frame, start, stop) => {
    for (let frames = 0; frames < 100; frames++) {
      if (difference(heard, stems, frame, start + frames, stop) === null) return frames;
    }
    return null;
  };

  /** The frame at which a context is stopped that is to be stopped at that time. */
  const quantum = (seconds) => 128 * Math.ceil((seconds * RATE) / 128);

  const largestStep = ([plane]) => {
    let largest = 0;
    for (let i = 1; i < plane.length; i++) {
      largest = Math.max(largest, Math.abs(plane[i] - plane[i - 1]));
    }
    return largest;
  };

  Object.assign(window, { RATE, FakeStems, noise, tone, render });
  Object.assign(window, { difference, delay, quantum, largestStep });
}"""


@pytest.fixture(scope="module")
def bare(shared_context: BrowserContext, tiny_url: str) -> Iterator[Page]:
    """A page of the site without the engine, with the helpers."""
    page = shared_context.new_page()
    page.goto(tiny_url + "licences.txt")
    page.evaluate(_HELPERS, tiny_url)
    yield page
    page.close()


def test_what_is_played_is_what_is_in_the_store(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 9 * RATE + 77, noise).finish(0, 9 * RATE + 77);
      const { heard, player } = await render(stems, 10, { 0: (player) => player.play() });
      const silent = heard[0].subarray(stems.length).every((value) => value === 0);
      const { state, position } = player;
      return [difference(heard, stems, 0, 0, stems.length), silent, state, position];
    }""")
    assert found == [None, True, "paused", 9 * RATE + 77]


def test_all_stems_together_are_their_sum(bare: Page) -> None:
    worst = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums", "bass", "other", "vocals"], 3 * RATE, noise);
      const { heard } = await render(stems.finish(0, 3 * RATE), 3, { 0: (p) => p.play() });
      let worst = 0;
      for (let i = 0; i < stems.length; i++) {
        const sum = stems.sources.reduce((sum, source) => sum + noise(source, i, 1), 0);
        worst = Math.max(worst, Math.abs(sum - heard[1][i]));
      }
      return worst;
    }""")
    assert worst < 1e-6


def test_it_goes_on_where_more_becomes_final(bare: Page) -> None:
    """The edge is reached after 3.3 s; after 6 s there is more, and after 8 s the rest."""
    found = bare.evaluate("""async () => {
      const [edge, fade] = [3.3 * RATE, 0.01 * RATE];
      const stems = new FakeStems(["drums"], 9 * RATE, noise).finish(0, edge);
      const seen = [];
      const { heard } = await render(stems, 13, {
        0: (player) => {
          player.addEventListener("state", () => seen.push(player.state));
          player.play();
        },
        5: (player) => seen.push(player.position),
        6: () => stems.finish(edge, 7 * RATE),
        8: () => stems.finish(7 * RATE, 9 * RATE),
      });
      // The first frame of a fade is silent.
      const again = heard[0].findIndex((value, i) => i > edge && value !== 0) - 1;
      const last = again + stems.length - edge;
      const differences = [
        difference(heard, stems, 0, 0, edge - fade),
        difference(heard, stems, edge + fade, again + fade, last),
      ];
      return [seen, again / RATE, differences];
    }""")
    assert found[0] == ["playing", "buffering", round(3.3 * RATE), "playing", "paused"]
    assert found[1] == pytest.approx(6, abs=0.01)
    assert found[2] == [None, None]


def test_an_edge_that_moves_on_in_odd_steps_is_not_heard(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 60 * RATE, noise).finish(0, 2 * RATE + 1);
      const acts = { 0: (player) => player.play() };
      for (let step = 1; step < 40; step++) {
        acts[step / 2] = () => stems.finish(0, 2 * RATE + 1 + step * 23011);
      }
      const { heard } = await render(stems, 20, acts);
      return [delay(heard, stems, 0, 0, 20 * RATE), stems.farthest];
    }""")
    assert found[0] is not None
    assert 20 * RATE < found[1] < 25 * RATE


def test_it_begins_as_soon_as_a_second_is_final(bare: Page) -> None:
    states = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 60 * RATE, noise);
      const states = [];
      const note = (player) => states.push(player.state);
      await render(stems, 3, {
        0: (player) => player.play(),
        0.5: note,
        1: (player) => { stems.finish(30 * RATE, 31.5 * RATE); player.seek(31 * RATE); },
        1.5: note,
        2: (player) => player.seek(30 * RATE),
        2.5: note,
      });
      return [...states, stems.playhead];
    }""")
    assert states[:3] == ["buffering", "buffering", "playing"]
    assert states[3] >= 30 * RATE


def test_nothing_clicks(bare: Page) -> None:
    """A tone whose samples differ by 0.016 at most, with every kind of interruption."""
    step = bare.evaluate("""async () => {
      // Where the tone is loud.
      const edge = Math.round(4.701 * RATE);
      const stems = new FakeStems(["drums"], 60 * RATE, tone).finish(0, edge);
      const { heard } = await render(stems, 14, {
        0: (player) => { player.seek(0.301 * RATE); player.play(); },
        1: (player) => player.pause(),
        2: (player) => player.play(),
        3: (player) => player.seek(1.2345 * RATE),
        3.5: (player) => player.setChannel("drums", { muted: true }),
        4: (player) => player.setChannel("drums", { muted: false, volume: 0.3 }),
        4.5: (player) => player.setChannel("drums", { volume: 1 }),
        9: () => stems.finish(edge, 60 * RATE),
        12: (player) => { player.pause(); player.play(); player.seek(50.001 * RATE); },
      });
      return [largestStep(heard), heard[0].filter((value) => value === 0).length / RATE];
    }""")
    assert step[0] < 0.06
    # Paused for a second, muted for a half, and from 7 to 9 at the edge.
    assert 3 < step[1] < 4.5


def test_pause_and_seek_are_exact(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 60 * RATE, noise).finish(0, 60 * RATE);
      const places = [];
      const { heard } = await render(stems, 6, {
        0: (player) => player.play(),
        1: (player) => { player.pause(); places.push(player.position); },
        2: (player) => player.play(),
        4: (player) => player.seek(40 * RATE + 12345),
      });
      const fade = 0.01 * RATE;
      const [first, again, jump] = [1, 2, 4].map(quantum);
      return [
        places[0] - first,
        delay(heard, stems, places[0] + fade, again + fade, jump),
        delay(heard, stems, 40 * RATE + 12345 + 2 * fade, jump + 2 * fade, 6 * RATE),
      ];
    }""")
    assert found[0] == 0
    assert found[1] is not None
    assert found[2] is not None


def test_mixer(bare: Page) -> None:
    levels = bare.evaluate("""async () => {
      const level = { drums: 0.1, bass: 0.2, other: 0.05, vocals: 0.025 };
      const stems = new FakeStems(Object.keys(level), 9 * RATE, (source) => level[source]);
      const { heard } = await render(stems.finish(0, 9 * RATE), 4, {
        0: (player) => player.play(),
        0.5: (player) => player.setChannel("bass", { muted: true }),
        1: (player) => player.setChannel("other", { solo: true }),
        1.5: (player) => player.setChannel("vocals", { solo: true }),
        2: (player) => player.setChannel("vocals", { muted: true }),
        2.5: (player) => player.setChannel("other", { solo: false }),
        3: (player) => player.setChannel("vocals", { solo: false, muted: false, volume: 0.4 }),
        3.5: (player) => player.setChannel("bass", { muted: false }),
      });
      return Array.from({ length: 8 }, (_, i) => heard[i & 1][Math.round((i / 2 + 0.45) * RATE)]);
    }""")
    assert levels == pytest.approx([0.375, 0.175, 0.05, 0.075, 0.05, 0, 0.16, 0.36], abs=1e-4)


def test_far_into_a_long_set_only_seconds_are_read(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const length = 2 * 3600 * RATE;
      const stems = new FakeStems(["drums"], length, noise).finish(0, length);
      const farthest = [];
      const { heard } = await render(stems, 3, {
        0: (player) => player.play(),
        0.5: () => farthest.push(stems.farthest / RATE),
        1: (player) => player.seek(length - 5 * RATE + 1),
      });
      const [at, fade] = [quantum(1), 0.02 * RATE];
      return [
        ...farthest,
        delay(heard, stems, length - 5 * RATE + 1 + fade, at + fade, 3 * RATE),
      ];
    }""")
    assert found[0] <= 6
    assert found[1] is not None


def test_stems_that_cannot_be_read_are_told(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 9 * RATE, noise).finish(0, 9 * RATE);
      stems.read = async () => { throw new Error("the disk is gone"); };
      const errors = [];
      const { player } = await render(stems, 1, {
        0: (player) => {
          player.addEventListener("error", ({ detail }) => errors.push(detail.message));
          player.play();
        },
      });
      return [errors, player.state];
    }""")
    assert found == [["the disk is gone"], "paused"]


def test_on_a_real_device(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const { Player } = await import(location.origin + "/engine/player.js");
      const context = new AudioContext({ sampleRate: RATE });
      const stems = new FakeStems(["drums"], 2 * RATE, () => 0).finish(0, 2 * RATE);
      const player = new Player(stems, context);
      const until = async (target, type, test) => {
        while (!test()) {
          await new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
        }
      };
      const seen = [];
      const note = () => seen.push([player.state, context.state, player.position]);
      await until(context, "statechange", () => context.state === "suspended");
      note();
      player.play();
      await until(player, "state", () => player.state === "paused");
      await until(context, "statechange", () => context.state === "suspended");
      note();
      player.play();
      while (player.position === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      player.pause();
      await until(context, "statechange", () => context.state === "suspended");
      note();
      player.play();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await player.close();
      await until(context, "statechange", () => context.state === "closed");
      note();
      return seen;
    }""")
    assert found[0] == ["paused", "suspended", 0]
    assert found[1] == ["paused", "suspended", 2 * RATE]
    assert found[2][:2] == ["paused", "suspended"]
    assert 0 < found[2][2] < 2 * RATE
    assert found[3][1] == "closed"


_SHOW = """async ([length, finished]) => {
  const { Result } = await import(new URL("ui/result.js", document.baseURI));
  await window.shown?.clear();
  window.problems ??= [];
  window.shown ??= new Result((error) => problems.push(error.message));
  window.stems = new FakeStems(["drums", "bass", "other", "vocals"], length, noise);
  // Louder than 16 bits can hold, so that there is a gain.
  const at = stems.at;
  stems.at = (source, frame, channel) => Math.fround(2.5 * at(source, frame, channel));
  stems.finish(0, finished);
  shown.show("Größe & more.wav", "a model", stems);
}"""
_STEM = """(source) => {
  const bytes = new Uint8Array(stems.range(source, 0, stems.length).buffer);
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}"""
_FILES = """async () => {
  const list = async (folder) => {
    const names = [];
    for await (const [name, entry] of folder.entries()) {
      if (entry.kind === "directory") names.push(...(await list(entry)));
      else names.push(name);
    }
    return names;
  };
  const root = await navigator.storage.getDirectory();
  return list(await root.getDirectoryHandle("downloads", { create: true }));
}"""
LENGTH = 3 * RATE + 12345


class ShownPage(DemixerPage):
    """The page with a made-up song on it, and with no engine."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        # So that it does not start one.
        context.add_init_script("WebAssembly.validate = () => false")
        super().__init__(context, url)
        self.page.evaluate(_HELPERS, url)

    def show(self, length: int = LENGTH, finished: int | None = None) -> ShownPage:
        """Show a song, of which the first frames are finished."""
        self.page.evaluate(_SHOW, [length, length if finished is None else finished])
        return self

    def stem(self, source: str) -> np.ndarray:
        """What the store has of a stem: ``(2, samples)``."""
        content = self.page.evaluate(_STEM, source).encode("latin-1")
        return np.frombuffer(content, np.float32).reshape(-1, 2).T

    def files(self) -> list[str]:
        """The temporary files of all tabs."""
        return list(self.page.evaluate(_FILES))


@pytest.fixture(scope="module")
def shown(
    playwright: Playwright,
    chromium_options: dict[str, Any],
    tiny_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ShownPage]:
    profile = tmp_path_factory.mktemp("shown")
    context = playwright.chromium.launch_persistent_context(profile, **chromium_options)
    page = ShownPage(context, tiny_url)
    yield page
    assert page.page.evaluate("window.problems ?? []") == []
    assert [line for line in page.console if line.startswith("uncaught")] == []
    context.close()


def check_downloads(page: ShownPage) -> None:
    stems = {source: page.stem(source) for source in SOURCES}
    peak = max(np.abs(stem).max() for stem in stems.values())
    for source, stem in stems.items():
        name, floats = page.download(source, "32f")
        assert name == f"Größe & more - {source} (32-bit float).wav"
        np.testing.assert_array_equal(floats.view(np.uint32), stem.view(np.uint32))
        name, integers = page.download(source, "16")
        assert name == f"Größe & more - {source}.wav"
        exact = stem.astype(np.float64) / peak * 32767
        assert np.abs(integers - exact).max() <= 0.51
    note = page.element("result-note").inner_text()
    assert f"{20 * np.log10(peak / (32767 / 32768)):.2f} dB" in note


def test_downloads_are_the_stems(shown: ShownPage) -> None:
    check_downloads(shown.show())
    assert len(shown.files()) == 8


def test_all_stems_in_a_zip(shown: ShownPage, tmp_path: Path) -> None:
    shown.show()
    with shown.page.expect_download() as download:
        shown.page.click('[data-stem="all"] [data-format="32f"]')
    assert download.value.suggested_filename == "Größe & more - stems (32-bit float).zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        names = [f"Größe & more - {source} (32-bit float).wav" for source in SOURCES]
        assert archive.namelist() == names
        for source, name in zip(SOURCES, names, strict=True):
            stem = soundfile.read(archive.extract(name, tmp_path), dtype="float32")[0].T
            np.testing.assert_array_equal(stem, shown.stem(source))


def test_what_is_heard_can_be_saved(shown: ShownPage) -> None:
    """The mixer's volumes and mutes are in the file: karaoke is a song without its vocals."""
    shown.show()
    shown.page.click('[data-stem="vocals"] [data-mix="muted"]')
    shown.page.fill('[data-stem="bass"] [data-mix="volume"]', "50")
    expected = shown.stem("drums") + 0.5 * shown.stem("bass") + shown.stem("other")
    name, floats = shown.download("mix", "32f")
    assert name == "Größe & more - drums + bass + other (32-bit float).wav"
    np.testing.assert_allclose(floats, expected, rtol=0, atol=1e-6)
    _, integers = shown.download("mix", "16")
    peak = np.abs(expected).max()
    assert peak > 1
    assert np.abs(integers - expected / peak * 32767).max() <= 0.52
    for source in ("drums", "bass", "other"):
        shown.page.click(f'[data-stem="{source}"] [data-mix="muted"]')
    shown.page.click('[data-stem="mix"] [data-format="16"]')
    shown.page.wait_for_function("() => problems.length > 0")
    problems = shown.page.evaluate("problems.splice(0)")
    assert problems == ["Every stem is muted: there is nothing to save. Unmute one first."]


def test_files_can_be_saved_when_the_song_is_finished(shown: ShownPage) -> None:
    shown.show(finished=RATE)
    assert shown.page.locator("[data-format]").count() == 0
    shown.page.evaluate("stems.finish(2 * RATE, stems.length)")
    assert shown.page.locator("[data-format]").count() == 0
    shown.page.evaluate("stems.finish(RATE, 2 * RATE)")
    assert shown.page.locator("[data-format]:visible").count() == 12


def test_without_a_file_system_downloads_are_made_in_memory(
    context: BrowserContext, tiny_url: str
) -> None:
    context.add_init_script("delete FileSystemFileHandle.prototype.createWritable")
    page = ShownPage(context, tiny_url).show()
    check_downloads(page)
    with page.page.expect_download() as download:
        page.page.click('[data-stem="all"] [data-format="16"]')
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 4
    assert page.files() == []


def test_without_room_on_the_disk_there_is_a_sentence(
    context: BrowserContext, tiny_url: str
) -> None:
    page = ShownPage(context, tiny_url).show(length=60 * RATE)
    origin = page.page.evaluate("location.origin")
    quota = {"origin": origin, "quotaSize": 10_000_000}
    context.new_cdp_session(page.page).send("Storage.overrideQuotaForOrigin", quota)
    page.page.click('[data-stem="drums"] [data-format="32f"]')
    page.page.wait_for_function("() => problems.length > 0")
    assert "no room on the disk" in page.page.evaluate("problems[0]")
    assert page.files() == []
    expect(page.page.locator("[aria-busy]")).to_have_count(0)


def test_temporary_files_are_deleted(context: BrowserContext, tiny_url: str) -> None:
    first = ShownPage(context, tiny_url)
    first.page.clock.install()
    first.show().download("drums", "32f")
    first.download("bass", "32f")
    assert len(first.files()) == 2
    second = ShownPage(context, tiny_url).show()
    second.download("drums", "32f")
    # A tab's files are its own as long as it lives, and no longer.
    assert len(second.files()) == 3
    second.page.close()
    ShownPage(context, tiny_url).page.wait_for_function(
        f"async () => (await ({_FILES})()).length === 2"
    )
    first.page.clock.fast_forward("11:00")
    first.page.wait_for_function(f"async () => (await ({_FILES})()).length === 0")


def test_another_song_gives_up_a_download(shown: ShownPage) -> None:
    shown.show(length=2 * 3600 * RATE)
    before = shown.files()
    shown.page.click('[data-stem="drums"] [data-format="32f"]')
    expect(shown.page.locator("[aria-busy]")).to_be_visible()
    reads = shown.page.evaluate("""async () => {
      await shown.clear();
      let reads = 0;
      stems.read = async () => { reads++; };
      await new Promise((resolve) => setTimeout(resolve, 200));
      return reads;
    }""")
    assert reads == 0
    assert shown.files() == before


def test_the_keyboard_plays_and_seeks(shown: ShownPage) -> None:
    shown.show(length=600 * RATE)
    page = shown.page
    time, play = shown.element("time"), shown.element("play")
    expect(time).to_have_text("0:00 / 10:00")
    page.locator("body").press("Space")
    expect(play).to_have_attribute("aria-label", "Pause")
    expect(time).to_have_text(re.compile("0:0[1-9] / 10:00"))
    page.locator("body").press("Space")
    expect(play).to_have_attribute("aria-label", "Play")
    seek = shown.element("seek")
    seek.press("End")
    seek.press("PageDown")
    expect(time).to_have_text("9:29 / 10:00")
    seek.press("Home")
    seek.press("ArrowRight")
    expect(seek).to_have_attribute("aria-valuetext", "0:05 of 10:00")
    assert page.evaluate("stems.playhead") == 5 * RATE
    # On a button the space bar is the button's.
    mute = page.get_by_role("button", name="Mute bass")
    mute.press("Space")
    expect(mute).to_have_attribute("aria-pressed", "true")
    expect(play).to_have_attribute("aria-label", "Play")


def test_waiting_is_said(shown: ShownPage) -> None:
    shown.show(length=600 * RATE, finished=60 * RATE)
    shown.element("play").click()
    shown.element("seek").press("PageUp")
    shown.element("seek").press("PageUp")
    expect(shown.element("player-note")).to_contain_text("Waiting")
    shown.page.evaluate("stems.finish(60 * RATE, stems.length)")
    expect(shown.element("player-note")).to_be_empty()
    expect(shown.element("play")).to_have_attribute("data-state", "playing")
    shown.element("play").click()


def test_the_mixer_has_names_and_states(shown: ShownPage) -> None:
    shown.show()
    page = shown.page
    page.get_by_role("button", name="Solo drums").click()
    faint = "sliders => sliders.map((slider) => slider.classList.contains('off'))"
    sliders = page.locator('[data-mix="volume"]')
    assert sliders.evaluate_all(faint) == [False, True, True, True]
    page.get_by_role("button", name="Mute drums").click()
    assert sliders.evaluate_all(faint) == [True] * 4
    page.get_by_role("slider", name="Volume of vocals").press("Home")
    expect(sliders.last).to_have_attribute("aria-valuetext", "0 %")


@pytest.fixture
def phone(
    playwright: Playwright, chromium_options: dict[str, Any], tmp_path: Path
) -> Iterator[BrowserContext]:
    """A context with a small touch screen."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "phone",
        **chromium_options,
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
    )
    yield context
    context.close()


def test_on_a_phone_nothing_sticks_out_or_is_too_small_to_touch(
    phone: BrowserContext, tiny_url: str
) -> None:
    page = ShownPage(phone, tiny_url).show()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
    targets = page.page.locator("#result button:visible, #result input:visible")
    boxes = [box for target in targets.all() if (box := target.bounding_box())]
    assert len(boxes) == 26
    assert min(box["height"] for box in boxes) >= 44
    assert min(box["width"] for box in boxes) >= 44


def test_a_song_at_work_is_played_from_where_one_likes(started: DemixerPage) -> None:
    """With the engine and its store."""
    play, seek = started.element("play"), started.element("seek")
    choose_setting(started, "workers", "1")
    started.hold(4)  # the segment at 11.7 s
    started.choose("early.wav", wav(synthetic.song(60)))
    play.click()
    expect(play).to_have_attribute("data-state", "playing", timeout=SONG_MS)
    seek.press("End")
    seek.press("PageDown")
    expect(play).to_have_attribute("data-state", "buffering")
    # The worker goes on at 30 s, and is not to close the gap before that.
    started.hold(6)
    expect(play).to_have_attribute("data-state", "playing", timeout=SONG_MS)
    # What lies between the two places is still to be done.
    ranges = started.element("seek-track").evaluate(
        "track => track.style.getPropertyValue('--ranges')"
    )
    assert ranges.count("var(--final)") == 2
    expect(started.element("job")).to_be_visible()
    expect(started.page.locator("[data-format]")).to_have_count(0)
    started.hold()
    started.wait_result("early")
    expect(started.page.locator("[data-format]:visible")).to_have_count(12)
    for source in SOURCES:
        stem = started.download(source, "32f")[1]
        assert stem.shape == (2, 60 * RATE)
        assert np.abs(stem).reshape(2, -1, RATE).max(axis=(0, 2)).all()


@pytest.mark.long
def test_a_file_of_more_than_4_gib_is_rf64(shown: ShownPage, tiny_url: str) -> None:
    """Written to nowhere, but for its header."""
    header = shown.page.evaluate(
        """async (base) => {
          const { writeWav } = await import(base + "engine/wav.js");
          const { StreamTarget } = await import(base + "vendor/mediabunny.mjs");
          const head = new Uint8Array(80);
          let size = 0;
          const writable = new WritableStream({
            write({ data, position }) {
              const left = Math.max(0, head.length - position);
              if (left > 0) head.set(data.subarray(0, left), position);
              size = Math.max(size, position + data.length);
            },
          });
          const read = async (source, start, length) => new Float32Array(2 * length);
          const stems = { rate: RATE, length: 2 ** 29 + 1, read };
          const watch = { report: () => {}, signal: new AbortController().signal };
          const target = new StreamTarget(writable);
          await writeWav(stems, "drums", { codec: "pcm-f32", gain: 1 }, target, watch);
          return [String.fromCharCode(...head), size];
        }""",
        tiny_url,
    )
    content, size = header[0].encode("latin-1"), header[1]
    data = (2**29 + 1) * 8
    assert (content[:4], content[8:16]) == (b"RF64", b"WAVEds64")
    assert int.from_bytes(content[20:28], "little") == size - 8
    assert int.from_bytes(content[28:36], "little") == data == size - 80
