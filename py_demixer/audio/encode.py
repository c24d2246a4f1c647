"""Write WAV and FLAC files of any length, block by block, with libsndfile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import AudioError
from py_demixer.extras import require

from .decode import libsndfile_name

FORMATS = ("wav", "flac")
SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}
"""Sample formats that :func:`write` supports, and libsndfile's names for them."""

_WAV_LIMIT = 0xFFFF_0000  # bytes; sizes in a WAV header have 32 bits


def check_format(format: str, bits: str) -> None:
    """Check that stems can be written in a format.

    Raises
    ------
    ValueError
        The format is unknown, or cannot hold such samples.
    """
    if format not in FORMATS or bits not in SUBTYPES:
        raise ValueError(
            f"Stems are written as {' or '.join(FORMATS)} with samples of "
            f"{', '.join(SUBTYPES)} bits, not as {format} with {bits}."
        )
    if format == "flac" and bits == "32f":
        raise ValueError("FLAC holds integers only: choose 24 bits, or WAV for 32f.")


def shared_gain(peaks: Sequence[float], bits: str) -> float:
    """The factor for all stems that keeps the loudest one from clipping; 1 if none would clip.

    All stems get the same factor, because stems scaled separately would not add up to the mixture.

    Parameters
    ----------
    peaks
        The largest absolute sample of each stem.
    bits
        A key of :data:`SUBTYPES`; "32f" cannot clip.
    """
    if bits == "32f":
        return 1.0
    ceiling = 1.0 - 2.0 ** (1 - int(bits))  # the largest positive integer sample
    peak = max(peaks, default=0.0)
    return ceiling / peak if peak > ceiling else 1.0


def written_bytes(frames: int, bits: str) -> int:
    """The size in bytes of a stereo WAV file without its header (a FLAC file is smaller)."""
    return 2 * frames * (32 if bits == "32f" else int(bits)) // 8


def write(
    path: Path,
    blocks: Iterable[NDArray[np.float32]],
    frames: int,
    sample_rate: int,
    bits: str,
    gain: float = 1.0,
) -> None:
    """Write one stem in the format of the file's extension.

    Integers are round(sample * 2**(bits - 1)), so that samples read back are accurate to half a
    step. A WAV file beyond 4 GB is written as RF64, which most programs can read.

    Parameters
    ----------
    path
        Path of the file, ending in ".wav" or ".flac".
    blocks
        Blocks ``(2, n)`` float32, with ``frames`` frames in total.
    sample_rate
        Sample rate in Hz.
    bits
        A key of :data:`SUBTYPES`.
    gain
        Factor that is applied first; see :func:`shared_gain`.

    Raises
    ------
    AudioError
        The file could not be written, for example because the disk is full.
    """
    soundfile = require("soundfile")
    container = path.suffix[1:].upper()
    if container == "WAV" and written_bytes(frames, bits) > _WAV_LIMIT:
        container = "RF64"
    try:
        with soundfile.SoundFile(
            libsndfile_name(path), "w", sample_rate, 2, SUBTYPES[bits], format=container
        ) as file:
            for block in blocks:
                file.write(_quantise(block.T * np.float32(gain), bits))
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioError(f"{path} could not be written: {error}. Is the disk full?") from error


def _quantise(block: NDArray[np.float32], bits: str) -> NDArray[np.float32 | np.integer]:
    """Round to integers, because libsndfile rounds WAV samples down, which is half a step off."""
    if bits == "32f":
        return block
    full_scale = 1 << (int(bits) - 1)
    integers = np.clip(np.rint(block * np.float32(full_scale)), -full_scale, full_scale - 1)
    if bits == "16":
        return integers.astype(np.int16)
    return integers.astype(np.int32) << 8  # libsndfile uses the upper 24 of 32 bits
