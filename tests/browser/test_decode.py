"""Files in, 44.1 kHz stereo out: `engine/decode.js` alone, without the engine's Python."""

from __future__ import annotations

import base64
import io
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from py_demixer import audio, downmix_matrix
from py_demixer.evaluation.metrics import snr
from tests import synthetic
from tests.browser.page import RATE, encode, wav

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

_DECODE = """async ({ engine, content, matrices, wholeMinutes }) => {
  const { decode } = await import(engine + "decode.js");
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const blocks = [];
  const taker = {
    downmix: async (channels) => matrices[channels],
    longestMinutes: 20,
    wholeMinutes,
    expect: async () => {},
    take: async (block) => blocks.push(block),
  };
  await decode(new File([bytes], "song"), taker, new AbortController().signal);
  const song = new Uint8Array(await new Blob(blocks).arrayBuffer());
  let all = "";
  for (let i = 0; i < song.length; i += 4096) {
    all += String.fromCharCode(...song.subarray(i, i + 4096));
  }
  return btoa(all);
}"""
_MATRICES = {str(channels): downmix_matrix(channels).tolist() for channels in range(1, 9)}

Decode = Callable[[bytes], np.ndarray]


def decoder(page: Page, url: str, whole_minutes: float = 20) -> Decode:
    # A page of the site without the engine, which need not be started for this.
    page.goto(url + "licences.txt")

    def decode(content: bytes) -> np.ndarray:
        arguments = {
            "engine": url + "engine/",
            "content": base64.b64encode(content).decode(),
            "matrices": _MATRICES,
            "wholeMinutes": whole_minutes,
        }
        song = base64.b64decode(page.evaluate(_DECODE, arguments))
        return np.frombuffer(song, np.float32).reshape(-1, 2).T

    return decode


@pytest.fixture(scope="module")
def decode(shared_context: BrowserContext, tiny_url: str) -> Decode:
    return decoder(shared_context.new_page(), tiny_url)


@pytest.fixture(scope="module")
def decode_long(shared_context: BrowserContext, tiny_url: str) -> Decode:
    """Every song is too long for it to be decoded at once."""
    return decoder(shared_context.new_page(), tiny_url, whole_minutes=0)


@pytest.fixture(scope="module")
def decode_without_webcodecs(shared_context: BrowserContext, tiny_url: str) -> Iterator[Decode]:
    page = shared_context.new_page()
    page.add_init_script("delete window.AudioDecoder")
    decode = decoder(page, tiny_url)
    assert page.evaluate("'AudioDecoder' in window") is False
    yield decode
    page.close()


def noise(channels: int, frames: int) -> np.ndarray:
    values = np.random.default_rng(channels).uniform(-0.5, 0.5, (channels, frames))
    return values.astype(np.float32)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_wav_is_read_to_the_bit(decode: Decode, subtype: str) -> None:
    content = wav(noise(2, 30_011), subtype=subtype)
    expected = soundfile.read(io.BytesIO(content), dtype="float32")[0].T
    np.testing.assert_array_equal(decode(content), expected)


@pytest.mark.parametrize("channels", range(1, 9))
def test_downmix_is_that_of_the_command_line(decode: Decode, channels: int) -> None:
    signal = noise(channels, 5_000)
    expected = downmix_matrix(channels) @ signal
    np.testing.assert_allclose(decode(wav(signal, subtype="FLOAT")), expected, atol=3e-7)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44099, 48000, 96000, 192000, 384000])
