"""Filters with equal distances on the mel scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
