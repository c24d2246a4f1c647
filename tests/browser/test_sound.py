"""What mixer, loops and tempo do to the sound, measured on an OfflineAudioContext's output."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.page import RATE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

FADE = 441

_GIVE = """(samples) => {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return btoa(text);
}"""


def samples(page: Page, script: str) -> list[np.ndarray]:
    """The Float32Arrays that a script returns."""
    given = page.evaluate(f"async () => (await ({script})()).map({_GIVE})")
    return [np.frombuffer(base64.b64decode(text), np.float32) for text in given]


def heard(page: Page, script: str) -> np.ndarray:
    """The rendered sound of a script that returns the result of `render(...)`: ``(2, samples)``."""
    return np.stack(samples(page, f"async () => (await ({script})()).heard"))


def frequency(tone: np.ndarray) -> float:
    """Frequency in Hz of a tone, from its upward zero crossings, interpolated between samples."""
    before = np.flatnonzero((tone[:-1] < 0) & (tone[1:] >= 0))
    places = before - tone[before] / (tone[before + 1] - tone[before])
    return float(RATE * (len(places) - 1) / (places[-1] - places[0]))


def test_mix_at_unity_is_the_exact_sum_of_the_stems(bare: Page) -> None:
    """Summed one after the other in float32, as `mixOf` does for the file."""
    *both, first, second = samples(
        bare,
        """async () => {
          const { mixOf } = await import(location.origin + "/engine/save/shapes.js");
          const stems = new FakeStems(["drums", "bass", "other", "vocals"], 3 * RATE, noise);
          const { heard, player } = await render(stems.finish(0, 3 * RATE), 3, {
            0: (player) => player.play(),
          });
          const mix = await mixOf(stems, player.mix()).read("mix", 0, stems.length);
          return [...heard, mix.filter((_, i) => i % 2 === 0), mix.filter((_, i) => i % 2 === 1)];
        }""",
    )
    np.testing.assert_array_equal(both[0], first)
    np.testing.assert_array_equal(both[1], second)


@pytest.mark.parametrize(
    ("pan", "expected"),
    [
        (-1, (0.1 + 0.2, 0)),
        (-0.5, (0.1 + 0.2 * np.sqrt(0.5), 0.2 * np.sqrt(0.5))),
        (0, (0.1, 0.2)),
        (0.5, (0.1 * np.sqrt(0.5), 0.2 + 0.1 * np.sqrt(0.5))),
        (1, (0, 0.1 + 0.2)),
    ],
)
def test_pan_follows_the_web_audio_law_for_stereo(
    bare: Page, pan: float, expected: tuple[float, float]
) -> None:
    """The browser's own StereoPannerNode must give the same result."""
    own, node = (
        heard(
            bare,
            f"""async () => {{
              const at = (source, frame, channel) => [0.1, 0.2][channel];
              const stems = new FakeStems(["drums"], RATE, at).finish(0, RATE);
              if ({own}) return render(stems, 1, {{ 0: (player) => {{
                player.setChannel("drums", {{ pan: {pan} }});
                player.play();
              }} }});
              const context = new OfflineAudioContext(2, RATE, RATE);
              const source = new ConstantSourceNode(context);
              const merge = new ChannelMergerNode(context, {{ numberOfInputs: 2 }});
              for (const [channel, offset] of [0.1, 0.2].entries()) {{
                const constant = new ConstantSourceNode(context, {{ offset }});
                constant.connect(merge, 0, channel);
                constant.start();
              }}
              const panner = new StereoPannerNode(context, {{ pan: {pan} }});
              merge.connect(panner).connect(context.destination);
              const audio = await context.startRendering();
              return {{ heard: [0, 1].map((channel) => audio.getChannelData(channel)) }};
            }}""",
        )[:, RATE // 2]
        for own in ("true", "false")
    )
    np.testing.assert_allclose(own, expected, atol=1e-6)
    np.testing.assert_allclose(own, node, atol=1e-6)


def test_presets(bare: Page) -> None:
    """One constant level per stem, a preset every half second; manual settings can be restored."""
    levels, names = bare.evaluate("""async () => {
      const level = { drums: 0.1, bass: 0.2, other: 0.05, vocals: 0.025 };
      const at = (source) => level[source];
      const stems = new FakeStems(Object.keys(level), 9 * RATE, at).finish(0, 9 * RATE);
      const names = [];
      const choose = (name) => (player) => { player.preset(name); names.push(player.presetName); };
      const { heard } = await render(stems, 4, {
        0: (player) => player.play(),
        0.5: (player) => {
          player.setChannel("bass", { volume: 0.5, pan: 1 });
          player.setChannel("drums", { solo: true });
          player.setChannel("bass", { solo: true });
          names.push(player.presetName);
        },
        1: choose("karaoke"),
        1.5: choose("acapella"),
        2: choose("drumless"),
        2.5: choose("bassless"),
        3: choose("all"),
        3.5: choose("own"),
      });
      const at45 = (i) => Math.round((i / 2 + 0.45) * RATE);
      return [
        Array.from({ length: 8 }, (_, i) => [heard[0][at45(i)], heard[1][at45(i)]]),
        names,
      ];
    }""")
    by_hand = [0.1, 0.1 + 0.2]
    expected = [0.375, by_hand, 0.35, 0.025, 0.275, 0.175, 0.375, by_hand]
    for level, wanted in zip(levels, expected, strict=True):
        assert level == pytest.approx(
            wanted if isinstance(wanted, list) else [wanted] * 2, abs=1e-4
        )
    assert names == ["own", "karaoke", "acapella", "drumless", "bassless", "all", "own"]


@pytest.mark.parametrize(
    ("stems", "names"),
    [
        (["drums", "bass", "other", "vocals"], "all karaoke acapella drumless bassless own"),
        (["drums", "bass", "other", "vocals", "guitar", "piano"],
         "all karaoke acapella drumless bassless own"),
        (["vocals", "other"], "all karaoke acapella own"),
        (["drums", "bass"], "all drumless bassless own"),
        (["vocals"], "all own"),
    ],
)  # fmt: skip
def test_available_presets_depend_on_the_stems(bare: Page, stems: list[str], names: str) -> None:
    found = bare.evaluate(
        """async (stems) => {
          const { presets } = await import(location.origin + "/engine/presets.js");
          return presets(stems).map(({ name }) => name).join(" ");
        }""",
        stems,
    )
    assert found == names


def test_master_and_meters_come_after_the_faders(bare: Page) -> None:
    levels = bare.evaluate("""async () => {
      const at = (source, frame, channel) =>
        source === "bass" ? [0.1, -0.2][channel] : 0.4 * Math.sin((2 * Math.PI * frame) / 100);
      const stems = new FakeStems(["drums", "bass"], 9 * RATE, at).finish(0, 9 * RATE);
      const seen = [];
      const note = (player) => {
        for (const what of ["drums", "bass", "master"]) seen.push(player.level(what));
      };
      await render(stems, 3.5, {
        0: (player) => { note(player); player.play(); },
        1: (player) => {
          note(player);
          player.setChannel("drums", { volume: 0.5 });
          player.setChannel("bass", { muted: true });
          player.master = 0.5;
        },
        2: (player) => { note(player); player.pause(); },
        3: note,
      });
      return seen;
    }""")
    peaks = [level["peak"] for level in levels]
    assert peaks[:3] == [0, 0, 0]
    assert peaks[3:6] == pytest.approx([0.4, 0.2, 0.6], rel=0.01)
    assert peaks[6:9] == pytest.approx([0.2, 0, 0.1], rel=0.01, abs=1e-6)
    assert peaks[9:] == [0, 0, 0]
    assert levels[3]["rms"] == pytest.approx(0.4 / np.sqrt(2), rel=0.01)
    assert levels[4]["rms"] == pytest.approx(np.sqrt((0.1**2 + 0.2**2) / 2), rel=1e-5)


@pytest.mark.parametrize(
    ("speed", "semitones"),
    [(0.5, 0), (0.8, 0), (1.5, 0), (1, 12), (1, -12), (1, 1), (0.8, -3), (1.5, -12), (0.75, 12)],
)
def test_speed_and_transposition_are_exact_on_sines(
    bare: Page, speed: float, semitones: int
) -> None:
    for tone in (82.4, 440, 3000):
        audio = heard(
            bare,
            f"""async () => {{
              const at = (_, frame) => 0.5 * Math.sin((2 * Math.PI * {tone} * frame) / RATE);
              const stems = new FakeStems(["drums"], 4 * RATE, at).finish(0, 4 * RATE);
              return render(stems, 10, {{ 0: async (player) => {{
                await player.setTempo({{ speed: {speed}, semitones: {semitones} }});
                player.play();
              }} }});
            }}""",
        )[0]
        sounding = np.flatnonzero(np.abs(audio) > 0.01)
        length = (sounding[-1] + 1 - sounding[0]) / RATE
        middle = audio[sounding[0] + RATE // 2 : sounding[-1] - RATE // 2]
        assert length == pytest.approx(4 / speed, rel=0.01)
        assert frequency(middle) == pytest.approx(tone * 2 ** (semitones / 12), rel=0.001)


def test_loop_is_exact_to_the_frame(bare: Page) -> None:
    """Rounds of 0.7 s: the last 10 ms of each fade into what lies before the loop's start."""
    start, stop = 44321, 44321 + 30877
    audio, stem = samples(
        bare,
        f"""async () => {{
          const stems = new FakeStems(["drums"], 9 * RATE, noise).finish(0, 9 * RATE);
          const {{ heard }} = await render(stems, 4, {{
            0: (player) => {{ player.loop = [{start}, {stop}]; player.seek(0); player.play(); }},
          }});
          const stem = stems.range("drums", 0, {stop}).filter((_, i) => i % 2 === 0);
          return [heard[0], stem];
        }}""",
    )
    share = (np.arange(FADE) + 0.5) / FADE
    seam = stem[stop - FADE : stop] * (1 - share) + stem[start - FADE : start] * share
    first = np.concatenate([stem[: stop - FADE], seam])
    expected = np.concatenate([first, *[first[start:]] * 4])[: len(audio)]
    np.testing.assert_allclose(audio, expected, atol=1e-7)
    untouched = np.ones(len(audio), bool)
    for end in range(stop, len(audio), stop - start):
        untouched[end - FADE : end] = False
    np.testing.assert_array_equal(audio[untouched], expected[untouched])


@pytest.mark.parametrize("loop", ["[1.2345 * RATE, 1.8 * RATE]", "[0, 0.7 * RATE]"])
def test_loop_seam_does_not_click(bare: Page, loop: str) -> None:
    """A tone that jumps to another phase has its own steps plus those of a crossfade."""
    step = bare.evaluate(f"""async () => {{
      const stems = new FakeStems(["drums"], 9 * RATE, tone).finish(0, 9 * RATE);
      const {{ heard }} = await render(stems, 4, {{
        0: (player) => {{ player.loop = {loop}; player.seek(0); player.play(); }},
      }});
      return largestStep(heard);
    }}""")
    of_the_tone = 0.5 * 2 * np.pi * 220 / RATE
    assert step <= of_the_tone + 1 / FADE


def test_moving_a_loop_during_playback_does_not_click(bare: Page) -> None:
    step = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 9 * RATE, tone).finish(0, 9 * RATE);
      const { heard } = await render(stems, 6, {
        0: (player) => { player.loop = [1.2345 * RATE, 1.8 * RATE]; player.play(); },
        3: (player) => { player.loop = [1.3 * RATE, 1.4 * RATE]; },
        4: (player) => { player.loop = [0.9 * RATE, 1.7 * RATE]; },
        5: (player) => { player.loop = null; },
      });
      return largestStep(heard);
    }""")
    assert step < 0.06


def test_setting_and_clearing_a_loop_moves_the_playhead_correctly(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 60 * RATE, noise).finish(0, 60 * RATE);
      const found = [];
      const note = (player) => found.push(player.position / RATE);
      const loops = [];
      await render(stems, 9, {
        0: (player) => {
          player.addEventListener("loop", () => loops.push(player.loop));
          player.play();
        },
        1: (player) => { player.loop = [30 * RATE, 31 * RATE]; },
        3.5: note,
        4: (player) => { player.loop = null; },
        6: note,
        6.5: (player) => { player.loop = [20 * RATE, 20 * RATE]; note(player); },
        7: (player) => { player.loop = [61 * RATE, 59.5 * RATE]; note(player); },
        8.5: note,
      });
      return [found, loops];
    }""")
    positions, loops = found
    assert positions[0] == pytest.approx(30.5, abs=0.05)
    assert positions[1] == pytest.approx(32, abs=0.05)
    assert positions[2:4] == [20, 59.5]
    # A loop at the end of the song repeats, too.
    assert positions[4] == pytest.approx(59.5 + 1.5 % 0.5, abs=0.05)
    assert loops == [
        [30 * RATE, 31 * RATE],
        None,
        [20 * RATE, 20 * RATE + RATE // 10],
        [59.5 * RATE, 60 * RATE],
    ]


def test_loop_in_a_song_at_work(bare: Page) -> None:
    """It repeats in the final part; for the part before its start it waits, and asks for it."""
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 60 * RATE, noise).finish(10 * RATE, 12 * RATE);
      const found = [];
      const note = (player) => found.push([player.state, player.position / RATE, stems.playhead]);
      const { heard } = await render(stems, 9, {
        0: (player) => { player.loop = [10 * RATE, 11.5 * RATE]; player.play(); },
        2: note,
        3: () => stems.finish(9 * RATE, 10 * RATE),
        6: note,
      });
      return found;
    }""")
    assert found[0][0] == "buffering"
    assert found[0][1] == pytest.approx(11.49, abs=0.001)
    assert found[0][2] == 10 * RATE - FADE
    assert found[1][0] == "playing"
    assert 10 <= found[1][1] < 11.5


def k_weight(hertz: float) -> float:
    """The power gain of BS.1770's filters at 48 kHz, by the coefficients that it tabulates."""
    z = np.exp(2j * np.pi * hertz / 48000)
    powers = z ** -np.arange(3)
    shelf = ([1.53512485958697, -2.69169618940638, 1.19839281085285],
             [1, -1.69065929318241, 0.73248077421585])  # fmt: skip
    high_pass = ([1, -2, 1], [1, -1.99004745483398, 0.99007225036621])
    response = [np.dot(b, powers) / np.dot(a, powers) for b, a in (shelf, high_pass)]
    return float(np.abs(np.prod(response)) ** 2)


