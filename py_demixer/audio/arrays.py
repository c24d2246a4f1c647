"""Read and write whole songs as arrays, for programs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import AudioError
from py_demixer.separation.statistics import as_samples, check_finite

from . import decode, encode

_log = logging.getLogger(__name__)


def load_audio(path: str | Path, sample_rate: int = 44100) -> NDArray[np.float32]:
    """Read a song in the form that models need; problems with the file are logged as warnings.

    Parameters
    ----------
    path
        Any file that libsndfile or, if it is installed, ffmpeg can read.
    sample_rate
        Wanted sample rate in Hz; the file is resampled to it.

    Returns
    -------
    NDArray[np.float32]
        ``(2, samples)`` float32, full scale at +-1. Mono is duplicated; more channels are mixed
        down by :func:`downmix_matrix`.

    Raises
    ------
    AudioError
        The file cannot be read, or contains no audio.
    MissingPackageError
        soundfile or soxr is not installed.
    """
    return decode.load(Path(path), sample_rate, _log.warning)


def save_audio(
    path: str | Path, audio: NDArray[np.floating], sample_rate: int = 44100, bits: str = "16"
) -> None:
    """Write a stem. Samples beyond full scale are clipped, and a warning is logged.

    Parameters
    ----------
    path
        Path of the file, ending in ".wav" or ".flac".
    audio
        ``(2, samples)`` floats with full scale at +-1.
    sample_rate
        Sample rate in Hz.
    bits
        Bits per sample: "16", "24" or, only for WAV, "32f", which does not clip.

    Raises
    ------
    ValueError
        The array has another shape, or integer or non-finite samples; or the sample rate, the
        format or the bits are not valid.
    AudioError
        The file could not be written.
    MissingPackageError
        soundfile is not installed.
    """
    path, shape = Path(path), np.shape(audio)
    if len(shape) != 2 or shape[0] != 2:
        raise ValueError(f"Stems are arrays of the shape (2, samples), not {shape}.")
    if not 1 <= sample_rate < 1 << 31:
        raise ValueError(f"A sample rate is 1 Hz or more, not {sample_rate}.")
    encode.check_format(path.suffix[1:].lower(), bits)
    audio = as_samples(audio)
    check_finite(audio, 0, sample_rate)
    if not path.parent.is_dir():
        raise AudioError(
            f"There is no folder {path.parent} to write {path.name} to: make it first."
        )
    if bits != "32f" and np.abs(audio).max(initial=0) > 1:
        _log.warning("%s: samples beyond full scale are clipped.", path)
    # An existing file stays until the new one is complete.
    unfinished = path.with_name(f".{path.stem}.unfinished{path.suffix}")
    try:
        encode.write(unfinished, [audio], audio.shape[1], sample_rate, bits)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
