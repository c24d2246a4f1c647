"""Tempo, beats and key, of songs with known answers."""

from __future__ import annotations

import json

import mir_eval
import numpy as np
import pytest

import py_demixer
from py_demixer.pyodide import browser
from py_demixer.weights import checkpoint
from tests import musicians
from tests.unit.test_browser import JavaScriptArray

RATE = musicians.RATE
SILENCE = np.zeros((2, 8 * RATE), np.float32)


def analyse(**stems: np.ndarray) -> py_demixer.Analysis:
    audio = np.stack(list(stems.values())).astype(np.float32)
    return py_demixer.analyse(py_demixer.Stems(tuple(stems), audio, RATE))


def beats_of(take: musicians.Take, others: np.ndarray | None = None) -> np.ndarray:
    """Find the beats, check them, and return how far each is from the drummer's, in seconds."""
    others = np.zeros_like(take.audio) if others is None else others
    found = analyse(drums=take.audio, other=others).beats
    assert found is not None
    assert found.frames[0] >= 0
    assert np.all(np.diff(found.frames) > 0)
    times = found.frames / RATE
    # The first seconds count, too: mir_eval would leave them out.
    assert mir_eval.beat.f_measure(take.beats, times) >= 0.95
    expected = 60 / np.median(np.diff(take.beats))
    assert found.bpm == pytest.approx(expected, rel=0.01)
    return times[np.abs(times - take.beats[:, None]).argmin(axis=1)] - take.beats


@pytest.mark.parametrize("bpm", [60, 75, 90, 105, 120, 140, 160, 174, 200])
@pytest.mark.parametrize("pattern", ["rock", "house", "two-step"])
def test_straight_patterns(bpm: float, pattern: str) -> None:
    errors = beats_of(musicians.drums(bpm, pattern, bars=8))
    assert np.median(np.abs(errors)) < 0.005
    assert np.abs(errors).max() < 0.01


@pytest.mark.parametrize("bpm", [88, 96, 110])
def test_strokes_off_the_beat(bpm: float) -> None:
    assert np.abs(beats_of(musicians.drums(bpm, "reggaeton", bars=8))).max() < 0.01


@pytest.mark.parametrize("bpm", [60, 90, 120, 160, 200])
def test_swing_silence_fills_ghost_notes_and_a_human_drummer(bpm: float) -> None:
    for pattern, swing in (("rock", 1 / 6), ("jazz", 1 / 6), ("funk", 0), ("soul", 0)):
        take = musicians.drums(
            bpm, pattern, bars=8, swing=swing, silence=2.7, fills=True, jitter=0.006
        )
        errors = beats_of(take)
        assert np.median(np.abs(errors)) < 0.01


@pytest.mark.parametrize("bpm", [75, 120, 174])
@pytest.mark.parametrize("change", [-0.03, 0.03, 0.1])
def test_tempo_that_changes(bpm: float, change: float) -> None:
    beats_of(musicians.drums(bpm, bars=16, change=change))


def test_beats_begin_and_end_with_the_music() -> None:
    take = musicians.drums(120, silence=4.0)
    audio = np.concatenate([take.audio, SILENCE], axis=1)
    found = analyse(drums=audio).beats
    assert found is not None
    assert abs(found.frames[0] / RATE - take.beats[0]) < 0.01
    assert found.frames[-1] / RATE < take.beats[-1] + 0.6


def test_beats_fill_gaps() -> None:
    take = musicians.drums(100, bars=12)
    take.audio[:, round(take.beats[20] * RATE) - 500 : round(take.beats[28] * RATE) - 500] = 0
    errors = beats_of(take)
    assert np.abs(errors[:20]).max() < 0.01
    assert np.abs(errors[28:]).max() < 0.01


def test_other_stems_have_the_beat_where_drums_are_silent() -> None:
    take = musicians.drums(110, bars=12)
    leak = 1e-4 * take.audio[:, ::-1]
    for stems in (
        {"drums": leak, "other": take.audio},
        {"vocals": SILENCE[:, :1].repeat(take.audio.shape[1], 1), "instrumental": take.audio},
        {"vocals": take.audio},
    ):
        found = analyse(**stems).beats
        assert found is not None
        assert mir_eval.beat.f_measure(take.beats, found.frames / RATE) >= 0.95
    late = take.audio.copy()
    late[:, : round(take.beats[16] * RATE) - 500] = 0
    early = take.audio - late
    beats_of(musicians.Take(late, take.beats), early)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("cents", [0, 30, -45])
def test_keys_around_the_circle_of_fifths(mode: str, cents: float) -> None:
    for tonic in range(12):
        parts = musicians.cadence(tonic, mode, cents=cents)
        assert analyse(**parts).key == py_demixer.Key(tonic, mode)