def test_original_is_as_loud_as_the_audible_stems(bare: Page) -> None:
    """Karaoke leaves out a stem; the ear weights 60 Hz, 1 kHz and 4 kHz differently."""
    tones = {"bass": (0.3, 60), "other": (0.05, 4000), "vocals": (0.4, 1000)}
    audio, original = samples(
        bare,
        """async () => {
          const tones = { bass: [0.3, 60], other: [0.05, 4000], vocals: [0.4, 1000] };
          const at = (source, frame) => {
            const [size, hertz] = tones[source];
            return size * Math.sin((2 * Math.PI * hertz * frame) / RATE);
          };
          const stems = new FakeStems(Object.keys(tones), 9 * RATE, at).finish(0, 9 * RATE);
          const { heard } = await render(stems, 4, {
            0: (player) => { player.preset("karaoke"); player.play(); },
            1: (player) => { player.heard = "original"; },
            2: (player) => { player.preset("all"); },
            3: (player) => { player.heard = "stems"; },
          });
          const original = stems.range("mixture", 0, 4 * RATE).filter((_, i) => i % 2 === 0);
          return [heard[0], original];
        }""",
    )
    power = {name: size**2 * k_weight(hertz) for name, (size, hertz) in tones.items()}
    gain = np.sqrt((power["bass"] + power["other"]) / sum(power.values()))
    karaoke = slice(round(1.1 * RATE), 2 * RATE)
    measured = float(np.dot(audio[karaoke], original[karaoke]) / np.square(original[karaoke]).sum())
    assert 20 * np.log10(measured / gain) == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(audio[karaoke], measured * original[karaoke], atol=1e-4)
    # With all stems, the original is as loud as they are, and aligned to the frame.
    for whole in (slice(round(2.1 * RATE), 3 * RATE), slice(round(3.1 * RATE), 4 * RATE)):
        np.testing.assert_allclose(audio[whole], original[whole], atol=1e-4)


