"""How much a stem's spectrogram has too much, and how much it lacks.

SDR says little about what is heard: a stem may lose energy to be safe, or keep all of it and bleed.
Bleedless and fullness tell these apart. They were made for the models that people train today, and
are defined by the program they are trained with (``utils/metrics.py`` of
https://github.com/ZFTurbo/Music-Source-Separation-Training). The log-spectral distance (Gray &
Markel, IEEE TASSP 24.5, 1976) counts both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from py_demixer.ops.mel import mel_filters

METRICS = ("LSD", "bleedless", "fullness")
"""LSD is in dB, and 0 is perfect; bleedless and fullness are from 0 to 100, and 100 is perfect."""

N_FFT = 4096
HOP = N_FFT // 4
MELS = 512
RANGE_DB = 80.0
"""What is lower than this below a spectrogram's maximum counts as if it were that low."""

_FRAMES = 512  # of a block
_SMALLEST = 1e-10  # amplitude


def spectral_scores(
    reference: NDArray[np.float32], estimate: NDArray[np.float32], sample_rate: int
) -> dict[str, float]:
    """Compare the spectrograms of a stem.

    Parameters
    ----------
    reference, estimate
        The true stem and its estimate, ``(channels, samples)``, not silent. If lengths differ, the
        common beginning is compared.
    sample_rate
        Sample rate in Hz.

    Returns
    -------
    dict[str, float]
        For each of :data:`METRICS`, its value.
    """
    length = min(reference.shape[1], estimate.shape[1])
    pair = (reference[:, :length], estimate[:, :length])
    filters = mel_filters(sample_rate, N_FFT, MELS)
    (true, made), floors = zip(*(_mel_levels(samples, filters) for samples in pair), strict=True)
    surplus = made - true
    distances = []
    for spectra in zip(*(_magnitudes(samples) for samples in pair), strict=True):
        levels = [np.maximum(_in_decibels(s), low) for s, low in zip(spectra, floors, strict=True)]
        distances.append(np.sqrt(np.mean(np.square(levels[1] - levels[0]), axis=-1)).ravel())
    return {
        "LSD": float(np.mean(np.concatenate(distances))),
        "bleedless": _score(surplus[surplus > 0]),
        "fullness": _score(-surplus[surplus < 0]),
    }


def _score(differences: NDArray[np.float32]) -> float:
    """100 for no difference, less for larger ones, in dB."""
    mean = float(np.mean(differences, dtype=np.float64)) if differences.size else 0.0
    return 100 / (1 + mean)


def _mel_levels(
    samples: NDArray[np.float32], filters: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float]:
    """The mel spectrogram in dB, ``(channels, frames, mels)``; the spectrogram's lowest level."""
    blocks, highest = [], -np.inf
    for spectra in _magnitudes(samples):
        blocks.append(_in_decibels(spectra @ filters.T))
        highest = max(highest, float(_in_decibels(spectra).max()))
    levels = np.concatenate(blocks, axis=1)
    return np.maximum(levels, levels.max() - RANGE_DB), highest - RANGE_DB


def _in_decibels(amplitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    levels: NDArray[np.float32] = np.float32(20) * np.log10(np.maximum(amplitudes, _SMALLEST))
    return levels


def _magnitudes(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Blocks of the magnitude spectrogram, ``(channels, frames, bins)`` float32."""
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    padded = np.pad(samples, ((0, 0), (N_FFT // 2, N_FFT // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=1)[:, ::HOP]
    for first in range(0, frames.shape[1], _FRAMES):
        spectra = np.fft.rfft(frames[:, first : first + _FRAMES] * window, axis=2)
        yield np.abs(spectra).astype(np.float32)
