"""Multichannel Wiener filter, refined by expectation maximisation.

At each frequency, a source is modelled as a complex Gaussian vector over the two channels with the
covariance ``v(frame) R``: a power spectral density that changes over time, and a spatial covariance
that is constant over the given frames. The mixture then has the covariance
``C = sum_j v_j R_j + sqrt(eps) I``, and the best estimate of a source given the mixture ``x`` is
``v_j R_j C^-1 x``. The estimates ``y_j`` give new parameters,

    v_j = mean over channels of |y_j|^2        R_j = sum_t y_j y_j^H / (eps + sum_t v_j)

and those give new estimates. Source: ``wiener`` and ``expectation_maximization`` of
openunmix/filtering.py (after norbert, https://github.com/sigsep/norbert); Duong, Vincent &
Gribonval, IEEE TASLP 18.7 (2010); Nugraha, Liutkus & Vincent, IEEE TASLP 24.9 (2016); Uhlich et
al., ICASSP 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EPSILON = 1e-10
LOUDEST = 10.0
"""Louder mixtures are scaled down to this largest magnitude before they are refined."""

BINS = 32
"""Frequencies refined at a time, in float64: some 10 MB for 300 frames of five sources."""


def wiener(
    magnitudes: NDArray[np.float32],
    mixture: NDArray[np.complex64],
    iterations: int = 1,
    *,
    softmask: bool = False,
    residual: bool = False,
) -> NDArray[np.complex64]:
    """Separate a stereo spectrogram, given estimates of its sources' magnitudes.

    The first estimates have the sources' magnitudes and the mixture's phases; with ``softmask``
    they are the sources' shares of the mixture. Where the mixture is zero, every source is zero.

    Parameters
    ----------
    magnitudes
        ``(sources, 2, bins, frames)`` float32, not negative.
    mixture
        ``(2, bins, frames)`` complex64.
    iterations
        Iterations of the expectation maximisation, which needs at least two sources.
    softmask
        See above.
    residual
        Estimate one more source: what the others leave of the mixture.

    Returns
    -------
    NDArray[np.complex64]
        ``(sources, 2, bins, frames)`` complex64, the residual last.
    """
    sources = len(magnitudes) + residual
    loudest = np.abs(mixture).max(initial=0) if iterations else 0
    scale = max(1.0, float(loudest) / LOUDEST)
    out = np.empty((sources, *mixture.shape), np.complex64)
    for start in range(0, mixture.shape[1], BINS):
        bins = slice(start, start + BINS)
        x = mixture[:, bins].astype(np.complex128)
        y = _first_estimates(magnitudes[:, :, bins], x, softmask)
        if residual:
            y = np.concatenate([y, x[None] - y.sum(axis=0, keepdims=True)])
        if iterations:
            x /= scale
            y /= scale
            for _ in range(iterations):
                _refine(y, x)
            y *= scale
        out[:, :, bins] = y
    return out


def _first_estimates(
    magnitudes: NDArray[np.float32], x: NDArray[np.complex128], softmask: bool
) -> NDArray[np.complex128]:
    if softmask:
        return x * (magnitudes / (EPSILON + magnitudes.sum(axis=0, dtype=np.float64)))
    loudness = np.abs(x)
    return magnitudes * (x / np.where(loudness == 0, 1, loudness))


def _refine(y: NDArray[np.complex128], x: NDArray[np.complex128]) -> None:
    """Do one iteration: update the estimates ``y (sources, 2, bins, frames)`` of ``x`` in place.

    Covariances are Hermitian: each is two real numbers and one complex number.
    """
    squares = np.square(y.real) + np.square(y.imag)
    power = squares.mean(axis=1)
    total = EPSILON + power.sum(axis=-1)
    left, right = (squares.sum(axis=-1) / total[:, None]).swapaxes(0, 1)
    across = np.einsum("sbt,sbt->sb", y[:, 0], y[:, 1].conj()) / total

    mixed_left = EPSILON**0.5 + np.einsum("sbt,sb->bt", power, left)
    mixed_right = EPSILON**0.5 + np.einsum("sbt,sb->bt", power, right)
    mixed_across = np.einsum("sbt,sb->bt", power, across)
    determinant = mixed_left * mixed_right - np.square(np.abs(mixed_across))
    # z = C^-1 x is common to all sources.
    z_left = (mixed_right * x[0] - mixed_across * x[1]) / determinant
    z_right = (mixed_left * x[1] - mixed_across.conj() * x[0]) / determinant
    for j, v in enumerate(power):
        r = across[j, :, None]
        y[j, 0] = v * (left[j, :, None] * z_left + r * z_right)
        y[j, 1] = v * (r.conj() * z_left + right[j, :, None] * z_right)
