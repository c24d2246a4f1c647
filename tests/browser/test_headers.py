"""Files with wrong headers: no samples are lost, and nothing but samples is decoded."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import synthetic
from tests.browser.decoding import Decode
from tests.browser.page import RATE, encode, wav

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

SONG = synthetic.song(3.0)
PIPES = (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Sizes that programs write when they do not know the length yet."""


@pytest.fixture(scope="module")
def decode(shared_context: BrowserContext, tiny_url: str) -> Decode:
    return Decode(shared_context.new_page(), tiny_url)


def chunk(name: bytes, content: bytes, stated: int | None = None) -> bytes:
    """A chunk of a RIFF file."""
    size = len(content) if stated is None else stated
    return name + struct.pack("<I", size) + content + bytes(len(content) % 2)


def form(bits: int = 16, tag: int = 1, frame: int = 4) -> bytes:
    """The `fmt` chunk, for stereo samples."""
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, 2, RATE, RATE * frame, frame, bits))


def riff(*chunks: bytes, stated: int | None = None, name: bytes = b"RIFF") -> bytes:
    """A WAV file."""
    content = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(content) if stated is None else stated) + content


def samples(song: np.ndarray = SONG) -> bytes:
    """The song as 16-bit integers."""
    content: bytes = wav(song)
    return content[44:]


def whole(song: np.ndarray = SONG) -> np.ndarray:
    read, _ = soundfile.read(io.BytesIO(wav(song)), dtype="float32")
    return read.T


@pytest.mark.parametrize("size", PIPES)
@pytest.mark.parametrize("outer", [0, 8, 36, 0x7FFFF024, 0xFFFFFFFF, None])
def test_wav_stream_of_unknown_length(decode: Decode, size: int, outer: int | None) -> None:
    content = riff(form(), chunk(b"data", samples(), size), stated=outer)
    np.testing.assert_array_equal(decode(content), whole())


def test_wav_of_an_interrupted_recorder(decode: Decode) -> None:
    """With room for other chunks in front, and sizes written before the first sample."""
    junk = chunk(b"JUNK", bytes(4044))
    content = riff(junk, form(), chunk(b"data", samples(), 0), stated=4088)
    np.testing.assert_array_equal(decode(content), whole())


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_riff_size_too_small(decode: Decode, share: float) -> None:
    data = samples()
    content = riff(form(), chunk(b"data", data), stated=int(share * len(data)))
    np.testing.assert_array_equal(decode(content), whole())


def test_data_size_too_small(decode: Decode) -> None:
    """As left by a recorder that updates the size only now and then."""
    data = samples()
    content = riff(form(), chunk(b"data", data, len(data) // 2))
    np.testing.assert_array_equal(decode(content), whole())


def test_chunks_after_the_data_are_not_decoded(decode: Decode) -> None:
    tags = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"A name\0\0"))
    content = riff(form(), chunk(b"data", samples()), tags, chunk(b"cue ", bytes(5000)))
    np.testing.assert_array_equal(decode(content), whole())
    assert decode.facts["title"] == "A name"


def test_id3_tag_after_the_data_is_not_decoded(decode: Decode) -> None:
    content = riff(form(), chunk(b"data", samples())) + b"TAG" + b"x" * 125
    np.testing.assert_array_equal(decode(content), whole())


def test_file_without_samples_is_refused(decode: Decode) -> None:
    tags = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"A name\0\0"))
    with pytest.raises(Exception, match="nothingDecoded"):
        decode(riff(form(), chunk(b"data", b""), tags))


def test_24_bit_samples_in_32_bits(decode: Decode) -> None:
    numbers = np.frombuffer(samples(), np.int16).astype(np.int32) << 16
    content = riff(form(bits=24, frame=8), chunk(b"data", numbers.tobytes()))
    np.testing.assert_array_equal(decode(content), whole())


def test_bw64(decode: Decode) -> None:
    data = samples()
    sizes = chunk(b"ds64", struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(data), len(data), 0, 0))
    content = riff(sizes, form(), chunk(b"data", data, 0xFFFFFFFF), stated=0xFFFFFFFF, name=b"BW64")
    np.testing.assert_array_equal(decode(content), whole())


@pytest.mark.parametrize(("tag", "name"), [(2, "Microsoft ADPCM"), (0x11, "IMA ADPCM")])
def test_unsupported_codec_is_named(decode: Decode, tag: int, name: str) -> None:
    content = riff(form(tag=tag, bits=4, frame=1024), chunk(b"data", bytes(40_000)))
    with pytest.raises(Exception, match=f"UserError: codec {name}"):
        decode(content)