def test_original_plays_before_the_stems_exist(bare: Page) -> None:
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 60 * RATE, noise);
      stems.range = (source, start, length) =>
        new Float32Array(2 * length).fill(source === "drums" ? 0.25 : 0.5);
      const found = [];
      const note = (player) => found.push(player.state);
      const { heard } = await render(stems, 5, {
        0: (player) => player.play(),
        0.5: (player) => { note(player); player.heard = "original"; },
        1.5: (player) => { note(player); player.heard = "stems"; },
        2.5: (player) => { note(player); stems.finish(0, 60 * RATE); },
        3.5: note,
      });
      return [found, [0.4, 1.4, 2.4, 3.4].map((time) => heard[0][Math.round(time * RATE)])];
    }""")
    assert found[0] == ["buffering", "playing", "buffering", "playing"]
    assert found[1] == pytest.approx([0, 0.5, 0, 0.25], abs=1e-4)


def test_settings_are_restored(bare: Page) -> None:
    first, second, afterwards = bare.evaluate("""async () => {
      const make = async (settings) => {
        const stems = new FakeStems(["drums", "bass"], 9 * RATE, tone).finish(0, 9 * RATE);
        const { player } = await render(stems, 0.5, {
          0: async (player) => {
            if (settings) player.settings = settings;
            else {
              player.setChannel("bass", { volume: 0.25, pan: -0.75, solo: true });
              player.preset("bassless");
              player.master = 0.5;
              player.loop = [RATE, 2 * RATE];
            }
            await player.setTempo(settings ? {} : { speed: 0.75, semitones: -3 });
          },
        });
        return player;
      };
      const first = (await make()).settings;
      const restored = await make(JSON.parse(JSON.stringify(first)));
      const second = restored.settings;
      restored.preset("own");
      return [first, second, restored.channel("bass")];
    }""")
    assert first == second
    assert first["loop"] == [RATE, 2 * RATE]
    assert (first["speed"], first["semitones"], first["preset"]) == (0.75, -3, "bassless")
    assert afterwards == {"volume": 0.25, "pan": -0.75, "muted": False, "solo": True}


@pytest.mark.parametrize(
    "settings",
    [
        "null",
        "{}",
        "{ channels: { drums: null, bass: { volume: 'loud', pan: 7 } }, loop: [1], speed: NaN }",
        "{ channels: [], preset: 'toString', master: -1, loop: ['a', 'b'], semitones: '3' }",
    ],
)
def test_invalid_settings_are_ignored(bare: Page, settings: str) -> None:
    found = bare.evaluate(f"""async () => {{
      const stems = new FakeStems(["drums", "bass"], 9 * RATE, tone).finish(0, 9 * RATE);
      const {{ player }} = await render(stems, 0.5, {{ 0: (p) => {{ p.settings = {settings}; }} }});
      return [player.settings, player.channel("drums")];
    }}""")
    assert found[1] == {"volume": 1, "pan": 0, "muted": False, "solo": False}
    assert (found[0]["loop"], found[0]["speed"], found[0]["semitones"]) == (None, 1, 0)
    assert 0 <= found[0]["master"] <= 1
    assert -1 <= found[0]["channels"]["bass"]["pan"] <= 1


def test_tempo_changes_during_playback(bare: Page) -> None:
    """A different tone in each second of the song tells the position; the player's must agree."""
    page = bare
    page.evaluate("window.positions = {}")
    audio = heard(
        page,
        """async () => {
          const at = (_, frame) => {
            const tone = 300 + 100 * Math.floor(frame / RATE);
            return 0.5 * Math.sin((2 * Math.PI * tone * (frame % RATE)) / RATE);
          };
          const stems = new FakeStems(["drums"], 60 * RATE, at).finish(0, 60 * RATE);
          const acts = { 0: async (player) => {
            await player.setTempo({ speed: 0.5 });
            player.play();
          } };
          for (let time = 0.5; time < 10; time += 0.5) {
            acts[time] = async (player) => {
              positions[time] = player.position / RATE;
              if (time === 3) await player.setTempo({ speed: 1.5 });
              if (time === 5) await player.setTempo({ speed: 1, semitones: 12 });
              if (time === 7) await player.setTempo({ semitones: 0 });
            };
          }
          return render(stems, 10, acts);
        }""",
    )[0]
    positions = page.evaluate("positions")
    assert positions["3"] == pytest.approx(1.5, abs=0.05)
    # Stretched audio was fed in ahead of time, so changes are heard that much later.
    assert positions["5"] == pytest.approx(1.5 + 3, abs=0.3)
    assert positions["9"] == pytest.approx(positions["5"] + 4, abs=0.3)
    checked = 0
    for text, position in positions.items():
        time = float(text)
        # Only compare where one tone at one tempo lasts for a while.
        if time in (3, 5, 7) or not 0.15 < position % 1 < 0.7:
            continue
        at = round((time + 0.05) * RATE)
        ratio = 2 if 5 < time < 7 else 1
        tone = frequency(audio[at : at + RATE // 10])
        assert tone == pytest.approx(ratio * (300 + 100 * int(position)), rel=0.03)
        checked += 1
    assert checked > 5
    assert np.abs(np.diff(audio)).max() < 0.5 * 2 * np.pi * 1400 * 2 / RATE
    # No large peaks: the tones have a level of 0.5.
    assert np.abs(audio).max() < 0.9


def test_original_tempo_plays_the_exact_samples(bare: Page) -> None:
    """Also after another tempo: stretching is bypassed, not set to a factor of one."""
    found = bare.evaluate("""async () => {
      const stems = new FakeStems(["drums"], 60 * RATE, noise).finish(0, 60 * RATE);
      let position;
      const { heard } = await render(stems, 5, {
        0: async (player) => { await player.setTempo({ speed: 0.8 }); player.play(); },
        2: async (player) => {
          await player.setTempo({ speed: 1 });
          position = player.position;
        },
      });
      const at = quantum(2) + 0.02 * RATE;
      return [delay(heard, stems, position + 0.02 * RATE, at, 5 * RATE), position];
    }""")
    assert found[0] is not None
    assert found[1] == pytest.approx(0.8 * 2 * RATE, rel=0.05)


@pytest.mark.parametrize(("speed", "semitones"), [(0.5, 0), (1.25, 0), (1, -12), (1.5, 7)])
def test_saving_stems_at_another_tempo(bare: Page, speed: float, semitones: int) -> None:
    """However they are read: in one go, in odd pieces, or from the middle."""
    whole, pieces, part, length = samples(
        bare,
        f"""async () => {{
          const {{ stretched }} = await import(location.origin + "/engine/stretch.js");
          const stems = new FakeStems(["drums"], 5 * RATE + 321, tone).finish(0, 5 * RATE + 321);
          const other = stretched(stems, {{ speed: {speed}, semitones: {semitones} }});
          const {{ length }} = other;
          const whole = await other.read("drums", 0, length);
          const pieces = new Float32Array(2 * length);
          for (let at = 0, count = 1; at < length; at += count, count = (3 * count) % 70001) {{
            count = Math.min(count, length - at);
            pieces.set(await other.read("drums", at, count), 2 * at);
          }}
          const part = await other.read("drums", 2 * RATE, RATE);
          other.close();
          return [whole, pieces, part, new Float32Array([length])];
        }}""",
    )
    assert length[0] == pytest.approx((5 * RATE + 321) / speed, abs=1)
    np.testing.assert_array_equal(whole, pieces)
    tone = whole.reshape(-1, 2)
    np.testing.assert_allclose(tone[:, 0], tone[:, 1], atol=1e-3)
    loud = np.flatnonzero(np.abs(tone[:, 0]) > 0.01)
    assert loud[-1] - loud[0] == pytest.approx(length[0], rel=0.01)
    middle = tone[RATE // 2 : -RATE // 2, 0]
    assert frequency(middle) == pytest.approx(220 * 2 ** (semitones / 12), rel=0.001)
    assert frequency(part[::2]) == pytest.approx(220 * 2 ** (semitones / 12), rel=0.001)


def test_saving_at_the_original_tempo_leaves_stems_unchanged(bare: Page) -> None:
    found, stem = samples(
        bare,
        """async () => {
          const { stretched } = await import(location.origin + "/engine/stretch.js");
          const stems = new FakeStems(["drums"], 5 * RATE, noise).finish(0, 5 * RATE);
          const same = stretched(stems, { speed: 1, semitones: 0 });
          return [await same.read("drums", 7, RATE), stems.range("drums", 7, RATE)];
        }""",
    )
    np.testing.assert_array_equal(found, stem)
