"""The player, over stems that become final on the test's command and over a song at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests import synthetic
from tests.browser.page import RATE, SONG_MS, SOURCES, DemixerPage, wav

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_playback_equals_the_stored_samples(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 9 * RATE + 77, noise).finish(0, 9 * RATE + 77);
      const { heard, player } = await render(stems, 10, { 0: (player) => player.play() });
      const silent = heard[0].subarray(stems.length).every((value) => value === 0);
      const { state, position } = player;
      return [difference(heard, stems, 0, 0, stems.length), silent, state, position];
    }""")
    assert found == [None, True, "paused", 9 * RATE + 77]


def test_all_stems_play_as_their_sum(bare: Page) -> None:
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


def test_playback_continues_when_more_becomes_final(bare: Page) -> None:
    """Playback reaches the edge after 3.3 s; more becomes final after 6 s, the rest after 8 s."""
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


def test_edge_moving_in_odd_steps_is_inaudible(bare: Page) -> None:
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


def test_playback_starts_once_a_second_is_final(bare: Page) -> None:
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


def test_interruptions_do_not_click(bare: Page) -> None:
    """Every kind of interruption, on a tone whose samples differ by 0.016 at most."""
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
    # Paused for one second, muted for half a second, and waiting at the edge from 7 to 9 s.
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


def test_only_seconds_are_read_far_into_a_long_song(bare: Page) -> None:
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


def test_unreadable_stems_are_reported(bare: Page) -> None:
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


def test_another_tempo_on_a_real_device(bare: Page) -> None:
    """Chosen before anything was played, while the audio context is suspended."""
    found = bare.evaluate("""async () => {
      const { Player } = await import(location.origin + "/engine/player.js");
      const context = new AudioContext({ sampleRate: RATE });
      const stems = new FakeStems(["drums", "bass"], 3 * RATE, tone).finish(0, 3 * RATE);
      const player = new Player(stems, context);
      await player.setTempo({ speed: 1.5, semitones: -2 });
      const loud = [];
      const watch = setInterval(() => loud.push(player.level("master").peak), 50);
      const start = performance.now();
      player.play();
      while (player.state !== "paused") {
        await new Promise((resolve) => player.addEventListener("state", resolve, { once: true }));
      }
      clearInterval(watch);
      const seconds = (performance.now() - start) / 1000;
      const { position } = player;
      await player.close();
      return [position, seconds, Math.max(...loud), context.state];
    }""")
    assert found[0] == 3 * RATE
    assert found[1] >= 3 / 1.5
    assert found[2] == pytest.approx(1, rel=0.1)
    assert found[3] == "closed"


def test_media_keys(bare: Page) -> None:
    """Metadata, state and key handlers; the silent audio behind them violates no policy."""
    found = bare.evaluate("""async () => {
      const { MediaKeys } = await import(location.origin + "/ui/transport/media-session.js");
      const { Player } = await import(location.origin + "/engine/player.js");
      const session = navigator.mediaSession;
      const [handlers, positions, violations, media] = [{}, [], [], []];
      session.setActionHandler = (action, handler) => { handlers[action] = handler; };
      session.setPositionState = (state) => positions.push(state);
      document.addEventListener("securitypolicyviolation", (event) => {
        violations.push(event.violatedDirective);
      });
      const play = HTMLMediaElement.prototype.play;
      HTMLMediaElement.prototype.play = function () {
        media.push(this);
        return play.call(this);
      };
      const stems = new FakeStems(["drums"], 600 * RATE, tone).finish(0, 600 * RATE);
      const player = new Player(stems, new OfflineAudioContext(2, RATE, RATE));
      const { length } = stems;
      const facts = { title: "A song", artist: "Somebody", album: "", rate: RATE, length };
      const keys = new MediaKeys(player, facts);
      const { title, artist } = session.metadata;
      const states = [session.playbackState];
      handlers.play();
      states.push(player.state, session.playbackState);
      handlers.seekto({ seekTime: 100 });
      handlers.seekforward({});
      handlers.seekbackward({ seekOffset: 5 });
      const [silence] = media;
      while (silence.readyState < 2) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const seconds = silence.duration;
      handlers.pause();
      states.push(player.state, session.playbackState, silence.paused);
      keys.close();
      HTMLMediaElement.prototype.play = play;
      const left = [session.metadata, ...Object.values(handlers).filter((handler) => handler)];
      return [[title, artist], states, positions.at(-1), seconds, violations, left];
    }""")
    assert found == [
        ["A song", "Somebody"],
        ["paused", "playing", "playing", "paused", "paused", True],
        {"duration": 600, "playbackRate": 1, "position": pytest.approx(105)},
        10,
        [],
        [None],
    ]


def test_song_at_work_plays_from_any_position(
    stub_url: str, open_page: Callable[[str], DemixerPage]
) -> None:
    """With the real session and store."""
    started = open_page(stub_url).wait_started()
    play, seek = started.element("play"), started.element("seek")
    started.hold(24)  # the segment at 9 s: until then, "playing" can be seen
    started.choose("early.wav", wav(synthetic.song(60)))
    play.click()
    expect(play).to_have_attribute("data-state", "playing", timeout=SONG_MS)
    started.wait_share(15)  # what comes before the held segment
    seek.press("End")
    seek.press("PageDown")
    expect(play).to_have_attribute("data-state", "buffering")
    # The worker continues at 30 s; it must not close the gap before then.
    started.hold(26)
    expect(play).to_have_attribute("data-state", "playing", timeout=SONG_MS)
    # The part between the two places is still missing.
    ranges = started.element("seek-track").evaluate(
        "track => track.style.getPropertyValue('--ranges')"
    )
    assert ranges.count("var(--final)") == 2
    started.wait_state("early", "working")
    started.hold()
    started.wait_state("early", "finished")
    for source in SOURCES:
        stem = started.download(source, "32f")[1]
        assert stem.shape == (2, 60 * RATE)
        assert np.abs(stem).reshape(2, -1, RATE).max(axis=(0, 2)).all()
