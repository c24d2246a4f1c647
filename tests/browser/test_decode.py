"""`engine/decode.js` without the engine's Python: files in, 44.1 kHz stereo out."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from py_demixer import downmix_matrix
from py_demixer.audio.decode import load
from py_demixer.audio.resample import resampled
from py_demixer.evaluation.metrics import snr
from tests import synthetic
from tests.browser.decoding import Decode
from tests.browser.page import RATE, encode, wav

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def decode(shared_context: BrowserContext, tiny_url: str) -> Decode:
    return Decode(shared_context.new_page(), tiny_url)


@pytest.fixture(scope="module")
def decode_long(shared_context: BrowserContext, tiny_url: str) -> Decode:
    """A decoder for which every song is too long to be decoded in one go."""
    return Decode(shared_context.new_page(), tiny_url, whole_minutes=0)


@pytest.fixture(scope="module")
def decode_without_webcodecs(shared_context: BrowserContext, tiny_url: str) -> Iterator[Decode]:
    page = shared_context.new_page()
    page.add_init_script("delete window.AudioDecoder")
    decode = Decode(page, tiny_url)
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
def test_downmix_matches_the_command_line(decode: Decode, channels: int) -> None:
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
    expected = load(path, RATE, warn=pytest.fail)
    song = decode(content)
    assert song.shape == expected.shape
    # The two resamplers roll off differently just below the highest frequency, where hi-hats are.
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
    # In the fallback, Chromium divides positive 16-bit samples by 32767.
    np.testing.assert_allclose(decode_without_webcodecs(content), expected, atol=4e-5)


@pytest.mark.parametrize(
    ("container", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
)
def test_lossy_formats_are_not_shifted(
    decode: Decode, decode_without_webcodecs: Decode, container: str, subtype: str
) -> None:
    rate = 48_000 if subtype == "OPUS" else RATE
    content = encode(synthetic.song(3.0), rate, container, subtype)
    samples, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    expected = np.concatenate(list(resampled([samples.T], rate, RATE)), axis=1)
    for way in (decode, decode_without_webcodecs):
        assert aligned(expected, way(content), slack=3000) > 40


def coded(content: bytes, kind: str, *options: str, folder: Path) -> bytes:
    """Convert a WAV file to another format with ffmpeg."""
    source, target = folder / "source.wav", folder / f"coded.{kind}"
    source.write_bytes(content)
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", "-i", source, *options, "-y", target], check=True)
    return target.read_bytes()


def test_aac_in_mp4(decode: Decode, tmp_path: Path) -> None:
    content = coded(wav(synthetic.song(3.0)), "m4a", "-c:a", "aac", "-b:a", "256k", folder=tmp_path)
    # If the encoder delay of 1024 frames were left in, the SNR would be far lower.
    assert aligned(synthetic.song(3.0), decode(content), slack=3000) > 15


@pytest.mark.parametrize(
    ("codec", "subtype"),
    [
        ("pcm_s8", "PCM_U8"),
        ("pcm_s16be", "PCM_16"),
        ("pcm_s16le", "PCM_16"),  # "sowt"
        ("pcm_s24be", "PCM_24"),
        ("pcm_s32be", "PCM_32"),
        ("pcm_f32be", "FLOAT"),
        ("pcm_f64be", "DOUBLE"),
    ],
)
def test_aiff_is_read_to_the_bit(decode: Decode, codec: str, subtype: str, tmp_path: Path) -> None:
    # More than two of the pieces in which files are read.
    content = wav(noise(2, 150_011), subtype=subtype)
    expected = soundfile.read(io.BytesIO(content), dtype="float32")[0].T
    song = decode(coded(content, "aiff", "-c:a", codec, folder=tmp_path))
    np.testing.assert_array_equal(song, expected)
    assert decode.facts["rate"] == RATE
    assert decode.facts["channels"] == 2


def aifc(compression: bytes, bits: int, data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """An AIFF-C file of 44.1 kHz stereo samples, with extra chunks before them."""
    frames = len(data) // (2 * bits // 8)
    rate = struct.pack(">HQ", 16383 + 15, RATE << 48)
    common = struct.pack(">hIh", 2, frames, bits) + rate + compression + bytes(2)
    all_chunks = [(b"COMM", common), *chunks, (b"SSND", bytes(8) + data)]
    body = b"".join(
        name + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)
        for name, content in all_chunks
    )
    return b"FORM" + struct.pack(">I", 4 + len(body)) + b"AIFC" + body


@pytest.mark.parametrize(
    ("compression", "bits", "dtype"),
    [
        (b"in24", 24, ">i4"),
        (b"42ni", 24, "<i4"),
        (b"sowt", 24, "<i4"),
        (b"in32", 32, ">i4"),
        (b"23ni", 32, "<i4"),
        (b"twos", 16, ">i2"),
        (b"FL32", 32, ">f4"),
    ],
)
def test_aiff_c_variants_are_read_to_the_bit(
    decode: Decode, compression: bytes, bits: int, dtype: str
) -> None:
    signal = noise(2, 4_001)
    whole = np.round(signal * 2 ** (bits - 1))
    values = signal.T.astype(dtype) if "f" in dtype else whole.T.astype(dtype)
    data = values.tobytes()
    if bits == 24:
        rows = np.frombuffer(data, np.uint8).reshape(-1, 4)
        data = (rows[:, 1:] if dtype[0] == ">" else rows[:, :3]).tobytes()
    expected = signal if "f" in dtype else (whole / 2 ** (bits - 1)).astype(np.float32)
    # A chunk with an odd number of bytes is followed by a padding byte.
    song = decode(aifc(compression, bits, data, (b"ANNO", b"odd")))
    np.testing.assert_array_equal(song, expected)


def test_compressed_aiff_is_refused_with_a_message(decode: Decode) -> None:
    with pytest.raises(Exception, match="UserError: notAudio"):
        decode(aifc(b"ima4", 16, bytes(4000)))


def loud_and_quiet(channels: int, frames: int) -> np.ndarray:
    """Audio that uses the whole codec: tones, silence, incompressible noise, single samples."""
    time = np.arange(frames) / RATE
    rows = np.stack([np.sin(2 * np.pi * (220 + 110 * c) * time) for c in range(channels)])
    rows = 0.6 * rows * np.exp(-3 * time)
    rows[:, frames // 4 : frames // 2] = 0
    rows[:, frames // 3] = 2**-15
    hiss = np.random.default_rng(5).uniform(-1, 1, (channels, frames // 4))
    rows[:, frames // 2 : frames // 2 + frames // 4] = hiss
    return rows.astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("subtype", "layout"), [("PCM_16", "s16p"), ("PCM_24", "s32p")])
def test_apple_lossless_is_read_to_the_bit(
    decode: Decode, channels: int, subtype: str, layout: str, tmp_path: Path
) -> None:
    content = wav(loud_and_quiet(channels, 100_003), subtype=subtype)
    samples = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)[0].T
    options = ("-c:a", "alac", "-sample_fmt", layout)
    song = decode(coded(content, "m4a", *options, folder=tmp_path))
    if channels == 2:
        np.testing.assert_array_equal(song, samples)
    else:
        np.testing.assert_allclose(song, downmix_matrix(channels) @ samples, atol=3e-7)
    assert decode.facts["channels"] == channels


def test_apple_lossless_states_its_own_rate(decode: Decode, tmp_path: Path) -> None:
    # The container has no room for this sample rate.
    content = wav(noise(2, 96_000), 96_000, "PCM_24")
    assert decode(coded(content, "m4a", "-c:a", "alac", folder=tmp_path)).shape == (2, RATE)
    assert decode.facts["rate"] == 96_000


_TAGS = {"title": "Lied <b>& mehr</b>", "artist": "Ärzte", "album": "Nr. 1"}


@pytest.mark.parametrize("kind", ["m4a", "flac", "mp3", "ogg", "wav", "aiff"])
def test_title_artist_and_album_are_read(decode: Decode, kind: str, tmp_path: Path) -> None:
    options = [f"-metadata={name}={text}".split("=", 1) for name, text in _TAGS.items()]
    codecs = {"m4a": ["-c:a", "alac"], "aiff": ["-write_id3v2", "1"], "ogg": ["-c:a", "libvorbis"]}
    flat = [word for option in options for word in option] + codecs.get(kind, [])
    decode(coded(wav(noise(2, 30_000)), kind, *flat, folder=tmp_path))
    assert _TAGS.items() <= decode.facts.items()


def test_title_and_artist_in_aiff_chunks_are_read(decode: Decode) -> None:
    chunks = ((b"NAME", b"Song"), (b"AUTH", "Jürgen\0\0".encode()))
    decode(aifc(b"sowt", 16, bytes(4000), *chunks))
    expected = {"title": "Song", "artist": "Jürgen", "album": None}
    assert expected.items() <= decode.facts.items()


def test_hostile_titles_become_one_short_line(decode: Decode) -> None:
    name = "a\u202egpj.exe\n\tb" + 5000 * "c"
    decode(aifc(b"sowt", 16, bytes(4000), (b"NAME", name.encode())))
    title = str(decode.facts["title"])
    assert title.startswith("a gpj.exe bccc")
    assert len(title) == 300


_MP3 = {
    "constant bit rate": ("-b:a", "192k"),
    "variable bit rate": ("-q:a", "2"),
    "no note of the silence": ("-write_xing", "0"),
    "no tags": ("-id3v2_version", "0"),
    "mono, 22 kHz": ("-ac", "1", "-ar", "22050"),
    "48 kHz": ("-ar", "48000", "-b:a", "64k"),
}


@pytest.mark.parametrize("kind", _MP3)
def test_mp3_decoded_in_pieces_gives_the_same_samples(
    decode: Decode, decode_long: Decode, kind: str, tmp_path: Path
) -> None:
    song = wav(synthetic.song(2.777))
    content = coded(song, "mp3", "-c:a", "libmp3lame", *_MP3[kind], folder=tmp_path)
    np.testing.assert_array_equal(decode_long(content), decode(content))


def test_mp3_with_a_misleading_length_is_read_completely(
    decode: Decode, decode_long: Decode, tmp_path: Path
) -> None:
    # From the bit rate of the silence at its beginning, its length would be estimated four times
    # too long, and from the bytes appended to its end, even longer.
    song = np.concatenate([np.zeros((2, 2 * RATE), np.float32), synthetic.song(3.0)], axis=1)
    options = ("-c:a", "libmp3lame", "-q:a", "2", "-write_xing", "0")
    content = coded(wav(song), "mp3", *options, folder=tmp_path) + bytes(50_000)
    for way in (decode, decode_long):
        assert way(content).shape[1] == pytest.approx(5 * RATE, abs=5000)


def test_wav_without_webcodecs_is_the_same(
    decode: Decode, decode_without_webcodecs: Decode
) -> None:
    content = wav(noise(2, 60_000), 48_000, "PCM_24")
    np.testing.assert_array_equal(decode_without_webcodecs(content), decode(content))


def damaged(kind: str, folder: Path) -> tuple[bytes, np.ndarray]:
    """A song of six seconds whose file is damaged in the middle, and the intact song."""
    song = synthetic.song(6.0)
    content = wav(song)
    if kind == "cut wav":
        return content[: len(content) // 2], song
    if kind == "flac":
        content = bytearray(encode(song, RATE, "FLAC", "PCM_16"))
        middle = len(content) // 2
        content[middle : middle + 40_000] = bytes(40_000)
        return bytes(content), song
    options = {"cut mp3": ["-b:a", "192k"], "m4a": ["-c:a", "alac", "-movflags", "faststart"]}
    content = coded(content, kind.split()[-1], *options.get(kind, []), folder=folder)
    middle = len(content) // 2
    if kind == "m4a":
        return content[:middle] + bytes(5000) + content[middle + 5000 :], song
    return content[:middle], song


_DAMAGED = ("cut wav", "cut aiff", "cut mp3", "flac", "m4a")


@pytest.mark.parametrize("kind", _DAMAGED)
def test_damaged_song_is_refused_not_cut_short(decode: Decode, kind: str, tmp_path: Path) -> None:
    content, _ = damaged(kind, tmp_path)
    with pytest.raises(Exception, match="UserError: stoppedDecoding") as refused:
        decode(content)
    seconds = float(str(refused.value).split("stoppedDecoding ")[1].split()[0])
    assert 1 < seconds < 3.5


@pytest.mark.parametrize("kind", _DAMAGED)
def test_part_before_the_damage_can_be_used(decode: Decode, kind: str, tmp_path: Path) -> None:
    content, whole = damaged(kind, tmp_path)
    part = decode(content, accepts_part=True)
    assert decode.facts["isPartial"] is True
    assert 1 < part.shape[1] / RATE < 3.5
    if kind == "cut mp3":
        assert aligned(whole[:, : part.shape[1]], part, slack=0) > 15
    else:
        np.testing.assert_array_equal(part, whole[:, : part.shape[1]])


def test_intact_song_is_complete_when_parts_are_accepted(decode: Decode) -> None:
    content = wav(noise(2, 30_000))
    np.testing.assert_array_equal(decode(content, accepts_part=True), decode(content))
    assert decode.facts["isPartial"] is False


def junk() -> dict[str, bytes]:
    """Files whose first bytes at most look like audio."""
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
        "aiff header": aifc(b"sowt", 16, b"")[:40],
        "aiff without samples": aifc(b"sowt", 16, b""),
        "aiff of no channels": aifc(b"sowt", 16, bytes(400)).replace(b"\0\x02", b"\0\0", 1),
        "aiff header, then noise": b"FORM\0\0\x10\0AIFF" + noise_bytes,
        "png": b"\x89PNG\r\n\x1a\n" + noise_bytes,
    }


@pytest.mark.parametrize("kind", junk())
def test_junk_is_refused_with_a_message(decode: Decode, kind: str) -> None:
    codes = "notAudio|codec|nothingDecoded|noTrack|stoppedDecoding|tooLong"
    with pytest.raises(Exception, match=f"UserError: ({codes})"):
        decode(junk()[kind])
