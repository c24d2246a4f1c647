"""Audio files in, audio files out: what the command line needs around the separation.

Reading tries libsndfile (WAV, FLAC, AIFF, Ogg, MP3 ...) and then the program ffmpeg found on PATH.
Both hand over float32 at the file's own rate, so that down-mixing and resampling happen in one
place, here. The packages soundfile and soxr are imported when first needed.

Shapes: a signal is (channels, frames) float32 with full scale at +-1.
"""

from __future__ import annotations

import importlib
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from py_demixer.separation import downmix_matrix, measure

SAMPLE_RATE = 44100
"""Frames a second of what :func:`load_mix` returns: the rate the models were trained at."""

FORMATS = ("wav", "flac")
SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}
"""Sample formats that :func:`write` knows, and libsndfile's names for them."""

_BLOCK = 1 << 18  # frames converted at once, so that a stem is not in memory a second time
_WAV_LIMIT = 0xFFFF_0000  # bytes: a WAV header counts them in 32 bits


class AudioError(Exception):
    """A file that cannot be read or written; the message is a sentence that says why."""


@dataclass(frozen=True)
class Recording:
    """What a file holds.

    Attributes:
        samples: (channels, frames) float32.
        sample_rate: frames a second.
    """

    samples: np.ndarray
    sample_rate: int


def require(name: str) -> ModuleType:
    """Import one of the packages that only the command line needs.

    Raises:
        AudioError: it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise AudioError(
            f"The package {name} is missing ({error}): run pip install 'py-demixer[cli]'."
        ) from error


# ---------------------------------------------------------------- reading


def load_mix(path: Path, warn: Callable[[str], None]) -> np.ndarray:
    """Read a song as the models want it: stereo at 44.1 kHz.

    Args:
        path: any file that libsndfile or ffmpeg reads.
        warn: called with a sentence when the file was read, but with complaints.

    Returns:
        (2, T) float32, T = round(frames * 44100 / rate of the file) and at least 1.

    Raises:
        AudioError: not audio, no audio in it, more channels than the down-mix knows, or samples
            that are NaN or infinite (the message says at what time the first one is).
    """
    recording = read(path, warn)
    channels, frames = recording.samples.shape
    if 2 * frames * SAMPLE_RATE < recording.sample_rate:  # it rounds to no frame at all
        raise AudioError(f"{path} holds no audio ({frames} samples): choose another file.")
    try:
        with np.errstate(invalid="ignore"):  # what is not finite is refused, not warned about
            mix = downmix_matrix(channels) @ recording.samples
            # Before resampling, whose filter would spread one NaN over its whole length.
            measure(mix, recording.sample_rate)
    except ValueError as error:
        raise AudioError(f"{path}: {error}") from error
    return resample(mix, recording.sample_rate, SAMPLE_RATE)


def read(path: Path, warn: Callable[[str], None]) -> Recording:
    """Decode a file at its own rate and with its own channels: libsndfile first, then ffmpeg.

    Raises:
        AudioError: there is no such file, it is empty, or neither decoder can read it.
    """
    _check_is_a_file(path)
    recording = _read_with_libsndfile(path)
    return recording if recording is not None else _read_with_ffmpeg(path, warn)


def _check_is_a_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            first_byte = file.read(1)
    except FileNotFoundError as error:
        raise AudioError(f"There is no file {path}: check its name.") from error
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror}.") from error
    if not first_byte:
        raise AudioError(f"{path} is empty (0 bytes): copy or download it again.")


def _read_with_libsndfile(path: Path) -> Recording | None:
    """None where libsndfile does not know the format or meets damage: ffmpeg may do better."""
    soundfile = require("soundfile")
    try:
        with _silent_stderr():
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, TypeError):  # TypeError: a *.raw file has no header to read
        return None
    return Recording(samples.T, int(rate))


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Silence the MP3 decoder inside libsndfile, which prints notes to file descriptor 2."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _read_with_ffmpeg(path: Path, warn: Callable[[str], None]) -> Recording:
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{path} is not audio that libsndfile reads, and the program ffmpeg, which reads most "
            "other files, is not on PATH: install ffmpeg, or give a WAV, FLAC or MP3 file."
        )
    # AU and not WAV: six big-endian numbers of header, and no 4 GB limit. The "file:" prefix and
    # the whitelist keep a name or a playlist from making ffmpeg open more than local files.
    command = [program, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path}", "-map", "0:a:0", "-map_metadata", "-1"]
    command += ["-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    complaints = done.stderr.decode("utf-8", "replace").strip()
    last_line = complaints.rpartition("\n")[2]
    if "matches no streams" in complaints:
        raise AudioError(f"{path} holds no audio: choose a file with sound in it.")
    if done.returncode != 0:
        raise AudioError(
            f"{path} is not audio that libsndfile or ffmpeg can decode: choose another file. "
            f"(ffmpeg says: {last_line})"
        )
    if complaints:
        warn(f"{path} is damaged; going on with what could be decoded. (ffmpeg says: {last_line})")
    return _parse_au(done.stdout)


def _parse_au(data: bytes) -> Recording:
    """Read the float32 AU stream that ffmpeg writes; its header leaves the size open."""
    if data[:4] != b".snd":
        raise AudioError("ffmpeg answered with something else than audio: update ffmpeg.")
    offset, _, _, rate, channels = struct.unpack_from(">5I", data, 4)
    samples = np.frombuffer(data, ">f4", offset=offset)  # (frames * channels,)
    return Recording(samples.reshape(-1, channels).T.astype(np.float32), rate)


def resample(signal: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Change the sample rate with libsoxr's very high quality: linear phase, no delay.

    Args:
        signal: (channels, frames) float32.
        rate: frames a second of ``signal``.
        new_rate: frames a second wanted.

    Returns:
        (channels, round(frames * new_rate / rate)) float32, C-contiguous; ``signal`` itself where
        the rates are equal.
    """
    if rate == new_rate:
        return signal
    soxr = require("soxr")
    return np.ascontiguousarray(soxr.resample(signal.T, rate, new_rate, quality="VHQ").T)