def test_resampled_songs_have_the_right_pitch_place_and_length(decode: Decode, rate: int) -> None:
    frames = round(1.37 * rate) + 1
    tone = [np.sin(2 * np.pi * pitch * np.arange(frames) / rate) for pitch in (440, 3000)]
    song = decode(wav(0.5 * np.stack(tone), rate, subtype="FLOAT"))
    length = round(frames * RATE / rate)
    assert song.shape == (2, length)
    inner = slice(length // 10, -length // 10)
    for row, pitch in enumerate((440, 3000)):
        expected = 0.5 * np.sin(2 * np.pi * pitch * np.arange(length) / RATE)
        assert snr(song[row, inner], expected[inner]) > 110


def test_short_and_long_songs_are_resampled_alike(decode: Decode) -> None:
    signal = noise(2, 48_000 * 5)
    whole, part = (decode(wav(x, 48_000, "FLOAT")) for x in (signal, signal[:, : 48_000 * 2]))
    inner = slice(0, part.shape[1] - 1000)
    np.testing.assert_array_equal(part[:, inner], whole[:, inner])


def test_resampling_agrees_with_the_command_line(decode: Decode, tmp_path: Path) -> None:
    content = wav(synthetic.song(2.0), 48_000)
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    expected = audio.load(path, RATE, warn=pytest.fail)
    song = decode(content)
    assert song.shape == expected.shape
    # The two differ in how they fade out just below the highest frequency, where hi-hats still are.
    assert snr(song[:, 1000:-1000], expected[:, 1000:-1000]) > 35


def aligned(expected: np.ndarray, song: np.ndarray, slack: int) -> float:
    """SNR over the frames that both have; their lengths may differ by `slack`."""
    assert abs(expected.shape[1] - song.shape[1]) <= slack
    frames = min(expected.shape[1], song.shape[1])
    return snr(song[:, :frames], expected[:, :frames])


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_flac(decode: Decode, decode_without_webcodecs: Decode, subtype: str) -> None:
    content = encode(synthetic.song(3.0), RATE, "FLAC", subtype)
    expected = soundfile.read(io.BytesIO(content), dtype="float32")[0].T
    np.testing.assert_array_equal(decode(content), expected)
    # The fallback's 16-bit samples are divided by 32767 by Chromium where they are positive.
    np.testing.assert_allclose(decode_without_webcodecs(content), expected, atol=4e-5)


@pytest.mark.parametrize(
    ("container", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
)
def test_lossy_formats_stay_in_place(
    decode: Decode, decode_without_webcodecs: Decode, container: str, subtype: str
) -> None:
    rate = 48_000 if subtype == "OPUS" else RATE
    content = encode(synthetic.song(3.0), rate, container, subtype)
    samples, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    expected = np.concatenate(list(audio.resampled([samples.T], rate, RATE)), axis=1)
    for way in (decode, decode_without_webcodecs):
        assert aligned(expected, way(content), slack=3000) > 40


def test_aac_in_mp4(decode: Decode, tmp_path: Path) -> None:
    source, coded = tmp_path / "song.wav", tmp_path / "song.m4a"
    source.write_bytes(wav(synthetic.song(3.0)))
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    options = ["-v", "error", "-i", source, "-c:a", "aac", "-b:a", "256k", coded]
    subprocess.run([ffmpeg, *options], check=True)
    # An encoder's run-up of 1024 frames, left in, would leave nothing of this.
    assert aligned(synthetic.song(3.0), decode(coded.read_bytes()), slack=3000) > 15


_MP3 = {
    "constant bit rate": ("-b:a", "192k"),
    "variable bit rate": ("-q:a", "2"),
    "no note of the silence": ("-write_xing", "0"),
    "no tags": ("-id3v2_version", "0"),
    "mono, 22 kHz": ("-ac", "1", "-ar", "22050"),
    "48 kHz": ("-ar", "48000", "-b:a", "64k"),
}


@pytest.mark.parametrize("kind", _MP3)
def test_long_and_short_mp3_give_the_same_samples(
    decode: Decode, decode_long: Decode, kind: str, tmp_path: Path
) -> None:
    source, coded = tmp_path / "song.wav", tmp_path / "song.mp3"
    source.write_bytes(wav(synthetic.song(2.777)))
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    options = ["-v", "error", "-i", source, "-c:a", "libmp3lame", *_MP3[kind], coded]
    subprocess.run([ffmpeg, *options], check=True)
    content = coded.read_bytes()
    np.testing.assert_array_equal(decode_long(content), decode(content))


def test_without_webcodecs_wav_is_the_same(
    decode: Decode, decode_without_webcodecs: Decode
) -> None:
    content = wav(noise(2, 60_000), 48_000, "PCM_24")
    np.testing.assert_array_equal(decode_without_webcodecs(content), decode(content))


def test_a_damaged_song_is_refused_not_cut_short(decode: Decode) -> None:
    content = bytearray(encode(synthetic.song(6.0), RATE, "FLAC", "PCM_16"))
    middle = len(content) // 2
    content[middle : middle + 40_000] = bytes(40_000)
    with pytest.raises(Exception, match="UserError: stoppedDecoding"):
        decode(bytes(content))


def junk() -> dict[str, bytes]:
    """Files that look like audio for their first bytes at most."""
    rng = np.random.default_rng(0)
    noise_bytes = rng.integers(0, 256, 5000, np.uint8).tobytes()
    good = wav(noise(2, 2000))
    ogg = encode(noise(2, 20_000), RATE, "OGG", "VORBIS")
    return {
        "random": noise_bytes,
        "one byte": b"R",
        "wav header, then noise": good[:12] + noise_bytes,
        "wav without data": good[:36],
        "wav with no channels": good[:22] + bytes(2) + good[24:],
        "wav with a rate of zero": good[:24] + bytes(4) + good[28:],
        "wav of a strange codec": good[:20] + b"\x55\xaa" + good[22:],
        "ogg header": ogg[:200],
        "flac header, then noise": b"fLaC" + noise_bytes,
        "mp4 header, then noise": b"\0\0\0\x18ftypM4A " + noise_bytes,
        "mp3 header, then zeros": b"ID3\x03\0\0\0\0\0\0\xff\xfb\x90d" + bytes(3000),
        "webm header, then noise": b"\x1a\x45\xdf\xa3" + noise_bytes,
        "png": b"\x89PNG\r\n\x1a\n" + noise_bytes,
    }


@pytest.mark.parametrize("kind", junk())
def test_junk_is_refused_with_a_sentence(decode: Decode, kind: str) -> None:
    codes = "notAudio|nothingDecoded|noTrack|stoppedDecoding|tooLong"
    with pytest.raises(Exception, match=f"UserError: ({codes})"):
        decode(junk()[kind])
