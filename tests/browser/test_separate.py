"""Songs of all kinds, dropped on the page and compared with the command line's output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import py_demixer
from py_demixer.audio import decode, encode
from py_demixer.evaluation.metrics import snr
from py_demixer.models.htdemucs import HTDemucs
from tests import synthetic
from tests.browser.page import RATE, SOURCES, DemixerPage, wav

pytestmark = pytest.mark.browser

LEAST_DECIBELS = 100
NAME = "Größe и свет – 音楽 1.wav"
TRACK = "Größe и свет – 音楽 1"


def reference(content: bytes, model: HTDemucs, folder: Path) -> py_demixer.Stems:
    """What the command line makes of the same file."""
    path = folder / "song.wav"
    path.write_bytes(content)
    return py_demixer.separate(decode.load(path, RATE, warn=pytest.fail), model)


def test_stems_match_those_of_the_command_line(
    started: DemixerPage, tiny_model: HTDemucs, tmp_path: Path
) -> None:
    content = wav(synthetic.song(8.5))
    started.drop((NAME, content))
    started.wait_result(TRACK)
    expected = reference(content, tiny_model, tmp_path)
    floats = {}
    for source in SOURCES:
        name, floats[source] = started.download(source, "32f")
        assert name == f"{TRACK} - {source}.wav"
        assert floats[source].shape == expected[source].shape
        assert snr(floats[source], expected[source]) >= LEAST_DECIBELS
    # The tiny model's stems are far too loud for 16 bits: one gain for all, and the page shows it.
    gain = encode.shared_gain([np.abs(stem).max() for stem in floats.values()], "16")
    assert gain < 1
    for source in SOURCES:
        name, integers = started.download(source, "16")
        assert name == f"{TRACK} - {source}.wav"
        exact = floats[source].astype(np.float64) * gain * 32768
        assert np.abs(integers - exact).max() < 0.51


def test_every_stem_has_a_volume_slider(started: DemixerPage) -> None:
    assert started.element("time").inner_text() == "0:00 / 0:08"
    for source in SOURCES:
        assert started.page.get_by_role("slider", name=f"Volume of {source}").is_visible()


def test_keyboard_opens_the_file_picker(started: DemixerPage) -> None:
    with started.page.expect_file_chooser():
        started.page.get_by_role("button", name="Add songs").focus()
        started.page.keyboard.press("Enter")


def test_page_fits_on_a_phone(started: DemixerPage) -> None:
    before = started.page.viewport_size
    assert before is not None
    started.page.set_viewport_size({"width": 360, "height": 740})
    width = started.page.evaluate("document.documentElement.scrollWidth")
    started.page.set_viewport_size(before)
    assert width <= 360


def test_same_file_twice_gives_the_same_stems(started: DemixerPage) -> None:
    content = wav(synthetic.song(2.0))
    first = started.separate("again.wav", content)
    second = started.separate("again.wav", content)
    for source in SOURCES:
        np.testing.assert_array_equal(first[source], second[source])


def tones(rate: int, channels: int) -> np.ndarray:
    """A second of tones that pass every resampler, a different one in each channel."""
    time = np.arange(rate) / rate
    rows = [0.2 * np.sin(2 * np.pi * (220 + 130 * row) * time) for row in range(channels)]
    return np.stack(rows).astype(np.float32)


@pytest.mark.parametrize(
    ("content", "least"),
    [
        pytest.param(wav(synthetic.song(0.1)), LEAST_DECIBELS, id="a tenth of a second"),
        pytest.param(wav(tones(RATE, 1)), LEAST_DECIBELS, id="mono"),
        pytest.param(wav(tones(RATE, 6)), LEAST_DECIBELS, id="6 channels"),
        pytest.param(wav(tones(RATE, 2), subtype="FLOAT"), LEAST_DECIBELS, id="32-bit float"),
        # The page and the command line use different resamplers, which differ most at the ends.
        pytest.param(wav(tones(8000, 1), 8000), 30, id="8 kHz"),
        pytest.param(wav(tones(48000, 2), 48000), 30, id="48 kHz"),
    ],
)
def test_unusual_songs(
    content: bytes, least: float, started: DemixerPage, tiny_model: HTDemucs, tmp_path: Path
) -> None:
    stems = started.separate("unusual.wav", content)
    expected = reference(content, tiny_model, tmp_path)
    for source in SOURCES:
        assert stems[source].shape == expected[source].shape
        assert snr(stems[source], expected[source]) >= least


def test_silence_stays_silent(started: DemixerPage) -> None:
    stems = started.separate("silence.wav", wav(np.zeros((2, RATE))))
    for source in SOURCES:
        assert stems[source].shape == (2, RATE)
        # The standard deviation of silence is taken to be 1e-8.
        assert np.abs(stems[source]).max() < 1e-5


def with_bad_sample(value: float, second: float, rate: int) -> bytes:
    signal = tones(rate, 2) + 0
    signal[1, round(second * rate)] = value
    return wav(signal, rate, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.wav", b"", "This file is empty."),
        (
            "notes.mp3",
            b"Dear diary, today I wrote a song.\n" * 50,
            "cannot read this as an audio file",
        ),
        ("header.wav", wav(np.zeros((2, 0))), "could not be decoded"),
        ("nan.wav", with_bad_sample(np.nan, 0.25, RATE), "(not a finite number) at 0.250 s"),
        ("inf.wav", with_bad_sample(np.inf, 0.75, 48000), "(not a finite number) at 0.750 s"),
        ("nine.wav", wav(tones(RATE, 9)), "9 channels"),
        (
            "long.wav",
            wav(np.zeros((1, 181 * 60 * 1000)), 1000, "PCM_U8"),
            "limit here is 180 minutes",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_files_are_refused_with_a_message(
    name: str, content: bytes, says: str, started: DemixerPage
) -> None:
    started.choose(name, content)
    started.page.wait_for_selector(f"#problem-text:has-text('{says}')")


def test_bad_file_leaves_the_last_stems_alone(started: DemixerPage) -> None:
    before = started.separate("good.wav", wav(synthetic.song(0.2)))
    started.choose("empty.wav", b"")
    started.wait_problem()
    assert "empty: This file is empty." in started.element("problem-text").inner_text()
    assert started.element("song-name").inner_text() == "good"
    np.testing.assert_array_equal(started.download("bass", "32f")[1], before["bass"])


def test_cancel_then_another_song(started: DemixerPage) -> None:
    content = wav(synthetic.song(0.5))
    expected = started.separate("short.wav", content)
    started.remove("short")
    started.hold(2)
    started.choose("cancelled.wav", wav(synthetic.song(60)))
    started.page.wait_for_selector(".song-state:has-text('left')")
    started.press("cancel", "cancelled")
    started.hold()
    # Immediately, while the engine restarts.
    stems = started.separate("short.wav", content)
    for source in SOURCES:
        np.testing.assert_array_equal(stems[source], expected[source])
    if started.song("cancelled").count():
        started.remove("cancelled")


def test_progress_and_time_left(started: DemixerPage) -> None:
    started.hold(4)
    started.choose("progress.wav", wav(synthetic.song(2.1)))  # three segments
    started.wait_share(33)
    before = started.share("progress")
    assert before in (33, 66)
    assert "left" in started.song("progress").inner_text()
    assert started.page.title().endswith("% · progress")
    started.page.evaluate(
        """() => {
          window.seen = [];
          const look = () => {
            const row = document.querySelector('#queue [data-state="working"] .song-state');
            const share = parseInt(/(\\d+)%/.exec(row?.textContent ?? "")?.[1]);
            if (Number.isFinite(share)) seen.push(share);
          };
          const watched = { childList: true, characterData: true, subtree: true };
          new MutationObserver(look).observe(document.querySelector("#queue"), watched);
        }"""
    )
    started.hold()
    started.wait_result("progress")
    seen = [before, *started.page.evaluate("seen")]
    assert seen == sorted(seen)
    assert started.page.title() == "py-demixer"


def test_no_uncaught_errors(started: DemixerPage) -> None:
    assert [line for line in started.console if line.startswith("uncaught")] == []
