"""Reading, resampling and writing audio files."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from py_demixer import errors
from py_demixer.audio import decode, encode, resample
from py_demixer.errors import MissingPackageError
from py_demixer.evaluation.metrics import snr
from py_demixer.separation.statistics import downmix_matrix

RATE = 44100
RATES = (8000, 11025, 16000, 22050, 32000, 48000, 88200, 96000, 192000)


def no_warning(sentence):
    raise AssertionError(f"unexpected warning: {sentence}")


def noise(channels, frames, seed=0):
    """Noise that 16-bit samples hold exactly, (frames, channels) float32 below full scale."""
    integers = np.random.default_rng(seed).integers(-20000, 20000, (frames, channels))
    return (integers / 32768).astype(np.float32)


# ---- resampling ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "frequency", "bound_db"),
    [
        (rate, share * min(rate, RATE), bound)
        for rate in RATES
        # At high frequencies only the level differs: the filter rolls off, by 0.001 dB at 0.4.
        for share, bound in ((0.01, 140), (0.2, 140), (0.3, 120), (0.4, 75))
    ],
)
def test_resampled_sine_keeps_its_phase(rate, frequency, bound_db):
    signal = np.sin(2 * np.pi * frequency * np.arange(rate) / rate).astype(np.float32)[None]
    (out,) = np.concatenate(list(resample.resampled([signal], rate, RATE)), axis=1)
    expected = np.sin(2 * np.pi * frequency * np.arange(len(out)) / RATE)
    inside = slice(len(out) // 4, -len(out) // 4)  # away from the edges, where the sine is cut off
    assert snr(out[inside], expected[inside]) > bound_db


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frames", [1, 7, 100, 4801, 44101])
def test_resampled_length_is_the_rounded_duration(rate, frames):
    out = list(resample.resampled([np.zeros((2, frames), np.float32)], rate, RATE))
    assert sum(block.shape[1] for block in out) == (2 * frames * RATE + rate) // (2 * rate)
    assert all(block.dtype == np.float32 for block in out)


@pytest.mark.parametrize("length", [1, 777, 40_000])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_block_size_does_not_change_resampling(rate, length):
    signal = noise(2, 3000 if length == 1 else 90_000).T
    blocks = (signal[:, i : i + length] for i in range(0, signal.shape[1], length))
    expected = soxr.resample(signal.T, rate, RATE, quality="VHQ").T
    out = np.concatenate(list(resample.resampled(blocks, rate, RATE)), axis=1)
    np.testing.assert_array_equal(out, expected)


def test_standard_error_is_restored_after_the_last_thread(capfd):
    before = os.fstat(2).st_ino
    with decode._silent_stderr:
        entered = ThreadPoolExecutor(1)
        entered.submit(decode._silent_stderr.__enter__).result()
    os.write(2, b"silent: another thread is still inside")
    entered.submit(decode._silent_stderr.__exit__).result()
    assert os.fstat(2).st_ino == before
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_equal_rates_leave_samples_unchanged():
    signal = noise(2, 100).T
    (out,) = resample.resampled([signal], 44100, 44100)
    assert out is signal


# ---- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.aiff", "PCM_16")],
)
def test_lossless_stereo_is_read_exactly(tmp_path, name, subtype):
    path = tmp_path / name
    soundfile.write(path, noise(2, 1000), 44100, subtype)
    mix = decode.load(path, RATE, no_warning)
    assert mix.dtype == np.float32
    np.testing.assert_array_equal(mix, noise(2, 1000).T)


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg"])
def test_lossy_formats_are_read(tmp_path, name):
    path = tmp_path / name
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    soundfile.write(path, np.stack([tone, tone], 1), 44100)
    mix = decode.load(path, RATE, no_warning)
    assert mix.shape[1] == pytest.approx(44100, abs=2500)
    assert np.sqrt(np.mean(mix[:, 10000:30000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 8])
def test_every_layout_is_downmixed_by_the_same_formula(tmp_path, channels):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(channels, 500), 44100, "PCM_16")
    expected = downmix_matrix(channels) @ noise(channels, 500).T
    np.testing.assert_allclose(decode.load(path, RATE, no_warning), expected, atol=1e-6)


def test_mono_is_the_same_on_both_channels(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1, 500), 44100, "PCM_16")
    np.testing.assert_array_equal(decode.load(path, RATE, no_warning), noise(1, 500).T.repeat(2, 0))


def test_nine_channels_are_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(9, 500), 44100, "PCM_16")
    with pytest.raises(errors.AudioError, match=r"a\.wav: .*9"):
        decode.load(path, RATE, no_warning)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_other_rates_are_resampled(tmp_path, rate):
    path = tmp_path / "a.wav"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(path, np.stack([tone, -tone], 1), rate, "FLOAT")
    mix = decode.load(path, RATE, no_warning)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    assert mix.shape == (2, 44100)
    inside = slice(11025, -11025)
    assert snr(mix[0, inside], expected[inside]) > 120
    assert snr(mix[1, inside], -expected[inside]) > 120


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [44100, 8000])
def test_time_of_the_first_bad_sample_is_named(tmp_path, bad, rate):
    path = tmp_path / "a.wav"
    samples = noise(2, 3 * rate)
    samples[rate + rate // 2, 1] = samples[2 * rate, 0] = bad
    soundfile.write(path, samples, rate, "FLOAT")
    with pytest.raises(errors.AudioError, match=r"a\.wav: .*\b1\.50* s"):
        decode.load(path, RATE, no_warning)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(errors.AudioError, match=r"There is no file .*nope\.wav"):
        decode.load(tmp_path / "nope.wav", RATE, no_warning)


def test_folder_is_refused(tmp_path):
    with pytest.raises(errors.AudioError, match="cannot be read: "):
        decode.load(tmp_path, RATE, no_warning)


def test_empty_file_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    path.touch()
    with pytest.raises(errors.AudioError, match="is empty"):
        decode.load(path, RATE, no_warning)


def test_file_without_samples_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((0, 2)), 44100)
    with pytest.raises(errors.AudioError, match="holds no audio"):
        decode.load(path, RATE, no_warning)


@pytest.mark.parametrize("name", ["text.mp3", "text.wav", "text.raw", "text"])
def test_text_file_is_refused_with_one_message(tmp_path, ffmpeg, capfd, name):
    path = tmp_path / name
    path.write_text("This is not music.\n" * 200)
    with pytest.raises(errors.AudioError, match=r"is not audio that|holds no audio") as info:
        decode.load(path, RATE, no_warning)
    assert "\n" not in str(info.value)
    assert capfd.readouterr() == ("", "")  # the libraries print nothing themselves


def test_without_ffmpeg_the_message_asks_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "text.mp3"
    path.write_text("This is not music.\n" * 200)
    with pytest.raises(errors.AudioError, match="install ffmpeg"):
        decode.load(path, RATE, no_warning)


@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (2, 44100), (2, 48000), (6, 48000)])
def test_ffmpeg_reads_what_libsndfile_does_not(tmp_path, ffmpeg, channels, rate):
    wav, m4a = tmp_path / "a.wav", tmp_path / "-a b ä.m4a"
    soundfile.write(wav, noise(channels, 9000), rate, "PCM_16")
    ffmpeg("-i", wav, "-c:a", "alac", m4a)  # lossless, with another channel order inside
    mix = decode.load(m4a, rate, no_warning)
    np.testing.assert_array_equal(mix, downmix_matrix(channels) @ noise(channels, 9000).T)


def test_ffmpeg_may_open_local_files_only(tmp_path, monkeypatch):
    program, told = tmp_path / "ffmpeg", tmp_path / "told"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{told}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "http:x.mp3").write_text("no audio")
    with pytest.raises(errors.AudioError):
        decode.load(tmp_path / "http:x.mp3", RATE, no_warning)
    words = told.read_text().splitlines()
    place = words.index("-i")
    assert words[place + 1] == f"file:{tmp_path / 'http:x.mp3'}"
    assert words[words.index("-protocol_whitelist") + 1] == "file,pipe"
    assert words.index("-protocol_whitelist") < place


def test_video_without_sound_is_refused(tmp_path, ffmpeg):
    film = tmp_path / "a.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=size=16x16:duration=0.2", film)
    with pytest.raises(errors.AudioError, match="holds no audio"):
        decode.load(film, RATE, no_warning)


def test_damage_that_ffmpeg_survives_is_reported(tmp_path, ffmpeg):
    wav, aac = tmp_path / "a.wav", tmp_path / "a.aac"
    soundfile.write(wav, noise(2, 44100), 44100, "PCM_16")
    ffmpeg("-i", wav, aac)
    data = bytearray(aac.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    aac.write_bytes(data)
    warnings = []
    mix = decode.load(aac, RATE, warnings.append)
    assert mix.shape[1] > 22050
    assert len(warnings) == 1
    assert "is damaged" in warnings[0]


def test_missing_package_is_named_with_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingPackageError, match=r"soxr.*pip install 'py-demixer\[cli\]'"):
        list(resample.resampled([noise(2, 100).T], 8000, 44100))


def test_damage_in_the_middle_is_left_to_ffmpeg(tmp_path, ffmpeg):
    """What libsndfile has decoded up to then is discarded."""
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(2, 600_000), 44100, "PCM_16")
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3 : len(data) * 2 // 3 + 40] = bytes(40)
    path.write_bytes(data)
    starts, warnings = [], []

    def take(blocks):
        starts.append(0)
        return np.concatenate(list(blocks), axis=1)

    mix = decode.read(path, RATE, take, warnings.append)
    assert len(starts) == 2
    assert "is damaged" in warnings[0]
    np.testing.assert_array_equal(mix[:, :300_000], noise(2, 600_000).T[:, :300_000])


# ---- writing ------------------------------------------------------------------------------------


def write(path, stem, bits, gain=1.0):
    """Write a stem in two blocks."""
    half = stem.shape[1] // 2
    encode.write(path, [stem[:, :half], stem[:, half:]], stem.shape[1], RATE, bits, gain)


@pytest.mark.parametrize("extension", ["wav", "flac"])
@pytest.mark.parametrize("bits", ["16", "24"])
def test_integers_are_exact_to_half_a_step(tmp_path, extension, bits):
    stem = (0.9 * np.sin(np.arange(600_000) * 0.01)).astype(np.float32).reshape(2, -1)
    path = tmp_path / f"a.{extension}"
    write(path, stem, bits)
    assert soundfile.info(path).subtype == f"PCM_{bits}"
    assert soundfile.info(path).samplerate == 44100
    error = (soundfile.read(path)[0].T - stem) * 2 ** (int(bits) - 1)
    assert np.abs(error).max() <= 0.5
    assert abs(error.mean()) < 0.02


def test_32f_is_bit_for_bit_exact(tmp_path):
    stem = 3 * noise(2, 300_000).T
    write(tmp_path / "a.wav", stem, "32f")
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0].T, stem)


@pytest.mark.parametrize("bits", ["16", "24"])
@pytest.mark.parametrize("sign", [1, -1])
def test_shared_gain_just_keeps_the_loudest_stem_from_clipping(tmp_path, bits, sign):
    quiet, loud = (
        0.1 * noise(2, 1000).T,
        sign * np.linspace(0, 1.7, 2000, dtype="f4").reshape(2, -1),
    )
    gain = encode.shared_gain([np.abs(quiet).max(), np.abs(loud).max()], bits)
    write(tmp_path / "a.wav", loud, bits, gain)
    written = soundfile.read(tmp_path / "a.wav", dtype="int32")[0].T >> (32 - int(bits))
    assert written[1, -1] == sign * (2 ** (int(bits) - 1) - 1)
    assert abs(int(written[1, -2])) < abs(int(written[1, -1]))  # no flat top


def test_shared_gain_is_one_without_clipping():
    assert encode.shared_gain([0.5, 0.0], "16") == 1
    assert encode.shared_gain([4.0], "32f") == 1


def test_file_beyond_the_wav_limit_is_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "_WAV_LIMIT", 1000)
    path = tmp_path / "a.wav"
    write(path, noise(2, 251).T, "16")
    assert path.read_bytes()[:4] == b"RF64"
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0], noise(2, 251))


def test_unwritable_path_is_reported(tmp_path):
    path = Path(tmp_path / "no such folder" / "a.wav")
    with pytest.raises(errors.AudioError, match="could not be written"):
        write(path, noise(2, 10).T, "16")
