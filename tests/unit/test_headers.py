"""Files with wrong headers: none of their samples are lost silently."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from py_demixer import errors
from py_demixer.audio import decode, headers
from tests import synthetic
from tests.properties import SETTINGS

RATE = 44100
SONG = synthetic.song(3.0)
PIPES = (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@pytest.fixture
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)


def encoded(song: np.ndarray = SONG, kind: str = "FLAC", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, song.T, RATE, format=kind, subtype=subtype)
    return file.getvalue()


def sixteen(song: np.ndarray = SONG) -> np.ndarray:
    """The song rounded to 16 bits."""
    read, _ = soundfile.read(io.BytesIO(encoded(song, "WAV", "PCM_16")), dtype="float32")
    return read.T


def load(content: bytes, folder: Path, ending: str = "wav") -> tuple[np.ndarray, list[str]]:
    """The loaded song, and the warnings."""
    path = folder / f"song.{ending}"
    path.write_bytes(content)
    said: list[str] = []
    return decode.load(path, RATE, said.append), said


def riff(
    data: bytes, stated: int, outer: int | None = None, behind: bytes = b"", before: bytes = b""
) -> bytes:
    """A WAV file with 16-bit stereo samples."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE, 4 * RATE, 4, 16)
    content = b"WAVE" + before + form + b"data" + struct.pack("<I", stated) + data + behind
    return b"RIFF" + struct.pack("<I", len(content) if outer is None else outer) + content


DATA = encoded(SONG, "WAV", "PCM_16")[44:]


@pytest.mark.usefixtures("no_ffmpeg")
@pytest.mark.parametrize("size", PIPES)
@pytest.mark.parametrize("outer", [0, 8, 0x7FFFF024, 0xFFFFFFFF, None])
def test_wav_stream_of_unknown_length(tmp_path: Path, size: int, outer: int | None) -> None:
    song, said = load(riff(DATA, size, outer), tmp_path)
    np.testing.assert_array_equal(song, sixteen())
    assert said == []


@pytest.mark.usefixtures("no_ffmpeg")
def test_wav_of_an_interrupted_recorder(tmp_path: Path) -> None:
    junk = b"JUNK" + struct.pack("<I", 4044) + bytes(4044)
    song, _ = load(riff(DATA, 0, 4088, before=junk), tmp_path)
    np.testing.assert_array_equal(song, sixteen())
    song, _ = load(riff(DATA, len(DATA) // 2), tmp_path)
    np.testing.assert_array_equal(song, sixteen())


def test_chunks_after_the_data_are_not_decoded(tmp_path: Path) -> None:
    behind = b"cue " + struct.pack("<I", 5000) + bytes(5000)
    song, said = load(riff(DATA, len(DATA), behind=behind), tmp_path)
    np.testing.assert_array_equal(song, sixteen())
    assert said == []


@pytest.mark.usefixtures("no_ffmpeg")
@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_truncated_file_is_reported(tmp_path: Path, kind: str) -> None:
    content = encoded(SONG, kind.upper()) if kind == "mp3" else riff(DATA, len(DATA))
    song, said = load(content[: len(content) // 2], tmp_path, kind)
    assert 1 < song.shape[1] / RATE < 2
    (sentence,) = said
    assert "is cut short: of 3.0 seconds 1.5 are there" in sentence or kind == "mp3"
    assert "is cut short" in sentence


def test_truncated_flac_file_is_reported(tmp_path: Path, ffmpeg: None) -> None:
    content = encoded()
    song, said = load(content[: len(content) // 2], tmp_path, "flac")
    assert 1 < song.shape[1] / RATE < 2
    assert len(said) == 1


@pytest.mark.usefixtures("no_ffmpeg")
@pytest.mark.parametrize("stated", [0, 1000, SONG.shape[1] // 2, SONG.shape[1] - 1])
@pytest.mark.parametrize("depth", ["PCM_16", "PCM_24"])
def test_flac_header_with_too_few_samples(tmp_path: Path, stated: int, depth: str) -> None:
    content = bytearray(encoded(SONG, "FLAC", depth))
    content[22:26] = stated.to_bytes(4, "big")
    song, said = load(bytes(content), tmp_path, "flac")
    whole, _ = soundfile.read(io.BytesIO(encoded(SONG, "FLAC", depth)), dtype="float32")
    np.testing.assert_array_equal(song, whole.T)
    assert said == []


def test_last_flac_frame_is_found_in_noise(tmp_path: Path) -> None:
    """Bytes within samples that look like a frame header do not count: the checksum is wrong."""
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 60_001)).astype(np.float32)
    path = tmp_path / "noise.flac"
    path.write_bytes(encoded(noise, "FLAC", "PCM_24"))
    assert headers.look(path) == headers.Header(frames=60_001)


@pytest.mark.parametrize(("kind", "subtype"), [("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS")])
def test_concatenated_files(
    tmp_path: Path, kind: str, subtype: str | None, ffmpeg: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = 48_000 if subtype == "OPUS" else RATE
    parts = []
    for song in (SONG, synthetic.noise(2.0)):
        file = io.BytesIO()
        soundfile.write(file, song.T, rate, format=kind, subtype=subtype)
        parts.append(file.getvalue())
    ending = kind.lower()
    alone = [load(part, tmp_path, ending)[0].shape[1] for part in parts]
    song, _ = load(b"".join(parts), tmp_path, ending)
    assert song.shape[1] == pytest.approx(sum(alone), abs=6000)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(errors.AudioError, match="several files one behind the other"):
        load(b"".join(parts), tmp_path, ending)


@SETTINGS
@given(
    size=st.sampled_from(PIPES) | st.integers(0, 300_000),
    outer=st.sampled_from(PIPES) | st.integers(0, 300_000),
    cut=st.integers(0, 100_000),
)
def test_no_samples_are_dropped_silently(
    tmp_path_factory: pytest.TempPathFactory, size: int, outer: int, cut: int
) -> None:
    song = SONG[:, :50_000]
    data = encoded(song, "WAV", "PCM_16")[44:]
    data = data[: len(data) - 4 * (cut // 4)]
    found, said = load(riff(data, size, outer), tmp_path_factory.getbasetemp())
    there = len(data) // 4
    if there > size // 4 >= there - 256:
        there = size // 4  # such a short rest might be a tag
    np.testing.assert_array_equal(found[:, :there], sixteen(song)[:, :there])
    is_stated_more = size not in PIPES and size // 4 > len(data) // 4
    assert len(said) == is_stated_more
