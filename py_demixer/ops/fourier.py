"""Fourier transforms of rows of features, orthonormal, with complex numbers as pairs of channels.

SCNet alternates between them: see ``FeatureConversion`` of scnet/separation.py of
https://github.com/starrytong/SCNet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .operation import Shape, operation


def _spectra(x: NDArray[np.float32]) -> Shape:
    """The shape of the result of :func:`row_spectra`."""
    channels, rows, positions = x.shape
    return 2 * channels, rows, positions // 2 + 1


@operation(_spectra)
def row_spectra(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The spectrum of every row: ``torch.fft.rfft(x, norm="ortho")``.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32, with an even number of positions.

    Returns
    -------
    NDArray[np.float32]
        ``(2 channels, rows, positions / 2 + 1)`` float32: all real parts, then all imaginary parts.
    """
    out = np.empty(_spectra(x), np.float32)
    for real, imaginary, channel in zip(*np.split(out, 2), x, strict=True):
        spectrum: NDArray[Any] = np.fft.rfft(channel, axis=1, norm="ortho")
        real[...], imaginary[...] = spectrum.real, spectrum.imag
    return out


def _signals(x: NDArray[np.float32]) -> Shape:
    """The shape of the result of :func:`row_signals`."""
    channels, rows, bins = x.shape
    return channels // 2, rows, 2 * (bins - 1)


@operation(_signals)
def row_signals(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of :func:`row_spectra`: ``torch.fft.irfft(x, norm="ortho")``.

    The imaginary parts of the first and the last bin are ignored.

    Parameters
    ----------
    x
        ``(2 channels, rows, bins)`` float32: all real parts, then all imaginary parts.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, rows, 2 (bins - 1))`` float32.
    """
    out = np.empty(_signals(x), np.float32)
    spectrum = np.empty(x.shape[1:], np.complex64)
    for signal, real, imaginary in zip(out, *np.split(x, 2), strict=True):
        spectrum.real, spectrum.imag = real, imaginary
        signal[...] = np.fft.irfft(spectrum, axis=1, norm="ortho")
    return out