def test_mp3_in_wav(decode: Decode) -> None:
    mp3 = encode(SONG, RATE, "MP3", "MPEG_LAYER_III")
    content = riff(form(tag=0x55, bits=0, frame=1), chunk(b"data", mp3))
    np.testing.assert_array_equal(decode(content), decode(mp3))


def test_flac_header_with_too_few_samples(decode: Decode) -> None:
    content = bytearray(encode(SONG, RATE, "FLAC", "PCM_16"))
    assert int.from_bytes(content[22:26], "big") == SONG.shape[1]
    content[22:26] = (SONG.shape[1] // 2).to_bytes(4, "big")
    np.testing.assert_array_equal(decode(bytes(content)), whole())


def test_flac_of_unknown_length(decode: Decode) -> None:
    content = bytearray(encode(SONG, RATE, "FLAC", "PCM_16"))
    content[22:26] = bytes(4)
    np.testing.assert_array_equal(decode(bytes(content)), whole())


@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_concatenated_ogg_files(decode: Decode, kind: str) -> None:
    one = encode(SONG, 48_000, "OGG", kind)
    other = encode(synthetic.noise(2.0), 48_000, "OGG", kind)
    alone = [decode(part).shape[1] for part in (one, other)]
    assert decode(one + other).shape[1] == pytest.approx(sum(alone), abs=3000)


def test_concatenated_mp3_files(decode: Decode) -> None:
    one, other = (
        encode(song, RATE, "MP3", "MPEG_LAYER_III") for song in (SONG, synthetic.noise(2.0))
    )
    alone = [decode(part).shape[1] for part in (one, other)]
    assert decode(one + other).shape[1] == pytest.approx(sum(alone), abs=6000)


_JUNK = {
    "a false start": b"\xff\xe3\x18" + bytes(2000),
    "zeros": bytes(5000),
    "ones": b"\xff" * 600,
}


@pytest.mark.parametrize("kind", _JUNK)
def test_mp3_after_junk_has_the_right_rate(decode: Decode, kind: str) -> None:
    junk = _JUNK[kind]
    content = encode(SONG, 48_000, "MP3", "MPEG_LAYER_III")
    expected = decode(content).shape[1]
    assert decode(junk + content).shape[1] == pytest.approx(expected, abs=3000)
    assert decode.facts["rate"] == 48_000


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.sampled_from(PIPES) | st.integers(0, 300_000),
    outer=st.sampled_from(PIPES) | st.integers(0, 300_000),
    cut=st.integers(0, 100_000),
    before=st.integers(0, 3),
    behind=st.booleans(),
)
def test_no_samples_are_dropped_silently(
    decode: Decode, size: int, outer: int, cut: int, before: int, behind: bool
) -> None:
    """Whatever sizes the header states, and wherever the file ends."""
    song = SONG[:, :50_000]
    data = samples(song)
    data = data[: len(data) - 4 * (cut // 4)] if cut < len(data) else data
    parts = [chunk(b"JUNK", bytes(2 * before))] * before + [form(), chunk(b"data", data, size)]
    if behind:
        parts.append(chunk(b"LIST", b"INFO" + chunk(b"INAM", b"A name\0\0")))
    found = decode(riff(*parts, stated=outer), accepts_part=True)
    if size in range(len(data) + 1, 300_001):
        assert decode.facts["isPartial"] is (size - len(data) > 4 * RATE // 2)
    there = len(data) // 4
    if there > size // 4 >= there - 256:
        there = size // 4  # such a short rest might be a tag
    assert found.shape[1] >= there
    np.testing.assert_array_equal(found[:, :there], whole(song)[:, :there])


def test_id3_tag_whose_size_is_not_syncsafe(decode: Decode) -> None:
    """As RealJukebox wrote it."""
    content = encode(SONG, 48_000, "MP3", "MPEG_LAYER_III")
    tag = b"ID3\x03\0\0" + struct.pack(">I", 65_525) + bytes(65_525)
    np.testing.assert_array_equal(decode(tag + content), decode(content))
    assert decode.facts["rate"] == 48_000


@pytest.mark.parametrize("seconds", [0.02, 0.3])
def test_edit_list_of_apple_lossless_cuts_the_beginning(
    decode: Decode, seconds: float, tmp_path: Path
) -> None:
    whole_song, cut = tmp_path / "whole.m4a", tmp_path / "cut.m4a"
    (tmp_path / "song.wav").write_bytes(wav(SONG))
    ffmpeg("-i", tmp_path / "song.wav", "-c:a", "alac", whole_song)
    ffmpeg("-ss", seconds, "-i", whole_song, "-c:a", "copy", "-avoid_negative_ts", "disabled", cut)
    found = decode(cut.read_bytes())
    expected = whole()[:, round(seconds * RATE) :]
    np.testing.assert_array_equal(found, expected)


def ffmpeg(*words: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *map(str, words)]
    subprocess.run(command, check=True)