def test_drums_have_no_influence_on_the_key() -> None:
    parts = musicians.cadence(7, "minor")
    noise = np.random.default_rng(0).normal(0, 0.3, parts["bass"].shape)
    tones = musicians.cadence(2, "major")["other"]
    found = analyse(drums=noise + 3 * tones, **parts)
    assert found.key == py_demixer.Key(7, "minor")
    assert analyse(drums=noise).key is None


def random_strokes(seed: int) -> np.ndarray:
    """Strokes at random times, as many as a song has."""
    rng = np.random.default_rng(seed)
    out = np.zeros(30 * RATE)
    for start in rng.integers(0, 29 * RATE, 100):
        length = rng.integers(RATE // 20, RATE // 4)
        out[start : start + length] += rng.uniform(-0.5, 0.5, length) * np.hanning(length) ** 0.2
    return np.tile(out, (2, 1))


def test_nothing_is_found_where_nothing_is() -> None:
    for audio in (SILENCE, np.random.default_rng(1).normal(0, 0.2, (2, 20 * RATE))):
        for name in ("drums", "other"):
            assert analyse(**{name: audio}) == py_demixer.Analysis(None, None)
    for seed in range(4):
        assert analyse(other=random_strokes(seed)).beats is None
    assert analyse(drums=SILENCE[:, :0]) == py_demixer.Analysis(None, None)
    assert analyse(drums=SILENCE[:, :1], other=SILENCE[:, :1]).beats is None
    assert analyse(drums=1e-5 * musicians.drums(120).audio).beats is None


@pytest.mark.parametrize("notes", [(220.0, 277.2, 329.6), (65.4, 98.0, 130.8, 164.8, 196.0)])
def test_a_held_chord_has_no_beats(notes: tuple[float, ...]) -> None:
    time = np.arange(20 * RATE) / RATE
    pad = 0.2 * sum(np.sin(2 * np.pi * note * time) for note in notes) * np.minimum(1, time / 2)
    assert analyse(other=np.tile(pad, (2, 1))).beats is None


def test_chromatic_scale_has_no_key() -> None:
    scale = np.concatenate([musicians.tone(note) for note in range(48, 72)])
    assert analyse(other=scale[None]).key is None


def song() -> tuple[tuple[str, ...], np.ndarray]:
    take = musicians.drums(128, bars=8)
    parts = {"drums": take.audio} | musicians.cadence(4, "major", repeats=3)
    length = min(part.shape[1] for part in parts.values())
    return tuple(parts), np.stack([part[:, :length] for part in parts.values()])


def test_blocks_do_not_matter() -> None:
    names, audio = song()
    results = []
    for lengths in ([audio.shape[2]], [1000], [1, 77777, 5, 0, 441]):
        analyser = py_demixer.Analyser(names, RATE)
        start = turn = 0
        while start < audio.shape[2]:
            length = lengths[turn % len(lengths)]
            analyser.update(audio[:, :, start : start + length])
            start, turn = start + length, turn + 1
        results.append(analyser.finish())
    first = results[0]
    assert first.beats is not None
    assert first.key == py_demixer.Key(4, "major")
    for other in results[1:]:
        assert other.beats is not None
        assert np.array_equal(first.beats.frames, other.beats.frames)
        assert (first.beats.bpm, first.key) == (other.beats.bpm, other.key)


def test_other_sample_rates() -> None:
    take = musicians.drums(120)
    half = (take.audio[:, 0::2] + take.audio[:, 1::2][:, : take.audio[:, 0::2].shape[1]]) / 2
    found = py_demixer.analyse(py_demixer.Stems(("drums",), half[None], RATE // 2)).beats
    assert found is not None
    assert found.bpm == pytest.approx(120, rel=1e-3)
    assert mir_eval.beat.f_measure(take.beats, found.frames / (RATE // 2)) >= 0.95


def test_number_of_stems_is_checked() -> None:
    with pytest.raises(ValueError, match="zip"):
        py_demixer.Analyser(("drums", "bass"), RATE).update(SILENCE[None])


@pytest.fixture
def loaded(tiny_weights):
    content = np.fromfile(tiny_weights, np.uint8)
    browser.allocate(content.size)[:] = content
    browser.load("numpy")
    assert checkpoint.read(browser._weights[0])


@pytest.mark.usefixtures("loaded")
def test_page_gets_the_same() -> None:
    names, audio = song()
    analysis = browser.Analysis(json.dumps(names))
    for start in range(0, audio.shape[2], 50_000):
        analysis.update([JavaScriptArray(stem.T[start : start + 50_000]) for stem in audio])
    found = json.loads(analysis.finish())
    expected = py_demixer.analyse(py_demixer.Stems(names, audio, RATE))
    assert expected.beats is not None
    assert found == {
        "beats": expected.beats.frames.tolist(),
        "bpm": expected.beats.bpm,
        "key": {"tonic": 4, "mode": "major"},
    }
    silent = browser.Analysis(json.dumps(["vocals"]))
    assert json.loads(silent.finish()) == {"beats": None, "bpm": None, "key": None}