# ---------------------------------------------------------------- writing


def shared_gain(stems: Sequence[np.ndarray], bits: str) -> float:
    """The one factor for all stems that keeps the loudest of them from clipping; 1 if none would.

    One for all, because stems that are scaled one by one no longer add up to the mix.

    Args:
        stems: signals of any shape.
        bits: a key of :data:`SUBTYPES`; "32f" cannot clip.
    """
    if bits == "32f":
        return 1.0
    ceiling = 1.0 - 2.0 ** (1 - int(bits))  # the largest positive integer sample
    peak = max((float(max(stem.max(), -stem.min())) for stem in stems), default=0.0)
    return ceiling / peak if peak > ceiling else 1.0


def written_bytes(frames: int, bits: str) -> int:
    """The size of a stereo WAV file without its header (a FLAC file is smaller)."""
    return 2 * frames * (32 if bits == "32f" else int(bits)) // 8


def write(path: Path, stem: np.ndarray, bits: str, gain: float = 1.0) -> None:
    """Write one stem at 44.1 kHz; the name's extension says the format.

    Integers are round(sample * 2**(bits - 1)), so that what is read back is exact to half a step.
    A WAV file beyond 4 GB is written as RF64, which most programs read.

    Args:
        path: ends in ".wav" or ".flac".
        stem: (2, T) float32.
        bits: a key of :data:`SUBTYPES`.
        gain: factor applied first, see :func:`shared_gain`.

    Raises:
        AudioError: the file could not be written, e.g. because the disk is full.
    """
    soundfile = require("soundfile")
    container = path.suffix[1:].upper()
    if container == "WAV" and written_bytes(stem.shape[1], bits) > _WAV_LIMIT:
        container = "RF64"
    try:
        with soundfile.SoundFile(
            path, "w", SAMPLE_RATE, 2, SUBTYPES[bits], format=container
        ) as file:
            for start in range(0, stem.shape[1], _BLOCK):
                block = stem[:, start : start + _BLOCK].T * np.float32(gain)  # (frames, 2)
                file.write(_quantise(block, bits))
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioError(f"{path} could not be written: {error}. Is the disk full?") from error


def _quantise(block: np.ndarray, bits: str) -> np.ndarray:
    """Round to integers here: libsndfile rounds WAV samples down, half a step too low."""
    if bits == "32f":
        return block
    full_scale = 1 << (int(bits) - 1)
    integers = np.clip(np.rint(block * np.float32(full_scale)), -full_scale, full_scale - 1)
    if bits == "16":
        return integers.astype(np.int16)
    return integers.astype(np.int32) << 8  # libsndfile takes the upper 24 of 32 bits
