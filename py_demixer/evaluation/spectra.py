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


def mel_filters(sample_rate: int, n_fft: int, mels: int) -> NDArray[np.float32]:
    """Triangular filters with equal distances on Slaney's mel scale, each of area 1 over Hz.

    As ``librosa.filters.mel`` with its defaults (Slaney, Auditory Toolbox, 1998): the scale is
    linear below 1 kHz and logarithmic above.

    Parameters
    ----------
    sample_rate
        Sample rate in Hz; the filters reach up to half of it.
    n_fft
        Size of the Fourier transform.
    mels
        Number of filters.

    Returns
    -------
    NDArray[np.float32]
        ``(mels, n_fft / 2 + 1)``.
    """
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    top = _mel(np.array(sample_rate / 2))
    edges = _hertz(np.linspace(0, top, mels + 2))
    widths = np.diff(edges)
    slopes = edges[:, None] - bins
    rising = -slopes[:-2] / widths[:-1, None]
    falling = slopes[2:] / widths[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    areas = (2 / (edges[2:] - edges[:-2]))[:, None]
    return (filters * areas).astype(np.float32)


_HERTZ_PER_MEL = 200 / 3
_LOGARITHMIC_FROM = 1000.0  # Hz
_LOG_STEP = np.log(6.4) / 27


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    first = _LOGARITHMIC_FROM / _HERTZ_PER_MEL
    high = np.log(np.maximum(hertz, _LOGARITHMIC_FROM) / _LOGARITHMIC_FROM) / _LOG_STEP
    mels: NDArray[np.float64] = np.where(
        hertz < _LOGARITHMIC_FROM, hertz / _HERTZ_PER_MEL, first + high
    )
    return mels


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    first = _LOGARITHMIC_FROM / _HERTZ_PER_MEL
    high = _LOGARITHMIC_FROM * np.exp(_LOG_STEP * (mels - first))
    hertz: NDArray[np.float64] = np.where(mels < first, mels * _HERTZ_PER_MEL, high)
    return hertz
