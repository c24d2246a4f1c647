"""The page's demo song: it is always the same, and has everything a model is to separate."""

import io

import numpy as np
import pytest
import soundfile

from py_demixer import load_model, separate
from py_demixer.evaluation.metrics import snr
from web import demo_song

SOURCES = ("drums", "bass", "other", "vocals")


@pytest.fixture(scope="module")
def stems():
    return demo_song.stems()


def test_song_is_the_same_each_time(stems):
    again = demo_song.stems()
    for source in SOURCES:
        np.testing.assert_array_equal(again[source], stems[source])
    assert demo_song.flac() == demo_song.flac.__wrapped__()


def test_song_is_shorter_than_half_a_minute_and_does_not_clip(stems):
    song = sum(stems.values())
    assert 20 < song.shape[1] / demo_song.RATE < 30
    assert 0.85 < np.abs(song).max() < 0.9
    # It starts at once and ends in silence.
    assert np.abs(song[:, : demo_song.RATE // 5]).max() > 0.1
    assert np.abs(song[:, -200:]).max() < 0.01


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_plays_most_of_the_time(stems, source):
    seconds = stems[source][:, : -3 * demo_song.RATE].mean(axis=0)
    seconds = seconds[: len(seconds) // demo_song.RATE * demo_song.RATE].reshape(-1, demo_song.RATE)
    level = np.sqrt(np.mean(seconds**2, axis=1))
    assert np.mean(level > 0.01) > 0.8
    loudness = 10 * np.log10(np.mean(stems[source] ** 2))
    assert -27 < loudness < -20


def test_each_source_is_in_its_frequency_range(stems):
    """By the median frequency of energy, in Hz: bass is low, the voice is below cymbals."""

    def centre(sound):
        power = np.abs(np.fft.rfft(sound.mean(axis=0))) ** 2
        share = np.cumsum(power) / power.sum()
        return np.searchsorted(share, 0.5) * demo_song.RATE / sound.shape[1]

    assert centre(stems["bass"]) < 150
    assert 250 < centre(stems["vocals"]) < 1500
    assert 150 < centre(stems["other"]) < 1500
    # Half of the drums' energy is the kick; there are cymbals, too.
    hats = np.abs(np.fft.rfft(stems["drums"].mean(axis=0))) ** 2
    above = int(8000 * stems["drums"].shape[1] / demo_song.RATE)
    assert hats[above:].sum() / hats.sum() > 0.005


def test_voice_sings_its_melody(stems):
    """In the middle of the longest note, A4, is its frequency, with vibrato around it."""
    start = demo_song._at(33.0)
    piece = stems["vocals"][:, start : start + demo_song.RATE].mean(axis=0)
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    near = slice(400, 490)
    pitch = np.sum(np.arange(400, 490) * power[near]) / power[near].sum()
    assert pitch == pytest.approx(440, rel=0.01)


def test_file_has_the_song_with_title_and_licence(stems):
    with soundfile.SoundFile(io.BytesIO(demo_song.flac())) as file:
        assert (file.format, file.subtype, file.samplerate) == ("FLAC", "PCM_16", demo_song.RATE)
        assert file.title == "Demo song"
        assert "CC0" in file.license
        samples = file.read().T
    np.testing.assert_allclose(samples, sum(stems.values()), atol=1e-4)
    assert len(demo_song.flac()) < 1_850_000


@pytest.mark.long
@pytest.mark.real_weights
def test_released_model_separates_it(stems, real_weights):
    """As well as real songs, or better: 15, 12, 6 and 9 dB were measured."""
    song = np.round(sum(stems.values()) * 32767) / 32768
    found = separate(song.astype(np.float32), load_model("htdemucs", weights=real_weights))
    ratios = {source: snr(found[source], stems[source]) for source in SOURCES}
    least = {"drums": 13, "bass": 9, "other": 4, "vocals": 7}
    assert all(ratios[source] > least[source] for source in SOURCES), ratios
